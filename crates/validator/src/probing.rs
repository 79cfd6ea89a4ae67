//! The loop that probes: wait, draw, ask, judge, record.
//!
//! A miner is asked one question at a time, so that those who hold their answers back for as long as they are waited for
//! take one place each and the others are probed as often as ever.
//!
//! A job is submitted and followed as a customer's is ([`Envoy`]). Its time is minutes, so it is asked for at a calmer rhythm: see
//! [`Rhythm::calmed`].
//!
//! Work that is answered at once, or as a job, is asked of up to [`GROUP`] miners at the same moment, each in an envelope of its own: that
//! is what equal answers are seen by. [`company()`] says who. What is thought of their answers stays unknown until the last of them
//! has answered or was given up: a grade is published, and would tell the others what to say. Then the task compares them with each
//! other, in the order in which they came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keys::Pair;
use primitives::{NetUid, Uid};
use protocol::{Digest, EXPIRY_MS, Envelope, Nonce, Terms};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use scoring::Judgement;
use tasks::{Challenge, Compared, Delivery, Put, Reply};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::book::{Observed, Seat};
use crate::company::company;
use crate::envoy::Envoy;
use crate::rhythm::Rhythm;
use crate::server::Office;
use crate::transport::{Post, Transport};

/// So many miners at most are given the same challenge.
pub const GROUP: usize = 4;

/// A challenge, signed for one miner.
#[derive(Clone)]
pub struct Probe {
    /// What is asked.
    pub challenge: Arc<Challenge>,
    /// The challenge's name, the same for everybody who is given it.
    pub number: u64,
    /// Whom.
    pub seat: Seat,
    /// Its terms, signed.
    pub envelope: Envelope,
    /// What the receipt must name.
    pub request_hash: Digest,
}

impl Probe {
    /// Signs a challenge, as a gateway signs a customer's request.
    pub fn new(
        (number, challenge): (u64, Arc<Challenge>),
        seat: Seat,
        netuid: NetUid,
        pair: &Pair,
        now_ms: u64,
        rng: &mut impl Rng,
    ) -> Self {
        let terms = Terms {
            audience: seat.hotkey,
            netuid,
            nonce: Nonce(rng.random()),
            expires_ms: now_ms + EXPIRY_MS,
        };
        let (route, body) = (challenge.route, &challenge.body);
        let envelope = Envelope::seal(pair, terms, route, body);
        let request_hash = envelope.request_hash(route, body);
        Self {
            challenge,
            number,
            seat,
            envelope,
            request_hash,
        }
    }

    /// The challenge as a judge is told of it.
    pub fn put(&self) -> Put<'_> {
        Put {
            challenge: &self.challenge,
            request_hash: self.request_hash,
            miner: self.seat.hotkey,
        }
    }
}

/// Everything the loop needs.
pub struct Probing {
    /// Whom to probe, who judges, and where grades go.
    pub office: Arc<Office>,
    /// Signs.
    pub pair: Pair,
    /// Reaches miners.
    pub transport: Arc<dyn Transport>,
    /// How often.
    pub rhythm: Rhythm,
    /// The most probes in flight.
    pub probes_max: usize,
    /// Tells Unix milliseconds.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Probing {
    /// Probes until told to stop; what is in flight then is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the probes in flight, ungraded.
    pub async fn run(self, secret: [u8; 32], shutdown: CancellationToken) {
        let this = Arc::new(self);
        let mut rng = ChaCha20Rng::from_seed(secret);
        let mut in_flight = InFlight::default();
        let mut asked = 1;
        let mut patience = Duration::ZERO;
        loop {
            let seats = this.office.book().seats().len();
            let wait = this.rhythm.calmed(patience).wait(seats, asked, &mut rng);
            let next = async {
                tokio::time::sleep(wait).await;
                in_flight.make_room(this.probes_max).await;
                match this.has_idle(&in_flight) {
                    true => this.draw(&mut rng).await,
                    false => None,
                }
            };
            let drawn = tokio::select! {
                () = shutdown.cancelled() => return,
                drawn = next => drawn,
            };
            let Some(challenge) = drawn else {
                asked = 1;
                continue;
            };
            let group = this.pick(&in_flight, &mut rng);
            asked = group.len().max(1);
            patience = this.patience_of_job(&challenge);
            let challenge = (rng.random(), Arc::new(challenge));
            let round = Arc::new(Round::new(this.office.clone(), challenge.1.clone()));
            let (netuid, now_ms) = (this.office.netuid(), (this.clock)());
            for seat in group {
                let challenge = challenge.clone();
                let probe = Probe::new(challenge, seat, netuid, &this.pair, now_ms, &mut rng);
                in_flight.start(seat.uid, this.clone().carry_out(probe, round.clone()));
            }
        }
    }

