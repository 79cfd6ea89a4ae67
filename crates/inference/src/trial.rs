//! Weighs answers against each other over time: a sequential test of whether a miner runs the model it sells.
//!
//! One answer seldom decides. Rounding makes an honest engine lose a close race now and then; a network with coarser
//! weights loses a few more, and a little further apart. What tells them apart is how often, over hundreds of tokens.
//!
//! # The rule
//!
//! 1. Every token falls into a [`class`] by its error (or, where log-probabilities were reported, by their distance).
//! 2. [`Rates`] say how often honest engines and each known cheat fall into each class, as `stoa calibrate text` measured
//!    them for the model. The honest rates are the worst of all honest formats, class by class from the far end.
//! 3. The *weight* of a class for a cheat is `ln(its rate / the honest rate)`, made to rise with the class. An
//!    answer's weight is the sum over its tokens, at most [`WEIGHT_MAX`], so that one answer can convict but not for ever.
//! 4. Over a window of answers, each cheat is suspected of cheating always, and of cheating on one answer in
//!    [`RARELY`]: then an answer of weight `w` counts `ln(1 - r + r·eʷ)`, so that good answers excuse little. The
//!    *odds* against a miner are the mean of `e^sum` over all these suspicions.
//! 5. Odds of [`ODDS_CAUGHT`] mean caught, of [`ODDS_ACCEPTED`] or less accepted, between them undecided.
//!
//! For tokens drawn by other dice there are also the [`TILTS`]: their weights are exact ratios of likelihoods and need
//! no measuring.
//!
//! # What always holds
//!
//! * Whatever window an honest miner is judged by, its odds are one or less in the mean, so it is caught in at most
//!   one window of [`ODDS_CAUGHT`] (Markov's inequality): the false alarm is bounded without assuming any distribution.
//!   Judged by the worse of its two ways of drawing, it is caught in at most one of a thousand. In practice that is far
//!   rarer, since honest odds sink with every token.
//! * A caught miner is believed again after as many good answers as outweigh the bad, and no sooner.
//!
//! # Why not Wald's test of two hypotheses
//!
//! It decides between honest and *one* cheat. A mean of likelihood ratios is as safe as one of them and has nearly the
//! power of the best, so a miner need not be suspected of the right thing in advance.

mod rates;

pub use rates::{CLASSES, Calibration, Cheat, Rates, class};

use crate::verify::{Evidence, TILTS, TokenEvidence};

/// Odds at which a miner is caught: honest ones reach them in fewer than one window of so many.
pub const ODDS_CAUGHT: f64 = 2000.0;
/// Odds at which a miner is accepted.
pub const ODDS_ACCEPTED: f64 = 0.1;
/// The most that one answer weighs.
pub const WEIGHT_MAX: f64 = 12.0;
/// One answer in so many is a cheat's, under the suspicion of cheating rarely.
pub const RARELY: f64 = 10.0;
/// Weights sink no lower than this in one answer.
const WEIGHT_MIN: f64 = -30.0;

/// How an answer's tokens were drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// By the request's seed.
    BySeed,
    /// By other dice, with log-probabilities reported.
    Otherwise,
}

/// The weights of one answer, a number for each suspicion. [`Calibration::weigh`] makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// How the tokens were drawn.
    pub drawn: Drawn,
    /// For each cheat of the calibration; then, for other dice, for each of [`TILTS`].
    pub each: Vec<f64>,
}

/// What is thought of a miner after a window of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It runs the model.
    Accepted,
    /// There are too few tokens to tell.
    Undecided,
    /// It does not.
    Caught,
}

impl Finding {
    /// What odds mean.
    pub fn of(odds: f64) -> Self {
        if odds >= ODDS_CAUGHT {
            Self::Caught
        } else if odds <= ODDS_ACCEPTED {
            Self::Accepted
        } else {
            Self::Undecided
        }
    }
}

impl Calibration {
    /// What an answer's tokens weigh.
    pub fn weigh(&self, evidence: &Evidence, drawn: Drawn) -> Weights {
        let bounded = |sum: f64| sum.clamp(WEIGHT_MIN, WEIGHT_MAX);
        let refused = !evidence.verdict.accepted();
        let each = self.columns(drawn).map(|column| {
            if refused {
                return WEIGHT_MAX;
            }
            bounded(evidence.tokens.iter().map(|token| column.of(token)).sum())
        });
        Weights {
            drawn,
            each: each.collect(),
        }
    }

    /// What each token adds for each suspicion, before any bound: to find out how many tokens it takes.
    pub fn by_token(&self, tokens: &[TokenEvidence], drawn: Drawn) -> Vec<Vec<f64>> {
        let columns: Vec<Column<'_>> = self.columns(drawn).collect();
        let all = |token| columns.iter().map(|column| column.of(token)).collect();
        tokens.iter().map(all).collect()
    }

    fn columns(&self, drawn: Drawn) -> impl Iterator<Item = Column<'_>> {
        let (rates, tilts) = match drawn {
            Drawn::BySeed => (&self.errors, 0),
            Drawn::Otherwise => (&self.distances, TILTS.len()),
        };
        let measured = rates.weights().iter().map(move |weights| Column::Measured {
            weights,
            errors: &self.errors,
            drawn,
        });
        measured.chain((0..tilts).map(Column::Tilt))
    }
}

/// One suspicion's weight of a token.
enum Column<'a> {
    Measured {
        weights: &'a [f64; CLASSES],
        errors: &'a Rates,
        drawn: Drawn,
    },
    Tilt(usize),
}

impl Column<'_> {
    fn of(&self, token: &TokenEvidence) -> f64 {
        match self {
            Self::Tilt(index) => f64::from(token.tilts[*index]),
            Self::Measured {
                weights,
                drawn: Drawn::BySeed,
                ..
            } => weights[class(token.error)],
            Self::Measured {
                weights, errors, ..
            } => {
                // A token outside the head speaks by its error as it would in a race; inside it says nothing.
                let outside = if token.error > 0.0 {
                    errors.milder(class(token.error))
                } else {
                    0.0
                };
                outside
                    + token
                        .distance
                        .map_or(0.0, |distance| weights[class(distance)])
            }
        }
    }
}

/// The odds against a miner that gave these answers.
pub fn odds<'a>(window: impl IntoIterator<Item = &'a [f64]>) -> f64 {
    let mut sums = Suspicions::default();
    for weights in window {
        sums.add(weights);
    }
    sums.odds()
}

/// The sums of all suspicions over some answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suspicions {
    always: Vec<f64>,
    rarely: Vec<f64>,
}

impl Suspicions {
    /// Takes in the weights of one more answer.
    pub fn add(&mut self, weights: &[f64]) {
        let count = self.always.len().max(weights.len());
        self.always.resize(count, 0.0);
        self.rarely.resize(count, 0.0);
        for (index, weight) in weights.iter().enumerate() {
            self.always[index] += weight;
            self.rarely[index] += (1.0 - 1.0 / RARELY + weight.exp() / RARELY).ln();
        }
    }

    /// The odds that follow; even, before any answer.
    pub fn odds(&self) -> f64 {
        let count = self.always.len() + self.rarely.len();
        if count == 0 {
            return 1.0;
        }
        let sums = self.always.iter().chain(&self.rarely);
        sums.map(|sum| sum.min(700.0).exp()).sum::<f64>() / count as f64
    }
}

#[cfg(test)]
mod tests;
