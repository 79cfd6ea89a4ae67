//! Neurons: which hotkey holds which uid on which subnet, and which coldkey owns which hotkey.
//!
//! # The rule
//!
//! * A hotkey belongs to the coldkey that first named it, for ever.
//! * Uids of a subnet are dense: `0..SubnetworkN`, one hotkey each, one uid per hotkey.
//! * A full subnet gives a newcomer the uid of the neuron that [`Pallet::neuron_to_prune`] picks:
//!   the one with the smallest (last emission, registration block, uid) among those no longer
//!   immune, as long as more than [`MinNonImmuneUids`] of these remain, else among the immune. The
//!   owner's own hotkeys, up to [`ImmuneOwnerUidsLimit`], are never picked. A neuron is immune for
//!   [`ImmunityPeriod`] blocks.
//! * The newcomer inherits nothing: weights it could have published, weights others gave the old
//!   neuron, bonds and results are cleared.

use crate::*;
use frame_support::{dispatch::DispatchResult, ensure, pallet_macros::pallet_section};
use sp_runtime::Vec;

#[pallet_section]
mod registry_storage {
    /// Coldkey that owns each hotkey.
    #[pallet::storage]
    pub type Owner<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId, OptionQuery>;

    /// Hotkeys that each coldkey owns, in the order in which they came.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type OwnedHotkeys<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Vec<T::AccountId>, ValueQuery>;

    /// How many neurons each subnet has.
    #[pallet::storage]
    pub type SubnetworkN<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Uid of each hotkey on each subnet.
    #[pallet::storage]
    pub type Uids<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, u16, OptionQuery>;

    /// Hotkey of each uid on each subnet.
    #[pallet::storage]
    pub type Keys<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Identity, u16, T::AccountId, OptionQuery>;

    /// Whether each hotkey is registered on each subnet.
    #[pallet::storage]
    pub type IsNetworkMember<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, bool, ValueQuery>;

    /// Block at which each uid was last given to a hotkey.
    #[pallet::storage]
    pub type BlockAtRegistration<T> =
        StorageDoubleMap<_, Identity, NetUid, Identity, u16, u64, ValueQuery>;
}

/// Most hotkeys of one coldkey: the list is written as a whole with each that comes.
pub const OWNED_HOTKEYS_MAX: usize = 4_096;

impl<T: Config> Pallet<T> {
    /// Coldkey that owns `hotkey`.
    pub fn owner_of(hotkey: &T::AccountId) -> Option<T::AccountId> {
        Owner::<T>::get(hotkey)
    }

    /// Hotkeys that `coldkey` owns.
    pub fn owned_hotkeys(coldkey: &T::AccountId) -> Vec<T::AccountId> {
        OwnedHotkeys::<T>::get(coldkey)
    }

    /// How many neurons `netuid` has.
    pub fn neuron_count(netuid: NetUid) -> u16 {
        SubnetworkN::<T>::get(netuid)
    }

    /// Uid of `hotkey` on `netuid`.
    pub fn uid_of(netuid: NetUid, hotkey: &T::AccountId) -> Option<u16> {
        Uids::<T>::get(netuid, hotkey)
    }

    /// Hotkey of `uid` on `netuid`.
    pub fn hotkey_of(netuid: NetUid, uid: u16) -> Option<T::AccountId> {
        Keys::<T>::get(netuid, uid)
    }

    /// Hotkeys of `netuid` by uid.
    pub fn hotkeys(netuid: NetUid) -> Vec<T::AccountId> {
        (0..Self::neuron_count(netuid))
            .filter_map(|uid| Self::hotkey_of(netuid, uid))
            .collect()
    }

    /// Block at which `uid` was last given to a hotkey.
    pub fn registered_at(netuid: NetUid, uid: u16) -> u64 {
        BlockAtRegistration::<T>::get(netuid, uid)
    }

    /// Whether `hotkey` holds a uid on `netuid`.
    pub fn is_registered(netuid: NetUid, hotkey: &T::AccountId) -> bool {
        IsNetworkMember::<T>::get(hotkey, netuid)
    }

