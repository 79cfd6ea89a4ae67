//! The book of standings: one entry per seat and hotkey.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use client::Metagraph;
use primitives::{Hotkey, NetUid, Uid};
use protocol::{LastScore, MinerStanding, Standings};
use scoring::{Outcome, Pace, Standing, grade, weigh};
use serde::{Deserialize, Serialize};

/// A seat that publishes an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its number.
    pub uid: Uid,
    /// Who sits there.
    pub hotkey: Hotkey,
    /// Where it answers.
    pub address: SocketAddr,
}

/// What is known of whoever sits on a seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Who sits there.
    pub hotkey: Hotkey,
    /// What it has earned.
    pub standing: Standing,
    /// Its last grade.
    pub last: Option<LastScore>,
}

/// Standings by seat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    entries: BTreeMap<Uid, Entry>,
    seats: Vec<Seat>,
    block: u32,
}

impl Book {
    /// A book with these entries and no seats yet.
    pub fn from_entries(entries: impl IntoIterator<Item = (Uid, Entry)>) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The entries, by seat.
    pub fn entries(&self) -> &BTreeMap<Uid, Entry> {
        &self.entries
    }

    /// The seats to probe.
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Takes in who sits where. Whoever takes over a seat begins at zero; a seat without an address keeps its entry, in
    /// case its miner comes back, until somebody else takes it. The validator's own seat is not graded.
    pub fn follow(&mut self, metagraph: &Metagraph, own: &Hotkey) {
        self.block = metagraph.block;
        let seats = metagraph
            .reachable()
            .filter(|(neuron, _)| neuron.hotkey != *own);
        self.seats = seats
            .map(|(neuron, address)| Seat {
                uid: neuron.uid,
                hotkey: neuron.hotkey,
                address,
            })
            .collect();
        self.entries.retain(|uid, entry| {
            let sits = metagraph
                .neurons
                .get(usize::from(uid.0))
                .map(|neuron| neuron.hotkey);
            sits == Some(entry.hotkey)
        });
        for seat in &self.seats {
            self.entries.entry(seat.uid).or_insert_with(|| Entry {
                hotkey: seat.hotkey,
                standing: Standing::default(),
                last: None,
            });
        }
    }

    /// Whether nobody has been graded yet.
    pub fn is_blank(&self) -> bool {
        self.entries
            .values()
            .all(|entry| entry.standing.probes == 0)
    }

    /// Whether every miner that can be reached has been graded.
    pub fn is_formed(&self) -> bool {
        let is_graded = |seat: &Seat| {
            self.entries
                .get(&seat.uid)
                .is_some_and(|entry| 0 < entry.standing.probes)
        };
        !self.seats.is_empty() && self.seats.iter().all(is_graded)
    }

    /// Takes up the opinion published earlier: what the chain remembers when the state file is lost. The chain forgets a
    /// weight when its seat changes hands, so nobody inherits another's.
    pub fn recall(&mut self, weights: &[(Uid, u16)]) {
        for (uid, weight) in weights {
            if let Some(entry) = self.entries.get_mut(uid) {
                entry.standing.value = f64::from(*weight) / f64::from(u16::MAX);
            }
        }
    }

    /// Grades an outcome and takes it in, unless the miner has left its seat meanwhile.
    pub fn record(&mut self, seat: &Seat, outcome: &Outcome, at_ms: u64) -> Option<&Entry> {
        let pace = self.pace();
        let entry = self
            .entries
            .get_mut(&seat.uid)
            .filter(|entry| entry.hotkey == seat.hotkey)?;
        let speed = match outcome {
            Outcome::Verified(speed) => Some(*speed),
            Outcome::Unverified(_) => None,
        };
        let score = grade(outcome, pace);
        entry.standing.learn(&score, speed);
        entry.last = Some(LastScore {
            score: score.value,
            reason: score.reason,
            at_ms,
        });
        Some(entry)
    }

    /// The weights to publish: every graded seat's, or none if nobody has earned anything.
    pub fn weights(&self) -> Vec<(Uid, u16)> {
        let standings: Vec<_> = self
            .entries
            .iter()
            .map(|(uid, entry)| (*uid, entry.standing.value))
            .collect();
        weigh(&standings)
    }

    /// What the world is told.
    pub fn standings(&self, validator: Hotkey, netuid: NetUid, model: &str) -> Standings {
        let weights: BTreeMap<_, _> = self.weights().into_iter().collect();
        let miners = self.entries.iter().map(|(uid, entry)| MinerStanding {
            uid: *uid,
            hotkey: entry.hotkey,
            standing: entry.standing.value,
            weight: weights.get(uid).copied().unwrap_or(0),
            probes: entry.standing.probes,
            verified: entry.standing.verified,
            tokens_per_s: entry.standing.speed.map(|speed| speed.per_second),
            first_token_ms: entry.standing.speed.map(|speed| speed.first_ms),
            last: entry.last.clone(),
        });
        Standings {
            validator,
            netuid,
            model: model.to_owned(),
            block: self.block,
            miners: miners.collect(),
        }
    }

    /// The pace set by those who are here and not caught.
    fn pace(&self) -> Option<Pace> {
        let earning = self
            .entries
            .values()
            .filter(|entry| 0.0 < entry.standing.value);
        Pace::of(earning.filter_map(|entry| entry.standing.speed))
    }
}
