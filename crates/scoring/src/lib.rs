//! What an answer was worth: judgements, records, standings, weights.
//!
//! ```text
//!  Judgement ──learn──▶ Record ──quality──┐
//!  one answer           a miner's last    ├──▶ Standing ──weigh──▶ weights
//!  and why              256 answers       │    0 to 1              all miners',
//!                         │ speed ──Pace──┤                        as the chain takes them
//!                         └ marks ─originality
//! ```
//!
//! # The rule
//!
//! 1. A miner's [`Standing`] is quality × pace share × originality, each from 0 to 1.
//! 2. *Quality* is the task's own function of the miner's [`Record`]. By default it is [`averaged`]: it starts at zero and
//!    moves by [`PATIENCE`] of the way to each answer's quality; a *dishonest* answer (see [`Fault::is_dishonest`]) cuts it
//!    to [`FORGIVENESS`] of what it was, so that cheating on one answer in ten costs far more than a tenth.
//! 3. *Pace share* is the mean of two shares of the market's [`Pace`]: what the miner does in a second, and how promptly it
//!    begins ([`PROMPTNESS_SLACK_MS`] from a perfect promptness costs half). Only miners of at least [`PACE_QUALITY`] of the
//!    best quality set the pace, so that fast nonsense slows nobody down.
//! 4. *Originality* counts answers that several hotkeys give in the same words once in full, then by halves: see
//!    [`Kinship`]. Whoever answers first is never worse off for being copied.
//! 5. A miner whose work (quality × pace share) is below [`FLOOR`] of the best one's weighs exactly zero; the others weigh in
//!    proportion to their standings.
//!
//! # What always holds
//!
//! * A miner that has never given an answer of any quality weighs nothing.
//! * Standings stay between zero and one, whatever the order of judgements.
//! * Everything thought of a miner is a function of its last [`WINDOW`] answers and its speed.
//!
//! # Not here
//!
//! Whether an answer is good (the task's judge decides, in the crate `tasks`), clocks, files, the network.

mod fault;
mod originality;
mod pace;
mod record;
mod standing;
mod weights;

pub use fault::{Fault, REASON_BYTES_MAX, clipped};
pub use originality::{Kinship, NEARLY_ALL, Originality, SHARED_MIN, Twin};
pub use pace::{PACE_QUALITY, PROMPTNESS_SLACK_MS, Pace, Speed};
pub use record::{
    FIGURES_MAX, FORGIVENESS, Judgement, Observation, PATIENCE, Record, WINDOW, averaged,
};
pub use standing::Standing;
pub use weights::{FLOOR, Merit, weigh};
