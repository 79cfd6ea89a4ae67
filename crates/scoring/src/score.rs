//! The score of one answer, with its reason.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A first token later than the pace by this much is half as prompt. Below it, the network's jitter would decide.
pub const PROMPTNESS_SLACK_MS: f64 = 100.0;

/// A reason is cut to so many bytes: it quotes the miner, and every miner's is published.
pub const REASON_BYTES_MAX: usize = 600;

/// What came of one probe.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The answer is what the model could have drawn.
    Verified(Speed),
    /// It is not, or there was none.
    Unverified(Fault),
}

/// How fast an answer came, by the asker's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Tokens drawn in a second, from request to last token.
    pub per_second: f64,
    /// From request to first token.
    pub first_ms: f64,
}

/// Why an answer was not verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case")]
pub enum Fault {
    /// Nobody listens at the address, or the connection broke.
    Unreachable(String),
    /// The miner said no.
    Refused(String),
    /// The answer took too long.
    TooSlow(String),
    /// What came was no answer in the protocol's form.
    Unreadable(String),
    /// The receipt is missing, forged, or for something else.
    FalseReceipt(String),
    /// The receipt's counts, model or seed are not what was asked and served.
    FalseCount(String),
    /// The tokens are not what the model would have drawn, or the text is not the tokens'.
    FalseAnswer(String),
}

impl Fault {
    /// Whether the fault can only be meant, or comes of serving something else than the model. Being away, full or slow is
    /// no lie: it scores zero and no worse.
    pub const fn is_dishonest(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Refused(_) | Self::TooSlow(_) => false,
            Self::Unreadable(_)
            | Self::FalseReceipt(_)
            | Self::FalseCount(_)
            | Self::FalseAnswer(_) => true,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(detail) => write!(f, "unreachable: {detail}"),
            Self::Refused(detail) => write!(f, "refused: {detail}"),
            Self::TooSlow(detail) => write!(f, "too slow: {detail}"),
            Self::Unreadable(detail) => write!(f, "unreadable answer: {detail}"),
            Self::FalseReceipt(detail) => write!(f, "false receipt: {detail}"),
            Self::FalseCount(detail) => write!(f, "false count: {detail}"),
            Self::FalseAnswer(detail) => write!(f, "not the model's answer: {detail}"),
        }
    }
}

/// The best speeds in the market of late; what others are measured against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The highest tokens per second of any verified miner.
    pub per_second: f64,
    /// The earliest first token of any verified miner.
    pub first_ms: f64,
}

impl Pace {
    /// The pace that miners' speeds set, or nothing if there is none.
    pub fn of(speeds: impl IntoIterator<Item = Speed>) -> Option<Self> {
        speeds.into_iter().fold(None, |pace: Option<Self>, speed| {
            let fastest = pace.map_or(speed.per_second, |pace| {
                pace.per_second.max(speed.per_second)
            });
            let first = pace.map_or(speed.first_ms, |pace| pace.first_ms.min(speed.first_ms));
            Some(Self {
                per_second: fastest,
                first_ms: first,
            })
        })
    }
}

/// The worth of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// From 0 to 1.
    pub value: f64,
    /// Why, in words that tell the miner what to improve.
    pub reason: String,
    /// Whether the answer was a lie.
    pub is_dishonest: bool,
}

/// Scores one answer against the market's pace. Without a pace, a verified answer sets it and scores one.
pub fn grade(outcome: &Outcome, pace: Option<Pace>) -> Score {
    match outcome {
        Outcome::Unverified(fault) => Score {
            value: 0.0,
            reason: clipped(fault.to_string()),
            is_dishonest: fault.is_dishonest(),
        },
        Outcome::Verified(speed) => {
            let pace = pace
                .or_else(|| Pace::of([*speed]))
                .expect("one speed sets a pace");
            let throughput = share(speed.per_second, pace.per_second);
            let slack = |first_ms: f64| first_ms + PROMPTNESS_SLACK_MS;
            let promptness = share(slack(pace.first_ms), slack(speed.first_ms));
            let reason = format!(
                "verified: {:.1} tokens/s ({:.0} % of the fastest), first token after {:.0} ms ({:.0} % as prompt)",
                speed.per_second,
                100.0 * throughput,
                speed.first_ms,
                100.0 * promptness,
            );
            Score {
                value: (throughput + promptness) / 2.0,
                reason,
                is_dishonest: false,
            }
        }
    }
}

fn clipped(mut reason: String) -> String {
    if REASON_BYTES_MAX < reason.len() {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        reason.push('…');
    }
    reason
}

/// The part of a whole, between zero and one; of nothing, all.
fn share(part: f64, whole: f64) -> f64 {
    if part < whole {
        (part / whole).max(0.0)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn speed(per_second: f64, first_ms: f64) -> Speed {
        Speed {
            per_second,
            first_ms,
        }
    }

    fn value(it: Speed, pace: Pace) -> f64 {
        grade(&Outcome::Verified(it), Some(pace)).value
    }

    #[test]
    fn the_pace_is_the_best_of_each_figure() {
        let pace = Pace::of([speed(10.0, 50.0), speed(40.0, 90.0)]).expect("two speeds");
        assert_eq!(
            pace,
            Pace {
                per_second: 40.0,
                first_ms: 50.0
            }
        );
        assert_eq!(Pace::of([]), None);
    }

    #[test]
    fn a_verified_answer_scores_by_its_share_of_the_pace() {
        let pace = Pace {
            per_second: 40.0,
            first_ms: 0.0,
        };
        assert_eq!(value(speed(40.0, 0.0), pace), 1.0);
        assert_eq!(value(speed(20.0, 0.0), pace), 0.75);
        assert_eq!(value(speed(40.0, PROMPTNESS_SLACK_MS), pace), 0.75);
        assert_eq!(
            value(speed(400.0, 0.0), pace),
            1.0,
            "beyond the pace there is nothing to gain"
        );
        assert_eq!(value(speed(0.0, f64::INFINITY), pace), 0.0);
        assert_eq!(grade(&Outcome::Verified(speed(1.0, 9.0)), None).value, 1.0);
    }

    /// Else one miner's story could make a validator's whole list of standings too long to be read.
    #[test]
    fn a_long_story_is_cut() {
        let fault = Fault::Refused("é".repeat(100_000));
        let reason = grade(&Outcome::Unverified(fault), None).reason;
        assert!(reason.starts_with("refused: é") && reason.len() < REASON_BYTES_MAX + 8);
    }

    #[test]
    fn an_unverified_answer_scores_zero_and_says_why() {
        let fault = Fault::FalseAnswer("token 3 of 8".into());
        let score = grade(&Outcome::Unverified(fault), None);
        assert_eq!(score.value, 0.0);
        assert_eq!(score.reason, "not the model's answer: token 3 of 8");
        assert!(score.is_dishonest);
        let away = grade(
            &Outcome::Unverified(Fault::Unreachable("refused".into())),
            None,
        );
        assert_eq!((away.value, away.is_dishonest), (0.0, false));
    }
}
