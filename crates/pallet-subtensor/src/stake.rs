//! Whose stake is whose: alpha per hotkey, and shares of it per coldkey.
//!
//! # The rule
//!
//! What is staked on a hotkey in a subnet is one amount, [`TotalHotkeyAlpha`], of which each
//! coldkey holds shares. Pay to all stakers of a hotkey raises the amount and leaves the shares
//! alone, so it reaches any number of stakers in one write. Putting in `a` gives `a·shares/amount`
//! shares, rounded down; the first staker gets 2⁶⁴ for each rao. Taking out `a` costs
//! `a·shares/amount` shares, rounded up. On root the amount is TAO, elsewhere it is the subnet's
//! alpha. There are always enough shares to each rao that rounding costs nobody more than a rao.
//!
//! # What always holds
//!
//! * The shares of a hotkey's stakers add up to its total; there are none exactly when the amount
//!   is zero.
//! * Nobody's stake falls by what another puts in or takes out.

use crate::{sweep::Sweep, *};
use economics::fixed::mul_div;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::Vec;

#[pallet_section]
mod stake_storage {
    /// What is staked on each hotkey in each subnet, in rao.
    #[pallet::storage]
    pub type TotalHotkeyAlpha<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        AlphaBalance,
        ValueQuery,
    >;

    /// How many shares of a hotkey's stake there are.
    #[pallet::storage]
    pub type TotalHotkeyShares<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, u128, ValueQuery>;

    /// Shares that a coldkey holds of a hotkey's stake in a subnet.
    #[pallet::storage]
    pub type Alpha<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, NetUid>,
        ),
        u128,
        ValueQuery,
    >;

    /// What is staked in each subnet on all hotkeys, in rao.
    #[pallet::storage]
    pub type TotalAlphaStaked<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Hotkeys on which each coldkey ever staked, in the order in which they came.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type StakingHotkeys<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Vec<T::AccountId>, ValueQuery>;

    /// Blocks for which root stake is held after each change; none.
    #[pallet::storage]
    pub type RootStakeUnlockInterval<T> = StorageValue<_, u64, ValueQuery>;
}

/// Shares for each rao of a hotkey's first stake.
const SHARES_PER_RAO: u128 = 1 << 64;

/// Fewest shares for each rao that pay may leave.
const SHARES_PER_RAO_MIN: u128 = 1 << 16;

/// Most hotkeys on which a coldkey may choose to stake: the list is read with each that comes.
pub const STAKING_HOTKEYS_MAX: usize = 1_024;

impl<T: Config> Pallet<T> {
    /// What is staked on `hotkey` in `netuid`, in rao.
    pub fn hotkey_stake(hotkey: &T::AccountId, netuid: NetUid) -> AlphaBalance {
        TotalHotkeyAlpha::<T>::get(hotkey, netuid)
    }

    /// What `coldkey` has staked on `hotkey` in `netuid`, in rao.
    pub fn stake_of(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: NetUid) -> AlphaBalance {
        Self::worth_of(Alpha::<T>::get((hotkey, coldkey, netuid)), hotkey, netuid)
    }

    /// What is staked in `netuid` on all hotkeys, in rao.
    pub fn total_alpha_staked(netuid: NetUid) -> AlphaBalance {
        TotalAlphaStaked::<T>::get(netuid)
    }

    /// Hotkeys on which `coldkey` ever staked.
    pub fn staking_hotkeys(coldkey: &T::AccountId) -> Vec<T::AccountId> {
        StakingHotkeys::<T>::get(coldkey)
    }

    /// Every stake of `coldkey` that is not zero: hotkey, subnet, rao.
    pub fn stakes_of_coldkey(coldkey: &T::AccountId) -> Vec<(T::AccountId, NetUid, AlphaBalance)> {
        let netuids = Self::netuids();
        let mut stakes = Vec::new();
        for hotkey in Self::staking_hotkeys(coldkey) {
            for netuid in &netuids {
                let stake = Self::stake_of(&hotkey, coldkey, *netuid);
                if stake > 0 {
                    stakes.push((hotkey.clone(), *netuid, stake));
                }
            }
        }
        stakes
    }

