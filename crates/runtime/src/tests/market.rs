//! The market in the composed runtime, seen as a wallet sees it: through signed calls and runtime APIs.

use super::*;
use crate::{
    AccountId,
    free_calls::Refusal,
    views::{
        delegate::DelegateInfo,
        hyperparameters::{HyperparamEntry, SubnetHyperparams, SubnetHyperparamsV2},
        metagraph::Metagraph,
        neuron::{NeuronInfo, NeuronInfoLite},
        price::{SimSwapResult, SubnetPrice},
        stake::{StakeAvailability, StakeInfo},
        subnet::{DynamicInfo, SubnetInfo, SubnetInfoV2, SubnetState},
    },
};
use genesis::development_account as account;
use pallet_subtensor::Call;
use std::collections::BTreeMap;

pub(super) const NETUID: u16 = 1;

fn market(call: Call<crate::Runtime>) -> RuntimeCall {
    RuntimeCall::SubtensorModule(call)
}

/// A chain on which Alice owns subnet 1 with the hotkey Eve, and Bob holds a uid there with the hotkey Dave.
pub(super) fn open_market() -> Chain {
    open_market_of(&GenesisSpec::development(INTERVAL_MS))
}

/// The same on a chain with another genesis.
pub(super) fn open_market_of(spec: &GenesisSpec) -> Chain {
    let mut chain = Chain::begun(spec);
    chain.block(vec![]);
    let register = market(Call::register_network {
        hotkey: account("Eve"),
    });
    chain.expect_success("Alice", register);
    chain.expect_success("Alice", market(Call::start_call { netuid: NETUID }));
    let seat = market(Call::burned_register {
        netuid: NETUID,
        hotkey: account("Dave"),
    });
    chain.expect_success("Bob", seat);
    chain
}

impl Chain {
    pub(super) fn nonce(&mut self, name: &str) -> u32 {
        self.call("AccountNonceApi_account_nonce", account(name))
    }

    /// Runs a signed call in a block of its own, which must succeed.
    pub(super) fn expect_success(&mut self, who: &str, call: RuntimeCall) {
        assert_eq!(self.submit(who, call), Ok(Ok(())));
    }

    pub(super) fn submit(&mut self, who: &str, call: RuntimeCall) -> ApplyExtrinsicResult {
        let nonce = self.nonce(who);
        let extrinsic = self.signed(who, call, nonce);
        self.block(vec![extrinsic]).remove(0)
    }

    fn stake(&mut self, hotkey: &str, coldkey: &str) -> StakeInfo {
        let position: Option<StakeInfo> = self.call(
            "StakeInfoRuntimeApi_get_stake_info_for_hotkey_coldkey_netuid",
            (account(hotkey), account(coldkey), NETUID),
        );
        position.unwrap()
    }
}

#[test]
fn a_registered_hotkey_appears_in_every_view() {
    let mut chain = open_market();
    let graph: Option<Metagraph> = chain.call("SubnetInfoRuntimeApi_get_metagraph", NETUID);
    let graph = graph.unwrap();
    assert_eq!(graph.hotkeys, [account("Eve"), account("Dave")]);
    assert_eq!(graph.coldkeys, [account("Alice"), account("Bob")]);
    assert_eq!(
        (graph.owner_coldkey, graph.num_uids.0),
        (account("Alice"), 2)
    );
    assert_eq!(graph.validator_permit.len(), 2);
    assert_eq!(graph.total_stake.len(), 2);
    let lite: Vec<NeuronInfoLite> = chain.call("NeuronInfoRuntimeApi_get_neurons_lite", NETUID);
    let uids: Vec<u16> = lite.iter().map(|neuron| neuron.uid.0).collect();
    assert_eq!(uids, [0, 1]);
    let full: Vec<NeuronInfo> = chain.call("NeuronInfoRuntimeApi_get_neurons", NETUID);
    assert_eq!(full[1].hotkey, account("Dave"));
    let one: Option<NeuronInfoLite> =
        chain.call("NeuronInfoRuntimeApi_get_neuron_lite", (NETUID, 1_u16));
    assert_eq!(one.as_ref(), lite.get(1));
    let state: Option<SubnetState> = chain.call("SubnetInfoRuntimeApi_get_subnet_state", NETUID);
    let state = state.unwrap();
    assert_eq!(state.hotkeys, graph.hotkeys);
    assert_eq!(state.emission_history[0].len(), 2);
}

