//! What a follower accepts from a source it has no reason to trust.

use super::*;
use bytes::Bytes;
use commonware_codec::Encode as _;
use commonware_consensus::{
    CertifiableBlock as _,
    simplex::types::{Finalization, Finalize, Proposal},
    types::{Epoch, Round, View},
};
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use consensus::{AuthorityKey, Context, Scheme, digest_item, draw};
use ledger::{Ledger, pool::Pool};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use runtime::genesis::{GenesisSpec, build};
use std::sync::Arc;

const TIME_MS: u64 = 1_700_000_000_000;

/// Authorities that sign whatever they are given.
struct Network {
    keys: Vec<AuthorityKey>,
    committee: Committee,
}

impl Network {
    fn seeded(seed: u64) -> Self {
        let (keys, polynomial) = draw(&mut ChaCha20Rng::seed_from_u64(seed), 4).expect("four");
        let names = keys.iter().map(AuthorityKey::public).collect();
        let committee = Committee::new(names, polynomial, b"test".to_vec()).expect("as drawn");
        Self { keys, committee }
    }

    fn certify(&self, block: &Block) -> Vec<u8> {
        let context = block.context();
        let proposal = Proposal::new(context.round, context.parent.0, block.hash());
        let schemes: Vec<Scheme> = self.keys[..3]
            .iter()
            .map(|key| {
                self.committee
                    .signer(key.share.clone())
                    .expect("its own share")
            })
            .collect();
        let votes: Vec<_> = schemes
            .iter()
            .map(|scheme| Finalize::sign(scheme, proposal.clone()).expect("a signer"))
            .collect();
        Finalization::from_finalizes(&schemes[0], non_empty![@&votes], &Sequential)
            .expect("a quorum")
            .encode()
            .to_vec()
    }
}

fn chain() -> LedgerChain {
    let genesis = build(&GenesisSpec::development(250)).expect("a valid description");
    let ledger = Ledger::open(ledger::Config::in_memory(), genesis).expect("memory");
    let pool = Arc::new(Pool::new(ledger.clone(), ledger::pool::Config::default()));
    LedgerChain::new(ledger, pool, Duration::from_millis(250), 1 << 20)
}

/// The first `count` blocks of a chain.
fn blocks(count: u64) -> Vec<Block> {
    let chain = chain();
    let mut parent = chain.genesis();
    let mut context: Context = parent.context();
    let mut blocks = Vec::new();
    for index in 1..=count {
        context.parent = (context.round.view(), parent.hash());
        context.round = Round::new(Epoch::zero(), View::new(index));
        let block = chain
            .build(parent.hash(), TIME_MS + 250 * index, digest_item(&context))
            .expect("it builds");
        parent = block.clone();
        blocks.push(block);
    }
    blocks
}

fn follower(network: &Network) -> Pull {
    Pull {
        chain: chain(),
        committee: network.committee.clone(),
        pause: PAUSE_MIN,
        progress: Progress::new(0),
    }
}

fn claim(block: &Block, certificate: Option<Vec<u8>>) -> Claimed {
    Claimed {
        block: block.encoded().clone(),
        certificate,
    }
}

#[test]
fn certified_blocks_are_executed_and_kept() {
    let network = Network::seeded(1);
    let pull = follower(&network);
    let blocks = blocks(3);
    let claimed = blocks
        .iter()
        .map(|it| claim(it, Some(network.certify(it))))
        .collect();
    let proven = pull.prove(claimed).expect("genuine");
    assert_eq!(proven.len(), 3);
    for block in proven {
        assert!(append(&pull.chain, &pull.progress, block).is_ok());
    }
    assert_eq!(pull.chain.finalized().hash, blocks[2].hash());
    assert_eq!(pull.progress.finalized(), 3);
}

/// A block may be final by its descendant's certificate; without one above it, it is only somebody's word.
#[test]
fn a_certificate_proves_its_block_and_all_before_it() {
    let network = Network::seeded(1);
    let blocks = blocks(3);
    let claimed = vec![
        claim(&blocks[0], None),
        claim(&blocks[1], Some(network.certify(&blocks[1]))),
        claim(&blocks[2], None),
    ];
    let proven = follower(&network).prove(claimed).expect("genuine");
    assert_eq!(proven.len(), 2);
}

#[test]
fn the_certificate_of_another_network_proves_nothing() {
    let (network, other) = (Network::seeded(1), Network::seeded(2));
    let block = &blocks(1)[0];
    let claimed = vec![claim(block, Some(other.certify(block)))];
    let refused = follower(&network).prove(claimed).expect_err("forged");
    assert!(refused.contains("not genuine"), "{refused}");
}

#[test]
fn the_certificate_of_another_block_proves_nothing() {
    let network = Network::seeded(1);
    let blocks = blocks(2);
    let claimed = vec![claim(&blocks[0], Some(network.certify(&blocks[1])))];
    assert!(follower(&network).prove(claimed).is_err());
}

#[test]
fn a_gap_is_refused() {
    let network = Network::seeded(1);
    let block = &blocks(2)[1];
    let claimed = vec![claim(block, Some(network.certify(block)))];
    let refused = follower(&network)
        .prove(claimed)
        .expect_err("block 1 is missing");
    assert!(refused.contains("does not extend"), "{refused}");
}

#[test]
fn bytes_that_are_no_block_are_refused() {
    let network = Network::seeded(1);
    let claimed = vec![Claimed {
        block: Bytes::from_static(b"no block"),
        certificate: None,
    }];
    assert!(follower(&network).prove(claimed).is_err());
}
