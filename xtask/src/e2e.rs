//! The market seen from outside: a real localnet, driven by the real `openai` and `bittensor` packages.
//!
//! Nothing here is simulated. The release binary starts its processes in a scratch directory on free ports; the Python
//! packages come from PyPI, unmodified, into an environment of their own under the target directory.

use crate::call;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What the checks import, at versions known to work or newer ones of the same line.
const PACKAGES: [&str; 5] = [
    "bittensor==11.3.0",
    "openai>=2,<3",
    "huggingface_hub>=1",
    "pillow>=11",
    "scikit-learn>=1.5",
];

/// Checks that share one localnet, in this order.
const SHARED: [&str; 3] = ["openai_client", "images_client", "btcli"];

/// Checks that start what they need themselves: a localnet to kill, another cast, a training.
const ALONE: [&str; 5] = ["market", "folds", "sixteen", "python_miner", "digits"];

/// How long a localnet may take from its start until its gateway answers.
const START_SECONDS_MAX: u64 = 120;

#[derive(Args, Default)]
pub struct EndToEnd {
    /// Runs only the checks whose name contains this text.
    #[arg(long)]
    pub only: Option<String>,
}

impl EndToEnd {
    /// Builds the release binary, starts a localnet, and runs each check against it; then the checks that start their own.
    pub fn run(&self, root: &Path) -> Result<()> {
        build(root)?;
        let target = target_directory(root)?;
        let check = Check {
            root,
            target: &target,
            python: python_environment(root, &target)?,
        };
        let shared: Vec<&str> = SHARED.into_iter().filter(|name| self.wants(name)).collect();
        if !shared.is_empty() {
            let market = Localnet::start(&target)?;
            for name in shared {
                check.run(name, &market.addresses())?;
            }
            market.stop()?;
        }
        for name in ALONE.into_iter().filter(|name| self.wants(name)) {
            check.run(name, &[])?;
        }
        Ok(())
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.contains(only))
    }
}

/// Builds the binary that the checks drive.
pub fn build(root: &Path) -> Result<()> {
    let arguments = ["build", "--release", "--locked", "-p", "stoa"];
    call(root, "cargo", &arguments)
}

/// How a check is started.
struct Check<'a> {
    root: &'a Path,
    target: &'a Path,
    python: PathBuf,
}

impl Check<'_> {
    fn run(&self, name: &str, addresses: &[(&str, String)]) -> Result<()> {
        eprintln!("e2e: {name}");
        let status = Command::new(&self.python)
            .arg(self.root.join(format!("tests/e2e/{name}.py")))
            .env("STOA_BINARY", self.target.join("release/stoa"))
            .env(
                "BITTENSOR_RUNTIME_CACHE_DIR",
                self.target.join("e2e-runtime-cache"),
            )
            .envs(addresses.iter().map(|(name, value)| (name, value)))
            .status()
            .with_context(|| format!("start the check {name}"))?;
        if !status.success() {
            bail!("the check {name} failed: {status}");
        }
        Ok(())
    }
}

/// Where cargo builds to, by its own account.
fn target_directory(root: &Path) -> Result<PathBuf> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .context("ask cargo for its target directory")?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let path = metadata["target_directory"]
        .as_str()
        .context("cargo names its target directory")?;
    Ok(PathBuf::from(path))
}

/// Makes (once) a virtual environment with [`PACKAGES`] and returns its interpreter.
fn python_environment(root: &Path, target: &Path) -> Result<PathBuf> {
    let directory = target.join("e2e-python");
    let python = directory.join("bin/python");
    let stamp = directory.join("packages.txt");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    let path = directory
        .to_str()
        .context("the target directory's path is UTF-8")?;
    call(root, "python3", &["-m", "venv", "--clear", path])?;
    let interpreter = python
        .to_str()
        .context("the target directory's path is UTF-8")?;
    let mut install = vec![
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    install.extend(PACKAGES);
    call(root, interpreter, &install)?;
    fs::write(&stamp, wanted).context("remember which packages are installed")?;
    Ok(python)
}

/// A running localnet; ended when dropped.
struct Localnet {
    process: Child,
    data_directory: PathBuf,
    rpc_port: u16,
    gateway_port: u16,
}

impl Localnet {
    /// Starts a fresh localnet and waits until it says that it is ready.
    fn start(target: &Path) -> Result<Self> {
        let data_directory = target.join("e2e-localnet");
        if data_directory.exists() {
            fs::remove_dir_all(&data_directory).context("clear the last run's localnet")?;
        }
        fs::create_dir_all(&data_directory)?;
        let (rpc_port, gateway_port) = (free_port()?, free_port()?);
        let log = File::create(data_directory.join("localnet.log"))?;
        let mut process = Command::new(target.join("release/stoa"))
            .arg("localnet")
            .arg("--data-dir")
            .arg(&data_directory)
            .args(["--rpc-port", &rpc_port.to_string()])
            .args(["--gateway-port", &gateway_port.to_string()])
            .args(["--p2p-port", &free_port()?.to_string()])
            .args(["--service-port", &free_port()?.to_string()])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("start the localnet")?;
        let output = process
            .stdout
            .take()
            .context("the localnet's output is piped")?;
        let started = Instant::now();
        let market = Self {
            process,
            data_directory,
            rpc_port,
            gateway_port,
        };
        market.wait_until_ready(output)?;
        eprintln!(
            "e2e: the localnet is ready after {:.1} s",
            started.elapsed().as_secs_f64()
        );
        Ok(market)
    }

    /// Reads the localnet's output until its table appears.
    fn wait_until_ready(&self, output: impl std::io::Read + Send + 'static) -> Result<()> {
        let (sender, lines) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut ready = false;
            // Goes on reading after the table, so that the localnet never blocks on a full pipe.
            for line in BufReader::new(output).lines().map_while(|line| line.ok()) {
                if !ready && line.contains("ready") {
                    ready = true;
                    // The receiver is gone only when the wait below has already failed.
                    sender.send(()).ok();
                }
            }
        });
        lines
            .recv_timeout(Duration::from_secs(START_SECONDS_MAX))
            .map_err(|_| {
                anyhow::anyhow!(
                    "no ready localnet within {START_SECONDS_MAX} s; see {}",
                    self.logs().display()
                )
            })
    }

    /// Where a check finds this localnet.
    fn addresses(&self) -> [(&'static str, String); 2] {
        [
            ("STOA_WS", format!("ws://127.0.0.1:{}", self.rpc_port)),
            (
                "STOA_GATEWAY",
                format!("http://127.0.0.1:{}/v1", self.gateway_port),
            ),
        ]
    }

    fn logs(&self) -> PathBuf {
        self.data_directory.join("logs")
    }

    /// Ends the localnet as Ctrl-C would, and checks that it ends well.
    fn stop(mut self) -> Result<()> {
        let id = self.process.id().to_string();
        let status = Command::new("kill")
            .args(["-INT", &id])
            .status()
            .context("interrupt it")?;
        if !status.success() {
            bail!(
                "the localnet ended before it was told to; see {}",
                self.logs().display()
            );
        }
        let status = self.process.wait().context("wait for the localnet's end")?;
        if !status.success() {
            bail!("the localnet ended badly: {status}");
        }
        Ok(())
    }
}

impl Drop for Localnet {
    fn drop(&mut self) {
        // Already ended when `stop` ran; on any other path this is the clean-up, and its failure changes nothing.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A port that is free now; the system gives each caller another.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr()?.port())
}
