//! Answers signed requests with whatever does its subnet's work, and closes each answer with a signed receipt.
//!
//! ```text
//!            ┌─────────────────────────────── router ────────────────────────────────┐
//!  request ──▶ envelope ▶ permit ▶ task ▶ signature ▶ replay ▶ admission ──▶ engine (text),
//!          ◀── chunks … receipt, [DONE] ◀───────────────────── answering ◀──┤ workshop or yard
//!          ◀── one JSON body, receipt in a header ◀──────────── workshop ◀───┤
//!          ◀── statuses, then the same ◀──────────────────────────── yard ◀──┘
//!                               ▲
//!  chain ──▶ registrar: who may ask; is our address on chain; does the subnet still buy this?
//! ```
//!
//! * The subnet's task is read from the chain, and the list of `tasks` has what serves it: this crate knows no task by name.
//! * [`router`] is the whole HTTP surface as a value, so that tests need no socket.
//! * A request is refused by the cheapest check that fails, in the order of `docs/protocol.md`.
//! * Admission is a semaphore: a permit is taken without waiting, or the request is refused with `retry-after`, and the
//!   permit lives as long as the answer streams, or the worker works.
//! * Jobs have a yard: a line of bounded length before as many threads as there are processors and one for guests, and views that polls
//!   wait at.
//! * The registrar follows the chain: who may ask, and whether the miner's published address is the one it listens on.
//!   With the chain out of reach, the last known permits hold.
//!
//! # Not here
//!
//! Registration on the subnet (a coldkey pays for it: `btcli subnets register`), models (`inference`, `vision`), what a request
//! looks like (`tasks`), and what an answer is worth (`validator`).

mod admission;
mod answering;
mod job;
mod jobs;
mod line;
mod metrics;
mod registrar;
mod server;
mod throttle;
mod trade;
mod workshop;
mod yard;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use client::{Client, Follow};
use daemon::{Door, DoorError};
use futures::FutureExt;
use futures::future::BoxFuture;
use keys::Pair;
use primitives::{NetUid, TaskId};
use tasks::{Kind, Setup, SetupError, Unknown};
use tokio_util::sync::CancellationToken;

pub use registrar::{Permits, TaskChanged, permitted};
pub use server::{Clock, Miner, router};
pub use trade::Trade;

/// How far a node may be behind before it is taken at its word that a subnet names no task.
const NODE_PATIENCE: Duration = Duration::from_secs(5);

/// How a miner is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's address, for example `ws://127.0.0.1:9944`.
    pub node: String,
    /// The subnet served.
    pub netuid: NetUid,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address published on chain, if it is not the one listened on.
    pub announce: Option<SocketAddr>,
    /// The task that the operator takes the subnet to have, if it is to be checked.
    pub task: Option<TaskId>,
    /// What the task is given to work with.
    pub setup: Setup,
    /// How much slower to be, on a development network.
    pub throttle: Duration,
    /// The most answers at once.
    pub answers_max: usize,
}

/// Why a miner could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error(transparent)]
    Listen(#[from] DoorError),
    /// The address cannot be reached by anybody else.
    #[error("{0} is no address that others can reach; name one with --announce")]
    Announce(SocketAddr),
    /// The chain could not be reached at the start.
    #[error(transparent)]
    Chain(#[from] client::Error),
    /// The subnet's owner has not said what it buys.
    #[error(
        "subnet {0} names no task yet; its owner does with `stoa subnet task --netuid {0} --set NAME/VERSION`"
    )]
    NoTask(NetUid),
    /// The subnet buys something else than the operator thinks.
    #[error("subnet {netuid} asks for {found}, not for {expected}")]
    OtherTask {
        /// The subnet.
        netuid: NetUid,
        /// What it buys.
        found: TaskId,
        /// What the operator expected.
        expected: TaskId,
    },
    /// The subnet buys what this program does not know.
    #[error("subnet {netuid}: {unknown}")]
    Unknown {
        /// The subnet.
        netuid: NetUid,
        /// What it buys, and what is known.
        unknown: Unknown,
    },
    /// The task cannot be served like this.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The subnet buys something else since.
    #[error(transparent)]
    Changed(#[from] TaskChanged),
}

/// Serves until told to stop, or until the subnet changes its task.
///
/// # Errors
///
/// [`Error`]. Trouble with the chain after the start is logged and waited out.
///
/// # Cancel safety
///
/// Dropping the future stops accepting; use `shutdown` to let answers in flight finish.
pub fn run(
    config: Config,
    pair: Pair,
    shutdown: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    // Boxed, so that this crate compiles the whole of it and the binary none.
    work(config, pair, shutdown).boxed()
}

