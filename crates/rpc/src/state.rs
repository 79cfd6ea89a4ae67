//! `state_*`: storage, runtime calls and their streams.

use crate::storage_watch::{self, ChangeSet};
use crate::{Context, chain, error};
use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::core::{RpcResult, SubscriptionResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use ledger::Hash;
use parity_scale_codec::Decode;
use serde::Serialize;
use sp_core::Bytes;
use sp_core::storage::StorageKey;
use sp_runtime::traits::Hash as _;
use sp_version::RuntimeVersion;

/// Keys in a page at most, as in Substrate.
const PAGE_MAX: usize = 1_000;
/// Keys in one query at most.
const QUERY_MAX: usize = 10_000;
/// Blocks that one range query may span.
const RANGE_MAX: usize = 256;
/// Keys that one subscription may watch.
const WATCHED_MAX: usize = 1_024;

/// Reads of the state.
#[rpc(server)]
pub trait State {
    /// Calls a runtime API.
    #[method(name = "state_call", aliases = ["state_callAt"], blocking)]
    fn call(&self, method: String, arguments: Bytes, at: Option<Hash>) -> RpcResult<Bytes>;

    /// Keys that begin with a prefix, after a start key, in order.
    #[method(name = "state_getKeysPaged", aliases = ["state_getKeysPagedAt"], blocking)]
    fn keys_paged(
        &self,
        prefix: Option<StorageKey>,
        count: u32,
        start: Option<StorageKey>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<StorageKey>>;

    /// Keys that begin with a prefix, if they are few.
    #[method(name = "state_getKeys", blocking)]
    fn keys(&self, prefix: StorageKey, at: Option<Hash>) -> RpcResult<Vec<StorageKey>>;

    /// A value.
    #[method(name = "state_getStorage", aliases = ["state_getStorageAt"], blocking)]
    fn storage(&self, key: StorageKey, at: Option<Hash>) -> RpcResult<Option<Bytes>>;

    /// Hash of a value.
    #[method(name = "state_getStorageHash", aliases = ["state_getStorageHashAt"], blocking)]
    fn storage_hash(&self, key: StorageKey, at: Option<Hash>) -> RpcResult<Option<Hash>>;

    /// Length of a value.
    #[method(name = "state_getStorageSize", aliases = ["state_getStorageSizeAt"], blocking)]
    fn storage_size(&self, key: StorageKey, at: Option<Hash>) -> RpcResult<Option<u64>>;

    /// The oldest metadata format served, 14.
    #[method(name = "state_getMetadata", blocking)]
    fn metadata(&self, at: Option<Hash>) -> RpcResult<Bytes>;

    /// The rules' name and versions.
    #[method(name = "state_getRuntimeVersion", aliases = ["chain_getRuntimeVersion"], blocking)]
    fn runtime_version(&self, at: Option<Hash>) -> RpcResult<RuntimeVersion>;

    /// Values of several keys at one block.
    #[method(name = "state_queryStorageAt", blocking)]
    fn query_storage_at(
        &self,
        keys: Vec<StorageKey>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<ChangeSet>>;

    /// Values of several keys at one block, and their changes up to another.
    #[method(name = "state_queryStorage", blocking)]
    fn query_storage(
        &self,
        keys: Vec<StorageKey>,
        from: Hash,
        to: Option<Hash>,
    ) -> RpcResult<Vec<ChangeSet>>;

    /// Trie nodes that prove the values of several keys.
    #[method(name = "state_getReadProof", blocking)]
    fn read_proof(&self, keys: Vec<StorageKey>, at: Option<Hash>) -> RpcResult<ReadProof>;

    /// The rules' versions, now and whenever they change.
    #[subscription(
        name = "state_subscribeRuntimeVersion" => "state_runtimeVersion",
        unsubscribe = "state_unsubscribeRuntimeVersion",
        aliases = ["chain_subscribeRuntimeVersion"],
        unsubscribe_aliases = ["chain_unsubscribeRuntimeVersion"],
        item = RuntimeVersion
    )]
    async fn subscribe_runtime_version(&self) -> SubscriptionResult;

    /// Values of several keys, now and whenever one changes.
    #[subscription(
        name = "state_subscribeStorage" => "state_storage",
        unsubscribe = "state_unsubscribeStorage",
        item = ChangeSet
    )]
    async fn subscribe_storage(&self, keys: Option<Vec<StorageKey>>) -> SubscriptionResult;
}

/// A proof of what was read.
#[derive(Clone, Debug, Serialize)]
pub struct ReadProof {
    at: Hash,
    proof: Vec<Bytes>,
}

pub(crate) struct State(pub(crate) Context);

impl State {
    fn view(&self, at: Option<Hash>) -> RpcResult<ledger::State> {
        self.0.ledger.state(self.0.at(at)).map_err(error::client)
    }

    fn value(&self, key: &StorageKey, at: Option<Hash>) -> RpcResult<Option<Vec<u8>>> {
        self.view(at)?.storage(&key.0).map_err(error::client)
    }

    fn version(&self, at: Hash) -> RpcResult<RuntimeVersion> {
        let bytes = self
            .view(Some(at))?
            .call("Core_version", &[])
            .map_err(error::call)?;
        RuntimeVersion::decode(&mut &bytes[..])
            .map_err(|_| error::internal("the runtime's version does not decode"))
    }
}

