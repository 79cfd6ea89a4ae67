//! Several mechanisms on one subnet: how they share an epoch's pay, and what they add up to.
//!
//! # The rule
//!
//! * The pay is divided evenly, or by ratios of 65535, each part rounded down. What rounding leaves
//!   goes to the first.
//! * Each mechanism settles its part by itself ([`crate::epoch::settle`]). What a neuron earns adds
//!   up. It is active, or permitted next time, where one of them says so. The other figures are
//!   averages, weighted by the mechanisms' parts: each contribution is rounded down. Without any pay
//!   the first mechanism has all the weight.
//! * Incentive and bonds are each mechanism's own, and not merged.

use crate::{
    epoch::Settlement,
    fixed::{mul_div, saturate},
};

/// Divides an amount among `count` mechanisms: by `split` where it names them all, else evenly.
pub fn parts(amount: u64, count: u8, split: Option<&[u16]>) -> Vec<u64> {
    let count = usize::from(count.max(1));
    let mut parts: Vec<u64> = match split {
        Some(split) if split.len() == count => {
            let part = |ratio: &u16| u128::from(amount) * u128::from(*ratio) / 65_535;
            split.iter().map(|ratio| saturate(part(ratio))).collect()
        }
        _ => vec![amount / count as u64; count],
    };
    let given: u64 = parts.iter().fold(0, |sum, part| sum.saturating_add(*part));
    parts[0] = parts[0].saturating_add(amount.saturating_sub(given));
    parts
}

/// Merges what the mechanisms of a subnet settled; `settled` has each one's part of the pay.
///
/// Incentive and bonds are empty in the result.
pub fn merge(settled: &[(u64, Settlement)]) -> Settlement {
    let total: u64 = settled
        .iter()
        .fold(0, |sum, (part, _)| sum.saturating_add(*part));
    let neurons = settled.first().map_or(0, |(_, first)| first.active.len());
    let mut sum = Settlement {
        active: vec![false; neurons],
        stake_weight: vec![0; neurons],
        validator_permit_next: vec![false; neurons],
        consensus: vec![0; neurons],
        validator_trust: vec![0; neurons],
        dividends: vec![0; neurons],
        server_emission: vec![0; neurons],
        validator_emission: vec![0; neurons],
        emission: vec![0; neurons],
        ..Settlement::default()
    };
    for (place, (part, one)) in settled.iter().enumerate() {
        let weight = match total {
            0 => u128::from(place == 0) << 64,
            total => mul_div(u128::from(*part), 1 << 64, u128::from(total)),
        };
        either(&mut sum.active, &one.active);
        either(&mut sum.validator_permit_next, &one.validator_permit_next);
        add(&mut sum.server_emission, &one.server_emission);
        add(&mut sum.validator_emission, &one.validator_emission);
        average(&mut sum.stake_weight, &one.stake_weight, weight);
        average(&mut sum.consensus, &one.consensus, weight);
        average(&mut sum.validator_trust, &one.validator_trust, weight);
        average(&mut sum.dividends, &one.dividends, weight);
        for (sum, value) in sum.emission.iter_mut().zip(&one.emission) {
            *sum = sum.saturating_add(weighted(*value, weight));
        }
    }
    sum
}

fn either(sum: &mut [bool], one: &[bool]) {
    for (sum, flag) in sum.iter_mut().zip(one) {
        *sum |= flag;
    }
}

fn add(sum: &mut [u64], one: &[u64]) {
    for (sum, value) in sum.iter_mut().zip(one) {
        *sum = sum.saturating_add(*value);
    }
}

fn average(sum: &mut [u16], one: &[u16], weight: u128) {
    for (sum, value) in sum.iter_mut().zip(one) {
        let part = weighted(u64::from(*value), weight);
        *sum = sum.saturating_add(u16::try_from(part).unwrap_or(u16::MAX));
    }
}

/// `⌊value · weight⌋`, where `weight` has 64 fractional bits.
fn weighted(value: u64, weight: u128) -> u64 {
    saturate(mul_div(u128::from(value), weight, 1 << 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settlement(figure: u16, rao: u64, flag: bool) -> Settlement {
        Settlement {
            active: vec![flag],
            stake_weight: vec![figure],
            validator_permit_next: vec![flag],
            consensus: vec![figure],
            validator_trust: vec![figure],
            dividends: vec![figure],
            server_emission: vec![rao],
            validator_emission: vec![rao],
            emission: vec![rao],
            ..Settlement::default()
        }
    }

    #[test]
    fn an_uneven_rao_goes_to_the_first() {
        assert_eq!(parts(10, 3, None), [4, 3, 3]);
        assert_eq!(parts(10, 2, Some(&[16_384, 49_151])), [3, 7]);
        // A split of another number of mechanisms says nothing.
        assert_eq!(parts(10, 2, Some(&[65_535])), [5, 5]);
    }

    #[test]
    fn pay_adds_up_and_figures_are_averaged_by_pay() {
        let merged = merge(&[
            (75, settlement(1_000, 30, true)),
            (25, settlement(2_000, 10, false)),
        ]);
        assert_eq!(merged.server_emission, [40]);
        assert_eq!(merged.validator_emission, [40]);
        assert_eq!(merged.dividends, [1_250]);
        assert_eq!(merged.emission, [22 + 2]);
        assert_eq!(merged.active, [true]);
        assert_eq!(merged.validator_permit_next, [true]);
    }

    #[test]
    fn without_pay_the_first_mechanism_decides() {
        let merged = merge(&[(0, settlement(7, 0, false)), (0, settlement(9, 0, false))]);
        assert_eq!(merged.consensus, [7]);
    }

    proptest! {
        #[test]
        fn the_parts_add_up(amount: u64, count in 1u8..=16) {
            prop_assert_eq!(parts(amount, count, None).iter().sum::<u64>(), amount);
        }

        #[test]
        fn the_parts_of_a_split_add_up(amount: u64, first: u16) {
            let split = [first, u16::MAX - first];
            prop_assert_eq!(parts(amount, 2, Some(&split)).iter().sum::<u64>(), amount);
        }

        #[test]
        fn one_mechanism_is_the_subnet(figure: u16, rao in 0u64..1 << 50, part in 1u64..1 << 60) {
            let alone = settlement(figure, rao, true);
            prop_assert_eq!(merge(&[(part, alone.clone())]), alone);
        }
    }
}
