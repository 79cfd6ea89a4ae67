//! Answers calls into the runtime, by the names under which nodes and wallets make them.

use crate::{
    AccountId, Balance, Block, Executive, InherentDataExt, Nonce, Runtime, RuntimeCall, System,
    TransactionPayment,
    proxies::{
        self,
        view::{ProxyFilterInfo, ProxyTypeInfo},
    },
    versions,
    views::{
        Market,
        delegate::{self, DelegateInfo, Position},
        hyperparameters::{self, HyperparamEntry, SubnetHyperparams, SubnetHyperparamsV2},
        metagraph::Metagraph,
        neuron::{self, NeuronInfo, NeuronInfoLite},
        price::{self, SimSwapResult, SubnetPrice},
        selective::SelectiveMetagraph,
        stake::{self, StakeAvailability, StakeInfo},
        subnet::{DynamicInfo, SubnetInfo, SubnetInfoV2, SubnetState},
    },
};
use frame_support::{traits::Get, weights::Weight};
use pallet_subtensor::{FixedU128, LockState};
use pallet_transaction_payment::{FeeDetails, RuntimeDispatchInfo};
use sp_api::impl_runtime_apis;
use sp_core::OpaqueMetadata;
use sp_inherents::{CheckInherentsResult, InherentData};
use sp_runtime::{
    ApplyExtrinsicResult, ExtrinsicInclusionMode,
    traits::Block as BlockT,
    transaction_validity::{TransactionSource, TransactionValidity},
};
use sp_version::RuntimeVersion;
use std::collections::BTreeMap;

impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            versions::Current::get()
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block);
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(block: <Block as BlockT>::LazyBlock, data: InherentData) -> CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            tx: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, tx, block_hash)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(uxt: <Block as BlockT>::Extrinsic, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(uxt, len)
        }

        fn query_fee_details(uxt: <Block as BlockT>::Extrinsic, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_fee_details(uxt, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall>
        for Runtime
    {
        fn query_call_info(call: RuntimeCall, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, len)
        }

        fn query_call_fee_details(call: RuntimeCall, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl crate::interface::SubnetInfoRuntimeApi<Block> for Runtime {
        fn get_subnet_info(netuid: u16) -> Option<SubnetInfo> {
            SubnetInfo::of(netuid)
        }

        fn get_subnets_info() -> Vec<Option<SubnetInfo>> {
            every_subnet(SubnetInfo::of)
        }

        fn get_subnet_info_v2(netuid: u16) -> Option<SubnetInfoV2> {
            SubnetInfoV2::of(netuid)
        }

        fn get_subnets_info_v2() -> Vec<Option<SubnetInfoV2>> {
            every_subnet(SubnetInfoV2::of)
        }

        fn get_subnet_hyperparams(netuid: u16) -> Option<SubnetHyperparams> {
            SubnetHyperparams::of(netuid)
        }

        fn get_subnet_hyperparams_v2(netuid: u16) -> Option<SubnetHyperparamsV2> {
            SubnetHyperparamsV2::of(netuid)
        }

        fn get_subnet_hyperparams_v3(netuid: u16) -> Option<Vec<HyperparamEntry>> {
            hyperparameters::named(netuid)
        }

        fn get_all_dynamic_info() -> Vec<Option<DynamicInfo>> {
            every_subnet(DynamicInfo::of)
        }

        fn get_dynamic_info(netuid: u16) -> Option<DynamicInfo> {
            DynamicInfo::of(netuid)
        }

        fn get_all_metagraphs() -> Vec<Option<Metagraph>> {
            every_subnet(Metagraph::of)
        }

        fn get_metagraph(netuid: u16) -> Option<Metagraph> {
            Metagraph::of(netuid)
        }

        fn get_mechagraph(netuid: u16, mecid: u8) -> Option<Metagraph> {
            Metagraph::of_mechanism(netuid, mecid)
        }

        fn get_all_mechagraphs() -> Vec<Option<Metagraph>> {
            Metagraph::of_every_mechanism()
        }

        fn get_selective_metagraph(netuid: u16, metagraph_indexes: Vec<u16>) -> Option<SelectiveMetagraph> {
            SelectiveMetagraph::of_subnet(netuid, &metagraph_indexes)
        }

        fn get_selective_mechagraph(
            netuid: u16,
            subid: u8,
            metagraph_indexes: Vec<u16>,
        ) -> Option<SelectiveMetagraph> {
            SelectiveMetagraph::of_mechanism(netuid, subid, &metagraph_indexes)
        }

        fn get_subnet_state(netuid: u16) -> Option<SubnetState> {
            SubnetState::of(netuid)
        }

        fn get_coldkey_auto_stake_hotkey(coldkey: AccountId, netuid: u16) -> Option<AccountId> {
            Market::auto_stake_destination(&coldkey, netuid)
        }

        fn get_subnet_to_prune() -> Option<u16> {
            Market::network_to_prune()
        }

        fn get_next_epoch_start_block(netuid: u16) -> Option<u64> {
            Market::next_epoch_start_block(netuid)
        }

        fn get_block_emission() -> u64 {
            Market::block_emission()
        }
    }

    impl crate::interface::NeuronInfoRuntimeApi<Block> for Runtime {
        fn get_neurons(netuid: u16) -> Vec<NeuronInfo> {
            neuron::all(netuid)
        }

        fn get_neuron(netuid: u16, uid: u16) -> Option<NeuronInfo> {
            neuron::one(netuid, uid)
        }

        fn get_neurons_lite(netuid: u16) -> Vec<NeuronInfoLite> {
            neuron::all_lite(netuid)
        }

        fn get_neuron_lite(netuid: u16, uid: u16) -> Option<NeuronInfoLite> {
            neuron::one_lite(netuid, uid)
        }
    }

    impl crate::interface::DelegateInfoRuntimeApi<Block> for Runtime {
        fn get_delegates() -> Vec<DelegateInfo> {
            delegate::all()
        }

        fn get_delegate(delegate_account: AccountId) -> Option<DelegateInfo> {
            delegate::one(delegate_account)
        }

        fn get_delegated(delegatee_account: AccountId) -> Vec<(DelegateInfo, Position)> {
            delegate::of_coldkey(&delegatee_account)
        }
    }

    impl crate::interface::StakeInfoRuntimeApi<Block> for Runtime {
        fn get_stake_info_for_coldkey(coldkey_account: AccountId) -> Vec<StakeInfo> {
            stake::of_coldkey(&coldkey_account)
        }

        fn get_stake_info_for_coldkeys(coldkey_accounts: Vec<AccountId>) -> Vec<(AccountId, Vec<StakeInfo>)> {
            coldkey_accounts
                .into_iter()
                .map(|coldkey| {
                    let positions = stake::of_coldkey(&coldkey);
                    (coldkey, positions)
                })
                .collect()
        }

        fn get_stake_info_for_hotkey_coldkey_netuid(
            hotkey_account: AccountId,
            coldkey_account: AccountId,
            netuid: u16,
        ) -> Option<StakeInfo> {
            stake::position(hotkey_account, coldkey_account, netuid)
        }

        fn get_stake_availability_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
            netuids: Option<Vec<u16>>,
        ) -> BTreeMap<AccountId, BTreeMap<u16, StakeAvailability>> {
            stake::availability(coldkey_accounts, netuids)
        }

        fn get_stake_fee(
            origin: Option<(AccountId, u16)>,
            _origin_coldkey_account: AccountId,
            destination: Option<(AccountId, u16)>,
            _destination_coldkey_account: AccountId,
            amount: u64,
        ) -> u64 {
            stake::fee(origin.map(|(_, netuid)| netuid), destination.map(|(_, netuid)| netuid), amount)
        }

        fn get_coldkey_lock(_coldkey: AccountId, _netuid: u16) -> Option<LockState> {
            None
        }

        fn get_hotkey_conviction(_hotkey: AccountId, _netuid: u16) -> FixedU128 {
            FixedU128::default()
        }
    }

    impl crate::interface::BeaconApi<Block> for Runtime {
        fn wanted_heights() -> Vec<u32> {
            <Market as crate::beacon::Sealed>::wanted()
        }
    }

    impl crate::interface::SubnetRegistrationRuntimeApi<Block> for Runtime {
        fn get_network_registration_cost() -> u64 {
            Market::network_lock_cost()
        }
    }

    impl crate::interface::SwapRuntimeApi<Block> for Runtime {
        fn current_alpha_price(netuid: u16) -> u64 {
            price::of(netuid)
        }

        fn current_alpha_price_all() -> Vec<SubnetPrice> {
            price::all()
        }

        fn sim_swap_tao_for_alpha(netuid: u16, tao: u64) -> SimSwapResult {
            price::buying(netuid, tao)
        }

        fn sim_swap_alpha_for_tao(netuid: u16, alpha: u64) -> SimSwapResult {
            price::selling(netuid, alpha)
        }
    }

    impl crate::interface::ProxyFilterRuntimeApi<Block> for Runtime {
        fn get_proxy_types() -> Vec<ProxyTypeInfo> {
            proxies::view::kinds()
        }

        fn get_proxy_filters(proxy_types: Option<Vec<u8>>) -> Vec<ProxyFilterInfo> {
            proxies::view::filters(proxy_types)
        }
    }

    impl crate::interface::BetaBasketRuntimeApi<Block> for Runtime {
        fn get_root_basket_owed(coldkey: AccountId) -> u64 {
            stake::root_dividends_of(&coldkey)
        }

        fn get_basket_payout(hotkey: AccountId, coldkey: AccountId) -> u64 {
            stake::root_dividends(&hotkey, &coldkey)
        }

        fn get_root_basket_positions(coldkey: AccountId) -> Vec<(AccountId, u64, u64)> {
            stake::root_dividends_by_hotkey(&coldkey)
        }

        fn get_validator_basket(hotkey: AccountId) -> Vec<(u16, u64, u64)> {
            stake::root_dividends_on(&hotkey)
        }
    }
}

fn every_subnet<View>(view: fn(u16) -> Option<View>) -> Vec<Option<View>> {
    Market::netuids().into_iter().map(view).collect()
}
