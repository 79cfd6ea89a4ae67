//! All of CI, in the order in which a mistake is cheapest to find.

use crate::{call, call_with, e2e, fuzz, tidy};
use anyhow::Result;
use clap::Args;
use std::path::Path;
use std::thread;

/// How long each fuzz target runs here; `cargo xtask fuzz` runs them for longer.
const FUZZ_SECONDS: u32 = 10;

/// What the property tests draw their cases from here, so that a commit passes or fails for its own sake. Whoever runs
/// the test command by hand draws fresh ones.
const PROPERTY_SEED: &str = "20261123";

#[derive(Args)]
pub struct Ci {
    /// Leaves out the checks with outside clients, which need Python and its package registry.
    #[arg(long)]
    pub without_e2e: bool,
}

impl Ci {
    /// Runs every check and stops at the first that fails.
    pub fn run(&self, root: &Path) -> Result<()> {
        call(root, "cargo", &["fmt", "--all", "--check"])?;
        tidy::run(root)?;
        call(
            root,
            "cargo",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ],
        )?;
        let built = thread::scope(|scope| {
            // Every large crate leaves a core without work: what is needed later is compiled there meanwhile.
            let ahead = scope.spawn(|| self.build_ahead(root));
            let checked = document(root).and_then(|()| test(root));
            if let Err(error) = &checked {
                eprintln!("{error:#}; ending as soon as what is compiled ahead is there");
            }
            checked?;
            Ok::<_, anyhow::Error>(ahead.join())
        })?;
        built.map_err(|_| anyhow::anyhow!("compiling ahead panicked"))??;
        fuzz::Fuzz::of_inputs(FUZZ_SECONDS).run(root)?;
        if !self.without_e2e {
            e2e::EndToEnd::default().run(root)?;
        }
        Ok(())
    }

    /// Compiles what the last checks run.
    fn build_ahead(&self, root: &Path) -> Result<()> {
        if !self.without_e2e {
            e2e::build(root)?;
            e2e::build_subxt(root)?;
        }
        fuzz::build(root)
    }
}

fn document(root: &Path) -> Result<()> {
    let arguments = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
    ];
    call_with(
        root,
        "cargo",
        &arguments,
        &[("RUSTDOCFLAGS", "-D warnings")],
    )
}

/// Unit, property, simulation and doc tests: the README's test command.
fn test(root: &Path) -> Result<()> {
    call_with(
        root,
        "cargo",
        &["test", "--workspace", "--locked"],
        &[("PROPTEST_RNG_SEED", PROPERTY_SEED)],
    )
}
