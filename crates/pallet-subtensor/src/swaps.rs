//! Swaps of hotkeys: a new key steps into an old one's place.
//!
//! # The rule
//!
//! The coldkey that owns a hotkey may put another in its place, on one subnet or on all. The new
//! one is free or belongs to the same coldkey, and holds no seat where it steps in. On each subnet
//! where the old one has a seat or children, a coldkey swaps once in [`SWAP_INTERVAL`] blocks. The
//! price, [`SWAP_COST`] or on one subnet [`SUBNET_SWAP_COST`], is recycled.
//!
//! What names the old hotkey on a swapped subnet names the new one afterwards:
//!
//! | what | storage | with `keep_stake` |
//! |---|---|---|
//! | its seat | `Uids Keys IsNetworkMember` | moves |
//! | its addresses | `Axons NeuronCertificates Prometheus`, their rate limits | move |
//! | its commits | `WeightCommits` | are dropped: their hash names the old hotkey, as what is sealed does |
//! | the owner's cut | `SubnetOwnerHotkey` | moves |
//! | pay directed to it | `AutoStakeDestination AutoStakeDestinationColdkeys` | moves |
//! | its parents and children | `ChildKeys ParentKeys PendingChildKeys ChildkeyTake`, their rate limits | move |
//! | what is staked on it | `Alpha TotalHotkeyAlpha TotalHotkeyShares StakingHotkeys` | stays |
//! | what it paid last | `AlphaDividendsPerSubnet RootAlphaDividendsPerSubnet` | stays |
//! | with root stake: dividends not collected | `RootDividendRate RootDividendSettled` | stay |
//! | with root stake: whether it lends to owners | `AutoParentDelegationEnabled` | stays |
//! | its take, and when it was changed | `Delegates LastRateLimitedBlock` | is copied, but raises no take that the new one has already |
//!
//! A swap on all subnets that takes the stake along also retires the old hotkey: nobody owns it any
//! more (`Owner`, `OwnedHotkeys`), and it has no take. Only the list of hotkeys on which somebody
//! staked long ago may still name it.
//!
//! Stake moves by renaming, to the share. Where something is staked on the new hotkey already, it
//! moves by what it is worth, which rounding may make a rao less for a staker. Root stake never
//! joins other root stake, because the dividends of the two would mix: there the new hotkey must be
//! clean.
//!
//! One swap moves at most [`SWAP_ROWS_MAX`] stakes and dividends, and as many directions of pay and parents; a
//! hotkey with more is swapped subnet by subnet, or keeps its stake. Swaps of coldkeys are in [`crate::coldkey_swaps`].

use crate::{sweep::Sweep, *};
use frame_support::{
    pallet_macros::pallet_section, pallet_prelude::*, storage::with_storage_layer,
};
use sp_runtime::Vec;

#[pallet_section]
mod swap_storage {
    /// Block at which each coldkey last swapped a hotkey on each subnet, 0 if never.
    #[pallet::storage]
    pub type LastHotkeySwapOnNetuid<T: Config> =
        StorageDoubleMap<_, Identity, NetUid, Blake2_128Concat, T::AccountId, u64, ValueQuery>;
}

/// Price of a key's swap on all subnets, in rao.
pub const SWAP_COST: TaoBalance = 100_000_000;

/// Price of a hotkey's swap on one subnet, in rao.
pub const SUBNET_SWAP_COST: TaoBalance = 1_000_000;

/// Blocks between two swaps of a coldkey on one subnet.
pub const SWAP_INTERVAL: u64 = 7_200;

/// Most stakes and dividends that one swap moves, and most directions of pay and parents.
pub const SWAP_ROWS_MAX: usize = 2_048;

/// How long a swap takes at most.
pub(crate) const SWAP_WEIGHT: Weight = Weight::from_parts(16_000_000_000, 0);

/// A hotkey's swap, as its owner asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HotkeySwap<AccountId> {
    /// Hotkey that is replaced.
    pub old: AccountId,
    /// Hotkey that replaces it.
    pub new: AccountId,
    /// The subnet where that happens, or all of them.
    pub netuid: Option<NetUid>,
    /// Whether what is staked stays on the old hotkey.
    pub keep_stake: bool,
}

impl<AccountId> HotkeySwap<AccountId> {
    fn reaches(&self, netuid: NetUid) -> bool {
        self.netuid.is_none_or(|only| only == netuid)
    }

    /// Whether the old hotkey's root stake becomes the new one's.
    fn moves_root_stake(&self) -> bool {
        !self.keep_stake && self.reaches(ROOT)
    }

