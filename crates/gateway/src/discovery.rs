//! Keeps the picture of each subnet current: its task and who is there (chain), how they are judged (validators), what they
//! serve (miners).
//!
//! The chain's heads set the pace: after a new block, but at most once in [`PACE`], the task, the metagraph and the standings
//! are read; a miner is asked what it serves when it first appears and every [`DESCRIBE_AGAIN`] after. A source that fails leaves
//! what was known: with the chain away the last picture serves on, with a validator away the others' standings count. Every
//! subnet is followed by itself, so that none waits for another's miners.
//!
//! # The task
//!
//! A subnet whose task changes gets a new market, on which nothing is known of anyone; one without a task, or with one that this
//! program does not know, gets none, and says so once.
//!
//! # Standings
//!
//! A miner's standing is the mean over the validators that have judged it at this task. With no validator configured, or none
//! answering yet, its incentive on chain stands in; while nobody has any, all count the same.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{Client, Follow, Head, Metagraph};
use futures::{StreamExt, stream};
use keys::Pair;
use primitives::{Hotkey, NetUid, TaskId};
use protocol::Standings;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::directory::{Listed, Miner, Model};
use crate::market::{Market, Shared};
use crate::signer::Signer;
use crate::subnets::Subnet;

/// Shortest time between two refreshes.
pub const PACE: Duration = Duration::from_secs(1);
/// Age at which a miner's description is asked for again.
pub const DESCRIBE_AGAIN: Duration = Duration::from_secs(30);
/// Pause after a miner did not describe itself.
const DESCRIBE_RETRY: Duration = Duration::from_secs(5);
/// Miners asked to describe themselves at the same time: a whole subnet, so that those who do not answer delay nobody.
const DESCRIBE_AT_ONCE: usize = 256;
/// For a validator's standings.
const STANDINGS: Duration = Duration::from_secs(3);
/// Largest list of standings read, in bytes: 4096 miners fit.
const STANDINGS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Where the picture of one subnet comes from.
pub struct Sources {
    /// The chain.
    pub client: Client,
    /// Keys to sign with, on whatever market there is.
    pub hotkeys: Vec<Pair>,
    /// What all markets share.
    pub shared: Shared,
    /// Base addresses of validators' HTTP services.
    pub validators: Vec<String>,
    /// For the validators.
    pub http: reqwest::Client,
}

/// What one miner said it serves, and when to ask again.
struct Description {
    models: Vec<Model>,
    again: Instant,
}

/// Follows the chain and keeps `subnet` current until `shutdown`.
pub async fn follow(subnet: Arc<Subnet>, sources: Sources, shutdown: CancellationToken) {
    let mut heads = sources.client.follow(Follow::Best);
    let mut follower = Follower {
        subnet,
        sources,
        descriptions: HashMap::new(),
    };
    let netuid = follower.subnet.netuid;
    let mut next = tokio::time::Instant::now();
    loop {
        let block = tokio::select! {
            () = shutdown.cancelled() => return,
            head = heads.next() => head,
        };
        match block {
            Ok(head) if tokio::time::Instant::now() >= next => {
                next = tokio::time::Instant::now() + PACE;
                if let Err(error) = follower.refresh(head).await {
                    tracing::warn!(%netuid, %error, "cannot read the subnet");
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%netuid, %error, "the chain is away; serving from what is known");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = sleep_until(tokio::time::Instant::now() + PACE) => {}
                }
            }
        }
    }
}

/// Whatever follows one subnet.
struct Follower {
    subnet: Arc<Subnet>,
    sources: Sources,
    descriptions: HashMap<Hotkey, Description>,
}

impl Follower {
    /// Brings the subnet up to the block.
    async fn refresh(&mut self, head: Head) -> Result<(), client::Error> {
        let netuid = self.subnet.netuid;
        let task = self.sources.client.task(netuid).await?;
        let before = self.subnet.trade().task();
        if before != task {
            self.descriptions.clear();
        }
        let Sources {
            hotkeys, shared, ..
        } = &self.sources;
        let market = self.subnet.settle(task, |kind| {
            let signer = Signer::new(hotkeys.clone(), netuid)?;
            Some(Market::new(kind, signer, shared.clone()))
        });
        let Some(market) = market else {
            return Ok(());
        };
        let metagraph = self.sources.client.metagraph_at(netuid, head.hash).await?;
        update(&market, &self.sources, &metagraph, &mut self.descriptions).await;
        Ok(())
    }
}

