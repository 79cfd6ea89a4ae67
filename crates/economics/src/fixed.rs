//! Fixed-point numbers: exact multiplication and division, always rounded down.
//!
//! Two formats are in use. Shares inside an epoch are plain `u64` counts of 2⁻³² (see
//! [`crate::epoch`]), divided by [`Total`]. Prices and proportions are [`Fixed`], with 64 bits on
//! each side of the point.

/// Returns `⌊a · b / c⌋`, or zero when `c` is zero, saturating at `u128::MAX`; the product never
/// overflows.
pub fn mul_div(a: u128, b: u128, c: u128) -> u128 {
    if c == 0 {
        return 0;
    }
    match a.checked_mul(b) {
        Some(product) => product / c,
        None => {
            let (high, low) = wide_product(a, b);
            wide_quotient(high, low, c)
        }
    }
}

/// The 256-bit product of two 128-bit numbers, as its high and low halves.
fn wide_product(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let low = a_low * b_low;
    let first = a_high * b_low + (low >> 64);
    let second = a_low * b_high + (first & LOW);
    let high = a_high * b_high + (first >> 64) + (second >> 64);
    (high, (second << 64) | (low & LOW))
}

/// Divides a 256-bit number by schoolbook shift and subtract.
fn wide_quotient(high: u128, low: u128, divisor: u128) -> u128 {
    if high >= divisor {
        return u128::MAX;
    }
    let (mut remainder, mut quotient) = (high, 0u128);
    for bit in (0..128).rev() {
        let carry = remainder >> 127;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carry == 1 || remainder >= divisor {
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    quotient
}

/// A number from 0 to 2⁶⁴ in steps of 2⁻⁶⁴: a price, or a proportion.
///
/// # Examples
///
/// ```
/// use economics::fixed::Fixed;
///
/// let price = Fixed::ratio(1, 4);
/// assert_eq!(price.of(1_000_000_000), 250_000_000);
/// assert_eq!(price.divide(10), 40);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed(u128);

impl Fixed {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One whole.
    pub const ONE: Self = Self(1 << 64);

    /// Takes a count of 2⁻⁶⁴.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Returns the count of 2⁻⁶⁴.
    pub const fn to_bits(self) -> u128 {
        self.0
    }

    /// Returns the count of 2⁻³², rounded down.
    pub const fn to_bits_32(self) -> u128 {
        self.0 >> 32
    }

    /// Returns `numerator / denominator` rounded down, zero when the denominator is zero.
    pub fn ratio(numerator: u128, denominator: u128) -> Self {
        Self(mul_div(numerator, 1 << 64, denominator))
    }

    /// Returns the proportion `value / 65535`, as hyperparameters state them.
    pub fn from_u16_ratio(value: u16) -> Self {
        Self::ratio(u128::from(value), 65_535)
    }

    /// Returns the proportion `value / (2⁶⁴ − 1)`, as the global weight of root stake is stated.
    pub fn from_u64_ratio(value: u64) -> Self {
        Self::ratio(u128::from(value), u128::from(u64::MAX))
    }

    /// Returns this many times `amount`, rounded down and saturating.
    pub fn of(self, amount: u64) -> u64 {
        saturate(mul_div(self.0, u128::from(amount), 1 << 64))
    }

    /// Returns `amount` divided by this, rounded down and saturating; zero when this is zero.
    pub fn divide(self, amount: u64) -> u64 {
        saturate(mul_div(u128::from(amount), 1 << 64, self.0))
    }

    /// Multiplies two fixed-point numbers, rounding down.
    pub fn times(self, other: Self) -> Self {
        Self(mul_div(self.0, other.0, 1 << 64))
    }

    /// Adds, saturating.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Subtracts, stopping at zero.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// The nearest `u64` to a wider count.
pub(crate) fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// A total that many parts are divided by: `⌊part · 2³² / total⌋` by multiplication instead of
/// division.
///
/// Dividing a million weights by their row sums is most of an epoch's arithmetic, and a 64-bit
/// division costs ten times a multiplication. The reciprocal is taken once. What it yields is the
/// quotient or one less, so one look at the remainder makes it exact.
///
/// The estimate is never too large because the reciprocal is rounded down. It is at most one too
/// small: with the total shifted up to 64 bits, the reciprocal's error is below one unit, and the
/// part shifted by as much is below 2⁶⁴.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    total: u64,
    shift: u32,
    reciprocal: u64,
}

impl Total {
    /// Prepares to divide by `total`, which must be below 2⁶³.
    pub fn new(total: u64) -> Self {
        debug_assert!(total < 1 << 63, "totals are below 2^63");
        if total == 0 {
            // Nothing is a part of it, and no remainder reaches this.
            return Self {
                total: u64::MAX,
                shift: 0,
                reciprocal: 0,
            };
        }
        let shift = total.leading_zeros();
        let reciprocal = saturate((1u128 << 96) / u128::from(total << shift));
        Self {
            total,
            shift,
            reciprocal,
        }
    }

    /// Returns `⌊part · 2³² / total⌋` for a part no larger than the total; zero when the total is
    /// zero.
    #[inline(always)]
    pub fn share(&self, part: u64) -> u64 {
        debug_assert!(part <= self.total, "a part is within its total");
        let estimate =
            ((u128::from(part << self.shift) * u128::from(self.reciprocal)) >> 64) as u64;
        // Exact although the shifted part may not fit: the true remainder is below twice the total.
        let remainder = (part << 32).wrapping_sub(estimate.wrapping_mul(self.total));
        estimate + u64::from(remainder >= self.total)
    }
}

/// As [`Total`], for parts of at most [`SmallParts::MAX`]: one multiplication, with nothing to
/// correct.
///
/// The reciprocal is rounded up and has 63 bits, so the product is too large by less than `part /
/// 2^(31 + log₂ total)`. A quotient by the total is at least `1 / total` short of the next whole
/// number, which is more.
#[derive(Clone, Copy, Debug)]
pub struct SmallParts {
    reciprocal: u64,
    log: u32,
}

impl SmallParts {
    /// The largest part.
    pub const MAX: u64 = 1 << 30;

    /// Prepares to divide by `total`, which must be below 2⁶³.
    pub fn of(total: u64) -> Self {
        debug_assert!(total < 1 << 63, "totals are below 2^63");
        if total == 0 {
            return Self {
                reciprocal: 0,
                log: 0,
            };
        }
        let log = total.ilog2();
        let reciprocal = (1u128 << (63 + log)).div_ceil(u128::from(total)) as u64;
        Self { reciprocal, log }
    }

    /// Returns `⌊part · 2³² / total⌋` for a part of at most [`SmallParts::MAX`]; zero when the
    /// total is zero.
    #[inline(always)]
    pub fn share(&self, part: u64) -> u64 {
        debug_assert!(part <= Self::MAX, "parts are small");
        let product = u128::from(part << 33) * u128::from(self.reciprocal);
        (product >> 64) as u64 >> self.log
    }
}

/// A total that divides its parts in whichever way is quickest for them.
#[derive(Clone, Copy, Debug)]
pub enum Divisor {
    /// All parts are at most [`SmallParts::MAX`].
    Small(SmallParts),
    /// Some are larger.
    Any(Total),
}

impl Divisor {
    /// Prepares to divide by `total` parts none of which is larger than `most`.
    pub fn of(total: u64, most: u64) -> Self {
        if most <= SmallParts::MAX {
            Self::Small(SmallParts::of(total))
        } else {
            Self::Any(Total::new(total))
        }
    }

    /// Returns `⌊part · 2³² / total⌋`; zero when the total is zero.
    #[inline(always)]
    pub fn share(&self, part: u64) -> u64 {
        match self {
            Self::Small(parts) => parts.share(part),
            Self::Any(total) => total.share(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total() -> impl Strategy<Value = u64> {
        let near_power =
            (0u32..63, -2i64..3).prop_map(|(log, off)| (1u64 << log).saturating_add_signed(off));
        prop_oneof![near_power, 1u64..1 << 20, 1u64..1 << 40, 1u64..1 << 63]
            .prop_map(|total| total.clamp(1, (1 << 63) - 1))
    }

    fn exact(part: u64, total: u64) -> u64 {
        ((u128::from(part) << 32) / u128::from(total)) as u64
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn shares_are_exact(total in total(), draw: u64, edge in 0u64..3) {
            for part in [draw % (total + 1), total - edge.min(total), edge.min(total)] {
                prop_assert_eq!(Total::new(total).share(part), exact(part, total));
            }
        }

        #[test]
        fn shares_of_small_parts_are_exact(total in total(), draw: u64, edge in 0u64..3) {
            let most = SmallParts::MAX.min(total);
            for part in [draw % (most + 1), most - edge.min(most), edge.min(most)] {
                prop_assert_eq!(SmallParts::of(total).share(part), exact(part, total));
            }
        }

        #[test]
        fn wide_products_divide_as_narrow_ones_do(a: u64, b: u64, c in 1u64.., shift in 0u32..64) {
            // Scaling one factor and the divisor alike changes nothing, and takes the long way.
            let exact = u128::from(a) * u128::from(b) / u128::from(c);
            let (a, c) = (u128::from(a) << shift, u128::from(c) << shift);
            prop_assert_eq!(mul_div(a, u128::from(b), c), exact);
        }
    }

    #[test]
    fn nothing_divides_by_zero() {
        assert_eq!(mul_div(5, 5, 0), 0);
        assert_eq!(Total::new(0).share(0), 0);
        assert_eq!(SmallParts::of(0).share(0), 0);
        assert_eq!(Fixed::ZERO.divide(7), 0);
        assert_eq!(mul_div(u128::MAX, 2, 1), u128::MAX);
    }
}