    fn cost(&self) -> TaoBalance {
        self.netuid.map_or(SWAP_COST, |_| SUBNET_SWAP_COST)
    }
}

impl<T: Config> Pallet<T> {
    /// Block at which `coldkey` last swapped a hotkey on `netuid`, 0 if never.
    pub fn last_hotkey_swap(netuid: NetUid, coldkey: &T::AccountId) -> u64 {
        LastHotkeySwapOnNetuid::<T>::get(netuid, coldkey)
    }

    /// Puts one hotkey of `coldkey` in another's place.
    pub(crate) fn do_swap_hotkey(
        coldkey: &T::AccountId,
        swap: &HotkeySwap<T::AccountId>,
    ) -> DispatchResult {
        Self::ensure_nothing_dissolves()?;
        Self::ensure_may_swap(coldkey, swap)?;
        let netuids = swap.netuid.map_or_else(Self::netuids, |only| vec![only]);
        let timed: Vec<NetUid> = netuids
            .iter()
            .copied()
            .filter(|netuid| swap.netuid.is_some() || Self::takes_part(&swap.old, *netuid))
            .collect();
        ensure!(
            timed
                .iter()
                .all(|netuid| Self::swap_interval_passed(*netuid, coldkey)),
            Error::<T>::HotKeySwapOnSubnetIntervalNotPassed
        );
        let stakes = Self::stakes_to_move(swap)?;
        Self::ensure_few_relations(swap, &netuids)?;
        with_storage_layer(|| {
            ensure!(
                Self::spendable(coldkey) >= swap.cost(),
                Error::<T>::NotEnoughBalanceToPaySwapHotKey
            );
            Self::recycle(coldkey, swap.cost())?;
            Self::pass_ownership(coldkey, swap)?;
            for netuid in &netuids {
                Self::pass_seat(swap, *netuid);
                Self::pass_rate_limits(swap, *netuid);
                Self::move_auto_stakers(&swap.old, &swap.new, *netuid);
                Self::move_family(&swap.old, &swap.new, *netuid)?;
            }
            if !swap.keep_stake {
                for netuid in &netuids {
                    Self::pass_stake(swap, *netuid, &stakes)?;
                }
            }
            if swap.moves_root_stake() {
                Self::pass_root_dividends(swap);
                Self::move_auto_parent_delegation(&swap.old, &swap.new);
            }
            for netuid in timed {
                LastHotkeySwapOnNetuid::<T>::insert(netuid, coldkey, Self::block());
            }
            Self::tell_of_swap(coldkey, swap);
            Ok(())
        })
    }

    fn tell_of_swap(coldkey: &T::AccountId, swap: &HotkeySwap<T::AccountId>) {
        let (coldkey, old_hotkey, new_hotkey) =
            (coldkey.clone(), swap.old.clone(), swap.new.clone());
        Self::deposit_event(match swap.netuid {
            Some(netuid) => Event::HotkeySwappedOnSubnet {
                coldkey,
                old_hotkey,
                new_hotkey,
                netuid,
            },
            None => Event::HotkeySwapped {
                coldkey,
                old_hotkey,
                new_hotkey,
            },
        });
    }

    fn ensure_may_swap(coldkey: &T::AccountId, swap: &HotkeySwap<T::AccountId>) -> DispatchResult {
        let HotkeySwap {
            old, new, netuid, ..
        } = swap;
        ensure!(
            netuid.is_none_or(Self::subnet_exists),
            Error::<T>::SubnetNotExists
        );
        ensure!(
            Self::owner_of(old).as_ref() == Some(coldkey),
            Error::<T>::NonAssociatedColdKey
        );
        ensure!(
            Self::may_own(coldkey, new),
            Error::<T>::NonAssociatedColdKey
        );
        ensure!(old != new, Error::<T>::NewHotKeyIsSameWithOld);
        let is_seated = match netuid {
            Some(netuid) => Self::is_registered(*netuid, new),
            None => Self::is_registered_on_any(new),
        };
        ensure!(!is_seated, Error::<T>::HotKeyAlreadyRegisteredInSubNet);
        let is_clean = Self::hotkey_stake(new, ROOT) == 0 && !Self::has_root_dividends(new);
        ensure!(
            !swap.moves_root_stake() || is_clean,
            Error::<T>::NewHotKeyNotCleanForRootSwap
        );
        Ok(())
    }

    fn swap_interval_passed(netuid: NetUid, coldkey: &T::AccountId) -> bool {
        let last = LastHotkeySwapOnNetuid::<T>::get(netuid, coldkey);
        last == 0 || last.saturating_add(SWAP_INTERVAL) < Self::block()
    }

