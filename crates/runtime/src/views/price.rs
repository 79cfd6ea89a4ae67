//! What alpha costs, and what a trade would bring.

use super::Market;
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

/// The price of every subnet's alpha.
pub fn all() -> Vec<SubnetPrice> {
    Market::netuids()
        .into_iter()
        .map(|netuid| SubnetPrice { netuid, price: Market::alpha_price_rao(netuid) })
        .collect()
}

