//! Builds a block: inherents first (the time, and keys of heights that the state wants), then as many of the pool's
//! transactions as fit.
//!
//! A candidate may carry another transaction encrypted. When this node can read it, it goes in right behind its carrier, if
//! it is valid and fits.
//!
//! A candidate that does not fit the block's remaining weight is passed over, and after a few of those the block
//! counts as full. One that is not valid on this parent is passed over and reported, unless it is merely early or late
//! by its nonce: the pool knows about those.

use crate::error::{CallError, Error, Result};
use crate::execution::Session;
use crate::pool::Transaction;
use crate::tree::Executed;
use crate::versions::ensure_known;
use crate::{Block, BlockNumber, Extrinsic, Hash, Header, Ledger};
use parity_scale_codec::Encode;
use sp_inherents::InherentData;
use sp_runtime::traits::Header as _;
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};
use sp_runtime::{Digest, DigestItem, ExtrinsicInclusionMode};
use std::sync::Arc;

/// Candidates that do not fit before the block counts as full.
const MISFITS_MAX: usize = 8;
/// Allowance for the header, the inherents and the extrinsic count in a block's encoding.
const OVERHEAD_BYTES: usize = 4 * 1024;

/// How large a block may become, beside what the runtime's weights allow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Encoded bytes.
    pub bytes: usize,
    /// Transactions.
    pub transactions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 1024 * 1024,
            transactions: 10_000,
        }
    }
}

/// A block fresh from the builder. The ledger has executed it already.
#[derive(Clone, Debug)]
pub struct Built {
    /// The block.
    pub block: Block,
    /// Its hash.
    pub hash: Hash,
    /// Candidates that can no longer be included, for [`crate::pool::Pool::remove_invalid`].
    pub invalid: Vec<Hash>,
}

impl Ledger {
    /// Builds a block on `parent` and keeps its state, so that importing it later costs nothing.
    ///
    /// `digest` items must be pre-runtime ones: executing a block recomputes all others. Candidates are tried in order
    /// while `proceed` answers true; those already in an unfinalized ancestor are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParent`] or [`Error::BelowFinalized`] for an unusable parent; [`Error::Call`] when the runtime
    /// refuses the block's frame, which happens when `timestamp_ms` is not later than the parent's.
    pub fn build(
        &self,
        parent: Hash,
        timestamp_ms: u64,
        digest: Vec<DigestItem>,
        candidates: impl IntoIterator<Item = Arc<Transaction>>,
        limits: Limits,
        mut proceed: impl FnMut() -> bool,
    ) -> Result<Built> {
        let parent_number = self
            .number_of(&parent)?
            .ok_or(Error::UnknownBlock(parent))?;
        let number = parent_number + 1;
        let (nodes, root) = self.ground(&parent, number)?;
        let ancestors = self.tree().path(&parent).unwrap_or_default();
        let backend = self.view(&nodes, root);
        ensure_known(&backend, number)?;
        let mut draft = Draft::begin(
            Session::new(&backend, self.signatures()),
            header(number, parent, digest),
            inherent_data(timestamp_ms, &self.height_keys()),
            limits,
        )?;
        for candidate in candidates {
            if draft.is_full() || !proceed() {
                break;
            }
            let included = |block: &Arc<Executed>| block.extrinsics.contains(&candidate.hash());
            if !ancestors.iter().any(included)
                && draft.try_candidate(&candidate)
                && let Some(sealed) = self.sealed_in(candidate.extrinsic())
            {
                draft.try_sealed(sealed);
            }
        }
        let (executed, built) = draft.end()?;
        self.keep(executed)?;
        Ok(built)
    }
}

/// A block in the making.
struct Draft<'a> {
    session: Session<'a>,
    extrinsics: Vec<Extrinsic>,
    limits: Limits,
    takes_transactions: bool,
    bytes: usize,
    transactions: usize,
    misfits: usize,
    invalid: Vec<Hash>,
}

