//! A whole market on one machine: every role as its own process, started as an operator would start it.
//!
//! ```text
//!  premises ──▶ genesis ──▶ authorities ──▶ opening ──▶ miners, validators, gateway ──▶ table
//!  (directory,   (once)      (a block is     (subnet,     (each answers /health)          (until Ctrl-C)
//!   ports, disk)              finalized)      seats, stake)
//! ```
//!
//! The localnet holds no state of its own: the chain and the daemons' files in the data directory are everything, so a start
//! after Ctrl-C, or after `kill -9` of all of it, resumes the same market.

mod cast;
mod opening;
mod premises;
mod processes;
mod steps;
mod table;

use crate::shutdown;
use anyhow::{Context, Result, bail, ensure};
use cast::{Cast, Role, Staging};
use clap::Args;
use client::{Client, Follow, Patience};
use premises::Premises;
use processes::Process;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use steps::Steps;

/// How long a daemon may take until it answers its health check.
const HEALTH_PATIENCE: Duration = Duration::from_secs(40);

/// Pause between two looks at a daemon that is not up yet.
const HEALTH_PAUSE: Duration = Duration::from_millis(100);

/// Bring up a whole market on this machine
#[derive(Args)]
pub struct Localnet {
    #[command(flatten)]
    staging: Staging,

    /// Where chain, logs and daemons' files are kept; an existing market there is resumed
    #[arg(long, default_value = "localnet-data")]
    data_dir: PathBuf,

    /// Milliseconds between blocks (of a new market)
    #[arg(long, default_value_t = 250)]
    interval_ms: u64,

    /// Blocks between epochs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(8..))]
    tempo: u16,

    /// A model directory to serve instead of the one inside this program
    #[arg(long)]
    model: Option<PathBuf>,
}

impl Localnet {
    /// Runs the market until Ctrl-C.
    ///
    /// # Errors
    ///
    /// When the machine lacks something, a process ends before the market is open, or the chain refuses a step.
    pub async fn run(self) -> Result<()> {
        let stopping = shutdown::on_signal()?;
        let mut processes = Vec::new();
        let ran = tokio::select! {
            ran = self.perform(&mut processes) => ran,
            () = stopping.cancelled() => Ok(()),
        };
        let ended = !processes.is_empty();
        processes::stop_all(processes).await;
        if ended && ran.is_ok() {
            eprintln!("\nall processes have ended; `stoa localnet` resumes this market");
        }
        ran
    }

    /// Everything from the first check to the table; returns only with an error.
    async fn perform(&self, processes: &mut Vec<Process>) -> Result<()> {
        let mut steps = Steps::new();
        let premises = Premises::take(&self.data_dir)?;
        let directory = premises.directory();
        let model = match &self.model {
            Some(path) => Some(
                path.canonicalize()
                    .with_context(|| format!("find {}", path.display()))?,
            ),
            None => None,
        };
        let cast = self.staging.cast(directory, model.as_deref())?;
        premises::ensure_ports_free(&self.staging.ports(&cast))?;
        let binary = std::env::current_exe().context("find this program's own file")?;
        let mut stage = Stage {
            binary: &binary,
            premises: &premises,
            processes,
        };

        if premises.is_new() {
            steps.begin("making a genesis and the authorities' keys");
            self.make_genesis(&binary, directory).await?;
        }
        steps.begin(&format!("starting {} authorities", cast.authorities.len()));
        stage.start(&cast.authorities)?;
        let client = stage.connect(&cast::chain_urls(&cast.authorities)).await?;
        let head = stage.first_finalized(&client).await?;
        steps.begin(&format!(
            "block {head} is final; opening the market on chain"
        ));
        opening::open(&client, &cast, self.tempo).await?;

        steps.begin(&format!("starting {} miners", cast.miners.len()));
        stage.start(&cast.miners)?;
        stage.healthy(&cast.miners).await?;
        steps.begin(&format!(
            "starting {} validators and the gateway",
            cast.validators.len()
        ));
        stage.start(&cast.validators)?;
        stage.start(std::slice::from_ref(&cast.gateway))?;
        stage.healthy(&cast.validators).await?;
        stage.healthy(std::slice::from_ref(&cast.gateway)).await?;
        steps.begin("waiting for the validators' first verdicts");
        first_verdicts(&cast.validators).await?;
        steps.begin("asking the gateway for a first answer");
        let answer = first_answer(cast.gateway.port).await?;
        steps.end(&format!("the gateway answers: {answer:?}"));
        table::keep(&client, &cast, &self.staging, directory, stage.processes).await
    }

    /// Runs `stoa genesis new`, once in a market's life.
    async fn make_genesis(&self, binary: &Path, directory: &Path) -> Result<()> {
        // Made beside its final place and renamed, so that a torn genesis is never taken for a whole one.
        let unfinished = directory.join("chain.unfinished");
        if let Err(error) = std::fs::remove_dir_all(&unfinished)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error).context("clear an unfinished genesis");
        }
        let output = tokio::process::Command::new(binary)
            .args([
                "genesis",
                "new",
                "--authorities",
                &self.staging.authorities.to_string(),
            ])
            .args(["--interval-ms", &self.interval_ms.to_string()])
            .args(["--p2p-base-port", &self.staging.p2p_port.to_string()])
            .arg("--out")
            .arg(&unfinished)
            .stdin(Stdio::null())
            .output()
            .await
            .context("run `stoa genesis new`")?;
        if !output.status.success() {
            bail!(
                "`stoa genesis new` failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        std::fs::rename(&unfinished, directory.join("chain")).context("move the genesis into place")
    }
}

