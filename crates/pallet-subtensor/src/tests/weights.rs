//! Weights: set in the open, or committed and revealed.

use super::*;
use parity_scale_codec::Compact;
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

/// Two subnets where Alice's hotkey has a permit and Bob's is the miner 2.
fn two_graded_subnets() -> (Market, Account) {
    let (mut market, validator) = graded_subnet();
    market.open_subnet(CAROL);
    market.register(2, ALICE, validator);
    market.register(2, BOB, hot(BOB, 1));
    market.stake(ALICE, validator, 2, 50);
    market.run(25);
    (market, validator)
}

fn batch(netuids: &[u16], rows: &[&[(u16, u16)]]) -> Call<Test> {
    Call::batch_set_weights {
        netuids: netuids.iter().copied().map(Compact).collect(),
        weights: rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|(uid, weight)| (Compact(*uid), Compact(*weight)))
                    .collect()
            })
            .collect(),
        version_keys: netuids.iter().map(|_| Compact(0)).collect(),
    }
}

#[test]
fn an_item_of_a_batch_that_fails_leaves_the_others_be() {
    let (mut market, validator) = two_graded_subnets();
    let row: &[(u16, u16)] = &[(2, 7)];
    market.call(validator, batch(&[1, 2], &[row, row]));
    let netuids = vec![Compact(1), Compact(2)];
    assert!(market.saw(Event::BatchWeightsCompleted(netuids, validator)));
    for netuid in [1, 2] {
        assert_eq!(
            market.read(|| Subtensor::weights_of(netuid, 1)),
            [(2, 65_535)]
        );
    }
    market.run(1);
    let other: &[(u16, u16)] = &[(0, 7)];
    market.call(validator, batch(&[1, 9], &[other, other]));
    let reason = Error::<Test>::SubnetNotExists.into();
    assert!(market.saw(Event::BatchWeightItemFailed(9, reason)));
    assert!(market.saw(Event::BatchCompletedWithErrors()));
    assert_eq!(market.read(|| Subtensor::weights_of(1, 1)), [(0, 65_535)]);

    let uneven = batch(&[1, 2], &[row]);
    market.refuse(validator, uneven, Error::InputLengthsUnequal);
    market.refuse(validator, batch(&[], &[]), Error::InvalidBatchLength);
    let many = batch(&[1, 1, 1, 1], &[row, row, row, row]);
    market.refuse(validator, many, Error::InvalidBatchLength);
}

#[test]
fn commits_of_several_subnets_come_in_one_call() {
    let (mut market, validator) = two_graded_subnets();
    market.set(1, Hyperparameter::CommitRevealWeightsEnabled(true));
    let commit = |hashes: usize| Call::batch_commit_weights {
        netuids: vec![Compact(1), Compact(2)],
        commit_hashes: vec![H256::repeat_byte(1); hashes],
    };
    market.refuse(validator, commit(1), Error::InputLengthsUnequal);
    market.call(validator, commit(2));
    assert!(market.read(|| Subtensor::has_commits(1, &validator)));
    let reason = Error::<Test>::CommitRevealDisabled.into();
    assert!(market.saw(Event::BatchWeightItemFailed(2, reason)));
}

#[test]
fn rows_committed_one_after_the_other_are_revealed_together_or_not_at_all() {
    let (mut market, validator) = graded_subnet();
    market.set(1, Hyperparameter::CommitRevealWeightsEnabled(true));
    let rows: [(Vec<u16>, Vec<u16>, Vec<u16>); 2] = [
        (vec![2], vec![5], vec![1]),
        (vec![2, 3], vec![5, 6], vec![2]),
    ];
    let hashes: Vec<H256> = rows
        .iter()
        .map(|(uids, values, salt)| {
            BlakeTwo256::hash_of(&(validator, 1u16, uids, values, salt, 0u64))
        })
        .collect();
    for hash in &hashes {
        market.call(validator, commit(*hash));
    }
    let reveal = |order: &[usize]| Call::batch_reveal_weights {
        netuid: 1,
        uids_list: order.iter().map(|place| rows[*place].0.clone()).collect(),
        values_list: order.iter().map(|place| rows[*place].1.clone()).collect(),
        salts_list: order.iter().map(|place| rows[*place].2.clone()).collect(),
        version_keys: vec![0; order.len()],
    };
    market.refuse(validator, reveal(&[0, 1]), Error::RevealTooEarly);
    let epoch = market.read(|| Subtensor::current_epoch(1));
    let due = epoch + market.read(|| Subtensor::reveal_period(1));
    while market.read(|| Subtensor::current_epoch(1)) < due {
        market.run(1);
    }
    let backwards = reveal(&[1, 0]);
    market.refuse(validator, backwards, Error::NoWeightsCommitFound);
    market.refuse(validator, reveal(&[]), Error::InvalidBatchLength);
    market.refuse(validator, reveal(&[0; 11]), Error::InvalidBatchLength);
    market.call(validator, reveal(&[0, 1]));
    assert!(market.saw(Event::WeightsBatchRevealed(validator, 1, hashes.clone())));
    let row = market.read(|| Subtensor::weights_of(1, 1));
    assert_eq!(row.last(), Some(&(3, 65_535)));
    assert!(!market.read(|| Subtensor::has_commits(1, &validator)));
}
