//! Carries the state that older versions left forward, so that this version's rules can go on from it.
//!
//! # The rule
//!
//! 1. Each pallet whose storage ever changed its meaning has a storage version, in its code and on chain. A new chain
//!    begins with the code's.
//! 2. A change from one version to the next is a step, here. At the first block of a new runtime version, before anything
//!    else in it, each step runs if the pallet is on the step's first version, and leaves it on the second. So a chain
//!    that skipped a runtime version takes several steps in order, and none twice.
//! 3. A pallet that is new to the chain begins with its code's version and takes no steps.
//! 4. Steps stay for as long as a chain may still need them. A recorded state of each older version is carried through them
//!    by a test, which checks every invariant afterwards.
//!
//! A step is not bounded by a block's time: the block that takes it takes as long as it takes, once.

use crate::{Runtime, VERSION, versions::Active, views::Market};
use frame_support::{
    migrations::VersionedMigration,
    traits::{Get, OnRuntimeUpgrade, UncheckedOnRuntimeUpgrade},
    weights::Weight,
};

type DbCost = <Runtime as frame_system::Config>::DbWeight;

/// Every step, oldest first.
pub type Steps = (
    VersionedMigration<0, 1, ListAutoStakers, Market, DbCost>,
    AdoptVersion,
);

/// Lists coldkeys under the hotkeys to which they direct their pay; until version 3 of the runtime, only the coldkeys
/// knew.
pub struct ListAutoStakers;

impl UncheckedOnRuntimeUpgrade for ListAutoStakers {
    fn on_runtime_upgrade() -> Weight {
        let listed = Market::list_auto_stakers();
        DbCost::get().reads_writes(listed.saturating_mul(2), listed)
    }
}

/// Tells a chain that began before versions were on chain which version it is on.
pub struct AdoptVersion;

impl OnRuntimeUpgrade for AdoptVersion {
    fn on_runtime_upgrade() -> Weight {
        if !Active::<Runtime>::exists() {
            Active::<Runtime>::put(VERSION.spec_version);
        }
        DbCost::get().reads_writes(1, 1)
    }
}
