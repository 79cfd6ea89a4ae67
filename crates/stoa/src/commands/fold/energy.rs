//! `stoa fold energy`: the energy of a structure by its parts, under the names that OpenMM has for them.

use std::path::PathBuf;

use amber::{Solvent, System};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::read;
use crate::commands::print;

/// The Amber ff19SB energy of a structure, in kcal/mol, by its parts
#[derive(Args)]
pub struct Energy {
    /// A .pdb or .cif file with every atom, hydrogens too
    file: PathBuf,

    /// What is around the molecule
    #[arg(long, value_enum, default_value_t = Around::Obc2)]
    solvent: Around,

    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// What a solvent is called.
#[derive(Clone, Copy, ValueEnum)]
enum Around {
    /// Nothing: a vacuum
    None,
    /// Water as a continuum: OBC2, as the market reckons
    Obc2,
}

impl Energy {
    pub fn run(self) -> Result<()> {
        let molecule = read(&self.file)?;
        let solvent = match self.solvent {
            Around::None => Solvent::None,
            Around::Obc2 => Solvent::Obc2,
        };
        let system = System::new(&molecule, solvent).context("find the parameters of its atoms")?;
        let parts = parts(&system.energy(&molecule.positions), solvent);
        if self.json {
            let parts: Map<String, Value> = parts
                .into_iter()
                .map(|(name, energy)| (name.to_owned(), json!(energy)))
                .collect();
            return print(&format!("{}\n", Value::Object(parts)));
        }
        let lines = parts
            .iter()
            .map(|(name, energy)| format!("{name:<22} {energy:>14.4} kcal/mol\n"));
        print(&lines.collect::<String>())
    }
}

/// Each part with OpenMM's name for it, then the whole.
fn parts(energy: &amber::Energy, solvent: Solvent) -> Vec<(&'static str, f64)> {
    let mut parts = vec![
        ("HarmonicBondForce", energy.bond),
        ("HarmonicAngleForce", energy.angle),
        ("PeriodicTorsionForce", energy.torsion),
        ("CMAPTorsionForce", energy.cmap),
        ("NonbondedForce", energy.nonbonded),
    ];
    if matches!(solvent, Solvent::Obc2) {
        parts.push(("CustomGBForce", energy.solvation));
    }
    parts.push(("total", energy.total()));
    parts
}
