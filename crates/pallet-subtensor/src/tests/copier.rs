//! What copying other validators' weights earns, where they are sealed and where they lie open.
//!
//! Twelve miners, whose qualities nobody states on chain; three honest validators, who see each quality within 2 % and
//! publish what they see; and a copier of the same stake, who looks at no miner. As late as its row still counts, it
//! publishes what half of the others' stake agrees on, as far as it reads that on chain in that block. All begin alike: in
//! the first epoch, which is not counted, the copier too publishes what it sees.
//!
//! Everything is as a new subnet has it (Yuma 3, bonds that keep 90 % of themselves, a bonds penalty of one, no liquid
//! alpha, one epoch from commit to reveal), but for short epochs and for seats that are all taken and soon lose their
//! immunity.
//!
//! # What comes of it
//!
//! What makes a copier poorer is that the market moves while rows are closed: a copied row is one epoch old. It lacks the
//! newcomers, towards whom the others have a bond before it, and it disagrees about everybody who became better or worse.
//! Where nothing moves, an old row is as good as a new one, and sealing does not help. With the drift and the newcomers of
//! [`RESTLESS`] a copier's stake earns 3 to 5 % less than an honest validator's, and 1.2 to 1.5 % less if it takes newcomers
//! for average; without newcomers it is 0.6 % less, and where rows lie open 0.3 % more, for a middle value is less noisy
//! than any single look.

use super::timelock::{Authorities, commit_until};
use super::*;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

const EPOCHS: u32 = 48;
const MINERS: u16 = 12;

/// The best that a miner can be.
const QUALITY_MAX: u32 = 10_000;

/// How far a validator's look at a quality is off at most, in ten-thousandths.
const NOISE: u32 = 200;

/// Their hotkeys are Alice's, and their uids 1 to 4.
const HONEST: [u16; 3] = [1, 2, 3];
const COPIER: u16 = 4;

/// Where rows are until they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    Sealed,
    Open,
}

/// What a copier gives to a miner about whom it reads nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newcomers {
    Ignored,
    /// As much as the others have on average.
    TakenForAverage,
}

/// How restless a market's miners are.
#[derive(Clone, Copy, Debug)]
struct Unrest {
    /// How far a quality moves in an epoch at most, in ten-thousandths.
    drift: u32,
    /// Epochs from one newcomer to the next, if any come.
    newcomer_every: Option<u32>,
}

/// Qualities move by up to 5 %, and in six epochs one of twelve miners is replaced.
const RESTLESS: Unrest = Unrest {
    drift: 500,
    newcomer_every: Some(6),
};

const DRIFTING: Unrest = Unrest {
    drift: 500,
    newcomer_every: None,
};

const STILL: Unrest = Unrest {
    drift: 0,
    newcomer_every: None,
};

/// What stake earned, in millionths of an alpha for each alpha staked.
#[derive(Debug)]
struct Earned {
    honest: [u64; 3],
    copier: u64,
}

impl Earned {
    fn honest_mean(&self) -> u64 {
        self.honest.iter().sum::<u64>() / 3
    }

    fn print(&self, what: &str, seed: u64) {
        let (copier, mean) = (self.copier as f64, self.honest_mean() as f64);
        println!(
            "{what}, seed {seed}: an alpha earned {:?} millionths with the honest, {} with the copier ({:+.2} %)",
            self.honest,
            self.copier,
            (copier / mean - 1.0) * 100.0
        );
    }
}

/// A subnet in the block of its first epoch, with every seat taken.
struct Subnet {
    market: Market,
    authorities: Authorities,
    rng: ChaCha20Rng,
    rows: Rows,
    newcomers: Newcomers,
    unrest: Unrest,
    /// By uid, from that of the first miner on.
    qualities: Vec<u32>,
    miners_ever: u64,
}

