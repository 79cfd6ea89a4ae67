//! How far the node has come: shared by everything that reports on it or waits for it.
//!
//! A proposal is timed from the moment its leader begins to build it until the node that measures has it durable:
//! that includes both executions, the votes and every fsync. Only a leader's own proposals are measured, by one
//! clock; [`Finalized::since_proposal`] of other leaders' blocks compares two clocks.

use commonware_utils::{channel::watch, sync::Mutex};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// How many recent finalizations are kept for who wants exact figures.
const RECENT_MAX: usize = 4_096;

/// One block becoming durable on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// The block's height.
    pub number: u32,
    /// Time from the block's own timestamp, set when its leader began to build it.
    pub since_proposal: Duration,
    /// Whether this node was the leader.
    pub own: bool,
}

/// A cloneable view of how far the node has come.
#[derive(Clone)]
pub struct Progress {
    shared: Arc<Shared>,
}

struct Shared {
    finalized: watch::Sender<u32>,
    known: watch::Sender<u32>,
    recent: Mutex<VecDeque<Finalized>>,
}

impl Progress {
    /// Begins at a height already durable.
    pub fn new(finalized: u32) -> Self {
        Self {
            shared: Arc::new(Shared {
                finalized: watch::Sender::new(finalized),
                known: watch::Sender::new(finalized),
                recent: Mutex::new(VecDeque::with_capacity(RECENT_MAX)),
            }),
        }
    }

    /// Height of the durable history on this node.
    pub fn finalized(&self) -> u32 {
        *self.shared.finalized.borrow()
    }

    /// Highest height known to be final anywhere; above [`Progress::finalized`] while catching up.
    pub fn known(&self) -> u32 {
        (*self.shared.known.borrow()).max(self.finalized())
    }

    /// The last finalizations, oldest first, at most 4,096.
    pub fn recent(&self) -> Vec<Finalized> {
        self.shared.recent.lock().iter().copied().collect()
    }

    /// Waits until the durable history reaches `number`.
    pub async fn finalized_at_least(&self, number: u32) {
        let mut heights = self.shared.finalized.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = heights.wait_for(|height| *height >= number).await;
    }

    /// Notes that the network has finalized up to `number`.
    pub fn learn(&self, number: u32) {
        self.shared
            .known
            .send_if_modified(|known| std::mem::replace(known, number.max(*known)) < number);
    }

    /// Notes that a block has become durable here.
    pub fn record(&self, finalized: Finalized) {
        {
            let mut recent = self.shared.recent.lock();
            if recent.len() == RECENT_MAX {
                recent.pop_front();
            }
            recent.push_back(finalized);
        }
        self.reached(finalized.number);
    }

    pub(crate) fn reached(&self, number: u32) {
        self.shared
            .finalized
            .send_if_modified(|height| std::mem::replace(height, number.max(*height)) < number);
    }
}
