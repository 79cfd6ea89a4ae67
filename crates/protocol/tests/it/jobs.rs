//! Jobs as they travel: statuses, polls and answers read back, nothing foreign is believed, and the third worked example of
//! `docs/protocol.md`.

use bytes::Bytes;
use primitives::{NetUid, TaskId};
use proptest::prelude::*;
use protocol::{
    Code, Digest, Envelope, JOB_HEADER, JobError, JobReply, JobState, JobStatus, Letter,
    POLL_MS_MAX, Poll, RECEIPT_HEADER, Route, STATUS_BYTES_MAX, TASK_HEADER, WorkReceipt,
};

use crate::example::{block, bytes, header};
use crate::{NOW_MS, pair};

fn status() -> JobStatus {
    JobStatus {
        id: Digest([3; 32]),
        state: JobState::Working,
        fraction: 0.25,
        figure: Some(-310.5),
        version: 4,
        has_answer: true,
        message: None,
    }
}

#[test]
fn a_status_is_written_as_documented() {
    let id = "03".repeat(32);
    let expected = format!(
        r#"{{"id":"{id}","state":"working","fraction":0.25,"figure":-310.5,"version":4,"has_answer":true,"message":null}}"#
    );
    assert_eq!(status().to_json(), expected);
    let bare = format!(
        r#"{{"id":"{id}","state":"waiting","fraction":0,"version":1,"has_answer":false,"more":1}}"#
    );
    let read = JobStatus::from_json(bare.as_bytes()).expect("a status of few words");
    assert_eq!((read.state, read.figure), (JobState::Waiting, None));
}

#[test]
fn what_a_miner_may_not_mean_is_cut() {
    let bold = JobStatus {
        fraction: 7.0,
        message: Some("é".repeat(1_000)),
        ..status()
    };
    let read = JobStatus::from_json(bold.to_json().as_bytes()).expect("cut");
    assert_eq!(read.fraction, 1.0);
    assert!(read.message.expect("kept").len() < 520);
    let endless = JobStatus {
        message: Some("x".repeat(STATUS_BYTES_MAX)),
        ..status()
    };
    let refused = JobStatus::from_json(endless.to_json().as_bytes());
    assert!(matches!(refused, Err(JobError::Unreadable(_))));
    let undefined = status().to_json().replace("-310.5", "1e999");
    assert!(JobStatus::from_json(undefined.as_bytes()).is_err());
}

