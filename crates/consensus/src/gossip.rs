//! Spreads transactions between nodes, lets each know how far the others are, and carries parts of heights' keys.
//!
//! Authorities form a full mesh, so one hop is enough: a node passes on what its own clients submitted, never what a
//! peer sent. A message lost on the way costs time, not the transaction: it stays in the pool of the node that
//! accepted it, which offers it again until it is included.
//!
//! # Bounds
//!
//! A message holds at most [`MESSAGE_BYTES_MAX`]; the queue of outgoing transactions [`OUTGOING_MAX`]; each peer's rate
//! is the channel's quota. What arrives above any of them is dropped.

use crate::{
    beacon::{Beacon, HEIGHTS_MAX, Part},
    block::PublicKey,
    progress::Progress,
};
use bytes::{BufMut, Bytes};
use commonware_codec::{
    Buf, DecodeExt, Encode as _, EncodeSize, Error, RangeCfg, Read, ReadExt as _, Write,
};
use commonware_macros::select;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_runtime::{Clock, Handle, Spawner};
use commonware_utils::{
    channel::{mpsc, watch},
    sync::Mutex,
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tracing::debug;

/// Largest gossip message.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Largest transaction passed on.
pub const TRANSACTION_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 64;
/// Transactions waiting to be passed on.
pub const OUTGOING_MAX: usize = 4_096;

const TRANSACTIONS_PER_MESSAGE: usize = 1_024;
const LENGTH_PREFIX: usize = 5;
/// How often a node says how far it is.
const BEAT: Duration = Duration::from_millis(500);
/// A peer silent for this long counts as gone.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// What nodes tell each other beside agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    /// Encoded transactions, as clients submitted them.
    Transactions(Vec<Bytes>),
    /// Height of the sender's durable history.
    Height(u32),
    /// The sender's parts of the keys of heights that are wanted.
    Parts(Vec<Part>),
}

impl Write for Message {
    fn write(&self, buf: &mut impl BufMut) {
        match self {
            Self::Transactions(transactions) => {
                0u8.write(buf);
                transactions.write(buf);
            }
            Self::Height(height) => {
                1u8.write(buf);
                height.write(buf);
            }
            Self::Parts(parts) => {
                2u8.write(buf);
                parts.write(buf);
            }
        }
    }
}

impl EncodeSize for Message {
    fn encode_size(&self) -> usize {
        1 + match self {
            Self::Transactions(transactions) => transactions.encode_size(),
            Self::Height(height) => height.encode_size(),
            Self::Parts(parts) => parts.encode_size(),
        }
    }
}

impl Read for Message {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        match u8::read(buf)? {
            0 => {
                let count = RangeCfg::from(0..=TRANSACTIONS_PER_MESSAGE);
                let bytes = RangeCfg::from(1..=TRANSACTION_BYTES_MAX);
                Ok(Self::Transactions(Vec::read_cfg(buf, &(count, bytes))?))
            }
            1 => Ok(Self::Height(u32::read(buf)?)),
            2 => {
                let count = RangeCfg::from(1..=HEIGHTS_MAX);
                Ok(Self::Parts(Vec::read_cfg(buf, &(count, ()))?))
            }
            tag => Err(Error::InvalidEnum(tag)),
        }
    }
}

/// Which peers have been heard of lately, and how far they are.
#[derive(Clone)]
pub struct Peers {
    heard: Arc<Mutex<BTreeMap<PublicKey, Heard>>>,
    count: watch::Sender<usize>,
}

#[derive(Clone, Copy)]
struct Heard {
    at: SystemTime,
    height: u32,
}

impl Peers {
    /// A network of one.
    pub fn nobody() -> Self {
        Self {
            heard: Arc::default(),
            count: watch::Sender::new(0),
        }
    }

