//! What askers and answerers say to each other: the signed envelope, the request inside, the streamed answer, the receipt.
//!
//! An asker (a gateway with a customer behind it, or a validator that grades) sends one HTTP request to a miner and reads
//! one stream of server-sent events. The two kinds of asker are indistinguishable by construction: both build an
//! [`Ask`], both turn it into bytes with [`Ask::to_body`], both sign with a validator's hotkey.
//!
//! ```text
//!  asker                                                        miner
//!    POST /v1/chat/completions
//!    stoa-signer, stoa-audience, stoa-netuid, stoa-nonce,   ──▶ terms · permit · signature · replay
//!    stoa-expires, stoa-signature                               then admission, then the engine
//!    {OpenAI body, stream, explicit seed}
//!                                                           ◀── data: {OpenAI chunk} …
//!                                                               event: receipt  data: {signed receipt}
//!                                                               data: [DONE]
//! ```
//!
//! The rules, byte for byte, with a worked example, are in `docs/protocol.md`; [`Envelope`] and [`Receipt`] are those
//! rules in Rust, and a test checks the example.
//!
//! # Not here
//!
//! Sockets, clocks and randomness: the time is an argument, a nonce is given. What an answer is worth: `scoring`.

mod answer;
mod ask;
mod digest;
mod envelope;
mod reader;
mod receipt;
mod refusal;
mod replay;
mod standings;

pub use answer::{
    Answer, AnswerError, AnswerWriter, Finish, Part, TokenLogprob, TopLogprob, Usage,
};
pub use ask::{Ask, Message, Prompt, Role, Route};
pub use digest::Digest;
pub use envelope::{Envelope, HEADERS, Nonce, Terms};
pub use reader::PartReader;
pub use receipt::{Receipt, ReceiptError, SignedReceipt};
pub use refusal::{Code, Refusal};
pub use replay::Nonces;
pub use standings::{LastScore, MinerStanding, Standings};

/// The longest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The furthest ahead of the miner's clock that a request may expire.
pub const EXPIRY_MS_MAX: u64 = 60_000;
/// How far ahead every asker lets its requests expire, so that this does not tell them apart.
pub const EXPIRY_MS: u64 = 30_000;
/// The most tokens of one answer.
pub const ANSWER_TOKENS_MAX: u32 = 8_192;
/// The longest answer, in bytes of text.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// The longest event of an answer, in bytes as sent.
pub const EVENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The longest answer, in bytes as sent: the longest text with twenty alternatives per token fits.
pub const WIRE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The longest stop sequence, in bytes.
pub const STOP_BYTES_MAX: usize = 256;
/// A miner's words to people are cut to so many bytes: they are logged, published and passed on.
pub const WORDS_BYTES_MAX: usize = 512;
/// The most messages of one conversation.
pub const MESSAGES_MAX: usize = 1_024;
/// The longest name of a model, in bytes.
pub const MODEL_BYTES_MAX: usize = 256;
/// Seeds are below this, so that every JSON reader keeps them exact.
pub const SEED_LIMIT: u64 = 1 << 53;
