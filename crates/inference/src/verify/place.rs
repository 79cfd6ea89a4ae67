//! One token at its place: the numbers that say how well the model's distribution explains it.

use super::{HOPELESS, Refusal};
use crate::request::{Request, Sampling};
use crate::sampler;

/// Powers by which a distribution is bent to ask whether a token was drawn from a bent one: its temperature divided by
/// `1 + tilt`. Half the temperature, four fifths, five quarters, twice.
pub const TILTS: [f64; 4] = [1.0, 0.25, -0.2, -0.5];

/// Errors are looked for between these; below the first they are as good as none.
const ERROR_MIN: f64 = 1e-6;
/// An error above all that are told apart.
const ERROR_MAX: f64 = 2.0 * HOPELESS;
/// Halvings (of the logarithm) by which an error is found: to within a hundredth.
const HALVINGS: usize = 10;

/// Who drew.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dice<'a> {
    /// The request's seed.
    Seed,
    /// The miner's own generator; the log-probabilities it reports.
    Own(&'a [f32]),
}

/// What was found at one place of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenEvidence {
    /// The token given.
    pub id: u32,
    /// The least error of logits that explains the token; see the module above.
    pub error: f64,
    /// Natural logarithm of its probability under the model.
    pub logprob: f32,
    /// By how much the reported log-probability is off; none where none was reported, or none is needed.
    pub distance: Option<f64>,
    /// How much likelier the token is under each bent distribution of [`TILTS`], as natural logarithms; zero where
    /// nothing was drawn, or the seed drew.
    pub tilts: [f32; TILTS.len()],
}

impl TokenEvidence {
    pub(super) fn refusal(&self, position: u32) -> Option<Refusal> {
        let Self {
            id,
            error,
            logprob,
            distance,
            ..
        } = *self;
        if error >= HOPELESS {
            return Some(Refusal::Unexplained {
                position,
                id,
                error,
            });
        }
        let distance = distance?;
        (distance >= HOPELESS).then_some(Refusal::FalseLogprob {
            position,
            logprob,
            distance,
        })
    }
}

/// A place of an answer and the model's logits there.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) logits: &'a [f32],
    pub(super) request: &'a Request,
    pub(super) position: usize,
}

