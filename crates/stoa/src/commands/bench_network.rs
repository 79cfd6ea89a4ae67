//! The network that `stoa bench` measures: authorities as processes on this machine, over real TCP and disk.

use anyhow::{Context, Result, bail};
use node::{Measured, genesis::Genesis};
use runtime::genesis::GenesisSpec;
use std::{
    fs::File,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::Instant;

/// Blocks at the start that are not counted: peers still connect, caches are cold.
pub(super) const WARM_UP_BLOCKS: u32 = 8;
/// Most blocks that a node remembers, hence most that one measurement can count.
const BLOCKS_MAX: u64 = 4_000;

/// Authorities that agree with each other, each a process; they end with this.
pub(super) struct Network {
    directory: TempDir,
    peers: Vec<Peer>,
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

impl Network {
    /// Draws keys for so many authorities and starts them on a chain.
    pub(super) fn start(spec: GenesisSpec, authorities: u32) -> Result<Self> {
        let directory = tempfile::tempdir().context("make a directory for the network")?;
        let count = authorities as usize;
        let ports = free_ports(3 * count)?;
        let mut rng: rand::rngs::StdRng = rand::make_rng();
        let (mut genesis, keys) = node::genesis::draw(&mut rng, spec, authorities, 0)?;
        for (authority, port) in genesis.authorities.iter_mut().zip(&ports) {
            authority.p2p = local(*port).to_string();
        }
        node::genesis::write(directory.path(), &genesis, &keys)?;
        let peers = (0..count)
            .map(|index| {
                let [rpc, metrics] = [1, 2].map(|row| local(ports[row * count + index]));
                Peer::start(directory.path(), index, rpc, metrics)
            })
            .collect::<Result<_>>()?;
        Ok(Self { directory, peers })
    }

    /// Waits until every node has finalized a block, and returns the height of the last to do so.
    pub(super) async fn first_block(&self, patience: Duration) -> Result<u32> {
        let deadline = Instant::now() + patience;
        let mut first = 0;
        for (index, peer) in self.peers.iter().enumerate() {
            loop {
                let blocks = finality(peer.metrics).await.unwrap_or_default();
                if let Some(block) = blocks.first() {
                    first = first.max(block.number);
                    break;
                }
                if Instant::now() > deadline {
                    let name = node::genesis::authority_name(index);
                    let log = self.directory.path().join(format!("{name}.log"));
                    bail!(
                        "{name} has finalized nothing in {patience:?}: {}",
                        std::fs::read_to_string(log).unwrap_or_default().trim()
                    );
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(first)
    }

    /// What each node remembers of the blocks that it saw become final.
    pub(super) async fn finality(&self) -> Result<Vec<Vec<Measured>>> {
        let mut nodes = Vec::with_capacity(self.peers.len());
        for peer in &self.peers {
            nodes.push(finality(peer.metrics).await?);
        }
        Ok(nodes)
    }

    /// Ends every process; what they wrote stays until the answer is dropped.
    pub(super) fn stop(self) -> Stopped {
        Stopped {
            directory: self.directory,
        }
    }
}

impl Peer {
    fn start(directory: &Path, index: usize, rpc: SocketAddr, metrics: SocketAddr) -> Result<Self> {
        let name = node::genesis::authority_name(index);
        let log = File::create(directory.join(format!("{name}.log")))?;
        let binary = std::env::current_exe().context("find this program")?;
        let child = Command::new(binary)
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
        Ok(Self { child, metrics })
    }
}

/// What a network left on disk.
pub(super) struct Stopped {
    directory: TempDir,
}

impl Stopped {
    /// The description that the network began with.
    pub(super) fn genesis(&self) -> Result<Genesis> {
        let path = self.directory.path().join(node::genesis::GENESIS_FILE);
        Ok(Genesis::read(&path)?)
    }

    /// The first authority's ledger.
    pub(super) fn ledger(&self) -> PathBuf {
        let name = node::genesis::authority_name(0);
        self.directory.path().join(name).join("ledger")
    }

    /// A place for another.
    pub(super) fn scratch(&self) -> PathBuf {
        self.directory.path().join("scratch")
    }
}

/// Refuses to measure more blocks than nodes remember.
pub(super) fn ensure_countable(seconds: u64, interval_ms: u64) -> Result<()> {
    if seconds * 1_000 / interval_ms.max(1) > BLOCKS_MAX {
        bail!("a measurement counts at most {BLOCKS_MAX} blocks; lower --seconds");
    }
    Ok(())
}

/// What a measurement runs on.
pub(super) fn executor() -> Result<tokio::runtime::Runtime> {
    // The HTTP client insists on a provider even where nothing is encrypted; a second choice changes nothing.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// The value below which a share `q` of `ascending` lies.
pub(super) fn quantile(ascending: &[f64], q: f64) -> f64 {
    let last = ascending.len().saturating_sub(1);
    let rank = (last as f64 * q).ceil() as usize;
    ascending.get(rank.min(last)).copied().unwrap_or(f64::NAN)
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
