//! A whole market on one machine: every role as its own process, started as an operator would start it.
//!
//! ```text
//!  premises ──▶ genesis ──▶ authorities ──▶ opening ──▶ miners, validators, gateway ──▶ first ──▶ table
//!  (directory,   (once)      (a block is     (subnets,    (a few at a time; each         (an answer  (until
//!   ports, disk)              finalized)      seats, stake) answers /health)              of each     Ctrl-C)
//!                                                                                         task)
//! ```
//!
//! The localnet holds no state of its own: the chain and the daemons' files in the data directory are everything, so a start
//! after Ctrl-C, or after `kill -9` of all of it, resumes the same market. `processes.json` there says how each process is
//! started, `status.json` how the market stands.

mod cast;
mod first;
mod opening;
mod playbill;
mod premises;
mod processes;
mod status;
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

/// Processes that may be starting at once: more would only wait for each other's share of the processor.
const STARTING_AT_ONCE: usize = 8;

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
        let premises = Premises::take(&self.data_dir, premises::LOCK_PATIENCE).await?;
        let directory = premises.directory();
        let cast = self.staging.cast(directory)?;
        premises::ensure_ports_free(&self.staging.ports(&cast))?;
        let binary = std::env::current_exe().context("find this program's own file")?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("make an HTTP client")?;
        let mut stage = Stage {
            binary: &binary,
            premises: &premises,
            http: &http,
            processes,
        };

        if premises.is_new() {
            steps.begin("making a genesis and the authorities' keys");
            self.make_genesis(&binary, directory).await?;
        }
        steps.begin(&format!("starting {} authorities", cast.authorities.len()));
        for authority in &cast.authorities {
            stage.start(authority)?;
        }
        stage.describe()?;
        let client = stage.connect(&cast::chain_urls(&cast.authorities)).await?;
        let head = stage.first_finalized(&client).await?;
        steps.begin(&format!(
            "block {head} is final; opening {} on chain",
            counted(cast.troupes.len(), "subnet")
        ));
        opening::open(&client, &cast, self.tempo).await?;
        self.enter(&mut steps, &mut stage, &cast).await?;
        steps.begin("waiting for the validators' first verdicts");
        first::verdicts(&http, &cast).await?;
        steps.begin("asking the gateway for a first answer");
        let answers = first::answers(&http, &cast).await?;
        steps.end(&answers);
        table::keep(
            &client,
            &http,
            &cast,
            &self.staging,
            directory,
            stage.processes,
        )
        .await
    }

    /// Starts everybody who works for the market.
    async fn enter(&self, steps: &mut Steps, stage: &mut Stage<'_>, cast: &Cast) -> Result<()> {
        steps.begin(&format!(
            "starting {}",
            counted(cast.miners().count(), "miner")
        ));
        stage.bring_up(cast.miners()).await?;
        steps.begin(&format!(
            "starting {} and the gateway",
            counted(cast.validators().count(), "validator")
        ));
        let rest = cast.validators().chain(std::iter::once(&cast.gateway));
        stage.bring_up(rest).await
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
    http: &'a reqwest::Client,
    processes: &'a mut Vec<Process>,
}

impl Stage<'_> {
    fn start(&mut self, role: &Role) -> Result<()> {
        let logs = self.premises.logs();
        let process = Process::start(self.binary, &logs, role)?;
        self.processes.push(process);
        Ok(())
    }

    /// Writes down who runs, for those who want to kill a process and start it again.
    fn describe(&self) -> Result<()> {
        processes::describe(self.processes, self.binary, self.premises.directory())
    }

    /// Starts daemons, a few at a time, and waits until each answers its health check.
    async fn bring_up<'r>(&mut self, roles: impl Iterator<Item = &'r Role>) -> Result<()> {
        let roles: Vec<&Role> = roles.collect();
        for few in roles.chunks(STARTING_AT_ONCE) {
            for role in few {
                self.start(role)?;
            }
            self.describe()?;
            for role in few {
                self.healthy(role).await?;
            }
        }
        Ok(())
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

    /// Waits until a daemon answers its health check.
    async fn healthy(&mut self, role: &Role) -> Result<()> {
        let deadline = tokio::time::Instant::now() + HEALTH_PATIENCE;
        let url = format!("http://127.0.0.1:{}/health", role.port);
        loop {
            let asked = self.http.get(&url).timeout(Duration::from_secs(1));
            if asked
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            self.ensure_running()?;
            ensure!(
                tokio::time::Instant::now() < deadline,
                "{} does not answer {url}; see its log in {}",
                role.name,
                self.premises.logs().display()
            );
            // A process that is starting tells nobody when it listens; asking again is the only way.
            tokio::time::sleep(first::PAUSE).await;
        }
    }
}

/// `1 miner`, `2 miners`.
fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}
