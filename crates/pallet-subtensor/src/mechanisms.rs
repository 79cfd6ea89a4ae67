//! Several mechanisms on one subnet: markets of their own that share neurons, stake and pay.
//!
//! # The rule
//!
//! * A subnet has one mechanism, numbered 0, or as many as its owner asks for, at most
//!   [`MaxMechanismCount`]. With more than one, neurons times mechanisms are at most [`ROWS_MAX`].
//! * Each mechanism has weights, commits, bonds, incentive and dates of publication of its own. They
//!   lie under a *storage index*, `mechanism · 4096 + netuid`, which for mechanism 0 is the netuid.
//! * An epoch's pay is divided among the mechanisms evenly, or as the owner says, and each settles
//!   its part ([`economics::mechanisms`]). Neurons, permits, stake and settings are shared.
//! * A mechanism that is taken away is forgotten, the highest first; then pay is divided evenly.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::Vec;

#[pallet_section]
mod mechanism_storage {
    /// Most mechanisms of a subnet.
    #[pallet::storage]
    pub type MaxMechanismCount<T> = StorageValue<_, MechId, ValueQuery, ConstU8<2>>;

    /// How many mechanisms each subnet has.
    #[pallet::storage]
    pub type MechanismCountCurrent<T> =
        StorageMap<_, Identity, NetUid, MechId, ValueQuery, ConstU8<1>>;

    /// How pay is divided among a subnet's mechanisms, as ratios of 65535; absent when evenly.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type MechanismEmissionSplit<T> =
        StorageMap<_, Identity, NetUid, sp_runtime::Vec<u16>, OptionQuery>;
}

/// Most mechanisms that any subnet may ever have: their storage indices fill 16 bits.
pub const MECHANISMS_MAX: MechId = 16;

/// Blocks between two changes by an owner of how many mechanisms there are, or how they share.
pub const CHANGE_INTERVAL: u64 = 7_200;

/// Storage indices from one mechanism of a subnet to its next.
const INDICES_PER_MECHANISM: u16 = 4_096;

/// Highest number that a subnet may have.
pub const NETUIDS_MAX: NetUid = INDICES_PER_MECHANISM - 1;

/// Most neurons times mechanisms of a subnet that has several.
pub const ROWS_MAX: u16 = 256;

impl<T: Config> Pallet<T> {
    /// Most mechanisms of a subnet.
    pub fn max_mechanism_count() -> MechId {
        MaxMechanismCount::<T>::get()
    }

    /// How many mechanisms `netuid` has.
    pub fn mechanism_count(netuid: NetUid) -> MechId {
        MechanismCountCurrent::<T>::get(netuid)
    }

    /// How pay is divided among the mechanisms of `netuid`, as ratios of 65535; none when evenly.
    pub fn mechanism_split(netuid: NetUid) -> Option<Vec<u16>> {
        MechanismEmissionSplit::<T>::get(netuid)
    }

    /// Where the weights, bonds and incentive of a mechanism lie.
    pub fn storage_index(netuid: NetUid, mecid: MechId) -> NetUid {
        u16::from(mecid)
            .saturating_mul(INDICES_PER_MECHANISM)
            .saturating_add(netuid)
    }

    /// The subnet whose mechanism's weights lie at `index`.
    pub fn netuid_of(index: NetUid) -> NetUid {
        index % INDICES_PER_MECHANISM
    }

    /// Where those of each mechanism of `netuid` lie.
    pub fn storage_indices(netuid: NetUid) -> impl Iterator<Item = NetUid> {
        (0..Self::mechanism_count(netuid)).map(move |mecid| Self::storage_index(netuid, mecid))
    }

    /// Where those of `mecid` lie, if `netuid` has it.
    pub fn existing_index(netuid: NetUid, mecid: MechId) -> Result<NetUid, Error<T>> {
        if mecid == 0 || mecid < Self::mechanism_count(netuid) {
            Ok(Self::storage_index(netuid, mecid))
        } else {
            Err(Error::<T>::MechanismDoesNotExist)
        }
    }

    /// Refuses more neurons and mechanisms than may be together.
    pub(crate) fn ensure_rows(neurons: u16, mechanisms: MechId) -> DispatchResult {
        ensure!(
            mechanisms == 1 || neurons.saturating_mul(mechanisms.into()) <= ROWS_MAX,
            Error::<T>::TooManyUIDsPerMechanism
        );
        Ok(())
    }

    /// Gives `netuid` more mechanisms, or takes the highest away.
    pub fn do_set_mechanism_count(netuid: NetUid, count: MechId) -> DispatchResult {
        ensure!(
            netuid != ROOT && Self::subnet_exists(netuid),
            Error::<T>::SubnetNotExists
        );
        ensure!(
            (1..=Self::max_mechanism_count()).contains(&count),
            Error::<T>::InvalidValue
        );
        Self::ensure_rows(Self::max_allowed_uids(netuid), count)?;
        let before = Self::mechanism_count(netuid);
        if before == count {
            return Ok(());
        }
        for mecid in count..before {
            let index = Self::storage_index(netuid, mecid);
            Self::forget_index_opinions(netuid, index);
            Self::forget_index_results(netuid, index);
        }
        for mecid in before..count {
            Self::initialize_index(netuid, Self::storage_index(netuid, mecid));
        }
        MechanismCountCurrent::<T>::insert(netuid, count);
        MechanismEmissionSplit::<T>::remove(netuid);
        Ok(())
    }

    /// Divides the pay of `netuid` among its mechanisms by ratios of 65535, or evenly.
    pub fn do_set_mechanism_split(netuid: NetUid, split: Option<Vec<u16>>) -> DispatchResult {
        ensure!(
            netuid != ROOT && Self::subnet_exists(netuid),
            Error::<T>::SubnetNotExists
        );
        let Some(split) = split else {
            MechanismEmissionSplit::<T>::remove(netuid);
            return Ok(());
        };
        let sum: u64 = split.iter().map(|ratio| u64::from(*ratio)).sum();
        let count = usize::from(Self::mechanism_count(netuid));
        ensure!(
            split.len() == count && sum == u64::from(u16::MAX),
            Error::<T>::InvalidValue
        );
        MechanismEmissionSplit::<T>::insert(netuid, split);
        Ok(())
    }

    /// Sets the most mechanisms of a subnet; those that have more keep them.
    pub fn set_max_mechanism_count(count: MechId) -> DispatchResult {
        ensure!(
            (1..=MECHANISMS_MAX).contains(&count),
            Error::<T>::InvalidValue
        );
        MaxMechanismCount::<T>::put(count);
        Ok(())
    }

    /// Writes that a new subnet has one mechanism, so that a listing finds it.
    pub(crate) fn initialize_mechanisms(netuid: NetUid) {
        MechanismCountCurrent::<T>::insert(netuid, 1);
    }

    /// Drops what is kept of the mechanisms of a subnet that is removed.
    pub(crate) fn forget_mechanisms(netuid: NetUid) {
        MechanismCountCurrent::<T>::remove(netuid);
        MechanismEmissionSplit::<T>::remove(netuid);
    }

    /// What each mechanism of `netuid` settles of an epoch's pay.
    pub(crate) fn mechanism_parts(netuid: NetUid, amount: AlphaBalance) -> Vec<AlphaBalance> {
        let split = Self::mechanism_split(netuid);
        economics::mechanisms::parts(amount, Self::mechanism_count(netuid), split.as_deref())
    }
}
