//! Keeps valid transactions until a block includes them.
//!
//! Every account has a lane: its transactions by nonce. The run that begins at the account's nonce is *ready*; what
//! stands behind a missing nonce is *future* and becomes ready when the gap is filled, in whatever order
//! the transactions arrive. Builders get the ready ones, the best-paying lane head first.
//!
//! ```text
//!             next          ready_end
//!  Alice   ──▶ 7   8   9        ·    11          7, 8, 9 ready; 11 future
//!  Bob     ──▶ 0        ·                        0 ready
//! ```
//!
//! # What always holds
//!
//! * The pool follows one block, [`Pool::maintain`] moves it to the ledger's best: lanes whose account changed
//!   take its new nonce, and their heads are validated again.
//! * A transaction of a block that leaves the best chain comes back; one of a final block is forgotten.
//! * Counts and bytes are bounded. When full, the lowest-priority last transaction of a lane goes, future ones first, or
//!   the newcomer if it is worse.
//! * Inserting, removing and including a transaction take logarithmic time in the size of the pool.
//!
//! # Not here
//!
//! Gossip: `node` listens to [`Pool::subscribe`] and submits what peers send. Time: bans and lifetimes count blocks.

mod error;
mod lane;
mod maintenance;
mod set;
mod transaction;
mod watch;

pub use error::PoolError;
pub use transaction::Transaction;
pub use watch::{Status, Watcher};

use crate::{Hash, Head, Ledger};
use maintenance::Recent;
use parity_scale_codec::{Decode, Encode};
use runtime::{AccountId, Nonce};
use set::Set;
use sp_runtime::transaction_validity::TransactionSource;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;
use transaction::{Line, Submission};
use watch::Watchers;

/// Where a transaction came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This node's own work or its RPC.
    Local,
    /// A peer.
    External,
}

/// Bounds of the pool.
#[derive(Clone, Debug)]
pub struct Config {
    /// Transactions held at most.
    pub transactions_max: usize,
    /// Encoded bytes held at most.
    pub bytes_max: usize,
    /// Length of one transaction at most.
    pub transaction_bytes_max: usize,
    /// Blocks for which a transaction found invalid is refused.
    pub ban_blocks: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transactions_max: 16_384,
            bytes_max: 32 * 1024 * 1024,
            transaction_bytes_max: 512 * 1024,
            ban_blocks: 32,
        }
    }
}

/// Bans remembered at most; the oldest is forgotten first.
const BANS_MAX: usize = 4_096;
/// Accepted transactions that a slow gossiper may fall behind before it misses some.
const ACCEPTED_BACKLOG: usize = 4_096;

/// Transactions waiting for a block; share it by [`Arc`].
pub struct Pool {
    ledger: Ledger,
    config: Config,
    inner: Mutex<Inner>,
    accepted: broadcast::Sender<Arc<Transaction>>,
}

struct Inner {
    /// The block whose state the lanes agree with.
    at: Head,
    set: Set,
    watchers: Watchers,
    recent: Recent,
    banned: HashSet<Hash>,
    /// The same by the height at which the ban ends.
    bans: BTreeSet<(u32, Hash)>,
    arrivals: u64,
}

impl Pool {
    /// An empty pool over `ledger`'s best block.
    pub fn new(ledger: Ledger, config: Config) -> Self {
        let inner = Inner {
            at: ledger.best(),
            set: Set::new(config.transactions_max, config.bytes_max),
            watchers: Watchers::default(),
            recent: Recent::new(ledger.finalized()),
            banned: HashSet::new(),
            bans: BTreeSet::new(),
            arrivals: 0,
        };
        Self {
            ledger,
            config,
            inner: Mutex::new(inner),
            accepted: broadcast::channel(ACCEPTED_BACKLOG).0,
        }
    }

    /// Validates a transaction at the best block and takes it in.
    ///
    /// # Errors
    ///
    /// [`PoolError`] says why not.
    pub fn submit(&self, encoded: Vec<u8>, source: Source) -> Result<Hash, PoolError> {
        self.admit(encoded, source, false).map(|(hash, _)| hash)
    }

    /// Like [`Pool::submit`], and reports what becomes of the transaction.
    ///
    /// # Errors
    ///
    /// [`PoolError`] says why not.
    pub fn submit_and_watch(
        &self,
        encoded: Vec<u8>,
        source: Source,
    ) -> Result<(Hash, Watcher), PoolError> {
        let (hash, watcher) = self.admit(encoded, source, true)?;
        Ok((hash, watcher.expect("a watcher was asked for")))
    }

