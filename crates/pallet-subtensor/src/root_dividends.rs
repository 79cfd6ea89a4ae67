//! What root stakers earn in the subnets, and how they collect it.
//!
//! # The rule
//!
//! A validator's root part of an epoch is divided among its root stakers by one number:
//! [`RootDividendRate`], the alpha ever paid per rao of root stake. A staker is owed `rate · stake
//! − settled`; whenever the stake changes by `δ`, `settled` changes by `rate · δ`, so what is owed
//! does not. Collecting stakes the alpha owed on the same hotkey. Alpha paid in and not collected
//! is [`RootDividendReserve`].
//!
//! A claim passes over what is worth less TAO than [`RootClaimableThreshold`] of root: it waits, and
//! grows, unless no root stake is left there for it to grow with. It also passes over subnets that are dissolved, which pay out what is owed themselves. Who has
//! neither root stake on a hotkey nor anything to collect there has no entry.

use crate::{sweep::Sweep, *};
use economics::fixed::mul_div;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::Vec;
use std::collections::BTreeSet;

#[pallet_section]
mod root_dividend_storage {
    /// Alpha ever paid per rao of root stake on each hotkey, per subnet, with 64 fractional bits.
    #[pallet::storage]
    pub type RootDividendRate<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, NetUid, u128, ValueQuery>;

    /// What a root staker has collected or was never owed: hotkey, coldkey, subnet.
    #[pallet::storage]
    pub type RootDividendSettled<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, NetUid>,
        ),
        i128,
        ValueQuery,
    >;

    /// Alpha paid to root stakers of each subnet and not collected, in rao.
    #[pallet::storage]
    pub type RootDividendReserve<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// What the dividends that a coldkey collected on a hotkey were worth when it did, in rao of
    /// TAO: hotkey, coldkey. It tells the past of these keys, and stays with them.
    #[pallet::storage]
    pub type BasketClaimed<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Blake2_128Concat,
        T::AccountId,
        i128,
        ValueQuery,
    >;

    /// Least worth of what is collected at once, in rao of TAO with 32 fractional bits; only root's
    /// entry counts.
    #[pallet::storage]
    pub type RootClaimableThreshold<T> = StorageMap<_, Identity, NetUid, FixedI128, ValueQuery>;
}

/// Most pairs of a hotkey and a subnet that one claim looks at.
pub const CLAIM_POSITIONS_MAX: usize = 512;

/// Highest threshold of a claim, in rao.
pub const CLAIM_THRESHOLD_MAX: TaoBalance = 10_000_000;

/// What a root stake earns at a rate, rounded down.
fn earned(rate: u128, stake: TaoBalance) -> i128 {
    i128::try_from(mul_div(rate, u128::from(stake), 1 << 64)).unwrap_or(i128::MAX)
}

impl<T: Config> Pallet<T> {
    /// Alpha of `netuid` that `coldkey` may collect for its root stake on `hotkey`, in rao.
    pub fn root_dividend_owed(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
    ) -> AlphaBalance {
        let stake = Self::stake_of(hotkey, coldkey, ROOT);
        let rate = RootDividendRate::<T>::get(hotkey, netuid);
        let settled = RootDividendSettled::<T>::get((hotkey, coldkey, netuid));
        let owed = earned(rate, stake).saturating_sub(settled);
        u64::try_from(owed)
            .unwrap_or(0)
            .min(RootDividendReserve::<T>::get(netuid))
    }

    /// Alpha that everybody with stake on `hotkey` may collect there, by subnet.
    pub fn root_dividends_on_hotkey(hotkey: &T::AccountId) -> Vec<(NetUid, AlphaBalance)> {
        let stakers: BTreeSet<T::AccountId> = Self::stakes_on_hotkey(hotkey)
            .into_iter()
            .map(|(coldkey, _, _)| coldkey)
            .collect();
        RootDividendRate::<T>::iter_key_prefix(hotkey)
            .map(|netuid| {
                let owed = |coldkey| Self::root_dividend_owed(hotkey, coldkey, netuid);
                let sum = stakers.iter().map(owed).fold(0, u64::saturating_add);
                (netuid, sum)
            })
            .filter(|(_, sum)| *sum > 0)
            .collect()
    }

