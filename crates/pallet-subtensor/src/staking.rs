//! What coldkeys do with stake: put it in, take it out.
//!
//! Staking buys a subnet's alpha from its pool; unstaking sells it. A limit is a price in rao of
//! TAO per alpha that the pool must not pass; with `allow_partial` as much as fits is traded,
//! without it all or nothing. Moving stake is [`crate::moves`]'.
//!
//! Where a least nomination is set, unstaking from another's hotkey takes the rest out as well when
//! it is worth less than that.

use crate::*;
use economics::pool::Side;
use frame_support::{
    pallet_macros::pallet_section, pallet_prelude::*, storage::with_storage_layer,
};
use sp_runtime::DispatchError;

#[pallet_section]
mod staking_storage {
    /// Whether stake of each subnet may pass between coldkeys.
    #[pallet::storage]
    pub type TransferToggle<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

    /// Least worth of a stake on another's hotkey, in millionths of [`STAKE_MIN`].
    #[pallet::storage]
    pub type NominatorMinRequiredStake<T> = StorageValue<_, u64, ValueQuery>;
}

/// Least TAO worth staking, in rao.
pub const STAKE_MIN: TaoBalance = 2_000_000;

/// A price that a trade may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceLimit {
    /// Rao of TAO per alpha.
    pub price: TaoBalance,
    /// Whether to trade what fits, instead of all or nothing.
    pub allow_partial: bool,
}

impl<T: Config> Pallet<T> {
    /// Whether stake of `netuid` may pass between coldkeys.
    pub fn transfers_enabled(netuid: NetUid) -> bool {
        TransferToggle::<T>::get(netuid)
    }

    /// Least worth of a stake on another's hotkey, in rao of TAO.
    pub fn nomination_min() -> TaoBalance {
        let millionths = u128::from(NominatorMinRequiredStake::<T>::get());
        let least = millionths * u128::from(STAKE_MIN) / 1_000_000;
        TaoBalance::try_from(least).unwrap_or(TaoBalance::MAX)
    }

    /// Sets the least worth of a stake on another's hotkey, in millionths of [`STAKE_MIN`]. Smaller
    /// ones stay until something is unstaked from them.
    pub fn set_nomination_min(millionths: u64) {
        NominatorMinRequiredStake::<T>::put(millionths);
    }

