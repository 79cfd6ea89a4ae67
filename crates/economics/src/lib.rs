//! Integers only, no I/O: issuance, epoch settlement, splits, pool swaps.
