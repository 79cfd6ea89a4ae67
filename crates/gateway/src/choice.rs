//! Which miner to ask.
//!
//! Two things count: how good a miner's answers were, as the validators judge it (its *standing*), and how soon it has
//! begun to answer lately (its *wait*). Always asking the best would drown it; asking at random would ignore what is
//! known. So two candidates are drawn, the likelier the higher their standing, and the one with the smaller
//! `wait ÷ standing` is asked.
//!
//! # The rule
//!
//! 1. `best` = the highest known standing of a miner of this model. A miner below `FLOOR · best` is not asked at all: the judges have caught it.
//!    A miner not judged yet counts as `FLOOR · best`; when nobody is judged, all count the same.
//! 2. Draw two different candidates with probabilities proportional to standing.
//! 3. Of the two, ask the one with the smaller `wait · (1 + asked now) ÷ standing`; on a tie the first drawn.
//!
//! # What always holds
//!
//! * Nothing outside the arguments counts: the same candidates and the same draws give the same choice.
//! * If any candidate may be asked, one is chosen. When the honest miners are away, nobody is asked rather than a cheat.

use rand::{Rng, RngExt};

/// Below this part of the best standing a miner is not asked.
pub const FLOOR: f64 = 0.1;
/// Standing of everyone while nobody is judged.
const UNJUDGED: f64 = 1.0;
/// Shortest wait that counts, so that a miner never seen does not divide by nothing.
const WAIT_MS_MIN: f64 = 1.0;

/// What is known about a miner that could be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Quality from 0 to 1 as the validators judge it; `None` if they have not yet.
    pub standing: Option<f64>,
    /// Moving average of the time to its first token, in milliseconds; 0 if never asked.
    pub wait_ms: f64,
    /// Requests of this gateway that it is answering now.
    pub asked_now: u32,
}

/// Index of the candidate to ask, `None` if none may be; `best` is the highest standing of all miners of the model, those
/// that cannot be asked just now included.
pub fn choose(candidates: &[Candidate], best: f64, rng: &mut impl Rng) -> Option<usize> {
    let mut shares = shares(candidates, best);
    let first = draw(&shares, rng)?;
    let first_share = std::mem::take(&mut shares[first]);
    let Some(second) = draw(&shares, rng) else {
        return Some(first);
    };
    let cost = |index: usize, share: f64| {
        let Candidate {
            wait_ms, asked_now, ..
        } = candidates[index];
        wait_ms.max(WAIT_MS_MIN) * (1.0 + f64::from(asked_now)) / share
    };
    let second_share = shares[second];
    Some(if cost(second, second_share) < cost(first, first_share) {
        second
    } else {
        first
    })
}

/// The standing with which each candidate takes part in the draw; 0 for those that do not.
fn shares(candidates: &[Candidate], best: f64) -> Vec<f64> {
    if best <= 0.0 {
        return vec![UNJUDGED; candidates.len()];
    }
    let floor = FLOOR * best;
    let share = |candidate: &Candidate| match candidate.standing {
        None => floor,
        Some(standing) if standing < floor => 0.0,
        Some(standing) => standing,
    };
    candidates.iter().map(share).collect()
}

/// One index, with probabilities proportional to `shares`.
fn draw(shares: &[f64], rng: &mut impl Rng) -> Option<usize> {
    let total: f64 = shares.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let mut left = rng.random::<f64>() * total;
    let mut last = None;
    for (index, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        last = Some(index);
        left -= share;
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn candidate(standing: impl Into<Option<f64>>, wait_ms: f64) -> Candidate {
        Candidate {
            standing: standing.into(),
            wait_ms,
            asked_now: 0,
        }
    }

    /// How often each of `candidates` is chosen in 2000 draws.
    fn tally(candidates: &[Candidate]) -> Vec<u32> {
        let mut rng = StdRng::seed_from_u64(7);
        let mut tally = vec![0; candidates.len()];
        let best = candidates
            .iter()
            .filter_map(|candidate| candidate.standing)
            .fold(0.0, f64::max);
        for _ in 0..2000 {
            tally[choose(candidates, best, &mut rng).expect("somebody may be asked")] += 1;
        }
        tally
    }

    #[test]
    fn nobody_is_chosen_from_nobody() {
        assert_eq!(choose(&[], 0.0, &mut StdRng::seed_from_u64(1)), None);
    }

    #[test]
    fn a_cheat_is_not_asked_even_when_the_honest_are_away() {
        let cheats = [candidate(0.0, 1.0), candidate(0.08, 1.0)];
        assert_eq!(choose(&cheats, 0.9, &mut StdRng::seed_from_u64(1)), None);
    }

    #[test]
    fn before_anyone_is_judged_all_are_asked() {
        let tally = tally(&[
            candidate(None, 0.0),
            candidate(None, 0.0),
            candidate(0.0, 0.0),
        ]);
        assert!(
            tally.iter().all(|count| (550..800).contains(count)),
            "{tally:?}"
        );
    }

    #[test]
    fn a_miner_that_was_caught_is_never_asked() {
        let tally = tally(&[
            candidate(0.9, 500.0),
            candidate(0.0, 1.0),
            candidate(0.05, 1.0),
        ]);
        assert_eq!(tally, [2000, 0, 0]);
    }

    #[test]
    fn a_newcomer_is_asked_seldom() {
        let tally = tally(&[
            candidate(0.9, 10.0),
            candidate(0.9, 10.0),
            candidate(None, 10.0),
        ]);
        assert!(tally[2] < 200, "{tally:?}");
    }

    #[test]
    fn of_two_good_miners_the_quicker_is_asked_more() {
        let tally = tally(&[
            candidate(0.9, 10.0),
            candidate(0.9, 30.0),
            candidate(0.9, 20.0),
        ]);
        assert!(tally[0] > tally[2] && tally[2] > tally[1], "{tally:?}");
    }

    #[test]
    fn a_busy_miner_yields_to_an_idle_one() {
        let busy = Candidate {
            asked_now: 9,
            ..candidate(0.9, 10.0)
        };
        assert_eq!(tally(&[busy, candidate(0.9, 20.0)]), [0, 2000]);
    }
}
