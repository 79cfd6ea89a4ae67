//! TM-score: how much of a chain has the course of another (Zhang & Skolnick, Proteins 57, 702, 2004).
//!
//! # The rule
//!
//! With `L` residues in the reference and `d` the distance of a pair of alpha carbons once the model was laid on the
//! reference,
//!
//! ```text
//! TM = max over motions of  1/L · Σ 1 / (1 + (d / d0)²)        d0 = 1.24 · ∛(L − 15) − 1.8, at least 0.5 Å
//! ```
//!
//! No formula gives the best motion, so it is searched for as the authors do: lay stretches of the chain of length n, n/2,
//! n/4 …, at least four, on their counterparts; take the pairs that came near, lay those; and so on until the pairs stay the
//! same. The best sum met on the way is the score. Residues of the reference that the model does not have count as zero.
//!
//! A random structure has about 0.17, the same fold more than 0.5. Chains below some 30 residues score lower than a reader
//! of those figures expects, because d0 was fitted to longer ones.

use super::{Atoms, Superposition, atom_pairs, is_compared};
use crate::point::distance;
use crate::{Molecule, Point};

/// Laying and choosing again ends after so many rounds.
const ROUNDS_MAX: usize = 20;

/// The shortest stretch that is laid.
const STRETCH_MIN: usize = 4;

/// Lengths are halved at most so often.
const HALVINGS_MAX: usize = 5;

/// So many stretches of one length are laid at most, evenly spread; all of them up to about this many residues.
const STRETCHES_MAX: usize = 200;

/// How near a pair must come to be laid again is kept within these bounds, in ångström.
const SEARCH_NEAR: f64 = 4.5;
const SEARCH_FAR: f64 = 8.0;

/// The TM-score of a model, by the alpha carbons that it shares with the reference; 0 if it shares none.
pub fn tm_score(model: &Molecule, reference: &Molecule) -> f64 {
    let pairs = atom_pairs(model, reference, Atoms::Alpha);
    let ours: Vec<Point> = pairs.iter().map(|pair| model.positions[pair.0]).collect();
    let theirs: Vec<Point> = pairs
        .iter()
        .map(|pair| reference.positions[pair.1])
        .collect();
    let length = (0..reference.atoms.len())
        .filter(|&atom| is_compared(reference, atom, Atoms::Alpha))
        .count();
    Search::of(&ours, &theirs, length).best()
}

/// How far apart the alpha carbons of a pair may be to count half.
fn half_distance(length: usize) -> f64 {
    let formula = 1.24 * (length as f64 - 15.0).cbrt() - 1.8;
    formula.max(0.5)
}

struct Search<'a> {
    model: &'a [Point],
    reference: &'a [Point],
    /// The residues of the whole reference.
    length: usize,
    half: f64,
    /// Distances of the pairs after the motion tried last.
    distances: Vec<f64>,
}

impl<'a> Search<'a> {
    fn of(model: &'a [Point], reference: &'a [Point], length: usize) -> Self {
        Self {
            model,
            reference,
            length,
            half: half_distance(length),
            distances: Vec::new(),
        }
    }

    fn best(&mut self) -> f64 {
        let count = self.model.len();
        let mut best = 0.0_f64;
        if count == 0 {
            return best;
        }
        for length in stretches(count) {
            let last = count - length;
            let step = (last / STRETCHES_MAX).max(1);
            for start in (0..=last).step_by(step) {
                best = best.max(self.from(start..start + length));
            }
        }
        best
    }

    /// The best score met when starting from one stretch.
    fn from(&mut self, stretch: std::ops::Range<usize>) -> f64 {
        let mut chosen: Vec<usize> = stretch.collect();
        let near = self.half.clamp(SEARCH_NEAR, SEARCH_FAR);
        let mut best = self.lay(&chosen);
        let mut next = self.nearest(near - 1.0);
        for _ in 0..ROUNDS_MAX {
            if next == chosen {
                break;
            }
            chosen = next;
            best = best.max(self.lay(&chosen));
            next = self.nearest(near + 1.0);
        }
        best
    }

    /// Lays the chosen pairs on one another, and scores all.
    fn lay(&mut self, chosen: &[usize]) -> f64 {
        let ours: Vec<Point> = chosen.iter().map(|&place| self.model[place]).collect();
        let theirs: Vec<Point> = chosen.iter().map(|&place| self.reference[place]).collect();
        let motion = Superposition::of(&ours, &theirs);
        let both = self.model.iter().zip(self.reference);
        self.distances.clear();
        self.distances
            .extend(both.map(|(&ours, &theirs)| distance(motion.apply(ours), theirs)));
        let share = |distance: &f64| 1.0 / (1.0 + (distance / self.half).powi(2));
        self.distances.iter().map(share).sum::<f64>() / self.length as f64
    }

    /// The pairs nearer than a limit, which is raised until there are three, or all of a shorter chain.
    fn nearest(&self, mut limit: f64) -> Vec<usize> {
        let wanted = self.distances.len().min(3);
        loop {
            let is_near = |place: &usize| self.distances[*place] < limit;
            let near: Vec<usize> = (0..self.distances.len()).filter(is_near).collect();
            if near.len() >= wanted {
                return near;
            }
            // Half an ångström at a time near by, in longer steps far off; what is no number is never near.
            limit *= 1.0 + 0.5 / limit.min(10.0);
            if !limit.is_finite() {
                return (0..self.distances.len()).collect();
            }
        }
    }
}

/// The lengths of the stretches that are laid, longest first.
fn stretches(count: usize) -> Vec<usize> {
    let shortest = count.min(STRETCH_MIN);
    let mut lengths: Vec<usize> = (0..HALVINGS_MAX)
        .map(|halvings| count >> halvings)
        .take_while(|&length| length > shortest)
        .collect();
    lengths.push(shortest);
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_half_distance_is_the_published_one() {
        assert_eq!(half_distance(100), 1.24 * 85.0_f64.cbrt() - 1.8);
        for short in [1, 5, 15, 20, 21] {
            assert_eq!(half_distance(short), 0.5, "{short}");
        }
        assert!((half_distance(36) - 1.6210).abs() < 1e-4);
    }

    #[test]
    fn stretches_halve_down_to_four() {
        assert_eq!(stretches(36), [36, 18, 9, 4]);
        assert_eq!(stretches(10), [10, 5, 4]);
        assert_eq!(stretches(4), [4]);
        assert_eq!(stretches(2), [2]);
        assert_eq!(stretches(2_000), [2_000, 1_000, 500, 250, 125, 4]);
    }

    #[test]
    fn places_that_are_no_numbers_end_as_well() {
        let (line, nowhere) = ([[1.0, 2.0, 3.0]; 5], [[f64::NAN; 3]; 5]);
        assert_eq!(Search::of(&line, &line, 5).best(), 1.0);
        assert!(Search::of(&nowhere, &line, 5).best() <= 0.0);
    }
}
