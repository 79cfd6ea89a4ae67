//! Keys of heights: what the authorities sign together once a height is final and somebody has sealed to it.
//!
//! # The rule
//!
//! 1. A height is *wanted* while the ledger's durable state holds something sealed to it that no key has opened, and the
//!    height is in the durable history. Nobody signs any other.
//! 2. An authority signs a wanted height with its share and sends the part to its peers, when it becomes final and with
//!    every beat for as long as it is wanted: what gets lost on the way is sent again.
//! 3. A quorum of parts makes the key. One that does not fit the group's public key shows that a part is false: each is
//!    checked against its author's public share then, and from then on as it comes. The false ones are dropped, and
//!    their authors not heard about that height again.
//! 4. Whoever builds a block puts the keys in that its parent wants.
//!
//! # Bounds
//!
//! At most [`HEIGHTS_MAX`] heights are collected, each with one part per authority; when there are more, the highest goes,
//! which can wait longest.
//!
//! # Not here
//!
//! What a key opens ([`timelock`]), and who checks that a block's keys are right (the runtime).

use crate::{block::PublicKey, committee::Committee};
use bytes::BufMut;
use commonware_codec::{
    Buf, DecodeExt as _, Encode as _, Error, FixedSize, Read, ReadExt as _, Write,
};
use commonware_cryptography::bls12381::primitives::{
    group::{self, G1},
    ops::threshold,
    variant::{MinSig, PartialSignature},
};
use commonware_parallel::Sequential;
use commonware_utils::{Participant, sync::Mutex};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use timelock::{GroupKey, HeightKey};
use tracing::warn;

/// The most heights that are collected at once, and the most in one message.
pub const HEIGHTS_MAX: usize = 64;

/// One authority's part of a height's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    height: u32,
    /// As it came: most parts are of no use any more, and need not be read.
    signature: [u8; G1::SIZE],
}

impl Part {
    fn new(height: u32, value: &G1) -> Self {
        let mut signature = [0; G1::SIZE];
        signature.copy_from_slice(&value.encode());
        Self { height, signature }
    }
}

impl Write for Part {
    fn write(&self, buf: &mut impl BufMut) {
        self.height.write(buf);
        self.signature.write(buf);
    }
}

impl FixedSize for Part {
    const SIZE: usize = u32::SIZE + G1::SIZE;
}

impl Read for Part {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        Ok(Self {
            height: u32::read(buf)?,
            signature: <[u8; G1::SIZE]>::read(buf)?,
        })
    }
}

/// An authority's collection of keys. Clones share it.
#[derive(Clone)]
pub struct Beacon(Arc<Shared>);

struct Shared {
    committee: Committee,
    group: GroupKey,
    share: group::Share,
    wanted: Box<dyn Fn() -> Vec<u32> + Send + Sync>,
    collection: Mutex<Collection>,
}

#[derive(Default)]
struct Collection {
    /// What was wanted when it was asked last.
    wanted: BTreeSet<u32>,
    /// Up to where the durable history reached then; heights above may be wanted soon.
    highest: u32,
    heights: BTreeMap<u32, Height>,
}

/// What is known of one height's key.
#[derive(Default)]
struct Height {
    parts: BTreeMap<Participant, G1>,
    /// Whose parts were false.
    liars: BTreeSet<Participant>,
    key: Option<HeightKey>,
}

impl Beacon {
    /// The collection of the authority with this share. `wanted` asks the ledger's durable state which heights are wanted.
    pub fn new(
        committee: Committee,
        share: group::Share,
        wanted: impl Fn() -> Vec<u32> + Send + Sync + 'static,
    ) -> Self {
        let group = GroupKey::from(*committee.group_key());
        Self(Arc::new(Shared {
            committee,
            group,
            share,
            wanted: Box::new(wanted),
            collection: Mutex::default(),
        }))
    }

    /// The keys made so far of heights that are wanted.
    pub fn keys(&self) -> Vec<(u32, HeightKey)> {
        let collection = self.0.collection.lock();
        let keys = collection.heights.iter();
        keys.filter_map(|(height, known)| Some((*height, known.key?)))
            .collect()
    }

    /// Asks what is wanted now that the durable history reaches `finalized`, and returns this authority's parts of it. May take
    /// as long as reading the ledger takes.
    pub(crate) fn parts(&self, finalized: u32) -> Vec<Part> {
        let mut wanted: BTreeSet<u32> = (self.0.wanted)().into_iter().collect();
        wanted.retain(|height| *height <= finalized);
        while HEIGHTS_MAX < wanted.len() {
            wanted.pop_last();
        }
        let mut collection = self.0.collection.lock();
        collection.highest = finalized;
        collection
            .heights
            .retain(|height, _| finalized < *height || wanted.contains(height));
        collection.wanted = wanted.clone();
        drop(collection);
        let me = self.0.share.index;
        let own = |height: u32| {
            let part = self.part(height);
            self.take(me, &part);
            part
        };
        wanted.into_iter().map(own).collect()
    }

