//! Visits every entry of a long map, some in each block.
//!
//! A map keyed by hotkey says what happened on one subnet only to whoever reads all of it. That may
//! be more than a block has time for, so a [`Sweep`] remembers the last key that it visited and goes
//! on from there. Keys are visited in the order of the database; one that is added behind the sweep
//! is not visited.

use frame_support::storage::KeyPrefixIterator;

/// What visiting one key costs, of a block's budget.
const VISIT: u32 = 1;

/// A visit of a map that may end before the map does.
pub(crate) struct Sweep {
    /// The last key visited, if the map was begun.
    pub(crate) cursor: Option<Vec<u8>>,
    /// What may still be spent in this block.
    pub(crate) budget: u32,
}

impl Sweep {
    /// Visits keys until there are none left, or nothing to spend; returns whether none are left.
    ///
    /// `start` iterates over all keys, `resume` over those after a given one. `visit` returns what
    /// it spent beyond reading the key.
    pub(crate) fn over<K>(
        &mut self,
        start: impl FnOnce() -> KeyPrefixIterator<K>,
        resume: impl FnOnce(Vec<u8>) -> KeyPrefixIterator<K>,
        mut visit: impl FnMut(K) -> u32,
    ) -> bool {
        let mut keys = match self.cursor.take() {
            Some(last) => resume(last),
            None => start(),
        };
        while self.budget > 0 {
            let Some(key) = keys.next() else {
                return true;
            };
            self.spend(VISIT.saturating_add(visit(key)));
        }
        self.cursor = Some(keys.last_raw_key().to_vec());
        false
    }

    /// Takes `cost` off what may still be spent.
    pub(crate) fn spend(&mut self, cost: u32) {
        self.budget = self.budget.saturating_sub(cost);
    }
}
