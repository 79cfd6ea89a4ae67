//! What the answers of one round are worth beside each other.
//!
//! # The rule
//!
//! With `B` the energy that the judge's own short search came to, an answer of energy `E` has *gained* `B − E`. It is *in time* if it took
//! no longer than the time given and [`SLACK_S`] more.
//!
//! 1. An answer is worth `((B − E) / G)ᵏ` of its *own* part, from 0 to 1, with `k` = [`SHARPNESS`] and `G` the largest product of gain and own
//!    part in the round. No better than the judge's own is worth nothing.
//!    * Answers that came in time and are alike share one reward, by as much as they are alike ([`newness`]): good searches meet in one minimum,
//!      of a short chain above all, and whoever sends one search's answer twice gains nothing by it. Which of them was quicker does not
//!      matter: the time is given to be used.
//!    * Of an answer that came late its own part is as much as it differs from every answer that came before it. What was bought from
//!      another comes late. So nobody's worth is less for having been copied, even by one that is a little lower.
//! 2. Where the chain's structure is known, half of that is multiplied by the mean of TM-score and lDDT.
//! 3. A late answer is worth less, too, by the power [`LATENESS`] of how much longer it took: who searches past the time gains
//!    nothing by it.
//! 4. An answer that nobody else was asked beside is the best of its round, and says nothing of how good a miner is: it counts
//!    only as long as there are no others ([`quality`]).
//! 5. A miner that says at once that it is full has given no answer, good or bad, up to [`AWAY_FREE`] of the time; beyond that, being
//!    full counts as a worthless answer does ([`quality`]). Whoever takes a job and does not do it has given a worthless answer.
//! 6. A miner whose answers come late and are seldom new is worth less, and one of whose answers less than [`NEW_LEAST`] is its own in the
//!    mean is worth nothing ([`quality`]): that happens by chance once, and not all the time.
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
/// Whose answers are its own by no more than this in the mean copies …
const NEW_LEAST: f64 = 0.6;
/// … and whose are by so much does not.
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
    /// How long it took, in seconds.
    pub took_s: f64,
}

/// What an answer is worth in its round, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Worth {
    pub quality: f64,
    /// How new it is beside those that came earlier, from 0 to 1; 1 if it came in time.
    pub newness: f64,
    pub reason: String,
}

/// A round as the judge sees it before any answer.
pub(super) struct Round<'a> {
    /// The energy that its own short search came to.
    pub baseline: f64,
    /// The chain's known structure.
    pub native: Option<&'a Molecule>,
    /// The time given, in seconds.
    pub budget_s: f64,
}

/// How much of an answer is its own, and the one that it is most like.
#[derive(Clone, Copy)]
struct Own {
    part: f64,
    like: Option<usize>,
}

impl Round<'_> {
    /// Judges the answers, in the order in which they came.
    pub fn compared(&self, entries: &[Entry]) -> Vec<Worth> {
        let own: Vec<Own> = (0..entries.len()).map(|at| self.own(entries, at)).collect();
        let gain = |entry: &Entry| self.baseline - entry.energy;
        let counted = |(entry, own): (&Entry, &Own)| match self.is_late(entry) {
            true => gain(entry) * own.part,
            false => gain(entry),
        };
        let best = entries.iter().zip(&own).map(counted).fold(0.0, f64::max);
        let worth = |(entry, own): (&Entry, &Own)| {
            let reason = format!(
                "{:.1} kcal/mol, {:.1} below the judge's own, the best of {} {:.1}",
                entry.energy,
                gain(entry),
                entries.len(),
                best
            );
            let is_late = self.is_late(entry);
            let worth = self.timely(
                entry,
                Worth {
                    quality: share(gain(entry), best) * own.part,
                    newness: if is_late { own.part } else { 1.0 },
                    reason: reason + &own.told(is_late),
                },
            );
            match self.native {
                None => worth,
                Some(native) => beside(native, &entry.molecule, worth),
            }
        };
        entries.iter().zip(&own).map(worth).collect()
    }

    fn is_late(&self, entry: &Entry) -> bool {
        self.budget_s + SLACK_S < entry.took_s
    }

    /// How much of the answer at a place is its own: of one in time its share among those in time, of a late one what is in none before.
    fn own(&self, entries: &[Entry], at: usize) -> Own {
        let likeness = |other: &Entry| 1.0 - newness(&other.molecule, &entries[at].molecule);
        let is_late = self.is_late(&entries[at]);
        let others = entries
            .iter()
            .enumerate()
            .filter(|(place, other)| match is_late {
                true => *place < at,
                false => *place != at && !self.is_late(other),
            });
        let (mut like, mut most, mut sum) = (None, 0.0, 0.0);
        for (place, other) in others {
            let likeness = likeness(other);
            sum += likeness;
            if most < likeness {
                (like, most) = (Some(place), likeness);
            }
        }
        let part = match is_late {
            true => 1.0 - most,
            false => 1.0 / (1.0 + sum),
        };
        Own { part, like }
    }

    /// The worth of an answer, less what it came late.
    fn timely(&self, entry: &Entry, worth: Worth) -> Worth {
        if !self.is_late(entry) {
            return worth;
        }
        let (budget_s, took_s) = (self.budget_s, entry.took_s);
        Worth {
            quality: worth.quality * ((budget_s + SLACK_S) / took_s).powi(LATENESS),
            reason: format!(
                "{}; came after {took_s:.1} s, {budget_s} s were given",
                worth.reason
            ),
            ..worth
        }
    }
}

impl Own {
    /// In words for the miner, who needs to know only what it lost.
    fn told(self, is_late: bool) -> String {
        let Some(place) = self.like.map(|place| place + 1) else {
            return String::new();
        };
        match (is_late, self.part) {
            (true, 0.0) => format!(
                "; the structure of answer {place} of the round, which came earlier, shifted and turned"
            ),
            (true, part) => format!(
                "; so like answer {place} of the round, which came earlier, that {:.0} % of it counts",
                100.0 * part
            ),
            (false, part) => format!(
                "; shares its reward with answer {place} of the round, which is like it: {:.0} % of it",
                100.0 * part
            ),
        }
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
/// The figures of an observation are how many answers there were beside it, and how new it was ([`Worth::newness`]).
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
