//! Measures how well answers of text are told from each other: what honest engines do, and how soon each cheat is caught.
//!
//! ```text
//!  questions ──▶ engine, in a process of its own ──▶ answers ──▶ one pass each ──▶ errors, distances
//!                (threads, format, cheat)                                             │
//!                                          first part: rates of each class ◀──────────┤
//!                                                   │                                 │
//!                                                   └──▶ the test, on the other part ◀┘ ──▶ report
//! ```
//!
//! Rates are fitted to one part of the answers and everything reported is measured on the other, so a figure is what a
//! validator would see and not what the fit was made to show. Three of the engines are not fitted at all.
//!
//! # Not here
//!
//! Processes and files (`stoa calibrate text`); the test itself ([`inference::trial`]).

mod engines;
mod report;

use std::time::{Duration, Instant};

use inference::model::{Model, Source};
use inference::trial::{Calibration, Cheat, Drawn, Finding, Rates, Suspicions, WEIGHT_MAX, odds};
use inference::verify::{TokenEvidence, verify_both};
use inference::{Claim, Error, Evidence, FinishReason};
use protocol::Ask;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use scoring::WINDOW;
use serde::{Deserialize, Serialize};

pub use engines::{Contestant, ENGINES, answer};
pub use report::Report;

use super::{draw, verdict};

/// The most tokens of an answer here: the longest length reported.
const TOKENS_MAX: u32 = 128;
/// Lengths for which power is reported.
const LENGTHS: [usize; 5] = [8, 16, 32, 64, 128];
/// So many miners of each kind are imagined from the answers measured.
const MINERS: usize = 1_000;
/// The most tokens an imagined miner gives before it is let go.
const PATIENCE_TOKENS: usize = 5_000;

/// The question of this number.
pub fn question(seed: u64, number: usize) -> Ask {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    rng.set_stream(number as u64);
    let ask = draw("calibrated", &mut rng);
    Ask {
        max_tokens: ask.max_tokens.min(TOKENS_MAX),
        top_logprobs: Some(0),
        ..ask
    }
}

/// An engine's answer to the question of this number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// Which question.
    pub number: usize,
    /// Every token drawn.
    pub tokens: Vec<u32>,
    /// Their log-probabilities, as the engine sees them.
    pub logprobs: Vec<f32>,
    /// What they spell.
    pub text: String,
    /// Whether the limit ended the answer.
    pub is_cut: bool,
}

/// An answer as the grader's one pass sees it: as the seed's, and as that of other dice.
struct Seen {
    seeded: Evidence,
    reported: Evidence,
}

/// The answers of one engine.
struct Measured {
    contestant: &'static Contestant,
    fitted: Vec<Seen>,
    held: Vec<Seen>,
}

/// Measures engine after engine, then reports.
pub struct Trials {
    model: Model,
    seed: u64,
    checks: usize,
    engines: Vec<Measured>,
    /// Time spent reading, and on how many tokens.
    reading: (Duration, usize),
    writing: (Duration, usize),
}

impl Trials {
    /// A grader with the model as it is; `checks` answers of honest engines will be judged.
    ///
    /// # Errors
    ///
    /// Those of loading a model.
    pub fn new(source: &Source, seed: u64, checks: usize) -> Result<Self, Error> {
        Ok(Self {
            model: Model::open(source)?,
            seed,
            checks,
            engines: Vec::new(),
            reading: Default::default(),
            writing: Default::default(),
        })
    }

    /// How many answers are fitted to, and how many judged, of one engine.
    fn parts(&self, contestant: &Contestant) -> (usize, usize) {
        let honest = ENGINES.iter().filter(|engine| engine.is_honest()).count();
        let each = self.checks.div_ceil(honest);
        let fitted = if contestant.is_fitted {
            each * 2 / 5
        } else {
            0
        };
        let held = if contestant.is_honest() {
            each
        } else {
            each * 3 / 5
        };
        (fitted, held)
    }

    /// How many answers are wanted of an engine.
    pub fn wanted(&self, contestant: &Contestant) -> usize {
        let (fitted, held) = self.parts(contestant);
        fitted + held
    }

