//! A subnet's members, one record each.

use super::{Market, at};
use crate::AccountId;
use pallet_subtensor::{AxonInfo, PrometheusInfo};
use parity_scale_codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// Stands in the field `pruning_score`: members are pruned by emission, not by a score of their own.
pub const NO_PRUNING_SCORE: u16 = u16::MAX;

/// A member with its weights and bonds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct NeuronInfo {
    /// Key that works.
    pub hotkey: AccountId,
    /// Key that owns.
    pub coldkey: AccountId,
    /// Place in the subnet.
    pub uid: Compact<u16>,
    /// The subnet.
    pub netuid: Compact<u16>,
    /// Whether it acted within the activity cutoff.
    pub active: bool,
    /// Where it answers; zeros when it published nothing.
    pub axon_info: AxonInfo,
    /// Where it shows metrics; zeros when it published nothing.
    pub prometheus_info: PrometheusInfo,
    /// The owner and all alpha on the hotkey.
    pub stake: Vec<(AccountId, Compact<u64>)>,
    /// Always zero: superseded by `incentive`.
    pub rank: Compact<u16>,
    /// Alpha earned in the last epoch.
    pub emission: Compact<u64>,
    /// Share of the miners' pay.
    pub incentive: Compact<u16>,
    /// Agreed weight.
    pub consensus: Compact<u16>,
    /// Always zero: superseded by `validator_trust`.
    pub trust: Compact<u16>,
    /// Part of a validator's weights that the others agree with.
    pub validator_trust: Compact<u16>,
    /// Share of the validators' pay.
    pub dividends: Compact<u16>,
    /// Block at which it last set weights.
    pub last_update: Compact<u64>,
    /// Whether its weights count.
    pub validator_permit: bool,
    /// Its opinion: uid and weight.
    pub weights: Vec<(Compact<u16>, Compact<u16>)>,
    /// Its bonds: uid and bond.
    pub bonds: Vec<(Compact<u16>, Compact<u16>)>,
    /// Always [`NO_PRUNING_SCORE`].
    pub pruning_score: Compact<u16>,
}

/// A member without weights and bonds; fields as in [`NeuronInfo`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct NeuronInfoLite {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<u16>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    pub stake: Vec<(AccountId, Compact<u64>)>,
    pub rank: Compact<u16>,
    pub emission: Compact<u64>,
    pub incentive: Compact<u16>,
    pub consensus: Compact<u16>,
    pub trust: Compact<u16>,
    pub validator_trust: Compact<u16>,
    pub dividends: Compact<u16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub pruning_score: Compact<u16>,
}

/// The per-uid results of a subnet's last epoch, as the pallet keeps them: one vector each, indexed by uid.
pub struct Columns {
    pub active: Vec<bool>,
    pub emission: Vec<u64>,
    pub incentive: Vec<u16>,
    pub consensus: Vec<u16>,
    pub validator_trust: Vec<u16>,
    pub dividends: Vec<u16>,
    pub last_update: Vec<u64>,
    pub validator_permit: Vec<bool>,
}

impl Columns {
    /// Reads the columns of `netuid`.
    pub fn of(netuid: u16) -> Self {
        Self {
            active: Market::active(netuid),
            emission: Market::emission(netuid),
            incentive: Market::incentive(netuid),
            consensus: Market::consensus(netuid),
            validator_trust: Market::validator_trust(netuid),
            dividends: Market::dividends(netuid),
            last_update: Market::last_update(netuid),
            validator_permit: Market::validator_permit(netuid),
        }
    }
}

/// Every member of `netuid`, by uid, without weights and bonds.
pub fn all_lite(netuid: u16) -> Vec<NeuronInfoLite> {
    let columns = Columns::of(netuid);
    (0..Market::neuron_count(netuid))
        .filter_map(|uid| lite(netuid, uid, &columns))
        .collect()
}

/// Every member of `netuid`, by uid.
pub fn all(netuid: u16) -> Vec<NeuronInfo> {
    all_lite(netuid)
        .into_iter()
        .map(|neuron| full(netuid, neuron))
        .collect()
}

/// The member at `uid`, without weights and bonds.
pub fn one_lite(netuid: u16, uid: u16) -> Option<NeuronInfoLite> {
    lite(netuid, uid, &Columns::of(netuid))
}

/// The member at `uid`.
pub fn one(netuid: u16, uid: u16) -> Option<NeuronInfo> {
    one_lite(netuid, uid).map(|neuron| full(netuid, neuron))
}

fn lite(netuid: u16, uid: u16, columns: &Columns) -> Option<NeuronInfoLite> {
    let hotkey = Market::hotkey_of(netuid, uid)?;
    let coldkey = super::owner(&hotkey);
    let stake = Market::hotkey_stake(&hotkey, netuid);
    Some(NeuronInfoLite {
        axon_info: Market::axon(netuid, &hotkey).unwrap_or_default(),
        prometheus_info: Market::prometheus(netuid, &hotkey).unwrap_or_default(),
        stake: vec![(coldkey.clone(), Compact(stake))],
        hotkey,
        coldkey,
        uid: Compact(uid),
        netuid: Compact(netuid),
        active: at(&columns.active, uid),
        rank: Compact(0),
        emission: Compact(at(&columns.emission, uid)),
        incentive: Compact(at(&columns.incentive, uid)),
        consensus: Compact(at(&columns.consensus, uid)),
        trust: Compact(0),
        validator_trust: Compact(at(&columns.validator_trust, uid)),
        dividends: Compact(at(&columns.dividends, uid)),
        last_update: Compact(at(&columns.last_update, uid)),
        validator_permit: at(&columns.validator_permit, uid),
        pruning_score: Compact(NO_PRUNING_SCORE),
    })
}

fn full(netuid: u16, neuron: NeuronInfoLite) -> NeuronInfo {
    let uid = neuron.uid.0;
    let pairs = |row: Vec<(u16, u16)>| {
        row.into_iter()
            .map(|(to, value)| (Compact(to), Compact(value)))
            .collect()
    };
    NeuronInfo {
        hotkey: neuron.hotkey,
        coldkey: neuron.coldkey,
        uid: neuron.uid,
        netuid: neuron.netuid,
        active: neuron.active,
        axon_info: neuron.axon_info,
        prometheus_info: neuron.prometheus_info,
        stake: neuron.stake,
        rank: neuron.rank,
        emission: neuron.emission,
        incentive: neuron.incentive,
        consensus: neuron.consensus,
        trust: neuron.trust,
        validator_trust: neuron.validator_trust,
        dividends: neuron.dividends,
        last_update: neuron.last_update,
        validator_permit: neuron.validator_permit,
        weights: pairs(Market::weights_of(netuid, uid)),
        bonds: pairs(Market::bonds_of(netuid, uid)),
        pruning_score: neuron.pruning_score,
    }
}
