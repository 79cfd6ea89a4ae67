//! Carries transactions between this node's pool and its peers.
//!
//! What clients submitted here goes to every peer once, and again every [`REOFFER`] while it waits: a message may have
//! been lost, or the peer away. What a peer sent is not passed on; see [`consensus::gossip`].
//! A follower has no peers, and hands its clients' transactions to the nodes that it follows.

use crate::source;
use bytes::Bytes;
use commonware_utils::sync::Mutex;
use consensus::gossip::{OUTGOING_MAX, TRANSACTION_BYTES_MAX};
use ledger::{
    Extrinsic, Hash,
    pool::{Pool, Source},
};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time,
};
use tracing::debug;

/// How often waiting transactions of this node's clients are offered again.
const REOFFER: Duration = Duration::from_secs(5);
/// Transactions of peers remembered, so as not to send them back.
const FOREIGN_MAX: usize = 16_384;

/// The pool as peers reach it.
#[derive(Clone)]
pub struct Exchange {
    pool: Arc<Pool>,
    foreign: Arc<Mutex<Foreign>>,
}

#[derive(Default)]
struct Foreign {
    hashes: BTreeSet<Hash>,
    order: VecDeque<Hash>,
}

impl Foreign {
    fn remember(&mut self, hash: Hash) {
        if self.hashes.insert(hash) {
            self.order.push_back(hash);
        }
        if self.order.len() > FOREIGN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.hashes.remove(&oldest);
        }
    }
}

impl Exchange {
    /// Opens a pool to peers.
    pub fn new(pool: Arc<Pool>) -> Self {
        Self {
            pool,
            foreign: Arc::default(),
        }
    }

    /// Takes in what a peer sent.
    pub fn submit(&self, transactions: Vec<Bytes>) {
        for transaction in transactions {
            let Ok(extrinsic) = Extrinsic::try_from_encoded_extrinsic(&transaction) else {
                continue;
            };
            self.foreign
                .lock()
                .remember(ledger::extrinsic_hash(&extrinsic));
            if let Err(reason) = self.pool.submit(transaction.to_vec(), Source::External) {
                debug!(%reason, "a peer's transaction was not taken in");
            }
        }
    }

    /// Sends this node's own transactions to `outgoing`, for as long as both sides live.
    pub async fn offer(self, outgoing: mpsc::Sender<Bytes>) {
        let mut accepted = self.pool.subscribe();
        let mut waiting: VecDeque<Hash> = VecDeque::new();
        let mut reoffer = time::interval(REOFFER);
        loop {
            tokio::select! {
                transaction = accepted.recv() => match transaction {
                    Ok(transaction) => {
                        let hash = transaction.hash();
                        if self.foreign.lock().hashes.contains(&hash) {
                            continue;
                        }
                        if waiting.len() == OUTGOING_MAX {
                            waiting.pop_front();
                        }
                        waiting.push_back(hash);
                        pass_on(&outgoing, transaction.encoded());
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                _ = reoffer.tick() => waiting.retain(|hash| {
                    let transaction = self.pool.get(hash);
                    if let Some(transaction) = &transaction {
                        pass_on(&outgoing, transaction.encoded());
                    }
                    transaction.is_some()
                }),
            }
        }
    }
}

fn pass_on(outgoing: &mpsc::Sender<Bytes>, transaction: &[u8]) {
    if transaction.len() <= TRANSACTION_BYTES_MAX {
        // A full queue loses it until it is offered again.
        let _ = outgoing.try_send(Bytes::copy_from_slice(transaction));
    }
}

/// Hands the transactions of `outgoing` to the first of `sources` that takes them.
pub(crate) async fn submit_to(sources: Vec<source::Source>, mut outgoing: mpsc::Receiver<Bytes>) {
    while let Some(transaction) = outgoing.recv().await {
        for source in &sources {
            match source.submit(&transaction).await {
                Ok(()) => break,
                // It may have the transaction already; if not, this one is offered again.
                Err(reason) => debug!(url = source.url(), reason, "did not take a transaction"),
            }
        }
    }
}
