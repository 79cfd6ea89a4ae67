//! Follows the values of a few storage keys from block to block.

use crate::{chain, error};
use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::core::{RpcResult, SubscriptionResult};
use ledger::{Hash, Ledger, State};
use serde::Serialize;
use sp_core::Bytes;
use sp_core::storage::StorageKey;

/// Values of some keys at a block; `null` where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeSet {
    pub(crate) block: Hash,
    pub(crate) changes: Vec<(StorageKey, Option<Bytes>)>,
}

impl ChangeSet {
    /// All of `keys` at one block.
    pub(crate) fn read(state: &State, keys: &[StorageKey]) -> RpcResult<Self> {
        let values = keys.iter().map(|key| {
            let value = state.storage(&key.0).map_err(error::client)?;
            Ok((key.clone(), value.map(Bytes)))
        });
        Ok(Self {
            block: state.block(),
            changes: values.collect::<RpcResult<_>>()?,
        })
    }

    /// Those of `later`'s values that differ from these.
    fn difference(&self, later: &Self) -> Self {
        let changed = later.changes.iter().zip(&self.changes);
        let changed = changed.filter(|(new, old)| new.1 != old.1);
        Self {
            block: later.block,
            changes: changed.map(|(new, _)| new.clone()).collect(),
        }
    }
}

/// Values at `from`, then what changed in each block up to `to`.
pub(crate) fn history(
    ledger: &Ledger,
    keys: &[StorageKey],
    from: Hash,
    to: Hash,
    blocks_max: usize,
) -> RpcResult<Vec<ChangeSet>> {
    let mut path = vec![to];
    while let Some(last) = path.last().copied()
        && last != from
    {
        if path.len() >= blocks_max {
            return Err(error::too_many(path.len() + 1, blocks_max));
        }
        let header = ledger.header(&last).map_err(error::client)?;
        let header = header.filter(|header| header.number > 0);
        let reason = "the first block is not an ancestor of the second";
        let header = header.ok_or_else(|| error::invalid_params(reason))?;
        path.push(header.parent_hash);
    }
    let mut sets: Vec<ChangeSet> = Vec::new();
    let mut before: Option<ChangeSet> = None;
    for hash in path.into_iter().rev() {
        let state = ledger.state(hash).map_err(error::client)?;
        let now = ChangeSet::read(&state, keys)?;
        let set = before.map_or_else(|| now.clone(), |before| before.difference(&now));
        if !set.changes.is_empty() {
            sets.push(set);
        }
        before = Some(now);
    }
    Ok(sets)
}

/// Sends all values, then those that change with the best block.
pub(crate) async fn stream(
    ledger: &Ledger,
    pending: PendingSubscriptionSink,
    keys: Vec<StorageKey>,
) -> SubscriptionResult {
    let mut notices = ledger.subscribe_best();
    let first = ledger.state(ledger.best().hash).map_err(error::client);
    let first = first.and_then(|state| ChangeSet::read(&state, &keys));
    let mut before = match first {
        Ok(set) => set,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    let sink = pending.accept().await?;
    chain::push(&sink, &before).await?;
    while let Some(notice) = chain::next(&sink, &mut notices).await {
        // Every value is compared, because the new best block may be on another branch than the last.
        let Ok(state) = ledger.state(notice.head.hash) else {
            // That branch has lost already; the next notice is about the one that won.
            continue;
        };
        let now = ChangeSet::read(&state, &keys)?;
        let set = before.difference(&now);
        if !set.changes.is_empty() {
            chain::push(&sink, &set).await?;
        }
        before = now;
    }
    Ok(())
}
