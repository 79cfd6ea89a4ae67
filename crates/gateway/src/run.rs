//! Starts a gateway: wires its parts, listens, serves until told to stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use client::Client;
use daemon::{Door, DoorError};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use keys::Pair;
use primitives::NetUid;
use tokio_util::sync::CancellationToken;

use crate::discovery::{Sources, follow};
use crate::jobs::{Bounds, Jobs, Rhythm, Setting, ShelfError};
use crate::limits::Gates;
use crate::market::{Patience, Shared};
use crate::metrics::Metrics;
use crate::service::{Gateway, router};
use crate::subnets::{Subnet, Subnets};
use crate::transport::Http;

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The node's WebSocket address.
    pub node: String,
    /// The subnets served, each with the base addresses of those validators whose standings count there.
    pub subnets: BTreeMap<NetUid, Vec<String>>,
    /// Validators' hotkeys to sign with, in turn; on each subnet those that may ask there.
    pub hotkeys: Vec<Pair>,
    /// Keys that customers may use; none lets everyone in.
    pub api_keys: Vec<String>,
    /// Requests per minute and customer: a key, or a network where no keys are asked for.
    pub requests_per_minute: Option<u32>,
    /// Requests under way at once.
    pub requests_at_once: usize,
    /// Largest request body about text, in bytes.
    pub body_bytes_max: usize,
    /// How long miners are waited for.
    pub patience: Patience,
    /// Where customers' jobs are kept, so that they survive a restart; without it they end with the process.
    pub data_dir: Option<PathBuf>,
}

/// Why a gateway does not start or stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No key to sign with.
    #[error("a gateway signs with a validator's hotkey: give at least one")]
    NoHotkey,
    /// No subnet to serve.
    #[error("a gateway serves subnets: name at least one with --netuid")]
    NoSubnet,
    /// The node cannot be used.
    #[error(transparent)]
    Node(#[from] client::Error),
    /// The address cannot be listened on.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The jobs cannot be kept.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The HTTP client cannot be made.
    #[error("cannot prepare the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
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
    if config.hotkeys.is_empty() {
        return Err(RunError::NoHotkey);
    }
    if config.subnets.is_empty() {
        return Err(RunError::NoSubnet);
    }
    let door = Door::open(config.listen).await?;
    let metrics = Arc::new(Metrics::default());
    let shared = Shared {
        transport: Arc::new(Http::new()?),
        patience: config.patience,
        metrics: metrics.clone(),
    };
    let http = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .build()?;
    let client = Client::connect(&config.node).await?;
    let subnets = Subnets::new(config.subnets.keys().copied().map(Subnet::new));
    let followers: Vec<_> = subnets
        .all()
        .iter()
        .map(|subnet| {
            let validators = config.subnets.get(&subnet.netuid).cloned();
            let sources = Sources {
                client: client.clone(),
                hotkeys: config.hotkeys.clone(),
                shared: shared.clone(),
                validators: validators.unwrap_or_default(),
                http: http.clone(),
            };
            tokio::spawn(follow(subnet.clone(), sources, shutdown.clone()))
        })
        .collect();
    let gates = Gates::new(
        config.api_keys,
        config.requests_per_minute,
        config.requests_at_once,
    );
    let jobs = Jobs::open(Setting {
        folder: config.data_dir.map(|folder| folder.join("jobs")),
        bounds: Bounds::default(),
        rhythm: Rhythm::default(),
        subnets: subnets.clone(),
        metrics: metrics.clone(),
        shutdown: shutdown.clone(),
    })?;
    let gateway = Gateway {
        subnets,
        jobs,
        gates: Arc::new(gates),
        metrics,
        body_bytes_max: config.body_bytes_max,
        since: daemon::unix_ms() / 1000,
    };
    tracing::info!(listen = %door.address(), subnets = config.subnets.len(), "gateway listens");
    door.serve(router(gateway), shutdown.clone()).await;
    shutdown.cancel();
    for ended in join_all(followers).await {
        if let Err(error) = ended {
            tracing::error!(%error, "following a subnet ended badly");
        }
    }
    Ok(())
}
