//! Catalogue of the settings, by who may change them, with values that are acceptable.

use super::Test;
use crate::Call;
use pallet_subtensor::{ConsensusMode, FixedI128, FixedU128, RecycleOrBurnEnum};

/// Every setting of a subnet that its owner may change, with a value that is not the default.
pub(super) fn owner_calls(netuid: u16) -> Vec<Call<Test>> {
    vec![
        Call::sudo_set_serving_rate_limit {
            netuid,
            serving_rate_limit: 3,
        },
        Call::sudo_set_max_difficulty {
            netuid,
            max_difficulty: 4,
        },
        Call::sudo_set_weights_version_key {
            netuid,
            weights_version_key: 5,
        },
        Call::sudo_set_adjustment_alpha {
            netuid,
            adjustment_alpha: 6,
        },
        Call::sudo_set_immunity_period {
            netuid,
            immunity_period: 7,
        },
        Call::sudo_set_min_allowed_weights {
            netuid,
            min_allowed_weights: 8,
        },
        Call::sudo_set_rho { netuid, rho: 9 },
        Call::sudo_set_min_childkey_take_per_subnet {
            netuid,
            take: 9_001,
        },
        Call::sudo_set_activity_cutoff {
            netuid,
            activity_cutoff: 10,
        },
        Call::sudo_set_activity_cutoff_factor {
            netuid,
            factor_milli: 1_100,
        },
        Call::sudo_set_min_burn {
            netuid,
            min_burn: 12,
        },
        Call::sudo_set_max_burn {
            netuid,
            max_burn: 1_000_000_000,
        },
        Call::sudo_set_burn_half_life {
            netuid,
            burn_half_life: 14,
        },
        Call::sudo_set_burn_increase_mult {
            netuid,
            burn_increase_mult: FixedU128 { bits: 2 << 64 },
        },
        Call::sudo_set_bonds_moving_average {
            netuid,
            bonds_moving_average: 16,
        },
        Call::sudo_set_bonds_penalty {
            netuid,
            bonds_penalty: 17,
        },
        Call::sudo_set_bonds_reset_enabled {
            netuid,
            enabled: true,
        },
        Call::sudo_set_commit_reveal_weights_enabled {
            netuid,
            enabled: true,
        },
        Call::sudo_set_commit_reveal_weights_interval {
            netuid,
            interval: 20,
        },
        Call::sudo_set_liquid_alpha_enabled {
            netuid,
            enabled: true,
        },
        Call::sudo_set_alpha_values {
            netuid,
            alpha_low: 20_000,
            alpha_high: 60_000,
        },
        Call::sudo_set_alpha_sigmoid_steepness {
            netuid,
            steepness: 23,
        },
        Call::sudo_set_yuma3_enabled {
            netuid,
            enabled: false,
        },
        Call::sudo_set_toggle_transfer {
            netuid,
            toggle: false,
        },
        Call::sudo_set_owner_cut_enabled {
            netuid,
            enabled: false,
        },
        Call::sudo_set_recycle_or_burn {
            netuid,
            recycle_or_burn: RecycleOrBurnEnum::Recycle,
        },
        Call::sudo_set_owner_immune_neuron_limit {
            netuid,
            immune_neurons: 2,
        },
        Call::sudo_set_sn_owner_hotkey { netuid, hotkey: 12 },
        // Fewer seats first: 256 leave no room for a second mechanism.
        Call::sudo_trim_to_max_allowed_uids { netuid, max_n: 64 },
        Call::sudo_set_mechanism_count {
            netuid,
            mechanism_count: 2,
        },
        Call::sudo_set_mechanism_emission_split {
            netuid,
            maybe_split: Some(vec![40_000, 25_535]),
        },
        Call::sudo_set_max_allowed_uids {
            netuid,
            max_allowed_uids: 66,
        },
        Call::sudo_set_liquid_alpha_consensus_mode {
            netuid,
            mode: ConsensusMode::Auto,
        },
        Call::sudo_set_network_pow_registration_allowed {
            netuid,
            registration_allowed: true,
        },
        Call::sudo_set_network_registration_allowed {
            netuid,
            registration_allowed: false,
        },
        Call::sudo_set_tempo { netuid, tempo: 112 },
    ]
}

