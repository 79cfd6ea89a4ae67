//! Settings that subnet owners and root may change.
//!
//! The runtime names this pallet `AdminUtils`. A call of its catalogue, `calls.rs`, says which
//! setting of [`pallet_subtensor::Hyperparameter`] it sets and who may: the owner of the subnet
//! (rarely, and not shortly before an epoch) or root, or root alone. Bounds, storage and rate limits
//! are the market pallet's.

#![warn(missing_docs)]

mod calls;

#[cfg(test)]
mod tests;

pub use pallet::*;

use frame_support::pallet_macros::import_section;

/// The pallet: it stores nothing.
#[import_section(calls::calls)]
#[frame_support::pallet]
pub mod pallet {
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use pallet_subtensor::{
        Authority, ConsensusMode, FixedI128, FixedU128, Hyperparameter as Setting, MechId, NetUid,
        Pallet as Subtensor, RateLimitKey, RecycleOrBurnEnum, TaoBalance,
    };

    /// What a setting costs to check and write.
    const COST: Weight = Weight::from_parts(50_000_000, 0);

    /// The pallet's type.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config + pallet_subtensor::Config {}

    /// Why a call is refused, beside the market pallet's reasons.
    #[pallet::error]
    pub enum Error<T> {
        /// The subnet does not exist.
        SubnetDoesNotExist,
        /// A limit of uids is below the number of neurons.
        MaxAllowedUIdsLessThanCurrentUIds,
        /// A limit of uids is below the least that the subnet's size may be limited to.
        MaxAllowedUidsLessThanMinAllowedUids,
        /// A limit of uids is above what any subnet may have, or any owner may allow.
        MaxAllowedUidsGreaterThanDefaultMaxAllowedUids,
    }

    impl<T: Config> Pallet<T> {
        fn as_root(origin: OriginFor<T>, netuid: NetUid, setting: Setting) -> DispatchResult {
            ensure_root(origin)?;
            Self::set(netuid, setting, Authority::Root)
        }

        fn as_owner_or_root(
            origin: OriginFor<T>,
            netuid: NetUid,
            setting: Setting,
        ) -> DispatchResult {
            Self::ensure_exists(netuid)?;
            Subtensor::<T>::set_as_owner_or_root(origin, netuid, setting)
        }

        fn set(netuid: NetUid, setting: Setting, authority: Authority) -> DispatchResult {
            Self::ensure_exists(netuid)?;
            Subtensor::<T>::set_hyperparameter(netuid, setting, authority)
        }

        /// Refuses a limit of uids that does not fit the subnet, and says why.
        fn ensure_size(netuid: NetUid, most: u16, authority: Authority) -> DispatchResult {
            ensure!(
                most >= Subtensor::<T>::min_allowed_uids(netuid),
                Error::<T>::MaxAllowedUidsLessThanMinAllowedUids
            );
            ensure!(
                most >= Subtensor::<T>::neuron_count(netuid),
                Error::<T>::MaxAllowedUIdsLessThanCurrentUIds
            );
            let limit = match authority {
                Authority::Root => pallet_subtensor::UIDS_MAX,
                Authority::Owner => pallet_subtensor::OWNER_UIDS_MAX,
            };
            ensure!(
                most <= limit,
                Error::<T>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids
            );
            Ok(())
        }

        /// Does what an owner may do once in an interval, and root at any time, but nobody shortly
        /// before an epoch.
        fn rarely(
            origin: OriginFor<T>,
            netuid: NetUid,
            key: RateLimitKey<T::AccountId>,
            interval: u64,
            change: impl FnOnce() -> DispatchResult,
        ) -> DispatchResult {
            Self::ensure_exists(netuid)?;
            let authority = Subtensor::<T>::ensure_root_or_owner(origin, netuid)?;
            Subtensor::<T>::ensure_authority_may(netuid, authority, &key, interval)?;
            change()?;
            if authority == Authority::Owner {
                Subtensor::<T>::mark_done(key);
            }
            Ok(())
        }

        fn ensure_exists(netuid: NetUid) -> DispatchResult {
            ensure!(
                Subtensor::<T>::subnet_exists(netuid),
                Error::<T>::SubnetDoesNotExist
            );
            Ok(())
        }
    }
}
