//! How a chain moves from one version to the next, and what becomes of the state that an older one left.

use super::*;
use crate::{Runtime, migrations, versions};
use frame_support::traits::{GetStorageVersion, OnRuntimeUpgrade, StorageVersion};
use pallet_subtensor::STORAGE_VERSION;
use serde_json::Value;
use sp_runtime::DispatchError;
use sp_version::RuntimeVersion;

/// A state recorded from a chain of version 2: a subnet with three neurons, stake on it and on root, pay directed to a
/// hotkey by two coldkeys, an identity, and two hundred blocks.
const VERSION_2: &str = include_str!("states/version-2.json");

const NEXT: u32 = VERSION.spec_version + 1;

fn bytes(hexadecimal: &str) -> Vec<u8> {
    sp_core::bytes::from_hex(hexadecimal).unwrap()
}

/// A recorded state, and what was noted with it.
fn recorded(text: &str) -> (Chain, Value) {
    let record: Value = serde_json::from_str(text).unwrap();
    let top = record["state"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| (bytes(key), bytes(value.as_str().unwrap())))
        .collect();
    let storage = sp_core::storage::Storage {
        top,
        children_default: Default::default(),
    };
    let parent = H256::from_slice(&bytes(record["hash"].as_str().unwrap()));
    let height = u32::try_from(record["height"].as_u64().unwrap()).unwrap();
    let chain = Chain::at(storage, parent, height);
    (chain, record)
}

impl Chain {
    fn spec_version(&mut self) -> u32 {
        let version: RuntimeVersion = self.call("Core_version", ());
        version.spec_version
    }

    fn last_upgrade(&mut self) -> u32 {
        self.state.execute_with(|| {
            let last = frame_system::LastRuntimeUpgrade::<Runtime>::get();
            last.expect("genesis sets it").spec_version.0
        })
    }

    fn as_root(&mut self, call: versions::Call<Runtime>) -> Result<(), DispatchError> {
        let sudo = RuntimeCall::Sudo(pallet_sudo::Call::sudo {
            call: Box::new(RuntimeCall::Versions(call)),
        });
        self.submit("Alice", sudo).unwrap()?;
        self.state.execute_with(|| {
            let sudid = crate::System::events()
                .into_iter()
                .find_map(|record| match record.event {
                    crate::RuntimeEvent::Sudo(pallet_sudo::Event::Sudid { sudo_result }) => {
                        Some(sudo_result)
                    }
                    _ => None,
                });
            sudid.expect("sudo says what came of it")
        })
    }

    fn plan(&mut self, spec_version: u32, height: u32) -> Result<(), DispatchError> {
        self.as_root(versions::Call::plan_upgrade {
            spec_version,
            height,
        })
    }
}

#[test]
fn a_planned_version_counts_from_its_height_on() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let height = chain.height + 4;
    assert_eq!(chain.plan(NEXT, height), Ok(()));
    while chain.height < height - 2 {
        chain.block(vec![]);
        assert_eq!(chain.spec_version(), VERSION.spec_version);
    }
    // The last block of the old version leaves a state for the new one.
    chain.block(vec![]);
    assert_eq!((chain.height, chain.spec_version()), (height - 1, NEXT));
    assert_eq!(chain.last_upgrade(), VERSION.spec_version);
    // Here a real chain goes on with another program. The state would be carried forward in the first block.
    chain.block(vec![]);
    assert_eq!((chain.height, chain.last_upgrade()), (height, NEXT));
    let planned = chain.state.execute_with(versions::Planned::<Runtime>::get);
    assert_eq!(planned, None);
}

#[test]
fn a_transaction_is_signed_for_the_version_that_counts() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let height = chain.height + 3;
    chain.plan(NEXT, height).unwrap();
    let old = chain.signed("Bob", transfer("Eve", TAO), 0);
    assert!(chain.validate(old.clone()).is_ok());
    while chain.height < height - 1 {
        chain.block(vec![]);
    }
    let bad = TransactionValidityError::Invalid(InvalidTransaction::BadProof);
    assert_eq!(chain.validate(old), Err(bad));
}

