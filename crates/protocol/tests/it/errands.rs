//! The asker's side of a job, against miners that keep to a script. Time passes only where somebody waits.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll as Polled, Waker};
use std::time::Duration;

use bytes::Bytes;
use protocol::{Courier, Digest, Errand, Finished, JobReply, JobState, JobStatus, Letter, Trouble};

const ID: Digest = Digest([3; 32]);
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    Broken,
    Refused,
}

/// What the miner does with the next letter, and how long that takes it.
type Script = Box<dyn Fn(&Letter, usize) -> (u64, Result<JobReply, Mishap>) + Send + Sync>;

struct Scripted {
    script: Script,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    now: Duration,
    shown: usize,
    letters: Vec<(u64, Letter)>,
}

impl Scripted {
    fn new(
        script: impl Fn(&Letter, usize) -> (u64, Result<JobReply, Mishap>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            script: Box::new(script),
            seen: Mutex::default(),
        }
    }

    fn run(&self, errand: Errand) -> (Result<Finished, Trouble<Mishap>>, Vec<f64>) {
        let mut fractions = Vec::new();
        let running = errand.run(self, |status: &JobStatus| fractions.push(status.fraction));
        let ended = ready(running);
        (ended, fractions)
    }

    fn letters(&self) -> Vec<(u64, Letter)> {
        self.seen.lock().expect("nobody panicked").letters.clone()
    }

    fn now_s(&self) -> u64 {
        self.seen.lock().expect("nobody panicked").now.as_secs()
    }
}

impl Courier for Scripted {
    type Error = Mishap;

    async fn carry(&self, letter: Letter) -> Result<JobReply, Mishap> {
        let mut seen = self.seen.lock().expect("nobody panicked");
        let at_ms = seen.now.as_millis() as u64;
        let (took_ms, reply) = (self.script)(&letter, seen.letters.len());
        seen.letters.push((at_ms, letter));
        seen.now += Duration::from_millis(took_ms);
        reply
    }

    fn may_recover(error: &Mishap) -> bool {
        *error == Mishap::Broken
    }

    fn show(&self, _: Bytes) {
        self.seen.lock().expect("nobody panicked").shown += 1;
    }

    async fn rest(&self, duration: Duration) {
        self.seen.lock().expect("nobody panicked").now += duration;
    }

    fn now(&self) -> Duration {
        self.seen.lock().expect("nobody panicked").now
    }
}

/// The outcome of a future that never has to wait for anybody.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Polled::Ready(outcome) => outcome,
        Polled::Pending => panic!("the script has every reply at once"),
    }
}

fn told(state: JobState, version: u64, fraction: f64) -> Result<JobReply, Mishap> {
    Ok(JobReply::Status(JobStatus {
        id: ID,
        state,
        fraction,
        figure: None,
        version,
        has_answer: state == JobState::Done,
        message: (state == JobState::Failed).then(|| "out of steam".into()),
    }))
}

fn answer() -> Result<JobReply, Mishap> {
    Ok(JobReply::Answer {
        state: JobState::Done,
        body: Bytes::from_static(b"[1]"),
        receipt: None,
    })
}

fn errand() -> Errand {
    Errand {
        id: ID,
        is_submitted: false,
        patience: PATIENCE,
    }
}

fn wants_answer(letter: &Letter) -> bool {
    matches!(letter, Letter::Poll(poll) if poll.answer)
}

#[test]
fn a_job_is_submitted_followed_and_fetched() {
    let miner = Scripted::new(|letter, turn| match turn {
        _ if wants_answer(letter) => (1, answer()),
        0 => (1, told(JobState::Waiting, 1, 0.0)),
        1 => (3_000, told(JobState::Working, 2, 0.5)),
        _ => (3_000, told(JobState::Done, 3, 1.0)),
    });
    let (ended, fractions) = miner.run(errand());
    let body = ended.expect("done").body;
    assert_eq!(body, Bytes::from_static(b"[1]"));
    assert_eq!(fractions, [0.0, 0.5, 1.0]);
    let letters: Vec<_> = miner
        .letters()
        .into_iter()
        .map(|(_, letter)| letter)
        .collect();
    assert_eq!(
        letters,
        [
            Letter::Submit,
            Letter::status(ID, 1, 10_000),
            Letter::status(ID, 2, 10_000),
            Letter::answer(ID),
        ]
    );
}

#[test]
fn an_asker_that_started_again_polls_and_does_not_submit() {
    let miner = Scripted::new(|letter, _| match wants_answer(letter) {
        true => (1, answer()),
        false => (1, told(JobState::Done, 9, 1.0)),
    });
    let resumed = Errand {
        is_submitted: true,
        ..errand()
    };
    assert!(miner.run(resumed).0.is_ok());
    let first = miner.letters()[0].1;
    assert_eq!(first, Letter::status(ID, 0, 0));
}

