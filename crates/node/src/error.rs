//! Why a node did not start, or stopped; each says what to do about it.

use std::{io, net::SocketAddr, path::PathBuf};

/// What ends a node.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is not a {what}: {reason}; `stoa genesis new` makes both", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was expected of it.
        what: &'static str,
        /// Where it differs.
        reason: String,
    },
    /// Keys and genesis do not belong together, or are damaged.
    #[error(transparent)]
    Key(#[from] consensus::KeyError),
    /// The runtime cannot make the genesis state.
    #[error("genesis: {0}")]
    Genesis(String),
    /// This key is not one of the network's authorities.
    #[error(
        "the key file's public key {public_key} is not an authority of this genesis: \
         use the key files made with it, or none to follow"
    )]
    NotAnAuthority {
        /// The key file's public key.
        public_key: String,
    },
    /// A peer's address in the genesis cannot be understood.
    #[error("authority {name}'s address {address:?} is neither IP:PORT nor HOST:PORT")]
    Address {
        /// The authority.
        name: String,
        /// Its address.
        address: String,
    },
    /// Somebody else listens there, or nobody may.
    #[error(
        "cannot listen on {address} for {purpose}; stop what uses it, or choose another with {option}"
    )]
    Busy {
        /// Where.
        address: SocketAddr,
        /// What for.
        purpose: &'static str,
        /// The option that moves it.
        option: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error(
        "{} is in use by another process: stop that node, or give this one its own --base-path",
        path.display()
    )]
    InUse {
        /// The base path.
        path: PathBuf,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// This node cannot go on.
    #[error("stopped: {0}")]
    Fault(String),
    /// A part of the node ended by itself.
    #[error(
        "stopped: {0}; if the disk is full, free some space; then start again: no finalized block is lost"
    )]
    Ended(String),
    /// A node without a key and without a node to follow would never get a block.
    #[error("a node without --key needs a node to follow: name one or more with --follow URL")]
    NothingToFollow,
    /// The URL of a node to follow is of no use.
    #[error("cannot follow {url}: {reason}")]
    Follow {
        /// The node to be followed.
        url: String,
        /// Why not.
        reason: String,
    },
}
