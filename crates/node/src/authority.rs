//! Runs an authority: agreement over TCP, on disk, under one runtime.

use crate::{
    Config, Error, Shutdown,
    genesis::Genesis,
    heights,
    host::{self, Host},
    presence::Presence,
    transactions::Exchange,
};
use commonware_runtime::{Runner as _, Spawner as _, Supervisor as _, tokio as machine};
use consensus::{
    AuthorityKey, Committee, Fault, Metrics, Progress, PublicKey, gossip, gossip::Peers, network,
};
use keys::ShieldKey;
use ledger::Extrinsic;
use parity_scale_codec::Decode as _;
use std::{net::SocketAddr, time::Duration};
use tokio::sync::mpsc;
use tracing::info;

/// Directory of agreement's journals and archives within the base path.
const AGREEMENT: &str = "agreement";
/// Prefix of everything agreement stores there.
const PARTITION: &str = "authority";
/// Threads for the network and for agreement; executing blocks has its own.
const THREADS: usize = 2;
/// How long a starting node waits for its peers before it begins without them.
const MEETING_PATIENCE: Duration = Duration::from_secs(3);
/// How long the parts of a stopping node have to end by themselves.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// An authority that is ready to start.
pub(crate) struct Authority {
    host: Host,
    key: AuthorityKey,
    committee: Committee,
    listen: SocketAddr,
    peers: Vec<(PublicKey, network::Address)>,
}

impl Authority {
    /// Checks the key against the genesis, claims the ports and opens the ledger.
    pub(crate) fn prepare(
        config: Config,
        genesis: Genesis,
        key: AuthorityKey,
    ) -> Result<Self, Error> {
        let entry = genesis.authority(&key)?;
        let listen = config.p2p.or_else(|| entry.listen());
        let listen = listen.ok_or_else(|| Error::Address {
            name: entry.name.clone(),
            address: entry.p2p.clone(),
        })?;
        let name = entry.name.clone();
        // Found out now, because the network itself could only panic.
        drop(host::claim(listen, "peers", "--p2p")?);
        let peers = genesis.peers()?;
        let host = Host::prepare(config, genesis)?;
        let committee = host.genesis.committee(host.ledger.genesis_hash())?;
        committee.signer(key.share.clone())?;
        info!(name, %listen, authorities = committee.size(), "taking part in agreement");
        Ok(Self {
            host,
            key,
            committee,
            listen,
            peers,
        })
    }

    /// Lets blocks built here contain what wallets encrypted to `key`.
    pub(crate) fn open_sealed_with(&self, key: ShieldKey) {
        self.host.ledger.open_sealed_with(Box::new(move |carrier| {
            let opened = key.open(&runtime::shield::ciphertext(carrier)?)?;
            Extrinsic::decode(&mut &opened[..]).ok()
        }));
    }

    /// Runs until `shutdown` ends or the node cannot go on.
    pub(crate) fn run(self, shutdown: Shutdown) -> Result<(), Error> {
        let settings = machine::Config::new()
            .with_worker_threads(THREADS)
            .with_storage_directory(self.host.config.base_path.join(AGREEMENT));
        machine::Runner::new(settings).start(async move |context| {
            let stopping = context.child("stop");
            let ended = self.work(context, shutdown).await;
            // Whatever has not ended by then is cut off; everything on disk survives that.
            let _ = stopping.stop(0, Some(STOP_PATIENCE)).await;
            ended
        })
    }

    async fn work(self, context: machine::Context, mut shutdown: Shutdown) -> Result<(), Error> {
        let beacon = heights::collect(self.committee.clone(), &self.key, &self.host.ledger);
        let me = self.key.public();
        let identity = consensus::hexadecimal(&me);
        let others = self.committee.authorities().len() - 1;
        let faults = (self.committee.size() - self.committee.quorum()) as usize;
        let started_at = self.host.ledger.finalized().number;
        let joined = network::join(
            context.child("network"),
            &self.committee,
            network::Config {
                key: self.key.peer,
                listen: self.listen,
                peers: self.peers,
                block_bytes_max: self.host.block_bytes_max,
            },
        );
        let progress = Progress::new(started_at);
        let (outgoing, transactions) = mpsc::channel(gossip::OUTGOING_MAX);
        let exchange = Exchange::new(self.host.pool.clone());
        let incoming = exchange.clone();
        let (peers, gossip) = gossip::start(
            context.child("gossip"),
            joined.gossip,
            transactions,
            move |transactions| incoming.submit(transactions),
            faults,
            progress.clone(),
            beacon,
        );
        let meeting = meet(&peers, &self.committee);
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = meeting => {}
        }
        let mut engine = consensus::start(
            context.child("agreement"),
            consensus::Config {
                committee: self.committee,
                me,
                share: self.key.share,
                chain: self.host.chain.clone(),
                peers: joined.oracle.clone(),
                blocker: joined.oracle,
                interval: self.host.genesis.interval(),
                block_bytes_max: self.host.block_bytes_max,
                partition: PARTITION.into(),
                metrics: Metrics::new(&context.child("stoa")),
                progress: progress.clone(),
            },
            joined.channels,
        )?;
        let presence = Presence {
            chain_name: self.host.genesis.runtime.chain_name.clone(),
            role: rpc::Role::Authority,
            identity,
            listen: vec![self.listen.to_string()],
            peers,
            others,
            started_at,
            progress,
        };
        let serving = self.host.serve(context.child("stoa"), presence);

        tokio::select! {
            biased;
            () = &mut shutdown => Ok(()),
            Some(Fault(reason)) = engine.faults.recv() => Err(Error::Fault(reason)),
            ended = engine.task => Err(Error::Ended(format!("agreement ended: {ended:?}"))),
            ended = joined.task => Err(Error::Ended(format!("the network ended: {ended:?}"))),
            ended = gossip => Err(Error::Ended(format!("gossip ended: {ended:?}"))),
            () = exchange.offer(outgoing) => Err(Error::Ended("the pool ended".into())),
            ended = serving => ended,
        }
    }
}

/// Waits until enough peers are there to agree, or long enough.
///
/// A proposal made to nobody costs its leader's whole view, which on a network's first start is the time to the
/// first block.
async fn meet(peers: &Peers, committee: &Committee) {
    let others = committee.quorum().saturating_sub(1) as usize;
    // Whether they came or not, agreement takes it from here.
    let _ = tokio::time::timeout(MEETING_PATIENCE, peers.at_least(others)).await;
}
