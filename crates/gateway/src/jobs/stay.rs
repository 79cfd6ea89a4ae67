//! A job's stay at one miner: what is told and found on the way, what an answer must be, and the parting when it is cancelled.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use protocol::{Courier, Finished, JobReply, JobState, JobStatus, Letter, SignedWorkReceipt};
use tasks::Kind;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::condition::Asking;
use crate::jobs::board::Entry;
use crate::jobs::measure;
use crate::jobs::post::{Find, Post};
use crate::jobs::pulse::Pulse;
use crate::jobs::{Given, Job, Jobs, Place, State};
use crate::market::Market;
use crate::transport::MinerError;

/// A job's stay at one miner.
pub(super) struct Stay<'a> {
    pub(super) jobs: &'a Jobs,
    pub(super) entry: &'a Entry,
    pub(super) place: &'a Place,
    pub(super) started: Instant,
    pub(super) pulse: Pulse,
    /// Whether it gave an answer that does not hold, or was worse than it had claimed.
    pub(super) is_liar: AtomicBool,
    /// Keeps the miner marked as busy with us.
    pub(super) _asking: Asking,
}

impl Stay<'_> {
    /// Puts on the board what the miner says.
    pub(super) fn tell(&self, market: &Market, status: &JobStatus, is_first: bool) {
        if is_first {
            let wait = self.started.elapsed();
            let conditions = &market.conditions;
            conditions.began(&self.place.miner, wait, Instant::now());
        }
        self.pulse.feel(status, Instant::now());
        let is_working = matches!(status.state, JobState::Working | JobState::Done);
        let is_believed = !self.is_liar.load(Ordering::Relaxed);
        self.entry.change(|job| {
            if is_first {
                job.place = Some(self.place.clone());
            }
            job.state = match is_working {
                true => State::Working,
                false => State::Waiting,
            };
            job.fraction = finite(status.fraction).unwrap_or(0.0).clamp(0.0, 1.0);
            if is_believed {
                job.figure = status.figure.and_then(finite).or(job.figure);
            }
        });
        if is_first {
            self.entry.dirty.notify_one();
        }
    }

    /// Keeps the best answers so far that hold, and hears no more claims of a miner whose answers do not bear out the last; goes on until
    /// dropped.
    pub(super) async fn look(
        &self,
        kind: &'static dyn Kind,
        mut finds: mpsc::Receiver<Find>,
    ) -> Infallible {
        while let Some(Find { body, claim }) = finds.recv().await {
            match held(self.jobs, kind, self.entry, body, unproved).await {
                Ok(held) => {
                    let is_belied = measure::belies(held.figure, claim);
                    if is_belied && !self.is_liar.swap(true, Ordering::Relaxed) {
                        tracing::info!(miner = %self.place.miner, ?claim, found = ?held.figure, "a miner claims more than it has");
                    }
                    let given = given(self.place, held, None);
                    self.entry.change(|job| {
                        job.keep(given);
                        if is_belied {
                            job.figure = None;
                        }
                    });
                    self.entry.dirty.notify_one();
                }
                Err(error) => {
                    tracing::debug!(miner = %self.place.miner, %error, "a partial answer that does not hold");
                    self.is_liar.store(true, Ordering::Relaxed);
                    self.entry.change(|job| job.figure = None);
                }
            }
        }
        std::future::pending().await
    }
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// An answer that is one to the job's request, and its figure.
struct Held {
    body: Arc<str>,
    figure: Option<f64>,
}

fn given(place: &Place, held: Held, receipt: Option<&SignedWorkReceipt>) -> Given {
    let Held { body, figure } = held;
    Given {
        body,
        figure,
        miner: place.miner,
        uid: place.uid,
        netuid: place.netuid,
        request: place.job,
        receipt: receipt.map(SignedWorkReceipt::to_header),
    }
}

/// An answer, if it is one to the job's request and `proof` finds nothing against it. Looked at off the threads that serve others.
async fn held(
    jobs: &Jobs,
    kind: &'static dyn Kind,
    entry: &Entry,
    body: Bytes,
    proof: impl FnOnce(&[u8]) -> Result<(), MinerError> + Send + 'static,
) -> Result<Held, MinerError> {
    let request = entry.job.borrow().request.clone();
    let desk = jobs.desk().await;
    let looking = spawn_blocking(move || {
        let _desk = desk;
        proof(&body)?;
        kind.check_answer_to(request.as_bytes(), &body)
            .map_err(MinerError::formless)?;
        let text = std::str::from_utf8(&body).map_err(MinerError::formless)?;
        Ok(Held {
            body: Arc::from(text),
            figure: measure::figure(&kind.id(), text),
        })
    });
    let ended_badly = |error| format!("the task's check ended badly: {error}");
    let looked = looking.await.map_err(ended_badly);
    looked.unwrap_or_else(|words| Err(MinerError::Protocol(words)))
}

/// Nothing has to be proved of what is not final.
fn unproved(_: &[u8]) -> Result<(), MinerError> {
    Ok(())
}

/// The answer, if it holds.
pub(super) async fn checked(
    jobs: &Jobs,
    kind: &'static dyn Kind,
    entry: &Entry,
    place: &Place,
    finished: Finished,
) -> Result<Given, MinerError> {
    let Finished { body, receipt } = finished;
    let missing = || MinerError::Receipt("a finished job without one".into());
    let receipt = receipt.ok_or_else(missing)?;
    let (signed, miner, job) = (receipt.clone(), place.miner, place.job);
    let proof = move |body: &[u8]| {
        let proved = signed.check(miner, &kind.id(), job, body);
        proved.map_err(|error| MinerError::Receipt(error.to_string()))
    };
    let held = held(jobs, kind, entry, body, proof).await?;
    Ok(given(place, held, Some(&receipt)))
}

/// Tells a miner that its job is no longer wanted of it, and fetches what it has found.
pub(super) async fn part(jobs: &Jobs, entry: &Entry, job: &Job, place: &Place) {
    let markets = jobs.setting().subnets.markets();
    let Some(market) = markets.into_iter().find(|own| own.netuid == place.netuid) else {
        return;
    };
    let kind = market.kind;
    let (found, _) = mpsc::channel(1);
    let request = Bytes::copy_from_slice(job.request.as_bytes());
    let rhythm = jobs.setting().rhythm;
    let post = Post::resume(market, place.reached(), place.asker, request, rhythm, found);
    if let Err(miss) = post.carry(Letter::Cancel(place.job)).await {
        tracing::debug!(job = %job.id, error = %miss.error, "a job cannot be cancelled at its miner");
        return;
    }
    let Ok(JobReply::Answer { body, .. }) = post.carry(Letter::answer(place.job)).await else {
        return;
    };
    if let Ok(held) = held(jobs, kind, entry, body, unproved).await {
        let found = given(place, held, None);
        entry.job.send_modify(|job| {
            job.keep(found);
            job.touch(daemon::unix_ms());
        });
    }
}
