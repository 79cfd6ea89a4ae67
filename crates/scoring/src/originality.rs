//! Whose answers are another's, to the last digit.
//!
//! A task may mark its answers: a digest of everything that only the work itself determines, such as probabilities to the
//! last digit. Two hotkeys with equal marks on the same challenges have one origin: one machine behind several seats, one
//! that relays another's answers, or the same program with the same weights. Such work is worth having once.
//!
//! # The rule
//!
//! 1. A challenge is *shared* by two hotkeys if both have a mark for it. Two hotkeys are *kin* if they share at least
//!    [`SHARED_MIN`] challenges of their windows and their marks are equal on nearly all of those: on [`NEARLY_ALL`].
//! 2. Of two kin, the one whose answers came earlier on most of the equal challenges goes before the other (the lower uid, if
//!    neither's did). All who are given a challenge are asked at the same moment. What counts is when an answer came, and
//!    not the speed, which a task may round: many answers may be fast enough, but only one was first.
//! 3. A hotkey counts half for each of its kin that goes before it: of kin all to each other, the first counts in full, the
//!    next a half, then a quarter. Where going-before runs in a circle, it is broken at the one with the fewest before it.
//!
//! # Why it cannot be turned against the one who did the work
//!
//! Whoever relays an answer has it later than who gave it, on every challenge it relays, whatever else it does well: so it
//! comes after, and the original loses nothing. Kinship does not spread: a hotkey that copies two strangers is kin to both,
//! and they remain strangers. Two that share no marks are nothing to each other. An answer that was altered in its last
//! digit is another answer; so is one encoded anew.

use crate::Record;

/// Below so many shared challenges nothing is said.
pub const SHARED_MIN: u16 = 8;
/// Marks equal on this part of the shared challenges are equal on nearly all.
pub const NEARLY_ALL: f64 = 0.75;

/// What the marks say of one hotkey.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Originality {
    /// 1, 1/2, 1/4 …
    pub share: f64,
    /// The foremost of its kin, itself left out.
    pub twin: Option<Twin>,
}

impl Originality {
    /// Of somebody without kin.
    pub const ALONE: Self = Self {
        share: 1.0,
        twin: None,
    };
}

/// Another whose answers are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Its place in the list of records.
    pub index: usize,
    /// On so many challenges the marks are equal.
    pub equal: u16,
    /// Of so many shared.
    pub shared: u16,
}

/// What two records have in common.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    shared: u16,
    equal: u16,
    /// Equal challenges on which the first of the two was earlier, less those on which it was later.
    lead: i16,
}

impl Tally {
    fn is_kin(self) -> bool {
        SHARED_MIN <= self.shared && NEARLY_ALL * f64::from(self.shared) <= f64::from(self.equal)
    }
}

/// Every pair of records compared. Takes the square of their number in memory; a subnet has some hundred seats.
#[derive(Clone, Debug, Default)]
pub struct Kinship {
    count: usize,
    /// Row by row; only cells right of the diagonal are used.
    tallies: Vec<Tally>,
}

/// One marked answer.
struct Marked {
    challenge: u64,
    index: usize,
    mark: u64,
    at_ms: u64,
}

