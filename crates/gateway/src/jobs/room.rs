//! Room on the board: which job still fits, and which one goes for it.
//!
//! # The rule
//!
//! 1. Nobody has more than so many unfinished jobs, or so many of all kinds; whoever does is told to wait, or to delete some.
//! 2. As places for unfinished jobs become few, they are for those who have few: whoever has as many under way as places are left
//!    gets no other.
//! 3. Where the board is full of jobs, or of bytes, finished ones go until the new one fits: those without an answer first, then those of
//!    whoever has the most of what is short, the new one counted in; of these the oldest.
//! 4. Never goes an unfinished job, nor one of somebody who has less than the newcomer would have. If that leaves nothing, the newcomer is
//!    refused.
//!
//! So whoever fills the board, from however many networks, fills it with what goes first.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::error::ApiError;
use crate::jobs::{Bounds, JobId, Owner};

/// A job on the board, as far as room goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) id: JobId,
    pub(super) owner: Owner,
    /// What it takes, or may yet.
    pub(super) bytes: usize,
    /// When it finished, in Unix milliseconds.
    pub(super) finished_ms: Option<u64>,
    pub(super) has_answer: bool,
}

/// What somebody has, or everybody.
#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    jobs: usize,
    bytes: usize,
}

impl Holding {
    fn add(&mut self, bytes: usize) {
        self.jobs += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn remove(&mut self, bytes: usize) {
        self.jobs -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// The jobs that go so that one more of `owner`, of so many bytes, fits.
///
/// # Errors
///
/// 429 if the customer has too many, 503 if there is no room; then none goes.
pub(super) fn make(
    held: &[Held],
    bounds: &Bounds,
    owner: Owner,
    bytes_more: usize,
) -> Result<Vec<JobId>, ApiError> {
    check_count(held, bounds, owner)?;
    let mut numbers = HashMap::new();
    let mut holdings: Vec<Holding> = Vec::new();
    let mut all = Holding::default();
    let mut number_of = |owner, bytes| {
        let number = *numbers.entry(owner).or_insert(holdings.len());
        if number == holdings.len() {
            holdings.push(Holding::default());
        }
        holdings[number].add(bytes);
        all.add(bytes);
        number
    };
    let newcomer = number_of(owner, bytes_more);
    let mut finished: Vec<(usize, &Held)> = held
        .iter()
        .map(|own| (number_of(own.owner, own.bytes), own))
        .filter(|(_, own)| own.finished_ms.is_some())
        .collect();
    let mut going = Vec::new();
    loop {
        let has = |number: usize| match (bounds.kept < all.jobs, bounds.bytes < all.bytes) {
            (true, _) => Some(holdings[number].jobs),
            (_, true) => Some(holdings[number].bytes),
            _ => None,
        };
        let Some(newcomers) = has(newcomer) else {
            return Ok(going);
        };
        let may_go = |number: usize| number == newcomer || Some(newcomers) <= has(number);
        let first = finished
            .iter()
            .enumerate()
            .filter(|(_, (number, _))| may_go(*number))
            .min_by_key(|(_, (number, own))| {
                (
                    own.has_answer,
                    Reverse(has(*number)),
                    own.finished_ms,
                    own.id,
                )
            });
        let Some((at, _)) = first else {
            return Err(ApiError::jobs_full("it has no more room to keep jobs"));
        };
        let (number, own) = finished.swap_remove(at);
        holdings[number].remove(own.bytes);
        all.remove(own.bytes);
        going.push(own.id);
    }
}

/// Whether a customer may have one more at all.
fn check_count(held: &[Held], bounds: &Bounds, owner: Owner) -> Result<(), ApiError> {
    let (mut unfinished, mut unfinished_own, mut own) = (0, 0, 0);
    for other in held {
        let (is_own, is_unfinished) = (other.owner == owner, other.finished_ms.is_none());
        own += usize::from(is_own);
        unfinished += usize::from(is_unfinished);
        unfinished_own += usize::from(is_own && is_unfinished);
    }
    if bounds.unfinished_each <= unfinished_own {
        return Err(ApiError::too_many_jobs(bounds.unfinished_each));
    }
    if bounds.kept_each <= own {
        return Err(ApiError::too_many_kept(bounds.kept_each));
    }
    let left = bounds.unfinished.saturating_sub(unfinished);
    match left {
        0 => Err(ApiError::jobs_full(
            "as many jobs as it takes are under way",
        )),
        _ if left <= unfinished_own => Err(ApiError::jobs_full(
            "the few places left are for those who have fewer jobs under way than you",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::{IndexedRandom, SliceRandom};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn small() -> Bounds {
        Bounds {
            unfinished: 10,
            unfinished_each: 4,
            kept: 6,
            kept_each: 5,
            bytes: 600,
            ..Bounds::default()
        }
    }

    fn held(owner: &str, finished_ms: Option<u64>, has_answer: bool) -> Held {
        Held {
            id: JobId::draw(),
            owner: Owner::of(owner),
            bytes: 10,
            finished_ms,
            has_answer,
        }
    }

    fn full(error: ApiError) -> Option<&'static str> {
        error.code()
    }

    #[test]
    fn the_oldest_of_whoever_has_the_most_goes() {
        let done = |owner: &str, at| held(owner, Some(at), true);
        let (old, new) = (done("much", 2), done("much", 3));
        let board = [done("little", 1), new, old, held("much", None, false)];
        let board = [&board[..], &[done("some", 1), done("some", 9)]].concat();
        let going = make(&board, &small(), Owner::of("new"), 10);
        assert_eq!(going, Ok(vec![old.id]), "never an unfinished one");
    }

    #[test]
    fn what_has_no_answer_goes_before_what_has_one() {
        let cancelled = held("little", Some(9), false);
        let mut board = vec![held("much", Some(1), true); 4];
        board.extend([held("little", Some(1), true), cancelled]);
        let going = make(&board, &small(), Owner::of("new"), 10);
        assert_eq!(going, Ok(vec![cancelled.id]));
    }

    #[test]
    fn whoever_has_more_makes_room_with_its_own() {
        let own = held("much", Some(9), true);
        let mut board = vec![held("much", None, false); 3];
        board.extend([own, held("a", Some(1), true), held("b", Some(1), false)]);
        let bounds = small();
        assert_eq!(
            make(&board, &bounds, Owner::of("much"), 10),
            Ok(vec![own.id])
        );
        board[3] = held("c", Some(1), true);
        let refused = make(&board, &bounds, Owner::of("much"), 10);
        assert_eq!(refused.map_err(full), Err(Some("jobs_full")));
    }

    /// Two thousand cancelled jobs from as many networks keep nobody out.
    #[test]
    fn a_board_filled_from_many_networks_takes_a_newcomer() {
        let bounds = Bounds::default();
        let crowd = |at: usize| held(&format!("network {at}"), Some(at as u64), false);
        let mut board: Vec<Held> = (0..bounds.kept - 1).map(crowd).collect();
        let kept = held("customer", Some(0), true);
        board.push(kept);
        let going = make(&board, &bounds, Owner::of("newcomer"), 10);
        assert_eq!(going, Ok(vec![board[0].id]));
    }

    #[test]
    fn the_last_places_are_for_those_who_have_none() {
        let bounds = small();
        let owners = ["a", "a", "a", "b", "b", "b", "c", "c"];
        let board = owners.map(|owner| held(owner, None, false));
        let bounds = Bounds {
            kept: 100,
            ..bounds
        };
        let refused = make(&board, &bounds, Owner::of("c"), 10);
        assert_eq!(refused.map_err(full), Err(Some("jobs_full")));
        assert_eq!(make(&board, &bounds, Owner::of("d"), 10), Ok(vec![]));
    }

    /// Whatever comes in whatever order, the board stays within its bounds, no unfinished job goes, and nobody loses one to somebody who has
    /// more.
    #[test]
    fn a_board_keeps_its_bounds_whoever_comes() {
        for seed in 0..50 {
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let bounds = small();
            let owners = ["a", "b", "c", "d", "e"];
            let mut board: Vec<Held> = Vec::new();
            for now in 0..200 {
                let owner = *owners.choose(&mut rng).expect("some");
                let bytes = rng.random_range(10..200);
                let count =
                    |of: Owner, board: &[Held]| board.iter().filter(|own| own.owner == of).count();
                if let Ok(going) = make(&board, &bounds, Owner::of(owner), bytes) {
                    for id in going {
                        let at = board.iter().position(|own| own.id == id);
                        let gone = board.remove(at.expect("it was there"));
                        assert!(gone.finished_ms.is_some(), "seed {seed}");
                    }
                    board.push(Held {
                        bytes,
                        ..held(owner, None, false)
                    });
                }
                let all: usize = board.iter().map(|own| own.bytes).sum();
                assert!(
                    all <= bounds.bytes && board.len() <= bounds.kept,
                    "seed {seed}"
                );
                assert!(
                    count(Owner::of(owner), &board) <= bounds.kept_each,
                    "seed {seed}"
                );
                board.shuffle(&mut rng);
                if let Some(own) = board.iter_mut().find(|own| own.finished_ms.is_none()) {
                    own.finished_ms = Some(now);
                    own.has_answer = rng.random();
                }
            }
        }
    }
}
