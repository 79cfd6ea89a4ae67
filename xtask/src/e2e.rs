//! The market seen from outside: a real localnet, driven by the real `openai` and `bittensor` packages.
//!
//! Nothing here is simulated. The release binary starts its processes in a scratch directory on free ports; the Python
//! packages come from PyPI, unmodified, into an environment of their own under the target directory.

use crate::bench_fold::OPENMM;
use crate::call;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the checks import, at versions known to work or newer ones of the same line.
const PACKAGES: [&str; 8] = [
    "bittensor==11.3.0",
    "openai>=2,<3",
    "huggingface_hub>=1",
    "pillow>=11",
    "scikit-learn>=1.5",
    "xllamacpp>=2026.10",
    "gguf>=0.19",
    OPENMM,
];

/// Checks that share one localnet, in this order.
const SHARED: [&str; 3] = ["openai_client", "images_client", "btcli"];

/// Checks that start what they need themselves: a localnet to kill, another cast, a training.
const ALONE: [&str; 10] = [
    "compatibility",
    "polkadot_js",
    SUBXT,
    "market",
    "folds",
    "openmm",
    "sixteen",
    "python_miner",
    "upstream",
    "digits",
];

/// The check that runs a Rust program, `tests/e2e/subxt`.
const SUBXT: &str = "subxt";

#[derive(Args, Default)]
pub struct EndToEnd {
    /// Runs only the checks whose name contains this text.
    #[arg(long)]
    pub only: Option<String>,
}

impl EndToEnd {
    /// Builds the release binary, starts a localnet, and runs each check against it; then the checks that start their own.
    pub fn run(&self, root: &Path) -> Result<()> {
        build(root)?;
        if self.wants(SUBXT) {
            build_subxt(root)?;
        }
        let target = target_directory(root)?;
        let check = Check {
            root,
            target: &target,
            python: python_environment(root, &target)?,
        };
        let shared: Vec<&str> = SHARED.into_iter().filter(|name| self.wants(name)).collect();
        if !shared.is_empty() {
            check.run("shared", &shared)?;
        }
        for name in ALONE.into_iter().filter(|name| self.wants(name)) {
            check.run(name, &[])?;
        }
        Ok(())
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.contains(only))
    }
}

/// Builds the binary that the checks drive.
pub fn build(root: &Path) -> Result<()> {
    let arguments = ["build", "--release", "--locked", "-p", "stoa"];
    call(root, "cargo", &arguments)
}

/// Builds the program that drives subxt, which is a workspace of its own, apart from every other build.
pub fn build_subxt(root: &Path) -> Result<()> {
    let folder = subxt_directory(&target_directory(root)?);
    let arguments = [
        "build",
        "--locked",
        "--manifest-path",
        "tests/e2e/subxt/Cargo.toml",
        "--target-dir",
        folder
            .to_str()
            .context("the target directory's path is UTF-8")?,
    ];
    call(root, "cargo", &arguments)
}

/// Where the program that drives subxt is built.
fn subxt_directory(target: &Path) -> PathBuf {
    target.join("e2e-subxt")
}

/// How a check is started.
struct Check<'a> {
    root: &'a Path,
    target: &'a Path,
    python: PathBuf,
}

impl Check<'_> {
    fn run(&self, name: &str, arguments: &[&str]) -> Result<()> {
        eprintln!("e2e: {name}");
        let status = Command::new(&self.python)
            .arg(self.root.join(format!("tests/e2e/{name}.py")))
            .args(arguments)
            .env("STOA_BINARY", self.target.join("release/stoa"))
            .env(
                "SUBXT_BINARY",
                subxt_directory(self.target).join("debug/stoa-subxt"),
            )
            .env(
                "BITTENSOR_RUNTIME_CACHE_DIR",
                self.target.join("e2e-runtime-cache"),
            )
            .status()
            .with_context(|| format!("start the check {name}"))?;
        if !status.success() {
            bail!("the check {name} failed: {status}");
        }
        Ok(())
    }
}

/// Where cargo builds to, by its own account.
fn target_directory(root: &Path) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .context("ask cargo for its target directory")?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let path = metadata["target_directory"]
        .as_str()
        .context("cargo names its target directory")?;
    Ok(PathBuf::from(path))
}

/// Makes (once) a virtual environment with [`PACKAGES`] and returns its interpreter.
fn python_environment(root: &Path, target: &Path) -> Result<PathBuf> {
    let directory = target.join("e2e-python");
    let python = directory.join("bin/python");
    let stamp = directory.join("packages.txt");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    let path = directory
        .to_str()
        .context("the target directory's path is UTF-8")?;
    call(root, "python3", &["-m", "venv", "--clear", path])?;
    let interpreter = python
        .to_str()
        .context("the target directory's path is UTF-8")?;
    let mut install = vec![
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    install.extend(PACKAGES);
    call(root, interpreter, &install)?;
    fs::write(&stamp, wanted).context("remember which packages are installed")?;
    Ok(python)
}
