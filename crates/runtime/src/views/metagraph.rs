//! Everything about a subnet and its members in one answer: what `btcli subnets metagraph` shows.

use super::{
    Market, Text, compact,
    hyperparameters::SubnetHyperparamsV2,
    subnet::{DynamicInfo, Members},
};
use crate::AccountId;
use pallet_subtensor::{AxonInfo, ChainIdentityV2, FixedI128, SubnetIdentityV3};
use parity_scale_codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// A subnet and its members. Amounts in units of 10⁻⁹; the vectors are indexed by uid.
///
/// The fields of [`DynamicInfo`], [`SubnetHyperparamsV2`] and [`Members`] mean here what they mean there.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Metagraph {
    pub netuid: Compact<u16>,
    pub name: Text,
    pub symbol: Text,
    pub identity: Option<SubnetIdentityV3>,
    pub network_registered_at: Compact<u64>,
    pub owner_hotkey: AccountId,
    pub owner_coldkey: AccountId,
    pub block: Compact<u64>,
    pub tempo: Compact<u16>,
    pub last_step: Compact<u64>,
    pub blocks_since_last_step: Compact<u64>,
    pub subnet_emission: Compact<u64>,
    pub alpha_in: Compact<u64>,
    pub alpha_out: Compact<u64>,
    pub tao_in: Compact<u64>,
    pub alpha_out_emission: Compact<u64>,
    pub alpha_in_emission: Compact<u64>,
    pub tao_in_emission: Compact<u64>,
    pub pending_alpha_emission: Compact<u64>,
    pub pending_root_emission: Compact<u64>,
    pub subnet_volume: Compact<u128>,
    pub moving_price: FixedI128,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub weights_version: Compact<u64>,
    pub weights_rate_limit: Compact<u64>,
    pub activity_cutoff: Compact<u64>,
    pub max_validators: Compact<u16>,
    pub num_uids: Compact<u16>,
    pub max_uids: Compact<u16>,
    pub burn: Compact<u64>,
    pub difficulty: Compact<u64>,
    pub registration_allowed: bool,
    pub pow_registration_allowed: bool,
    pub immunity_period: Compact<u16>,
    pub min_difficulty: Compact<u64>,
    pub max_difficulty: Compact<u64>,
    pub min_burn: Compact<u64>,
    pub max_burn: Compact<u64>,
    pub adjustment_alpha: Compact<u64>,
    pub adjustment_interval: Compact<u16>,
    pub target_regs_per_interval: Compact<u16>,
    pub max_regs_per_block: Compact<u16>,
    pub serving_rate_limit: Compact<u64>,
    pub commit_reveal_weights_enabled: bool,
    pub commit_reveal_period: Compact<u64>,
    pub liquid_alpha_enabled: bool,
    pub alpha_high: Compact<u16>,
    pub alpha_low: Compact<u16>,
    pub bonds_moving_avg: Compact<u64>,
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub identities: Vec<Option<ChainIdentityV2>>,
    pub axons: Vec<AxonInfo>,
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
    /// Root stakers' dividends of the last epoch by hotkey.
    pub tao_dividends_per_hotkey: Vec<(AccountId, Compact<u64>)>,
    /// Alpha dividends of the last epoch by hotkey.
    pub alpha_dividends_per_hotkey: Vec<(AccountId, Compact<u64>)>,
    /// Zeros: miners post no collateral on this chain.
    pub collateral_locked: Vec<Compact<u64>>,
    pub collateral_min: Vec<Compact<u64>>,
    pub collateral_earned: Vec<Compact<u64>>,
}

