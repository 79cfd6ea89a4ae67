//! `stoa validator`: grades the miners of a subnet and publishes weights.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use inference::Model;
use keys::Pair;
use primitives::NetUid;

use super::miner::{model_name, model_source};
use crate::shutdown;

/// Grade miners and publish weights
#[derive(Args)]
pub struct Validator {
    /// The node to follow
    #[arg(long, default_value = "ws://127.0.0.1:9944", value_name = "URL")]
    node: String,

    /// The hotkey that signs: the path of a hotkey file, or a development key such as //Alice//hotkey
    #[arg(long, value_name = "KEY")]
    hotkey: String,

    /// The subnet to grade
    #[arg(long, default_value = "1", value_name = "N")]
    netuid: NetUid,

    /// Where to serve /standings, /health and /metrics
    #[arg(long, default_value = "127.0.0.1:8100", value_name = "ADDR")]
    listen: SocketAddr,

    /// Directory of the model that miners are to serve [default: the one inside this program]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,

    /// The name miners serve it under [default: the directory's name]
    #[arg(long, value_name = "NAME")]
    serve_as: Option<String>,

    /// The mean time between two probes of one miner, in milliseconds
    #[arg(long, default_value_t = 4000, value_name = "MS")]
    probe_interval_ms: u64,

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
        let source = model_source(self.model.as_deref());
        let name = model_name(self.serve_as.as_deref(), &source)?;
        let model = Model::open(&source)?;
        let config = validator::Config {
            node: self.node,
            netuid: self.netuid,
            listen: self.listen,
            model: name,
            probe_interval: Duration::from_millis(self.probe_interval_ms),
            probes_max: self.probes,
            state: self.state,
        };
        validator::run(config, pair, Arc::new(model), shutdown::on_signal()?).await?;
        Ok(())
    }
}
