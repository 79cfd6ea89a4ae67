//! Blocks and the transactions in them.

use super::*;

#[test]
fn a_transfer_moves_the_amount_and_the_fee() {
    let mut chain = Chain::new();
    let (alice, bob) = (chain.free("Alice"), chain.free("Bob"));
    chain.block(vec![]);
    let extrinsic = chain.signed("Alice", transfer("Bob", 5 * TAO), 0);
    assert_eq!(chain.block(vec![extrinsic]), vec![Ok(Ok(()))]);
    assert_eq!(chain.free("Bob"), bob + 5 * TAO);
    let fee = alice - chain.free("Alice") - 5 * TAO;
    assert!((1_000..1_000_000).contains(&fee), "fee of {fee} rao");
}

#[test]
fn the_quoted_fee_is_the_charged_fee() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let extrinsic = chain.signed("Alice", transfer("Bob", TAO), 0);
    let length = u32::try_from(extrinsic.encoded_size()).unwrap();
    let quote: pallet_transaction_payment::RuntimeDispatchInfo<u64> = chain.call(
        "TransactionPaymentApi_query_info",
        (extrinsic.clone(), length),
    );
    let before = chain.free("Alice");
    chain.block(vec![extrinsic]);
    assert_eq!(before - chain.free("Alice") - TAO, quote.partial_fee);
}

#[test]
fn a_failing_call_costs_the_fee_and_says_why() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let before = chain.free("Bob");
    let extrinsic = chain.signed("Bob", transfer("Alice", before), 0);
    let results = chain.block(vec![extrinsic]);
    assert_eq!(results, vec![Ok(Err(TokenError::FundsUnavailable.into()))]);
    assert!(chain.free("Bob") < before);
}

#[test]
fn a_used_nonce_is_stale_and_a_gap_waits() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let first = chain.signed("Alice", transfer("Bob", TAO), 0);
    let third = chain.signed("Alice", transfer("Bob", TAO), 2);
    assert_eq!(chain.block(vec![first.clone()]), vec![Ok(Ok(()))]);
    let stale = TransactionValidityError::Invalid(InvalidTransaction::Stale);
    assert_eq!(chain.validate(first), Err(stale));
    let future = chain.validate(third).unwrap();
    assert_eq!((future.requires.len(), future.provides.len()), (1, 1));
    let nonce: u32 = chain.call(
        "AccountNonceApi_account_nonce",
        genesis::development_account("Alice"),
    );
    assert_eq!(nonce, 1);
}

/// Remembering signatures changes what is checked twice, never what is accepted.
#[test]
fn a_forged_signature_is_refused_with_and_without_a_memory() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let genuine = chain.signed("Alice", transfer("Bob", TAO), 0);
    let mut forged = chain.signed("Bob", transfer("Bob", TAO), 0);
    if let sp_runtime::generic::Preamble::Signed(address, ..) = &mut forged.preamble {
        *address = MultiAddress::Id(genesis::development_account("Alice"));
    }
    let bad_proof = TransactionValidityError::Invalid(InvalidTransaction::BadProof);
    assert_eq!(chain.validate(forged.clone()), Err(bad_proof));
    let memory = VerifiedSignatures::with_capacity(1);
    chain.state.register_extension(memory.extension());
    for _ in 0..2 {
        assert!(chain.validate(genuine.clone()).is_ok());
        assert_eq!(chain.validate(forged.clone()), Err(bad_proof));
    }
    assert_eq!(memory.len(), 1);
}

#[test]
fn sudo_is_alices_and_nobody_elses() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let grant = || {
        RuntimeCall::Sudo(pallet_sudo::Call::sudo {
            call: Box::new(RuntimeCall::Balances(
                pallet_balances::Call::force_set_balance {
                    who: MultiAddress::Id(genesis::development_account("Ferdie")),
                    new_free: 7 * TAO,
                },
            )),
        })
    };
    let refused = chain.signed("Bob", grant(), 0);
    assert!(matches!(chain.block(vec![refused])[..], [Ok(Err(_))]));
    let granted = chain.signed("Alice", grant(), 0);
    assert_eq!(chain.block(vec![granted]), vec![Ok(Ok(()))]);
    assert_eq!(chain.free("Ferdie"), 7 * TAO);
}

#[test]
fn an_account_below_the_existential_deposit_cannot_be_made() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: MultiAddress::Id([9; 32].into()),
        value: EXISTENTIAL_DEPOSIT - 1,
    });
    let extrinsic = chain.signed("Alice", call, 0);
    assert_eq!(
        chain.block(vec![extrinsic]),
        vec![Ok(Err(TokenError::BelowMinimum.into()))]
    );
}

/// A longer interval never allows less, and every interval leaves room for many transfers.
#[test]
fn limits_grow_with_the_interval() {
    let mut previous = 0;
    for interval_ms in [20, 100, 250, 1_000, 6_000, 60_000] {
        let weights = limits::weights(interval_ms);
        let total = weights.max_block.ref_time();
        assert!(total >= previous && total / 1_000_000_000 <= interval_ms / 3);
        assert!(limits::length_bytes(interval_ms) >= 256 * 1024);
        previous = total;
    }
}

#[test]
fn a_genesis_that_cannot_work_says_so() {
    let hasty = GenesisSpec::development(1);
    let error = genesis::build(&hasty).unwrap_err().to_string();
    assert_eq!(
        error,
        "a block interval of 1 ms is too short: choose 20 ms or more"
    );
    let mut poor = GenesisSpec::development(INTERVAL_MS);
    poor.balances.insert([3; 32].into(), 1);
    assert!(
        genesis::build(&poor)
            .unwrap_err()
            .to_string()
            .contains("existential deposit")
    );
}

/// The carrier pays and announces itself; what it hides is recognised and not executed.
#[test]
fn a_carrier_gives_its_ciphertext_away_to_nobody_but_its_reader() {
    use sp_runtime::OpaqueExtrinsic;
    let mut chain = Chain::new();
    chain.block(vec![]);
    let call = RuntimeCall::MevShield(crate::shield::Call::submit_encrypted {
        ciphertext: vec![1, 2, 3].try_into().unwrap(),
    });
    let carrier = chain.signed("Alice", call, 0);
    let ordinary = chain.signed("Alice", transfer("Bob", TAO), 1);
    let opaque =
        |extrinsic: &UncheckedExtrinsic| OpaqueExtrinsic::decode(&mut &extrinsic.encode()[..]);
    assert_eq!(
        crate::shield::ciphertext(&opaque(&carrier).unwrap()),
        Some(vec![1, 2, 3])
    );
    assert_eq!(crate::shield::ciphertext(&opaque(&ordinary).unwrap()), None);
    assert_eq!(
        chain.block(vec![carrier, ordinary]),
        vec![Ok(Ok(())), Ok(Ok(()))]
    );
}
