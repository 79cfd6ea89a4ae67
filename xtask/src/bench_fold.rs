//! Our energies beside OpenMM's: how long one evaluation of villin's headpiece in water takes each, on the same two cores.
//!
//! Both evaluate the energy and all forces of the same 596 atoms with ff19SB and OBC2, on two threads, in turns. OpenMM comes
//! from PyPI, unmodified, into an environment of its own under the target directory; it computes in single precision, ours
//! in double.

use crate::call;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that `crates/amber` agrees with, wherever OpenMM is needed.
pub const OPENMM: &str = "openmm==8.6.1";
/// The structure, relative to the root.
const STRUCTURE: &str = "crates/amber/tests/structures/villin_1vii_0.pdb";
const THREADS: &str = "2";
/// How far the two energies may be apart, in kcal/mol: they are meant to be the same.
const APART_MOST: f64 = 0.05;

#[derive(Args)]
pub struct BenchFold {
    /// How often each is measured, in turns.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How long each is measured per round.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
}

/// What one program reports.
struct Pace {
    median_ms: f64,
    evaluations: u64,
    energy: f64,
}

impl BenchFold {
    /// Measures both in turns and prints each one's median and their ratio; fails where ours is slower.
    pub fn run(&self, root: &Path) -> Result<()> {
        let arguments = [
            "build",
            "--release",
            "--locked",
            "-p",
            "amber",
            "--example",
            "pace",
        ];
        call(root, "cargo", &arguments)?;
        let program = std::env::current_exe().context("find the target directory")?;
        let target = program.ancestors().nth(2);
        let target = target.context("cargo builds programs two folders below its target")?;
        let python = python_environment(root, target)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            ours.push(self.measure(root, &target.join("release/examples/pace"), None)?);
            theirs.push(self.measure(
                root,
                &python,
                Some("crates/amber/benches/pace_of_openmm.py"),
            )?);
        }
        let (ours, theirs) = (middle(ours)?, middle(theirs)?);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!(
            "villin, 596 atoms, ff19SB + OBC2, energy and forces, {THREADS} threads of {cores} cores"
        );
        for (name, pace) in [("amber (f64)", &ours), ("OpenMM CPU (f32)", &theirs)] {
            println!(
                "{name:18}{:9.3} ms   {:12.4} kcal/mol   {} evaluations",
                pace.median_ms, pace.energy, pace.evaluations
            );
        }
        let ratio = theirs.median_ms / ours.median_ms;
        println!("{:18}{ratio:9.2} times as fast", "ratio");
        if (ours.energy - theirs.energy).abs() > APART_MOST {
            bail!("the two energies are not the same: they do not measure the same work");
        }
        if ratio < 1. {
            bail!("ours is the slower");
        }
        Ok(())
    }

    fn measure(&self, root: &Path, program: &Path, script: Option<&str>) -> Result<Pace> {
        let output = Command::new(program)
            .args(script)
            .args([STRUCTURE, THREADS, &self.seconds.to_string()])
            .current_dir(root)
            .output()
            .with_context(|| format!("start {}", program.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} failed: {said}", program.display());
        }
        let text = String::from_utf8(output.stdout)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let [median_ms, evaluations, energy] = words.as_slice() else {
            bail!("{} printed `{text}`, not three numbers", program.display());
        };
        Ok(Pace {
            median_ms: median_ms.parse()?,
            evaluations: evaluations.parse()?,
            energy: energy.parse()?,
        })
    }
}

/// The round of the median time.
fn middle(mut rounds: Vec<Pace>) -> Result<Pace> {
    rounds.sort_by(|a, b| a.median_ms.total_cmp(&b.median_ms));
    let place = rounds.len() / 2;
    let middle = rounds.into_iter().nth(place);
    middle.context("give at least one round")
}

/// Makes (once) a virtual environment with [`OPENMM`] and returns its interpreter.
fn python_environment(root: &Path, target: &Path) -> Result<PathBuf> {
    let directory = target.join("openmm-python");
    let python = directory.join("bin/python");
    let marker = directory.join("installed");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == OPENMM) {
        return Ok(python);
    }
    let path = directory.to_str().context("the target directory is text")?;
    call(root, "python3", &["-m", "venv", "--clear", path])?;
    let interpreter = python.to_str().context("the target directory is text")?;
    let install = ["-m", "pip", "install", "--quiet", OPENMM];
    call(root, interpreter, &install)?;
    fs::write(&marker, OPENMM).context("note what is installed")?;
    Ok(python)
}