    /// Reads one engine's answers; `progress` is called after each.
    ///
    /// # Errors
    ///
    /// Those of arithmetic, and of answers that cannot be iterated.
    pub fn measure<E: From<Error>>(
        &mut self,
        contestant: &'static Contestant,
        answers: impl IntoIterator<Item = Result<Given, E>>,
    ) -> Result<(), E> {
        let (fit, _) = self.parts(contestant);
        let mut measured = Measured {
            contestant,
            fitted: Vec::new(),
            held: Vec::new(),
        };
        for given in answers {
            let given = given?;
            let begun = Instant::now();
            let seen = self.see(&given)?;
            self.reading.0 += begun.elapsed();
            self.reading.1 += given.tokens.len();
            if measured.fitted.len() < fit {
                measured.fitted.push(seen);
            } else {
                measured.held.push(seen);
            }
        }
        self.engines.push(measured);
        Ok(())
    }

    /// Notes how long answers took to write, eight at a time.
    pub fn note_writing(&mut self, took: Duration, tokens: usize) {
        self.writing = (took, tokens);
    }

    fn see(&self, given: &Given) -> Result<Seen, Error> {
        let request = verdict::request(&question(self.seed, given.number))?;
        let finish = if given.is_cut {
            FinishReason::Length
        } else {
            FinishReason::Stop
        };
        let claim = Claim {
            tokens: &given.tokens,
            text: &given.text,
            finish,
        };
        let [seeded, reported] = verify_both(&self.model, &request, &claim, &given.logprobs)?;
        Ok(Seen { seeded, reported })
    }

    /// The rates that the fitted answers give.
    pub fn calibration(&self) -> Calibration {
        let errors = |measured: &Measured| -> Vec<f64> {
            let tokens = measured.fitted.iter().flat_map(|seen| &seen.seeded.tokens);
            tokens.map(|token| token.error).collect()
        };
        let distances = |measured: &Measured| -> Vec<f64> {
            let tokens = measured
                .fitted
                .iter()
                .flat_map(|seen| &seen.reported.tokens);
            tokens.filter_map(|token| token.distance).collect()
        };
        Calibration {
            errors: self.rates(errors),
            distances: self.rates(distances),
        }
    }

    fn rates(&self, numbers: impl Fn(&Measured) -> Vec<f64>) -> Rates {
        let counted = |is_honest: bool| {
            self.engines
                .iter()
                .filter(|measured| measured.contestant.is_fitted)
                .filter(|measured| measured.contestant.is_honest() == is_honest)
                .map(|measured| Cheat::counted(measured.contestant.name, numbers(measured)))
                .collect()
        };
        Rates::new(counted(true), counted(false))
    }

    /// Tries the test on the answers that were held back.
    pub fn report(&self) -> Report {
        let calibration = self.calibration();
        let mut dice = ChaCha20Rng::seed_from_u64(self.seed);
        let seeded = self.judge_all(&calibration, Way::Seeded, &mut dice);
        let reported = self.judge_all(&calibration, Way::Reported, &mut dice);
        let forged = self.judge_all(&calibration, Way::Forged, &mut dice);
        Report::new(self, seeded, reported, forged)
    }

    fn judge_all(&self, calibration: &Calibration, way: Way, dice: &mut ChaCha20Rng) -> Vec<Power> {
        let wanted = |measured: &&Measured| way != Way::Forged || !measured.contestant.is_honest();
        let engines = self.engines.iter().filter(wanted);
        engines
            .map(|measured| {
                let answers: Vec<Weighed> = measured
                    .held
                    .iter()
                    .map(|seen| way.weighed(calibration, seen))
                    .collect();
                Power::of(measured.contestant, &answers, dice)
            })
            .collect()
    }
}

/// How answers are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By the seed.
    Seeded,
    /// By the log-probabilities that the engine reports.
    Reported,
    /// By log-probabilities that a cheat took from the true model.
    Forged,
}

