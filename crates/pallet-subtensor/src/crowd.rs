//! A filled market to begin a chain with, for measurements and rehearsals.
//!
//! # The rule
//!
//! A [`Crowd`] says how many subnets a chain has at genesis, and how many neurons and validators each of them. They come
//! about as they do by calls: an owner registers a subnet and opens it; validators, the same on all subnets, and miners
//! take seats; validators stake TAO that genesis mints for it, on root and on each subnet. An epoch gives them permits, and
//! each publishes weights for all miners. The subnets' next epochs are spread evenly over one tempo.
//!
//! Weights count from block 1 on: those of block 0 would not be newer than the neurons that they are about. Nobody has
//! a crowd's keys.

use crate::*;
use frame_support::{pallet_prelude::*, traits::fungible::Mutate};
use parity_scale_codec::Encode;
use sp_runtime::{Vec, traits::TrailingZeroInput};

/// How a filled market looks.
#[derive(
    Clone, Debug, PartialEq, Eq, sp_runtime::serde::Serialize, sp_runtime::serde::Deserialize,
)]
#[serde(crate = "sp_runtime::serde", deny_unknown_fields)]
pub struct Crowd {
    /// Subnets beside root.
    pub subnets: u16,
    /// Neurons of each subnet: its owner's, validators and miners.
    pub neurons: u16,
    /// Validators of each subnet.
    pub validators: u16,
}

/// Most subnets of a crowd: as many as a new chain allows.
const SUBNETS_MAX: u16 = 128;
/// Most neurons of each: as many as a new subnet allows.
const NEURONS_MAX: u16 = 256;
/// Most validators of each: as many as a new subnet allows.
const VALIDATORS_MAX: u16 = 64;

/// What each validator stakes on root, and a hundredth of it on each subnet, in rao of TAO.
const ROOT_STAKE: TaoBalance = 1_000 * RAO_PER_UNIT;

/// What somebody in a crowd does there.
#[derive(Encode)]
enum Role {
    Owner,
    OwnersHotkey,
    Staker,
    Validator,
    MinersOwner,
    Miner,
}

impl Crowd {
    /// Refuses a crowd that a new chain has no room for.
    ///
    /// # Errors
    ///
    /// Says what there is too much or too little of.
    pub fn ensure_possible(&self) -> Result<(), &'static str> {
        let Self {
            subnets,
            neurons,
            validators,
        } = *self;
        if subnets > SUBNETS_MAX {
            return Err("a crowd has at most 128 subnets");
        }
        if neurons > NEURONS_MAX {
            return Err("a crowd's subnets have at most 256 neurons");
        }
        if validators > VALIDATORS_MAX {
            return Err("a crowd's subnets have at most 64 validators");
        }
        if neurons < validators.saturating_add(2) {
            return Err("a crowd's subnets have an owner and a miner beside their validators");
        }
        Ok(())
    }

    /// Uids of miners; the owner has uid 0, and validators follow.
    fn miners(&self) -> core::ops::Range<u16> {
        self.validators.saturating_add(1)..self.neurons
    }
}

impl<T: Config> Pallet<T> {
    /// Fills the market of a chain that is about to begin.
    pub(crate) fn seat_crowd(crowd: &Crowd) -> DispatchResult {
        for number in 0..crowd.validators {
            let (coldkey, hotkey) = Self::validator_of_crowd(number);
            Self::associate(&coldkey, &hotkey)?;
            Self::stake_in_crowd(&coldkey, &hotkey, ROOT, ROOT_STAKE)?;
        }
        let tempo = u64::from(DefaultTempo::<T>::get());
        for place in 0..crowd.subnets {
            let netuid = Self::found_in_crowd(place)?;
            Self::seat_on(netuid, crowd)?;
            Self::run_epoch(netuid);
            for number in 0..crowd.validators {
                let (_, hotkey) = Self::validator_of_crowd(number);
                Self::do_set_weights(&hotkey, netuid, Self::opinion_in_crowd(crowd, number))?;
            }
            Self::date_opinions(netuid, 1);
            let offset = tempo * u64::from(place) / u64::from(crowd.subnets);
            Self::ask_epoch_at(netuid, offset.saturating_add(1));
        }
        Ok(())
    }

    /// Registers and opens a subnet; returns its number.
    fn found_in_crowd(place: u16) -> Result<NetUid, DispatchError> {
        let owner = Self::person(Role::Owner, place, 0);
        let hotkey = Self::person(Role::OwnersHotkey, place, 0);
        let cost = Self::network_lock_cost().saturating_add(RAO_PER_UNIT);
        T::Currency::mint_into(&owner, cost)?;
        Self::do_register_network(&owner, &hotkey, None)?;
        let netuids = Self::netuids();
        let netuid = netuids.last().ok_or(Error::<T>::SubnetNotExists)?;
        Self::do_start_call(&owner, *netuid)?;
        Ok(*netuid)
    }

    fn seat_on(netuid: NetUid, crowd: &Crowd) -> DispatchResult {
        for number in 0..crowd.validators {
            let (coldkey, hotkey) = Self::validator_of_crowd(number);
            Self::append_neuron(netuid, &hotkey);
            Self::stake_in_crowd(&coldkey, &hotkey, netuid, ROOT_STAKE / 100)?;
        }
        for uid in crowd.miners() {
            let hotkey = Self::person(Role::Miner, netuid, uid);
            Self::associate(&Self::person(Role::MinersOwner, 0, uid), &hotkey)?;
            Self::append_neuron(netuid, &hotkey);
        }
        Ok(())
    }

    fn stake_in_crowd(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        tao: TaoBalance,
    ) -> DispatchResult {
        // What must stay on an account for it to exist is less than one TAO.
        T::Currency::mint_into(coldkey, tao.saturating_add(RAO_PER_UNIT))?;
        Self::do_add_stake(coldkey, hotkey, netuid, tao, None).map(|_| ())
    }

    /// What a validator thinks of the miners: later ones are better, and no two validators quite agree.
    fn opinion_in_crowd(crowd: &Crowd, validator: u16) -> Opinion {
        let uids: Vec<u16> = crowd.miners().collect();
        let grade = |uid: &u16| 1_000 + uid * 200 + (uid * 7 + validator * 13) % 101;
        Opinion {
            values: uids.iter().map(grade).collect(),
            uids,
            version_key: 0,
        }
    }

    /// A validator's coldkey and hotkey.
    fn validator_of_crowd(number: u16) -> (T::AccountId, T::AccountId) {
        let [coldkey, hotkey] = [Role::Staker, Role::Validator];
        (
            Self::person(coldkey, 0, number),
            Self::person(hotkey, 0, number),
        )
    }

    fn person(role: Role, place: u16, number: u16) -> T::AccountId {
        let seed = sp_io::hashing::blake2_256(&(b"crowd", role, place, number).encode());
        T::AccountId::decode(&mut TrailingZeroInput::new(&seed))
            .expect("any bytes that zeroes follow name an account")
    }
}
