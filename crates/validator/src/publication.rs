//! When weights are due.
//!
//! Weights count from the next settlement on, so the best time to publish is shortly before one, with everything learnt
//! since the last. But a validator that has just started publishes as soon as its opinion is formed, that is when every
//! miner has been graded: the sooner honest miners are told from others, the better, and a half-formed opinion would pay
//! whoever happened to be asked first.

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
    /// Whether every miner has been graded.
    pub is_formed: bool,
}

/// Whether to publish now: once for each settlement, in the last third of the epoch; the first time as soon as the opinion
/// is formed.
pub fn due(publication: Publication) -> bool {
    let Publication {
        tempo,
        next_epoch,
        block,
        published_for,
        is_formed,
    } = publication;
    let is_late = next_epoch.saturating_sub(block) <= u64::from(tempo / 3).max(1);
    match published_for {
        None => is_formed || is_late,
        Some(epoch) => epoch != next_epoch && is_late,
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
            is_formed: true,
        }
    }

    #[test]
    fn a_first_opinion_is_published_once_it_is_formed() {
        assert!(due(at(61, None)));
        assert!(!due(Publication {
            is_formed: false,
            ..at(61, None)
        }));
        assert!(
            due(Publication {
                is_formed: false,
                ..at(101, None)
            }),
            "half an opinion is better than none"
        );
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