impl Kinship {
    /// Compares records, which are named by their place in this list. Where nobody was earlier, the lower place goes first.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut marked = Vec::new();
        let mut count = 0;
        for (index, record) in records.into_iter().enumerate() {
            count = index + 1;
            marked.extend(record.observations().filter_map(|observation| {
                Some(Marked {
                    challenge: observation.challenge,
                    index,
                    mark: observation.mark?,
                    at_ms: observation.at_ms,
                })
            }));
        }
        marked.sort_by_key(|answer| (answer.challenge, answer.index));
        let mut kinship = Self {
            count,
            tallies: vec![Tally::default(); count * count],
        };
        for together in marked.chunk_by(|one, other| one.challenge == other.challenge) {
            for (place, one) in together.iter().enumerate() {
                for other in &together[place + 1..] {
                    kinship.compare(one, other);
                }
            }
        }
        kinship
    }

    fn compare(&mut self, one: &Marked, other: &Marked) {
        if one.index == other.index {
            return;
        }
        let tally = &mut self.tallies[one.index * self.count + other.index];
        tally.shared = tally.shared.saturating_add(1);
        if one.mark != other.mark {
            return;
        }
        tally.equal = tally.equal.saturating_add(1);
        let lead = i16::from(one.at_ms < other.at_ms) - i16::from(other.at_ms < one.at_ms);
        tally.lead = tally.lead.saturating_add(lead);
    }

    fn tally(&self, one: usize, other: usize) -> Tally {
        self.tallies[one.min(other) * self.count + one.max(other)]
    }

    fn kin_of(&self, one: usize) -> impl Iterator<Item = usize> {
        (0..self.count).filter(move |other| *other != one && self.tally(one, *other).is_kin())
    }

    fn goes_before(&self, one: usize, other: usize) -> bool {
        let lead = self.tally(one, other).lead;
        match one < other {
            true => 0 <= lead,
            false => lead < 0,
        }
    }

    /// Those whose marks were equal to this one's at least once, and of whom too little is known to tell what that means:
    /// they are worth asking together.
    pub fn suspects(&self, one: usize) -> impl Iterator<Item = usize> {
        let is_suspect = move |other: &usize| {
            let tally = self.tally(one, *other);
            *other != one && 0 < tally.equal && tally.shared < 2 * SHARED_MIN
        };
        (0..self.count)
            .filter(move |_| one < self.count)
            .filter(is_suspect)
    }

    /// What follows for each record, in their order.
    pub fn originalities(&self) -> Vec<Originality> {
        let kin: Vec<Vec<usize>> = (0..self.count)
            .map(|one| self.kin_of(one).collect())
            .collect();
        let ranks = self.ranks(&kin);
        let of = |one: usize| {
            let before = kin[one].iter().filter(|other| ranks[**other] < ranks[one]);
            let foremost = kin[one].iter().min_by_key(|other| ranks[**other]);
            let twin = foremost.map(|&index| {
                let Tally { shared, equal, .. } = self.tally(one, index);
                Twin {
                    index,
                    equal,
                    shared,
                }
            });
            Originality {
                share: before.fold(1.0, |share, _| share / 2.0),
                twin,
            }
        };
        (0..self.count).map(of).collect()
    }

    /// The place of each in one order that lets everybody come after those who go before it, as far as that can be.
    fn ranks(&self, kin: &[Vec<usize>]) -> Vec<usize> {
        let mut waits_for: Vec<usize> = (0..self.count)
            .map(|one| {
                kin[one]
                    .iter()
                    .filter(|other| self.goes_before(**other, one))
                    .count()
            })
            .collect();
        let mut ranks = vec![usize::MAX; self.count];
        for rank in 0..self.count {
            let next = (0..self.count)
                .filter(|one| ranks[*one] == usize::MAX)
                .min_by_key(|one| waits_for[*one])
                .expect("as many ranks as records");
            ranks[next] = rank;
            for &other in &kin[next] {
                if self.goes_before(next, other) {
                    waits_for[other] = waits_for[other].saturating_sub(1);
                }
            }
        }
        ranks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Judgement, Observation};
    use proptest::prelude::*;

    /// An answer to a challenge: its mark, and when it came.
    type Given = (u64, u64, f64);

    fn record(given: impl IntoIterator<Item = Given>) -> Record {
        let mut record = Record::default();
        for (challenge, mark, first_ms) in given {
            let mut judgement = Judgement::of(1.0, "");
            judgement.mark = Some(mark);
            let at_ms = (1_000.0 * first_ms) as u64;
            record.learn(Observation::new(challenge, at_ms, &judgement));
        }
        record
    }

    /// Somebody who does its own work: no two of these ever have a mark in common.
    fn own(who: u64, challenges: std::ops::Range<u64>, first_ms: f64) -> Vec<Given> {
        challenges
            .map(|challenge| (challenge, 1_000 * who + challenge, first_ms))
            .collect()
    }

    fn shares(given: &[Vec<Given>]) -> Vec<f64> {
        let records: Vec<_> = given
            .iter()
            .map(|given| record(given.iter().copied()))
            .collect();
        let found = Kinship::of(&records).originalities();
        found.iter().map(|found| found.share).collect()
    }

    fn later(given: &[Given], by: f64) -> Vec<Given> {
        given
            .iter()
            .map(|(challenge, mark, first_ms)| (*challenge, *mark, first_ms + by))
            .collect()
    }

    #[test]
    fn the_same_answers_count_once_in_full_and_then_by_halves() {
        let first = own(1, 0..31, 10.0);
        let given = [
            later(&first, 9.0),
            first.clone(),
            own(2, 0..31, 1.0),
            later(&first, 2.0),
        ];
        assert_eq!(shares(&given), [0.25, 1.0, 1.0, 0.5]);
        let records: Vec<_> = given.into_iter().map(record).collect();
        let found = Kinship::of(&records).originalities();
        let twin = |index| {
            Some(Twin {
                index,
                equal: 31,
                shared: 31,
            })
        };
        assert_eq!(
            [found[0].twin, found[1].twin, found[2].twin],
            [twin(1), twin(3), None]
        );
    }

    #[test]
    fn a_few_challenges_say_nothing() {
        let first = own(1, 0..u64::from(SHARED_MIN) - 1, 10.0);
        assert_eq!(shares(&[first.clone(), later(&first, 5.0)]), [1.0, 1.0]);
        let records = [record(first.clone()), record(later(&first, 5.0))];
        let suspects: Vec<_> = Kinship::of(&records).suspects(0).collect();
        assert_eq!(suspects, [1], "but the two are worth asking together");
        let first = own(1, 0..u64::from(SHARED_MIN), 10.0);
        assert_eq!(shares(&[first.clone(), later(&first, 5.0)]), [1.0, 0.5]);
    }

    /// Fast where it does not copy, so that it is the faster of the two on the whole.
    #[test]
    fn a_copier_that_shines_elsewhere_still_comes_after_the_one_it_copies() {
        let victim = own(1, 0..40, 300.0);
        let copier: Vec<Given> = later(&victim, 5.0)
            .into_iter()
            .map(|(challenge, mark, first_ms)| match challenge % 5 {
                0 => (challenge, mark + 7_000, 1.0),
                _ => (challenge, mark, first_ms),
            })
            .chain(own(9, 100..200, 1.0))
            .collect();
        assert_eq!(shares(&[copier, victim]), [0.5, 1.0]);
    }

    /// Kin to both by what it shares with each, without making the two kin.
    #[test]
    fn who_copies_two_strangers_does_not_make_them_kin() {
        let (one, other) = (own(1, 0..60, 10.0), own(2, 30..90, 10.0));
        let copier: Vec<Given> = later(&one[..30], 5.0)
            .into_iter()
            .chain(later(&other[30..], 5.0))
            .collect();
        assert_eq!(shares(&[copier, one, other]), [0.25, 1.0, 1.0]);
    }

    #[test]
    fn a_circle_of_the_same_answers_is_counted_once_in_full_too() {
        let lead = |first: u64| -> Vec<Given> {
            (0..30)
                .map(|challenge| (challenge, challenge, ((challenge + first) % 3) as f64))
                .collect()
        };
        let mut shares = shares(&[lead(0), lead(1), lead(2)]);
        shares.sort_by(f64::total_cmp);
        assert_eq!(shares, [0.25, 0.5, 1.0]);
    }

    fn honest() -> impl Strategy<Value = Vec<Vec<Given>>> {
        let times = prop::collection::vec((0u64..40, 40u64..80, 1.0..500.0f64), 2..8);
        times.prop_map(|times| {
            (1..)
                .zip(times)
                .map(|(who, (from, to, first_ms))| own(who, from..to, first_ms))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn those_who_do_their_own_work_count_in_full(given in honest()) {
            prop_assert!(shares(&given).iter().all(|share| *share == 1.0));
        }

        /// A copier may take any answer of anybody at any challenge, a little later than they gave it, and do as it likes
        /// elsewhere: nobody who did its own work is worse off.
        #[test]
        fn no_copier_costs_anybody_who_did_the_work(
            given in honest(),
            copied in prop::collection::vec((any::<prop::sample::Index>(), 0.001..400.0f64, any::<bool>()), 80),
            place in any::<prop::sample::Index>(),
        ) {
            let mut copier = Vec::new();
            for (challenge, (whom, delay, is_copied)) in (0..).zip(copied) {
                let victim = &given[whom.index(given.len())];
                match victim.iter().find(|answer| answer.0 == challenge && is_copied) {
                    Some((_, mark, first_ms)) => copier.push((challenge, *mark, first_ms + delay)),
                    None => copier.push((challenge, 900_000 + challenge, 0.5)),
                }
            }
            let mut all = given;
            let place = place.index(all.len());
            all.insert(place, copier);
            let shares = shares(&all);
            prop_assert!(shares.iter().enumerate().all(|(one, share)| one == place || *share == 1.0), "{shares:?}");
        }

        /// However many seats one machine takes, together they count for less than two.
        #[test]
        fn many_seats_of_one_machine_count_for_less_than_two(delays in prop::collection::vec(0.0..50.0f64, 1..12)) {
            let first = own(1, 0..20, 10.0);
            let seats: Vec<_> = delays.iter().map(|by| later(&first, *by)).collect();
            let shares = shares(&seats);
            prop_assert!(shares.iter().sum::<f64>() < 2.0 && shares.contains(&1.0), "{shares:?}");
        }
    }
}