async fn work(config: Config, pair: Pair, shutdown: CancellationToken) -> Result<(), Error> {
    let netuid = config.netuid;
    let door = Door::open(config.listen).await?;
    let announce = config.announce.unwrap_or(door.address());
    if announce.ip().is_unspecified() {
        return Err(Error::Announce(announce));
    }
    let client = Client::connect(&config.node).await?;
    let kind = known(netuid, named(&client, netuid).await?, config.task)?;
    let service = open(kind, config.setup).await?;
    let trade = Trade::new(kind, throttle::throttled(service, config.throttle));

    let permits = Permits::default();
    let registrar = registrar::Registrar {
        client,
        pair: pair.clone(),
        netuid,
        task: kind.id(),
        announce,
        permits: permits.clone(),
    };
    let (hotkey, clock) = (pair.account(), Arc::new(daemon::unix_ms));
    tracing::info!(%hotkey, %netuid, task = %trade.task, model = trade.model(), listen = %door.address(), "serving");
    let miner = Miner::new(pair, netuid, trade, permits, config.answers_max, clock);

    let stop = shutdown.clone();
    let following = tokio::spawn(async move {
        let followed = registrar.run(stop.clone()).await;
        stop.cancel();
        followed
    });
    let miner = Arc::new(miner);
    let (closing, closed) = (miner.clone(), shutdown.clone());
    tokio::spawn(async move {
        closed.cancelled().await;
        closing.close();
    });
    door.serve(router(miner), shutdown.clone()).await;
    shutdown.cancel();
    match following.await {
        Ok(followed) => Ok(followed?),
        Err(error) => {
            tracing::error!(%error, "the registrar ended badly");
            Ok(())
        }
    }
}

/// The task that a subnet names, once the node has heard of it: it may be behind the one through which the owner spoke.
async fn named(client: &Client, netuid: NetUid) -> Result<Option<TaskId>, client::Error> {
    let mut heads = client.follow(Follow::Best);
    let hearing = async {
        loop {
            if let Some(task) = client.task(netuid).await? {
                return Ok(task);
            }
            heads.next().await?;
        }
    };
    match tokio::time::timeout(NODE_PATIENCE, hearing).await {
        Ok(heard) => heard.map(Some),
        Err(_) => Ok(None),
    }
}

/// What serves the task that a subnet names.
fn known(
    netuid: NetUid,
    found: Option<TaskId>,
    expected: Option<TaskId>,
) -> Result<&'static dyn Kind, Error> {
    let found = found.ok_or(Error::NoTask(netuid))?;
    match expected {
        Some(expected) if expected != found => Err(Error::OtherTask {
            netuid,
            found,
            expected,
        }),
        _ => tasks::find(&found).map_err(|unknown| Error::Unknown { netuid, unknown }),
    }
}

/// Opens a service beside the runtime's own threads: loading a model takes a while.
async fn open(kind: &'static dyn Kind, setup: Setup) -> Result<tasks::Service, Error> {
    let opened = tokio::task::spawn_blocking(move || kind.service(&setup)).await;
    let opened = opened.map_err(|error| {
        SetupError::Unusable(format!("{} could not be opened: {error}", kind.id()))
    })?;
    Ok(opened?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_without_a_task_that_is_known_says_what_to_do() {
        let tour = || TaskId::new("tour", 1).expect("a task");
        let folding = TaskId::new("protein-folding", 2).expect("a task");
        let words = |found, expected| {
            let known = known(NetUid(3), found, expected);
            known
                .map(|kind| kind.id())
                .map_err(|error| error.to_string())
        };
        assert_eq!(words(Some(tour()), None), Ok(tour()));
        assert_eq!(words(Some(tour()), Some(tour())), Ok(tour()));

        let none = words(None, None).expect_err("no task");
        assert!(none.contains("stoa subnet task --netuid 3"), "{none}");
        let unknown = words(Some(folding.clone()), None).expect_err("unknown");
        let is_helpful = unknown.contains("protein-folding/2") && unknown.contains("tour/1");
        assert!(is_helpful && unknown.contains("subnet 3"), "{unknown}");
        let other = words(Some(tour()), Some(folding)).expect_err("another");
        assert!(
            other.contains("tour/1, not for protein-folding/2"),
            "{other}"
        );
    }
}
