//! The whole market in one process from a seed; villains; invariant checks.
