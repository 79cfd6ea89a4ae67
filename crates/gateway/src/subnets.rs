//! The subnets that one gateway serves, and what the chain says each of them pays for.
//!
//! A subnet's task is read from the chain (see [`crate::discovery`]) and may change while the gateway runs: then its market is
//! replaced by another. One whose owner has named no task, or one that this program does not know, is told of at `/health`
//! and served as soon as that changes; the others are served meanwhile.

use std::sync::{Arc, PoisonError, RwLock};

use primitives::{NetUid, TaskId};
use tasks::{Delivery, Kind};

use crate::market::Market;

/// What is known of a subnet.
#[derive(Clone)]
pub enum Trade {
    /// The chain has not been read yet.
    Unread,
    /// Its owner has named no task.
    Untasked,
    /// Its task is none that this program knows.
    Unknown(tasks::Unknown),
    /// It is served.
    Open(Arc<Market>),
}

impl Trade {
    /// The task that the chain names.
    pub fn task(&self) -> Option<TaskId> {
        match self {
            Self::Unread | Self::Untasked => None,
            Self::Unknown(unknown) => Some(unknown.asked.clone()),
            Self::Open(market) => Some(market.kind.id()),
        }
    }
}

/// One subnet.
pub struct Subnet {
    /// Its number.
    pub netuid: NetUid,
    trade: RwLock<Trade>,
}

impl Subnet {
    /// A subnet of which nothing is known yet.
    pub fn new(netuid: NetUid) -> Self {
        let trade = RwLock::new(Trade::Unread);
        Self { netuid, trade }
    }

    /// A subnet that is served.
    pub fn open(market: Market) -> Self {
        let subnet = Self::new(market.netuid);
        subnet.set(Trade::Open(Arc::new(market)));
        subnet
    }

    /// What is known of it now.
    pub fn trade(&self) -> Trade {
        self.trade
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes up what the chain names as its task now, and returns its market if there can be one: the same as before while the
    /// task is the same, one made by `open` when it is new.
    pub fn settle(
        &self,
        task: Option<TaskId>,
        open: impl FnOnce(&'static dyn Kind) -> Option<Market>,
    ) -> Option<Arc<Market>> {
        let netuid = self.netuid;
        match self.trade() {
            Trade::Open(market) if Some(market.kind.id()) == task => return Some(market),
            Trade::Unknown(unknown) if Some(&unknown.asked) == task.as_ref() => return None,
            Trade::Untasked if task.is_none() => return None,
            Trade::Unread | Trade::Untasked | Trade::Unknown(_) | Trade::Open(_) => {}
        }
        match task.map(|task| tasks::find(&task)) {
            None => {
                tracing::warn!(%netuid, "this subnet's owner has named no task; it is served once `stoa subnet task` has set one");
                self.set(Trade::Untasked);
                None
            }
            Some(Err(unknown)) => {
                tracing::warn!(%netuid, %unknown, "this subnet is not served");
                self.set(Trade::Unknown(unknown));
                None
            }
            Some(Ok(kind)) => {
                tracing::info!(%netuid, task = %kind.id(), "serving this subnet");
                let market = Arc::new(open(kind)?);
                self.set(Trade::Open(market.clone()));
                Some(market)
            }
        }
    }

    /// Replaces what is known of it; requests under way go on with what they began with.
    pub fn set(&self, trade: Trade) {
        *self.trade.write().unwrap_or_else(PoisonError::into_inner) = trade;
    }
}

/// All subnets of a gateway, by number.
#[derive(Clone, Default)]
pub struct Subnets(Arc<Vec<Arc<Subnet>>>);

impl Subnets {
    /// These subnets.
    pub fn new(subnets: impl IntoIterator<Item = Subnet>) -> Self {
        let mut subnets: Vec<_> = subnets.into_iter().map(Arc::new).collect();
        subnets.sort_by_key(|subnet| subnet.netuid);
        subnets.dedup_by_key(|subnet| subnet.netuid);
        Self(Arc::new(subnets))
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Subnet>] {
        &self.0
    }

    /// Those that are served.
    pub fn markets(&self) -> Vec<Arc<Market>> {
        let open = |subnet: &Arc<Subnet>| match subnet.trade() {
            Trade::Open(market) => Some(market),
            _ => None,
        };
        self.0.iter().filter_map(open).collect()
    }

    /// Those whose answers stream text.
    pub fn of_text(&self) -> Vec<Arc<Market>> {
        let mut markets = self.markets();
        markets.retain(|market| market.is_streamed());
        markets
    }

    /// Those that pay for the task of this name whose answers do not stream, on subnet `netuid` if one is named. Of several versions the newest
    /// counts.
    pub fn of_task(&self, name: &str, netuid: Option<NetUid>) -> Vec<Arc<Market>> {
        let mut markets = self.markets();
        markets.retain(|market| {
            let is_meant = netuid.is_none_or(|netuid| netuid == market.netuid);
            is_meant && !market.is_streamed() && market.kind.id().name() == name
        });
        let newest = markets.iter().map(|market| market.kind.id()).max();
        markets.retain(|market| Some(market.kind.id()) == newest);
        markets
    }

    /// The longest request of a task whose answers take minutes, in bytes.
    pub fn job_bytes_max(&self) -> usize {
        let kinds = self.kinds().into_iter();
        let jobs = kinds.filter(|kind| kind.delivery() == Delivery::Job);
        jobs.map(|kind| kind.limits().request_bytes)
            .max()
            .unwrap_or(0)
    }

    /// The tasks that are served, each once, by name.
    pub fn kinds(&self) -> Vec<&'static dyn Kind> {
        let markets = self.markets();
        let mut kinds: Vec<_> = markets.iter().map(|market| market.kind).collect();
        kinds.sort_by_key(|kind| kind.id());
        kinds.dedup_by_key(|kind| kind.id());
        kinds
    }

    /// The task of this name that is served, if its answers do not stream.
    pub fn kind(&self, name: &str) -> Option<&'static dyn Kind> {
        self.of_task(name, None).first().map(|market| market.kind)
    }
}
