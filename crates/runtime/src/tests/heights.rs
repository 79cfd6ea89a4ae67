//! Weights sealed to a height, through whole blocks: what is sealed, the key that an author puts in, what opens.

use super::market::{NETUID, open_market_of};
use super::*;
use crate::{
    SubtensorModule,
    beacon::{self, KEYS_MAX, Key},
};
use commonware_cryptography::bls12381::primitives::{group::Private, ops, variant::MinSig};
use genesis::development_account as account;
use pallet_subtensor::{
    Authority, Hyperparameter,
    timelock::{HEIGHTS_VERSION, SealedOpinion},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use timelock::{GroupKey, HeightKey, NAMESPACE, message};

/// Authorities that sign as one.
struct Authorities {
    rng: ChaCha20Rng,
    secret: Private,
    group: GroupKey,
}

impl Authorities {
    fn seeded(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (secret, public) = ops::keypair::<_, MinSig>(&mut rng);
        Self {
            rng,
            secret,
            group: public.into(),
        }
    }

    fn key(&self, height: u32) -> Key {
        let signature = ops::sign_message::<MinSig>(&self.secret, NAMESPACE, &message(height));
        (height, HeightKey::from(signature).to_bytes())
    }

    /// Everything to the neuron with uid 0, as the hotkey Dave says, sealed to a height.
    fn seal(&mut self, height: u32) -> RuntimeCall {
        let opinion = SealedOpinion {
            hotkey: account("Dave").encode(),
            uids: vec![0],
            values: vec![1],
            version_key: 0,
        };
        let sealed = timelock::seal(&mut self.rng, &self.group, height, &opinion.encode());
        let call = pallet_subtensor::Call::commit_timelocked_weights {
            netuid: NETUID,
            commit: sealed.unwrap().try_into().unwrap(),
            reveal_round: height.into(),
            commit_reveal_version: HEIGHTS_VERSION,
        };
        RuntimeCall::SubtensorModule(call)
    }
}

/// A chain that seals to these authorities. Dave, with uid 1, has sealed a row to the height returned, which is to come.
fn sealed_market() -> (Chain, Authorities, u32) {
    let mut authorities = Authorities::seeded(1);
    let mut spec = GenesisSpec::development(INTERVAL_MS);
    spec.group_key = Some(sp_core::bytes::to_hex(&authorities.group.to_bytes(), false));
    let mut chain = open_market_of(&spec);
    chain.state.execute_with(|| {
        for setting in [
            Hyperparameter::Tempo(20),
            Hyperparameter::CommitRevealWeightsEnabled(true),
            Hyperparameter::WeightsSetRateLimit(0),
        ] {
            SubtensorModule::set_hyperparameter(NETUID, setting, Authority::Root).unwrap();
        }
    });
    // Stake and an epoch give Dave a permit.
    let stake = pallet_subtensor::Call::add_stake {
        hotkey: account("Dave"),
        netuid: NETUID,
        amount_staked: 10 * TAO,
    };
    chain.expect_success("Bob", RuntimeCall::SubtensorModule(stake));
    let epoch = chain.height + 21;
    while chain.height < epoch {
        chain.block(vec![]);
    }
    let height = chain.height + 3;
    chain.expect_success("Dave", authorities.seal(height));
    (chain, authorities, height)
}

impl Chain {
    /// Makes a block whose author knows these keys; returns how many inherents are in it.
    fn block_of(&mut self, keys: Vec<Key>) -> usize {
        let count = self.begin_block(keys);
        self.end_block();
        assert_eq!(self.check(), Ok(()));
        count
    }

    fn opinion(&mut self) -> Vec<(u16, u16)> {
        self.state
            .execute_with(|| SubtensorModule::weights_of(NETUID, 1))
    }
}

#[test]
fn a_sealed_row_opens_behind_the_block_that_carries_its_key() {
    let (mut chain, authorities, height) = sealed_market();
    let keys: Vec<Key> = (0..height + 3)
        .map(|height| authorities.key(height))
        .collect();
    // The height is to come: only the time is in the block.
    while chain.height < height {
        assert_eq!(chain.block_of(keys.clone()), 1);
    }
    assert_eq!(chain.block_of(keys.clone()), 2);
    assert_eq!(chain.opinion(), []);
    assert_eq!(chain.block_of(keys), 1);
    assert_eq!(chain.opinion(), [(0, u16::MAX)]);
}

/// An author with a false key has no block at all, and nobody puts a key in by a transaction.
#[test]
fn a_false_key_spoils_its_block() {
    let (mut chain, authorities, height) = sealed_market();
    while chain.height < height {
        chain.block(vec![]);
    }
    let publish = |(height, bytes)| {
        let keys = vec![(height, bytes)].try_into().unwrap();
        UncheckedExtrinsic::new_bare(RuntimeCall::Beacon(beacon::Call::publish { keys }))
    };
    let apply = |chain: &mut Chain, key: Key| -> ApplyExtrinsicResult {
        chain.call("BlockBuilder_apply_extrinsic", publish(key))
    };
    let (_, of_another_group) = Authorities::seeded(2).key(height);
    let true_key = authorities.key(height);
    assert!(chain.validate(publish(true_key)).is_err());
    chain.begin_block(vec![]);
    let mandatory = TransactionValidityError::Invalid(InvalidTransaction::BadMandatory);
    let spoiled = apply(&mut chain, (height, of_another_group));
    assert_eq!(spoiled, Err(mandatory));
    assert_eq!(apply(&mut chain, true_key), Ok(Ok(())));
    chain.end_block();
    assert_eq!(chain.check(), Ok(()));
}

/// Dave seals to one height more than a block takes keys of; the last key comes with the next.
#[test]
fn a_block_takes_so_many_keys() {
    let (mut chain, mut authorities, first) = sealed_market();
    let last = first + KEYS_MAX;
    let nonce = chain.nonce("Dave");
    let rows = (first + 1..=last)
        .zip(nonce..)
        .map(|(height, nonce)| chain.signed("Dave", authorities.seal(height), nonce))
        .collect();
    let results = chain.block(rows);
    assert!(results.iter().all(|result| *result == Ok(Ok(()))));
    while chain.height < last {
        chain.block(vec![]);
    }
    let keys: Vec<Key> = (first..=last)
        .map(|height| authorities.key(height))
        .collect();
    for inherents in [2, 2, 1] {
        assert_eq!(chain.block_of(keys.clone()), inherents);
    }
    assert_eq!(chain.opinion(), [(0, u16::MAX)]);
}
