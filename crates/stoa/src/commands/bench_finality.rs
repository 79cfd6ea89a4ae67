//! `stoa bench finality`: how long a block takes from its proposal to being final, over real processes.

use anyhow::{Context, Result, bail};
use clap::Args;
use node::Measured;
use serde_json::json;
use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// How long the network may take to finalize its first block.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Blocks at the start that are not counted: peers still connect, caches are cold.
const WARM_UP_BLOCKS: u32 = 8;
/// Most blocks that a node remembers, hence most that one measurement can count.
const BLOCKS_MAX: u64 = 4_000;

/// From a block's proposal to its finality, over real processes
#[derive(Args)]
pub struct BenchFinality {
    /// Time between blocks in milliseconds
    #[arg(long, default_value_t = 250, value_name = "MS")]
    interval_ms: u64,

    /// How many authorities agree
    #[arg(long, default_value_t = 4, value_name = "COUNT")]
    authorities: u32,

    /// How long to measure
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    seconds: u64,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One node of the measured network.
struct Peer {
    child: Child,
    metrics: SocketAddr,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl BenchFinality {
    /// Runs the network, measures, and prints.
    ///
    /// # Errors
    ///
    /// When a node cannot be started or the network makes no progress.
    pub fn run(self) -> Result<()> {
        if self.seconds * 1_000 / self.interval_ms.max(1) > BLOCKS_MAX {
            bail!("a measurement counts at most {BLOCKS_MAX} blocks; lower --seconds");
        }
        // The HTTP client insists on a provider even where nothing is encrypted; a second choice changes nothing.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let figures = runtime.block_on(self.measure())?;
        if self.json {
            println!("{:#}", figures.json(&self));
        } else {
            figures.print(&self);
        }
        Ok(())
    }

    async fn measure(&self) -> Result<Figures> {
        let directory = tempfile::tempdir().context("make a directory for the network")?;
        let peers = self.start(directory.path())?;
        let first = first_block(&peers, directory.path()).await?;
        sleep_until(Instant::now() + Duration::from_secs(self.seconds)).await;
        let mut figures = Figures::default();
        for peer in &peers {
            let blocks = finality(peer.metrics).await?;
            for block in blocks
                .iter()
                .filter(|block| block.number > first + WARM_UP_BLOCKS)
            {
                figures.everywhere.push(block.ms);
                if block.own {
                    figures.at_proposer.push(block.ms);
                }
            }
        }
        figures.sort();
        if figures.at_proposer.is_empty() {
            bail!("no block became final after the first {WARM_UP_BLOCKS}; measure for longer");
        }
        Ok(figures)
    }

    fn start(&self, directory: &Path) -> Result<Vec<Peer>> {
        let count = self.authorities as usize;
        let ports = free_ports(3 * count)?;
        let spec = runtime::genesis::GenesisSpec::development(self.interval_ms);
        let mut rng: rand::rngs::StdRng = rand::make_rng();
        let (mut genesis, keys) = node::genesis::draw(&mut rng, spec, self.authorities, 0)?;
        for (authority, port) in genesis.authorities.iter_mut().zip(&ports) {
            authority.p2p = local(*port).to_string();
        }
        node::genesis::write(directory, &genesis, &keys)?;
        let binary = std::env::current_exe().context("find this program")?;
        (0..count)
            .map(|index| {
                let (rpc, metrics) = (local(ports[count + index]), local(ports[2 * count + index]));
                let name = node::genesis::authority_name(index);
                let log = File::create(directory.join(format!("{name}.log")))?;
                let child = Command::new(&binary)
                    .args(["--log", "warn", "--end-with-parent", "node", "--genesis"])
                    .arg(directory.join(node::genesis::GENESIS_FILE))
                    .arg("--key")
                    .arg(directory.join(format!("{name}.json")))
                    .arg("--base-path")
                    .arg(directory.join(&name))
                    .args(["--rpc", &rpc.to_string(), "--metrics", &metrics.to_string()])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .stderr(log)
                    .spawn()
                    .with_context(|| format!("start {name}"))?;
                Ok(Peer { child, metrics })
            })
            .collect()
    }
}

/// What was measured, in milliseconds, ascending.
#[derive(Default)]
struct Figures {
    /// On the authority that proposed the block: one clock, both ends.
    at_proposer: Vec<f64>,
    /// On every authority; they share this machine's clock.
    everywhere: Vec<f64>,
}

impl Figures {
    fn sort(&mut self) {
        self.at_proposer.sort_by(f64::total_cmp);
        self.everywhere.sort_by(f64::total_cmp);
    }

