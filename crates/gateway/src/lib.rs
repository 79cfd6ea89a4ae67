//! The consumer's API: OpenAI's shapes for text, Hugging Face's for pictures, jobs for proteins, the task's own for everything else.
//!
//! A developer points any OpenAI client at a gateway and gets text, or posts a picture and gets labels. Behind it the gateway
//! keeps a picture of each subnet it serves (what it pays for, who mines, what they serve, how validators judge them), picks a
//! miner for each request, signs the request with a validator's hotkey, relays the answer and checks the receipt that
//! comes with it.
//!
//! ```text
//!                    ┌▶ question ▶ text ─┐
//!  client ──▶ front ─┼▶ images ──▶ work ─┼▶ search ──▶ signer ──▶ transport ──▶ miner
//!               │    ├▶ tasks ───▶ work ─┤    ▲ ▲
//!               │    └▶ folds ───▶ jobs ─┘    │ └── condition
//!             limits              directory ──┘                    one market for each of the subnets
//!                                    ▲                ▲
//!                       chain, validators, miners   what this gateway saw
//!  client ◀── answer ◀── relay ◀────────────────────────────────────── parts, receipt
//! ```
//!
//! # What always holds
//!
//! * A customer is told a status that is true: nothing is sent before a miner's first token, or its whole answer where it comes
//!   at once, so a failure before it can be repaired by another miner or reported as what it is.
//! * Every answer has a receipt that the miner signed and the gateway checked; counts in `usage` come from it.
//! * A miner that validators have caught is not asked, even if no other is there.
//! * Bodies, streams, waits, rates and requests under way are bounded.
//! * A gateway holds no truth but its customers' jobs, each in a file: killed and started again, it knows the same within seconds.
//! * Nothing here knows what a task is about, but for three front doors that are shaped as the world expects them: text, pictures
//!   and proteins.

pub mod answer;
mod catalogue;
pub mod choice;
pub mod condition;
pub mod directory;
pub mod discovery;
pub mod error;
mod folds;
mod front;
mod images;
pub mod jobs;
pub mod limits;
pub mod market;
pub mod metrics;
pub mod openapi;
pub mod question;
mod reading;
pub mod relay;
mod run;
pub mod search;
pub mod service;
pub mod signer;
pub mod subnets;
pub mod text;
pub mod transport;
mod work;

pub use market::Patience;
pub use run::{Config, RunError, run};
pub use service::{Gateway, router};
