//! What alpha costs, and what a trade would bring.

use super::Market;
use economics::pool::Side;
use parity_scale_codec::{Decode, Encode};
use scale_info::TypeInfo;

/// The price of a subnet's alpha.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetPrice {
    /// The subnet.
    pub netuid: u16,
    /// Rao per alpha.
    pub price: u64,
}

/// What a trade would do; all in units of 10⁻⁹.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SimSwapResult {
    /// TAO sold or received.
    pub tao_amount: u64,
    /// Alpha sold or received.
    pub alpha_amount: u64,
    /// Fee, when TAO is sold.
    pub tao_fee: u64,
    /// Fee, when alpha is sold.
    pub alpha_fee: u64,
    /// TAO fewer than the spot price would bring.
    pub tao_slippage: u64,
    /// Alpha fewer than the spot price would bring.
    pub alpha_slippage: u64,
}

/// The price of the alpha of `netuid` in rao; zero where no such subnet is.
pub fn of(netuid: u16) -> u64 {
    if Market::subnet_exists(netuid) {
        Market::alpha_price(netuid).of(crate::TAO)
    } else {
        0
    }
}

/// The price of every subnet's alpha.
pub fn all() -> Vec<SubnetPrice> {
    Market::netuids()
        .into_iter()
        .map(|netuid| SubnetPrice {
            netuid,
            price: of(netuid),
        })
        .collect()
}

/// What selling `tao` rao of TAO on `netuid` would bring; zeros when nobody sells there.
pub fn buying(netuid: u16, tao: u64) -> SimSwapResult {
    let Ok(quote) = Market::quote(netuid, Side::Buy, tao) else {
        return SimSwapResult::default();
    };
    let at_spot = Market::alpha_price(netuid).divide(tao.saturating_sub(quote.fee));
    SimSwapResult {
        tao_amount: tao,
        alpha_amount: quote.received,
        tao_fee: quote.fee,
        alpha_slippage: at_spot.saturating_sub(quote.received),
        ..SimSwapResult::default()
    }
}

/// What selling `alpha` units of alpha on `netuid` would bring; zeros when nobody buys there.
pub fn selling(netuid: u16, alpha: u64) -> SimSwapResult {
    let Ok(quote) = Market::quote(netuid, Side::Sell, alpha) else {
        return SimSwapResult::default();
    };
    let at_spot = Market::alpha_price(netuid).of(alpha.saturating_sub(quote.fee));
    SimSwapResult {
        tao_amount: quote.received,
        alpha_amount: alpha,
        alpha_fee: quote.fee,
        tao_slippage: at_spot.saturating_sub(quote.received),
        ..SimSwapResult::default()
    }
}
