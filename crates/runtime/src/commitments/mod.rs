//! What a neuron publishes about itself on a subnet: a few short fields, readable by everybody.
//!
//! Subnets use it to point at a model, a dataset or an endpoint. A hotkey that holds a uid may replace its commitment at
//! any time, within [`MaxSpace`] bytes per tempo of the subnet.
//!
//! # Not here
//!
//! Commitments sealed until a public randomness round: this chain has no such beacon, so the wallet's sealed fields are
//! refused when they are decoded, and [`RevealedCommitments`] has no writer.

mod data;

pub use data::{Data, LONG_BYTES_MAX, SHORT_BYTES_MAX};
pub use pallet::*;

use frame_support::{BoundedVec, pallet_prelude::*, traits::ConstU32};
use parity_scale_codec::DecodeWithMemTracking;

/// Most fields of a commitment.
pub const FIELDS_MAX: u32 = 3;

/// Least space that a commitment uses, in bytes.
const SPACE_MIN: u64 = 100;

/// The fields of a commitment.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct CommitmentInfo {
    /// In the order given.
    pub fields: BoundedVec<Data, ConstU32<FIELDS_MAX>>,
}

/// A commitment as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct Registration {
    /// TAO held for it, in rao; always zero.
    pub deposit: u64,
    /// Block in which it was published.
    pub block: u32,
    /// What it says.
    pub info: CommitmentInfo,
}

/// Space a hotkey has used in the tempo in progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct UsageTracker {
    /// Number of that tempo.
    pub last_epoch: u64,
    /// Bytes used in it.
    pub used_space: u64,
}

#[frame_support::pallet]
mod pallet {
    use super::*;
    use frame_system::pallet_prelude::*;

    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_subtensor::Config
    {
        /// Most fields of a commitment.
        #[pallet::constant]
        type MaxFields: Get<u32>;
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What each hotkey published on each subnet.
    #[pallet::storage]
    pub type CommitmentOf<T: Config> =
        StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, Registration>;

    /// Block in which each hotkey last published on each subnet.
    #[pallet::storage]
    pub type LastCommitment<T: Config> =
        StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, u32>;

    /// Sealed commitments that were opened: none.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type RevealedCommitments<T: Config> =
        StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, Vec<(Vec<u8>, u64)>>;

    /// Space each hotkey used on each subnet.
    #[pallet::storage]
    pub type UsedSpaceOf<T: Config> =
        StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, UsageTracker>;

    /// Most bytes a hotkey may publish on a subnet per tempo.
    #[pallet::storage]
    pub type MaxSpace<T> = StorageValue<_, u32, ValueQuery, ConstU32<3_100>>;

    #[pallet::event]
    #[pallet::generate_deposit(fn deposit_event)]
    pub enum Event<T: Config> {
        /// A hotkey published a commitment.
        Commitment {
            /// On this subnet.
            netuid: u16,
            /// The hotkey.
            who: T::AccountId,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// Not used: a commitment of more fields does not decode.
        TooManyFieldsInCommitmentInfo,
        /// The hotkey holds no uid on the subnet; register it first.
        AccountNotAllowedCommit,
        /// The hotkey has published as much as it may in this tempo; wait for the next.
        SpaceLimitExceeded,
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// TAO held for a commitment, in rao: none.
        #[pallet::constant_name(InitialDeposit)]
        fn initial_deposit() -> u64 {
            0
        }

        /// TAO held for each of its fields, in rao: none.
        #[pallet::constant_name(FieldDeposit)]
        fn field_deposit() -> u64 {
            0
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Replaces what the calling hotkey publishes on a subnet.
        ///
        /// ## Errors
        ///
        /// - [`Error::AccountNotAllowedCommit`]: the hotkey holds no uid there.
        /// - [`Error::SpaceLimitExceeded`]: more than [`MaxSpace`] bytes in one tempo.
        #[pallet::call_index(0)]
        #[pallet::weight(T::DbWeight::get().reads_writes(4, 3))]
        pub fn set_commitment(
            origin: OriginFor<T>,
            netuid: u16,
            info: Box<CommitmentInfo>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(
                pallet_subtensor::Pallet::<T>::is_registered(netuid, &who),
                Error::<T>::AccountNotAllowedCommit
            );
            Self::use_space(netuid, &who, &info)?;
            let block = Self::block();
            let registration = Registration {
                deposit: 0,
                block,
                info: *info,
            };
            CommitmentOf::<T>::insert(netuid, &who, registration);
            LastCommitment::<T>::insert(netuid, &who, block);
            Self::deposit_event(Event::Commitment { netuid, who });
            Ok(())
        }

        /// Sets how many bytes a hotkey may publish on a subnet per tempo.
        #[pallet::call_index(2)]
        #[pallet::weight(T::DbWeight::get().writes(1))]
        pub fn set_max_space(origin: OriginFor<T>, new_limit: u32) -> DispatchResult {
            ensure_root(origin)?;
            MaxSpace::<T>::put(new_limit);
            Ok(())
        }
    }
}

impl<T: Config> Pallet<T> {
    fn block() -> u32 {
        use sp_runtime::traits::UniqueSaturatedInto;
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    fn use_space(netuid: u16, who: &T::AccountId, info: &CommitmentInfo) -> DispatchResult {
        let size = info
            .fields
            .iter()
            .map(Data::size)
            .sum::<u64>()
            .max(SPACE_MIN);
        let tempo = u64::from(pallet_subtensor::Pallet::<T>::tempo(netuid)).max(1);
        let epoch = u64::from(Self::block()) / tempo;
        let mut usage = UsedSpaceOf::<T>::get(netuid, who).unwrap_or_default();
        if usage.last_epoch != epoch {
            usage = UsageTracker {
                last_epoch: epoch,
                used_space: 0,
            };
        }
        usage.used_space = usage.used_space.saturating_add(size);
        ensure!(
            usage.used_space <= u64::from(MaxSpace::<T>::get()),
            Error::<T>::SpaceLimitExceeded
        );
        UsedSpaceOf::<T>::insert(netuid, who, usage);
        Ok(())
    }
}

impl<T: Config> Pallet<T> {
    /// Drops about `limit` of what was published on a subnet that was dissolved; returns whether
    /// nothing is left.
    pub fn forget(netuid: u16, limit: u32) -> bool {
        let cleared = [
            CommitmentOf::<T>::clear_prefix(netuid, limit, None),
            LastCommitment::<T>::clear_prefix(netuid, limit, None),
            RevealedCommitments::<T>::clear_prefix(netuid, limit, None),
            UsedSpaceOf::<T>::clear_prefix(netuid, limit, None),
        ];
        cleared.iter().all(|result| result.maybe_cursor.is_none())
    }
}
