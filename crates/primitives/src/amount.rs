//! Amounts of TAO, counted in its smallest unit.

use std::fmt;
use std::str::FromStr;

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// How many rao make one TAO.
pub const RAO_PER_TAO: u64 = 1_000_000_000;

const DECIMALS: usize = 9;

/// An amount of TAO in rao, its smallest unit.
///
/// Shown to people as TAO with its unit and without padding, and read back from the same text:
///
/// ```
/// use primitives::Rao;
///
/// assert_eq!(Rao(1_500_000_000).to_string(), "1.5 TAO");
/// assert_eq!("1.5 TAO".parse(), Ok(Rao(1_500_000_000)));
/// assert_eq!("0.000000001".parse(), Ok(Rao(1)));
/// ```
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Rao(pub u64);

impl Rao {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount of so many whole TAO, or [`None`] past what 64 bits of rao can hold.
    pub const fn from_tao(tao: u64) -> Option<Self> {
        match tao.checked_mul(RAO_PER_TAO) {
            Some(rao) => Some(Self(rao)),
            None => None,
        }
    }

    /// The sum, or [`None`] if it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(rao) => Some(Self(rao)),
            None => None,
        }
    }

    /// The difference, or [`None`] if it would be negative.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rao) => Some(Self(rao)),
            None => None,
        }
    }
}

impl fmt::Display for Rao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0 / RAO_PER_TAO;
        let fraction = format!("{:0width$}", self.0 % RAO_PER_TAO, width = DECIMALS);
        match fraction.trim_end_matches('0') {
            "" => f.pad(&format!("{whole} TAO")),
            digits => f.pad(&format!("{whole}.{digits} TAO")),
        }
    }
}

impl FromStr for Rao {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.trim();
        let bare = bare.strip_suffix("TAO").unwrap_or(bare).trim_end();
        let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return Err(AmountError::NotANumber(text.to_owned()));
        }
        if DECIMALS < fraction.len() {
            return Err(AmountError::TooFine(text.to_owned()));
        }
        let digits = format!("{whole}{fraction:0<DECIMALS$}");
        digits
            .parse()
            .map(Self)
            .map_err(|_| AmountError::TooLarge(text.to_owned()))
    }
}

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is not a decimal number.
    #[error("{0:?} is not an amount: write it like 1.5 or \"1.5 TAO\"")]
    NotANumber(String),
    /// The text names a part of a rao.
    #[error("{0:?} has more than nine decimals: the smallest amount is 0.000000001 TAO")]
    TooFine(String),
    /// The amount does not fit in 64 bits of rao.
    #[error("{0:?} is more TAO than can exist")]
    TooLarge(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_shown_in_tao_without_padding() {
        assert_eq!(Rao::ZERO.to_string(), "0 TAO");
        assert_eq!(Rao(1).to_string(), "0.000000001 TAO");
        assert_eq!(Rao(21_000_000 * RAO_PER_TAO).to_string(), "21000000 TAO");
        assert_eq!(format!("{:>9}", Rao(2_500_000_000)), "  2.5 TAO");
    }

    #[test]
    fn text_that_is_no_amount_says_why() {
        let not = |text: &str| text.parse::<Rao>().expect_err(text);
        for text in ["", ".5", "-1", "1,5", "one", "1.5.5", "1e9"] {
            assert_eq!(not(text), AmountError::NotANumber(text.into()));
        }
        assert_eq!(
            not("0.0000000001"),
            AmountError::TooFine("0.0000000001".into())
        );
        assert_eq!(
            not("18446744074"),
            AmountError::TooLarge("18446744074".into())
        );
    }

    #[test]
    fn sums_and_differences_never_wrap() {
        assert_eq!(Rao(u64::MAX).checked_add(Rao(1)), None);
        assert_eq!(Rao(1).checked_sub(Rao(2)), None);
        assert_eq!(Rao::from_tao(u64::MAX), None);
        assert_eq!(Rao(3).checked_add(Rao(4)), Some(Rao(7)));
    }

    proptest! {
        #[test]
        fn every_amount_reads_back_from_its_own_text(rao: u64) {
            prop_assert_eq!(Rao(rao).to_string().parse(), Ok(Rao(rao)));
        }
    }
}