    /// Takes a part from a peer.
    pub(crate) fn hear(&self, peer: &PublicKey, part: &Part) {
        if let Some(place) = self.0.committee.authorities().position(peer) {
            self.take(Participant::from_usize(place), part);
        }
    }

    /// This authority's part of a height's key; signed once.
    fn part(&self, height: u32) -> Part {
        let share = &self.0.share;
        let collection = self.0.collection.lock();
        let known = collection.heights.get(&height);
        if let Some(signature) = known.and_then(|it| it.parts.get(&share.index)) {
            return Part::new(height, signature);
        }
        drop(collection);
        let message = timelock::message(height);
        let signed = threshold::sign_message::<MinSig>(share, timelock::NAMESPACE, &message);
        Part::new(height, &signed.value)
    }

    fn take(&self, author: Participant, part: &Part) {
        let mut collection = self.0.collection.lock();
        let Some(known) = collection.room(part.height) else {
            return;
        };
        if !known.awaits(author) {
            return;
        }
        let Ok(value) = G1::decode(part.signature.to_vec()) else {
            known.liars.insert(author);
            return;
        };
        let is_checked = !known.liars.is_empty();
        if is_checked && !self.is_true(part.height, author, value) {
            known.liars.insert(author);
            return;
        }
        known.parts.insert(author, value);
        if known.parts.len() < self.0.committee.quorum() as usize {
            return;
        }
        known.key = self.joined(part.height, &known.parts);
        if known.key.is_none() {
            self.drop_false(part.height, known);
            known.key = self.joined(part.height, &known.parts);
        }
    }

    /// The key that these parts make, if it is the height's.
    fn joined(&self, height: u32, parts: &BTreeMap<Participant, G1>) -> Option<HeightKey> {
        let parts: Vec<_> = parts
            .iter()
            .map(|(it, value)| signed(*it, *value))
            .collect();
        let polynomial = self.0.committee.polynomial();
        let recovered = threshold::recover::<MinSig, _>(polynomial, &parts, &Sequential).ok()?;
        let key = HeightKey::from(recovered);
        key.belongs_to(&self.0.group, height).then_some(key)
    }

    fn drop_false(&self, height: u32, known: &mut Height) {
        let Height { parts, liars, .. } = known;
        parts.retain(|author, value| {
            let is_true = self.is_true(height, *author, *value);
            if !is_true {
                liars.insert(*author);
            }
            is_true
        });
    }

    /// Whether a part is its author's signature of the height.
    fn is_true(&self, height: u32, author: Participant, value: G1) -> bool {
        let checked = threshold::verify_message::<MinSig>(
            self.0.committee.polynomial(),
            timelock::NAMESPACE,
            &timelock::message(height),
            &signed(author, value),
        );
        if checked.is_err() {
            let author = author.get();
            warn!(
                height,
                author, "an authority's part of a height's key is false"
            );
        }
        checked.is_ok()
    }
}

impl Height {
    /// Whether another part may still be of use, and this author's is not known.
    fn awaits(&self, author: Participant) -> bool {
        self.key.is_none() && !self.parts.contains_key(&author) && !self.liars.contains(&author)
    }
}

impl Collection {
    /// Where parts of this height are kept, if they are or may soon be wanted and there is room.
    fn room(&mut self, height: u32) -> Option<&mut Height> {
        if height <= self.highest && !self.wanted.contains(&height) {
            return None;
        }
        let is_new = !self.heights.contains_key(&height);
        if is_new && HEIGHTS_MAX <= self.heights.len() {
            let highest = *self.heights.last_key_value()?.0;
            if highest <= height {
                return None;
            }
            self.heights.pop_last();
        }
        Some(self.heights.entry(height).or_default())
    }
}