    /// Stakes `tao` of `coldkey` on `hotkey` in `netuid`; returns the alpha bought.
    pub(crate) fn do_add_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        tao: TaoBalance,
        limit: Option<PriceLimit>,
    ) -> Result<AlphaBalance, DispatchError> {
        Self::ensure_tradable(netuid)?;
        Self::ensure_hotkey_exists(hotkey)?;
        let tao = Self::amount_within(netuid, Side::Buy, tao, limit)?;
        ensure!(tao >= STAKE_MIN, Error::<T>::AmountTooLow);
        Self::ensure_may_stake_on(coldkey, hotkey, STAKING_HOTKEYS_MAX)?;
        ensure!(
            Self::spendable(coldkey) >= tao,
            Error::<T>::NotEnoughBalanceToStake
        );
        let quote = Self::buy_alpha(coldkey, netuid, tao)?;
        ensure!(quote.received > 0, Error::<T>::AmountTooLow);
        Self::credit_stake(hotkey, coldkey, netuid, quote.received);
        Self::deposit_event(Event::StakeAdded(
            coldkey.clone(),
            hotkey.clone(),
            tao,
            quote.received,
            netuid,
            quote.fee,
        ));
        Ok(quote.received)
    }

    /// Unstakes `alpha` of `coldkey` from `hotkey` in `netuid`.
    pub(crate) fn do_remove_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        alpha: AlphaBalance,
        limit: Option<PriceLimit>,
    ) -> DispatchResult {
        Self::ensure_tradable(netuid)?;
        Self::ensure_hotkey_exists(hotkey)?;
        ensure!(alpha > 0, Error::<T>::AmountTooLow);
        ensure!(
            alpha <= Self::stake_of(hotkey, coldkey, netuid),
            Error::<T>::NotEnoughStakeToWithdraw
        );
        let alpha = Self::amount_within(netuid, Side::Sell, alpha, limit)?;
        with_storage_layer(|| {
            Self::sell_stake(coldkey, hotkey, netuid, alpha)?;
            let left = Self::stake_of(hotkey, coldkey, netuid);
            if left > 0 && Self::is_small_nomination(coldkey, hotkey, netuid, left) {
                // What is too little to be sold stays.
                let _swept_or_left =
                    with_storage_layer(|| Self::sell_stake(coldkey, hotkey, netuid, left));
            }
            Ok(())
        })
    }

    fn sell_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        alpha: AlphaBalance,
    ) -> DispatchResult {
        Self::debit_stake(hotkey, coldkey, netuid, alpha)?;
        let quote = Self::sell_alpha(coldkey, netuid, alpha)?;
        ensure!(quote.received > 0, Error::<T>::AmountTooLow);
        Self::deposit_event(Event::StakeRemoved(
            coldkey.clone(),
            hotkey.clone(),
            quote.received,
            alpha,
            netuid,
            quote.fee,
        ));
        Ok(())
    }

    fn is_small_nomination(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        alpha: AlphaBalance,
    ) -> bool {
        Self::owner_of(hotkey).as_ref() != Some(coldkey)
            && Self::alpha_price(netuid).of(alpha) < Self::nomination_min()
    }

    /// Unstakes all that `coldkey` has on `hotkey`, leaving what cannot be sold now.
    pub(crate) fn do_unstake_all(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        scope: UnstakeScope,
    ) -> DispatchResult {
        Self::ensure_hotkey_exists(hotkey)?;
        let mut last = Ok(());
        let mut sold = false;
        let before = Self::spendable(coldkey);
        for netuid in Self::netuids() {
            if netuid == ROOT && scope == UnstakeScope::AlphaOnly {
                continue;
            }
            let stake = Self::stake_of(hotkey, coldkey, netuid);
            if stake == 0 {
                continue;
            }
            match Self::do_remove_stake(coldkey, hotkey, netuid, stake, None) {
                Ok(()) => sold = true,
                Err(error) => last = Err(error),
            }
        }
        let received = Self::spendable(coldkey).saturating_sub(before);
        if scope == UnstakeScope::AlphaOnly && received >= STAKE_MIN {
            Self::do_add_stake(coldkey, hotkey, ROOT, received, None)?;
        }
        if sold { Ok(()) } else { last }
    }

    /// Lets stake of `netuid` pass between coldkeys, or stops it.
    pub fn set_transfers_enabled(netuid: NetUid, enabled: bool) {
        TransferToggle::<T>::insert(netuid, enabled);
    }

    pub(crate) fn ensure_tradable(netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::subtoken_enabled(netuid), Error::<T>::SubtokenDisabled);
        Ok(())
    }

    pub(crate) fn ensure_hotkey_exists(hotkey: &T::AccountId) -> DispatchResult {
        ensure!(
            Self::owner_of(hotkey).is_some(),
            Error::<T>::HotKeyAccountNotExists
        );
        Ok(())
    }

    /// How much of `amount` may be traded.
    fn amount_within(
        netuid: NetUid,
        side: Side,
        amount: u64,
        limit: Option<PriceLimit>,
    ) -> Result<u64, DispatchError> {
        let Some(limit) = limit else {
            return Ok(amount);
        };
        let most = Self::largest_within(netuid, side, limit.price, amount);
        let enough = if limit.allow_partial {
            most > 0
        } else {
            most == amount
        };
        ensure!(enough, Error::<T>::SlippageTooHigh);
        Ok(most)
    }
}

/// Which stakes to take out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnstakeScope {
    /// Those on every subnet.
    Everything,
    /// Those on every subnet but root.
    AlphaOnly,
}

impl<T: Config> Pallet<T> {
    /// Drops whether stake passed between coldkeys in a subnet that is removed.
    pub(crate) fn forget_transfers(netuid: NetUid) {
        TransferToggle::<T>::remove(netuid);
    }
}
