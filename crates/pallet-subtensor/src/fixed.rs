//! Fixed-point numbers as they lie in storage.
//!
//! Wallets decode them as a record with one field, `bits`; where the binary point stands is said by
//! the storage item. The arithmetic is in [`economics`]; nothing here computes.

use frame_support::pallet_prelude::*;
use parity_scale_codec::DecodeWithMemTracking;

/// Unsigned: 64 integer and 64 fractional bits unless the storage item says otherwise.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct FixedU128 {
    /// The number times two to the count of fractional bits.
    pub bits: u128,
}

/// Signed: 96 integer and 32 fractional bits unless the storage item says otherwise.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct FixedI128 {
    /// The number times two to the count of fractional bits.
    pub bits: i128,
}
