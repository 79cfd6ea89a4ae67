//! Weights sealed to a height.

use super::*;
use crate::timelock::{HEIGHTS_VERSION, KEY_PATIENCE, OPENED_MAX, SealedOpinion};
use ::timelock::{GroupKey, HeightKey, NAMESPACE, message, seal};
use commonware_cryptography::bls12381::primitives::{group::Private, ops, variant::MinSig};
use frame_support::{BoundedVec, weights::Weight};
use parity_scale_codec::Encode;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// Authorities that sign as one.
pub(super) struct Authorities {
    rng: ChaCha20Rng,
    secret: Private,
    group: GroupKey,
}

impl Authorities {
    pub(super) fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (secret, public) = ops::keypair::<_, MinSig>(&mut rng);
        Self {
            rng,
            secret,
            group: public.into(),
        }
    }

    pub(super) fn seal(&mut self, height: u32, hotkey: Account, row: &[(u16, u16)]) -> Vec<u8> {
        let (uids, values) = row.iter().copied().unzip();
        let opinion = SealedOpinion {
            hotkey: hotkey.encode(),
            uids,
            values,
            version_key: 0,
        };
        seal(&mut self.rng, &self.group, height, &opinion.encode()).expect("a group's key")
    }

    pub(super) fn unlock(&self, market: &mut Market, height: u32) {
        let signature = ops::sign_message::<MinSig>(&self.secret, NAMESPACE, &message(height));
        let key = HeightKey::from(signature);
        assert!(market.read(|| Subtensor::is_height_wanted(height)));
        market.write(|| Subtensor::unlock(height, &key));
    }
}

pub(super) fn commit_until(height: u32, sealed: Vec<u8>) -> Call<Test> {
    Call::commit_timelocked_weights {
        netuid: 1,
        commit: BoundedVec::try_from(sealed).expect("short"),
        reveal_round: height.into(),
        commit_reveal_version: HEIGHTS_VERSION,
    }
}

/// A subnet that takes sealed rows, at block 11, with an epoch every ten blocks. Alice's hotkey has a permit.
fn sealing_subnet() -> (Market, Account) {
    let mut market = Market::open();
    let validator = hot(ALICE, 1);
    market.register(1, ALICE, validator);
    market.register(1, BOB, hot(BOB, 1));
    market.register(1, CAROL, hot(CAROL, 1));
    market.stake(ALICE, validator, 1, 50);
    market.run_to(11);
    market.set(1, Hyperparameter::CommitRevealWeightsEnabled(true));
    (market, validator)
}

fn row(market: &mut Market) -> Vec<(u16, u16)> {
    market.read(|| Subtensor::weights_of(1, 1))
}

#[test]
fn a_sealed_row_counts_once_its_height_has_a_key() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let sealed = authorities.seal(15, validator, &[(2, 1), (3, 2)]);
    market.call(validator, commit_until(15, sealed));
    assert_eq!(market.read(|| Subtensor::last_update_of(1, 1)), 11);
    market.run_to(15);
    assert_eq!(market.read(Subtensor::wanted_heights), [15]);
    assert!(
        !market.read(|| Subtensor::is_height_wanted(15)),
        "it is not past yet"
    );
    market.run_to(16);
    assert_eq!(row(&mut market), []);
    authorities.unlock(&mut market, 15);
    assert!(
        !market.read(|| Subtensor::is_height_wanted(15)),
        "once is enough"
    );
    market.run_to(17);
    assert_eq!(row(&mut market), [(2, 32_768), (3, 65_535)]);
    assert!(market.saw(Event::TimelockedWeightsRevealed(1, validator)));
    assert!(market.read(Subtensor::wanted_heights).is_empty());
}

