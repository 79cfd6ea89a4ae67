//! Kinds of proxies: which calls an account may let another make on its behalf.
//!
//! A coldkey can stay offline if other keys act for it, each within the bounds of a kind. A kind grants whole groups of
//! calls ([`groups`]); what it does not grant is denied. `Any` grants everything; the kinds of the governance that
//! Bittensor once had grant nothing. Names and numbers are Bittensor's, because wallets encode them.
//!
//! # What always holds
//!
//! * No kind but `Any` grants what would lose its bounds on the way: root's calls, calls of shared accounts, crowdloans;
//!   nor naming who is paid as a subnet's owner.
//! * A kind that contains another ([`InstanceFilter::is_superset`]) grants every call which the other grants; otherwise a
//!   proxy could make itself a mightier one.
//! * What wallets are told ([`view`]) comes from the same groups as what is enforced.

pub mod groups;
pub mod view;

use crate::{Balance, RuntimeCall, TAO};
use frame_support::traits::{CallMetadata, GetCallMetadata, InstanceFilter};
use groups::*;
use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What a proxy may do.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    Any,
    /// Run a subnet that the account owns.
    Owner,
    /// Day-to-day work, payments included.
    NonCritical,
    /// Everything but payments and giving the account away.
    NonTransfer,
    /// Nothing: the governance it was for is gone.
    Senate,
    /// Everything that neither moves, locks nor destroys TAO or alpha, nor swaps keys.
    NonFungible,
    /// Nothing: the governance it was for is gone.
    Triumvirate,
    /// Nothing: the governance it was for is gone.
    Governance,
    /// Manage stake.
    Staking,
    /// Register neurons.
    Registration,
    /// Pay others.
    Transfer,
    /// Pay others a little at a time.
    SmallTransfer,
    /// Nothing: root has no weights.
    RootWeights,
    /// Lend a hotkey's stake to other hotkeys.
    ChildKeys,
    /// Replace the runtime's code, where root may.
    SudoUncheckedSetCode,
    /// Put another hotkey in a neuron's place.
    SwapHotkey,
    /// Operate a leased subnet.
    SubnetLeaseBeneficiary,
    /// Collect what root stake earned.
    RootClaim,
    /// Trade what a root staker holds in baskets.
    BasketTrading,
}

/// A small payment is less than this, in rao of TAO or of alpha.
pub const SMALL_TRANSFER_LIMIT: Balance = TAO / 2;

/// What a kind of proxy grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    Everything,
    Groups(&'static [Group]),
    SmallTransfers,
    SettingCode,
}

impl ProxyType {
    /// Every kind, by its number.
    pub const ALL: [Self; 19] = [
        Self::Any,
        Self::Owner,
        Self::NonCritical,
        Self::NonTransfer,
        Self::Senate,
        Self::NonFungible,
        Self::Triumvirate,
        Self::Governance,
        Self::Staking,
        Self::Registration,
        Self::Transfer,
        Self::SmallTransfer,
        Self::RootWeights,
        Self::ChildKeys,
        Self::SudoUncheckedSetCode,
        Self::SwapHotkey,
        Self::SubnetLeaseBeneficiary,
        Self::RootClaim,
        Self::BasketTrading,
    ];

    /// Whether the kind is kept for its number only.
    pub fn is_deprecated(self) -> bool {
        matches!(
            self,
            Self::Triumvirate | Self::Senate | Self::Governance | Self::RootWeights
        )
    }

    pub(crate) fn grant(self) -> Grant {
        Grant::Groups(match self {
            Self::Any => return Grant::Everything,
            Self::SmallTransfer => return Grant::SmallTransfers,
            Self::SudoUncheckedSetCode => return Grant::SettingCode,
            Self::Owner => &[SUBNET_IDENTITY, SUBNET_MANAGEMENT],
            Self::NonCritical => NON_CRITICAL,
            Self::NonTransfer => NON_TRANSFER,
            Self::NonFungible => NON_FUNGIBLE,
            Self::Staking => &[STAKE_MANAGEMENT],
            Self::Registration => &[WORK_REGISTRATION, BURNED_REGISTRATION],
            Self::Transfer => &[BALANCE_TRANSFERS, STAKE_TRANSFERS],
            Self::ChildKeys => &[CHILD_KEYS],
            Self::SwapHotkey => &[HOTKEY_SWAPS],
            Self::SubnetLeaseBeneficiary => {
                &[SUBNET_ACTIVATION, SUBNET_IDENTITY, SUBNET_MANAGEMENT]
            }
            Self::RootClaim => &[ROOT_CLAIMS],
            Self::BasketTrading => &[BASKET_TRADES],
            Self::Triumvirate | Self::Senate | Self::Governance | Self::RootWeights => &[],
        })
    }

