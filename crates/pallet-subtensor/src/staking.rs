//! What coldkeys do with stake: put it in, take it out, move it.
//!
//! Staking buys a subnet's alpha from its pool; unstaking sells it. A limit is a price in rao of
//! TAO per alpha that the pool must not pass; with `allow_partial` as much as fits is traded,
//! without it all or nothing. Moving between two subnets sells and buys; within one it only changes
//! who holds the alpha, and costs nothing.

use crate::*;
use economics::pool::Side;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::DispatchError;

#[pallet_section]
mod staking_storage {
    /// Whether stake of each subnet may pass between coldkeys.
    #[pallet::storage]
    pub type TransferToggle<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

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

/// From where to where stake moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StakeRoute<AccountId> {
    /// Hotkey it leaves.
    pub origin_hotkey: AccountId,
    /// Subnet it leaves.
    pub origin_netuid: NetUid,
    /// Coldkey it goes to.
    pub destination_coldkey: AccountId,
    /// Hotkey it goes to.
    pub destination_hotkey: AccountId,
    /// Subnet it goes to.
    pub destination_netuid: NetUid,
}

impl<T: Config> Pallet<T> {
    /// Hotkey to which the pay of `coldkey` as a miner on `netuid` is staked, if not the miner's
    /// own.
    pub fn auto_stake_destination(coldkey: &T::AccountId, netuid: NetUid) -> Option<T::AccountId> {
        AutoStakeDestination::<T>::get(coldkey, netuid)
    }

    /// Whether stake of `netuid` may pass between coldkeys.
    pub fn transfers_enabled(netuid: NetUid) -> bool {
        TransferToggle::<T>::get(netuid)
    }

    /// Stakes `tao` of `coldkey` on `hotkey` in `netuid`.
    pub(crate) fn do_add_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        tao: TaoBalance,
        limit: Option<PriceLimit>,
    ) -> DispatchResult {
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
        Ok(())
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
        frame_support::storage::with_storage_layer(|| {
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
        })
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
        if sold { Ok(()) } else { last }
    }

    /// Moves `alpha` of `coldkey` along `route`; returns the TAO it was worth on the way.
    pub(crate) fn do_move_stake(
        coldkey: &T::AccountId,
        route: &StakeRoute<T::AccountId>,
        alpha: AlphaBalance,
        limit: Option<PriceLimit>,
    ) -> Result<TaoBalance, DispatchError> {
        let (origin, destination) = (route.origin_netuid, route.destination_netuid);
        Self::ensure_tradable(origin)?;
        Self::ensure_tradable(destination)?;
        Self::ensure_hotkey_exists(&route.origin_hotkey)?;
        Self::ensure_hotkey_exists(&route.destination_hotkey)?;
        let is_gift = route.destination_coldkey != *coldkey;
        if is_gift {
            let allowed = Self::transfers_enabled(origin) && Self::transfers_enabled(destination);
            ensure!(allowed, Error::<T>::TransferDisallowed);
        }
        // Nobody can fill another's list: gifts leave half of it.
        let most = STAKING_HOTKEYS_MAX / if is_gift { 2 } else { 1 };
        Self::ensure_may_stake_on(&route.destination_coldkey, &route.destination_hotkey, most)?;
        ensure!(alpha > 0, Error::<T>::AmountTooLow);
        ensure!(
            alpha <= Self::stake_of(&route.origin_hotkey, coldkey, origin),
            Error::<T>::NotEnoughStakeToWithdraw
        );
        frame_support::storage::with_storage_layer(|| {
            let (received, worth) = if origin == destination {
                let worth = Self::alpha_price(origin).of(alpha);
                ensure!(!is_gift || worth >= STAKE_MIN, Error::<T>::AmountTooLow);
                Self::debit_stake(&route.origin_hotkey, coldkey, origin, alpha)?;
                (alpha, worth)
            } else {
                let alpha = Self::exchange_within(origin, destination, alpha, limit)?;
                Self::debit_stake(&route.origin_hotkey, coldkey, origin, alpha)?;
                let (sale, purchase) = Self::exchange_alpha(origin, destination, alpha)?;
                let enough = sale.received >= STAKE_MIN && purchase.received > 0;
                ensure!(enough, Error::<T>::AmountTooLow);
                (purchase.received, sale.received)
            };
            Self::credit_stake(
                &route.destination_hotkey,
                &route.destination_coldkey,
                destination,
                received,
            );
            Ok(worth)
        })
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
            AutoStakeDestination::<T>::get(coldkey, netuid).as_ref() != Some(hotkey),
            Error::<T>::SameAutoStakeHotkeyAlreadySet
        );
        AutoStakeDestination::<T>::insert(coldkey, netuid, hotkey);
        Self::deposit_event(Event::AutoStakeDestinationSet {
            coldkey: coldkey.clone(),
            netuid,
            hotkey: hotkey.clone(),
        });
        Ok(())
    }

    /// Lets stake of `netuid` pass between coldkeys, or stops it.
    pub fn set_transfers_enabled(netuid: NetUid, enabled: bool) {
        TransferToggle::<T>::insert(netuid, enabled);
    }

    fn ensure_tradable(netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::subtoken_enabled(netuid), Error::<T>::SubtokenDisabled);
        Ok(())
    }

    fn ensure_hotkey_exists(hotkey: &T::AccountId) -> DispatchResult {
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

    /// How much alpha may be exchanged while one alpha of the origin buys at least `limit` of the
    /// destination's.
    fn exchange_within(
        origin: NetUid,
        destination: NetUid,
        alpha: AlphaBalance,
        limit: Option<PriceLimit>,
    ) -> Result<AlphaBalance, DispatchError> {
        let Some(limit) = limit else {
            return Ok(alpha);
        };
        let is_within = |alpha: AlphaBalance| -> bool {
            let Ok(sale) = Self::quote(origin, Side::Sell, alpha) else {
                return false;
            };
            let Ok(purchase) = Self::quote(destination, Side::Buy, sale.received) else {
                return false;
            };
            let received = u128::from(purchase.received) * u128::from(RAO_PER_UNIT);
            received >= u128::from(alpha) * u128::from(limit.price)
        };
        if is_within(alpha) {
            return Ok(alpha);
        }
        ensure!(limit.allow_partial, Error::<T>::SlippageTooHigh);
        let (mut within, mut beyond) = (0, alpha);
        while beyond - within > 1 {
            let middle = within + (beyond - within) / 2;
            if is_within(middle) {
                within = middle;
            } else {
                beyond = middle;
            }
        }
        ensure!(within > 0, Error::<T>::SlippageTooHigh);
        Ok(within)
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
