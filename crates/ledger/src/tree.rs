//! The blocks above the finalized tip: executed, competing, and gone once another branch is final.

use crate::execution::Outcome;
use crate::state::Layer;
use crate::{
    Block, BlockNumber, Extrinsic, Hash, Header,
    best::{Head, Notice, StorageChange},
    extrinsic_hash,
};
use sp_runtime::traits::Header as _;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A block with the state it leaves.
pub(crate) struct Executed {
    pub(crate) hash: Hash,
    pub(crate) header: Header,
    pub(crate) body: Vec<Extrinsic>,
    /// Hashes of the body's extrinsics, so that a builder does not try them again.
    pub(crate) extrinsics: HashSet<Hash>,
    pub(crate) created: Arc<Layer>,
    pub(crate) obsolete: Vec<(Hash, u32)>,
    pub(crate) changes: Arc<Vec<StorageChange>>,
}

impl Executed {
    pub(crate) fn new(hash: Hash, block: Block, outcome: Outcome) -> Self {
        Self {
            hash,
            extrinsics: block.extrinsics.iter().map(extrinsic_hash).collect(),
            header: block.header,
            body: block.extrinsics,
            created: Arc::new(outcome.created),
            obsolete: outcome.obsolete,
            changes: Arc::new(outcome.changes),
        }
    }

    pub(crate) fn number(&self) -> BlockNumber {
        *self.header.number()
    }

    pub(crate) fn parent(&self) -> Hash {
        *self.header.parent_hash()
    }

    pub(crate) fn head(&self) -> Head {
        Head {
            hash: self.hash,
            number: self.number(),
        }
    }

    pub(crate) fn notice(&self) -> Notice {
        Notice {
            head: self.head(),
            header: self.header.clone(),
        }
    }
}

/// The finalized tip and every executed block that descends from it.
pub(crate) struct Tree {
    finalized: Head,
    best: Head,
    blocks: HashMap<Hash, Arc<Executed>>,
}

impl Tree {
    pub(crate) fn new(finalized: Head) -> Self {
        Self {
            finalized,
            best: finalized,
            blocks: HashMap::new(),
        }
    }

    pub(crate) fn finalized(&self) -> Head {
        self.finalized
    }

    pub(crate) fn best(&self) -> Head {
        self.best
    }

    pub(crate) fn set_best(&mut self, best: Head) {
        self.best = best;
    }

    pub(crate) fn get(&self, hash: &Hash) -> Option<&Arc<Executed>> {
        self.blocks.get(hash)
    }

    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether a block on top of `parent` could become final.
    pub(crate) fn can_extend(&self, parent: &Hash) -> bool {
        *parent == self.finalized.hash || self.blocks.contains_key(parent)
    }

    pub(crate) fn insert(&mut self, executed: Arc<Executed>) {
        debug_assert!(self.can_extend(&executed.parent()));
        self.blocks.insert(executed.hash, executed);
    }

    /// Forgets one block to make room: the lowest that has no children and is on the way neither to the best block
    /// nor to `needed`. Consensus can import it again should it win after all.
    pub(crate) fn evict(&mut self, needed: &Hash) -> bool {
        let mut held: HashSet<Hash> = self.blocks.values().map(|block| block.parent()).collect();
        held.insert(self.best.hash);
        held.insert(*needed);
        let victim = self
            .blocks
            .values()
            .filter(|block| !held.contains(&block.hash))
            .min_by_key(|block| (block.number(), block.hash))
            .map(|block| block.hash);
        victim.is_some_and(|hash| self.blocks.remove(&hash).is_some())
    }

    /// The unfinalized blocks from `hash` down to the finalized tip, newest first.
    ///
    /// `None` when `hash` is neither the tip nor an executed block above it.
    pub(crate) fn path(&self, hash: &Hash) -> Option<Vec<Arc<Executed>>> {
        let mut path = Vec::new();
        let mut cursor = *hash;
        while cursor != self.finalized.hash {
            let block = self.blocks.get(&cursor)?;
            path.push(block.clone());
            cursor = block.parent();
        }
        Some(path)
    }

    /// The ancestor of `hash` (or itself) at `number`, if that is above the finalized tip.
    pub(crate) fn ancestor(&self, hash: &Hash, number: BlockNumber) -> Option<Hash> {
        let mut block = self.blocks.get(hash)?;
        while block.number() > number {
            block = self.blocks.get(&block.parent())?;
        }
        (block.number() == number).then_some(block.hash)
    }

    /// Makes `tip` final and forgets every block that does not descend from it; returns those.
    pub(crate) fn finalize(&mut self, tip: Head) -> Vec<Arc<Executed>> {
        let survivors: HashSet<Hash> = self
            .blocks
            .keys()
            .filter(|hash| **hash != tip.hash && self.descends(hash, &tip.hash))
            .copied()
            .collect();
        let mut discarded = Vec::new();
        self.blocks.retain(|hash, block| {
            let keep = survivors.contains(hash);
            if !keep {
                discarded.push(block.clone());
            }
            keep
        });
        self.finalized = tip;
        if self.best.hash != tip.hash && !self.blocks.contains_key(&self.best.hash) {
            self.best = tip;
        }
        discarded
    }

    fn descends(&self, hash: &Hash, ancestor: &Hash) -> bool {
        let mut cursor = *hash;
        while let Some(block) = self.blocks.get(&cursor) {
            if cursor == *ancestor {
                return true;
            }
            cursor = block.parent();
        }
        false
    }
}
