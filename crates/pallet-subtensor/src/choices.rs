//! What a setting may be where it is one of a few.

use frame_support::pallet_prelude::*;
use parity_scale_codec::DecodeWithMemTracking;

/// Which epoch's consensus the rates of liquid bonds are measured by.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum ConsensusMode {
    /// That of the epoch being settled.
    #[default]
    Current,
    /// That of the epoch before.
    Previous,
    /// The one before where weights beyond consensus are kept out of bonds wholly, and otherwise
    /// that of the epoch being settled.
    Auto,
}

/// Which rule an epoch follows.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum EpochConsensus {
    /// Stake-weighted agreement among validators.
    #[default]
    Yuma,
    /// The weights of a single validator.
    Null,
}

/// What becomes of miners' pay that goes to the owner's hotkeys.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum RecycleOrBurnEnum {
    /// It stays in the issuance and belongs to nobody.
    #[default]
    Burn,
    /// It leaves the issuance, and may be minted again.
    Recycle,
}
