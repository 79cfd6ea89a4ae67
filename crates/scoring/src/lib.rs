//! What an answer was worth: verdicts, scores, standings, weights.
//!
//! ```text
//!  Outcome ──grade(pace)──▶ Score ──learn──▶ Standing ──weigh──▶ weights
//!  one probe                0 to 1           a miner's             all miners',
//!                           and why          moving average        as the chain takes them
//! ```
//!
//! # The rule
//!
//! 1. An answer that could not be verified scores zero. A verified one scores the mean of two shares of the market's
//!    [`Pace`]: its tokens per second, and its promptness ([`PROMPTNESS_SLACK_MS`] from a perfect one costs half).
//! 2. A [`Standing`] starts at zero and moves by [`PATIENCE`] of the way to each score. A *dishonest* answer (see
//!    [`Fault::is_dishonest`]) cuts it to [`FORGIVENESS`] of what it was: cheating on one answer in ten costs far more
//!    than a tenth.
//! 3. A miner whose standing is below [`FLOOR`] of the best one's weighs exactly zero; the others weigh in proportion.
//!
//! # What always holds
//!
//! * A miner that has never given a verified answer weighs nothing.
//! * Standings stay between zero and one, whatever the order of outcomes.
//! * Only proportions count: if every miner is half as fast, nobody's weight changes.
//!
//! # Not here
//!
//! Whether an answer is verified (the crate `validator` decides, by recomputing it), clocks, files, the network.

mod record;
mod score;
mod standing;
mod weights;

pub use record::{FIGURES_MAX, Judgement, Observation, Record, WINDOW, averaged};
pub use score::{Fault, Outcome, PROMPTNESS_SLACK_MS, Pace, REASON_BYTES_MAX, Score, Speed, grade};
pub use standing::{FORGIVENESS, PATIENCE, Standing};
pub use weights::{FLOOR, weigh};
