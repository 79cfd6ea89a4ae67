//! The loop that probes: wait, draw, ask, judge, record.
//!
//! A miner is asked one question at a time, so that those who hold their answers back for as long as they are waited for
//! take one place each and the others are probed as often as ever.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use keys::Pair;
use primitives::{NetUid, Uid};
use protocol::{Ask, Digest, EXPIRY_MS, Envelope, Nonce, Terms};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use scoring::Outcome;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::book::Seat;
use crate::judge::{Recompute, judge};
use crate::questions::Questions;
use crate::rhythm::Rhythm;
use crate::server::Office;
use crate::transport::Transport;

/// A question, signed for one miner.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What is asked.
    pub ask: Ask,
    /// Whom.
    pub seat: Seat,
    /// Its terms, signed.
    pub envelope: Envelope,
    /// Exactly what is sent.
    pub body: Bytes,
    /// What the receipt must name.
    pub request_hash: Digest,
}

impl Probe {
    /// Signs a question, as a gateway signs a customer's.
    pub fn new(
        ask: Ask,
        seat: Seat,
        netuid: NetUid,
        pair: &Pair,
        now_ms: u64,
        rng: &mut impl Rng,
    ) -> Self {
        let body = Bytes::from(ask.to_body());
        let route = ask.route();
        let nonce = Nonce(rng.random());
        let terms = Terms {
            audience: seat.hotkey,
            netuid,
            nonce,
            expires_ms: now_ms + EXPIRY_MS,
        };
        let envelope = Envelope::seal(pair, terms, route, &body);
        let request_hash = envelope.request_hash(route, &body);
        Self {
            ask,
            seat,
            envelope,
            body,
            request_hash,
        }
    }
}

/// Everything the loop needs.
pub struct Probing {
    /// Whom to probe, and where grades go.
    pub office: Arc<Office>,
    /// Signs.
    pub pair: Pair,
    /// Reaches miners.
    pub transport: Arc<dyn Transport>,
    /// Recomputes answers.
    pub check: Arc<dyn Recompute>,
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
        let mut questions = Questions::new(secret, this.office.model().to_owned());
        let mut in_flight = InFlight::default();
        loop {
            let seats = this.office.book().seats().len();
            let wait = this.rhythm.wait(seats, questions.rng());
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = async {
                    tokio::time::sleep(wait).await;
                    in_flight.make_room(this.probes_max).await;
                } => {}
            }
            let Some(seat) = this.pick(&in_flight, questions.rng()) else {
                continue;
            };
            let ask = questions.draw();
            let (netuid, now_ms) = (this.office.netuid(), (this.clock)());
            let probe = Probe::new(ask, seat, netuid, &this.pair, now_ms, questions.rng());
            in_flight.start(seat.uid, this.clone().carry_out(probe));
        }
    }

    /// Any seat that is not being asked already, all alike; but often one that was never probed, so that a newcomer need not
    /// wait.
    fn pick(&self, in_flight: &InFlight, rng: &mut impl Rng) -> Option<Seat> {
        let book = self.office.book();
        let seats = book.seats().iter();
        let idle: Vec<&Seat> = seats.filter(|seat| !in_flight.has(seat.uid)).collect();
        let probes = |seat: &Seat| {
            book.entries()
                .get(&seat.uid)
                .map(|entry| entry.standing.probes)
        };
        let new: Vec<&Seat> = idle
            .iter()
            .copied()
            .filter(|seat| probes(seat) == Some(0))
            .collect();
        match new.choose(rng) {
            Some(seat) if rng.random_bool(0.5) => Some(**seat),
            _ => idle.choose(rng).map(|seat| **seat),
        }
    }

    async fn carry_out(self: Arc<Self>, probe: Probe) {
        let Probe {
            ask,
            seat,
            envelope,
            body,
            request_hash,
        } = probe;
        let reply = self
            .transport
            .ask(seat.address, ask.route(), envelope, body)
            .await;
        let outcome = match reply {
            Err(fault) => Outcome::Unverified(fault),
            Ok(reply) => {
                let check = self.check.clone();
                let judging =
                    move || judge(&ask, request_hash, seat.hotkey, &reply, check.as_ref());
                match tokio::task::spawn_blocking(judging).await {
                    Ok(Some(outcome)) => outcome,
                    Ok(None) => return self.office.metrics().ungraded(),
                    Err(error) => {
                        tracing::error!(%error, "judging ended badly");
                        return self.office.metrics().ungraded();
                    }
                }
            }
        };
        self.office.record(&seat, &outcome, (self.clock)());
    }
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
