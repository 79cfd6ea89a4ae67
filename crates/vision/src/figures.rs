//! How good a set of answers is: counts of what was taken for what, and the figures they give.
//!
//! | figure | of `K` labels | perfect | blind |
//! |---|---|---|---|
//! | accuracy | share of pictures named right | 1 | the commonest label's share |
//! | precision, recall, F1 | per label: right among those so named, right among those so labelled, their harmonic mean | 1 | |
//! | MCC | Gorodkin's correlation of truth and guess, [`Confusion::mcc`] | 1 | 0 |
//! | Brier | mean over pictures of `Σₖ (pₖ − yₖ)²`, [`brier`] | 0 | `(K−1)/K` when every label is given the same |

mod chart;

use serde::Serialize;

/// What was taken for what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confusion {
    labels: Vec<String>,
    /// Row: what it is. Column: what it was taken for.
    counts: Vec<u64>,
}

/// The figures of one label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// The label.
    pub label: String,
    /// Right among those so named; 0 when none was.
    pub precision: f64,
    /// Right among those so labelled; 0 when none is.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Pictures so labelled.
    pub count: u64,
}

impl Confusion {
    /// Counts nothing yet.
    pub fn new(labels: Vec<String>) -> Self {
        let counts = vec![0; labels.len() * labels.len()];
        Self { labels, counts }
    }

    /// Counts a picture.
    ///
    /// # Panics
    ///
    /// When there is no label of that number.
    pub fn add(&mut self, truth: usize, guess: usize) {
        let size = self.labels.len();
        assert!(truth < size && guess < size, "a label's number");
        self.counts[truth * size + guess] += 1;
    }

    /// The labels, in order of their numbers.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How many pictures of one label were taken for another.
    pub fn count(&self, truth: usize, guess: usize) -> u64 {
        self.counts[truth * self.labels.len() + guess]
    }

    /// Pictures counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn right(&self) -> u64 {
        (0..self.labels.len())
            .map(|label| self.count(label, label))
            .sum()
    }

    /// Pictures of a label.
    fn labelled(&self, truth: usize) -> u64 {
        (0..self.labels.len())
            .map(|guess| self.count(truth, guess))
            .sum()
    }

    /// Pictures taken for a label.
    fn named(&self, guess: usize) -> u64 {
        (0..self.labels.len())
            .map(|truth| self.count(truth, guess))
            .sum()
    }

    /// Share of pictures named right; 0 of none.
    pub fn accuracy(&self) -> f64 {
        ratio(self.right() as f64, self.total() as f64)
    }

    /// Each label's figures.
    pub fn classes(&self) -> Vec<Class> {
        let class = |(index, label): (usize, &String)| {
            let right = self.count(index, index) as f64;
            let precision = ratio(right, self.named(index) as f64);
            let recall = ratio(right, self.labelled(index) as f64);
            Class {
                label: label.clone(),
                precision,
                recall,
                f1: ratio(2.0 * precision * recall, precision + recall),
                count: self.labelled(index),
            }
        };
        self.labels.iter().enumerate().map(class).collect()
    }

    /// Matthews' correlation coefficient for many labels, by Gorodkin: with `c` right of `s`, `tₖ` labelled and `pₖ` named `k`,
    /// `(c·s − Σ pₖ·tₖ) / √((s² − Σ pₖ²)·(s² − Σ tₖ²))`; 0 when all are labelled, or all named, the same.
    pub fn mcc(&self) -> f64 {
        let (right, total) = (self.right() as f64, self.total() as f64);
        let (mut both, mut named_squares, mut labelled_squares) = (0.0, 0.0, 0.0);
        for label in 0..self.labels.len() {
            let (named, labelled) = (self.named(label) as f64, self.labelled(label) as f64);
            both += named * labelled;
            named_squares += named * named;
            labelled_squares += labelled * labelled;
        }
        let spread = (total * total - named_squares) * (total * total - labelled_squares);
        ratio(right * total - both, spread.max(0.0).sqrt())
    }

    /// A drawing of the table: one row a label, darker where more, errors in another colour.
    pub fn to_svg(&self) -> String {
        chart::render(self)
    }
}

/// `Σₖ (pₖ − yₖ)²` of one answer.
pub fn brier(shares: impl IntoIterator<Item = f64>, truth: usize) -> f64 {
    shares
        .into_iter()
        .enumerate()
        .map(|(label, share)| {
            let goal = if label == truth { 1.0 } else { 0.0 };
            (share - goal) * (share - goal)
        })
        .sum()
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

#[cfg(test)]
mod tests;
