//! Which epoch's consensus the rates of liquid bonds are measured by.

use super::*;
use crate::ConsensusMode::{Auto, Current, Previous};

const WHOLE: u16 = u16::MAX;
const HALF: u16 = u16::MAX / 2;

/// The validator's bonds after an epoch in which it turned from one miner to the other.
fn bonds(mode: ConsensusMode, penalty: u16) -> Vec<(u16, u16)> {
    let mut market = Market::open();
    let (validator, first, second) = (hot(ALICE, 1), hot(BOB, 1), hot(CAROL, 1));
    let uids = [
        market.register(1, ALICE, validator),
        market.register(1, BOB, first),
        market.register(1, CAROL, second),
    ];
    market.stake(ALICE, validator, 1, 50);
    market.set(1, Hyperparameter::Yuma3On(true));
    market.set(1, Hyperparameter::LiquidAlphaOn(true));
    market.set(1, Hyperparameter::BondsPenalty(penalty));
    market.set(1, Hyperparameter::LiquidAlphaConsensusMode(mode));
    market.run_to(11);
    market.weigh(validator, 1, &[(uids[1], 9), (uids[2], 1)]);
    market.run_to(21);
    market.weigh(validator, 1, &[(uids[1], 1), (uids[2], 9)]);
    market.run_to(31);
    market.read(|| Subtensor::bonds_of(1, uids[0]))
}

#[test]
fn rates_are_measured_by_the_consensus_that_the_owner_chose() {
    let (now, before) = (bonds(Current, WHOLE), bonds(Previous, WHOLE));
    assert!(!now.is_empty() && !before.is_empty());
    assert_ne!(now, before);
}

#[test]
fn by_itself_the_past_counts_where_weights_beyond_consensus_are_kept_out_wholly() {
    assert_eq!(bonds(Auto, WHOLE), bonds(Previous, WHOLE));
    assert_eq!(bonds(Auto, HALF), bonds(Current, HALF));
    assert_ne!(bonds(Auto, HALF), bonds(Previous, HALF));
}
