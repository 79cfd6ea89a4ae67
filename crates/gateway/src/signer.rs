//! Signs what is sent to miners.
//!
//! A gateway signs with validators' hotkeys, in turn, because probes come from the same keys: a miner that treats a
//! request better because it might be a probe has to treat all of them better.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keys::Pair;
use primitives::{Hotkey, NetUid};
use protocol::{Ask, Digest, Envelope, Nonce, Route, Terms};
use rand::RngExt;

/// How long a miner may take a request, which also covers clocks that differ.
const VALID: Duration = Duration::from_secs(30);

/// The hotkeys in use, and the subnet asked.
pub struct Signer {
    pairs: Vec<Pair>,
    next: AtomicUsize,
    netuid: NetUid,
}

/// A request for one miner, signed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Where it is posted.
    pub route: Route,
    /// Names and values to send as headers.
    pub headers: [(&'static str, String); 7],
    /// The body.
    pub body: bytes::Bytes,
    /// The name that the receipt must repeat.
    pub request_hash: Digest,
}

impl Signer {
    /// Signs with `pairs` in turn; `None` if there are none.
    pub fn new(pairs: Vec<Pair>, netuid: NetUid) -> Option<Self> {
        (!pairs.is_empty()).then(|| Self {
            pairs,
            next: AtomicUsize::new(0),
            netuid,
        })
    }

    /// Signs `ask` for one miner.
    pub fn sign(&self, ask: &Ask, body: bytes::Bytes, audience: Hotkey) -> Signed {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let pair = &self.pairs[turn % self.pairs.len()];
        let terms = Terms {
            audience,
            netuid: self.netuid,
            nonce: Nonce(rand::rng().random()),
            expires_ms: unix_ms() + VALID.as_millis() as u64,
        };
        let route = ask.route();
        let envelope = Envelope::seal(pair, terms, route, &body);
        let request_hash = envelope.request_hash(route, &body);
        Signed {
            route,
            headers: envelope.headers(),
            body,
            request_hash,
        }
    }
}

/// Milliseconds since 1970 by this machine's clock.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_millis() as u64
}
