//! `stoa fold compare`: how like each other two structures of a chain are.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use molecule::compare::{Atoms, lddt, rmsd_of, tm_score};
use serde_json::json;

use super::read;
use crate::commands::print;

/// How like a reference a model of the same chain is: TM-score, lDDT, and the RMSD of the alpha carbons
#[derive(Args)]
pub struct Compare {
    /// The model: a .pdb or .cif file
    model: PathBuf,

    /// What it is compared to
    reference: PathBuf,

    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Compare {
    pub fn run(self) -> Result<()> {
        let (model, reference) = (read(&self.model)?, read(&self.reference)?);
        let rmsd = rmsd_of(&model, &reference, Atoms::Alpha);
        let rmsd = rmsd.context("the two have no residue in common")?;
        let tm_score = tm_score(&model, &reference);
        let lddt = lddt(&model, &reference);
        if self.json {
            let figures = json!({"tm_score": tm_score, "lddt": lddt, "rmsd": rmsd});
            return print(&format!("{figures}\n"));
        }
        print(&format!(
            "TM-score {tm_score:>8.4}   1 is the same fold, above 0.5 a like one, below 0.2 chance\n\
             lDDT     {lddt:>8.4}   1 is every distance kept\n\
             RMSD     {rmsd:>8.4} Å of the alpha carbons, after shifting and turning\n"
        ))
    }
}
