//! What a miner has folded lately, and what it is folding: of one chain there is one search at a time, and it is gone on with.
//!
//! # The rule
//!
//! 1. Who asks for a chain that is being folded waits until that search ends. If it cannot end within the time that he waits, he is told
//!    so at once and may ask another.
//! 2. Who asks for one that is kept here, with no more time than was spent on it, is given that answer at once.
//! 3. Who asks with more time gets a search for the rest of his time, which goes on from what is kept. What it finds is kept.
//! 4. Whoever it was searched for has a head start of [`HEAD_START`] before anybody else is given an answer or a search that goes on from
//!    it, so that nobody is overtaken by those who joined.
//! 5. Anybody else gets a search of his own, and what it finds is kept. [`PLACES_MAX`] chains are kept; the oldest goes first.
//!
//! That saves work, and it makes resold work show: whoever buys a chain from a miner, to sell it to a validator who has asked
//! that miner too, gets the very structure that the miner gives, or that structure a little polished, whatever time he buys. Nobody
//! learns more than he would: an answer is the same for everyone who asks.
//!
//! # What waiting costs
//!
//! Who waits holds a place to work and does no work in it. That is no more than an order of his own would hold, and ends no later; who
//! would wait in vain does not hold it at all. A place that was handed on would be a job that is working nowhere, which nobody could
//! tell from one that hangs.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use molecule::Sequence;

use super::FoldAnswer;

/// So many chains are remembered; an answer is at most a few hundred kilobytes.
const PLACES_MAX: usize = 32;

/// How long an answer is given to nobody but whom it was searched for: several times as long as an asker waits between two polls, and
/// longer than an answer may be late and lose nothing (`SLACK_S` in `round`), so that whoever sells it on in the same round is late.
pub(super) const HEAD_START: Duration = Duration::from_secs(4);

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
    /// The seconds that were given for what is, or will be, here.
    budget_s: f64,
    /// So many of them had been spent when the search under way began.
    begun_s: f64,
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
    /// The chain is being folded, and that will take longer than the caller has.
    Engaged,
    /// Another search's answer.
    Known(Arc<FoldAnswer>),
    /// The caller stopped waiting for another's search.
    Left,
}

/// A search that others may be waiting for. Dropped without an answer, it leaves those to search for themselves.
pub(super) struct Search<'a> {
    shelf: &'a Shelf,
    number: u64,
    /// What to go on from, with the seconds that were given for it.
    pub from: Option<(Arc<FoldAnswer>, f64)>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub sequence: &'a Sequence,
    /// The seconds given.
    pub budget_s: f64,
    /// How long an answer is waited for.
    pub patience: Duration,
}

/// What there is for a wish.
enum Stock {
    /// The answer, or one to go on from.
    Ready {
        answer: Arc<FoldAnswer>,
        budget_s: f64,
        since: Instant,
    },
    /// A search under way, and how much of the time given for it is left.
    Busy { standing: Standing, left: Duration },
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
        wish: Wish<'_>,
        report: &mut dyn FnMut(Standing) -> ControlFlow<()>,
    ) -> Claim<'_> {
        let asked = Instant::now();
        let mut places = self.lock();
        loop {
            match places.stock(wish) {
                None => return Claim::Own(self.begin(places, wish, None)),
                Some(Stock::Ready {
                    answer,
                    budget_s,
                    since,
                }) => {
                    let left = self.head_start.saturating_sub(since.elapsed());
                    if !left.is_zero() {
                        let waited = self.news.wait_timeout(places, left);
                        places = waited.unwrap_or_else(PoisonError::into_inner).0;
                    } else if wish.budget_s <= budget_s {
                        return Claim::Known(answer);
                    } else {
                        return Claim::Own(self.begin(places, wish, Some((answer, budget_s))));
                    }
                }
                Some(Stock::Busy { standing, left }) => {
                    let patience = wish.patience.saturating_sub(asked.elapsed());
                    if patience < left + self.head_start {
                        return Claim::Engaged;
                    }
                    drop(places);
                    if report(standing).is_break() {
                        return Claim::Left;
                    }
                    places = self.lock();
                    places = self.wait_for_other_than(standing, wish, places);
                }
            }
        }
    }

    /// Waits until the search that such a wish waits for is further than `standing`, or no more.
    fn wait_for_other_than<'a>(
        &self,
        standing: Standing,
        wish: Wish<'_>,
        places: MutexGuard<'a, Places>,
    ) -> MutexGuard<'a, Places> {
        let is_unchanged = |places: &mut Places| matches!(places.stock(wish), Some(Stock::Busy { standing: now, .. }) if now == standing);
        let waited = self.news.wait_while(places, is_unchanged);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn begin<'a>(
        &'a self,
        mut places: MutexGuard<'_, Places>,
        wish: Wish<'_>,
        from: Option<(Arc<FoldAnswer>, f64)>,
    ) -> Search<'a> {
        let number = places.next;
        places.next += 1;
        places.all.push(Place {
            number,
            sequence: wish.sequence.clone(),
            budget_s: wish.budget_s,
            begun_s: from.as_ref().map_or(0.0, |(_, spent_s)| *spent_s),
            content: Content::Busy(Standing {
                fraction: 0.0,
                energy: None,
            }),
        });
        Search {
            shelf: self,
            number,
            from,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// What there is of a chain: an answer that will do, or else the search under way, or else an answer to go on from.
    fn stock(&self, wish: Wish<'_>) -> Option<Stock> {
        let of_chain = || {
            let is_it = |place: &&Place| place.sequence == *wish.sequence;
            self.all.iter().filter(is_it)
        };
        let ready = |place: &Place| match &place.content {
            Content::Busy(_) => None,
            Content::Ready { answer, since } => Some(Stock::Ready {
                answer: answer.clone(),
                budget_s: place.budget_s,
                since: *since,
            }),
        };
        let busy = |place: &Place| match place.content {
            Content::Ready { .. } => None,
            Content::Busy(standing) => {
                let left_s = (place.budget_s - place.begun_s) * (1.0 - standing.fraction);
                let left = Duration::try_from_secs_f64(left_s).unwrap_or_default();
                Some(Stock::Busy { standing, left })
            }
        };
        let will_do = |place: &&Place| wish.budget_s <= place.budget_s;
        of_chain()
            .filter(will_do)
            .find_map(ready)
            .or_else(|| of_chain().find_map(busy))
            .or_else(|| of_chain().find_map(ready))
    }

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
mod tests;
