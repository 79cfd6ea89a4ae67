//! What reaches a miner before its task does, and what reaches an asker back: envelopes, receipts, refusals, streams.
//!
//! An input is a head of `name: value` lines, an empty line, and a body. The head is read as an envelope; the body as the
//! request it covers, and as everything that a miner or a validator might answer.

#![no_main]

use bytes::Bytes;
use keys::Pair;
use libfuzzer_sys::fuzz_target;
use primitives::{Hotkey, NetUid, TaskId};
use protocol::{
    Answer, AnswerError, Digest, Envelope, Part, PartReader, RECEIPT_BYTES_MAX, Refusal, Route,
    SignedReceipt, SignedWorkReceipt, Standings, WORDS_BYTES_MAX,
};
use std::sync::LazyLock;

/// When the worked example of the protocol's document is asked.
const NOW_MS: u64 = 1_767_225_600_000;

static MINER: LazyLock<Hotkey> = LazyLock::new(|| {
    Pair::from_uri("//Bob")
        .expect("a development key")
        .account()
});

fuzz_target!(|bytes: &[u8]| {
    let (head, body) = parted(bytes);
    if let Ok(head) = std::str::from_utf8(head) {
        read_envelope(head, body);
    }
    read_receipts(body);
    read_words(body);
    let whole = read_stream(body, body.len().max(1));
    let size = 1 + head.len() % 37;
    assert_eq!(
        read_stream(body, size),
        whole,
        "cut into pieces of {size} bytes it reads otherwise"
    );
});

/// The head and the body, around the first empty line; without one, all is body.
fn parted(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (&[], bytes),
    }
}

fn read_envelope(head: &str, body: &[u8]) {
    let find = |name: &str| {
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.find_map(|(this, value)| (this == name).then_some(value))
    };
    let Ok(envelope) = Envelope::from_headers(find) else {
        return;
    };
    let headers = envelope.headers();
    let again = Envelope::from_headers(|name| {
        let header = headers.iter().find(|(this, _)| *this == name);
        header.map(|(_, value)| value.as_str())
    });
    assert_eq!(again, Ok(envelope), "what was read is written otherwise");
    // Refused or not is all the same; both must come to an end.
    let _ = envelope.check_terms(*MINER, NetUid(1), NOW_MS);
    for route in Route::ALL {
        if let Ok(hash) = envelope.check_signature(route, body) {
            assert_eq!(hash, envelope.request_hash(route, body));
        }
    }
}

fn read_receipts(body: &[u8]) {
    let hash = Digest::of(body);
    if let Ok(signed) = serde_json::from_slice::<SignedReceipt>(body) {
        let _ = signed.check(*MINER, hash, "");
        let written = serde_json::to_vec(&signed).expect("a receipt is JSON");
        assert_eq!(
            serde_json::from_slice::<SignedReceipt>(&written).ok(),
            Some(signed)
        );
    }
    if let Ok(signed) = SignedWorkReceipt::from_header(body) {
        let task: TaskId = signed.receipt.task.clone();
        let _ = signed.check(*MINER, &task, hash, body);
        let written = signed.to_header();
        assert!(written.len() <= RECEIPT_BYTES_MAX, "longer than it may be");
        assert_eq!(
            SignedWorkReceipt::from_header(written.as_bytes()),
            Ok(signed)
        );
    }
    if let Ok(standings) = serde_json::from_slice::<Standings>(body) {
        serde_json::to_vec(&standings).expect("standings are JSON");
    }
}

fn read_words(body: &[u8]) {
    if let Some(refusal) = Refusal::from_json(body) {
        assert!(refusal.message.len() <= WORDS_BYTES_MAX + '…'.len_utf8());
        assert_eq!(
            Refusal::from_json(refusal.to_json().as_bytes()).map(|read| read.code),
            Some(refusal.code)
        );
    }
}

/// What an asker makes of a stream that comes in pieces of `size` bytes: its parts, and whether they make an answer.
fn read_stream(body: &[u8], size: usize) -> (Vec<Result<Part, AnswerError>>, bool) {
    let mut reader = PartReader::default();
    let mut answer = Answer::default();
    let (mut parts, mut is_sound) = (Vec::new(), true);
    for piece in body.chunks(size) {
        if reader.feed(Bytes::copy_from_slice(piece)).is_err() {
            break;
        }
        while let Some(part) = reader.next_part() {
            let is_torn = part.is_err();
            if let Ok(part) = &part {
                is_sound &= answer.take(part.clone()).is_ok();
            }
            parts.push(part);
            if is_torn {
                return (parts, is_sound);
            }
        }
    }
    (parts, is_sound)
}
