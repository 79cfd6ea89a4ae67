//! Alpha that its holders give up, so that what others hold is worth more.
//!
//! Burned alpha stays outside the pool and is nobody's for ever; recycled alpha ceases to exist, and
//! emission may mint it again. Both are taken from a coldkey's own stake, and at most all of it.
//! Whoever wants to give up TAO for a subnet buys alpha and burns it at once. Root stake is TAO, and
//! can be neither burned nor recycled.

use crate::*;
use frame_support::{pallet_prelude::*, storage::with_storage_layer};
use sp_runtime::DispatchError;

/// What becomes of alpha that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sacrifice {
    /// It is nobody's for ever.
    Burned,
    /// It ceases to exist.
    Recycled,
}

impl<T: Config> Pallet<T> {
    /// Gives up at most `amount` of what `coldkey` has on `hotkey` in `netuid`.
    pub(crate) fn do_give_up(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        amount: AlphaBalance,
        how: Sacrifice,
    ) -> DispatchResult {
        Self::ensure_burnable(netuid)?;
        Self::ensure_hotkey_exists(hotkey)?;
        ensure!(amount > 0, Error::<T>::AmountTooLow);
        let amount = amount.min(Self::stake_of(hotkey, coldkey, netuid));
        ensure!(amount > 0, Error::<T>::NotEnoughStakeToWithdraw);
        Self::debit_stake(hotkey, coldkey, netuid, amount)?;
        let (coldkey, hotkey) = (coldkey.clone(), hotkey.clone());
        Self::deposit_event(match how {
            Sacrifice::Burned => {
                Self::abandon_alpha(netuid, amount);
                Event::AlphaBurned(coldkey, hotkey, amount, netuid)
            }
            Sacrifice::Recycled => {
                Self::unmint_alpha(netuid, amount);
                Event::AlphaRecycled(coldkey, hotkey, amount, netuid)
            }
        });
        Ok(())
    }

    /// Buys alpha for `tao` and burns it, unless the price would pass `limit`.
    pub(crate) fn do_buy_and_burn(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        tao: TaoBalance,
        limit: Option<TaoBalance>,
    ) -> DispatchResult {
        Self::ensure_burnable(netuid)?;
        let limit = limit.map(|price| PriceLimit {
            price,
            allow_partial: false,
        });
        with_storage_layer(|| {
            let alpha = Self::do_add_stake(coldkey, hotkey, netuid, tao, limit)?;
            Self::do_give_up(coldkey, hotkey, netuid, alpha, Sacrifice::Burned)?;
            Self::deposit_event(Event::AddStakeBurn {
                netuid,
                hotkey: hotkey.clone(),
                amount: tao,
                alpha,
            });
            Ok(())
        })
    }

    fn ensure_burnable(netuid: NetUid) -> Result<(), DispatchError> {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(netuid != ROOT, Error::<T>::CannotBurnOrRecycleOnRootSubnet);
        Self::ensure_tradable(netuid)
    }
}
