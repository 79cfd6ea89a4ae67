//! What a validator keeps of its stakers' pay, and of what it earns with stake that parents lend it.
//!
//! # The rule
//!
//! * A hotkey's take of its stakers' pay is a ratio of 65535, the same in every subnet; so is its
//!   take of what it earns for parents, but that is of one subnet. Its owner lowers each at will and
//!   raises it rarely, so that stakers and parents have time to leave.
//! * A take for parents is at least the larger of [`MinChildkeyTake`] and the subnet's own
//!   [`MinChildkeyTakePerSubnet`], whatever was chosen, and is chosen of at most [`MaxChildkeyTake`].
//! * Parents of another coldkey also lose [`CKBurn`] of what the child earns for them; it is
//!   recycled.

use crate::{sweep::Sweep, *};
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::Vec;

#[pallet_section]
mod delegation_storage {
    /// Take of each hotkey, as a ratio of 65535.
    #[pallet::storage]
    pub type Delegates<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, u16, ValueQuery, ConstU16<11_796>>;

    /// Highest take, as a ratio of 65535.
    #[pallet::storage]
    pub type MaxDelegateTake<T> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;

    /// Lowest take, as a ratio of 65535.
    #[pallet::storage]
    pub type MinDelegateTake<T> = StorageValue<_, u16, ValueQuery>;

    /// Take of each hotkey of what it earns for parents, per subnet, as a ratio of 65535.
    #[pallet::storage]
    pub type ChildkeyTake<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, u16, ValueQuery>;

    /// Highest take of what a hotkey earns for parents, as a ratio of 65535.
    #[pallet::storage]
    pub type MaxChildkeyTake<T> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;

    /// Lowest take of what a hotkey earns for parents, as a ratio of 65535.
    #[pallet::storage]
    pub type MinChildkeyTake<T> = StorageValue<_, u16, ValueQuery>;

    /// Lowest take of what a hotkey earns for parents in each subnet, if that is higher.
    #[pallet::storage]
    pub type MinChildkeyTakePerSubnet<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// What is recycled of pay that a child earns for a parent of another coldkey, as a ratio of
    /// 2⁶⁴ − 1.
    #[pallet::storage]
    pub type CKBurn<T> = StorageValue<_, u64, ValueQuery>;
}

impl<T: Config> Pallet<T> {
    /// Take of `hotkey`, as a ratio of 65535.
    pub fn take_of(hotkey: &T::AccountId) -> u16 {
        Delegates::<T>::get(hotkey)
    }

    /// Every hotkey that has an owner, with its take.
    pub fn delegates() -> Vec<(T::AccountId, u16)> {
        Delegates::<T>::iter().collect()
    }

    /// Whether `hotkey` has an owner, and so may be staked on.
    pub fn is_delegate(hotkey: &T::AccountId) -> bool {
        Delegates::<T>::contains_key(hotkey)
    }

    /// Lowest and highest take, as ratios of 65535.
    pub fn take_bounds() -> (u16, u16) {
        (MinDelegateTake::<T>::get(), MaxDelegateTake::<T>::get())
    }

    /// Gives a new hotkey the highest take.
    pub(crate) fn initialize_take(hotkey: &T::AccountId) {
        Delegates::<T>::insert(hotkey, MaxDelegateTake::<T>::get());
    }

