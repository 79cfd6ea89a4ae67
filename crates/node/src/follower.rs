//! Runs a node that follows the chain without a part in agreement, and without anybody's leave.
//!
//! It asks another node for final blocks and believes nothing it gets:
//!
//! 1. every block extends the one before it, from this node's own last final block on;
//! 2. a certificate in the answer, checked against the group key of the genesis, makes its block and all before it final;
//! 3. the block is executed here, and must give the state root in its header.
//!
//! A source that fails any of these, or does not answer, is left for the next one. The chain can thus be followed
//! through nodes that nobody trusts; the worst they can do is to be silent.

use crate::{
    Config, Error, Shutdown,
    chain::LedgerChain,
    genesis::Genesis,
    host::Host,
    presence::Presence,
    source::{Claimed, Source},
    transactions::{self, Exchange},
};
use commonware_runtime::{Runner as _, Spawner as _, Supervisor as _, tokio as machine};
use consensus::{Block, Chain as _, Committee, Finalized, Progress, gossip};
use rand::rngs::StdRng;
use std::time::{Duration, SystemTime};
use tokio::{sync::mpsc, time::sleep};
use tracing::{info, warn};

/// Directory of the runtime's own files within the base path.
const RUNTIME: &str = "follower";
/// Blocks asked for at a time.
const BATCH: u32 = 64;
/// Bounds of the pause before asking for what is not there yet.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Pause after every source has failed in turn.
const RETRY: Duration = Duration::from_secs(1);
/// How long the parts of a stopping node have to end by themselves.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// A follower that is ready to start.
pub(crate) struct Follower {
    host: Host,
    committee: Committee,
    sources: Vec<Source>,
}

impl Follower {
    /// Claims the ports and opens the ledger.
    pub(crate) fn prepare(config: Config, genesis: Genesis) -> Result<Self, Error> {
        let source = |url: &String| {
            Source::new(url).map_err(|reason| Error::Follow {
                url: url.clone(),
                reason,
            })
        };
        let sources = config
            .follow
            .iter()
            .map(source)
            .collect::<Result<Vec<_>, _>>()?;
        if sources.is_empty() {
            return Err(Error::NothingToFollow);
        }
        let host = Host::prepare(config, genesis)?;
        let committee = host.genesis.committee(host.ledger.genesis_hash())?;
        Ok(Self {
            host,
            committee,
            sources,
        })
    }

    /// Runs until `shutdown` ends or the node cannot go on.
    pub(crate) fn run(self, shutdown: Shutdown) -> Result<(), Error> {
        let settings = machine::Config::new()
            .with_worker_threads(2)
            .with_storage_directory(self.host.config.base_path.join(RUNTIME));
        machine::Runner::new(settings).start(async move |context| {
            let stopping = context.child("stop");
            let ended = self.work(context, shutdown).await;
            // Whatever has not ended by then is cut off; everything on disk survives that.
            let _ = stopping.stop(0, Some(STOP_PATIENCE)).await;
            ended
        })
    }

    async fn work(self, context: machine::Context, shutdown: Shutdown) -> Result<(), Error> {
        let started_at = self.host.ledger.finalized().number;
        let progress = Progress::new(started_at);
        let presence = Presence {
            chain_name: self.host.genesis.runtime.chain_name.clone(),
            role: rpc::Role::Full,
            identity: "follower".into(),
            listen: vec![],
            peers: gossip::Peers::nobody(),
            others: 0,
            progress: progress.clone(),
            started_at,
        };
        let (outgoing, transactions) = mpsc::channel(gossip::OUTGOING_MAX);
        let exchange = Exchange::new(self.host.pool.clone());
        let pull = Pull {
            chain: self.host.chain.clone(),
            committee: self.committee,
            pause: (self.host.genesis.interval() / 4).clamp(PAUSE_MIN, PAUSE_MAX),
            progress,
        };
        let submitting = transactions::submit_to(self.sources.clone(), transactions);
        let serving = self.host.serve(context.child("stoa"), presence);
        tokio::select! {
            biased;
            () = shutdown => Ok(()),
            fault = pull.run(self.sources) => Err(fault),
            () = exchange.offer(outgoing) => Err(Error::Ended("the pool ended".into())),
            () = submitting => Err(Error::Ended("the pool ended".into())),
            ended = serving => ended,
        }
    }
}

