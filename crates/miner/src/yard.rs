//! Jobs: work that takes minutes, on threads of its own, with progress that can be followed.
//!
//! ```text
//!  submit ──▶ a free bench? ──▶ the worker, on a thread ──▶ done, with a receipt
//!                │ none: wait in line    │ every report ──▶ the job's view ──▶ polls wake
//!                │ a long line: busy     │ failed, panicked ──▶ failed
//!                └── cancelled, or too late, or nobody asks ─┴─▶ told to break at its next report
//! ```
//!
//! # Who is next
//!
//! 1. There are as many benches as processors, and one more for guests; fewer if fewer answers are wanted at once, and where only one
//!    is, there is no room for guests.
//! 2. While all but one are taken, the last is only for an asker for whom nothing is being worked on: whatever one asker orders,
//!    everybody else is still served.
//! 3. Whenever a bench is free, the line is served by turns of askers ([`Line`]), not of jobs.
//!
//! # What always holds
//!
//! * There are at most so many threads as benches, and a worker that goes on regardless keeps its own until it ends.
//! * At most [`WAITING_MAX`] jobs wait, at most [`WAITING_OF_ONE_MAX`] of one asker; whoever comes then is told to ask another.
//! * A job is its submitter's: nobody else can follow it, fetch from it or cancel it.
//! * A job that its asker has not asked about for [`UNASKED_MS`] is broken off, and what it has found is kept as that of a cancelled one.
//! * A job that is over is kept until a minute after its answer was fetched, for [`KEPT_MS`] at most. When there are more than
//!   [`KEPT_MAX`] of them, or they hold more than [`KEPT_BYTES_MAX`], the oldest go of whoever has the most: nobody pushes out another's.
//! * Jobs live in memory only: a miner that starts again knows none of them.

use std::collections::HashMap;
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
use crate::line::Line;
use crate::metrics::Metrics;
use crate::server::Clock;
use crate::workshop::{failure, refusal};

/// The most jobs in line for a bench.
const WAITING_MAX: usize = 16;
/// The most jobs of one asker in line.
const WAITING_OF_ONE_MAX: usize = 4;
/// How long a job goes on of which nobody asks how it is getting on. Askers ask again within [`protocol::POLL_MS_MAX`]; the rest is for
/// a gateway, or the machine under it, to start again.
const UNASKED_MS: u64 = 5 * 60 * 1_000;
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
    benches: Benches,
    answer_bytes_max: usize,
    clock: Clock,
    ledger: Mutex<Ledger>,
    polls: Semaphore,
}

/// How many jobs are worked on at once.
#[derive(Clone, Copy)]
struct Benches {
    /// Of whomever.
    own: usize,
    /// Together with the one for guests.
    all: usize,
}

#[derive(Default)]
struct Ledger {
    jobs: HashMap<Digest, Arc<Job>>,
    line: Line<Arc<Job>>,
    /// Whose jobs are being worked on, an entry for each.
    working: Vec<Hotkey>,
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
    /// A yard with a bench for each processor and one for guests, or fewer if fewer answers are wanted at once.
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
            benches: Benches::of(processors, answers_max),
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
        let mut ledger = inner.swept();
        let job = Arc::new(Job::new(submission, patience, (inner.clock)()));
        if ledger.has_bench(&job.asker, inner.benches) {
            ledger.working.push(job.asker);
            if let Err(error) = inner.clone().start(job.clone()) {
                ledger.leave(&job.asker);
                tracing::error!(%error, "cannot start a worker's thread");
                return Err(failure());
            }
        } else {
            ledger.check_room(&job.asker)?;
            ledger.line.push(job.asker, job.clone());
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
        self.0.ledger().line.retain(|waiting| waiting.id != id);
        if job.cancel((self.0.clock)()) {
            self.0.metrics.count("cancelled");
        }
        Ok(job.status())
    }

    /// Takes no more jobs and gives up those there are.
    pub(crate) fn close(&self) {
        let mut ledger = self.0.ledger();
        ledger.is_closed = true;
        ledger.line.clear();
        for job in ledger.jobs.values() {
            job.give_up("this miner is stopping; ask another", (self.0.clock)());
        }
    }

    /// How many jobs there are.
    pub(crate) fn census(&self) -> Census {
        let ledger = self.0.ledger();
        Census {
            working: ledger.working.len(),
            waiting: ledger.line.len(),
            kept: ledger.jobs.values().filter(|job| job.is_over()).count(),
        }
    }