fn signed(index: Participant, value: G1) -> PartialSignature<MinSig> {
    PartialSignature { index, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committee;
    use commonware_codec::EncodeSize as _;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    /// Four authorities whose ledgers all want the same heights.
    fn authorities(wanted: &'static [u32]) -> Vec<(PublicKey, Beacon)> {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (keys, polynomial) = committee::draw(&mut rng, 4).expect("a number of authorities");
        let public = keys.iter().map(|key| key.public()).collect();
        let committee = Committee::new(public, polynomial, b"test".to_vec()).expect("they belong");
        keys.into_iter()
            .map(|key| {
                let beacon = Beacon::new(committee.clone(), key.share.clone(), || wanted.to_vec());
                (key.public(), beacon)
            })
            .collect()
    }

    fn spread(authorities: &[(PublicKey, Beacon)], senders: usize, finalized: u32) {
        for (peer, beacon) in &authorities[..senders] {
            for part in beacon.parts(finalized) {
                for (_, other) in authorities {
                    other.hear(peer, &part);
                }
            }
        }
    }

    #[test]
    fn a_quorum_makes_the_key_of_a_wanted_height() {
        let authorities = authorities(&[7]);
        spread(&authorities, 2, 9);
        assert!(
            authorities[3].1.keys().is_empty(),
            "two of four are too few"
        );
        spread(&authorities, 3, 9);
        let [(7, key)] = authorities[3].1.keys()[..] else {
            panic!("one key, of height 7");
        };
        assert!(key.belongs_to(&authorities[0].1.0.group, 7));
    }

    #[test]
    fn nobody_signs_what_is_not_final_or_not_wanted() {
        let authorities = authorities(&[7, 12]);
        spread(&authorities, 4, 9);
        let heights: Vec<u32> = authorities[0].1.keys().iter().map(|it| it.0).collect();
        assert_eq!(heights, [7]);
        assert_eq!(authorities[0].1.parts(6).len(), 0);
    }

    #[test]
    fn a_false_part_does_not_keep_the_others_from_making_the_key() {
        let authorities = authorities(&[7]);
        let (liar, beacon) = &authorities[0];
        let mut part = beacon.parts(9).remove(0);
        part.signature = authorities[1].1.parts(9)[0].signature;
        for (_, other) in &authorities[1..] {
            other.hear(liar, &part);
        }
        for (peer, beacon) in &authorities[1..] {
            for part in beacon.parts(9) {
                authorities[3].1.hear(peer, &part);
            }
        }
        assert_eq!(authorities[3].1.keys().len(), 1);
    }

    /// Each false part costs everybody a check of all; so whoever sent one is heard no more about that height.
    #[test]
    fn whoever_sent_a_false_part_is_not_heard_again() {
        let authorities = authorities(&[7]);
        let parts: Vec<Part> = authorities
            .iter()
            .map(|(_, beacon)| beacon.parts(9).remove(0))
            .collect();
        let hear = |author: usize, part: &Part| {
            authorities[3].1.hear(&authorities[author].0, part);
            authorities[3].1.keys().len()
        };
        assert_eq!(hear(0, &parts[1]), 0, "somebody else's part");
        assert_eq!(hear(1, &parts[1]), 0, "the third, by which the lie is seen");
        assert_eq!(hear(0, &parts[0]), 0);
        assert_eq!(hear(2, &parts[2]), 1);
    }

    /// Once somebody has lied, each part is checked as it comes.
    #[test]
    fn a_second_liar_costs_one_check() {
        let authorities = authorities(&[7]);
        let part = |author: usize| authorities[author].1.parts(9).remove(0);
        let (_, beacon) = &authorities[3];
        assert_eq!(beacon.parts(9).len(), 1);
        beacon.hear(&authorities[0].0, &part(1));
        beacon.hear(&authorities[1].0, &part(1));
        beacon.hear(&authorities[2].0, &part(1));
        let collection = beacon.0.collection.lock();
        let known = &collection.heights[&7];
        let authors: Vec<u32> = known.parts.keys().map(|author| author.get()).collect();
        let liars: Vec<u32> = known.liars.iter().map(|author| author.get()).collect();
        assert_eq!((authors, liars), (vec![1, 3], vec![0, 2]));
    }

    /// Whether a part is a point of the curve is found out when it is wanted, not when it arrives.
    #[test]
    fn a_part_that_is_no_point_is_a_lie() {
        let authorities = authorities(&[7]);
        let (_, beacon) = &authorities[3];
        assert_eq!(beacon.parts(9).len(), 1);
        let mut part = authorities[0].1.parts(9).remove(0);
        part.signature = [7; G1::SIZE];
        let part = Part::decode(part.encode()).expect("it is long enough");
        beacon.hear(&authorities[0].0, &part);
        let collection = beacon.0.collection.lock();
        assert_eq!(collection.heights[&7].liars.len(), 1);
    }

    #[test]
    fn a_height_is_forgotten_when_it_is_no_longer_wanted() {
        let authorities = authorities(&[7]);
        spread(&authorities, 4, 9);
        let (_, beacon) = &authorities[0];
        beacon.0.collection.lock().wanted.clear();
        beacon
            .0
            .collection
            .lock()
            .heights
            .retain(|height, _| *height > 9);
        beacon.hear(&authorities[1].0, &authorities[1].1.parts(9)[0]);
        assert!(beacon.keys().is_empty());
    }

    #[test]
    fn a_peer_cannot_fill_the_collection_with_heights_to_come() {
        let authorities = authorities(&[7]);
        let (_, beacon) = &authorities[3];
        let mut part = authorities[0].1.parts(9).remove(0);
        for height in 0..10 * HEIGHTS_MAX as u32 {
            part.height = 1_000 + height;
            beacon.hear(&authorities[0].0, &part);
        }
        assert_eq!(beacon.0.collection.lock().heights.len(), HEIGHTS_MAX);
        spread(&authorities, 3, 9);
        assert_eq!(beacon.parts(9).len(), 1);
        spread(&authorities, 3, 9);
        assert_eq!(beacon.keys().len(), 1);
    }

    #[test]
    fn a_part_survives_the_wire() {
        let part = authorities(&[7])[0].1.parts(9).remove(0);
        assert_eq!(Part::decode(part.encode()).expect("as sent"), part);
        assert_eq!(part.encode_size(), Part::SIZE);
    }
}