#[test]
fn a_subnet_that_is_not_there_has_no_view() {
    let mut chain = open_market();
    let absent = 9_u16;
    let metagraph: Option<Metagraph> = chain.call("SubnetInfoRuntimeApi_get_metagraph", absent);
    let pool: Option<DynamicInfo> = chain.call("SubnetInfoRuntimeApi_get_dynamic_info", absent);
    let info: Option<SubnetInfo> = chain.call("SubnetInfoRuntimeApi_get_subnet_info", absent);
    let settings: Option<Vec<HyperparamEntry>> =
        chain.call("SubnetInfoRuntimeApi_get_subnet_hyperparams_v3", absent);
    assert!(metagraph.is_none() && pool.is_none() && info.is_none() && settings.is_none());
    let price: u64 = chain.call("SwapRuntimeApi_current_alpha_price", absent);
    assert_eq!(price, 0);
}

/// Root is listed too, priced at one TAO.
#[test]
fn every_subnet_is_listed_and_priced() {
    let mut chain = open_market();
    let prices: Vec<SubnetPrice> = chain.call("SwapRuntimeApi_current_alpha_price_all", ());
    assert_eq!((prices[0].netuid, prices[0].price), (0, TAO));
    assert!(prices[1].netuid == NETUID && prices[1].price > 0);
    let infos: Vec<Option<SubnetInfoV2>> =
        chain.call("SubnetInfoRuntimeApi_get_subnets_info_v2", ());
    assert_eq!(infos.len(), 2);
    let pools: Vec<Option<DynamicInfo>> =
        chain.call("SubnetInfoRuntimeApi_get_all_dynamic_info", ());
    assert_eq!(pools[1].as_ref().unwrap().owner_hotkey, account("Eve"));
}

#[test]
fn the_three_shapes_of_the_settings_agree() {
    let mut chain = open_market();
    let first: Option<SubnetHyperparams> =
        chain.call("SubnetInfoRuntimeApi_get_subnet_hyperparams", NETUID);
    let second: Option<SubnetHyperparamsV2> =
        chain.call("SubnetInfoRuntimeApi_get_subnet_hyperparams_v2", NETUID);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(second.encode().starts_with(&first.encode()));
    assert!(second.subnet_is_active);
    let named: Option<Vec<HyperparamEntry>> =
        chain.call("SubnetInfoRuntimeApi_get_subnet_hyperparams_v3", NETUID);
    let named: BTreeMap<Vec<u8>, _> = named
        .unwrap()
        .into_iter()
        .map(|entry| (entry.name, entry.value))
        .collect();
    assert_eq!(named[&b"tempo"[..]].encode()[1..], second.tempo.encode());
    assert!(named.len() > 30);
}

