//! Runs the ledger's work off the network's threads, one piece at a time.
//!
//! Executing a block takes milliseconds to tenths of a second, so it must not hold up votes. One lane is enough
//! (a block is executed once per node, and its child cannot start before it ends) and means that two requests for
//! the same block execute it once: the second finds it imported.
//!
//! Work that has started runs to its end even when whoever asked for it has gone: agreement cancels
//! proposals and verifications freely, and half an import must not be left behind.

use crate::{
    block::Block,
    chain::{Chain, Fault, ImportError},
    progress::Progress,
};
use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_runtime::Spawner;
use futures::{StreamExt as _, future, lock::Mutex};
use std::sync::Arc;

/// How far above the durable history an ancestry may reach before its execution waits for finality.
///
/// Bounds the blocks held in memory by a node that was away: it sees proposals far above what it has, and catches up
/// before it judges them. Where nobody is further than this node, it does not wait, or nobody would go on.
const AHEAD_MAX: u32 = 64;

/// How many final blocks a node may lack and still lead.
const BEHIND_MAX: u32 = 16;

/// A lane in which a [`Chain`] works.
pub(crate) struct Executor<E, C> {
    context: Arc<E>,
    chain: C,
    lane: Arc<Mutex<()>>,
    progress: Progress,
}

impl<E, C: Clone> Clone for Executor<E, C> {
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            chain: self.chain.clone(),
            lane: self.lane.clone(),
            progress: self.progress.clone(),
        }
    }
}

impl<E: Spawner, C: Chain> Executor<E, C> {
    /// Opens a lane whose tasks are children of `context`.
    pub(crate) fn new(context: E, chain: C, progress: Progress) -> Self {
        Self {
            context: Arc::new(context),
            chain,
            lane: Arc::default(),
            progress,
        }
    }

    /// The ledger, for calls that only look something up.
    pub(crate) fn chain(&self) -> &C {
        &self.chain
    }

    /// Whether the network is known to be so far ahead that this node had better catch up first.
    pub(crate) fn is_behind(&self) -> bool {
        self.progress.known() > self.progress.finalized() + BEHIND_MAX
    }

    /// Runs `work` in the lane. Never returns if the node stops before the work is done.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&C) -> T + Send + 'static,
    ) -> T {
        let guard = self.lane.clone().lock_owned().await;
        let chain = self.chain.clone();
        let task = self
            .context
            .child("execute")
            .shared(true)
            .spawn(|_| async move {
                let outcome = work(&chain);
                drop(guard);
                outcome
            });
        match task.await {
            Ok(outcome) => outcome,
            Err(_) => future::pending().await,
        }
    }

    /// Makes the state of `tip` available, executing whichever of its ancestors are not.
    ///
    /// `ancestry` yields `tip` first, then its ancestors. Returns `Err` when one of them is invalid.
    pub(crate) async fn reach(
        &self,
        tip: &Block,
        mut ancestry: impl Ancestry<Block>,
    ) -> Result<(), ImportError> {
        let near = tip.number().saturating_sub(AHEAD_MAX);
        self.progress
            .finalized_at_least(near.min(self.progress.known()))
            .await;
        let mut missing: Vec<Arc<Block>> = Vec::new();
        let mut wanted = tip.hash();
        while !self.chain.holds_state(wanted) {
            // A stream that ends has lost its source (the node is stopping); agreement gives the request up.
            let Some(block) = ancestry.next().await else {
                return future::pending().await;
            };
            if self.durable(block.inner())? {
                break;
            }
            wanted = block.inner().parent_hash();
            missing.push(block.inner_shared());
        }
        while let Some(block) = missing.pop() {
            if !self.durable(&block)? {
                self.import(block).await?;
            }
        }
        Ok(())
    }

    /// Executes one block whose parent's state is at hand.
    pub(crate) async fn import(&self, block: Arc<Block>) -> Result<(), ImportError> {
        self.run(move |chain| chain.import(&block)).await
    }

    /// Makes consecutive blocks part of the durable history, executing those that are not.
    pub(crate) async fn finalize(
        &self,
        blocks: Vec<Arc<Block>>,
        certificate: Option<Vec<u8>>,
    ) -> Result<(), Fault> {
        self.run(move |chain| {
            for block in &blocks {
                chain
                    .import(block)
                    .map_err(|reason| diverged(block, &reason))?;
            }
            match blocks.last() {
                Some(last) => chain.finalize(last, certificate),
                None => Ok(()),
            }
        })
        .await
    }

    /// Whether the block is part of the durable history already; an error if that history excludes it.
    fn durable(&self, block: &Block) -> Result<bool, ImportError> {
        if block.number() > self.chain.finalized().number {
            return Ok(false);
        }
        match self.chain.finalized_hash(block.number()) {
            Some(hash) if hash != block.hash() => Err(ImportError::Invalid(format!(
                "it extends block {} ({}), which finality left behind",
                block.number(),
                block.hash()
            ))),
            _ => Ok(true),
        }
    }
}

fn diverged(block: &Block, reason: &ImportError) -> Fault {
    match reason {
        ImportError::Fault(fault) => fault.clone(),
        reason => Fault(format!(
            "block {} ({}) is final for the network, but this node cannot execute it: {reason}; \
             check that it runs the same version as the others, then start it on an empty directory",
            block.number(),
            block.hash(),
        )),
    }
}
