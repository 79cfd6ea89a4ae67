//! Keys of heights, as blocks carry them: what an author of blocks, honest or not, can put in.

use super::*;
use crate::{
    Beacon, Runtime,
    beacon::{Call, Error, INHERENT_IDENTIFIER, KEYS_MAX, Key},
};
use commonware_cryptography::bls12381::primitives::{group::Private, ops, variant::MinSig};
use frame_support::{inherent::ProvideInherent, traits::Hooks};
use pallet_subtensor::{SealedTo, timelock::HEIGHTS_VERSION};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use sp_runtime::{DispatchError, DispatchResult};

/// Authorities that sign as one.
struct Authorities {
    secret: Private,
    group_key: Option<String>,
}

impl Authorities {
    fn new() -> Self {
        let (secret, public) = ops::keypair::<_, MinSig>(&mut ChaCha20Rng::seed_from_u64(1));
        let group_key = timelock::GroupKey::from(public).to_bytes();
        let group_key = Some(sp_core::bytes::to_hex(&group_key, false));
        Self { secret, group_key }
    }

    fn key(&self, height: u32) -> Key {
        let message = timelock::message(height);
        let signature = ops::sign_message::<MinSig>(&self.secret, timelock::NAMESPACE, &message);
        (height, timelock::HeightKey::from(signature).to_bytes())
    }

    /// A chain at height 20 on which something is sealed to each of `heights`.
    fn chain(&self, heights: &[u32]) -> Chain {
        let spec = GenesisSpec {
            group_key: self.group_key.clone(),
            ..GenesisSpec::development(INTERVAL_MS)
        };
        sealed_to(Chain::begun(&spec), heights)
    }
}

fn sealed_to(mut chain: Chain, heights: &[u32]) -> Chain {
    chain.state.execute_with(|| {
        crate::System::set_block_number(20);
        for height in heights {
            SealedTo::<Runtime>::append(height, (1_u16, 0_u64));
        }
    });
    chain
}

/// What an honest author of blocks who knows these keys publishes.
fn published(chain: &mut Chain, known: &[Key]) -> Vec<Key> {
    let mut data = InherentData::new();
    data.put_data(INHERENT_IDENTIFIER, &known).unwrap();
    match chain.state.execute_with(|| Beacon::create_inherent(&data)) {
        Some(Call::publish { keys }) => keys.into_inner(),
        _ => Vec::new(),
    }
}

/// What a block that carries these keys does.
fn publish(chain: &mut Chain, keys: &[Key]) -> DispatchResult {
    let keys = keys.to_vec().try_into().unwrap();
    let published = || Beacon::publish(crate::RuntimeOrigin::none(), keys);
    let layered = || frame_support::storage::with_storage_layer(published);
    chain.state.execute_with(layered)
}

/// Otherwise nobody could build a block until the last of what is sealed was given up.
#[test]
fn an_author_leaves_out_keys_that_would_spoil_its_block() {
    let authorities = Authorities::new();
    let mut chain = authorities.chain(&[10, 11, 12, 25]);
    let right = authorities.key(12);
    let known = [
        (10, authorities.key(11).1),
        (11, [7; 48]),
        right,
        authorities.key(13),
        authorities.key(25),
    ];
    assert_eq!(published(&mut chain, &known), [right]);
    assert_eq!(publish(&mut chain, &[right]), Ok(()));
    assert_eq!(published(&mut chain, &known), []);
}

#[test]
fn a_chain_whose_genesis_names_no_group_publishes_nothing_and_seals_nothing() {
    let authorities = Authorities::new();
    let spec = GenesisSpec::development(INTERVAL_MS);
    let mut chain = sealed_to(Chain::begun(&spec), &[12]);
    assert_eq!(published(&mut chain, &[authorities.key(12)]), []);
    let sealed = chain.state.execute_with(|| {
        let hotkey = genesis::development_account("Dave");
        crate::SubtensorModule::may_commit_timelocked_weights(&hotkey, 1, 30, HEIGHTS_VERSION)
    });
    let reason = pallet_subtensor::Error::<Runtime>::CommitRevealDisabled;
    assert_eq!(sealed, Err(reason.into()));
}

#[test]
fn a_block_with_a_key_that_is_false_or_not_wanted_is_invalid() {
    let authorities = Authorities::new();
    let mut chain = authorities.chain(&[10, 11, 20, 25]);
    let false_key = Err(Error::<Runtime>::FalseKey.into());
    let not_wanted = Err(Error::<Runtime>::NotWanted.into());
    let (ten, eleven) = (authorities.key(10), authorities.key(11));
    assert_eq!(publish(&mut chain, &[ten, (11, ten.1)]), false_key);
    assert_eq!(publish(&mut chain, &[(10, [7; 48])]), false_key);
    // Nothing is sealed to it; it is this block's own height; it is yet to come; it comes twice.
    for height in [13, 20, 25] {
        assert_eq!(publish(&mut chain, &[authorities.key(height)]), not_wanted);
    }
    assert_eq!(publish(&mut chain, &[ten, ten]), not_wanted);
    assert_eq!(publish(&mut chain, &[ten, eleven]), Ok(()));
}

/// Checking a key takes a pairing, so a block has at most [`KEYS_MAX`] of them, however many inherents they come in.
#[test]
fn a_block_publishes_once() {
    let authorities = Authorities::new();
    let heights: Vec<u32> = (1..=KEYS_MAX + 1).collect();
    let mut chain = authorities.chain(&heights);
    let known: Vec<Key> = heights.iter().map(|it| authorities.key(*it)).collect();
    let first = published(&mut chain, &known);
    assert_eq!(first, known[..KEYS_MAX as usize]);
    assert_eq!(publish(&mut chain, &first), Ok(()));
    let again = Err(Error::<Runtime>::AlreadyPublished.into());
    assert_eq!(publish(&mut chain, &known[KEYS_MAX as usize..]), again);
    chain.state.execute_with(|| Beacon::on_finalize(20));
    assert_eq!(publish(&mut chain, &known[KEYS_MAX as usize..]), Ok(()));
}

/// A block's author puts the keys in that its parent's state wants, behind the time, and no others.
#[test]
fn a_block_carries_the_keys_that_are_wanted() {
    let authorities = Authorities::new();
    let mut chain = authorities.chain(&[]);
    chain.height = 20;
    chain = sealed_to(chain, &[19]);
    let wanted: Vec<u32> = chain.call("BeaconApi_wanted_heights", ());
    assert_eq!(wanted, [19]);
    let known = vec![authorities.key(18), authorities.key(19)];
    assert_eq!(chain.begin_block(known.clone()), 2, "the time and a key");
    chain.end_block();
    assert_eq!(chain.begin_block(known), 1, "the time");
    chain.end_block();
}

#[test]
fn nobody_publishes_keys_by_a_transaction() {
    let authorities = Authorities::new();
    let mut chain = authorities.chain(&[10]);
    let keys = vec![authorities.key(10)].try_into().unwrap();
    let signed = crate::RuntimeOrigin::signed(genesis::development_account("Alice"));
    let refused = chain.state.execute_with(|| Beacon::publish(signed, keys));
    assert_eq!(refused, Err(DispatchError::BadOrigin));
}
