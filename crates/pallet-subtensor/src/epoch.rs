//! When a subnet settles, and what the settlement leaves behind.
//!
//! # The rule
//!
//! A subnet's epoch is due when an owner's trigger has come, when [`STEP_BLOCKS_MAX`] blocks passed
//! without a successful one, or when its tempo has passed since its last. At most
//! [`MaxEpochsPerBlock`] run in one block, those first whose last epoch is longest ago; the others
//! wait for the next. So nobody who triggers epochs often keeps another subnet from its own.
//! A neuron counts for the stake that it works with ([`crate::children`]).
//! [`economics::epoch::settle`] decides everything else. What it returns is kept in vectors by uid,
//! which wallets read, and handed to [`crate::payout`]. Then lists of children that waited long
//! enough begin to count.

use crate::*;
use economics::epoch::{Input, LiquidAlpha, Params, Settlement, Yuma};
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::Vec;

#[pallet_section]
mod epoch_storage {
    /// Block in which each subnet's epoch last became due.
    #[pallet::storage]
    pub type LastEpochBlock<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Block for which an epoch was asked, 0 for none.
    #[pallet::storage]
    pub type PendingEpochAt<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// How many epochs each subnet has had.
    #[pallet::storage]
    pub type SubnetEpochIndex<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Blocks since each subnet's last successful epoch.
    #[pallet::storage]
    pub type BlocksSinceLastStep<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Block of each subnet's last successful epoch.
    #[pallet::storage]
    pub type LastMechansimStepBlock<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Most epochs in one block.
    #[pallet::storage]
    pub type MaxEpochsPerBlock<T> = StorageValue<_, u8, ValueQuery, ConstU8<2>>;

    /// Whether each uid published weights lately.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Active<T> = StorageMap<_, Identity, NetUid, sp_runtime::Vec<bool>, ValueQuery>;

    /// Share of stake of each uid, as a ratio of 65535.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type StakeWeight<T> = StorageMap<_, Identity, NetUid, sp_runtime::Vec<u16>, ValueQuery>;

    /// Weight that a majority agrees on for each uid, as a ratio of 65535.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Consensus<T> = StorageMap<_, Identity, NetUid, sp_runtime::Vec<u16>, ValueQuery>;

    /// Share of miners' pay of each uid in each mechanism, as a ratio of 65535.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Incentive<T> = StorageMap<_, Identity, NetUid, sp_runtime::Vec<u16>, ValueQuery>;

    /// Share of validators' pay of each uid, as a ratio of 65535.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Dividends<T> = StorageMap<_, Identity, NetUid, sp_runtime::Vec<u16>, ValueQuery>;

    /// What each uid earned in the last epoch, in rao of alpha.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Emission<T> =
        StorageMap<_, Identity, NetUid, sp_runtime::Vec<AlphaBalance>, ValueQuery>;

    /// Block at which each uid last published weights in each mechanism, or was registered.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type LastUpdate<T> = StorageMap<_, Identity, NetUid, sp_runtime::Vec<u64>, ValueQuery>;

    /// How much of each uid's weights agreed with the majority, as a ratio of 65535.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type ValidatorTrust<T> = StorageMap<_, Identity, NetUid, sp_runtime::Vec<u16>, ValueQuery>;

    /// Whether each uid may validate until the next epoch.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type ValidatorPermit<T> =
        StorageMap<_, Identity, NetUid, sp_runtime::Vec<bool>, ValueQuery>;

    /// The bonds of each uid in each mechanism: (uid, bond).
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Bonds<T> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Identity,
        u16,
        sp_runtime::Vec<(u16, u16)>,
        ValueQuery,
    >;
}

/// An epoch is due after so many blocks without a successful one, whatever the tempo.
pub const STEP_BLOCKS_MAX: u64 = 50_400;

/// How long an epoch takes for each neuron: to read it, to settle it, to store and to pay it.
const NEURON_COST: Weight = Weight::from_parts(40_000_000, 0);

