//! Rules of the tree that neither the compiler nor clippy knows.
//!
//! 1. Every Rust file opens with `//!`, and stays under [`LINES_MAX`] lines unless it is a test or a catalogue: a file that
//!    says so in its first lines, because a library wants what it lists in one place (FRAME a pallet's calls).
//! 2. No file is called `utils`, `helpers`, `common`, `misc` or `manager`: such rooms have no purpose.
//! 3. Nothing calls `unbounded_channel`, and every task marker left in a comment carries an issue number.
//! 4. Dependencies point down the layers of ARCHITECTURE.md's picture ([`LAYERS`]), and the libraries of [`KEEPERS`] are
//!    known to their keepers only.
//! 5. Every crate has its line in README.md and in ARCHITECTURE.md.
//! 6. No file names a path of somebody's machine.
//! 7. The pallets' tests meet every call, every refusal and every wrong origin, with the invariants checked ([`pallets`]).
//!
//! All findings are listed, not only the first.

mod pallets;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The length past which a file of logic needs to be two.
const LINES_MAX: usize = 700;

/// Rooms without a purpose.
const VAGUE_NAMES: [&str; 7] = [
    "utils.rs",
    "util.rs",
    "helpers.rs",
    "helper.rs",
    "common.rs",
    "misc.rs",
    "manager.rs",
];

/// Crates by layer, lowest first: a crate depends on crates of its own layer or of lower ones only.
const LAYERS: [(&str, u8); 28] = [
    ("primitives", 0),
    ("molecule", 0),
    ("keys", 1),
    ("timelock", 1),
    ("protocol", 2),
    ("economics", 1),
    ("scoring", 3),
    ("daemon", 3),
    ("pallet-subtensor", 4),
    ("pallet-admin-utils", 5),
    ("pallet-crowdloan", 5),
    ("runtime", 6),
    ("ledger", 7),
    ("consensus", 8),
    ("rpc", 8),
    ("node", 9),
    ("client", 9),
    ("inference", 9),
    ("vision", 9),
    ("amber", 9),
    ("folding", 9),
    ("tasks", 9),
    ("miner", 10),
    ("validator", 10),
    ("gateway", 10),
    ("testkit", 11),
    ("stoa", 12),
    ("xtask", 13),
];

/// Libraries that only some crates may know, so that the rest of the tree outlives a change of library.
const KEEPERS: [(&str, &[&str]); 5] = [
    ("candle-core", &["inference", "vision"]),
    ("commonware-consensus", &["consensus", "node", "testkit"]),
    ("jsonrpsee", &["rpc", "client"]),
    ("crypto_secretbox", &["keys"]),
    ("parity-db", &["ledger"]),
];

/// Runs every rule and reports all that is broken.
pub fn run(root: &Path) -> Result<()> {
    let mut findings = Vec::new();
    let paths = tracked_files(root)?;
    for path in &paths {
        check_file(root, path, &mut findings);
    }
    pallets::check(root, &paths, &mut findings)?;
    check_dependencies(root, &mut findings)?;
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    if !findings.is_empty() {
        bail!("tidy found {} broken rules", findings.len());
    }
    eprintln!("tidy: every rule holds");
    Ok(())
}

/// The files git knows, and those it would: ignored ones are nobody's business.
fn tracked_files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("list the tree's files with git")?;
    Ok(String::from_utf8(output.stdout)
        .context("file names are UTF-8")?
        .lines()
        .map(str::to_owned)
        .collect())
}

fn check_file(root: &Path, path: &str, findings: &mut Vec<String>) {
    // A binary file, or one deleted but not yet committed, has no text to check.
    let Ok(text) = fs::read_to_string(root.join(path)) else {
        return;
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_this_file = path == "xtask/src/tidy.rs";
    if !is_this_file && (text.contains("/work/") || text.contains("/root/")) {
        findings.push(format!("{path}: names a path of somebody's machine"));
    }
    if !path.ends_with(".rs") {
        return;
    }
    if !text.starts_with("//!") {
        findings.push(format!(
            "{path}: does not open with a `//!` sentence saying what it is for"
        ));
    }
    if VAGUE_NAMES.contains(&name) {
        findings.push(format!("{path}: name the file after what it holds"));
    }
    let is_test = path.contains("/tests/") || name == "tests.rs" || path.contains("/benches/");
    let is_catalogue = text.lines().take(12).any(|line| line.contains("Catalogue"));
    if !is_test && !is_catalogue && LINES_MAX < text.lines().count() {
        findings.push(format!(
            "{path}: longer than {LINES_MAX} lines; would each half have a name?"
        ));
    }
    if is_this_file {
        return;
    }
    for (number, line) in text.lines().enumerate() {
        if line.contains("unbounded_channel") || line.contains("mpsc::unbounded") {
            findings.push(format!("{path}:{}: a queue without a bound", number + 1));
        }
        if line.contains("TODO") || line.contains("FIXME") {
            findings.push(format!(
                "{path}:{}: unfinished work without an issue",
                number + 1
            ));
        }
    }
}

fn check_dependencies(root: &Path, findings: &mut Vec<String>) -> Result<()> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .context("ask cargo for the workspace")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let readme = fs::read_to_string(root.join("README.md")).context("read README.md")?;
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).context("read ARCHITECTURE.md")?;
    let layer = |name: &str| {
        LAYERS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, layer)| *layer)
    };
    for package in metadata["packages"]
        .as_array()
        .context("cargo metadata lists packages")?
    {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(own) = layer(name) else {
            findings.push(format!(
                "{name}: give the crate a layer in xtask/src/tidy.rs"
            ));
            continue;
        };
        for (document, text) in [("README.md", &readme), ("ARCHITECTURE.md", &map)] {
            if !text.contains(&format!("`{name}`")) {
                findings.push(format!("{document}: has no line for the crate `{name}`"));
            }
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let wanted = dependency["name"].as_str().unwrap_or_default();
            // A test may reach up: `testkit` exists to be used by the crates below it.
            let is_shipped = dependency["kind"].is_null();
            if is_shipped && layer(wanted).is_some_and(|layer| own < layer) {
                findings.push(format!("{name}: depends upwards on `{wanted}`"));
            }
            let kept = KEEPERS.iter().find(|(library, _)| *library == wanted);
            if is_shipped && kept.is_some_and(|(_, keepers)| !keepers.contains(&name)) {
                findings.push(format!("{name}: `{wanted}` is known to its keepers only"));
            }
        }
    }
    Ok(())
}
