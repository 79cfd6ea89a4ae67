//! `stoa miner`: answers signed requests of a subnet's task, whatever the task is.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use keys::Pair;
use primitives::{NetUid, TaskId};
use tasks::{Setup, Upstream};

use crate::shutdown;

/// Answer requests on a subnet
#[derive(Args)]
#[command(after_help = known_tasks())]
pub struct Miner {
    /// The node to follow
    #[arg(long, default_value = "ws://127.0.0.1:9944", value_name = "URL")]
    node: String,

    /// The hotkey that signs: the path of a hotkey file, or a development key such as //Bob//hotkey
    #[arg(long, value_name = "KEY")]
    hotkey: String,

    /// The subnet to serve; it names its task on chain
    #[arg(long, default_value = "1", value_name = "N")]
    netuid: NetUid,

    /// The task you take the subnet to have, to be told if it has another [default: whatever it has]
    #[arg(long, value_name = "NAME/VERSION")]
    task: Option<TaskId>,

    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8091", value_name = "ADDR")]
    listen: SocketAddr,

    /// The address to publish on chain, if others reach this miner at another than --listen
    #[arg(long, value_name = "ADDR")]
    announce: Option<SocketAddr>,

    /// Directory of the model, for tasks that have one [default: the one inside this program]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,

    /// The name to serve the model under [default: the directory's name]
    #[arg(long, value_name = "NAME", alias = "serve-as")]
    model_name: Option<String>,

    /// A server that does the work instead: for text any OpenAI-compatible one, such as http://127.0.0.1:8000/v1, with the
    /// --model-name to serve its model under
    #[arg(long, value_name = "URL", conflicts_with = "model")]
    upstream: Option<String>,

    /// The model's name at that server [default: --model-name]
    #[arg(long, value_name = "NAME", requires = "upstream")]
    upstream_model: Option<String>,

    /// The key that server asks for
    #[arg(
        long,
        value_name = "KEY",
        env = "STOA_UPSTREAM_KEY",
        hide_env_values = true,
        requires = "upstream"
    )]
    upstream_key: Option<String>,

    /// How much of the time that a request gives to spend on it, from 0 to 1, for tasks whose requests give a time [default: 1]
    #[arg(long, value_name = "SHARE")]
    effort: Option<f64>,

    /// The most answers at once; more are refused with retry-after
    #[arg(long, default_value_t = 16, value_name = "N")]
    answers: usize,

    /// Development only: cheat, to show that validators notice; the tasks' cheats are listed below
    #[arg(long, value_name = "NAME")]
    cheat: Option<String>,

    /// Development only: be slower by so many milliseconds per answer, and for text per token, to see what slowness costs
    #[arg(long, default_value_t = 0, value_name = "MS")]
    throttle_ms: u64,
}

impl Miner {
    /// Serves until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    ///
    /// When it cannot start or cannot go on; the message says what to do.
    pub async fn run(self) -> Result<()> {
        let pair = Pair::from_uri_or_file(&self.hotkey).context("read --hotkey")?;
        let upstream = self.upstream.map(|url| Upstream {
            url,
            api_key: self.upstream_key,
            model: self.upstream_model,
        });
        let config = miner::Config {
            node: self.node,
            netuid: self.netuid,
            listen: self.listen,
            announce: self.announce,
            task: self.task,
            setup: Setup {
                model: self.model,
                model_name: self.model_name,
                challenges: None,
                upstream,
                cheat: self.cheat,
                answers_max: Some(self.answers),
                effort: self.effort,
                probe_budget: None,
            },
            throttle: Duration::from_millis(self.throttle_ms),
            answers_max: self.answers,
        };
        miner::run(config, pair, shutdown::on_signal()?).await?;
        Ok(())
    }
}

/// The list of tasks with their cheats, as help shows it.
fn known_tasks() -> String {
    let mut text = String::from(
        "Tasks this program knows; an option that the subnet's task has no use for is refused:\n",
    );
    for kind in tasks::list() {
        let _ = writeln!(text, "  {:<26} {}", kind.id().to_string(), kind.about());
        if !kind.cheats().is_empty() {
            let _ = writeln!(text, "{:29}cheats: {}", "", kind.cheats().join(", "));
        }
    }
    text
}
