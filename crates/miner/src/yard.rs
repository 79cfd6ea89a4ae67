//! Jobs: work that takes minutes, on threads of its own, with progress that can be followed.
//!
//! ```text
//!  submit ──▶ a free bench? ──▶ the worker, on a thread ──▶ done, with a receipt
//!                │ none: wait in line    │ every report ──▶ the job's view ──▶ polls wake
//!                │ a long line: busy     │ failed, panicked ──▶ failed
//!                └── cancelled, or too late ─┴─▶ told to break at its next report
//! ```
//!
//! # What always holds
//!
//! * There are at most so many threads as benches, and a worker that goes on regardless keeps its own until it ends.
//! * At most [`WAITING_MAX`] jobs wait, at most [`WAITING_OF_ONE_MAX`] of one asker; whoever comes then is told to ask another.
//! * A job is its submitter's: nobody else can follow it, fetch from it or cancel it.
//! * A job that is over is kept until a minute after its answer was fetched, for [`KEPT_MS`] at most. When there are more than
//!   [`KEPT_MAX`] of them, or they hold more than [`KEPT_BYTES_MAX`], the oldest go of whoever has the most: nobody pushes out another's.
//! * Jobs live in memory only: a miner that starts again knows none of them.

use std::collections::{HashMap, VecDeque};
use std::num::NonZero;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::Hotkey;
use protocol::{Code, Digest, JobStatus, Poll, Refusal, WORK_BYTES_MAX};
use tasks::{JobWorker, Limits, Progress, WorkError};
use tokio::sync::Semaphore;

use crate::job::{Answer, Job};
use crate::metrics::Metrics;
use crate::server::Clock;
use crate::workshop::{failure, refusal};

/// The most jobs in line for a bench.
const WAITING_MAX: usize = 16;
/// The most jobs of one asker in line.
const WAITING_OF_ONE_MAX: usize = 4;
/// The most jobs kept when they are over.
const KEPT_MAX: usize = 64;
/// The most bytes of answers kept of jobs that are over.
const KEPT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How long a job is kept when it is over.
const KEPT_MS: u64 = 15 * 60 * 1_000;
/// How long it is kept after its answer was fetched.
const FETCHED_MS: u64 = 60 * 1_000;
/// The most polls that wait at once; more are answered without waiting.
const POLLS_MAX: usize = 1_024;

/// The worker, its benches and its jobs.
#[derive(Clone)]
pub(crate) struct Yard(Arc<Inner>);

struct Inner {
    worker: Arc<dyn JobWorker>,
    metrics: Arc<Metrics>,
    benches: usize,
    answer_bytes_max: usize,
    clock: Clock,
    ledger: Mutex<Ledger>,
    polls: Semaphore,
}

#[derive(Default)]
struct Ledger {
    jobs: HashMap<Digest, Arc<Job>>,
    waiting: VecDeque<Arc<Job>>,
    working: usize,
    is_closed: bool,
}

/// A submission that passed every check but the task's own.
pub(crate) struct Submission {
    pub(crate) id: Digest,
    pub(crate) asker: Hotkey,
    pub(crate) body: Bytes,
    pub(crate) arrival: Instant,
}

/// What a poll finds.
#[derive(Debug)]
pub(crate) enum Found {
    Status(JobStatus),
    Answer(Answer),
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) working: usize,
    pub(crate) waiting: usize,
    /// Over, and not fetched for good yet.
    pub(crate) kept: usize,
}