/// Where processes are started and looked after.
struct Stage<'a> {
    binary: &'a Path,
    premises: &'a Premises,
    processes: &'a mut Vec<Process>,
}

impl Stage<'_> {
    fn start(&mut self, roles: &[Role]) -> Result<()> {
        let logs = self.premises.logs();
        for role in roles {
            self.processes
                .push(Process::start(self.binary, &logs, role)?);
        }
        processes::describe(self.processes, self.binary, self.premises.directory())
    }

    fn ensure_running(&mut self) -> Result<()> {
        self.processes
            .iter_mut()
            .try_for_each(Process::ensure_running)
    }

    /// Connects to an authority as soon as one listens.
    async fn connect(&mut self, urls: &str) -> Result<Client> {
        let patience = Patience {
            connect: Duration::from_secs(1),
            ..Patience::default()
        };
        let deadline = tokio::time::Instant::now() + HEALTH_PATIENCE;
        loop {
            match Client::connect_with(urls, patience).await {
                Ok(client) => return Ok(client),
                Err(error) if deadline <= tokio::time::Instant::now() => {
                    return Err(error).context("connect to an authority");
                }
                // Not listening yet, unless it has ended.
                Err(_) => self.ensure_running()?,
            }
        }
    }

    /// Waits for the first finalized block after genesis and returns its height.
    async fn first_finalized(&mut self, client: &Client) -> Result<u32> {
        let mut heads = client.follow(Follow::Finalized);
        let first = async {
            loop {
                let head = heads.next().await?;
                if 0 < head.number {
                    return Ok::<u32, client::Error>(head.number);
                }
            }
        };
        match tokio::time::timeout(HEALTH_PATIENCE, first).await {
            Ok(number) => Ok(number.context("follow finalized blocks")?),
            Err(_) => {
                self.ensure_running()?;
                bail!(
                    "no block was finalized within {} s; see the logs in {}",
                    HEALTH_PATIENCE.as_secs(),
                    self.premises.logs().display()
                )
            }
        }
    }

    /// Waits until every role answers its health check.
    async fn healthy(&mut self, roles: &[Role]) -> Result<()> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("make an HTTP client")?;
        let deadline = tokio::time::Instant::now() + HEALTH_PATIENCE;
        for role in roles {
            let url = format!("http://127.0.0.1:{}/health", role.port);
            loop {
                let answer = http.get(&url).timeout(Duration::from_secs(1)).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    break;
                }
                self.ensure_running()?;
                ensure!(
                    tokio::time::Instant::now() < deadline,
                    "{} does not answer {url}; see its log in {}",
                    role.name,
                    self.premises.logs().display()
                );
                // A process that is starting tells nobody when it listens; asking again is the only way.
                tokio::time::sleep(HEALTH_PAUSE).await;
            }
        }
        Ok(())
    }
}

/// Waits until every validator has verified an answer of some miner, so that the gateway knows whom to trust.
async fn first_verdicts(validators: &[Role]) -> Result<()> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .context("make an HTTP client")?;
    let deadline = tokio::time::Instant::now() + HEALTH_PATIENCE;
    for validator in validators {
        let has_verified = |standings: protocol::Standings| {
            standings.miners.iter().any(|miner| 0 < miner.verified)
        };
        while !table::report(&http, validator.port)
            .await
            .is_some_and(has_verified)
        {
            ensure!(
                tokio::time::Instant::now() < deadline,
                "{} has verified no answer within {} s; see its log",
                validator.name,
                HEALTH_PATIENCE.as_secs()
            );
            // Standings are asked for, not announced.
            tokio::time::sleep(HEALTH_PAUSE).await;
        }
    }
    Ok(())
}

/// What the market says to its first customer.
async fn first_answer(gateway_port: u16) -> Result<String> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .context("make an HTTP client")?;
    let base = format!("http://127.0.0.1:{gateway_port}/v1");
    let sent = http
        .get(format!("{base}/models"))
        .timeout(HEALTH_PATIENCE)
        .send()
        .await;
    let models: serde_json::Value = sent
        .context("ask the gateway for its models")?
        .json()
        .await
        .context("read its models")?;
    let body = serde_json::json!({
        "model": models["data"][0]["id"],
        "max_tokens": 24,
        "messages": [{"role": "user", "content": "Speak of love."}],
    });
    let url = format!("{base}/chat/completions");
    let sent = http
        .post(&url)
        .timeout(HEALTH_PATIENCE)
        .json(&body)
        .send()
        .await;
    let answer = sent.context("ask the gateway")?;
    let status = answer.status();
    let answer: serde_json::Value = answer.json().await.context("read the gateway's answer")?;
    let text = answer["choices"][0]["message"]["content"].as_str();
    text.map(|text| text.trim().to_owned())
        .with_context(|| format!("the gateway answered {status}: {answer}"))
}

/// Who a hotkey belongs to, for people.
fn role_of<'a>(cast: &'a Cast, hotkey: &primitives::AccountId) -> Option<&'a Role> {
    let players = cast.miners.iter().chain(&cast.validators);
    players.into_iter().find(|role| {
        role.hotkey
            .as_ref()
            .is_some_and(|own| own.account() == *hotkey)
    })
}
