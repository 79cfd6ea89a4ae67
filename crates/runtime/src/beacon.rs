//! Keys of heights, by which what was sealed to a height opens.
//!
//! Whoever wants something to be read later and not now seals it to a height under [`GroupKey`] (the crate `timelock` is how).
//! When that height is final, the authorities sign it together; whoever builds the next block puts the signature, the
//! height's key, into it. The key is checked here, against the group's, and handed to whoever keeps what was sealed
//! ([`Sealed`]).
//!
//! # The rule
//!
//! * Only keys that are wanted enter a block: those of past heights to which something was sealed that is still closed.
//!   So a chain on which nobody seals carries none.
//! * A key comes as an inherent: without a signature, without a fee, once and at most [`KEYS_MAX`] in a block. A block
//!   with a key that does not fit the group's is invalid; so whoever builds one leaves such keys out.
//! * A block without the keys that it could carry is valid: authorities may not have made them yet, and the next block's
//!   author has them too.
//!
//! # Limits
//!
//! A network whose genesis names no group key opens nothing, and refuses what is sealed.

pub use pallet::*;

use frame_support::{BoundedVec, pallet_prelude::*, traits::ConstU32};
use sp_inherents::InherentIdentifier;
use timelock::{GROUP_KEY_BYTES, HEIGHT_KEY_BYTES, HeightKey};

/// The most keys in one block.
pub const KEYS_MAX: u32 = 8;

/// By which the author of a block finds the keys among its inherents' data.
pub const INHERENT_IDENTIFIER: InherentIdentifier = *b"heights0";

/// A height and its key, as they stand in a block.
pub type Key = (u32, [u8; HEIGHT_KEY_BYTES]);

/// What this pallet asks of whoever keeps what was sealed.
pub trait Sealed {
    /// Heights up to this block to which something closed is sealed, lowest first; boundedly many.
    fn wanted() -> sp_runtime::Vec<u32>;

    /// Whether something closed is sealed to a height of the past.
    fn is_wanted(height: u32) -> bool;

    /// Takes the key of a height that is wanted.
    fn unlock(height: u32, key: &HeightKey);
}

#[frame_support::pallet]
mod pallet {
    use super::*;
    use frame_system::pallet_prelude::*;
    use sp_inherents::{InherentData, MakeFatalError};
    use timelock::GroupKey as Group;

    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// Who keeps what was sealed.
        type Sealed: Sealed;
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// Whether this block has published keys.
    #[pallet::storage]
    pub type Published<T> = StorageValue<_, bool, ValueQuery>;

    /// The authorities' common public key, in G2 of BLS12-381, compressed: what to seal to.
    #[pallet::storage]
    pub type GroupKey<T> =
        StorageValue<_, BoundedVec<u8, ConstU32<{ GROUP_KEY_BYTES as u32 }>>, OptionQuery>;

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// The authorities' common public key; empty when nothing is to be sealed.
        pub group_key: Vec<u8>,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if Group::from_bytes(&self.group_key).is_some()
                && let Ok(key) = BoundedVec::try_from(self.group_key.clone())
            {
                GroupKey::<T>::put(key);
            }
        }
    }

    #[pallet::error]
    pub enum Error<T> {
        /// Nothing is sealed to that height, or what was is open.
        NotWanted,
        /// The key is not the authorities' signature of that height.
        FalseKey,
        /// This block has published keys already.
        AlreadyPublished,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_finalize(_: BlockNumberFor<T>) {
            Published::<T>::kill();
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Publishes keys of heights. Blocks' authors put it in.
        #[pallet::call_index(0)]
        #[pallet::weight((
            Weight::from_parts(2_000_000_000, 0).saturating_mul(keys.len() as u64),
            DispatchClass::Mandatory
        ))]
        pub fn publish(
            origin: OriginFor<T>,
            keys: BoundedVec<Key, ConstU32<KEYS_MAX>>,
        ) -> DispatchResult {
            ensure_none(origin)?;
            ensure!(!Published::<T>::get(), Error::<T>::AlreadyPublished);
            let group = Self::group().ok_or(Error::<T>::FalseKey)?;
            for known in keys {
                ensure!(T::Sealed::is_wanted(known.0), Error::<T>::NotWanted);
                let key = checked(&group, &known).ok_or(Error::<T>::FalseKey)?;
                T::Sealed::unlock(known.0, &key);
            }
            Published::<T>::put(true);
            Ok(())
        }
    }

    #[pallet::inherent]
    impl<T: Config> ProvideInherent for Pallet<T> {
        type Call = Call<T>;
        type Error = MakeFatalError<()>;
        const INHERENT_IDENTIFIER: InherentIdentifier = INHERENT_IDENTIFIER;

        fn create_inherent(data: &InherentData) -> Option<Self::Call> {
            let known: Vec<Key> = data.get_data(&INHERENT_IDENTIFIER).ok().flatten()?;
            let group = Self::group()?;
            let wanted = known
                .into_iter()
                .filter(|(height, _)| T::Sealed::is_wanted(*height))
                .filter(|known| checked(&group, known).is_some())
                .take(KEYS_MAX as usize)
                .collect::<Vec<_>>();
            let keys = BoundedVec::try_from(wanted).ok()?;
            (!keys.is_empty()).then_some(Call::publish { keys })
        }

        fn is_inherent(call: &Self::Call) -> bool {
            matches!(call, Call::publish { .. })
        }
    }

    /// The key, if it is the group's signature of its height.
    fn checked(group: &Group, (height, bytes): &Key) -> Option<HeightKey> {
        let key = HeightKey::from_bytes(bytes)?;
        key.belongs_to(group, *height).then_some(key)
    }

    impl<T: Config> Pallet<T> {
        /// The key to seal to, if this network has one.
        pub fn group() -> Option<Group> {
            Group::from_bytes(&GroupKey::<T>::get()?)
        }
    }
}
