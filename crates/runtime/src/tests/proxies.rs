//! Accounts that others act for: proxies of every kind, shared accounts, calls put off, funds raised together.

use super::*;
use crate::{
    AccountId, Runtime, RuntimeEvent,
    proxies::{
        ProxyType, groups,
        view::{self, CallConstraint, FilterMode, ProxyFilterInfo, ProxyTypeInfo},
    },
};
use frame_support::traits::{GetCallMetadata, InstanceFilter};
use genesis::development_account as account;
use sp_runtime::DispatchError;
use std::collections::BTreeSet;

/// Every call of the runtime, as pallet and name.
fn every_call() -> BTreeSet<(String, String)> {
    RuntimeCall::get_module_names()
        .iter()
        .flat_map(|pallet| {
            RuntimeCall::get_call_names(pallet)
                .iter()
                .map(move |call| (pallet.to_string(), call.to_string()))
        })
        .collect()
}

/// What wallets are told that a kind grants.
fn granted(kind: ProxyType) -> BTreeSet<(String, String)> {
    let told: ProxyFilterInfo = view::filters(Some(vec![kind as u8])).remove(0);
    match told.filter_mode {
        FilterMode::AllowAll => every_call(),
        FilterMode::Allow(calls) => calls
            .into_iter()
            .map(|call| {
                let text = |bytes| String::from_utf8(bytes).unwrap();
                (text(call.pallet_name), text(call.call_name))
            })
            .collect(),
    }
}

impl Chain {
    /// Runs `call` as `real`, through its proxy `who`; what came of it.
    fn act(&mut self, who: &str, real: &AccountId, call: RuntimeCall) -> Result<(), DispatchError> {
        let proxied = RuntimeCall::Proxy(pallet_proxy::Call::proxy {
            real: real.clone().into(),
            force_proxy_type: None,
            call: Box::new(call),
        });
        self.submit(who, proxied).unwrap()?;
        self.outcome(|event| match event {
            RuntimeEvent::Proxy(pallet_proxy::Event::ProxyExecuted { result }) => Some(*result),
            _ => None,
        })
    }

    /// The last block's event that `pick` picks.
    fn outcome<T>(&mut self, pick: impl Fn(&RuntimeEvent) -> Option<T>) -> T {
        self.state.execute_with(|| {
            crate::System::events()
                .iter()
                .find_map(|record| pick(&record.event))
                .expect("the block has such an event")
        })
    }

    fn add_proxy(&mut self, real: &str, delegate: &str, proxy_type: ProxyType, delay: u32) {
        let call = pallet_proxy::Call::add_proxy {
            delegate: account(delegate).into(),
            proxy_type,
            delay,
        };
        self.expect_success(real, RuntimeCall::Proxy(call));
    }

    fn reserved(&mut self, name: &str) -> u64 {
        let who = account(name);
        self.state
            .execute_with(|| frame_system::Account::<Runtime>::get(who).data.reserved)
    }
}

fn stake(amount_staked: u64) -> RuntimeCall {
    RuntimeCall::SubtensorModule(pallet_subtensor::Call::add_stake {
        hotkey: account("Dave"),
        netuid: market::NETUID,
        amount_staked,
    })
}

/// A call that is in no group would be refused to every proxy but one of kind `Any`; in two, it would be granted twice.
#[test]
fn every_call_is_in_exactly_one_group() {
    for (pallet, call) in every_call() {
        let count = groups::ALL
            .iter()
            .filter(|group| group.iter().any(|calls| calls.contain(&pallet, &call)))
            .count();
        assert_eq!(
            count, 1,
            "{pallet}.{call}: give it a place in proxies/groups.rs"
        );
    }
}

/// A proxy of one kind may add another of a kind that it contains, so that must not grant more.
#[test]
fn no_kind_contains_one_that_grants_more() {
    for one in ProxyType::ALL {
        for other in ProxyType::ALL {
            if one.is_superset(&other) {
                let more: Vec<_> = granted(other).difference(&granted(one)).cloned().collect();
                assert!(
                    more.is_empty(),
                    "{one:?} contains {other:?}, but not {more:?}"
                );
            }
        }
    }
    assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Transfer));
    assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::Any));
}

