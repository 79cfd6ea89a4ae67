//! Work that is answered at once, done on threads of its own.
//!
//! ```text
//!  admitted ──▶ a free bench? ──▶ the worker, on a thread ──▶ checked for length, signed ──▶ answer
//!                   │ none: wait                │ panics, fails, or takes longer than askers wait
//!                   └────────── patience ends ──┴──▶ failed
//! ```
//!
//! # What always holds
//!
//! * There are as many benches as processors, so that work in progress is not slowed by more of it, and never more threads.
//! * Whoever waits longer than any asker would is told so, and a worker that goes on regardless keeps its bench and its place
//!   until it ends: late work cannot pile up.
//! * A worker that panics costs its asker the answer and nobody else anything.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::{Code, Refusal, WORK_BYTES_MAX};
use tasks::{Limits, WorkError, Worker};
use tokio::sync::{Semaphore, oneshot};

use crate::admission::Place;

/// The worker and its benches.
#[derive(Clone)]
pub(crate) struct Workshop {
    worker: Arc<dyn Worker>,
    benches: Arc<Semaphore>,
    patience: Duration,
    answer_bytes_max: usize,
}

/// An answer, and how long its request waited for a bench.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) answer: Vec<u8>,
    pub(crate) queue: Duration,
}

impl Workshop {
    pub(crate) fn new(worker: Arc<dyn Worker>, limits: Limits) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            worker,
            benches: Arc::new(Semaphore::new(processors)),
            patience: limits.patience,
            answer_bytes_max: limits.answer_bytes.min(WORK_BYTES_MAX),
        }
    }

    /// Has a request answered. The place is given back when the worker is through, even if nobody waits for it any more.
    pub(crate) async fn answer(
        &self,
        body: Bytes,
        arrival: Instant,
        place: Place,
    ) -> Result<Done, Refusal> {
        let answered = tokio::time::timeout_at(
            (arrival + self.patience).into(),
            self.work(body, arrival, place),
        );
        let Ok(done) = answered.await else {
            let limit = self.patience.as_secs_f32();
            tracing::error!(
                limit,
                "the worker takes longer than askers wait, in seconds"
            );
            let message = format!("the work was not done within {limit} s; ask another miner");
            return Err(Refusal::new(Code::Failed, message));
        };
        let done = done?;
        if self.answer_bytes_max < done.answer.len() {
            let (bytes, most) = (done.answer.len(), self.answer_bytes_max);
            tracing::error!(
                bytes,
                most,
                "the worker's answer is longer than the task allows"
            );
            return Err(failure());
        }
        Ok(done)
    }

    async fn work(&self, body: Bytes, arrival: Instant, place: Place) -> Result<Done, Refusal> {
        let bench = self.benches.clone().acquire_owned().await;
        let queue = arrival.elapsed();
        let (tell, told) = oneshot::channel();
        let worker = self.worker.clone();
        // A thread of its own, and not the runtime's: one that hangs does not keep the process from ending.
        let work = move || {
            let held = (bench, place);
            let answer = worker.work(&body);
            drop(held);
            // Nobody listens any more if the asker left or lost patience.
            let _ = tell.send(answer);
        };
        if let Err(error) = thread::Builder::new().name("worker".into()).spawn(work) {
            tracing::error!(%error, "cannot start a worker's thread");
            return Err(failure());
        }
        match told.await {
            Ok(Ok(answer)) => Ok(Done { answer, queue }),
            Ok(Err(error)) => Err(refusal(error)),
            Err(_) => {
                tracing::error!("the worker panicked");
                Err(failure())
            }
        }
    }
}

/// What the asker is told; what broke inside goes to the log only.
pub(crate) fn refusal(error: WorkError) -> Refusal {
    match error {
        WorkError::Complaint(complaint) => Refusal {
            code: Code::BadRequest,
            message: complaint.to_string(),
            param: complaint.param,
        },
        WorkError::Failed(reason) => {
            tracing::error!(%reason, "the worker failed");
            failure()
        }
    }
}

pub(crate) fn failure() -> Refusal {
    Refusal::new(Code::Failed, "the worker failed; ask another miner")
}
