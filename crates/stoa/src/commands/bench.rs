//! `stoa bench`: whole paths, measured on this machine, beside the limit that no implementation can pass.

use super::{bench_finality::BenchFinality, bench_subnets::BenchSubnets};
use clap::{Args, Subcommand};

/// Measure whole paths
#[derive(Args)]
pub struct Bench {
    #[command(subcommand)]
    path: Path,
}

#[derive(Subcommand)]
enum Path {
    /// From a block's proposal to its finality, over real processes
    Finality(BenchFinality),
    /// Whether a full market's epochs leave blocks their interval, over real processes
    Subnets(BenchSubnets),
}

impl Bench {
    /// Runs the chosen measurement and prints its figures.
    ///
    /// # Errors
    ///
    /// When a process cannot be started or the network makes no progress.
    pub fn run(self) -> anyhow::Result<()> {
        match self.path {
            Path::Finality(bench) => bench.run(),
            Path::Subnets(bench) => bench.run(),
        }
    }
}
