//! How often the tokens of honest engines and of cheats fall into each class of error.
//!
//! A model may bring its own `calibration.json`, written by `stoa calibrate text`; one without is judged by
//! [`Calibration::default`], the rates of the shipped model made more forgiving.

use serde::{Deserialize, Serialize};

/// Where one class of errors ends and the next begins, in units of a logit; about half a power of ten each.
const STEPS: [f64; CLASSES - 1] = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];

/// So many classes there are.
pub const CLASSES: usize = 11;

const SHIPPED: &str = include_str!("../../../../models/stoa-shakespeare/calibration.json");

/// Counted beside what was seen, so that what was never seen is unlikely and not impossible.
const UNSEEN: f64 = 0.5;

/// The class of an error or distance: 0 is none at all.
pub fn class(error: f64) -> usize {
    STEPS.partition_point(|step| *step < error)
}

/// What was measured of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Of tokens drawn by the request's seed, by their errors.
    pub errors: Rates,
    /// Of tokens drawn by other dice, by the distance of their reported log-probabilities.
    pub distances: Rates,
}

/// Counts of tokens by class, and the weights that follow from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Counts", into = "Counts")]
pub struct Rates {
    counts: Counts,
    weights: Vec<[f64; CLASSES]>,
    milder: [f64; CLASSES],
}

/// Tokens by class, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Counts {
    honest: Vec<Cheat>,
    cheats: Vec<Cheat>,
}

/// What one engine, honest or not, was seen to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cheat {
    /// Its name.
    pub name: String,
    /// Its tokens by class.
    pub tokens: [u64; CLASSES],
}

impl Cheat {
    /// Counts errors or distances.
    pub fn counted(name: &str, errors: impl IntoIterator<Item = f64>) -> Self {
        let mut tokens = [0; CLASSES];
        for error in errors {
            tokens[class(error)] += 1;
        }
        Self {
            name: name.into(),
            tokens,
        }
    }

    /// The share of each class, with a little for what was not seen.
    fn shares(&self) -> [f64; CLASSES] {
        let total: f64 = self.tokens.iter().map(|count| *count as f64 + UNSEEN).sum();
        self.tokens.map(|count| (count as f64 + UNSEEN) / total)
    }
}

impl Rates {
    /// Rates from what honest engines and cheats were seen to do.
    pub fn new(honest: Vec<Cheat>, cheats: Vec<Cheat>) -> Self {
        let worst = worst(&honest);
        let weights: Vec<_> = cheats
            .iter()
            .map(|cheat| weights(&cheat.shares(), &worst))
            .collect();
        let milder = std::array::from_fn(|class| {
            let each = weights.iter().map(|weights| weights[class]);
            each.fold(f64::INFINITY, f64::min).max(0.0)
        });
        let milder = milder.map(|weight: f64| if weight.is_finite() { weight } else { 0.0 });
        Self {
            counts: Counts { honest, cheats },
            weights,
            milder,
        }
    }

    /// The weights of classes for each cheat.
    pub fn weights(&self) -> &[[f64; CLASSES]] {
        &self.weights
    }

    /// The names of the cheats, in the order of their weights.
    pub fn cheats(&self) -> impl Iterator<Item = &str> {
        self.counts.cheats.iter().map(|cheat| cheat.name.as_str())
    }

    /// The honest engines and what they were seen to do.
    pub fn honest(&self) -> &[Cheat] {
        &self.counts.honest
    }

    /// Rates that expect of the honest errors of the next class up wherever there is any.
    fn forgiving(self) -> Self {
        let Counts { mut honest, cheats } = self.counts;
        for engine in &mut honest {
            let seen = engine.tokens;
            engine.tokens[1..].fill(0);
            for (class, count) in seen.into_iter().enumerate().skip(1) {
                engine.tokens[(class + 1).min(CLASSES - 1)] += count;
            }
        }
        Self::new(honest, cheats)
    }

    /// The least that any cheat makes of a class, and not below zero.
    pub(super) fn milder(&self, class: usize) -> f64 {
        self.milder[class]
    }
}

impl From<Counts> for Rates {
    fn from(counts: Counts) -> Self {
        Self::new(counts.honest, counts.cheats)
    }
}

impl From<Rates> for Counts {
    fn from(rates: Rates) -> Self {
        rates.counts
    }
}

/// The shares of an engine that is at least as often at or beyond each class as any of the honest ones.
fn worst(honest: &[Cheat]) -> [f64; CLASSES] {
    let mut beyond = [0f64; CLASSES + 1];
    for engine in honest {
        let mut tail = 0.0;
        for (class, share) in engine.shares().into_iter().enumerate().rev() {
            tail += share;
            beyond[class] = beyond[class].max(tail);
        }
    }
    if honest.is_empty() {
        return [1.0 / CLASSES as f64; CLASSES];
    }
    let shares: [f64; CLASSES] = std::array::from_fn(|class| beyond[class] - beyond[class + 1]);
    // Where the tails of two engines meet a class may be left with nothing; it keeps what was never seen.
    let least = beyond[CLASSES - 1].min(1e-6);
    let shares = shares.map(|share| share.max(least));
    let total: f64 = shares.iter().sum();
    shares.map(|share| share / total)
}

/// `ln(cheat / honest)`, pooled where it would fall, so that it rises with the class and its exponential is one in the
/// mean over the honest.
fn weights(cheat: &[f64; CLASSES], honest: &[f64; CLASSES]) -> [f64; CLASSES] {
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(CLASSES);
    for (cheat, honest) in cheat.iter().zip(honest) {
        let mut pool = (*cheat, *honest, 1);
        while let Some(before) = pools.last() {
            if before.0 / before.1 < pool.0 / pool.1 {
                break;
            }
            pool = (before.0 + pool.0, before.1 + pool.1, before.2 + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let mut weights = [0.0; CLASSES];
    let each = pools
        .iter()
        .flat_map(|(cheat, honest, count)| std::iter::repeat_n((cheat / honest).ln(), *count));
    for (weight, value) in weights.iter_mut().zip(each) {
        *weight = value;
    }
    weights
}

/// What was measured of the shipped model is taken to hold for others, whose honest errors may be three times as large.
impl Default for Calibration {
    fn default() -> Self {
        let shipped: Self = serde_json::from_str(SHIPPED)
            .expect("the calibration inside the program is one: a test reads it");
        Self {
            errors: shipped.errors.forgiving(),
            distances: shipped.distances.forgiving(),
        }
    }
}
