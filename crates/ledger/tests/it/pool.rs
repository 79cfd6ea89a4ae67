//! The transaction pool over a real chain.

use crate::fixture::{Chain, START_MS, account_of, in_memory, transfer};
use ledger::pool::{self, Pool, PoolError, Source, Status};
use ledger::{CallError, Extrinsic, Limits};
use parity_scale_codec::{Decode, Encode};
use proptest::prelude::*;
use runtime::TAO;
use sp_runtime::transaction_validity::InvalidTransaction;

#[test]
fn transactions_out_of_order_wait_for_the_gap() {
    let chain = Chain::in_memory();
    for nonce in [3, 1, 2] {
        chain.submit_transfer("Alice", "Bob", nonce);
    }
    assert_eq!(chain.pool.counts(), (0, 3));
    chain.submit_transfer("Alice", "Bob", 0);
    assert_eq!(chain.pool.counts(), (4, 0));
    let nonces: Vec<u32> = chain
        .pool
        .ready()
        .iter()
        .map(|ready| ready.nonce())
        .collect();
    assert_eq!(nonces, vec![0, 1, 2, 3]);
}

#[test]
fn the_same_transaction_twice_is_refused() {
    let chain = Chain::in_memory();
    let hash = chain.submit_transfer("Alice", "Bob", 0);
    let again = chain
        .pool
        .submit(chain.transfer("Alice", "Bob", TAO, 0), Source::Local);
    // Signatures are randomised, so the same transfer signed twice is two transactions.
    assert!(
        matches!(again, Err(PoolError::TooLowPriority { .. })),
        "{again:?}"
    );
    let bytes = chain.pool.get(&hash).unwrap().encoded().to_vec();
    let same = chain.pool.submit(bytes, Source::Local);
    assert!(matches!(same, Err(PoolError::AlreadyImported(known)) if known == hash));
}

#[test]
fn a_tip_replaces_a_transaction_of_the_same_nonce() {
    let chain = Chain::in_memory();
    let bytes = chain.transfer("Alice", "Bob", TAO, 0);
    let (_, mut watcher) = chain.pool.submit_and_watch(bytes, Source::Local).unwrap();
    let better = transfer(&chain.ledger, "Alice", "Bob", TAO, 0, TAO);
    let hash = chain.pool.submit(better, Source::Local).unwrap();
    assert_eq!(chain.pool.counts(), (1, 0));
    assert_eq!(watcher.try_recv(), Ok(Status::Ready));
    assert_eq!(watcher.try_recv(), Ok(Status::Usurped(hash)));
}

#[test]
fn the_higher_tip_goes_first() {
    let chain = Chain::in_memory();
    chain.submit_transfer("Alice", "Bob", 0);
    let paid = transfer(&chain.ledger, "Bob", "Alice", TAO, 0, TAO);
    let first = chain.pool.submit(paid, Source::Local).unwrap();
    assert_eq!(chain.pool.ready()[0].hash(), first);
}

#[test]
fn nonsense_is_refused_as_such() {
    let chain = Chain::in_memory();
    let refused = chain.pool.submit(vec![1, 2, 3], Source::Local);
    assert!(
        matches!(refused, Err(PoolError::BadFormat(_))),
        "{refused:?}"
    );
}

/// A hundred thousand batches, each the only call of the one around it; whoever reads that as it comes runs out of stack.
fn nested_calls() -> Vec<u8> {
    const BATCH_OF_ONE: [u8; 3] = [11, 0, 4];
    const REMARK: [u8; 3] = [0, 0, 0];
    let mut calls = BATCH_OF_ONE.repeat(100_000);
    calls.extend(REMARK);
    calls
}

#[test]
fn calls_nested_without_end_are_refused() {
    let chain = Chain::in_memory();
    const BARE: u8 = 5;
    let bytes = [vec![BARE], nested_calls()].concat().encode();
    let refused = chain.pool.submit(bytes.clone(), Source::External);
    assert!(
        matches!(refused, Err(PoolError::BadFormat(_))),
        "{refused:?}"
    );
    // A node's clients ask the runtime too, and authorities send blocks.
    let state = chain.ledger.state(chain.ledger.best().hash).unwrap();
    let refuses = |method: &str, asked: &[&[u8]]| {
        let answer = state.call(method, &asked.concat());
        let is_refused = matches!(
            answer,
            Err(CallError::BadArguments(refused)) if refused == method
        );
        assert!(is_refused, "{method}");
    };
    let four = [0; 4];
    refuses("TransactionPaymentApi_query_info", &[&bytes, &four]);
    refuses(
        "TransactionPaymentCallApi_query_call_info",
        &[&nested_calls(), &four],
    );
    refuses("BlockBuilder_apply_extrinsic", &[&bytes]);
    let validate = "TaggedTransactionQueue_validate_transaction";
    refuses(validate, &[&[2], &bytes, &[0; 32]]);
    let genesis = chain.ledger.block(&chain.ledger.genesis_hash()).unwrap();
    let mut block = genesis.unwrap();
    block.extrinsics = vec![Extrinsic::decode(&mut &bytes[..]).unwrap()];
    refuses("Core_execute_block", &[&block.encode()]);
    assert_eq!(ledger::timestamp_of(&block), None);
}

