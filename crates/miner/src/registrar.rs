//! Keeps up with the chain: who may ask this miner, whether its address is published, and whether its subnet still buys what
//! it serves.

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use client::{Client, Error, Follow, Metagraph, Until};
use keys::Pair;
use primitives::{Hotkey, NetUid, TaskId};
use tokio_util::sync::CancellationToken;

/// How often the metagraph is read again, in blocks.
const REFRESH_BLOCKS: u32 = 12;
/// How long to wait before asking an unreachable node again.
const PATIENCE: Duration = Duration::from_secs(1);
/// The `protocol` number published with the address: HTTP as in `docs/protocol.md`, version 1.
const PROTOCOL: u8 = 1;

/// The hotkeys that may ask, as last read from the chain. Clones share one list.
#[derive(Clone, Debug, Default)]
pub struct Permits {
    signers: Arc<RwLock<HashSet<Hotkey>>>,
}

impl Permits {
    /// Whether a hotkey may ask.
    pub fn allow(&self, signer: &Hotkey) -> bool {
        self.signers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(signer)
    }

    /// How many hotkeys may ask.
    pub fn count(&self) -> usize {
        self.signers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Replaces the list.
    pub fn replace(&self, signers: HashSet<Hotkey>) {
        *self.signers.write().unwrap_or_else(PoisonError::into_inner) = signers;
    }
}

/// Who may ask on a subnet: the hotkeys with a validator permit; while there is none yet (permits are given by the first
/// epoch), every registered hotkey with stake.
pub fn permitted(metagraph: &Metagraph) -> HashSet<Hotkey> {
    let holders = metagraph
        .neurons
        .iter()
        .filter(|neuron| neuron.validator_permit);
    let permitted: HashSet<_> = holders.map(|neuron| neuron.hotkey).collect();
    if !permitted.is_empty() {
        return permitted;
    }
    let staked = metagraph.neurons.iter().filter(|neuron| 0 < neuron.stake.0);
    staked.map(|neuron| neuron.hotkey).collect()
}

/// What the chain should be told, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// The hotkey has no seat: its owner has to register it.
    Register,
    /// The address on chain is another one, or none.
    Publish,
    /// All is as it should be.
    Nothing,
}

fn duty(metagraph: &Metagraph, hotkey: &Hotkey, announce: SocketAddr) -> Duty {
    match metagraph.seat(hotkey) {
        None => Duty::Register,
        Some(seat) if seat.axon != Some(announce) => Duty::Publish,
        Some(_) => Duty::Nothing,
    }
}

/// The subnet does not buy, any more, what this miner serves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("subnet {netuid} has changed its task from {served} to {}; start again to serve that", now.as_ref().map_or("none".into(), TaskId::to_string))]
pub struct TaskChanged {
    /// The subnet.
    pub netuid: NetUid,
    /// What it was.
    pub served: TaskId,
    /// What it is.
    pub now: Option<TaskId>,
}

fn unchanged(netuid: NetUid, served: &TaskId, now: Option<TaskId>) -> Result<(), TaskChanged> {
    if now.as_ref() == Some(served) {
        return Ok(());
    }
    let served = served.clone();
    Err(TaskChanged {
        netuid,
        served,
        now,
    })
}

/// Why following the chain ended.
enum Setback {
    /// Trouble, which is waited out.
    Chain(Error),
    /// A change that this process cannot go along with.
    Task(TaskChanged),
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self::Chain(error)
    }
}

/// Follows the chain on behalf of one miner.
pub(crate) struct Registrar {
    pub(crate) client: Client,
    pub(crate) pair: Pair,
    pub(crate) netuid: NetUid,
    pub(crate) task: TaskId,
    pub(crate) announce: SocketAddr,
    pub(crate) permits: Permits,
}

