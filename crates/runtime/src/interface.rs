//! Names the questions about the market that wallets ask a node, and the shapes of the answers.
//!
//! The names, the argument names and the field names are Bittensor's; the SDK finds all three in the metadata.
//! The answers are made in [`crate::views`].

use crate::{
    AccountId,
    proxies::view::{ProxyFilterInfo, ProxyTypeInfo},
    views::{
        delegate::{DelegateInfo, Position},
        hyperparameters::{HyperparamEntry, SubnetHyperparams, SubnetHyperparamsV2},
        metagraph::Metagraph,
        neuron::{NeuronInfo, NeuronInfoLite},
        price::{SimSwapResult, SubnetPrice},
        selective::SelectiveMetagraph,
        stake::{StakeAvailability, StakeInfo},
        subnet::{DynamicInfo, SubnetInfo, SubnetInfoV2, SubnetState},
    },
};
use pallet_subtensor::{FixedU128, LockState};
use std::collections::BTreeMap;

sp_api::decl_runtime_apis! {
    /// Subnets: their settings, pools and members.
    pub trait SubnetInfoRuntimeApi {
        /// Settings of a subnet in the oldest form.
        fn get_subnet_info(netuid: u16) -> Option<SubnetInfo>;
        /// [`Self::get_subnet_info`] of every subnet.
        fn get_subnets_info() -> Vec<Option<SubnetInfo>>;
        /// Settings of a subnet and what its owner says about it.
        fn get_subnet_info_v2(netuid: u16) -> Option<SubnetInfoV2>;
        /// [`Self::get_subnet_info_v2`] of every subnet.
        fn get_subnets_info_v2() -> Vec<Option<SubnetInfoV2>>;
        /// Hyperparameters as a record.
        fn get_subnet_hyperparams(netuid: u16) -> Option<SubnetHyperparams>;
        /// Hyperparameters as a longer record.
        fn get_subnet_hyperparams_v2(netuid: u16) -> Option<SubnetHyperparamsV2>;
        /// Hyperparameters as named values, so that new ones need no new client.
        fn get_subnet_hyperparams_v3(netuid: u16) -> Option<Vec<HyperparamEntry>>;
        /// [`Self::get_dynamic_info`] of every subnet.
        fn get_all_dynamic_info() -> Vec<Option<DynamicInfo>>;
        /// The pool and the emission of a subnet.
        fn get_dynamic_info(netuid: u16) -> Option<DynamicInfo>;
        /// [`Self::get_metagraph`] of every subnet.
        fn get_all_metagraphs() -> Vec<Option<Metagraph>>;
        /// Everything about a subnet and its members.
        fn get_metagraph(netuid: u16) -> Option<Metagraph>;
        /// The metagraph of one of a subnet's mechanisms; every subnet has one, numbered zero.
        fn get_mechagraph(netuid: u16, mecid: u8) -> Option<Metagraph>;
        /// [`Self::get_mechagraph`] of every mechanism of every subnet.
        fn get_all_mechagraphs() -> Vec<Option<Metagraph>>;
        /// Those columns of a subnet's metagraph whose numbers are given.
        fn get_selective_metagraph(netuid: u16, metagraph_indexes: Vec<u16>) -> Option<SelectiveMetagraph>;
        /// Those columns of a mechanism's metagraph whose numbers are given.
        fn get_selective_mechagraph(
            netuid: u16,
            subid: u8,
            metagraph_indexes: Vec<u16>,
        ) -> Option<SelectiveMetagraph>;
        /// The members of a subnet, column by column.
        fn get_subnet_state(netuid: u16) -> Option<SubnetState>;
        /// The hotkey on which a coldkey's miner income is staked.
        fn get_coldkey_auto_stake_hotkey(coldkey: AccountId, netuid: u16) -> Option<AccountId>;
        /// The subnet that a new one would displace.
        fn get_subnet_to_prune() -> Option<u16>;
        /// Block at which a subnet's next epoch runs.
        fn get_next_epoch_start_block(netuid: u16) -> Option<u64>;
        /// TAO minted per block, in rao.
        fn get_block_emission() -> u64;
    }

    /// The members of subnets.
    pub trait NeuronInfoRuntimeApi {
        /// All members with their weights and bonds.
        fn get_neurons(netuid: u16) -> Vec<NeuronInfo>;
        /// One member with its weights and bonds.
        fn get_neuron(netuid: u16, uid: u16) -> Option<NeuronInfo>;
        /// All members without weights and bonds.
        fn get_neurons_lite(netuid: u16) -> Vec<NeuronInfoLite>;
        /// One member without weights and bonds.
        fn get_neuron_lite(netuid: u16, uid: u16) -> Option<NeuronInfoLite>;
    }

    /// Hotkeys that others stake on.
    pub trait DelegateInfoRuntimeApi {
        /// Every hotkey that takes delegations.
        fn get_delegates() -> Vec<DelegateInfo>;
        /// One such hotkey.
        fn get_delegate(delegate_account: AccountId) -> Option<DelegateInfo>;
        /// What a coldkey has delegated: to whom, where and how much.
        fn get_delegated(delegatee_account: AccountId) -> Vec<(DelegateInfo, Position)>;
    }

    /// Stake of coldkeys.
    pub trait StakeInfoRuntimeApi {
        /// Every position of a coldkey.
        fn get_stake_info_for_coldkey(coldkey_account: AccountId) -> Vec<StakeInfo>;
        /// Every position of several coldkeys.
        fn get_stake_info_for_coldkeys(coldkey_accounts: Vec<AccountId>) -> Vec<(AccountId, Vec<StakeInfo>)>;
        /// One position.
        fn get_stake_info_for_hotkey_coldkey_netuid(
            hotkey_account: AccountId,
            coldkey_account: AccountId,
            netuid: u16,
        ) -> Option<StakeInfo>;
        /// How much of a coldkey's stake it could withdraw now.
        fn get_stake_availability_for_coldkeys(
            coldkey_accounts: Vec<AccountId>,
            netuids: Option<Vec<u16>>,
        ) -> BTreeMap<AccountId, BTreeMap<u16, StakeAvailability>>;
        /// The fee, in rao, of moving `amount` between two positions.
        fn get_stake_fee(
            origin: Option<(AccountId, u16)>,
            origin_coldkey_account: AccountId,
            destination: Option<(AccountId, u16)>,
            destination_coldkey_account: AccountId,
            amount: u64,
        ) -> u64;
        /// A coldkey's lock on a subnet; stake cannot be locked on this chain.
        fn get_coldkey_lock(coldkey: AccountId, netuid: u16) -> Option<LockState>;
        /// Conviction behind a hotkey, which only locks create.
        fn get_hotkey_conviction(hotkey: AccountId, netuid: u16) -> FixedU128;
    }

    /// Keys of heights; Stoa's own.
    pub trait BeaconApi {
        /// Heights up to this block whose keys are wanted, lowest first.
        fn wanted_heights() -> Vec<u32>;
    }

    /// The price of opening a subnet.
    pub trait SubnetRegistrationRuntimeApi {
        /// In rao, now.
        fn get_network_registration_cost() -> u64;
    }

    /// Pools of TAO and alpha.
    pub trait SwapRuntimeApi {
        /// Price of one alpha in rao.
        fn current_alpha_price(netuid: u16) -> u64;
        /// [`Self::current_alpha_price`] of every subnet.
        fn current_alpha_price_all() -> Vec<SubnetPrice>;
        /// What selling `tao` rao of TAO would bring.
        fn sim_swap_tao_for_alpha(netuid: u16, tao: u64) -> SimSwapResult;
        /// What selling `alpha` units of alpha would bring.
        fn sim_swap_alpha_for_tao(netuid: u16, alpha: u64) -> SimSwapResult;
    }

    /// What kinds of proxies there are.
    pub trait ProxyFilterRuntimeApi {
        /// Every kind.
        fn get_proxy_types() -> Vec<ProxyTypeInfo>;
        /// What kinds grant: those with these numbers, or every one.
        fn get_proxy_filters(proxy_types: Option<Vec<u8>>) -> Vec<ProxyFilterInfo>;
    }

    /// What root stakers have earned in the subnets and not collected. Bittensor holds it in funds with shares of
    /// their own; here it is alpha owed, so there are amounts to claim, but no shares.
    pub trait BetaBasketRuntimeApi {
        /// What all dividends a coldkey has not collected are worth, in rao.
        fn get_root_basket_owed(coldkey: AccountId) -> u64;
        /// What a coldkey's dividends on one hotkey are worth, in rao.
        fn get_basket_payout(hotkey: AccountId, coldkey: AccountId) -> u64;
        /// What a coldkey has not collected on each hotkey: where, shares of a fund (there are none), and worth in rao.
        fn get_root_basket_positions(coldkey: AccountId) -> Vec<(AccountId, u64, u64)>;
        /// What is not collected on a hotkey: subnet, alpha, and worth in rao.
        fn get_validator_basket(hotkey: AccountId) -> Vec<(u16, u64, u64)>;
    }
}
