//! Turns a prompt into tokens, and checks that tokens came from a model.
//!
//! Whoever sells text runs an [`Engine`]; whoever grades it holds the same model and asks [`verify()`] whether the
//! answer could have been drawn from it. Both sides share every step that decides a token, so that an honest
//! answer is reproduced to the last token and a dishonest one is not:
//!
//! ```text
//!  Prompt ──template──▶ text ──vocabulary──▶ ids ──network──▶ logits ──sampling──▶ token
//!                                                               ▲         ▲
//!                                                         KV cache     (seed, position)
//! ```
//!
//! * [`request`]: what is asked, and the events of an answer
//! * [`engine`]: the trait, with two implementations: [`local`] (candle, in process) and [`upstream`] (any
//!   OpenAI-compatible server)
//! * [`model`]: a directory in Hugging Face's layout, loaded whole
//! * [`mod@verify`]: one teacher-forced pass over an answer, and what it shows of each token
//! * [`trial`]: weighs that over many answers, until a miner is believed or caught
//! * [`precision`]: the number formats a network may be computed in, to measure them against each other
//! * [`train`]: makes a small model from a text file
//!
//! Nothing outside this crate knows about tensors.

pub mod config;
pub mod engine;
pub mod error;
#[cfg(test)]
mod fixture;
mod kernels;
pub mod local;
pub mod model;
pub mod network;
pub mod precision;
pub mod request;
pub mod sampler;
pub mod template;
pub mod train;
mod transcript;
pub mod trial;
pub mod upstream;
pub mod verify;
pub mod vocabulary;
mod weights;

pub use engine::{Answer, Engine};
pub use error::Error;
pub use local::LocalEngine;
pub use model::Model;
pub use request::{
    Event, FinishReason, Message, Prompt, Request, Role, Sampling, Token, TopToken, Usage,
};
pub use upstream::Upstream;
pub use verify::{Claim, Evidence, Refusal, Verdict, verify, verify_reported};
