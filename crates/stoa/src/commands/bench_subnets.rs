//! `stoa bench subnets`: whether a full market's epochs leave blocks their interval, over real processes.
//!
//! A chain begins with many full subnets ([`Crowd`]), whose epochs are spread over the blocks. What the authorities made
//! of it is read from their clocks and from the blocks; how long executing a block takes, by executing the same blocks
//! again on another ledger on disk, alone.

use super::bench_network::{Network, WARM_UP_BLOCKS, ensure_countable, executor, quantile};
use anyhow::{Context, Result, bail};
use clap::Args;
use economics::epoch::{Input, Params, settle};
use ledger::{Ledger, StorageChange, timestamp_of};
use pallet_subtensor::LastEpochBlock;
use runtime::genesis::{Crowd, GenesisSpec};
use serde_json::{Value, json};
use sp_core::{Blake2Hasher, Hasher as _};
use std::{hint::black_box, path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How long the network may take to make its first state and finalize its first block.
const START_PATIENCE: Duration = Duration::from_secs(300);

/// Whether a full market's epochs leave blocks their interval, over real processes
#[derive(Args)]
pub struct BenchSubnets {
    /// How many subnets there are
    #[arg(long, default_value_t = 64, value_name = "COUNT")]
    subnets: u16,

    /// How many neurons each has
    #[arg(long, default_value_t = 256, value_name = "COUNT")]
    neurons: u16,

    /// How many of them validate
    #[arg(long, default_value_t = 64, value_name = "COUNT")]
    validators: u16,

    /// Blocks from one epoch of a subnet to the next
    #[arg(long, default_value_t = 360, value_name = "BLOCKS")]
    tempo: u16,

    /// Time between blocks in milliseconds
    #[arg(long, default_value_t = 250, value_name = "MS")]
    interval_ms: u64,

    /// How many authorities agree
    #[arg(long, default_value_t = 4, value_name = "COUNT")]
    authorities: u32,

    /// How long to measure
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    seconds: u64,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl BenchSubnets {
    /// Runs the network, measures, and prints.
    ///
    /// # Errors
    ///
    /// When a node cannot be started or the network makes no progress.
    pub fn run(self) -> Result<()> {
        ensure_countable(self.seconds, self.interval_ms)?;
        let figures = executor()?.block_on(self.measure())?;
        if self.json {
            println!("{:#}", figures.json(&self));
        } else {
            figures.print(&self);
        }
        Ok(())
    }

    async fn measure(&self) -> Result<Figures> {
        let network = Network::start(self.spec(), self.authorities)?;
        let first = network.first_block(START_PATIENCE).await? + WARM_UP_BLOCKS;
        sleep_until(Instant::now() + Duration::from_secs(self.seconds)).await;
        let nodes = network.finality().await?;
        let counted = |number: u32| number > first;
        let finality = nodes.iter().flatten();
        let finality = finality.filter(|block| counted(block.number) && block.own);
        let finality = finality.map(|block| block.ms).collect();
        let heights = nodes.iter().filter_map(|blocks| blocks.last());
        let last = heights.map(|block| block.number).min().unwrap_or(0);
        if last <= first + 1 {
            bail!("no blocks became final after the first {first}; measure for longer");
        }
        let stopped = network.stop();
        let spec = stopped.genesis()?.runtime;
        let executed = execute_again(&spec, stopped.ledger(), stopped.scratch(), last)?;
        let counted = executed.into_iter().filter(|block| counted(block.number));
        let blocks: Vec<Executed> = counted.collect();
        let settling = self.settling();
        Ok(Figures::of(&blocks, finality, self.interval_ms, settling))
    }

    fn spec(&self) -> GenesisSpec {
        GenesisSpec {
            tempo: self.tempo,
            crowd: Some(Crowd {
                subnets: self.subnets,
                neurons: self.neurons,
                validators: self.validators,
            }),
            ..GenesisSpec::development(self.interval_ms)
        }
    }

    /// How long the arithmetic of one epoch takes, in milliseconds, when everything that it reads is in memory.
    fn settling(&self) -> f64 {
        let neurons = usize::from(self.neurons);
        let validates = |uid: u16| (1..=self.validators).contains(&uid);
        let row = |uid: u16| -> Vec<(u16, u16)> {
            let miners = self.validators + 1..self.neurons;
            let graded = miners.map(|miner| (miner, 1_000 + miner * 200 + uid % 101));
            if validates(uid) {
                graded.collect()
            } else {
                Vec::new()
            }
        };
        let rows: Vec<_> = (0..self.neurons).map(row).collect();
        let input = Input {
            block: 100,
            emission: 1_000_000_000,
            stake: (0..self.neurons)
                .map(|uid| u64::from(validates(uid)) * 1_000_000_000_000)
                .collect(),
            last_update: vec![1; neurons],
            registered_at: vec![0; neurons],
            validator_permit: (0..self.neurons).map(validates).collect(),
            weights: rows.clone(),
            bonds: rows,
            ..Input::default()
        };
        let params = Params::default();
        let once = |_| {
            let begun = Instant::now();
            black_box(settle(&params, black_box(&input)));
            milliseconds(begun.elapsed())
        };
        (0..16).map(once).fold(f64::INFINITY, f64::min)
    }
}

/// A block, executed once more.
struct Executed {
    number: u32,
    timestamp_ms: u64,
    /// How long execution took, in milliseconds: reading, settling, and the new state's root.
    took: f64,
    /// How long hashing what it changed takes, in milliseconds.
    hashing: f64,
    /// How many subnets it settled.
    epochs: usize,
}

/// Executes the blocks of a network's history up to a height on another ledger on disk.
fn execute_again(
    spec: &GenesisSpec,
    history: PathBuf,
    scratch: PathBuf,
    last: u32,
) -> Result<Vec<Executed>> {
    let state = runtime::genesis::build(spec).map_err(|reason| anyhow::anyhow!("{reason}"))?;
    let open = |path| Ledger::open(ledger::Config::on_disk(path), state.clone());
    std::fs::create_dir_all(&scratch)?;
    let history = open(history)?;
    let alone = open(scratch)?;
    let mut executed = Vec::new();
    for number in 1..=last {
        let hash = history.hash_of(number)?;
        let hash = hash.with_context(|| format!("block {number} is missing"))?;
        let block = history.block(&hash)?;
        let block = block.with_context(|| format!("block {number} has no body"))?;
        let timestamp_ms =
            timestamp_of(&block).with_context(|| format!("block {number} has no time"))?;
        let begun = Instant::now();
        alone.import(block)?;
        let took = milliseconds(begun.elapsed());
        let changes = alone.changes(&hash).unwrap_or_default();
        executed.push(Executed {
            number,
            timestamp_ms,
            took,
            hashing: hashing(&changes),
            epochs: epochs(&changes),
        });
        alone.finalize(hash, Vec::new())?;
    }
    Ok(executed)
}

/// How many subnets a block settled: as many as it noted the time of.
fn epochs(changes: &[StorageChange]) -> usize {
    // A key ends with the subnet's number.
    let of_root = LastEpochBlock::<runtime::Runtime>::hashed_key_for(pallet_subtensor::ROOT);
    let prefix = &of_root[..of_root.len() - size_of::<pallet_subtensor::NetUid>()];
    let noted = changes.iter().filter(|(key, _)| key.starts_with(prefix));
    noted.count()
}

/// How long it takes to hash every changed value once, in milliseconds.
fn hashing(changes: &[StorageChange]) -> f64 {
    let begun = Instant::now();
    for (_, value) in changes {
        black_box(value.as_deref().map(Blake2Hasher::hash));
    }
    milliseconds(begun.elapsed())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// One line of figures, in milliseconds, ascending, each with what no implementation can pass.
struct Row {
    name: &'static str,
    measured: Vec<f64>,
    limit: Vec<f64>,
    limit_is: &'static str,
}

impl Row {
    fn new(
        name: &'static str,
        mut measured: Vec<f64>,
        mut limit: Vec<f64>,
        limit_is: &'static str,
    ) -> Self {
        measured.sort_by(f64::total_cmp);
        limit.sort_by(f64::total_cmp);
        Self {
            name,
            measured,
            limit,
            limit_is,
        }
    }

    fn json(&self) -> Value {
        let quantiles = |figures: &[f64]| {
            json!({
                "p50_ms": quantile(figures, 0.5),
                "p99_ms": quantile(figures, 0.99),
                "max_ms": quantile(figures, 1.0),
            })
        };
        json!({
            "name": self.name,
            "count": self.measured.len(),
            "measured": quantiles(&self.measured),
            "limit": quantiles(&self.limit),
            "limit_is": self.limit_is,
        })
    }

    fn print(&self) {
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| quantile(&self.measured, q));
        println!(
            "{:<28} {:>6} {p50:>8.1} {p99:>8.1} {max:>8.1} {:>8.1}  {}",
            self.name,
            self.measured.len(),
            quantile(&self.limit, 0.5),
            self.limit_is
        );
    }
}

/// What was measured.
struct Figures {
    rows: Vec<Row>,
    epochs: usize,
}

impl Figures {
    fn of(blocks: &[Executed], finality: Vec<f64>, interval_ms: u64, settling: f64) -> Self {
        let intervals = blocks
            .windows(2)
            .map(|pair| pair[1].timestamp_ms.saturating_sub(pair[0].timestamp_ms) as f64);
        let took = |block: &Executed| block.took;
        let least = |block: &Executed| block.hashing + block.epochs as f64 * settling;
        let settled = || blocks.iter().filter(|block| block.epochs > 0);
        let idle = || blocks.iter().filter(|block| block.epochs == 0);
        let twice = blocks.iter().map(|block| 2.0 * block.took);
        let work = "arithmetic and hashing alone";
        let rows = vec![
            Row::new(
                "from block to block",
                intervals.collect(),
                vec![interval_ms as f64],
                "what was asked for",
            ),
            Row::new(
                "proposal to final",
                finality,
                twice.collect(),
                "two executions, no network, no disk",
            ),
            Row::new(
                "execution with an epoch",
                settled().map(took).collect(),
                settled().map(least).collect(),
                work,
            ),
            Row::new(
                "execution without",
                idle().map(took).collect(),
                idle().map(least).collect(),
                work,
            ),
        ];
        Self {
            epochs: blocks.iter().map(|block| block.epochs).sum(),
            rows,
        }
    }

    fn json(&self, bench: &BenchSubnets) -> Value {
        json!({
            "subnets": bench.subnets,
            "neurons": bench.neurons,
            "validators": bench.validators,
            "tempo": bench.tempo,
            "interval_ms": bench.interval_ms,
            "authorities": bench.authorities,
            "seconds": bench.seconds,
            "epochs": self.epochs,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }

    fn print(&self, bench: &BenchSubnets) {
        println!(
            "{} subnets of {} neurons, {} of them validators; an epoch of each every {} blocks: {} epochs",
            bench.subnets, bench.neurons, bench.validators, bench.tempo, self.epochs
        );
        println!(
            "{} authorities as processes on this machine, a block every {} ms, {} s",
            bench.authorities, bench.interval_ms, bench.seconds
        );
        println!();
        println!(
            "{:<28} {:>6} {:>8} {:>8} {:>8} {:>8}",
            "", "blocks", "p50 ms", "p99 ms", "max ms", "limit"
        );
        for row in &self.rows {
            row.print();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Config, Limits};

    /// Three small subnets, whose epochs come in blocks 1, 3 and 5 and every six blocks after.
    fn few_subnets() -> GenesisSpec {
        GenesisSpec {
            tempo: 6,
            crowd: Some(Crowd {
                subnets: 3,
                neurons: 8,
                validators: 3,
            }),
            ..GenesisSpec::development(250)
        }
    }

    #[test]
    fn blocks_executed_again_settle_what_they_settled_before() {
        let directory = tempfile::tempdir().expect("a directory");
        let [history, scratch] = ["history", "scratch"].map(|name| directory.path().join(name));
        std::fs::create_dir_all(&history).expect("a directory");
        let state = runtime::genesis::build(&few_subnets()).expect("a valid description");
        let chain = Ledger::open(Config::on_disk(&history), state).expect("a ledger");
        for number in 1..=8 {
            let (parent, now) = (chain.finalized().hash, 1_700_000_000_000 + number * 250);
            let limits = Limits::default();
            let built = chain.build(parent, now, vec![], [], limits, || true);
            let hash = built.expect("a block").hash;
            chain.finalize(hash, Vec::new()).expect("a final block");
        }
        drop(chain);

        let executed = execute_again(&few_subnets(), history, scratch, 8).expect("the same blocks");
        let epochs: Vec<usize> = executed.iter().map(|block| block.epochs).collect();
        assert_eq!(epochs, [1, 0, 1, 0, 1, 0, 1, 0]);
        assert!(executed.iter().all(|block| block.took > block.hashing));

        let figures = Figures::of(&executed, vec![90.0], 250, 0.1);
        let counts: Vec<usize> = figures.rows.iter().map(|row| row.measured.len()).collect();
        assert_eq!((figures.epochs, counts), (4, vec![7, 1, 4, 4]));
        assert_eq!(quantile(&figures.rows[0].measured, 1.0), 250.0);
    }
}