    /// Whether `hotkey` holds a uid on any subnet.
    pub fn is_registered_on_any(hotkey: &T::AccountId) -> bool {
        IsNetworkMember::<T>::iter_prefix_values(hotkey).any(|member| member)
    }

    /// Subnets on which `hotkey` holds a uid, in ascending order.
    pub fn registrations(hotkey: &T::AccountId) -> Vec<NetUid> {
        let mut netuids: Vec<NetUid> = IsNetworkMember::<T>::iter_prefix(hotkey)
            .filter_map(|(netuid, member)| member.then_some(netuid))
            .collect();
        netuids.sort_unstable();
        netuids
    }

    /// Whether `uid` is too young to be pruned.
    pub fn is_immune(netuid: NetUid, uid: u16) -> bool {
        let age = Self::block().saturating_sub(Self::registered_at(netuid, uid));
        age < u64::from(Self::immunity_period(netuid))
    }

    /// Whether `hotkey` is free or already belongs to `coldkey`.
    pub(crate) fn may_own(coldkey: &T::AccountId, hotkey: &T::AccountId) -> bool {
        Owner::<T>::get(hotkey).is_none_or(|owner| owner == *coldkey)
    }

    /// Makes `hotkey` belong to `coldkey`, unless it has an owner.
    pub(crate) fn associate(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        if Owner::<T>::contains_key(hotkey) {
            return Ok(());
        }
        OwnedHotkeys::<T>::try_mutate(coldkey, |hotkeys| {
            ensure!(
                hotkeys.len() < OWNED_HOTKEYS_MAX,
                Error::<T>::TooManyHotkeys
            );
            hotkeys.push(hotkey.clone());
            Ok::<(), sp_runtime::DispatchError>(())
        })?;
        Owner::<T>::insert(hotkey, coldkey);
        // Keeps the hotkey's nonce, so that it can sign free calls without holding any TAO.
        frame_system::Pallet::<T>::inc_sufficients(hotkey);
        Self::initialize_take(hotkey);
        Ok(())
    }

    /// Prepares the registry of a new subnet.
    pub(crate) fn initialize_registry(netuid: NetUid) {
        SubnetworkN::<T>::insert(netuid, 0);
    }

    /// Gives `hotkey` a uid: the next one, or on a full subnet that of the neuron that earned
    /// least.
    pub(crate) fn seat_neuron(netuid: NetUid, hotkey: &T::AccountId) -> Result<u16, Error<T>> {
        if Self::neuron_count(netuid) < Self::max_allowed_uids(netuid) {
            return Ok(Self::append_neuron(netuid, hotkey));
        }
        let uid = Self::neuron_to_prune(netuid).ok_or(Error::<T>::NoNeuronIdAvailable)?;
        Self::replace_neuron(netuid, uid, hotkey);
        Ok(uid)
    }

    /// Gives `hotkey` the next uid.
    pub(crate) fn append_neuron(netuid: NetUid, hotkey: &T::AccountId) -> u16 {
        let uid = Self::neuron_count(netuid);
        SubnetworkN::<T>::insert(netuid, uid.saturating_add(1));
        Self::append_results(netuid);
        Self::seat(netuid, uid, hotkey);
        uid
    }

    /// Gives `hotkey` a uid that another held.
    pub(crate) fn replace_neuron(netuid: NetUid, uid: u16, hotkey: &T::AccountId) {
        Self::unseat(netuid, uid);
        Self::clear_opinions(netuid, uid);
        Self::clear_results(netuid, uid);
        Self::seat(netuid, uid, hotkey);
    }

    /// The uid that a newcomer to a full subnet receives, if any may be taken.
    pub fn neuron_to_prune(netuid: NetUid) -> Option<u16> {
        let immortal = Self::immortal_uids(netuid);
        let emission = Self::emission(netuid);
        let rank = |uid: u16| {
            let earned = emission.get(usize::from(uid)).copied().unwrap_or(0);
            (earned, Self::registered_at(netuid, uid), uid)
        };
        let (immune, mortal): (Vec<u16>, Vec<u16>) = (0..Self::neuron_count(netuid))
            .filter(|uid| !immortal.contains(uid))
            .partition(|uid| Self::is_immune(netuid, *uid));
        let enough = mortal.len() > usize::from(Self::min_non_immune_uids(netuid));
        let candidates = if enough { mortal } else { immune };
        candidates.into_iter().min_by_key(|uid| rank(*uid))
    }

