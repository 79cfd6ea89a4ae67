//! The table of a running market: height and finality, and what each participant is worth to the others.
//!
//! It is made anew for every look from the chain and from the validators' own reports; nothing in it is remembered. A
//! terminal sees one table that keeps itself current; a file or a pipe gets a new one after each epoch.

use super::cast::{Cast, NETUID, Staging};
use super::processes::Process;
use super::role_of;
use anyhow::{Context, Result};
use client::storage::map;
use client::{Client, Metagraph};
use console::{Term, style};
use primitives::{AccountId, Rao};
use protocol::Standings;
use runtime::Runtime;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// Between two looks.
const REFRESH: Duration = Duration::from_secs(1);

/// How long a validator may take to report.
const REPORT_PATIENCE: Duration = Duration::from_millis(800);

/// What one look at the market saw.
struct Look {
    finalized: u32,
    graph: Metagraph,
    blocks_to_epoch: Option<u64>,
    /// TAO in the subnet's pool, and alpha: their ratio is the price.
    pool: (u64, u64),
    reports: Vec<Standings>,
    ended: Vec<String>,
}

/// Shows the market until the caller stops waiting.
///
/// # Errors
///
/// When the terminal cannot be written. A chain that cannot be read is shown as such and asked again.
pub async fn keep(
    client: &Client,
    cast: &Cast,
    staging: &Staging,
    directory: &Path,
    processes: &mut [Process],
) -> Result<()> {
    let terminal = Term::stdout();
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .context("make an HTTP client")?;
    let mut lines_shown = 0;
    let mut epoch_shown = None;
    loop {
        let text = match look(client, cast, &http, processes).await {
            Ok(seen) => {
                let epoch = seen
                    .graph
                    .neurons
                    .iter()
                    .map(|neuron| neuron.emission)
                    .max();
                if !terminal.is_term() && epoch_shown.is_some() && epoch_shown == epoch {
                    tokio::time::sleep(REFRESH).await;
                    continue;
                }
                epoch_shown = epoch;
                render(&seen, cast, staging, directory)
            }
            Err(error) => format!("no authority answers: {error:#}\n"),
        };
        let text = if terminal.is_term() {
            terminal
                .clear_last_lines(lines_shown)
                .context("redraw the table")?;
            fitted(&text, usize::from(terminal.size().1))
        } else {
            text
        };
        terminal.write_str(&text).context("write the table")?;
        lines_shown = text.lines().count();
        tokio::time::sleep(REFRESH).await;
    }
}

/// Cuts every line to the terminal's width: a wrapped one could not be redrawn in place.
fn fitted(text: &str, columns: usize) -> String {
    let lines = text
        .lines()
        .map(|line| console::truncate_str(line, columns, "…").into_owned() + "\n");
    lines.collect()
}

async fn look(
    client: &Client,
    cast: &Cast,
    http: &reqwest::Client,
    processes: &mut [Process],
) -> Result<Look> {
    let graph = client.metagraph(NETUID).await?;
    let state = client.best_state().await?;
    let netuid = pallet_subtensor::NetUid::from(NETUID.0);
    let tao = state
        .read(map::<pallet_subtensor::SubnetTAO<Runtime>, _, _>(netuid))
        .await?;
    let alpha = state
        .read(map::<pallet_subtensor::SubnetAlphaIn<Runtime>, _, _>(
            netuid,
        ))
        .await?;
    let mut reports = Vec::new();
    for validator in &cast.validators {
        // A validator that does not report is missing from the standings, and shown as ended if it has.
        if let Some(report) = report(http, validator.port).await {
            reports.push(report);
        }
    }
    let ended = processes
        .iter_mut()
        .filter_map(|process| (!process.is_running()).then(|| process.name().to_owned()))
        .collect();
    Ok(Look {
        finalized: client.finalized().await?.number,
        blocks_to_epoch: client.schedule(NETUID).await?.blocks_left(),
        pool: (tao, alpha),
        graph,
        reports,
        ended,
    })
}

/// What a validator says of the miners; `None` when it does not answer in time.
pub async fn report(http: &reqwest::Client, port: u16) -> Option<Standings> {
    let url = format!("http://127.0.0.1:{port}/standings");
    let answer = http.get(url).timeout(REPORT_PATIENCE).send().await.ok()?;
    answer.json().await.ok()
}

