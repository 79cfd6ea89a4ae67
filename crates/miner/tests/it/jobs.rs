//! Jobs over HTTP: progress that wakes polls, answers with receipts, bounds, and workers that misbehave.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use keys::Pair;
use miner::{Miner, Permits, Trade, router};
use primitives::NetUid;
use protocol::{
    Code, Digest, JOB_HEADER, JobReply, JobState, JobStatus, Letter as Message, RECEIPT_HEADER,
    Refusal, Route, SignedWorkReceipt, Terms,
};
use tasks::{Complaint, JobWorker, Limits, Progress, Service, WorkError};

use crate::market::{Letter, NOW_MS, pair, refused, send, terms, tour};

pub(crate) const REQUEST: &[u8] = b"please";
const PATIENCE: Duration = Duration::from_secs(20);

/// A worker whose steps a test takes one by one.
#[derive(Clone, Default)]
pub(crate) struct Stepwise(Arc<(Mutex<Steps>, Condvar)>);

#[derive(Default)]
struct Steps {
    allowed: usize,
    taken: usize,
    broken: usize,
}

impl Stepwise {
    /// Lets all workers together take so many more steps.
    pub(crate) fn allow(&self, steps: usize) {
        self.0.0.lock().expect("no worker panicked").allowed += steps;
        self.0.1.notify_all();
    }

    pub(crate) fn broken(&self) -> usize {
        self.0.0.lock().expect("no worker panicked").broken
    }

    fn step(&self) -> usize {
        let steps = self.0.0.lock().expect("no worker panicked");
        let is_held = |steps: &mut Steps| steps.allowed <= steps.taken;
        let mut steps = self.0.1.wait_while(steps, is_held).expect("no panic");
        steps.taken += 1;
        steps.taken
    }
}

impl JobWorker for Stepwise {
    fn work(
        &self,
        body: &[u8],
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<u8>, WorkError> {
        match body {
            b"panic" => panic!("as ordered"),
            b"fail" => return Err(WorkError::Failed("the secret reason".into())),
            b"ramble" => return Ok(vec![b'x'; Limits::SMALL.answer_bytes + 1]),
            _ => (),
        }
        for half in 1..=2 {
            let step = self.step();
            let progress = Progress {
                fraction: f64::from(half) / 2.0,
                figure: Some(-(step as f64)),
                answer: Some(format!("half {half}").into_bytes()),
            };
            if report(progress).is_break() {
                self.0.0.lock().expect("no worker panicked").broken += 1;
                return Ok(b"what there was".to_vec());
            }
        }
        Ok(b"whole".to_vec())
    }

    fn check(&self, body: &[u8]) -> Result<(), Complaint> {
        match body {
            b"nonsense" => Err(Complaint::of("limit", "makes no sense")),
            _ => Ok(()),
        }
    }

    fn patience_of(&self, body: &[u8]) -> Duration {
        match body {
            b"hurry" => Duration::ZERO,
            _ => PATIENCE,
        }
    }
}

/// A miner of jobs, its worker and its clock.
pub(crate) struct Works {
    miner: Arc<Miner>,
    router: Router,
    pub(crate) steps: Stepwise,
    now_ms: Arc<AtomicU64>,
    nonces: AtomicU64,
}

impl Works {
    pub(crate) fn new(answers_max: usize) -> Self {
        let steps = Stepwise::default();
        let trade = Trade {
            task: tour(),
            limits: Limits::SMALL,
            service: Service::Job(Arc::new(steps.clone())),
        };
        let permits = Permits::default();
        permits.replace(["//Alice", "//Dave"].map(|uri| pair(uri).account()).into());
        let now_ms = Arc::new(AtomicU64::new(NOW_MS));
        let told = now_ms.clone();
        let clock = Arc::new(move || told.load(Ordering::Relaxed));
        let miner = Miner::new(pair("//Bob"), NetUid(1), trade, permits, answers_max, clock);
        let miner = Arc::new(miner);
        Self {
            router: router(miner.clone()),
            miner,
            steps,
            now_ms,
            nonces: AtomicU64::new(0),
        }
    }

