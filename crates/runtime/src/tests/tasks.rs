//! Naming a subnet's task, as a wallet does it.

use super::market::{NETUID, open_market};
use super::*;
use crate::{
    RuntimeEvent,
    tasks::{self, Error, Event, Task},
};
use sp_runtime::DispatchError;

type Failure = Error<crate::Runtime>;

fn naming(netuid: u16, name: &str, version: u16) -> RuntimeCall {
    RuntimeCall::Tasks(tasks::Call::set_task {
        netuid,
        name: name.as_bytes().to_vec(),
        version,
    })
}

fn as_root(call: RuntimeCall) -> RuntimeCall {
    RuntimeCall::Sudo(pallet_sudo::Call::sudo {
        call: Box::new(call),
    })
}

fn task(chain: &mut Chain, netuid: u16) -> Option<Task> {
    chain
        .state
        .execute_with(|| tasks::TaskOf::<crate::Runtime>::get(netuid))
}

fn named(name: &str, version: u16) -> Option<Task> {
    let name = name.as_bytes().to_vec().try_into().unwrap();
    Some(Task { name, version })
}

#[test]
fn a_subnet_has_no_task_until_its_owner_names_one() {
    let mut chain = open_market();
    assert_eq!(task(&mut chain, NETUID), None);
    chain.expect_success("Alice", naming(NETUID, "image-classification", 1));
    assert_eq!(task(&mut chain, NETUID), named("image-classification", 1));
    chain.expect_success("Alice", naming(NETUID, "tour", 7));
    assert_eq!(task(&mut chain, NETUID), named("tour", 7));
    assert_eq!(task(&mut chain, NETUID + 1), None);
}

#[test]
fn naming_a_task_is_told_to_everybody() {
    let mut chain = open_market();
    chain.expect_success("Alice", naming(NETUID, "tour", 2));
    let told = RuntimeEvent::Tasks(Event::TaskSet {
        netuid: NETUID,
        name: b"tour".to_vec().try_into().unwrap(),
        version: 2,
    });
    let events = chain.state.execute_with(crate::System::events);
    assert!(events.iter().any(|record| record.event == told));
}

/// The owner here is another than the sudo key, so that neither stands in for the other.
#[test]
fn the_owner_and_root_may_name_a_task_and_nobody_else() {
    let mut chain = open_market();
    let register = RuntimeCall::SubtensorModule(pallet_subtensor::Call::register_network {
        hotkey: genesis::development_account("Ferdie"),
    });
    chain.expect_success("Bob", register);
    let theirs = NETUID + 1;
    let refused = Ok(Err(DispatchError::from(Failure::NotSubnetOwner)));
    for stranger in ["Alice", "Charlie", "Ferdie"] {
        assert_eq!(chain.submit(stranger, naming(theirs, "tour", 1)), refused);
    }
    assert_eq!(task(&mut chain, theirs), None);
    chain.expect_success("Bob", naming(theirs, "tour", 1));
    assert_eq!(task(&mut chain, theirs), named("tour", 1));
    chain.expect_success("Alice", as_root(naming(theirs, "tour", 2)));
    assert_eq!(task(&mut chain, theirs), named("tour", 2));
}

#[test]
fn neither_root_nor_an_absent_subnet_has_a_task() {
    let mut chain = open_market();
    let refused = DispatchError::from(Failure::SubnetNotExists);
    for netuid in [0, NETUID + 1, u16::MAX] {
        let call = naming(netuid, "tour", 1);
        assert_eq!(chain.submit("Alice", call.clone()), Ok(Err(refused)));
        chain.expect_success("Alice", as_root(call));
        assert_eq!(sudo_result(&mut chain), Err(refused));
        assert_eq!(task(&mut chain, netuid), None);
    }
}

#[test]
fn a_name_is_short_and_plain() {
    let mut chain = open_market();
    let refused = Ok(Err(DispatchError::from(Failure::BadName)));
    let long = "a".repeat(33);
    for name in ["", "Tour", "tour/1", "a b", "a_b", "é", &long] {
        let submitted = chain.submit("Alice", naming(NETUID, name, 1));
        assert_eq!(submitted, refused, "{name:?}");
    }
    assert_eq!(task(&mut chain, NETUID), None);
    for name in ["a", "protein-folding-2", &long[1..]] {
        chain.expect_success("Alice", naming(NETUID, name, 0));
        assert_eq!(task(&mut chain, NETUID), named(name, 0));
    }
}

#[test]
fn a_task_is_not_named_without_a_signature() {
    let mut chain = open_market();
    let refused = chain.state.execute_with(|| {
        let origin = crate::RuntimeOrigin::none();
        tasks::Pallet::<crate::Runtime>::set_task(origin, NETUID, b"tour".to_vec(), 1)
    });
    assert_eq!(refused, Err(DispatchError::BadOrigin));
}

/// Wallets find pallets by their place, so a new one comes behind all others.
#[test]
fn older_pallets_keep_their_places() {
    use frame_support::traits::PalletInfoAccess;
    let places = [
        crate::System::index(),
        crate::Balances::index(),
        crate::SubtensorModule::index(),
        crate::Utility::index(),
        crate::Sudo::index(),
        crate::Commitments::index(),
        crate::AdminUtils::index(),
        crate::MevShield::index(),
        crate::Tasks::index(),
    ];
    assert_eq!(places, [0, 5, 7, 11, 12, 18, 19, 30, 100]);
}

/// What the last block's sudo call did.
fn sudo_result(chain: &mut Chain) -> Result<(), DispatchError> {
    let events = chain.state.execute_with(crate::System::events);
    let result = events.into_iter().find_map(|record| match record.event {
        RuntimeEvent::Sudo(pallet_sudo::Event::Sudid { sudo_result }) => Some(sudo_result),
        _ => None,
    });
    result.unwrap()
}
