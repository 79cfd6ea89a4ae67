//! `author_*`: handing in transactions and following them.

use crate::{Context, chain, error};
use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::core::{RpcResult, SubscriptionResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use ledger::Hash;
use ledger::pool::{Source, Status};
use serde::Serialize;
use sp_core::Bytes;

/// Transactions.
#[rpc(server)]
pub trait Author {
    /// Hands in a transaction; answers its hash.
    #[method(name = "author_submitExtrinsic", blocking)]
    fn submit(&self, extrinsic: Bytes) -> RpcResult<Hash>;

    /// Transactions that wait for a block and could be in one.
    #[method(name = "author_pendingExtrinsics", blocking)]
    fn pending(&self) -> RpcResult<Vec<Bytes>>;

    /// Hands in a transaction and reports what becomes of it.
    #[subscription(
        name = "author_submitAndWatchExtrinsic" => "author_extrinsicUpdate",
        unsubscribe = "author_unwatchExtrinsic",
        item = Update
    )]
    async fn submit_and_watch(&self, extrinsic: Bytes) -> SubscriptionResult;
}

/// A transaction's status in Substrate's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Update {
    /// Waits for a lower nonce.
    Future,
    /// Can be included.
    Ready,
    /// In this block of the best chain.
    InBlock(Hash),
    /// This block is no longer on the best chain.
    Retracted(Hash),
    /// In this final block.
    Finalized(Hash),
    /// Replaced by this transaction.
    Usurped(Hash),
    /// The pool was full.
    Dropped,
    /// Can never be included.
    Invalid,
}

impl From<Status> for Update {
    fn from(status: Status) -> Self {
        match status {
            Status::Future => Self::Future,
            Status::Ready => Self::Ready,
            Status::InBlock(hash) => Self::InBlock(hash),
            Status::Retracted(hash) => Self::Retracted(hash),
            Status::Finalized(hash) => Self::Finalized(hash),
            Status::Usurped(hash) => Self::Usurped(hash),
            Status::Dropped => Self::Dropped,
            Status::Invalid => Self::Invalid,
        }
    }
}

pub(crate) struct Author(pub(crate) Context);

#[async_trait]
impl AuthorServer for Author {
    fn submit(&self, extrinsic: Bytes) -> RpcResult<Hash> {
        let submitted = self.0.pool.submit(extrinsic.0, Source::Local);
        submitted.map_err(error::pool)
    }

    fn pending(&self) -> RpcResult<Vec<Bytes>> {
        let ready = self.0.pool.ready();
        let bytes = ready.iter().map(|ready| Bytes(ready.encoded().to_vec()));
        Ok(bytes.collect())
    }

    async fn submit_and_watch(
        &self,
        pending: PendingSubscriptionSink,
        extrinsic: Bytes,
    ) -> SubscriptionResult {
        let pool = self.0.pool.clone();
        let submitted =
            tokio::task::spawn_blocking(move || pool.submit_and_watch(extrinsic.0, Source::Local));
        let mut watcher = match submitted.await? {
            Ok((_, watcher)) => watcher,
            Err(error) => {
                pending.reject(error::pool(error)).await;
                return Ok(());
            }
        };
        let sink = pending.accept().await?;
        loop {
            let status = tokio::select! {
                () = sink.closed() => return Ok(()),
                status = watcher.recv() => status,
            };
            let Some(status) = status else {
                return Ok(());
            };
            chain::push(&sink, &Update::from(status)).await?;
        }
    }
}