/// Puts a new picture of the subnet in place.
async fn update(
    market: &Arc<Market>,
    sources: &Sources,
    metagraph: &Metagraph,
    descriptions: &mut HashMap<Hotkey, Description>,
) {
    permit(&market.signer, metagraph);
    let miners: Vec<Miner> = metagraph
        .reachable()
        .map(|(neuron, address)| Miner {
            uid: neuron.uid,
            hotkey: neuron.hotkey,
            address,
        })
        .collect();
    let (standings, ()) = tokio::join!(
        standings(market, sources, metagraph),
        describe(market, &miners, descriptions)
    );
    let listed = miners.into_iter().map(|miner| Listed {
        miner,
        standing: standings.get(&miner.hotkey).copied(),
        models: descriptions
            .get(&miner.hotkey)
            .map_or_else(Vec::new, |own| own.models.clone()),
    });
    let listed: Vec<Listed> = listed.collect();
    let known = |hotkey: &Hotkey| metagraph.seat(hotkey).is_some();
    descriptions.retain(|hotkey, _| known(hotkey));
    market.conditions.retain(known);
    market
        .metrics
        .miners(&market.task, market.netuid, listed.len());
    market.directory.replace(listed);
}

/// Signs with those keys that miners listen to: holders of a validator permit, and before the first epoch has given any,
/// whoever has stake.
fn permit(signer: &Signer, metagraph: &Metagraph) {
    let are_permits = metagraph
        .neurons
        .iter()
        .any(|neuron| neuron.validator_permit);
    signer.permit(|own| {
        metagraph.seat(own).is_some_and(|neuron| match are_permits {
            true => neuron.validator_permit,
            false => 0 < neuron.stake.0,
        })
    });
}

/// Asks the miners that are due what they serve.
async fn describe(
    market: &Arc<Market>,
    miners: &[Miner],
    descriptions: &mut HashMap<Hotkey, Description>,
) {
    let now = Instant::now();
    let due = |miner: &&Miner| {
        descriptions
            .get(&miner.hotkey)
            .is_none_or(|own| own.again <= now)
    };
    let due: Vec<Miner> = miners.iter().filter(due).copied().collect();
    let asked = stream::iter(due)
        .map(|miner| async move { (miner, market.transport.models(miner).await) })
        .buffer_unordered(DESCRIBE_AT_ONCE);
    let answers: Vec<_> = asked.collect().await;
    for (miner, answer) in answers {
        match answer {
            Ok(mut models) => {
                let task = market.kind.id();
                models.retain(|model| model.task.as_ref().is_none_or(|own| *own == task));
                let description = Description {
                    models,
                    again: now + DESCRIBE_AGAIN,
                };
                descriptions.insert(miner.hotkey, description);
            }
            Err(error) => {
                tracing::debug!(uid = %miner.uid, %error, "a miner does not say what it serves");
                let again = now + DESCRIBE_RETRY;
                let unknown = Description {
                    models: Vec::new(),
                    again,
                };
                descriptions.entry(miner.hotkey).or_insert(unknown).again = again;
            }
        }
    }
}

/// How the miners are judged now; those not in the map are not.
async fn standings(
    market: &Market,
    sources: &Sources,
    metagraph: &Metagraph,
) -> HashMap<Hotkey, f64> {
    let asked = sources
        .validators
        .iter()
        .map(|validator| judgement(&sources.http, validator));
    let task = market.kind.id();
    let mut judgements: Vec<Standings> = futures::future::join_all(asked)
        .await
        .into_iter()
        .flatten()
        .collect();
    judgements.retain(|own| is_about(own, market.netuid, &task));
    let means = means(&judgements);
    if means.is_empty() {
        incentives(metagraph)
    } else {
        means
    }
}

