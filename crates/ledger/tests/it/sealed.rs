//! Transactions that others carry encrypted: the builder opens them, everybody else only executes them.

use crate::fixture::{Chain, account_of, free, in_memory, signed};
use ledger::Extrinsic;
use ledger::pool::Source;
use parity_scale_codec::{Decode as _, Encode as _};
use runtime::{RuntimeCall, TAO};

/// Stands for encryption where only its place in a block is at stake: every byte is turned over.
fn turned(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

fn open(carrier: &Extrinsic) -> Option<Extrinsic> {
    let opened = turned(&runtime::shield::ciphertext(carrier)?);
    Extrinsic::decode(&mut &opened[..]).ok()
}

fn carrier(chain: &Chain, from: &str, sealed: &[u8], nonce: u32) -> Vec<u8> {
    let ciphertext = turned(sealed).try_into().unwrap();
    let call = RuntimeCall::MevShield(runtime::shield::Call::submit_encrypted { ciphertext });
    signed(&chain.ledger, from, call, nonce, 0)
}

/// A chain whose pool holds Alice's carrier of a transfer to Bob.
fn shielded() -> (Chain, Vec<u8>) {
    let chain = Chain::in_memory();
    let transfer = chain.transfer("Alice", "Bob", 5 * TAO, 1);
    let carrier = carrier(&chain, "Alice", &transfer, 0);
    chain.pool.submit(carrier, Source::Local).unwrap();
    (chain, transfer)
}

/// The block then holds the timestamp, the carrier and the transfer; a ledger without the key executes it as it is.
#[test]
fn what_a_carrier_hides_follows_it_in_the_same_block() {
    let (chain, transfer) = shielded();
    chain.ledger.open_sealed_with(Box::new(open));
    let before = free(&chain.ledger, chain.ledger.best().hash, "Bob");
    let built = chain.build_on(chain.ledger.best().hash);
    let last = built.block.extrinsics.last().unwrap();
    assert_eq!((built.block.extrinsics.len(), last.encode()), (3, transfer));
    assert_eq!(free(&chain.ledger, built.hash, "Bob"), before + 5 * TAO);
    let keyless = in_memory();
    assert_eq!(keyless.import(built.block).unwrap().hash, built.hash);
}

#[test]
fn a_builder_without_the_key_includes_only_the_carrier() {
    let (chain, _) = shielded();
    let built = chain.build_on(chain.ledger.best().hash);
    assert_eq!(built.block.extrinsics.len(), 2);
}

/// Somebody who copies a ciphertext gains nothing: what it hides is its signer's, and not yet due.
#[test]
fn a_copied_ciphertext_brings_nothing_in() {
    let chain = Chain::in_memory();
    chain.ledger.open_sealed_with(Box::new(open));
    let transfer = chain.transfer("Alice", "Bob", 5 * TAO, 1);
    let copied = carrier(&chain, "Charlie", &transfer, 0);
    chain.pool.submit(copied, Source::Local).unwrap();
    let head = chain.advance();
    let block = chain.ledger.body(&head.hash).unwrap().unwrap();
    assert_eq!(block.len(), 2);
    assert_eq!(
        crate::fixture::account(&chain.ledger, head.hash, &account_of("Alice")).0,
        0
    );
}

/// A hidden inherent, or bytes that are no transaction at all, must not spoil the block for the others.
#[test]
fn a_hostile_ciphertext_costs_only_its_carrier() {
    let chain = Chain::in_memory();
    chain.ledger.open_sealed_with(Box::new(open));
    let first = chain.build_on(chain.ledger.genesis_hash());
    let inherent = first.block.extrinsics[0].encode();
    let noise = vec![1, 2, 3, 4, 5].encode();
    for (nonce, hidden) in [inherent, noise].iter().enumerate() {
        let hostile = carrier(&chain, "Alice", hidden, nonce as u32);
        chain.pool.submit(hostile, Source::Local).unwrap();
    }
    let built = chain.build_on(chain.ledger.genesis_hash());
    assert_eq!(built.block.extrinsics.len(), 3);
    assert_eq!(in_memory().import(built.block).unwrap().hash, built.hash);
}
