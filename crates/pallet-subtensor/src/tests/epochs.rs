//! Epochs: who is paid, and when.

use super::*;

/// A subnet with one validator (Alice's) and two miners (Bob's and Carol's), of whom only Bob's is
/// thought well of.
fn subnet_with_an_opinion() -> (Market, [u16; 3]) {
    let mut market = Market::open();
    let (validator, good, bad) = (hot(ALICE, 1), hot(BOB, 1), hot(CAROL, 1));
    let uids = [
        market.register(1, ALICE, validator),
        market.register(1, BOB, good),
        market.register(1, CAROL, bad),
    ];
    market.stake(ALICE, validator, 1, 50);
    market.run_to(11);
    market.weigh(validator, 1, &[(uids[1], 9), (uids[2], 1)]);
    (market, uids)
}

/// The whole way: weights are set, the epoch settles, and the miner's stake and the validator's
/// grow.
#[test]
fn an_epoch_pays_miners_validators_and_the_owner() {
    let (mut market, [validator, good, bad]) = subnet_with_an_opinion();
    let before = [
        market.staked(hot(ALICE, 1), ALICE, 1),
        market.staked(hot(BOB, 1), BOB, 1),
        market.staked(hot(CAROL, 1), CAROL, 1),
        market.staked(hot(OWNER, 1), OWNER, 1),
    ];
    market.run_to(21);
    let after = [
        market.staked(hot(ALICE, 1), ALICE, 1),
        market.staked(hot(BOB, 1), BOB, 1),
        market.staked(hot(CAROL, 1), CAROL, 1),
        market.staked(hot(OWNER, 1), OWNER, 1),
    ];
    let earned: Vec<u64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    // Ten blocks mint ten alpha: 41 % to miners, 41 % to validators, 18 % to the owner.
    let about = |rao: u64, expected: u64| rao.abs_diff(expected) < UNIT / 1_000;
    assert!(about(earned[0], 4_100 * UNIT / 1_000), "{earned:?}");
    assert!(about(earned[1], 3_690 * UNIT / 1_000), "{earned:?}");
    assert!(about(earned[2], 410 * UNIT / 1_000), "{earned:?}");
    assert!(about(earned[3], 1_800 * UNIT / 1_000), "{earned:?}");

    let (incentive, permits, dividends) = market.read(|| {
        (
            Subtensor::incentive(1),
            Subtensor::validator_permit(1),
            Subtensor::dividends(1),
        )
    });
    assert_eq!(incentive[usize::from(good)], 58_981);
    assert_eq!(incentive[usize::from(bad)], 6_553);
    assert_eq!(dividends[usize::from(validator)], 65_535);
    assert!(permits[usize::from(validator)]);
}

#[test]
fn an_epoch_comes_every_tempo() {
    let mut market = Market::open();
    let index = |market: &mut Market| market.read(|| Subtensor::epoch_index(1));
    market.run_to(10);
    assert_eq!(index(&mut market), 0);
    market.run_to(11);
    assert_eq!(index(&mut market), 1);
    assert_eq!(
        market.read(|| Subtensor::next_epoch_start_block(1)),
        Some(21)
    );
    market.run_to(41);
    assert_eq!(index(&mut market), 4);
    assert_eq!(market.read(|| Subtensor::blocks_since_last_step(1)), 0);
    assert_eq!(market.read(|| Subtensor::last_step_block(1)), 41);
}

#[test]
fn a_third_epoch_in_one_block_waits_for_the_next() {
    let mut market = Market::open();
    market.open_subnet(ALICE);
    market.open_subnet(BOB);
    market.run_to(11);
    let ran = market.read(|| [1, 2, 3].map(Subtensor::epoch_index));
    assert_eq!(ran, [1, 1, 0]);
    market.run_to(12);
    let ran = market.read(|| [1, 2, 3].map(Subtensor::epoch_index));
    assert_eq!(ran, [1, 1, 1]);
}

#[test]
fn an_owner_triggers_an_epoch_early() {
    let mut market = Market::open();
    market.run_to(3);
    market.call(OWNER, Call::trigger_epoch { netuid: 1 });
    market.refuse(
        OWNER,
        Call::trigger_epoch { netuid: 1 },
        Error::EpochTriggerAlreadyPending,
    );
    market.run_to(4);
    assert_eq!(market.read(|| Subtensor::epoch_index(1)), 1);
    market.run_to(13);
    market.refuse(
        OWNER,
        Call::trigger_epoch { netuid: 1 },
        Error::AutoEpochAlreadyImminent,
    );
    market.refuse(
        ALICE,
        Call::trigger_epoch { netuid: 1 },
        Error::NotSubnetOwner,
    );
}