/// Takes final blocks from whichever source has them.
struct Pull {
    chain: LedgerChain,
    committee: Committee,
    pause: Duration,
    progress: Progress,
}

/// A block that is final.
#[derive(Debug)]
struct Proven {
    block: Block,
    /// Its own certificate; none if a later block's proves it.
    certificate: Option<Vec<u8>>,
}

/// Why a batch was not taken.
enum Refused {
    /// The source is at fault; another may do better.
    Source(String),
    /// This node cannot go on.
    Own(Error),
}

impl Pull {
    async fn run(self, sources: Vec<Source>) -> Error {
        loop {
            for source in &sources {
                match self.follow(source).await {
                    Refused::Source(reason) => {
                        warn!(
                            url = source.url(),
                            reason, "leaving this source for the next"
                        );
                    }
                    Refused::Own(error) => return error,
                }
            }
            sleep(RETRY).await;
        }
    }

    /// Takes blocks from one source for as long as it can be believed.
    async fn follow(&self, source: &Source) -> Refused {
        info!(url = source.url(), "following");
        loop {
            match self.take(source).await {
                Ok(0) => sleep(self.pause).await,
                Ok(_) => {}
                Err(refused) => return refused,
            }
        }
    }

    /// Asks for the next blocks and makes final what is proven; returns how many were.
    async fn take(&self, source: &Source) -> Result<usize, Refused> {
        let next = self.chain.finalized().number + 1;
        let claimed = source
            .finalized_blocks(next, BATCH)
            .await
            .map_err(Refused::Source)?;
        if claimed.len() == BATCH as usize {
            self.progress
                .learn(source.highest().await.map_err(Refused::Source)?);
        }
        let proven = self.prove(claimed).map_err(Refused::Source)?;
        let count = proven.len();
        let chain = self.chain.clone();
        let progress = self.progress.clone();
        let work = move || {
            proven
                .into_iter()
                .try_for_each(|proven| append(&chain, &progress, proven))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => Ok(count),
            Ok(Err(refused)) => Err(refused),
            Err(panic) => Err(Refused::Own(Error::Ended(panic.to_string()))),
        }
    }

    /// The blocks that the certificates among them prove final.
    fn prove(&self, claimed: Vec<Claimed>) -> Result<Vec<Proven>, String> {
        let mut rng: StdRng = rand::make_rng();
        let mut last = self.chain.finalized();
        let mut blocks = Vec::new();
        let mut proven = 0;
        for Claimed { block, certificate } in claimed {
            let block = Block::decode(block).map_err(|reason| reason.to_string())?;
            if block.number() != last.number + 1 || block.parent_hash() != last.hash {
                return Err(format!(
                    "block {} does not extend {}",
                    block.hash(),
                    last.hash
                ));
            }
            if let Some(certificate) = &certificate {
                if self.committee.certified(&mut rng, certificate) != Some(block.hash()) {
                    return Err(format!(
                        "the certificate of block {} is not genuine",
                        block.number()
                    ));
                }
                proven = blocks.len() + 1;
            }
            last.number = block.number();
            last.hash = block.hash();
            blocks.push(Proven { block, certificate });
        }
        blocks.truncate(proven);
        Ok(blocks)
    }
}

/// Executes a proven block and makes it durable.
fn append(
    chain: &LedgerChain,
    progress: &Progress,
    Proven { block, certificate }: Proven,
) -> Result<(), Refused> {
    let number = block.number();
    chain.import(&block).map_err(|reason| {
        Refused::Own(Error::Fault(format!(
            "block {number} is final for the network, but this node cannot execute it: {reason}; \
             check that it runs the same version as the others"
        )))
    })?;
    chain
        .finalize(&block, certificate)
        .map_err(|fault| Refused::Own(Error::Fault(fault.to_string())))?;
    let made = Duration::from_millis(chain.timestamp_ms(&block).unwrap_or(0));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    progress.record(Finalized {
        number,
        since_proposal: now.unwrap_or_default().saturating_sub(made),
        own: false,
    });
    Ok(())
}

#[cfg(test)]
mod tests;