    fn letter(&self, signer: &Pair, route: Route, body: &[u8]) -> Letter {
        let nonce = self.nonces.fetch_add(1, Ordering::Relaxed);
        let terms = Terms {
            nonce: protocol::Nonce(u128::from(nonce).to_le_bytes()),
            expires_ms: self.now_ms.load(Ordering::Relaxed) + 30_000,
            ..terms(0)
        };
        Letter {
            task: Some(tour().to_string()),
            ..Letter::from_parts(signer, route, terms, body.to_vec())
        }
    }

    fn message(&self, signer: &Pair, message: Message) -> Letter {
        let body = message.body(&Bytes::from_static(REQUEST));
        self.letter(signer, message.route(), &body)
    }

    /// Lets time go by.
    pub(crate) fn pass_ms(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Alice's message, which is not refused.
    pub(crate) async fn say(&self, message: Message) -> (HeaderMap, JobReply) {
        self.say_as("//Alice", message).await
    }

    async fn say_as(&self, signer: &str, message: Message) -> (HeaderMap, JobReply) {
        let letter = self.message(&pair(signer), message);
        let (status, headers, body) = send(&self.router, letter.request()).await;
        let words = String::from_utf8_lossy(&body).into_owned();
        assert!(status.is_success(), "{message:?}: {words}");
        let header = |name| headers.get(name).map(|value| value.as_bytes());
        let reply = JobReply::read(header(JOB_HEADER), header(RECEIPT_HEADER), body.into());
        (
            headers.clone(),
            reply.expect("a reply in the protocol's form"),
        )
    }

    pub(crate) async fn status(&self, message: Message) -> JobStatus {
        self.status_as("//Alice", message).await
    }

    pub(crate) async fn status_as(&self, signer: &str, message: Message) -> JobStatus {
        match self.say_as(signer, message).await.1 {
            JobReply::Status(status) => status,
            answer => panic!("{answer:?}"),
        }
    }

    pub(crate) async fn submit(&self, body: &[u8]) -> JobStatus {
        self.submit_as("//Alice", body).await
    }

    pub(crate) async fn submit_as(&self, signer: &str, body: &[u8]) -> JobStatus {
        let letter = self.letter(&pair(signer), Route::Submit, body);
        let id = letter.request_hash();
        let (code, _, body) = send(&self.router, letter.request()).await;
        assert_eq!(
            code,
            StatusCode::ACCEPTED,
            "{}",
            String::from_utf8_lossy(&body)
        );
        let status = JobStatus::from_json(&body).expect("a status");
        assert_eq!(
            status.id, id,
            "the job is named by the hash of its submission"
        );
        status
    }

    /// Polls as an asker would until the job is over.
    pub(crate) async fn end_of(&self, id: Digest) -> JobStatus {
        let mut seen = 0;
        loop {
            let status = self.status(Message::status(id, seen, 10_000)).await;
            if status.state.is_over() {
                return status;
            }
            seen = status.version;
        }
    }

    pub(crate) async fn page(&self, path: &str) -> String {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty());
        let (status, _, body) = send(&self.router, request.expect("a request")).await;
        assert!(status.is_success(), "{path}");
        String::from_utf8(body).expect("text")
    }

