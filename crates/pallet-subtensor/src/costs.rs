//! How long calls take that look at every subnet, or at every neuron of one.
//!
//! # The rule
//!
//! A call's time is fixed in [`crate::calls`], but for these:
//!
//! | what | is counted |
//! |---|---|
//! | stake on root changes | once for each subnet: what its dividends owe is kept the same |
//! | all of a hotkey's stakes are taken out, or all dividends collected | once for each subnet |
//! | a validator joins root | once for each subnet, to whose owner it may lend |
//! | a parent names children | once for each subnet, where its stake is valued |
//! | a newcomer comes to a full subnet | once for each neuron, in each mechanism, of which one has to go |
//!
//! So the time of a block's transactions is bounded by what they are charged for, however large the market
//! grows. No more than [`COST_MAX`] is charged for any of it: what no block has room for could not be done at all.

use crate::*;
use frame_support::pallet_prelude::Weight;

/// The longest that is charged for one of these, which is how long a swap takes.
const COST_MAX: Weight = swaps::SWAP_WEIGHT;

/// How long it takes to read or write a few entries of one subnet.
const VISIT_COST: Weight = Weight::from_parts(15_000_000, 0);

/// How long it takes to sell a stake.
const SALE_COST: Weight = Weight::from_parts(150_000_000, 0);

/// How long it takes to collect dividends of one subnet.
const COLLECTION_COST: Weight = Weight::from_parts(30_000_000, 0);

/// How long it takes to lend to one subnet's owner.
const LENDING_COST: Weight = Weight::from_parts(60_000_000, 0);

/// How long it takes to see whether a neuron may be pruned.
const NEURON_COST: Weight = Weight::from_parts(15_000_000, 0);

/// How long it takes to see whether a neuron weighs one that is pruned, in one mechanism.
const ROW_COST: Weight = Weight::from_parts(5_000_000, 0);

/// How long a seat takes where there is room.
const SEAT_COST: Weight = Weight::from_parts(300_000_000, 0);

impl<T: Config> Pallet<T> {
    /// How long a change of stake takes: so many microseconds, and more where it is on root.
    pub(crate) fn stake_cost(micros: u64, netuids: &[NetUid]) -> Weight {
        let on_root = netuids.iter().filter(|netuid| **netuid == ROOT).count();
        Weight::from_parts(micros.saturating_mul(1_000_000), 0)
            .saturating_add(Self::on_every_subnet(VISIT_COST).saturating_mul(on_root as u64))
    }

    /// How long it takes to take out everything from a hotkey.
    pub(crate) fn exit_cost() -> Weight {
        Self::on_every_subnet(SALE_COST.saturating_add(VISIT_COST)).saturating_add(SALE_COST)
    }

    /// How long it takes to collect everything from one hotkey.
    pub(crate) fn collection_cost() -> Weight {
        Self::on_every_subnet(COLLECTION_COST).saturating_add(SALE_COST)
    }

    /// How long it takes to name children.
    pub(crate) fn lending_cost() -> Weight {
        Self::on_every_subnet(VISIT_COST).saturating_add(SALE_COST)
    }

    /// How long it takes to come to `netuid`.
    pub(crate) fn seat_cost(netuid: NetUid) -> Weight {
        let neurons = Self::neuron_count(netuid);
        if neurons < Self::max_allowed_uids(netuid) {
            return SEAT_COST;
        }
        let rows = ROW_COST.saturating_mul(Self::mechanism_count(netuid).into());
        let each = NEURON_COST.saturating_add(rows);
        SEAT_COST
            .saturating_add(each.saturating_mul(neurons.into()))
            .min(COST_MAX)
    }

    /// How long it takes to come to root.
    pub(crate) fn root_seat_cost() -> Weight {
        Self::on_every_subnet(LENDING_COST).saturating_add(Self::seat_cost(ROOT))
    }

    fn on_every_subnet(cost: Weight) -> Weight {
        let networks = Self::total_networks().into();
        cost.saturating_mul(networks).min(COST_MAX)
    }
}
