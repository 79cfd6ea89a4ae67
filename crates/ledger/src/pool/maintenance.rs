//! Moves the pool along with the chain.
//!
//! From the block that the pool agrees with to the ledger's best there is a way: some blocks are left, others are
//! entered. Transactions of a block that is left come back, those of a block that is entered go. Which blocks held
//! which of our transactions is remembered until the blocks are final or lost.

use super::{Inner, Pool, PoolError, Status, Transaction, account_nonce, transaction};
use crate::{Block, BlockNumber, Hash, Head, Ledger, StorageChange, extrinsic_hash};
use runtime::AccountId;
use sp_io::hashing::twox_128;
use sp_runtime::transaction_validity::TransactionSource;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Blocks that are gone through one by one; after a longer absence every lane is simply read again.
const ROUTE_MAX: usize = 256;
/// Lane heads validated again per call; the builder weeds out what this does not reach.
const REVALIDATED_MAX: usize = 64;

/// Blocks above the last final one that the pool has gone through.
pub(super) struct Recent {
    finalized: Head,
    blocks: HashMap<Hash, Seen>,
}

struct Seen {
    number: BlockNumber,
    parent: Hash,
    /// Our transactions that it includes.
    transactions: Vec<Arc<Transaction>>,
    /// Accounts that it changed.
    accounts: BTreeSet<AccountId>,
}

/// The way from one block to another.
#[derive(Default)]
struct Route {
    left: Vec<Hash>,
    /// Oldest first.
    entered: Vec<Entered>,
    /// Whether the way was too long to follow.
    broken: bool,
}

/// A block on the way, read before anything is changed.
struct Entered {
    hash: Hash,
    block: Block,
    /// Absent if the block is final already.
    changes: Option<Arc<Vec<StorageChange>>>,
}

impl Recent {
    pub(super) fn new(finalized: Head) -> Self {
        Self {
            finalized,
            blocks: HashMap::new(),
        }
    }
}

impl Pool {
    /// Brings the pool to the ledger's best and finalized blocks; call it after either has changed.
    ///
    /// Calling it more often than needed, or less, does no harm.
    ///
    /// # Errors
    ///
    /// [`crate::Error`] when the ledger cannot be read; the next call tries again.
    pub fn maintain(&self) -> Result<(), crate::Error> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let best = self.ledger.best();
        if best != inner.at {
            inner.follow(&self.ledger, best, self.config.ban_blocks)?;
        }
        inner.settle(&self.ledger)
    }
}

impl Inner {
    fn follow(&mut self, ledger: &Ledger, best: Head, ban_blocks: u32) -> Result<(), crate::Error> {
        let route = self.route(ledger, best)?;
        let mut accounts = BTreeSet::new();
        let mut returning = BTreeMap::new();
        for hash in &route.left {
            if let Some(seen) = self.recent.blocks.remove(hash) {
                accounts.extend(seen.accounts);
                for transaction in seen.transactions {
                    let retracted = Status::Retracted(*hash);
                    self.watchers.tell(transaction.hash(), retracted);
                    returning.insert(transaction.hash(), transaction);
                }
            }
        }
        let mut included = HashSet::new();
        for entered in route.entered {
            included.extend(self.enter(entered, &mut accounts, &mut returning));
        }
        self.at = best;
        if route.broken {
            accounts.extend(self.set.accounts());
        }
        self.refresh(ledger, &accounts, &included)?;
        for transaction in returning.into_values() {
            self.take_back(ledger, &transaction)?;
        }
        self.revalidate(ledger, &accounts, ban_blocks);
        for hash in self.set.expired(best.number.saturating_add(1)) {
            self.remove_invalid(&hash, ban_blocks);
        }
        self.lift_bans();
        Ok(())
    }

    /// The way from the pool's block to `best`.
    fn route(&self, ledger: &Ledger, best: Head) -> Result<Route, crate::Error> {
        let mut route = Route::default();
        let mut cursor = best;
        while cursor.hash != self.at.hash && !self.recent.blocks.contains_key(&cursor.hash) {
            if route.entered.len() >= ROUTE_MAX {
                route.broken = true;
                return Ok(route);
            }
            if cursor.number <= self.recent.finalized.number {
                // The common ancestor is below everything remembered.
                break;
            }
            let block = ledger.block(&cursor.hash)?;
            let block = block.ok_or(crate::Error::UnknownBlock(cursor.hash))?;
            let parent = block.header.parent_hash;
            route.entered.push(Entered {
                hash: cursor.hash,
                block,
                changes: ledger.changes(&cursor.hash),
            });
            cursor = Head {
                hash: parent,
                number: cursor.number - 1,
            };
        }
        route.entered.reverse();
        let mut left = self.at.hash;
        while left != cursor.hash
            && let Some(seen) = self.recent.blocks.get(&left)
        {
            // Seen blocks above the meeting point are off the new way.
            if seen.number <= cursor.number {
                break;
            }
            route.left.push(left);
            left = seen.parent;
        }
        Ok(route)
    }

