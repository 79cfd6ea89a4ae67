//! The loop that probes: wait, draw, ask, judge, record.

use std::sync::Arc;

use bytes::Bytes;
use keys::Pair;
use primitives::NetUid;
use protocol::{Ask, Digest, EXPIRY_MS, Envelope, Nonce, Terms};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use scoring::Outcome;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
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
        let places = Arc::new(Semaphore::new(this.probes_max.max(1)));
        let mut in_flight = JoinSet::new();
        loop {
            let seats = this.office.book().seats().len();
            let wait = this.rhythm.wait(seats, questions.rng());
            let place = tokio::select! {
                () = shutdown.cancelled() => return,
                place = async {
                    tokio::time::sleep(wait).await;
                    places.clone().acquire_owned().await
                } => place,
            };
            while let Some(ended) = in_flight.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(%error, "a probe ended badly");
                }
            }
            let Some(seat) = this.pick(questions.rng()) else {
                continue;
            };
            let ask = questions.draw();
            let netuid = this.office.netuid();
            let probe = Probe::new(
                ask,
                seat,
                netuid,
                &this.pair,
                (this.clock)(),
                questions.rng(),
            );
            let this = this.clone();
            in_flight.spawn(async move {
                this.carry_out(probe).await;
                drop(place);
            });
        }
    }

    /// Any seat, all alike; but one that was never probed comes first, so that a newcomer need not wait.
    fn pick(&self, rng: &mut impl Rng) -> Option<Seat> {
        let book = self.office.book();
        let is_new = |seat: &&Seat| {
            book.entries()
                .get(&seat.uid)
                .is_some_and(|entry| entry.standing.probes == 0)
        };
        let new: Vec<&Seat> = book.seats().iter().filter(is_new).collect();
        match new.choose(rng) {
            Some(seat) if rng.random_bool(0.5) => Some(**seat),
            _ => book.seats().choose(rng).copied(),
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
