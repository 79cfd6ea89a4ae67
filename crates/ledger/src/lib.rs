//! Blocks, state and mempool: deterministic execution on disk, no network.