#[test]
fn wallets_learn_what_each_kind_grants() {
    let mut chain = Chain::new();
    let kinds: Vec<ProxyTypeInfo> = chain.call("ProxyFilterRuntimeApi_get_proxy_types", ());
    assert_eq!(kinds.len(), 19);
    let staking = &kinds[8];
    assert_eq!((&staking.name[..], staking.index), (&b"Staking"[..], 8));
    let old: Vec<u8> = kinds
        .iter()
        .filter(|kind| kind.deprecated)
        .map(|kind| kind.index)
        .collect();
    assert_eq!(old, [4, 6, 7, 12]);
    let told: Vec<ProxyFilterInfo> =
        chain.call("ProxyFilterRuntimeApi_get_proxy_filters", Some(vec![11_u8]));
    let FilterMode::Allow(calls) = &told[0].filter_mode else {
        panic!("small transfers are not everything");
    };
    let first = &calls[0];
    assert_eq!((first.pallet_index, first.call_index), (5, 3));
    let bound = CallConstraint::ParamLessThan {
        param_name: b"value".to_vec(),
        limit: 500_000_000,
    };
    assert_eq!(first.constraint, Some(bound));
    assert!(granted(ProxyType::Senate).is_empty());
    // Every call can be named to wallets.
    for (pallet, call) in every_call() {
        assert!(
            view::info(&pallet, &call, None).is_some(),
            "{pallet}.{call}"
        );
    }
}

#[test]
fn a_staking_proxy_stakes_and_does_nothing_else() {
    let mut chain = market::open_market();
    chain.add_proxy("Bob", "Charlie", ProxyType::Staking, 0);
    // 0.02 TAO an item and 0.001 TAO a byte: 40 bytes for the list, 33 for each proxy.
    assert_eq!(chain.reserved("Bob"), 60_000_000 + 33_000_000);
    let before = chain.free("Bob");
    assert_eq!(chain.act("Charlie", &account("Bob"), stake(TAO)), Ok(()));
    assert!(chain.free("Bob") <= before - TAO);
    let filtered = frame_system::Error::<Runtime>::CallFiltered;
    let refused = chain.act("Charlie", &account("Bob"), transfer("Eve", TAO));
    assert_eq!(refused, Err(filtered.into()));
    let stranger = chain.act("Dave", &account("Bob"), stake(TAO));
    assert_eq!(
        stranger,
        Err(pallet_proxy::Error::<Runtime>::NotProxy.into())
    );
    chain.expect_success(
        "Bob",
        RuntimeCall::Proxy(pallet_proxy::Call::remove_proxies {}),
    );
    assert_eq!(chain.reserved("Bob"), 0);
    let removed = chain.act("Charlie", &account("Bob"), stake(TAO));
    assert_eq!(
        removed,
        Err(pallet_proxy::Error::<Runtime>::NotProxy.into())
    );
}

#[test]
fn a_proxy_of_small_transfers_sends_less_than_half_a_tao() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    chain.add_proxy("Bob", "Charlie", ProxyType::SmallTransfer, 0);
    let bob = account("Bob");
    assert_eq!(
        chain.act("Charlie", &bob, transfer("Eve", TAO / 2 - 1)),
        Ok(())
    );
    let filtered = frame_system::Error::<Runtime>::CallFiltered;
    let refused = chain.act("Charlie", &bob, transfer("Eve", TAO / 2));
    assert_eq!(refused, Err(filtered.into()));
}

