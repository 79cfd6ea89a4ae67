//! Admission: so many answers at once and no queue in front of them.
//!
//! A queue here would hide from askers that the miner is full; they would rather ask another. The engine keeps the short
//! queue that batching needs, and the workshop that of work answered at once.

use std::sync::Arc;

use protocol::{Code, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Seconds after which a refused asker may try again.
pub(crate) const RETRY_AFTER_S: u64 = 1;

/// The places for answers in progress.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    most: usize,
}

/// A place, held by the answer that occupies it.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    /// Takes a place at once, or refuses.
    pub(crate) fn enter(&self) -> Result<Place, Refusal> {
        match self.places.clone().try_acquire_owned() {
            Ok(permit) => Ok(Place { _permit: permit }),
            Err(_) => {
                let message = format!(
                    "all {} places are taken; ask another miner or try again",
                    self.most
                );
                Err(Refusal::new(Code::Busy, message))
            }
        }
    }

    /// Answers in progress.
    pub(crate) fn taken(&self) -> usize {
        self.most - self.places.available_permits()
    }
}
