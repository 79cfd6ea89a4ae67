//! `stoa_*`: final blocks with the certificates that prove them, for followers.

use crate::{Context, error};
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use ledger::{BlockNumber, Hash};
use parity_scale_codec::Encode;
use serde::{Deserialize, Serialize};
use sp_core::Bytes;

/// Blocks in one answer at most.
const BLOCKS_MAX: u32 = 256;
/// Encoded bytes after which an answer ends early; well within the response limit when written in hexadecimal.
const ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// Proof of the chain.
#[rpc(server)]
pub trait Finality {
    /// Final blocks from a height on, in order: as many as asked for, as there are, or as fit one answer.
    #[method(name = "stoa_getFinalizedBlocks", blocking)]
    fn finalized_blocks(&self, from: BlockNumber, count: u32) -> RpcResult<Vec<FinalizedBlock>>;
}

/// A final block as a follower takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalizedBlock {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: Hash,
    /// The encoded block.
    pub block: Bytes,
    /// Its certificate; absent if only a later block's certificate covers it.
    pub certificate: Option<Bytes>,
}

pub(crate) struct Finality(pub(crate) Context);

impl Finality {
    fn read(&self, number: BlockNumber) -> Result<Option<FinalizedBlock>, ledger::Error> {
        let ledger = &self.0.ledger;
        if number > ledger.finalized().number {
            return Ok(None);
        }
        let Some(hash) = ledger.hash_of(number)? else {
            return Ok(None);
        };
        let Some(block) = ledger.block(&hash)? else {
            return Ok(None);
        };
        Ok(Some(FinalizedBlock {
            number,
            hash,
            block: Bytes(block.encode()),
            certificate: ledger.certificate(number)?.map(Bytes),
        }))
    }
}

impl FinalityServer for Finality {
    fn finalized_blocks(&self, from: BlockNumber, count: u32) -> RpcResult<Vec<FinalizedBlock>> {
        let mut blocks = Vec::new();
        let mut bytes = 0;
        for number in (from..=BlockNumber::MAX).take(count.min(BLOCKS_MAX) as usize) {
            let Some(block) = self.read(number).map_err(error::client)? else {
                break;
            };
            bytes += block.block.len();
            blocks.push(block);
            if bytes > ANSWER_BYTES {
                break;
            }
        }
        Ok(blocks)
    }
}
