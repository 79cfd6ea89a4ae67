//! From standings to the numbers that go on chain.

use primitives::Uid;

/// Work worth less than this part of the best one's weighs nothing.
pub const FLOOR: f64 = 0.1;

/// What a miner's weight follows from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merit {
    /// Whose.
    pub uid: Uid,
    /// What its work is worth by itself: quality and speed.
    pub work: f64,
    /// Its standing: the same, less what others gave in answer before it.
    pub standing: f64,
}

/// The weights of miners of these merits: the best standing's is the largest there is, the others' in proportion, and
/// exactly zero where the work is below [`FLOOR`] of the best. Whether the same answers were somebody else's too makes a weight
/// smaller, but never nothing: honest work stays above the floor. Every miner given is in the result, in the same order, so
/// that a vector replaces whatever was thought of them before. If nobody has earned anything there is no opinion, and the
/// result is empty.
pub fn weigh(merits: &[Merit]) -> Vec<(Uid, u16)> {
    let best_of = |part: fn(&Merit) -> f64| merits.iter().map(part).fold(0.0, f64::max);
    let best_work = best_of(|merit| merit.work);
    let best = best_of(|merit| merit.standing);
    if best <= 0.0 {
        return Vec::new();
    }
    let weight_of = |merit: &Merit| {
        if merit.work < FLOOR * best_work {
            0
        } else {
            (merit.standing / best * f64::from(u16::MAX)).round() as u16
        }
    };
    merits
        .iter()
        .map(|merit| (merit.uid, weight_of(merit)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weights(standings: &[f64]) -> Vec<u16> {
        let originals: Vec<_> = standings.iter().map(|own| (*own, *own)).collect();
        weights_of(&originals)
    }

    fn weights_of(merits: &[(f64, f64)]) -> Vec<u16> {
        let merit = |(uid, (work, standing)): (u16, &(f64, f64))| Merit {
            uid: Uid(uid),
            work: *work,
            standing: *standing,
        };
        let merits: Vec<_> = (0..).zip(merits).map(merit).collect();
        weigh(&merits)
            .into_iter()
            .map(|(_, weight)| weight)
            .collect()
    }

    #[test]
    fn weights_are_in_proportion_and_nothing_below_the_floor() {
        assert_eq!(weights(&[0.8, 0.4, 0.079, 0.0]), [65535, 32768, 0, 0]);
    }

    /// Four before it with the same answers leave the fifth a sixteenth, which is below the floor and yet is paid.
    #[test]
    fn the_fifth_who_runs_the_same_model_honestly_still_earns() {
        let weights = weights_of(&[(0.8, 0.8), (0.8, 0.05), (0.079, 0.079)]);
        assert_eq!(weights, [65535, 4096, 0]);
    }

    #[test]
    fn where_nobody_earned_anything_there_is_no_opinion() {
        assert_eq!(weights(&[0.0, 0.0]), [0u16; 0]);
        assert_eq!(weights(&[]), [0u16; 0]);
    }

    proptest! {
        #[test]
        fn a_better_standing_never_weighs_less(standings in prop::collection::vec(0.0..=1.0f64, 2..50)) {
            let weights = weights(&standings);
            prop_assume!(!weights.is_empty());
            for (one, &standing) in standings.iter().enumerate() {
                for (other, &other_standing) in standings.iter().enumerate() {
                    prop_assert!(standing < other_standing || weights[other] <= weights[one]);
                }
            }
        }

        #[test]
        fn only_proportions_count(standings in prop::collection::vec(0.0..=0.5f64, 1..50)) {
            let doubled: Vec<_> = standings.iter().map(|standing| standing * 2.0).collect();
            prop_assert_eq!(weights(&standings), weights(&doubled));
        }
    }
}
