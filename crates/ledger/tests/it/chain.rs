//! Building, importing, finalizing, reading.

use crate::fixture::{Chain, START_MS, free, genesis, in_memory, on_disk, signed, transfer};
use ledger::pool::Source;
use ledger::{CallError, Config, Error, Ledger, Limits, timestamp_of};
use parity_scale_codec::{Decode, Encode};
use runtime::genesis::{GenesisSpec, build};
use runtime::{RuntimeCall, TAO};
use sp_core::H256;
use sp_runtime::DigestItem;

#[test]
fn a_built_block_is_accepted_by_another_ledger() {
    let chain = Chain::in_memory();
    chain.submit_transfer("Alice", "Bob", 0);
    let built = chain.build_on(chain.ledger.genesis_hash());
    assert_eq!(built.block.extrinsics.len(), 2);
    assert_eq!(timestamp_of(&built.block), Some(START_MS + 250));

    let other = in_memory();
    let head = other.import(built.block).unwrap();
    other.finalize(head.hash, b"proof".to_vec()).unwrap();
    assert_eq!(other.finalized(), head);
    assert_eq!(other.certificate(1).unwrap(), Some(b"proof".to_vec()));
    assert_eq!(free(&other, head.hash, "Bob"), 10_001 * TAO);
    assert_eq!(free(&other, other.genesis_hash(), "Bob"), 10_000 * TAO);
}

