//! A transaction with what the runtime said about it.

use super::PoolError;
use crate::{BlockNumber, Extrinsic, Hash, Ledger, extrinsic_hash, pool::Config};
use parity_scale_codec::{Decode, DecodeAll, Encode};
use runtime::{AccountId, Nonce};
use sp_runtime::transaction_validity::{
    TransactionSource, TransactionValidity, TransactionValidityError, ValidTransaction,
};

/// Whose place a transaction takes: a sender's nonces stand in line, anything else stands alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Line {
    /// The transactions of one account.
    Account(AccountId),
    /// An unsigned transaction, by the tag it provides.
    Tag(Vec<u8>),
}

/// A valid transaction in the pool.
#[derive(Debug)]
pub struct Transaction {
    hash: Hash,
    extrinsic: Extrinsic,
    encoded: Vec<u8>,
    pub(super) line: Line,
    pub(super) nonce: Nonce,
    pub(super) priority: u64,
    /// Last height at which it may be included.
    pub(super) valid_until: BlockNumber,
    pub(super) propagate: bool,
    /// Place in the order in which transactions entered the pool.
    pub(super) arrival: u64,
}

impl Transaction {
    /// Blake2-256 of the bytes.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The bytes as submitted.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The opaque extrinsic.
    pub fn extrinsic(&self) -> &Extrinsic {
        &self.extrinsic
    }

    /// The sender, unless unsigned.
    pub fn sender(&self) -> Option<&AccountId> {
        match &self.line {
            Line::Account(account) => Some(account),
            Line::Tag(_) => None,
        }
    }

    /// The sender's nonce; zero when unsigned.
    pub fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// The runtime's priority; the pool offers higher ones first.
    pub fn priority(&self) -> u64 {
        self.priority
    }

    /// The same transaction, to enter the pool once more.
    pub(super) fn again(&self) -> Self {
        Self {
            hash: self.hash,
            extrinsic: self.extrinsic.clone(),
            encoded: self.encoded.clone(),
            line: self.line.clone(),
            nonce: self.nonce,
            priority: self.priority,
            valid_until: self.valid_until,
            propagate: self.propagate,
            arrival: self.arrival,
        }
    }
}

/// Bytes that decode as an extrinsic, with their hash.
pub(super) struct Submission {
    pub(super) hash: Hash,
    extrinsic: Extrinsic,
    encoded: Vec<u8>,
}

impl Submission {
    pub(super) fn parse(encoded: Vec<u8>, config: &Config) -> Result<Self, PoolError> {
        if encoded.len() > config.transaction_bytes_max {
            return Err(PoolError::TooLarge {
                bytes: encoded.len(),
                max: config.transaction_bytes_max,
            });
        }
        let extrinsic = Extrinsic::decode_all(&mut &encoded[..])
            .map_err(|error| PoolError::BadFormat(error.to_string()))?;
        // The runtime panics on bytes it cannot decode, which would be reported as a fault of its own.
        if runtime::nesting::read(&encoded).is_none() {
            let reason = "it does not decode, or nests calls too deep";
            return Err(PoolError::BadFormat(reason.into()));
        }
        Ok(Self {
            hash: extrinsic_hash(&extrinsic),
            extrinsic,
            encoded,
        })
    }

    /// Asks the runtime on the state of block `at`.
    pub(super) fn validate(
        self,
        ledger: &Ledger,
        at: (Hash, BlockNumber),
        source: TransactionSource,
    ) -> Result<Transaction, PoolError> {
        let valid = validity(ledger, at.0, source, &self.encoded)?;
        let (line, nonce) = place(&valid, self.hash);
        let longevity = u32::try_from(valid.longevity).unwrap_or(u32::MAX);
        Ok(Transaction {
            hash: self.hash,
            extrinsic: self.extrinsic,
            encoded: self.encoded,
            line,
            nonce,
            priority: valid.priority,
            valid_until: at.1.saturating_add(longevity),
            propagate: valid.propagate,
            arrival: 0,
        })
    }
}

/// What the runtime says about a transaction on the state of block `at`.
pub(super) fn validity(
    ledger: &Ledger,
    at: Hash,
    source: TransactionSource,
    encoded: &[u8],
) -> Result<ValidTransaction, PoolError> {
    const METHOD: &str = "TaggedTransactionQueue_validate_transaction";
    let mut arguments = source.encode();
    arguments.extend_from_slice(encoded);
    arguments.extend_from_slice(at.as_bytes());
    let answer = ledger
        .state(at)?
        .call(METHOD, &arguments)
        .map_err(crate::Error::from)?;
    let validity = TransactionValidity::decode(&mut &answer[..])
        .map_err(|_| crate::Error::from(crate::CallError::BadAnswer(METHOD)))?;
    validity.map_err(|error| match error {
        TransactionValidityError::Invalid(reason) => PoolError::Invalid(reason),
        TransactionValidityError::Unknown(reason) => PoolError::Unknown(reason),
    })
}

/// Reads sender and nonce from the tag that the nonce check provides: the pair of both, 36 bytes.
fn place(valid: &ValidTransaction, hash: Hash) -> (Line, Nonce) {
    let signed = valid.provides.iter().find_map(|tag| {
        (tag.len() == 36)
            .then(|| <(AccountId, Nonce)>::decode_all(&mut &tag[..]).ok())
            .flatten()
    });
    match signed {
        Some((account, nonce)) => (Line::Account(account), nonce),
        None => {
            let tag = valid.provides.first().cloned();
            let alone = || hash.as_bytes().to_vec();
            (Line::Tag(tag.unwrap_or_else(alone)), 0)
        }
    }
}
