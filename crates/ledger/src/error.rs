//! What can go wrong, and whose fault it is.

use crate::{BlockNumber, Hash};
use std::path::PathBuf;

/// Why the ledger refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The block is neither final nor executed here; import its ancestors first.
    #[error("block {0} is unknown; import it and its ancestors first")]
    UnknownBlock(Hash),
    /// The parent has not been executed here.
    #[error("parent {parent} of block {number} is not executed here; import it first")]
    UnknownParent {
        /// The missing parent.
        parent: Hash,
        /// Height of the block that needs it.
        number: BlockNumber,
    },
    /// The block branches off below the finalized tip, so it can never become final.
    #[error(
        "block {number} is not above the finalized block {finalized}; it can never become final"
    )]
    BelowFinalized {
        /// Height of the refused block.
        number: BlockNumber,
        /// Height of the finalized tip.
        finalized: BlockNumber,
    },
    /// Executing the block does not give the header it came with, or a transaction in it is invalid.
    #[error("block {hash} is invalid: {reason}")]
    InvalidBlock {
        /// The refused block.
        hash: Hash,
        /// What the runtime or the check said.
        reason: String,
    },
    /// The state is older than the retention window.
    #[error("state of block {hash} is pruned; only a node started with full retention keeps it")]
    StatePruned {
        /// The block whose state was asked for.
        hash: Hash,
    },
    /// Too many blocks wait for finality.
    #[error("{count} blocks wait for finality already; no more are executed until one is final")]
    TooManyUnfinalized {
        /// How many wait.
        count: usize,
    },
    /// The data directory belongs to another chain.
    #[error(
        "the data directory holds the chain of genesis {found}, not {expected}; choose another directory"
    )]
    WrongGenesis {
        /// Genesis hash on disk.
        found: Hash,
        /// Genesis hash of the description given.
        expected: Hash,
    },
    /// The chain has moved to a version of the runtime that this program does not have.
    #[error(
        "block {number} needs version {needed} of the runtime, and this program has version {known}: \
         install a program with version {needed} and start again; no finalized block is lost"
    )]
    UnknownVersion {
        /// Height of the first block that cannot be executed.
        number: BlockNumber,
        /// The version it needs.
        needed: u32,
        /// The version that this program has.
        known: u32,
    },
    /// The runtime failed while building or reading.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The database failed; nothing more can be written until the node is restarted.
    #[error("database: {0}; make sure that the disk works and has space, then restart")]
    Store(String),
    /// The disk is nearly full; nothing was written.
    #[error(
        "only {free_mib} MiB are free on the disk of {}; make room for at least {needed_mib} MiB, then restart",
        path.display()
    )]
    DiskFull {
        /// The data directory.
        path: PathBuf,
        /// Free space found.
        free_mib: u64,
        /// Free space needed.
        needed_mib: u64,
    },
    /// Bytes on disk are not what this version writes.
    #[error("stored {what} cannot be read; the data directory is damaged or of another version")]
    Corrupt {
        /// What was being read.
        what: &'static str,
    },
}

/// Why a call into the runtime gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No runtime API has this method.
    #[error("Exported method {0} is not found")]
    NoSuchMethod(String),
    /// The runtime panicked: bad arguments, a broken block or a bug.
    #[error("runtime method {method} failed: {reason}")]
    Panicked {
        /// The method called.
        method: String,
        /// The panic's message.
        reason: String,
    },
    /// They are no transaction, block or call, or calls are nested too deep in them.
    #[error("arguments of runtime method {0} do not decode")]
    BadArguments(String),
    /// The runtime's answer does not decode as the type this version expects.
    #[error("answer of runtime method {0} does not decode")]
    BadAnswer(&'static str),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;
