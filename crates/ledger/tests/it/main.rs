//! The ledger from outside: chains, forks, crashes and the pool over the real runtime.

mod chain;
mod crash;
mod fixture;
mod forks;
mod pool;
