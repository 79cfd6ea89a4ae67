//! Arithmetic on several numbers at once, the same bits on every machine.
//!
//! [`Lanes`] holds [`WIDTH`] numbers. Its sums, products, quotients and roots are IEEE 754's, lane by lane, whether the
//! processor does four at once, two at once or one after the other. [`exp`] and [`ln`] are polynomials of such operations,
//! in a fixed order; relative to the value, the former is off by less than 2·10⁻¹⁴, the latter by less than 10⁻¹⁵.

use bytemuck::cast;
use wide::{CmpGe, CmpGt, f64x2, u64x2};

/// Several numbers.
pub type Lanes = f64x2;
/// The same, as bits.
type Bits = u64x2;
/// How many.
pub const WIDTH: usize = 2;

pub const ZERO: Lanes = Lanes::ZERO;
pub const ONE: Lanes = Lanes::ONE;

/// The same number in every lane.
#[inline(always)]
pub fn all(value: f64) -> Lanes {
    Lanes::new([value; WIDTH])
}

/// The sum of the lanes.
#[inline(always)]
pub fn sum(lanes: Lanes) -> f64 {
    let [a, b] = lanes.to_array();
    a + b
}

/// `numbers` in groups of [`WIDTH`], the last filled up with `filler`.
pub fn grouped(numbers: impl ExactSizeIterator<Item = f64>, filler: f64) -> Vec<Lanes> {
    let mut groups = vec![all(filler); numbers.len().div_ceil(WIDTH)];
    for (k, number) in numbers.enumerate() {
        set(&mut groups, k, number);
    }
    groups
}

/// The number at place `k` of groups.
#[inline(always)]
pub fn get(groups: &[Lanes], k: usize) -> f64 {
    groups[k / WIDTH].as_array_ref()[k % WIDTH]
}

/// Sets the number at place `k` of groups.
#[inline(always)]
pub fn set(groups: &mut [Lanes], k: usize, number: f64) {
    groups[k / WIDTH].as_array_mut()[k % WIDTH] = number;
}

/// `yes` where `a >= b`, else `no`.
#[inline(always)]
pub fn where_ge(a: Lanes, b: Lanes, yes: Lanes, no: Lanes) -> Lanes {
    a.cmp_ge(b).blend(yes, no)
}

/// `value` where `a > b`, else 0.
#[inline(always)]
pub fn only_gt(a: Lanes, b: Lanes, value: Lanes) -> Lanes {
    a.cmp_gt(b) & value
}

/// 1.5 · 2⁵²: adding it to a small number leaves the nearest whole number in the lowest bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// ln 2 in two parts; the first has 24 bits, so that its product with a whole number below 2¹¹ is exact.
const LN_2_HIGH: f64 = 0.693_147_182_464_599_6;
const LN_2_LOW: f64 = -1.904_654_299_957_768_3e-9;

/// eˣ of numbers of at most zero; below −700 as if −700.
///
/// x = n ln 2 + r with |r| ≤ ½ ln 2; eʳ by its series to the eleventh power, times 2ⁿ.
#[inline(always)]
pub fn exp(x: Lanes) -> Lanes {
    const SERIES: [f64; 12] = [
        1.0,
        1.0,
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5_040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
    ];
    let x = x.fast_max(all(-700.0));
    let shifted = x * all(std::f64::consts::LOG2_E) + all(ROUNDER);
    let n = shifted - all(ROUNDER);
    let r = (x - n * all(LN_2_HIGH)) - n * all(LN_2_LOW);
    let value = polynomial(r, &SERIES);
    // The whole number n sits in the lowest bits of `shifted`; added to the exponent it multiplies by 2ⁿ.
    let exponent: Bits = cast::<Lanes, Bits>(shifted) << 52_u64;
    cast(cast::<Lanes, Bits>(value) + exponent)
}

