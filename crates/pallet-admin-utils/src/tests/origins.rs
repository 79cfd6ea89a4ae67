//! Who may make which call. Every call of the pallet is made here from every origin that may not.

use super::*;
use sp_runtime::DispatchError;
use std::collections::BTreeSet;

#[test]
fn every_setting_is_roots_or_an_owners() {
    let listed: Vec<&str> = [owner_calls(1), root_calls(1), network_calls()]
        .iter()
        .flatten()
        .map(GetCallName::get_call_name)
        .collect();
    let names: BTreeSet<&str> = Call::<Test>::get_call_names().iter().copied().collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), names);
    assert_eq!(listed.len(), names.len(), "none is both");
}

#[test]
fn nobody_else_changes_anything() {
    with_a_subnet(|| {
        for signer in [STRANGER, 11] {
            for call in owner_calls(1) {
                let refused = dispatch(RuntimeOrigin::signed(signer), call.clone());
                assert_eq!(refused, Err(Refusal::NotSubnetOwner.into()), "{call:?}");
            }
        }
        for call in root_calls(1).into_iter().chain(network_calls()) {
            for signer in [OWNER, STRANGER] {
                let refused = dispatch(RuntimeOrigin::signed(signer), call.clone());
                assert_eq!(refused, Err(DispatchError::BadOrigin), "{call:?}");
            }
        }
        for call in [owner_calls(1), root_calls(1), network_calls()].concat() {
            let refused = dispatch(RuntimeOrigin::none(), call.clone());
            assert_eq!(refused, Err(DispatchError::BadOrigin), "{call:?}");
        }
    });
}
