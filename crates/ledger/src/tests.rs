//! Tests that look behind the ledger, at what it stores.

use crate::pool::{self, Pool, Source};
use crate::store::{Change, Column, Memory, Store as _};
use crate::{Config, Error, Hash, Ledger, Limits, Retention};
use parity_scale_codec::Encode;
use runtime::genesis::{GenesisSpec, build, development_account, development_pair};
use runtime::{AccountId, RuntimeCall, TAO};
use sp_core::{Pair as _, sr25519};
use sp_runtime::MultiAddress;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

struct Chain {
    store: Arc<Memory>,
    ledger: Ledger,
    pool: Pool,
    /// Derived once: that takes longer than a block.
    alice: sr25519::Pair,
    bob: AccountId,
}

impl Chain {
    fn keeping(retention: Retention) -> Self {
        let genesis = build(&GenesisSpec::development(250)).unwrap();
        let store = Arc::new(Memory::default());
        let config = Config {
            retention,
            ..Config::in_memory()
        };
        let ledger = Ledger::over(store.clone(), &config, genesis).unwrap();
        Self::over(store, ledger)
    }

    fn over(store: Arc<Memory>, ledger: Ledger) -> Self {
        Self {
            pool: Pool::new(ledger.clone(), pool::Config::default()),
            store,
            ledger,
            alice: development_pair("Alice"),
            bob: development_account("Bob"),
        }
    }

    /// Builds a block with a transfer of `amount` on `parent`.
    fn grow(&self, parent: Hash, amount: u64) -> Hash {
        let number = self.ledger.number_of(&parent).unwrap().unwrap() + 1;
        let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
            dest: MultiAddress::Id(self.bob.clone()),
            value: amount,
        });
        self.ledger.set_best(parent).unwrap();
        self.pool.maintain().unwrap();
        let alice = AccountId::from(self.alice.public());
        let nonce = self.ledger.state(parent).unwrap();
        let nonce = nonce
            .call("AccountNonceApi_account_nonce", &alice.encode())
            .unwrap();
        let nonce = u32::from_le_bytes(nonce.try_into().unwrap());
        let genesis = self.ledger.genesis_hash();
        let signed = runtime::extrinsic::sign(&self.alice, call, nonce, genesis, amount);
        let hash = self.pool.submit(signed.encode(), Source::Local).unwrap();
        let chosen = self.pool.get(&hash);
        let time = 1_700_000_000_000 + u64::from(number) * 250;
        let built = self
            .ledger
            .build(parent, time, vec![], chosen, Limits::default(), || true)
            .unwrap();
        assert_eq!(built.block.extrinsics.len(), 2);
        built.hash
    }

    /// Finalizes `count` blocks, each against a competitor that loses.
    fn advance(&self, count: u64) {
        for step in 0..count {
            let parent = self.ledger.finalized().hash;
            let loser = self.grow(parent, TAO + step);
            let winner = self.grow(parent, 2 * TAO + step);
            assert_ne!(loser, winner);
            self.ledger.finalize(winner, vec![]).unwrap();
            self.pool.maintain().unwrap();
        }
    }

    /// Distinct trie nodes of the states of the last `states` blocks.
    fn reachable(&self, states: u32) -> usize {
        let tip = self.ledger.finalized().number;
        let mut nodes = HashSet::new();
        for number in tip.saturating_sub(states)..=tip {
            let hash = self.ledger.hash_of(number).unwrap().unwrap();
            let state = self.ledger.state(hash).unwrap();
            let keys: Vec<Vec<u8>> = state.keys_paged(&[], 100_000, None).unwrap();
            nodes.extend(state.prove(&keys).unwrap());
        }
        nodes.len()
    }
}

/// Neither a node too many, which would fill the disk, nor one too few, which would lose a state.
#[test]
fn exactly_the_nodes_of_retained_states_are_stored() {
    let chain = Chain::keeping(Retention::Last(16));
    chain.advance(40);
    assert_eq!(chain.store.census().0, chain.reachable(16));
    let old = chain.ledger.hash_of(20).unwrap().unwrap();
    assert!(matches!(
        chain.ledger.state(old),
        Err(crate::Error::StatePruned { .. })
    ));
    assert!(chain.ledger.block(&old).unwrap().is_some());
}

#[test]
fn an_archive_keeps_every_state() {
    let chain = Chain::keeping(Retention::Archive);
    chain.advance(24);
    assert_eq!(chain.store.census().0, chain.reachable(24));
}

