//! One subnet as the gateway trades on it: who there is, how they serve, in whose name they are asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::NetUid;
use tasks::{Delivery, Kind};

use crate::condition::Conditions;
use crate::directory::{Directory, Miner};
use crate::metrics::{Metrics, Outcome};
use crate::signer::Signer;
use crate::transport::{MinerError, Transport};

/// How long, and how often, the gateway tries.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the first token of one miner.
    pub first_token: Duration,
    /// Between two signs of life in the middle of an answer.
    pub between: Duration,
    /// For a whole answer.
    pub whole: Duration,
    /// After this time without a sign a second miner is asked as well; `None` never.
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
    /// Which subnet.
    pub netuid: NetUid,
    /// What it pays for.
    pub kind: &'static dyn Kind,
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
    /// What happened, on this subnet and all others.
    pub metrics: Arc<Metrics>,
    /// The task's name and version, as metrics are labelled.
    pub task: String,
}

/// What the markets of one gateway share.
#[derive(Clone)]
pub struct Shared {
    /// How miners are reached.
    pub transport: Arc<dyn Transport>,
    /// How long they are waited for.
    pub patience: Patience,
    /// What happened.
    pub metrics: Arc<Metrics>,
}

impl Market {
    /// A market on which nobody is known yet.
    pub fn new(kind: &'static dyn Kind, signer: Signer, shared: Shared) -> Self {
        let Shared {
            transport,
            patience,
            metrics,
        } = shared;
        Self {
            netuid: signer.netuid(),
            kind,
            directory: Directory::default(),
            conditions: Arc::default(),
            transport,
            signer,
            patience,
            metrics,
            task: kind.id().to_string(),
        }
    }

    /// Whether its answers stream.
    pub fn is_streamed(&self) -> bool {
        self.kind.delivery() == Delivery::Stream
    }

    /// Sets a miner aside for having failed.
    pub fn blame(&self, miner: &Miner, error: &MinerError) {
        let (netuid, Miner { uid, hotkey, .. }) = (self.netuid, miner);
        tracing::warn!(%netuid, %uid, %hotkey, %error, "a miner failed; set aside for a while");
        self.conditions.failed(hotkey, Instant::now());
        self.tried(miner, Outcome::Failed);
    }

    /// Notes that a miner answered to the end, with a good receipt.
    pub fn praise(&self, miner: &Miner) {
        self.conditions.served(&miner.hotkey);
        self.tried(miner, Outcome::Served);
    }

    /// Counts how one try at a miner ended.
    pub fn tried(&self, miner: &Miner, outcome: Outcome) {
        self.metrics.tried(&self.task, miner.hotkey, outcome);
    }
}