    /// Takes note of a block on the best chain: which accounts it changed, and which of our transactions it has, which
    /// are returned.
    fn enter(
        &mut self,
        entered: Entered,
        accounts: &mut BTreeSet<AccountId>,
        returning: &mut BTreeMap<Hash, Arc<Transaction>>,
    ) -> Vec<Hash> {
        let Entered {
            hash,
            block,
            changes,
        } = entered;
        let changed = match changes {
            Some(changes) => changes.iter().filter_map(changed_account).collect(),
            // Its changes are no longer at hand: any account may be among them.
            None => BTreeSet::from_iter(self.set.accounts()),
        };
        let mut transactions = Vec::new();
        for extrinsic in &block.extrinsics {
            let included = extrinsic_hash(extrinsic);
            // It leaves its lane when the account's nonce has moved on, so that those behind it stay ready.
            let pooled = self.set.get(&included).cloned();
            transactions.extend(pooled.or_else(|| returning.remove(&included)));
            self.watchers.tell(included, Status::InBlock(hash));
        }
        let senders = transactions.iter().filter_map(|included| included.sender());
        accounts.extend(changed.iter().chain(senders).cloned());
        let included = transactions
            .iter()
            .map(|included| included.hash())
            .collect();
        let seen = Seen {
            number: block.header.number,
            parent: block.header.parent_hash,
            transactions,
            accounts: changed,
        };
        self.recent.blocks.insert(hash, seen);
        included
    }

    /// Moves the lanes of `accounts` to their nonces at the pool's block.
    fn refresh(
        &mut self,
        ledger: &Ledger,
        accounts: &BTreeSet<AccountId>,
        included: &HashSet<Hash>,
    ) -> Result<(), crate::Error> {
        for account in accounts {
            if !self.set.has_account(account) {
                continue;
            }
            let nonce = account_nonce(ledger, self.at.hash, account)?;
            let (passed, shift) = self.set.advance(account, nonce);
            for transaction in passed {
                if !included.contains(&transaction.hash()) {
                    // Another transaction with its nonce was included.
                    self.watchers.tell(transaction.hash(), Status::Invalid);
                }
            }
            self.report(shift);
        }
        // Unsigned ones, and those of accounts whose nonce began anew when they were emptied.
        for hash in included {
            if let Some((_, shift)) = self.set.remove(hash) {
                self.report(shift);
            }
        }
        Ok(())
    }

    /// Puts a transaction of a block that was left back into its lane.
    fn take_back(
        &mut self,
        ledger: &Ledger,
        transaction: &Transaction,
    ) -> Result<(), crate::Error> {
        let nonce = match transaction.sender() {
            Some(account) => account_nonce(ledger, self.at.hash, account)?,
            None => 0,
        };
        let again = transaction.again();
        if let Err(error) = self.insert(again, nonce) {
            tracing::debug!(hash = %transaction.hash(), %error, "retracted transaction not taken back");
            let status = match error {
                // Another transaction with its nonce is on the new best chain.
                PoolError::Invalid(_) => Status::Invalid,
                _ => Status::Dropped,
            };
            self.watchers.tell(transaction.hash(), status);
        }
        Ok(())
    }

    /// Validates again what accounts that changed would have included next.
    fn revalidate(&mut self, ledger: &Ledger, accounts: &BTreeSet<AccountId>, ban_blocks: u32) {
        let heads: Vec<Arc<Transaction>> = accounts
            .iter()
            .filter_map(|account| self.set.head(account).cloned())
            .take(REVALIDATED_MAX)
            .collect();
        for head in heads {
            let source = TransactionSource::External;
            let verdict = transaction::validity(ledger, self.at.hash, source, head.encoded());
            if let Err(PoolError::Invalid(_)) = verdict {
                self.remove_invalid(&head.hash(), ban_blocks);
            }
        }
    }

    /// Reports what has become final and forgets the blocks up to there.
    fn settle(&mut self, ledger: &Ledger) -> Result<(), crate::Error> {
        let finalized = ledger.finalized();
        if finalized == self.recent.finalized {
            return Ok(());
        }
        let mut seen: Vec<(Hash, BlockNumber)> = self
            .recent
            .blocks
            .iter()
            .filter(|(_, seen)| seen.number <= finalized.number)
            .map(|(hash, seen)| (*hash, seen.number))
            .collect();
        seen.sort_unstable_by_key(|(hash, number)| (*number, *hash));
        for (hash, number) in seen {
            let is_final = ledger.hash_of(number)? == Some(hash);
            let Some(seen) = self.recent.blocks.remove(&hash) else {
                continue;
            };
            if is_final {
                for transaction in seen.transactions {
                    self.watchers
                        .tell(transaction.hash(), Status::Finalized(hash));
                }
            }
        }
        self.recent.finalized = finalized;
        Ok(())
    }
}

/// The account that a storage change touches, if it touches one: `System.Account` ends its keys with the account.
fn changed_account(change: &StorageChange) -> Option<AccountId> {
    let (key, _) = change;
    let map = [twox_128(b"System"), twox_128(b"Account")].concat();
    let rest = key.strip_prefix(&map[..])?;
    let account: [u8; 32] = rest.get(16..)?.try_into().ok()?;
    Some(AccountId::from(account))
}
