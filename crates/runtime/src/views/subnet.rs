//! A subnet as a whole: settings in brief, pool and emission, members by column.

use super::{
    Market, Text, compact,
    hyperparameters::SubnetHyperparamsV2,
    neuron::{Columns, NO_PRUNING_SCORE},
    text,
};
use crate::AccountId;
use pallet_subtensor::{FixedI128, SubnetIdentityV3};
use parity_scale_codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// Settings of a subnet in the oldest form; each field is the setting or the count of that name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetInfo {
    pub netuid: Compact<u16>,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub difficulty: Compact<u64>,
    pub immunity_period: Compact<u16>,
    pub max_allowed_validators: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    /// Always zero: nothing uses it.
    pub scaling_law_power: Compact<u16>,
    pub subnetwork_n: Compact<u16>,
    pub max_allowed_uids: Compact<u16>,
    pub blocks_since_last_step: Compact<u64>,
    pub tempo: Compact<u16>,
    /// Always zero: nothing uses it.
    pub network_modality: Compact<u16>,
    /// Always empty: nothing uses it.
    pub network_connect: Vec<[u16; 2]>,
    /// TAO minted for the subnet per block, in rao.
    pub emission_values: Compact<u64>,
    pub burn: Compact<u64>,
    /// Coldkey of the owner.
    pub owner: AccountId,
}

/// [`SubnetInfo`] and what the owner says about the subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetInfoV2 {
    pub netuid: Compact<u16>,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub difficulty: Compact<u64>,
    pub immunity_period: Compact<u16>,
    pub max_allowed_validators: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub scaling_law_power: Compact<u16>,
    pub subnetwork_n: Compact<u16>,
    pub max_allowed_uids: Compact<u16>,
    pub blocks_since_last_step: Compact<u64>,
    pub tempo: Compact<u16>,
    pub network_modality: Compact<u16>,
    pub network_connect: Vec<[u16; 2]>,
    pub emission_value: Compact<u64>,
    pub burn: Compact<u64>,
    pub owner: AccountId,
    pub identity: Option<SubnetIdentityV3>,
}

/// The pool and the emission of a subnet. Amounts in units of 10⁻⁹; emissions per block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DynamicInfo {
    pub netuid: Compact<u16>,
    pub owner_hotkey: AccountId,
    pub owner_coldkey: AccountId,
    pub subnet_name: Text,
    pub token_symbol: Text,
    pub tempo: Compact<u16>,
    /// Block of the last epoch.
    pub last_step: Compact<u64>,
    pub blocks_since_last_step: Compact<u64>,
    /// Always zero: see the three emissions below.
    pub emission: Compact<u64>,
    /// Alpha in the pool.
    pub alpha_in: Compact<u64>,
    /// Alpha staked.
    pub alpha_out: Compact<u64>,
    /// TAO in the pool.
    pub tao_in: Compact<u64>,
    /// Alpha to be paid out.
    pub alpha_out_emission: Compact<u64>,
    /// Alpha added to the pool.
    pub alpha_in_emission: Compact<u64>,
    /// TAO added to the pool.
    pub tao_in_emission: Compact<u64>,
    /// Alpha minted for miners and validators since the last epoch.
    pub pending_alpha_emission: Compact<u64>,
    /// The root stakers' part of the same.
    pub pending_root_emission: Compact<u64>,
    /// TAO ever traded against the pool.
    pub subnet_volume: Compact<u128>,
    pub network_registered_at: Compact<u64>,
    pub subnet_identity: Option<SubnetIdentityV3>,
    /// Smoothed price, with 32 fractional bits.
    pub moving_price: FixedI128,
}

/// A subnet's members, one vector per field, indexed by uid.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetState {
    pub netuid: Compact<u16>,
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<u64>>,
    pub dividends: Vec<Compact<u16>>,
    pub incentives: Vec<Compact<u16>>,
    pub consensus: Vec<Compact<u16>>,
    pub trust: Vec<Compact<u16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    pub alpha_stake: Vec<Compact<u64>>,
    pub tao_stake: Vec<Compact<u64>>,
    pub total_stake: Vec<Compact<u64>>,
    /// For each member, its emission in the last epoch on every subnet.
    pub emission_history: Vec<Vec<Compact<u64>>>,
}