#[test]
fn a_block_with_a_wrong_state_root_is_refused() {
    let chain = Chain::in_memory();
    let mut block = chain.build_on(chain.ledger.genesis_hash()).block;
    block.header.state_root = H256::repeat_byte(7);
    let refused = in_memory().import(block);
    assert!(
        matches!(refused, Err(Error::InvalidBlock { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_block_without_one_of_its_transactions_is_refused() {
    let chain = Chain::in_memory();
    chain.submit_transfer("Alice", "Bob", 0);
    let mut block = chain.build_on(chain.ledger.genesis_hash()).block;
    block.extrinsics.pop();
    let refused = in_memory().import(block);
    assert!(
        matches!(refused, Err(Error::InvalidBlock { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_block_whose_transaction_cannot_pay_is_refused() {
    let chain = Chain::in_memory();
    let mut block = chain.build_on(chain.ledger.genesis_hash()).block;
    let early = transfer(&chain.ledger, "Alice", "Bob", TAO, 5, 0);
    block
        .extrinsics
        .push(Decode::decode(&mut &early[..]).unwrap());
    let refused = in_memory().import(block);
    assert!(
        matches!(refused, Err(Error::InvalidBlock { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_block_without_its_parent_is_refused() {
    let chain = Chain::in_memory();
    let first = chain.grow_on(chain.ledger.genesis_hash());
    let second = chain.build_on(first.hash).block;
    let refused = in_memory().import(second);
    assert!(matches!(
        refused,
        Err(Error::UnknownParent { number: 2, .. })
    ));
}

#[test]
fn pre_runtime_digests_survive_execution() {
    let ledger = in_memory();
    let item = DigestItem::PreRuntime(*b"test", vec![1, 2, 3]);
    let built = ledger
        .build(
            ledger.genesis_hash(),
            START_MS,
            vec![item.clone()],
            [],
            Limits::default(),
            || true,
        )
        .unwrap();
    assert_eq!(built.block.header.digest.logs, vec![item]);
    in_memory().import(built.block).unwrap();
}

#[test]
fn finalizing_twice_is_finalizing_once() {
    let chain = Chain::in_memory();
    let head = chain.grow_on(chain.ledger.genesis_hash());
    let first = chain.ledger.finalize(head.hash, vec![]).unwrap();
    assert_eq!(first.blocks, vec![head]);
    let again = chain.ledger.finalize(head.hash, vec![]).unwrap();
    assert_eq!(again, Default::default());
}

#[test]
fn finalizing_a_block_finalizes_its_ancestors() {
    let chain = Chain::in_memory();
    let first = chain.grow_on(chain.ledger.genesis_hash());
    let second = chain.grow_on(first.hash);
    let third = chain.grow_on(second.hash);
    let finalized = chain.ledger.finalize(third.hash, vec![]).unwrap();
    assert_eq!(finalized.blocks, vec![first, second, third]);
    assert_eq!(chain.ledger.hash_of(2).unwrap(), Some(second.hash));
}

#[test]
fn a_losing_branch_is_forgotten() {
    let chain = Chain::in_memory();
    let root = chain.ledger.genesis_hash();
    let loser = chain.grow_on(root);
    let child = chain.grow_on(loser.hash);
    chain.submit_transfer("Alice", "Bob", 0);
    let winner = chain.grow_on(root);
    assert_ne!(loser, winner);
    let finalized = chain.ledger.finalize(winner.hash, vec![]).unwrap();
    assert_eq!(finalized.discarded.len(), 2);
    assert!(!chain.ledger.contains(&child.hash).unwrap());
    let lost = chain.ledger.finalize(loser.hash, vec![]);
    assert!(matches!(lost, Err(Error::UnknownBlock(hash)) if hash == loser.hash));
}

#[test]
fn a_chain_on_disk_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let chain = Chain::over(on_disk(directory.path()));
    for nonce in 0..5 {
        chain.submit_transfer("Alice", "Bob", nonce);
        chain.advance();
    }
    let tip = chain.ledger.finalized();
    let body = chain.ledger.body(&tip.hash).unwrap();
    drop(chain);

    let ledger = on_disk(directory.path());
    assert_eq!(ledger.finalized(), tip);
    assert_eq!(ledger.best(), tip);
    assert_eq!(ledger.body(&tip.hash).unwrap(), body);
    assert_eq!(free(&ledger, tip.hash, "Bob"), 10_005 * TAO);
    assert_eq!(
        ledger.certificate(5).unwrap(),
        Some(b"certificate of 5".to_vec())
    );
    Chain::over(ledger).advance();
}

#[test]
fn another_chains_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(on_disk(directory.path()));
    let other = build(&GenesisSpec::development(1_000)).unwrap();
    let refused = Ledger::open(Config::on_disk(directory.path()), other);
    assert!(matches!(refused, Err(Error::WrongGenesis { .. })));
}

#[test]
fn one_directory_serves_one_ledger_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let _first = on_disk(directory.path());
    let second = Ledger::open(Config::on_disk(directory.path()), genesis());
    assert!(matches!(second, Err(Error::Store(_))));
}

#[test]
fn keys_come_page_by_page() {
    let ledger = in_memory();
    let state = ledger.state(ledger.genesis_hash()).unwrap();
    let prefix = sp_io::hashing::twox_128(b"System");
    let all = state.keys_paged(&prefix, 1_000, None).unwrap();
    assert!(all.len() >= 6 && all.is_sorted());
    let mut paged = Vec::new();
    let mut start = prefix.to_vec();
    loop {
        let page = state.keys_paged(&prefix, 2, Some(&start)).unwrap();
        let Some(last) = page.last() else { break };
        start = last.clone();
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

#[test]
fn a_read_proof_proves_what_is_read() {
    let ledger = in_memory();
    let state = ledger.state(ledger.genesis_hash()).unwrap();
    let prefix = sp_io::hashing::twox_128(b"System");
    let key = state.keys_paged(&prefix, 1, None).unwrap().remove(0);
    let nodes = state.prove(std::slice::from_ref(&key)).unwrap();
    let proof = sp_state_machine::StorageProof::new(nodes);
    let read = sp_state_machine::read_proof_check::<ledger::Hasher, _>(state.root(), proof, [&key])
        .unwrap();
    assert_eq!(read[&key], state.storage(&key).unwrap());
}

#[test]
fn a_call_to_no_method_says_so() {
    let ledger = in_memory();
    let state = ledger.state(ledger.genesis_hash()).unwrap();
    let error = state.call("Nothing_at_all", &[]).unwrap_err();
    assert_eq!(error, CallError::NoSuchMethod("Nothing_at_all".into()));
    assert_eq!(
        error.to_string(),
        "Exported method Nothing_at_all is not found"
    );
}

#[test]
fn a_panicking_call_is_an_error_and_the_next_call_works() {
    let ledger = in_memory();
    let state = ledger.state(ledger.genesis_hash()).unwrap();
    let broken = state.call("AccountNonceApi_account_nonce", &[1, 2, 3]);
    assert!(
        matches!(broken, Err(CallError::Panicked { .. })),
        "{broken:?}"
    );
    let account = crate::fixture::account_of("Alice");
    let nonce = state
        .call("AccountNonceApi_account_nonce", &account.encode())
        .unwrap();
    assert_eq!(nonce, 0u32.encode());
}

/// Replacing the runtime's code would need Wasm, which this chain does not have.
#[test]
fn setting_code_fails_and_the_chain_goes_on() {
    let chain = Chain::in_memory();
    let set_code = RuntimeCall::System(frame_system::Call::set_code { code: vec![0; 64] });
    let call = RuntimeCall::Sudo(pallet_sudo::Call::sudo_unchecked_weight {
        call: Box::new(set_code),
        weight: sp_runtime::Weight::zero(),
    });
    let bytes = signed(&chain.ledger, "Alice", call, 0, 0);
    chain.pool.submit(bytes, Source::Local).unwrap();
    chain.advance();
    let head = chain.advance();
    assert_eq!(head.number, 2);
}

#[test]
fn building_stops_when_it_is_told_to() {
    let chain = Chain::in_memory();
    for nonce in 0..10 {
        chain.submit_transfer("Alice", "Bob", nonce);
    }
    let mut left = 3;
    let built = chain
        .ledger
        .build(
            chain.ledger.genesis_hash(),
            START_MS,
            vec![],
            chain.pool.ready(),
            Limits::default(),
            || {
                left -= 1;
                left >= 0
            },
        )
        .unwrap();
    assert_eq!(built.block.extrinsics.len(), 1 + 3);
}

#[test]
fn a_builder_passes_over_what_the_parent_has() {
    let chain = Chain::in_memory();
    chain.submit_transfer("Alice", "Bob", 0);
    let first = chain.build_on(chain.ledger.genesis_hash());
    let second = chain.build_on(first.hash);
    assert_eq!(first.block.extrinsics.len(), 2);
    assert_eq!(second.block.extrinsics.len(), 1);
    assert!(second.invalid.is_empty());
}

#[test]
fn a_replayed_chain_gives_the_same_roots() {
    let chain = Chain::in_memory();
    for nonce in 0..20 {
        chain.submit_transfer("Alice", "Bob", nonce);
        if nonce % 3 == 0 {
            chain.submit_transfer("Bob", "Charlie", nonce / 3);
        }
        chain.advance();
    }
    let replay = in_memory();
    for number in 1..=20 {
        let hash = chain.ledger.hash_of(number).unwrap().unwrap();
        let block = chain.ledger.block(&hash).unwrap().unwrap();
        let head = replay.import(block).unwrap();
        assert_eq!(head.hash, hash);
        replay.finalize(head.hash, vec![]).unwrap();
    }
    assert_eq!(replay.finalized(), chain.ledger.finalized());
}