    /// Whether a swap of `hotkey` changes something that others see on `netuid`.
    fn takes_part(hotkey: &T::AccountId, netuid: NetUid) -> bool {
        Self::is_registered(netuid, hotkey) || ChildKeys::<T>::contains_key(hotkey, netuid)
    }

    /// Stakes on the old hotkey that the swap moves: coldkey and subnet.
    fn stakes_to_move(
        swap: &HotkeySwap<T::AccountId>,
    ) -> Result<Vec<(T::AccountId, NetUid)>, Error<T>> {
        if swap.keep_stake {
            return Ok(Vec::new());
        }
        let stakes: Vec<(T::AccountId, NetUid)> = Alpha::<T>::iter_key_prefix((&swap.old,))
            .take(SWAP_ROWS_MAX + 1)
            .collect();
        let dividends = if swap.moves_root_stake() {
            RootDividendSettled::<T>::iter_key_prefix((&swap.old,))
                .take(SWAP_ROWS_MAX + 1)
                .count()
        } else {
            0
        };
        ensure!(
            stakes.len().saturating_add(dividends) <= SWAP_ROWS_MAX,
            Error::<T>::HotKeySwapTooHeavy
        );
        let moved = stakes.into_iter().filter(|(_, id)| swap.reaches(*id));
        Ok(moved.collect())
    }

    /// Refuses when too many direct their pay to the old hotkey, or lend to either.
    fn ensure_few_relations(
        swap: &HotkeySwap<T::AccountId>,
        netuids: &[NetUid],
    ) -> Result<(), Error<T>> {
        let relations = |netuid: &NetUid| {
            let parents = Self::parent_count(&swap.old, *netuid)
                .saturating_add(Self::parent_count(&swap.new, *netuid));
            (Self::auto_stakers(&swap.old, *netuid).len() as u64).saturating_add(parents)
        };
        let sum: u64 = netuids.iter().map(relations).sum();
        ensure!(sum <= SWAP_ROWS_MAX as u64, Error::<T>::HotKeySwapTooHeavy);
        Ok(())
    }

    /// Makes the new hotkey the coldkey's, with the old one's take, and lets go of the old one when
    /// nothing is left on it.
    fn pass_ownership(coldkey: &T::AccountId, swap: &HotkeySwap<T::AccountId>) -> DispatchResult {
        let HotkeySwap { old, new, .. } = swap;
        // Whoever stakes on a key that is known already was promised its take.
        let known = Self::owner_of(new).map(|_| Self::take_of(new));
        let take = known.map_or(Self::take_of(old), |known| known.min(Self::take_of(old)));
        let changed = [old, new].map(|hotkey| {
            let key = RateLimitKey::DelegateTake(hotkey.clone());
            LastRateLimitedBlock::<T>::try_get(key).ok()
        });
        if swap.netuid.is_none() && !swap.keep_stake {
            Owner::<T>::remove(old);
            OwnedHotkeys::<T>::mutate(coldkey, |hotkeys| hotkeys.retain(|hotkey| hotkey != old));
            Delegates::<T>::remove(old);
            LastRateLimitedBlock::<T>::remove(RateLimitKey::DelegateTake(old.clone()));
            frame_system::Pallet::<T>::dec_sufficients(old);
        }
        Self::associate(coldkey, new)?;
        Delegates::<T>::insert(new, take);
        if let Some(block) = changed.into_iter().flatten().max() {
            let key = RateLimitKey::DelegateTake(new.clone());
            LastRateLimitedBlock::<T>::insert(key, block);
        }
        Ok(())
    }

    /// Gives the new hotkey the old one's uid, its addresses and the owner's cut.
    fn pass_seat(swap: &HotkeySwap<T::AccountId>, netuid: NetUid) {
        let HotkeySwap { old, new, .. } = swap;
        if SubnetOwnerHotkey::<T>::get(netuid).as_ref() == Some(old) {
            SubnetOwnerHotkey::<T>::insert(netuid, new);
            Self::deposit_event(Event::SubnetOwnerHotkeySet(netuid, new.clone()));
        }
        let Some(uid) = Uids::<T>::take(netuid, old) else {
            return;
        };
        Uids::<T>::insert(netuid, new, uid);
        Keys::<T>::insert(netuid, uid, new);
        IsNetworkMember::<T>::remove(old, netuid);
        IsNetworkMember::<T>::insert(new, netuid, true);
        if let Some(axon) = Axons::<T>::take(netuid, old) {
            Axons::<T>::insert(netuid, new, axon);
        }
        if let Some(certificate) = NeuronCertificates::<T>::take(netuid, old) {
            NeuronCertificates::<T>::insert(netuid, new, certificate);
        }
        if let Some(endpoint) = Prometheus::<T>::take(netuid, old) {
            Prometheus::<T>::insert(netuid, new, endpoint);
        }
        Self::forget_commits(netuid, old);
    }

