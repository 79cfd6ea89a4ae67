//! People and their seats.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use client::{Metagraph, Neuron};
use keys::Pair;
use primitives::{Hotkey, NetUid, Rao, Uid};
use tasks::{Judge, Setup};
use validator::{Book, Office, Seat};

use crate::roots::kind;

pub const NOW_MS: u64 = 1_767_225_600_000;

/// Deriving a key takes long, and the same few are asked for all the time.
pub fn pair(uri: &str) -> Pair {
    static PAIRS: Mutex<BTreeMap<String, Pair>> = Mutex::new(BTreeMap::new());
    let mut pairs = PAIRS.lock().expect("nobody panicked here");
    let derive = || Pair::from_uri(uri).expect("a development key");
    pairs.entry(uri.to_owned()).or_insert_with(derive).clone()
}

pub fn judge() -> Arc<dyn Judge> {
    kind().judge(&Setup::default()).expect("it needs nothing")
}

pub fn seat(uid: u16, hotkey: Hotkey) -> Seat {
    Seat {
        uid: Uid(uid),
        hotkey,
        address: ([127, 0, 0, 1], 9_000 + uid).into(),
    }
}

/// Alice's office on subnet 1.
pub fn office(book: Book) -> Arc<Office> {
    let alice = pair("//Alice").account();
    Arc::new(Office::new(alice, NetUid(1), kind(), judge(), book))
}

/// A subnet with these hotkeys on its seats, those with a port reachable.
pub fn metagraph(seats: &[(&str, Option<u16>)]) -> Metagraph {
    let neuron = |(uid, (uri, port)): (usize, &(&str, Option<u16>))| Neuron {
        uid: Uid(uid as u16),
        hotkey: pair(uri).account(),
        coldkey: pair(uri).account(),
        axon: port.map(|port| ([127, 0, 0, 1], port).into()),
        stake: Rao(0),
        validator_permit: false,
        active: true,
        incentive: 0,
        dividends: 0,
        consensus: 0,
        emission: Rao(0),
        last_update: 0,
        registered_at: 0,
    };
    let neurons = seats.iter().enumerate().map(neuron).collect();
    Metagraph {
        netuid: NetUid(1),
        block: 7,
        hash: Default::default(),
        tempo: 60,
        neurons,
    }
}
