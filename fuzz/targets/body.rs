//! JSON bodies: a customer's at the gateway, an asker's at a miner, a miner's answer, for every route and every task.
//!
//! The gateway's reader is taken in as a file, since the gateway as a whole brings a chain along.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{Ask, BODY_BYTES_MAX, Route};
use question::Question;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tasks::{Delivery, Kind};

#[allow(dead_code, reason = "the gateway uses the rest")]
#[path = "../../crates/gateway/src/error.rs"]
mod error;
#[path = "../../crates/gateway/src/question.rs"]
mod question;

/// The longest complaint, in bytes: it is logged, and sent to whoever is at fault.
const WORDS_MAX: usize = 128 * 1024;

fuzz_target!(|body: &[u8]| {
    for route in Route::ALL {
        read_ask(route, body);
    }
    for route in [Route::Chat, Route::Completions] {
        read_question(route, body);
    }
    for kind in tasks::list() {
        read_work(*kind, body);
    }
});

/// What a miner makes of it.
fn read_ask(route: Route, body: &[u8]) {
    let Ok(ask) = Ask::from_body(route, body) else {
        return;
    };
    assert_eq!(ask.route(), route);
    let written = ask.to_body();
    if written.len() <= BODY_BYTES_MAX {
        assert_eq!(
            Ask::from_body(route, &written),
            Ok(ask),
            "what is read is written otherwise"
        );
    }
}

/// What the gateway makes of it: nothing that a miner would refuse.
fn read_question(route: Route, body: &[u8]) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let Ok(question) = Question::read(route, body, &mut rng) else {
        return;
    };
    let sent = question.ask.to_body();
    assert!(
        sent.len() <= BODY_BYTES_MAX,
        "passed on longer than a miner reads"
    );
    assert_eq!(
        Ask::from_body(route, &sent),
        Ok(question.ask),
        "a miner refuses what was passed on"
    );
}

/// What every asker and every miner make of it as a task's request, and every asker as a task's answer.
fn read_work(kind: &dyn Kind, body: &[u8]) {
    if let Err(complaint) = kind.check_answer(body) {
        assert!(complaint.to_string().len() <= WORDS_MAX);
    }
    let sent = match kind.canonical(body) {
        Ok(sent) => sent,
        Err(complaint) => {
            assert!(complaint.to_string().len() <= WORDS_MAX);
            return;
        }
    };
    if kind.delivery() == Delivery::Once && sent.len() <= kind.limits().request_bytes {
        let again = kind.canonical(&sent);
        assert_eq!(
            again,
            Ok(sent),
            "{}: the canonical form has another",
            kind.id()
        );
    }
}