    /// Every stake on `hotkey` that is not zero: coldkey, subnet, rao.
    pub fn stakes_on_hotkey(hotkey: &T::AccountId) -> Vec<(T::AccountId, NetUid, AlphaBalance)> {
        Alpha::<T>::iter_prefix((hotkey,))
            .map(|((coldkey, netuid), shares)| {
                let worth = Self::worth_of(shares, hotkey, netuid);
                (coldkey, netuid, worth)
            })
            .filter(|(_, _, worth)| *worth > 0)
            .collect()
    }

    /// What `hotkey` counts for in the epochs of `netuid`, in rao: the alpha that it works with, and
    /// the weighted part of the root stake that it works with.
    pub fn stake_weight_of(hotkey: &T::AccountId, netuid: NetUid) -> u64 {
        Self::working_stake(hotkey, netuid).weight(Self::tao_weight())
    }

    /// Stakes `amount`, which must be outside the pool and nobody's, for `coldkey` on `hotkey`.
    pub(crate) fn credit_stake(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) {
        if amount == 0 {
            return;
        }
        if netuid == ROOT {
            Self::follow_root_stake(hotkey, coldkey, StakeChange::Added(amount));
        }
        let (total, shares) = (
            TotalHotkeyAlpha::<T>::get(hotkey, netuid),
            TotalHotkeyShares::<T>::get(hotkey, netuid),
        );
        let minted = if total == 0 {
            u128::from(amount).saturating_mul(SHARES_PER_RAO)
        } else {
            mul_div(u128::from(amount), shares, u128::from(total))
        };
        let key = (hotkey, coldkey, netuid);
        let own = Alpha::<T>::get(key);
        Alpha::<T>::insert(key, own.saturating_add(minted));
        TotalHotkeyShares::<T>::insert(hotkey, netuid, shares.saturating_add(minted));
        Self::add_to_total(hotkey, netuid, amount);
        if own == 0 {
            StakingHotkeys::<T>::mutate(coldkey, |hotkeys| {
                if !hotkeys.contains(hotkey) {
                    hotkeys.push(hotkey.clone());
                }
            });
        }
    }

    /// Refuses when `coldkey` already stakes on `most` hotkeys, and `hotkey` is not one of them.
    pub(crate) fn ensure_may_stake_on(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        most: usize,
    ) -> DispatchResult {
        let hotkeys = StakingHotkeys::<T>::get(coldkey);
        ensure!(
            hotkeys.len() < most || hotkeys.contains(hotkey),
            Error::<T>::TooManyHotkeys
        );
        Ok(())
    }

    /// Unstakes `amount` of `coldkey` from `hotkey`; it is then outside the pool and nobody's.
    pub(crate) fn debit_stake(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
    ) -> DispatchResult {
        let key = (hotkey, coldkey, netuid);
        let own = Alpha::<T>::get(key);
        let total = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
        let shares = TotalHotkeyShares::<T>::get(hotkey, netuid);
        let worth = Self::worth_of(own, hotkey, netuid);
        ensure!(amount <= worth, Error::<T>::NotEnoughStakeToWithdraw);
        if netuid == ROOT {
            Self::follow_root_stake(hotkey, coldkey, StakeChange::Removed(amount));
        }
        // Whoever takes out everything leaves no share behind that is worth less than a rao.
        let spent = if amount == worth {
            own
        } else {
            div_ceil(u128::from(amount), shares, u128::from(total)).min(own)
        };
        match own - spent {
            0 => Alpha::<T>::remove(key),
            left => Alpha::<T>::insert(key, left),
        }
        match shares - spent {
            0 => TotalHotkeyShares::<T>::remove(hotkey, netuid),
            left => TotalHotkeyShares::<T>::insert(hotkey, netuid, left),
        }
        match total - amount {
            0 => TotalHotkeyAlpha::<T>::remove(hotkey, netuid),
            left => TotalHotkeyAlpha::<T>::insert(hotkey, netuid, left),
        }
        TotalAlphaStaked::<T>::mutate(netuid, |sum| *sum = sum.saturating_sub(amount));
        Self::queue_threshold_check(hotkey);
        Ok(())
    }

