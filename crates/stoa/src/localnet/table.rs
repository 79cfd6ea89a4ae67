//! The table of a running market: height and finality, and what each participant is worth to the others.
//!
//! A terminal sees one table that keeps itself current; a file or a pipe gets a new one after each epoch. A few subnets are
//! shown miner by miner, many with a line each.

use super::cast::{Cast, Staging};
use super::processes::Process;
use super::status::{self, MinerStatus, Status, SubnetStatus};
use anyhow::{Context, Result};
use client::Client;
use console::{Term, style};
use primitives::Rao;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// Between two looks.
const REFRESH: Duration = Duration::from_secs(1);

/// More subnets than this get a line each.
const SUBNETS_IN_FULL: usize = 4;

/// Characters of a validator's reason that are shown.
const REASON_CHARS_MAX: usize = 60;

/// Shows the market until the caller stops waiting.
///
/// # Errors
///
/// When the terminal or the status file cannot be written. A chain that cannot be read is shown as such and asked again.
pub async fn keep(
    client: &Client,
    http: &reqwest::Client,
    cast: &Cast,
    staging: &Staging,
    directory: &Path,
    processes: &mut [Process],
) -> Result<()> {
    let terminal = Term::stdout();
    let mut lines_shown = 0;
    let mut epoch_shown = None;
    loop {
        let text = match status::look(client, cast, http, processes).await {
            Ok(status) => {
                status::publish(&status, directory)?;
                let epoch = status.subnets.first().map(|subnet| subnet.epochs);
                let is_new = epoch_shown.is_none() || epoch_shown != epoch;
                epoch_shown = epoch;
                (terminal.is_term() || is_new).then(|| render(&status, staging, directory))
            }
            Err(error) => Some(format!("no authority answers: {error:#}\n")),
        };
        if let Some(text) = text {
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
        }
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

fn render(status: &Status, staging: &Staging, directory: &Path) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    write(&mut text, status, staging, directory).ok();
    text
}

fn write(
    text: &mut String,
    status: &Status,
    staging: &Staging,
    directory: &Path,
) -> std::fmt::Result {
    let lag = status.height.saturating_sub(status.finalized);
    writeln!(text)?;
    writeln!(
        text,
        "height {} · finalized {} ({lag} behind)",
        status.height, status.finalized
    )?;
    if status.subnets.len() <= SUBNETS_IN_FULL {
        for subnet in &status.subnets {
            write_subnet(text, subnet, &status.ended)?;
        }
    } else {
        write_summary(text, status)?;
    }
    write_addresses(text, status, staging, directory)
}

fn write_subnet(text: &mut String, subnet: &SubnetStatus, ended: &[String]) -> std::fmt::Result {
    let next = subnet.blocks_to_epoch.map_or("no next".into(), |left| {
        format!("the next in {left} blocks")
    });
    writeln!(text)?;
    let title = format!("subnet {} · {}", subnet.netuid, subnet.task);
    writeln!(
        text,
        "{} · tempo {} · {} epochs, {next}",
        style(title).bold(),
        subnet.tempo,
        subnet.epochs
    )?;
    let speed = format!("{}/s", subnet.unit);
    writeln!(
        text,
        "{:>4}  {:<18} {:<18} {:>8} {:>8} {speed:>10} {:>9} {:>18}  last answer",
        "uid", "name", "part", "standing", "quality", "share", "earned"
    )?;
    for miner in &subnet.miners {
        let gone = gone(ended, &miner.name);
        let reason: String = miner
            .reason
            .iter()
            .flat_map(|reason| reason.chars())
            .take(REASON_CHARS_MAX)
            .collect();
        writeln!(
            text,
            "{:>4}  {:<18} {:<18} {:>8} {:>8} {:>10} {:>9} {:>18}  {reason}{gone}",
            miner.uid,
            miner.name,
            miner.part,
            figure(miner.standing, 3),
            figure(miner.quality, 3),
            figure(miner.per_second, 1),
            percent("i", miner.share),
            tao(miner.earned),
        )?;
    }
    for validator in &subnet.validators {
        let gone = gone(ended, &validator.name);
        writeln!(
            text,
            "{:>4}  {:<18} {:<18} {:>8} {:>8} {:>10} {:>9}{gone}",
            validator.uid,
            validator.name,
            "validator",
            "",
            "",
            "",
            percent("d", validator.share),
        )?;
    }
    Ok(())
}

fn write_summary(text: &mut String, status: &Status) -> std::fmt::Result {
    writeln!(text)?;
    let head = format!(
        "{:>6}  {:<12} {:<24} {:>6} {:>7} {:>10} {:>18} {:>18}",
        "netuid", "name", "task", "epochs", "paid", "best share", "least earned", "most earned"
    );
    writeln!(text, "{}", style(head).bold())?;
    for subnet in &status.subnets {
        let earned = || subnet.miners.iter().map(|miner| miner.earned);
        let best = subnet.miners.iter().filter_map(|miner| miner.share);
        let best = best.fold(None, |best: Option<f64>, share| {
            Some(best.map_or(share, |best| best.max(share)))
        });
        writeln!(
            text,
            "{:>6}  {:<12} {:<24} {:>6} {:>7} {:>10} {:>18} {:>18}",
            subnet.netuid,
            subnet.name,
            subnet.task.to_string(),
            subnet.epochs,
            format!("{} of {}", paid(subnet), subnet.miners.len()),
            percent("i", best),
            tao(earned().min().unwrap_or_default()),
            tao(earned().max().unwrap_or_default()),
        )?;
    }
    let paying = status.subnets.iter().filter(|subnet| 0 < paid(subnet));
    writeln!(
        text,
        "{} of {} subnets paid a miner in their last epoch",
        paying.count(),
        status.subnets.len()
    )
}

/// How many miners earned in the last epoch.
fn paid(subnet: &SubnetStatus) -> usize {
    let earns = |miner: &&MinerStatus| Rao(0) < miner.last_epoch;
    subnet.miners.iter().filter(earns).count()
}

fn gone(ended: &[String], name: &String) -> &'static str {
    match ended.contains(name) {
        true => "  (ended)",
        false => "",
    }
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or("–".into(), |value| format!("{value:.digits$}"))
}

fn percent(of: &str, share: Option<f64>) -> String {
    share.map_or("–".into(), |share| format!("{of} {:.1} %", 100.0 * share))
}

/// An amount to four digits behind the point: the rest is for `status.json`.
fn tao(amount: Rao) -> String {
    format!(
        "{:.4} TAO",
        amount.0 as f64 / primitives::RAO_PER_TAO as f64
    )
}

fn write_addresses(
    text: &mut String,
    status: &Status,
    staging: &Staging,
    directory: &Path,
) -> std::fmt::Result {
    writeln!(text)?;
    for name in &status.ended {
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
        "  API    http://127.0.0.1:{}/v1   (any OpenAI client, any key; /v1/models lists all there is)",
        staging.gateway_port
    )?;
    writeln!(
        text,
        "  chain  ws://127.0.0.1:{}        (btcli -n local subnets list)",
        staging.rpc_port
    )?;
    writeln!(
        text,
        "  logs   {0}/logs   figures {0}/{1}",
        directory.display(),
        status::FILE
    )
}
