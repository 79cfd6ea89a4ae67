//! A subnet's settings, in the three shapes that clients of different age ask for.

use super::Market;
use pallet_subtensor::FixedU128;
use parity_scale_codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// Signed fixed-point number with 32 fractional bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct FixedI64 {
    /// The number times 2³².
    pub bits: i64,
}

/// The settings as the first clients knew them; each field is the setting of that name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetHyperparams {
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub immunity_period: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub tempo: Compact<u16>,
    pub min_difficulty: Compact<u64>,
    pub max_difficulty: Compact<u64>,
    pub weights_version: Compact<u64>,
    pub weights_rate_limit: Compact<u64>,
    pub adjustment_interval: Compact<u16>,
    pub activity_cutoff: Compact<u64>,
    pub registration_allowed: bool,
    pub target_regs_per_interval: Compact<u16>,
    pub min_burn: Compact<u64>,
    pub max_burn: Compact<u64>,
    pub bonds_moving_avg: Compact<u64>,
    pub max_regs_per_block: Compact<u16>,
    pub serving_rate_limit: Compact<u64>,
    pub max_validators: Compact<u16>,
    pub adjustment_alpha: Compact<u64>,
    pub difficulty: Compact<u64>,
    pub commit_reveal_period: Compact<u64>,
    pub commit_reveal_weights_enabled: bool,
    pub alpha_high: Compact<u16>,
    pub alpha_low: Compact<u16>,
    pub liquid_alpha_enabled: bool,
}

/// [`SubnetHyperparams`] and what came later; the encoding of the first is a prefix of this one's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetHyperparamsV2 {
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub immunity_period: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub tempo: Compact<u16>,
    pub min_difficulty: Compact<u64>,
    pub max_difficulty: Compact<u64>,
    pub weights_version: Compact<u64>,
    pub weights_rate_limit: Compact<u64>,
    pub adjustment_interval: Compact<u16>,
    pub activity_cutoff: Compact<u64>,
    pub registration_allowed: bool,
    pub target_regs_per_interval: Compact<u16>,
    pub min_burn: Compact<u64>,
    pub max_burn: Compact<u64>,
    pub bonds_moving_avg: Compact<u64>,
    pub max_regs_per_block: Compact<u16>,
    pub serving_rate_limit: Compact<u64>,
    pub max_validators: Compact<u16>,
    pub adjustment_alpha: Compact<u64>,
    pub difficulty: Compact<u64>,
    pub commit_reveal_period: Compact<u64>,
    pub commit_reveal_weights_enabled: bool,
    pub alpha_high: Compact<u16>,
    pub alpha_low: Compact<u16>,
    pub liquid_alpha_enabled: bool,
    pub alpha_sigmoid_steepness: FixedI64,
    pub yuma_version: Compact<u16>,
    pub subnet_is_active: bool,
    pub transfers_enabled: bool,
    pub bonds_reset_enabled: bool,
    pub user_liquidity_enabled: bool,
}

/// A named setting.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct HyperparamEntry {
    /// Its name in UTF-8.
    pub name: Vec<u8>,
    /// Its value with its kind.
    pub value: HyperparamValue,
}

/// The value of a named setting.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum HyperparamValue {
    /// A switch.
    Bool(bool),
    /// A small count or a fraction of 65535.
    U16(Compact<u16>),
    /// A count.
    U32(Compact<u32>),
    /// A large count or a fraction of 2⁶⁴.
    U64(Compact<u64>),
    /// A very large count.
    U128(Compact<u128>),
    /// An amount in rao.
    TaoBalance(Compact<u64>),
    /// A signed number with 32 fractional bits.
    I32F32(FixedI64),
    /// An unsigned number with 64 fractional bits.
    U64F64(FixedU128),
}

