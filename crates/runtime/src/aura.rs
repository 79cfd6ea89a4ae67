//! Says how long a block takes, under the name by which wallets look for it.
//!
//! The interval is chosen once, at genesis. Blocks are not agreed on by Aura; but the official SDK learns a
//! chain's block time from the constant `Aura.SlotDuration`, so a pallet with nothing but that constant bears that
//! name. A metadata constant is evaluated when metadata is asked for, hence it can come from storage.

pub use pallet::*;

use frame_support::traits::Get;

/// The block interval in milliseconds, for configurations that need it as a type.
pub struct IntervalMs;

impl Get<u64> for IntervalMs {
    fn get() -> u64 {
        sp_externalities::with_externalities(|_| ()).map_or(DEFAULT_INTERVAL_MS, |()| {
            crate::views::Market::block_interval_ms()
        })
    }
}

/// Interval while no chain's state is at hand, as when limits are checked at start-up.
const DEFAULT_INTERVAL_MS: u64 = 1_000;

#[frame_support::pallet]
mod pallet {
    use frame_support::pallet_prelude::*;

    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// Time between blocks in milliseconds.
        #[pallet::constant]
        type SlotDuration: Get<u64>;
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);
}
