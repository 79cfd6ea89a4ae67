//! Why a transaction does not enter the pool.

use crate::Hash;
use sp_runtime::transaction_validity::{InvalidTransaction, UnknownTransaction};

/// A refusal; wallets show these, so they name the same cases as Substrate's pool.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The bytes are not an extrinsic.
    #[error("extrinsic has invalid format: {0}")]
    BadFormat(String),
    /// The runtime says that the transaction can never be included as it is.
    #[error("invalid transaction: {0:?}")]
    Invalid(InvalidTransaction),
    /// The runtime cannot tell.
    #[error("unknown transaction validity: {0:?}")]
    Unknown(UnknownTransaction),
    /// It was found invalid a short while ago.
    #[error("transaction {0} is temporarily banned; try again in some blocks")]
    Banned(Hash),
    /// It is here already.
    #[error("transaction {0} is in the pool already")]
    AlreadyImported(Hash),
    /// Another transaction of the same sender and nonce has at least this priority.
    #[error("priority is too low: {new} against {old}; raise the tip to replace it")]
    TooLowPriority {
        /// Priority of the transaction in the pool.
        old: u64,
        /// Priority of the refused one.
        new: u64,
    },
    /// The pool is full of transactions with higher priority.
    #[error("the pool is full; raise the tip or try again later")]
    Full,
    /// The transaction is longer than any the pool takes.
    #[error("the transaction has {bytes} bytes, more than the {max} that a block can take")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The longest taken.
        max: usize,
    },
    /// The state to validate against could not be read.
    #[error(transparent)]
    Ledger(#[from] crate::Error),
}
