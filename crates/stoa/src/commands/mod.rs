//! One file per subcommand: its arguments, and the library call they lead to.

pub mod ask;
pub mod bench;
pub mod bench_finality;
mod bench_network;
pub mod bench_subnets;
pub mod calibrate;
pub mod fold;
pub mod gateway;
pub mod genesis;
pub mod miner;
pub mod node;
pub mod simulate;
pub mod subnet;
pub mod train;
mod train_vision;
pub mod validator;
pub mod wallet;

use anyhow::{Context, Result};
use std::io::{ErrorKind, Write};

/// Prints to standard output; whoever reads it may have heard enough.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("write to standard output")
        }
        _ => Ok(()),
    }
}