/// What a quote promises is what staking gives, for the same pool.
#[test]
fn staking_brings_what_was_quoted() {
    let mut chain = open_market();
    let quote: SimSwapResult =
        chain.call("SwapRuntimeApi_sim_swap_tao_for_alpha", (NETUID, 10 * TAO));
    assert!(quote.alpha_amount > 0 && quote.tao_fee > 0 && quote.alpha_slippage > 0);
    let before = chain.stake("Dave", "Bob").stake.0;
    let call = Call::add_stake {
        hotkey: account("Dave"),
        netuid: NETUID,
        amount_staked: 10 * TAO,
    };
    chain.expect_success("Bob", market(call));
    let position = chain.stake("Dave", "Bob");
    let bought = position.stake.0 - before;
    // The block in between adds a little to the pool.
    assert!(bought.abs_diff(quote.alpha_amount) <= quote.alpha_amount / 1_000);
    assert!(position.is_registered);
    let positions: Vec<StakeInfo> = chain.call(
        "StakeInfoRuntimeApi_get_stake_info_for_coldkey",
        account("Bob"),
    );
    assert_eq!(positions, std::slice::from_ref(&position));
    let free: BTreeMap<AccountId, BTreeMap<u16, StakeAvailability>> = chain.call(
        "StakeInfoRuntimeApi_get_stake_availability_for_coldkeys",
        (vec![account("Bob")], None::<Vec<u16>>),
    );
    assert_eq!(free[&account("Bob")][&NETUID].available, position.stake);
    let delegate: Option<DelegateInfo> =
        chain.call("DelegateInfoRuntimeApi_get_delegate", account("Dave"));
    let delegate = delegate.unwrap();
    assert_eq!(delegate.owner_ss58, account("Bob"));
    assert_eq!(delegate.nominators[0].1[0].1, position.stake);
}

#[test]
fn unstaking_brings_what_was_quoted() {
    let mut chain = open_market();
    let call = Call::add_stake {
        hotkey: account("Dave"),
        netuid: NETUID,
        amount_staked: 10 * TAO,
    };
    chain.expect_success("Bob", market(call));
    let half = chain.stake("Dave", "Bob").stake.0 / 2;
    let quote: SimSwapResult = chain.call("SwapRuntimeApi_sim_swap_alpha_for_tao", (NETUID, half));
    let before = chain.free("Bob");
    let call = Call::remove_stake {
        hotkey: account("Dave"),
        netuid: NETUID,
        amount_unstaked: half,
    };
    chain.expect_success("Bob", market(call));
    let gained = chain.free("Bob") - before;
    assert!(gained.abs_diff(quote.tao_amount) <= quote.tao_amount / 1_000 + TAO / 1_000);
}

/// A hotkey without a single rao may do a validator's work, and nothing else.
#[test]
fn a_penniless_hotkey_sets_weights_for_free() {
    let mut chain = open_market();
    let hotkey = sr25519::Pair::from_string("//Penniless", None).unwrap();
    let seat = Call::burned_register {
        netuid: NETUID,
        hotkey: hotkey.public().into(),
    };
    chain.expect_success("Alice", market(seat));
    let genesis_hash = chain.state.execute_with(|| crate::System::block_hash(0));
    let weights = |dests: Vec<u16>| {
        let weights = vec![1; dests.len()];
        market(Call::set_weights {
            netuid: NETUID,
            dests,
            weights,
            version_key: 0,
        })
    };
    let too_soon = extrinsic::sign(&hotkey, weights(vec![2]), 0, genesis_hash, 0);
    let refused = TransactionValidityError::from(Refusal::TooSoon);
    assert_eq!(chain.validate(too_soon.clone()), Err(refused));
    for _ in 0..100 {
        chain.block(vec![]);
    }
    assert!(chain.validate(too_soon.clone()).is_ok());
    assert_eq!(chain.block(vec![too_soon]), vec![Ok(Ok(()))]);
    let row = chain
        .state
        .execute_with(|| crate::SubtensorModule::weights_of(NETUID, 2));
    assert_eq!(row.len(), 1);
    let paid = extrinsic::sign(&hotkey, transfer("Bob", 1), 1, genesis_hash, 0);
    let broke = TransactionValidityError::Invalid(InvalidTransaction::Payment);
    assert_eq!(chain.validate(paid), Err(broke));
}

#[test]
fn a_stranger_cannot_send_free_calls() {
    let mut chain = open_market();
    let call = Call::set_weights {
        netuid: NETUID,
        dests: vec![0],
        weights: vec![1],
        version_key: 0,
    };
    let nonce = chain.nonce("Charlie");
    let extrinsic = chain.signed("Charlie", market(call), nonce);
    let refused = TransactionValidityError::from(Refusal::NotRegistered);
    assert_eq!(chain.validate(extrinsic), Err(refused));
}

