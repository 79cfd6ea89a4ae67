//! Carries a job's messages for a probe: each signed as a gateway signs a customer's.
//!
//! What is said, in which order and at what pace is [`Errand`]'s business, the same for a probe as for a customer's job. A probe never
//! cancels.
//!
//! A miner that is full says so when the job is submitted, and is told apart from others that refuse ([`Fault::Busy`]). Who has taken
//! a job is not full any more, whatever it says: that would be a way to look at the work first.

use std::time::Duration;

use protocol::{Courier, EXPIRY_MS, Envelope, Errand, JobReply, Letter, Nonce, Terms, Trouble};
use scoring::Fault;
use tasks::{Answered, Reply};
use tokio::time::Instant;

use crate::probing::{Probe, Probing};
use crate::transport::Post;

/// One probe's way to its miner and back.
pub(crate) struct Envoy<'a> {
    probing: &'a Probing,
    probe: &'a Probe,
    begun: Instant,
}

impl<'a> Envoy<'a> {
    pub(crate) fn new(probing: &'a Probing, probe: &'a Probe) -> Self {
        Self {
            probing,
            probe,
            begun: Instant::now(),
        }
    }

    /// Has the job done.
    pub(crate) async fn run(&self) -> Result<Reply, Fault> {
        let challenge = &self.probe.challenge;
        let errand = Errand {
            id: self.probe.request_hash,
            is_submitted: false,
            patience: self.probing.office.kind().patience_of(&challenge.body),
        };
        let finished = errand.run(self, |_| ()).await.map_err(fault)?;
        let total_ms = self.begun.elapsed().as_secs_f64() * 1_000.0;
        Ok(Reply {
            answered: Answered::Once {
                body: finished.body,
                receipt: finished.receipt,
            },
            first_ms: total_ms,
            total_ms,
        })
    }

    /// The terms of every message but the submission, which the probe came with.
    fn terms(&self) -> Terms {
        Terms {
            audience: self.probe.seat.hotkey,
            netuid: self.probing.office.netuid(),
            nonce: Nonce(rand::random()),
            expires_ms: (self.probing.clock)() + EXPIRY_MS,
        }
    }
}

impl Courier for Envoy<'_> {
    type Error = Fault;

    async fn carry(&self, letter: Letter) -> Result<JobReply, Fault> {
        let probe = self.probe;
        let (route, body) = (letter.route(), letter.body(&probe.challenge.body));
        let envelope = match letter {
            Letter::Submit => probe.envelope,
            Letter::Poll(_) | Letter::Cancel(_) => {
                Envelope::seal(&self.probing.pair, self.terms(), route, &body)
            }
        };
        let post = Post {
            address: probe.seat.address,
            route,
            envelope,
            body,
            ..self.probing.post(probe)
        };
        let told = self.probing.transport.tell(post, letter).await;
        told.map_err(|fault| match (letter, fault) {
            (Letter::Poll(_) | Letter::Cancel(_), Fault::Busy(words)) => {
                Fault::Refused(format!("busy after it took the job: {words}"))
            }
            (_, fault) => fault,
        })
    }

    fn may_recover(fault: &Fault) -> bool {
        matches!(fault, Fault::Unreachable(_) | Fault::TooSlow(_))
    }

    async fn rest(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }
}

fn fault(trouble: Trouble<Fault>) -> Fault {
    match trouble {
        Trouble::Lost(fault) => fault,
        Trouble::Protocol(_) => Fault::Unreadable(trouble.to_string()),
        Trouble::Failed(_) | Trouble::Cancelled => Fault::Refused(trouble.to_string()),
        Trouble::TooSlow(_) => Fault::TooSlow(trouble.to_string()),
    }
}
