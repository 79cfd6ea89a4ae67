//! One job: what its asker sees of it, changed by its worker and watched by polls.
//!
//! Each change makes a new version of the view and wakes whoever waits for one. When a job is over, only one thing can still change: a
//! worker that was told to stop may hand in what it had.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::Hotkey;
use protocol::{Digest, JobState, JobStatus};
use tasks::Progress;
use tokio::sync::watch;

use crate::yard::Submission;

/// A job from its submission until it is forgotten.
pub(crate) struct Job {
    pub(crate) id: Digest,
    pub(crate) asker: Hotkey,
    pub(crate) body: Bytes,
    pub(crate) arrival: Instant,
    patience: Duration,
    /// When its asker was last heard of.
    asked_ms: AtomicU64,
    view: watch::Sender<View>,
}

/// What there is to see.
#[derive(Debug)]
struct View {
    state: JobState,
    fraction: f64,
    figure: Option<f64>,
    version: u64,
    answer: Option<Bytes>,
    message: Option<String>,
    /// How long a job that is done waited and took.
    times: Option<(Duration, Duration)>,
    keeping: Keeping,
}

/// What the yard needs to know to forget a job.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keeping {
    pub(crate) over_ms: Option<u64>,
    pub(crate) fetched_ms: Option<u64>,
    pub(crate) bytes: usize,
}

/// What a job has found.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) id: Digest,
    pub(crate) state: JobState,
    pub(crate) body: Bytes,
    /// How long it waited and took, if it is done.
    pub(crate) times: Option<(Duration, Duration)>,
}

impl Job {
    pub(crate) fn new(submission: Submission, patience: Duration, now_ms: u64) -> Self {
        let Submission {
            id,
            asker,
            body,
            arrival,
        } = submission;
        let view = View {
            state: JobState::Waiting,
            fraction: 0.0,
            figure: None,
            version: 1,
            answer: None,
            message: None,
            times: None,
            keeping: Keeping::default(),
        };
        Self {
            id,
            asker,
            body,
            arrival,
            patience,
            asked_ms: AtomicU64::new(now_ms),
            view: watch::Sender::new(view),
        }
    }

    /// What the asker is told.
    pub(crate) fn status(&self) -> JobStatus {
        let view = self.view.borrow();
        JobStatus {
            id: self.id,
            state: view.state,
            fraction: view.fraction,
            figure: view.figure,
            version: view.version,
            has_answer: view.answer.is_some(),
            message: view.message.clone(),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.view.borrow().state.is_over()
    }

    /// Whether its asker waits no longer.
    pub(crate) fn is_late(&self) -> bool {
        self.patience < self.arrival.elapsed()
    }

    /// Notes that its asker was heard of.
    pub(crate) fn ask(&self, now_ms: u64) {
        self.asked_ms.store(now_ms, Ordering::Relaxed);
    }

    /// For how long its asker has not been heard of.
    pub(crate) fn unasked_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.asked_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn keeping(&self) -> Keeping {
        let view = self.view.borrow();
        let bytes = view.answer.as_ref().map_or(0, Bytes::len);
        Keeping {
            bytes,
            ..view.keeping
        }
    }

    /// Waits until there is something newer than what was seen, or nothing new will come, but no longer than this.
    pub(crate) async fn news(&self, seen: u64, wait: Duration) {
        let mut watched = self.view.subscribe();
        let news = watched.wait_for(|view| seen < view.version || view.state.is_over());
        // Time that is up is no error, and the sender is this job itself.
        tokio::time::timeout(wait, news).await.ok();
    }

    /// Takes what there is. The time for which an answer is kept after it was fetched begins with the first fetch of it whole.
    pub(crate) fn fetch(&self, now_ms: u64) -> Option<Answer> {
        let mut found = None;
        self.view.send_if_modified(|view| {
            found = view.answer.clone().map(|body| Answer {
                id: self.id,
                state: view.state,
                body,
                times: view.times,
            });
            if found.is_some() && view.state.is_over() {
                view.keeping.fetched_ms.get_or_insert(now_ms);
            }
            false
        });
        found
    }

    /// Work begins; returns how long it waited.
    pub(crate) fn begin(&self) -> Duration {
        self.change(|view| {
            view.state = JobState::Working;
        });
        self.arrival.elapsed()
    }

    /// Takes a report in, unless the job is over.
    pub(crate) fn learn(&self, progress: Progress) {
        self.change(|view| {
            view.fraction = match progress.fraction.is_nan() {
                true => view.fraction,
                false => progress.fraction.clamp(0.0, 1.0),
            };
            view.figure = progress.figure.filter(|figure| figure.is_finite());
            if let Some(answer) = progress.answer {
                view.answer = Some(answer.into());
            }
        });
    }

    /// Takes the answer in. Returns whether that ended the job; if it was over before, the answer is what it had found.
    pub(crate) fn finish(
        &self,
        answer: Vec<u8>,
        queue: Duration,
        total: Duration,
        now_ms: u64,
    ) -> bool {
        let answer = Bytes::from(answer);
        let is_done = self.change(|view| {
            view.state = JobState::Done;
            view.fraction = 1.0;
            view.answer = Some(answer.clone());
            view.times = Some((queue, total));
            view.keeping.over_ms = Some(now_ms);
        });
        if !is_done {
            self.view.send_modify(|view| {
                view.answer = Some(answer);
                view.version += 1;
            });
        }
        is_done
    }

    /// Ends the job without an answer of its own. Returns whether it was not over before.
    pub(crate) fn give_up(&self, why: &str, now_ms: u64) -> bool {
        self.end(JobState::Failed, Some(why.to_owned()), now_ms)
    }

    /// Ends the job because its asker wants no more of it. Returns whether it was not over before.
    pub(crate) fn cancel(&self, now_ms: u64) -> bool {
        self.end(JobState::Cancelled, None, now_ms)
    }

    /// Ends the job because its asker seems to want no more of it. Returns whether it was not over before.
    pub(crate) fn abandon(&self, why: &str, now_ms: u64) -> bool {
        self.end(JobState::Cancelled, Some(why.to_owned()), now_ms)
    }

    fn end(&self, state: JobState, message: Option<String>, now_ms: u64) -> bool {
        self.change(|view| {
            view.state = state;
            view.message = message;
            view.keeping.over_ms = Some(now_ms);
        })
    }

    /// Changes the view of a job that is not over, and wakes whoever waits for news.
    fn change(&self, change: impl FnOnce(&mut View)) -> bool {
        self.view.send_if_modified(|view| {
            if view.state.is_over() {
                return false;
            }
            view.version += 1;
            change(view);
            true
        })
    }
}
