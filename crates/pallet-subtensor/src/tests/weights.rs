//! Weights: set in the open, or committed and revealed.

use super::*;
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash};

/// A subnet where Alice's hotkey has a permit, and Bob's and Carol's are miners 2 and 3.
fn graded_subnet() -> (Market, Account) {
    let mut market = Market::open();
    let validator = hot(ALICE, 1);
    market.register(1, ALICE, validator);
    market.register(1, BOB, hot(BOB, 1));
    market.register(1, CAROL, hot(CAROL, 1));
    market.stake(ALICE, validator, 1, 50);
    market.run_to(11);
    (market, validator)
}

#[test]
fn a_row_is_stored_scaled() {
    let (mut market, validator) = graded_subnet();
    market.weigh(validator, 1, &[(2, 1), (3, 2)]);
    let row = market.read(|| Subtensor::weights_of(1, 1));
    assert_eq!(row, [(2, 32_768), (3, 65_535)]);
    assert_eq!(market.read(|| Subtensor::last_update_of(1, 1)), 11);
    assert!(market.saw(Event::WeightsSet(1, 1)));
}

#[test]
fn weights_of_the_only_mechanism_are_weights() {
    let (mut market, validator) = graded_subnet();
    let call = |mecid| Call::set_mechanism_weights {
        netuid: 1,
        mecid,
        dests: vec![2],
        weights: vec![5],
        version_key: 0,
    };
    market.call(validator, call(0));
    assert_eq!(market.read(|| Subtensor::weights_of(1, 1)), [(2, 65_535)]);
    market.refuse(validator, call(1), Error::MechanismDoesNotExist);
}

#[test]
fn a_row_is_refused() {
    let (mut market, validator) = graded_subnet();
    let row = |dests: &[u16], weights: &[u16], version_key| Call::set_weights {
        netuid: 1,
        dests: dests.to_vec(),
        weights: weights.to_vec(),
        version_key,
    };
    market.refuse(
        validator,
        row(&[2], &[1, 1], 0),
        Error::WeightVecNotEqualSize,
    );
    market.refuse(
        validator,
        row(&[0, 1, 2, 3, 3], &[1; 5], 0),
        Error::UidsLengthExceedUidsInSubNet,
    );
    market.refuse(validator, row(&[2, 2], &[1, 1], 0), Error::DuplicateUids);
    market.refuse(
        validator,
        row(&[2, 4], &[1, 1], 0),
        Error::UidVecContainInvalidOne,
    );
    market.refuse(
        hot(BOB, 1),
        row(&[3], &[1], 0),
        Error::NeuronNoValidatorPermit,
    );
    market.refuse(
        hot(PAUPER, 1),
        row(&[2], &[1], 0),
        Error::HotKeyNotRegisteredInSubNet,
    );
    market.refuse(validator, set_weights(5, &[(2, 1)]), Error::SubnetNotExists);
    market.refuse(
        validator,
        set_weights(ROOT, &[(0, 1)]),
        Error::CanNotSetRootNetworkWeights,
    );

    market.set(1, Hyperparameter::WeightsVersionKey(3));
    market.refuse(
        validator,
        row(&[2], &[1], 2),
        Error::IncorrectWeightVersionKey,
    );
    market.call(validator, row(&[2], &[1], 3));
    market.set(1, Hyperparameter::WeightsVersionKey(0));

    market.set(1, Hyperparameter::MinAllowedWeights(2));
    market.refuse(validator, row(&[2], &[1], 0), Error::WeightVecLengthIsLow);
    market.set(1, Hyperparameter::MaxWeightsLimit(40_000));
    market.refuse(
        validator,
        row(&[2, 3], &[9, 1], 0),
        Error::MaxWeightExceeded,
    );
    market.call(validator, row(&[2, 3], &[1, 1], 0));

    market.set(1, Hyperparameter::WeightsSetRateLimit(5));
    market.refuse(
        validator,
        row(&[2, 3], &[1, 1], 0),
        Error::SettingWeightsTooFast,
    );
    market.run(5);
    market.call(validator, row(&[2, 3], &[1, 1], 0));

    market.write(|| Subtensor::set_stake_threshold(1_000_000 * UNIT));
    market.run(5);
    market.refuse(
        validator,
        row(&[2, 3], &[1, 1], 0),
        Error::NotEnoughStakeToSetWeights,
    );
}

#[test]
fn the_owner_and_whoever_weighs_only_itself_need_no_permit() {
    let (mut market, _) = graded_subnet();
    market.weigh(hot(BOB, 1), 1, &[(2, 1)]);
    market.weigh(hot(OWNER, 1), 1, &[(2, 1), (3, 1)]);
}

