//! All lanes together, within bounds, and the order in which their transactions are offered.

use super::lane::{Lane, Shift};
use super::transaction::Line;
use super::{PoolError, Transaction};
use crate::{BlockNumber, Hash};
use runtime::{AccountId, Nonce};
use sp_runtime::transaction_validity::InvalidTransaction;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

/// The lanes and what is known of their transactions.
pub(super) struct Set {
    transactions_max: usize,
    bytes_max: usize,
    bytes: usize,
    ready: usize,
    lanes: HashMap<Line, Lane>,
    by_hash: HashMap<Hash, Arc<Transaction>>,
    /// The last transaction of every lane, the first to go when room is needed at the front.
    tails: BTreeSet<Tail>,
    expiries: BTreeSet<(BlockNumber, Hash)>,
}

/// A lane's last transaction: future ones first, then by priority, the youngest of equals first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tail {
    ready: bool,
    priority: u64,
    arrival: Reverse<u64>,
    hash: Hash,
}

/// What taking a transaction in did.
#[derive(Debug)]
pub(super) struct Entered {
    /// Whether it is ready.
    pub(super) ready: bool,
    pub(super) shift: Shift,
    pub(super) replaced: Option<Arc<Transaction>>,
    pub(super) evicted: Vec<Arc<Transaction>>,
}

impl Set {
    pub(super) fn new(transactions_max: usize, bytes_max: usize) -> Self {
        Self {
            transactions_max,
            bytes_max,
            bytes: 0,
            ready: 0,
            lanes: HashMap::new(),
            by_hash: HashMap::new(),
            tails: BTreeSet::new(),
            expiries: BTreeSet::new(),
        }
    }

