//! Where a new subnet finds its place, and who waits for one.
//!
//! # The rule
//!
//! At most [`SubnetLimit`] subnets exist beside root, those counted whose removal is not finished.
//! A registration below the limit is served at once. At the limit it dissolves the weakest subnet
//! ([`crate::dissolution`]), or waits for a removal that nobody waits for yet; where none may be
//! dissolved it is refused. What a subnet costs is paid when it is asked for, and held in
//! [`Pallet::escrow_account`] until it is founded. Those who wait are served in the order in which
//! they came; somebody who cannot be, because the hotkey changed hands meanwhile, is paid back.

use crate::*;
use frame_support::{
    pallet_macros::pallet_section, pallet_prelude::*, storage::with_storage_layer,
};
use parity_scale_codec::DecodeWithMemTracking;
use sp_runtime::Vec;

#[pallet_section]
mod network_queue_storage {
    /// Registrations that wait for a place, in the order in which they came: at most one for each
    /// subnet whose removal is not finished.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type NetworkRegistrationQueue<T: Config> =
        StorageValue<_, Vec<NetworkRegistrationInfo<T::AccountId>>, ValueQuery>;
}

/// A registration that waits.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct NetworkRegistrationInfo<AccountId> {
    /// Who paid, and will own the subnet.
    pub coldkey: AccountId,
    /// The hotkey that will hold uid 0.
    pub hotkey: AccountId,
    /// How the subnet will be priced: 1, by a pool.
    pub mechid: u16,
    /// What its owner says about it.
    pub identity: Option<SubnetIdentityV3>,
    /// What was paid, in rao.
    pub lock_amount: TaoBalance,
    /// Block in which it was asked for.
    pub registration_block: u64,
}

/// Where a new subnet finds its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// There is one now.
    Free(NetUid),
    /// One becomes free, for which nobody waits.
    AfterCleanup,
    /// One becomes free if this subnet is dissolved.
    AfterDissolving(NetUid),
}

impl<T: Config> Pallet<T> {
    /// Registrations that wait for a place.
    pub fn waiting_networks() -> Vec<NetworkRegistrationInfo<T::AccountId>> {
        NetworkRegistrationQueue::<T>::get()
    }

    /// Where a subnet that is registered now finds its place.
    pub(crate) fn network_place() -> Result<Place, Error<T>> {
        let dissolving = Self::dissolving().len();
        let waiting = NetworkRegistrationQueue::<T>::decode_len().unwrap_or(0);
        // Whoever waits for more than is being removed waits for a place that is free.
        let ahead = waiting.saturating_sub(dissolving);
        if Self::places_taken().saturating_add(ahead) < usize::from(Self::subnet_limit()) {
            return Ok(Place::Free(Self::free_netuid()));
        }
        if dissolving > waiting {
            return Ok(Place::AfterCleanup);
        }
        Self::network_to_prune()
            .map(Place::AfterDissolving)
            .ok_or(Error::<T>::SubnetLimitReached)
    }

    /// Lets a registration wait, and holds what it costs.
    pub(crate) fn queue_network(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        identity: Option<SubnetIdentityV3>,
        cost: TaoBalance,
    ) -> DispatchResult {
        Self::put_into_escrow(coldkey, cost)?;
        Self::associate(coldkey, hotkey)?;
        let waiting = NetworkRegistrationInfo {
            coldkey: coldkey.clone(),
            hotkey: hotkey.clone(),
            mechid: 1,
            identity,
            lock_amount: cost,
            registration_block: Self::block(),
        };
        NetworkRegistrationQueue::<T>::append(&waiting);
        Self::deposit_event(Event::NetworkRegistrationQueued {
            coldkey: waiting.coldkey,
            hotkey: waiting.hotkey,
            mechid: waiting.mechid,
            identity: waiting.identity,
            lock_amount: waiting.lock_amount,
            registration_block: waiting.registration_block,
        });
        Ok(())
    }

    /// Founds the subnet that waits longest, if there is a place for it.
    pub(crate) fn admit_waiting_network() {
        let mut queue = NetworkRegistrationQueue::<T>::get();
        if queue.is_empty() || Self::places_taken() >= usize::from(Self::subnet_limit()) {
            return;
        }
        let first = queue.remove(0);
        NetworkRegistrationQueue::<T>::put(queue);
        let (coldkey, cost) = (first.coldkey.clone(), first.lock_amount);
        let founded = with_storage_layer(|| {
            ensure!(
                Self::may_own(&first.coldkey, &first.hotkey),
                Error::<T>::NonAssociatedColdKey
            );
            let netuid = Self::free_netuid();
            Self::deposit_from_escrow(netuid, cost)?;
            Self::found_network(netuid, &first.coldkey, &first.hotkey, cost, first.identity)
        });
        if let Err(reason) = founded {
            // What is less than an account can hold stays where it is, in the issuance.
            let returned = Self::return_from_escrow(&coldkey, cost).map_or(0, |()| cost);
            Self::deposit_event(Event::NetworkRegistrationRefused {
                coldkey,
                reason,
                returned,
            });
        }
    }

    /// Whether what is held covers what those who wait paid; one of the pallet's invariants.
    pub(crate) fn escrow_covers_queue() -> Result<(), sp_runtime::TryRuntimeError> {
        let paid: u128 = Self::waiting_networks()
            .iter()
            .map(|waiting| u128::from(waiting.lock_amount))
            .sum();
        frame_support::ensure!(
            paid <= u128::from(Self::escrowed()),
            "less is held than waiting registrations paid"
        );
        Ok(())
    }

    /// Subnets beside root, those counted whose removal is not finished.
    fn places_taken() -> usize {
        let existing = Self::netuids().into_iter().filter(|netuid| *netuid != ROOT);
        existing.count().saturating_add(Self::dissolving().len())
    }

    /// The lowest number that no subnet has, nor one whose removal is not finished.
    fn free_netuid() -> NetUid {
        let taken = Self::netuids_with_books();
        (1..NetUid::MAX)
            .find(|netuid| !taken.contains(netuid))
            .unwrap_or(NetUid::MAX)
    }
}
