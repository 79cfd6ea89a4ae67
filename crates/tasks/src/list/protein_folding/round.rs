//! What the answers of one round are worth beside each other.
//!
//! # The rule
//!
//! With `B` the energy that the judge's own short search came to, and `E*` the lowest energy of the round:
//!
//! 1. An answer of energy `E` is worth `((B − E) / (B − E*))²`, from 0 to 1. No better than the judge's own is worth nothing,
//!    the best of the round 1.
//! 2. Of answers that are the same fold ([`same_fold`]: their heavy atoms lie within a twentieth of an ångström of each other after
//!    shifting and turning) the one that came first is worth what it is worth, the others nothing.
//! 3. Where the chain's structure is known, half of that is multiplied by the mean of TM-score and lDDT.
//! 4. An answer that took longer than the time given and [`SLACK_S`] more is worth as much less as it took longer ([`in_time`]): who searches
//!    past the time gains nothing by it.
//! 5. An answer that nobody else was asked beside is the best of its round, and says nothing of how good a miner is: it counts
//!    only as long as there are no others ([`quality`]).

use folding::same_fold;
use molecule::Molecule;
use molecule::compare::{lddt, tm_score};
use scoring::{FORGIVENESS, Observation};

/// So many answers are remembered, those before less and less.
const MEMORY: usize = 32;
/// So many worthless answers are taken to have come before the first.
const DOUBT: usize = 4;

/// What an answer may take beyond the time given, in seconds: building, writing, the way, waiting for a processor.
const SLACK_S: f64 = 3.0;

/// An answer in order, as it came.
pub(super) struct Entry {
    /// The energy by the judge's own reckoning.
    pub energy: f64,
    pub molecule: Molecule,
}

/// What an answer is worth in its round, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Worth {
    pub quality: f64,
    pub reason: String,
}

/// Judges the answers of a round, in the order in which they came.
pub(super) fn compared(baseline: f64, native: Option<&Molecule>, entries: &[Entry]) -> Vec<Worth> {
    let best = entries
        .iter()
        .map(|entry| entry.energy)
        .fold(f64::INFINITY, f64::min);
    let worth = |(at, entry): (usize, &Entry)| {
        let is_same = |other: &Entry| same_fold(&other.molecule, &entry.molecule);
        let earlier = entries[..at].iter().position(is_same);
        if let Some(number) = earlier {
            let reason = format!(
                "the structure of answer {} of the round, which came earlier, shifted and turned",
                number + 1
            );
            return Worth {
                quality: 0.0,
                reason,
            };
        }
        let share = share(baseline, best, entry.energy);
        let reason = format!(
            "{:.1} kcal/mol, {:.1} below the judge's own, the best of {} {:.1}",
            entry.energy,
            baseline - entry.energy,
            entries.len(),
            baseline - best
        );
        match native {
            None => Worth {
                quality: share,
                reason,
            },
            Some(native) => beside(native, &entry.molecule, share, reason),
        }
    };
    entries.iter().enumerate().map(worth).collect()
}

/// The worth of an answer that took so many seconds where so many were given.
pub(super) fn in_time(worth: Worth, budget_s: f64, took_s: f64) -> Worth {
    let allowed_s = budget_s + SLACK_S;
    if took_s <= allowed_s {
        return worth;
    }
    let Worth { quality, reason } = worth;
    Worth {
        quality: quality * allowed_s / took_s,
        reason: format!("{reason}; came after {took_s:.1} s, {budget_s} s were given"),
    }
}

/// An answer's worth where the structure is known: what looks like it and has no little energy is nobody's work.
fn beside(native: &Molecule, model: &Molecule, share: f64, reason: String) -> Worth {
    let (tm, lddt) = (tm_score(model, native), lddt(model, native));
    Worth {
        quality: share * (1.0 + (tm + lddt) / 2.0) / 2.0,
        reason: format!("{reason}; TM-score {tm:.2}, lDDT {lddt:.2}"),
    }
}

/// How much of the way from the judge's own energy to the best, squared.
fn share(baseline: f64, best: f64, energy: f64) -> f64 {
    let (whole, part) = (baseline - best, baseline - energy);
    if whole <= 0.0 || part <= 0.0 {
        return 0.0;
    }
    (part / whole).min(1.0).powi(2)
}

