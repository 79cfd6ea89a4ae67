//! The book of standings: one entry per seat and hotkey.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use client::Metagraph;
use primitives::{Hotkey, NetUid, Uid};
use protocol::{LastScore, MinerStanding, Standings};
use scoring::{
    FORGIVENESS, Judgement, Kinship, Merit, Observation, Originality, PATIENCE, Pace, Record,
    Speed, Standing, clipped, weigh,
};
use serde::{Deserialize, Serialize};
use tasks::{Judge, Kind};

/// Kinship is looked at again after so many judgements for each entry: all of them compared cost more than one.
const KINSHIP_EVERY: f64 = 0.25;

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

/// A judged answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Names the challenge; several seats may have been given the same.
    pub challenge: u64,
    /// What the judge said.
    pub judgement: Judgement,
    /// When the answer came, in Unix milliseconds.
    pub at_ms: u64,
}

/// What is known of whoever sits on a seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Who sits there.
    pub hotkey: Hotkey,
    /// What it did of late.
    pub record: Record,
    /// What is left of a standing that was taken up from the chain; fades with every answer.
    pub recalled: f64,
    /// Its last answer's worth.
    pub last: Option<LastScore>,
    /// What the task makes of the record: follows from it.
    #[serde(skip)]
    pub quality: f64,
}

/// What others' answers say of one entry.
#[derive(Clone, Debug, PartialEq)]
struct Kin {
    share: f64,
    /// Whom it resembles most, on how many of how many challenges.
    twin: Option<(Uid, u16, u16)>,
    suspects: Vec<Uid>,
}

/// Standings by seat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    entries: BTreeMap<Uid, Entry>,
    seats: Vec<Seat>,
    block: u32,
    kin: BTreeMap<Uid, Kin>,
    since_kin: usize,
}

impl Entry {
    fn new(hotkey: Hotkey) -> Self {
        Self {
            hotkey,
            record: Record::default(),
            recalled: 0.0,
            last: None,
            quality: 0.0,
        }
    }

    fn learn(&mut self, observation: Observation, judge: &dyn Judge) {
        self.recalled *= match observation.is_dishonest {
            true => FORGIVENESS,
            false => 1.0 - PATIENCE,
        };
        self.record.learn(observation);
        self.measure(judge);
    }

    /// Asks the task again what the record is worth. Where its arithmetic fails, what it said before stays.
    fn measure(&mut self, judge: &dyn Judge) {
        let window = self.record.window();
        match catch_unwind(AssertUnwindSafe(|| judge.quality(window))) {
            Ok(quality) if !quality.is_nan() => self.quality = quality.clamp(0.0, 1.0),
            _ => tracing::error!("the task cannot tell the quality of a record"),
        }
    }
}

impl Book {
    /// A book with these entries and no seats yet; their quality is what this judge makes of their records.
    pub fn from_entries(
        entries: impl IntoIterator<Item = (Uid, Entry)>,
        judge: &dyn Judge,
    ) -> Self {
        let mut entries: BTreeMap<_, _> = entries.into_iter().collect();
        for entry in entries.values_mut() {
            entry.measure(judge);
        }
        let mut book = Self {
            entries,
            ..Self::default()
        };
        book.compare();
        book
    }

    /// The entries, by seat.
    pub fn entries(&self) -> &BTreeMap<Uid, Entry> {
        &self.entries
    }

