//! Keeps finalized blocks and their state: columns of keys and values, changed one whole commit at a time.
//!
//! State is a Merkle trie whose nodes are kept under their hashes and counted: a node shared by two places or
//! two states has two owners and disappears with the last. A block's commit retains the nodes that the block
//! created; those it made obsolete are written to a journal and released when the state before the block leaves
//! the retention window. So pruning never needs to look at a trie.

mod disk;
mod memory;

pub(crate) use disk::Disk;
pub(crate) use memory::Memory;

use crate::{Hash, error::Result};

/// Kinds of stored things. The numbers are the columns on disk and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Column {
    /// Facts about the chain as a whole: genesis, tip, lowest state kept.
    Meta = 0,
    /// Header by block hash.
    Headers = 1,
    /// Extrinsics by block hash.
    Bodies = 2,
    /// Block hash by height.
    Numbers = 3,
    /// Finality certificate by height.
    Certificates = 4,
    /// Trie node by hash, counted.
    Nodes = 5,
    /// By height: nodes that the block of that height made obsolete.
    Obsolete = 6,
}

impl Column {
    /// How many there are.
    pub(crate) const COUNT: u8 = 7;
}

/// One change in a commit.
#[derive(Debug)]
pub(crate) enum Change {
    /// Sets a value.
    Put(Column, Vec<u8>, Vec<u8>),
    /// Removes a value.
    Delete(Column, Vec<u8>),
    /// Adds an owner to a trie node, storing it if it is new.
    Retain(Hash, Vec<u8>),
    /// Takes an owner from a trie node, removing it with the last.
    Release(Hash),
}

/// A place to keep finalized things.
pub(crate) trait Store: Send + Sync {
    /// Reads a value.
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Applies all changes or none; on disk they are durable when this returns.
    fn commit(&self, changes: Vec<Change>) -> Result<()>;
}
