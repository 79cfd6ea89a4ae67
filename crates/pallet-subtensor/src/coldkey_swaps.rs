//! Swaps of coldkeys: everything one coldkey has becomes another's.
//!
//! # The rule
//!
//! A coldkey announces a swap by the hash of the new one, for [`SWAP_COST`], which is recycled; after
//! [`ColdkeySwapAnnouncementDelay`] blocks it names the new one and the swap happens. Until then it
//! may do nothing else, so that whoever stole the key cannot empty the account faster than the owner
//! notices. [`ColdkeySwapReannouncementDelay`] blocks after the swap became possible, it may announce
//! another, free of charge, or clear the announcement. Whoever holds the key may dispute the swap:
//! then nobody can do anything with the coldkey until root resets it. Root swaps any coldkey at once.
//!
//! Where root swaps, the new coldkey is not a hotkey, and never staked. Where it was announced it may have
//! become so, for whoever sees its name in time gives it a stake or makes it a hotkey; what it has and what it
//! takes over is added up. It takes over:
//!
//! | what | storage |
//! |---|---|
//! | stake, to the share | `Alpha StakingHotkeys` |
//! | dividends not collected | `RootDividendSettled` |
//! | hotkeys | `Owner OwnedHotkeys` |
//! | subnets, and those it waits for | `SubnetOwner NetworkRegistrationQueue` |
//! | where its miners' pay goes | `AutoStakeDestination AutoStakeDestinationColdkeys` |
//! | its identity, unless the new one has its own | `IdentitiesV2` |
//! | when it last swapped hotkeys | `LastHotkeySwapOnNetuid` |
//! | free TAO | the balances pallet's accounts |
//!
//! TAO that is reserved stays: it belongs to a deposit, which the old coldkey takes back. One swap
//! moves at most [`SWAP_ROWS_MAX`] stakes, dividends and hotkeys.

use crate::{
    swaps::{SWAP_COST, SWAP_ROWS_MAX},
    *,
};
use frame_support::{
    pallet_macros::pallet_section,
    pallet_prelude::*,
    storage::with_storage_layer,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::{Fortitude, Preservation},
    },
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{
    Vec,
    traits::{Hash, Saturating},
};

#[pallet_section]
mod coldkey_swap_storage {
    /// Swaps that coldkeys announced: the block from which each may happen, and the new coldkey's
    /// hash.
    #[pallet::storage]
    pub type ColdkeySwapAnnouncements<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, (BlockNumberFor<T>, T::Hash), OptionQuery>;

    /// Coldkeys whose swap is disputed, and since when.
    #[pallet::storage]
    pub type ColdkeySwapDisputes<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, BlockNumberFor<T>, OptionQuery>;

    /// Blocks from an announcement until the swap may happen.
    #[pallet::storage]
    pub type ColdkeySwapAnnouncementDelay<T: Config> =
        StorageValue<_, BlockNumberFor<T>, ValueQuery, InitialAnnouncementDelay>;

    /// Blocks after that until another swap may be announced, or none.
    #[pallet::storage]
    pub type ColdkeySwapReannouncementDelay<T: Config> =
        StorageValue<_, BlockNumberFor<T>, ValueQuery, InitialReannouncementDelay>;
}

/// Five days of twelve-second blocks.
pub struct InitialAnnouncementDelay;

impl<N: From<u32>> Get<N> for InitialAnnouncementDelay {
    fn get() -> N {
        36_000.into()
    }
}

/// One day of twelve-second blocks.
pub struct InitialReannouncementDelay;

impl<N: From<u32>> Get<N> for InitialReannouncementDelay {
    fn get() -> N {
        7_200.into()
    }
}

impl<T: Config> Pallet<T> {
    /// The swap that `coldkey` announced: from which block it may happen, and the new one's hash.
    pub fn announced_swap(coldkey: &T::AccountId) -> Option<(BlockNumberFor<T>, T::Hash)> {
        ColdkeySwapAnnouncements::<T>::get(coldkey)
    }

