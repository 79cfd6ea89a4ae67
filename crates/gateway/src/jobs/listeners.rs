//! The places of those who listen to jobs: so many in all, to one job, and of one customer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::ApiError;
use crate::jobs::{Bounds, JobId, Owner};

/// All places.
#[derive(Default)]
pub(super) struct Listeners(Mutex<Taken>);

/// How many are taken.
#[derive(Default)]
struct Taken {
    all: usize,
    of_job: HashMap<JobId, usize>,
    of_owner: HashMap<Owner, usize>,
}

/// A place; free again when dropped.
pub(super) struct Seat {
    listeners: Arc<Listeners>,
    job: JobId,
    owner: Owner,
}

impl Listeners {
    /// Takes a place at a job for a customer.
    ///
    /// # Errors
    ///
    /// 429 if as many as may listen to this job, or for this customer; 503 if nobody more may listen to any.
    pub(super) fn take(
        self: &Arc<Self>,
        job: JobId,
        owner: Owner,
        bounds: &Bounds,
    ) -> Result<Seat, ApiError> {
        let mut taken = self.lock();
        let count = |of: Option<&usize>| of.copied().unwrap_or(0);
        if bounds.listeners_owner <= count(taken.of_owner.get(&owner)) {
            return Err(ApiError::too_many_listening(bounds.listeners_owner));
        }
        if bounds.listeners_each <= count(taken.of_job.get(&job)) {
            return Err(ApiError::too_many_listeners());
        }
        if bounds.listeners <= taken.all {
            return Err(ApiError::overloaded());
        }
        taken.all += 1;
        *taken.of_job.entry(job).or_default() += 1;
        *taken.of_owner.entry(owner).or_default() += 1;
        let listeners = self.clone();
        Ok(Seat {
            listeners,
            job,
            owner,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.listeners.lock();
        taken.all -= 1;
        leave(&mut taken.of_job, self.job);
        leave(&mut taken.of_owner, self.owner);
    }
}

/// One less; nobody is remembered who has none.
fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_three_ways_and_free_again_when_left() {
        let bounds = Bounds {
            listeners: 3,
            listeners_each: 2,
            listeners_owner: 2,
            ..Bounds::default()
        };
        let listeners = Arc::new(Listeners::default());
        let [a, b, c] = ["a", "b", "c"].map(Owner::of);
        let [one, two, three] = [(); 3].map(|()| JobId::draw());
        let take = |job, owner| listeners.take(job, owner, &bounds);
        let first = take(one, a).expect("the first");
        let second = take(one, a).expect("the second");
        assert_eq!(
            take(two, a).err(),
            Some(ApiError::too_many_listening(2)),
            "one customer cannot take all"
        );
        assert_eq!(take(one, b).err(), Some(ApiError::too_many_listeners()));
        let third = take(two, b).expect("another customer has its own places");
        assert_eq!(take(three, c).err(), Some(ApiError::overloaded()));
        drop((first, second));
        let fourth = take(one, a).expect("left places are free");
        drop((third, fourth));
        let taken = listeners.lock();
        assert_eq!(taken.all, 0);
        assert!(taken.of_job.is_empty() && taken.of_owner.is_empty());
    }
}