/// How long it takes to read and pay each parent of a neuron.
const PARENT_COST: Weight = Weight::from_parts(20_000_000, 0);

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident: $storage:ident -> $value:ty;)*) => {
        impl<T: Config> Pallet<T> {
            $($(#[$doc])* pub fn $name(netuid: NetUid) -> $value { $storage::<T>::get(netuid) })*
        }
    };
}

readers! {
    /// Block in which the epoch of `netuid` last became due.
    last_epoch_block: LastEpochBlock -> u64;
    /// How many epochs `netuid` has had.
    epoch_index: SubnetEpochIndex -> u64;
    /// Blocks since the last successful epoch of `netuid`.
    blocks_since_last_step: BlocksSinceLastStep -> u64;
    /// Block of the last successful epoch of `netuid`.
    last_step_block: LastMechansimStepBlock -> u64;
    /// Whether each uid published weights lately.
    active: Active -> Vec<bool>;
    /// Share of stake of each uid, as a ratio of 65535.
    stake_weight: StakeWeight -> Vec<u16>;
    /// Weight that a majority agrees on for each uid, as a ratio of 65535.
    consensus: Consensus -> Vec<u16>;
    /// Share of miners' pay of each uid in the mechanism of that storage index, as a ratio of
    /// 65535.
    incentive: Incentive -> Vec<u16>;
    /// Share of validators' pay of each uid, as a ratio of 65535.
    dividends: Dividends -> Vec<u16>;
    /// What each uid earned in the last epoch, in rao of alpha.
    emission: Emission -> Vec<AlphaBalance>;
    /// Block at which each uid last published weights in the mechanism of that storage index, or
    /// was registered.
    last_update: LastUpdate -> Vec<u64>;
    /// How much of each uid's weights agreed with the majority, as a ratio of 65535.
    validator_trust: ValidatorTrust -> Vec<u16>;
    /// Whether each uid may validate until the next epoch.
    validator_permit: ValidatorPermit -> Vec<bool>;
}

impl<T: Config> Pallet<T> {
    /// The bonds of `uid` in the mechanism of a storage index.
    pub fn bonds_of(index: NetUid, uid: u16) -> Vec<(u16, u16)> {
        Bonds::<T>::get(index, uid)
    }

    /// Block at which `uid` last published weights in the mechanism of a storage index, or was
    /// registered.
    pub fn last_update_of(index: NetUid, uid: u16) -> u64 {
        let blocks = LastUpdate::<T>::get(index);
        blocks.get(usize::from(uid)).copied().unwrap_or(0)
    }

    /// Whether `uid` may validate until the next epoch.
    pub fn has_permit(netuid: NetUid, uid: u16) -> bool {
        let permits = ValidatorPermit::<T>::get(netuid);
        permits.get(usize::from(uid)).copied().unwrap_or(false)
    }

    /// Uid of the owner's hotkey on `netuid`, if it holds one.
    pub fn owner_uid(netuid: NetUid) -> Option<u16> {
        Self::uid_of(netuid, &Self::subnet_owner_hotkey(netuid)?)
    }

    /// Block in which the next epoch of `netuid` is due; none for root or a tempo of zero.
    pub fn next_epoch_start_block(netuid: NetUid) -> Option<u64> {
        let tempo = Self::tempo(netuid);
        if netuid == ROOT || tempo == 0 {
            return None;
        }
        let regular = Self::last_epoch_block(netuid).saturating_add(u64::from(tempo));
        let asked = match PendingEpochAt::<T>::get(netuid) {
            0 => regular,
            block => block.min(regular),
        };
        Some(asked.max(Self::block()))
    }

    /// Number of the epoch in progress: one more than have run if one is due in this block.
    pub fn current_epoch(netuid: NetUid) -> u64 {
        let due = Self::is_epoch_due(netuid) && Self::last_epoch_block(netuid) < Self::block();
        SubnetEpochIndex::<T>::get(netuid).saturating_add(u64::from(due))
    }

    /// Asks for an epoch in the next block.
    pub(crate) fn do_trigger_epoch(netuid: NetUid) -> DispatchResult {
        ensure!(
            !Self::commit_reveal_enabled(netuid),
            Error::<T>::DynamicTempoBlockedByCommitReveal
        );
        ensure!(
            PendingEpochAt::<T>::get(netuid) == 0,
            Error::<T>::EpochTriggerAlreadyPending
        );
        let next = Self::block().saturating_add(1);
        ensure!(
            Self::next_epoch_start_block(netuid).is_none_or(|regular| regular > next),
            Error::<T>::AutoEpochAlreadyImminent
        );
        PendingEpochAt::<T>::insert(netuid, next);
        Ok(())
    }

    /// Lets the next epoch of `netuid` be due at `block`, if it is not before.
    pub(crate) fn ask_epoch_at(netuid: NetUid, block: u64) {
        PendingEpochAt::<T>::insert(netuid, block);
    }

    /// Lets what every uid published in the mechanism of a storage index count from `block`.
    pub(crate) fn date_opinions(index: NetUid, block: u64) {
        LastUpdate::<T>::mutate(index, |row| row.fill(block));
    }

    /// Sets the most epochs in one block.
    pub fn set_max_epochs_per_block(epochs: u8) {
        MaxEpochsPerBlock::<T>::put(epochs.max(1));
    }

    /// Starts the clock of a new subnet.
    pub(crate) fn initialize_schedule(netuid: NetUid) {
        LastEpochBlock::<T>::insert(netuid, Self::block());
        BlocksSinceLastStep::<T>::insert(netuid, 0);
    }

    /// Runs the epochs that are due in this block, and pays; returns how long that takes.
    pub(crate) fn run_due_epochs() -> Weight {
        let mut due = Vec::new();
        for netuid in Self::netuids().into_iter().filter(|netuid| *netuid != ROOT) {
            BlocksSinceLastStep::<T>::mutate(netuid, |blocks| *blocks = blocks.saturating_add(1));
            if Self::is_epoch_due(netuid) {
                due.push(netuid);
            }
        }
        due.sort_by_key(|netuid| (Self::last_epoch_block(*netuid), *netuid));
        let most = usize::from(MaxEpochsPerBlock::<T>::get()).min(due.len());
        let (now, later) = due.split_at(most);
        for netuid in later {
            PendingEpochAt::<T>::insert(netuid, Self::block().saturating_add(1));
        }
        let mut spent = Weight::zero();
        for netuid in now {
            Self::run_epoch(*netuid);
            spent = spent.saturating_add(Self::apply_pending_children(*netuid));
            spent = spent.saturating_add(Self::epoch_cost(*netuid));
        }
        spent
    }

    fn epoch_cost(netuid: NetUid) -> Weight {
        let hotkeys = Self::hotkeys(netuid);
        let parents = hotkeys
            .iter()
            .map(|hotkey| Self::parent_count(hotkey, netuid));
        let rows = hotkeys.len() as u64 * u64::from(Self::mechanism_count(netuid));
        NEURON_COST
            .saturating_mul(rows)
            .saturating_add(PARENT_COST.saturating_mul(parents.sum()))
    }

    fn is_epoch_due(netuid: NetUid) -> bool {
        let tempo = u64::from(Self::tempo(netuid));
        let block = Self::block();
        let asked = PendingEpochAt::<T>::get(netuid);
        tempo != 0
            && ((asked != 0 && asked <= block)
                || Self::blocks_since_last_step(netuid) > STEP_BLOCKS_MAX
                || block.saturating_sub(Self::last_epoch_block(netuid)) >= tempo)
    }

    /// Settles a subnet and pays.
    pub(crate) fn run_epoch(netuid: NetUid) {
        LastEpochBlock::<T>::insert(netuid, Self::block());
        PendingEpochAt::<T>::remove(netuid);
        SubnetEpochIndex::<T>::mutate(netuid, |index| *index = index.saturating_add(1));
        if !Self::keys_are_consistent(netuid) {
            return;
        }
        let emission = Self::pending(netuid).epoch_total();
        let params = Self::epoch_params(netuid);
        let parts = Self::mechanism_parts(netuid, emission);
        let mut settled = Vec::with_capacity(parts.len());
        for (index, part) in Self::storage_indices(netuid).zip(parts) {
            let input = Self::epoch_input(netuid, index, part);
            let settlement = economics::epoch::settle(&params, &input);
            Self::store_mechanism(index, &settlement);
            settled.push((part, settlement));
        }
        let settlement = economics::mechanisms::merge(&settled);
        Self::store_settlement(netuid, &settlement);
        Self::pay_epoch(netuid, &settlement);
        BlocksSinceLastStep::<T>::insert(netuid, 0);
        LastMechansimStepBlock::<T>::insert(netuid, Self::block());
        Self::deposit_event(Event::EpochSettled { netuid, emission });
    }

    fn epoch_params(netuid: NetUid) -> Params {
        let (low, high) = Self::alpha_values(netuid);
        let steepness = Self::alpha_sigmoid_steepness(netuid);
        let liquid = Self::liquid_alpha_enabled(netuid).then_some(LiquidAlpha {
            low,
            high,
            steepness,
        });
        Params {
            kappa: Self::kappa(netuid),
            bonds_penalty: Self::bonds_penalty(netuid),
            bonds_moving_average_ppm: Self::bonds_moving_average(netuid),
            yuma: if Self::yuma3_enabled(netuid) {
                Yuma::Three { liquid }
            } else {
                Yuma::Two
            },
            tempo: Self::tempo(netuid),
            activity_cutoff: Self::activity_cutoff(netuid),
            validators_max: Self::max_allowed_validators(netuid),
            stake_threshold: Self::stake_threshold(),
            owner: Self::owner_uid(netuid),
        }
    }

    /// The last epoch's consensus, where liquid rates are measured by it.
    fn past_consensus(netuid: NetUid) -> Option<Vec<u16>> {
        let keeps_all_beyond_out = Self::bonds_penalty(netuid) == u16::MAX;
        let is_past = match Self::liquid_alpha_consensus_mode(netuid) {
            ConsensusMode::Current => false,
            ConsensusMode::Previous => true,
            ConsensusMode::Auto => keeps_all_beyond_out,
        };
        is_past.then(|| Self::consensus(netuid))
    }

    fn epoch_input(netuid: NetUid, index: NetUid, emission: AlphaBalance) -> Input {
        let uids = 0..Self::neuron_count(netuid);
        let commit_block = if Self::commit_reveal_enabled(netuid) {
            Self::commit_blocks(index)
        } else {
            Vec::new()
        };
        Input {
            block: Self::block(),
            last_step_block: Self::last_step_block(netuid),
            emission,
            stake: Self::hotkeys(netuid)
                .iter()
                .map(|hotkey| Self::stake_weight_of(hotkey, netuid))
                .collect(),
            last_update: Self::last_update(index),
            registered_at: uids
                .clone()
                .map(|uid| Self::registered_at(netuid, uid))
                .collect(),
            validator_permit: Self::validator_permit(netuid),
            commit_block,
            weights: Self::weights(index),
            bonds: uids.map(|uid| Self::bonds_of(index, uid)).collect(),
            past_consensus: Self::past_consensus(netuid),
        }
    }

    fn store_settlement(netuid: NetUid, settlement: &Settlement) {
        Active::<T>::insert(netuid, &settlement.active);
        StakeWeight::<T>::insert(netuid, &settlement.stake_weight);
        Consensus::<T>::insert(netuid, &settlement.consensus);
        ValidatorTrust::<T>::insert(netuid, &settlement.validator_trust);
        Dividends::<T>::insert(netuid, &settlement.dividends);
        Emission::<T>::insert(netuid, &settlement.emission);
        ValidatorPermit::<T>::insert(netuid, &settlement.validator_permit_next);
    }

    /// Stores what is each mechanism's own.
    fn store_mechanism(index: NetUid, settlement: &Settlement) {
        Incentive::<T>::insert(index, &settlement.incentive);
        for (uid, row) in (0u16..).zip(&settlement.bonds) {
            if row.is_empty() {
                Bonds::<T>::remove(index, uid);
            } else {
                Bonds::<T>::insert(index, uid, row);
            }
        }
    }

    /// Makes room in every vector for one more uid.
    pub(crate) fn append_results(netuid: NetUid) {
        Active::<T>::append(netuid, true);
        StakeWeight::<T>::append(netuid, 0u16);
        Consensus::<T>::append(netuid, 0u16);
        Dividends::<T>::append(netuid, 0u16);
        Emission::<T>::append(netuid, 0u64);
        ValidatorTrust::<T>::append(netuid, 0u16);
        ValidatorPermit::<T>::append(netuid, false);
        for index in Self::storage_indices(netuid) {
            Incentive::<T>::append(index, 0u16);
            LastUpdate::<T>::append(index, Self::block());
        }
    }

    /// Makes a uid that changes hands begin anew.
    pub(crate) fn clear_results(netuid: NetUid, uid: u16) {
        let place = usize::from(uid);
        let zero = |row: &mut Vec<u16>| {
            if let Some(value) = row.get_mut(place) {
                *value = 0;
            }
        };
        Consensus::<T>::mutate(netuid, zero);
        Dividends::<T>::mutate(netuid, zero);
        ValidatorTrust::<T>::mutate(netuid, zero);
        StakeWeight::<T>::mutate(netuid, zero);
        Emission::<T>::mutate(netuid, |row| {
            if let Some(value) = row.get_mut(place) {
                *value = 0;
            }
        });
        ValidatorPermit::<T>::mutate(netuid, |row| {
            if let Some(value) = row.get_mut(place) {
                *value = false;
            }
        });
        Active::<T>::mutate(netuid, |row| {
            if let Some(value) = row.get_mut(place) {
                *value = true;
            }
        });
        for index in Self::storage_indices(netuid) {
            Incentive::<T>::mutate(index, zero);
            Bonds::<T>::remove(index, uid);
        }
    }

    /// Drops all bonds towards `hotkey`, which asked for it, where the subnet lets neurons do so.
    pub fn reset_bonds_towards(netuid: NetUid, hotkey: &T::AccountId) {
        let Some(uid) = Self::uid_of(netuid, hotkey) else {
            return;
        };
        if !Self::bonds_reset_enabled(netuid) {
            return;
        }
        for index in Self::storage_indices(netuid) {
            for holder in 0..Self::neuron_count(netuid) {
                Bonds::<T>::mutate_exists(index, holder, |row| {
                    if let Some(row) = row {
                        row.retain(|(towards, _)| *towards != uid);
                    }
                });
            }
        }
    }

    /// Notes that `uid` published weights in the mechanism of a storage index, or was registered, in
    /// this block.
    pub(crate) fn set_last_update(index: NetUid, uid: u16) {
        LastUpdate::<T>::mutate(index, |row| {
            if let Some(block) = row.get_mut(usize::from(uid)) {
                *block = Self::block();
            }
        });
    }

    /// Whether every uid's hotkey leads back to it.
    pub(crate) fn keys_are_consistent(netuid: NetUid) -> bool {
        (0..Self::neuron_count(netuid)).all(|uid| {
            Self::hotkey_of(netuid, uid)
                .is_some_and(|hotkey| Self::uid_of(netuid, &hotkey) == Some(uid))
        })
    }
}

impl<T: Config> Pallet<T> {
    /// Prepares what a new mechanism keeps by uid.
    pub(crate) fn initialize_index(netuid: NetUid, index: NetUid) {
        let neurons = usize::from(Self::neuron_count(netuid));
        Incentive::<T>::insert(index, vec![0u16; neurons]);
        LastUpdate::<T>::insert(index, vec![0u64; neurons]);
    }

    /// Drops what a mechanism that is taken away keeps by uid.
    pub(crate) fn forget_index_results(netuid: NetUid, index: NetUid) {
        Incentive::<T>::remove(index);
        LastUpdate::<T>::remove(index);
        for uid in 0..Self::neuron_count(netuid) {
            Bonds::<T>::remove(index, uid);
        }
    }

    /// Drops the rows of a uid that is given up.
    pub(crate) fn drop_rows(netuid: NetUid, uid: u16) {
        for index in Self::storage_indices(netuid) {
            Bonds::<T>::remove(index, uid);
            Self::drop_weights(index, uid);
        }
    }

    /// Keeps only what belongs to the uids in `kept`, ascending, and numbers these from zero.
    pub(crate) fn renumber_results(netuid: NetUid, kept: &[u16]) {
        Active::<T>::mutate(netuid, |row| *row = picked(row, kept));
        StakeWeight::<T>::mutate(netuid, |row| *row = picked(row, kept));
        Consensus::<T>::mutate(netuid, |row| *row = picked(row, kept));
        Dividends::<T>::mutate(netuid, |row| *row = picked(row, kept));
        Emission::<T>::mutate(netuid, |row| *row = picked(row, kept));
        ValidatorTrust::<T>::mutate(netuid, |row| *row = picked(row, kept));
        ValidatorPermit::<T>::mutate(netuid, |row| *row = picked(row, kept));
        for index in Self::storage_indices(netuid) {
            Incentive::<T>::mutate(index, |row| *row = picked(row, kept));
            LastUpdate::<T>::mutate(index, |row| *row = picked(row, kept));
            for (new, old) in (0u16..).zip(kept.iter().copied()) {
                let row = renumbered(&Bonds::<T>::take(index, old), kept);
                if !row.is_empty() {
                    Bonds::<T>::insert(index, new, row);
                }
            }
        }
    }

    /// Drops when a subnet that is removed settled.
    pub(crate) fn forget_schedule(netuid: NetUid) {
        LastEpochBlock::<T>::remove(netuid);
        PendingEpochAt::<T>::remove(netuid);
        SubnetEpochIndex::<T>::remove(netuid);
        BlocksSinceLastStep::<T>::remove(netuid);
        LastMechansimStepBlock::<T>::remove(netuid);
    }

    /// Drops what the last epoch of a subnet that is removed left.
    pub(crate) fn forget_results(netuid: NetUid) {
        Active::<T>::remove(netuid);
        StakeWeight::<T>::remove(netuid);
        Consensus::<T>::remove(netuid);
        Dividends::<T>::remove(netuid);
        Emission::<T>::remove(netuid);
        ValidatorTrust::<T>::remove(netuid);
        ValidatorPermit::<T>::remove(netuid);
        for index in Self::storage_indices(netuid) {
            Self::forget_index_opinions(netuid, index);
            Self::forget_index_results(netuid, index);
        }
    }
}

/// The entries of the uids in `kept`.
fn picked<V: Copy + Default>(row: &[V], kept: &[u16]) -> Vec<V> {
    kept.iter()
        .map(|uid| row.get(usize::from(*uid)).copied().unwrap_or_default())
        .collect()
}

/// A row of pairs by uid, without those of uids that are not in `kept`, which is ascending; the
/// others are numbered by their place in it.
pub(crate) fn renumbered(row: &[(u16, u16)], kept: &[u16]) -> Vec<(u16, u16)> {
    row.iter()
        .filter_map(|(uid, value)| {
            let place = kept.binary_search(uid).ok()?;
            Some((u16::try_from(place).ok()?, *value))
        })
        .collect()
}
