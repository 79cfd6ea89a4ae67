//! What is on record of one miner, and what follows from it.
//!
//! A validator keeps the last [`WINDOW`] observations of each miner. Everything it thinks of the miner is a function of
//! them: what it has forgotten cannot speak for or against anybody.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{Fault, Speed};

/// How far a moving average goes towards each new value.
pub const PATIENCE: f64 = 0.2;
/// What a dishonest answer leaves of a quality.
pub const FORGIVENESS: f64 = 0.25;

/// So many observations are kept.
pub const WINDOW: usize = 256;
/// The most figures of one observation.
pub const FIGURES_MAX: usize = 64;

/// What a judge says of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// How good the answer is, from 0 to 1; 0 where there is a fault.
    pub quality: f64,
    /// What is wrong with it, if it is no answer at all or a lie.
    pub fault: Option<Fault>,
    /// Why, in words that tell the miner what to improve.
    pub reason: String,
    /// How fast it came; nothing if there is no answer.
    pub speed: Option<Speed>,
    /// Numbers of the task's own that its quality needs later, at most [`FIGURES_MAX`].
    pub figures: Vec<f32>,
    /// A digest of the answer, where equal answers of two hotkeys to the same challenge show one origin.
    pub mark: Option<u64>,
}

impl Judgement {
    /// An answer that earns nothing, and why.
    pub fn fault(fault: Fault) -> Self {
        Self {
            quality: 0.0,
            reason: fault.to_string(),
            fault: Some(fault),
            speed: None,
            figures: Vec::new(),
            mark: None,
        }
    }

    /// An answer of this quality.
    pub fn of(quality: f64, reason: impl Into<String>) -> Self {
        Self {
            quality,
            fault: None,
            reason: reason.into(),
            speed: None,
            figures: Vec::new(),
            mark: None,
        }
    }
}

/// One judged answer, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Names the challenge, so that answers of several miners can be compared.
    pub challenge: u64,
    /// When the answer came, in Unix milliseconds.
    pub at_ms: u64,
    /// From 0 to 1.
    pub quality: f64,
    /// Whether the answer was a lie.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_dishonest: bool,
    /// Whether the miner said at once that it is full. What that costs is the task's to say; most count it as an answer that
    /// is worth nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_busy: bool,
    /// See [`Judgement::speed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// See [`Judgement::figures`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<f32>,
    /// See [`Judgement::mark`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<u64>,
}

impl Observation {
    /// What is kept of a judgement: plain numbers, whatever a task's arithmetic came to.
    pub fn new(challenge: u64, at_ms: u64, judgement: &Judgement) -> Self {
        let mut figures = judgement.figures.clone();
        figures.truncate(FIGURES_MAX);
        for figure in &mut figures {
            if !figure.is_finite() {
                *figure = 0.0;
            }
        }
        Self {
            challenge,
            at_ms,
            quality: if judgement.fault.is_some() || judgement.quality.is_nan() {
                0.0
            } else {
                judgement.quality.clamp(0.0, 1.0)
            },
            is_dishonest: judgement.fault.as_ref().is_some_and(Fault::is_dishonest),
            is_busy: matches!(judgement.fault, Some(Fault::Busy(_))),
            speed: judgement.speed,
            figures,
            mark: judgement.mark,
        }
    }
}

/// All that is on record of one miner, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    window: VecDeque<Observation>,
    /// How many answers were judged, those forgotten included.
    pub probes: u64,
    /// How many of them were answers without fault.
    pub verified: u64,
    /// The moving average of their speeds.
    pub speed: Option<Speed>,
}

impl Record {
    /// Takes in one more observation and forgets the oldest beyond the window.
    pub fn learn(&mut self, observation: Observation) {
        self.probes = self.probes.saturating_add(1);
        if let Some(speed) = observation.speed {
            self.verified = self.verified.saturating_add(1);
            self.speed = Some(self.speed.map_or(speed, |old| Speed {
                per_second: toward(old.per_second, speed.per_second),
                first_ms: toward(old.first_ms, speed.first_ms),
            }));
        }
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(observation);
    }

    /// The observations, oldest first, in one piece.
    pub fn window(&mut self) -> &[Observation] {
        self.window.make_contiguous()
    }

    /// The observations, oldest first.
    pub fn observations(&self) -> impl DoubleEndedIterator<Item = &Observation> {
        self.window.iter()
    }
}

/// The quality of a miner whose answers count one by one: a moving average from zero, which a lie cuts to
/// [`FORGIVENESS`] of what it was.
pub fn averaged<'a>(window: impl IntoIterator<Item = &'a Observation>) -> f64 {
    window.into_iter().fold(0.0, |value, observation| {
        if observation.is_dishonest {
            value * FORGIVENESS
        } else {
            toward(value, observation.quality)
        }
    })
}

fn toward(old: f64, new: f64) -> f64 {
    old + PATIENCE * (new - old)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(quality: f64) -> Observation {
        Observation::new(0, 0, &Judgement::of(quality, ""))
    }

    #[test]
    fn a_record_forgets_what_is_older_than_its_window() {
        let mut record = Record::default();
        for number in 0..WINDOW + 10 {
            let mut observation = observation(1.0);
            observation.at_ms = number as u64;
            record.learn(observation);
        }
        assert_eq!(record.window().len(), WINDOW);
        assert_eq!(record.window()[0].at_ms, 10);
        assert_eq!(record.probes, WINDOW as u64 + 10);
    }

    /// A record is written down as JSON, which has no word for what is not a number.
    #[test]
    fn what_is_not_a_number_is_kept_as_nothing() {
        let mut judgement = Judgement::of(f64::NAN, "");
        judgement.figures = vec![1.5, f32::NAN, f32::INFINITY];
        let kept = Observation::new(0, 0, &judgement);
        assert_eq!(
            (kept.quality, &kept.figures[..]),
            (0.0, &[1.5, 0.0, 0.0][..])
        );
        let json = serde_json::to_string(&kept).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Observation>(&json).expect("read back"),
            kept
        );
    }

    /// Tasks that do not care treat it as any absence; a state file from before knows nothing of it.
    #[test]
    fn being_full_is_remembered_as_such_and_is_no_lie() {
        let full = Judgement::fault(Fault::Busy("all 2 places are taken".into()));
        let kept = Observation::new(0, 0, &full);
        assert!(kept.is_busy && !kept.is_dishonest && kept.quality == 0.0);
        assert_eq!(full.reason, "busy: all 2 places are taken");
        let before = r#"{"challenge":1,"at_ms":2,"quality":0.0}"#;
        let before: Observation = serde_json::from_str(before).expect("an older record");
        assert!(!before.is_busy);
    }

    #[test]
    fn a_lie_costs_more_than_an_absence() {
        let honest = vec![observation(1.0); 40];
        let away = Observation::new(0, 0, &Judgement::fault(Fault::Unreachable("gone".into())));
        let lie = Observation::new(
            0,
            0,
            &Judgement::fault(Fault::FalseAnswer("made up".into())),
        );
        let before = averaged(&honest);
        let after = |last: Observation| averaged(honest.iter().chain([&last]));
        assert!((after(away) - 0.8 * before).abs() < 1e-9);
        assert!((after(lie) - FORGIVENESS * before).abs() < 1e-9);
    }
}
