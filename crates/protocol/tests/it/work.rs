//! Work answered at once: the receipt in the header, and the second worked example of `docs/protocol.md`.

use keys::{Domain, Signature};
use primitives::{NetUid, TaskId};
use proptest::prelude::*;
use protocol::{
    Digest, Envelope, RECEIPT_BYTES_MAX, RECEIPT_HEADER, ReceiptError, Route, SignedWorkReceipt,
    TASK_HEADER, Terms, WorkReceipt,
};

use crate::example::{block, bytes, header};
use crate::{NOW_MS, pair, terms};

const ANSWER: &[u8] = br#"{"order":[0,2,1,3]}"#;

fn tour() -> TaskId {
    TaskId::new("tour", 1).expect("a task")
}

fn receipt() -> WorkReceipt {
    WorkReceipt {
        request_hash: Digest([3; 32]),
        answer_hash: Digest::of(ANSWER),
        miner: pair("//Bob").account(),
        task: tour(),
        queue_ms: 1,
        total_ms: 9,
    }
}

#[test]
fn a_receipt_reads_back_from_its_header() {
    let signed = receipt().sign(&pair("//Bob"));
    let value = signed.to_header();
    assert!(value.len() < RECEIPT_BYTES_MAX && value.bytes().all(|byte| (32..127).contains(&byte)));
    assert_eq!(SignedWorkReceipt::from_header(value.as_bytes()), Ok(signed));
    let endless = vec![b' '; RECEIPT_BYTES_MAX + 1];
    let oversized = SignedWorkReceipt::from_header(&endless);
    assert_eq!(oversized, Err(ReceiptError::Oversized));
}

#[test]
fn a_receipt_proves_only_what_was_answered() {
    let bob = pair("//Bob").account();
    let asked = Digest([3; 32]);
    let signed = receipt().sign(&pair("//Bob"));
    assert_eq!(signed.check(bob, &tour(), asked, ANSWER), Ok(()));

    let other_task = TaskId::new("tour", 2).expect("a task");
    let verdict = signed.check(bob, &other_task, asked, ANSWER);
    assert_eq!(verdict, Err(ReceiptError::OtherTask));
    let verdict = signed.check(bob, &tour(), Digest([4; 32]), ANSWER);
    assert_eq!(verdict, Err(ReceiptError::OtherRequest));
    let verdict = signed.check(bob, &tour(), asked, b"{}");
    assert_eq!(verdict, Err(ReceiptError::OtherAnswer));
    let alice = pair("//Alice").account();
    let verdict = signed.check(alice, &tour(), asked, ANSWER);
    assert_eq!(verdict, Err(ReceiptError::BadSignature));
    let forged = receipt().sign(&pair("//Alice"));
    let verdict = forged.check(bob, &tour(), asked, ANSWER);
    assert_eq!(verdict, Err(ReceiptError::BadSignature));
}

fn documented_envelope() -> Envelope {
    Envelope::from_headers(|name| header("work-request", name)).expect("the documented headers")
}

fn documented_receipt() -> SignedWorkReceipt {
    let value = header("work-answer", RECEIPT_HEADER).expect("the documented receipt");
    SignedWorkReceipt::from_header(value.as_bytes()).expect("the documented receipt")
}

#[test]
fn the_documented_work_is_what_is_signed_and_proved() {
    let (body, answer) = (block("work-body").as_bytes(), block("work-answer-body"));
    let envelope = documented_envelope();
    let expected = Terms {
        netuid: NetUid(3),
        ..terms()
    };
    assert_eq!(envelope.terms, expected);
    let bob = pair("//Bob").account();
    assert_eq!(envelope.check_terms(bob, NetUid(3), NOW_MS), Ok(()));
    let hash = envelope
        .check_signature(Route::Work, body)
        .expect("as documented");
    assert_eq!(hash.to_string(), block("work-request-hash"));
    let task: TaskId = header("work-request", TASK_HEADER)
        .and_then(|task| task.parse().ok())
        .expect("the documented task");
    assert_eq!(
        documented_receipt().check(bob, &task, hash, answer.as_bytes()),
        Ok(())
    );
}

/// The bytes in the document, joined, are what the signatures are over, computed without this crate's encoders.
#[test]
fn the_documented_bytes_of_work_are_what_is_signed() {
    let is_signed_by = |uri: &str, purpose, label: &str, signature: &Signature| {
        let domain = Domain::new(purpose);
        keys::verify(&pair(uri).account(), domain, &bytes(label), signature)
    };
    assert_eq!(bytes("work-terms").len(), 123);
    let name = Digest::of(&bytes("work-terms")).to_string();
    assert_eq!(name, block("work-request-hash"));
    let (asked, answered) = (
        documented_envelope().signature,
        documented_receipt().signature,
    );
    assert!(is_signed_by(
        "//Alice",
        "stoa-request-v1",
        "work-terms",
        &asked
    ));
    assert!(is_signed_by(
        "//Bob",
        "stoa-work-v1",
        "work-receipt-bytes",
        &answered
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Changing any field of a signed receipt breaks it.
    #[test]
    fn any_change_to_a_receipt_of_work_is_noticed(field in 0..4usize, change in 1..u16::MAX) {
        let bob = pair("//Bob");
        let mut bent = receipt().sign(&bob);
        let it = &mut bent.receipt;
        match field {
            0 => it.queue_ms ^= u32::from(change),
            1 => it.total_ms ^= u32::from(change),
            2 => it.task = TaskId::new("tour", 1 ^ change).expect("a task"),
            _ => it.answer_hash.0[usize::from(change % 32)] ^= 1,
        }
        prop_assert_eq!(
            bent.check(bob.account(), &tour(), Digest([3; 32]), ANSWER),
            Err(ReceiptError::BadSignature)
        );
    }

    /// Foreign bytes in the header are an error, never a panic.
    #[test]
    fn foreign_receipts_are_errors(value: Vec<u8>) {
        prop_assert!(SignedWorkReceipt::from_header(&value).is_err());
    }
}
