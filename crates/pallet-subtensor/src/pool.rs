//! Each subnet's pool: what its alpha costs, and how much alpha there is.
//!
//! The arithmetic of swaps is [`economics::pool`]'s. Here are the reserves, and the books of alpha:
//!
//! ```text
//! issuance of alpha = SubnetAlphaIn (in the pool) + SubnetAlphaOut (outside)
//! SubnetAlphaOut    = stakes + pending pay + root's unclaimed dividends + the protocol's + nobody's
//! ```
//!
//! The TAO reserve is in [`crate::money`]. On root there is no pool: its stake is TAO, one to one,
//! without fee.

use crate::*;
use economics::{
    fixed::Fixed,
    pool::{Pool, Quote, Side},
};
use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod pool_storage {
    /// Alpha in each subnet's pool, in rao.
    #[pallet::storage]
    pub type SubnetAlphaIn<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Alpha of each subnet outside its pool, in rao.
    #[pallet::storage]
    pub type SubnetAlphaOut<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Alpha of each subnet that the protocol bought and holds, in rao.
    #[pallet::storage]
    pub type SubnetProtocolAlpha<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Alpha of each subnet that belongs to nobody any more, in rao: miners' pay of the owner's
    /// hotkeys, and what rounding left over.
    #[pallet::storage]
    pub type SubnetAlphaBurned<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// TAO ever traded through each pool, in rao.
    #[pallet::storage]
    pub type SubnetVolume<T> = StorageMap<_, Identity, NetUid, u128, ValueQuery>;

    /// Fee of a swap, as a ratio of 65535.
    #[pallet::storage]
    pub type SwapFeeRate<T> =
        StorageValue<_, u16, ValueQuery, ConstU16<{ economics::pool::DEFAULT_FEE }>>;
}

impl<T: Config> Pallet<T> {
    /// The reserves of `netuid`.
    pub fn pool(netuid: NetUid) -> Pool {
        Pool {
            tao: Self::tao_reserve(netuid),
            alpha: SubnetAlphaIn::<T>::get(netuid),
        }
    }

    /// Price of one alpha of `netuid` in TAO; one on root.
    pub fn alpha_price(netuid: NetUid) -> Fixed {
        if Self::is_stable(netuid) {
            return Fixed::ONE;
        }
        Self::pool(netuid).price()
    }

    /// Alpha in the pool of `netuid`, in rao.
    pub fn alpha_in(netuid: NetUid) -> AlphaBalance {
        SubnetAlphaIn::<T>::get(netuid)
    }

    /// Alpha of `netuid` outside its pool, in rao.
    pub fn alpha_out(netuid: NetUid) -> AlphaBalance {
        SubnetAlphaOut::<T>::get(netuid)
    }

    /// All alpha of `netuid`, in rao.
    pub fn alpha_issuance(netuid: NetUid) -> AlphaBalance {
        Self::alpha_in(netuid).saturating_add(Self::alpha_out(netuid))
    }

    /// Alpha of `netuid` that the protocol holds, in rao.
    pub fn protocol_alpha(netuid: NetUid) -> AlphaBalance {
        SubnetProtocolAlpha::<T>::get(netuid)
    }

    /// Alpha of `netuid` that belongs to nobody, in rao.
    pub fn burned_alpha(netuid: NetUid) -> AlphaBalance {
        SubnetAlphaBurned::<T>::get(netuid)
    }

    /// TAO ever traded through the pool of `netuid`, in rao.
    pub fn volume(netuid: NetUid) -> u128 {
        SubnetVolume::<T>::get(netuid)
    }

    /// Fee of a swap, as a ratio of 65535.
    pub fn swap_fee_rate() -> u16 {
        SwapFeeRate::<T>::get()
    }

    /// What a swap on `netuid` would yield now.
    pub fn quote(netuid: NetUid, side: Side, paid: u64) -> Result<Quote, Error<T>> {
        if Self::is_stable(netuid) {
            return Ok(Quote {
                paid,
                fee: 0,
                received: paid,
                pool: Self::pool(netuid),
            });
        }
        Self::pool(netuid)
            .quote(side, paid, Self::swap_fee_rate())
            .map_err(|_| Error::<T>::InsufficientLiquidity)
    }

    /// The largest payment up to `most` that leaves the price within `limit` rao of TAO per alpha.
    pub fn largest_within(netuid: NetUid, side: Side, limit: TaoBalance, most: u64) -> u64 {
        let limit = Fixed::ratio(u128::from(limit), u128::from(RAO_PER_UNIT));
        if Self::is_stable(netuid) {
            let within = match side {
                Side::Buy => Fixed::ONE <= limit,
                Side::Sell => Fixed::ONE >= limit,
            };
            return if within { most } else { 0 };
        }
        Self::pool(netuid).largest_within(side, limit, most, Self::swap_fee_rate())
    }