#[test]
fn epochs_are_not_triggered_while_weights_are_hidden() {
    let mut market = Market::open();
    market.set(1, Hyperparameter::CommitRevealWeightsEnabled(true));
    market.refuse(
        OWNER,
        Call::trigger_epoch { netuid: 1 },
        Error::DynamicTempoBlockedByCommitReveal,
    );
}

#[test]
fn a_neuron_resets_the_bonds_towards_it_where_it_may() {
    let (mut market, [validator, good, bad]) = subnet_with_an_opinion();
    market.run_to(21);
    let towards = |market: &mut Market| -> Vec<u16> {
        let row = market.read(|| Subtensor::bonds_of(1, validator));
        row.into_iter().map(|(uid, _)| uid).collect()
    };
    market.write(|| Subtensor::reset_bonds_towards(1, &hot(BOB, 1)));
    assert_eq!(towards(&mut market), [good, bad]);
    market.set(1, Hyperparameter::BondsResetOn(true));
    market.write(|| Subtensor::reset_bonds_towards(1, &hot(BOB, 1)));
    assert_eq!(towards(&mut market), [bad]);
}

/// The owner grades with its own miner: what that would earn is burned, and weighs against the
/// subnet's TAO.
#[test]
fn an_owners_own_miner_earns_nothing() {
    let mut market = Market::open();
    let validator = hot(ALICE, 1);
    market.register(1, ALICE, validator);
    market.stake(ALICE, validator, 1, 50);
    market.run_to(11);
    market.weigh(validator, 1, &[(0, 1)]);
    let cut_only = market.staked(hot(OWNER, 1), OWNER, 1);
    let burned = market.read(|| Subtensor::burned_alpha(1));
    market.run_to(21);
    let owner = market.staked(hot(OWNER, 1), OWNER, 1) - cut_only;
    assert!(owner < 19 * UNIT / 10, "more than the cut: {owner}");
    assert!(market.read(|| Subtensor::burned_alpha(1)) - burned > 4 * UNIT);
    assert_eq!(market.read(|| Subtensor::miner_burned(1)).bits, 1 << 64);
}

/// With nobody's weights, miners' pay goes to whoever has stake.
#[test]
fn without_weights_stake_is_paid() {
    let mut market = Market::open();
    let validator = hot(ALICE, 1);
    market.register(1, ALICE, validator);
    market.stake(ALICE, validator, 1, 50);
    let before = market.staked(validator, ALICE, 1);
    market.run_to(11);
    let earned = market.staked(validator, ALICE, 1) - before;
    assert!(earned > 7 * UNIT, "{earned}");
}

/// Pay that nobody can receive is not lost.
#[test]
fn pay_without_any_stake_waits() {
    let mut market = Market::open();
    market.set(1, Hyperparameter::OwnerCutEnabled(false));
    market.run_to(11);
    let pending = market.read(|| Subtensor::pending(1));
    assert_eq!(pending.server, 0);
    assert!(pending.validator > 9 * UNIT, "{pending:?}");
}

#[test]
fn stakers_share_what_the_validator_does_not_keep() {
    let mut market = Market::open();
    let validator = hot(ALICE, 1);
    let miner = hot(BOB, 1);
    market.register(1, ALICE, validator);
    let uid = market.register(1, BOB, miner);
    market.stake(CAROL, validator, 1, 30);
    market.stake(BOB, validator, 1, 30);
    market.run_to(11);
    market.weigh(validator, 1, &[(uid, 1)]);
    let stakes = |market: &mut Market| {
        [ALICE, BOB, CAROL].map(|coldkey| market.staked(validator, coldkey, 1))
    };
    let before = stakes(&mut market);
    market.run_to(21);
    let after = stakes(&mut market);
    let earned: Vec<u64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    let total: u64 = earned.iter().sum();
    // Alice keeps 18 % though she stakes nothing at first; the others divide the rest by stake.
    let kept = u128::from(earned[0]) * 1_000 / u128::from(total);
    assert!((179..260).contains(&kept), "{earned:?} of {total}");
    let ratio_before = u128::from(before[1]) * 1_000_000 / u128::from(before[2]);
    let ratio_after = u128::from(after[1]) * 1_000_000 / u128::from(after[2]);
    assert!(ratio_before.abs_diff(ratio_after) <= 1);
    let dividends = market.read(|| Subtensor::alpha_dividends(1));
    assert_eq!(dividends.len(), 1);
    assert_eq!(dividends[0].0, validator);
}

#[test]
fn several_subnets_settle_and_pay() {
    let mut market = Market::open();
    market.open_subnet(ALICE);
    market.open_subnet(BOB);
    for (netuid, owner) in [(1, OWNER), (2, ALICE), (3, BOB)] {
        let validator = hot(CAROL, u64::from(netuid));
        let miner = hot(owner, 50 + u64::from(netuid));
        market.register(netuid, CAROL, validator);
        let other = if owner == BOB { ALICE } else { BOB };
        let miner_owner = other;
        let uid = market.register(netuid, miner_owner, miner);
        market.stake(CAROL, validator, netuid, 20 * u64::from(netuid));
        market.run(12);
        market.weigh(validator, netuid, &[(uid, 7)]);
    }
    market.run(25);
    for netuid in 1..=3 {
        assert!(
            market
                .read(|| Subtensor::incentive(netuid))
                .contains(&65_535)
        );
        let validator = hot(CAROL, u64::from(netuid));
        assert!(market.staked(validator, CAROL, netuid) > 20 * UNIT);
    }
}

