//! Says how much a block may hold, derived from the block interval.
//!
//! The proposer executes a block, then every authority executes it again before voting, and the votes take
//! network hops: so transactions get a third of the interval, and no more than two seconds. FRAME's
//! benchmarked costs are kept; storage access and the fixed cost of a transaction are replaced by what native
//! execution takes on a small machine (a transfer including its signature: 0.2 ms).

use crate::{Runtime, aura::IntervalMs};
use frame_support::{
    dispatch::DispatchClass,
    traits::Get,
    weights::{
        RuntimeDbWeight, Weight,
        constants::{WEIGHT_REF_TIME_PER_MICROS, WEIGHT_REF_TIME_PER_MILLIS},
    },
};
use frame_system::limits;
use sp_runtime::Perbill;

/// Share of a block that ordinary transactions may fill; the rest is for operational ones.
pub const NORMAL_SHARE: Perbill = Perbill::from_percent(75);
/// Longest time a block's transactions may take, whatever the interval.
pub const COMPUTE_MS_MAX: u64 = 2_000;
/// Shortest time a block's transactions get, whatever the interval.
pub const COMPUTE_MS_MIN: u64 = 2;
/// Bytes of transactions per millisecond of interval.
pub const BYTES_PER_MS: u64 = 2_048;

const BYTES_MIN: u64 = 256 * 1024;
const BYTES_MAX: u64 = 4 * 1024 * 1024;
const PROOF_UNLIMITED: u64 = u64::MAX;

/// Cost of one storage access, natively, over a database that does not fit its cache.
pub struct DbCost;

impl Get<RuntimeDbWeight> for DbCost {
    fn get() -> RuntimeDbWeight {
        RuntimeDbWeight {
            read: 8 * WEIGHT_REF_TIME_PER_MICROS,
            write: 16 * WEIGHT_REF_TIME_PER_MICROS,
        }
    }
}

/// How long a block's transactions may take at an interval, in milliseconds.
pub fn compute_ms(interval_ms: u64) -> u64 {
    (interval_ms / 3).clamp(COMPUTE_MS_MIN, COMPUTE_MS_MAX)
}

/// How long a block may be at an interval, in bytes.
pub fn length_bytes(interval_ms: u64) -> u32 {
    let bytes = interval_ms
        .saturating_mul(BYTES_PER_MS)
        .clamp(BYTES_MIN, BYTES_MAX);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The block's time limits at an interval.
pub fn weights(interval_ms: u64) -> limits::BlockWeights {
    let budget = |ms: u64| {
        Weight::from_parts(
            ms.saturating_mul(WEIGHT_REF_TIME_PER_MILLIS),
            PROOF_UNLIMITED,
        )
    };
    let all = budget(compute_ms(interval_ms));
    let normal = Weight::from_parts(NORMAL_SHARE * all.ref_time(), PROOF_UNLIMITED);
    limits::BlockWeights::builder()
        .base_block(Weight::from_parts(100 * WEIGHT_REF_TIME_PER_MICROS, 0))
        .for_class(DispatchClass::all(), |class| {
            class.base_extrinsic = Weight::from_parts(100 * WEIGHT_REF_TIME_PER_MICROS, 0);
        })
        .for_class(DispatchClass::Normal, |class| {
            class.max_total = Some(normal);
        })
        .for_class(DispatchClass::Operational, |class| {
            class.max_total = Some(all);
            class.reserved = Some(Weight::from_parts(
                all.ref_time() - normal.ref_time(),
                PROOF_UNLIMITED,
            ));
        })
        .avg_block_initialization(Perbill::from_percent(5))
        .build()
        .expect("the budget's smallest share is half a millisecond, more than the base costs")
}

/// [`weights`] at the chain's interval.
pub struct BlockWeights;

impl Get<limits::BlockWeights> for BlockWeights {
    fn get() -> limits::BlockWeights {
        weights(IntervalMs::get())
    }
}

/// [`length_bytes`] at the chain's interval.
pub struct BlockLength;

impl Get<limits::BlockLength> for BlockLength {
    fn get() -> limits::BlockLength {
        limits::BlockLength::builder()
            .max_length(length_bytes(IntervalMs::get()))
            .modify_max_length_for_class(DispatchClass::Normal, |bytes| {
                *bytes = NORMAL_SHARE * *bytes
            })
            .build()
    }
}

/// Least time between two blocks' timestamps: half the interval, so that a proposer whose clock runs ahead
/// can at most double the pace for a while.
pub struct TimestampStepMin;

impl Get<u64> for TimestampStepMin {
    fn get() -> u64 {
        timestamp_step_min_ms(IntervalMs::get())
    }
}

/// [`TimestampStepMin`] for a given interval, for proposers.
pub fn timestamp_step_min_ms(interval_ms: u64) -> u64 {
    (interval_ms / 2).max(1)
}

/// Time one transaction may take, for callers that refuse hopeless ones early.
pub fn extrinsic_weight_max() -> Option<Weight> {
    <Runtime as frame_system::Config>::BlockWeights::get()
        .get(DispatchClass::Normal)
        .max_extrinsic
}