    /// Pays `tao` of `coldkey` into `netuid`; the alpha received is outside the pool and not yet
    /// anybody's.
    pub(crate) fn buy_alpha(
        coldkey: &T::AccountId,
        netuid: NetUid,
        tao: TaoBalance,
    ) -> Result<Quote, sp_runtime::DispatchError> {
        let quote = Self::quote(netuid, Side::Buy, tao)?;
        Self::deposit_into_reserve(coldkey, netuid, tao)?;
        Self::book_purchase(netuid, &quote);
        Self::count_inflow(netuid, quote.paid);
        Ok(quote)
    }

    /// Pays `alpha` that is outside the pool and nobody's into `netuid`; the TAO received goes to
    /// `coldkey`.
    pub(crate) fn sell_alpha(
        coldkey: &T::AccountId,
        netuid: NetUid,
        alpha: AlphaBalance,
    ) -> Result<Quote, sp_runtime::DispatchError> {
        let quote = Self::quote(netuid, Side::Sell, alpha)?;
        Self::book_sale(netuid, &quote);
        Self::count_outflow(netuid, quote.received);
        Self::withdraw_from_reserve(netuid, coldkey, quote.received)?;
        Ok(quote)
    }

    /// Sells alpha of `origin` and buys alpha of `destination` with the TAO, which no account ever
    /// holds.
    pub(crate) fn exchange_alpha(
        origin: NetUid,
        destination: NetUid,
        alpha: AlphaBalance,
    ) -> Result<(Quote, Quote), sp_runtime::DispatchError> {
        let sale = Self::quote(origin, Side::Sell, alpha)?;
        let purchase = Self::quote(destination, Side::Buy, sale.received)?;
        Self::book_sale(origin, &sale);
        Self::move_between_reserves(origin, destination, sale.received)?;
        Self::book_purchase(destination, &purchase);
        Self::count_outflow(origin, sale.received);
        Self::count_inflow(destination, purchase.paid);
        Ok((sale, purchase))
    }

    /// Puts the first alpha beside the TAO that a new subnet's owner paid.
    pub(crate) fn open_pool(netuid: NetUid, alpha: AlphaBalance) {
        SubnetAlphaIn::<T>::insert(netuid, alpha);
    }

    /// Mints alpha into the pool.
    pub(crate) fn mint_alpha_in(netuid: NetUid, alpha: AlphaBalance) {
        SubnetAlphaIn::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_add(alpha));
    }

    /// Mints alpha outside the pool.
    pub(crate) fn mint_alpha_out(netuid: NetUid, alpha: AlphaBalance) {
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_add(alpha));
    }

    /// Takes alpha that is outside the pool and nobody's out of existence.
    pub(crate) fn unmint_alpha(netuid: NetUid, alpha: AlphaBalance) {
        SubnetAlphaOut::<T>::mutate(netuid, |out| *out = out.saturating_sub(alpha));
    }

    /// Leaves alpha that is outside the pool with nobody for ever.
    pub(crate) fn abandon_alpha(netuid: NetUid, alpha: AlphaBalance) {
        SubnetAlphaBurned::<T>::mutate(netuid, |burned| *burned = burned.saturating_add(alpha));
    }

    /// Buys alpha with new TAO, for the protocol to hold; returns whether the pool could sell any.
    pub(crate) fn buy_for_protocol(netuid: NetUid, tao: TaoBalance) -> bool {
        let pool = Self::pool(netuid);
        let Ok(quote) = pool.quote(Side::Buy, tao, 0) else {
            return false;
        };
        Self::mint_into_reserve(netuid, tao);
        Self::book_purchase(netuid, &quote);
        SubnetProtocolAlpha::<T>::mutate(netuid, |held| {
            *held = held.saturating_add(quote.received)
        });
        true
    }

    fn book_purchase(netuid: NetUid, quote: &Quote) {
        if Self::is_stable(netuid) {
            return;
        }
        SubnetAlphaIn::<T>::insert(netuid, quote.pool.alpha);
        Self::mint_alpha_out(netuid, quote.received);
        Self::count_volume(netuid, quote.paid);
    }

    fn book_sale(netuid: NetUid, quote: &Quote) {
        if Self::is_stable(netuid) {
            return;
        }
        SubnetAlphaIn::<T>::insert(netuid, quote.pool.alpha);
        Self::unmint_alpha(netuid, quote.paid);
        Self::count_volume(netuid, quote.received);
    }

    fn count_volume(netuid: NetUid, tao: TaoBalance) {
        SubnetVolume::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(u128::from(tao)));
    }

    fn is_stable(netuid: NetUid) -> bool {
        Self::subnet_mechanism(netuid) == 0
    }
}

impl<T: Config> Pallet<T> {
    /// Drops the books of alpha of a subnet that is removed.
    pub(crate) fn forget_pool(netuid: NetUid) {
        SubnetAlphaIn::<T>::remove(netuid);
        SubnetAlphaOut::<T>::remove(netuid);
        SubnetProtocolAlpha::<T>::remove(netuid);
        SubnetAlphaBurned::<T>::remove(netuid);
        SubnetVolume::<T>::remove(netuid);
    }
}