#[test]
fn root_stakers_collect_their_part_in_alpha() {
    let mut market = Market::open();
    let validator = hot(ALICE, 1);
    let uid = market.register(1, ALICE, validator);
    let miner = market.register(1, BOB, hot(BOB, 1));
    market.stake(CAROL, validator, ROOT, 500_000);
    market.stake(ALICE, validator, 1, 10);
    // Root is paid only while alpha is dear: one alpha costs more than one TAO.
    market.write(|| SubnetMovingPriceExact::<Test>::insert(1, 2u128 << 64));
    market.run_to(11);
    assert!(market.read(|| Subtensor::has_permit(1, uid)));
    market.weigh(validator, 1, &[(miner, 1)]);
    market.run_to(31);
    let owed = market.read(|| Subtensor::root_dividend_owed(&validator, &CAROL, 1));
    assert!(owed > 0);
    assert!(
        !market
            .read(|| Subtensor::root_alpha_dividends(1))
            .is_empty()
    );

    // What is owed does not change with the stake.
    market.call(
        CAROL,
        Call::remove_stake {
            hotkey: validator,
            netuid: ROOT,
            amount_unstaked: 100_000 * UNIT,
        },
    );
    let still = market.read(|| Subtensor::root_dividend_owed(&validator, &CAROL, 1));
    assert!(owed - still <= 1, "{owed} {still}");
    market.stake(CAROL, validator, ROOT, 50_000);
    let still = market.read(|| Subtensor::root_dividend_owed(&validator, &CAROL, 1));
    assert!(owed - still <= 3, "{owed} {still}");

    let subnets = [1].into_iter().collect();
    market.call(CAROL, Call::claim_root { subnets });
    assert!(market.staked(validator, CAROL, 1).abs_diff(still) <= 1);
    assert_eq!(
        market.read(|| Subtensor::root_dividend_owed(&validator, &CAROL, 1)),
        0
    );
    market.call(CAROL, Call::claim_root_with_hotkey { hotkey: validator });
    market.refuse(
        CAROL,
        Call::claim_root_with_hotkey {
            hotkey: hot(PAUPER, 1),
        },
        Error::HotKeyAccountNotExists,
    );
    let subnets = [77].into_iter().collect();
    market.refuse(CAROL, Call::claim_root { subnets }, Error::SubnetNotExists);
}

#[test]
fn a_miners_pay_goes_where_its_coldkey_directs_it() {
    let (mut market, _) = subnet_with_an_opinion();
    let target = hot(ALICE, 1);
    let call = Call::set_coldkey_auto_stake_hotkey {
        netuid: 1,
        hotkey: target,
    };
    market.call(BOB, call.clone());
    market.refuse(BOB, call, Error::SameAutoStakeHotkeyAlreadySet);
    market.refuse(
        BOB,
        Call::set_coldkey_auto_stake_hotkey {
            netuid: 9,
            hotkey: target,
        },
        Error::SubnetNotExists,
    );
    market.refuse(
        BOB,
        Call::set_coldkey_auto_stake_hotkey {
            netuid: 1,
            hotkey: hot(PAUPER, 1),
        },
        Error::HotKeyNotRegisteredInSubNet,
    );
    market.run_to(21);
    assert_eq!(market.staked(hot(BOB, 1), BOB, 1), 0);
    assert!(market.staked(target, BOB, 1) > 3 * UNIT);
}

#[test]
fn rates_of_liquid_bonds_are_set_in_order_and_where_they_count() {
    let mut market = Market::open();
    let rates = |low, high| Hyperparameter::AlphaValues(low, high);
    let refused = Err(Error::<Test>::LiquidAlphaDisabled.into());
    assert_eq!(market.try_set(1, rates(20_000, 60_000)), refused);
    market.set(1, Hyperparameter::LiquidAlphaOn(true));
    for (low, high, reason) in [
        (20_000, 19_999, Error::<Test>::AlphaHighTooLow),
        (1_000, 1_637, Error::AlphaHighTooLow),
        (1_637, 1_638, Error::AlphaLowOutOfRange),
    ] {
        assert_eq!(market.try_set(1, rates(low, high)), Err(reason.into()));
    }
    market.set(1, rates(1_638, 1_638));
    assert_eq!(market.read(|| Subtensor::alpha_values(1)), (1_638, 1_638));
}