    /// Kinds that a proxy of kind `NonTransfer` may hand on. Named one by one, so that a kind added later that moves
    /// funds is not among them by default.
    fn moves_nothing(self) -> bool {
        matches!(
            self,
            Self::Owner
                | Self::Senate
                | Self::NonFungible
                | Self::Triumvirate
                | Self::Governance
                | Self::Staking
                | Self::Registration
                | Self::RootWeights
                | Self::ChildKeys
                | Self::SwapHotkey
                | Self::SubnetLeaseBeneficiary
                | Self::RootClaim
        )
    }
}

const NON_CRITICAL: &[Group] = &[
    INFRASTRUCTURE,
    SUBNET_MANAGEMENT,
    ROOT_SETTINGS,
    BALANCE_TRANSFERS,
    BALANCE_MAINTENANCE,
    STAKE_MANAGEMENT,
    STAKE_TRANSFERS,
    WORK_REGISTRATION,
    HOTKEY_SWAPS,
    CHILD_KEYS,
    ROOT_CLAIMS,
    SUBNET_IDENTITY,
    SUBNET_ACTIVATION,
    SPENDING,
    MARKET,
];

const NON_TRANSFER: &[Group] = &[
    INFRASTRUCTURE,
    SUBNET_MANAGEMENT,
    ROOT_SETTINGS,
    STAKE_MANAGEMENT,
    WORK_REGISTRATION,
    BURNED_REGISTRATION,
    ROOT_REGISTRATION,
    HOTKEY_SWAPS,
    DISSOLUTION,
    CHILD_KEYS,
    ROOT_CLAIMS,
    SUBNET_IDENTITY,
    SUBNET_ACTIVATION,
    SPENDING,
    MARKET,
];

const NON_FUNGIBLE: &[Group] = &[
    INFRASTRUCTURE,
    SUBNET_MANAGEMENT,
    ROOT_SETTINGS,
    WORK_REGISTRATION,
    DISSOLUTION,
    CHILD_KEYS,
    ROOT_CLAIMS,
    SUBNET_IDENTITY,
    SUBNET_ACTIVATION,
    MARKET,
];

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self.grant() {
            Grant::Everything => true,
            Grant::Groups(groups) => {
                let CallMetadata {
                    function_name,
                    pallet_name,
                } = call.get_call_metadata();
                groups
                    .iter()
                    .flat_map(|group| group.iter())
                    .any(|calls| calls.contain(pallet_name, function_name))
            }
            Grant::SmallTransfers => is_small_transfer(call),
            Grant::SettingCode => sets_code(call),
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        match (self, other) {
            (one, two) if one == two => true,
            (Self::Any, _) => true,
            (Self::NonTransfer, kind) => kind.moves_nothing(),
            (Self::Transfer, Self::SmallTransfer) => true,
            _ => false,
        }
    }
}

fn is_small_transfer(call: &RuntimeCall) -> bool {
    use pallet_balances::Call::{transfer_allow_death, transfer_keep_alive};
    use pallet_subtensor::Call::{transfer_stake, transfer_stake_and_hotkey};
    match call {
        RuntimeCall::Balances(
            transfer_allow_death { value, .. } | transfer_keep_alive { value, .. },
        ) => *value < SMALL_TRANSFER_LIMIT,
        RuntimeCall::SubtensorModule(
            transfer_stake { alpha_amount, .. } | transfer_stake_and_hotkey { alpha_amount, .. },
        ) => *alpha_amount < SMALL_TRANSFER_LIMIT,
        _ => false,
    }
}

fn sets_code(call: &RuntimeCall) -> bool {
    match call {
        RuntimeCall::Sudo(pallet_sudo::Call::sudo_unchecked_weight { call, .. }) => matches!(
            **call,
            RuntimeCall::System(frame_system::Call::set_code { .. })
        ),
        _ => false,
    }
}
