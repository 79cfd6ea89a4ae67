//! Finds a miner that answers: picks one, asks, and on failure before the first sign of an answer asks another.
//!
//! ```text
//!  listed · serves what is asked · not set aside · not tried ──choose──▶ ask ──it begins──▶ Begun
//!        ▲                                                             │ failed, refused, silent
//!        └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! What is asked, and what counts as having begun, is an [`Errand`]'s business: for text the first token, for work that is
//! done at once the whole answer, checked. A request may be an errand for several subnets (two that serve a model of the
//! same name): each try begins with one of them at random, so that all of them get traffic, and goes on to the others.
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
//! If [`Patience::hedge`](crate::market::Patience::hedge) is set and nothing has come by then, one more miner is asked at the
//! same time. The first to begin decides; the slower request is dropped, which closes its connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use primitives::{Hotkey, NetUid};
use protocol::{Code, Digest, Refusal, Route};
use rand::RngExt;
use tokio::time::{sleep, timeout};

use crate::choice::{Candidate, choose};
use crate::condition::Asking;
use crate::directory::{Listed, Miner};
use crate::error::ApiError;
use crate::market::Market;
use crate::metrics::Outcome;
use crate::signer::Signed;
use crate::transport::{MinerError, Transport};

/// Something to ask of one miner after the other.
pub trait Errand: Send + Sync {
    /// What a miner that has begun has given so far.
    type Came: Send + 'static;

    /// Where it is posted.
    fn route(&self) -> Route;

    /// What is posted.
    fn body(&self) -> Bytes;

    /// Whether a miner says that it serves this.
    fn suits(&self, listed: &Listed) -> bool;

    /// What is asked for, in words for the customer.
    fn wanted(&self) -> &str;

    /// How long one miner may take to begin.
    fn patience(&self, market: &Market) -> Duration;

    /// Asks one miner, until it begins to answer.
    fn put(
        &self,
        transport: &dyn Transport,
        miner: Miner,
        signed: Signed,
    ) -> BoxFuture<'static, Result<Self::Came, MinerError>>;

    /// What to tell the customer of a refusal that finds fault with the request.
    fn fault(&self, refusal: &Refusal) -> ApiError;
}

/// A miner that has begun to answer.
pub struct Begun<C> {
    /// Where.
    pub market: Arc<Market>,
    /// Who.
    pub miner: Miner,
    /// The request, as its receipt must name it.
    pub request_hash: Digest,
    /// What has come so far.
    pub came: C,
    /// Keeps the miner marked as busy with us.
    pub asking: Asking,
}

/// The search for one request's miner.
pub struct Search<'a, E: Errand> {
    markets: Vec<Arc<Market>>,
    errand: &'a E,
    tried: Vec<(NetUid, Hotkey)>,
    /// A miner's word that the request is at fault.
    fault: Option<ApiError>,
}

/// One try, and whom to blame if it fails.
type Ended<C> = (Arc<Market>, Miner, Result<Begun<C>, MinerError>);
type Race<C> = FuturesUnordered<BoxFuture<'static, Ended<C>>>;

