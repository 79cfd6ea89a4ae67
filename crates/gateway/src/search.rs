//! Finds a miner that answers: picks one, asks, and on failure before the first token asks another.
//!
//! ```text
//!  listed · serves the model · not set aside · not tried ──choose──▶ ask ──first token──▶ Begun
//!        ▲                                                           │ failed, refused, silent
//!        └───────────────────────────────────────────────────────────┘
//! ```
//!
//! # What a miner's no means
//!
//! * It failed, was silent too long or broke the protocol: it is set aside (see [`crate::condition`]), and the next is asked.
//! * It is busy, or does not accept our key or clock: the next is asked; the miner is not to blame.
//! * It says that the *request* is at fault (a prompt too long): one more miner is asked, because a lazy one could say
//!   so to everything. If the second agrees, or there is no second, the customer is told.
//!
//! # Hedging
//!
//! If [`Patience::hedge`] is set and no token has come by then, one more miner is asked at the same time. The first token
//! decides; the slower request is dropped, which closes its connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use primitives::Hotkey;
use protocol::{Answer, AnswerError, Ask, Code, Digest, Refusal, Route};
use tokio::time::{sleep, timeout};

use crate::choice::{Candidate, choose};
use crate::condition::{Asking, Conditions};
use crate::directory::{Directory, Listed, Miner};
use crate::error::ApiError;
use crate::metrics::{Metrics, Outcome};
use crate::signer::Signer;
use crate::transport::{MinerError, Parts, Transport};

/// How long, and how often, the gateway tries.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the first token of one miner.
    pub first_token: Duration,
    /// Between two signs of life in the middle of an answer.
    pub between: Duration,
    /// For a whole answer.
    pub whole: Duration,
    /// After this time without a token a second miner is asked as well; `None` never.
    pub hedge: Option<Duration>,
    /// Most miners asked for one request.
    pub tries: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_token: Duration::from_secs(15),
            between: Duration::from_secs(15),
            whole: Duration::from_secs(300),
            hedge: None,
            tries: 4,
        }
    }
}

/// What routing works with.
pub struct Market {
    /// Who there is.
    pub directory: Directory,
    /// How they served lately.
    pub conditions: Arc<Conditions>,
    /// How they are reached.
    pub transport: Arc<dyn Transport>,
    /// In whose name they are asked.
    pub signer: Signer,
    /// How long.
    pub patience: Patience,
    /// What happened.
    pub metrics: Metrics,
}

/// A miner that has begun to answer.
pub struct Begun {
    /// Who.
    pub miner: Miner,
    /// The request, as its receipt must name it.
    pub request_hash: Digest,
    /// What has come so far.
    pub answer: Answer,
    /// What is still to come.
    pub parts: Parts,
    /// Keeps the miner marked as busy with us.
    pub asking: Asking,
}

/// The search for one request's miner.
pub struct Search<'a> {
    market: &'a Arc<Market>,
    ask: &'a Ask,
    body: Bytes,
    tried: Vec<Hotkey>,
    /// A miner's word that the request is at fault.
    fault: Option<ApiError>,
}

type Race = FuturesUnordered<BoxFuture<'static, (Miner, Result<Begun, MinerError>)>>;

impl<'a> Search<'a> {
    /// Begins a search; nothing is asked yet.
    pub fn new(market: &'a Arc<Market>, ask: &'a Ask) -> Self {
        let body = Bytes::from(ask.to_body());
        Self {
            market,
            ask,
            body,
            tried: Vec::new(),
            fault: None,
        }
    }

    /// How many miners have been asked.
    pub fn tries(&self) -> usize {
        self.tried.len()
    }

    /// Asks miners not asked yet until one begins to answer.
    ///
    /// # Errors
    ///
    /// The request's fault if miners agree on it, else 503.
    pub async fn next(&mut self) -> Result<Begun, ApiError> {
        let mut race = Race::new();
        self.join(&mut race);
        let hedge = self.market.patience.hedge;
        let hedge_timer = sleep(hedge.unwrap_or(Duration::MAX / 4));
        tokio::pin!(hedge_timer);
        let mut may_hedge = hedge.is_some();
        loop {
            tokio::select! {
                finished = race.next() => match finished {
                    Some((_, Ok(begun))) => return Ok(begun),
                    Some((miner, Err(error))) => {
                        self.note(&miner, error)?;
                        if race.is_empty() {
                            self.join(&mut race);
                        }
                    }
                    None => return Err(self.verdict()),
                },
                () = &mut hedge_timer, if may_hedge => {
                    may_hedge = false;
                    self.join(&mut race);
                }
            }
        }
    }