#[test]
fn a_sealed_row_is_refused() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let mut sealed = |height| authorities.seal(height, validator, &[(2, 1)]);
    for height in [11, 10, 31] {
        let call = commit_until(height, sealed(height));
        market.refuse(validator, call, Error::InvalidRevealRound);
    }
    let other_version = Call::commit_timelocked_weights {
        netuid: 1,
        commit: BoundedVec::try_from(sealed(15)).expect("short"),
        reveal_round: 15,
        commit_reveal_version: 4,
    };
    market.refuse(
        validator,
        other_version,
        Error::IncorrectCommitRevealVersion,
    );
    market.refuse(
        hot(PAUPER, 1),
        commit_until(15, sealed(15)),
        Error::HotKeyNotRegisteredInSubNet,
    );
    for _ in 0..10 {
        market.call(validator, commit_until(30, sealed(30)));
    }
    let call = commit_until(30, sealed(30));
    market.refuse(validator, call, Error::TooManyUnrevealedCommits);
    market.set(1, Hyperparameter::CommitRevealWeightsEnabled(false));
    let call = commit_until(15, sealed(15));
    market.refuse(validator, call, Error::CommitRevealDisabled);
}

/// Whoever copies a ciphertext gets nothing: it names the hotkey that sealed it.
#[test]
fn a_copied_ciphertext_is_dropped_with_its_reason() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let copier = hot(OWNER, 1);
    let sealed = authorities.seal(15, validator, &[(2, 1)]);
    market.call(validator, commit_until(15, sealed.clone()));
    market.call(copier, commit_until(15, sealed));
    market.run_to(16);
    authorities.unlock(&mut market, 15);
    market.run_to(17);
    assert_eq!(row(&mut market), [(2, 65_535)]);
    assert_eq!(market.read(|| Subtensor::weights_of(1, 0)), []);
    let reason = Error::<Test>::InvalidRevealCommitHashNotMatch.into();
    assert!(market.saw(Event::TimelockedWeightsDropped(1, copier, reason)));
}

#[test]
fn what_does_not_open_or_is_not_acceptable_is_dropped() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let strange = authorities.seal(14, validator, &[(2, 1)]);
    let duplicate = authorities.seal(15, validator, &[(2, 1), (2, 1)]);
    market.call(validator, commit_until(15, strange));
    market.call(validator, commit_until(15, duplicate));
    market.call(validator, commit_until(15, vec![7; 300]));
    market.run_to(16);
    authorities.unlock(&mut market, 15);
    market.run_to(17);
    assert_eq!(row(&mut market), []);
    for reason in [
        Error::<Test>::InvalidRevealCommitHashNotMatch,
        Error::<Test>::DuplicateUids,
    ] {
        assert!(market.saw(Event::TimelockedWeightsDropped(1, validator, reason.into())));
    }
}

#[test]
fn a_row_whose_key_comes_when_its_epoch_is_over_is_dropped() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let sealed = authorities.seal(30, validator, &[(2, 1)]);
    market.call(validator, commit_until(30, sealed));
    market.run_to(31);
    authorities.unlock(&mut market, 30);
    market.run_to(32);
    assert_eq!(row(&mut market), []);
    let reason = Error::<Test>::ExpiredWeightCommit.into();
    assert!(market.saw(Event::TimelockedWeightsDropped(1, validator, reason)));
}

/// However many rows are sealed to one height, a block opens a few.
#[test]
fn many_rows_of_one_height_open_over_several_blocks() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let owner = hot(OWNER, 1);
    for value in 1..=10 {
        for hotkey in [validator, owner] {
            let sealed = authorities.seal(15, hotkey, &[(2, value), (3, 10)]);
            market.call(hotkey, commit_until(15, sealed));
        }
    }
    market.run_to(16);
    authorities.unlock(&mut market, 15);
    market.run_to(17);
    let left = |market: &mut Market| market.read(|| crate::SealedTo::<Test>::get(15).len());
    assert_eq!(left(&mut market), 20 - OPENED_MAX);
    market.run_to(18);
    assert_eq!(left(&mut market), 0);
    assert_eq!(
        row(&mut market),
        [(2, 65_535), (3, 65_535)],
        "the last one counts"
    );
    assert_eq!(
        market.write(Subtensor::open_sealed).ref_time(),
        Weight::zero().ref_time()
    );
}

