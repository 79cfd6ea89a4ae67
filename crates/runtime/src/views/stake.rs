//! Stake positions: who has how much alpha on which hotkey.

use super::Market;
use crate::AccountId;
use parity_scale_codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use std::collections::BTreeMap;

/// One position.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StakeInfo {
    /// Where the stake works.
    pub hotkey: AccountId,
    /// Whose it is.
    pub coldkey: AccountId,
    /// On which subnet.
    pub netuid: Compact<u16>,
    /// Alpha; on root, TAO.
    pub stake: Compact<u64>,
    /// Always zero: stake cannot be locked on this chain.
    pub locked: Compact<u64>,
    /// Alpha the hotkey earned in the last epoch.
    pub emission: Compact<u64>,
    /// Always zero: dividends are paid in the subnet's own token.
    pub tao_emission: Compact<u64>,
    /// Always zero: kept for the encoding.
    pub drain: Compact<u64>,
    /// Whether the hotkey has a uid there.
    pub is_registered: bool,
}

/// How much of a coldkey's stake on a subnet is free.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StakeAvailability {
    /// All of it.
    pub total: Compact<u64>,
    /// The part that is locked.
    pub locked: Compact<u64>,
    /// The part that can be withdrawn now.
    pub available: Compact<u64>,
}

/// The position of `coldkey` on `hotkey` on `netuid`, also when it is empty; none where no such subnet is.
pub fn position(hotkey: AccountId, coldkey: AccountId, netuid: u16) -> Option<StakeInfo> {
    if !Market::subnet_exists(netuid) {
        return None;
    }
    let uid = Market::uid_of(netuid, &hotkey);
    let emission = uid.map_or(0, |uid| super::at(&Market::emission(netuid), uid));
    Some(StakeInfo {
        stake: Compact(Market::stake_of(&hotkey, &coldkey, netuid)),
        hotkey,
        coldkey,
        netuid: Compact(netuid),
        locked: Compact(0),
        emission: Compact(emission),
        tao_emission: Compact(0),
        drain: Compact(0),
        is_registered: uid.is_some(),
    })
}

/// Every position of `coldkey` that holds something.
pub fn of_coldkey(coldkey: &AccountId) -> Vec<StakeInfo> {
    Market::stakes_of_coldkey(coldkey)
        .into_iter()
        .filter_map(|(hotkey, netuid, _)| position(hotkey, coldkey.clone(), netuid))
        .collect()
}

/// What each of `coldkeys` could withdraw on each of `netuids`, or on every subnet where it has stake.
pub fn availability(
    coldkeys: Vec<AccountId>,
    netuids: Option<Vec<u16>>,
) -> BTreeMap<AccountId, BTreeMap<u16, StakeAvailability>> {
    coldkeys
        .into_iter()
        .map(|coldkey| {
            let mut totals: BTreeMap<u16, u64> = netuids
                .iter()
                .flatten()
                .map(|netuid| (*netuid, 0))
                .collect();
            for position in of_coldkey(&coldkey) {
                if netuids.is_none() || totals.contains_key(&position.netuid.0) {
                    let total = totals.entry(position.netuid.0).or_default();
                    *total = total.saturating_add(position.stake.0);
                }
            }
            let free = totals
                .into_iter()
                .map(|(netuid, total)| (netuid, all_free(total)))
                .collect();
            (coldkey, free)
        })
        .collect()
}

fn all_free(total: u64) -> StakeAvailability {
    StakeAvailability {
        total: Compact(total),
        locked: Compact(0),
        available: Compact(total),
    }
}

/// The fee, in rao, of taking `amount` out of `origin` and putting it into `destination`, either of which may be an
/// account's free balance.
pub fn fee(origin: Option<u16>, destination: Option<u16>, amount: u64) -> u64 {
    match (origin, destination) {
        (Some(from), to) if to != Some(from) => {
            let sale = super::price::selling(from, amount);
            let fee = economics::pool::worth(sale.alpha_fee, Market::alpha_price(from));
            let purchase = to.map_or(0, |to| super::price::buying(to, sale.tao_amount).tao_fee);
            fee.saturating_add(purchase)
        }
        (None, Some(to)) => super::price::buying(to, amount).tao_fee,
        _ => 0,
    }
}

/// TAO that the dividends `coldkey` has not collected on `hotkey` are worth at today's prices, in rao.
pub fn root_dividends(hotkey: &AccountId, coldkey: &AccountId) -> u64 {
    Market::netuids()
        .into_iter()
        .map(|netuid| {
            let owed = Market::root_dividend_owed(hotkey, coldkey, netuid);
            economics::pool::worth(owed, Market::alpha_price(netuid))
        })
        .fold(0, u64::saturating_add)
}

/// [`root_dividends`] over every hotkey that `coldkey` stakes on.
pub fn root_dividends_of(coldkey: &AccountId) -> u64 {
    Market::staking_hotkeys(coldkey)
        .iter()
        .map(|hotkey| root_dividends(hotkey, coldkey))
        .fold(0, u64::saturating_add)
}

/// What `coldkey` has not collected on each hotkey: where, no shares, and its worth in rao.
pub fn root_dividends_by_hotkey(coldkey: &AccountId) -> Vec<(AccountId, u64, u64)> {
    Market::staking_hotkeys(coldkey)
        .into_iter()
        .map(|hotkey| {
            let worth = root_dividends(&hotkey, coldkey);
            (hotkey, 0, worth)
        })
        .filter(|(_, _, worth)| *worth > 0)
        .collect()
}

/// What stakers of `hotkey` have not collected there: subnet, alpha, and its worth in rao.
pub fn root_dividends_on(hotkey: &AccountId) -> Vec<(u16, u64, u64)> {
    Market::root_dividends_on_hotkey(hotkey)
        .into_iter()
        .map(|(netuid, alpha)| (netuid, alpha, Market::alpha_price(netuid).of(alpha)))
        .collect()
}
