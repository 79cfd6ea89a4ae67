//! What can go wrong between a daemon and its node, told so that the reader knows what to do.

use crate::dispatch::Failure;

/// Why a read, a call or a submission did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be made within the patience configured.
    #[error("cannot reach the node at {url}: {reason}; is `stoa node` running there?")]
    Unreachable {
        /// The node's address.
        url: String,
        /// What the last attempt said.
        reason: String,
    },
    /// The node at this address serves another chain than it did before.
    #[error(
        "the node at {url} serves the chain with genesis {found}, but this program began on \
         {expected}; restart it if the chain was made anew"
    )]
    WrongChain {
        /// The node's address.
        url: String,
        /// The genesis hash seen at the first connection.
        expected: String,
        /// The genesis hash seen now.
        found: String,
    },
    /// The node runs another version of the state machine than this program was built with.
    #[error(
        "the node at {url} runs {found}, but this program understands {expected}; \
         use binaries of the same version"
    )]
    WrongRuntime {
        /// The node's address.
        url: String,
        /// Name and version built into this program.
        expected: String,
        /// Name and version that the node reports.
        found: String,
    },
    /// The node did not answer in time.
    #[error("the node did not answer {method} within {after_ms} ms")]
    Timeout {
        /// The JSON-RPC method, or the name of the wait.
        method: String,
        /// How long was waited.
        after_ms: u64,
    },
    /// The node answered with an error.
    #[error("the node refused {method}: {message} (code {code})")]
    Refused {
        /// The JSON-RPC method.
        method: String,
        /// JSON-RPC error code.
        code: i32,
        /// The node's words.
        message: String,
    },
    /// The connection broke while waiting, more often than is worth retrying.
    #[error("the connection to the node broke during {method}: {reason}")]
    Broken {
        /// The JSON-RPC method.
        method: String,
        /// What the transport said.
        reason: String,
    },
    /// Bytes from the node are not what the runtime's types say.
    #[error("the node's answer for {what} does not decode: {reason}")]
    Undecodable {
        /// Which item was read.
        what: String,
        /// What the decoder said.
        reason: String,
    },
    /// The chain has no such thing at the block asked for.
    #[error("{what} does not exist on chain")]
    Absent {
        /// Which item was asked for.
        what: String,
    },
    /// The pool did not accept an extrinsic, so it will never be in a block.
    #[error("the pool refused the extrinsic: {reason}")]
    Rejected {
        /// The pool's words.
        reason: String,
    },
    /// The extrinsic left the pool without being included.
    #[error("the extrinsic was not included: {status}; submit it again")]
    NotIncluded {
        /// The last status seen.
        status: String,
    },
    /// The extrinsic is in a block, and the call failed there.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Error {
    /// True when the call ran and failed with this pallet's error, for example `("SubtensorModule",
    /// "HotKeyAlreadyRegisteredInSubNet")`.
    pub fn is_failure(&self, pallet: &str, name: &str) -> bool {
        matches!(self, Error::Failed(failure) if failure.is(pallet, name))
    }

    /// True when asking again later may succeed without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::Unreachable { .. }
                | Error::Timeout { .. }
                | Error::Broken { .. }
                | Error::NotIncluded { .. }
        )
    }
}