    /// Alpha of `netuid` paid to root stakers and not collected, in rao.
    pub fn root_dividend_reserve(netuid: NetUid) -> AlphaBalance {
        RootDividendReserve::<T>::get(netuid)
    }

    /// Least worth of what is collected at once, in rao of TAO.
    pub fn claim_threshold() -> TaoBalance {
        let rao = RootClaimableThreshold::<T>::get(ROOT).bits >> 32;
        TaoBalance::try_from(rao).unwrap_or(0)
    }

    /// Whether root stakers of `hotkey` were ever paid, and so may be owed something.
    pub(crate) fn has_root_dividends(hotkey: &T::AccountId) -> bool {
        RootDividendRate::<T>::iter_key_prefix(hotkey)
            .next()
            .is_some()
    }

    /// Sets the least worth of what is collected at once, in rao of TAO; it holds for all subnets,
    /// and stands under root.
    pub(crate) fn do_set_claim_threshold(netuid: NetUid, rao: TaoBalance) -> DispatchResult {
        ensure!(
            netuid == ROOT && rao <= CLAIM_THRESHOLD_MAX,
            Error::<T>::InvalidRootClaimThreshold
        );
        let bits = i128::from(rao) << 32;
        RootClaimableThreshold::<T>::insert(netuid, FixedI128 { bits });
        Ok(())
    }

    /// Pays `amount` of alpha to the root stakers of `hotkey`; more than their stake is staked on
    /// the hotkey at once.
    pub(crate) fn credit_root_stakers(hotkey: &T::AccountId, netuid: NetUid, amount: AlphaBalance) {
        let stake = Self::hotkey_stake(hotkey, ROOT);
        if amount > stake {
            Self::credit_stakers(hotkey, netuid, amount);
            return;
        }
        if amount == 0 {
            return;
        }
        let raise = mul_div(u128::from(amount), 1 << 64, u128::from(stake));
        RootDividendRate::<T>::mutate(hotkey, netuid, |rate| *rate = rate.saturating_add(raise));
        RootDividendReserve::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(amount));
    }

    /// Keeps what a root staker is owed the same while its stake changes.
    pub(crate) fn follow_root_stake(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        change: StakeChange,
    ) {
        let leaves = change == StakeChange::Removed(Self::stake_of(hotkey, coldkey, ROOT));
        for (netuid, rate) in RootDividendRate::<T>::iter_prefix(hotkey) {
            let key = (hotkey, coldkey, netuid);
            let settled = RootDividendSettled::<T>::get(key);
            // Rounded against the staker both times, so that the reserve always suffices.
            let settled = match change {
                StakeChange::Added(amount) => {
                    settled.saturating_add(earned(rate, amount).saturating_add(1))
                }
                StakeChange::Removed(amount) => settled.saturating_sub(earned(rate, amount)),
            };
            if leaves && settled >= 0 {
                RootDividendSettled::<T>::remove(key);
            } else {
                RootDividendSettled::<T>::insert(key, settled);
            }
        }
    }

    /// Stakes what `coldkey` is owed on `hotkey` in the given subnets.
    pub(crate) fn collect_root_dividends(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuids: &[NetUid],
    ) {
        for netuid in netuids {
            let owed = Self::root_dividend_owed(hotkey, coldkey, *netuid);
            let worth = Self::alpha_price(*netuid).of(owed);
            let has_left = Self::stake_of(hotkey, coldkey, ROOT) == 0;
            if owed == 0 || (worth < Self::claim_threshold() && !has_left) {
                continue;
            }
            BasketClaimed::<T>::mutate(hotkey, coldkey, |sum| {
                *sum = sum.saturating_add(i128::from(worth));
            });
            let key = (hotkey, coldkey, *netuid);
            let settled = RootDividendSettled::<T>::get(key).saturating_add(i128::from(owed));
            if settled >= 0 && has_left {
                RootDividendSettled::<T>::remove(key);
            } else {
                RootDividendSettled::<T>::insert(key, settled);
            }
            RootDividendReserve::<T>::mutate(*netuid, |sum| *sum = sum.saturating_sub(owed));
            Self::credit_stake(hotkey, coldkey, *netuid, owed);
            Self::deposit_event(Event::RootClaimed {
                coldkey: coldkey.clone(),
                hotkey: hotkey.clone(),
                netuid: *netuid,
                alpha: owed,
            });
        }
    }

    /// Collects for `coldkey` on every hotkey it stakes on, in the subnets it names; root stands for
    /// all of them, which is what wallets name.
    pub(crate) fn do_claim_root(
        coldkey: &T::AccountId,
        netuids: &BTreeSet<NetUid>,
    ) -> DispatchResult {
        let named: Vec<NetUid> = if netuids.contains(&ROOT) {
            Self::netuids()
        } else {
            netuids.iter().copied().collect()
        };
        let netuids: Vec<NetUid> = named.into_iter().filter(|id| *id != ROOT).collect();
        ensure!(
            netuids.iter().all(|netuid| Self::subnet_exists(*netuid)),
            Error::<T>::SubnetNotExists
        );
        let hotkeys = Self::staking_hotkeys(coldkey);
        let positions = hotkeys.len().saturating_mul(netuids.len());
        ensure!(positions <= CLAIM_POSITIONS_MAX, Error::<T>::TooManyHotkeys);
        for hotkey in hotkeys {
            Self::collect_root_dividends(coldkey, &hotkey, &netuids);
        }
        Ok(())
    }

    /// Collects for `coldkey` on one hotkey, in every subnet.
    pub(crate) fn do_claim_root_with_hotkey(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
    ) -> DispatchResult {
        ensure!(
            Self::owner_of(hotkey).is_some(),
            Error::<T>::HotKeyAccountNotExists
        );
        let netuids: Vec<NetUid> = RootDividendRate::<T>::iter_key_prefix(hotkey)
            .filter(|netuid| Self::subnet_exists(*netuid))
            .collect();
        Self::collect_root_dividends(coldkey, hotkey, &netuids);
        Ok(())
    }
}

