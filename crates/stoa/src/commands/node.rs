//! `stoa node`: an authority, or a node that follows the chain.

use crate::shutdown;
use anyhow::Result;
use clap::Args;
use std::{net::SocketAddr, path::PathBuf};

/// Run a node of the chain
#[derive(Args)]
pub struct Node {
    /// The network's genesis file, from `stoa genesis new`
    #[arg(long, value_name = "FILE")]
    genesis: PathBuf,

    /// The authority's key file; without it the node follows the chain and takes no part in agreement
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Directory of everything the node keeps
    #[arg(long, value_name = "DIR")]
    base_path: PathBuf,

    /// Where to serve JSON-RPC, over WebSocket and HTTP
    #[arg(long, default_value = "127.0.0.1:9944", value_name = "ADDR")]
    rpc: SocketAddr,

    /// Where to listen to other authorities [default: this authority's address in the genesis]
    #[arg(long, value_name = "ADDR")]
    p2p: Option<SocketAddr>,

    /// Where to serve /metrics, /health and /finality
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,

    /// A node to follow, by the URL of its JSON-RPC; may be repeated
    #[arg(long, value_name = "URL", conflicts_with = "key")]
    follow: Vec<String>,

    /// Keep the state of every block readable, not only that of recent ones
    #[arg(long)]
    archive: bool,
}

impl Node {
    /// Runs the node until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    ///
    /// When it cannot start or cannot go on; the message says what to do.
    pub fn run(self) -> Result<()> {
        let config = node::Config {
            base_path: self.base_path,
            genesis: self.genesis,
            key: self.key,
            rpc: self.rpc,
            p2p: self.p2p,
            metrics: self.metrics,
            follow: self.follow,
            archive: self.archive,
        };
        Ok(node::run(config, stopped())?)
    }
}

/// Ends when the process is told to stop.
async fn stopped() {
    match shutdown::on_signal() {
        Ok(token) => token.cancelled().await,
        Err(error) => {
            tracing::warn!(%error, "only SIGKILL will end this node");
            std::future::pending().await
        }
    }
}