/// A newcomer inherits nothing of the neuron whose uid it takes: neither its weights nor those
/// others gave it.
#[test]
fn a_newcomer_starts_clean() {
    let (mut market, validator) = graded_subnet();
    market.weigh(validator, 1, &[(2, 3), (3, 1)]);
    market.run_to(21);
    assert!(!market.read(|| Subtensor::bonds_of(1, 1)).is_empty());
    market.set(1, Hyperparameter::MinAllowedUids(1));
    market.set(1, Hyperparameter::MaxAllowedUids(4));
    market.set(1, Hyperparameter::ImmunityPeriod(1));
    market.set(1, Hyperparameter::MinNonImmuneUids(0));
    // Carol's earned least of the three that are not the owner's.
    assert_eq!(market.read(|| Subtensor::neuron_to_prune(1)), Some(3));
    assert_eq!(market.register(1, BOB, hot(BOB, 2)), 3);
    assert_eq!(
        market.read(|| Subtensor::weights_of(1, 1)),
        [(2, 65_535), (3, 0)]
    );
    assert_eq!(market.read(|| Subtensor::incentive(1))[3], 0);
    assert_eq!(market.read(|| Subtensor::uid_of(1, &hot(CAROL, 1))), None);
    market.run_to(31);
    assert_eq!(market.read(|| Subtensor::incentive(1))[3], 0);
}

#[test]
fn a_full_subnet_of_immune_neurons_refuses() {
    let mut market = Market::open();
    market.set(1, Hyperparameter::MinAllowedUids(1));
    market.set(1, Hyperparameter::MaxAllowedUids(1));
    market.refuse(
        BOB,
        Call::burned_register {
            netuid: 1,
            hotkey: hot(BOB, 1),
        },
        Error::NoNeuronIdAvailable,
    );
}

/// The row that the committing tests reveal.
fn opinion() -> (Vec<u16>, Vec<u16>, Vec<u16>, u64) {
    (vec![2, 3], vec![1, 3], vec![7, 8, 9], 0)
}

fn hash_for(hotkey: Account) -> H256 {
    let (uids, values, salt, version) = opinion();
    BlakeTwo256::hash_of(&(hotkey, 1u16, uids, values, salt, version))
}

fn reveal() -> Call<Test> {
    let (uids, values, salt, version_key) = opinion();
    Call::reveal_weights {
        netuid: 1,
        uids,
        values,
        salt,
        version_key,
    }
}

fn commit(commit_hash: H256) -> Call<Test> {
    Call::commit_weights {
        netuid: 1,
        commit_hash,
    }
}

#[test]
fn a_committed_row_is_revealed_in_its_epoch() {
    let (mut market, validator) = graded_subnet();
    market.refuse(
        validator,
        commit(hash_for(validator)),
        Error::CommitRevealDisabled,
    );
    market.refuse(validator, reveal(), Error::CommitRevealDisabled);
    market.set(1, Hyperparameter::CommitRevealWeightsEnabled(true));
    market.refuse(
        validator,
        set_weights(1, &[(2, 1)]),
        Error::CommitRevealEnabled,
    );
    market.refuse(validator, reveal(), Error::NoWeightsCommitFound);

    market.call(validator, commit(hash_for(validator)));
    market.refuse(validator, reveal(), Error::RevealTooEarly);
    market.run_to(21);
    market.call(validator, commit(H256::repeat_byte(1)));
    market.call(validator, reveal());
    let row = market.read(|| Subtensor::weights_of(1, 1));
    assert_eq!(row, [(2, 21_845), (3, 65_535)]);
    market.refuse(validator, reveal(), Error::InvalidRevealCommitHashNotMatch);

    market.call(
        validator,
        Call::commit_mechanism_weights {
            netuid: 1,
            mecid: 0,
            commit_hash: hash_for(validator),
        },
    );
    market.run_to(31);
    let (uids, values, salt, version_key) = opinion();
    market.call(
        validator,
        Call::reveal_mechanism_weights {
            netuid: 1,
            mecid: 0,
            uids,
            values,
            salt,
            version_key,
        },
    );
}

#[test]
fn a_commit_expires_with_its_epoch() {
    let (mut market, validator) = graded_subnet();
    market.set(1, Hyperparameter::CommitRevealWeightsEnabled(true));
    market.call(validator, commit(hash_for(validator)));
    market.run_to(31);
    market.refuse(validator, reveal(), Error::ExpiredWeightCommit);
}

#[test]
fn commits_are_bounded_and_rated() {
    let (mut market, validator) = graded_subnet();
    market.set(1, Hyperparameter::CommitRevealWeightsEnabled(true));
    for byte in 0..10 {
        market.call(validator, commit(H256::repeat_byte(byte)));
    }
    market.refuse(
        validator,
        commit(H256::repeat_byte(10)),
        Error::TooManyUnrevealedCommits,
    );
    market.set(1, Hyperparameter::WeightsSetRateLimit(3));
    market.refuse(
        validator,
        commit(H256::repeat_byte(11)),
        Error::CommittingWeightsTooFast,
    );
}