impl Way {
    fn weighed(self, calibration: &Calibration, seen: &Seen) -> Weighed {
        let (mut evidence, drawn) = match self {
            Self::Seeded => (seen.seeded.clone(), Drawn::BySeed),
            Self::Reported | Self::Forged => (seen.reported.clone(), Drawn::Otherwise),
        };
        if self == Self::Forged {
            for token in &mut evidence.tokens {
                token.distance = Some(0.0);
            }
            if let inference::Verdict::Refused(inference::Refusal::FalseLogprob { .. }) =
                evidence.verdict
            {
                evidence.verdict = inference::Verdict::Close;
            }
        }
        let weights = calibration.weigh(&evidence, drawn);
        Weighed {
            is_refused: !evidence.verdict.accepted(),
            errors_max: largest(&evidence.tokens),
            by_token: calibration.by_token(&evidence.tokens, drawn),
            whole: weights.each,
        }
    }
}

fn largest(tokens: &[TokenEvidence]) -> f64 {
    let numbers = tokens
        .iter()
        .map(|token| token.distance.unwrap_or(token.error));
    numbers.fold(0.0, f64::max)
}

/// An answer's weights.
struct Weighed {
    is_refused: bool,
    errors_max: f64,
    by_token: Vec<Vec<f64>>,
    whole: Vec<f64>,
}

impl Weighed {
    fn tokens(&self) -> usize {
        self.by_token.len().max(1)
    }

    fn convicts(&self) -> bool {
        self.is_refused || is_caught([self.whole.as_slice()])
    }

    /// Whether the first tokens alone convict; nothing if there are not as many.
    fn convicts_by(&self, length: usize) -> Option<bool> {
        if self.by_token.len() < length {
            return self.is_refused.then_some(true);
        }
        let mut sums = vec![0.0; self.whole.len()];
        for token in &self.by_token[..length] {
            for (sum, weight) in sums.iter_mut().zip(token) {
                *sum += weight;
            }
        }
        let sums: Vec<f64> = sums
            .into_iter()
            .map(|sum: f64| sum.min(WEIGHT_MAX))
            .collect();
        Some(is_caught([sums.as_slice()]))
    }
}

fn is_caught<'a>(window: impl IntoIterator<Item = &'a [f64]>) -> bool {
    Finding::of(odds(window)) == Finding::Caught
}

/// What was found of one engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// Which.
    pub name: String,
    /// Whether it serves the model.
    pub is_honest: bool,
    /// Answers judged.
    pub checks: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Answers that alone convicted.
    pub convicted: usize,
    /// Answers after which the miner stood as caught, the answers coming one after the other.
    pub caught: usize,
    /// The largest error or distance of any token.
    pub error_max: f64,
    /// For each length, how many answers were as long, and how many convicted by their first so many tokens.
    pub by_length: Vec<(usize, usize, usize)>,
    /// Tokens until an imagined miner is caught: the median, and what 99 of 100 need.
    pub until_caught: Option<(usize, usize)>,
    /// The share of imagined miners caught within 100 and within 1,000 tokens.
    pub within: (f64, f64),
}

impl Power {
    fn of(contestant: &Contestant, answers: &[Weighed], dice: &mut ChaCha20Rng) -> Self {
        let by_length = LENGTHS.map(|length| {
            let decided: Vec<bool> = answers
                .iter()
                .filter_map(|answer| answer.convicts_by(length))
                .collect();
            let convicted = decided.iter().filter(|convicts| **convicts).count();
            (length, decided.len(), convicted)
        });
        let mut needed: Vec<usize> = (0..MINERS).map(|_| until_caught(answers, dice)).collect();
        needed.sort_unstable();
        let within = |tokens: usize| {
            let caught = needed.partition_point(|needed| *needed <= tokens);
            caught as f64 / MINERS as f64
        };
        let (median, most) = (needed[MINERS / 2], needed[MINERS * 99 / 100]);
        Self {
            name: contestant.name.into(),
            is_honest: contestant.is_honest(),
            checks: answers.len(),
            tokens: answers.iter().map(|answer| answer.by_token.len()).sum(),
            convicted: answers.iter().filter(|answer| answer.convicts()).count(),
            caught: caught_on_the_way(answers),
            error_max: answers
                .iter()
                .map(|answer| answer.errors_max)
                .fold(0.0, f64::max),
            by_length: by_length.to_vec(),
            until_caught: (median < PATIENCE_TOKENS).then_some((median, most)),
            within: (within(100), within(1_000)),
        }
    }
}