    /// Ready and future transactions.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.ready, self.by_hash.len() - self.ready)
    }

    pub(super) fn get(&self, hash: &Hash) -> Option<&Arc<Transaction>> {
        self.by_hash.get(hash)
    }

    pub(super) fn free_nonce(&self, line: &Line) -> Option<Nonce> {
        self.lanes.get(line).map(Lane::free_nonce)
    }

    /// Accounts that have transactions here.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        let account = |line: &Line| match line {
            Line::Account(account) => Some(account.clone()),
            Line::Tag(_) => None,
        };
        self.lanes.keys().filter_map(account).collect()
    }

    pub(super) fn has_account(&self, account: &AccountId) -> bool {
        self.lanes.contains_key(&Line::Account(account.clone()))
    }

    /// The ready transaction that `account` would have included first.
    pub(super) fn head(&self, account: &AccountId) -> Option<&Arc<Transaction>> {
        let lane = self.lanes.get(&Line::Account(account.clone()))?;
        lane.ready().next()
    }

    /// Takes a transaction in, making room if it must.
    ///
    /// A lane that is new here begins at `account_nonce`.
    pub(super) fn insert(
        &mut self,
        transaction: Arc<Transaction>,
        account_nonce: Nonce,
    ) -> Result<Entered, PoolError> {
        let lane = self.lanes.get(&transaction.line);
        let next = lane.map_or(account_nonce, Lane::next);
        if transaction.nonce < next {
            return Err(PoolError::Invalid(InvalidTransaction::Stale));
        }
        let rival = lane.and_then(|lane| lane.get(transaction.nonce)).cloned();
        if let Some(rival) = &rival
            && rival.priority >= transaction.priority
        {
            return Err(PoolError::TooLowPriority {
                old: rival.priority,
                new: transaction.priority,
            });
        }
        let will_be_ready = lane.map_or(transaction.nonce == next, |lane| {
            transaction.nonce <= lane.free_nonce()
        });
        let evicted = self.make_room(&transaction, rival.as_deref(), will_be_ready)?;
        let replaced = rival.and_then(|rival| self.remove(&rival.hash()));
        let line = transaction.line.clone();
        let lane = self
            .lanes
            .entry(line.clone())
            .or_insert_with(|| Lane::new(next));
        let old_tail = tail(lane);
        let shift = lane.insert(transaction.clone());
        let ready = lane.is_ready(transaction.nonce);
        let new_tail = tail(lane);
        self.retail(old_tail, new_tail);
        self.ready += shift.promoted.len();
        self.bytes += transaction.encoded().len();
        self.expiries
            .insert((transaction.valid_until, transaction.hash()));
        self.by_hash.insert(transaction.hash(), transaction);
        Ok(Entered {
            ready,
            shift,
            replaced: replaced.map(|(replaced, _)| replaced),
            evicted,
        })
    }

    /// Removes worse transactions until `newcomer` fits; removes none if even that would not do.
    fn make_room(
        &mut self,
        newcomer: &Transaction,
        rival: Option<&Transaction>,
        ready: bool,
    ) -> Result<Vec<Arc<Transaction>>, PoolError> {
        let own = Tail {
            ready,
            priority: newcomer.priority,
            arrival: Reverse(newcomer.arrival),
            hash: newcomer.hash(),
        };
        let freed = rival.map_or(0, |rival| rival.encoded().len());
        let count = self.by_hash.len() + 1 - usize::from(rival.is_some());
        let mut evicted = Vec::new();
        let over = |set: &Self, evicted: &[Arc<Transaction>]| {
            let gone: usize = evicted.iter().map(|gone| gone.encoded().len()).sum();
            let bytes = set.bytes + newcomer.encoded().len();
            bytes.saturating_sub(gone + freed) > set.bytes_max
                || count.saturating_sub(evicted.len()) > set.transactions_max
        };
        let mut victims = self.tails.iter();
        while over(self, &evicted) {
            // Only whole lanes' ends are considered, one each: enough for one newcomer, and simple to undo.
            let victim = victims.next().filter(|victim| **victim < own);
            let Some(victim) = victim else {
                return Err(PoolError::Full);
            };
            let victim = &self.by_hash[&victim.hash];
            if victim.line == newcomer.line {
                // Making room by cutting the newcomer's own lane short would only exchange one for the other.
                return Err(PoolError::Full);
            }
            evicted.push(victim.clone());
        }
        for victim in &evicted {
            self.remove(&victim.hash());
        }
        Ok(evicted)
    }

    /// Takes a transaction out.
    pub(super) fn remove(&mut self, hash: &Hash) -> Option<(Arc<Transaction>, Shift)> {
        let transaction = self.by_hash.get(hash)?.clone();
        let lane = self.lanes.get_mut(&transaction.line)?;
        let old_tail = tail(lane);
        let was_ready = lane.is_ready(transaction.nonce);
        let (_, shift) = lane.remove(transaction.nonce);
        let new_tail = tail(lane);
        if lane.is_empty() {
            self.lanes.remove(&transaction.line);
        }
        self.retail(old_tail, new_tail);
        self.ready -= usize::from(was_ready) + shift.demoted.len();
        self.forget(&transaction);
        Some((transaction, shift))
    }

    /// Moves an account's lane to its new nonce; returns what the nonce has passed.
    pub(super) fn advance(
        &mut self,
        account: &AccountId,
        nonce: Nonce,
    ) -> (Vec<Arc<Transaction>>, Shift) {
        let line = Line::Account(account.clone());
        let Some(lane) = self.lanes.get_mut(&line) else {
            return Default::default();
        };
        let old_tail = tail(lane);
        let ready_before = lane.ready_len();
        let (passed, shift) = lane.advance(nonce);
        let ready_after = lane.ready_len();
        let new_tail = tail(lane);
        if lane.is_empty() {
            self.lanes.remove(&line);
        }
        self.retail(old_tail, new_tail);
        self.ready = self.ready + ready_after - ready_before;
        for transaction in &passed {
            self.forget(transaction);
        }
        (passed, shift)
    }

    /// Transactions that may not be included at `number` or later.
    pub(super) fn expired(&self, number: BlockNumber) -> Vec<Hash> {
        let expired = self.expiries.iter();
        let expired = expired.take_while(|(until, _)| *until < number);
        expired.map(|(_, hash)| *hash).collect()
    }

    /// Ready transactions: each lane in order of nonce, the lane whose head has the highest priority first, then
    /// the one that waited longest.
    pub(super) fn ready(&self) -> Vec<Arc<Transaction>> {
        let mut lanes: Vec<_> = self.lanes.values().map(|lane| lane.ready()).collect();
        let mut heads = BinaryHeap::with_capacity(lanes.len());
        let mut offered: Vec<Arc<Transaction>> = Vec::with_capacity(self.ready);
        let rank =
            |transaction: &Arc<Transaction>| (transaction.priority, Reverse(transaction.arrival));
        let mut waiting: Vec<Option<&Arc<Transaction>>> = Vec::with_capacity(lanes.len());
        for (index, lane) in lanes.iter_mut().enumerate() {
            let head = lane.next();
            waiting.push(head);
            heads.extend(head.map(|head| (rank(head), index)));
        }
        while let Some((_, index)) = heads.pop() {
            let successor = lanes[index].next();
            let head = std::mem::replace(&mut waiting[index], successor);
            offered.extend(head.cloned());
            heads.extend(successor.map(|next| (rank(next), index)));
        }
        offered
    }

    fn forget(&mut self, transaction: &Transaction) {
        self.bytes -= transaction.encoded().len();
        self.by_hash.remove(&transaction.hash());
        self.expiries
            .remove(&(transaction.valid_until, transaction.hash()));
    }

    fn retail(&mut self, old: Option<Tail>, new: Option<Tail>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.tails.remove(&old);
        }
        self.tails.extend(new);
    }
}

fn tail(lane: &Lane) -> Option<Tail> {
    lane.tail().map(|transaction| Tail {
        ready: lane.is_ready(transaction.nonce),
        priority: transaction.priority,
        arrival: Reverse(transaction.arrival),
        hash: transaction.hash(),
    })
}
