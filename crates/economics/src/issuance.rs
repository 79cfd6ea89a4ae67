//! How much is minted per block, and when it halves.
//!
//! # The rule
//!
//! Of a currency with 21 million units, each block of [`REFERENCE_INTERVAL_MS`] mints one unit,
//! halved each time half of what was left has been issued:
//!
//! ```text
//! k    = the largest number with issuance ≥ MAX · (1 − 2⁻ᵏ)
//! mint = ⌊10⁹ / 2ᵏ⌋ rao, and nothing once issuance ≥ MAX
//! ```
//!
//! TAO follows it by its total issuance, and each subnet's alpha by its own. Halving goes by
//! issuance, not by height, so what is recycled pushes it back.
//!
//! A chain with shorter blocks mints proportionally less in each. Block `b` mints the difference
//! between the schedule's running totals, `⌊rate·interval·(b+1)/12000⌋ − ⌊rate·interval·b/12000⌋`,
//! so no remainder is ever lost or stored, and a day mints exactly what it would with reference
//! blocks.
//!
//! # What always holds
//!
//! * Total issuance never passes [`MAX_RAO`].
//! * Any run of blocks that lasts a whole number of reference intervals mints the same, whatever
//!   the interval.

/// Rao in one TAO, and in one alpha.
pub const RAO_PER_TAO: u64 = 1_000_000_000;

/// The most that will ever be issued of a currency, in rao.
pub const MAX_RAO: u64 = 21_000_000 * RAO_PER_TAO;

/// The block interval the schedule is stated for.
pub const REFERENCE_INTERVAL_MS: u64 = 12_000;

/// Returns what a reference block mints at an issuance, in rao.
pub fn block_emission(issuance: u64) -> u64 {
    let left = MAX_RAO.saturating_sub(issuance);
    if left == 0 {
        return 0;
    }
    // issuance ≥ MAX·(1 − 2⁻ᵏ)  ⇔  left·2ᵏ ≤ MAX
    let halvings = (MAX_RAO / left).ilog2();
    RAO_PER_TAO >> halvings
}

/// Returns the part of a reference block's `amount` that falls to block `number` of a chain with
/// this interval.
///
/// # Examples
///
/// ```
/// use economics::issuance::scaled;
///
/// // Four blocks of 3 seconds mint what one of 12 seconds does, to the rao.
/// assert_eq!((0..4).map(|block| scaled(1_000_000_001, 3_000, block)).sum::<u64>(), 1_000_000_001);
/// ```
pub fn scaled(amount: u64, interval_ms: u64, number: u64) -> u64 {
    // ⌊rate·(b+1)/T⌋ − ⌊rate·b/T⌋ from the remainder of rate·b alone, so that no product can
    // overflow.
    let reference = u128::from(REFERENCE_INTERVAL_MS);
    let rate = u128::from(amount) * u128::from(interval_ms);
    let carried = (rate % reference) * (u128::from(number) % reference) % reference;
    crate::fixed::saturate((rate + carried) / reference)
}

/// Returns the TAO that block `number` mints, given total issuance before it.
pub fn minted(issuance: u64, interval_ms: u64, number: u64) -> u64 {
    scaled(block_emission(issuance), interval_ms, number).min(MAX_RAO.saturating_sub(issuance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn emission_halves_when_half_of_the_rest_is_issued() {
        assert_eq!(block_emission(0), 1_000_000_000);
        assert_eq!(block_emission(MAX_RAO / 2 - 1), 1_000_000_000);
        assert_eq!(block_emission(MAX_RAO / 2), 500_000_000);
        assert_eq!(block_emission(MAX_RAO / 4 * 3), 250_000_000);
        assert_eq!(block_emission(MAX_RAO - 1), 0);
        assert_eq!(block_emission(u64::MAX), 0);
    }

    proptest! {
        #[test]
        fn more_issued_never_mints_more(a in 0..=MAX_RAO + 5, b in 0..=MAX_RAO + 5) {
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(block_emission(less) >= block_emission(more));
        }

        #[test]
        fn a_day_mints_the_same_at_any_interval(
            amount in 0u64..=1_000_000_000,
            interval_ms in prop::sample::select(vec![50u64, 250, 400, 1_000, 6_000, 12_000, 24_000]),
            first in 0u64..1 << 40,
        ) {
            let blocks = 24_000 / interval_ms;
            let minted: u64 = (first..first + blocks).map(|b| scaled(amount, interval_ms, b)).sum();
            prop_assert_eq!(minted, 2 * amount);
        }

        #[test]
        fn issuance_never_passes_the_maximum(issuance in 0..=MAX_RAO, number: u64, interval_ms in 1u64..1 << 40) {
            prop_assert!(issuance + minted(issuance, interval_ms, number) <= MAX_RAO);
        }
    }
}
