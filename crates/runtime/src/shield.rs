//! Tells wallets that transactions are submitted in the open.
//!
//! Bittensor's wallets encrypt some transactions to a key that block authors publish as `MevShield.NextKey`, and
//! look for that key before they stake. This chain has no authors' key, so the item has no writer; that it exists
//! and is empty is how a wallet learns to submit in the open (asking for an unknown item would be an error to it).

pub use pallet::*;

#[frame_support::pallet]
mod pallet {
    use frame_support::pallet_prelude::*;

    #[pallet::config]
    pub trait Config: frame_system::Config {}

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The key to encrypt transactions to: none.
    #[pallet::storage]
    pub type NextKey<T> = StorageValue<_, BoundedVec<u8, ConstU32<2048>>, OptionQuery>;
}
