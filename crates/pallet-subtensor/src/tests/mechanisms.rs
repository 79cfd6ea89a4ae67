//! Several mechanisms, trims, and seats for work.

use super::*;
use sp_core::U256;

fn mechanism_weights(mecid: MechId, row: &[(u16, u16)]) -> Call<Test> {
    Call::set_mechanism_weights {
        netuid: 1,
        mecid,
        dests: row.iter().map(|(uid, _)| *uid).collect(),
        weights: row.iter().map(|(_, weight)| *weight).collect(),
        version_key: 0,
    }
}

/// A validator at uid 1 that earns nothing itself, and two miners of different coldkeys.
fn market() -> Market {
    let mut market = Market::open();
    market.register(1, ALICE, hot(ALICE, 1));
    market.register(1, BOB, hot(BOB, 1));
    market.register(1, CAROL, hot(CAROL, 1));
    market.stake(ALICE, hot(ALICE, 1), 1, 500);
    market.run(11);
    market
}

#[test]
fn each_mechanism_pays_by_its_own_weights() {
    let mut market = market();
    market.set(1, Hyperparameter::MinAllowedUids(1));
    market.set(1, Hyperparameter::MaxAllowedUids(100));
    let validator = hot(ALICE, 1);
    market.refuse(
        validator,
        mechanism_weights(1, &[(2, 1)]),
        Error::MechanismDoesNotExist,
    );
    assert_eq!(
        market.write(|| Subtensor::do_set_mechanism_count(1, 2)),
        Ok(())
    );
    let split = Some(vec![49_151, 16_384]);
    assert_eq!(
        market.write(|| Subtensor::do_set_mechanism_split(1, split)),
        Ok(())
    );
    market.call(validator, mechanism_weights(0, &[(2, 9)]));
    market.call(validator, mechanism_weights(1, &[(3, 9)]));
    market.run(10);
    let index = Subtensor::storage_index(1, 1);
    assert_eq!(market.read(|| Subtensor::incentive(1)), [0, 0, 65_535, 0]);
    assert_eq!(
        market.read(|| Subtensor::incentive(index)),
        [0, 0, 0, 65_535]
    );
    let emission = market.read(|| Subtensor::emission(1));
    assert!(
        emission[2] > 2 * emission[3] && emission[3] > 0,
        "{emission:?}"
    );
    let (bob, carol) = (
        market.staked(hot(BOB, 1), BOB, 1),
        market.staked(hot(CAROL, 1), CAROL, 1),
    );
    assert!(bob > 2 * carol && carol > 0, "{bob} {carol}");

    // What is taken away is forgotten.
    assert_eq!(
        market.write(|| Subtensor::do_set_mechanism_count(1, 1)),
        Ok(())
    );
    assert!(market.read(|| Subtensor::weights_of(index, 1)).is_empty());
    assert!(market.read(|| Subtensor::incentive(index)).is_empty());
    assert_eq!(market.read(|| Subtensor::mechanism_split(1)), None);
    market.refuse(
        validator,
        mechanism_weights(1, &[(3, 9)]),
        Error::MechanismDoesNotExist,
    );
}

#[test]
fn mechanisms_are_bounded() {
    let mut market = market();
    let mut set = |netuid, count| market.write(|| Subtensor::do_set_mechanism_count(netuid, count));
    assert_eq!(
        set(1, 2),
        Err(Error::<Test>::TooManyUIDsPerMechanism.into())
    );
    assert_eq!(set(1, 0), Err(Error::<Test>::InvalidValue.into()));
    assert_eq!(set(1, 3), Err(Error::<Test>::InvalidValue.into()));
    assert_eq!(set(9, 1), Err(Error::<Test>::SubnetNotExists.into()));
    assert_eq!(set(ROOT, 1), Err(Error::<Test>::SubnetNotExists.into()));
    let mut split = |split| market.write(|| Subtensor::do_set_mechanism_split(1, split));
    assert_eq!(
        split(Some(vec![1])),
        Err(Error::<Test>::InvalidValue.into())
    );
    assert_eq!(split(Some(vec![65_535])), Ok(()));
    assert_eq!(split(None), Ok(()));
    let mut most = |count| market.write(|| Subtensor::set_max_mechanism_count(count));
    assert_eq!(most(0), Err(Error::<Test>::InvalidValue.into()));
    assert_eq!(most(17), Err(Error::<Test>::InvalidValue.into()));
    assert_eq!(most(16), Ok(()));
}