/// A proxy with a delay announces what it will do, so that the account can forbid it in time.
#[test]
fn a_delayed_proxy_announces_what_it_does() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    chain.add_proxy("Bob", "Charlie", ProxyType::Any, 3);
    let call = transfer("Eve", TAO);
    let unannounced = pallet_proxy::Error::<Runtime>::Unannounced;
    let hasty = chain.act("Charlie", &account("Bob"), call.clone());
    assert_eq!(hasty, Err(unannounced.into()));
    let announce = pallet_proxy::Call::announce {
        real: account("Bob").into(),
        call_hash: sp_io::hashing::blake2_256(&call.encode()).into(),
    };
    chain.expect_success("Charlie", RuntimeCall::Proxy(announce));
    assert!(chain.reserved("Charlie") > 0);
    let announced = RuntimeCall::Proxy(pallet_proxy::Call::proxy_announced {
        delegate: account("Charlie").into(),
        real: account("Bob").into(),
        force_proxy_type: None,
        call: Box::new(call),
    });
    let early = chain.submit("Dave", announced.clone());
    let unannounced = pallet_proxy::Error::<Runtime>::Unannounced;
    assert_eq!(early, Ok(Err(unannounced.into())));
    for _ in 0..3 {
        chain.block(vec![]);
    }
    let before = chain.free("Eve");
    chain.expect_success("Dave", announced);
    assert_eq!(chain.free("Eve"), before + TAO);
    assert_eq!(chain.reserved("Charlie"), 0);
}

#[test]
fn a_pure_proxy_has_no_key_and_obeys_its_spawner() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let create = RuntimeCall::Proxy(pallet_proxy::Call::create_pure {
        proxy_type: ProxyType::Any,
        delay: 0,
        index: 0,
    });
    chain.expect_success("Alice", create);
    let height = chain.height;
    let (pure, ext_index) = chain.outcome(|event| match event {
        RuntimeEvent::Proxy(pallet_proxy::Event::PureCreated { pure, .. }) => {
            Some((pure.clone(), 1))
        }
        _ => None,
    });
    let fund = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: pure.clone().into(),
        value: 5 * TAO,
    });
    chain.expect_success("Alice", fund);
    assert_eq!(chain.act("Alice", &pure, transfer("Eve", TAO)), Ok(()));
    let kill = RuntimeCall::Proxy(pallet_proxy::Call::kill_pure {
        spawner: account("Alice").into(),
        proxy_type: ProxyType::Any,
        index: 0,
        height,
        ext_index,
    });
    assert_eq!(chain.act("Alice", &pure, kill), Ok(()));
    assert_eq!(chain.reserved("Alice"), 0);
    let gone = chain.act("Alice", &pure, transfer("Eve", TAO));
    assert_eq!(gone, Err(pallet_proxy::Error::<Runtime>::NotProxy.into()));
}

#[test]
fn two_of_three_spend_from_their_shared_account() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let mut signatories = ["Alice", "Bob", "Charlie"].map(account);
    signatories.sort();
    let shared = pallet_multisig::Pallet::<Runtime>::multi_account_id(&signatories, 2);
    let others = |who: &str| -> Vec<AccountId> {
        let other = |it: &&AccountId| **it != account(who);
        signatories.iter().filter(other).cloned().collect()
    };
    let fund = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: shared.into(),
        value: 5 * TAO,
    });
    chain.expect_success("Alice", fund);
    let call = transfer("Eve", 2 * TAO);
    let approve = RuntimeCall::Multisig(pallet_multisig::Call::approve_as_multi {
        threshold: 2,
        other_signatories: others("Bob"),
        maybe_timepoint: None,
        call_hash: sp_io::hashing::blake2_256(&call.encode()),
        max_weight: Default::default(),
    });
    chain.expect_success("Bob", approve);
    // 0.02 TAO and 112 bytes, and 32 bytes for each of two who must approve.
    assert_eq!(chain.reserved("Bob"), 132_000_000 + 64_000_000);
    let timepoint = chain.outcome(|event| match event {
        RuntimeEvent::Multisig(pallet_multisig::Event::NewMultisig { .. }) => {
            Some(pallet_multisig::Pallet::<Runtime>::timepoint())
        }
        _ => None,
    });
    let timepoint = pallet_multisig::Timepoint {
        index: 1,
        ..timepoint
    };
    let before = chain.free("Eve");
    let execute = RuntimeCall::Multisig(pallet_multisig::Call::as_multi {
        threshold: 2,
        other_signatories: others("Charlie"),
        maybe_timepoint: Some(timepoint),
        call: Box::new(call),
        max_weight: frame_support::weights::Weight::from_parts(1_000_000_000, 100_000),
    });
    chain.expect_success("Charlie", execute);
    assert_eq!(chain.free("Eve"), before + 2 * TAO);
    assert_eq!(chain.reserved("Bob"), 0);
}