    /// Uids of the owner's hotkeys that are never pruned: the named one, then the oldest.
    pub(crate) fn immortal_uids(netuid: NetUid) -> Vec<u16> {
        let limit = usize::from(Self::immune_owner_uids_limit(netuid));
        let Some(owner) = Self::subnet_owner(netuid) else {
            return Vec::new();
        };
        let named =
            Self::subnet_owner_hotkey(netuid).and_then(|hotkey| Self::uid_of(netuid, &hotkey));
        // By uid, of which there are few, and not by what the owner owns.
        let is_owners = |uid: &u16| {
            Self::hotkey_of(netuid, *uid).and_then(|hotkey| Self::owner_of(&hotkey))
                == Some(owner.clone())
        };
        let mut uids: Vec<u16> = (0..Self::neuron_count(netuid)).filter(is_owners).collect();
        uids.sort_by_key(|uid| (Some(*uid) != named, Self::registered_at(netuid, *uid), *uid));
        uids.truncate(limit);
        uids
    }

    fn seat(netuid: NetUid, uid: u16, hotkey: &T::AccountId) {
        Keys::<T>::insert(netuid, uid, hotkey);
        Uids::<T>::insert(netuid, hotkey, uid);
        IsNetworkMember::<T>::insert(hotkey, netuid, true);
        BlockAtRegistration::<T>::insert(netuid, uid, Self::block());
        for index in Self::storage_indices(netuid) {
            Self::set_last_update(index, uid);
        }
    }

    /// Takes a uid from its hotkey, with what the hotkey published.
    fn unseat(netuid: NetUid, uid: u16) {
        if let Some(hotkey) = Keys::<T>::take(netuid, uid) {
            Uids::<T>::remove(netuid, &hotkey);
            IsNetworkMember::<T>::remove(&hotkey, netuid);
            Self::forget_addresses(netuid, &hotkey);
            Self::forget_commits(netuid, &hotkey);
        }
    }

    /// Takes the last uid of a subnet that is removed from its hotkey; returns whether there was
    /// one.
    pub(crate) fn unseat_last(netuid: NetUid) -> bool {
        let Some(last) = Self::neuron_count(netuid).checked_sub(1) else {
            return false;
        };
        Self::unseat(netuid, last);
        BlockAtRegistration::<T>::remove(netuid, last);
        Self::drop_rows(netuid, last);
        SubnetworkN::<T>::insert(netuid, last);
        true
    }

    /// Drops how many neurons a subnet that is removed had: zero, when all were unseated.
    pub(crate) fn forget_registry(netuid: NetUid) {
        SubnetworkN::<T>::remove(netuid);
    }
}

impl<T: Config> Pallet<T> {
    /// Keeps only the neurons in `kept`, ascending uids, and numbers them from zero; `removed` names
    /// the others.
    pub(crate) fn renumber_neurons(netuid: NetUid, kept: &[u16], removed: &[u16]) {
        let count = Self::neuron_count(netuid);
        for uid in removed {
            Self::unseat(netuid, *uid);
            Self::drop_rows(netuid, *uid);
        }
        // Ascending, so that the place a neuron moves to is empty by then.
        for (new, old) in (0u16..)
            .zip(kept.iter().copied())
            .filter(|(new, old)| new != old)
        {
            let since = BlockAtRegistration::<T>::take(netuid, old);
            BlockAtRegistration::<T>::insert(netuid, new, since);
            if let Some(hotkey) = Keys::<T>::take(netuid, old) {
                Uids::<T>::insert(netuid, &hotkey, new);
                Keys::<T>::insert(netuid, new, hotkey);
            }
        }
        let left = u16::try_from(kept.len()).unwrap_or(count);
        for uid in left..count {
            BlockAtRegistration::<T>::remove(netuid, uid);
        }
        SubnetworkN::<T>::insert(netuid, left);
    }
}
