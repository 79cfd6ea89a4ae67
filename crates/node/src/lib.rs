//! An authority or a follower: ledger, agreement, pool and RPC wired together.
