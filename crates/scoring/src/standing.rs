//! What a miner is worth to the market: the product of three shares.

/// A miner's standing, by its parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// How good its answers are, by the task's own measure.
    pub quality: f64,
    /// How near its speed comes to the market's pace.
    pub pace: f64,
    /// 1, or less if its answers are another's.
    pub originality: f64,
}

impl Standing {
    /// From 0 to 1.
    pub fn value(&self) -> f64 {
        self.work() * share(self.originality)
    }

    /// What the work is worth by itself, whoever else gave the same answers.
    pub fn work(&self) -> f64 {
        share(self.quality) * share(self.pace)
    }
}

fn share(part: f64) -> f64 {
    if part.is_nan() {
        0.0
    } else {
        part.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Judgement, Observation, averaged};
    use proptest::prelude::*;

    fn standing(quality: f64, pace: f64, originality: f64) -> f64 {
        Standing {
            quality,
            pace,
            originality,
        }
        .value()
    }

    #[test]
    fn a_standing_is_as_good_as_its_parts_together() {
        assert_eq!(standing(0.5, 0.5, 0.5), 0.125);
        assert_eq!(standing(0.0, 1.0, 1.0), 0.0);
        assert_eq!(
            standing(f64::NAN, 1.0, 1.0),
            0.0,
            "a task's arithmetic may fail"
        );
    }

    /// Nine honest answers in ten leave a cheat with about two thirds of an honest quality, not nine tenths.
    #[test]
    fn cheating_now_and_then_does_not_pay() {
        let honest = Observation::new(0, 0, &Judgement::of(1.0, ""));
        let lie = Observation::new(
            0,
            0,
            &Judgement::fault(Fault::FalseAnswer("another model".into())),
        );
        let mut window = Vec::new();
        let mut sum = 0.0;
        for probe in 0..1_000 {
            window.push(honest.clone());
            if probe % 10 == 9 {
                window.push(lie.clone());
            }
            sum += averaged(&window);
        }
        assert!(sum / 1_000.0 < 0.75, "{}", sum / 1_000.0);
        assert!(averaged(&window) < 0.25, "right after a lie");
    }

    proptest! {
        #[test]
        fn standings_stay_between_zero_and_one(quality in any::<f64>(), pace in any::<f64>(), originality in any::<f64>()) {
            prop_assert!((0.0..=1.0).contains(&standing(quality, pace, originality)));
        }
    }
}
