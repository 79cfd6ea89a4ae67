//! Where miners' pay is staked, if not on the miner that earned it.
//!
//! # The rule
//!
//! A coldkey may name, per subnet, one registered hotkey on which everything that its miners there
//! earn is staked; the stake stays the coldkey's. The pay of a coldkey that named none is staked on
//! the miner that earned it. A hotkey is named by at most [`AUTO_STAKERS_MAX`] coldkeys.
//!
//! # What always holds
//!
//! [`AutoStakeDestinationColdkeys`] lists a coldkey under a hotkey exactly when
//! [`AutoStakeDestination`] names that hotkey for it.

use crate::{sweep::Sweep, *};
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::{TryRuntimeError, Vec};
use std::collections::BTreeSet;

#[pallet_section]
mod auto_stake_storage {
    /// Hotkey to which a coldkey's pay as a miner is staked on each subnet, if not the miner's own.
    #[pallet::storage]
    pub type AutoStakeDestination<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        T::AccountId,
        OptionQuery,
    >;

    /// Coldkeys whose pay as miners is staked on a hotkey, per subnet.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type AutoStakeDestinationColdkeys<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        sp_runtime::Vec<T::AccountId>,
        ValueQuery,
    >;
}

/// Most coldkeys that may name one hotkey on one subnet: the list is written as a whole with each
/// that comes.
pub const AUTO_STAKERS_MAX: usize = 1_024;

impl<T: Config> Pallet<T> {
    /// Hotkey to which the pay of `coldkey` as a miner on `netuid` is staked, if not the miner's
    /// own.
    pub fn auto_stake_destination(coldkey: &T::AccountId, netuid: NetUid) -> Option<T::AccountId> {
        AutoStakeDestination::<T>::get(coldkey, netuid)
    }

    /// Coldkeys whose pay as miners on `netuid` is staked on `hotkey`.
    pub fn auto_stakers(hotkey: &T::AccountId, netuid: NetUid) -> Vec<T::AccountId> {
        AutoStakeDestinationColdkeys::<T>::get(hotkey, netuid)
    }

    /// Sends the pay of `coldkey` as a miner on `netuid` to another hotkey from now on.
    pub(crate) fn do_set_auto_stake(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            Self::uid_of(netuid, hotkey).is_some(),
            Error::<T>::HotKeyNotRegisteredInSubNet
        );
        ensure!(
            Self::auto_stake_destination(coldkey, netuid).as_ref() != Some(hotkey),
            Error::<T>::SameAutoStakeHotkeyAlreadySet
        );
        ensure!(
            Self::auto_stakers(hotkey, netuid).len() < AUTO_STAKERS_MAX,
            Error::<T>::TooManyHotkeys
        );
        Self::point_auto_stake(coldkey, netuid, Some(hotkey));
        Self::deposit_event(Event::AutoStakeDestinationSet {
            coldkey: coldkey.clone(),
            netuid,
            hotkey: hotkey.clone(),
        });
        Ok(())
    }

    /// Names another hotkey for `coldkey`, or none, in both maps.
    pub(crate) fn point_auto_stake(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: Option<&T::AccountId>,
    ) {
        if let Some(old) = AutoStakeDestination::<T>::take(coldkey, netuid) {
            AutoStakeDestinationColdkeys::<T>::mutate_exists(old, netuid, |coldkeys| {
                let mut left = coldkeys.take().unwrap_or_default();
                left.retain(|listed| listed != coldkey);
                *coldkeys = (!left.is_empty()).then_some(left);
            });
        }
        if let Some(hotkey) = hotkey {
            AutoStakeDestination::<T>::insert(coldkey, netuid, hotkey);
            AutoStakeDestinationColdkeys::<T>::append(hotkey, netuid, coldkey);
        }
    }

    /// Lists every coldkey under the hotkey that it names, where no list was kept; returns how many coldkeys there are.
    pub fn list_auto_stakers() -> u64 {
        let named: Vec<_> = AutoStakeDestination::<T>::iter().collect();
        let mut count = 0u64;
        for (coldkey, netuid, hotkey) in named {
            count = count.saturating_add(1);
            if !Self::auto_stakers(&hotkey, netuid).contains(&coldkey) {
                AutoStakeDestinationColdkeys::<T>::append(hotkey, netuid, coldkey);
            }
        }
        count
    }

    /// Lets everybody who named `old` on `netuid` name `new` instead.
    pub(crate) fn move_auto_stakers(old: &T::AccountId, new: &T::AccountId, netuid: NetUid) {
        let coldkeys = AutoStakeDestinationColdkeys::<T>::take(old, netuid);
        if coldkeys.is_empty() {
            return;
        }
        for coldkey in &coldkeys {
            AutoStakeDestination::<T>::insert(coldkey, netuid, new);
        }
        AutoStakeDestinationColdkeys::<T>::mutate(new, netuid, |listed| listed.extend(coldkeys));
    }

    /// Whether the two maps agree; one of the pallet's invariants.
    pub(crate) fn auto_stakers_agree() -> Result<(), TryRuntimeError> {
        let mut named = BTreeSet::new();
        for (coldkey, netuid, hotkey) in AutoStakeDestination::<T>::iter() {
            named.insert((hotkey, netuid, coldkey));
        }
        let mut listed = 0usize;
        for (hotkey, netuid, coldkeys) in AutoStakeDestinationColdkeys::<T>::iter() {
            for coldkey in coldkeys {
                listed = listed.saturating_add(1);
                frame_support::ensure!(
                    named.contains(&(hotkey.clone(), netuid, coldkey)),
                    "a coldkey is listed under a hotkey that it does not name"
                );
            }
        }
        frame_support::ensure!(
            listed == named.len(),
            "a coldkey is not listed, or twice, under the hotkey that it names"
        );
        Ok(())
    }
}

impl<T: Config> Pallet<T> {
    /// Visits every coldkey that directs its pay, in every subnet.
    pub(crate) fn sweep_auto_stakes(
        sweep: &mut Sweep,
        mut visit: impl FnMut(T::AccountId, NetUid) -> u32,
    ) -> bool {
        sweep.over(
            AutoStakeDestination::<T>::iter_keys,
            AutoStakeDestination::<T>::iter_keys_from,
            |(coldkey, netuid)| visit(coldkey, netuid),
        )
    }
}
