//! Answers signed requests with an engine and closes each with a signed receipt.
//!
//! ```text
//!            ┌────────────────────────── router ───────────────────────────┐
//!  request ──▶ envelope ▶ permit ▶ signature ▶ replay ▶ body ▶ admission ──▶ engine
//!          ◀── chunks … receipt, [DONE] ◀───────────────────── answering ◀──┘
//!                               ▲
//!  chain ──▶ registrar: who may ask; is our address on chain?
//! ```
//!
//! * [`router`] is the whole HTTP surface as a value, so that tests need no socket.
//! * A request is refused by the cheapest check that fails, in the order of `docs/protocol.md`.
//! * Admission is a semaphore: a permit is taken without waiting, or the request is refused with `retry-after`, and the
//!   permit lives as long as the answer streams.
//! * The registrar follows the chain: who may ask, and whether the miner's published address is the one it listens on.
//!   With the chain out of reach, the last known permits hold.
//!
//! # Not here
//!
//! Registration on the subnet (a coldkey pays for it: `btcli subnets register`), models (`inference`), and what an answer
//! is worth (`validator`).

mod admission;
mod answering;
mod door;
mod metrics;
mod registrar;
mod server;
pub mod villain;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use inference::Engine;
use keys::Pair;
use primitives::NetUid;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use door::Door;

pub use registrar::{Permits, permitted};
pub use server::{Clock, Miner, router};

/// How long answers under way may take once the miner is told to stop.
const FAREWELL: Duration = Duration::from_secs(5);

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
    /// The name the model is served under.
    pub model: String,
    /// The most answers at once.
    pub answers_max: usize,
}

/// Why a miner could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {reason}; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// The address cannot be reached by anybody else.
    #[error("{0} is no address that others can reach; name one with --announce")]
    Announce(SocketAddr),
    /// The chain could not be reached at the start.
    #[error(transparent)]
    Chain(#[from] client::Error),
    /// The server failed.
    #[error("the HTTP server failed: {0}")]
    Serve(io::Error),
}

/// Serves until told to stop.
///
/// # Errors
///
/// [`Error`]. Trouble with the chain after the start is logged and waited out.
///
/// # Cancel safety
///
/// Dropping the future drops all connections; use `shutdown` to let answers in flight finish.
pub fn run(
    config: Config,
    pair: Pair,
    engine: Arc<dyn Engine>,
    shutdown: CancellationToken,
) -> BoxFuture<'static, Result<(), Error>> {
    // Boxed, so that this crate compiles the whole of it and the binary none.
    work(config, pair, engine, shutdown).boxed()
}

async fn work(
    config: Config,
    pair: Pair,
    engine: Arc<dyn Engine>,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|reason| Error::Listen {
            address: config.listen,
            reason,
        })?;
    let bound = listener.local_addr().map_err(Error::Serve)?;
    let announce = config.announce.unwrap_or(bound);
    if announce.ip().is_unspecified() {
        return Err(Error::Announce(announce));
    }

    let client = Client::connect(&config.node).await?;
    let permits = Permits::default();
    let registrar = registrar::Registrar {
        client,
        pair: pair.clone(),
        netuid: config.netuid,
        announce,
        permits: permits.clone(),
    };
    let hotkey = pair.account();
    let clock: Clock = Arc::new(unix_ms);
    let miner = Miner::new(
        pair,
        config.netuid,
        config.model,
        engine,
        permits,
        config.answers_max,
        clock,
    );
    tracing::info!(%hotkey, netuid = %config.netuid, listen = %bound, model = miner.model(), "serving");

    let following = tokio::spawn(registrar.run(shutdown.clone()));
    let served = serve(listener, miner, shutdown.clone()).await;
    shutdown.cancel();
    if let Err(error) = following.await {
        tracing::error!(%error, "the registrar ended badly");
    }
    served.map_err(Error::Serve)
}

/// Serves until `shutdown`, then waits a moment for the answers under way.
async fn serve(listener: TcpListener, miner: Miner, shutdown: CancellationToken) -> io::Result<()> {
    let stop = shutdown.clone();
    let serving = axum::serve(Door::new(listener), router(Arc::new(miner)))
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