/// A miner full of news, or one that answers polls at once with none, is not asked without pause.
#[test]
fn polls_keep_their_distance() {
    let miner = Scripted::new(|letter, turn| match turn {
        _ if wants_answer(letter) => (1, answer()),
        40 => (1, told(JobState::Done, 41, 1.0)),
        _ => (1, told(JobState::Working, turn as u64 + 1, 0.1)),
    });
    assert!(miner.run(errand()).0.is_ok());
    let polls: Vec<u64> = miner.letters()[1..40].iter().map(|(at, _)| *at).collect();
    assert!(
        polls.windows(2).all(|pair| pair[0] + 500 <= pair[1]),
        "{polls:?}"
    );
}

#[test]
fn lost_polls_cost_nothing_and_a_dead_miner_is_given_up_in_time() {
    let lossy = Scripted::new(|letter, turn| match turn {
        _ if wants_answer(letter) && turn < 12 => (1, Err(Mishap::Broken)),
        _ if wants_answer(letter) => (1, answer()),
        0 => (1, told(JobState::Waiting, 1, 0.0)),
        1..8 => (10, Err(Mishap::Broken)),
        _ => (1, told(JobState::Done, 2, 1.0)),
    });
    assert!(lossy.run(errand()).0.is_ok());

    let dead = Scripted::new(|_, turn| match turn {
        0 => (1, told(JobState::Waiting, 1, 0.0)),
        _ => (2, Err(Mishap::Broken)),
    });
    assert_eq!(dead.run(errand()).0, Err(Trouble::Lost(Mishap::Broken)));
    assert!((20..25).contains(&dead.now_s()), "{}", dead.now_s());
    assert!(dead.letters().len() < 50);
}

#[test]
fn a_miner_that_forgot_the_job_is_left_at_once() {
    let forgetful = Scripted::new(|_, turn| match turn {
        0 => (1, told(JobState::Working, 1, 0.0)),
        _ => (1, Err(Mishap::Refused)),
    });
    let (ended, _) = forgetful.run(errand());
    assert_eq!(ended, Err(Trouble::Lost(Mishap::Refused)));
    assert_eq!(forgetful.letters().len(), 2);
}

#[test]
fn a_submission_that_is_lost_is_not_sent_twice() {
    let away = Scripted::new(|_, _| (1, Err(Mishap::Broken)));
    assert_eq!(away.run(errand()).0, Err(Trouble::Lost(Mishap::Broken)));
    assert_eq!(away.letters().len(), 1);
}

#[test]
fn a_job_that_never_ends_ends_the_askers_patience() {
    let endless = Scripted::new(|letter, turn| {
        let took_ms = if turn == 0 { 1 } else { letter.wait_ms() };
        (took_ms, told(JobState::Working, 1, 0.2))
    });
    let (ended, fractions) = endless.run(errand());
    assert_eq!(ended, Err(Trouble::TooSlow(PATIENCE)));
    assert_eq!(endless.now_s(), PATIENCE.as_secs());
    assert_eq!(fractions, [0.2], "what has not changed is not told again");
}

#[test]
fn a_job_that_failed_or_was_cancelled_says_so() {
    let ends = |state| {
        let miner = Scripted::new(move |_, turn| match turn {
            0 => (1, told(JobState::Working, 1, 0.0)),
            _ => (1, told(state, 2, 0.3)),
        });
        miner.run(errand()).0
    };
    assert_eq!(
        ends(JobState::Failed),
        Err(Trouble::Failed("out of steam".into()))
    );
    assert_eq!(ends(JobState::Cancelled), Err(Trouble::Cancelled));
}

#[test]
fn statuses_of_other_jobs_and_of_the_past_are_not_believed() {
    let other = Scripted::new(|_, _| {
        let Ok(JobReply::Status(mut status)) = told(JobState::Working, 1, 0.0) else {
            unreachable!("it is a status")
        };
        status.id = Digest([4; 32]);
        (1, Ok(JobReply::Status(status)))
    });
    assert!(matches!(other.run(errand()).0, Err(Trouble::Protocol(_))));
    let backwards = Scripted::new(|_, turn| (1, told(JobState::Working, 9 - turn as u64, 0.0)));
    assert!(matches!(
        backwards.run(errand()).0,
        Err(Trouble::Protocol(_))
    ));
    let hollow = Scripted::new(|_, _| (1, told(JobState::Done, 1, 1.0)));
    assert!(matches!(hollow.run(errand()).0, Err(Trouble::Protocol(_))));
    let hasty = Scripted::new(|_, _| (1, answer()));
    assert!(matches!(hasty.run(errand()).0, Err(Trouble::Protocol(_))));
}

#[test]
fn what_was_found_so_far_is_looked_at_now_and_then() {
    let miner = Scripted::new(|letter, turn| {
        let Ok(JobReply::Status(mut status)) = told(JobState::Working, turn as u64 + 1, 0.1) else {
            unreachable!("it is a status")
        };
        status.has_answer = true;
        match turn {
            _ if wants_answer(letter) => (1, answer()),
            60.. => (1, told(JobState::Done, 90, 1.0)),
            _ => (1, Ok(JobReply::Status(status))),
        }
    });
    assert!(miner.run(errand()).0.is_ok());
    let seen = miner.seen.lock().expect("nobody panicked");
    let seconds = seen.now.as_secs() as usize;
    assert!(
        (seconds / 6..=seconds / 5 + 1).contains(&seen.shown),
        "{} in {seconds} s",
        seen.shown
    );
}
