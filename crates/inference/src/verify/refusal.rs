//! What one pass over an answer concludes, and why an answer is refused outright.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether an answer can have been drawn from the model. A single answer that can be is not yet believed:
/// [`crate::trial`] decides over many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every token is the very one this verifier would have drawn.
    Exact,
    /// Some tokens are explained by an error of arithmetic, or by dice that the verifier does not know.
    Close,
    /// The answer cannot have come from this model under this request.
    Refused(Refusal),
}

impl Verdict {
    /// Whether the answer is not refused.
    pub fn accepted(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

/// Why an answer is refused. Positions count the answer's tokens from zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no token at all.
    Empty,
    /// There are more tokens than the request allows.
    TooLong {
        /// Tokens in the answer.
        tokens: u32,
        /// Tokens allowed.
        limit: u32,
    },
    /// There are not as many log-probabilities as tokens.
    OtherCount {
        /// Tokens in the answer.
        tokens: u32,
        /// Log-probabilities reported.
        reported: u32,
    },
    /// A number that is no token of the model.
    UnknownToken {
        /// Its place.
        position: u32,
        /// The number.
        id: u32,
    },
    /// The answer goes on after the model or a stop sequence ended it.
    ContinuedPastEnd {
        /// The place where it should have ended.
        position: u32,
    },
    /// The answer breaks off although nothing ended it.
    BrokenOff {
        /// Tokens in the answer.
        tokens: u32,
    },
    /// The reason given for the end is not the one that ended it.
    WrongFinish,
    /// The text is not what the tokens spell.
    WrongText,
    /// A token that no arithmetic makes the one to draw.
    Unexplained {
        /// Its place.
        position: u32,
        /// The token.
        id: u32,
        /// The least error of logits that would.
        error: f64,
    },
    /// A log-probability that is not the model's.
    FalseLogprob {
        /// The token's place.
        position: u32,
        /// The model's.
        logprob: f32,
        /// How far the reported one is from it.
        distance: f64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "the answer has no tokens"),
            Self::TooLong { tokens, limit } => {
                write!(out, "the answer has {tokens} tokens, {limit} were asked")
            }
            Self::OtherCount { tokens, reported } => write!(
                out,
                "the answer has {tokens} tokens and {reported} log-probabilities"
            ),
            Self::UnknownToken { position, id } => write!(
                out,
                "token {position} is {id}, which the model does not have"
            ),
            Self::ContinuedPastEnd { position } => {
                write!(out, "the answer goes on after token {position} ended it")
            }
            Self::BrokenOff { tokens } => {
                write!(out, "the answer breaks off after {tokens} tokens")
            }
            Self::WrongFinish => write!(out, "the finish reason is not what ended the answer"),
            Self::WrongText => write!(out, "the text is not what the tokens spell"),
            Self::Unexplained {
                position,
                id,
                error,
            } => write!(
                out,
                "token {position} ({id}) needs logits off by {error:.1}, which no arithmetic is"
            ),
            Self::FalseLogprob {
                position,
                logprob,
                distance,
            } => write!(
                out,
                "the log-probability of token {position} is {logprob:.3}, the one given is off by {distance:.3}"
            ),
        }
    }
}
