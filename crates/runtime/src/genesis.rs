//! Makes the first state of a chain from a short description.
//!
//! A [`GenesisSpec`] is what an operator writes (JSON, addresses in SS58, amounts in rao) and what every node of
//! a network must share to the letter: the state built from it decides the genesis hash.

use crate::{AccountId, Balance, RuntimeGenesisConfig, TAO};
pub use pallet_subtensor::Crowd;
use serde::{Deserialize, Serialize};
use sp_core::{Pair, sr25519, storage::Storage};
use sp_runtime::BuildStorage;
use std::collections::BTreeMap;

/// Describes a chain's first state.
///
/// # Examples
///
/// ```
/// let spec = runtime::genesis::GenesisSpec::development(250);
/// let json = serde_json::to_string(&spec).expect("a spec is plain data");
/// let read: runtime::genesis::GenesisSpec = serde_json::from_str(&json).expect("as written");
/// assert_eq!(read, spec);
/// assert!(!runtime::genesis::build(&spec).expect("a valid spec").top.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisSpec {
    /// Name shown to people and returned by `system_chain`.
    pub chain_name: String,
    /// Time between blocks in milliseconds.
    pub interval_ms: u64,
    /// Account that may call `Sudo`; nobody when absent.
    pub sudo: Option<AccountId>,
    /// Free balances in rao.
    pub balances: BTreeMap<AccountId, Balance>,
    /// Blocks from one epoch of a new subnet to the next.
    #[serde(default = "default_tempo")]
    pub tempo: u16,
    /// First and lowest price of a subnet in rao.
    #[serde(default = "default_subnet_price")]
    pub subnet_price: Balance,
    /// Blocks from a subnet's registration until its owner may open it.
    #[serde(default)]
    pub start_call_delay: u64,
    /// Public key to which wallets encrypt transactions until they are in a block, in hexadecimal; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shield_key: Option<String>,
    /// The authorities' common public key, to which validators seal weights until a height, in hexadecimal; nothing is sealed
    /// when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_key: Option<String>,
    /// Subnets and neurons that are there from the beginning, whose keys nobody has, for measurements; none when absent.
    /// Their owners open them at once, so it goes with a `start_call_delay` of zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crowd: Option<Crowd>,
}

fn default_tempo() -> u16 {
    360
}

fn default_subnet_price() -> Balance {
    1_000 * TAO
}

