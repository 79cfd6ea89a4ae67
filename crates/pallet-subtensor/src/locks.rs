//! Locks on stake: there are none.
//!
//! Bittensor lets stake be locked for a time in exchange for a voice in who owns a subnet. Here all
//! stake can be taken out at any time. Wallets list a coldkey's locks beside its stake, and asking
//! for an unknown item is an error to them; so the item exists, and nothing writes it.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use parity_scale_codec::DecodeWithMemTracking;

#[pallet_section]
mod lock_storage {
    /// Locked stake by coldkey, subnet and hotkey; always empty.
    #[pallet::storage]
    pub type Lock<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, NetUid>,
            NMapKey<Blake2_128Concat, T::AccountId>,
        ),
        LockState,
        OptionQuery,
    >;
}

/// A lock on stake.
#[derive(
    Clone,
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
pub struct LockState {
    /// Alpha locked, in rao.
    pub locked_mass: AlphaBalance,
    /// Voice it has built up, with 64 fractional bits.
    pub conviction: FixedU128,
    /// Block of the last change.
    pub last_update: u64,
}