impl<'a, E: Errand> Search<'a, E> {
    /// Begins a search on these markets; nothing is asked yet.
    pub fn new(markets: Vec<Arc<Market>>, errand: &'a E) -> Self {
        Self {
            markets,
            errand,
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
    pub async fn next(&mut self) -> Result<Begun<E::Came>, ApiError> {
        let mut race = Race::new();
        self.join(&mut race);
        let hedge = self
            .markets
            .first()
            .and_then(|market| market.patience.hedge);
        let hedge_timer = sleep(hedge.unwrap_or(Duration::MAX / 4));
        tokio::pin!(hedge_timer);
        let mut may_hedge = hedge.is_some();
        loop {
            tokio::select! {
                finished = race.next() => match finished {
                    Some((.., Ok(begun))) => return Ok(begun),
                    Some((market, miner, Err(error))) => {
                        self.note(&market, &miner, error)?;
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
    fn join(&mut self, race: &mut Race<E::Came>) {
        let Some((market, miner)) = self.pick() else {
            return;
        };
        if self.tried.len() >= market.patience.tries {
            return;
        }
        self.tried.push((market.netuid, miner.hotkey));
        let errand = self.errand;
        let signed = market
            .signer
            .sign(errand.route(), errand.body(), miner.hotkey);
        let request_hash = signed.request_hash;
        let asking = market.conditions.ask(miner.hotkey);
        let limit = errand.patience(&market);
        let answering = errand.put(&*market.transport, miner, signed);
        race.push(
            async move {
                let started = Instant::now();
                let came = timeout(limit, answering).await;
                let begun = came.unwrap_or(Err(MinerError::Slow(limit))).map(|came| {
                    let conditions = &market.conditions;
                    conditions.began(&miner.hotkey, started.elapsed(), Instant::now());
                    Begun {
                        market: market.clone(),
                        miner,
                        request_hash,
                        came,
                        asking,
                    }
                });
                (market, miner, begun)
            }
            .boxed(),
        );
    }

    /// Chooses among those that suit and have not been tried.
    fn pick(&self) -> Option<(Arc<Market>, Miner)> {
        pick(&self.markets, |market, listed| {
            let seat = (market.netuid, listed.miner.hotkey);
            match self.errand.suits(listed) {
                false => Fit::Unfit,
                true if self.tried.contains(&seat) => Fit::Tried,
                true => Fit::Free,
            }
        })
    }

    /// Draws the consequences of a miner's failure.
    fn note(&mut self, market: &Market, miner: &Miner, error: MinerError) -> Result<(), ApiError> {
        let Miner { uid, hotkey, .. } = miner;
        match error {
            MinerError::Refused(refusal) if is_fault_of_request(refusal.code) => {
                tracing::debug!(%uid, %hotkey, %refusal, "a miner finds fault with the request");
                market.tried(miner, Outcome::Refused);
                let fault = self.errand.fault(&refusal);
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
                market.tried(miner, Outcome::Refused);
            }
            error => market.blame(miner, &error),
        }
        Ok(())
    }

    /// What to tell the customer when nobody is left.
    fn verdict(&mut self) -> ApiError {
        self.fault
            .take()
            .unwrap_or_else(|| ApiError::no_miner(self.errand.wanted()))
    }
}

/// Whether a miner may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It does not serve this, so its standing is no measure for the others'.
    Unfit,
    /// It has been asked.
    Tried,
    /// It may be asked.
    Free,
}

/// Chooses a miner on one of these markets, beginning with one at random: among those in good standing; those set aside come last,
/// but before nobody.
pub(crate) fn pick(
    markets: &[Arc<Market>],
    fits: impl Fn(&Market, &Listed) -> Fit,
) -> Option<(Arc<Market>, Miner)> {
    let count = markets.len();
    let turn = match count {
        0 => return None,
        1 => 0,
        _ => rand::rng().random_range(0..count),
    };
    let in_turn = || (0..count).map(|at| &markets[(turn + at) % count]);
    let of = |are_aside: bool| {
        in_turn().find_map(|market| {
            let miner = pick_of(market, are_aside, |listed| fits(market, listed))?;
            Some((market.clone(), miner))
        })
    };
    of(false).or_else(|| of(true))
}

/// Chooses among the miners of one market that are (not) set aside.
fn pick_of(market: &Market, are_aside: bool, fits: impl Fn(&Listed) -> Fit) -> Option<Miner> {
    let listed = market.directory.listed();
    let best = listed
        .iter()
        .filter(|listed| fits(listed) != Fit::Unfit)
        .filter_map(|listed| listed.standing)
        .fold(0.0, f64::max);
    let now = Instant::now();
    let read = |listed: &Listed| {
        let reading = market.conditions.read(&listed.miner.hotkey, now);
        let candidate = Candidate {
            standing: listed.standing,
            wait_ms: reading.wait_ms,
            asked_now: reading.asked_now,
        };
        (reading.available != are_aside).then_some((listed.miner, candidate))
    };
    let (miners, candidates): (Vec<Miner>, Vec<Candidate>) = listed
        .iter()
        .filter(|listed| fits(listed) == Fit::Free)
        .filter_map(read)
        .unzip();
    choose(&candidates, best, &mut rand::rng()).map(|at| miners[at])
}

pub(crate) fn is_fault_of_request(code: Code) -> bool {
    matches!(
        code,
        Code::PromptTooLong | Code::BadRequest | Code::TooLarge
    )
}