#[test]
fn every_letter_has_a_route_and_a_body_of_its_own() {
    let (id, request) = (Digest([3; 32]), Bytes::from_static(b"{}"));
    let written = |letter: Letter| {
        let body = letter.body(&request);
        let text = String::from_utf8(body.to_vec()).expect("JSON");
        (letter.route(), text)
    };
    assert_eq!(written(Letter::Submit), (Route::Submit, "{}".into()));
    let hex = id.to_string();
    let poll = format!(r#"{{"id":"{hex}","seen":2,"wait_ms":9,"answer":false}}"#);
    assert_eq!(written(Letter::status(id, 2, 9)), (Route::Poll, poll));
    let fetch = format!(r#"{{"id":"{hex}","seen":0,"wait_ms":0,"answer":true}}"#);
    assert_eq!(written(Letter::answer(id)), (Route::Poll, fetch));
    let cancel = format!(r#"{{"id":"{hex}"}}"#);
    assert_eq!(written(Letter::Cancel(id)), (Route::Cancel, cancel.clone()));
    assert_eq!(Letter::cancelled(cancel.as_bytes()), Ok(id));
}

#[test]
fn a_poll_that_would_wait_too_long_is_refused_by_name() {
    let body = |wait_ms| Letter::status(Digest([3; 32]), 0, wait_ms).body(&Bytes::new());
    assert!(Poll::from_body(&body(POLL_MS_MAX)).is_ok());
    let refusal = Poll::from_body(&body(POLL_MS_MAX + 1)).expect_err("too long");
    assert_eq!(refusal.param.as_deref(), Some("wait_ms"));
    let large = [b" ".repeat(STATUS_BYTES_MAX), body(0).to_vec()].concat();
    let refusal = Poll::from_body(&large).expect_err("too large");
    assert_eq!(refusal.code, Code::TooLarge);
}

#[test]
fn only_the_longest_answer_may_be_as_long_as_an_answer() {
    let id = Digest([3; 32]);
    assert_eq!(Letter::answer(id).reply_bytes_max(1 << 20), 1 << 20);
    assert_eq!(Letter::answer(id).reply_bytes_max(7), STATUS_BYTES_MAX);
    for letter in [Letter::Submit, Letter::status(id, 0, 0), Letter::Cancel(id)] {
        assert_eq!(letter.reply_bytes_max(1 << 20), STATUS_BYTES_MAX);
    }
}

#[test]
fn a_reply_is_an_answer_if_its_header_says_so() {
    let receipt = WorkReceipt {
        request_hash: Digest([3; 32]),
        answer_hash: Digest::of(b"[1]"),
        miner: pair("//Bob").account(),
        task: TaskId::new("tour", 1).expect("a task"),
        queue_ms: 1,
        total_ms: 2,
    };
    let receipt = receipt.sign(&pair("//Bob"));
    let header = receipt.to_header();
    let body = Bytes::from_static(b"[1]");
    let done = JobReply::read(Some(b"done"), Some(header.as_bytes()), body.clone());
    let answer = |state, receipt| JobReply::Answer {
        state,
        body: body.clone(),
        receipt,
    };
    assert_eq!(done, Ok(answer(JobState::Done, Some(receipt))));
    let so_far = JobReply::read(Some(b"working"), None, body.clone());
    assert_eq!(so_far, Ok(answer(JobState::Working, None)));
    let odd = JobReply::read(Some(b"asleep"), None, body.clone());
    assert!(matches!(odd, Err(JobError::Unreadable(_))));
    let garbled = JobReply::read(Some(b"done"), Some(b"{}"), body);
    assert!(matches!(garbled, Err(JobError::Receipt(_))));
    let json = Bytes::from(status().to_json());
    assert_eq!(
        JobReply::read(None, None, json),
        Ok(JobReply::Status(status()))
    );
}

/// Alice's envelope in a documented head, checked as Bob does; returns the hash that it signs.
fn documented(label: &str, route: Route, body: &str) -> Digest {
    let envelope = Envelope::from_headers(|name| header(label, name)).expect("the headers");
    let bob = pair("//Bob").account();
    assert_eq!(envelope.signer, pair("//Alice").account());
    assert_eq!(envelope.check_terms(bob, NetUid(3), NOW_MS), Ok(()));
    assert_eq!(header(label, TASK_HEADER), Some("protein-folding/1"));
    assert!(block(label).starts_with(&format!("POST {} HTTP", route.path())));
    let signed = envelope.check_signature(route, body.as_bytes());
    signed.expect("signed by Alice")
}

#[test]
fn the_documented_job_is_what_is_signed_and_proved() {
    let id = documented("job-submission", Route::Submit, block("job-body"));
    assert_eq!(id.to_string(), block("job-id"));
    assert_eq!(bytes("job-terms").len(), 123);
    assert_eq!(Digest::of(&bytes("job-terms")), id);

    let taken = JobStatus::from_json(block("job-taken").as_bytes()).expect("a status");
    assert_eq!((taken.id, taken.state), (id, JobState::Waiting));
    assert_eq!(taken.to_json(), block("job-taken"));
    let poll = block("job-poll-body");
    documented("job-poll", Route::Poll, poll);
    let written = Letter::status(id, taken.version, POLL_MS_MAX).body(&Bytes::new());
    assert_eq!(written, poll);
    let progress = JobStatus::from_json(block("job-progress").as_bytes()).expect("a status");
    assert!(taken.version < progress.version && progress.has_answer);
    assert_eq!(
        Letter::answer(id).body(&Bytes::new()),
        block("job-fetch-body")
    );

    let head = |name| header("job-answer", name).map(str::as_bytes);
    let body = Bytes::from(block("job-answer-body"));
    let answer = JobReply::read(head(JOB_HEADER), head(RECEIPT_HEADER), body.clone());
    let Ok(JobReply::Answer {
        state: JobState::Done,
        receipt: Some(receipt),
        ..
    }) = answer
    else {
        panic!("{answer:?}")
    };
    let folding = TaskId::new("protein-folding", 1).expect("a task");
    let bob = pair("//Bob").account();
    assert_eq!(receipt.check(bob, &folding, id, &body), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_status_reads_back(
        id: [u8; 32], fraction in 0.0..=1.0, figure in proptest::option::of(-1e9..1e9),
        version: u64, has_answer: bool, message in proptest::option::of("[a-z é\"]{0,60}"),
        state in 0..5usize,
    ) {
        use JobState::{Cancelled, Done, Failed, Waiting, Working};
        let state = [Waiting, Working, Done, Failed, Cancelled][state];
        let id = Digest(id);
        let status = JobStatus { id, state, fraction, figure, version, has_answer, message };
        prop_assert_eq!(JobStatus::from_json(status.to_json().as_bytes()), Ok(status));
    }

    #[test]
    fn a_poll_reads_back(id: [u8; 32], seen: u64, wait_ms in 0..=POLL_MS_MAX, answer: bool) {
        let id = Digest(id);
        let poll = Poll { id, seen, wait_ms, answer };
        let body = Letter::Poll(poll).body(&Bytes::new());
        prop_assert_eq!(Poll::from_body(&body), Ok(poll));
    }

    /// Foreign bytes are an error or a status within its bounds, never a panic.
    #[test]
    fn foreign_bytes_are_never_more_than_an_error(body: Vec<u8>, job: Vec<u8>, receipt: Vec<u8>) {
        let body = Bytes::from(body);
        prop_assert!(Poll::from_body(&body).is_err());
        prop_assert!(Letter::cancelled(&body).is_err());
        prop_assert!(JobReply::read(None, None, body.clone()).is_err());
        prop_assert!(JobReply::read(Some(&job), Some(&receipt), body).is_err());
    }
}
