//! How much TAO people move into and out of each subnet.
//!
//! Staking counts up, unstaking counts down; at the start of each block the last block's sum enters
//! a moving average, which wallets show. Emission does not depend on it, and is not counted.

use crate::*;
use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod flow_storage {
    /// TAO that people moved into each subnet since the block began, less what they moved out, in
    /// rao.
    #[pallet::storage]
    pub type SubnetTaoFlow<T> = StorageMap<_, Identity, NetUid, i64, ValueQuery>;

    /// Block and value of the moving average of each subnet's flow, in rao per block with 64
    /// fractional bits.
    #[pallet::storage]
    pub type SubnetEmaTaoFlow<T> = StorageMap<_, Identity, NetUid, (u64, FixedI128), OptionQuery>;
}

/// Weight of one block in the moving average, with 32 fractional bits: it halves in 216 000 blocks.
const SMOOTHING_BITS_32: i128 = 13_783;

impl<T: Config> Pallet<T> {
    /// Block and value of the moving average of the flow into `netuid`, in rao per block with 64
    /// fractional bits.
    pub fn tao_flow(netuid: NetUid) -> Option<(u64, FixedI128)> {
        SubnetEmaTaoFlow::<T>::get(netuid)
    }

    /// Counts TAO that somebody moved into `netuid`.
    pub(crate) fn count_inflow(netuid: NetUid, tao: TaoBalance) {
        let tao = i64::try_from(tao).unwrap_or(i64::MAX);
        SubnetTaoFlow::<T>::mutate(netuid, |flow| *flow = flow.saturating_add(tao));
    }

    /// Counts TAO that somebody moved out of `netuid`.
    pub(crate) fn count_outflow(netuid: NetUid, tao: TaoBalance) {
        let tao = i64::try_from(tao).unwrap_or(i64::MAX);
        SubnetTaoFlow::<T>::mutate(netuid, |flow| *flow = flow.saturating_sub(tao));
    }

    /// Lets the last block's flows enter the moving averages.
    pub(crate) fn update_flows() {
        for netuid in Self::netuids().into_iter().filter(|netuid| *netuid != ROOT) {
            let flow = i128::from(SubnetTaoFlow::<T>::get(netuid)) << 64;
            let (block, average) = SubnetEmaTaoFlow::<T>::get(netuid).unwrap_or_default();
            if flow == 0 && average.bits == 0 && block > 0 {
                continue;
            }
            SubnetTaoFlow::<T>::remove(netuid);
            // Shifted before multiplying: the difference has up to 128 bits, and its low 32 do not
            // show.
            let step = (flow.saturating_sub(average.bits) >> 32).saturating_mul(SMOOTHING_BITS_32);
            let bits = average.bits.saturating_add(step);
            SubnetEmaTaoFlow::<T>::insert(netuid, (Self::block(), FixedI128 { bits }));
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Drops the flows of a subnet that is removed.
    pub(crate) fn forget_flow(netuid: NetUid) {
        SubnetTaoFlow::<T>::remove(netuid);
        SubnetEmaTaoFlow::<T>::remove(netuid);
    }
}
