//! From standings to the numbers that go on chain.

use primitives::Uid;

/// A standing below this part of the best one's weighs nothing.
pub const FLOOR: f64 = 0.1;

/// The weights of miners with these standings: the best one's is the largest there is, the others' in proportion, and
/// exactly zero below [`FLOOR`]. Every miner given is in the result, in the same order, so that a vector replaces
/// whatever was thought of them before. If nobody has earned anything there is no opinion, and the result is empty.
pub fn weigh(standings: &[(Uid, f64)]) -> Vec<(Uid, u16)> {
    let best = standings
        .iter()
        .map(|(_, standing)| *standing)
        .fold(0.0, f64::max);
    if best <= 0.0 {
        return Vec::new();
    }
    let weight_of = |standing: f64| {
        let share = standing / best;
        if share < FLOOR {
            0
        } else {
            (share * f64::from(u16::MAX)).round() as u16
        }
    };
    standings
        .iter()
        .map(|(uid, standing)| (*uid, weight_of(*standing)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weights(standings: &[f64]) -> Vec<u16> {
        let numbered: Vec<_> = (0..).map(Uid).zip(standings.iter().copied()).collect();
        weigh(&numbered)
            .into_iter()
            .map(|(_, weight)| weight)
            .collect()
    }

    #[test]
    fn weights_are_in_proportion_and_nothing_below_the_floor() {
        assert_eq!(weights(&[0.8, 0.4, 0.079, 0.0]), [65535, 32768, 0, 0]);
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
