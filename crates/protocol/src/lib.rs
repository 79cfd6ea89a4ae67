//! What askers and answerers say to each other: the signed envelope, the request inside, the answer, the receipt.
//!
//! An asker (a gateway with a customer behind it, or a validator that grades) sends one HTTP request to a miner and reads
//! one answer: a stream of server-sent events for text, one JSON body for work that is done at once. Work that takes minutes is a
//! job: several such exchanges, which an [`Errand`] makes in the right order. The two kinds of
//! asker are indistinguishable by construction: both turn the same question into the same bytes (text with
//! [`Ask::to_body`], other work with its task's canonical form), and both sign with a validator's hotkey.
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
//!
//!    POST /v1/work
//!    the same headers, stoa-task                            ──▶ the same checks, then the worker
//!    {the task's request}
//!                                                           ◀── stoa-receipt: {signed receipt}
//!                                                               {the task's answer}
//!
//!    POST /v1/jobs                                          ──▶ the same checks, then the yard
//!    {the task's request}                                   ◀── {the job's status}
//!    POST /v1/jobs/poll                                     ──▶ the same checks; waits for news
//!    {id, seen, wait_ms, answer}                            ◀── {status}, or the answer and its receipt
//! ```
//!
//! The rules, byte for byte, with worked examples, are in `docs/protocol.md`; [`Envelope`], [`Receipt`] and
//! [`WorkReceipt`] are those rules in Rust, and a test checks the examples.
//!
//! # Not here
//!
//! Sockets, clocks and randomness: the time is an argument, a nonce is given. What an answer is worth: `scoring`.

mod answer;
mod ask;
mod digest;
mod envelope;
mod errand;
mod job;
mod reader;
mod receipt;
mod refusal;
mod replay;
mod route;
mod standings;
mod work;

pub use answer::{
    Answer, AnswerError, AnswerWriter, Finish, Part, TokenLogprob, TopLogprob, Usage,
};
pub use ask::{Ask, Message, Prompt, Role};
pub use digest::Digest;
pub use envelope::{Envelope, HEADERS, Nonce, Terms};
pub use errand::{Courier, Errand, Finished, Trouble};
pub use job::{JobError, JobReply, JobState, JobStatus, Letter, Poll};
pub use reader::PartReader;
pub use receipt::{Receipt, ReceiptError, SignedReceipt};
pub use refusal::{Code, Refusal};
pub use replay::Nonces;
pub use route::Route;
pub use standings::{LastScore, MinerStanding, Standings};
pub use work::{
    JOB_HEADER, RECEIPT_BYTES_MAX, RECEIPT_HEADER, SignedWorkReceipt, TASK_HEADER, WorkReceipt,
};

/// The longest request body on the routes of text, in bytes. On [`Route::Work`] the task has its own bound.
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
/// No task's requests or answers may be longer than this, in bytes, whatever bound it names itself.
pub const WORK_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The longest a miner holds a poll back, in milliseconds.
pub const POLL_MS_MAX: u64 = 10_000;
/// The longest poll, cancellation or status of a job, in bytes.
pub const STATUS_BYTES_MAX: usize = 4 * 1024;
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