/// An archive that is reopened with a window releases its old states a few per block until only the window is left.
#[test]
fn an_archive_can_become_a_window() {
    let genesis = build(&GenesisSpec::development(250)).unwrap();
    let archive = Chain::keeping(Retention::Archive);
    archive.advance(30);
    let config = Config {
        retention: Retention::Last(16),
        ..Config::in_memory()
    };
    let ledger = Ledger::over(archive.store.clone(), &config, genesis).unwrap();
    let chain = Chain::over(archive.store, ledger);
    chain.advance(10);
    assert_eq!(chain.store.census().0, chain.reachable(16));
}

/// A stalled network goes on proposing, and each proposal is a competitor of all before it.
#[test]
fn competitors_beyond_the_bound_push_out_older_ones() {
    let genesis = build(&GenesisSpec::development(250)).unwrap();
    let config = Config {
        unfinalized_max: 4,
        ..Config::in_memory()
    };
    let ledger = Ledger::open(config, genesis).unwrap();
    let parent = ledger.genesis_hash();
    let mut last = parent;
    for time in 0..20 {
        let time = 1_700_000_000_000 + time * 250;
        let built = ledger
            .build(parent, time, vec![], [], Limits::default(), || true)
            .unwrap();
        last = built.hash;
    }
    assert!(ledger.tree().len() <= 4);
    ledger.finalize(last, vec![]).unwrap();
    assert_eq!(ledger.finalized().hash, last);
}

/// A store whose disk can be pulled out.
struct Unreliable {
    inner: Memory,
    broken: std::sync::atomic::AtomicBool,
}

impl crate::store::Store for Unreliable {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.inner.get(column, key)
    }

    fn commit(&self, changes: Vec<Change>) -> Result<(), Error> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(Error::Store("the disk is gone".into()));
        }
        self.inner.commit(changes)
    }
}

#[test]
fn a_block_whose_commit_fails_is_not_final() {
    let genesis = build(&GenesisSpec::development(250)).unwrap();
    let store = Arc::new(Unreliable {
        inner: Memory::default(),
        broken: false.into(),
    });
    let ledger = Ledger::over(store.clone(), &Config::in_memory(), genesis).unwrap();
    let first = ledger.genesis_hash();
    let time = 1_700_000_000_000;
    let built = ledger
        .build(first, time, vec![], [], Limits::default(), || true)
        .unwrap();
    store.broken.store(true, Ordering::Relaxed);
    let failed = ledger.finalize(built.hash, vec![]);
    assert!(matches!(failed, Err(Error::Store(_))));
    assert_eq!(ledger.finalized().hash, first);
    store.broken.store(false, Ordering::Relaxed);
    ledger.finalize(built.hash, vec![]).unwrap();
    assert_eq!(ledger.finalized().hash, built.hash);
}

#[test]
fn damaged_bytes_are_called_damaged() {
    let genesis = build(&GenesisSpec::development(250)).unwrap();
    let store = Arc::new(Memory::default());
    let config = Config::in_memory();
    drop(Ledger::over(store.clone(), &config, genesis.clone()).unwrap());
    let tip = Change::Put(Column::Meta, b"tip".to_vec(), vec![1, 2, 3]);
    store.commit(vec![tip]).unwrap();
    let opened = Ledger::over(store, &config, genesis);
    assert!(matches!(opened, Err(Error::Corrupt { what: "tip" })));
}

/// One branch longer than the bound cannot be thinned out: its growth has to wait for finality.
#[test]
fn a_branch_longer_than_the_bound_waits_for_finality() {
    let genesis = build(&GenesisSpec::development(250)).unwrap();
    let config = Config {
        unfinalized_max: 3,
        ..Config::in_memory()
    };
    let ledger = Ledger::open(config, genesis).unwrap();
    let mut parent = ledger.genesis_hash();
    let grow = |parent, step: u64| {
        let time = 1_700_000_000_000 + step * 250;
        ledger.build(parent, time, vec![], [], Limits::default(), || true)
    };
    for step in 0..3 {
        parent = grow(parent, step).unwrap().hash;
    }
    let refused = grow(parent, 3);
    assert!(matches!(
        refused,
        Err(Error::TooManyUnfinalized { count: 3 })
    ));
    ledger.finalize(parent, vec![]).unwrap();
    grow(parent, 3).unwrap();
}