#[async_trait]
impl StateServer for State {
    fn call(&self, method: String, arguments: Bytes, at: Option<Hash>) -> RpcResult<Bytes> {
        let answer = self.view(at)?.call(&method, &arguments);
        answer.map(Bytes).map_err(error::call)
    }

    fn keys_paged(
        &self,
        prefix: Option<StorageKey>,
        count: u32,
        start: Option<StorageKey>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<StorageKey>> {
        let count = count as usize;
        if count > PAGE_MAX {
            return Err(error::too_many(count, PAGE_MAX));
        }
        let prefix = prefix.map(|prefix| prefix.0).unwrap_or_default();
        let start = start.map(|start| start.0);
        let keys = self
            .view(at)?
            .keys_paged(&prefix, count, start.as_deref())
            .map_err(error::client)?;
        Ok(keys.into_iter().map(StorageKey).collect())
    }

    fn keys(&self, prefix: StorageKey, at: Option<Hash>) -> RpcResult<Vec<StorageKey>> {
        let keys = self
            .view(at)?
            .keys_paged(&prefix.0, QUERY_MAX + 1, None)
            .map_err(error::client)?;
        if keys.len() > QUERY_MAX {
            return Err(error::too_many(keys.len(), QUERY_MAX));
        }
        Ok(keys.into_iter().map(StorageKey).collect())
    }

    fn storage(&self, key: StorageKey, at: Option<Hash>) -> RpcResult<Option<Bytes>> {
        Ok(self.value(&key, at)?.map(Bytes))
    }

    fn storage_hash(&self, key: StorageKey, at: Option<Hash>) -> RpcResult<Option<Hash>> {
        let value = self.value(&key, at)?;
        Ok(value.map(|value| ledger::Hasher::hash(&value)))
    }

    fn storage_size(&self, key: StorageKey, at: Option<Hash>) -> RpcResult<Option<u64>> {
        Ok(self.value(&key, at)?.map(|value| value.len() as u64))
    }

    fn metadata(&self, at: Option<Hash>) -> RpcResult<Bytes> {
        let answer = self
            .view(at)?
            .call("Metadata_metadata", &[])
            .map_err(error::call)?;
        // The runtime wraps the encoded metadata in a length, which clients of this method do not expect.
        let metadata = Vec::<u8>::decode(&mut &answer[..])
            .map_err(|_| error::internal("the runtime's metadata does not decode"))?;
        Ok(Bytes(metadata))
    }

    fn runtime_version(&self, at: Option<Hash>) -> RpcResult<RuntimeVersion> {
        self.version(self.0.at(at))
    }

    fn query_storage_at(
        &self,
        keys: Vec<StorageKey>,
        at: Option<Hash>,
    ) -> RpcResult<Vec<ChangeSet>> {
        if keys.len() > QUERY_MAX {
            return Err(error::too_many(keys.len(), QUERY_MAX));
        }
        let state = self.view(at)?;
        Ok(vec![ChangeSet::read(&state, &keys)?])
    }

    fn query_storage(
        &self,
        keys: Vec<StorageKey>,
        from: Hash,
        to: Option<Hash>,
    ) -> RpcResult<Vec<ChangeSet>> {
        if keys.len() > WATCHED_MAX {
            return Err(error::too_many(keys.len(), WATCHED_MAX));
        }
        storage_watch::history(&self.0.ledger, &keys, from, self.0.at(to), RANGE_MAX)
    }

    fn read_proof(&self, keys: Vec<StorageKey>, at: Option<Hash>) -> RpcResult<ReadProof> {
        if keys.len() > WATCHED_MAX {
            return Err(error::too_many(keys.len(), WATCHED_MAX));
        }
        let state = self.view(at)?;
        let keys: Vec<Vec<u8>> = keys.into_iter().map(|key| key.0).collect();
        let nodes = state.prove(&keys).map_err(error::client)?;
        Ok(ReadProof {
            at: state.block(),
            proof: nodes.into_iter().map(Bytes).collect(),
        })
    }

    async fn subscribe_runtime_version(
        &self,
        pending: PendingSubscriptionSink,
    ) -> SubscriptionResult {
        let mut notices = self.0.ledger.subscribe_best();
        let mut current = match self.version(self.0.ledger.best().hash) {
            Ok(version) => version,
            Err(error) => {
                pending.reject(error).await;
                return Ok(());
            }
        };
        let sink = pending.accept().await?;
        chain::push(&sink, &current).await?;
        while let Some(notice) = chain::next(&sink, &mut notices).await {
            let version = self.version(notice.head.hash)?;
            if version != current {
                chain::push(&sink, &version).await?;
                current = version;
            }
        }
        Ok(())
    }

    async fn subscribe_storage(
        &self,
        pending: PendingSubscriptionSink,
        keys: Option<Vec<StorageKey>>,
    ) -> SubscriptionResult {
        let keys = keys.unwrap_or_default();
        if keys.is_empty() {
            let reason = "name the keys to watch: watching everything is not offered";
            pending.reject(error::invalid_params(reason)).await;
            return Ok(());
        }
        if keys.len() > WATCHED_MAX {
            pending
                .reject(error::too_many(keys.len(), WATCHED_MAX))
                .await;
            return Ok(());
        }
        storage_watch::stream(&self.0.ledger, pending, keys).await
    }
}
