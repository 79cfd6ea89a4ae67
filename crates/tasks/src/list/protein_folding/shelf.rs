//! What a miner has folded lately, and what it is folding: two who ask for the same chain get one search.
//!
//! # The rule
//!
//! 1. Who asks for a chain that is being folded, with no more time than that search has, is given its answer when it ends.
//! 2. Who asks for one that is kept here, with no more time than was spent on it, is given that answer at once.
//!    But whoever it was searched for has a head start of [`HEAD_START`], so that nobody is overtaken by those who joined.
//! 3. Anybody else gets a search of his own, and what it finds is kept. [`PLACES_MAX`] chains are kept; the oldest goes first.
//!
//! That saves work, and it makes resold work show: whoever buys a chain from a miner, to sell it to a validator who has asked
//! that miner too, gets the very structure that the miner gives. Nobody learns more than he would: an answer is the same for
//! everyone who asks.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use molecule::Sequence;

use super::FoldAnswer;

/// So many chains are remembered; an answer is at most a few hundred kilobytes.
const PLACES_MAX: usize = 32;

/// How long an answer is given to nobody but whom it was searched for: several times as long as an asker waits between two polls.
pub(super) const HEAD_START: Duration = Duration::from_secs(3);

/// The memory of a miner.
pub(super) struct Shelf {
    head_start: Duration,
    places: Mutex<Places>,
    /// Told whenever a search has news or ends.
    news: Condvar,
}

#[derive(Default)]
struct Places {
    all: Vec<Place>,
    next: u64,
}

struct Place {
    number: u64,
    sequence: Sequence,
    budget_s: f64,
    content: Content,
}

enum Content {
    /// Somebody is at it.
    Busy(Standing),
    Ready {
        answer: Arc<FoldAnswer>,
        since: Instant,
    },
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Standing {
    /// Of the time given.
    pub fraction: f64,
    /// The lowest energy so far.
    pub energy: Option<f64>,
}

/// What comes of asking.
pub(super) enum Claim<'a> {
    /// The caller has to search.
    Own(Search<'a>),
    /// Another search's answer.
    Known(Arc<FoldAnswer>),
    /// The caller stopped waiting for another's search.
    Left,
}

/// A search that others may be waiting for. Dropped without an answer, it leaves those to search for themselves.
pub(super) struct Search<'a> {
    shelf: &'a Shelf,
    number: u64,
}

impl Shelf {
    /// A memory with nothing in it.
    pub fn new(head_start: Duration) -> Self {
        Self {
            head_start,
            places: Mutex::default(),
            news: Condvar::new(),
        }
    }

    /// Takes a chain's answer, or waits for it, or takes on the search for it. While it waits it passes on how far the other
    /// search is, and stops waiting when `report` says so.
    pub fn claim(
        &self,
        sequence: &Sequence,
        budget_s: f64,
        report: &mut dyn FnMut(Standing) -> ControlFlow<()>,
    ) -> Claim<'_> {
        let mut places = self.lock();
        loop {
            let serves = |place: &&Place| place.sequence == *sequence && budget_s <= place.budget_s;
            let standing = match places.all.iter().find(serves).map(|place| &place.content) {
                None => return Claim::Own(self.begin(places, sequence, budget_s)),
                Some(Content::Ready { answer, since }) => {
                    let left = self.head_start.saturating_sub(since.elapsed());
                    if left.is_zero() {
                        return Claim::Known(answer.clone());
                    }
                    let waited = self.news.wait_timeout(places, left);
                    places = waited.unwrap_or_else(PoisonError::into_inner).0;
                    continue;
                }
                Some(Content::Busy(standing)) => *standing,
            };
            drop(places);
            if report(standing).is_break() {
                return Claim::Left;
            }
            places = self.lock();
            places = self.wait_for_other_than(standing, sequence, budget_s, places);
        }
    }

    /// Waits until the search that serves such a request is further than `standing`, or no more.
    fn wait_for_other_than<'a>(
        &self,
        standing: Standing,
        sequence: &Sequence,
        budget_s: f64,
        places: MutexGuard<'a, Places>,
    ) -> MutexGuard<'a, Places> {
        let is_unchanged = |places: &mut Places| {
            places.all.iter().any(|place| {
                place.sequence == *sequence
                    && budget_s <= place.budget_s
                    && matches!(&place.content, Content::Busy(now) if *now == standing)
            })
        };
        let waited = self.news.wait_while(places, is_unchanged);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn begin<'a>(
        &'a self,
        mut places: MutexGuard<'_, Places>,
        sequence: &Sequence,
        budget_s: f64,
    ) -> Search<'a> {
        let number = places.next;
        places.next += 1;
        places.all.push(Place {
            number,
            sequence: sequence.clone(),
            budget_s,
            content: Content::Busy(Standing {
                fraction: 0.0,
                energy: None,
            }),
        });
        Search {
            shelf: self,
            number,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// Forgets the oldest answers beyond what is kept. Searches are bounded by whoever starts them.
    fn trim(&mut self) {
        let is_ready = |place: &Place| matches!(place.content, Content::Ready { .. });
        let ready = self.all.iter().filter(|place| is_ready(place)).count();
        let mut surplus = ready.saturating_sub(PLACES_MAX);
        self.all.retain(|place| {
            let goes = 0 < surplus && is_ready(place);
            surplus -= usize::from(goes);
            !goes
        });
    }
}

