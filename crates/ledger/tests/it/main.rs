//! The ledger from outside: chains, forks, crashes and the pool over the real runtime.

// A test that unwraps fails with the reason, as it should.
#![allow(clippy::unwrap_used)]

mod chain;
mod crash;
mod fixture;
mod forks;
mod pool;
mod sealed;
mod versions;
