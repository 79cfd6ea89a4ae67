//! Opens the market on chain: a subnet, its rules, its seats and its judges' stake.
//!
//! Everything here is what an owner, a miner and a validator would do with `btcli`, in the order in which they would do it. Each
//! step first looks whether it is done, so that an interrupted opening, or a resumed localnet, goes on where it stopped.

use super::cast::{Cast, NETUID, Role};
use anyhow::{Context, Result, ensure};
use client::storage::map;
use client::{Client, Until};
use keys::Pair;
use pallet_admin_utils::Call as Admin;
use primitives::{AccountId, Rao};
use runtime::{Runtime, RuntimeCall};

/// What each coldkey of the cast is given to play with.
const ALLOWANCE: Rao = Rao(2_000_000_000_000);

/// What each validator stakes on the subnet.
const VALIDATOR_STAKE: Rao = Rao(1_000_000_000_000);

/// Opens whatever of the market is not open yet.
///
/// # Errors
///
/// The chain's refusal of a step, by the error's name.
pub async fn open(client: &Client, cast: &Cast, tempo: u16) -> Result<()> {
    fund(client, cast).await.context("fund the cast")?;
    open_subnet(client, cast, tempo)
        .await
        .context("open the subnet")?;
    let players = || cast.miners.iter().chain(&cast.validators);
    seat(client, players())
        .await
        .context("register the cast's hotkeys")?;
    for validator in &cast.validators {
        back(client, validator)
            .await
            .with_context(|| format!("stake on {}", validator.name))?;
    }
    Ok(())
}

/// Gives every coldkey that has less than its allowance what is missing, in one transaction.
async fn fund(client: &Client, cast: &Cast) -> Result<()> {
    let mut transfers = Vec::new();
    for role in cast.miners.iter().chain(&cast.validators) {
        let (coldkey, hotkey) = signers(role)?;
        if is_seated(client, &hotkey.account()).await? {
            continue;
        }
        let account = coldkey.account();
        let missing = ALLOWANCE
            .0
            .saturating_sub(client.balance(&account).await?.free.0);
        if 0 < missing {
            let dest = runtime::AccountId::new(account.0).into();
            transfers.push(RuntimeCall::Balances(
                pallet_balances::Call::transfer_keep_alive {
                    dest,
                    value: missing,
                },
            ));
        }
    }
    if !transfers.is_empty() {
        client
            .batch_all(&cast.owner, transfers, Until::InBlock)
            .await?;
    }
    Ok(())
}

/// Registers the subnet, sets its rules, and starts its emission.
async fn open_subnet(client: &Client, cast: &Cast, tempo: u16) -> Result<()> {
    let netuid = pallet_subtensor::NetUid::from(NETUID.0);
    let state = client.best_state().await?;
    if !state
        .read(map::<pallet_subtensor::NetworksAdded<Runtime>, _, _>(
            netuid,
        ))
        .await?
    {
        let hotkey = cast.owner_hotkey.account();
        client
            .register_network(&cast.owner, &hotkey, Until::InBlock)
            .await?;
    }
    let state = client.best_state().await?;
    let owner = state
        .read(map::<pallet_subtensor::SubnetOwner<Runtime>, _, _>(netuid))
        .await?;
    ensure!(
        owner.map(|owner| AccountId(owner.into())) == Some(cast.owner.account()),
        "subnet {NETUID} belongs to somebody else; choose another --data-dir"
    );
    let rules = rules(tempo).into_iter().map(sudo).collect();
    client.batch_all(&cast.owner, rules, Until::InBlock).await?;
    let started = state
        .read(map::<
            pallet_subtensor::FirstEmissionBlockNumber<Runtime>,
            _,
            _,
        >(netuid))
        .await?
        .is_some();
    if !started {
        client
            .start_call(&cast.owner, NETUID, Until::InBlock)
            .await?;
    }
    Ok(())
}

/// The rules of a market that should show within minutes what takes days elsewhere.
fn rules(tempo: u16) -> Vec<RuntimeCall> {
    let netuid = pallet_subtensor::NetUid::from(NETUID.0);
    vec![
        RuntimeCall::AdminUtils(Admin::sudo_set_tempo { netuid, tempo }),
        RuntimeCall::AdminUtils(Admin::sudo_set_weights_set_rate_limit {
            netuid,
            weights_set_rate_limit: u64::from(tempo / 4),
        }),
        RuntimeCall::AdminUtils(Admin::sudo_set_commit_reveal_weights_enabled {
            netuid,
            enabled: false,
        }),
        RuntimeCall::AdminUtils(Admin::sudo_set_max_registrations_per_block {
            netuid,
            max_registrations_per_block: 64,
        }),
        RuntimeCall::AdminUtils(Admin::sudo_set_target_registrations_per_interval {
            netuid,
            target_registrations_per_interval: 64,
        }),
    ]
}

fn sudo(call: RuntimeCall) -> RuntimeCall {
    RuntimeCall::Sudo(pallet_sudo::Call::sudo {
        call: Box::new(call),
    })
}

/// Buys a seat for every hotkey that has none.
async fn seat(client: &Client, roles: impl Iterator<Item = &Role>) -> Result<()> {
    for role in roles {
        let (coldkey, hotkey) = signers(role)?;
        let account = hotkey.account();
        if !is_seated(client, &account).await? {
            client
                .burned_register(coldkey, NETUID, &account, Until::InBlock)
                .await
                .with_context(|| format!("register {}", role.name))?;
        }
    }
    Ok(())
}

async fn is_seated(client: &Client, hotkey: &AccountId) -> Result<bool> {
    let state = client.best_state().await?;
    let netuid = pallet_subtensor::NetUid::from(NETUID.0);
    let hotkey = runtime::AccountId::new(hotkey.0);
    let seat =
        client::storage::double_map::<pallet_subtensor::Uids<Runtime>, _, _, _>(netuid, hotkey);
    Ok(state.read(seat).await?.is_some())
}

/// Puts a validator's own stake behind its hotkey, once.
async fn back(client: &Client, validator: &Role) -> Result<()> {
    let (coldkey, hotkey) = signers(validator)?;
    let account = hotkey.account();
    let graph = client.metagraph(NETUID).await?;
    let staked = graph.seat(&account).is_some_and(|seat| Rao(0) < seat.stake);
    if !staked {
        client
            .add_stake(coldkey, &account, NETUID, VALIDATOR_STAKE, Until::InBlock)
            .await?;
    }
    Ok(())
}

fn signers(role: &Role) -> Result<(&Pair, &Pair)> {
    let coldkey = role
        .coldkey
        .as_ref()
        .with_context(|| format!("{} has no coldkey", role.name))?;
    let hotkey = role
        .hotkey
        .as_ref()
        .with_context(|| format!("{} has no hotkey", role.name))?;
    Ok((coldkey, hotkey))
}
