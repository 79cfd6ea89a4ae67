//! The node's parts together: the real ledger under agreement, from a seed; the files of a network; a follower's
//! doubts.

mod files;
mod market;
