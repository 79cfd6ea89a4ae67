//! Makes finalized blocks durable in the ledger, in order, exactly once.
//!
//! Marshal delivers finalized blocks in order and *at least* once: what it delivered before a crash without having
//! our acknowledgement on disk, it delivers again. So the order here is: execute, commit, fsync, and only then
//! acknowledge. Seen from the ledger three cases remain:
//!
//! | block | then |
//! |---|---|
//! | next after the durable history | append it |
//! | already in the durable history | acknowledge, after checking that it is the same block |
//! | further ahead | the ledger lost its latest blocks; fetch those between from marshal's store first |
//!
//! The third happens when the ledger's directory was replaced by an older copy, or lost a commit that the operating
//! system had not written.
//!
//! A block of this height that is *not* the same, or one that cannot be executed, means that this node and the
//! network disagree. It stops, and says so.

use crate::{
    application::now_ms,
    block::Block,
    chain::{Chain, Fault},
    committee::Scheme,
    executor::Executor,
    metrics::Metrics,
    progress::{Finalized, Progress},
};
use commonware_actor::Feedback;
use commonware_codec::Encode as _;
use commonware_consensus::{
    Reporter,
    marshal::{Update, core::Mailbox, standard::Standard},
    types::Height,
};
use commonware_runtime::{Clock, Spawner};
use commonware_utils::{Acknowledgement as _, acknowledgement::Exact, channel::mpsc};
use std::{sync::Arc, time::Duration};
use tracing::{error, info};

/// Blocks made durable in one commit, at most.
const BATCH_MAX: usize = 16;
/// How often catching up is worth a line in the log, in blocks.
const CATCH_UP_REPORT: u32 = 500;

/// Where marshal delivers.
#[derive(Clone)]
pub(crate) struct Inbox {
    blocks: mpsc::Sender<(Arc<Block>, Exact)>,
    progress: Progress,
}

impl Inbox {
    /// An inbox holding up to `capacity` blocks; marshal must be told to await no more acknowledgements than that.
    pub(crate) fn new(
        capacity: usize,
        progress: Progress,
    ) -> (Self, mpsc::Receiver<(Arc<Block>, Exact)>) {
        let (blocks, receiver) = mpsc::channel(capacity);
        (Self { blocks, progress }, receiver)
    }
}

impl Reporter for Inbox {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        match update {
            Update::Tip(_, height, _) => {
                self.progress
                    .learn(u32::try_from(height.get()).unwrap_or(u32::MAX));
                Feedback::Ok
            }
            Update::Block(block, acknowledgement) => {
                match self
                    .blocks
                    .try_send((block.inner_shared(), acknowledgement))
                {
                    Ok(()) => Feedback::Ok,
                    Err(_) => Feedback::Closed,
                }
            }
        }
    }
}

/// Appends delivered blocks to the ledger.
pub(crate) struct Finalizer<E, C> {
    pub(crate) executor: Executor<E, C>,
    pub(crate) marshal: Mailbox<Scheme, Standard<Block>>,
    pub(crate) progress: Progress,
    pub(crate) metrics: Metrics,
    pub(crate) faults: mpsc::Sender<Fault>,
    /// This node's own key, to tell its own proposals.
    pub(crate) me: crate::PublicKey,
}

impl<E: Spawner + Clock, C: Chain> Finalizer<E, C> {
    /// Works until marshal or the ledger fails.
    pub(crate) async fn run(self, clock: E, mut inbox: mpsc::Receiver<(Arc<Block>, Exact)>) {
        let mut waiting = Vec::new();
        // One block at a time while the node keeps up; as many as wait, in one commit, while it catches up.
        while inbox.recv_many(&mut waiting, BATCH_MAX).await > 0 {
            let (blocks, acknowledgements): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
            if let Err(fault) = self.deliver(&clock, blocks).await {
                error!(%fault, "cannot go on");
                // A full queue already holds a fault, and one is enough to stop.
                let _ = self.faults.try_send(fault);
                // Dropping an acknowledgement would stop marshal with a panic; whoever reads the fault ends us.
                std::future::pending::<()>().await;
            }
            for acknowledgement in acknowledgements {
                acknowledgement.acknowledge();
            }
        }
    }

    async fn deliver(&self, clock: &E, blocks: Vec<Arc<Block>>) -> Result<(), Fault> {
        let durable = self.executor.chain().finalized().number;
        let (old, new): (Vec<_>, Vec<_>) = blocks
            .into_iter()
            .partition(|block| block.number() <= durable);
        for block in old {
            self.compare(&block)?;
        }
        let Some(first) = new.first() else {
            return Ok(());
        };
        for number in durable + 1..first.number() {
            let height = Height::new(u64::from(number));
            let missing = self.marshal.get_block(height).await.ok_or_else(|| {
                Fault(format!(
                    "block {number} is neither in the ledger nor in the agreement store; \
                     start this node on an empty directory to fetch the chain again"
                ))
            })?;
            self.append(clock, vec![missing.inner_shared()]).await?;
        }
        self.append(clock, new).await
    }

    fn compare(&self, block: &Block) -> Result<(), Fault> {
        match self.executor.chain().finalized_hash(block.number()) {
            // The ledger may have pruned its index that far back.
            None => Ok(()),
            Some(hash) if hash == block.hash() => Ok(()),
            Some(hash) => Err(Fault(format!(
                "this node's block {} is {hash}, but the network finalized {}; \
                 its directory belongs to another network or is damaged: start it on an empty one",
                block.number(),
                block.hash(),
            ))),
        }
    }

    /// Appends consecutive blocks, with the certificate of the last.
    async fn append(&self, clock: &E, blocks: Vec<Arc<Block>>) -> Result<(), Fault> {
        let Some(last) = blocks.last().map(|block| block.number()) else {
            return Ok(());
        };
        let height = Height::new(u64::from(last));
        let certificate = self.marshal.get_finalization(height).await;
        let certificate = certificate.map(|it| it.encode().to_vec());
        self.executor.finalize(blocks.clone(), certificate).await?;
        for block in &blocks {
            let finalized = self.measure(clock, block);
            self.metrics.finalized(&finalized);
            self.progress.record(finalized);
        }
        let known = self.progress.known();
        let reported = blocks
            .iter()
            .any(|block| block.number().is_multiple_of(CATCH_UP_REPORT));
        if reported && known > last + CATCH_UP_REPORT {
            info!(last, of = known, "catching up");
        }
        Ok(())
    }

    fn measure(&self, clock: &E, block: &Block) -> Finalized {
        let made = self.executor.chain().timestamp_ms(block).unwrap_or(0);
        Finalized {
            number: block.number(),
            since_proposal: Duration::from_millis(now_ms(clock).saturating_sub(made)),
            own: block.leader() == &self.me,
        }
    }
}
