//! A job's stay at one miner: what is told and found on the way, what an answer must be, and the parting when it is cancelled.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use protocol::{Courier, Finished, JobReply, JobState, JobStatus, Letter, SignedWorkReceipt};
use tasks::Kind;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::condition::Asking;
use crate::jobs::board::Entry;
use crate::jobs::post::Post;
use crate::jobs::{Given, Job, Jobs, Place, State};
use crate::market::Market;
use crate::transport::MinerError;

/// A job's stay at one miner.
pub(super) struct Stay<'a> {
    pub(super) entry: &'a Entry,
    pub(super) place: &'a Place,
    pub(super) started: Instant,
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
        let is_working = matches!(status.state, JobState::Working | JobState::Done);
        self.entry.change(|job| {
            if is_first {
                job.place = Some(self.place.clone());
            }
            job.state = match is_working {
                true => State::Working,
                false => State::Waiting,
            };
            job.fraction = finite(status.fraction).unwrap_or(0.0).clamp(0.0, 1.0);
            job.figure = status.figure.and_then(finite).or(job.figure);
        });
        if is_first {
            self.entry.dirty.notify_one();
        }
    }

    /// Keeps the best answers so far that hold; goes on until dropped.
    pub(super) async fn look(&self, kind: &'static dyn Kind, mut finds: mpsc::Receiver<Bytes>) {
        while let Some(body) = finds.recv().await {
            match held(kind, self.entry, body).await {
                Ok(body) => {
                    let given = given(self.place, body, None);
                    self.entry.change(|job| job.answer = Some(given));
                    self.entry.dirty.notify_one();
                }
                Err(error) => {
                    tracing::debug!(miner = %self.place.miner, %error, "a partial answer that does not hold")
                }
            }
        }
        std::future::pending().await
    }
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

fn given(place: &Place, body: Arc<str>, receipt: Option<&SignedWorkReceipt>) -> Given {
    Given {
        body,
        miner: place.miner,
        uid: place.uid,
        netuid: place.netuid,
        request: place.job,
        receipt: receipt.map(SignedWorkReceipt::to_header),
    }
}

/// An answer's text, if it is one to the job's request. Looked at off the threads that serve others.
async fn held(kind: &'static dyn Kind, entry: &Entry, body: Bytes) -> Result<Arc<str>, MinerError> {
    let request = entry.job.borrow().request.clone();
    let looking = spawn_blocking(move || {
        kind.check_answer_to(request.as_bytes(), &body)
            .map_err(|error| error.to_string())?;
        let text = std::str::from_utf8(&body).map_err(|error| error.to_string())?;
        Ok(Arc::from(text))
    });
    let looked = looking
        .await
        .unwrap_or_else(|error| Err(format!("the task's check ended badly: {error}")));
    looked.map_err(MinerError::Protocol)
}

/// The answer, if it holds.
pub(super) async fn checked(
    kind: &'static dyn Kind,
    entry: &Entry,
    place: &Place,
    finished: Finished,
) -> Result<Given, MinerError> {
    let Finished { body, receipt } = finished;
    let missing = || MinerError::Receipt("a finished job without one".into());
    let receipt = receipt.ok_or_else(missing)?;
    receipt
        .check(place.miner, &kind.id(), place.job, &body)
        .map_err(|error| MinerError::Receipt(error.to_string()))?;
    let body = held(kind, entry, body).await?;
    Ok(given(place, body, Some(&receipt)))
}

/// Tells a miner that its job is cancelled, and fetches what it has found.
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
    if let Ok(body) = held(kind, entry, body).await {
        let found = given(place, body, None);
        entry.job.send_modify(|job| {
            job.answer = Some(found);
            job.touch(daemon::unix_ms());
        });
    }
}
