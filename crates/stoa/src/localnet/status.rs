//! How the market stands: one look at the chain and at the validators' own reports, for people and for programs.
//!
//! A look is made anew each time; nothing in it is remembered. The same value becomes the table on the screen and the file
//! `status.json` in the data directory, from which a script reads who earns what without knowing the chain.

use super::cast::{Cast, Role, Troupe};
use super::processes::Process;
use anyhow::{Context, Result};
use client::storage::{Item, map};
use client::{Client, Head, Metagraph, Neuron, State};
use futures::future;
use pallet_subtensor::{SubnetAlphaIn, SubnetEpochIndex, SubnetTAO};
use primitives::{AccountId, NetUid, Rao, TaskId, Uid};
use protocol::{MinerStanding, Standings};
use runtime::Runtime;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// The file's name in the data directory.
pub const FILE: &str = "status.json";

/// How long a validator may take to report.
const REPORT_PATIENCE: Duration = Duration::from_millis(800);

/// The whole market at one block.
#[derive(Serialize)]
pub struct Status {
    /// The newest block.
    pub height: u32,
    /// The newest block that will stay.
    pub finalized: u32,
    /// Every subnet of the cast.
    pub subnets: Vec<SubnetStatus>,
    /// Processes that have ended.
    pub ended: Vec<String>,
}

/// One subnet.
#[derive(Serialize)]
pub struct SubnetStatus {
    pub netuid: NetUid,
    /// What its roles' names begin with.
    pub name: String,
    pub task: TaskId,
    /// What speed counts.
    pub unit: &'static str,
    pub tempo: u16,
    /// How many epochs it has had.
    pub epochs: u64,
    pub blocks_to_epoch: Option<u64>,
    pub miners: Vec<MinerStatus>,
    pub validators: Vec<ValidatorStatus>,
}

/// One miner: opinions are the validators' mean, amounts the chain's.
#[derive(Serialize)]
pub struct MinerStatus {
    pub name: String,
    /// What it plays, such as `fast` or `cheat: untrained`.
    pub part: String,
    pub uid: Uid,
    pub hotkey: AccountId,
    pub standing: Option<f64>,
    pub quality: Option<f64>,
    pub originality: Option<f64>,
    pub per_second: Option<f64>,
    pub first_ms: Option<f64>,
    /// Of the miners' incentive in the last epoch, from 0 to 1; `None` until somebody has some.
    pub share: Option<f64>,
    /// Alpha earned in the last epoch.
    pub last_epoch: Rao,
    /// All alpha earned so far, in TAO at the present price.
    pub earned: Rao,
    /// What a validator said last of an answer.
    pub reason: Option<String>,
}

/// One validator.
#[derive(Serialize)]
pub struct ValidatorStatus {
    pub name: String,
    pub uid: Uid,
    pub hotkey: AccountId,
    /// Of the validators' dividends in the last epoch, from 0 to 1; `None` until somebody has some.
    pub share: Option<f64>,
    /// Whether it reported its standings in time.
    pub reports: bool,
}

/// What a subnet's pool and epochs look like at one block.
struct Books {
    tao: u64,
    alpha: u64,
    epochs: u64,
}

/// Looks at everything once.
///
/// # Errors
///
/// When the chain cannot be read. A validator that does not report is shown as such.
pub async fn look(
    client: &Client,
    cast: &Cast,
    http: &reqwest::Client,
    processes: &mut [Process],
) -> Result<Status> {
    let head = client.best().await?;
    let books = books(&client.state(head.hash), cast).await?;
    let subnets = cast.troupes.iter().zip(&books);
    let subnets = subnets.map(|(troupe, books)| subnet(client, http, &head, troupe, books));
    let (subnets, finalized) =
        future::try_join(future::try_join_all(subnets), client.finalized()).await?;
    let ended = processes
        .iter_mut()
        .filter_map(|process| (!process.is_running()).then(|| process.name().to_owned()))
        .collect();
    Ok(Status {
        height: head.number,
        finalized: finalized.number,
        subnets,
        ended,
    })
}

/// What a validator says of the miners; `None` when it does not answer in time.
pub async fn report(http: &reqwest::Client, port: u16) -> Option<Standings> {
    let url = format!("http://127.0.0.1:{port}/standings");
    let answer = http.get(url).timeout(REPORT_PATIENCE).send().await.ok()?;
    answer.json().await.ok()
}

/// Writes the status for programs: beside its place, then into it, so that nobody reads half of one.
///
/// # Errors
///
/// When the directory cannot be written.
pub fn publish(status: &Status, directory: &Path) -> Result<()> {
    let text = serde_json::to_vec_pretty(status).context("describe the market")?;
    let unfinished = directory.join(format!("{FILE}.unfinished"));
    std::fs::write(&unfinished, text)
        .and_then(|()| std::fs::rename(&unfinished, directory.join(FILE)))
        .context("write status.json")
}