impl Yard {
    /// A yard with as many benches as there are processors, or fewer if fewer answers are wanted at once.
    pub(crate) fn new(
        worker: Arc<dyn JobWorker>,
        metrics: Arc<Metrics>,
        limits: Limits,
        answers_max: usize,
        clock: Clock,
    ) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Inner {
            worker,
            metrics,
            benches: processors.min(answers_max).max(1),
            answer_bytes_max: limits.answer_bytes.min(WORK_BYTES_MAX),
            clock,
            ledger: Mutex::default(),
            polls: Semaphore::new(POLLS_MAX),
        }))
    }

    /// Takes a job, or refuses it because of what it asks for or for lack of room.
    pub(crate) fn submit(&self, submission: Submission) -> Result<JobStatus, Refusal> {
        let inner = &self.0;
        let body = &submission.body;
        inner
            .worker
            .check(body)
            .map_err(|complaint| refusal(complaint.into()))?;
        let patience = inner.worker.patience_of(body);
        let job = Arc::new(Job::new(submission, patience));
        let mut ledger = inner.ledger();
        ledger.sweep((inner.clock)());
        ledger.check_room(&job, inner.benches)?;
        if ledger.working < inner.benches {
            ledger.working += 1;
            if let Err(error) = inner.clone().start(job.clone()) {
                ledger.working -= 1;
                tracing::error!(%error, "cannot start a worker's thread");
                return Err(failure());
            }
        } else {
            ledger.waiting.push_back(job.clone());
        }
        ledger.jobs.insert(job.id, job.clone());
        Ok(job.status())
    }

    /// Waits for news of a job, or finds its answer.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an answer counts as fetched when it is found.
    pub(crate) async fn poll(&self, asker: Hotkey, poll: Poll) -> Result<Found, Refusal> {
        let job = self.find(asker, poll.id)?;
        if poll.answer
            && let Some(answer) = job.fetch((self.0.clock)())
        {
            return Ok(Found::Answer(answer));
        }
        if let Ok(_waits) = self.0.polls.try_acquire() {
            let wait = Duration::from_millis(poll.wait_ms);
            job.news(poll.seen, wait).await;
        }
        match poll.answer.then(|| job.fetch((self.0.clock)())).flatten() {
            Some(answer) => Ok(Found::Answer(answer)),
            None => Ok(Found::Status(job.status())),
        }
    }

    /// Ends a job. The worker is told at its next report; what it has found then can be fetched.
    pub(crate) fn cancel(&self, asker: Hotkey, id: Digest) -> Result<JobStatus, Refusal> {
        let job = self.find(asker, id)?;
        self.0.ledger().waiting.retain(|waiting| waiting.id != id);
        if job.cancel((self.0.clock)()) {
            self.0.metrics.count("cancelled");
        }
        Ok(job.status())
    }

    /// Takes no more jobs and gives up those there are.
    pub(crate) fn close(&self) {
        let mut ledger = self.0.ledger();
        ledger.is_closed = true;
        ledger.waiting.clear();
        for job in ledger.jobs.values() {
            job.give_up("this miner is stopping; ask another", (self.0.clock)());
        }
    }

    /// How many jobs there are.
    pub(crate) fn census(&self) -> Census {
        let ledger = self.0.ledger();
        Census {
            working: ledger.working,
            waiting: ledger.waiting.len(),
            kept: ledger.jobs.values().filter(|job| job.is_over()).count(),
        }
    }

    fn find(&self, asker: Hotkey, id: Digest) -> Result<Arc<Job>, Refusal> {
        let mut ledger = self.0.ledger();
        ledger.sweep((self.0.clock)());
        let found = ledger.jobs.get(&id).filter(|job| job.asker == asker);
        found.cloned().ok_or_else(|| {
            let message = format!("this miner has no job {id} of yours; submit it again");
            Refusal::new(Code::UnknownJob, message)
        })
    }
}

impl Inner {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread of its own, and not the runtime's: one that hangs does not keep the process from ending.
    fn start(self: Arc<Self>, job: Arc<Job>) -> std::io::Result<()> {
        let work = move || {
            let mut next = Some(job);
            while let Some(job) = next.take() {
                self.carry_out(&job);
                next = self.next();
            }
        };
        thread::Builder::new()
            .name("worker".into())
            .spawn(work)
            .map(drop)
    }

