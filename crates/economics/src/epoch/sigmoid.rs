//! The rate of a liquid bond: a sigmoid, with the exponential in integers (step 6 of the rule).
//!
//! `e^x = 2^k · 2^(i/64) · e^r`: the first factor is a shift, the second is looked up, and the
//! third, with `r < ln 2 / 64`, is a short series. Good to 2⁻⁵⁰ of the result and rounded to the
//! nearest 2⁻³².

use super::{LiquidAlpha, ONE, share_of_ratio, times};

/// The argument beyond which the exponential is held constant: 20, in counts of 2⁻³².
const LIMIT: i64 = 20 << 32;

/// `log₂ e` and `ln 2`, in counts of 2⁻⁶².
const LOG2_E: i128 = 6_653_256_548_922_161_245;
const LN_2: u128 = 3_196_577_161_300_663_914;

/// `2^(i/64)` in counts of 2⁻⁶², by the series of the exponential.
const POWERS: [u64; 64] = {
    let mut powers = [0; 64];
    let mut i = 0;
    while i < 64 {
        powers[i] = series(LN_2 * i as u128 / 64, 24);
        i += 1;
    }
    powers
};

/// `e^r` for `0 ≤ r < 1` by its first terms, in counts of 2⁻⁶².
const fn series(r: u128, terms: u128) -> u64 {
    let (mut term, mut sum, mut k) = (1u128 << 62, 1u128 << 62, 1);
    while k < terms {
        term = ((term * r) >> 62) / k;
        sum += term;
        k += 1;
    }
    sum as u64
}

/// Returns `e^x` rounded to the nearest count of 2⁻³²; the argument is held within ±20.
pub fn exp(x: i64) -> u64 {
    // In counts of 2⁻⁶²: the whole part shifts, six bits look up, the rest goes through the series.
    let binary = (i128::from(x.clamp(-LIMIT, LIMIT)) * LOG2_E) >> 32;
    let whole = (binary >> 62) as i32;
    let fraction = (binary & ((1 << 62) - 1)) as u64;
    let power = POWERS[(fraction >> 56) as usize];
    let rest = (u128::from(fraction & ((1 << 56) - 1)) * LN_2) >> 62;
    let mantissa = (u128::from(power) * u128::from(series(rest, 7))) >> 62;
    // The mantissa counts 2⁻⁶²; the result is to count 2⁻³².
    let shift = 30 - whole;
    ((mantissa + ((1 << shift) >> 1)) >> shift) as u64
}

/// `1 / (1 + e^x)` in counts of 2⁻³², rounded down.
pub fn falling(x: i64) -> u64 {
    let divisor = ONE + exp(x);
    // 2⁶⁴ is one more than the largest word.
    u64::MAX / divisor + u64::from(u64::MAX % divisor == divisor - 1)
}

/// The rates of one subnet's liquid bonds.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    low: u64,
    high: u64,
    slope: i64,
}

impl Rates {
    /// Prepares for these hyperparameters.
    pub fn new(liquid: LiquidAlpha) -> Self {
        Self {
            low: share_of_ratio(u64::from(liquid.low)),
            high: share_of_ratio(u64::from(liquid.high)),
            slope: (i64::from(liquid.steepness) << 32) / -100,
        }
    }

    /// Returns the rate at which a cell's bond follows its weight, all in counts of 2⁻³².
    #[inline]
    pub fn rate(&self, weight: u64, bond: u64, consensus: u64) -> u64 {
        let away = if weight >= bond {
            weight.saturating_sub(consensus)
        } else {
            bond - weight
        };
        let offset = away.min(ONE) as i64 - (ONE / 2) as i64;
        let exponent = ((i128::from(self.slope) * i128::from(offset)) >> 32) as i64;
        if self.high < self.low {
            return self.inverted(exponent);
        }
        self.low + times(falling(exponent), self.high - self.low)
    }

    /// The rate where the bounds are the wrong way round: the product is negative and rounds away
    /// from zero, then the lower bound wins, or else the upper.
    fn inverted(&self, exponent: i64) -> u64 {
        let product = u128::from(falling(exponent)) * u128::from(self.low - self.high);
        if product == 0 { self.high } else { self.low }
    }
}
