//! Integers only, no I/O: issuance, epoch settlement, splits, pool swaps.
//!
//! Everything here is a pure function of its arguments. The runtime calls it to decide who is paid,
//! and `stoa simulate` calls the same code on a file, so a figure can always be recomputed away
//! from the chain.
//!
//! | module | the rule it owns |
//! |---|---|
//! | [`issuance`] | how much is minted per block, and when it halves |
//! | [`pool`] | the constant-product pool between TAO and a subnet's alpha, and what a block adds to it |
//! | [`split`] | how a minted amount is divided: owner, miners, validators, root, takes, stakers |
//! | [`epoch`] | what weights, stake and bonds are worth: Yuma consensus |
//! | [`mechanisms`] | how several mechanisms of a subnet share its pay |
//! | [`weights`] | what a validator may store as its opinion |
//! | [`fixed`] | the fixed-point numbers all of these use |
//!
//! # What always holds
//!
//! * No floats, no hashing order, no clock: the same input gives the same bytes on every machine.
//! * Nothing is created: the parts of an amount, with the remainder handed back beside them, add up
//!   to it.

#![deny(clippy::float_arithmetic)]
#![warn(missing_docs)]

pub mod epoch;
pub mod fixed;
pub mod issuance;
pub mod mechanisms;
pub mod pool;
pub mod split;
pub mod weights;
