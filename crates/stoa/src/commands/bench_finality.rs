//! `stoa bench finality`: how long a block takes from its proposal to being final, over real processes.

use super::bench_network::{Network, WARM_UP_BLOCKS, ensure_countable, executor, quantile};
use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long the network may take to finalize its first block.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// From a block's proposal to its finality, over real processes
#[derive(Args)]
pub struct BenchFinality {
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

impl BenchFinality {
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
        let spec = runtime::genesis::GenesisSpec::development(self.interval_ms);
        let network = Network::start(spec, self.authorities)?;
        let first = network.first_block(START_PATIENCE).await?;
        sleep_until(Instant::now() + Duration::from_secs(self.seconds)).await;
        let mut figures = Figures::default();
        for blocks in network.finality().await? {
            for block in blocks
                .iter()
                .filter(|block| block.number > first + WARM_UP_BLOCKS)
            {
                figures.everywhere.push(block.ms);
                if block.own {
                    figures.at_proposer.push(block.ms);
                }
            }
        }
        figures.sort();
        if figures.at_proposer.is_empty() {
            bail!("no block became final after the first {WARM_UP_BLOCKS}; measure for longer");
        }
        Ok(figures)
    }
}

/// What was measured, in milliseconds, ascending.
#[derive(Default)]
struct Figures {
    /// On the authority that proposed the block: one clock, both ends.
    at_proposer: Vec<f64>,
    /// On every authority; they share this machine's clock.
    everywhere: Vec<f64>,
}

impl Figures {
    fn sort(&mut self) {
        self.at_proposer.sort_by(f64::total_cmp);
        self.everywhere.sort_by(f64::total_cmp);
    }

    fn json(&self, bench: &BenchFinality) -> serde_json::Value {
        let row = |figures: &[f64]| {
            json!({
                "count": figures.len(),
                "p50_ms": quantile(figures, 0.5),
                "p90_ms": quantile(figures, 0.9),
                "p99_ms": quantile(figures, 0.99),
                "max_ms": quantile(figures, 1.0),
            })
        };
        json!({
            "interval_ms": bench.interval_ms,
            "authorities": bench.authorities,
            "seconds": bench.seconds,
            "at_proposer": row(&self.at_proposer),
            "everywhere": row(&self.everywhere),
        })
    }

    fn print(&self, bench: &BenchFinality) {
        println!(
            "proposal to final, {} authorities as processes on this machine, a block every {} ms, {} s",
            bench.authorities, bench.interval_ms, bench.seconds
        );
        println!();
        println!(
            "{:<34} {:>7} {:>8} {:>8} {:>8} {:>8}",
            "", "blocks", "p50 ms", "p90 ms", "p99 ms", "max ms"
        );
        for (name, figures) in [
            ("at the authority that proposed it", &self.at_proposer),
            ("at every authority", &self.everywhere),
        ] {
            let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|q| quantile(figures, q));
            println!(
                "{name:<34} {:>7} {p50:>8.0} {p90:>8.0} {p99:>8.0} {max:>8.0}",
                figures.len()
            );
        }
        println!();
        println!(
            "The limit: three network hops (proposal, votes to notarize, votes to finalize), two executions"
        );
        println!(
            "(the leader's, then everybody's at once) and the fsyncs of votes, block and ledger in between."
        );
    }
}