    fn find(&self, asker: Hotkey, id: Digest) -> Result<Arc<Job>, Refusal> {
        let ledger = self.0.swept();
        let found = ledger.jobs.get(&id).filter(|job| job.asker == asker);
        let found = found.cloned().ok_or_else(|| {
            let message = format!("this miner has no job {id} of yours; submit it again");
            Refusal::new(Code::UnknownJob, message)
        })?;
        found.ask((self.0.clock)());
        Ok(found)
    }
}

impl Inner {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger without what nobody waits for any more.
    fn swept(&self) -> MutexGuard<'_, Ledger> {
        let now_ms = (self.clock)();
        let mut ledger = self.ledger();
        for job in ledger.jobs.values() {
            self.break_off_unasked(job, now_ms);
        }
        ledger.line.retain(|job| {
            if job.is_late() {
                let why = "it waited in line for as long as its asker waits";
                job.give_up(why, now_ms);
            }
            !job.is_over()
        });
        ledger.forget(now_ms);
        ledger
    }

    /// Ends a job that nobody asks about.
    fn break_off_unasked(&self, job: &Job, now_ms: u64) {
        if job.unasked_ms(now_ms) <= UNASKED_MS {
            return;
        }
        let why = format!("nobody has asked about it for {} s", UNASKED_MS / 1_000);
        if job.abandon(&why, now_ms) {
            self.metrics.count("abandoned");
        }
    }

    /// A thread of its own, and not the runtime's: one that hangs does not keep the process from ending.
    fn start(self: Arc<Self>, job: Arc<Job>) -> std::io::Result<()> {
        let work = move || {
            let mut next = Some(job);
            while let Some(job) = next.take() {
                self.carry_out(&job);
                next = self.next(&job.asker);
            }
        };
        thread::Builder::new()
            .name("worker".into())
            .spawn(work)
            .map(drop)
    }

    /// The next in line for the bench that an asker's job leaves; without any the bench is left. If the bench for guests becomes free by
    /// it, that has a next as well.
    fn next(self: &Arc<Self>, asker: &Hotkey) -> Option<Arc<Job>> {
        let mut ledger = self.swept();
        ledger.leave(asker);
        let next = ledger.call(self.benches)?;
        while let Some(guest) = ledger.call(self.benches) {
            if let Err(error) = self.clone().start(guest.clone()) {
                ledger.leave(&guest.asker);
                tracing::error!(%error, "cannot start a worker's thread");
                self.give_up(&guest, &failure());
            }
        }
        Some(next)
    }

    fn carry_out(&self, job: &Job) {
        let queue = job.begin();
        let mut report = |progress| {
            job.learn(self.bounded(progress));
            self.break_off_unasked(job, (self.clock)());
            match job.is_over() || job.is_late() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
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

impl Benches {
    fn of(processors: usize, answers_max: usize) -> Self {
        let own = processors.min(answers_max.saturating_sub(1)).max(1);
        let all = answers_max.clamp(1, own + 1);
        Self { own, all }
    }
}

impl Ledger {
    /// Whether a job of this asker may be worked on at once.
    fn has_bench(&self, asker: &Hotkey, benches: Benches) -> bool {
        let taken = self.working.len();
        let is_guest = !self.working.contains(asker);
        !self.is_closed && (taken < benches.own || is_guest && taken < benches.all)
    }

    /// Calls the next in line for whom there is a bench.
    fn call(&mut self, benches: Benches) -> Option<Arc<Job>> {
        let mut line = std::mem::take(&mut self.line);
        let next = line.take(|asker| self.has_bench(asker, benches));
        self.line = line;
        self.working.extend(next.as_ref().map(|job| job.asker));
        next
    }

    /// Frees the bench of one of an asker's jobs.
    fn leave(&mut self, asker: &Hotkey) {
        let place = self.working.iter().position(|other| other == asker);
        self.working
            .swap_remove(place.expect("a job that is worked on has its entry"));
    }

    fn check_room(&self, asker: &Hotkey) -> Result<(), Refusal> {
        let busy = |message: String| Err(Refusal::new(Code::Busy, message));
        if self.is_closed {
            return busy("this miner is stopping; ask another".into());
        }
        let waiting = self.line.len();
        if WAITING_MAX <= waiting || WAITING_OF_ONE_MAX <= self.line.of(asker) {
            return busy(format!(
                "{} jobs are worked on and {waiting} wait; ask another miner or try again",
                self.working.len()
            ));
        }
        Ok(())
    }

    /// Forgets the jobs that have been over for long enough, and some of those that are over if they are too many or too large: the
    /// oldest of whoever has the most.
    fn forget(&mut self, now_ms: u64) {
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
