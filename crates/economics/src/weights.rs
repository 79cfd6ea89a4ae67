//! What a validator may store as its opinion: scaling and limits of a weight row.
//!
//! Only proportions matter, so rows are stored scaled until their largest entry is 65535, which
//! keeps the most of 16 bits. Who may set weights, and how often, is the pallet's business.

/// Scales a row until its largest value is 65535, rounding halves up; an all-zero row stays as it
/// is.
///
/// # Examples
///
/// ```
/// use economics::weights::max_upscaled;
///
/// assert_eq!(max_upscaled(&[0, 1, 2]), [0, 32768, 65535]);
/// ```
pub fn max_upscaled(row: &[u16]) -> Vec<u16> {
    const HALF: u64 = 1 << 31;
    let max = u64::from(row.iter().copied().max().unwrap_or(0));
    if max == 0 {
        return row.to_vec();
    }
    row.iter()
        .map(|&weight| {
            // Bittensor multiplies first only where its 32-bit integer part has room; roundings
            // differ.
            let scaled = if max > 32_768 {
                u64::from(weight) * ((65_535 << 32) / max)
            } else {
                ((u64::from(weight) * 65_535) << 32) / max
            };
            crate::fixed::saturate(u128::from(scaled + HALF) >> 32).min(65_535) as u16
        })
        .collect()
}

/// Returns whether the largest weight's share of the row is at most `limit / 65535`.
///
/// An empty row, one of zeros, and a limit of 65535 are always within.
pub fn is_within_limit(row: &[u16], limit: u16) -> bool {
    let sum: u64 = row.iter().map(|&weight| u64::from(weight)).sum();
    let max = u64::from(row.iter().copied().max().unwrap_or(0));
    if sum == 0 || limit == u16::MAX {
        return true;
    }
    (max << 32) / sum <= (u64::from(limit) << 32) / 65_535
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn upscaling_keeps_order_and_reaches_the_top(row in prop::collection::vec(any::<u16>(), 1..20)) {
            let scaled = max_upscaled(&row);
            for (i, j) in (0..row.len()).flat_map(|i| (0..row.len()).map(move |j| (i, j))) {
                prop_assert!(row[i] > row[j] || scaled[i] <= scaled[j]);
            }
            let top = if row.iter().all(|&w| w == 0) { 0 } else { 65_535 };
            prop_assert_eq!(scaled.iter().copied().max(), Some(top));
        }
    }
}
