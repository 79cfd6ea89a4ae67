//! Tells the rest of the node which block is the latest and which is final.

use crate::{BlockNumber, Hash, Header};
use tokio::sync::broadcast;

/// A block by hash and height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Head {
    /// Hash of the block.
    pub hash: Hash,
    /// Height of the block.
    pub number: BlockNumber,
}

/// A block that just became the best or the finalized one.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The block.
    pub head: Head,
    /// Its header.
    pub header: Header,
}

/// A changed storage entry: key and new value, `None` where it was deleted.
pub type StorageChange = (Vec<u8>, Option<Vec<u8>>);

/// Notices that a slow listener may fall behind before it misses some.
const BACKLOG: usize = 256;

/// The two streams of notices.
pub(crate) struct Announcer {
    best: broadcast::Sender<Notice>,
    finalized: broadcast::Sender<Notice>,
}

impl Announcer {
    pub(crate) fn new() -> Self {
        Self {
            best: broadcast::channel(BACKLOG).0,
            finalized: broadcast::channel(BACKLOG).0,
        }
    }

    pub(crate) fn subscribe_best(&self) -> broadcast::Receiver<Notice> {
        self.best.subscribe()
    }

    pub(crate) fn subscribe_finalized(&self) -> broadcast::Receiver<Notice> {
        self.finalized.subscribe()
    }

    pub(crate) fn announce_best(&self, notice: Notice) {
        // An error only says that nobody listens.
        let _ = self.best.send(notice);
    }

    pub(crate) fn announce_finalized(&self, notice: Notice) {
        // An error only says that nobody listens.
        let _ = self.finalized.send(notice);
    }
}
