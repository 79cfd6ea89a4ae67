//! Hotkeys that others stake on, and what that brings.

use super::Market;
use crate::AccountId;
use parity_scale_codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use std::collections::BTreeMap;

/// A hotkey that takes delegations.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DelegateInfo {
    /// The hotkey.
    pub delegate_ss58: AccountId,
    /// Part of the dividends it keeps, of 65535.
    pub take: Compact<u16>,
    /// Who stakes on it: coldkey, and stake by subnet.
    pub nominators: Vec<(AccountId, Vec<(Compact<u16>, Compact<u64>)>)>,
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
