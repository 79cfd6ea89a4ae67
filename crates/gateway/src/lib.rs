//! The consumer's API: OpenAI's shapes in, miners' answers out.
//!
//! A developer points any OpenAI client at a gateway and gets text. Behind it the gateway keeps a picture of the subnet (who
//! mines, what they serve, how validators judge them), picks a miner for each request, signs the request with a validator's
//! hotkey, relays the answer and checks the receipt that closes it.
//!
//! ```text
//!  client ──▶ front ──▶ service ──▶ question ──▶ search ──▶ signer ──▶ transport ──▶ miner
//!               │                               ▲ ▲
//!             limits                 directory ─┘ └─ condition
//!                                        ▲              ▲
//!                           chain, validators, miners   what this gateway saw
//!  client ◀── answer ◀── relay ◀──────────────────────────────────────── parts, receipt
//! ```
//!
//! # What always holds
//!
//! * A customer is told a status that is true: nothing is sent before a miner's first token, so a failure before it can be
//!   repaired by another miner or reported as what it is.
//! * Counts in `usage` come from a receipt that the miner signed and the gateway checked.
//! * A miner that validators have caught is not asked, even if no other is there.
//! * Bodies, streams, waits, rates and requests under way are bounded.
//! * A gateway holds no truth: killed and started again, it knows the same within seconds.

pub mod answer;
pub mod choice;
pub mod condition;
pub mod directory;
pub mod discovery;
pub mod error;
mod front;
pub mod limits;
pub mod metrics;
pub mod openapi;
pub mod question;
mod reading;
pub mod relay;
mod run;
pub mod search;
pub mod service;
pub mod signer;
pub mod transport;

pub use run::{Config, RunError, run};
pub use search::Patience;
pub use service::{Gateway, router};