#[test]
fn root_puts_a_call_off_to_a_later_block() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let gift = RuntimeCall::Balances(pallet_balances::Call::force_transfer {
        source: account("Alice").into(),
        dest: account("Eve").into(),
        value: TAO,
    });
    let schedule = RuntimeCall::Scheduler(pallet_scheduler::Call::schedule {
        when: chain.height + 3,
        maybe_periodic: None,
        priority: 0,
        call: Box::new(gift),
    });
    let bad = chain.submit("Bob", schedule.clone());
    assert_eq!(bad, Ok(Err(DispatchError::BadOrigin)));
    let schedule = RuntimeCall::Sudo(pallet_sudo::Call::sudo {
        call: Box::new(schedule),
    });
    let before = chain.free("Eve");
    chain.expect_success("Alice", schedule);
    assert_eq!(chain.free("Eve"), before);
    chain.block(vec![]);
    assert_eq!(chain.free("Eve"), before + TAO);
}

#[test]
fn a_crowdloan_reaches_its_target() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    let create = RuntimeCall::Crowdloan(pallet_crowdloan::Call::create {
        deposit: 10 * TAO,
        min_contribution: TAO,
        cap: 100 * TAO,
        end: chain.height + 50_500,
        call: None,
        target_address: Some(account("Ferdie")),
    });
    chain.expect_success("Alice", create);
    let contribute = RuntimeCall::Crowdloan(pallet_crowdloan::Call::contribute {
        crowdloan_id: 0,
        amount: 90 * TAO,
    });
    chain.expect_success("Bob", contribute);
    let before = chain.free("Ferdie");
    let finalize = RuntimeCall::Crowdloan(pallet_crowdloan::Call::finalize { crowdloan_id: 0 });
    chain.expect_success("Alice", finalize);
    assert_eq!(chain.free("Ferdie"), before + 100 * TAO);
}

/// A detour is a call that makes another with an origin of its own, to which the kind's bounds do not cling.
#[test]
fn no_kind_but_any_takes_a_detour() {
    let broad = [
        ProxyType::NonCritical,
        ProxyType::NonTransfer,
        ProxyType::NonFungible,
    ];
    for kind in broad {
        let detours: Vec<_> = granted(kind)
            .into_iter()
            .filter(|(pallet, _)| ["Sudo", "Multisig", "Crowdloan"].contains(&&pallet[..]))
            .collect();
        assert_eq!(detours, [], "{kind:?}");
        let owner_key = ("AdminUtils".into(), "sudo_set_sn_owner_hotkey".into());
        assert!(!granted(kind).contains(&owner_key), "{kind:?}");
    }
    assert!(!ProxyType::NonTransfer.is_superset(&ProxyType::SudoUncheckedSetCode));
}

#[test]
fn a_proxy_that_moves_no_funds_neither_burns_nor_locks_nor_spends_them() {
    for call in [
        "add_stake_burn",
        "recycle_alpha",
        "burn_alpha",
        "register_network",
        "register_network_with_identity",
    ] {
        let call = ("SubtensorModule".to_string(), call.to_string());
        assert!(!granted(ProxyType::NonFungible).contains(&call), "{call:?}");
        assert!(granted(ProxyType::NonTransfer).contains(&call), "{call:?}");
    }
}

/// The same through an account shared with nobody: a delegate that may not pay must not approve what pays.
#[test]
fn a_proxy_that_may_not_pay_makes_no_call_of_a_shared_account() {
    let mut chain = Chain::new();
    chain.block(vec![]);
    chain.add_proxy("Bob", "Charlie", ProxyType::NonTransfer, 0);
    let shared = RuntimeCall::Multisig(pallet_multisig::Call::as_multi_threshold_1 {
        other_signatories: vec![account("Dave")],
        call: Box::new(transfer("Eve", TAO)),
    });
    let filtered = frame_system::Error::<Runtime>::CallFiltered;
    let refused = chain.act("Charlie", &account("Bob"), shared);
    assert_eq!(refused, Err(filtered.into()));
}
