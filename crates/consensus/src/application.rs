//! Simplex's application: what a leader proposes, and what an authority vouches for.
//!
//! # The rule
//!
//! A leader given a parent proposes one block on it:
//!
//! 1. It waits until the parent is one interval old.
//! 2. Its timestamp is its clock, but at least one interval after the parent's.
//! 3. Its body is what the pool offers; its header carries the agreement context.
//!
//! A leader that is catching up passes at once, so that the others need not wait for it.
//!
//! An authority vouches for a block if
//!
//! 1. its timestamp is at least one interval after its parent's (else leaders could mint faster than the schedule),
//! 2. executing it on its parent gives the header's state root, and
//! 3. its timestamp is not ahead of the authority's clock by more than [`CLOCK_DRIFT`].
//!
//! A block that fails 1 or 2 fails for everybody and for ever, and is refused. 3 passes with time, so the authority
//! *waits*; so it does for ancestors it has not received yet. A refusal is final in simplex, and refusing what others
//! will accept would make this authority a faulty one.
//!
//! That the parent is the one agreement chose, and that heights are contiguous, the wrapper
//! (`commonware_consensus::marshal::standard::Deferred`) has checked before asking.

use crate::{
    block::{self, Block, Context},
    chain::{Chain, Fault, ImportError},
    committee::Scheme,
    executor::Executor,
    timing::{CLOCK_DRIFT, Timing},
};
use commonware_consensus::{Application, marshal::ancestry::Ancestry};
use commonware_cryptography::Digested;
use commonware_runtime::{Clock, Metrics, Spawner};
use commonware_utils::channel::mpsc;
use futures::{StreamExt as _, future};
use std::time::{Duration, SystemTime};
use tracing::{debug, warn};

/// Proposes and verifies blocks against a ledger.
pub(crate) struct Authority<E, C> {
    executor: Executor<E, C>,
    timing: Timing,
    faults: mpsc::Sender<Fault>,
}

impl<E, C: Clone> Clone for Authority<E, C> {
    fn clone(&self) -> Self {
        Self {
            executor: self.executor.clone(),
            timing: self.timing,
            faults: self.faults.clone(),
        }
    }
}

impl<E: Spawner + Clock, C: Chain> Authority<E, C> {
    /// An authority that works in `executor`; what stops it is sent to `faults`.
    pub(crate) fn new(
        executor: Executor<E, C>,
        timing: Timing,
        faults: mpsc::Sender<Fault>,
    ) -> Self {
        Self {
            executor,
            timing,
            faults,
        }
    }

    /// Earliest time of a child of `parent`, in milliseconds since 1970.
    fn child_timestamp_min(&self, parent: &Block) -> u64 {
        let interval_ms = u64::try_from(self.timing.interval.as_millis()).unwrap_or(u64::MAX);
        self.executor
            .chain()
            .timestamp_ms(parent)
            .map_or(0, |made| made.saturating_add(interval_ms))
    }

    async fn build(
        &self,
        clock: &E,
        context: &Context,
        mut ancestry: impl Ancestry<Block>,
    ) -> Result<Option<Block>, ImportError> {
        let whole = ancestry.clone();
        let Some(parent) = ancestry.next().await else {
            return future::pending().await;
        };
        if self.executor.is_behind() {
            return Ok(None);
        }
        let parent = parent.inner_shared();
        let earliest = self.child_timestamp_min(&parent);
        // Missing ancestors are executed while the interval passes.
        self.executor.reach(&parent, whole).await?;
        clock.sleep_until(at_ms(earliest)).await;
        let timestamp_ms = now_ms(clock).max(earliest);
        let digest = block::digest_item(context);
        let hash = parent.hash();
        self.executor
            .run(move |chain| chain.build(hash, timestamp_ms, digest))
            .await
            .map(Some)
    }

    async fn check(
        &self,
        clock: &E,
        mut ancestry: impl Ancestry<Block>,
    ) -> Result<(), ImportError> {
        let whole = ancestry.clone();
        let (Some(block), Some(parent)) = (ancestry.next().await, ancestry.next().await) else {
            return future::pending().await;
        };
        let (block, parent) = (block.inner(), parent.inner());
        let made = self
            .executor
            .chain()
            .timestamp_ms(block)
            .ok_or_else(|| ImportError::Invalid("it does not say when it was made".into()))?;
        let earliest = self.child_timestamp_min(parent);
        if made < earliest {
            return Err(ImportError::Invalid(format!(
                "made at {made} ms, before its time at {earliest} ms"
            )));
        }
        self.executor.reach(block, whole).await?;
        let drift_ms = u64::try_from(CLOCK_DRIFT.as_millis()).unwrap_or(u64::MAX);
        clock
            .sleep_until(at_ms(made.saturating_sub(drift_ms)))
            .await;
        Ok(())
    }

    /// Reports what stops this node. The block may be fine for others, so no verdict follows.
    async fn stop<T>(&self, fault: Fault) -> T {
        // A full queue already holds a fault, and one is enough to stop.
        let _ = self.faults.try_send(fault);
        future::pending().await
    }
}

impl<E, C> Application<E> for Authority<E, C>
where
    E: Spawner + Clock + Metrics,
    C: Chain,
{
    type SigningScheme = Scheme;
    type Context = Context;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (clock, context): (E, Context),
        ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        match self.build(&clock, &context, ancestry).await {
            Ok(None) => None,
            Ok(Some(block)) => {
                debug!(number = block.number(), hash = %block.hash(), "proposed a block");
                Some(block.digested())
            }
            Err(ImportError::Fault(fault)) => self.stop(fault).await,
            Err(reason) => {
                warn!(round = %context.round, %reason, "could not build a block");
                None
            }
        }
    }

    async fn verify(
        &mut self,
        (clock, context): (E, Context),
        ancestry: impl Ancestry<Block>,
    ) -> bool {
        match self.check(&clock, ancestry).await {
            Ok(()) => true,
            Err(ImportError::Fault(fault)) => self.stop(fault).await,
            // Pruned between reaching and importing: finality has overtaken this request.
            Err(ImportError::MissingParent) => future::pending().await,
            Err(ImportError::Invalid(reason)) => {
                warn!(round = %context.round, leader = %context.leader, reason, "refused a block");
                false
            }
        }
    }
}

/// The clock's time in milliseconds since 1970.
pub(crate) fn now_ms(clock: &impl Clock) -> u64 {
    let since = clock
        .current()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn at_ms(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_millis(ms))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