    pub(crate) async fn refusal(&self, message: Message, signer: &str) -> Refusal {
        let letter = self.message(&pair(signer), message);
        refused(&self.router, letter.request()).await
    }
}

/// As many jobs as one miner works on at once.
fn benches() -> usize {
    available_parallelism().map_or(1, |processors| processors.get())
}

#[tokio::test]
async fn a_job_is_answered_with_a_receipt_that_checks() {
    let works = Works::new(4);
    let id = works.submit(REQUEST).await.id;
    works.steps.allow(2);
    let end = works.end_of(id).await;
    assert_eq!(
        (end.state, end.fraction, end.has_answer),
        (JobState::Done, 1.0, true)
    );
    let (headers, reply) = works.say(Message::answer(id)).await;
    let JobReply::Answer { state, body, .. } = reply else {
        panic!("{reply:?}")
    };
    assert_eq!((state, &body[..]), (JobState::Done, &b"whole"[..]));
    let receipt = SignedWorkReceipt::from_header(headers[RECEIPT_HEADER].as_bytes());
    let bob = pair("//Bob").account();
    assert_eq!(receipt.expect("one").check(bob, &tour(), id, &body), Ok(()));
}

/// A poll ends with the news it waits for, not with its time.
#[tokio::test]
async fn a_poll_wakes_on_progress() {
    let works = Works::new(4);
    let id = works.submit(REQUEST).await.id;
    let begun = works.status(Message::status(id, 1, 10_000)).await;
    assert_eq!((begun.state, begun.version), (JobState::Working, 2));
    let start = Instant::now();
    let (status, ()) = tokio::join!(works.status(Message::status(id, 2, 10_000)), async {
        tokio::task::yield_now().await;
        works.steps.allow(1);
    });
    assert_eq!((status.fraction, status.figure), (0.5, Some(-1.0)));
    assert!(start.elapsed() < Duration::from_secs(5));
    let stale = works.status(Message::status(id, status.version, 1)).await;
    assert_eq!(stale, status, "nothing new within a millisecond");
    works.steps.allow(1);
    works.end_of(id).await;
}

#[tokio::test]
async fn what_was_found_so_far_can_be_had_without_a_receipt() {
    let works = Works::new(4);
    let id = works.submit(REQUEST).await.id;
    works.steps.allow(1);
    let mut status = works.status(Message::status(id, 1, 10_000)).await;
    while !status.has_answer {
        status = works
            .status(Message::status(id, status.version, 10_000))
            .await;
    }
    let (_, reply) = works.say(Message::answer(id)).await;
    let expected = JobReply::Answer {
        state: JobState::Working,
        body: Bytes::from_static(b"half 1"),
        receipt: None,
    };
    assert_eq!(reply, expected);
    works.steps.allow(1);
    works.end_of(id).await;
}

#[tokio::test]
async fn a_job_is_its_submitters_alone() {
    let works = Works::new(4);
    let id = works.submit(REQUEST).await.id;
    for message in [
        Message::status(id, 0, 0),
        Message::answer(id),
        Message::Cancel(id),
    ] {
        let foreign = works.refusal(message, "//Dave").await;
        assert_eq!(foreign.code, Code::UnknownJob, "{message:?}");
        let stranger = works.refusal(message, "//Mallory").await;
        assert_eq!(stranger.code, Code::NotPermitted);
    }
    works.steps.allow(2);
    assert_eq!(works.end_of(id).await.state, JobState::Done);
}

#[tokio::test]
async fn cancelling_stops_the_worker_at_its_next_report_and_keeps_what_it_had() {
    let works = Works::new(4);
    let id = works.submit(REQUEST).await.id;
    works.status(Message::status(id, 1, 10_000)).await;
    let cancelled = works.status(Message::Cancel(id)).await;
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert!(!cancelled.has_answer);
    works.steps.allow(1);
    let found = loop {
        // The job is over, so that polls do not wait; the worker is about to hand in what it had.
        match works.say(Message::answer(id)).await.1 {
            JobReply::Answer {
                state,
                body,
                receipt,
            } => break (state, body, receipt),
            JobReply::Status(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(
        found,
        (
            JobState::Cancelled,
            Bytes::from_static(b"what there was"),
            None
        )
    );
    assert_eq!(works.steps.broken(), 1);
    let again = works.status(Message::Cancel(id)).await;
    assert_eq!(again.state, JobState::Cancelled);
    let metrics = works.page("/metrics").await;
    assert!(metrics.contains("outcome=\"cancelled\"} 1"), "{metrics}");
}

#[tokio::test]
async fn one_in_line_that_is_cancelled_is_never_worked_on() {
    let works = Works::new(1);
    let first = works.submit(REQUEST).await.id;
    let second = works.submit(REQUEST).await;
    assert_eq!(second.state, JobState::Waiting);
    let cancelled = works.status(Message::Cancel(second.id)).await;
    assert_eq!(cancelled.state, JobState::Cancelled);
    works.steps.allow(2);
    works.end_of(first).await;
    let third = works.submit(REQUEST).await.id;
    works.steps.allow(2);
    assert_eq!(
        works.end_of(third).await.state,
        JobState::Done,
        "the bench is free"
    );
    assert_eq!(works.steps.broken(), 0);
}

/// One asker gets four places in line, all together sixteen.
#[tokio::test]
async fn a_line_of_full_length_answers_busy() {
    let works = Works::new(1);
    works.submit(REQUEST).await;
    for _ in 0..4 {
        assert_eq!(works.submit(REQUEST).await.state, JobState::Waiting);
    }
    let busy = works.refusal(Message::Submit, "//Alice").await;
    assert_eq!(busy.code, Code::Busy);
    assert!(busy.message.contains("4 wait"), "{busy}");
    let letter = works.message(&pair("//Dave"), Message::Submit);
    let (status, _, _) = send(&works.router, letter.request()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "there is room for others");
    let health: serde_json::Value =
        serde_json::from_str(&works.page("/health").await).expect("JSON");
    let jobs = serde_json::json!({"working": 1, "waiting": 5, "kept": 0});
    assert_eq!((&health["jobs"], &health["answering"]), (&jobs, &1.into()));
    let metrics = works.page("/metrics").await;
    assert!(metrics.contains("state=\"waiting\"} 5"), "{metrics}");
    works.steps.allow(12);
}

#[tokio::test]
async fn as_many_are_worked_on_as_there_are_processors_and_those_in_line_follow() {
    let works = Works::new(usize::MAX);
    let mut jobs = Vec::new();
    for _ in 0..benches() + 2 {
        jobs.push(works.submit(REQUEST).await);
    }
    works.steps.allow(2 * jobs.len());
    for job in jobs {
        assert_eq!(works.end_of(job.id).await.state, JobState::Done);
    }
}

#[tokio::test]
async fn a_result_expires_a_minute_after_it_was_fetched_or_in_a_quarter_of_an_hour() {
    let works = Works::new(4);
    works.steps.allow(4);
    let (fetched, left) = (
        works.submit(REQUEST).await.id,
        works.submit(REQUEST).await.id,
    );
    for id in [fetched, left] {
        works.end_of(id).await;
    }
    works.say(Message::answer(fetched)).await;
    works.now_ms.fetch_add(60_000, Ordering::Relaxed);
    works.say(Message::answer(fetched)).await;
    works.now_ms.fetch_add(1, Ordering::Relaxed);
    let gone = works.refusal(Message::answer(fetched), "//Alice").await;
    assert_eq!(gone.code, Code::UnknownJob);
    works.status(Message::status(left, 0, 0)).await;
    works.now_ms.fetch_add(14 * 60_000, Ordering::Relaxed);
    let gone = works.refusal(Message::answer(left), "//Alice").await;
    assert_eq!(gone.code, Code::UnknownJob);
}

#[tokio::test]
async fn whoever_leaves_much_behind_does_not_push_out_anothers_result() {
    let works = Works::new(1);
    let dave = works.message(&pair("//Dave"), Message::Submit);
    let id = dave.request_hash();
    send(&works.router, dave.request()).await;
    let first = works.submit(REQUEST).await.id;
    works.steps.allow(4);
    works.end_of(first).await;
    works.now_ms.fetch_add(1, Ordering::Relaxed);
    works.submit(REQUEST).await;
    for _ in 0..70 {
        let waiting = works.submit(REQUEST).await;
        assert_eq!(waiting.state, JobState::Waiting);
        works.status(Message::Cancel(waiting.id)).await;
    }
    let health: serde_json::Value =
        serde_json::from_str(&works.page("/health").await).expect("JSON");
    let kept = health["jobs"]["kept"].as_u64().expect("a count");
    assert!((64..=66).contains(&kept), "{health}");
    let gone = works.refusal(Message::answer(first), "//Alice").await;
    assert_eq!(gone.code, Code::UnknownJob, "her oldest went");
    let letter = works.message(&pair("//Dave"), Message::answer(id));
    let (code, headers, body) = send(&works.router, letter.request()).await;
    assert_eq!((code, &body[..]), (StatusCode::OK, &b"whole"[..]));
    assert_eq!(headers[JOB_HEADER], "done");
    works.steps.allow(2);
}

#[tokio::test]
async fn a_miner_that_started_again_knows_no_job() {
    let before = Works::new(4);
    let id = before.submit(REQUEST).await.id;
    let after = Works::new(4);
    let unknown = after.refusal(Message::status(id, 0, 0), "//Alice").await;
    assert_eq!(unknown.code, Code::UnknownJob);
    assert_eq!(unknown.code.status(), 404);
    before.steps.allow(2);
}

#[tokio::test]
async fn a_worker_that_misbehaves_costs_only_its_own_job() {
    let works = Works::new(1);
    for order in [&b"panic"[..], b"fail", b"ramble"] {
        let id = works.submit(order).await.id;
        let end = works.end_of(id).await;
        assert_eq!(end.state, JobState::Failed);
        let message = end.message.expect("a reason");
        assert!(!message.contains("secret"), "{message}");
        works.steps.allow(2);
        let next = works.submit(REQUEST).await.id;
        assert_eq!(works.end_of(next).await.state, JobState::Done);
    }
    let letter = works.letter(&pair("//Alice"), Route::Submit, b"nonsense");
    let complaint = refused(&works.router, letter.request()).await;
    assert_eq!(complaint.code, Code::BadRequest);
    assert_eq!(complaint.param.as_deref(), Some("limit"));
}

/// Nobody waits for it any more, so that the worker is told at its next report.
#[tokio::test]
async fn work_that_outlasts_its_asker_is_broken_off() {
    let works = Works::new(1);
    let late = works.submit(b"hurry").await.id;
    let in_line = works.submit(b"hurry").await.id;
    works.steps.allow(1);
    let end = works.end_of(late).await;
    assert_eq!((end.state, works.steps.broken()), (JobState::Done, 1));
    let end = works.end_of(in_line).await;
    assert_eq!(end.state, JobState::Failed, "it was never begun");
    let message = end.message.expect("a reason");
    assert!(message.contains("as long as its asker waits"), "{message}");
}

#[tokio::test]
async fn a_miner_that_stops_lets_go_of_those_who_wait() {
    let works = Works::new(1);
    let (first, second) = (works.submit(REQUEST).await, works.submit(REQUEST).await);
    let poll = works.status(Message::status(second.id, second.version, 10_000));
    let (told, ()) = tokio::join!(poll, async {
        tokio::task::yield_now().await;
        works.miner.close();
    });
    assert_eq!(told.state, JobState::Failed);
    assert!(told.message.expect("a reason").contains("stopping"));
    assert_eq!(works.end_of(first.id).await.state, JobState::Failed);
    let refusal = works.refusal(Message::Submit, "//Alice").await;
    assert_eq!(refusal.code, Code::Busy);
    works.steps.allow(2);
}

#[tokio::test]
async fn messages_about_jobs_are_bounded_and_go_to_their_own_routes() {
    let works = Works::new(1);
    let alice = pair("//Alice");
    let code = async |letter: Letter| refused(&works.router, letter.request()).await.code;
    let long = works.letter(&alice, Route::Poll, &[b' '; 5_000]);
    assert_eq!(code(long).await, Code::TooLarge);
    let garbled = works.letter(&alice, Route::Poll, b"{}");
    assert_eq!(code(garbled).await, Code::BadRequest);
    let garbled = works.letter(&alice, Route::Cancel, b"[]");
    assert_eq!(code(garbled).await, Code::BadRequest);
    let other = works.letter(&alice, Route::Work, REQUEST);
    let refusal = refused(&works.router, other.request()).await;
    assert_eq!(refusal.code, Code::UnknownTask);
    assert!(refusal.message.contains("/v1/jobs"), "{refusal}");
    let replayed = works.letter(&alice, Route::Submit, REQUEST);
    send(&works.router, replayed.clone().request()).await;
    assert_eq!(code(replayed).await, Code::Replayed);
    works.steps.allow(2);
}
