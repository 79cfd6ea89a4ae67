//! `chain_*`: blocks, headers and their streams.

use crate::{Context, error};
use jsonrpsee::core::{RpcResult, SubscriptionResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::{PendingSubscriptionSink, SubscriptionMessage, SubscriptionSink};
use ledger::{Block, BlockNumber, Hash, Header, Notice};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};

/// Hashes that one call may ask for.
const HASHES_MAX: usize = 1_024;

/// Blocks and headers.
#[rpc(server)]
pub trait Chain {
    /// Header of a block, the best by default.
    #[method(name = "chain_getHeader", blocking)]
    fn header(&self, hash: Option<Hash>) -> RpcResult<Option<Header>>;

    /// A block, the best by default.
    #[method(name = "chain_getBlock", blocking)]
    fn block(&self, hash: Option<Hash>) -> RpcResult<Option<SignedBlock>>;

    /// Hash of the block at a height, or of each of several; the best by default.
    #[method(name = "chain_getBlockHash", aliases = ["chain_getHead"], blocking)]
    fn block_hash(&self, number: Option<OneOrMany<Height>>) -> RpcResult<OneOrMany<Option<Hash>>>;

    /// Hash of the last finalized block.
    #[method(name = "chain_getFinalizedHead", aliases = ["chain_getFinalisedHead"])]
    fn finalized_head(&self) -> RpcResult<Hash>;

    /// Headers of blocks that become best.
    #[subscription(
        name = "chain_subscribeNewHeads" => "chain_newHead",
        unsubscribe = "chain_unsubscribeNewHeads",
        aliases = ["subscribe_newHead", "chain_subscribeNewHead"],
        unsubscribe_aliases = ["unsubscribe_newHead", "chain_unsubscribeNewHead"],
        item = Header
    )]
    async fn subscribe_new_heads(&self) -> SubscriptionResult;

    /// Headers of blocks that become best, under the name of the stream of all blocks.
    #[subscription(
        name = "chain_subscribeAllHeads" => "chain_allHead",
        unsubscribe = "chain_unsubscribeAllHeads",
        item = Header
    )]
    async fn subscribe_all_heads(&self) -> SubscriptionResult;

    /// Headers of blocks that become final.
    #[subscription(
        name = "chain_subscribeFinalizedHeads" => "chain_finalizedHead",
        unsubscribe = "chain_unsubscribeFinalizedHeads",
        aliases = ["chain_subscribeFinalisedHeads"],
        unsubscribe_aliases = ["chain_unsubscribeFinalisedHeads"],
        item = Header
    )]
    async fn subscribe_finalized_heads(&self) -> SubscriptionResult;
}

/// A block in the envelope that clients expect.
#[derive(Clone, Debug, Serialize)]
pub struct SignedBlock {
    block: Block,
    /// Finality proofs are served by `stoa_getFinalizedBlocks`; Substrate's own kind does not exist here.
    justifications: Option<()>,
}

/// One value or a list of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// A list.
    Many(Vec<T>),
    /// One.
    One(T),
}

/// A height as a number or in hexadecimal.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Height {
    /// A JSON number.
    Number(BlockNumber),
    /// `"0x…"`.
    Hex(sp_core::U256),
}

impl Height {
    fn get(&self) -> Option<BlockNumber> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Hex(number) => BlockNumber::try_from(*number).ok(),
        }
    }
}

pub(crate) struct Chain(pub(crate) Context);

impl Chain {
    fn hash_at(&self, height: &Height) -> RpcResult<Option<Hash>> {
        // A height beyond 32 bits has no block, like any other height not reached yet.
        let Some(number) = height.get() else {
            return Ok(None);
        };
        self.0.ledger.hash_of(number).map_err(error::client)
    }

    fn current(&self, hash: Hash) -> Option<Header> {
        self.0.ledger.header(&hash).ok().flatten()
    }
}

#[async_trait]
impl ChainServer for Chain {
    fn header(&self, hash: Option<Hash>) -> RpcResult<Option<Header>> {
        let hash = self.0.at(hash);
        self.0.ledger.header(&hash).map_err(error::client)
    }

    fn block(&self, hash: Option<Hash>) -> RpcResult<Option<SignedBlock>> {
        let hash = self.0.at(hash);
        let block = self.0.ledger.block(&hash).map_err(error::client)?;
        Ok(block.map(|block| SignedBlock {
            block,
            justifications: None,
        }))
    }

    fn block_hash(&self, number: Option<OneOrMany<Height>>) -> RpcResult<OneOrMany<Option<Hash>>> {
        match number {
            None => Ok(OneOrMany::One(Some(self.0.ledger.best().hash))),
            Some(OneOrMany::One(height)) => self.hash_at(&height).map(OneOrMany::One),
            Some(OneOrMany::Many(heights)) if heights.len() > HASHES_MAX => {
                Err(error::too_many(heights.len(), HASHES_MAX))
            }
            Some(OneOrMany::Many(heights)) => {
                let hashes = heights.iter().map(|height| self.hash_at(height));
                hashes.collect::<RpcResult<_>>().map(OneOrMany::Many)
            }
        }
    }

    fn finalized_head(&self) -> RpcResult<Hash> {
        Ok(self.0.ledger.finalized().hash)
    }

    async fn subscribe_new_heads(&self, pending: PendingSubscriptionSink) -> SubscriptionResult {
        let notices = self.0.ledger.subscribe_best();
        let current = self.current(self.0.ledger.best().hash);
        stream(pending, current, notices).await
    }

    async fn subscribe_all_heads(&self, pending: PendingSubscriptionSink) -> SubscriptionResult {
        self.subscribe_new_heads(pending).await
    }

    async fn subscribe_finalized_heads(
        &self,
        pending: PendingSubscriptionSink,
    ) -> SubscriptionResult {
        let notices = self.0.ledger.subscribe_finalized();
        let current = self.current(self.0.ledger.finalized().hash);
        stream(pending, current, notices).await
    }
}

/// Sends the current header, then one per notice, until the client is gone.
async fn stream(
    pending: PendingSubscriptionSink,
    current: Option<Header>,
    mut notices: broadcast::Receiver<Notice>,
) -> SubscriptionResult {
    let sink = pending.accept().await?;
    let mut last = None;
    if let Some(header) = current {
        last = Some(header.hash());
        push(&sink, &header).await?;
    }
    while let Some(notice) = next(&sink, &mut notices).await {
        // The subscription began before the current header was read, so that one may come twice.
        if last.replace(notice.head.hash) != Some(notice.head.hash) {
            push(&sink, &notice.header).await?;
        }
    }
    Ok(())
}

/// The next notice, skipping what a slow client missed; `None` when client or node is gone.
pub(crate) async fn next(
    sink: &SubscriptionSink,
    notices: &mut broadcast::Receiver<Notice>,
) -> Option<Notice> {
    loop {
        tokio::select! {
            () = sink.closed() => return None,
            received = notices.recv() => match received {
                Ok(notice) => return Some(notice),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            },
        }
    }
}

/// Sends one item, waiting for room in the client's buffer.
pub(crate) async fn push(sink: &SubscriptionSink, item: &impl Serialize) -> SubscriptionResult {
    let message = SubscriptionMessage::new(sink.method_name(), sink.subscription_id(), item)?;
    Ok(sink.send(message).await?)
}
