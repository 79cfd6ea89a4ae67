//! The channels between authorities, and the TCP network that carries them.
//!
//! Every channel has its own quota per peer. A mailbox has room for one burst of every peer, so quotas are what
//! bounds memory: they are a few times what an honest peer sends.

use crate::{
    block::Block,
    block::PublicKey,
    committee::{Committee, Scheme},
    digest::BlockHash,
    gossip,
};
use commonware_consensus::{marshal, marshal::standard::Standard, simplex};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519};
pub use commonware_p2p::Address;
use commonware_p2p::{
    AddressableManager as _, AddressableTrackedPeers, Ingress,
    authenticated::lookup::{self, Network, Oracle},
    max_message_size,
};
use commonware_runtime::{Clock, Handle, Metrics, Network as Sockets, Quota, Resolver, Spawner};
use commonware_stream::{
    SakeCups,
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{Hostname, NZU32, NZUsize, ordered::Map};
use rand::CryptoRng;
use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

/// How many messages of one kind a peer may send in a second.
const VOTES: NonZeroU32 = NZU32!(128);
const CERTIFICATES: NonZeroU32 = NZU32!(128);
const RESOLVER: NonZeroU32 = NZU32!(128);
const BACKFILL: NonZeroU32 = NZU32!(256);
const BLOCKS: NonZeroU32 = NZU32!(64);
const GOSSIP: NonZeroU32 = NZU32!(128);

const MAILBOX: NonZeroUsize = NZUsize!(256);
/// Places beyond the authorities, for nodes that only listen.
const LISTENERS_MAX: usize = 32;
/// Pause between attempts to reach peers that are not connected.
const DIAL_EVERY: Duration = Duration::from_millis(100);
/// How far apart peers' clocks may be at a handshake.
const HANDSHAKE_DRIFT: Duration = Duration::from_secs(5);
const HANDSHAKE_AGE_MAX: Duration = Duration::from_secs(10);

/// The sending and receiving ends of agreement's channels.
pub struct Channels<S, R> {
    /// Votes of simplex.
    pub votes: (S, R),
    /// Certificates of simplex.
    pub certificates: (S, R),
    /// Requests for certificates that were missed.
    pub resolver: (S, R),
    /// Requests for blocks that were missed.
    pub backfill: (S, R),
    /// New blocks.
    pub blocks: (S, R),
}

/// Number and quota of every channel: those of [`Channels`] in the order of its fields, then gossip's.
pub fn quotas() -> [(u64, Quota); 6] {
    let rates = [VOTES, CERTIFICATES, RESOLVER, BACKFILL, BLOCKS, GOSSIP];
    let mut number = 0;
    rates.map(|rate| {
        number += 1;
        (number - 1, Quota::per_second(rate))
    })
}

/// Tells apart the channels registered in the order of [`quotas`]: agreement's, and that of [`crate::gossip`].
pub fn assign<S, R>(channels: [(S, R); 6]) -> (Channels<S, R>, (S, R)) {
    let [votes, certificates, resolver, backfill, blocks, gossip] = channels;
    let agreement = Channels {
        votes,
        certificates,
        resolver,
        backfill,
        blocks,
    };
    (agreement, gossip)
}

/// Largest message any channel carries.
pub fn message_bytes_max(authorities: u32, block_bytes_max: u32) -> u32 {
    max_message_size(&[
        simplex::max_payload_size::<Scheme, BlockHash>(authorities),
        marshal::max_payload_size::<Standard<Block>, Scheme>(authorities, &block_bytes_max),
        gossip::MESSAGE_BYTES_MAX,
    ])
}

/// Where a peer is reached.
///
/// # Errors
///
/// Gives the text back when it is neither `IP:PORT` nor `HOST:PORT`.
pub fn address(text: &str) -> Result<Address, String> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Ok(Address::Symmetric(socket));
    }
    let parts = text.rsplit_once(':');
    let dns = parts.and_then(|(host, port)| Some((Hostname::new(host).ok()?, port.parse().ok()?)));
    let (host, port) = dns.ok_or_else(|| text.to_owned())?;
    Ok(Address::Asymmetric {
        ingress: Ingress::Dns { host, port },
        egress: SocketAddr::from(([0, 0, 0, 0], 0)),
    })
}

/// How this node takes part in the TCP network.
pub struct Config {
    /// This node's secret identity.
    pub key: ed25519::PrivateKey,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where each authority is reached.
    pub peers: Vec<(PublicKey, Address)>,
    /// Largest block, in bytes.
    pub block_bytes_max: u32,
}

/// A joined TCP network.
pub struct Joined<E: Spawner + Clock + CryptoRng + Sockets + Metrics> {
    /// Agreement's channels.
    pub channels: Channels<lookup::Sender<PublicKey, E>, lookup::Receiver<PublicKey>>,
    /// The channel of [`crate::gossip`].
    pub gossip: (lookup::Sender<PublicKey, E>, lookup::Receiver<PublicKey>),
    /// Knows the peers, and cuts off those that misbehave.
    pub oracle: Oracle<PublicKey>,
    /// Ends when the network ends.
    pub task: Handle<()>,
}

/// Joins the network of a committee over TCP.
///
/// Peers are known by key, not by address, so an authority may move or sit behind address translation.
pub fn join<E>(context: E, committee: &Committee, config: Config) -> Joined<E>
where
    E: Spawner + Clock + CryptoRng + Sockets + Resolver + Metrics,
{
    let me = config.key.public_key();
    let handshake: SakeCups<_, ChaCha20Poly1305> = Cups::new(
        Sake {
            signer: config.key,
            synchrony_bound: HANDSHAKE_DRIFT,
            max_handshake_age: HANDSHAKE_AGE_MAX,
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let places = committee.authorities().len() + LISTENERS_MAX;
    let mut settings = lookup::Config::local(
        handshake,
        committee.namespace(),
        config.listen,
        NonZeroUsize::new(places).expect("a committee has at least one authority"),
        message_bytes_max(committee.size(), config.block_bytes_max),
        MAILBOX,
    );
    settings.bypass_ip_check = true;
    settings.tracked_peer_sets = NZUsize!(1);
    settings.dial_frequency = DIAL_EVERY;
    let (mut network, mut oracle) = Network::new(context, settings);
    let mut peers = config.peers;
    if peers.iter().all(|(key, _)| *key != me) {
        peers.push((me, Address::Symmetric(config.listen)));
    }
    oracle.track(
        0,
        AddressableTrackedPeers::primary(Map::from_iter_dedup(peers)),
    );
    let registered = quotas().map(|(number, quota)| network.register(number, quota));
    let (channels, gossip) = assign(registered);
    Joined {
        channels,
        gossip,
        oracle,
        task: network.start(),
    }
}
