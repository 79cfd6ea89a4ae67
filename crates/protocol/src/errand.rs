//! The asker's side of a job, the same for whoever asks: submit, poll until it is over, fetch the answer.
//!
//! ```text
//!  Errand ──▶ Submit ──▶ Poll (waits at the miner) ──▶ … ──▶ over ──▶ Poll for the answer ──▶ Finished
//!                           │ news: told to the asker        │ failed, cancelled, too slow, silent
//!                           └─▶ no sooner than PACE again    └──▶ Trouble
//! ```
//!
//! A validator's probe and a customer's job are carried out by this one function, so that their messages look alike in kind, order
//! and rhythm. Sockets, signatures and the clock are a [`Courier`]'s.
//!
//! # What always holds
//!
//! * It ends: after the errand's patience, or when nothing was heard of the miner for [`SILENCE`].
//! * A poll that is lost costs nothing; a miner that refuses to know the job ends the errand at once.
//! * However often a miner has news, it is asked no sooner than [`PACE`] after the last question.
//! * What has been found so far is looked at as soon as there is anything, and every [`GLANCE`] after, whether or not anybody is
//!   there to see it.

use std::time::Duration;

use bytes::Bytes;

use crate::{Digest, JobReply, JobState, JobStatus, Letter, POLL_MS_MAX, SignedWorkReceipt};

/// Between two polls pass at least so many.
const PACE: Duration = Duration::from_millis(500);
/// Between two looks at what has been found so far pass at least so many. Everybody looks, so that nobody is known by it.
const GLANCE: Duration = Duration::from_secs(5);
/// A miner of whom nothing is heard for so long is given up. A poll waits at most [`POLL_MS_MAX`] of it.
const SILENCE: Duration = Duration::from_secs(20);

/// Carries signed messages to one miner about one job.
pub trait Courier: Sync {
    /// Why a message had no reply.
    type Error: Send;

    /// Signs a letter, in an envelope of its own, sends it and reads the reply. A reply may come as late as
    /// [`Letter::wait_ms`] and a few seconds for the way; the courier gives up after that. [`Letter::Submit`] is sent in the envelope
    /// whose hash names the job.
    fn carry(&self, letter: Letter) -> impl Future<Output = Result<JobReply, Self::Error>> + Send;

    /// Whether the same letter could still be answered: true of a broken connection, false of a refusal.
    fn may_recover(error: &Self::Error) -> bool;

    /// Is shown the best answer so far, unread, from time to time while the work goes on.
    fn show(&self, answer: Bytes) {
        drop(answer);
    }

    /// Waits.
    fn rest(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// The time since some moment.
    fn now(&self) -> Duration;
}

/// A job to be carried out by one miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Its name: the hash of the submission.
    pub id: Digest,
    /// Whether the miner has it already, from before the asker started again.
    pub is_submitted: bool,
    /// How long the answer is waited for, counted from here.
    pub patience: Duration,
}

/// What a job came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// The task's answer, unread.
    pub body: Bytes,
    /// What the miner signed, unchecked.
    pub receipt: Option<SignedWorkReceipt>,
}

/// Why a job came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble<E> {
    /// A message had no reply, or a refusal.
    #[error("{0}")]
    Lost(E),
    /// What the miner says makes no sense.
    #[error("breaks the protocol of jobs: {0}")]
    Protocol(&'static str),
    /// The miner gave up, in its own words.
    #[error("the miner gave up: {0}")]
    Failed(String),
    /// The job was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TooSlow(Duration),
}

impl Errand {
    /// Submits the job, follows it, telling of every status, and fetches the answer.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the job with the miner: send [`Letter::Cancel`] to end it there, or run the errand again with
    /// `is_submitted`.
    pub async fn run<C: Courier>(
        self,
        courier: &C,
        mut tell: impl FnMut(&JobStatus) + Send,
    ) -> Result<Finished, Trouble<C::Error>> {
        let mut conversation = Conversation {
            errand: self,
            courier,
            begun: courier.now(),
            heard: courier.now(),
        };
        let first = match self.is_submitted {
            false => courier.carry(Letter::Submit).await.map_err(Trouble::Lost)?,
            true => conversation.ask(Letter::status(self.id, 0, 0)).await?,
        };
        let mut status = conversation.status(first, 0)?;
        let mut glanced = None;
        tell(&status);
        while !status.state.is_over() {
            let asked = courier.now();
            conversation.ensure_patience()?;
            // Always the longest: what is left of its patience would tell who asks.
            let letter = Letter::status(self.id, status.version, POLL_MS_MAX);
            let reply = conversation.ask(letter).await?;
            conversation.ensure_patience()?;
            let next = conversation.status(reply, status.version)?;
            if next != status {
                tell(&next);
            }
            status = next;
            let now = courier.now();
            let is_due = glanced.is_none_or(|at| GLANCE <= now.saturating_sub(at));
            if is_due && status.has_answer && !status.state.is_over() {
                glanced = Some(now);
                if let JobReply::Answer { body, .. } =
                    conversation.ask(Letter::answer(self.id)).await?
                {
                    courier.show(body);
                }
            }
            let early = PACE.saturating_sub(courier.now().saturating_sub(asked));
            if !status.state.is_over() && !early.is_zero() {
                courier.rest(early).await;
            }
        }
        match status.state {
            JobState::Cancelled => Err(Trouble::Cancelled),
            JobState::Failed => Err(Trouble::Failed(status.message.unwrap_or_default())),
            _ => conversation.fetch().await,
        }
    }
}

struct Conversation<'a, C> {
    errand: Errand,
    courier: &'a C,
    begun: Duration,
    heard: Duration,
}

impl<C: Courier> Conversation<'_, C> {
    fn ensure_patience(&self) -> Result<(), Trouble<C::Error>> {
        let gone = self.courier.now().saturating_sub(self.begun);
        match gone < self.errand.patience {
            true => Ok(()),
            false => Err(Trouble::TooSlow(self.errand.patience)),
        }
    }

    /// Asks until there is a reply, or the miner has been silent for too long.
    async fn ask(&mut self, letter: Letter) -> Result<JobReply, Trouble<C::Error>> {
        loop {
            match self.courier.carry(letter).await {
                Ok(reply) => {
                    self.heard = self.courier.now();
                    return Ok(reply);
                }
                Err(error) => {
                    let silent = self.courier.now().saturating_sub(self.heard);
                    if !C::may_recover(&error) || SILENCE <= silent {
                        return Err(Trouble::Lost(error));
                    }
                }
            }
            self.courier.rest(PACE).await;
        }
    }

    fn status(&self, reply: JobReply, seen: u64) -> Result<JobStatus, Trouble<C::Error>> {
        let JobReply::Status(status) = reply else {
            return Err(Trouble::Protocol("an answer where a status was asked for"));
        };
        if status.id != self.errand.id {
            return Err(Trouble::Protocol("the status of another job"));
        }
        if status.version < seen {
            return Err(Trouble::Protocol("an older status than before"));
        }
        Ok(status)
    }

    async fn fetch(mut self) -> Result<Finished, Trouble<C::Error>> {
        match self.ask(Letter::answer(self.errand.id)).await? {
            JobReply::Answer { body, receipt, .. } => Ok(Finished { body, receipt }),
            JobReply::Status(_) => Err(Trouble::Protocol("a job is done and has no answer")),
        }
    }
}
