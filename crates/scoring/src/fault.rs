//! Why an answer earns nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A reason is cut to so many bytes: it quotes the miner, and every miner's is published.
pub const REASON_BYTES_MAX: usize = 600;

/// Why an answer was not verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case")]
pub enum Fault {
    /// Nobody listens at the address, or the connection broke.
    Unreachable(String),
    /// The miner said no.
    Refused(String),
    /// The miner said at once that it is full.
    Busy(String),
    /// The answer took too long.
    TooSlow(String),
    /// What came was no answer in the protocol's form.
    Unreadable(String),
    /// The receipt is missing, forged, or for something else.
    FalseReceipt(String),
    /// The receipt's counts, model or seed are not what was asked and served.
    FalseCount(String),
    /// The answer cannot have come of doing the work.
    FalseAnswer(String),
}

impl Fault {
    /// Whether the fault can only be meant, or comes of serving something else than was asked for. Being away, full or slow
    /// is no lie: it scores zero and no worse.
    pub const fn is_dishonest(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Refused(_) | Self::Busy(_) | Self::TooSlow(_) => false,
            Self::Unreadable(_)
            | Self::FalseReceipt(_)
            | Self::FalseCount(_)
            | Self::FalseAnswer(_) => true,
        }
    }

    /// Its kind in one word, for counters.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Refused(_) => "refused",
            Self::Busy(_) => "busy",
            Self::TooSlow(_) => "too_slow",
            Self::Unreadable(_) => "unreadable",
            Self::FalseReceipt(_) => "false_receipt",
            Self::FalseCount(_) => "false_count",
            Self::FalseAnswer(_) => "false_answer",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(detail) => write!(f, "unreachable: {detail}"),
            Self::Refused(detail) => write!(f, "refused: {detail}"),
            Self::Busy(detail) => write!(f, "busy: {detail}"),
            Self::TooSlow(detail) => write!(f, "too slow: {detail}"),
            Self::Unreadable(detail) => write!(f, "unreadable answer: {detail}"),
            Self::FalseReceipt(detail) => write!(f, "false receipt: {detail}"),
            Self::FalseCount(detail) => write!(f, "false count: {detail}"),
            Self::FalseAnswer(detail) => write!(f, "false answer: {detail}"),
        }
    }
}

/// A reason, cut to [`REASON_BYTES_MAX`] at a character.
pub fn clipped(mut reason: String) -> String {
    if REASON_BYTES_MAX < reason.len() {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        reason.push('…');
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else one miner's story could make a validator's whole list of standings too long to be read.
    #[test]
    fn a_long_story_is_cut() {
        let reason = clipped(Fault::Refused("é".repeat(100_000)).to_string());
        assert!(reason.starts_with("refused: é") && reason.len() < REASON_BYTES_MAX + 8);
        assert_eq!(clipped("short".into()), "short");
    }

    #[test]
    fn being_away_is_no_lie() {
        assert!(!Fault::Unreachable("gone".into()).is_dishonest());
        assert!(Fault::FalseAnswer("token 3 of 8".into()).is_dishonest());
        let shown = Fault::FalseAnswer("token 3 of 8".into()).to_string();
        assert_eq!(shown, "false answer: token 3 of 8");
    }
}