#[test]
fn plans_that_surprise_are_refused() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let refused = versions::Error::<Runtime>::VersionNotNewer;
    assert_eq!(chain.plan(VERSION.spec_version, 100), Err(refused.into()));
    // The plan is made in the next block, and the one after it would be the first.
    let refused = versions::Error::<Runtime>::HeightTooSoon;
    let next = chain.height + 1;
    assert_eq!(chain.plan(NEXT, next + 1), Err(refused.into()));
    let nothing = versions::Error::<Runtime>::NothingPlanned;
    let cancelled = chain.as_root(versions::Call::cancel_upgrade {});
    assert_eq!(cancelled, Err(nothing.into()));
    chain.plan(NEXT, 100).unwrap();
    assert_eq!(chain.as_root(versions::Call::cancel_upgrade {}), Ok(()));
    let planned = chain.state.execute_with(versions::Planned::<Runtime>::get);
    assert_eq!(planned, None);
    let stranger = RuntimeCall::Versions(versions::Call::plan_upgrade {
        spec_version: NEXT,
        height: 100,
    });
    let bad = chain.submit("Bob", stranger);
    assert_eq!(bad, Ok(Err(DispatchError::BadOrigin)));
}

/// The state of a chain of version 2 goes on under this version: every step is taken once, what changed its meaning has
/// the new one, nobody gained or lost, and the chain builds blocks.
#[test]
fn a_state_of_version_2_is_carried_forward() {
    let (mut chain, record) = recorded(VERSION_2);
    let account = |person: &str, key: usize| -> crate::AccountId {
        let address = record["people"][person][key].as_str().unwrap();
        sp_core::crypto::Ss58Codec::from_ss58check(address).unwrap()
    };
    let netuid = u16::try_from(record["netuid"].as_u64().unwrap()).unwrap();
    let (carol, hotkey) = (account("carol", 0), account("bob", 1));
    let holdings = |chain: &mut Chain| {
        chain.state.execute_with(|| {
            let free = crate::Balances::free_balance(&carol);
            let alpha = crate::SubtensorModule::stake_of(&hotkey, &carol, netuid);
            (free, alpha)
        })
    };
    assert_eq!(chain.last_upgrade(), 2);
    let listed = |chain: &mut Chain| {
        chain
            .state
            .execute_with(|| crate::SubtensorModule::auto_stakers(&hotkey, netuid))
    };
    assert!(listed(&mut chain).is_empty());
    let before = holdings(&mut chain);
    assert!(0 < before.0 && 0 < before.1);

    chain.block(vec![]);
    assert_eq!(chain.last_upgrade(), VERSION.spec_version);
    assert_eq!(chain.spec_version(), VERSION.spec_version);
    let mut expected = vec![account("bob", 0), carol.clone()];
    expected.sort();
    let mut found = listed(&mut chain);
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(holdings(&mut chain).0, before.0);
    chain.state.execute_with(|| {
        let stored = crate::SubtensorModule::on_chain_storage_version();
        assert_eq!(stored, STORAGE_VERSION);
    });

    // The steps are taken once; the chain goes on through epochs, and a transaction of the new version is accepted.
    for _ in 0..50 {
        chain.block(vec![]);
    }
    assert_eq!(listed(&mut chain).len(), 2);
    chain.expect_success("Alice", transfer("Bob", TAO));
}

#[test]
fn a_new_chain_needs_no_steps() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let before = chain.state.execute_with(|| {
        assert_eq!(
            crate::SubtensorModule::on_chain_storage_version(),
            STORAGE_VERSION
        );
        crate::SubtensorModule::total_issuance()
    });
    chain.state.execute_with(|| {
        migrations::Steps::on_runtime_upgrade();
        assert_eq!(crate::SubtensorModule::total_issuance(), before);
        assert_eq!(
            StorageVersion::get::<crate::SubtensorModule>(),
            STORAGE_VERSION
        );
    });
}