/// Why a description cannot become a chain.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// Blocks closer than this cannot be agreed on.
    IntervalTooShort { interval_ms: u64, min_ms: u64 },
    /// A pallet refused its part.
    Pallet(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::IntervalTooShort {
                interval_ms,
                min_ms,
            } => {
                write!(
                    f,
                    "a block interval of {interval_ms} ms is too short: choose {min_ms} ms or more"
                )
            }
            Self::Pallet(reason) => write!(f, "the genesis state cannot be built: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

/// Shortest block interval a chain can have.
pub const INTERVAL_MS_MIN: u64 = 20;

/// The well-known development accounts, in the order wallets list them.
pub const DEVELOPMENT_ACCOUNTS: [&str; 6] = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"];

impl GenesisSpec {
    /// A chain to try things on: `//Alice` is sudo and holds a million TAO, the others ten thousand each.
    pub fn development(interval_ms: u64) -> Self {
        let balances = DEVELOPMENT_ACCOUNTS
            .iter()
            .map(|name| {
                let tao = if *name == "Alice" { 1_000_000 } else { 10_000 };
                (development_account(name), tao * TAO)
            })
            .collect();
        Self {
            chain_name: "Stoa Development".into(),
            interval_ms,
            sudo: Some(development_account("Alice")),
            balances,
            tempo: default_tempo(),
            subnet_price: default_subnet_price(),
            start_call_delay: 0,
            shield_key: None,
            group_key: None,
            crowd: None,
        }
    }
}

/// The account of the development key `//name`.
pub fn development_account(name: &str) -> AccountId {
    development_pair(name).public().into()
}

/// The development key `//name`, known to everybody.
///
/// # Panics
///
/// When `name` holds a `/`.
pub fn development_pair(name: &str) -> sr25519::Pair {
    sr25519::Pair::from_string(&format!("//{name}"), None)
        .expect("a hard derivation from the development phrase always exists")
}

/// Builds the state that `spec` describes.
///
/// # Errors
///
/// [`Error`] when the interval is too short or a balance is below the existential deposit.
pub fn build(spec: &GenesisSpec) -> Result<Storage, Error> {
    if spec.interval_ms < INTERVAL_MS_MIN {
        return Err(Error::IntervalTooShort {
            interval_ms: spec.interval_ms,
            min_ms: INTERVAL_MS_MIN,
        });
    }
    if let Some((account, amount)) = spec
        .balances
        .iter()
        .find(|(_, amount)| **amount < crate::EXISTENTIAL_DEPOSIT)
    {
        return Err(Error::Pallet(format!(
            "{account} holds {amount} rao, less than the existential deposit of {} rao",
            crate::EXISTENTIAL_DEPOSIT
        )));
    }
    ensure_room_for_crowd(spec)?;
    let shield_key = key_bytes(spec.shield_key.as_deref(), "the shield key")?;
    let group_key = key_bytes(spec.group_key.as_deref(), "the group key")?;
    if !group_key.is_empty() && timelock::GroupKey::from_bytes(&group_key).is_none() {
        let reason = "the group key is no point of BLS12-381's G2";
        return Err(Error::Pallet(reason.into()));
    }
    let config = RuntimeGenesisConfig {
        mev_shield: crate::shield::GenesisConfig {
            next_key: shield_key,
            ..Default::default()
        },
        beacon: crate::beacon::GenesisConfig {
            group_key,
            ..Default::default()
        },
        balances: pallet_balances::GenesisConfig {
            balances: spec
                .balances
                .iter()
                .map(|(account, amount)| (account.clone(), *amount))
                .collect(),
            ..Default::default()
        },
        sudo: pallet_sudo::GenesisConfig {
            key: spec.sudo.clone(),
        },
        subtensor_module: pallet_subtensor::GenesisConfig {
            block_interval_ms: spec.interval_ms,
            network_min_lock_cost: spec.subnet_price,
            start_call_delay: spec.start_call_delay,
            default_tempo: spec.tempo,
            crowd: spec.crowd.clone(),
            ..Default::default()
        },
        ..Default::default()
    };
    config.build_storage().map_err(Error::Pallet)
}

fn ensure_room_for_crowd(spec: &GenesisSpec) -> Result<(), Error> {
    let Some(crowd) = &spec.crowd else {
        return Ok(());
    };
    if spec.start_call_delay > 0 {
        let reason = "a crowd's subnets open at once: set start_call_delay to 0";
        return Err(Error::Pallet(reason.into()));
    }
    let possible = crowd.ensure_possible();
    possible.map_err(|reason| Error::Pallet(reason.into()))
}

/// A key's bytes; none where there is no key.
fn key_bytes(hexadecimal: Option<&str>, what: &str) -> Result<Vec<u8>, Error> {
    let Some(text) = hexadecimal else {
        return Ok(Vec::new());
    };
    sp_core::bytes::from_hex(text).map_err(|reason| Error::Pallet(format!("{what}: {reason:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_begins_with_a_crowd_keeps_its_books() {
        let crowd = |neurons| GenesisSpec {
            crowd: Some(Crowd {
                subnets: 3,
                neurons,
                validators: 4,
            }),
            ..GenesisSpec::development(250)
        };
        let storage = build(&crowd(12)).expect("a valid description");
        sp_state_machine::TestExternalities::<sp_core::Blake2Hasher>::new(storage).execute_with(
            || {
                assert_eq!(crate::SubtensorModule::do_try_state(), Ok(()));
                assert_eq!(crate::SubtensorModule::total_networks(), 4);
            },
        );
        assert!(build(&crowd(5)).is_err(), "nobody is left to be a miner");
        let late = GenesisSpec {
            start_call_delay: 1,
            ..crowd(12)
        };
        assert!(build(&late).is_err(), "its subnets could not open");
    }
}
