//! Letters to one miner about one job: signed, sent, and given up when the miner cannot be reached.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::Hotkey;
use protocol::{Code, Courier, Digest, JobReply, Letter};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::directory::Miner;
use crate::jobs::Rhythm;
use crate::market::Market;
use crate::signer::Signed;
use crate::transport::MinerError;

/// For a letter's way there and back, and the miner's checks.
const WAY: Duration = Duration::from_secs(5);

/// Carries the letters about one job to one miner.
pub(super) struct Post {
    pub(super) market: Arc<Market>,
    pub(super) miner: Miner,
    /// Which key signs.
    asker: Hotkey,
    /// The task's request.
    request: Bytes,
    /// The submission, signed; its hash is the job's name.
    submission: Option<Signed>,
    rhythm: Rhythm,
    born: Instant,
    /// Since when the miner cannot be reached.
    unreached: Mutex<Option<Instant>>,
    /// The figure that the miner told last.
    claim: Mutex<Option<f64>>,
    /// Takes the best answers so far; one that comes while another is looked at is dropped.
    found: mpsc::Sender<Find>,
}

/// A best answer so far, unread.
pub(super) struct Find {
    pub(super) body: Bytes,
    /// The figure that the miner had told before: the answer has to be as good.
    pub(super) claim: Option<f64>,
}

/// A letter without a reply.
#[derive(Debug)]
pub(super) struct Miss {
    pub(super) error: MinerError,
    /// Whether no other letter will fare better.
    is_final: bool,
}

impl Post {
    /// For a job that the miner has not heard of.
    pub(super) fn begin(
        market: Arc<Market>,
        miner: Miner,
        request: Bytes,
        rhythm: Rhythm,
        found: mpsc::Sender<Find>,
    ) -> (Self, Digest, Hotkey) {
        let submission = Letter::Submit;
        let body = submission.body(&request);
        let signed = market.signer.sign(submission.route(), body, miner.hotkey);
        let (job, asker) = (signed.request_hash, signed.signer);
        let mut post = Self::resume(market, miner, asker, request, rhythm, found);
        post.submission = Some(signed);
        (post, job, asker)
    }

    /// For a job that the miner has.
    pub(super) fn resume(
        market: Arc<Market>,
        miner: Miner,
        asker: Hotkey,
        request: Bytes,
        rhythm: Rhythm,
        found: mpsc::Sender<Find>,
    ) -> Self {
        Self {
            market,
            miner,
            asker,
            request,
            submission: None,
            rhythm,
            born: Instant::now(),
            unreached: Mutex::default(),
            claim: Mutex::default(),
            found,
        }
    }

    /// Signs a letter; the submission has been signed already.
    fn sign(&self, letter: &Letter) -> Option<Signed> {
        match letter {
            Letter::Submit => self.submission.clone(),
            Letter::Poll(_) | Letter::Cancel(_) => self.market.signer.sign_as(
                &self.asker,
                letter.route(),
                letter.body(&self.request),
                self.miner.hotkey,
            ),
        }
    }

    async fn send(&self, letter: Letter) -> Result<JobReply, MinerError> {
        let Some(signed) = self.sign(&letter) else {
            let message = "the key that submitted the job is no longer this gateway's";
            return Err(MinerError::Protocol(message.into()));
        };
        let limit = (Duration::from_millis(letter.wait_ms()) + WAY) / self.rhythm.tempo;
        let kind = self.market.kind;
        let bytes_max = letter.reply_bytes_max(kind.limits().answer_bytes);
        let transport = &self.market.transport;
        let reply = transport.job(self.miner, signed, &kind.id(), bytes_max);
        let reply = timeout(limit, reply).await;
        reply.unwrap_or(Err(MinerError::Slow(limit)))
    }

    /// Whether another letter could fare better than one that failed like this.
    fn is_final(&self, error: &MinerError) -> bool {
        let mut unreached = self
            .unreached
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match error {
            MinerError::Connection(_) => {
                let since = unreached.get_or_insert_with(Instant::now);
                self.rhythm.unreached <= since.elapsed()
            }
            MinerError::Slow(_) => false,
            MinerError::Refused(refusal) => !matches!(refusal.code, Code::Busy | Code::Failed),
            MinerError::Protocol(_) | MinerError::Receipt(_) => true,
        }
    }
}

impl Courier for Post {
    type Error = Miss;

    async fn carry(&self, letter: Letter) -> Result<JobReply, Miss> {
        let reply = self.send(letter).await;
        match reply {
            Ok(reply) => {
                let mut unreached = self
                    .unreached
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *unreached = None;
                drop(unreached);
                if let JobReply::Status(status) = &reply {
                    *self.claim.lock().unwrap_or_else(PoisonError::into_inner) = status.figure;
                }
                Ok(reply)
            }
            Err(error) => {
                let is_final = self.is_final(&error);
                Err(Miss { error, is_final })
            }
        }
    }

    fn may_recover(miss: &Miss) -> bool {
        !miss.is_final
    }

    fn show(&self, answer: Bytes) {
        let claim = *self.claim.lock().unwrap_or_else(PoisonError::into_inner);
        let find = Find {
            body: answer,
            claim,
        };
        // The next one is better anyway.
        drop(self.found.try_send(find));
    }

    async fn rest(&self, duration: Duration) {
        tokio::time::sleep(duration / self.rhythm.tempo).await;
    }

    fn now(&self) -> Duration {
        self.born.elapsed() * self.rhythm.tempo
    }
}
