//! Making a subnet smaller.
//!
//! # The rule
//!
//! An owner, once in [`TRIM_INTERVAL`] blocks, or root sets the most neurons of a subnet, between its
//! [`MinAllowedUids`] and what it is. Neurons beyond it lose their seats: those that earned least in
//! the last epoch first, the higher uid among equals; never one that is immune, nor the owner's own.
//! These must be fewer than [`IMMUNE_PERCENT_MAX`] in a hundred of what is left. Who stays keeps
//! everything, but for gaps in the uids: they are closed, in order.

use crate::*;
use core::cmp::Reverse;
use frame_support::pallet_prelude::*;
use sp_runtime::Vec;

/// Blocks between two trims by an owner.
pub const TRIM_INTERVAL: u64 = 216_000;

/// How many of a hundred neurons left may be immune.
pub const IMMUNE_PERCENT_MAX: u64 = 80;

impl<T: Config> Pallet<T> {
    /// Lets `netuid` have at most `most` neurons, and takes the seats of those beyond.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] out of bounds, [`Error::TrimmingWouldExceedMaxImmunePercentage`].
    pub fn do_trim(netuid: NetUid, most: u16) -> DispatchResult {
        ensure!(
            netuid != ROOT && Self::subnet_exists(netuid),
            Error::<T>::SubnetNotExists
        );
        let bounds = Self::min_allowed_uids(netuid)..=Self::max_allowed_uids(netuid);
        ensure!(bounds.contains(&most), Error::<T>::InvalidValue);
        let count = Self::neuron_count(netuid);
        if count > most {
            let removed = Self::neurons_to_trim(netuid, count.saturating_sub(most))?;
            let kept: Vec<u16> = (0..count).filter(|uid| !removed.contains(uid)).collect();
            Self::renumber_neurons(netuid, &kept, &removed);
            Self::renumber_results(netuid, &kept);
            Self::renumber_opinions(netuid, &kept);
        }
        Self::put_max_allowed_uids(netuid, most);
        Ok(())
    }

    /// The uids of which so many are taken away.
    fn neurons_to_trim(netuid: NetUid, beyond: u16) -> Result<Vec<u16>, Error<T>> {
        let count = Self::neuron_count(netuid);
        let immortal = Self::immortal_uids(netuid);
        let (safe, mut mortal): (Vec<u16>, Vec<u16>) =
            (0..count).partition(|uid| immortal.contains(uid) || Self::is_immune(netuid, *uid));
        let left = u64::from(count.saturating_sub(beyond));
        ensure!(
            (safe.len() as u64).saturating_mul(100) < left.saturating_mul(IMMUNE_PERCENT_MAX),
            Error::<T>::TrimmingWouldExceedMaxImmunePercentage
        );
        let emission = Self::emission(netuid);
        mortal.sort_by_key(|uid| {
            let earned = emission.get(usize::from(*uid)).copied().unwrap_or(0);
            (earned, Reverse(*uid))
        });
        mortal.truncate(usize::from(beyond));
        Ok(mortal)
    }
}
