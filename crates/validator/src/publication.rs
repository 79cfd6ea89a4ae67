//! When weights are due.
//!
//! Weights count from the next settlement on, so the best time to publish is shortly before one, with everything learnt
//! since the last. But a validator that has no weights on chain yet publishes as soon as it has an opinion: the sooner
//! honest miners are told from others, the better.

/// Where the subnet stands between two epochs, and what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Blocks from one epoch to the next.
    pub tempo: u16,
    /// The block that settles the next epoch.
    pub next_epoch: u64,
    /// The present block.
    pub block: u64,
    /// The settlement for which weights were last published.
    pub published_for: Option<u64>,
}

/// Whether to publish now: once for each settlement, in the last third of the epoch, and at once the first time.
pub fn due(publication: Publication) -> bool {
    let Publication {
        tempo,
        next_epoch,
        block,
        published_for,
    } = publication;
    match published_for {
        None => true,
        Some(epoch) if epoch == next_epoch => false,
        Some(_) => next_epoch.saturating_sub(block) <= u64::from(tempo / 3).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(block: u64, published_for: Option<u64>) -> Publication {
        Publication {
            tempo: 60,
            next_epoch: 120,
            block,
            published_for,
        }
    }

    #[test]
    fn a_first_opinion_is_published_at_once() {
        assert!(due(at(61, None)));
    }

    #[test]
    fn later_ones_once_an_epoch_shortly_before_it_settles() {
        assert!(!due(at(61, Some(60))));
        assert!(!due(at(99, Some(60))));
        assert!(due(at(100, Some(60))));
        assert!(
            due(at(119, Some(60))),
            "a refused attempt is repeated at every block"
        );
        assert!(!due(at(119, Some(120))), "but not once it worked");
        assert!(due(Publication {
            tempo: 1,
            ..at(119, Some(60))
        }));
    }
}
