//! `stoa fold search`: folds a chain on this machine, as a miner would.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use amber::{Solvent, System};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use folding::{Budget, Found};
use molecule::{Molecule, Sequence};
use rand::RngExt;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::files::{self, Output};
use super::meter::Meter;
use crate::commands::print;
use crate::shutdown;

/// Search for the shape in which a chain has the least energy; Ctrl-C ends it with what was found
#[derive(Args)]
pub struct Search {
    /// One letter for each residue, such as GYDPETGTWG
    sequence: Sequence,

    /// Caps the ends (ACE, NME) instead of leaving them charged
    #[arg(long)]
    capped: bool,

    /// Seconds to search for
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS")]
    budget: f64,

    /// How much of them to spend searching, from 0 to 1
    #[arg(long, default_value_t = 1.0, value_name = "SHARE")]
    effort: f64,

    /// Names the randomness of the search [default: another each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// The directory for fold.cif, fold.pdb, ramachandran.svg and energy.svg
    #[arg(long, default_value = "fold", value_name = "DIR")]
    out: PathBuf,

    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Search {
    pub async fn run(self) -> Result<()> {
        ensure!(
            (0.0..=86_400.0).contains(&self.budget),
            "--budget {} is not from 0 to 86400 seconds",
            self.budget
        );
        ensure!(
            (0.0..=1.0).contains(&self.effort),
            "--effort {} is not from 0 to 1",
            self.effort
        );
        let output = Output::new(self.out.clone())?;
        let is_capped = self.capped;
        let sequence = Sequence {
            is_capped,
            ..self.sequence.clone()
        };
        let time = (Duration::from_secs_f64(self.budget), self.effort);
        let seed = self.seed.unwrap_or_else(|| rand::rng().random());
        let stopping = shutdown::on_signal()?;
        let baseline =
            folding::baseline(&sequence, seed).context("find the parameters of its atoms")?;
        let searching = tokio::task::spawn_blocking(move || fold(&sequence, time, seed, &stopping));
        let (molecule, found) = searching.await.context("search")??;
        let paths = output.write_all(&molecule, &found.history)?;
        let paths: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        if self.json {
            let dssp: String = molecule::dssp::assign(&molecule).into_iter().collect();
            let result = json!({
                "sequence": self.sequence.to_string(),
                "is_capped": self.capped,
                "energy": found.energy,
                "baseline": baseline,
                "evaluations": found.evaluations,
                "seed": seed,
                "dssp": dssp,
                "history": found.history,
                "files": paths,
            });
            return print(&format!("{result}\n"));
        }
        print(&format!(
            "{:.4} kcal/mol, {:.1} below a validator's own short search · {} evaluations · seed {seed}\n{}{}\n",
            found.energy,
            baseline - found.energy,
            found.evaluations,
            files::shape(&molecule),
            paths.join("\n")
        ))
    }
}

/// Builds the chain and searches, until the time is over or the user has seen enough.
fn fold(
    sequence: &Sequence,
    (duration, effort): (Duration, f64),
    seed: u64,
    stopping: &CancellationToken,
) -> Result<(Molecule, Found)> {
    let mut molecule = folding::build(sequence);
    let system =
        System::new(&molecule, Solvent::Obc2).context("find the parameters of its atoms")?;
    let mut meter = Meter::new();
    let began = Instant::now();
    let budget = Budget::Time {
        duration,
        effort,
        clock: &|| began.elapsed(),
    };
    let found = folding::search(&system, &molecule, budget, seed, |progress| {
        meter.show(progress.fraction, Some(progress.energy), "");
        match stopping.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    meter.end();
    if !found.energy.is_finite() {
        bail!("no shape of a finite energy was found; give it more time");
    }
    molecule.positions.clone_from(&found.positions);
    Ok((molecule, found))
}
