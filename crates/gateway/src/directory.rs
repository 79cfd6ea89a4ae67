//! Which miners there are, what they serve and how they are judged: the gateway's picture of the market.
//!
//! The picture is replaced as a whole whenever it is refreshed (see [`crate::discovery`]); a request works with the one it began
//! with. It is only ever a copy: everything in it can be read again from the chain, the validators and the miners.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};

use primitives::{Hotkey, TaskId, Uid};

use crate::choice::FLOOR;

/// A miner as the chain lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miner {
    /// Its seat.
    pub uid: Uid,
    /// Who signs its receipts.
    pub hotkey: Hotkey,
    /// Where it answers.
    pub address: SocketAddr,
}

/// A model as a miner describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The name to ask for.
    pub id: String,
    /// The longest prompt and answer together, in tokens, if the miner says.
    pub context_length: Option<u32>,
    /// The task it is for, if the miner says.
    pub task: Option<TaskId>,
}

/// A miner with what is known about it off chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Who and where.
    pub miner: Miner,
    /// Quality from 0 to 1, if anyone has judged it.
    pub standing: Option<f64>,
    /// What it says it serves.
    pub models: Vec<Model>,
}

impl Listed {
    /// Whether it says that it serves a model of this name.
    pub fn serves(&self, model: &str) -> bool {
        self.models.iter().any(|own| own.id == model)
    }
}

/// A model as offered to customers.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The name to ask for.
    pub id: String,
    /// The context that every miner of it has, in tokens, if they say.
    pub context_length: Option<u32>,
    /// How many miners may be asked.
    pub miners: usize,
}

/// The present picture.
#[derive(Default)]
pub struct Directory {
    picture: RwLock<Picture>,
}

#[derive(Clone, Default)]
struct Picture {
    listed: Arc<Vec<Listed>>,
    offers: Arc<Vec<Offer>>,
    serving: usize,
}

impl Directory {
    /// The miners of the present picture; later changes do not touch it.
    pub fn listed(&self) -> Arc<Vec<Listed>> {
        self.picture().listed
    }

    /// The models that can be asked for, by name. A miner that was caught cheating cannot put a name on this list.
    pub fn offers(&self) -> Arc<Vec<Offer>> {
        self.picture().offers
    }

    /// How many miners in good standing serve anything.
    pub fn serving(&self) -> usize {
        self.picture().serving
    }

    /// Puts a new picture in place.
    pub fn replace(&self, listed: Vec<Listed>) {
        let honest = honest(&listed);
        let picture = Picture {
            offers: Arc::new(offers(&honest)),
            serving: honest.len(),
            listed: Arc::new(listed),
        };
        *self
            .picture
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = picture;
    }

    fn picture(&self) -> Picture {
        self.picture
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
    }
}

/// The miners in good standing that serve anything.
fn honest(listed: &[Listed]) -> Vec<&Listed> {
    let best = listed
        .iter()
        .filter_map(|listed| listed.standing)
        .fold(0.0, f64::max);
    let is_honest = |listed: &&Listed| listed.standing.is_none_or(|own| own >= FLOOR * best);
    let serving = listed.iter().filter(|listed| !listed.models.is_empty());
    serving.filter(is_honest).collect()
}

/// What these miners offer together.
fn offers(honest: &[&Listed]) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for model in honest.iter().flat_map(|listed| &listed.models) {
        match offers.iter_mut().find(|offer| offer.id == model.id) {
            Some(offer) => {
                offer.miners += 1;
                offer.context_length = match (offer.context_length, model.context_length) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
            None => offers.push(Offer {
                id: model.id.clone(),
                context_length: model.context_length,
                miners: 1,
            }),
        }
    }
    offers.sort_by(|one, other| one.id.cmp(&other.id));
    offers
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::AccountId;

    fn listed(uid: u8, standing: Option<f64>, models: &[(&str, u32)]) -> Listed {
        let hotkey = AccountId([uid; 32]);
        let address = ([127, 0, 0, 1], 9000 + u16::from(uid)).into();
        let model = |(id, context): &(&str, u32)| Model {
            id: id.to_string(),
            context_length: Some(*context),
            task: None,
        };
        let models = models.iter().map(model).collect();
        Listed {
            miner: Miner {
                uid: Uid(uid.into()),
                hotkey,
                address,
            },
            standing,
            models,
        }
    }

    #[test]
    fn a_model_is_offered_with_the_context_that_all_its_miners_have() {
        let directory = Directory::default();
        directory.replace(vec![
            listed(1, Some(0.9), &[("b", 512), ("a", 64)]),
            listed(2, Some(0.8), &[("b", 256)]),
        ]);
        let offer = |id: &str, context, miners| Offer {
            id: id.into(),
            context_length: Some(context),
            miners,
        };
        assert_eq!(*directory.offers(), [offer("a", 64, 1), offer("b", 256, 2)]);
    }

    #[test]
    fn a_miner_that_was_caught_offers_nothing() {
        let directory = Directory::default();
        directory.replace(vec![
            listed(1, Some(0.9), &[("a", 64)]),
            listed(2, Some(0.0), &[("gpt-9", 1)]),
            listed(3, None, &[("new", 8)]),
        ]);
        let names: Vec<_> = directory
            .offers()
            .iter()
            .map(|offer| offer.id.clone())
            .collect();
        assert_eq!(names, ["a", "new"]);
        assert_eq!(directory.serving(), 2);
    }
}
