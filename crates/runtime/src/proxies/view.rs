//! What wallets are told about the kinds of proxies, so that they can say beforehand whether a proxy may make a call.

use super::{Grant, ProxyType, SMALL_TRANSFER_LIMIT};
use crate::{AllPalletsWithSystem, Runtime, RuntimeCall};
use frame_support::{
    dispatch::CallableCallFor,
    traits::{GetCallIndex, GetCallMetadata, GetCallName, PalletsInfoAccess},
};
use parity_scale_codec::{Decode, Encode};
use scale_info::TypeInfo;

/// A bound on an argument of a call that is granted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum CallConstraint {
    /// A number must be less than a limit.
    ParamLessThan {
        /// The argument.
        param_name: Vec<u8>,
        /// The limit.
        limit: u128,
    },
    /// A call within the call must be this one.
    NestedCallMustBe {
        /// The argument.
        param_name: Vec<u8>,
        /// The inner call's pallet.
        pallet_name: Vec<u8>,
        /// The inner call.
        call_name: Vec<u8>,
    },
}

/// A call that is granted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CallInfo {
    /// Its pallet.
    pub pallet_name: Vec<u8>,
    /// The pallet's number.
    pub pallet_index: u8,
    /// Its name.
    pub call_name: Vec<u8>,
    /// Its number within the pallet.
    pub call_index: u8,
    /// A bound on its arguments, if there is one.
    pub constraint: Option<CallConstraint>,
}

/// What a kind of proxy grants.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum FilterMode {
    /// Every call.
    AllowAll,
    /// These calls; none when empty.
    Allow(Vec<CallInfo>),
}

/// A kind of proxy with what it grants.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProxyFilterInfo {
    /// Its number.
    pub proxy_type: u8,
    /// Its name.
    pub name: Vec<u8>,
    /// Whether it is kept for its number only.
    pub deprecated: bool,
    /// What it grants.
    pub filter_mode: FilterMode,
}

/// A kind of proxy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProxyTypeInfo {
    /// Its name.
    pub name: Vec<u8>,
    /// Its number.
    pub index: u8,
    /// Whether it is kept for its number only.
    pub deprecated: bool,
}

/// Every kind of proxy.
pub fn kinds() -> Vec<ProxyTypeInfo> {
    ProxyType::ALL
        .into_iter()
        .map(|kind| ProxyTypeInfo {
            name: name(kind),
            index: kind as u8,
            deprecated: kind.is_deprecated(),
        })
        .collect()
}

/// What the kinds with these numbers grant; every kind when none are named.
pub fn filters(wanted: Option<Vec<u8>>) -> Vec<ProxyFilterInfo> {
    ProxyType::ALL
        .into_iter()
        .filter(|kind| {
            wanted
                .as_ref()
                .is_none_or(|numbers| numbers.contains(&(*kind as u8)))
        })
        .map(|kind| ProxyFilterInfo {
            proxy_type: kind as u8,
            name: name(kind),
            deprecated: kind.is_deprecated(),
            filter_mode: mode(kind),
        })
        .collect()
}

fn name(kind: ProxyType) -> Vec<u8> {
    format!("{kind:?}").into_bytes()
}

fn mode(kind: ProxyType) -> FilterMode {
    FilterMode::Allow(match kind.grant() {
        Grant::Everything => return FilterMode::AllowAll,
        Grant::Groups(groups) => groups
            .iter()
            .flat_map(|group| group.iter())
            .flat_map(|calls| {
                let pallet = calls.pallet();
                RuntimeCall::get_call_names(pallet)
                    .iter()
                    .filter(move |call| calls.contain(pallet, call))
                    .filter_map(move |call| info(pallet, call, None))
            })
            .collect(),
        Grant::SmallTransfers => [
            ("Balances", "transfer_keep_alive", "value"),
            ("Balances", "transfer_allow_death", "value"),
            ("SubtensorModule", "transfer_stake", "alpha_amount"),
            (
                "SubtensorModule",
                "transfer_stake_and_hotkey",
                "alpha_amount",
            ),
        ]
        .into_iter()
        .filter_map(|(pallet, call, argument)| {
            let bound = CallConstraint::ParamLessThan {
                param_name: argument.into(),
                limit: SMALL_TRANSFER_LIMIT.into(),
            };
            info(pallet, call, Some(bound))
        })
        .collect(),
        Grant::SettingCode => {
            let inner = CallConstraint::NestedCallMustBe {
                param_name: b"call".to_vec(),
                pallet_name: b"System".to_vec(),
                call_name: b"set_code".to_vec(),
            };
            info("Sudo", "sudo_unchecked_weight", Some(inner))
                .into_iter()
                .collect()
        }
    })
}

/// A call of the runtime; nothing when the runtime has no such call.
pub(crate) fn info(
    pallet: &str,
    call: &str,
    constraint: Option<CallConstraint>,
) -> Option<CallInfo> {
    let number = AllPalletsWithSystem::infos()
        .into_iter()
        .find(|info| info.name == pallet)?
        .index;
    Some(CallInfo {
        pallet_name: pallet.into(),
        pallet_index: u8::try_from(number).ok()?,
        call_name: call.into(),
        call_index: call_index(pallet, call)?,
        constraint,
    })
}

/// The number of a call within its pallet.
fn call_index(pallet: &str, call: &str) -> Option<u8> {
    macro_rules! among {
        ($($name:ident)*) => {
            match pallet {
                $(stringify!($name) => index_in::<CallableCallFor<crate::$name, Runtime>>(call),)*
                _ => None,
            }
        };
    }
    among!(
        System Timestamp Balances SubtensorModule Utility Sudo Multisig Preimage Scheduler Proxy
        Commitments AdminUtils Crowdloan MevShield Tasks Beacon Versions
    )
}

fn index_in<Call: GetCallName + GetCallIndex>(call: &str) -> Option<u8> {
    let place = Call::get_call_names()
        .iter()
        .position(|name| *name == call)?;
    Call::get_call_indices().get(place).copied()
}