impl<T: Config> Pallet<T> {
    /// Takes what `coldkey` is owed off the books; the alpha is then outside the pool and nobody's.
    pub(crate) fn settle_root_dividend(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
    ) -> AlphaBalance {
        let owed = Self::root_dividend_owed(hotkey, coldkey, netuid);
        if owed > 0 {
            RootDividendSettled::<T>::mutate((hotkey, coldkey, netuid), |settled| {
                *settled = settled.saturating_add(i128::from(owed));
            });
            RootDividendReserve::<T>::mutate(netuid, |sum| *sum = sum.saturating_sub(owed));
        }
        owed
    }

    /// Visits the rate of every hotkey and subnet.
    pub(crate) fn sweep_dividend_rates(
        sweep: &mut Sweep,
        mut visit: impl FnMut(T::AccountId, NetUid) -> u32,
    ) -> bool {
        sweep.over(
            RootDividendRate::<T>::iter_keys,
            RootDividendRate::<T>::iter_keys_from,
            |(hotkey, netuid)| visit(hotkey, netuid),
        )
    }

    /// Visits what every root staker has collected or was never owed: hotkey, coldkey, subnet.
    pub(crate) fn sweep_dividends_settled(
        sweep: &mut Sweep,
        mut visit: impl FnMut(T::AccountId, T::AccountId, NetUid) -> u32,
    ) -> bool {
        sweep.over(
            RootDividendSettled::<T>::iter_keys,
            RootDividendSettled::<T>::iter_keys_from,
            |(hotkey, coldkey, netuid)| visit(hotkey, coldkey, netuid),
        )
    }

    /// Drops what root stakers of `hotkey` were ever paid in a subnet that is removed.
    pub(crate) fn forget_dividend_rate(hotkey: &T::AccountId, netuid: NetUid) {
        RootDividendRate::<T>::remove(hotkey, netuid);
    }

    /// Drops what a root staker collected in a subnet that is removed.
    pub(crate) fn forget_dividend_settled(
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
        netuid: NetUid,
    ) {
        RootDividendSettled::<T>::remove((hotkey, coldkey, netuid));
    }

    /// Drops what nobody collected in a subnet that is removed: what rounding left over.
    pub(crate) fn forget_dividend_reserve(netuid: NetUid) {
        RootDividendReserve::<T>::remove(netuid);
    }
}
