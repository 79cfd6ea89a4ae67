//! Refuses calls that are nested too deep to be read.
//!
//! A call can carry others, which carry others: a few bytes for each level, and some of the reader's stack. A Wasm runtime
//! that runs out of stack fails; a native one takes its process along. So whatever reads a stranger's bytes as calls
//! asks here first.
//!
//! # The rule
//!
//! A transaction nests at most [`MAX_EXTRINSIC_DEPTH`] calls; FRAME refuses it otherwise when it is applied, after it was
//! read. What is refused here is refused before.

use crate::{Block, RuntimeCall, UncheckedExtrinsic};
pub use frame_support::MAX_EXTRINSIC_DEPTH;
use parity_scale_codec::{Decode, DecodeLimit};

/// Levels around a transaction: the list of a block's. The rule itself is FRAME's to keep, to the level.
const AROUND: u32 = 8;

/// Reads a transaction that a stranger sent; none if it is no transaction, or its calls are nested too deep.
pub fn read(mut encoded: &[u8]) -> Option<UncheckedExtrinsic> {
    UncheckedExtrinsic::decode_all_with_depth_limit(MAX_EXTRINSIC_DEPTH, &mut encoded).ok()
}

/// Whether arguments of a method of the runtime can be read. Those in which no calls are nested are not looked at.
pub fn is_readable(method: &str, arguments: &[u8]) -> bool {
    match method {
        "BlockBuilder_apply_extrinsic"
        | "TransactionPaymentApi_query_info"
        | "TransactionPaymentApi_query_fee_details" => begins::<UncheckedExtrinsic>(arguments),
        "TransactionPaymentCallApi_query_call_info"
        | "TransactionPaymentCallApi_query_call_fee_details" => begins::<RuntimeCall>(arguments),
        // The first byte says where the transaction comes from.
        "TaggedTransactionQueue_validate_transaction" => {
            arguments.get(1..).is_some_and(begins::<UncheckedExtrinsic>)
        }
        "Core_execute_block" | "BlockBuilder_check_inherents" => begins::<Block>(arguments),
        _ => true,
    }
}

fn begins<T: Decode>(mut arguments: &[u8]) -> bool {
    T::decode_with_depth_limit(MAX_EXTRINSIC_DEPTH.saturating_add(AROUND), &mut arguments).is_ok()
}
