//! The transactions of one sender, by nonce: a ready run from the account's nonce on, then what waits behind a gap.

use super::Transaction;
use runtime::Nonce;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One sender's transactions.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The account's nonce at the pool's block.
    next: Nonce,
    /// First nonce that is not ready.
    ready_end: Nonce,
    entries: BTreeMap<Nonce, Arc<Transaction>>,
}

/// What a change did to transactions that stay in the lane.
#[derive(Debug, Default)]
pub(super) struct Shift {
    /// Became ready.
    pub(super) promoted: Vec<Arc<Transaction>>,
    /// Now wait for a missing nonce.
    pub(super) demoted: Vec<Arc<Transaction>>,
}

impl Lane {
    pub(super) fn new(next: Nonce) -> Self {
        Self {
            next,
            ready_end: next,
            entries: BTreeMap::new(),
        }
    }

    pub(super) fn next(&self) -> Nonce {
        self.next
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn get(&self, nonce: Nonce) -> Option<&Arc<Transaction>> {
        self.entries.get(&nonce)
    }

    /// The transaction with the highest nonce: the one that can leave without holding up others.
    pub(super) fn tail(&self) -> Option<&Arc<Transaction>> {
        self.entries.values().next_back()
    }

    pub(super) fn is_ready(&self, nonce: Nonce) -> bool {
        (self.next..self.ready_end).contains(&nonce)
    }

    /// The lowest nonce from the account's on that no transaction here uses.
    pub(super) fn free_nonce(&self) -> Nonce {
        self.ready_end
    }

    /// How many are ready: the run has no gaps.
    pub(super) fn ready_len(&self) -> usize {
        (self.ready_end - self.next) as usize
    }

    /// Ready transactions in order of nonce.
    pub(super) fn ready(&self) -> impl Iterator<Item = &Arc<Transaction>> {
        self.entries
            .range(self.next..self.ready_end)
            .map(|(_, transaction)| transaction)
    }

    /// Puts a transaction in its place; the place must be free.
    pub(super) fn insert(&mut self, transaction: Arc<Transaction>) -> Shift {
        debug_assert!(transaction.nonce >= self.next);
        self.entries.insert(transaction.nonce, transaction);
        Shift {
            promoted: self.extend_ready(),
            demoted: Vec::new(),
        }
    }

    /// Takes a transaction out; ready ones behind it must wait.
    pub(super) fn remove(&mut self, nonce: Nonce) -> (Option<Arc<Transaction>>, Shift) {
        let mut shift = Shift::default();
        let removed = self.entries.remove(&nonce);
        if removed.is_some() && self.is_ready(nonce) {
            let behind = self.entries.range(nonce..self.ready_end);
            shift.demoted = behind.map(|(_, transaction)| transaction.clone()).collect();
            self.ready_end = nonce;
        }
        (removed, shift)
    }

    /// Follows the account's nonce; returns what it has passed, too.
    pub(super) fn advance(&mut self, next: Nonce) -> (Vec<Arc<Transaction>>, Shift) {
        let mut shift = Shift::default();
        let kept = self.entries.split_off(&next);
        let passed = std::mem::replace(&mut self.entries, kept);
        if next < self.next {
            // A branch was given up, and the run now begins lower: nothing is ready until the gap is filled.
            let was_ready = self.entries.range(self.next..self.ready_end);
            shift.demoted = was_ready
                .map(|(_, transaction)| transaction.clone())
                .collect();
            self.ready_end = next;
        }
        self.next = next;
        self.ready_end = self.ready_end.max(next);
        shift.promoted = self.extend_ready();
        (passed.into_values().collect(), shift)
    }

    fn extend_ready(&mut self) -> Vec<Arc<Transaction>> {
        let mut promoted = Vec::new();
        while let Some(transaction) = self.entries.get(&self.ready_end) {
            promoted.push(transaction.clone());
            let Some(end) = self.ready_end.checked_add(1) else {
                break;
            };
            self.ready_end = end;
        }
        promoted
    }
}
