//! `stoa simulate`: recomputes the network's rules away from the chain.
//!
//! `stoa simulate epoch CASE.json` settles each step of a case with the very code the runtime uses,
//! and prints a JSON array with one object per step. A figure somebody doubts can so be checked by
//! anybody.

use std::path::PathBuf;

use anyhow::Context;
use economics::epoch::settle;

pub mod case;

/// Recompute a rule of the network from a file.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    #[command(subcommand)]
    rule: Rule,
}

#[derive(Debug, clap::Subcommand)]
enum Rule {
    /// Settle the epochs of a case and print one JSON object per step.
    Epoch {
        /// The case: JSON with `params` and `steps`; `-` reads standard input.
        case: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
///
/// Says which file, and which field of it, cannot be read.
pub fn run(args: Simulate) -> anyhow::Result<()> {
    let Rule::Epoch { case } = args.rule;
    println!("{}", epoch(&case)?);
    Ok(())
}

/// Settles a case, and returns the results as JSON text.
fn epoch(path: &PathBuf) -> anyhow::Result<String> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).context("read the case from standard input")?
    } else {
        std::fs::read_to_string(path).with_context(|| format!("read case {}", path.display()))?
    };
    let steps = case::read(&text).with_context(|| format!("read case {}", path.display()))?;
    let results: Vec<serde_json::Value> = steps
        .iter()
        .map(|step| case::write(&settle(&step.params, &step.input)))
        .collect();
    Ok(serde_json::to_string_pretty(&results)?)
}
