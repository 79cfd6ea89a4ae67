//! The protocol as both sides see it: envelopes that bend are refused, answers read back, and the examples of
//! `docs/protocol.md` are true to the byte.

mod answers;
mod envelopes;
mod errands;
mod example;
mod jobs;
mod work;

use keys::Pair;
use primitives::NetUid;
use protocol::{Nonce, Terms};

/// A moment in the examples.
const NOW_MS: u64 = 1_767_225_600_000;

fn pair(uri: &str) -> Pair {
    Pair::from_uri(uri).expect("a development key")
}

/// Alice's terms for a question to Bob, with a quarter of a minute to answer.
fn terms() -> Terms {
    Terms {
        audience: pair("//Bob").account(),
        netuid: NetUid(1),
        nonce: Nonce(*b"sixteen bytes ok"),
        expires_ms: NOW_MS + 15_000,
    }
}
