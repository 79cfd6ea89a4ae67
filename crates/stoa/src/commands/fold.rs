//! `stoa fold`: what the market buys as protein folding, done on this machine: energies, comparisons, a search.
//!
//! Data goes to standard output, everything else to standard error.

mod compare;
mod energy;
mod files;
mod meter;
mod search;

pub use files::{CIF, FILES, Output, read, shape};
pub use meter::Meter;

use clap::{Args, Subcommand};

/// Energies, comparisons and searches of protein structures, on this machine
#[derive(Args)]
pub struct Fold {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Energy(energy::Energy),
    Compare(compare::Compare),
    Search(search::Search),
}

impl Fold {
    /// Does it.
    ///
    /// # Errors
    ///
    /// When a file is no structure, or cannot be read or written.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.what {
            What::Energy(energy) => energy.run(),
            What::Compare(compare) => compare.run(),
            What::Search(search) => search.run().await,
        }
    }
}