impl Subnet {
    fn new(seed: u64, rows: Rows, newcomers: Newcomers, unrest: Unrest) -> Self {
        let mut market = Market::empty();
        // A pool so deep that what an epoch pays changes nobody's part of the stake much.
        market.write(|| Subtensor::set_network_min_lock_cost(100_000 * UNIT));
        market.open_subnet(OWNER);
        for uid in HONEST.into_iter().chain([COPIER]) {
            assert_eq!(market.register(1, ALICE, hotkey(uid)), uid);
        }
        market.set(1, Hyperparameter::MinAllowedUids(1));
        market.set(1, Hyperparameter::MaxAllowedUids(COPIER + 1 + MINERS));
        market.set(1, Hyperparameter::ImmunityPeriod(20));
        market.set(1, Hyperparameter::MinNonImmuneUids(0));
        market.set(
            1,
            Hyperparameter::CommitRevealWeightsEnabled(rows == Rows::Sealed),
        );
        market.stake(ALICE, hotkey(1), 1, 40_000);
        let quarter = market.staked(hotkey(1), ALICE, 1) / 4;
        for uid in 2..=COPIER {
            let call = Call::move_stake {
                origin_hotkey: hotkey(1),
                destination_hotkey: hotkey(uid),
                origin_netuid: 1,
                destination_netuid: 1,
                alpha_amount: quarter,
            };
            market.call(ALICE, call);
        }
        let mut subnet = Self {
            market,
            authorities: Authorities::new(),
            rng: ChaCha20Rng::seed_from_u64(seed),
            rows,
            newcomers,
            unrest,
            qualities: vec![0; usize::from(MINERS)],
            miners_ever: 0,
        };
        for _ in 0..MINERS {
            subnet.seat_newcomer();
        }
        subnet.market.run_to(11);
        subnet
    }

    /// Takes a seat for a miner of whatever quality; the chain says which.
    fn seat_newcomer(&mut self) {
        self.miners_ever += 1;
        let uid = self.market.register(1, BOB, hot(BOB, self.miners_ever));
        let place = uid.checked_sub(COPIER + 1).expect("validators earn more");
        self.qualities[usize::from(place)] = self.between(QUALITY_MAX / 10, QUALITY_MAX);
    }

    fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.rng.next_u32() % (high - low + 1)
    }

    /// A value that is off by so many ten-thousandths at most.
    fn about(&mut self, value: u32, most: u32) -> u32 {
        let factor = self.between(10_000 - most, 10_000 + most);
        value * factor / 10_000
    }

    /// Lets an epoch pass, from the block in which the last one settled.
    fn pass_epoch(&mut self, number: u32) {
        let begun = self.market.read(System::block_number);
        self.market.run(1);
        for place in 0..self.qualities.len() {
            let moved = self.about(self.qualities[place], self.unrest.drift);
            self.qualities[place] = moved.clamp(QUALITY_MAX / 20, QUALITY_MAX);
        }
        let comes = |every| number.is_multiple_of(every);
        if self.unrest.newcomer_every.is_some_and(comes) {
            self.seat_newcomer();
        }
        self.market.run(1);
        for uid in HONEST {
            let row = self.seen();
            self.publish(uid, row, begun);
        }
        // The key of a height comes in the block after it, and opens rows in the one after that.
        let last = match self.rows {
            Rows::Sealed => begun + 7,
            Rows::Open => begun + 9,
        };
        self.market.run_to(last);
        let row = if number == 0 {
            self.seen()
        } else {
            self.copied()
        };
        self.publish(COPIER, row, begun);
        self.market.run_to(begun + 9);
        if self.rows == Rows::Sealed {
            self.authorities.unlock(&mut self.market, begun + 8);
        }
        self.market.run_to(begun + 10);
        if self.rows == Rows::Sealed {
            for uid in 1..=COPIER {
                let opened = Event::TimelockedWeightsRevealed(1, hotkey(uid));
                assert!(self.market.saw(opened), "the row of {uid} did not open");
            }
        }
    }

    fn publish(&mut self, uid: u16, row: Vec<(u16, u16)>, begun: u32) {
        match self.rows {
            Rows::Open => self.market.weigh(hotkey(uid), 1, &row),
            Rows::Sealed => {
                let sealed = self.authorities.seal(begun + 8, hotkey(uid), &row);
                self.market
                    .call(hotkey(uid), commit_until(begun + 8, sealed));
            }
        }
    }

    /// What somebody sees who looks at every miner.
    fn seen(&mut self) -> Vec<(u16, u16)> {
        (0..MINERS)
            .map(|place| {
                let quality = self.about(self.qualities[usize::from(place)], NOISE);
                let weight = u16::try_from(quality * 6).expect("at most 61,200");
                (COPIER + 1 + place, weight)
            })
            .collect()
    }

    /// What half of the others' stake agrees on, as the chain shows it now.
    fn copied(&mut self) -> Vec<(u16, u16)> {
        let graders = HONEST.map(|uid| {
            let stake = self.market.staked(hotkey(uid), ALICE, 1);
            let row = self.market.read(|| Subtensor::weights_of(1, uid));
            let total: u64 = row.iter().map(|(_, weight)| u64::from(*weight)).sum();
            (stake, row, total)
        });
        let half = graders.iter().map(|grader| grader.0).sum::<u64>() / 2;
        let agreed = |miner: u16| {
            let mut shares: Vec<(u64, u64)> = graders
                .iter()
                .map(|(stake, row, total)| {
                    let entry = row.iter().find(|(uid, _)| *uid == miner);
                    let weight = entry.map_or(0, |(_, weight)| u64::from(*weight));
                    (weight * 60_000 / total, *stake)
                })
                .collect();
            shares.sort_unstable_by(|a, b| b.cmp(a));
            let mut behind = 0;
            let least = shares.iter().find(|(_, stake)| {
                behind += stake;
                half <= behind
            });
            least.expect("all of them are more than half").0
        };
        let miners = COPIER + 1..COPIER + 1 + MINERS;
        let mut row: Vec<(u16, u16)> = miners
            .map(|miner| {
                let weight = u16::try_from(agreed(miner)).expect("at most 60,000");
                (miner, weight)
            })
            .collect();
        if self.newcomers == Newcomers::TakenForAverage {
            let known = row.iter().filter(|entry| entry.1 != 0).count() as u64;
            let total: u64 = row.iter().map(|entry| u64::from(entry.1)).sum();
            let average = u16::try_from(total / known).expect("at most 60,000");
            for entry in row.iter_mut().filter(|entry| entry.1 == 0) {
                entry.1 = average;
            }
        }
        row
    }

    fn stakes(&mut self) -> [u64; 4] {
        [1, 2, 3, COPIER].map(|uid| self.market.staked(hotkey(uid), ALICE, 1))
    }
}