#[test]
fn a_trim_takes_the_seats_of_those_who_earned_least() {
    let mut market = market();
    market.set(1, Hyperparameter::MinAllowedUids(1));
    market.set(1, Hyperparameter::MaxAllowedUids(4));
    market.weigh(hot(ALICE, 1), 1, &[(2, 1), (3, 9)]);
    market.run(10);
    let trim = |market: &mut Market, most| market.write(|| Subtensor::do_trim(1, most));
    let immune = Err(Error::<Test>::TrimmingWouldExceedMaxImmunePercentage.into());
    assert_eq!(trim(&mut market, 3), immune);
    assert_eq!(
        trim(&mut market, 5),
        Err(Error::<Test>::InvalidValue.into())
    );
    assert_eq!(
        trim(&mut market, 0),
        Err(Error::<Test>::InvalidValue.into())
    );
    market.set(1, Hyperparameter::ImmunityPeriod(1));
    assert_eq!(trim(&mut market, 3), Ok(()));
    // Uid 2 earned least; uid 3 takes its number, and with it what it earned and what is thought of it.
    assert!(!market.read(|| Subtensor::is_registered(1, &hot(BOB, 1))));
    assert_eq!(
        market.read(|| Subtensor::uid_of(1, &hot(CAROL, 1))),
        Some(2)
    );
    assert_eq!(market.read(|| Subtensor::neuron_count(1)), 3);
    assert_eq!(market.read(|| Subtensor::max_allowed_uids(1)), 3);
    assert_eq!(market.read(|| Subtensor::weights_of(1, 1)), [(2, 65_535)]);
    assert!(market.read(|| Subtensor::emission(1))[2] > 0);
    market.run(10);
    assert!(market.read(|| Subtensor::emission(1))[2] > 0);
}

/// Looks for a nonce at a difficulty at which one of a few hundred suffices.
fn mine(market: &mut Market, coldkey: Account, hotkey: Account, work_block: u64) -> Call<Test> {
    let (nonce, work) = market.read(|| {
        (0..)
            .map(|nonce| {
                (
                    nonce,
                    Subtensor::seal(1, work_block, nonce, &hotkey, &coldkey),
                )
            })
            .find(|(_, seal)| {
                let difficulty = U256::from(Subtensor::difficulty(1).0);
                U256::from_little_endian(seal)
                    .checked_mul(difficulty)
                    .is_some()
            })
            .expect("nonces do not end")
    });
    Call::pow_register {
        netuid: 1,
        work_block,
        nonce,
        work,
        hotkey,
    }
}

fn working_market() -> Market {
    let mut market = Market::open();
    market.set(1, Hyperparameter::MinDifficulty(100));
    market.set(1, Hyperparameter::Difficulty(200));
    market.set(1, Hyperparameter::NetworkPowRegistrationAllowed(true));
    market.write(|| {
        for block in 0..3u32 {
            frame_system::BlockHash::<Test>::insert(block, sp_core::H256::repeat_byte(7));
        }
    });
    market.run(2);
    market
}

#[test]
fn a_pauper_works_for_a_seat() {
    let mut market = working_market();
    let hotkey = hot(PAUPER, 1);
    let call = mine(&mut market, PAUPER, hotkey, 2);
    market.call(PAUPER, call.clone());
    assert!(market.saw(Event::NeuronRegistered(1, 1, hotkey)));
    assert_eq!(market.free(PAUPER), 0);
    let raised = market.read(|| Subtensor::difficulty(1).0);
    // 200, less one in each of two blocks, times 1.26.
    assert_eq!(raised, 249);
    market.refuse(PAUPER, call, Error::HotKeyAlreadyRegisteredInSubNet);
    market.run(360);
    let halved = market.read(|| Subtensor::difficulty(1).0);
    assert!((100..253).contains(&halved) && halved < raised, "{halved}");
}

#[test]
fn work_is_refused() {
    let mut market = working_market();
    let hotkey = hot(PAUPER, 1);
    let call = mine(&mut market, PAUPER, hotkey, 2);
    let Call::pow_register { nonce, work, .. } = call else {
        unreachable!("just made");
    };
    let with = |netuid, work_block, work| Call::pow_register {
        netuid,
        work_block,
        nonce,
        work,
        hotkey,
    };
    market.refuse(
        PAUPER,
        with(ROOT, 2, work),
        Error::RegistrationNotPermittedOnRootSubnet,
    );
    market.refuse(PAUPER, with(7, 2, work), Error::SubnetNotExists);
    market.refuse(PAUPER, with(1, 3, work), Error::InvalidWorkBlock);
    market.refuse(PAUPER, with(1, 2, [0; 32]), Error::InvalidSeal);
    // Work for one coldkey is no work for another.
    market.refuse(BOB, with(1, 2, work), Error::InvalidSeal);
    market.set(1, Hyperparameter::Difficulty(u64::MAX / 4));
    market.refuse(PAUPER, with(1, 2, work), Error::InvalidDifficulty);
    market.set(1, Hyperparameter::Difficulty(200));
    market.run(6);
    market.refuse(PAUPER, with(1, 2, work), Error::InvalidWorkBlock);
    market.set(1, Hyperparameter::NetworkPowRegistrationAllowed(false));
    market.refuse(PAUPER, with(1, 2, work), Error::SubNetRegistrationDisabled);
}

/// Old wallets still call it so; only the coldkey that signs pays.
#[test]
fn an_old_registration_is_one_at_the_price_of_the_moment() {
    let mut market = Market::open();
    let register = |coldkey| Call::register {
        netuid: 1,
        block_number: 0,
        nonce: 0,
        work: vec![],
        hotkey: hot(BOB, 1),
        coldkey,
    };
    market.refuse(BOB, register(ALICE), Error::NonAssociatedColdKey);
    let (free, price) = (market.free(BOB), market.read(|| Subtensor::burn(1)));
    market.call(BOB, register(BOB));
    assert_eq!(market.free(BOB), free - price);
}