    /// How many peers are connected.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until at least `count` peers are connected.
    pub async fn at_least(&self, count: usize) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.count.subscribe().wait_for(|now| *now >= count).await;
    }

    /// Connected peers and the heights they announced.
    pub fn heights(&self) -> Vec<(PublicKey, u32)> {
        let peers = self.heard.lock();
        peers
            .iter()
            .map(|(peer, heard)| (peer.clone(), heard.height))
            .collect()
    }

    /// The greatest height that more than `faults` peers claim to have reached; zero if so few are connected.
    fn claimed_by_more_than(&self, faults: usize) -> u32 {
        let mut heights: Vec<u32> = self.heard.lock().values().map(|it| it.height).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights.get(faults).copied().unwrap_or_default()
    }

    fn hear(&self, peer: PublicKey, height: u32, at: SystemTime) {
        let mut heard = self.heard.lock();
        heard.insert(peer, Heard { at, height });
        self.count.send_replace(heard.len());
    }

    fn forget_before(&self, limit: SystemTime) {
        let mut heard = self.heard.lock();
        heard.retain(|_, last| last.at >= limit);
        self.count.send_replace(heard.len());
    }
}

/// Starts gossiping over a channel.
///
/// Transactions from `outgoing` go to every peer; those of peers go to `submit`, which may take its time and is
/// called with one message's transactions at a time. A height is believed once more than `faults` peers claim it. The keys
/// of heights are collected in `beacon`.
pub fn start<E, S, R>(
    context: E,
    channel: (S, R),
    outgoing: mpsc::Receiver<Bytes>,
    submit: impl Fn(Vec<Bytes>) + Send + Sync + 'static,
    faults: usize,
    progress: Progress,
    beacon: Beacon,
) -> (Peers, Handle<()>)
where
    E: Spawner + Clock,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
{
    let peers = Peers::nobody();
    let gossip = Gossip {
        sender: channel.0,
        outgoing,
        submit: Arc::new(submit),
        faults,
        progress,
        beacon,
        peers: peers.clone(),
    };
    let task = context.spawn(move |context| gossip.run(context, channel.1));
    (peers, task)
}

struct Gossip<S, F> {
    sender: S,
    outgoing: mpsc::Receiver<Bytes>,
    submit: Arc<F>,
    faults: usize,
    progress: Progress,
    beacon: Beacon,
    peers: Peers,
}