    fn admit(
        &self,
        encoded: Vec<u8>,
        source: Source,
        watch: bool,
    ) -> Result<(Hash, Option<Watcher>), PoolError> {
        let submission = Submission::parse(encoded, &self.config)?;
        let hash = submission.hash;
        let at = {
            let inner = self.lock();
            inner.ensure_new(hash)?;
            inner.at
        };
        let transaction_source = match source {
            Source::Local => TransactionSource::Local,
            Source::External => TransactionSource::External,
        };
        let transaction =
            submission.validate(&self.ledger, (at.hash, at.number), transaction_source)?;
        let account_nonce = self.line_nonce(&transaction.line, at.hash)?;

        let mut inner = self.lock();
        inner.ensure_new(hash)?;
        let account_nonce = if inner.at == at {
            account_nonce
        } else {
            self.line_nonce(&transaction.line, inner.at.hash)?
        };
        let watcher = watch.then(|| inner.watchers.watch(hash));
        match inner.insert(transaction, account_nonce) {
            Ok(transaction) => {
                drop(inner);
                if transaction.propagate {
                    // An error only says that nobody gossips.
                    let _ = self.accepted.send(transaction);
                }
                Ok((hash, watcher))
            }
            Err(error) => {
                inner.watchers.tell(hash, Status::Dropped);
                Err(error)
            }
        }
    }

    /// Ready transactions, in the order in which a block should try them.
    pub fn ready(&self) -> Vec<Arc<Transaction>> {
        self.lock().set.ready()
    }

    /// Transactions that can be included now, and those that wait for a nonce.
    pub fn counts(&self) -> (usize, usize) {
        self.lock().set.counts()
    }

    /// A transaction that is in the pool.
    pub fn get(&self, hash: &Hash) -> Option<Arc<Transaction>> {
        self.lock().set.get(hash).cloned()
    }

    /// The nonce that `account`'s next transaction should use, counting those that wait here.
    ///
    /// # Errors
    ///
    /// [`crate::Error`] when the account's own nonce cannot be read.
    pub fn next_nonce(&self, account: &AccountId) -> Result<Nonce, crate::Error> {
        let at = self.ledger.best();
        let nonce = account_nonce(&self.ledger, at.hash, account)?;
        let pooled = self.lock().set.free_nonce(&Line::Account(account.clone()));
        Ok(pooled.map_or(nonce, |pooled| pooled.max(nonce)))
    }

    /// Removes transactions that a builder found invalid, and refuses them for a while.
    pub fn remove_invalid(&self, hashes: &[Hash]) {
        let mut inner = self.lock();
        for hash in hashes {
            inner.remove_invalid(hash, self.config.ban_blocks);
        }
    }

    /// Stream of transactions taken in that peers should hear of.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Transaction>> {
        self.accepted.subscribe()
    }

    fn line_nonce(&self, line: &Line, at: Hash) -> Result<Nonce, crate::Error> {
        match line {
            Line::Account(account) => account_nonce(&self.ledger, at, account),
            Line::Tag(_) => Ok(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change to the pool is whole before anything that could panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn ensure_new(&self, hash: Hash) -> Result<(), PoolError> {
        if self.banned.contains(&hash) {
            return Err(PoolError::Banned(hash));
        }
        if self.set.get(&hash).is_some() {
            return Err(PoolError::AlreadyImported(hash));
        }
        Ok(())
    }

    fn insert(
        &mut self,
        mut transaction: Transaction,
        account_nonce: Nonce,
    ) -> Result<Arc<Transaction>, PoolError> {
        self.arrivals += 1;
        transaction.arrival = self.arrivals;
        let transaction = Arc::new(transaction);
        let entered = self.set.insert(transaction.clone(), account_nonce)?;
        for evicted in entered.evicted {
            self.watchers.tell(evicted.hash(), Status::Dropped);
        }
        if let Some(replaced) = entered.replaced {
            let usurped = Status::Usurped(transaction.hash());
            self.watchers.tell(replaced.hash(), usurped);
        }
        if !entered.ready {
            self.watchers.tell(transaction.hash(), Status::Future);
        }
        self.report(entered.shift);
        Ok(transaction)
    }

    fn remove_invalid(&mut self, hash: &Hash, ban_blocks: u32) {
        let Some((_, shift)) = self.set.remove(hash) else {
            return;
        };
        self.watchers.tell(*hash, Status::Invalid);
        self.report(shift);
        self.banned.insert(*hash);
        self.bans
            .insert((self.at.number.saturating_add(ban_blocks), *hash));
        if self.bans.len() > BANS_MAX
            && let Some((_, oldest)) = self.bans.pop_first()
        {
            self.banned.remove(&oldest);
        }
    }

    fn lift_bans(&mut self) {
        while let Some((until, hash)) = self.bans.first().copied()
            && until <= self.at.number
        {
            self.bans.pop_first();
            self.banned.remove(&hash);
        }
    }

    fn report(&mut self, shift: lane::Shift) {
        for transaction in shift.promoted {
            self.watchers.tell(transaction.hash(), Status::Ready);
        }
        for transaction in shift.demoted {
            self.watchers.tell(transaction.hash(), Status::Future);
        }
    }
}

/// An account's nonce in the state of block `at`.
fn account_nonce(ledger: &Ledger, at: Hash, account: &AccountId) -> Result<Nonce, crate::Error> {
    const METHOD: &str = "AccountNonceApi_account_nonce";
    let answer = ledger.state(at)?.call(METHOD, &account.encode())?;
    Nonce::decode(&mut &answer[..]).map_err(|_| crate::CallError::BadAnswer(METHOD).into())
}