/// Every setting of a subnet that only root may change.
pub(super) fn root_calls(netuid: u16) -> Vec<Call<Test>> {
    vec![
        Call::sudo_set_min_difficulty {
            netuid,
            min_difficulty: 1,
        },
        Call::sudo_set_difficulty {
            netuid,
            difficulty: 2,
        },
        Call::sudo_set_weights_set_rate_limit {
            netuid,
            weights_set_rate_limit: 3,
        },
        Call::sudo_set_adjustment_interval {
            netuid,
            adjustment_interval: 4,
        },
        Call::sudo_set_min_allowed_uids {
            netuid,
            min_allowed_uids: 5,
        },
        Call::sudo_set_kappa { netuid, kappa: 7 },
        Call::sudo_set_target_registrations_per_interval {
            netuid,
            target_registrations_per_interval: 9,
        },
        Call::sudo_set_max_allowed_validators {
            netuid,
            max_allowed_validators: 10,
        },
        Call::sudo_set_max_registrations_per_block {
            netuid,
            max_registrations_per_block: 11,
        },
        Call::sudo_set_subtoken_enabled {
            netuid,
            subtoken_enabled: true,
        },
        Call::sudo_set_subnet_emission_enabled {
            netuid,
            enabled: false,
        },
        Call::sudo_set_min_non_immune_uids { netuid, min: 15 },
        Call::sudo_set_ema_price_halving_period {
            netuid,
            ema_halving: 100,
        },
        Call::sudo_set_rao_recycled {
            netuid,
            rao_recycled: 16,
        },
    ]
}

/// Every setting of the whole network.
pub(super) fn network_calls() -> Vec<Call<Test>> {
    vec![
        Call::sudo_set_default_take {
            default_take: 9_000,
        },
        Call::sudo_set_min_delegate_take { take: 10 },
        Call::sudo_set_tx_rate_limit { tx_rate_limit: 11 },
        Call::sudo_set_tx_delegate_take_rate_limit { tx_rate_limit: 12 },
        Call::sudo_set_subnet_owner_cut {
            subnet_owner_cut: 13,
        },
        Call::sudo_set_network_rate_limit { rate_limit: 14 },
        Call::sudo_set_network_immunity_period {
            immunity_period: 15,
        },
        Call::sudo_set_network_min_lock_cost { lock_cost: 16 },
        Call::sudo_set_lock_reduction_interval { interval: 17 },
        Call::sudo_set_subnet_limit { max_subnets: 18 },
        Call::sudo_set_start_call_delay { delay: 19 },
        Call::sudo_set_stake_threshold { min_stake: 20 },
        Call::sudo_set_owner_hparam_rate_limit { epochs: 21 },
        Call::sudo_set_admin_freeze_window { window: 22 },
        Call::sudo_set_max_epochs_per_block {
            max_epochs_per_block: 23,
        },
        Call::sudo_set_ck_burn { burn: 24 },
        Call::sudo_set_nominator_min_required_stake { min_stake: 25 },
        Call::sudo_set_max_mechanism_count {
            max_mechanism_count: 3,
        },
        Call::sudo_set_subnet_moving_alpha {
            alpha: FixedI128 { bits: 1 << 31 },
        },
        Call::sudo_set_coldkey_swap_announcement_delay { duration: 26 },
        Call::sudo_set_coldkey_swap_reannouncement_delay { duration: 27 },
        Call::sudo_set_commit_reveal_version { version: 28 },
        Call::sudo_set_tao_flow_smoothing_factor {
            smoothing_factor: 29,
        },
    ]
}
