//! All of CI, in the order in which a mistake is cheapest to find.

use crate::{call, call_with, e2e, tidy};
use anyhow::Result;
use clap::Args;
use std::path::Path;

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
        call_with(
            root,
            "cargo",
            &[
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
                "--locked",
            ],
            &[("RUSTDOCFLAGS", "-D warnings")],
        )?;
        // Unit, property, simulation and doc tests: the README's test command.
        call(root, "cargo", &["test", "--workspace", "--locked"])?;
        if !self.without_e2e {
            e2e::EndToEnd::default().run(root)?;
        }
        Ok(())
    }
}