    /// Refuses what a coldkey may not do while it is being swapped: anything while the swap is
    /// disputed, and anything but calls about the swap while it is announced.
    pub fn ensure_not_held_by_swap(
        coldkey: &T::AccountId,
        concerns_swap: bool,
    ) -> Result<(), Error<T>> {
        ensure!(
            !ColdkeySwapDisputes::<T>::contains_key(coldkey),
            Error::<T>::ColdkeySwapDisputed
        );
        ensure!(
            concerns_swap || !ColdkeySwapAnnouncements::<T>::contains_key(coldkey),
            Error::<T>::ColdkeySwapAnnounced
        );
        Ok(())
    }

    /// Announces that `coldkey` is to be swapped for the one with this hash.
    pub(crate) fn do_announce_swap(coldkey: &T::AccountId, hash: T::Hash) -> DispatchResult {
        Self::ensure_not_held_by_swap(coldkey, true)?;
        if let Some((possible, _)) = ColdkeySwapAnnouncements::<T>::get(coldkey) {
            ensure!(
                Self::may_reannounce(possible),
                Error::<T>::ColdkeySwapReannouncedTooEarly
            );
        } else {
            Self::charge_coldkey_swap(coldkey, SWAP_COST)?;
        }
        let now = frame_system::Pallet::<T>::block_number();
        let possible = now.saturating_add(ColdkeySwapAnnouncementDelay::<T>::get());
        ColdkeySwapAnnouncements::<T>::insert(coldkey, (possible, hash));
        Self::deposit_event(Event::ColdkeySwapAnnounced {
            who: coldkey.clone(),
            new_coldkey_hash: hash,
        });
        Ok(())
    }

    /// Swaps `coldkey` for the one it announced.
    pub(crate) fn do_swap_announced(coldkey: &T::AccountId, new: &T::AccountId) -> DispatchResult {
        Self::ensure_not_held_by_swap(coldkey, true)?;
        let (possible, hash) = ColdkeySwapAnnouncements::<T>::get(coldkey)
            .ok_or(Error::<T>::ColdkeySwapAnnouncementNotFound)?;
        ensure!(
            hash == T::Hashing::hash_of(new),
            Error::<T>::AnnouncedColdkeyHashDoesNotMatch
        );
        ensure!(
            frame_system::Pallet::<T>::block_number() >= possible,
            Error::<T>::ColdkeySwapTooEarly
        );
        Self::pass_coldkey(coldkey, new)
    }

    /// Stops everything that `coldkey` may do, until root resets it.
    pub(crate) fn do_dispute_swap(coldkey: &T::AccountId) -> DispatchResult {
        ensure!(
            ColdkeySwapAnnouncements::<T>::contains_key(coldkey),
            Error::<T>::ColdkeySwapAnnouncementNotFound
        );
        ensure!(
            !ColdkeySwapDisputes::<T>::contains_key(coldkey),
            Error::<T>::ColdkeySwapAlreadyDisputed
        );
        ColdkeySwapDisputes::<T>::insert(coldkey, frame_system::Pallet::<T>::block_number());
        Self::deposit_event(Event::ColdkeySwapDisputed {
            coldkey: coldkey.clone(),
        });
        Ok(())
    }

    /// Takes an announcement back.
    pub(crate) fn do_clear_swap(coldkey: &T::AccountId) -> DispatchResult {
        Self::ensure_not_held_by_swap(coldkey, true)?;
        let (possible, _) = ColdkeySwapAnnouncements::<T>::get(coldkey)
            .ok_or(Error::<T>::ColdkeySwapAnnouncementNotFound)?;
        ensure!(
            Self::may_reannounce(possible),
            Error::<T>::ColdkeySwapClearTooEarly
        );
        ColdkeySwapAnnouncements::<T>::remove(coldkey);
        Self::deposit_event(Event::ColdkeySwapCleared {
            who: coldkey.clone(),
        });
        Ok(())
    }

    /// Frees a coldkey of its announcement and its dispute.
    pub(crate) fn do_reset_swap(coldkey: &T::AccountId) {
        ColdkeySwapAnnouncements::<T>::remove(coldkey);
        ColdkeySwapDisputes::<T>::remove(coldkey);
        Self::deposit_event(Event::ColdkeySwapReset {
            who: coldkey.clone(),
        });
    }

