//! Who is asked the same at the same moment.
//!
//! A random few, so that nobody can tell from a request who else was asked. Two leanings make the choice useful: to those
//! who were never asked, who need not wait long for their first answer; and to those whose answers have been equal before,
//! who are put side by side until enough is known. Among hundreds of seats two that are drawn without leaning hardly meet.

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt};

use crate::book::{Book, Seat};

/// How often each of the two leanings is followed.
const LEANING: f64 = 0.5;

/// Chooses so many of these seats, in no order.
pub fn company(book: &Book, idle: Vec<Seat>, most: usize, rng: &mut impl Rng) -> Vec<Seat> {
    let is_new = |seat: &&Seat| book.probes(seat.uid) == Some(0);
    let new: Vec<Seat> = idle.iter().filter(is_new).copied().collect();
    let newcomer = new.choose(rng).filter(|_| rng.random_bool(LEANING));
    let Some(first) = newcomer.or_else(|| idle.choose(rng)).copied() else {
        return Vec::new();
    };
    let mut others = idle;
    others.retain(|seat| seat.uid != first.uid);
    others.shuffle(rng);
    if rng.random_bool(LEANING) {
        let suspects = book.suspects(first.uid);
        others.sort_by_key(|seat| !suspects.contains(&seat.uid));
    }
    let others = others.into_iter().take(most.saturating_sub(1));
    let mut group: Vec<Seat> = std::iter::once(first).chain(others).collect();
    group.shuffle(rng);
    group
}