    fn json(&self, bench: &BenchFinality) -> serde_json::Value {
        let row = |figures: &[f64]| {
            json!({
                "count": figures.len(),
                "p50_ms": quantile(figures, 0.5),
                "p90_ms": quantile(figures, 0.9),
                "p99_ms": quantile(figures, 0.99),
                "max_ms": quantile(figures, 1.0),
            })
        };
        json!({
            "interval_ms": bench.interval_ms,
            "authorities": bench.authorities,
            "seconds": bench.seconds,
            "at_proposer": row(&self.at_proposer),
            "everywhere": row(&self.everywhere),
        })
    }

    fn print(&self, bench: &BenchFinality) {
        println!(
            "proposal to final, {} authorities as processes on this machine, a block every {} ms, {} s",
            bench.authorities, bench.interval_ms, bench.seconds
        );
        println!();
        println!(
            "{:<34} {:>7} {:>8} {:>8} {:>8} {:>8}",
            "", "blocks", "p50 ms", "p90 ms", "p99 ms", "max ms"
        );
        for (name, figures) in [
            ("at the authority that proposed it", &self.at_proposer),
            ("at every authority", &self.everywhere),
        ] {
            let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|q| quantile(figures, q));
            println!(
                "{name:<34} {:>7} {p50:>8.0} {p90:>8.0} {p99:>8.0} {max:>8.0}",
                figures.len()
            );
        }
        println!();
        println!(
            "The limit: three network hops (proposal, votes to notarize, votes to finalize), two executions"
        );
        println!(
            "(the leader's, then everybody's at once) and the fsyncs of votes, block and ledger in between."
        );
    }
}

/// The value below which a share `q` of `ascending` lies.
fn quantile(ascending: &[f64], q: f64) -> f64 {
    let last = ascending.len().saturating_sub(1);
    let rank = (last as f64 * q).ceil() as usize;
    ascending.get(rank.min(last)).copied().unwrap_or(f64::NAN)
}

/// Waits until every node has finalized a block, and returns the height of the last to do so.
async fn first_block(peers: &[Peer], directory: &Path) -> Result<u32> {
    let deadline = Instant::now() + START_PATIENCE;
    let mut first = 0;
    for (index, peer) in peers.iter().enumerate() {
        loop {
            let blocks = finality(peer.metrics).await.unwrap_or_default();
            if let Some(block) = blocks.first() {
                first = first.max(block.number);
                break;
            }
            if Instant::now() > deadline {
                let name = node::genesis::authority_name(index);
                let log = std::fs::read_to_string(directory.join(format!("{name}.log")));
                bail!(
                    "{name} has finalized nothing in {START_PATIENCE:?}: {}",
                    log.unwrap_or_default().trim()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(first)
}

async fn finality(metrics: SocketAddr) -> Result<Vec<Measured>> {
    let answer = reqwest::get(format!("http://{metrics}/finality")).await?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Ports that nobody listens on, asked of the system all at once so that they differ.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners = (0..count)
        .map(|_| TcpListener::bind(local(0)))
        .collect::<std::io::Result<Vec<_>>>()
        .context("find free ports")?;
    listeners
        .iter()
        .map(|it| Ok(it.local_addr()?.port()))
        .collect()
}
