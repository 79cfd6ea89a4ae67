//! The `stoa` command: every role of the market, and the tools around it, in one binary.
//!
//! This file parses, sets up logging, and runs one command; an error is printed here and nowhere else. Each command is a
//! file in `commands/` that turns arguments into a library's configuration.

mod commands;
mod localnet;
mod shutdown;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// A decentralized market for machine intelligence.
#[derive(Parser)]
#[command(
    name = "stoa",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// What to log, such as `info` or `warn,node=debug`
    #[arg(
        long,
        global = true,
        env = "STOA_LOG",
        default_value = "info,commonware=warn",
        value_name = "FILTER"
    )]
    log: String,

    /// End when standard input closes, as the processes of a localnet do
    #[arg(long, global = true, hide = true)]
    end_with_parent: bool,

    /// Give way to other processes, as nice(1) does: from 0 to 19
    #[arg(long, global = true, hide = true, value_parser = clap::value_parser!(u8).range(..=19))]
    nice: Option<u8>,
}

#[derive(Subcommand)]
enum Command {
    Localnet(localnet::Localnet),
    Node(commands::node::Node),
    Miner(commands::miner::Miner),
    Validator(commands::validator::Validator),
    Gateway(commands::gateway::Gateway),
    Ask(commands::ask::Ask),
    Fold(commands::fold::Fold),
    Subnet(commands::subnet::Subnet),
    Wallet(commands::wallet::Wallet),
    Genesis(commands::genesis::Genesis),
    Simulate(commands::simulate::Simulate),
    Train(commands::train::Train),
    Calibrate(commands::calibrate::Calibrate),
    Bench(commands::bench::Bench),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = start_logging(&cli.log) {
        eprintln!("error: {error:#}");
        return ExitCode::from(2);
    }
    // Before any thread is started: each takes after the one that starts it.
    if let Some(steps) = cli.nice
        && let Err(error) = rustix::process::nice(steps.into())
    {
        tracing::warn!(%error, "cannot give way to other processes");
    }
    if cli.end_with_parent {
        shutdown::with_parent();
    }
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Localnet(command) => block_on(command.run()),
        Command::Node(command) => command.run(),
        Command::Miner(command) => block_on(command.run()),
        Command::Validator(command) => block_on(command.run()),
        Command::Gateway(command) => block_on(command.run()),
        Command::Ask(command) => block_on(command.run()),
        Command::Fold(command) => block_on(command.run()),
        Command::Subnet(command) => block_on(command.run()),
        Command::Wallet(command) => block_on(command.run()),
        Command::Genesis(command) => command.run(),
        Command::Simulate(command) => commands::simulate::run(command),
        Command::Train(command) => command.run(),
        Command::Calibrate(command) => command.run(),
        Command::Bench(command) => command.run(),
    }
}

/// Runs an asynchronous command to its end.
fn block_on(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    // HTTPS needs a provider chosen once per process; a second choice of the same one changes nothing.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(command)
}

fn start_logging(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("--log {filter:?} is not a log filter: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(console::user_attended_stderr())
        .init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUTORIAL: &str = include_str!("../../../docs/new-subnet.md");

    /// The lines of a document's shell blocks that run this program.
    fn commands(document: &str) -> Vec<&str> {
        let blocks = document.split("```sh\n").skip(1);
        let lines = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
        lines.filter(|line| line.starts_with("stoa ")).collect()
    }

    /// The words of a line as a shell reads them, where only single quotes quote.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (at, piece) in line.split('\'').enumerate() {
            match at % 2 {
                0 => words.extend(piece.split_whitespace().map(str::to_owned)),
                _ => words.push(piece.to_owned()),
            }
        }
        words
    }

    #[test]
    fn the_commands_of_the_tutorial_are_commands_of_this_program() {
        let commands = commands(TUTORIAL);
        assert!(10 <= commands.len(), "{commands:?}");
        for command in commands {
            if let Err(error) = Cli::try_parse_from(words(command)) {
                panic!("{command}\n{error}");
            }
        }
    }
}
