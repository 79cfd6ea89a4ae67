//! Agreement on blocks by simplex: propose, verify, finalize against a ledger.
//!
//! Authorities take turns, drawn from the previous round's randomness, to propose the next block. A block is final
//! once two thirds of them have voted for it twice, having executed it in between: three network hops, two
//! executions and the fsyncs after the leader began to build it. A final block is never undone, and its certificate
//! (two signatures, whatever the number of authorities) convinces anyone who knows the group's public key.
//!
//! # Entry points
//!
//! * [`start`]: an authority, given a [`Chain`], a disk, a clock, randomness and channels to its peers.
//! * [`network::join`]: those channels over TCP.
//! * [`gossip::start`]: transactions and heights over the last of them, and the [`Beacon`]'s parts of heights' keys.
//! * [`Committee`], [`draw`]: the authorities' keys; checking a certificate.
//!
//! # Deliberately absent
//!
//! * Execution: [`Chain`] is all this crate knows of a ledger, and no runtime is in its dependencies.
//! * Changing authorities: those of the genesis agree on every block. Rotating them is an epoch of simplex each.
//! * Slashing: evidence of double votes is not collected, because threshold votes cannot convict a sender.

mod application;
mod beacon;
mod block;
mod chain;
mod committee;
mod digest;
mod engine;
mod executor;
mod finalizer;
pub mod gossip;
mod metrics;
pub mod network;
mod progress;
mod storage;
mod timing;

pub use beacon::{Beacon, HEIGHTS_MAX};
pub use block::{
    Block, Context, ENGINE_ID, Header, Malformed, OpaqueBlock, PublicKey, digest_item,
};
pub use chain::{Chain, Fault, ImportError, Position};
pub use committee::{
    AUTHORITIES_MAX, AuthorityKey, Committee, KeyError, Scheme, draw, hexadecimal, peer_secret,
    polynomial, public_key, share,
};
pub use digest::BlockHash;
pub use engine::{Config, Engine, Environment, start};
pub use metrics::Metrics;
pub use progress::{Finalized, Progress};
pub use timing::{CLOCK_DRIFT, Timing};