/// Whether a validator judges this subnet at this task; one that does not was given for the wrong subnet.
fn is_about(judgement: &Standings, netuid: NetUid, task: &TaskId) -> bool {
    let is_about = judgement.netuid == netuid && judgement.task == *task;
    if !is_about {
        let (validator, other) = (judgement.validator, judgement.netuid);
        tracing::debug!(%netuid, %validator, %other, task = %judgement.task, "a validator judges another subnet or task");
    }
    is_about
}

/// The mean standing of each miner over the validators that have graded it.
fn means(judgements: &[Standings]) -> HashMap<Hotkey, f64> {
    let mut sums: HashMap<Hotkey, (f64, f64)> = HashMap::new();
    let graded = judgements.iter().flat_map(|judgement| &judgement.miners);
    for judged in graded.filter(|judged| judged.probes > 0 && judged.standing.is_finite()) {
        let (sum, count) = sums.entry(judged.hotkey).or_default();
        *sum += judged.standing.clamp(0.0, 1.0);
        *count += 1.0;
    }
    sums.into_iter()
        .map(|(hotkey, (sum, count))| (hotkey, sum / count))
        .collect()
}

/// The last epoch's incentive in place of standings; nothing while nobody has any.
fn incentives(metagraph: &Metagraph) -> HashMap<Hotkey, f64> {
    let best = metagraph
        .neurons
        .iter()
        .map(|neuron| neuron.incentive)
        .max()
        .unwrap_or(0);
    if best == 0 {
        return HashMap::new();
    }
    let share = |incentive: u16| f64::from(incentive) / f64::from(best);
    metagraph
        .neurons
        .iter()
        .map(|neuron| (neuron.hotkey, share(neuron.incentive)))
        .collect()
}

async fn judgement(http: &reqwest::Client, validator: &str) -> Option<Standings> {
    let url = format!("{}/standings", validator.trim_end_matches('/'));
    let read = async {
        let response = http
            .get(&url)
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let mut chunks = response.bytes_stream();
        let mut body = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| error.to_string())?;
            if STANDINGS_BYTES_MAX < body.len() + chunk.len() {
                return Err("a list without end".to_string());
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    };
    match timeout(STANDINGS, read)
        .await
        .unwrap_or_else(|_| Err("no answer".into()))
    {
        Ok(judgement) => Some(judgement),
        Err(error) => {
            tracing::debug!(validator, error, "no standings");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::{AccountId, Uid};
    use protocol::MinerStanding;

    fn judgement(standings: &[(u8, f64, u64)]) -> Standings {
        let judged = |(key, standing, probes): &(u8, f64, u64)| MinerStanding {
            uid: Uid(u16::from(*key)),
            hotkey: AccountId([*key; 32]),
            standing: *standing,
            weight: 0,
            probes: *probes,
            quality: *standing,
            originality: 1.0,
            verified: 0,
            per_second: None,
            first_ms: None,
            last: None,
        };
        Standings {
            validator: AccountId([99; 32]),
            netuid: NetUid(1),
            task: "text-generation/1".parse().expect("a task"),
            unit: "tokens".into(),
            model: Some("m".into()),
            block: 1,
            miners: standings.iter().map(judged).collect(),
        }
    }

    #[test]
    fn a_standing_is_the_mean_of_those_who_graded() {
        let judgements = [
            judgement(&[(1, 0.8, 5), (2, 0.0, 3), (3, 0.0, 0)]),
            judgement(&[(1, 0.6, 5), (2, 0.0, 0)]),
        ];
        let means = means(&judgements);
        let of = |key: u8| means.get(&AccountId([key; 32])).copied();
        assert_eq!(of(1).map(|mean| (mean * 1000.0).round()), Some(700.0));
        assert_eq!(of(2), Some(0.0));
        assert_eq!(of(3), None, "never graded is not judged");
    }

    #[test]
    fn a_validator_of_another_subnet_or_task_does_not_count() {
        let task: TaskId = "text-generation/1".parse().expect("a task");
        let other: TaskId = "tour/1".parse().expect("a task");
        let judgement = judgement(&[(1, 0.8, 5)]);
        assert!(is_about(&judgement, NetUid(1), &task));
        assert!(!is_about(&judgement, NetUid(2), &task));
        assert!(!is_about(&judgement, NetUid(1), &other));
    }
}
