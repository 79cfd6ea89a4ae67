//! `stoa miner`: answers signed requests with a model in this process, or with a server behind it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use inference::local::Limits;
use inference::model::{SHIPPED, Source};
use inference::upstream::Settings;
use inference::{Engine, LocalEngine, Model, Upstream};
use keys::Pair;
use primitives::NetUid;

use crate::shutdown;

/// Requests that wait for the engine beyond those it answers.
const WAITING: usize = 32;
/// How long a server behind the miner may stay silent.
const UPSTREAM_PATIENCE: Duration = Duration::from_secs(30);

/// Answer requests on a subnet
#[derive(Args)]
pub struct Miner {
    /// The node to follow
    #[arg(long, default_value = "ws://127.0.0.1:9944", value_name = "URL")]
    node: String,

    /// The hotkey that signs: the path of a hotkey file, or a development key such as //Bob//hotkey
    #[arg(long, value_name = "KEY")]
    hotkey: String,

    /// The subnet to serve
    #[arg(long, default_value = "1", value_name = "N")]
    netuid: NetUid,

    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8091", value_name = "ADDR")]
    listen: SocketAddr,

    /// The address to publish on chain, if others reach this miner at another than --listen
    #[arg(long, value_name = "ADDR")]
    announce: Option<SocketAddr>,

    /// Directory of the model: config.json, tokenizer.json and safetensors [default: the one inside this program]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,

    /// An OpenAI-compatible server to forward to instead, such as http://127.0.0.1:8000/v1
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "model",
        requires = "upstream_model"
    )]
    upstream: Option<String>,

    /// The model's name at the server
    #[arg(long, value_name = "NAME", requires = "upstream")]
    upstream_model: Option<String>,

    /// The key the server asks for
    #[arg(
        long,
        value_name = "KEY",
        env = "STOA_UPSTREAM_KEY",
        hide_env_values = true,
        requires = "upstream"
    )]
    upstream_key: Option<String>,

    /// The server's context, in tokens
    #[arg(long, value_name = "N", default_value_t = 4096, requires = "upstream")]
    upstream_context: usize,

    /// The server can return token ids (vLLM can), which validators need to verify its answers
    #[arg(long, requires = "upstream")]
    upstream_token_ids: bool,

    /// The name to serve the model under [default: the directory's name, or the server's name for it]
    #[arg(long, value_name = "NAME")]
    serve_as: Option<String>,

    /// The most answers at once; more are refused with retry-after
    #[arg(long, default_value_t = 16, value_name = "N")]
    answers: usize,

    /// Development only: cheat, to show that validators notice
    #[arg(long, value_name = "KIND", conflicts_with = "upstream")]
    villain: Option<Villain>,

    /// Development only: what a canned villain always says
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Indeed, that is an excellent question.",
        requires = "villain"
    )]
    canned: String,
}

/// How a development miner cheats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Villain {
    /// Serve untrained weights under the model's name
    Untrained,
    /// Answer everything with the same text
    Canned,
}

impl Miner {
    /// Serves until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    ///
    /// When it cannot start or cannot go on; the message says what to do.
    pub async fn run(self) -> Result<()> {
        let pair = Pair::from_uri_or_file(&self.hotkey).context("read --hotkey")?;
        let engine = self.engine()?;
        let config = miner::Config {
            node: self.node,
            netuid: self.netuid,
            listen: self.listen,
            announce: self.announce,
            model: engine.model().to_owned(),
            answers_max: self.answers,
        };
        miner::run(config, pair, engine, shutdown::on_signal()?).await?;
        Ok(())
    }

    fn engine(&self) -> Result<Arc<dyn Engine>> {
        match &self.upstream {
            Some(url) => self.upstream_engine(url),
            None => self.local_engine(),
        }
    }

    fn local_engine(&self) -> Result<Arc<dyn Engine>> {
        let source = model_source(self.model.as_deref());
        let name = model_name(self.serve_as.as_deref(), &source)?;
        let limits = Limits {
            answers: self.answers,
            waiting: WAITING,
        };
        let model = match self.villain {
            None => Model::open(&source)?,
            Some(Villain::Untrained) => Model::untrained(&source, rand::random())?,
            Some(Villain::Canned) => return self.canned_engine(name, &source),
        };
        Ok(Arc::new(LocalEngine::start(name, Arc::new(model), limits)?))
    }

    fn canned_engine(&self, name: String, source: &Source) -> Result<Arc<dyn Engine>> {
        let model = Model::open(source)?;
        let token_ids = model.vocabulary().encode(&self.canned)?;
        let context_tokens = model.context_tokens();
        Ok(Arc::new(miner::villain::Canned::new(
            name,
            self.canned.clone(),
            token_ids,
            context_tokens,
        )))
    }

    fn upstream_engine(&self, url: &str) -> Result<Arc<dyn Engine>> {
        let model = self
            .upstream_model
            .clone()
            .context("give --upstream-model")?;
        let settings = Settings {
            url: url.to_owned(),
            offered_as: self.serve_as.clone().unwrap_or_else(|| model.clone()),
            model,
            api_key: self.upstream_key.clone(),
            context_tokens: self.upstream_context,
            answers: self.answers,
            patience: UPSTREAM_PATIENCE,
            token_ids: self.upstream_token_ids,
        };
        Ok(Arc::new(Upstream::new(settings)?))
    }
}

/// The model of a directory, or the one inside this program.
pub(super) fn model_source(folder: Option<&Path>) -> Source {
    folder.map_or(Source::Shipped, |folder| Source::Folder(folder.to_owned()))
}

/// The name a model goes by: the one given, or its directory's.
///
/// # Errors
///
/// If the directory is not there.
pub(super) fn model_name(given: Option<&str>, source: &Source) -> Result<String> {
    match (given, source) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, Source::Shipped) => Ok(SHIPPED.to_owned()),
        (None, Source::Folder(folder)) => {
            let full = folder
                .canonicalize()
                .with_context(|| format!("open the model in {}", folder.display()))?;
            let name = full
                .file_name()
                .context("the model's directory has no name: give --serve-as")?;
            Ok(name.to_string_lossy().into_owned())
        }
    }
}
