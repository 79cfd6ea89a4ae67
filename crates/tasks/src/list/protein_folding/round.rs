//! What the answers of one round are worth beside each other.
//!
//! # The rule
//!
//! With `B` the energy that the judge's own short search came to, an answer of energy `E` has *gained* `B − E`, and is *new* by as much
//! as it differs from every answer that came before it ([`newness`], from 0 to 1). With `G` the largest product of gain and newness
//! in the round:
//!
//! 1. An answer is worth its newness times `((B − E) / G)ᵏ`, from 0 to 1, with `k` = [`SHARPNESS`]. No better than the judge's own is
//!    worth nothing, the best of the round 1. So whoever came first is worth what it would be without its copies, even if one of them is a
//!    little lower.
//! 2. Where the chain's structure is known, half of that is multiplied by the mean of TM-score and lDDT.
//! 3. An answer that took longer than the time given and [`SLACK_S`] more is worth less by the power [`LATENESS`] of how much longer it
//!    took ([`in_time`]): who searches past the time gains nothing by it, and what was bought from another comes late.
//! 4. An answer that nobody else was asked beside is the best of its round, and says nothing of how good a miner is: it counts
//!    only as long as there are no others ([`quality`]).
//! 5. A miner that says at once that it is full has given no answer, good or bad, up to [`AWAY_FREE`] of the time; beyond that, being
//!    full counts as a worthless answer does ([`quality`]). Whoever takes a job and does not do it has given a worthless answer.
//! 6. A miner whose answers are seldom new is worth less, and one of whose answers less than [`NEW_LEAST`] is new in the mean is worth
//!    nothing ([`quality`]): that two searches end alike is chance once, and none if it happens all the time.
//!
//! Point 5 is for miners who fold for customers too. It leaves whoever would rather not answer what is hard little to gain: of what it
//! may leave out it cannot choose much more than the length of the chain, and worth is measured against others at the same chain.

use folding::newness;
use molecule::Molecule;
use molecule::compare::{lddt, tm_score};
use scoring::{FORGIVENESS, Observation};

/// So many answers are remembered, those before less and less.
const MEMORY: usize = 32;
/// So many worthless answers are taken to have come before the first.
const DOUBT: usize = 4;
/// The power of an answer's share of the best gain. Twice the time finds a few hundredths more of it; that has to show.
const SHARPNESS: i32 = 12;
/// The power by which lateness tells.
const LATENESS: i32 = 4;
/// Who is new by no more than this in the mean copies …
const NEW_LEAST: f64 = 0.6;
/// … and who is new by so much does not. Honest searches of drawn chains were new by 0.9 and more in the mean.
const NEW_ENOUGH: f64 = 0.85;
/// Of the times that a miner is asked it may be full so often and lose nothing.
const AWAY_FREE: f64 = 0.2;

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
    /// How new it is beside those that came earlier, from 0 to 1.
    pub newness: f64,
    pub reason: String,
}

/// How new an answer is, and the earlier one that it is most like.
#[derive(Clone, Copy)]
struct Novelty {
    share: f64,
    like: Option<usize>,
}

/// Judges the answers of a round, in the order in which they came.
pub(super) fn compared(baseline: f64, native: Option<&Molecule>, entries: &[Entry]) -> Vec<Worth> {
    let novelties: Vec<Novelty> = (0..entries.len()).map(|at| novelty(entries, at)).collect();
    let gain = |entry: &Entry| baseline - entry.energy;
    let best = entries
        .iter()
        .zip(&novelties)
        .map(|(entry, novelty)| gain(entry) * novelty.share)
        .fold(0.0, f64::max);
    let worth = |(entry, novelty): (&Entry, &Novelty)| {
        let reason = format!(
            "{:.1} kcal/mol, {:.1} below the judge's own, the best of {} {:.1}",
            entry.energy,
            gain(entry),
            entries.len(),
            best
        );
        let worth = Worth {
            quality: share(gain(entry), best) * novelty.share,
            newness: novelty.share,
            reason: reason + &novelty.told(),
        };
        match native {
            None => worth,
            Some(native) => beside(native, &entry.molecule, worth),
        }
    };
    entries.iter().zip(&novelties).map(worth).collect()
}

