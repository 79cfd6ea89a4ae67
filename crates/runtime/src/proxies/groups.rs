//! Catalogue of the runtime's calls by what an account risks in letting somebody else make them.
//!
//! Calls are named, as metadata names them, so that a call which the chain does not have yet can have its place already.
//! Every call of the runtime is in exactly one of these groups; a new one that is in none is granted by no kind of proxy
//! but the one that may do everything, and fails a test.

/// Calls that are granted together.
pub type Group = &'static [Calls];

/// Calls of one pallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Every one of them.
    All(&'static str),
    /// These.
    Only(&'static str, &'static [&'static str]),
}

impl Calls {
    /// Whether the call is among them.
    pub fn contain(&self, pallet: &str, call: &str) -> bool {
        match self {
            Self::All(name) => *name == pallet,
            Self::Only(name, calls) => *name == pallet && calls.contains(&call),
        }
    }

    /// The pallet they belong to.
    pub fn pallet(&self) -> &'static str {
        match self {
            Self::All(name) | Self::Only(name, _) => name,
        }
    }
}

/// Pallets that move no funds by themselves.
pub const INFRASTRUCTURE: Group = &[
    Calls::All("System"),
    Calls::All("Timestamp"),
    Calls::All("Utility"),
    Calls::All("Preimage"),
    Calls::All("Scheduler"),
    Calls::All("Proxy"),
    Calls::All("Commitments"),
    Calls::All("MevShield"),
    Calls::All("Beacon"),
];

/// Shared accounts. Their calls make others with an origin of its own, to which a proxy's bounds do not cling.
pub const SHARED_ACCOUNTS: Group = &[Calls::All("Multisig")];

/// Root's own pallet.
pub const SUDO: Group = &[Calls::All("Sudo")];

/// Raising funds together.
pub const CROWDLOANS: Group = &[Calls::All("Crowdloan")];

/// Sending free TAO to others.
pub const BALANCE_TRANSFERS: Group = &[Calls::Only(
    "Balances",
    &[
        "transfer_allow_death",
        "transfer_keep_alive",
        "transfer_all",
    ],
)];

/// Changing balances otherwise, which root may.
pub const BALANCE_MAINTENANCE: Group = &[Calls::Only(
    "Balances",
    &[
        "force_transfer",
        "force_unreserve",
        "upgrade_accounts",
        "force_set_balance",
        "force_adjust_total_issuance",
        "burn",
    ],
)];

/// Putting stake in, taking it out, moving it between one's own positions.
pub const STAKE_MANAGEMENT: Group = &[Calls::Only(
    "SubtensorModule",
    &[
        "add_stake",
        "add_stake_limit",
        "remove_stake",
        "remove_stake_limit",
        "remove_stake_full_limit",
        "unstake_all",
        "unstake_all_alpha",
        "move_stake",
        "move_stake_limit",
        "swap_stake",
        "swap_stake_limit",
        "stake_into_basket",
        "add_collateral",
        "set_min_collateral",
    ],
)];

/// Giving stake to somebody else.
pub const STAKE_TRANSFERS: Group = &[Calls::Only(
    "SubtensorModule",
    &["transfer_stake", "transfer_stake_and_hotkey"],
)];

/// Trading what a root staker holds in baskets.
pub const BASKET_TRADES: Group = &[Calls::Only(
    "SubtensorModule",
    &["swap_basket", "swap_basket_many"],
)];

/// Seats earned by work.
pub const WORK_REGISTRATION: Group = &[Calls::Only(
    "SubtensorModule",
    &["register", "pow_register", "register_limit"],
)];

/// Seats bought.
pub const BURNED_REGISTRATION: Group = &[Calls::Only("SubtensorModule", &["burned_register"])];

/// Seats on root.
pub const ROOT_REGISTRATION: Group = &[Calls::Only("SubtensorModule", &["root_register"])];

/// Putting another hotkey in a neuron's place.
pub const HOTKEY_SWAPS: Group = &[Calls::Only(
    "SubtensorModule",
    &["swap_hotkey", "swap_hotkey_v2"],
)];

/// Giving everything to another coldkey.
pub const COLDKEY_SWAPS: Group = &[Calls::Only(
    "SubtensorModule",
    &[
        "schedule_swap_coldkey",
        "swap_coldkey",
        "disassociate_hotkey",
        "announce_coldkey_swap",
        "swap_coldkey_announced",
        "clear_coldkey_swap_announcement",
        "dispute_coldkey_swap",
        "reset_coldkey_swap",
    ],
)];

/// Ending a subnet.
pub const DISSOLUTION: Group = &[Calls::Only(
    "SubtensorModule",
    &["dissolve_network", "root_dissolve_network"],
)];

/// Lending a hotkey's stake to other hotkeys.
pub const CHILD_KEYS: Group = &[Calls::Only(
    "SubtensorModule",
    &["set_children", "set_childkey_take"],
)];

/// Collecting what root stake earned.
pub const ROOT_CLAIMS: Group = &[Calls::Only(
    "SubtensorModule",
    &["claim_root", "claim_root_with_hotkey"],
)];

/// What a subnet says about itself, and what it trades.
pub const SUBNET_IDENTITY: Group = &[
    Calls::Only("SubtensorModule", &["set_subnet_identity", "update_symbol"]),
    Calls::All("Tasks"),
];

/// Opening a subnet.
pub const SUBNET_ACTIVATION: Group = &[Calls::Only("SubtensorModule", &["start_call"])];

/// Spending, locking and destroying TAO and alpha otherwise than for stake and seats.
pub const SPENDING: Group = &[Calls::Only(
    "SubtensorModule",
    &[
        "add_stake_burn",
        "lock_stake",
        "move_lock",
        "set_perpetual_lock",
        "recycle_alpha",
        "burn_alpha",
        "register_network",
        "register_network_with_identity",
        "register_leased_network",
    ],
)];

/// What remains of the market's calls: weights, addresses, takes.
pub const MARKET: Group = &[Calls::Only(
    "SubtensorModule",
    &[
        "set_weights",
        "set_mechanism_weights",
        "batch_set_weights",
        "commit_weights",
        "commit_mechanism_weights",
        "batch_commit_weights",
        "commit_crv3_mechanism_weights",
        "commit_timelocked_weights",
        "commit_timelocked_mechanism_weights",
        "reveal_weights",
        "reveal_mechanism_weights",
        "batch_reveal_weights",
        "set_reject_locked_alpha",
        "decrease_take",
        "increase_take",
        "serve_axon",
        "serve_axon_tls",
        "serve_prometheus",
        "set_identity",
        "try_associate_hotkey",
        "associate_evm_key",
        "set_coldkey_auto_stake_hotkey",
        "set_pending_childkey_cooldown",
        "set_auto_parent_delegation_enabled",
        "sudo_set_tx_childkey_take_rate_limit",
        "sudo_set_min_childkey_take",
        "sudo_set_max_childkey_take",
        "terminate_lease",
        "trigger_epoch",
        "sudo_set_root_claim_threshold",
        "enable_voting_power_tracking",
        "disable_voting_power_tracking",
        "sudo_set_voting_power_ema_alpha",
    ],
)];

/// Settings that a subnet's owner may change.
pub const SUBNET_MANAGEMENT: Group = &[
    Calls::Only(
        "SubtensorModule",
        &["set_tempo", "set_activity_cutoff_factor"],
    ),
    Calls::Only(
        "AdminUtils",
        &[
            "sudo_set_serving_rate_limit",
            "sudo_set_max_difficulty",
            "sudo_set_weights_version_key",
            "sudo_set_adjustment_alpha",
            "sudo_set_immunity_period",
            "sudo_set_min_allowed_weights",
            "sudo_set_max_weight_limit",
            "sudo_set_rho",
            "sudo_set_activity_cutoff",
            "sudo_set_activity_cutoff_factor",
            "sudo_set_tempo",
            "sudo_set_min_burn",
            "sudo_set_max_burn",
            "sudo_set_bonds_moving_average",
            "sudo_set_bonds_penalty",
            "sudo_set_min_childkey_take_per_subnet",
            "sudo_set_commit_reveal_weights_enabled",
            "sudo_set_commit_reveal_weights_interval",
            "sudo_set_liquid_alpha_enabled",
            "sudo_set_liquid_alpha_consensus_mode",
            "sudo_set_epoch_consensus",
            "sudo_set_alpha_values",
            "sudo_set_toggle_transfer",
            "sudo_set_recycle_or_burn",
            "sudo_set_alpha_sigmoid_steepness",
            "sudo_set_yuma3_enabled",
            "sudo_set_bonds_reset_enabled",
            "sudo_set_owner_immune_neuron_limit",
            "sudo_set_mechanism_count",
            "sudo_set_mechanism_emission_split",
            "sudo_trim_to_max_allowed_uids",
            "sudo_trim_null_uids_batch",
            "sudo_set_max_allowed_uids",
            "sudo_set_network_registration_allowed",
            "sudo_set_network_pow_registration_allowed",
            "sudo_set_burn_half_life",
            "sudo_set_burn_increase_mult",
            "sudo_set_owner_cut_enabled",
            "sudo_set_owner_cut_auto_lock_enabled",
            "sudo_set_collateral_lock_share",
            "sudo_set_collateral_drain_ratio",
        ],
    ),
];

/// Settings that only root may change: granting them gives nothing.
pub const ROOT_SETTINGS: Group = &[
    Calls::All("Versions"),
    Calls::Only(
        "AdminUtils",
        &[
            "swap_authorities",
            "schedule_grandpa_change",
            "sudo_set_default_take",
            "sudo_set_tx_rate_limit",
            "sudo_set_min_difficulty",
            "sudo_set_weights_set_rate_limit",
            "sudo_set_adjustment_interval",
            "sudo_set_kappa",
            "sudo_set_target_registrations_per_interval",
            "sudo_set_difficulty",
            "sudo_set_max_allowed_validators",
            "sudo_set_max_registrations_per_block",
            "sudo_set_subnet_owner_cut",
            "sudo_set_network_rate_limit",
            "sudo_set_total_issuance",
            "sudo_set_network_immunity_period",
            "sudo_set_network_min_lock_cost",
            "sudo_set_subnet_limit",
            "sudo_set_lock_reduction_interval",
            "sudo_set_rao_recycled",
            "sudo_set_stake_threshold",
            "sudo_set_nominator_min_required_stake",
            "sudo_set_tx_delegate_take_rate_limit",
            "sudo_set_min_delegate_take",
            "sudo_set_dissolve_network_schedule_duration",
            "sudo_set_evm_chain_id",
            "sudo_toggle_evm_precompile",
            "sudo_set_subnet_moving_alpha",
            "sudo_set_ema_price_halving_period",
            "sudo_set_subtoken_enabled",
            "sudo_set_commit_reveal_version",
            "sudo_set_ck_burn",
            "sudo_set_admin_freeze_window",
            "sudo_set_owner_hparam_rate_limit",
            "sudo_set_min_allowed_uids",
            "sudo_set_min_non_immune_uids",
            "sudo_set_tao_flow_cutoff",
            "sudo_set_tao_flow_normalization_exponent",
            "sudo_set_tao_flow_smoothing_factor",
            "sudo_set_net_tao_flow_enabled",
            "sudo_set_emission_bar_quantile",
            "sudo_set_emission_bar_rank",
            "sudo_set_emission_gate_exponent",
            "sudo_set_max_mechanism_count",
            "sudo_set_start_call_delay",
            "sudo_set_coldkey_swap_announcement_delay",
            "sudo_set_coldkey_swap_reannouncement_delay",
            "sudo_set_subnet_emission_enabled",
            "sudo_set_max_epochs_per_block",
            "sudo_set_basket_claim_dust",
            "sudo_set_basket_concentration_cap",
            "sudo_set_basket_daily_turnover_cap",
            "sudo_set_basket_liquidity_cap",
            "sudo_set_basket_min_trade_tao",
            "sudo_set_basket_trading_enabled",
            "sudo_set_basket_trading_frozen",
        ],
    ),
];

/// Naming the hotkey that is paid as a subnet's owner.
pub const OWNER_KEY: Group = &[Calls::Only("AdminUtils", &["sudo_set_sn_owner_hotkey"])];

/// Every group, for whoever checks that no call is forgotten.
#[cfg(test)]
pub const ALL: &[Group] = &[
    INFRASTRUCTURE,
    SHARED_ACCOUNTS,
    SUDO,
    CROWDLOANS,
    BALANCE_TRANSFERS,
    BALANCE_MAINTENANCE,
    STAKE_MANAGEMENT,
    STAKE_TRANSFERS,
    BASKET_TRADES,
    WORK_REGISTRATION,
    BURNED_REGISTRATION,
    ROOT_REGISTRATION,
    HOTKEY_SWAPS,
    COLDKEY_SWAPS,
    DISSOLUTION,
    CHILD_KEYS,
    ROOT_CLAIMS,
    SUBNET_IDENTITY,
    SUBNET_ACTIVATION,
    SPENDING,
    MARKET,
    SUBNET_MANAGEMENT,
    ROOT_SETTINGS,
    OWNER_KEY,
];