/// So that it earns its validator nothing for whoever sat down after it was sealed.
#[test]
fn a_sealed_row_counts_as_of_the_block_in_which_it_was_sealed() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let sealed = authorities.seal(15, validator, &[(2, 1)]);
    market.call(validator, commit_until(15, sealed));
    assert_eq!(
        market.read(|| Subtensor::commit_blocks(1)),
        [None, Some(11), None, None]
    );
}

/// An opinion of whoever had a seat when the row was sealed is none of who has it when the row opens.
#[test]
fn a_sealed_row_says_nothing_of_who_sat_down_after_it() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let sealed = authorities.seal(15, validator, &[(2, 5), (3, 5)]);
    market.call(validator, commit_until(15, sealed));
    market.set(1, Hyperparameter::ImmunityPeriod(1));
    market.set(1, Hyperparameter::MinAllowedUids(1));
    market.set(1, Hyperparameter::MaxAllowedUids(4));
    market.set(1, Hyperparameter::MinNonImmuneUids(0));
    market.run_to(13);
    let taken = market.register(1, BOB, hot(BOB, 2));
    assert!([2, 3].contains(&taken));
    market.run_to(16);
    authorities.unlock(&mut market, 15);
    market.run_to(17);
    let weight = |uid| (uid, if uid == taken { 0 } else { 65_535 });
    assert_eq!(row(&mut market), [weight(2), weight(3)]);
}

#[test]
fn a_trim_drops_what_was_sealed_about_seats_that_have_other_numbers_now() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    market.set(1, Hyperparameter::MinAllowedUids(1));
    market.set(1, Hyperparameter::MaxAllowedUids(4));
    market.set(1, Hyperparameter::ImmunityPeriod(1));
    let sealed = authorities.seal(15, validator, &[(2, 1)]);
    market.call(validator, commit_until(15, sealed));
    market.run_to(12);
    market
        .write(|| Subtensor::do_trim(1, 3))
        .expect("one of four goes");
    let reason = Error::<Test>::ExpiredWeightCommit.into();
    assert!(market.saw(Event::TimelockedWeightsDropped(1, validator, reason)));
    market.run_to(16);
    authorities.unlock(&mut market, 15);
    market.run_to(17);
    assert_eq!(row(&mut market), []);
}

/// So that a validator does not fill blocks with what could not count, and rows of those who may do not wait for it.
#[test]
fn whoever_has_no_permit_seals_nothing() {
    let (mut market, _) = sealing_subnet();
    let stranger = hot(BOB, 1);
    let sealed = Authorities::new().seal(15, stranger, &[(3, 1)]);
    let call = commit_until(15, sealed);
    market.refuse(stranger, call, Error::NeuronNoValidatorPermit);
}

/// Authorities that were too few to sign may come back too late; what was sealed to that height is lost, and nothing else.
#[test]
fn a_height_whose_key_does_not_come_is_given_up() {
    let (mut market, validator) = sealing_subnet();
    let mut authorities = Authorities::new();
    let sealed = authorities.seal(15, validator, &[(2, 1)]);
    market.call(validator, commit_until(15, sealed));
    market.run_to(16 + KEY_PATIENCE);
    assert!(market.read(Subtensor::wanted_heights).is_empty());
    let reason = Error::<Test>::ExpiredWeightCommit.into();
    assert!(market.saw(Event::TimelockedWeightsDropped(1, validator, reason)));
    let height = 20 + KEY_PATIENCE;
    let sealed = authorities.seal(height, validator, &[(3, 1)]);
    market.call(validator, commit_until(height, sealed));
    market.run_to(height + 1);
    authorities.unlock(&mut market, height);
    market.run_to(height + 2);
    assert_eq!(row(&mut market), [(3, 65_535)]);
}

/// A chain that is old when the first row is sealed does not look through all its past for others.
#[test]
fn a_chain_on_which_nothing_is_sealed_keeps_up() {
    let (mut market, _) = sealing_subnet();
    market.write(|| crate::LowestSealed::<Test>::put(0));
    market.run_to(12);
    assert_eq!(market.read(crate::LowestSealed::<Test>::get), 12);
}
