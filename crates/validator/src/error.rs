//! What can stop a validator.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a validator could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {reason}; choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The chain could not be reached at the start.
    #[error(transparent)]
    Chain(#[from] client::Error),
    /// The state file could not be read or written.
    #[error("cannot {action} {path}: {reason}", path = path.display())]
    State {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The HTTP client could not be set up.
    #[error("cannot prepare HTTP: {0}")]
    Http(String),
    /// The server failed.
    #[error("the HTTP server failed: {0}")]
    Serve(std::io::Error),
}