    /// Takes the price of a swap out of existence.
    pub(crate) fn charge_coldkey_swap(coldkey: &T::AccountId, cost: TaoBalance) -> DispatchResult {
        ensure!(
            Self::spendable(coldkey) >= cost,
            Error::<T>::NotEnoughBalanceToPaySwapColdKey
        );
        Self::recycle(coldkey, cost)
    }

    /// Makes everything that `old` has `new`'s, which must be nobody's hotkey and have no stake.
    pub(crate) fn do_swap_coldkey(old: &T::AccountId, new: &T::AccountId) -> DispatchResult {
        ensure!(
            StakingHotkeys::<T>::get(new).is_empty(),
            Error::<T>::ColdKeyAlreadyAssociated
        );
        ensure!(
            Self::owner_of(new).is_none(),
            Error::<T>::NewColdKeyIsHotkey
        );
        Self::pass_coldkey(old, new)
    }

    /// Makes everything that `old` has `new`'s.
    fn pass_coldkey(old: &T::AccountId, new: &T::AccountId) -> DispatchResult {
        Self::ensure_nothing_dissolves()?;
        ensure!(old != new, Error::<T>::ColdKeyAlreadyAssociated);
        let positions = Self::positions_to_move(old)?;
        with_storage_layer(|| {
            Self::pass_positions(old, new, positions);
            Self::pass_hotkeys(old, new)?;
            for netuid in Self::netuids() {
                Self::pass_coldkey_on(old, new, netuid);
            }
            if let Some(identity) = IdentitiesV2::<T>::take(old)
                && !IdentitiesV2::<T>::contains_key(new)
            {
                IdentitiesV2::<T>::insert(new, identity);
            }
            Self::pass_waiting_networks(old, new);
            ColdkeySwapAnnouncements::<T>::remove(old);
            ColdkeySwapDisputes::<T>::remove(old);
            let free =
                T::Currency::reducible_balance(old, Preservation::Expendable, Fortitude::Polite);
            if free > 0 {
                T::Currency::transfer(old, new, free, Preservation::Expendable)?;
            }
            Self::deposit_event(Event::ColdkeySwapped {
                old_coldkey: old.clone(),
                new_coldkey: new.clone(),
            });
            Ok(())
        })
    }

    /// Sets the blocks from an announcement until the swap may happen.
    pub fn set_swap_announcement_delay(blocks: BlockNumberFor<T>) {
        ColdkeySwapAnnouncementDelay::<T>::put(blocks);
        Self::deposit_event(Event::ColdkeySwapAnnouncementDelaySet(blocks));
    }

    /// Sets the blocks after that until another swap may be announced, or none.
    pub fn set_swap_reannouncement_delay(blocks: BlockNumberFor<T>) {
        ColdkeySwapReannouncementDelay::<T>::put(blocks);
        Self::deposit_event(Event::ColdkeySwapReannouncementDelaySet(blocks));
    }

    fn may_reannounce(possible: BlockNumberFor<T>) -> bool {
        let after = possible.saturating_add(ColdkeySwapReannouncementDelay::<T>::get());
        frame_system::Pallet::<T>::block_number() >= after
    }

    /// Stakes and dividends that a swap moves.
    fn positions_to_move(old: &T::AccountId) -> Result<Positions<T::AccountId>, Error<T>> {
        let mut positions = Positions {
            shares: Vec::new(),
            dividends: Vec::new(),
        };
        let mut rows = OwnedHotkeys::<T>::get(old).len();
        for hotkey in StakingHotkeys::<T>::get(old) {
            for (netuid, shares) in Alpha::<T>::iter_prefix((&hotkey, old)) {
                positions.shares.push((hotkey.clone(), netuid, shares));
            }
            for (netuid, settled) in RootDividendSettled::<T>::iter_prefix((&hotkey, old)) {
                positions.dividends.push((hotkey.clone(), netuid, settled));
            }
            rows = rows.saturating_add(1);
            let moved = positions.shares.len() + positions.dividends.len();
            ensure!(
                rows.saturating_add(moved) <= SWAP_ROWS_MAX,
                Error::<T>::ColdkeySwapTooHeavy
            );
        }
        ensure!(rows <= SWAP_ROWS_MAX, Error::<T>::ColdkeySwapTooHeavy);
        Ok(positions)
    }

