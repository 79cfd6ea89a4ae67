//! Probes miners, judges their answers, keeps standings and publishes weights: for any kind of work in the list of tasks.
//!
//! ```text
//!            judge ──▶ challenge ──▶ probe ──▶ transport ──▶ miner
//!  rhythm ──▶  ▲                       │ answer, receipt, times
//!              │                       ▼
//!            secret seed            judge ◀── the subnet's task
//!                                      │ judgement
//!  chain ──seats──▶ book ◀── record ◀──┘
//!    ▲               │ standings ──▶ /standings, state file
//!    └── publisher ◀─┘ weights, once an epoch
//! ```
//!
//! # The rule
//!
//! 1. What a challenge and a good answer are is the task's business: the subnet names it on chain, and its
//!    [`Judge`] draws and judges. A subnet that comes to name another task ends this validator.
//! 2. A probe is a request like any customer's: drawn from a secret seed, built and signed with the types a gateway uses,
//!    sent at times that cannot be foreseen ([`Rhythm`]), to every seat that publishes an address. Work that is answered at
//!    once or as a job is asked of a few miners at the same moment: equal answers show, and the task compares them.
//! 3. Nothing the miner says is believed: speed is taken by this validator's own clock, and the rest is checked by the judge.
//! 4. [`Book`] keeps one record per seat *and hotkey*: whoever takes over a seat begins at zero. What a record is worth is
//!    `scoring`'s rule.
//! 5. Once an epoch, and at the start as soon as everyone was graded, [`due`] says that weights are due; a refusal by the
//!    chain (a rate limit, say) is tried again a few blocks later. Where commit-reveal is on, weights travel
//!    sealed to a height, at which the chain opens them itself.
//!
//! The decisions are pure functions, tested with villains; the loops around them are thin.
//!
//! # What is lost when the state file is
//!
//! The records and the reasons for standings. Seats are on the chain, and so are the weights
//! last published, from which standings begin again.

mod archive;
mod book;
mod company;
mod envoy;
mod error;
mod follower;
mod metrics;
mod probing;
mod publication;
mod publisher;
mod rhythm;
mod server;
mod transport;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use client::Client;
use daemon::Door;
use futures::FutureExt;
use futures::future::BoxFuture;
use keys::Pair;
use primitives::NetUid;
use tasks::{Judge, Kind, Setup};
use tokio_util::sync::CancellationToken;

pub use archive::Archive;
pub use book::{Book, Entry, Observed, Seat};
pub use company::company;
pub use error::Error;
pub use probing::{GROUP, Probe, Probing, Round};
pub use publication::{Publication, due};
pub use rhythm::Rhythm;
pub use server::{Office, router};
pub use transport::{Http, Post, Transport};

/// How a validator is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's address, for example `ws://127.0.0.1:9944`.
    pub node: String,
    /// The subnet graded.
    pub netuid: NetUid,
    /// Where standings are served.
    pub listen: SocketAddr,
    /// What the subnet's task is given to judge with.
    pub setup: Setup,
    /// The mean time between two probes of one miner.
    pub probe_interval: Duration,
    /// The most probes in flight.
    pub probes_max: usize,
    /// Where standings are kept over a restart, if anywhere.
    pub state: Option<PathBuf>,
}

/// Grades until told to stop.
///
/// # Errors
///
/// [`Error`]. Trouble with the chain after the start is logged and waited out; a change of the subnet's task is not.
///
/// # Cancel safety
///
/// Dropping the future loses what was graded since the state file was last written.
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
    let client = Client::connect(&config.node).await?;
    let genesis = format!("{:?}", client.genesis_hash().await?);
    let kind = follower::commission(&client, netuid).await?;
    let judge = open(kind, config.setup).await?;
    let hotkey = pair.account();
    let archive = config
        .state
        .map(|path| Archive::new(path, genesis, netuid, hotkey, kind.id()));
    let book = match &archive {
        Some(archive) => archive.load(judge.as_ref())?,
        None => Book::default(),
    };
    let office = Arc::new(Office::new(hotkey, netuid, kind, judge, book));
    tracing::info!(%hotkey, %netuid, task = %kind.id(), "grading");

    let probing = Probing {
        office: office.clone(),
        pair: pair.clone(),
        transport: Arc::new(Http::new().map_err(|error| Error::Http(error.to_string()))?),
        rhythm: Rhythm::new(config.probe_interval),
        probes_max: config.probes_max,
        clock: Arc::new(daemon::unix_ms),
    };
    let following = follower::Follower::new(client, pair, office.clone(), archive.clone());
    let probing = tokio::spawn(probing.run(rand::random(), shutdown.clone()));
    let stop = shutdown.clone().drop_guard();
    let following = following.run(shutdown.clone());
    let following = tokio::spawn(async move {
        let _stop = stop;
        following.await
    });
    door.serve(router(office.clone()), shutdown).await;
    if let Err(error) = probing.await {
        tracing::error!(%error, "probing ended badly");
    }
    let followed = following.await.unwrap_or_else(|error| {
        tracing::error!(%error, "following the chain ended badly");
        Ok(())
    });
    if let Some(archive) = archive {
        archive.save(office.book().clone())?;
    }
    followed
}

/// Opens the task's judge, which may have to load a model.
async fn open(kind: &'static dyn Kind, setup: Setup) -> Result<Arc<dyn Judge>, Error> {
    let opened = tokio::task::spawn_blocking(move || kind.judge(&setup)).await;
    let opened = opened.map_err(|_| Error::Opening(kind.id()))?;
    Ok(opened?)
}