    /// Lets what the old hotkey may not do again soon on a subnet bind the new one.
    fn pass_rate_limits(swap: &HotkeySwap<T::AccountId>, netuid: NetUid) {
        let keys = |hotkey: &T::AccountId| {
            [
                RateLimitKey::Serving(netuid, hotkey.clone(), ServedKind::Axon),
                RateLimitKey::Serving(netuid, hotkey.clone(), ServedKind::Prometheus),
                RateLimitKey::SetChildren(netuid, hotkey.clone()),
                RateLimitKey::SetChildkeyTake(netuid, hotkey.clone()),
            ]
        };
        for (old, new) in keys(&swap.old).into_iter().zip(keys(&swap.new)) {
            if let Ok(block) = LastRateLimitedBlock::<T>::try_get(&old) {
                LastRateLimitedBlock::<T>::remove(&old);
                let block = block.max(Self::last_done(&new));
                LastRateLimitedBlock::<T>::insert(new, block);
            }
        }
    }

    /// Moves the stakes on a subnet, and the record of what they earned last.
    fn pass_stake(
        swap: &HotkeySwap<T::AccountId>,
        netuid: NetUid,
        stakes: &[(T::AccountId, NetUid)],
    ) -> DispatchResult {
        let HotkeySwap { old, new, .. } = swap;
        let joins = TotalHotkeyShares::<T>::get(new, netuid) > 0;
        if !joins {
            TotalHotkeyAlpha::<T>::swap(old, netuid, new, netuid);
            TotalHotkeyShares::<T>::swap(old, netuid, new, netuid);
        }
        for (coldkey, _) in stakes.iter().filter(|(_, id)| *id == netuid) {
            if joins {
                let stake = Self::stake_of(old, coldkey, netuid);
                Self::debit_stake(old, coldkey, netuid, stake)?;
                Self::credit_stake(new, coldkey, netuid, stake);
            } else {
                let held = Alpha::<T>::take((old, coldkey, netuid));
                Alpha::<T>::insert((new, coldkey, netuid), held);
            }
            StakingHotkeys::<T>::mutate(coldkey, |hotkeys| {
                if swap.netuid.is_none() {
                    hotkeys.retain(|hotkey| hotkey != old);
                }
                if !hotkeys.contains(new) {
                    hotkeys.push(new.clone());
                }
            });
        }
        let earned = AlphaDividendsPerSubnet::<T>::take(netuid, old);
        if earned > 0 {
            AlphaDividendsPerSubnet::<T>::mutate(netuid, new, |sum| *sum += earned);
        }
        let earned = RootAlphaDividendsPerSubnet::<T>::take(netuid, old);
        if earned > 0 {
            RootAlphaDividendsPerSubnet::<T>::mutate(netuid, new, |sum| *sum += earned);
        }
        Ok(())
    }

    /// Moves what root stakers have not collected, on every subnet.
    fn pass_root_dividends(swap: &HotkeySwap<T::AccountId>) {
        let HotkeySwap { old, new, .. } = swap;
        let rates: Vec<(NetUid, u128)> = RootDividendRate::<T>::drain_prefix(old).collect();
        for (netuid, rate) in rates {
            RootDividendRate::<T>::insert(new, netuid, rate);
        }
        let settled: Vec<((T::AccountId, NetUid), i128)> =
            RootDividendSettled::<T>::drain_prefix((old,)).collect();
        for ((coldkey, netuid), amount) in settled {
            RootDividendSettled::<T>::insert((new, &coldkey, netuid), amount);
            // Who has no stake left may be owed something still, and looks for it by this list.
            StakingHotkeys::<T>::mutate(&coldkey, |hotkeys| {
                if !hotkeys.contains(new) {
                    hotkeys.push(new.clone());
                }
            });
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Drops when coldkeys swapped hotkeys on a subnet that is removed.
    pub(crate) fn forget_swap_dates(netuid: NetUid, sweep: &mut Sweep) -> bool {
        sweep.over(
            || LastHotkeySwapOnNetuid::<T>::iter_key_prefix(netuid),
            |last| LastHotkeySwapOnNetuid::<T>::iter_key_prefix_from(netuid, last),
            |coldkey| {
                LastHotkeySwapOnNetuid::<T>::remove(netuid, coldkey);
                1
            },
        )
    }
}
