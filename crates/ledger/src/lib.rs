//! Blocks, state and mempool: deterministic execution on disk, no network.
//!
//! A [`Ledger`] holds one finalized chain and, above its tip, a small tree of executed blocks that are not final
//! yet. Consensus drives it with four verbs; everybody else reads.
//!
//! ```text
//!   pool ──candidates──▶ build(parent) ──▶ Block ──proposal──▶ import(block)   every authority executes
//!                                                                  │
//!        genesis ── … ── finalized ◀── finalize(hash, certificate) ┘           one durable commit
//!        (parity-db)        └── unfinalized blocks: state changes in memory
//!                                    └── set_best(hash): what clients call the latest block
//! ```
//!
//! # What always holds
//!
//! * A block's state is a function of its parent's state and its bytes: re-executing a chain from genesis gives
//!   the same roots on every machine. There is no clock and no randomness in this crate; time comes in as a
//!   timestamp and, while building, as a closure that says when to stop.
//! * [`Ledger::import`] accepts a block only when executing it gives exactly the header it came with.
//! * When [`Ledger::finalize`] returns, the block, its state, its certificate and the chain's new tip are on
//!   disk, written as one commit: after a crash either all four are there or none is.
//! * The state of the last finalized blocks ([`Retention`]) and of every unfinalized block can be read.
//! * A runtime that panics spoils the block or the call it was executing and nothing else.
//!
//! # Not here
//!
//! Which block comes next (`consensus`), what a transaction means (`runtime`), gossip (`node`), JSON (`rpc`).

mod best;
mod builder;
mod error;
mod execution;
mod finality;
mod genesis;
mod ledger;
pub mod pool;
mod reads;
mod state;
mod store;
mod tree;
mod turns;
mod versions;

pub use crate::best::{Head, Notice, StorageChange};
pub use crate::builder::{Built, Limits};
pub use crate::error::{CallError, Error};
pub use crate::finality::Finalized;
pub use crate::ledger::{Config, Keyring, Ledger, Opener, Retention, WeakLedger, timestamp_of};
pub use crate::state::State;

/// Hash of blocks, states and transactions.
pub type Hash = runtime::Hash;
/// Height of a block.
pub type BlockNumber = runtime::BlockNumber;
/// Header of a block.
pub type Header = runtime::Header;
/// A transaction or inherent as bytes; only the runtime decodes it, so its hash can never change on the way.
pub type Extrinsic = sp_runtime::OpaqueExtrinsic;
/// A block as it is stored and sent; encodes exactly as `runtime::Block`.
pub type Block = sp_runtime::generic::Block<Header, Extrinsic>;
/// The chain's hash function.
pub type Hasher = sp_runtime::traits::BlakeTwo256;

/// Hash by which wallets know an extrinsic: blake2-256 of its bytes, length prefix included.
pub fn extrinsic_hash(extrinsic: &Extrinsic) -> Hash {
    use sp_runtime::traits::Hash as _;
    Hasher::hash_of(extrinsic)
}

#[cfg(test)]
mod tests;
