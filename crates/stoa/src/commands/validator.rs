//! `stoa validator`: grades the miners of a subnet, whatever its task, and publishes weights.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use keys::Pair;
use primitives::NetUid;
use tasks::Setup;

use crate::shutdown;

/// Grade miners and publish weights
#[derive(Args)]
#[command(after_help = known_tasks())]
pub struct Validator {
    /// The node to follow
    #[arg(long, default_value = "ws://127.0.0.1:9944", value_name = "URL")]
    node: String,

    /// The hotkey that signs: the path of a hotkey file, or a development key such as //Alice//hotkey
    #[arg(long, value_name = "KEY")]
    hotkey: String,

    /// The subnet to grade; it names its task on chain
    #[arg(long, default_value = "1", value_name = "N")]
    netuid: NetUid,

    /// Where to serve /standings, /health and /metrics
    #[arg(long, default_value = "127.0.0.1:8100", value_name = "ADDR")]
    listen: SocketAddr,

    /// Directory of the model that miners are to serve, for tasks that have one [default: the one inside this program]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,

    /// The name miners serve it under [default: the directory's name]
    #[arg(long, value_name = "NAME", alias = "serve-as")]
    model_name: Option<String>,

    /// Private folder to draw challenges from, for tasks that can [default: drawn afresh each time]
    #[arg(long, value_name = "DIR")]
    challenges: Option<PathBuf>,

    /// The mean time between two probes of one miner, in milliseconds
    #[arg(long, default_value_t = 4000, value_name = "MS")]
    probe_interval_ms: u64,

    /// The longest time that a probe gives, in seconds, for tasks whose requests give a time: for networks on one machine, where
    /// probes that differ from customers' orders harm nobody [default: the task's]
    #[arg(long, value_name = "SECONDS")]
    probe_budget_s: Option<u64>,

    /// The most probes in flight, each to another miner
    #[arg(long, default_value_t = 16, value_name = "N")]
    probes: usize,

    /// File that keeps standings over a restart
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl Validator {
    /// Grades until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    ///
    /// When it cannot start or cannot go on; the message says what to do.
    pub async fn run(self) -> Result<()> {
        let pair = Pair::from_uri_or_file(&self.hotkey).context("read --hotkey")?;
        let config = validator::Config {
            node: self.node,
            netuid: self.netuid,
            listen: self.listen,
            setup: Setup {
                model: self.model,
                model_name: self.model_name,
                challenges: self.challenges,
                probe_budget: self.probe_budget_s.map(Duration::from_secs),
                ..Setup::default()
            },
            probe_interval: Duration::from_millis(self.probe_interval_ms),
            probes_max: self.probes,
            state: self.state,
        };
        validator::run(config, pair, shutdown::on_signal()?).await?;
        Ok(())
    }
}

/// The list of tasks, as help shows it.
fn known_tasks() -> String {
    let known = tasks::list()
        .iter()
        .map(|kind| format!("  {:<26} {}\n", kind.id().to_string(), kind.about()));
    let head =
        "Tasks this program knows; an option that the subnet's task has no use for is refused:\n";
    std::iter::once(head.to_owned()).chain(known).collect()
}