/// After how many of the answers, judged in their order, the miner's window says caught.
fn caught_on_the_way(answers: &[Weighed]) -> usize {
    (1..=answers.len())
        .filter(|end| {
            let window = &answers[end.saturating_sub(WINDOW)..*end];
            is_caught(window.iter().map(|answer| answer.whole.as_slice()))
        })
        .count()
}

/// Tokens that a miner gives until it is caught, its answers drawn from those measured.
fn until_caught(answers: &[Weighed], dice: &mut ChaCha20Rng) -> usize {
    let mut suspicions = Suspicions::default();
    let mut tokens = 0;
    while tokens < PATIENCE_TOKENS && !answers.is_empty() {
        let answer = &answers[dice.random_range(0..answers.len())];
        tokens += answer.tokens();
        suspicions.add(&answer.whole);
        if Finding::of(suspicions.odds()) == Finding::Caught {
            return tokens;
        }
    }
    PATIENCE_TOKENS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(names: &[&str], checks: usize) -> Trials {
        let mut trials = Trials::new(&Source::Shipped, 3, checks).expect("the model");
        for name in names {
            let contestant = Contestant::named(name).expect("an engine");
            let mut given = Vec::new();
            let count = trials.wanted(contestant);
            answer(contestant, &Source::Shipped, 3, count, &mut |answer| {
                given.push(answer)
            })
            .expect("answers");
            assert_eq!(given.len(), count);
            trials
                .measure(contestant, given.into_iter().map(Ok::<_, Error>))
                .expect("measured");
        }
        trials
    }

    #[test]
    fn a_question_is_the_same_wherever_it_is_drawn() {
        assert_eq!(question(1, 7), question(1, 7));
        assert_ne!(question(1, 7), question(1, 8));
        assert_ne!(question(1, 7), question(2, 7));
    }

    /// The rates that a calibration finds catch the cheat it was shown and leave the honest engine alone.
    #[test]
    fn a_small_calibration_tells_an_honest_engine_from_an_untrained_one() {
        let trials = measured(&["f32, 1 thread", "another checkpoint: untrained"], 60);
        let report = trials.report();
        let [honest, untrained] = &report.seeded[..] else {
            panic!("{report:?}")
        };
        assert_eq!((honest.convicted, honest.caught), (0, 0));
        assert_eq!(report.honest.checks, honest.checks);
        assert_eq!(untrained.caught, untrained.checks);
        assert!(untrained.within.0 > 0.9, "{untrained:?}");
        assert_eq!(report.forged.len(), 1, "the honest forge nothing");
        let page = report.markdown("shipped", "stoa calibrate text");
        assert!(page.contains("| another checkpoint: untrained |"), "{page}");
        let rates = serde_json::to_string(&trials.calibration()).expect("JSON");
        assert!(rates.contains("f32, 1 thread"), "{rates}");
    }

    /// Each cheat answers otherwise than the model does.
    #[test]
    fn every_cheat_does_what_its_name_says() {
        let answers = |name: &str| {
            let contestant = Contestant::named(name).expect("an engine");
            let mut given = Vec::new();
            answer(contestant, &Source::Shipped, 5, 6, &mut |answer| {
                given.push(answer)
            })
            .expect("answers");
            given.sort_by_key(|given| given.number);
            given
                .into_iter()
                .map(|given| given.tokens)
                .collect::<Vec<_>>()
        };
        let honest = answers("f32, 1 thread");
        for engine in ENGINES.iter().filter(|engine| !engine.is_honest()) {
            if engine.name != "8-bit weights" {
                assert_ne!(answers(engine.name), honest, "{}", engine.name);
            }
        }
    }
}
