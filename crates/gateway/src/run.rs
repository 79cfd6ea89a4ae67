//! Starts a gateway: wires its parts, listens, serves until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use client::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use keys::Pair;
use primitives::NetUid;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::condition::Conditions;
use crate::directory::Directory;
use crate::discovery::{Sources, follow};
use crate::limits::Gates;
use crate::metrics::Metrics;
use crate::search::{Market, Patience};
use crate::service::{Gateway, router};
use crate::signer::{Signer, unix_ms};
use crate::transport::Http;

/// For answers under way when the gateway is told to stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The node's WebSocket address.
    pub node: String,
    /// The subnet served.
    pub netuid: NetUid,
    /// Validators' hotkeys to sign with, in turn.
    pub hotkeys: Vec<Pair>,
    /// Base addresses of validators whose standings count.
    pub validators: Vec<String>,
    /// Keys that customers may use; none lets everyone in.
    pub api_keys: Vec<String>,
    /// Requests per minute and key.
    pub requests_per_minute: Option<u32>,
    /// Requests under way at once.
    pub requests_at_once: usize,
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// How long miners are waited for.
    pub patience: Patience,
}

/// Why a gateway does not start or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No key to sign with.
    #[error("a gateway signs with a validator's hotkey: give at least one")]
    NoHotkey,
    /// The node cannot be used.
    #[error(transparent)]
    Node(#[from] client::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The HTTP client cannot be made.
    #[error("cannot prepare the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// Serving ended by an error.
    #[error("serving ended: {0}")]
    Serve(std::io::Error),
}

/// Runs a gateway until `shutdown`.
///
/// The address is taken before the node is waited for, so that a busy port is reported at once.
///
/// # Errors
///
/// [`RunError`]; losing the node later is not one.
pub fn run(
    config: Config,
    shutdown: CancellationToken,
) -> BoxFuture<'static, Result<(), RunError>> {
    // Boxed, so that this crate compiles the whole of it and the binary none.
    work(config, shutdown).boxed()
}

async fn work(config: Config, shutdown: CancellationToken) -> Result<(), RunError> {
    let Config { listen, netuid, .. } = config;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|source| RunError::Listen {
            address: listen,
            source,
        })?;
    let signer = Signer::new(config.hotkeys, netuid).ok_or(RunError::NoHotkey)?;
    let market = Arc::new(Market {
        directory: Directory::default(),
        conditions: Arc::new(Conditions::default()),
        transport: Arc::new(Http::new()?),
        signer,
        patience: config.patience,
        metrics: Metrics::default(),
    });
    let sources = Sources {
        client: Client::connect(&config.node).await?,
        netuid,
        validators: config.validators,
        http: reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .build()?,
    };
    let discovery = tokio::spawn(follow(market.clone(), sources, shutdown.clone()));
    let gates = Gates::new(
        config.api_keys,
        config.requests_per_minute,
        config.requests_at_once,
    );
    let gateway = Gateway {
        market,
        gates: Arc::new(gates),
        body_bytes_max: config.body_bytes_max,
        since: unix_ms() / 1000,
    };
    tracing::info!(%listen, %netuid, "gateway listens");
    let served = serve(listener, gateway, shutdown.clone()).await;
    shutdown.cancel();
    if let Err(error) = discovery.await {
        tracing::error!(%error, "discovery ended badly");
    }
    served.map_err(RunError::Serve)
}

/// Serves until `shutdown`, then waits a moment for the answers under way.
async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    // Without TCP_NODELAY a chunk can wait 40 ms for the client's delayed acknowledgement of the one before.
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection without TCP_NODELAY");
        }
    });
    let stop = shutdown.clone();
    let serving = axum::serve(listener, router(gateway))
        .with_graceful_shutdown(async move { stop.cancelled().await });
    tokio::select! {
        served = async { serving.await } => served,
        () = async { shutdown.cancelled().await; tokio::time::sleep(FAREWELL).await } => Ok(()),
    }
}