    /// The next in line for a bench that is free; without any the bench is left.
    fn next(&self) -> Option<Arc<Job>> {
        let mut ledger = self.ledger();
        while let Some(job) = ledger.waiting.pop_front() {
            if !job.is_late() {
                return Some(job);
            }
            job.give_up(
                "it waited in line for as long as its asker waits",
                (self.clock)(),
            );
        }
        ledger.working -= 1;
        None
    }

    fn carry_out(&self, job: &Job) {
        let queue = job.begin();
        let mut report = |progress| {
            let is_wanted = job.learn(self.bounded(progress)) && !job.is_late();
            match is_wanted {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let working = || self.worker.work(&job.body, &mut report);
        let worked = catch_unwind(AssertUnwindSafe(working)).unwrap_or_else(|_| {
            let panicked = "the worker panicked".to_owned();
            Err(WorkError::Failed(panicked))
        });
        let total = job.arrival.elapsed();
        match worked {
            Ok(answer) if answer.len() <= self.answer_bytes_max => {
                if job.finish(answer, queue, total, (self.clock)()) {
                    self.metrics.answered(queue, total);
                    tracing::debug!(job = %job.id, total_ms = total.as_millis(), "answered");
                }
            }
            Ok(answer) => {
                let (bytes, most) = (answer.len(), self.answer_bytes_max);
                tracing::error!(
                    bytes,
                    most,
                    "the worker's answer is longer than the task allows"
                );
                self.give_up(job, &failure());
            }
            Err(error) => self.give_up(job, &refusal(error)),
        }
    }

    /// A report without an answer that nobody may be sent.
    fn bounded(&self, mut progress: Progress) -> Progress {
        let bytes = progress.answer.as_ref().map_or(0, Vec::len);
        if self.answer_bytes_max < bytes {
            tracing::error!(
                bytes,
                "the worker reports a longer answer than the task allows"
            );
            progress.answer = None;
        }
        progress
    }

    fn give_up(&self, job: &Job, refusal: &Refusal) {
        if job.give_up(&refusal.message, (self.clock)()) {
            self.metrics.count(refusal.code.as_str());
        }
    }
}

impl Ledger {
    fn check_room(&self, job: &Job, benches: usize) -> Result<(), Refusal> {
        let busy = |message: String| Err(Refusal::new(Code::Busy, message));
        if self.is_closed {
            return busy("this miner is stopping; ask another".into());
        }
        if self.working < benches {
            return Ok(());
        }
        let waiting = self.waiting.len();
        let of_one = self.waiting.iter().filter(|other| other.asker == job.asker);
        if WAITING_MAX <= waiting || WAITING_OF_ONE_MAX <= of_one.count() {
            return busy(format!(
                "{} jobs are worked on and {waiting} wait; ask another miner or try again",
                self.working
            ));
        }
        Ok(())
    }

    /// Forgets the jobs that have been over for long enough, and some of those that are over if they are too many or too large: the
    /// oldest of whoever has the most.
    fn sweep(&mut self, now_ms: u64) {
        self.jobs.retain(|_, job| {
            let is_old = |since: Option<u64>, most| since.is_some_and(|at| at + most < now_ms);
            let kept = job.keeping();
            !is_old(kept.over_ms, KEPT_MS) && !is_old(kept.fetched_ms, FETCHED_MS)
        });
        let over = self.jobs.values().filter_map(|job| {
            let kept = job.keeping();
            Some((kept.over_ms?, job.id, job.asker, kept.bytes))
        });
        let mut over: Vec<_> = over.collect();
        over.sort_unstable();
        let mut bytes: usize = over.iter().map(|(.., bytes)| bytes).sum();
        while KEPT_MAX < over.len() || KEPT_BYTES_MAX < bytes {
            let count = |asker| over.iter().filter(|(_, _, of, _)| of == asker).count();
            let Some(most) = over.iter().map(|(_, _, asker, _)| count(asker)).max() else {
                return;
            };
            let place = over
                .iter()
                .position(|(_, _, asker, _)| count(asker) == most);
            let (_, id, _, freed) = over.remove(place.expect("somebody has the most"));
            self.jobs.remove(&id);
            bytes -= freed;
        }
    }
}
