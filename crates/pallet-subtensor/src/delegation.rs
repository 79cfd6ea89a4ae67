//! What a validator keeps of its stakers' pay.
//!
//! A hotkey's take is a ratio of 65535. Its owner lowers it at will and raises it rarely, so that
//! stakers have time to leave.

use crate::*;
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

    /// Refuses unless `hotkey` exists and belongs to `coldkey`.
    pub(crate) fn ensure_owns(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        let owner = Self::owner_of(hotkey).ok_or(Error::<T>::HotKeyAccountNotExists)?;
        ensure!(owner == *coldkey, Error::<T>::NonAssociatedColdKey);
        Ok(())
    }
}
