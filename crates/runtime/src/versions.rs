//! Which version of the runtime a chain is on, and when it moves to the next.
//!
//! There is no Wasm on chain that brings new rules along; a program has the rules of one version. So authorities agree on
//! a height: root names it with the version that counts from there on, everybody installs a program with that version,
//! and the chain goes on. Whatever runs the old program stops before that height, with every block up to it, and says
//! which version it needs.
//!
//! ```text
//!  … ──▶ block H-1, the last of version n ──▶ block H, the first of version n + 1 ──▶ …
//!         its end sets [`Active`]              its beginning carries the state forward (see [`crate::migrations`])
//! ```
//!
//! # The rule
//!
//! 1. [`Active`] is the version of the block that comes *after* a state. A new chain's is that of the program that made it.
//! 2. [`Planned`] is set by root. At the end of the block before the planned height, the plan becomes [`Active`].
//! 3. A node whose program has another version than [`Active`] builds and executes no block on that state.
//! 4. Wallets sign for [`Active`]: it is the version that metadata and `state_getRuntimeVersion` show.
//!
//! A chain that began before versions were on chain has no [`Active`]; it moves on at the first block that a newer program
//! builds.

pub use pallet::*;

use crate::VERSION;
use frame_support::traits::Get;
use sp_version::RuntimeVersion;

/// The version that counts for the next block, as FRAME and wallets see it.
pub struct Current;

impl Get<RuntimeVersion> for Current {
    fn get() -> RuntimeVersion {
        // Metadata can be asked for without a chain's state at hand.
        let active = sp_externalities::with_externalities(|_| ())
            .and_then(|()| Active::<crate::Runtime>::get());
        RuntimeVersion {
            spec_version: active.unwrap_or(VERSION.spec_version),
            ..VERSION
        }
    }
}

/// Where a state says which version the block after it needs: a `u32`, or nothing where any will do.
pub fn active_key() -> [u8; 32] {
    Active::<crate::Runtime>::hashed_key()
}

/// Whether this program has the rules of a version.
pub fn is_known(spec_version: u32) -> bool {
    spec_version == VERSION.spec_version
}

#[frame_support::pallet]
mod pallet {
    use crate::VERSION;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::One;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The version of the block after this state.
    #[pallet::storage]
    pub type Active<T> = StorageValue<_, u32, OptionQuery>;

    /// The version to come, and the first height of its own.
    #[pallet::storage]
    pub type Planned<T: Config> = StorageValue<_, (u32, BlockNumberFor<T>), OptionQuery>;

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            Active::<T>::put(VERSION.spec_version);
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(fn deposit_event)]
    pub enum Event<T: Config> {
        /// A version will count from a height on.
        UpgradePlanned {
            /// The version.
            spec_version: u32,
            /// The height.
            height: BlockNumberFor<T>,
        },
        /// The plan was given up.
        UpgradeCancelled {
            /// The version that will not come.
            spec_version: u32,
        },
        /// A version counts from the next block on.
        VersionActivated {
            /// The version.
            spec_version: u32,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The height must leave a block in between, so that nobody is surprised.
        HeightTooSoon,
        /// A chain does not go back to an older version, nor to its own.
        VersionNotNewer,
        /// Nothing is planned.
        NothingPlanned,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_finalize(now: BlockNumberFor<T>) {
            let Some((spec_version, height)) = Planned::<T>::get() else {
                return;
            };
            if height <= now + One::one() {
                Planned::<T>::kill();
                Active::<T>::put(spec_version);
                Self::deposit_event(Event::VersionActivated { spec_version });
            }
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Names the version that counts from a height on, in place of whatever was planned before.
        ///
        /// ## Dispatch Origin
        ///
        /// Root.
        ///
        /// ## Errors
        ///
        /// - [`Error::VersionNotNewer`]: not higher than the version that counts now.
        /// - [`Error::HeightTooSoon`]: at least one block must come before it.
        ///
        /// ## Events
        ///
        /// [`Event::UpgradePlanned`], and in time [`Event::VersionActivated`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::DbWeight::get().reads_writes(1, 1))]
        pub fn plan_upgrade(
            origin: OriginFor<T>,
            spec_version: u32,
            height: BlockNumberFor<T>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            let active = Active::<T>::get().unwrap_or(VERSION.spec_version);
            ensure!(active < spec_version, Error::<T>::VersionNotNewer);
            let now = frame_system::Pallet::<T>::block_number();
            ensure!(now + One::one() < height, Error::<T>::HeightTooSoon);
            Planned::<T>::put((spec_version, height));
            Self::deposit_event(Event::UpgradePlanned {
                spec_version,
                height,
            });
            Ok(())
        }

        /// Gives up the plan.
        ///
        /// ## Dispatch Origin
        ///
        /// Root.
        ///
        /// ## Errors
        ///
        /// - [`Error::NothingPlanned`]: there is no plan.
        ///
        /// ## Events
        ///
        /// [`Event::UpgradeCancelled`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::DbWeight::get().reads_writes(1, 1))]
        pub fn cancel_upgrade(origin: OriginFor<T>) -> DispatchResult {
            ensure_root(origin)?;
            let (spec_version, _) = Planned::<T>::take().ok_or(Error::<T>::NothingPlanned)?;
            Self::deposit_event(Event::UpgradeCancelled { spec_version });
            Ok(())
        }
    }
}
