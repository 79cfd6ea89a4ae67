//! Opens the markets on chain: subnets, their tasks and rules, their seats and their judges' stake.
//!
//! Everything here is what an owner, a miner and a validator would do with `btcli`, gathered into few transactions. Each step
//! first looks whether it is done, so that an interrupted opening, or a resumed localnet, goes on where it stopped.
//!
//! ```text
//!  fund every coldkey ──▶ register subnet 1, 2 … ──▶ name tasks, set rules, start ──▶ seats and stake
//!   (one transaction)      (one a block: the price    (one transaction)               (one transaction
//!                           doubles within a block)                                    from each coldkey)
//!                                                                                            │
//!                     a first epoch, which permits validators to judge, whose weights are sealed ◀─┘
//! ```

use super::cast::{Cast, Role, Troupe};
use anyhow::{Context, Result, ensure};
use client::storage::double_map;
use client::{Client, State, Until};
use futures::stream::{self, StreamExt, TryStreamExt};
use keys::Pair;
use pallet_admin_utils::Call as Admin;
use pallet_subtensor::{Call as Market, SubnetIdentityV3};
use primitives::{AccountId, NetUid, Rao};
use runtime::{Runtime, RuntimeCall};

/// What each coldkey of the cast is given to play with.
const ALLOWANCE: Rao = Rao(2_000_000_000_000);

/// What each validator stakes on its subnet.
const VALIDATOR_STAKE: Rao = Rao(1_000_000_000_000);

/// Coldkeys whose transactions are under way at once.
const SUBMISSIONS_AT_ONCE: usize = 32;

/// Blocks over which the price of a subnet falls by what the last one cost: the least there is, so that each costs the same.
const PRICE_FALLS_WITHIN: u64 = 1;

/// Opens whatever of the markets is not open yet.
///
/// # Errors
///
/// The chain's refusal of a step, by the error's name.
pub async fn open(client: &Client, cast: &Cast, tempo: u16) -> Result<()> {
    let seated = seated(&client.best_state().await?, cast).await?;
    let newcomers: Vec<&Role> = cast
        .players()
        .zip(seated)
        .filter_map(|(role, seated)| (!seated).then_some(role))
        .collect();
    fund(client, cast, &newcomers)
        .await
        .context("fund the cast")?;
    register(client, cast).await?;
    rule(client, cast, tempo)
        .await
        .context("set the subnets' rules")?;
    stream::iter(&newcomers)
        .map(|role| enter(client, role))
        .buffer_unordered(SUBMISSIONS_AT_ONCE)
        .try_collect::<()>()
        .await?;
    permit(client, cast, &newcomers)
        .await
        .context("ask for the subnets' first epochs")
}

/// Which of the players have a seat.
async fn seated(state: &State, cast: &Cast) -> Result<Vec<bool>> {
    let mut seats = Vec::new();
    for role in cast.players() {
        let (_, hotkey, netuid) = signers(role)?;
        let hotkey = runtime::AccountId::new(hotkey.account().0);
        let seat = double_map::<pallet_subtensor::Uids<Runtime>, _, _, _>(netuid.0, hotkey);
        seats.push(seat);
    }
    let seats = state.read_all(&seats).await?;
    Ok(seats.into_iter().map(|uid| uid.is_some()).collect())
}

/// Gives every newcomer what is missing from its allowance, and lets subnets cost the same, in one transaction.
async fn fund(client: &Client, cast: &Cast, newcomers: &[&Role]) -> Result<()> {
    let coldkeys: Vec<AccountId> = newcomers
        .iter()
        .map(|role| Ok(signers(role)?.0.account()))
        .collect::<Result<_>>()?;
    let balances = client.balances(&coldkeys).await?;
    let mut calls: Vec<RuntimeCall> = coldkeys
        .iter()
        .zip(balances)
        .filter(|(_, balance)| balance.free < ALLOWANCE)
        .map(|(coldkey, balance)| {
            RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
                dest: runtime::AccountId::new(coldkey.0).into(),
                value: ALLOWANCE.0 - balance.free.0,
            })
        })
        .collect();
    if !calls.is_empty() {
        calls.push(sudo(Admin::sudo_set_lock_reduction_interval {
            interval: PRICE_FALLS_WITHIN,
        }));
        client.batch_all(&cast.owner, calls, Until::InBlock).await?;
    }
    Ok(())
}

/// Registers the subnets that are not there, one a block.
async fn register(client: &Client, cast: &Cast) -> Result<()> {
    let there = client.subnets().await?;
    for troupe in &cast.troupes {
        let netuid = troupe.stand.netuid;
        let id = troupe.stand.kind.id();
        if let Some(subnet) = there.iter().find(|subnet| subnet.netuid == netuid) {
            let is_ours = subnet.owner == cast.owner.account();
            let is_same = subnet.task.as_ref().is_none_or(|task| *task == id);
            ensure!(
                is_ours && is_same,
                "subnet {netuid} here is {}'s and pays for {}, not for {id}\nhint: give the --task options of the first start, or another --data-dir",
                subnet.owner,
                subnet
                    .task
                    .as_ref()
                    .map_or("nothing".into(), |task| task.to_string()),
            );
            continue;
        }
        let identity = SubnetIdentityV3 {
            subnet_name: troupe.stand.label.clone().into_bytes(),
            description: troupe.stand.kind.about().as_bytes().to_vec(),
            ..SubnetIdentityV3::default()
        };
        let call = Market::register_network_with_identity {
            hotkey: runtime::AccountId::new(cast.owner_hotkey.account().0),
            identity: Some(identity),
        };
        client
            .submit(&cast.owner, call, Until::InBlock)
            .await
            .with_context(|| format!("register subnet {netuid}"))?;
    }
    Ok(())
}

