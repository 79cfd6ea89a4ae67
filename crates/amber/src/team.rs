//! Threads that share one evaluation.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Some threads, or only the caller's.
#[derive(Default)]
pub struct Team {
    pool: Option<ThreadPool>,
}

impl Team {
    /// So many threads; the caller's alone if it is one, or if the system has no more.
    pub fn of(threads: usize) -> Self {
        let pool = (threads > 1)
            .then(|| ThreadPoolBuilder::new().num_threads(threads).build())
            .and_then(Result::ok);
        Self { pool }
    }

    /// Does `work` on every item.
    pub fn each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        match &self.pool {
            None => {
                for (k, item) in items.iter_mut().enumerate() {
                    work(k, item);
                }
            }
            Some(pool) => pool.install(|| {
                let items = items.par_iter_mut().enumerate().with_max_len(1);
                items.for_each(|(k, item)| work(k, item));
            }),
        }
    }

    /// Does both, beside each other if there are threads.
    pub fn both<R: Send>(
        &self,
        first: impl FnOnce() -> R + Send,
        second: impl FnOnce() + Send,
    ) -> R {
        match &self.pool {
            None => {
                let result = first();
                second();
                result
            }
            Some(pool) => pool.install(|| rayon::join(first, second).0),
        }
    }
}