impl<S, F> Gossip<S, F>
where
    S: Sender<PublicKey = PublicKey>,
    F: Fn(Vec<Bytes>) + Send + Sync + 'static,
{
    async fn run<E: Spawner + Clock>(
        mut self,
        context: E,
        mut receiver: impl Receiver<PublicKey = PublicKey>,
    ) {
        let mut beat = context.current();
        let progress = self.progress.clone();
        let mut signed = progress.finalized();
        loop {
            select! {
                () = context.sleep_until(beat) => {
                    let now = context.current();
                    beat = now + BEAT;
                    self.peers.forget_before(now - SILENCE_MAX);
                    self.send(&Message::Height(self.progress.finalized()));
                    self.send_parts(&context).await;
                },
                () = progress.finalized_at_least(signed.saturating_add(1)) => {
                    signed = progress.finalized();
                    self.send_parts(&context).await;
                },
                transaction = self.outgoing.recv() => {
                    let Some(transaction) = transaction else { return };
                    self.pass_on(transaction);
                },
                message = receiver.recv() => {
                    let Ok((peer, bytes)) = message else { return };
                    self.receive(&context, peer, bytes.into()).await;
                },
            }
        }
    }

    /// Sends `first` and whatever else waits, in as few messages as hold it.
    fn pass_on(&mut self, first: Bytes) {
        let mut next = Some(first);
        while let Some(transaction) = next.take() {
            let mut bytes = transaction.len();
            let mut batch = vec![transaction];
            while batch.len() < TRANSACTIONS_PER_MESSAGE {
                let Ok(waiting) = self.outgoing.try_recv() else {
                    break;
                };
                bytes += waiting.len() + LENGTH_PREFIX;
                if bytes > TRANSACTION_BYTES_MAX {
                    next = Some(waiting);
                    break;
                }
                batch.push(waiting);
            }
            self.send(&Message::Transactions(batch));
        }
    }

    /// Sends this authority's parts of the keys that are wanted.
    async fn send_parts<E: Spawner>(&mut self, context: &E) {
        let (beacon, finalized) = (self.beacon.clone(), self.progress.finalized());
        let signing = context
            .child("beacon")
            .shared(true)
            .spawn(move |_| async move { beacon.parts(finalized) });
        // An error says that the node is stopping.
        let parts = signing.await.unwrap_or_default();
        if !parts.is_empty() {
            self.send(&Message::Parts(parts));
        }
    }

    fn send(&mut self, message: &Message) {
        // Whoever is away or over its quota misses it; see the module's header for why that is fine.
        let _ = self.sender.send(Recipients::All, message.encode(), false);
    }

    async fn receive<E: Spawner + Clock>(&self, context: &E, peer: PublicKey, bytes: Bytes) {
        match Message::decode(bytes) {
            Ok(Message::Height(height)) => {
                self.peers.hear(peer, height, context.current());
                self.progress
                    .learn(self.peers.claimed_by_more_than(self.faults));
            }
            Ok(Message::Parts(parts)) => {
                let beacon = self.beacon.clone();
                let work = context
                    .child("beacon")
                    .shared(true)
                    .spawn(move |_| async move {
                        for part in &parts {
                            beacon.hear(&peer, part);
                        }
                    });
                // As below.
                let _ = work.await;
            }
            Ok(Message::Transactions(transactions)) => {
                let submit = self.submit.clone();
                let work = context
                    .child("submit")
                    .shared(true)
                    .spawn(|_| async move { submit(transactions) });
                // Waiting bounds the work in flight to one message; an error says that the node is stopping.
                let _ = work.await;
            }
            Err(reason) => debug!(%peer, %reason, "unreadable gossip"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_codec::Decode as _;
    use commonware_cryptography::{Signer as _, ed25519::PrivateKey};

    fn peers(heights: &[u32]) -> Peers {
        let peers = Peers::nobody();
        for (seed, height) in heights.iter().enumerate() {
            let key = PrivateKey::from_seed(seed as u64).public_key();
            peers.hear(key, *height, SystemTime::UNIX_EPOCH + BEAT * seed as u32);
        }
        peers
    }

    #[test]
    fn one_liar_does_not_make_a_node_believe_it_is_behind() {
        assert_eq!(peers(&[7, u32::MAX, 8]).claimed_by_more_than(1), 8);
        assert_eq!(peers(&[u32::MAX]).claimed_by_more_than(1), 0);
        assert_eq!(peers(&[7, 9]).claimed_by_more_than(0), 9);
    }

    #[test]
    fn a_silent_peer_is_forgotten() {
        let peers = peers(&[1, 2, 3]);
        assert_eq!(peers.count(), 3);
        peers.forget_before(SystemTime::UNIX_EPOCH + BEAT);
        assert_eq!(peers.count(), 2);
    }

    #[test]
    fn a_message_survives_the_wire() {
        for message in [
            Message::Height(7),
            Message::Transactions(vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")]),
        ] {
            assert_eq!(Message::decode(message.encode()).expect("as sent"), message);
        }
    }

    #[test]
    fn messages_beyond_their_bounds_are_refused() {
        let empty = Message::Transactions(vec![Bytes::new()]);
        assert!(Message::decode(empty.encode()).is_err());
        let one = Bytes::from_static(b"x");
        let many = Message::Transactions(vec![one; TRANSACTIONS_PER_MESSAGE + 1]);
        assert!(Message::decode_cfg(many.encode(), &()).is_err());
        assert!(Message::decode(Bytes::from_static(&[9])).is_err());
    }

    /// A sender that goes over the network's limit panics, so what fits one message is counted with its framing.
    #[test]
    fn the_largest_messages_fit_the_network() {
        let largest = vec![0; TRANSACTION_BYTES_MAX].into();
        let message = Message::Transactions(vec![largest]);
        assert!(message.encode_size() <= MESSAGE_BYTES_MAX);
        let share = TRANSACTION_BYTES_MAX / TRANSACTIONS_PER_MESSAGE - LENGTH_PREFIX;
        let full = vec![vec![0; share].into(); TRANSACTIONS_PER_MESSAGE];
        assert!(Message::Transactions(full).encode_size() <= MESSAGE_BYTES_MAX);
    }
}