impl SubnetInfo {
    /// The settings of `netuid`; none where no such subnet is.
    pub fn of(netuid: u16) -> Option<Self> {
        let settings = SubnetHyperparamsV2::of(netuid)?;
        Some(Self {
            netuid: Compact(netuid),
            rho: settings.rho,
            kappa: settings.kappa,
            difficulty: settings.difficulty,
            immunity_period: settings.immunity_period,
            max_allowed_validators: settings.max_validators,
            min_allowed_weights: settings.min_allowed_weights,
            max_weights_limit: settings.max_weights_limit,
            scaling_law_power: Compact(0),
            subnetwork_n: Compact(Market::neuron_count(netuid)),
            max_allowed_uids: Compact(Market::max_allowed_uids(netuid)),
            blocks_since_last_step: Compact(Market::blocks_since_last_step(netuid)),
            tempo: settings.tempo,
            network_modality: Compact(0),
            network_connect: Vec::new(),
            emission_values: Compact(Market::tao_in_emission(netuid).0),
            burn: Compact(Market::burn(netuid)),
            owner: super::or_nobody(Market::subnet_owner(netuid)),
        })
    }
}

impl SubnetInfoV2 {
    /// The settings of `netuid`; none where no such subnet is.
    pub fn of(netuid: u16) -> Option<Self> {
        let first = SubnetInfo::of(netuid)?;
        Some(Self {
            netuid: first.netuid,
            rho: first.rho,
            kappa: first.kappa,
            difficulty: first.difficulty,
            immunity_period: first.immunity_period,
            max_allowed_validators: first.max_allowed_validators,
            min_allowed_weights: first.min_allowed_weights,
            max_weights_limit: first.max_weights_limit,
            scaling_law_power: first.scaling_law_power,
            subnetwork_n: first.subnetwork_n,
            max_allowed_uids: first.max_allowed_uids,
            blocks_since_last_step: first.blocks_since_last_step,
            tempo: first.tempo,
            network_modality: first.network_modality,
            network_connect: first.network_connect,
            emission_value: first.emission_values,
            burn: first.burn,
            owner: first.owner,
            identity: Market::subnet_identity(netuid),
        })
    }
}

impl DynamicInfo {
    /// The pool and the emission of `netuid`; none where no such subnet is.
    pub fn of(netuid: u16) -> Option<Self> {
        if !Market::subnet_exists(netuid) {
            return None;
        }
        let (tao_in_emission, _) = Market::tao_in_emission(netuid);
        let (alpha_in_emission, alpha_out_emission) = Market::alpha_emission(netuid);
        let pending = Market::pending(netuid);
        Some(Self {
            netuid: Compact(netuid),
            owner_hotkey: super::or_nobody(Market::subnet_owner_hotkey(netuid)),
            owner_coldkey: super::or_nobody(Market::subnet_owner(netuid)),
            subnet_name: text(Market::subnet_name(netuid)),
            token_symbol: text(Market::token_symbol(netuid)),
            tempo: Compact(Market::tempo(netuid)),
            last_step: Compact(Market::last_step_block(netuid)),
            blocks_since_last_step: Compact(Market::blocks_since_last_step(netuid)),
            emission: Compact(0),
            alpha_in: Compact(Market::alpha_in(netuid)),
            alpha_out: Compact(Market::alpha_out(netuid)),
            tao_in: Compact(Market::tao_reserve(netuid)),
            alpha_out_emission: Compact(alpha_out_emission),
            alpha_in_emission: Compact(alpha_in_emission),
            tao_in_emission: Compact(tao_in_emission),
            pending_alpha_emission: Compact(pending.server.saturating_add(pending.validator)),
            pending_root_emission: Compact(pending.root),
            subnet_volume: Compact(Market::volume(netuid)),
            network_registered_at: Compact(Market::network_registered_at(netuid)),
            subnet_identity: Market::subnet_identity(netuid),
            moving_price: Market::moving_price(netuid),
        })
    }
}

