//! The worked example of `docs/protocol.md`: read from there, recomputed here.

use keys::{Domain, Signature};
use protocol::{
    Ask, Digest, Envelope, Finish, Message, Prompt, Receipt, Role, Route, SignedReceipt,
};

use crate::{NOW_MS, pair, terms};

const DOCUMENT: &str = include_str!("../../../../docs/protocol.md");

/// The contents of the fenced block that carries this label after its language.
pub fn block(label: &str) -> &'static str {
    let (_, rest) = DOCUMENT
        .split_once(&format!(" {label}\n"))
        .unwrap_or_else(|| panic!("no block {label}"));
    rest.split_once("\n```").expect("the block is closed").0
}

/// The bytes spelled out in a block of hex digits with notes behind semicolons.
pub fn bytes(label: &str) -> Vec<u8> {
    let digits: String = block(label)
        .lines()
        .map(|line| line.split_once(';').map_or(line, |(digits, _)| digits))
        .flat_map(|line| line.chars().filter(|letter| !letter.is_whitespace()))
        .collect();
    hex::decode(digits).expect("hex digits")
}

/// The value of a header in a block that shows the head of a message.
pub fn header(label: &str, name: &str) -> Option<&'static str> {
    let lines = block(label).lines();
    lines
        .filter_map(|line| line.split_once(": "))
        .find_map(|(this, value)| (this == name).then_some(value))
}

fn ask() -> Ask {
    Ask {
        model: "stoa-shakespeare".into(),
        prompt: Prompt::Chat(vec![Message {
            role: Role::User,
            content: "Who's there?".into(),
        }]),
        max_tokens: 8,
        temperature: 0.7,
        top_p: 1.0,
        top_k: 0,
        seed: 7,
        stop: vec![],
        top_logprobs: None,
    }
}

fn documented_envelope() -> Envelope {
    Envelope::from_headers(|name| header("example-request", name)).expect("the documented headers")
}

#[test]
fn the_documented_request_is_what_is_sent() {
    let body = block("example-body").as_bytes();
    assert_eq!(ask().to_body(), body);
    assert_eq!(Ask::from_body(Route::Chat, body), Ok(ask()));

    let envelope = documented_envelope();
    assert_eq!(envelope.terms, terms());
    assert_eq!(envelope.signer, pair("//Alice").account());
    assert_eq!(
        envelope.check_terms(pair("//Bob").account(), terms().netuid, NOW_MS),
        Ok(())
    );
    let hash = envelope
        .check_signature(Route::Chat, body)
        .expect("the documented signature");
    assert_eq!(hash.to_string(), block("example-request-hash"));
}

/// The bytes in the document, joined, are what the signature is over, computed without this crate's encoder.
#[test]
fn the_documented_bytes_are_what_is_signed() {
    let is_signed_by = |uri: &str, domain, message: &[u8], signature: &Signature| {
        keys::verify(&pair(uri).account(), domain, message, signature)
    };
    let terms = bytes("example-terms");
    assert_eq!(terms.len(), 123);
    let domain = Domain::new("stoa-request-v1");
    assert!(is_signed_by(
        "//Alice",
        domain,
        &terms,
        &documented_envelope().signature
    ));
    assert_eq!(
        Digest::of(&terms).to_string(),
        block("example-request-hash")
    );

    let receipt: SignedReceipt = serde_json::from_str(block("example-receipt")).expect("JSON");
    let domain = Domain::new("stoa-receipt-v1");
    assert!(is_signed_by(
        "//Bob",
        domain,
        &bytes("example-receipt-bytes"),
        &receipt.signature
    ));
}

#[test]
fn the_documented_receipt_proves_the_documented_answer() {
    let signed: SignedReceipt = serde_json::from_str(block("example-receipt")).expect("JSON");
    let request_hash =
        documented_envelope().request_hash(Route::Chat, block("example-body").as_bytes());
    let text = " Nay, answer me.";
    assert_eq!(
        signed.check(pair("//Bob").account(), request_hash, text),
        Ok(())
    );
    let expected = Receipt {
        request_hash,
        answer_hash: Digest::of(text.as_bytes()),
        miner: pair("//Bob").account(),
        model: "stoa-shakespeare".into(),
        seed: 7,
        finish: Finish::Stop,
        prompt_tokens: 9,
        completion_tokens: 5,
        token_ids: vec![411, 12, 733, 268, 2],
        queue_ms: 1,
        first_token_ms: 12,
        total_ms: 31,
        logprobs_e6: vec![],
    };
    assert_eq!(signed.receipt, expected);
}