    /// Lets one more miner join the race, if there is one.
    fn join(&mut self, race: &mut Race) {
        if self.tried.len() >= self.market.patience.tries {
            return;
        }
        let Some(miner) = self.pick() else { return };
        self.tried.push(miner.hotkey);
        let signed = self
            .market
            .signer
            .sign(self.ask, self.body.clone(), miner.hotkey);
        let request_hash = signed.request_hash;
        let asking = self.market.conditions.ask(miner.hotkey);
        let answering = self.market.transport.ask(miner, signed);
        let market = self.market.clone();
        race.push(
            async move {
                let started = Instant::now();
                let limit = market.patience.first_token;
                let first = timeout(limit, first_token(answering)).await;
                let begun = first
                    .unwrap_or(Err(MinerError::Slow(limit)))
                    .map(|(answer, parts)| {
                        let conditions = &market.conditions;
                        conditions.began(&miner.hotkey, started.elapsed(), Instant::now());
                        Begun {
                            miner,
                            request_hash,
                            answer,
                            parts,
                            asking,
                        }
                    });
                (miner, begun)
            }
            .boxed(),
        );
    }

    /// Chooses among those in good standing; those set aside come last, but before nobody.
    fn pick(&self) -> Option<Miner> {
        let listed = self.market.directory.listed();
        let serving = || {
            listed
                .iter()
                .filter(|listed| listed.serves(&self.ask.model))
        };
        let best = serving()
            .filter_map(|listed| listed.standing)
            .fold(0.0, f64::max);
        let now = Instant::now();
        let untried = serving().filter(|listed| !self.tried.contains(&listed.miner.hotkey));
        let read = |listed: &'_ Listed| {
            let reading = self.market.conditions.read(&listed.miner.hotkey, now);
            let (wait_ms, asked_now) = (reading.wait_ms, reading.asked_now);
            let candidate = Candidate {
                standing: listed.standing,
                wait_ms,
                asked_now,
            };
            (reading.available, listed.miner, candidate)
        };
        let (ready, aside): (Vec<_>, Vec<_>) = untried.map(read).partition(|(ready, ..)| *ready);
        let choose_from = |pool: &[(bool, Miner, Candidate)]| {
            let candidates: Vec<Candidate> =
                pool.iter().map(|(.., candidate)| *candidate).collect();
            choose(&candidates, best, &mut rand::rng()).map(|at| pool[at].1)
        };
        choose_from(&ready).or_else(|| choose_from(&aside))
    }

    /// Draws the consequences of a miner's failure.
    fn note(&mut self, miner: &Miner, error: MinerError) -> Result<(), ApiError> {
        let Miner { uid, hotkey, .. } = miner;
        let metrics = &self.market.metrics;
        match error {
            MinerError::Refused(refusal) if is_fault_of_request(refusal.code) => {
                tracing::debug!(%uid, %hotkey, %refusal, "a miner finds fault with the request");
                metrics.tried(hotkey, Outcome::Refused);
                let fault = fault(self.ask.route(), &refusal);
                if self
                    .fault
                    .as_ref()
                    .is_some_and(|known| known.code() == fault.code())
                {
                    return Err(fault);
                }
                self.fault = Some(fault);
            }
            MinerError::Refused(refusal) if refusal.code != Code::Failed => {
                tracing::debug!(%uid, %hotkey, %refusal, "a miner does not take the request");
                metrics.tried(hotkey, Outcome::Refused);
            }
            error => self.market.blame(miner, &error),
        }
        Ok(())
    }

    /// What to tell the customer when nobody is left.
    fn verdict(&mut self) -> ApiError {
        self.fault
            .take()
            .unwrap_or_else(|| ApiError::no_miner(&self.ask.model))
    }
}

impl Market {
    /// Sets a miner aside for having failed.
    pub fn blame(&self, miner: &Miner, error: &MinerError) {
        let Miner { uid, hotkey, .. } = miner;
        tracing::warn!(%uid, %hotkey, %error, "a miner failed; set aside for a while");
        self.conditions.failed(hotkey, Instant::now());
        self.metrics.tried(hotkey, Outcome::Failed);
    }
}

/// Reads an answer up to its first text or its end.
async fn first_token(
    answering: BoxFuture<'static, Result<Parts, MinerError>>,
) -> Result<(Answer, Parts), MinerError> {
    let mut parts = answering.await?;
    let mut answer = Answer::default();
    while answer.text.is_empty() && answer.finish.is_none() {
        let closed = || {
            Err(MinerError::Connection(
                "closed before the first token".into(),
            ))
        };
        let part = parts.next().await.unwrap_or_else(closed)?;
        answer.take(part).map_err(miner_error)?;
    }
    Ok((answer, parts))
}

/// An unusable stream as the miner's failure.
pub fn miner_error(error: AnswerError) -> MinerError {
    match error {
        AnswerError::Refused(refusal) => MinerError::Refused(refusal),
        other => MinerError::Protocol(other.to_string()),
    }
}

fn is_fault_of_request(code: Code) -> bool {
    matches!(
        code,
        Code::PromptTooLong | Code::BadRequest | Code::TooLarge
    )
}

/// A miner's refusal in OpenAI's words.
fn fault(route: Route, refusal: &Refusal) -> ApiError {
    let prompt = match route {
        Route::Chat => "messages",
        Route::Completions => "prompt",
    };
    match refusal.code {
        Code::PromptTooLong => ApiError::context_length(prompt, refusal.message.clone()),
        Code::TooLarge => ApiError::too_large(protocol::BODY_BYTES_MAX),
        _ => {
            let param = refusal.param.as_deref().unwrap_or(prompt);
            ApiError::invalid(param, format!("`{param}` {}", refusal.message))
        }
    }
}
