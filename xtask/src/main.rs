//! Repository checks as a program: `cargo xtask ci` is all of CI, on any machine.
//!
//! Checks live here rather than in a shell script or a service's configuration, so that a contributor runs
//! exactly what CI runs, and so that a rule such as "only `inference` knows candle" fails a build instead of
//! waiting for a reviewer to remember it.

mod bench_fold;
mod ci;
mod e2e;
mod fuzz;
mod tidy;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Checks of the Stoa repository")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs everything CI runs: fmt, tidy, clippy, rustdoc, tests, fuzzing, and the checks with outside clients.
    Ci(ci::Ci),
    /// Checks the rules of the tree that neither the compiler nor clippy knows.
    Tidy,
    /// Runs localnets and drives them with the real `openai`, `huggingface_hub` and `bittensor` Python packages.
    E2e(e2e::EndToEnd),
    /// Sets the pace of our energies of proteins beside OpenMM's, on the same cores.
    BenchFold(bench_fold::BenchFold),
    /// Feeds made-up input to everything that reads what strangers send.
    Fuzz(fuzz::Fuzz),
}

fn main() -> Result<()> {
    let root = root();
    match Arguments::parse().task {
        Task::Ci(ci) => ci.run(&root),
        Task::Tidy => tidy::run(&root),
        Task::E2e(e2e) => e2e.run(&root),
        Task::BenchFold(bench) => bench.run(&root),
        Task::Fuzz(fuzz) => fuzz.run(&root),
    }
}

/// The repository's root: the parent of this crate.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the repository")
        .to_path_buf()
}

/// Runs a program in `root`, shows what it prints, and fails when it fails.
fn call(root: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    call_with(root, program, arguments, &[])
}

/// As [`call`], with environment variables set.
fn call_with(
    root: &Path,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<()> {
    let shown = format!("{program} {}", arguments.join(" "));
    eprintln!("$ {shown}");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root);
    // What cargo told this program about its own package would look to build scripts like a change of theirs.
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let status = command
        .status()
        .with_context(|| format!("start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}
