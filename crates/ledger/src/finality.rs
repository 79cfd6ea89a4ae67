//! Makes blocks final: one commit holds everything about a block.
//!
//! 1. header, extrinsics, hash by height, certificate;
//! 2. the trie nodes that it created ([`crate::store`] counts owners);
//! 3. a journal of the nodes that it made obsolete;
//! 4. the release of nodes whose last reader is a state that now leaves the retention window;
//! 5. the new tip.
//!
//! Only then does the block leave the tree of unfinalized ones, and its competitors with it.

use crate::best::Head;
use crate::error::{Error, Result};
use crate::ledger::{KEPT_KEY, Ledger, Retention, TIP_KEY, lock, number_key, read, retain};
use crate::store::{Change, Column};
use crate::tree::Executed;
use crate::{BlockNumber, Hash};
use parity_scale_codec::Encode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// States that leave the retention window in one commit at most, so that a smaller window is reached gradually.
const PRUNED_PER_COMMIT: u32 = 4;
/// Fewest finalized states kept: readers that began on the tip must be able to finish.
const RETENTION_MIN: u32 = 16;

/// What finalizing a block did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finalized {
    /// Blocks that became final, oldest first; none if the block was final already.
    pub blocks: Vec<Head>,
    /// Competing blocks that can now never become final.
    pub discarded: Vec<Head>,
}

impl Ledger {
    /// Makes an executed block final, and with it its unfinalized ancestors, durably.
    ///
    /// Finalizing a final block again does nothing, so a caller that is not sure may repeat itself.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBlock`] when the block has not been executed here or its branch has lost;
    /// [`Error::Store`] when the database fails, after which the ledger must be opened anew.
    pub fn finalize(&self, hash: Hash, certificate: Vec<u8>) -> Result<Finalized> {
        let _one_at_a_time = lock(&self.0.finalizing);
        let path = self.tree().path(&hash);
        let Some(mut path) = path.filter(|path| !path.is_empty()) else {
            return match self.number_of(&hash)? {
                Some(_) => Ok(Finalized::default()),
                None => Err(Error::UnknownBlock(hash)),
            };
        };
        path.reverse();
        let kept = self.commit_final(&path, certificate)?;
        self.0.kept.store(kept, Ordering::Release);
        let best_before = self.best();
        let tip = path[path.len() - 1].clone();
        let discarded = self.tree_mut().finalize(tip.head());
        for block in &path {
            self.0.announcer.announce_finalized(block.notice());
        }
        if self.best() != best_before {
            self.0.announcer.announce_best(tip.notice());
        }
        let blocks: Vec<Head> = path.iter().map(|block| block.head()).collect();
        let discarded = discarded.iter().map(|block| block.head());
        Ok(Finalized {
            discarded: discarded.filter(|head| !blocks.contains(head)).collect(),
            blocks,
        })
    }

    /// Writes `path` (oldest first) as final; returns the height of the oldest state still whole.
    fn commit_final(&self, path: &[Arc<Executed>], certificate: Vec<u8>) -> Result<BlockNumber> {
        let tip = path[path.len() - 1].head();
        let mut changes = Vec::new();
        for block in path {
            let key = number_key(block.number());
            let hash = block.hash.as_bytes().to_vec();
            let put = |column, key, value| Change::Put(column, key, value);
            changes.push(put(Column::Headers, hash.clone(), block.header.encode()));
            changes.push(put(Column::Bodies, hash.clone(), block.body.encode()));
            changes.push(put(Column::Numbers, key.clone(), hash));
            changes.push(put(Column::Obsolete, key, block.obsolete.encode()));
            changes.extend(retain(&block.created));
        }
        changes.push(Change::Put(
            Column::Certificates,
            number_key(tip.number),
            certificate,
        ));
        let kept = self.prune(tip.number, path, &mut changes)?;
        let tip = (tip.hash, tip.number).encode();
        changes.push(Change::Put(Column::Meta, TIP_KEY.to_vec(), tip));
        self.0.store.commit(changes)?;
        Ok(kept)
    }

    /// Releases the states that leave the window when the tip moves to `tip`.
    ///
    /// State `h` needs the nodes that block `h + 1` made obsolete; once `h` may go, so may they.
    fn prune(
        &self,
        tip: BlockNumber,
        path: &[Arc<Executed>],
        changes: &mut Vec<Change>,
    ) -> Result<BlockNumber> {
        let mut kept = self.0.kept.load(Ordering::Acquire);
        let Retention::Last(window) = self.0.retention else {
            return Ok(kept);
        };
        let target = tip.saturating_sub(window.max(RETENTION_MIN));
        let most = PRUNED_PER_COMMIT.max(path.len() as u32);
        let end = target.min(kept.saturating_add(most));
        while kept < end {
            let successor = kept + 1;
            let pending = path.iter().find(|block| block.number() == successor);
            let obsolete = match pending {
                Some(block) => block.obsolete.clone(),
                None => self.journal(successor)?,
            };
            for (node, owners) in obsolete {
                changes.extend((0..owners).map(|_| Change::Release(node)));
            }
            changes.push(Change::Delete(Column::Obsolete, number_key(successor)));
            kept = successor;
        }
        changes.push(Change::Put(Column::Meta, KEPT_KEY.to_vec(), kept.encode()));
        Ok(kept)
    }

    fn journal(&self, number: BlockNumber) -> Result<Vec<(Hash, u32)>> {
        let what = "journal of obsolete nodes";
        read(&*self.0.store, Column::Obsolete, &number_key(number), what)?
            .ok_or(Error::Corrupt { what })
    }
}
