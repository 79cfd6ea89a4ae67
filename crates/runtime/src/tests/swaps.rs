//! A coldkey that is being swapped, as the pool of transactions sees it.

use super::*;
use crate::free_calls::Refusal;
use genesis::development_account as account;
use pallet_subtensor::Call;
use sp_runtime::traits::{BlakeTwo256, Hash};

fn validity(chain: &mut Chain, call: RuntimeCall) -> TransactionValidity {
    let nonce = chain.call("AccountNonceApi_account_nonce", account("Bob"));
    let extrinsic = chain.signed("Bob", call, nonce);
    chain.validate(extrinsic)
}

fn refused(refusal: Refusal) -> TransactionValidityError {
    InvalidTransaction::Custom(refusal as u8).into()
}

#[test]
fn a_coldkey_that_announced_its_swap_sends_nothing_else() {
    let mut chain = super::market::open_market();
    assert!(validity(&mut chain, transfer("Alice", 1_000)).is_ok());
    let new_coldkey_hash = BlakeTwo256::hash_of(&account("Zoe"));
    let announce = RuntimeCall::SubtensorModule(Call::announce_coldkey_swap { new_coldkey_hash });
    chain.expect_success("Bob", announce);
    let hidden = RuntimeCall::Utility(pallet_utility::Call::batch {
        calls: vec![transfer("Alice", 1_000)],
    });
    for call in [transfer("Alice", 1_000), hidden] {
        let held = validity(&mut chain, call).unwrap_err();
        assert_eq!(held, refused(Refusal::SwapAnnounced));
    }
    // Nor does a proxy for it, however deep it hides what it does.
    let proxied = |call: RuntimeCall| {
        RuntimeCall::Proxy(pallet_proxy::Call::proxy {
            real: MultiAddress::Id(account("Bob")),
            force_proxy_type: None,
            call: Box::new(call),
        })
    };
    let batch =
        |calls: Vec<RuntimeCall>| RuntimeCall::Utility(pallet_utility::Call::batch { calls });
    let by_alice = |chain: &mut Chain, call| {
        let nonce = chain.call("AccountNonceApi_account_nonce", account("Alice"));
        let extrinsic = chain.signed("Alice", call, nonce);
        chain.validate(extrinsic)
    };
    let direct = proxied(transfer("Alice", 1_000));
    let hidden = batch(vec![batch(vec![direct.clone()])]);
    for call in [direct, hidden] {
        let held = by_alice(&mut chain, call).unwrap_err();
        assert_eq!(held, refused(Refusal::SwapAnnounced));
    }
    let about = RuntimeCall::SubtensorModule(Call::dispute_coldkey_swap {});
    assert!(by_alice(&mut chain, proxied(about)).is_ok());
    let dispute = RuntimeCall::SubtensorModule(Call::dispute_coldkey_swap {});
    assert!(validity(&mut chain, dispute.clone()).is_ok());
    chain.expect_success("Bob", dispute);
    let clear = RuntimeCall::SubtensorModule(Call::clear_coldkey_swap_announcement {});
    let held = validity(&mut chain, clear).unwrap_err();
    assert_eq!(held, refused(Refusal::SwapDisputed));
}