/// The natural logarithm of positive numbers that are not subnormal.
///
/// x = 2ᵏ m with √½ ≤ m < √2; ln m = 2 artanh s with s = (m − 1)/(m + 1), by its series to the 21st power.
#[inline(always)]
pub fn ln(x: Lanes) -> Lanes {
    const SERIES: [f64; 11] = [
        2.0,
        2.0 / 3.0,
        2.0 / 5.0,
        2.0 / 7.0,
        2.0 / 9.0,
        2.0 / 11.0,
        2.0 / 13.0,
        2.0 / 15.0,
        2.0 / 17.0,
        2.0 / 19.0,
        2.0 / 21.0,
    ];
    /// The bits of √½.
    const ROOT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    /// Added to k before it is shifted, so that no sign is lost.
    const BIAS: u64 = 1023;
    let bits: Bits = cast(x);
    let biased = (bits + ((BIAS << 52).wrapping_sub(ROOT_HALF))) >> 52_u64;
    let m: Lanes = cast(bits - ((biased - BIAS) << 52_u64));
    // A whole number below 2⁵² in the lowest bits of 2⁵² is that number plus 2⁵².
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    let k =
        cast::<Bits, Lanes>(biased | cast::<Lanes, Bits>(all(TWO_52))) - all(TWO_52 + BIAS as f64);
    let s = (m - ONE) / (m + ONE);
    k * all(std::f64::consts::LN_2) + s * polynomial(s * s, &SERIES)
}

/// Σ cᵢ xⁱ, the even and the odd powers apart, so that two chains of operations run side by side.
#[inline(always)]
pub fn polynomial<const N: usize>(x: Lanes, series: &[f64; N]) -> Lanes {
    let square = x * x;
    let (mut even, mut odd) = (ZERO, ZERO);
    let mut k = N;
    while k > 0 {
        k -= 1;
        if k.is_multiple_of(2) {
            even = even * square + all(series[k]);
        } else {
            odd = odd * square + all(series[k]);
        }
    }
    even + odd * x
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXP_ERROR: f64 = 2e-14;
    const LN_ERROR: f64 = 1e-15;

    fn first(lanes: Lanes) -> f64 {
        lanes.to_array()[0]
    }

    #[test]
    fn the_two_parts_of_ln_2_sum_to_it_and_the_first_is_short() {
        assert_eq!(LN_2_HIGH + LN_2_LOW, std::f64::consts::LN_2);
        assert!(LN_2_HIGH.to_bits().trailing_zeros() >= 53 - 24);
    }

    proptest! {
        #[test]
        fn exp_is_as_near_as_it_says(x in -690.0..0.0_f64) {
            let wanted = libm::exp(x);
            prop_assert!((first(exp(all(x))) / wanted - 1.0).abs() < EXP_ERROR);
        }

        #[test]
        fn exp_of_small_numbers_is_as_near_as_it_says(x in -3.0..0.0_f64) {
            let wanted = libm::exp(x);
            prop_assert!((first(exp(all(x))) / wanted - 1.0).abs() < EXP_ERROR);
        }

        #[test]
        fn ln_is_as_near_as_it_says(exponent in -60.0..60.0_f64, near in 0.7..1.4_f64) {
            for x in [libm::exp2(exponent), near] {
                let wanted = libm::log(x);
                prop_assert!((first(ln(all(x))) - wanted).abs() <= LN_ERROR * wanted.abs());
            }
        }

        #[test]
        fn lanes_do_not_know_of_each_other(x in -50.0..0.0_f64, y in -50.0..0.0_f64) {
            let both = exp(Lanes::new([x, y])).to_array();
            prop_assert_eq!(both[0].to_bits(), first(exp(all(x))).to_bits());
            prop_assert_eq!(both[1].to_bits(), first(exp(all(y))).to_bits());
        }
    }

    #[test]
    fn one_has_no_logarithm_and_zero_an_exponential_of_one() {
        assert_eq!(first(ln(ONE)), 0.0);
        assert_eq!(first(exp(ZERO)), 1.0);
        assert!(first(exp(all(-1e6))) < 1e-300);
    }
}