    /// How many are asked the same, as far as there is room.
    fn group(&self, in_flight: &InFlight) -> usize {
        let room = self.probes_max.saturating_sub(in_flight.tasks.len());
        match self.office.kind().delivery() {
            Delivery::Stream => 1,
            Delivery::Once | Delivery::Job => GROUP.min(room).max(1),
        }
    }

    /// Draws a challenge, away from the loops: a task may take its time to make one.
    async fn draw(&self, rng: &mut ChaCha20Rng) -> Option<Challenge> {
        let judge = self.office.judge().clone();
        let mut own = ChaCha20Rng::from_rng(rng);
        let drawn = tokio::task::spawn_blocking(move || judge.challenge(&mut own)).await;
        drawn
            .inspect_err(|error| tracing::error!(%error, "drawing a challenge ended badly"))
            .ok()
    }

    /// Whether anybody is there to be asked: a challenge may be dear to draw.
    fn has_idle(&self, in_flight: &InFlight) -> bool {
        let book = self.office.book();
        book.seats().iter().any(|seat| !in_flight.has(seat.uid))
    }

    /// Some of the seats that are not being asked already.
    fn pick(&self, in_flight: &InFlight, rng: &mut impl Rng) -> Vec<Seat> {
        let book = self.office.book();
        let seats = book.seats().iter();
        let idle = seats
            .filter(|seat| !in_flight.has(seat.uid))
            .copied()
            .collect();
        company(&book, idle, self.group(in_flight), rng)
    }

    /// How long a miner may be at work on this, if it is a job.
    fn patience_of_job(&self, challenge: &Challenge) -> Duration {
        let kind = self.office.kind();
        match kind.delivery() {
            Delivery::Job => kind.patience_of(&challenge.body),
            Delivery::Stream | Delivery::Once => Duration::ZERO,
        }
    }

    /// The probe's request as it is sent.
    pub(crate) fn post(&self, probe: &Probe) -> Post {
        let kind = self.office.kind();
        Post {
            address: probe.seat.address,
            route: probe.challenge.route,
            task: kind.id(),
            limits: kind.limits(),
            envelope: probe.envelope,
            body: probe.challenge.body.clone(),
        }
    }

    /// Puts a challenge to one miner and keeps its judged answer in the round.
    pub async fn carry_out(self: Arc<Self>, probe: Probe, round: Arc<Round>) {
        let reply = match self.office.kind().delivery() {
            Delivery::Job => Envoy::new(&self, &probe).run().await,
            Delivery::Stream | Delivery::Once => self.transport.ask(self.post(&probe)).await,
        };
        let (arrival, at_ms) = (round.arrival(), (self.clock)());
        let judge = self.office.judge().clone();
        // Judging takes its time, and so does comparing, which the last to let go of the round does.
        let judging = move || {
            let judged = match reply {
                Err(fault) => Some((Judgement::fault(fault), None)),
                Ok(reply) => judge
                    .judge(probe.put(), &reply)
                    .map(|judgement| (judgement, Some(reply))),
            };
            match judged {
                Some((judgement, reply)) => round.keep(Judged {
                    arrival,
                    seat: probe.seat,
                    reply,
                    observed: Observed {
                        challenge: probe.number,
                        judgement,
                        at_ms,
                    },
                }),
                None => round.office.metrics().ungraded(),
            }
        };
        if let Err(error) = tokio::task::spawn_blocking(judging).await {
            tracing::error!(%error, "judging ended badly");
            self.office.metrics().ungraded();
        }
    }
}