/// How good a miner is: the mean worth of its last [`MEMORY`] answers beside others, or else of its lone ones, as if it had begun
/// with [`DOUBT`] worthless ones. A lie leaves [`FORGIVENESS`] of it. Which search finds more is a matter of luck each time, so
/// that only many answers tell who searches better.
///
/// The figure of an observation is how many answers there were beside it.
pub(super) fn quality(window: &[Observation]) -> f64 {
    let is_beside = |seen: &Observation| seen.figures.first().is_some_and(|others| 0.0 < *others);
    let has_others = window.iter().any(is_beside);
    let counts = |seen: &&Observation| !has_others || is_beside(seen) || seen.quality == 0.0;
    let mut quality = 0.0;
    for (number, seen) in window.iter().filter(counts).enumerate() {
        let rate = 1.0 / (DOUBT + number + 1).min(MEMORY) as f64;
        quality = match seen.is_dishonest {
            true => quality * FORGIVENESS,
            false => quality + rate * (seen.quality - quality),
        };
    }
    quality
}

#[cfg(test)]
mod tests {
    use super::*;
    use scoring::{Fault, Judgement};

    fn chain(energy: f64, seed: u64) -> Entry {
        let mut molecule = folding::build(&"GYDPETG".parse().expect("a sequence"));
        // Bent where the seed says, so that two seeds are two shapes.
        for (at, position) in molecule.positions.iter_mut().enumerate() {
            position[0] += (at as f64 * 0.1 + seed as f64).sin() * seed as f64;
        }
        Entry { energy, molecule }
    }

    fn moved(mut entry: Entry) -> Entry {
        for [x, y, z] in &mut entry.molecule.positions {
            (*x, *y, *z) = (-*y + 7.0, *x - 3.0, *z + 1.0);
        }
        entry
    }

    fn qualities(entries: &[Entry]) -> Vec<f64> {
        let worths = compared(-100.0, None, entries);
        worths.into_iter().map(|worth| worth.quality).collect()
    }

    #[test]
    fn the_best_is_worth_all_and_half_the_way_a_quarter() {
        let entries = [chain(-150.0, 1), chain(-200.0, 2), chain(-90.0, 3)];
        assert_eq!(qualities(&entries), [0.25, 1.0, 0.0]);
    }

    #[test]
    fn a_structure_that_came_before_earns_nothing_however_it_is_turned() {
        let entries = [chain(-150.0, 1), moved(chain(-150.0, 1)), chain(-200.0, 2)];
        let worths = compared(-100.0, None, &entries);
        assert_eq!(worths[0].quality, 0.25);
        assert_eq!(worths[1].quality, 0.0);
        assert!(
            worths[1].reason.contains("answer 1 of the round"),
            "{}",
            worths[1].reason
        );
    }

    #[test]
    fn nobody_better_than_the_judge_is_nobody_paid() {
        assert_eq!(qualities(&[chain(-90.0, 1), chain(-100.0, 2)]), [0.0, 0.0]);
        assert_eq!(qualities(&[]), [0.0; 0]);
    }

    #[test]
    fn where_the_structure_is_known_half_of_the_worth_is_likeness() {
        let native = chain(0.0, 1).molecule;
        let entries = [chain(-200.0, 1), chain(-200.0, 4)];
        let worths = compared(-100.0, Some(&native), &entries);
        assert!(0.99 < worths[0].quality, "{}", worths[0].reason);
        assert!(
            worths[1].quality < worths[0].quality,
            "{}",
            worths[1].reason
        );
    }

    #[test]
    fn lone_answers_count_only_as_long_as_there_are_no_others() {
        let seen = |quality: f64, others: f32| {
            let judgement = Judgement {
                figures: vec![others],
                ..Judgement::of(quality, "")
            };
            Observation::new(0, 0, &judgement)
        };
        let alone = vec![seen(1.0, 0.0); 20];
        assert!(0.8 < quality(&alone), "20 of 24");
        let mut then_beside = alone.clone();
        then_beside.extend(vec![seen(0.1, 3.0); 20]);
        assert!(quality(&then_beside) < 0.1);
        then_beside.push(Observation::new(
            0,
            0,
            &Judgement::fault(Fault::FalseAnswer("".into())),
        ));
        assert!(
            quality(&then_beside) < 0.03,
            "a lie costs, whoever was asked beside"
        );
    }
}