impl Registrar {
    /// Follows until told to stop, or until the subnet changes its task. Trouble is logged and waited out: the miner answers
    /// with the permits it knows.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<(), TaskChanged> {
        let mut was_told_to_register = false;
        loop {
            let Err(setback) = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                followed = self.follow(&mut was_told_to_register) => followed,
            };
            match setback {
                Setback::Task(changed) => return Err(changed),
                Setback::Chain(error) => {
                    tracing::warn!(%error, "cannot follow the chain; the last known permits hold");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(PATIENCE) => {}
            }
        }
    }

    async fn follow(&self, was_told_to_register: &mut bool) -> Result<Infallible, Setback> {
        let mut heads = self.client.follow(Follow::Best);
        let mut refreshed: Option<u32> = None;
        loop {
            let head = heads.next().await?;
            let is_due = refreshed.is_none_or(|at| REFRESH_BLOCKS <= head.number.abs_diff(at));
            if !is_due {
                continue;
            }
            let task = self.client.task(self.netuid).await?;
            unchanged(self.netuid, &self.task, task).map_err(Setback::Task)?;
            let metagraph = self.client.metagraph(self.netuid).await?;
            refreshed = Some(head.number);
            self.permits.replace(permitted(&metagraph));
            match duty(&metagraph, &self.pair.account(), self.announce) {
                Duty::Nothing => {}
                Duty::Publish => self.publish().await,
                Duty::Register if *was_told_to_register => {}
                Duty::Register => {
                    *was_told_to_register = true;
                    let hotkey = self.pair.account();
                    tracing::warn!(%hotkey, netuid = %self.netuid, "not registered yet; `btcli subnets register` does it");
                }
            }
        }
    }

    /// A refusal (such as a rate limit) is not final: the next refresh tries again.
    async fn publish(&self) {
        let served = self.client.serve_axon(
            &self.pair,
            self.netuid,
            self.announce,
            PROTOCOL,
            Until::InBlock,
        );
        match served.await {
            Ok(_) => tracing::info!(address = %self.announce, "published the address on chain"),
            Err(error) => {
                tracing::warn!(%error, address = %self.announce, "cannot publish the address yet")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::Neuron;
    use primitives::{AccountId, Rao, Uid};

    const HERE: &str = "127.0.0.1:8091";

    fn neuron(uid: u16, stake: u64, validator_permit: bool) -> Neuron {
        Neuron {
            uid: Uid(uid),
            hotkey: AccountId([uid as u8; 32]),
            coldkey: AccountId([0; 32]),
            axon: None,
            stake: Rao(stake),
            validator_permit,
            active: true,
            incentive: 0,
            dividends: 0,
            consensus: 0,
            emission: Rao(0),
            last_update: 0,
            registered_at: 0,
        }
    }

    fn metagraph(neurons: Vec<Neuron>) -> Metagraph {
        Metagraph {
            netuid: NetUid(1),
            block: 9,
            hash: Default::default(),
            tempo: 60,
            neurons,
        }
    }

    #[test]
    fn holders_of_a_permit_may_ask_and_nobody_else() {
        let permitted = permitted(&metagraph(vec![
            neuron(1, 5, true),
            neuron(2, 9, false),
            neuron(3, 0, true),
        ]));
        assert_eq!(
            permitted,
            HashSet::from([AccountId([1; 32]), AccountId([3; 32])])
        );
    }

    #[test]
    fn before_the_first_epoch_stake_is_enough() {
        let permitted = permitted(&metagraph(vec![neuron(1, 5, false), neuron(2, 0, false)]));
        assert_eq!(permitted, HashSet::from([AccountId([1; 32])]));
    }

    #[test]
    fn an_address_is_published_only_when_it_changed() {
        let here: SocketAddr = HERE.parse().expect("an address");
        let published = Neuron {
            axon: Some(here),
            ..neuron(1, 0, false)
        };
        let market = metagraph(vec![published, neuron(2, 0, false)]);
        assert_eq!(duty(&market, &AccountId([1; 32]), here), Duty::Nothing);
        assert_eq!(duty(&market, &AccountId([2; 32]), here), Duty::Publish);
        assert_eq!(duty(&market, &AccountId([3; 32]), here), Duty::Register);
        let moved: SocketAddr = "127.0.0.1:9000".parse().expect("an address");
        assert_eq!(duty(&market, &AccountId([1; 32]), moved), Duty::Publish);
    }

    #[test]
    fn a_changed_task_is_told_apart_from_the_one_served() {
        let tour = |version| TaskId::new("tour", version).expect("a task");
        let now = |now| unchanged(NetUid(1), &tour(1), now);
        assert_eq!(now(Some(tour(1))), Ok(()));
        let changed = now(Some(tour(2))).expect_err("another version").to_string();
        assert!(changed.contains("tour/1 to tour/2"), "{changed}");
        let removed = now(None).expect_err("no task any more").to_string();
        assert!(removed.contains("tour/1 to none"), "{removed}");
    }
}
