//! Who is next where work takes minutes: guests, turns, and jobs that nobody asks about.

use protocol::{Code, Digest, JobReply, JobState, Letter as Message};

use crate::jobs::{REQUEST, Works};

const ALICE: &str = "//Alice";
const DAVE: &str = "//Dave";
/// For so long a job goes on that nobody asks about.
const UNASKED_MS: u64 = 5 * 60 * 1_000;

impl Works {
    /// The state of a job once it is another than this.
    async fn after(&self, signer: &str, id: Digest, state: JobState) -> JobState {
        let mut seen = 0;
        loop {
            let status = self
                .status_as(signer, Message::status(id, seen, 10_000))
                .await;
            if status.state != state {
                return status.state;
            }
            seen = status.version;
        }
    }

    async fn now(&self, signer: &str, id: Digest) -> JobState {
        self.status_as(signer, Message::status(id, 0, 0))
            .await
            .state
    }
}

/// Two orders of ten minutes would otherwise make the probes of all others come too late.
#[tokio::test]
async fn whoever_fills_the_benches_does_not_hold_up_a_guest() {
    let works = Works::new(2);
    works.submit(REQUEST).await;
    let second = works.submit(REQUEST).await.id;
    let guest = works.submit_as(DAVE, REQUEST).await.id;
    let state = works.after(DAVE, guest, JobState::Waiting).await;
    assert_eq!(state, JobState::Working, "there is a bench for guests");
    assert_eq!(works.now(ALICE, second).await, JobState::Waiting);
    works.steps.allow(6);
    assert_eq!(works.end_of(second).await.state, JobState::Done);
    assert_eq!(
        works.after(DAVE, guest, JobState::Working).await,
        JobState::Done
    );
}

#[tokio::test]
async fn the_bench_for_guests_is_not_for_whoever_has_something_worked_on() {
    let works = Works::new(2);
    let first = works.submit(REQUEST).await.id;
    let second = works.submit(REQUEST).await.id;
    let guest = works.submit_as(DAVE, REQUEST).await.id;
    let another = works.submit_as(DAVE, REQUEST).await.id;
    works.after(ALICE, first, JobState::Waiting).await;
    works.after(DAVE, guest, JobState::Waiting).await;
    let waiting = [
        works.now(ALICE, second).await,
        works.now(DAVE, another).await,
    ];
    assert_eq!(waiting, [JobState::Waiting; 2]);
    let health: serde_json::Value =
        serde_json::from_str(&works.page("/health").await).expect("JSON");
    let jobs = serde_json::json!({"working": 2, "waiting": 2, "kept": 0});
    assert_eq!(health["jobs"], jobs);
    works.steps.allow(8);
    assert_eq!(works.end_of(second).await.state, JobState::Done);
}

/// A bench and the one for guests become free one after the other, and the last to leave calls for both.
#[tokio::test]
async fn no_bench_stays_empty_while_somebody_may_have_it() {
    let works = Works::new(2);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push((ALICE, works.submit(REQUEST).await.id));
        ids.push((DAVE, works.submit_as(DAVE, REQUEST).await.id));
    }
    works.steps.allow(2 * ids.len());
    for (signer, id) in ids {
        let mut state = works.after(signer, id, JobState::Waiting).await;
        if state == JobState::Working {
            state = works.after(signer, id, JobState::Working).await;
        }
        assert_eq!(state, JobState::Done);
    }
    let health: serde_json::Value =
        serde_json::from_str(&works.page("/health").await).expect("JSON");
    assert_eq!(health["jobs"]["waiting"], 0);
}

#[tokio::test]
async fn the_line_is_served_by_turns_of_askers() {
    let works = Works::new(1);
    let first = works.submit(REQUEST).await.id;
    let second = works.submit(REQUEST).await.id;
    let third = works.submit(REQUEST).await.id;
    let other = works.submit_as(DAVE, REQUEST).await.id;
    works.steps.allow(4);
    for id in [first, second] {
        assert_eq!(works.end_of(id).await.state, JobState::Done);
    }
    let state = works.after(DAVE, other, JobState::Waiting).await;
    assert_eq!(state, JobState::Working, "before Alice's third");
    assert_eq!(works.now(ALICE, third).await, JobState::Waiting);
    works.steps.allow(4);
    assert_eq!(works.end_of(third).await.state, JobState::Done);
}

#[tokio::test]
async fn a_job_that_nobody_asks_about_is_broken_off_and_what_it_had_is_kept() {
    let works = Works::new(1);
    let id = works.submit(REQUEST).await.id;
    works.after(ALICE, id, JobState::Waiting).await;
    works.pass_ms(UNASKED_MS + 1);
    works.steps.allow(1);
    // Nobody asks: the worker's own report ends it.
    while !works
        .page("/metrics")
        .await
        .contains("outcome=\"abandoned\"} 1")
    {
        tokio::task::yield_now().await;
    }
    // The worker hands in what it had a moment after it was told.
    let state = loop {
        match works.say(Message::answer(id)).await.1 {
            JobReply::Answer { state, body, .. } if body == "what there was" => break state,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!(
        (state, works.steps.broken()),
        (JobState::Cancelled, 1),
        "as if she had cancelled it"
    );
    let message = works.status(Message::status(id, 0, 0)).await.message;
    let message = message.expect("a reason");
    assert!(
        message.contains("nobody has asked about it for 300 s"),
        "{message}"
    );
}

#[tokio::test]
async fn a_job_goes_on_for_as_long_as_its_asker_comes_again() {
    let works = Works::new(1);
    let id = works.submit(REQUEST).await.id;
    for _ in 0..3 {
        works.pass_ms(UNASKED_MS);
        assert!(!works.now(ALICE, id).await.is_over());
    }
    works.steps.allow(2);
    assert_eq!(works.end_of(id).await.state, JobState::Done);
    assert_eq!(works.steps.broken(), 0);
}

#[tokio::test]
async fn what_nobody_asks_about_takes_no_room_in_line() {
    let works = Works::new(1);
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(works.submit(REQUEST).await.id);
    }
    let busy = works.refusal(Message::Submit, ALICE).await;
    assert_eq!(busy.code, Code::Busy);
    works.pass_ms(UNASKED_MS + 1);
    let next = works.submit(REQUEST).await;
    assert_eq!(next.state, JobState::Waiting);
    assert_eq!(works.now(ALICE, waiting[4]).await, JobState::Cancelled);
    works.steps.allow(3);
    assert_eq!(works.end_of(next.id).await.state, JobState::Done);
}