/// What would fail is refused before it takes room in a block for nothing.
#[test]
fn free_calls_that_would_fail_are_refused() {
    let mut chain = open_market();
    for _ in 0..100 {
        chain.block(vec![]);
    }
    let row = |dests: Vec<u16>, mecid| {
        market(Call::set_mechanism_weights {
            netuid: NETUID,
            mecid,
            weights: vec![1; dests.len()],
            dests,
            version_key: 0,
        })
    };
    let axon = |port, certificate| {
        market(Call::serve_axon_tls {
            netuid: NETUID,
            version: 1,
            ip: 0x7f00_0001,
            port,
            ip_type: 4,
            protocol: 4,
            placeholder1: 0,
            placeholder2: 0,
            certificate,
        })
    };
    let nonce = chain.nonce("Dave");
    // Dave has no permit, so it may weigh itself only.
    let hopeless = [
        row(vec![0], 0),
        row(vec![1, 1], 0),
        row(vec![1], 1),
        axon(0, vec![1; 33]),
        axon(8_091, vec![]),
        axon(8_091, vec![1; 66]),
    ];
    for call in hopeless {
        let shown = format!("{call:?}");
        let extrinsic = chain.signed("Dave", call, nonce);
        let refused = TransactionValidityError::from(Refusal::WouldFail);
        assert_eq!(chain.validate(extrinsic), Err(refused), "{shown}");
    }
    chain.expect_success("Dave", row(vec![1], 0));
    chain.expect_success("Dave", axon(8_091, vec![1; 33]));
    let again = chain.signed("Dave", axon(8_091, vec![1; 33]), nonce + 2);
    let refused = TransactionValidityError::from(Refusal::ServingTooSoon);
    assert_eq!(chain.validate(again), Err(refused));
}

/// One commit does not pay for any number of wrong reveals.
#[test]
fn a_reveal_of_something_else_is_refused() {
    let mut chain = open_market();
    chain.state.execute_with(|| {
        let sealed = pallet_subtensor::Hyperparameter::CommitRevealWeightsEnabled(true);
        let root = pallet_subtensor::Authority::Root;
        crate::SubtensorModule::set_hyperparameter(NETUID, sealed, root).unwrap();
    });
    for _ in 0..100 {
        chain.block(vec![]);
    }
    let commit = Call::commit_weights {
        netuid: NETUID,
        commit_hash: H256::repeat_byte(7),
    };
    chain.expect_success("Dave", market(commit));
    let reveal = Call::reveal_weights {
        netuid: NETUID,
        uids: vec![1],
        values: vec![1],
        salt: vec![1],
        version_key: 0,
    };
    let nonce = chain.nonce("Dave");
    let extrinsic = chain.signed("Dave", market(reveal), nonce);
    let refused = TransactionValidityError::from(Refusal::WouldFail);
    assert_eq!(chain.validate(extrinsic), Err(refused));
}

/// A take is changed by a coldkey, which has TAO and pays, whether it succeeds or not.
#[test]
fn changing_a_take_costs_a_fee() {
    let mut chain = open_market();
    let call = Call::decrease_take {
        hotkey: account("Dave"),
        take: u16::MAX,
    };
    let before = chain.free("Bob");
    assert!(matches!(chain.submit("Bob", market(call)), Ok(Err(_))));
    assert!(chain.free("Bob") < before);
}

/// Fees are recycled: they leave the issuance that emission counts, so that the books still agree.
#[test]
fn fees_leave_the_issuance() {
    let mut chain = open_market();
    for amount in [TAO, 2 * TAO] {
        chain.expect_success("Alice", transfer("Ferdie", amount));
    }
    chain.state.execute_with(|| {
        let books = crate::Balances::total_issuance() + crate::SubtensorModule::total_stake();
        assert_eq!(crate::SubtensorModule::total_issuance(), books);
    });
}
