//! Lets no two threads execute the same block.

use crate::Hash;
use crate::ledger::lock;
use std::collections::HashSet;
use std::sync::{Condvar, Mutex, PoisonError};

/// Blocks being executed right now.
#[derive(Default)]
pub(crate) struct Turns {
    running: Mutex<HashSet<Hash>>,
    ended: Condvar,
}

pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    hash: Hash,
}

impl Turns {
    pub(crate) fn wait_for(&self, hash: Hash) -> Turn<'_> {
        let mut running = self
            .ended
            .wait_while(lock(&self.running), |running| running.contains(&hash))
            .unwrap_or_else(PoisonError::into_inner);
        running.insert(hash);
        Turn { turns: self, hash }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.turns.running).remove(&self.hash);
        self.turns.ended.notify_all();
    }
}
