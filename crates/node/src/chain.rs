//! The ledger and its pool, as agreement sees them.

use bytes::Bytes;
use consensus::{Block, BlockHash, Chain, Fault, ImportError, Position};
use ledger::{Error, Head, Ledger, Limits, pool::Pool};
use parity_scale_codec::{Decode as _, Encode as _};
use sp_runtime::DigestItem;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::warn;

/// Longest time spent on including transactions, whatever the interval.
const BUILD_MAX: Duration = Duration::from_secs(2);

/// A ledger that proposes what its pool holds.
#[derive(Clone)]
pub struct LedgerChain {
    ledger: Ledger,
    pool: Arc<Pool>,
    limits: Limits,
    build_time: Duration,
}

impl LedgerChain {
    /// Joins a ledger and its pool. Blocks take at most `bytes_max`, and a third of `interval` to build.
    pub fn new(ledger: Ledger, pool: Arc<Pool>, interval: Duration, bytes_max: usize) -> Self {
        Self {
            ledger,
            pool,
            limits: Limits {
                bytes: bytes_max,
                ..Limits::default()
            },
            build_time: (interval / 3).min(BUILD_MAX),
        }
    }

    /// Lets clients see `head`, and the pool know what it took.
    fn prefer(&self, head: Head) {
        // The block has just been executed; should finality have overtaken it, there is nothing to prefer.
        if self.ledger.set_best(head.hash).is_ok() {
            self.tend_pool();
        }
    }

    fn tend_pool(&self) {
        if let Err(reason) = self.pool.maintain() {
            warn!(%reason, "the pool did not follow the chain; it tries again at the next block");
        }
    }

    fn read(&self, hash: &BlockHash) -> Option<Block> {
        let block = self.ledger.block(&(*hash).into()).ok().flatten()?;
        Block::decode(Bytes::from(block.encode())).ok()
    }
}

impl Chain for LedgerChain {
    fn genesis(&self) -> Block {
        self.read(&self.ledger.genesis_hash().into())
            .expect("a ledger begins with its genesis block")
    }

    fn finalized(&self) -> Position {
        let Head { hash, number } = self.ledger.finalized();
        Position {
            number,
            hash: hash.into(),
        }
    }

    fn finalized_hash(&self, number: u32) -> Option<BlockHash> {
        self.ledger
            .hash_of(number)
            .ok()
            .flatten()
            .map(BlockHash::from)
    }

    fn holds_state(&self, hash: BlockHash) -> bool {
        let number = self.ledger.number_of(&hash.into()).ok().flatten();
        number.is_some_and(|number| number >= self.ledger.finalized().number)
    }

    fn timestamp_ms(&self, block: &Block) -> Option<u64> {
        ledger::timestamp_of(&decode(block)?)
    }

    fn build(
        &self,
        parent: BlockHash,
        timestamp_ms: u64,
        digest: DigestItem,
    ) -> Result<Block, ImportError> {
        let begun = Instant::now();
        if self.ledger.best().hash != parent.into() && self.ledger.set_best(parent.into()).is_ok() {
            self.tend_pool();
        }
        let built = self
            .ledger
            .build(
                parent.into(),
                timestamp_ms,
                vec![digest],
                self.pool.ready(),
                self.limits,
                || begun.elapsed() < self.build_time,
            )
            .map_err(import_error)?;
        self.pool.remove_invalid(&built.invalid);
        self.prefer(Head {
            hash: built.hash,
            number: built.block.header.number,
        });
        Block::decode(Bytes::from(built.block.encode()))
            .map_err(|reason| ImportError::Fault(Fault(format!("built no block: {reason}"))))
    }

    fn import(&self, block: &Block) -> Result<(), ImportError> {
        let decoded = decode(block)
            .ok_or_else(|| ImportError::Invalid("its transactions do not decode".into()))?;
        let head = self.ledger.import(decoded).map_err(import_error)?;
        if head.number > self.ledger.best().number {
            self.prefer(head);
        }
        Ok(())
    }

    fn finalize(&self, block: &Block, certificate: Option<Vec<u8>>) -> Result<(), Fault> {
        self.ledger
            .finalize(block.hash().into(), certificate.unwrap_or_default())
            .map_err(|error| Fault(error.to_string()))?;
        self.tend_pool();
        // The last block that this program can execute is durable; here it ends.
        self.ledger
            .ensure_known_version()
            .map_err(|error| Fault(error.to_string()))
    }
}

fn decode(block: &Block) -> Option<ledger::Block> {
    ledger::Block::decode(&mut &block.encoded()[..]).ok()
}

/// Whose fault it is: the block's, nobody's, or this machine's.
fn import_error(error: Error) -> ImportError {
    match error {
        Error::UnknownBlock(_)
        | Error::UnknownParent { .. }
        | Error::StatePruned { .. }
        | Error::TooManyUnfinalized { .. }
        // Until the block before it is final; then `finalize` says what is needed.
        | Error::UnknownVersion { .. } => ImportError::MissingParent,
        Error::BelowFinalized { .. } | Error::InvalidBlock { .. } | Error::Call(_) => {
            ImportError::Invalid(error.to_string())
        }
        // Everything else is about this machine.
        _ => ImportError::Fault(Fault(error.to_string())),
    }
}
