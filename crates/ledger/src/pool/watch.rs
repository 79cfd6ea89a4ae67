//! Tells those who asked what becomes of a transaction.

use crate::Hash;
use std::collections::HashMap;
use tokio::sync::mpsc;

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for a transaction with a lower nonce.
    Future,
    /// It can be included.
    Ready,
    /// The best chain includes it, in this block.
    InBlock(Hash),
    /// This block, which included it, is no longer on the best chain.
    Retracted(Hash),
    /// It is final, in this block.
    Finalized(Hash),
    /// This transaction of the same sender and nonce took its place.
    Usurped(Hash),
    /// The pool was full and others had higher priority.
    Dropped,
    /// It can no longer be included.
    Invalid,
}

impl Status {
    /// Whether nothing can follow.
    pub fn is_last(&self) -> bool {
        matches!(
            self,
            Self::Finalized(_) | Self::Usurped(_) | Self::Dropped | Self::Invalid
        )
    }
}

/// Stream of a transaction's statuses; ends after the last one.
pub type Watcher = mpsc::Receiver<Status>;

/// Statuses that a slow watcher may leave unread before it is given up.
const BACKLOG: usize = 64;

/// Who watches which transaction.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    senders: HashMap<Hash, Vec<mpsc::Sender<Status>>>,
}

impl Watchers {
    pub(super) fn watch(&mut self, hash: Hash) -> Watcher {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        self.senders.entry(hash).or_default().push(sender);
        receiver
    }

    pub(super) fn tell(&mut self, hash: Hash, status: Status) {
        let Some(senders) = self.senders.get_mut(&hash) else {
            return;
        };
        senders.retain(|sender| sender.try_send(status.clone()).is_ok());
        if status.is_last() || senders.is_empty() {
            self.senders.remove(&hash);
        }
    }
}