    /// The entries alone, by seat.
    pub fn into_entries(self) -> impl Iterator<Item = (Uid, Entry)> {
        self.entries.into_iter()
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
            self.entries
                .entry(seat.uid)
                .or_insert_with(|| Entry::new(seat.hotkey));
        }
        self.compare();
    }

    /// Whether nobody has been graded yet.
    pub fn is_blank(&self) -> bool {
        self.entries.values().all(|entry| entry.record.probes == 0)
    }

    /// Whether every miner that can be reached has been graded.
    pub fn is_formed(&self) -> bool {
        let is_graded = |seat: &Seat| self.probes(seat.uid).is_some_and(|probes| 0 < probes);
        !self.seats.is_empty() && self.seats.iter().all(is_graded)
    }

    /// How often whoever sits there was graded.
    pub fn probes(&self, uid: Uid) -> Option<u64> {
        self.entries.get(&uid).map(|entry| entry.record.probes)
    }

    /// Those whose answers resemble this one's, and whom it would be good to ask the same.
    pub fn suspects(&self, uid: Uid) -> &[Uid] {
        self.kin.get(&uid).map_or(&[], |kin| &kin.suspects)
    }

    /// Takes up the opinion published earlier: what the chain remembers when the state file is lost. The chain forgets a
    /// weight when its seat changes hands, so nobody inherits another's.
    pub fn recall(&mut self, weights: &[(Uid, u16)]) {
        for (uid, weight) in weights {
            if let Some(entry) = self.entries.get_mut(uid) {
                entry.recalled = f64::from(*weight) / f64::from(u16::MAX);
            }
        }
    }

    /// Takes in a judged answer, unless the miner has left its seat meanwhile. `kind` names the unit of speed.
    pub fn record(
        &mut self,
        seat: &Seat,
        observed: &Observed,
        kind: &dyn Kind,
        judge: &dyn Judge,
    ) -> Option<&Entry> {
        let Observed {
            challenge,
            judgement,
            at_ms,
        } = observed;
        let pace = self.pace();
        let is_here = |entry: &&mut Entry| entry.hotkey == seat.hotkey;
        let entry = self.entries.get_mut(&seat.uid).filter(is_here)?;
        let observation = Observation::new(*challenge, *at_ms, judgement);
        entry.last = Some(last_score(&observation, judgement, pace, kind.unit()));
        entry.learn(observation, judge);
        self.since_kin += 1;
        if KINSHIP_EVERY * self.entries.len() as f64 <= self.since_kin as f64 {
            self.compare();
        }
        self.entries.get(&seat.uid)
    }

    /// What a miner's standing is made of.
    pub fn standing(&self, uid: Uid) -> Option<Standing> {
        let pace = self.pace();
        self.entries
            .get(&uid)
            .map(|entry| self.parts(uid, entry, pace))
    }

    /// What a miner is worth, from 0 to 1.
    pub fn value(&self, uid: Uid) -> Option<f64> {
        let entry = self.entries.get(&uid)?;
        self.standing(uid).map(|standing| worth(standing, entry))
    }

    /// The weights to publish: every graded seat's, or none if nobody has earned anything. Who publishes no address, and so
    /// cannot be asked any more, weighs nothing until it is back.
    pub fn weights(&self) -> Vec<(Uid, u16)> {
        let pace = self.pace();
        let here = self.here();
        let merit = |(uid, entry): (&Uid, &Entry)| {
            let standing = self.parts(*uid, entry, pace);
            let is_here = f64::from(u8::from(here.contains(uid)));
            Merit {
                uid: *uid,
                work: is_here * (standing.work() + entry.recalled).min(1.0),
                standing: is_here * worth(standing, entry),
            }
        };
        let merits: Vec<_> = self.entries.iter().map(merit).collect();
        weigh(&merits)
    }

    /// Those who publish an address.
    fn here(&self) -> BTreeSet<Uid> {
        self.seats.iter().map(|seat| seat.uid).collect()
    }

    /// What the world is told.
    pub fn standings(
        &self,
        validator: Hotkey,
        netuid: NetUid,
        kind: &dyn Kind,
        model: Option<&str>,
    ) -> Standings {
        let weights: BTreeMap<_, _> = self.weights().into_iter().collect();
        let pace = self.pace();
        let miners = self.entries.iter().map(|(uid, entry)| {
            let standing = self.parts(*uid, entry, pace);
            MinerStanding {
                uid: *uid,
                hotkey: entry.hotkey,
                standing: worth(standing, entry),
                weight: weights.get(uid).copied().unwrap_or(0),
                quality: standing.quality,
                originality: standing.originality,
                probes: entry.record.probes,
                verified: entry.record.verified,
                per_second: entry.record.speed.map(|speed| speed.per_second),
                first_ms: entry.record.speed.map(|speed| speed.first_ms),
                last: entry.last.clone().map(|last| self.with_twin(*uid, last)),
            }
        });
        Standings {
            validator,
            netuid,
            task: kind.id(),
            unit: kind.unit().to_owned(),
            model: model.map(str::to_owned),
            block: self.block,
            miners: miners.collect(),
        }
    }

    /// The reason, with a word on whose answers these are besides.
    fn with_twin(&self, uid: Uid, mut last: LastScore) -> LastScore {
        if let Some((other, equal, shared)) = self.kin.get(&uid).and_then(|kin| kin.twin) {
            last.reason = format!(
                "{}; the same answers to the last digit as uid {other} on {equal} of {shared} shared challenges: counted once in full, then by halves",
                last.reason
            );
        }
        last
    }

    fn parts(&self, uid: Uid, entry: &Entry, pace: Option<Pace>) -> Standing {
        let speed = entry.record.speed;
        let share = |pace: Pace| speed.map_or(0.0, |speed| pace.share(speed));
        Standing {
            quality: entry.quality,
            pace: pace.map_or(1.0, share),
            originality: self.kin.get(&uid).map_or(1.0, |kin| kin.share),
        }
    }

    /// The pace set by those who are here.
    fn pace(&self) -> Option<Pace> {
        let seated = self
            .seats
            .iter()
            .filter_map(|seat| self.entries.get(&seat.uid));
        Pace::of(seated.filter_map(|entry| Some((entry.quality, entry.record.speed?))))
    }

    /// Compares everybody's answers with everybody's.
    fn compare(&mut self) {
        let uids: Vec<Uid> = self.entries.keys().copied().collect();
        let kinship = Kinship::of(self.entries.values().map(|entry| &entry.record));
        let named = |(index, found): (usize, Originality)| {
            let twin = found
                .twin
                .map(|twin| (uids[twin.index], twin.equal, twin.shared));
            let kin = Kin {
                share: found.share,
                twin,
                suspects: kinship.suspects(index).map(|other| uids[other]).collect(),
            };
            (uids[index], kin)
        };
        let found = kinship.originalities().into_iter().enumerate();
        self.kin = found.map(named).collect();
        self.since_kin = 0;
    }
}

/// A standing's worth, with what is left of the one before the restart.
fn worth(standing: Standing, entry: &Entry) -> f64 {
    (standing.value() + entry.recalled).min(1.0)
}

fn last_score(
    observation: &Observation,
    judgement: &Judgement,
    pace: Option<Pace>,
    unit: &str,
) -> LastScore {
    let told = |speed: Speed| {
        let pace = Pace::with(pace, speed);
        (pace.share(speed), pace.told(speed, unit))
    };
    let (share, told) = judgement.speed.map(told).unzip();
    let reason = match told {
        Some(told) => format!("{}; {told}", clipped(judgement.reason.clone())),
        None => clipped(judgement.reason.clone()),
    };
    LastScore {
        score: observation.quality * share.unwrap_or(1.0),
        reason,
        at_ms: observation.at_ms,
    }
}
