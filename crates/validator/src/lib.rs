//! Probes miners, recomputes their answers, keeps standings and publishes weights.
//!
//! ```text
//!            questions ──▶ probe ──▶ transport ──▶ miner
//!  rhythm ──▶   ▲                        │ answer, receipt, times
//!               │                        ▼
//!            secret seed              judge ◀── the same model
//!                                        │ outcome
//!  chain ──seats──▶ book ◀── grade ◀─────┘
//!    ▲               │ standings ──▶ /standings, state file
//!    └── publisher ◀─┘ weights, once an epoch
//! ```
//!
//! # The rule
//!
//! 1. A probe is a request like any customer's: drawn by [`Questions`] from a secret seed, built and signed with the
//!    types a gateway uses, sent at times that cannot be foreseen ([`Rhythm`]), to every seat that publishes an address.
//! 2. [`judge()`] believes nothing the miner says: signature, hashes, counts, finish reason are checked, then every token is
//!    recomputed by one pass of the same model with the request's seed. Speed is taken by this validator's own clock.
//! 3. [`Book`] keeps one standing per seat *and hotkey*: whoever takes over a seat begins at zero.
//! 4. Once an epoch, and at the start as soon as everyone was graded, [`due`] says that weights are due; a refusal by the
//!    chain (a rate limit, say) is tried again a few blocks later. Where commit-reveal is on, weights travel in a sealed
//!    [`Ballot`] that is opened in the epoch the chain asks for it.
//!
//! The decisions are pure functions, tested with villains; the loops around them are thin.
//!
//! # What is lost when the state file is
//!
//! The reasons for standings, and ballots that were not opened. Seats are on the chain, and so are the weights last
//! published, from which standings begin again.

mod archive;
mod ballot;
mod book;
mod error;
mod follower;
mod judge;
mod metrics;
mod probing;
mod publication;
mod publisher;
mod questions;
mod rhythm;
mod server;
mod transport;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use inference::model::Model;
use keys::Pair;
use primitives::NetUid;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use archive::Archive;
pub use ballot::{Ballot, Cast, openable};
pub use book::{Book, Entry, Seat};
pub use error::Error;
pub use judge::{ModelCheck, Recompute, Reply, judge};
pub use probing::{Probe, Probing};
pub use publication::{Publication, due};
pub use questions::Questions;
pub use rhythm::Rhythm;
pub use server::{Desk, Office, OpenBook, router};
pub use transport::{Http, Transport};

/// How long a page may be read once the validator is told to stop.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a validator is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The node's address, for example `ws://127.0.0.1:9944`.
    pub node: String,
    /// The subnet graded.
    pub netuid: NetUid,
    /// Where standings are served.
    pub listen: SocketAddr,
    /// The name of the model asked for.
    pub model: String,
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
/// [`Error`]. Trouble with the chain after the start is logged and waited out.
///
/// # Cancel safety
///
/// Dropping the future loses what was graded since the state file was last written.
pub fn run(
    config: Config,
    pair: Pair,
    model: Arc<Model>,
    shutdown: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    // Boxed, so that this crate compiles the whole of it and the binary none.
    work(config, pair, model, shutdown).boxed()
}

async fn work(
    config: Config,
    pair: Pair,
    model: Arc<Model>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|reason| Error::Listen {
            address: config.listen,
            reason,
        })?;
    let client = Client::connect(&config.node).await?;
    let genesis = format!("{:?}", client.genesis_hash().await?);
    let archive = config
        .state
        .map(|path| Archive::new(path, genesis, config.netuid, pair.account()));
    let desk = match &archive {
        Some(archive) => archive.load()?,
        None => Desk::default(),
    };
    let hotkey = pair.account();
    let office = Arc::new(Office::new(hotkey, config.netuid, config.model, desk));
    tracing::info!(%hotkey, netuid = %config.netuid, model = office.model(), "grading");

    let probing = probing::Probing {
        office: office.clone(),
        pair: pair.clone(),
        transport: Arc::new(Http::new().map_err(|error| Error::Http(error.to_string()))?),
        check: Arc::new(ModelCheck::new(model)),
        rhythm: Rhythm::new(config.probe_interval),
        probes_max: config.probes_max,
        clock: Arc::new(unix_ms),
    };
    let following = follower::Follower::new(client, pair, office.clone(), archive.clone());
    let probing = tokio::spawn(probing.run(rand::random(), shutdown.clone()));
    let following = tokio::spawn(following.run(shutdown.clone()));
    let served = serve(listener, office.clone(), shutdown.clone()).await;
    shutdown.cancel();
    for task in [probing, following] {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task ended badly");
        }
    }
    if let Some(archive) = archive {
        archive.save(&office.desk())?;
    }
    served.map_err(Error::Serve)
}

/// Serves the pages until `shutdown`, then waits a moment for those being read.
async fn serve(
    listener: TcpListener,
    office: Arc<Office>,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let stop = shutdown.clone();
    let serving = axum::serve(listener, router(office))
        .with_graceful_shutdown(async move { stop.cancelled().await });
    let farewell = async {
        shutdown.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        served = async { serving.await } => served,
        () = farewell => Ok(()),
    }
}

/// The system's clock, in Unix milliseconds.
fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
