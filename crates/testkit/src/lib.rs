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
//! Everything between the arrows is the production code: the miner's and the gateway's routers, the task's judge, the
//! validator's book, the ledger and its runtime. Only what carries bytes is replaced.
//!
//! * [`Market`] puts it all together from a seed: subnets of any tasks, each with a validator, and the miners a test seats.
//! * [`Chain`] builds, executes and finalizes blocks, and audits the money after each.
//! * [`Street`] carries requests to miners' routers and answers back.
//! * [`Crowd`] acts at random from a seed, for simulations.

mod chain;
mod crowd;
mod market;
mod street;

pub use chain::{Audit, Chain, Discrepancy};
pub use crowd::Crowd;
pub use market::{Judged, Market, coldkey_of, hotkey_of};
pub use street::Street;