    /// Raises the take of `hotkey`.
    pub(crate) fn do_increase_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        take: u16,
    ) -> DispatchResult {
        Self::ensure_owns(coldkey, hotkey)?;
        ensure!(take > Self::take_of(hotkey), Error::<T>::DelegateTakeTooLow);
        ensure!(
            take <= MaxDelegateTake::<T>::get(),
            Error::<T>::DelegateTakeTooHigh
        );
        let key = RateLimitKey::DelegateTake(hotkey.clone());
        ensure!(
            Self::interval_passed(&key, Self::delegate_take_interval()),
            Error::<T>::DelegateTxRateLimitExceeded
        );
        Self::mark_done(key);
        Delegates::<T>::insert(hotkey, take);
        Self::deposit_event(Event::TakeIncreased(coldkey.clone(), hotkey.clone(), take));
        Ok(())
    }

    /// Lowers the take of `hotkey`; raising it again has to wait.
    pub(crate) fn do_decrease_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        take: u16,
    ) -> DispatchResult {
        Self::ensure_owns(coldkey, hotkey)?;
        ensure!(
            take < Self::take_of(hotkey),
            Error::<T>::DelegateTakeTooHigh
        );
        ensure!(
            take >= MinDelegateTake::<T>::get(),
            Error::<T>::DelegateTakeTooLow
        );
        Self::mark_done(RateLimitKey::DelegateTake(hotkey.clone()));
        Delegates::<T>::insert(hotkey, take);
        Self::deposit_event(Event::TakeDecreased(coldkey.clone(), hotkey.clone(), take));
        Ok(())
    }

    /// Sets the lowest and highest take, as ratios of 65535.
    pub fn set_take_bounds(low: Option<u16>, high: Option<u16>) {
        if let Some(low) = low {
            MinDelegateTake::<T>::put(low);
        }
        if let Some(high) = high {
            MaxDelegateTake::<T>::put(high);
        }
    }

    /// Take of `hotkey` of what it earns for parents in `netuid`, as a ratio of 65535.
    pub fn childkey_take(hotkey: &T::AccountId, netuid: NetUid) -> u16 {
        ChildkeyTake::<T>::get(hotkey, netuid).max(Self::lowest_childkey_take(netuid))
    }

    /// Lowest and highest take for parents in any subnet, as ratios of 65535.
    pub fn childkey_take_bounds() -> (u16, u16) {
        (MinChildkeyTake::<T>::get(), MaxChildkeyTake::<T>::get())
    }

    fn lowest_childkey_take(netuid: NetUid) -> u16 {
        MinChildkeyTakePerSubnet::<T>::get(netuid).max(MinChildkeyTake::<T>::get())
    }

    /// What is recycled of pay that a child earns for a parent of another coldkey, as a ratio of
    /// 2⁶⁴ − 1.
    pub fn childkey_burn() -> u64 {
        CKBurn::<T>::get()
    }

    /// Sets the take of `hotkey` of what it earns for parents in `netuid`.
    pub(crate) fn do_set_childkey_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        take: u16,
    ) -> DispatchResult {
        ensure!(
            Self::owner_of(hotkey).as_ref() == Some(coldkey),
            Error::<T>::NonAssociatedColdKey
        );
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        let bounds = Self::lowest_childkey_take(netuid)..=MaxChildkeyTake::<T>::get();
        ensure!(bounds.contains(&take), Error::<T>::InvalidChildkeyTake);
        let key = RateLimitKey::SetChildkeyTake(netuid, hotkey.clone());
        ensure!(
            take <= Self::childkey_take(hotkey, netuid)
                || Self::interval_passed(&key, Self::childkey_take_interval()),
            Error::<T>::TxChildkeyTakeRateLimitExceeded
        );
        Self::mark_done(key);
        ChildkeyTake::<T>::insert(hotkey, netuid, take);
        Self::deposit_event(Event::ChildKeyTakeSet(hotkey.clone(), take));
        Ok(())
    }

    /// Sets the lowest take for parents in any subnet, as a ratio of 65535.
    pub(crate) fn set_min_childkey_take(take: u16) {
        MinChildkeyTake::<T>::put(take);
        Self::deposit_event(Event::MinChildKeyTakeSet(take));
    }

    /// Sets the highest take for parents, as a ratio of 65535.
    pub(crate) fn set_max_childkey_take(take: u16) {
        MaxChildkeyTake::<T>::put(take);
        Self::deposit_event(Event::MaxChildKeyTakeSet(take));
    }

    /// Sets the lowest take for parents in `netuid`, as a ratio of 65535.
    pub(crate) fn set_subnet_childkey_take(netuid: NetUid, take: u16) {
        MinChildkeyTakePerSubnet::<T>::insert(netuid, take);
    }

    /// Sets what is recycled of pay that a child earns for a parent of another coldkey, as a ratio
    /// of 2⁶⁴ − 1.
    pub fn set_childkey_burn(burn: u64) {
        CKBurn::<T>::put(burn);
    }

    /// Refuses unless `hotkey` exists and belongs to `coldkey`.
    pub(crate) fn ensure_owns(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        let owner = Self::owner_of(hotkey).ok_or(Error::<T>::HotKeyAccountNotExists)?;
        ensure!(owner == *coldkey, Error::<T>::NonAssociatedColdKey);
        Ok(())
    }
}

impl<T: Config> Pallet<T> {
    /// Visits every take for parents.
    pub(crate) fn sweep_childkey_takes(
        sweep: &mut Sweep,
        mut visit: impl FnMut(T::AccountId, NetUid) -> u32,
    ) -> bool {
        sweep.over(
            ChildkeyTake::<T>::iter_keys,
            ChildkeyTake::<T>::iter_keys_from,
            |(hotkey, netuid)| visit(hotkey, netuid),
        )
    }

    /// Drops the take for parents of `hotkey` in a subnet that is removed.
    pub(crate) fn forget_childkey_take(hotkey: &T::AccountId, netuid: NetUid) {
        ChildkeyTake::<T>::remove(hotkey, netuid);
    }

    /// Drops the lowest take for parents of a subnet that is removed.
    pub(crate) fn forget_subnet_childkey_take(netuid: NetUid) {
        MinChildkeyTakePerSubnet::<T>::remove(netuid);
    }
}