impl Metagraph {
    /// The metagraph of `netuid`; none where no such subnet is.
    pub fn of(netuid: u16) -> Option<Self> {
        let pool = DynamicInfo::of(netuid)?;
        let settings = SubnetHyperparamsV2::of(netuid)?;
        let members = Members::of(netuid);
        let none = vec![Compact(0); members.hotkeys.len()];
        let axon = |hotkey: &AccountId| Market::axon(netuid, hotkey).unwrap_or_default();
        let dividends = |column: Vec<(AccountId, u64)>| -> Vec<(AccountId, Compact<u64>)> {
            column
                .into_iter()
                .map(|(hotkey, amount)| (hotkey, Compact(amount)))
                .collect()
        };
        Some(Self {
            netuid: pool.netuid,
            name: pool.subnet_name,
            symbol: pool.token_symbol,
            identity: pool.subnet_identity,
            network_registered_at: pool.network_registered_at,
            owner_hotkey: pool.owner_hotkey,
            owner_coldkey: pool.owner_coldkey,
            block: Compact(Market::block()),
            tempo: pool.tempo,
            last_step: pool.last_step,
            blocks_since_last_step: pool.blocks_since_last_step,
            subnet_emission: pool.emission,
            alpha_in: pool.alpha_in,
            alpha_out: pool.alpha_out,
            tao_in: pool.tao_in,
            alpha_out_emission: pool.alpha_out_emission,
            alpha_in_emission: pool.alpha_in_emission,
            tao_in_emission: pool.tao_in_emission,
            pending_alpha_emission: pool.pending_alpha_emission,
            pending_root_emission: pool.pending_root_emission,
            subnet_volume: pool.subnet_volume,
            moving_price: pool.moving_price,
            rho: settings.rho,
            kappa: settings.kappa,
            min_allowed_weights: settings.min_allowed_weights,
            max_weights_limit: settings.max_weights_limit,
            weights_version: settings.weights_version,
            weights_rate_limit: settings.weights_rate_limit,
            activity_cutoff: settings.activity_cutoff,
            max_validators: settings.max_validators,
            num_uids: Compact(Market::neuron_count(netuid)),
            max_uids: Compact(Market::max_allowed_uids(netuid)),
            burn: Compact(Market::burn(netuid)),
            difficulty: settings.difficulty,
            registration_allowed: settings.registration_allowed,
            pow_registration_allowed: Market::pow_registration_allowed(netuid),
            immunity_period: settings.immunity_period,
            min_difficulty: settings.min_difficulty,
            max_difficulty: settings.max_difficulty,
            min_burn: settings.min_burn,
            max_burn: settings.max_burn,
            adjustment_alpha: settings.adjustment_alpha,
            adjustment_interval: settings.adjustment_interval,
            target_regs_per_interval: settings.target_regs_per_interval,
            max_regs_per_block: settings.max_regs_per_block,
            serving_rate_limit: settings.serving_rate_limit,
            commit_reveal_weights_enabled: settings.commit_reveal_weights_enabled,
            commit_reveal_period: settings.commit_reveal_period,
            liquid_alpha_enabled: settings.liquid_alpha_enabled,
            alpha_high: settings.alpha_high,
            alpha_low: settings.alpha_low,
            bonds_moving_avg: settings.bonds_moving_avg,
            identities: members.coldkeys.iter().map(Market::identity).collect(),
            axons: members.hotkeys.iter().map(axon).collect(),
            tao_dividends_per_hotkey: dividends(Market::root_alpha_dividends(netuid)),
            alpha_dividends_per_hotkey: dividends(Market::alpha_dividends(netuid)),
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
            collateral_locked: none.clone(),
            collateral_min: none.clone(),
            collateral_earned: none,
        })
    }

    /// The metagraph of one of a subnet's mechanisms, under the number at which the mechanism's results lie; none where the
    /// subnet has no such mechanism.
    ///
    /// Incentives and dates of publication are the mechanism's own, everything else is the subnet's.
    pub fn of_mechanism(netuid: u16, mecid: u8) -> Option<Self> {
        let index = Market::existing_index(netuid, mecid).ok()?;
        let whole = Self::of(netuid)?;
        Some(Self {
            netuid: Compact(index),
            incentives: compact(Market::incentive(index)),
            last_update: compact(Market::last_update(index)),
            ..whole
        })
    }

    /// The metagraph of every mechanism of every subnet.
    pub fn of_every_mechanism() -> Vec<Option<Self>> {
        let mechanisms =
            |netuid| (0..Market::mechanism_count(netuid)).map(move |mecid| (netuid, mecid));
        Market::netuids()
            .into_iter()
            .flat_map(mechanisms)
            .map(|(netuid, mecid)| Self::of_mechanism(netuid, mecid))
            .collect()
    }
}
