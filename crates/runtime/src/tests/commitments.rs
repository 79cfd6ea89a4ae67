//! What neurons publish about themselves.

use super::market::{NETUID, open_market};
use super::*;
use crate::commitments::{self, CommitmentInfo, Data, Error};
use genesis::development_account as account;
use sp_runtime::DispatchError;

fn publish(fields: Vec<Data>) -> RuntimeCall {
    RuntimeCall::Commitments(commitments::Call::set_commitment {
        netuid: NETUID,
        info: Box::new(CommitmentInfo {
            fields: fields.try_into().unwrap(),
        }),
    })
}

#[test]
fn a_neuron_publishes_a_commitment() {
    let mut chain = open_market();
    let text = vec![Data::Short(
        b"model: shakespeare".to_vec().try_into().unwrap(),
    )];
    chain.expect_success("Dave", publish(text.clone()));
    let stored = chain
        .state
        .execute_with(|| commitments::CommitmentOf::<crate::Runtime>::get(NETUID, account("Dave")));
    assert_eq!(stored.unwrap().info.fields.into_inner(), text);
    let refused = Error::<crate::Runtime>::AccountNotAllowedCommit;
    assert_eq!(
        chain.submit("Charlie", publish(text)),
        Ok(Err(DispatchError::from(refused)))
    );
}

/// Three fields of 512 bytes fit twice into what is allowed at first.
#[test]
fn a_neuron_publishes_as_much_in_a_tempo_as_root_allows() {
    let mut chain = open_market();
    let long = || Data::Long(vec![7; 512].try_into().unwrap());
    let full = || publish(vec![long(), long(), long()]);
    let refused = Ok(Err(Error::<crate::Runtime>::SpaceLimitExceeded.into()));
    chain.expect_success("Dave", full());
    chain.expect_success("Dave", full());
    assert_eq!(chain.submit("Dave", full()), refused);
    let allow = |new_limit| {
        let call = RuntimeCall::Commitments(commitments::Call::set_max_space { new_limit });
        RuntimeCall::Sudo(pallet_sudo::Call::sudo {
            call: Box::new(call),
        })
    };
    chain.expect_success("Alice", allow(10_000));
    chain.expect_success("Dave", full());
    chain.expect_success("Alice", allow(0));
    assert_eq!(chain.submit("Dave", publish(vec![])), refused);
}

/// Wallets encode bytes without a length, in a variant named for it.
#[test]
fn commitment_fields_encode_as_wallets_do() {
    let short = Data::Short(vec![0xab, 0xcd].try_into().unwrap());
    assert_eq!(short.encode(), [3, 0xab, 0xcd]);
    assert_eq!(Data::None.encode(), [0]);
    let hash = Data::Hash(1, [5; 32]);
    assert_eq!(hash.encode()[0], 131);
    let long = Data::Long(vec![1; 200].try_into().unwrap());
    for field in [short, Data::None, hash, long] {
        assert_eq!(Data::decode(&mut &field.encode()[..]), Ok(field));
    }
    assert!(Data::decode(&mut &[134, 0][..]).is_err());
}