#[test]
fn a_transaction_longer_than_any_block_takes_is_refused() {
    let chain = Chain::in_memory();
    let refused = chain.pool.submit(vec![0; 600_000], Source::External);
    let expected = 512 * 1024;
    assert!(matches!(refused, Err(PoolError::TooLarge { bytes: 600_000, max }) if max == expected));
}

#[test]
fn a_used_nonce_is_stale() {
    let chain = Chain::in_memory();
    chain.submit_transfer("Alice", "Bob", 0);
    chain.advance();
    let refused = chain
        .pool
        .submit(chain.transfer("Alice", "Bob", 2 * TAO, 0), Source::Local);
    assert!(
        matches!(refused, Err(PoolError::Invalid(InvalidTransaction::Stale))),
        "{refused:?}"
    );
}

#[test]
fn a_forged_signature_is_refused() {
    let chain = Chain::in_memory();
    let mut bytes = chain.transfer("Alice", "Bob", TAO, 0);
    bytes[60] ^= 1;
    let refused = chain.pool.submit(bytes, Source::Local);
    let bad = InvalidTransaction::BadProof;
    assert!(matches!(refused, Err(PoolError::Invalid(reason)) if reason == bad));
}

#[test]
fn a_watcher_sees_ready_then_in_block_then_finalized() {
    let chain = Chain::in_memory();
    let bytes = chain.transfer("Alice", "Bob", TAO, 0);
    let (_, mut watcher) = chain.pool.submit_and_watch(bytes, Source::Local).unwrap();
    let head = chain.advance();
    assert_eq!(watcher.try_recv(), Ok(Status::Ready));
    assert_eq!(watcher.try_recv(), Ok(Status::InBlock(head.hash)));
    assert_eq!(watcher.try_recv(), Ok(Status::Finalized(head.hash)));
    assert!(watcher.try_recv().is_err());
    assert_eq!(chain.pool.counts(), (0, 0));
}

#[test]
fn a_transaction_of_a_lost_block_comes_back() {
    let chain = Chain::in_memory();
    let root = chain.ledger.genesis_hash();
    let bytes = chain.transfer("Alice", "Bob", TAO, 0);
    let (hash, mut watcher) = chain.pool.submit_and_watch(bytes, Source::Local).unwrap();
    let lost = chain.grow_on(root);
    let empty = chain.grow_on(root);
    assert_ne!(lost, empty);
    assert_eq!(chain.pool.counts(), (1, 0));
    let won = chain.grow_on(empty.hash);
    chain.finalize(won);
    let mut seen = Vec::new();
    while let Ok(status) = watcher.try_recv() {
        seen.push(status);
    }
    use Status::{Finalized, InBlock, Ready, Retracted};
    let expected = vec![
        Ready,
        InBlock(lost.hash),
        Retracted(lost.hash),
        Ready,
        InBlock(won.hash),
        Finalized(won.hash),
    ];
    assert_eq!(seen, expected);
    assert!(chain.pool.get(&hash).is_none());
}

/// The account's next nonce counts what waits in the pool, but not what waits behind a gap.
#[test]
fn the_next_nonce_counts_the_pool() {
    let chain = Chain::in_memory();
    let alice = account_of("Alice");
    assert_eq!(chain.pool.next_nonce(&alice).unwrap(), 0);
    for nonce in [0, 1, 5] {
        chain.submit_transfer("Alice", "Bob", nonce);
    }
    assert_eq!(chain.pool.next_nonce(&alice).unwrap(), 2);
    chain.advance();
    assert_eq!(chain.pool.next_nonce(&alice).unwrap(), 2);
}

#[test]
fn a_transaction_found_invalid_is_refused_for_a_while() {
    let chain = Chain::in_memory();
    let hash = chain.submit_transfer("Alice", "Bob", 0);
    let bytes = chain.pool.get(&hash).unwrap().encoded().to_vec();
    chain.pool.remove_invalid(&[hash]);
    let refused = chain.pool.submit(bytes.clone(), Source::Local);
    assert!(matches!(refused, Err(PoolError::Banned(banned)) if banned == hash));
    for _ in 0..33 {
        chain.advance();
    }
    assert_eq!(chain.pool.submit(bytes, Source::Local).unwrap(), hash);
}

