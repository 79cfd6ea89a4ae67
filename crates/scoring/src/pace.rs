//! Speed, and what it is measured against.

use serde::{Deserialize, Serialize};

/// A first unit later than the pace by this much is half as prompt. Below it, the network's jitter would decide.
pub const PROMPTNESS_SLACK_MS: f64 = 100.0;

/// Only a miner whose quality is at least this part of the best one's sets the pace.
pub const PACE_QUALITY: f64 = 0.5;

/// How fast an answer came, by the asker's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Units (tokens, answers) in a second, from request to the last.
    pub per_second: f64,
    /// From request to the first unit.
    pub first_ms: f64,
}

/// The best speeds in the market of late; what others are measured against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The most units per second of any miner.
    pub per_second: f64,
    /// The earliest first unit of any miner.
    pub first_ms: f64,
}

impl Pace {
    /// The pace that miners set, given by quality and speed, or nothing if there is none: see [`PACE_QUALITY`].
    pub fn of(miners: impl Iterator<Item = (f64, Speed)> + Clone) -> Option<Self> {
        let best = miners
            .clone()
            .map(|(quality, _)| quality)
            .fold(0.0, f64::max);
        let sets_it = |quality: f64| 0.0 < quality && PACE_QUALITY * best <= quality;
        miners
            .filter(|(quality, _)| sets_it(*quality))
            .map(|(_, speed)| speed)
            .fold(None, |pace, speed| Some(Self::with(pace, speed)))
    }

    /// The pace after one more speed.
    pub fn with(pace: Option<Self>, speed: Speed) -> Self {
        let Speed {
            per_second,
            first_ms,
        } = speed;
        match pace {
            None => Self {
                per_second,
                first_ms,
            },
            Some(pace) => Self {
                per_second: pace.per_second.max(per_second),
                first_ms: pace.first_ms.min(first_ms),
            },
        }
    }

    /// How near a speed comes to the pace, from 0 to 1: the mean of its throughput's and its promptness' shares.
    pub fn share(&self, speed: Speed) -> f64 {
        (self.throughput(speed) + self.promptness(speed)) / 2.0
    }

    /// The same in words, for a miner that wants to know what to improve.
    pub fn told(&self, speed: Speed, unit: &str) -> String {
        format!(
            "{:.1} {unit}/s ({:.0} % of the fastest), first after {:.0} ms ({:.0} % as prompt)",
            speed.per_second,
            100.0 * self.throughput(speed),
            speed.first_ms,
            100.0 * self.promptness(speed),
        )
    }

    fn throughput(&self, speed: Speed) -> f64 {
        part(speed.per_second, self.per_second)
    }

    fn promptness(&self, speed: Speed) -> f64 {
        let slack = |first_ms: f64| first_ms + PROMPTNESS_SLACK_MS;
        part(slack(self.first_ms), slack(speed.first_ms))
    }
}

/// The part of a whole, between zero and one; of nothing, all.
fn part(part: f64, whole: f64) -> f64 {
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

    #[test]
    fn the_pace_is_the_best_of_each_figure() {
        let miners = [(1.0, speed(10.0, 50.0)), (0.9, speed(40.0, 90.0))];
        let pace = Pace {
            per_second: 40.0,
            first_ms: 50.0,
        };
        assert_eq!(Pace::of(miners.into_iter()), Some(pace));
        assert_eq!(Pace::of([].into_iter()), None);
        assert_eq!(Pace::of([(0.0, speed(10.0, 50.0))].into_iter()), None);
    }

    #[test]
    fn fast_nonsense_sets_no_pace() {
        let honest = (0.9, speed(10.0, 50.0));
        let nonsense = (0.1, speed(10_000.0, 0.1));
        let pace = Pace::of([honest, nonsense].into_iter()).expect("one sets it");
        assert_eq!(pace.share(honest.1), 1.0);
        assert_eq!(
            pace.share(nonsense.1),
            1.0,
            "beyond it there is nothing to gain"
        );
    }

    #[test]
    fn a_speed_is_worth_its_share_of_the_pace() {
        let pace = Pace {
            per_second: 40.0,
            first_ms: 0.0,
        };
        assert_eq!(pace.share(speed(40.0, 0.0)), 1.0);
        assert_eq!(pace.share(speed(20.0, 0.0)), 0.75);
        assert_eq!(pace.share(speed(40.0, PROMPTNESS_SLACK_MS)), 0.75);
        assert_eq!(pace.share(speed(0.0, f64::INFINITY)), 0.0);
        assert_eq!(
            pace.told(speed(20.0, 0.0), "tokens"),
            "20.0 tokens/s (50 % of the fastest), first after 0 ms (100 % as prompt)"
        );
    }
}