impl SubnetState {
    /// The members of `netuid`; none where no such subnet is.
    pub fn of(netuid: u16) -> Option<Self> {
        if !Market::subnet_exists(netuid) {
            return None;
        }
        let members = Members::of(netuid);
        let subnets: Vec<Columns> = Market::netuids().into_iter().map(Columns::of).collect();
        let netuids = Market::netuids();
        let history = |hotkey: &AccountId| -> Vec<Compact<u64>> {
            netuids
                .iter()
                .zip(&subnets)
                .map(|(netuid, columns)| {
                    let uid = Market::uid_of(*netuid, hotkey);
                    Compact(uid.map_or(0, |uid| super::at(&columns.emission, uid)))
                })
                .collect()
        };
        Some(Self {
            netuid: Compact(netuid),
            emission_history: members.hotkeys.iter().map(history).collect(),
            hotkeys: members.hotkeys,
            coldkeys: members.coldkeys,
            active: members.active,
            validator_permit: members.validator_permit,
            pruning_score: members.pruning_score,
            last_update: members.last_update,
            emission: members.emission,
            dividends: members.dividends,
            incentives: members.incentives,
            consensus: members.consensus,
            trust: members.trust,
            rank: members.rank,
            block_at_registration: members.block_at_registration,
            alpha_stake: members.alpha_stake,
            tao_stake: members.tao_stake,
            total_stake: members.total_stake,
        })
    }
}

/// The columns that [`SubnetState`] and [`super::metagraph::Metagraph`] share, each as long as the subnet.
pub struct Members {
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<u64>>,
    pub dividends: Vec<Compact<u16>>,
    pub incentives: Vec<Compact<u16>>,
    pub consensus: Vec<Compact<u16>>,
    pub trust: Vec<Compact<u16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    pub alpha_stake: Vec<Compact<u64>>,
    pub tao_stake: Vec<Compact<u64>>,
    pub total_stake: Vec<Compact<u64>>,
}

impl Members {
    /// The members of `netuid`.
    pub fn of(netuid: u16) -> Self {
        fn sized<T: Clone + Default>(mut column: Vec<T>, len: usize) -> Vec<T> {
            column.resize(len, T::default());
            column
        }
        let hotkeys = Market::hotkeys(netuid);
        let len = hotkeys.len();
        let columns = Columns::of(netuid);
        let stakes = |of: &dyn Fn(&AccountId) -> u64| compact(hotkeys.iter().map(of));
        let registered =
            |uid: usize| Market::registered_at(netuid, u16::try_from(uid).unwrap_or(u16::MAX));
        let alpha_stake = stakes(&|hotkey| Market::working_stake(hotkey, netuid).alpha);
        let tao_stake = stakes(&|hotkey| Market::working_stake(hotkey, netuid).root);
        let total_stake = stakes(&|hotkey| Market::stake_weight_of(hotkey, netuid));
        Self {
            coldkeys: hotkeys.iter().map(super::owner).collect(),
            hotkeys,
            active: sized(columns.active, len),
            validator_permit: sized(columns.validator_permit, len),
            pruning_score: vec![Compact(NO_PRUNING_SCORE); len],
            last_update: compact(sized(columns.last_update, len)),
            emission: compact(sized(columns.emission, len)),
            dividends: compact(sized(columns.dividends, len)),
            incentives: compact(sized(columns.incentive, len)),
            consensus: compact(sized(columns.consensus, len)),
            trust: vec![Compact(0); len],
            rank: vec![Compact(0); len],
            block_at_registration: compact((0..len).map(registered)),
            alpha_stake,
            tao_stake,
            total_stake,
        }
    }
}
