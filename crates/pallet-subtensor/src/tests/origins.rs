//! Who may make which call. Every call of the pallet is made here from every origin that may not.

use super::*;
use frame_support::traits::{GetCallIndex, GetCallName};
use parity_scale_codec::Decode;
use sp_runtime::DispatchError;

/// Calls that are root's alone.
const ROOTS: [&str; 8] = [
    "dissolve_network",
    "reset_coldkey_swap",
    "root_dissolve_network",
    "set_pending_childkey_cooldown",
    "sudo_set_max_childkey_take",
    "sudo_set_min_childkey_take",
    "sudo_set_tx_childkey_take_rate_limit",
    "swap_coldkey",
];

/// Calls that are root's and of the owner of the subnet that they name first.
const OWNERS: [&str; 6] = [
    "set_activity_cutoff_factor",
    "set_subnet_identity",
    "set_tempo",
    "sudo_set_root_claim_threshold",
    "trigger_epoch",
    "update_symbol",
];

/// The calls whose names are wanted, with arguments that are nothing but zeros behind these bytes.
fn calls(is_wanted: impl Fn(&str) -> bool, first: &[u8]) -> Vec<Call<Test>> {
    let arguments = [first, &[0; 512]].concat();
    Call::<Test>::get_call_names()
        .iter()
        .zip(Call::<Test>::get_call_indices())
        .filter(|(name, _)| is_wanted(name))
        .map(|(name, index)| {
            let bytes = [&[*index], &arguments[..]].concat();
            let call = Call::decode(&mut &bytes[..]).expect("zeros are arguments of every type");
            assert_eq!(call.get_call_name(), *name);
            call
        })
        .collect()
}

fn is_roots(name: &str) -> bool {
    ROOTS.contains(&name)
}

fn is_owners(name: &str) -> bool {
    OWNERS.contains(&name)
}

#[test]
fn nothing_is_done_for_nobody() {
    let mut market = Market::open();
    for call in calls(|_| true, &[]) {
        let name = call.get_call_name();
        let refused = market.dispatch_from(RuntimeOrigin::none(), call);
        assert_eq!(refused, Err(DispatchError::BadOrigin), "{name}");
    }
}

#[test]
fn root_does_nothing_in_a_signers_place() {
    let mut market = Market::open();
    for call in calls(|name| !is_roots(name) && !is_owners(name), &[]) {
        let name = call.get_call_name();
        let refused = market.as_root(call);
        assert_eq!(refused, Err(DispatchError::BadOrigin), "{name}");
    }
}

#[test]
fn what_is_roots_is_neither_an_owners_nor_a_strangers() {
    let mut market = Market::open();
    let made = calls(is_roots, &[]);
    assert_eq!(made.len(), ROOTS.len());
    for call in made {
        let name = call.get_call_name();
        for signer in [OWNER, ALICE, 0] {
            let refused = market.dispatch(signer, call.clone());
            assert_eq!(refused, Err(DispatchError::BadOrigin), "{name}");
        }
    }
}

/// Root's own settings belong to nobody, and a hotkey is not the coldkey that owns it.
#[test]
fn what_is_an_owners_is_no_strangers() {
    let mut market = Market::open();
    for netuid in [ROOT, 1] {
        let made = calls(is_owners, &netuid.to_le_bytes());
        assert_eq!(made.len(), OWNERS.len());
        for call in made {
            for signer in [ALICE, hot(OWNER, 1), 0] {
                market.refuse(signer, call.clone(), Error::NotSubnetOwner);
            }
        }
    }
}