async fn books(state: &State, cast: &Cast) -> Result<Vec<Books>, client::Error> {
    let netuids = || cast.troupes.iter().map(|troupe| troupe.stand.netuid.0);
    let tao: Vec<Item<_>> = netuids().map(map::<SubnetTAO<Runtime>, _, _>).collect();
    let alpha: Vec<Item<_>> = netuids().map(map::<SubnetAlphaIn<Runtime>, _, _>).collect();
    let epochs: Vec<Item<_>> = netuids()
        .map(map::<SubnetEpochIndex<Runtime>, _, _>)
        .collect();
    let (tao, alpha, epochs) = tokio::try_join!(
        state.read_all(&tao),
        state.read_all(&alpha),
        state.read_all(&epochs)
    )?;
    let books = tao.into_iter().zip(alpha).zip(epochs);
    Ok(books
        .map(|((tao, alpha), epochs)| Books { tao, alpha, epochs })
        .collect())
}

async fn subnet(
    client: &Client,
    http: &reqwest::Client,
    head: &Head,
    troupe: &Troupe,
    books: &Books,
) -> Result<SubnetStatus, client::Error> {
    let stand = &troupe.stand;
    let reports = future::join_all(
        troupe
            .validators
            .iter()
            .map(|validator| report(http, validator.port)),
    );
    let (graph, schedule, reports) = tokio::join!(
        client.metagraph_at(stand.netuid, head.hash),
        client.schedule_at(stand.netuid, head),
        reports
    );
    let (graph, schedule) = (graph?, schedule?);
    Ok(SubnetStatus {
        netuid: stand.netuid,
        name: stand.label.clone(),
        task: stand.kind.id(),
        unit: stand.kind.unit(),
        tempo: schedule.tempo,
        epochs: books.epochs,
        blocks_to_epoch: schedule.blocks_left(),
        miners: miners(troupe, &graph, &reports, books),
        validators: validators(troupe, &graph, &reports),
    })
}

fn miners(
    troupe: &Troupe,
    graph: &Metagraph,
    reports: &[Option<Standings>],
    books: &Books,
) -> Vec<MinerStatus> {
    let total: u64 = sum(graph, |neuron| neuron.incentive);
    let miners = troupe.miners.iter();
    miners
        .filter_map(|role| Some((role, seat(role, graph)?)))
        .map(|(role, neuron)| {
            let opinions = opinions(reports, &neuron.hotkey);
            let last = opinions.iter().filter_map(|miner| miner.last.as_ref());
            MinerStatus {
                name: role.name.clone(),
                part: role.part.clone(),
                uid: neuron.uid,
                hotkey: neuron.hotkey,
                standing: mean(&opinions, |miner| Some(miner.standing)),
                quality: mean(&opinions, |miner| Some(miner.quality)),
                originality: mean(&opinions, |miner| Some(miner.originality)),
                per_second: mean(&opinions, |miner| miner.per_second),
                first_ms: mean(&opinions, |miner| miner.first_ms),
                share: share(neuron.incentive, total),
                last_epoch: neuron.emission,
                earned: worth(neuron.stake, books),
                reason: last
                    .max_by_key(|last| last.at_ms)
                    .map(|last| last.reason.clone()),
            }
        })
        .collect()
}

fn validators(
    troupe: &Troupe,
    graph: &Metagraph,
    reports: &[Option<Standings>],
) -> Vec<ValidatorStatus> {
    let total: u64 = sum(graph, |neuron| neuron.dividends);
    let validators = troupe.validators.iter().zip(reports);
    validators
        .filter_map(|(role, report)| Some((role, report, seat(role, graph)?)))
        .map(|(role, report, neuron)| ValidatorStatus {
            name: role.name.clone(),
            uid: neuron.uid,
            hotkey: neuron.hotkey,
            share: share(neuron.dividends, total),
            reports: report.is_some(),
        })
        .collect()
}

fn seat<'a>(role: &Role, graph: &'a Metagraph) -> Option<&'a Neuron> {
    graph.seat(&role.hotkey.as_ref()?.account())
}

fn opinions<'a>(reports: &'a [Option<Standings>], hotkey: &AccountId) -> Vec<&'a MinerStanding> {
    let miners = reports.iter().flatten().flat_map(|report| &report.miners);
    miners.filter(|miner| miner.hotkey == *hotkey).collect()
}

/// The mean of those validators' figures that there are.
fn mean(
    opinions: &[&MinerStanding],
    figure: impl Fn(&MinerStanding) -> Option<f64>,
) -> Option<f64> {
    let figures: Vec<f64> = opinions.iter().filter_map(|miner| figure(miner)).collect();
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

fn sum(graph: &Metagraph, column: impl Fn(&Neuron) -> u16) -> u64 {
    let values = graph.neurons.iter().map(|neuron| u64::from(column(neuron)));
    values.sum()
}

fn share(part: u16, total: u64) -> Option<f64> {
    (0 < total).then(|| f64::from(part) / total as f64)
}

/// Alpha at the pool's present price, in TAO.
fn worth(alpha: Rao, books: &Books) -> Rao {
    if books.alpha == 0 {
        return Rao(0);
    }
    let worth = u128::from(alpha.0) * u128::from(books.tao) / u128::from(books.alpha);
    Rao(u64::try_from(worth).unwrap_or(u64::MAX))
}