impl SubnetHyperparamsV2 {
    /// The settings of `netuid`; none where no such subnet is.
    pub fn of(netuid: u16) -> Option<Self> {
        if !Market::subnet_exists(netuid) {
            return None;
        }
        let (alpha_low, alpha_high) = Market::alpha_values(netuid);
        let (min_burn, max_burn) = Market::burn_bounds(netuid);
        let (difficulty, min_difficulty, max_difficulty) = Market::difficulty(netuid);
        let steepness = i64::from(Market::alpha_sigmoid_steepness(netuid)) << 32;
        Some(Self {
            rho: Compact(Market::rho(netuid)),
            kappa: Compact(Market::kappa(netuid)),
            immunity_period: Compact(Market::immunity_period(netuid)),
            min_allowed_weights: Compact(Market::min_allowed_weights(netuid)),
            max_weights_limit: Compact(Market::max_weights_limit(netuid)),
            tempo: Compact(Market::tempo(netuid)),
            min_difficulty: Compact(min_difficulty),
            max_difficulty: Compact(max_difficulty),
            weights_version: Compact(Market::weights_version_key(netuid)),
            weights_rate_limit: Compact(Market::weights_set_rate_limit(netuid)),
            adjustment_interval: Compact(Market::adjustment_interval(netuid)),
            activity_cutoff: Compact(Market::activity_cutoff(netuid)),
            registration_allowed: Market::registration_allowed(netuid),
            target_regs_per_interval: Compact(Market::target_registrations_per_interval(netuid)),
            min_burn: Compact(min_burn),
            max_burn: Compact(max_burn),
            bonds_moving_avg: Compact(Market::bonds_moving_average(netuid)),
            max_regs_per_block: Compact(Market::max_registrations_per_block(netuid)),
            serving_rate_limit: Compact(Market::serving_rate_limit(netuid)),
            max_validators: Compact(Market::max_allowed_validators(netuid)),
            adjustment_alpha: Compact(Market::adjustment_alpha(netuid)),
            difficulty: Compact(difficulty),
            commit_reveal_period: Compact(Market::reveal_period(netuid)),
            commit_reveal_weights_enabled: Market::commit_reveal_enabled(netuid),
            alpha_high: Compact(alpha_high),
            alpha_low: Compact(alpha_low),
            liquid_alpha_enabled: Market::liquid_alpha_enabled(netuid),
            alpha_sigmoid_steepness: FixedI64 { bits: steepness },
            yuma_version: Compact(if Market::yuma3_enabled(netuid) { 3 } else { 2 }),
            subnet_is_active: Market::subtoken_enabled(netuid),
            transfers_enabled: Market::transfers_enabled(netuid),
            bonds_reset_enabled: Market::bonds_reset_enabled(netuid),
            user_liquidity_enabled: false,
        })
    }
}

impl SubnetHyperparams {
    /// The settings of `netuid`; none where no such subnet is.
    pub fn of(netuid: u16) -> Option<Self> {
        // Same fields in the same order; what follows them in the newer record is left undecoded.
        Self::decode(&mut &SubnetHyperparamsV2::of(netuid)?.encode()[..]).ok()
    }
}

/// The settings of `netuid` by name, as `sudo set` spells them; none where no such subnet is.
pub fn named(netuid: u16) -> Option<Vec<HyperparamEntry>> {
    use HyperparamValue::{Bool, I32F32, TaoBalance, U16, U32, U64, U64F64};
    let known = SubnetHyperparamsV2::of(netuid)?;
    let entries = [
        ("rho", U16(known.rho)),
        ("kappa", U16(known.kappa)),
        ("immunity_period", U16(known.immunity_period)),
        ("min_allowed_weights", U16(known.min_allowed_weights)),
        ("max_weights_limit", U16(known.max_weights_limit)),
        ("tempo", U16(known.tempo)),
        ("min_difficulty", U64(known.min_difficulty)),
        ("max_difficulty", U64(known.max_difficulty)),
        ("difficulty", U64(known.difficulty)),
        ("weights_version", U64(known.weights_version)),
        ("weights_rate_limit", U64(known.weights_rate_limit)),
        ("adjustment_interval", U16(known.adjustment_interval)),
        ("activity_cutoff", U64(known.activity_cutoff)),
        (
            "activity_cutoff_factor",
            U32(Compact(Market::activity_cutoff_factor(netuid))),
        ),
        ("registration_allowed", Bool(known.registration_allowed)),
        (
            "target_regs_per_interval",
            U16(known.target_regs_per_interval),
        ),
        ("min_burn", TaoBalance(known.min_burn)),
        ("max_burn", TaoBalance(known.max_burn)),
        (
            "burn_half_life",
            U16(Compact(Market::burn_half_life(netuid))),
        ),
        (
            "burn_increase_mult",
            U64F64(Market::burn_increase_mult(netuid)),
        ),
        ("bonds_moving_avg", U64(known.bonds_moving_avg)),
        ("bonds_penalty", U16(Compact(Market::bonds_penalty(netuid)))),
        ("max_regs_per_block", U16(known.max_regs_per_block)),
        ("serving_rate_limit", U64(known.serving_rate_limit)),
        ("max_validators", U16(known.max_validators)),
        (
            "max_allowed_uids",
            U16(Compact(Market::max_allowed_uids(netuid))),
        ),
        ("adjustment_alpha", U64(known.adjustment_alpha)),
        ("commit_reveal_period", U64(known.commit_reveal_period)),
        (
            "commit_reveal_weights_enabled",
            Bool(known.commit_reveal_weights_enabled),
        ),
        ("alpha_high", U16(known.alpha_high)),
        ("alpha_low", U16(known.alpha_low)),
        ("liquid_alpha_enabled", Bool(known.liquid_alpha_enabled)),
        (
            "alpha_sigmoid_steepness",
            I32F32(known.alpha_sigmoid_steepness),
        ),
        ("yuma_version", U16(known.yuma_version)),
        ("subnet_is_active", Bool(known.subnet_is_active)),
        ("transfers_enabled", Bool(known.transfers_enabled)),
        ("bonds_reset_enabled", Bool(known.bonds_reset_enabled)),
        ("user_liquidity_enabled", Bool(known.user_liquidity_enabled)),
    ];
    let entry = |(name, value): (&str, HyperparamValue)| HyperparamEntry {
        name: name.as_bytes().to_vec(),
        value,
    };
    Some(entries.into_iter().map(entry).collect())
}
