//! What authorities and followers have in common: a directory, a ledger, a pool, and the ports on which they answer.

use crate::{
    Config, Error,
    chain::LedgerChain,
    genesis::Genesis,
    presence::Presence,
    telemetry::{self, Telemetry},
};
use ledger::{Ledger, Retention, pool::Pool};
use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};
use tracing::info;

/// Directory of the ledger within the base path.
const LEDGER: &str = "ledger";
/// Room in a block beside its transactions: header, inherents, lengths.
const BLOCK_OVERHEAD_BYTES: u32 = 64 * 1024;

/// A node's directory, ledger, pool and listeners.
pub(crate) struct Host {
    pub(crate) config: Config,
    pub(crate) genesis: Genesis,
    pub(crate) ledger: Ledger,
    pub(crate) pool: Arc<Pool>,
    pub(crate) chain: LedgerChain,
    /// Largest block, in bytes.
    pub(crate) block_bytes_max: u32,
    rpc: TcpListener,
    metrics: Option<TcpListener>,
}

impl Host {
    /// Claims the ports and opens the ledger.
    pub(crate) fn prepare(config: Config, genesis: Genesis) -> Result<Self, Error> {
        let rpc = claim(config.rpc, "JSON-RPC", "--rpc")?;
        let metrics = config
            .metrics
            .map(|address| claim(address, "metrics", "--metrics"))
            .transpose()?;
        let ledger = open_ledger(&config, &genesis)?;
        let pool = Arc::new(Pool::new(ledger.clone(), ledger::pool::Config::default()));
        let transactions_bytes_max = runtime::limits::length_bytes(genesis.runtime.interval_ms);
        let chain = LedgerChain::new(
            ledger.clone(),
            pool.clone(),
            genesis.interval(),
            transactions_bytes_max as usize,
        );
        let finalized = ledger.finalized();
        info!(number = finalized.number, hash = ?finalized.hash, "opened the ledger");
        Ok(Self {
            config,
            genesis,
            ledger,
            pool,
            chain,
            block_bytes_max: transactions_bytes_max + BLOCK_OVERHEAD_BYTES,
            rpc,
            metrics,
        })
    }

    /// Answers on every claimed port until the node stops.
    pub(crate) async fn serve(
        self,
        context: impl commonware_runtime::Metrics,
        presence: Presence,
    ) -> Result<(), Error> {
        let telemetry = Telemetry::new(
            context,
            presence.progress.clone(),
            presence.peers.clone(),
            self.pool.clone(),
        );
        let methods = rpc::Context {
            ledger: self.ledger,
            pool: self.pool,
            facts: Arc::new(presence),
        };
        let server = rpc::serve(self.rpc, rpc::Config::default(), &methods)
            .await
            .map_err(|reason| Error::Ended(reason.to_string()))?;
        let telemetry = async {
            match self.metrics {
                Some(listener) => telemetry::serve(asynchronous(listener)?, telemetry).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = server.stopped() => Err(Error::Ended("the RPC server ended".into())),
            ended = telemetry => Err(Error::Ended(format!("the metrics server ended: {ended:?}"))),
        }
    }
}

fn open_ledger(config: &Config, genesis: &Genesis) -> Result<Ledger, Error> {
    let directory = config.base_path.join(LEDGER);
    fs::create_dir_all(&directory).map_err(|source| Error::File {
        path: directory.clone(),
        source,
    })?;
    let state = runtime::genesis::build(&genesis.runtime)
        .map_err(|reason| Error::Genesis(reason.to_string()))?;
    let mut settings = ledger::Config::on_disk(directory);
    settings.description = Some(genesis.description());
    if config.archive {
        settings.retention = Retention::Archive;
    }
    let ledger = Ledger::open(settings, state)?;
    ledger.ensure_known_version()?;
    Ok(ledger)
}

/// Listens on a port, or says who should make room for it.
pub(crate) fn claim(
    address: SocketAddr,
    purpose: &'static str,
    option: &'static str,
) -> Result<TcpListener, Error> {
    TcpListener::bind(address).map_err(|source| Error::Busy {
        address,
        purpose,
        option,
        source,
    })
}

/// Hands a claimed port to the asynchronous runtime.
pub(crate) fn asynchronous(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// Holds a directory against a second process, for as long as the returned file is open.
pub(crate) fn hold(directory: &Path) -> Result<fs::File, Error> {
    let file = |source| Error::File {
        path: directory.to_owned(),
        source,
    };
    fs::create_dir_all(directory).map_err(file)?;
    let lock = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join("lock"))
        .map_err(file)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse {
            path: directory.to_owned(),
        }),
        Err(fs::TryLockError::Error(source)) => Err(file(source)),
    }
}