impl Search<'_> {
    /// Tells those who wait how far it is.
    pub fn tell(&self, standing: Standing) {
        let mut places = self.shelf.lock();
        if let Some(place) = places
            .all
            .iter_mut()
            .find(|place| place.number == self.number)
        {
            place.content = Content::Busy(standing);
        }
        drop(places);
        self.shelf.news.notify_all();
    }

    /// Keeps what was found, for those who wait and those who come later.
    pub fn keep(self, answer: Arc<FoldAnswer>) {
        let mut places = self.shelf.lock();
        if let Some(at) = places
            .all
            .iter()
            .position(|place| place.number == self.number)
        {
            // The newest is last, so that the first is the oldest.
            let mut place = places.all.remove(at);
            place.content = Content::Ready {
                answer,
                since: Instant::now(),
            };
            let shorter = |other: &Place| {
                other.sequence == place.sequence && other.budget_s <= place.budget_s
            };
            places.all.retain(|other| {
                !(matches!(other.content, Content::Ready { .. }) && shorter(other))
            });
            places.all.push(place);
            places.trim();
        }
        drop(places);
        self.shelf.news.notify_all();
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        let mut places = self.shelf.lock();
        places.all.retain(|place| {
            place.number != self.number || matches!(place.content, Content::Ready { .. })
        });
        drop(places);
        self.shelf.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn chain(letters: &str) -> Sequence {
        letters.parse().expect("a sequence")
    }

    fn answer(energy: f64) -> Arc<FoldAnswer> {
        Arc::new(FoldAnswer {
            energy,
            mmcif: String::new(),
            evaluations: 1,
            history: Vec::new(),
        })
    }

    fn go_on(_: Standing) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn own<'a>(shelf: &'a Shelf, letters: &str, budget_s: f64) -> Search<'a> {
        match shelf.claim(&chain(letters), budget_s, &mut go_on) {
            Claim::Own(search) => search,
            _ => panic!("{letters} is known or being folded"),
        }
    }

    fn known(shelf: &Shelf, letters: &str, budget_s: f64) -> Option<f64> {
        match shelf.claim(&chain(letters), budget_s, &mut go_on) {
            Claim::Known(answer) => Some(answer.energy),
            _ => None,
        }
    }

    #[test]
    fn what_was_folded_is_given_to_whoever_asks_for_no_more() {
        let shelf = Shelf::new(Duration::ZERO);
        own(&shelf, "GYDPET", 10.0).keep(answer(-1.0));
        assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-1.0));
        assert_eq!(known(&shelf, "GYDPET", 2.0), Some(-1.0));
        assert_eq!(known(&shelf, "GYDPEW", 2.0), None);
        assert_eq!(known(&shelf, "GYDPET", 11.0), None, "more is asked for");
        own(&shelf, "GYDPET", 20.0).keep(answer(-2.0));
        assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-2.0));
    }

    #[test]
    fn who_comes_while_it_is_folded_hears_how_far_it_is_and_gets_the_answer() {
        let shelf = Shelf::new(Duration::ZERO);
        let search = own(&shelf, "GYDPET", 10.0);
        let (heard, hears) = mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let mut report = |standing: Standing| {
                    heard.send(standing.fraction).expect("somebody listens");
                    ControlFlow::Continue(())
                };
                match shelf.claim(&chain("GYDPET"), 5.0, &mut report) {
                    Claim::Known(answer) => answer.energy,
                    _ => f64::NAN,
                }
            });
            assert_eq!(hears.recv(), Ok(0.0));
            search.tell(Standing {
                fraction: 0.5,
                energy: Some(-3.0),
            });
            assert_eq!(hears.recv(), Ok(0.5));
            search.keep(answer(-4.0));
            assert_eq!(second.join().expect("no panic"), -4.0);
        });
    }

    #[test]
    fn where_a_search_is_given_up_the_next_one_takes_it_on() {
        let shelf = Shelf::new(Duration::ZERO);
        let search = own(&shelf, "GYDPET", 10.0);
        let (heard, hears) = mpsc::channel();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let mut report = |_| {
                    heard.send(()).expect("somebody listens");
                    ControlFlow::Continue(())
                };
                matches!(
                    shelf.claim(&chain("GYDPET"), 5.0, &mut report),
                    Claim::Own(_)
                )
            });
            assert_eq!(hears.recv(), Ok(()));
            drop(search);
            assert!(second.join().expect("no panic"));
        });
    }

    #[test]
    fn whom_it_was_searched_for_has_a_head_start() {
        let head_start = Duration::from_millis(50);
        let shelf = Shelf::new(head_start);
        own(&shelf, "GYDPET", 10.0).keep(answer(-1.0));
        let asked = Instant::now();
        assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-1.0));
        assert!(head_start / 2 < asked.elapsed(), "it came at once");
        let asked = Instant::now();
        assert_eq!(known(&shelf, "GYDPET", 10.0), Some(-1.0));
        assert!(asked.elapsed() < head_start, "long after, it comes at once");
    }

    #[test]
    fn who_waits_may_leave() {
        let shelf = Shelf::new(Duration::ZERO);
        let _search = own(&shelf, "GYDPET", 10.0);
        let claim = shelf.claim(&chain("GYDPET"), 5.0, &mut |_| ControlFlow::Break(()));
        assert!(matches!(claim, Claim::Left));
    }

    #[test]
    fn the_oldest_answer_goes_first() {
        let shelf = Shelf::new(Duration::ZERO);
        for residue in molecule::AminoAcid::ALL {
            for last in ["A", "G"] {
                let letters = format!("GYDP{}{last}", residue.letter());
                own(&shelf, &letters, 1.0).keep(answer(0.0));
            }
        }
        assert_eq!(shelf.lock().all.len(), PLACES_MAX);
        assert_eq!(known(&shelf, "GYDPAA", 1.0), None);
        assert_eq!(known(&shelf, "GYDPVG", 1.0), Some(0.0));
    }
}