impl<'a> Draft<'a> {
    fn begin(
        mut session: Session<'a>,
        header: Header,
        data: InherentData,
        limits: Limits,
    ) -> Result<Self> {
        let mode: ExtrinsicInclusionMode = session.ask("Core_initialize_block", &header)?;
        let inherents: Vec<Extrinsic> = session.ask("BlockBuilder_inherent_extrinsics", data)?;
        let mut draft = Self {
            session,
            extrinsics: Vec::new(),
            limits,
            takes_transactions: matches!(mode, ExtrinsicInclusionMode::AllExtrinsics),
            bytes: OVERHEAD_BYTES,
            transactions: 0,
            misfits: 0,
            invalid: Vec::new(),
        };
        for inherent in inherents {
            let bytes = inherent.encode();
            draft
                .session
                .apply(&bytes)?
                .map_err(|error| CallError::Panicked {
                    method: "BlockBuilder_apply_extrinsic".into(),
                    reason: format!("inherent refused: {error:?}"),
                })?;
            draft.bytes += bytes.len();
            draft.extrinsics.push(inherent);
        }
        Ok(draft)
    }

    fn is_full(&self) -> bool {
        !self.takes_transactions
            || self.transactions >= self.limits.transactions
            || self.misfits >= MISFITS_MAX
    }

    /// Includes a candidate if it is valid and fits; says whether.
    fn try_candidate(&mut self, candidate: &Transaction) -> bool {
        let bytes = candidate.encoded();
        if self.bytes + bytes.len() > self.limits.bytes {
            self.misfits += 1;
            return false;
        }
        use TransactionValidityError::Invalid;
        match self.session.apply(bytes) {
            Ok(Ok(())) => {
                self.take(candidate.extrinsic().clone(), bytes.len());
                return true;
            }
            Ok(Err(Invalid(InvalidTransaction::ExhaustsResources))) => self.misfits += 1,
            Ok(Err(Invalid(InvalidTransaction::Future | InvalidTransaction::Stale))) => {}
            Ok(Err(_)) | Err(_) => self.invalid.push(candidate.hash()),
        }
        false
    }

    /// Includes what an included candidate carried encrypted, if it is valid and fits. Its sender has paid for the
    /// attempt with the carrier.
    fn try_sealed(&mut self, sealed: Extrinsic) {
        let bytes = sealed.encode();
        let fits = self.bytes + bytes.len() <= self.limits.bytes;
        if fits && matches!(self.session.apply(&bytes), Ok(Ok(()))) {
            self.take(sealed, bytes.len());
        }
    }

    fn take(&mut self, extrinsic: Extrinsic, bytes: usize) {
        self.bytes += bytes;
        self.transactions += 1;
        self.extrinsics.push(extrinsic);
    }

    fn end(mut self) -> Result<(Executed, Built)> {
        let header: Header = self.session.ask("BlockBuilder_finalize_block", ())?;
        let outcome = self.session.finish()?;
        let hash = header.hash();
        let block = Block {
            header,
            extrinsics: self.extrinsics,
        };
        if outcome.root != *block.header.state_root() {
            return Err(Error::InvalidBlock {
                hash,
                reason: format!(
                    "the runtime wrote after its state root was taken: {}",
                    outcome.root
                ),
            });
        }
        let built = Built {
            block: block.clone(),
            hash,
            invalid: self.invalid,
        };
        Ok((Executed::new(hash, block, outcome), built))
    }
}

fn header(number: BlockNumber, parent: Hash, digest: Vec<DigestItem>) -> Header {
    Header::new(
        number,
        Hash::zero(),
        Hash::zero(),
        parent,
        Digest { logs: digest },
    )
}

fn inherent_data(timestamp_ms: u64, keys: &[runtime::beacon::Key]) -> InherentData {
    const FREE: &str = "the data was empty, and the two identifiers differ";
    let mut data = InherentData::new();
    data.put_data(sp_timestamp::INHERENT_IDENTIFIER, &timestamp_ms)
        .expect(FREE);
    data.put_data(runtime::beacon::INHERENT_IDENTIFIER, &keys)
        .expect(FREE);
    data
}
