//! How much TAO people move into and out of each subnet.
//!
//! Staking counts up, unstaking counts down; at the start of each block the last block's sum enters
//! a moving average, which wallets show. Emission does not depend on it, and is not counted.
//!
//! # The rule
//!
//! `average' = average + f·(flow − average)`, where `f` is [`FlowEmaSmoothingFactor`] over 2⁶³ − 1,
//! rounded towards the old average.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::{Rounding, helpers_128bit::multiply_by_rational_with_rounding};

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

    /// Weight of one block in the moving averages, as a ratio of 2⁶³ − 1: at first they halve in
    /// 216 000 blocks.
    #[pallet::storage]
    pub type FlowEmaSmoothingFactor<T> =
        StorageValue<_, u64, ValueQuery, ConstU64<29_597_889_189_277>>;
}

/// The smoothing factor at which a moving average is the last block's flow.
const FACTOR_MAX: u64 = i64::MAX as u64;

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

    /// Sets the weight of one block in the moving averages of flows, as a ratio of 2⁶³ − 1.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] when it is above one.
    pub fn set_flow_smoothing_factor(factor: u64) -> DispatchResult {
        ensure!(factor <= FACTOR_MAX, Error::<T>::InvalidValue);
        FlowEmaSmoothingFactor::<T>::put(factor);
        Ok(())
    }

    /// Lets the last block's flows enter the moving averages.
    pub(crate) fn update_flows() {
        let factor = FlowEmaSmoothingFactor::<T>::get();
        for netuid in Self::netuids().into_iter().filter(|netuid| *netuid != ROOT) {
            let flow = i128::from(SubnetTaoFlow::<T>::get(netuid)) << 64;
            let (block, average) = SubnetEmaTaoFlow::<T>::get(netuid).unwrap_or_default();
            if flow == 0 && average.bits == 0 && block > 0 {
                continue;
            }
            SubnetTaoFlow::<T>::remove(netuid);
            let bits = approached(average.bits, flow, factor);
            SubnetEmaTaoFlow::<T>::insert(netuid, (Self::block(), FixedI128 { bits }));
        }
    }
}

/// Where `average` is after a step of `factor` towards `flow`.
fn approached(average: i128, flow: i128, factor: u64) -> i128 {
    let distance = flow.saturating_sub(average);
    let (away, factor) = (distance.unsigned_abs(), u128::from(factor));
    let scale = u128::from(FACTOR_MAX);
    let step = multiply_by_rational_with_rounding(away, factor, scale, Rounding::Down)
        .and_then(|step| i128::try_from(step).ok())
        .unwrap_or(i128::MAX);
    average.saturating_add(step.saturating_mul(distance.signum()))
}

impl<T: Config> Pallet<T> {
    /// Drops the flows of a subnet that is removed.
    pub(crate) fn forget_flow(netuid: NetUid) {
        SubnetTaoFlow::<T>::remove(netuid);
        SubnetEmaTaoFlow::<T>::remove(netuid);
    }
}

#[cfg(test)]
mod tests {
    use super::{FACTOR_MAX, approached};

    #[test]
    fn an_average_goes_a_part_of_the_way_towards_the_flow() {
        let flow = i128::from(1_000_000_007_i64) << 64;
        assert_eq!(approached(0, flow, 0), 0);
        assert_eq!(approached(0, flow, FACTOR_MAX), flow);
        assert_eq!(approached(flow, 0, FACTOR_MAX), 0);
        let half = approached(0, flow, FACTOR_MAX / 2);
        assert!((flow / 2 - half) >> 64 == 0 && half < flow / 2);
        assert_eq!(approached(0, -flow, FACTOR_MAX / 2), -half);
    }

    #[test]
    fn the_largest_flows_do_not_overflow() {
        let most = i128::from(i64::MAX) << 64;
        assert_eq!(approached(-most, most, FACTOR_MAX) >> 64, 0);
        assert!(approached(most, -most, 1) < most);
    }
}
