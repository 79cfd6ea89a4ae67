//! Hotkeys that others stake on, and what that brings.

use super::Market;
use crate::{AccountId, aura::IntervalMs};
use economics::pool::worth;
use frame_support::traits::Get;
use parity_scale_codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use std::collections::BTreeMap;

/// A subnet and the stake there.
pub type Position = (Compact<u16>, Compact<u64>);

/// A hotkey that takes delegations.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DelegateInfo {
    /// The hotkey.
    pub delegate_ss58: AccountId,
    /// Part of the dividends it keeps, of 65535.
    pub take: Compact<u16>,
    /// Who stakes on it: coldkey, and stake by subnet.
    pub nominators: Vec<(AccountId, Vec<Position>)>,
    /// Its coldkey.
    pub owner_ss58: AccountId,
    /// Subnets on which it has a uid.
    pub registrations: Vec<Compact<u16>>,
    /// Subnets on which its weights count.
    pub validator_permits: Vec<Compact<u16>>,
    /// TAO that a thousand TAO staked on it would earn in a day, in rao, at the last epochs' pay and today's prices.
    pub return_per_1000: Compact<u64>,
    /// TAO that all its stakers together earn in a day, in rao, reckoned alike.
    pub total_daily_return: Compact<u64>,
}

/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Every hotkey that takes delegations.
pub fn all() -> Vec<DelegateInfo> {
    Market::delegates()
        .into_iter()
        .filter_map(|(hotkey, _)| one(hotkey))
        .collect()
}

/// The hotkey, if it takes delegations.
pub fn one(hotkey: AccountId) -> Option<DelegateInfo> {
    if !Market::is_delegate(&hotkey) {
        return None;
    }
    let owner = Market::owner_of(&hotkey)?;
    let mut nominators: BTreeMap<AccountId, Vec<Position>> = BTreeMap::new();
    for (coldkey, netuid, stake) in Market::stakes_on_hotkey(&hotkey) {
        nominators
            .entry(coldkey)
            .or_default()
            .push((Compact(netuid), Compact(stake)));
    }
    let registrations = Market::registrations(&hotkey);
    let permitted = |netuid: &u16| {
        let uid = Market::uid_of(*netuid, &hotkey);
        uid.is_some_and(|uid| super::at(&Market::validator_permit(*netuid), uid))
    };
    let permits: Vec<u16> = registrations.iter().copied().filter(permitted).collect();
    let daily = daily_return(&hotkey, &registrations);
    Some(DelegateInfo {
        take: Compact(Market::take_of(&hotkey)),
        nominators: nominators.into_iter().collect(),
        owner_ss58: owner,
        return_per_1000: Compact(return_per_1000(daily, worth_of_stake(&hotkey))),
        total_daily_return: Compact(daily),
        delegate_ss58: hotkey,
        registrations: super::compact(registrations),
        validator_permits: super::compact(permits),
    })
}

/// What `coldkey` has delegated to hotkeys of others and of its own.
pub fn of_coldkey(coldkey: &AccountId) -> Vec<(DelegateInfo, Position)> {
    Market::stakes_of_coldkey(coldkey)
        .into_iter()
        .filter_map(|(hotkey, netuid, stake)| {
            one(hotkey).map(|delegate| (delegate, (Compact(netuid), Compact(stake))))
        })
        .collect()
}

/// TAO that the stakers of `hotkey` earn in a day if every epoch pays as the last one did.
fn daily_return(hotkey: &AccountId, registrations: &[u16]) -> u64 {
    let blocks_a_day = DAY_MS / IntervalMs::get().max(1);
    let of_subnet = |netuid: &u16| {
        let own = |column: Vec<(AccountId, u64)>| {
            column
                .into_iter()
                .find(|(other, _)| other == hotkey)
                .map_or(0, |(_, amount)| amount)
        };
        let alpha = own(Market::alpha_dividends(*netuid))
            .saturating_add(own(Market::root_alpha_dividends(*netuid)));
        let epochs_a_day = blocks_a_day / (u64::from(Market::tempo(*netuid)) + 1);
        worth(alpha, Market::alpha_price(*netuid)).saturating_mul(epochs_a_day)
    };
    registrations
        .iter()
        .map(of_subnet)
        .fold(0, u64::saturating_add)
}

/// TAO that all stake on `hotkey` is worth at today's prices.
fn worth_of_stake(hotkey: &AccountId) -> u64 {
    Market::netuids()
        .into_iter()
        .map(|netuid| {
            worth(
                Market::hotkey_stake(hotkey, netuid),
                Market::alpha_price(netuid),
            )
        })
        .fold(0, u64::saturating_add)
}

fn return_per_1000(daily: u64, staked: u64) -> u64 {
    let thousand = u128::from(1_000 * crate::TAO);
    let scaled = (u128::from(daily) * thousand)
        .checked_div(u128::from(staked))
        .unwrap_or(0);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}
