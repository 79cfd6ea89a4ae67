//! A line that is served by turns: who waits for much waits no longer than who waits for little, but more often.
//!
//! Askers stand in a ring, each with what he waits for in the order in which it came. Whoever is served goes to the end of the ring, and
//! who comes anew begins there.

use std::collections::VecDeque;

use primitives::Hotkey;

/// What askers wait for.
pub(crate) struct Line<T> {
    /// Nobody is here twice, or with nothing to wait for.
    askers: VecDeque<(Hotkey, VecDeque<T>)>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            askers: VecDeque::new(),
        }
    }
}

impl<T> Line<T> {
    /// How much is waited for.
    pub(crate) fn len(&self) -> usize {
        self.askers.iter().map(|(_, own)| own.len()).sum()
    }

    /// How much one asker waits for.
    pub(crate) fn of(&self, asker: &Hotkey) -> usize {
        let found = self.askers.iter().find(|(other, _)| other == asker);
        found.map_or(0, |(_, own)| own.len())
    }

    pub(crate) fn push(&mut self, asker: Hotkey, item: T) {
        match self.askers.iter_mut().find(|(other, _)| *other == asker) {
            Some((_, own)) => own.push_back(item),
            None => self.askers.push_back((asker, VecDeque::from([item]))),
        }
    }

    /// Takes what the first asker waits for of those who may be served.
    pub(crate) fn take(&mut self, may: impl Fn(&Hotkey) -> bool) -> Option<T> {
        let place = self.askers.iter().position(|(asker, _)| may(asker))?;
        let (asker, mut own) = self.askers.remove(place)?;
        let item = own.pop_front();
        if !own.is_empty() {
            self.askers.push_back((asker, own));
        }
        item
    }

    /// Keeps only what is still to be waited for.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.askers.retain_mut(|(_, own)| {
            own.retain(&keep);
            !own.is_empty()
        });
    }

    pub(crate) fn clear(&mut self) {
        self.askers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::AccountId;

    const ALICE: Hotkey = AccountId([1; 32]);
    const DAVE: Hotkey = AccountId([2; 32]);

    fn line(items: &[(Hotkey, u32)]) -> Line<u32> {
        let mut line = Line::default();
        for (asker, item) in items {
            line.push(*asker, *item);
        }
        line
    }

    #[test]
    fn whoever_came_later_is_served_after_one_of_those_before_and_not_after_all() {
        let mut line = line(&[(ALICE, 1), (ALICE, 2), (ALICE, 3), (DAVE, 4), (DAVE, 5)]);
        assert_eq!((line.len(), line.of(&ALICE), line.of(&DAVE)), (5, 3, 2));
        let served: Vec<u32> = std::iter::from_fn(|| line.take(|_| true)).collect();
        assert_eq!(served, [1, 4, 2, 5, 3]);
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn whoever_may_not_be_served_keeps_the_turn() {
        let mut line = line(&[(ALICE, 1), (DAVE, 2), (DAVE, 3)]);
        assert_eq!(line.take(|asker| *asker != ALICE), Some(2));
        assert_eq!(line.take(|_| false), None);
        assert_eq!(line.take(|_| true), Some(1));
        assert_eq!(line.take(|_| true), Some(3));
    }

    #[test]
    fn an_asker_who_waits_for_nothing_any_more_has_no_place() {
        let mut line = line(&[(ALICE, 1), (DAVE, 2), (DAVE, 3)]);
        line.retain(|item| *item == 3);
        assert_eq!((line.of(&ALICE), line.of(&DAVE)), (0, 1));
        line.push(ALICE, 4);
        assert_eq!(line.take(|_| true), Some(3), "she begins at the end");
        line.clear();
        assert_eq!(line.len(), 0);
    }
}
