//! Keeps the block interval, under the name by which wallets look for it.
//!
//! The interval is chosen once, at genesis. Blocks are not agreed on by Aura; but the official SDK learns a
//! chain's block time from the constant `Aura.SlotDuration`, so the pallet that holds the figure bears that
//! name. A metadata constant is evaluated when metadata is asked for, hence it can come from storage.

pub use pallet::*;

use frame_support::traits::Get;

/// The block interval in milliseconds, for configurations that need it as a type.
pub struct IntervalMs;

impl Get<u64> for IntervalMs {
    fn get() -> u64 {
        sp_externalities::with_externalities(|_| ()).map_or(DEFAULT_INTERVAL_MS, |()| {
            pallet::IntervalMs::<crate::Runtime>::get()
        })
    }
}

/// Interval of a chain whose genesis names none.
pub const DEFAULT_INTERVAL_MS: u64 = 1_000;

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

    /// Time between blocks in milliseconds.
    #[pallet::storage]
    pub type IntervalMs<T> = StorageValue<_, u64, ValueQuery, DefaultInterval>;

    #[pallet::type_value]
    pub fn DefaultInterval() -> u64 {
        super::DEFAULT_INTERVAL_MS
    }

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Time between blocks in milliseconds; zero means [`super::DEFAULT_INTERVAL_MS`].
        pub interval_ms: u64,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if self.interval_ms > 0 {
                IntervalMs::<T>::put(self.interval_ms);
            }
        }
    }
}