/// Names every subnet's task, sets its rules and starts its emission, in one transaction.
async fn rule(client: &Client, cast: &Cast, tempo: u16) -> Result<()> {
    let there = client.subnets().await?;
    let mut calls = Vec::new();
    for Troupe { stand, .. } in &cast.troupes {
        let netuid = stand.netuid;
        let subnet = there.iter().find(|subnet| subnet.netuid == netuid);
        let subnet =
            subnet.with_context(|| format!("subnet {netuid} was registered and is gone"))?;
        if subnet.task.is_none() {
            calls.push(client::calls::set_task(netuid, &stand.kind.id()));
        }
        calls.extend(rules(netuid, tempo));
        if !subnet.started {
            let netuid = netuid.0;
            calls.push(RuntimeCall::SubtensorModule(Market::start_call { netuid }));
        }
    }
    client.batch_all(&cast.owner, calls, Until::InBlock).await?;
    Ok(())
}

/// The rules of a market that should show within minutes what takes days elsewhere.
fn rules(netuid: NetUid, tempo: u16) -> [RuntimeCall; 4] {
    let netuid = netuid.0;
    [
        sudo(Admin::sudo_set_tempo { netuid, tempo }),
        sudo(Admin::sudo_set_weights_set_rate_limit {
            netuid,
            weights_set_rate_limit: u64::from(tempo / 4),
        }),
        sudo(Admin::sudo_set_max_registrations_per_block {
            netuid,
            max_registrations_per_block: 64,
        }),
        sudo(Admin::sudo_set_target_registrations_per_interval {
            netuid,
            target_registrations_per_interval: 64,
        }),
    ]
}

fn sudo(call: Admin<Runtime>) -> RuntimeCall {
    let call = Box::new(RuntimeCall::AdminUtils(call));
    RuntimeCall::Sudo(pallet_sudo::Call::sudo { call })
}

/// Buys a newcomer's seat; a validator stakes on itself in the same transaction.
async fn enter(client: &Client, role: &Role) -> Result<()> {
    let (coldkey, hotkey, netuid) = signers(role)?;
    let hotkey = runtime::AccountId::new(hotkey.account().0);
    let netuid = netuid.0;
    let mut calls = vec![RuntimeCall::SubtensorModule(Market::burned_register {
        netuid,
        hotkey: hotkey.clone(),
    })];
    if role.is_validator() {
        calls.push(RuntimeCall::SubtensorModule(Market::add_stake {
            hotkey,
            netuid,
            amount_staked: VALIDATOR_STAKE.0,
        }));
    }
    client
        .batch_all(coldkey, calls, Until::InBlock)
        .await
        .with_context(|| format!("seat {}", role.name))?;
    Ok(())
}

/// Lets newcomers judge at once: permits are given in an epoch, and the first would come a tempo after the registration. From
/// then on weights are sealed; where they are, nobody may ask for an epoch.
async fn permit(client: &Client, cast: &Cast, newcomers: &[&Role]) -> Result<()> {
    let has_news = |netuid: NetUid| {
        let validators = newcomers.iter().filter(|role| role.is_validator());
        validators
            .into_iter()
            .any(|role| role.netuid == Some(netuid))
    };
    let netuids = cast.troupes.iter().map(|troupe| troupe.stand.netuid);
    let mut calls = Vec::new();
    for netuid in netuids {
        if has_news(netuid) {
            calls.push(seal(netuid, false));
            let netuid = netuid.0;
            calls.push(RuntimeCall::SubtensorModule(Market::trigger_epoch {
                netuid,
            }));
        }
        calls.push(seal(netuid, true));
    }
    // Each by itself: an epoch that is due anyway is refused, and nothing is lost.
    let call = pallet_utility::Call::force_batch { calls };
    client
        .submit(&cast.owner, RuntimeCall::Utility(call), Until::InBlock)
        .await?;
    Ok(())
}

fn seal(netuid: NetUid, enabled: bool) -> RuntimeCall {
    let netuid = netuid.0;
    sudo(Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled })
}

/// The coldkey, the hotkey and the subnet of a player.
fn signers(role: &Role) -> Result<(&Pair, &Pair, NetUid)> {
    let keys = role.coldkey.as_ref().zip(role.hotkey.as_ref());
    let (coldkey, hotkey) = keys.with_context(|| format!("{} has no keys", role.name))?;
    let netuid = role
        .netuid
        .with_context(|| format!("{} plays on no subnet", role.name))?;
    Ok((coldkey, hotkey, netuid))
}
