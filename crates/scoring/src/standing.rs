//! A miner's standing: the moving average of its scores.

use serde::{Deserialize, Serialize};

use crate::{Score, Speed};

/// How far a standing moves towards each score.
pub const PATIENCE: f64 = 0.2;
/// What a dishonest answer leaves of a standing.
pub const FORGIVENESS: f64 = 0.25;

/// What a miner has earned so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// From 0 to 1.
    pub value: f64,
    /// How many answers were graded.
    pub probes: u64,
    /// How many of them were verified.
    pub verified: u64,
    /// The moving average of its verified answers' speeds.
    pub speed: Option<Speed>,
}

impl Standing {
    /// Takes in one more score, with the speed if the answer was verified.
    pub fn learn(&mut self, score: &Score, speed: Option<Speed>) {
        self.probes = self.probes.saturating_add(1);
        self.value = if score.is_dishonest {
            self.value * FORGIVENESS
        } else {
            toward(self.value, score.value).clamp(0.0, 1.0)
        };
        if let Some(speed) = speed {
            self.verified = self.verified.saturating_add(1);
            self.speed = Some(match self.speed {
                None => speed,
                Some(old) => Speed {
                    per_second: toward(old.per_second, speed.per_second),
                    first_ms: toward(old.first_ms, speed.first_ms),
                },
            });
        }
    }
}

fn toward(old: f64, new: f64) -> f64 {
    old + PATIENCE * (new - old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Outcome, grade};
    use proptest::prelude::*;

    fn score(value: f64, is_dishonest: bool) -> Score {
        Score {
            value,
            reason: String::new(),
            is_dishonest,
        }
    }

    #[test]
    fn a_standing_is_earned_answer_by_answer() {
        let mut standing = Standing::default();
        standing.learn(&score(1.0, false), None);
        assert_eq!(standing.value, 0.2);
        for _ in 0..20 {
            standing.learn(&score(1.0, false), None);
        }
        assert!(
            0.98 < standing.value && standing.value < 1.0,
            "{standing:?}"
        );
        assert_eq!(standing.probes, 21);
    }

    #[test]
    fn a_lie_costs_more_than_an_absence() {
        let honest = Standing {
            value: 0.8,
            ..Standing::default()
        };
        let (mut away, mut liar) = (honest, honest);
        away.learn(&score(0.0, false), None);
        liar.learn(&score(0.0, true), None);
        assert!((away.value - 0.64).abs() < 1e-12);
        assert_eq!(liar.value, 0.2);
    }

    /// Nine honest answers in ten leave a cheat with about two thirds of an honest standing, not nine tenths.
    #[test]
    fn cheating_now_and_then_does_not_pay() {
        let mut standing = Standing::default();
        let mut sum = 0.0;
        for probe in 0..1_000 {
            standing.learn(&score(1.0, false), None);
            if probe % 10 == 9 {
                let fault = Fault::FalseAnswer("another model".into());
                standing.learn(&grade(&Outcome::Unverified(fault), None), None);
            }
            sum += standing.value;
        }
        assert!(sum / 1_000.0 < 0.75, "{}", sum / 1_000.0);
        assert!(standing.value < 0.25, "right after a lie: {standing:?}");
    }

    proptest! {
        #[test]
        fn standings_stay_between_zero_and_one(scores in prop::collection::vec((0.0..=1.0f64, any::<bool>()), 0..200)) {
            let mut standing = Standing::default();
            for (value, is_dishonest) in scores {
                standing.learn(&score(value, is_dishonest), None);
                prop_assert!((0.0..=1.0).contains(&standing.value));
            }
        }
    }
}