fn render(seen: &Look, cast: &Cast, staging: &Staging, directory: &Path) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    write_table(&mut text, seen, cast).ok();
    write_addresses(&mut text, seen, staging, directory).ok();
    text
}

fn write_table(text: &mut String, seen: &Look, cast: &Cast) -> std::fmt::Result {
    let lag = seen.graph.block.saturating_sub(seen.finalized);
    let epoch = seen
        .blocks_to_epoch
        .map_or("never".into(), |left| format!("in {left} blocks"));
    writeln!(text)?;
    writeln!(
        text,
        "height {} · finalized {} ({lag} behind) · next epoch {epoch}",
        seen.graph.block, seen.finalized
    )?;
    let head = format!(
        "{:>4}  {:<12} {:<16} {:>9} {:>10} {:>16}  {}",
        "uid", "name", "part", "standing", "share", "earned", "last answer"
    );
    writeln!(text, "{}", style(head).bold())?;
    let incentive: u64 = seen
        .graph
        .neurons
        .iter()
        .map(|neuron| u64::from(neuron.incentive))
        .sum();
    let dividends: u64 = seen
        .graph
        .neurons
        .iter()
        .map(|neuron| u64::from(neuron.dividends))
        .sum();
    for neuron in &seen.graph.neurons {
        let Some(role) = role_of(cast, &neuron.hotkey) else {
            continue;
        };
        let is_validator = role.part == "validator";
        let (share, total, of) = if is_validator {
            (neuron.dividends, dividends, "d")
        } else {
            (neuron.incentive, incentive, "i")
        };
        let (standing, last) = if is_validator {
            (None, String::new())
        } else {
            opinion(seen, &neuron.hotkey)
        };
        let standing = standing.map_or("–".into(), |standing| format!("{standing:.3}"));
        let earned = if is_validator {
            String::new()
        } else {
            worth(neuron.stake, seen.pool).to_string()
        };
        let gone = if seen.ended.contains(&role.name) {
            "  (ended)"
        } else {
            ""
        };
        writeln!(
            text,
            "{:>4}  {:<12} {:<16} {standing:>9} {:>9} {earned:>16}  {last}{gone}",
            neuron.uid.0,
            role.name,
            role.part,
            percent(share, total, of),
        )?;
    }
    Ok(())
}

/// The standing of a miner in the validators' mean, and what the latest of them says of its last answer.
fn opinion(seen: &Look, hotkey: &AccountId) -> (Option<f64>, String) {
    let opinions: Vec<_> = seen
        .reports
        .iter()
        .flat_map(|report| &report.miners)
        .filter(|miner| miner.hotkey == *hotkey)
        .collect();
    if opinions.is_empty() {
        return (None, String::new());
    }
    let mean = opinions.iter().map(|miner| miner.standing).sum::<f64>() / opinions.len() as f64;
    let last = opinions
        .iter()
        .filter_map(|miner| miner.last.as_ref())
        .max_by_key(|last| last.at_ms);
    let reason = last
        .map(|last| last.reason.chars().take(60).collect())
        .unwrap_or_default();
    (Some(mean), reason)
}

fn percent(share: u16, total: u64, of: &str) -> String {
    if total == 0 {
        return "–".into();
    }
    format!("{of} {:.1} %", 100.0 * f64::from(share) / total as f64)
}

/// Alpha at the pool's present price, in TAO.
fn worth(alpha: Rao, (tao_in, alpha_in): (u64, u64)) -> Rao {
    if alpha_in == 0 {
        return Rao(0);
    }
    let worth = u128::from(alpha.0) * u128::from(tao_in) / u128::from(alpha_in);
    Rao(u64::try_from(worth).unwrap_or(u64::MAX))
}

fn write_addresses(
    text: &mut String,
    seen: &Look,
    staging: &Staging,
    directory: &Path,
) -> std::fmt::Result {
    writeln!(text)?;
    for name in &seen.ended {
        writeln!(
            text,
            "{name} has ended; processes.json has the command that starts it again"
        )?;
    }
    writeln!(
        text,
        "ready · share: i of the miners' incentive, d of the validators' dividends · earned at the present alpha price"
    )?;
    writeln!(
        text,
        "  API    http://127.0.0.1:{}/v1   (any OpenAI client, any key)",
        staging.gateway_port
    )?;
    writeln!(
        text,
        "  chain  ws://127.0.0.1:{}        (btcli -n local subnets list)",
        staging.rpc_port
    )?;
    writeln!(text, "  logs   {}/logs", directory.display())
}
