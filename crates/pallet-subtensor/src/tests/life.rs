//! A subnet's whole life, in one test.

use super::{dissolution::dissolve_and_check_refunds, *};

fn tempo(tempo: u16) -> Call<Test> {
    Call::set_tempo { netuid: 1, tempo }
}

/// Lets a subnet of five seats be filled, with a validator whose stakers are three coldkeys.
fn fill(market: &mut Market) {
    market.set(1, Hyperparameter::MinAllowedUids(1));
    market.set(1, Hyperparameter::MaxAllowedUids(5));
    market.set(1, Hyperparameter::ImmunityPeriod(30));
    market.set(1, Hyperparameter::MinNonImmuneUids(0));
    market.set(1, Hyperparameter::WeightsSetRateLimit(0));
    for (coldkey, index) in [(ALICE, 1), (BOB, 1), (BOB, 2), (CAROL, 1)] {
        market.register(1, coldkey, hot(coldkey, index));
    }
    for (coldkey, tao) in [(ALICE, 1_000), (BOB, 333), (CAROL, 1)] {
        market.stake(coldkey, hot(ALICE, 1), 1, tao);
        market.stake(coldkey, hot(ALICE, 1), ROOT, tao);
    }
}

#[test]
fn a_subnets_whole_life() {
    // It is created, and nothing trades before its owner starts it.
    let mut market = Market::empty();
    market.write(|| Subtensor::set_start_call_delay(3));
    let hotkey = hot(OWNER, 1);
    market.call(OWNER, Call::register_network { hotkey });
    let stake = Call::add_stake {
        hotkey,
        netuid: 1,
        amount_staked: UNIT,
    };
    market.refuse(BOB, stake, Error::SubtokenDisabled);
    market.refuse(
        OWNER,
        Call::start_call { netuid: 1 },
        Error::NeedWaitingMoreBlocksToStarCall,
    );
    market.run(3);
    market.call(OWNER, Call::start_call { netuid: 1 });

    // It fills up to its limit, and emission flows to those whom the validator's weights name.
    market.write(|| SubnetMovingPriceExact::<Test>::insert(1, 2u128 << 64));
    fill(&mut market);
    assert_eq!(market.read(|| Subtensor::neuron_count(1)), 5);
    market.run(12);
    let validator = hot(ALICE, 1);
    market.weigh(validator, 1, &[(2, 60_000), (4, 5_000)]);
    let staked = market.read(|| Subtensor::total_alpha_staked(1));
    market.run(25);
    assert!(market.read(|| Subtensor::total_alpha_staked(1)) > staked);
    let emission = market.read(|| Subtensor::emission(1));
    assert!(emission[2] > emission[4] && emission[4] > 0 && emission[3] == 0);
    assert!(market.staked(hot(BOB, 1), BOB, 1) > 0);
    assert!(
        market.staked(hotkey, OWNER, 1) > 0,
        "the owner takes its cut"
    );

    // A newcomer takes the seat of whoever earned least.
    let idle = market.read(|| Subtensor::hotkey_of(1, 3));
    assert_eq!(idle, Some(hot(BOB, 2)));
    assert_eq!(market.register(1, CAROL, hot(CAROL, 2)), 3);
    assert!(!market.read(|| Subtensor::is_registered(1, &hot(BOB, 2))));
    assert_eq!(market.read(|| Subtensor::neuron_count(1)), 5);

    // Its owner changes a setting, and again only after two tempos, and not just before an epoch.
    market.call(OWNER, tempo(60));
    market.refuse(OWNER, tempo(70), Error::TxRateLimitExceeded);
    market.refuse(BOB, tempo(70), Error::NotSubnetOwner);
    market.run(120);
    let last = market.read(|| Subtensor::last_epoch_block(1)) as u32;
    market.run_to(last + 55);
    market.refuse(
        OWNER,
        tempo(70),
        Error::AdminActionProhibitedDuringWeightsWindow,
    );
    market.run_to(last + 61);
    market.call(OWNER, tempo(70));
    assert_eq!(market.read(|| Subtensor::tempo(1)), 70);

    // It is dissolved, every staker is paid to the rao, and its number begins anew.
    dissolve_and_check_refunds(&mut market, 1);
    assert_eq!(market.read(Subtensor::netuids), [ROOT]);
    assert_eq!(market.staked(validator, ALICE, 1), 0);
    market.write(|| Subtensor::set_start_call_delay(0));
    assert_eq!(market.open_subnet(BOB), 1);
    assert_eq!(market.read(|| Subtensor::tempo(1)), 10);
    assert_eq!(market.read(|| Subtensor::neuron_count(1)), 1);
    assert_eq!(market.read(|| Subtensor::max_allowed_uids(1)), 256);
    assert_eq!(market.read(|| Subtensor::total_alpha_staked(1)), 0);
    market.run(25);
}
