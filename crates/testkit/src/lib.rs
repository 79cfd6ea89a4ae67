//! The whole market in one process: a chain without a network, and miners without sockets.
//!
//! ```text
//!  gateway ──┐                          ┌── miner
//!            ├── Street (in memory) ────┼── miner
//!  validator ┘                          └── villain
//!      │ weights
//!      ▼
//!    Chain (ledger in memory) ──▶ Audit after every block
//! ```
//!
//! Everything between the arrows is the production code: the miner's and the gateway's routers, the validator's book, the
//! ledger and its runtime. Only what carries bytes is replaced.
//!
//! * [`Chain`] builds, executes and finalizes blocks, and audits the money after each.
//! * [`Street`] carries requests to miners' routers and answers back.
//! * [`Crowd`] acts at random from a seed, for simulations.

mod chain;
mod crowd;
mod street;

pub use chain::{Audit, Chain, Discrepancy};
pub use crowd::Crowd;
pub use street::Street;