/// The hotkey of a validator.
fn hotkey(uid: u16) -> Account {
    hot(ALICE, uid.into())
}

fn earned(seed: u64, rows: Rows, newcomers: Newcomers, unrest: Unrest) -> Earned {
    let mut subnet = Subnet::new(seed, rows, newcomers, unrest);
    assert!(subnet.market.read(|| Subtensor::yuma3_enabled(1)));
    subnet.pass_epoch(0);
    let before = subnet.stakes();
    for number in 1..=EPOCHS {
        subnet.pass_epoch(number);
    }
    let after = subnet.stakes();
    let of = |place: usize| (after[place] - before[place]) * 1_000 / (before[place] / 1_000);
    Earned {
        honest: [of(0), of(1), of(2)],
        copier: of(3),
    }
}

#[test]
fn a_copier_of_sealed_rows_earns_less_than_every_honest_validator() {
    for seed in 1..=3 {
        let earned = earned(seed, Rows::Sealed, Newcomers::Ignored, RESTLESS);
        earned.print("sealed", seed);
        assert!(
            earned.honest.iter().all(|honest| earned.copier < *honest),
            "seed {seed}: {earned:?}"
        );
    }
}

#[test]
fn a_copier_that_takes_newcomers_for_average_earns_less_all_the_same() {
    for seed in 1..=2 {
        let earned = earned(seed, Rows::Sealed, Newcomers::TakenForAverage, RESTLESS);
        earned.print("sealed, newcomers guessed at", seed);
        assert!(
            earned.honest.iter().all(|honest| earned.copier < *honest),
            "seed {seed}: {earned:?}"
        );
    }
}

/// Which is why rows are sealed.
#[test]
fn a_copier_of_open_rows_earns_as_much_as_the_honest() {
    for seed in 1..=2 {
        let earned = earned(seed, Rows::Open, Newcomers::Ignored, RESTLESS);
        earned.print("open", seed);
        assert!(
            earned.honest_mean() <= earned.copier,
            "seed {seed}: {earned:?}"
        );
    }
}

/// Newcomers are most of what a copier misses; without them it misses little.
#[test]
fn a_copier_of_sealed_rows_earns_less_where_miners_only_drift() {
    let earned = earned(1, Rows::Sealed, Newcomers::Ignored, DRIFTING);
    earned.print("sealed, and nobody comes", 1);
    assert!(earned.copier < earned.honest_mean(), "{earned:?}");
}

/// What sealing does not mend.
#[test]
fn a_copier_of_sealed_rows_loses_nothing_where_miners_never_change() {
    let earned = earned(1, Rows::Sealed, Newcomers::Ignored, STILL);
    earned.print("sealed, and nothing moves", 1);
    let mean = earned.honest_mean();
    assert!(earned.copier.abs_diff(mean) < mean / 500, "{earned:?}");
}