/// The judged answers to one challenge. They are compared and recorded when the last probe of it lets go of its round.
pub struct Round {
    office: Arc<Office>,
    challenge: Arc<Challenge>,
    arrivals: AtomicU64,
    judged: Mutex<Vec<Judged>>,
}

/// One of them.
struct Judged {
    /// Grows from one answer to the next.
    arrival: u64,
    seat: Seat,
    /// Nothing if there was no answer.
    reply: Option<Reply>,
    observed: Observed,
}

impl Round {
    /// A round without answers yet.
    pub fn new(office: Arc<Office>, challenge: Arc<Challenge>) -> Self {
        Self {
            office,
            challenge,
            arrivals: AtomicU64::new(0),
            judged: Mutex::default(),
        }
    }

    /// The place in line of an answer that has just come.
    fn arrival(&self) -> u64 {
        self.arrivals.fetch_add(1, Ordering::Relaxed)
    }

    fn keep(&self, judged: Judged) {
        let mut all = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(judged);
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        let all = self
            .judged
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let graded = compared(&self.office, &self.challenge, std::mem::take(all));
        for (seat, observed) in graded {
            self.office.record(&seat, &observed);
        }
    }
}

/// The grades of a round after its answers were compared, in the order in which they came. Where the judge cannot tell, answers have
/// none; what was no answer keeps its own.
fn compared(office: &Office, challenge: &Challenge, mut all: Vec<Judged>) -> Vec<(Seat, Observed)> {
    all.sort_by_key(|judged| judged.arrival);
    let (mut places, mut round) = (Vec::new(), Vec::new());
    for (place, judged) in all.iter_mut().enumerate() {
        if let Some(answer) = judged.reply.take() {
            places.push(place);
            round.push(Compared {
                miner: judged.seat.hotkey,
                took: Duration::try_from_secs_f64(answer.total_ms / 1_000.0)
                    .unwrap_or(Duration::MAX),
                answer,
                judgement: judged.observed.judgement.clone(),
            });
        }
    }
    if office.judge().compare(challenge, &mut round) {
        for (place, one) in places.into_iter().zip(round) {
            all[place].observed.judgement = one.judgement;
        }
    } else {
        let count = all.len();
        all.retain(|judged| judged.observed.judgement.fault.is_some());
        (all.len()..count).for_each(|_| office.metrics().ungraded());
    }
    all.into_iter()
        .map(|judged| (judged.seat, judged.observed))
        .collect()
}

/// The probes under way, at most one for each seat: a miner that dawdles holds one place, not all of them.
#[derive(Default)]
struct InFlight {
    tasks: JoinSet<()>,
    seats: HashMap<Id, Uid>,
}

impl InFlight {
    fn has(&self, uid: Uid) -> bool {
        self.seats.values().any(|asked| *asked == uid)
    }

    fn start(&mut self, uid: Uid, probe: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(probe).id();
        self.seats.insert(id, uid);
    }

    /// Forgets probes that ended, and waits for one to end while there are as many as allowed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a probe is forgotten only when it was seen to end.
    async fn make_room(&mut self, most: usize) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.forget(ended);
        }
        while most.max(1) <= self.tasks.len() {
            match self.tasks.join_next_with_id().await {
                Some(ended) => self.forget(ended),
                None => return,
            }
        }
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a probe ended badly");
                error.id()
            }
        };
        self.seats.remove(&id);
    }
}