impl Place<'_> {
    /// Weighs a token.
    pub(super) fn weigh(self, id: u32, dice: Dice<'_>) -> TokenEvidence {
        let own = self.logits[id as usize];
        let logprob = (f64::from(own) - sampler::log_normaliser(self.logits)) as f32;
        let mut evidence = TokenEvidence {
            id,
            error: 0.0,
            logprob,
            distance: None,
            tilts: [0.0; TILTS.len()],
        };
        match (dice, self.request.sampling) {
            (_, Sampling::Greedy) => {
                let best = self.logits[sampler::best(self.logits) as usize];
                evidence.error = f64::from(best - own) / 2.0;
            }
            (Dice::Seed, Sampling::Random { temperature, .. }) => {
                evidence.error = self.race_error(id, temperature);
            }
            (Dice::Own(_), Sampling::Random { temperature, .. }) => {
                evidence.error = self.support_error(own, temperature);
                if evidence.error == 0.0 {
                    evidence.tilts = self.tilts(own, temperature);
                }
            }
        }
        if let Dice::Own(logprobs) = dice {
            evidence.distance = logprobs
                .get(self.position)
                .map(|given| distance(*given, logprob));
        }
        evidence
    }

    /// The likeliest of some tokens; the first if there is none.
    pub(super) fn likeliest(self, ids: &[u32]) -> u32 {
        let known = ids
            .iter()
            .copied()
            .filter(|id| (*id as usize) < self.logits.len());
        let logit = |id: &u32| self.logits[*id as usize];
        known
            .max_by(|a, b| logit(a).total_cmp(&logit(b)))
            .unwrap_or(0)
    }

    /// The least error by which the token wins the seeded race.
    fn race_error(self, id: u32, temperature: f64) -> f64 {
        let Request { sampling, seed, .. } = self.request;
        let (sampling, position) = (*sampling, self.position as u64);
        if sampler::choose(self.logits, sampling, *seed, position) == id {
            return 0.0;
        }
        let noise = sampler::noise(*seed, position, self.logits.len());
        let race: Vec<f64> = self
            .logits
            .iter()
            .zip(noise)
            .map(|(logit, noise)| f64::from(*logit) / temperature + noise)
            .collect();
        let own = (self.logits[id as usize], race[id as usize]);
        let is_explained = |error: f64| {
            let reach = 2.0 * error;
            let possible = f64::from(sampler::cutoff(self.logits, eased(sampling, error))) - reach;
            if f64::from(own.0) < possible {
                return false;
            }
            let certain = f64::from(sampler::cutoff(self.logits, eased(sampling, -error))) + reach;
            let runners = self.logits.iter().zip(&race);
            let best = runners
                .filter(|(logit, _)| f64::from(**logit) >= certain)
                .fold(f64::NEG_INFINITY, |best, (_, value)| best.max(*value));
            best - own.1 <= reach / temperature
        };
        if is_whole(sampling, self.logits.len()) {
            let best = race.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            return (best - own.1) * temperature / 2.0;
        }
        least(is_explained)
    }

    /// The least error by which top-k and top-p keep the token.
    fn support_error(self, own: f32, temperature: f64) -> f64 {
        let sampling = self.request.sampling;
        debug_assert!(temperature > 0.0, "greedy answers have no support");
        if own >= sampler::cutoff(self.logits, sampling) {
            return 0.0;
        }
        least(|error| {
            let possible = f64::from(sampler::cutoff(self.logits, eased(sampling, error)));
            f64::from(own) >= possible - 2.0 * error
        })
    }

    /// `ln (q'(t) / q(t))` for the sampling distribution `q` and each `q' ∝ q^(1 + tilt)`.
    fn tilts(self, own: f32, temperature: f64) -> [f32; TILTS.len()] {
        let cutoff = sampler::cutoff(self.logits, self.request.sampling);
        let best = self
            .logits
            .iter()
            .copied()
            .fold(f32::NEG_INFINITY, f32::max);
        let kept = self.logits.iter().filter(|logit| **logit >= cutoff);
        let heights: Vec<f64> = kept
            .map(|logit| f64::from(logit - best) / temperature)
            .collect();
        let log_sum = |power: f64| {
            let sum: f64 = heights.iter().map(|height| (power * height).exp()).sum();
            sum.ln()
        };
        let own = f64::from(own - best) / temperature;
        let plain = log_sum(1.0);
        TILTS.map(|tilt| (tilt * own - log_sum(1.0 + tilt) + plain) as f32)
    }
}

/// The sampling with top-p's share moved by what logits off by `error` do to it: the odds by `e^(2 error / T)`.
fn eased(sampling: Sampling, error: f64) -> Sampling {
    match sampling {
        Sampling::Random {
            temperature,
            top_p,
            top_k,
        } if top_p < 1.0 => {
            let odds = top_p / (1.0 - top_p) * (2.0 * error / temperature).exp();
            let top_p = if odds.is_finite() {
                odds / (1.0 + odds)
            } else {
                1.0
            };
            Sampling::Random {
                temperature,
                top_p,
                top_k,
            }
        }
        other => other,
    }
}

/// Whether top-k and top-p keep everything.
fn is_whole(sampling: Sampling, vocabulary: usize) -> bool {
    match sampling {
        Sampling::Greedy => true,
        Sampling::Random { top_p, top_k, .. } => {
            top_p >= 1.0 && top_k.is_none_or(|count| count.get() as usize >= vocabulary)
        }
    }
}

/// The least error that explains something, given that every larger one does too.
fn least(is_explained: impl Fn(f64) -> bool) -> f64 {
    if !is_explained(ERROR_MAX) {
        return ERROR_MAX;
    }
    let (mut below, mut above) = (ERROR_MIN.ln(), ERROR_MAX.ln());
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(below, above);
        if is_explained(middle.exp()) {
            above = middle;
        } else {
            below = middle;
        }
    }
    above.exp()
}

/// How far two log-probabilities are apart; two that are both nothing are not.
fn distance(given: f32, own: f32) -> f64 {
    if given == own {
        return 0.0;
    }
    let distance = f64::from((given - own).abs());
    if distance.is_nan() {
        ERROR_MAX
    } else {
        distance.min(ERROR_MAX)
    }
}