/// Bob spends what his waiting transaction offered as a tip; it goes without a builder having to meet it.
#[test]
fn a_transaction_that_can_no_longer_pay_is_dropped() {
    let chain = Chain::in_memory();
    let spend = chain.transfer("Bob", "Alice", 9_999 * TAO, 0);
    chain.pool.submit(spend, Source::Local).unwrap();
    let tipped = transfer(&chain.ledger, "Bob", "Alice", 1, 1, 5 * TAO);
    let (_, mut watcher) = chain.pool.submit_and_watch(tipped, Source::Local).unwrap();
    let only_one = chain.pool.ready().into_iter().take(1);
    let limits = Limits::default();
    let root = chain.ledger.genesis_hash();
    let built = chain
        .ledger
        .build(root, START_MS, vec![], only_one, limits, || true)
        .unwrap();
    chain.ledger.set_best(built.hash).unwrap();
    chain.pool.maintain().unwrap();
    assert_eq!(watcher.try_recv(), Ok(Status::Ready));
    assert_eq!(watcher.try_recv(), Ok(Status::Invalid));
    assert_eq!(chain.pool.counts(), (0, 0));
}

#[test]
fn a_full_pool_keeps_the_better_paying() {
    let ledger = in_memory();
    let config = pool::Config {
        transactions_max: 2,
        ..Default::default()
    };
    let pool = Pool::new(ledger.clone(), config);
    let submit =
        |from, tip| pool.submit(transfer(&ledger, from, "Alice", TAO, 0, tip), Source::Local);
    let worst = submit("Bob", 1_000).unwrap();
    let middle = submit("Charlie", 2_000).unwrap();
    let refused = submit("Dave", 10);
    assert!(matches!(refused, Err(PoolError::Full)), "{refused:?}");
    let best = submit("Eve", 3_000).unwrap();
    assert!(pool.get(&worst).is_none());
    assert!(pool.get(&middle).is_some() && pool.get(&best).is_some());
}

#[test]
fn a_future_transaction_makes_room_for_a_ready_one() {
    let ledger = in_memory();
    let config = pool::Config {
        transactions_max: 1,
        ..Default::default()
    };
    let pool = Pool::new(ledger.clone(), config);
    let future = transfer(&ledger, "Bob", "Alice", TAO, 7, 5_000);
    pool.submit(future, Source::Local).unwrap();
    let ready = transfer(&ledger, "Charlie", "Alice", TAO, 0, 0);
    pool.submit(ready, Source::Local).unwrap();
    assert_eq!(pool.counts(), (1, 0));
}

/// A hundred transfers of one sender, submitted backwards, all become ready when the last one fills the gap.
#[test]
fn one_sender_may_send_many_in_any_order() {
    let chain = Chain::in_memory();
    for nonce in (0..100).rev() {
        chain.submit_transfer("Alice", "Bob", nonce);
    }
    assert_eq!(chain.pool.counts(), (100, 0));
    while chain.pool.counts().0 > 0 {
        chain.advance();
        assert!(
            chain.ledger.finalized().number < 50,
            "blocks do not empty the pool"
        );
    }
    let alice = account_of("Alice");
    assert_eq!(chain.pool.next_nonce(&alice).unwrap(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..Default::default() })]

    /// However transactions arrive and blocks are made, the ready ones of each sender run on from its nonce without a
    /// gap, and everything is included in the end.
    #[test]
    fn every_order_of_arrival_ends_in_the_same_place(
        order in Just((0..8u32).flat_map(|nonce| [("Alice", nonce), ("Bob", nonce)]).collect::<Vec<_>>())
            .prop_shuffle(),
        blocks in proptest::collection::vec(any::<bool>(), 16),
    ) {
        let chain = Chain::in_memory();
        for ((from, nonce), block) in order.into_iter().zip(blocks) {
            chain.submit_transfer(from, "Charlie", nonce);
            for sender in ["Alice", "Bob"] {
                let account = account_of(sender);
                let ready = chain.pool.ready();
                let mine = ready.iter().filter(|ready| ready.sender() == Some(&account));
                let nonces: Vec<u32> = mine.map(|ready| ready.nonce()).collect();
                let (next, _) = crate::fixture::account(&chain.ledger, chain.ledger.best().hash, &account);
                prop_assert_eq!(&nonces, &(next..next + nonces.len() as u32).collect::<Vec<_>>());
            }
            if block {
                chain.advance();
            }
        }
        chain.advance();
        prop_assert_eq!(chain.pool.counts(), (0, 0));
        let tip = chain.ledger.finalized().hash;
        prop_assert_eq!(crate::fixture::free(&chain.ledger, tip, "Charlie"), 10_016 * TAO);
    }

    /// Bytes from strangers are refused or taken, and never more than that.
    #[test]
    fn foreign_bytes_do_no_harm(
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let chain = Chain::in_memory();
        let refused = chain.pool.submit(noise, Source::External);
        prop_assert!(matches!(refused, Err(PoolError::BadFormat(_))));
        let mut bytes = chain.transfer("Alice", "Bob", TAO, 0);
        for (place, value) in flips {
            *place.get_mut(&mut bytes) ^= value;
        }
        // Whatever the verdict, the chain goes on.
        let _ = chain.pool.submit(bytes, Source::External);
        prop_assert_eq!(chain.advance().number, 1);
    }
}
