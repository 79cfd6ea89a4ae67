//! Moving stake: to another hotkey, another subnet, another coldkey.
//!
//! Moving between two subnets sells and buys; within one it only changes who holds the alpha, and
//! costs nothing. A limit is the least rao of the destination's alpha for one alpha of the origin's;
//! it counts between two subnets only. Whoever moves the largest number there is moves all that is
//! there. What passes to another coldkey is worth at least [`STAKE_MIN`], and both subnets must let
//! it pass. Nothing passes to a coldkey that is being swapped: it could not get rid of it, and would soon have
//! too much to be swapped.

use crate::*;
use economics::pool::Side;
use frame_support::{pallet_prelude::*, storage::with_storage_layer};
use sp_runtime::DispatchError;

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

/// What a move is called, and which event tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StakeMove {
    /// To another hotkey, another subnet, or both.
    Move,
    /// To another subnet.
    Swap,
    /// To another coldkey.
    Transfer,
    /// To another coldkey and another hotkey.
    TransferAndHotkey,
}

impl<T: Config> Pallet<T> {
    /// Moves `alpha` of `coldkey` along `route`, and tells of it.
    pub(crate) fn do_move(
        coldkey: T::AccountId,
        kind: StakeMove,
        route: StakeRoute<T::AccountId>,
        alpha: AlphaBalance,
        limit: Option<PriceLimit>,
    ) -> DispatchResult {
        let (origin_netuid, destination_netuid) = (route.origin_netuid, route.destination_netuid);
        ensure!(
            kind != StakeMove::Swap || origin_netuid != destination_netuid,
            Error::<T>::SameNetuid
        );
        let amount = Self::do_move_stake(&coldkey, &route, alpha, limit)?;
        let StakeRoute {
            origin_hotkey,
            destination_coldkey,
            destination_hotkey,
            ..
        } = route;
        Self::deposit_event(match kind {
            StakeMove::Move => Event::StakeMoved(
                coldkey,
                origin_hotkey,
                origin_netuid,
                destination_hotkey,
                destination_netuid,
                amount,
            ),
            StakeMove::Swap => Event::StakeSwapped(
                coldkey,
                origin_hotkey,
                origin_netuid,
                destination_netuid,
                amount,
            ),
            StakeMove::Transfer => Event::StakeTransferred(
                coldkey,
                destination_coldkey,
                origin_hotkey,
                origin_netuid,
                destination_netuid,
                amount,
            ),
            StakeMove::TransferAndHotkey => Event::StakeAndHotkeyTransferred {
                origin_coldkey: coldkey,
                destination_coldkey,
                origin_hotkey,
                destination_hotkey,
                origin_netuid,
                destination_netuid,
                amount,
            },
        });
        Ok(())
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
            Self::ensure_not_held_by_swap(&route.destination_coldkey, false)?;
        }
        // Nobody can fill another's list: gifts leave half of it.
        let most = STAKING_HOTKEYS_MAX / if is_gift { 2 } else { 1 };
        Self::ensure_may_stake_on(&route.destination_coldkey, &route.destination_hotkey, most)?;
        let stake = Self::stake_of(&route.origin_hotkey, coldkey, origin);
        let alpha = if alpha == AlphaBalance::MAX {
            stake
        } else {
            alpha
        };
        ensure!(alpha > 0, Error::<T>::AmountTooLow);
        ensure!(alpha <= stake, Error::<T>::NotEnoughStakeToWithdraw);
        with_storage_layer(|| {
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
