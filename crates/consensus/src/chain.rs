//! What agreement needs of a ledger, and nothing more.
//!
//! The calls are synchronous and may take as long as executing a block takes; [`crate::executor`] runs them off
//! the network's threads, one at a time.

use crate::{block::Block, digest::BlockHash};
use sp_runtime::DigestItem;

/// A height and the block there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// How many blocks precede it.
    pub number: u32,
    /// The block's hash.
    pub hash: BlockHash,
}

/// Why a block was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No honest authority can accept this block, now or later.
    #[error("invalid block: {0}")]
    Invalid(String),
    /// The parent's state is not at hand; import the parent first.
    #[error("the parent's state is not at hand")]
    MissingParent,
    /// This node cannot go on, whatever the block.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Something on this machine failed; no other authority is concerned.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// A ledger: builds blocks, executes them, and makes one history of them durable.
pub trait Chain: Clone + Send + Sync + 'static {
    /// The block that everything starts from.
    fn genesis(&self) -> Block;

    /// The highest block of the durable history.
    fn finalized(&self) -> Position;

    /// Hash of the durable history's block at a height, if it reaches that far.
    fn finalized_hash(&self, number: u32) -> Option<BlockHash>;

    /// Whether a block can be built or executed on top of this one right away.
    fn holds_state(&self, hash: BlockHash) -> bool;

    /// When a block says it was made, in milliseconds since 1970; `None` for genesis.
    fn timestamp_ms(&self, block: &Block) -> Option<u64>;

    /// Builds a block on `parent` out of waiting transactions, and executes it.
    ///
    /// # Errors
    ///
    /// [`ImportError::MissingParent`] unless [`Chain::holds_state`] of the parent.
    fn build(
        &self,
        parent: BlockHash,
        timestamp_ms: u64,
        digest: DigestItem,
    ) -> Result<Block, ImportError>;

    /// Executes a block on its parent. Importing a block twice is the same as once.
    ///
    /// # Errors
    ///
    /// [`ImportError`] says whether the block, its ancestry or this machine is at fault.
    fn import(&self, block: &Block) -> Result<(), ImportError>;

    /// Appends an imported block, and those between it and the durable history, to that history, with the block's own
    /// finality certificate where it has one (it may also be final by its descendant's). Durable on return: the
    /// next start finds it.
    ///
    /// # Errors
    ///
    /// [`Fault`] when it could not be made durable.
    fn finalize(&self, block: &Block, certificate: Option<Vec<u8>>) -> Result<(), Fault>;
}
