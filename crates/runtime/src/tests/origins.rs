//! Who may make which call of the runtime's own pallets. Every call is made here from every origin that may not.

use super::market::{NETUID, open_market};
use super::*;
use crate::{Runtime, RuntimeOrigin, beacon, commitments, shield, tasks, versions};
use frame_support::traits::{GetCallIndex, GetCallName, PalletInfoAccess};
use genesis::development_account as account;
use sp_runtime::{DispatchError, traits::Dispatchable};

/// The calls of a pallet, whose names must be known here, with arguments that are nothing but zeros.
fn calls<P: PalletInfoAccess, C: GetCallIndex>(names: &[&str], known: &[&str]) -> Vec<RuntimeCall> {
    assert_eq!(names, known);
    let pallet = u8::try_from(P::index()).unwrap();
    C::get_call_indices()
        .iter()
        .map(|index| {
            let bytes = [&[pallet, *index][..], &[0; 256]].concat();
            RuntimeCall::decode(&mut &bytes[..]).unwrap()
        })
        .collect()
}

/// A market, and what is refused in it.
struct Door(Chain);

impl Door {
    fn closed() -> Self {
        Self(open_market())
    }

    fn refuses(&mut self, origin: RuntimeOrigin, call: &RuntimeCall, reason: DispatchError) {
        let made = call.clone();
        let refused = self.0.state.execute_with(|| made.dispatch(origin));
        let refused = refused.map(|_| ()).map_err(|failure| failure.error);
        assert_eq!(refused, Err(reason), "{call:?}");
        assert_eq!(self.0.check(), Ok(()), "{call:?}");
    }
}

fn signed(name: &str) -> RuntimeOrigin {
    RuntimeOrigin::signed(account(name))
}

#[test]
fn keys_of_heights_come_from_nobody() {
    type Call = beacon::Call<Runtime>;
    let mut door = Door::closed();
    for call in calls::<crate::Beacon, Call>(Call::get_call_names(), &["publish"]) {
        for origin in [RuntimeOrigin::root(), signed("Alice")] {
            door.refuses(origin, &call, DispatchError::BadOrigin);
        }
    }
}

/// Not even of who has the sudo key, unless it is used.
#[test]
fn versions_are_roots() {
    type Call = versions::Call<Runtime>;
    let mut door = Door::closed();
    let known = ["plan_upgrade", "cancel_upgrade"];
    for call in calls::<crate::Versions, Call>(Call::get_call_names(), &known) {
        for origin in [RuntimeOrigin::none(), signed("Alice"), signed("Bob")] {
            door.refuses(origin, &call, DispatchError::BadOrigin);
        }
    }
}

/// Alice owns the subnet with the hotkey Eve.
#[test]
fn tasks_are_named_by_owners_and_root() {
    type Call = tasks::Call<Runtime>;
    let mut door = Door::closed();
    assert_eq!(Call::get_call_names(), ["set_task"]);
    let call = RuntimeCall::Tasks(Call::set_task {
        netuid: NETUID,
        name: b"tour".to_vec(),
        version: 1,
    });
    door.refuses(RuntimeOrigin::none(), &call, DispatchError::BadOrigin);
    for stranger in ["Bob", "Eve"] {
        let reason = tasks::Error::<Runtime>::NotSubnetOwner;
        door.refuses(signed(stranger), &call, reason.into());
    }
}

#[test]
fn commitments_are_signed_and_their_bounds_are_roots() {
    type Call = commitments::Call<Runtime>;
    let mut door = Door::closed();
    let known = ["set_commitment", "set_max_space"];
    let made = calls::<crate::Commitments, Call>(Call::get_call_names(), &known);
    for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
        door.refuses(origin, &made[0], DispatchError::BadOrigin);
    }
    for origin in [RuntimeOrigin::none(), signed("Alice"), signed("Dave")] {
        door.refuses(origin, &made[1], DispatchError::BadOrigin);
    }
}

#[test]
fn hidden_transactions_are_carried_by_whoever_signs() {
    type Call = shield::Call<Runtime>;
    let mut door = Door::closed();
    for call in calls::<crate::MevShield, Call>(Call::get_call_names(), &["submit_encrypted"]) {
        for origin in [RuntimeOrigin::none(), RuntimeOrigin::root()] {
            door.refuses(origin, &call, DispatchError::BadOrigin);
        }
    }
}