    /// Pays `amount` to all stakers of `hotkey` pro rata, or to its owner when it has none.
    ///
    /// Nobody gets it when a share would come to be worth more than 2⁻¹⁶ rao: whoever stakes next would lose
    /// by rounding. Only an owner who keeps taking all but dust out brings shares there, so it is not the
    /// owner's.
    pub(crate) fn credit_stakers(hotkey: &T::AccountId, netuid: NetUid, amount: AlphaBalance) {
        let total = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
        let raised = u128::from(total.saturating_add(amount));
        let shares = TotalHotkeyShares::<T>::get(hotkey, netuid);
        if total > 0 && shares >= raised.saturating_mul(SHARES_PER_RAO_MIN) {
            Self::add_to_total(hotkey, netuid, amount);
        } else if total == 0
            && let Some(owner) = Self::owner_of(hotkey)
        {
            Self::credit_stake(hotkey, &owner, netuid, amount);
        } else {
            Self::abandon_alpha(netuid, amount);
        }
    }

    fn add_to_total(hotkey: &T::AccountId, netuid: NetUid, amount: AlphaBalance) {
        TotalHotkeyAlpha::<T>::mutate(hotkey, netuid, |sum| *sum = sum.saturating_add(amount));
        TotalAlphaStaked::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(amount));
        if ChildkeyThresholdSuspended::<T>::contains_key(hotkey) {
            Self::queue_threshold_check(hotkey);
        }
    }

    fn worth_of(shares: u128, hotkey: &T::AccountId, netuid: NetUid) -> AlphaBalance {
        if shares == 0 {
            return 0;
        }
        let total = u128::from(TotalHotkeyAlpha::<T>::get(hotkey, netuid));
        let worth = mul_div(total, shares, TotalHotkeyShares::<T>::get(hotkey, netuid));
        u64::try_from(worth).unwrap_or(u64::MAX)
    }
}

/// How a root stake changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StakeChange {
    /// By so much more.
    Added(AlphaBalance),
    /// By so much less.
    Removed(AlphaBalance),
}

/// `⌈a · b / c⌉`, for `a ≤ c`.
fn div_ceil(a: u128, b: u128, c: u128) -> u128 {
    // With a ≤ c, ⌊a·b/c⌋ + ⌊(c − a)·b/c⌋ is b, or b − 1 when the division leaves a remainder.
    b - mul_div(c - a, b, c)
}

impl<T: Config> Pallet<T> {
    /// Visits every stake: hotkey, coldkey, subnet.
    pub(crate) fn sweep_stakes(
        sweep: &mut Sweep,
        mut visit: impl FnMut(T::AccountId, T::AccountId, NetUid) -> u32,
    ) -> bool {
        sweep.over(
            Alpha::<T>::iter_keys,
            Alpha::<T>::iter_keys_from,
            |(hotkey, coldkey, netuid)| visit(hotkey, coldkey, netuid),
        )
    }

    /// What is staked on `hotkey` in `netuid`, and in how many shares.
    pub(crate) fn stake_and_shares(hotkey: &T::AccountId, netuid: NetUid) -> (AlphaBalance, u128) {
        let total = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
        (total, TotalHotkeyShares::<T>::get(hotkey, netuid))
    }

    /// How many of them are of `coldkey`.
    pub(crate) fn shares_of(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: NetUid) -> u128 {
        Alpha::<T>::get((hotkey, coldkey, netuid))
    }

    /// Takes all of a stake off the books; the amount is then outside the pool and nobody's.
    pub(crate) fn close_stake(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
    ) -> AlphaBalance {
        let stake = Self::stake_of(hotkey, coldkey, netuid);
        match Self::debit_stake(hotkey, coldkey, netuid, stake) {
            Ok(()) => stake,
            Err(_) => 0,
        }
    }

    /// Drops the sum of the stakes of a subnet that is removed: zero, when all were taken out.
    pub(crate) fn forget_total_staked(netuid: NetUid) {
        TotalAlphaStaked::<T>::remove(netuid);
    }
}