/// How new the answer at a place is beside those before it.
fn novelty(entries: &[Entry], at: usize) -> Novelty {
    let own = Novelty {
        share: 1.0,
        like: None,
    };
    entries[..at]
        .iter()
        .enumerate()
        .fold(own, |least, (place, earlier)| {
            let share = newness(&earlier.molecule, &entries[at].molecule);
            match share < least.share {
                true => Novelty {
                    share,
                    like: Some(place),
                },
                false => least,
            }
        })
}

impl Novelty {
    /// In words for the miner, who needs to know only what it lost.
    fn told(self) -> String {
        match (self.like, self.share) {
            (None, _) => String::new(),
            (Some(place), 0.0) => format!(
                "; the structure of answer {} of the round, which came earlier, shifted and turned",
                place + 1
            ),
            (Some(place), share) => format!(
                "; so like answer {} of the round, which came earlier, that {:.0} % of it counts",
                place + 1,
                100.0 * share
            ),
        }
    }
}

/// The worth of an answer that took so many seconds where so many were given.
pub(super) fn in_time(worth: Worth, budget_s: f64, took_s: f64) -> Worth {
    let allowed_s = budget_s + SLACK_S;
    if took_s <= allowed_s {
        return worth;
    }
    Worth {
        quality: worth.quality * (allowed_s / took_s).powi(LATENESS),
        reason: format!(
            "{}; came after {took_s:.1} s, {budget_s} s were given",
            worth.reason
        ),
        ..worth
    }
}

/// An answer's worth where the structure is known: what looks like it and has no little energy is nobody's work.
fn beside(native: &Molecule, model: &Molecule, worth: Worth) -> Worth {
    let (tm, lddt) = (tm_score(model, native), lddt(model, native));
    Worth {
        quality: worth.quality * (1.0 + (tm + lddt) / 2.0) / 2.0,
        reason: format!("{}; TM-score {tm:.2}, lDDT {lddt:.2}", worth.reason),
        ..worth
    }
}

/// What a gain is worth beside the best.
pub(super) fn share(gain: f64, best: f64) -> f64 {
    if best <= 0.0 || gain <= 0.0 {
        return 0.0;
    }
    (gain / best).min(1.0).powi(SHARPNESS)
}

/// How good a miner is: the mean worth of its last [`MEMORY`] answers beside others, or else of its lone ones, as if it had begun
/// with [`DOUBT`] worthless ones. A lie leaves [`FORGIVENESS`] of it. Which search finds more is a matter of luck each time, so
/// that only many answers tell who searches better.
///
/// Answers that were refused for lack of room are no part of that mean. By the same memory they make up a share of the times it was
/// asked, and what that is above [`AWAY_FREE`] is taken off in proportion: of a miner that is always full nothing is left.
///
/// The figures of an observation are how many answers there were beside it, and how new it was.
pub(super) fn quality(window: &[Observation]) -> f64 {
    let is_beside = |seen: &Observation| seen.figures.first().is_some_and(|others| 0.0 < *others);
    let has_others = window.iter().any(is_beside);
    let counts = |seen: &&Observation| !has_others || is_beside(seen) || seen.quality == 0.0;
    let (mut quality, mut away, mut new) = (0.0, 0.0, 1.0);
    let (mut given, mut asked) = (0, 0);
    for seen in window.iter().filter(counts) {
        asked += 1;
        let rate = 1.0 / f64::from(asked.min(MEMORY as u32));
        away += rate * (f64::from(u8::from(seen.is_busy)) - away);
        if seen.is_busy {
            continue;
        }
        let rate = 1.0 / (DOUBT + given + 1).min(MEMORY) as f64;
        given += 1;
        if let Some(newness) = seen.figures.get(1) {
            new += rate * (f64::from(*newness) - new);
        }
        quality = match seen.is_dishonest {
            true => quality * FORGIVENESS,
            false => quality + rate * (seen.quality - quality),
        };
    }
    let own = ((new - NEW_LEAST) / (NEW_ENOUGH - NEW_LEAST)).clamp(0.0, 1.0);
    quality * own * ((1.0 - away) / (1.0 - AWAY_FREE)).min(1.0)
}

#[cfg(test)]
mod tests;
