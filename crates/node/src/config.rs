//! What a node is told.

use std::{net::SocketAddr, path::PathBuf};

/// How to run a node.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of everything the node keeps; made if need be.
    pub base_path: PathBuf,
    /// The network's genesis file.
    pub genesis: PathBuf,
    /// The authority's key file; without one, the node follows.
    pub key: Option<PathBuf>,
    /// Where JSON-RPC is served, over WebSocket and HTTP.
    pub rpc: SocketAddr,
    /// Where peers are listened to; the address in the genesis unless given.
    pub p2p: Option<SocketAddr>,
    /// Where `/metrics`, `/health` and `/finality` are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Nodes to follow, by the URL of their JSON-RPC; used without a key.
    pub follow: Vec<String>,
    /// Whether the state of every block stays readable, not only that of recent ones.
    pub archive: bool,
}