    fn pass_positions(old: &T::AccountId, new: &T::AccountId, positions: Positions<T::AccountId>) {
        for (hotkey, netuid, settled) in positions.dividends {
            RootDividendSettled::<T>::remove((&hotkey, old, netuid));
            RootDividendSettled::<T>::mutate((&hotkey, new, netuid), |sum| {
                *sum = sum.saturating_add(settled);
            });
        }
        for (hotkey, netuid, shares) in positions.shares {
            Self::pass_shares(&hotkey, netuid, shares, old, new);
        }
        let hotkeys = StakingHotkeys::<T>::take(old);
        StakingHotkeys::<T>::mutate_exists(new, |own| {
            let mut all = own.take().unwrap_or_default();
            let others = hotkeys.into_iter().filter(|hotkey| !all.contains(hotkey));
            let others: Vec<T::AccountId> = others.collect();
            all.extend(others);
            *own = (!all.is_empty()).then_some(all);
        });
    }

    /// Adds the shares of `old` to those of `new`.
    fn pass_shares(
        hotkey: &T::AccountId,
        netuid: NetUid,
        shares: u128,
        old: &T::AccountId,
        new: &T::AccountId,
    ) {
        let worth = |coldkey| Self::stake_of(hotkey, coldkey, netuid);
        let before = worth(old).saturating_add(worth(new));
        Alpha::<T>::remove((hotkey, old, netuid));
        Alpha::<T>::mutate((hotkey, new, netuid), |own| {
            *own = own.saturating_add(shares)
        });
        // Shares that are rounded down together may be worth a rao more, which no dividend was paid for.
        let gained = worth(new).saturating_sub(before);
        if netuid == ROOT && gained > 0 {
            Self::follow_root_stake(hotkey, new, StakeChange::Added(gained));
        }
    }

    fn pass_hotkeys(old: &T::AccountId, new: &T::AccountId) -> DispatchResult {
        let hotkeys = OwnedHotkeys::<T>::take(old);
        if hotkeys.is_empty() {
            return Ok(());
        }
        for hotkey in &hotkeys {
            Owner::<T>::insert(hotkey, new);
        }
        OwnedHotkeys::<T>::try_mutate(new, |owned| {
            owned.extend(hotkeys);
            ensure!(
                owned.len() <= registry::OWNED_HOTKEYS_MAX,
                Error::<T>::TooManyHotkeys
            );
            Ok(())
        })
    }

    fn pass_waiting_networks(old: &T::AccountId, new: &T::AccountId) {
        let mut waiting = NetworkRegistrationQueue::<T>::get();
        if waiting.iter().any(|network| network.coldkey == *old) {
            for network in waiting.iter_mut().filter(|network| network.coldkey == *old) {
                network.coldkey = new.clone();
            }
            NetworkRegistrationQueue::<T>::put(waiting);
        }
    }

    fn pass_coldkey_on(old: &T::AccountId, new: &T::AccountId, netuid: NetUid) {
        if SubnetOwner::<T>::get(netuid).as_ref() == Some(old) {
            SubnetOwner::<T>::insert(netuid, new);
        }
        if let Some(hotkey) = Self::auto_stake_destination(old, netuid) {
            Self::point_auto_stake(old, netuid, None);
            Self::point_auto_stake(new, netuid, Some(&hotkey));
        }
        let swapped = LastHotkeySwapOnNetuid::<T>::take(netuid, old);
        if swapped > Self::last_hotkey_swap(netuid, new) {
            LastHotkeySwapOnNetuid::<T>::insert(netuid, new, swapped);
        }
    }
}

/// What a coldkey has staked, and what it was paid for that.
struct Positions<AccountId> {
    shares: Vec<(AccountId, NetUid, u128)>,
    dividends: Vec<(AccountId, NetUid, i128)>,
}
