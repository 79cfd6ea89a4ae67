//! Turns refusals into the codes and texts by which clients know them.

use jsonrpsee::types::ErrorObjectOwned;
use ledger::pool::PoolError;
use ledger::{CallError, Error, Hash};
use sp_runtime::transaction_validity::{InvalidTransaction, UnknownTransaction};

const BAD_FORMAT: i32 = 1001;
const POOL_INVALID: i32 = 1010;
const POOL_UNKNOWN: i32 = 1011;
const POOL_BANNED: i32 = 1012;
const POOL_ALREADY_IMPORTED: i32 = 1013;
const POOL_LOW_PRIORITY: i32 = 1014;
const POOL_FULL: i32 = 1016;
const COUNT_TOO_LARGE: i32 = 4002;
const CLIENT: i32 = 4003;
const RUNTIME_CALL: i32 = 8002;
const INVALID_PARAMS: i32 = -32602;
const INTERNAL: i32 = -32603;

/// The ledger could not answer.
pub(crate) fn client(error: Error) -> ErrorObjectOwned {
    let text = match error {
        Error::Call(error) => return call(error),
        Error::StatePruned { hash } => {
            format!("UnknownBlock: State already discarded for {hash:?}")
        }
        Error::UnknownBlock(hash) => {
            format!("UnknownBlock: Header was not found in the database: {hash:?}")
        }
        other => {
            tracing::warn!(error = %other, "a call could not be answered");
            other.to_string()
        }
    };
    ErrorObjectOwned::owned(CLIENT, format!("Client error: {text}"), None::<()>)
}

/// A runtime API could not be called; the SDK finds missing methods by this text.
pub(crate) fn call(error: CallError) -> ErrorObjectOwned {
    let text = match error {
        CallError::NoSuchMethod(_) => format!("Execution failed: Other: {error}"),
        CallError::Panicked { reason, .. } => {
            format!("Execution failed: Runtime panicked: {reason}")
        }
        CallError::BadAnswer(_) | CallError::BadArguments(_) => {
            format!("Execution failed: {error}")
        }
    };
    ErrorObjectOwned::owned(CLIENT, format!("Client error: {text}"), None::<()>)
}

/// A fee could not be computed for these bytes.
pub(crate) fn fee(error: Error) -> ErrorObjectOwned {
    let text = "Unable to query dispatch info.";
    ErrorObjectOwned::owned(RUNTIME_CALL, text, Some(error.to_string()))
}

/// More was asked for than is given at once.
pub(crate) fn too_many(value: usize, max: usize) -> ErrorObjectOwned {
    let text = format!("count exceeds maximum value. value: {value}, max: {max}");
    ErrorObjectOwned::owned(COUNT_TOO_LARGE, text, None::<()>)
}

/// A parameter is not what the method takes.
pub(crate) fn invalid_params(reason: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INVALID_PARAMS, reason, None::<()>)
}

/// Something that cannot be the caller's fault.
pub(crate) fn internal(reason: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INTERNAL, reason, None::<()>)
}

/// The pool refused a transaction.
pub(crate) fn pool(error: PoolError) -> ErrorObjectOwned {
    let coded = |code, message: &str, data: Option<String>| {
        ErrorObjectOwned::owned(code, message.to_owned(), data)
    };
    match error {
        PoolError::BadFormat(reason) => coded(
            BAD_FORMAT,
            &format!("Extrinsic has invalid format: {reason}"),
            None,
        ),
        PoolError::TooLarge { .. } => coded(
            POOL_INVALID,
            "Invalid Transaction",
            Some("Transaction would exhaust the block limits".into()),
        ),
        PoolError::Invalid(reason) => {
            coded(POOL_INVALID, "Invalid Transaction", Some(invalid(reason)))
        }
        PoolError::Unknown(reason) => coded(
            POOL_UNKNOWN,
            "Unknown Transaction Validity",
            Some(unknown(reason)),
        ),
        PoolError::Banned(_) => coded(POOL_BANNED, "Transaction is temporarily banned", None),
        PoolError::AlreadyImported(hash) => coded(
            POOL_ALREADY_IMPORTED,
            "Transaction Already Imported",
            Some(known(hash)),
        ),
        PoolError::TooLowPriority { old, new } => coded(
            POOL_LOW_PRIORITY,
            &format!("Priority is too low: ({old} vs {new})"),
            Some(
                "The transaction has too low priority to replace another transaction already in the pool."
                    .into(),
            ),
        ),
        PoolError::Full => coded(
            POOL_FULL,
            "Immediately Dropped",
            Some("The transaction couldn't enter the pool because of the limit".into()),
        ),
        PoolError::Ledger(error) => client(error),
    }
}

fn known(hash: Hash) -> String {
    format!("{hash:?}")
}

fn invalid(reason: InvalidTransaction) -> String {
    match reason {
        InvalidTransaction::Custom(code) => format!("Custom error: {code}"),
        other => <&'static str>::from(other).into(),
    }
}

fn unknown(reason: UnknownTransaction) -> String {
    match reason {
        UnknownTransaction::Custom(code) => format!("Custom error: {code}"),
        other => <&'static str>::from(other).into(),
    }
}
