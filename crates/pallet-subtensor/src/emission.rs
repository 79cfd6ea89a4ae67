//! What a block creates, and where it goes first.
//!
//! # The rule
//!
//! Amounts are the schedule of [`economics::issuance`], scaled to the chain's block interval. In
//! each block:
//!
//! 1. The block's TAO is divided among the open subnets by their moving price, less what their
//!    owners' own miners earned ([`economics::split::subnet_tao`]).
//! 2. Each subnet's TAO enters its pool with as much alpha as root's proportion allows; TAO beyond
//!    that buys alpha for the protocol ([`economics::pool::Injection`]).
//! 3. Each subnet mints alpha by the same schedule, on its own issuance. It is divided between
//!    owner, miners, validators and root ([`economics::split::Pending`]) and waits for the epoch.
//!    Root's part is recycled unless the open subnets' moving prices add up to more than one.
//! 4. After the epochs, moving prices follow the spot.
//!
//! TAO that no subnet receives is not minted.

use crate::*;
use economics::{
    fixed::Fixed,
    issuance,
    pool::Injection,
    split::{self, Demand},
};
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::Vec;

#[pallet_section]
mod emission_storage {
    /// Milliseconds from one block to the next; what a block mints is in proportion.
    #[pallet::storage]
    pub type BlockIntervalMs<T> = StorageValue<_, u64, ValueQuery, ConstU64<12_000>>;

    /// TAO minted in the last block, in rao.
    #[pallet::storage]
    pub type BlockEmission<T> = StorageValue<_, u64, ValueQuery>;

    /// TAO that entered each pool in the last block, in rao.
    #[pallet::storage]
    pub type SubnetTaoInEmission<T> = StorageMap<_, Identity, NetUid, TaoBalance, ValueQuery>;

    /// TAO with which the protocol bought alpha of each subnet in the last block, in rao.
    #[pallet::storage]
    pub type SubnetExcessTao<T> = StorageMap<_, Identity, NetUid, TaoBalance, ValueQuery>;

    /// Alpha that entered each pool in the last block, in rao.
    #[pallet::storage]
    pub type SubnetAlphaInEmission<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Alpha minted outside each pool in the last block, in rao.
    #[pallet::storage]
    pub type SubnetAlphaOutEmission<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Moving average of each subnet's price, with 32 fractional bits.
    #[pallet::storage]
    pub type SubnetMovingPrice<T> = StorageMap<_, Identity, NetUid, FixedI128, ValueQuery>;

    /// Moving average of each subnet's price, with 64 fractional bits.
    #[pallet::storage]
    pub type SubnetMovingPriceExact<T> = StorageMap<_, Identity, NetUid, u128, ValueQuery>;

    /// Rate of the moving average, with 32 fractional bits.
    #[pallet::storage]
    pub type SubnetMovingAlpha<T> = StorageValue<_, FixedI128, ValueQuery, InitialMovingRate>;

    /// Age at which a subnet's moving price follows at half its rate, in blocks.
    #[pallet::storage]
    pub type EMAPriceHalvingBlocks<T> = StorageMap<
        _,
        Identity,
        NetUid,
        u64,
        ValueQuery,
        ConstU64<{ economics::pool::MOVING_PRICE_HALVING_BLOCKS }>,
    >;

    /// Whether each subnet receives TAO.
    #[pallet::storage]
    pub type SubnetEmissionEnabled<T> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

    /// Root's proportion of each subnet in the last block, with 64 fractional bits.
    #[pallet::storage]
    pub type RootProp<T> = StorageMap<_, Identity, NetUid, FixedU128, ValueQuery>;
}

/// Three millionths, with 32 fractional bits.
pub struct InitialMovingRate;

impl Get<FixedI128> for InitialMovingRate {
    fn get() -> FixedI128 {
        FixedI128 {
            bits: (3 << 32) / 1_000_000,
        }
    }
}

/// How long a block takes for each subnet beside its epoch: some forty accesses to storage.
const SUBNET_COST: Weight = Weight::from_parts(100_000_000, 0);

impl<T: Config> Pallet<T> {
    /// Milliseconds from one block to the next.
    pub fn block_interval_ms() -> u64 {
        BlockIntervalMs::<T>::get()
    }

    /// TAO minted in the last block, in rao.
    pub fn block_emission() -> u64 {
        BlockEmission::<T>::get()
    }

    /// TAO that entered the pool of `netuid` in the last block, and TAO with which the protocol
    /// bought alpha, in rao.
    pub fn tao_in_emission(netuid: NetUid) -> (TaoBalance, TaoBalance) {
        (
            SubnetTaoInEmission::<T>::get(netuid),
            SubnetExcessTao::<T>::get(netuid),
        )
    }

    /// Alpha minted into and outside the pool of `netuid` in the last block, in rao.
    pub fn alpha_emission(netuid: NetUid) -> (AlphaBalance, AlphaBalance) {
        (
            SubnetAlphaInEmission::<T>::get(netuid),
            SubnetAlphaOutEmission::<T>::get(netuid),
        )
    }

    /// Moving average of the price of `netuid`, with 32 fractional bits.
    pub fn moving_price(netuid: NetUid) -> FixedI128 {
        SubnetMovingPrice::<T>::get(netuid)
    }

    /// Whether `netuid` receives TAO.
    pub fn emission_enabled(netuid: NetUid) -> bool {
        SubnetEmissionEnabled::<T>::get(netuid)
    }

    /// Root's proportion of `netuid` now.
    pub fn root_proportion(netuid: NetUid) -> Fixed {
        split::root_proportion(
            Self::tao_reserve(ROOT),
            Self::tao_weight(),
            Self::alpha_issuance(netuid),
        )
    }

    /// Sets whether `netuid` receives TAO.
    pub(crate) fn set_emission_enabled(netuid: NetUid, enabled: bool) {
        SubnetEmissionEnabled::<T>::insert(netuid, enabled);
    }

    /// Sets the milliseconds from one block to the next.
    pub(crate) fn set_block_interval_ms(interval: u64) {
        BlockIntervalMs::<T>::put(interval.max(1));
    }

    /// Everything that happens at the start of a block; returns how long it takes.
    pub(crate) fn block_step() -> Weight {
        let (issuance, interval) = (Self::total_issuance(), Self::block_interval_ms());
        Self::step_with(issuance::minted(issuance, interval, Self::block()))
    }

    /// Everything that happens at the start of a block that creates so much TAO, in the order in
    /// which it happens; returns how long it takes.
    pub(crate) fn step_with(block_tao: TaoBalance) -> Weight {
        Self::update_prices();
        Self::update_flows();
        let opened = Self::open_sealed();
        let removals = Self::clean_up_dissolved();
        Self::admit_waiting_network();
        let checks = Self::check_thresholds();
        let open = Self::open_subnets();
        Self::inject_tao(&open, block_tao);
        Self::mint_pay(&open);
        let epochs = Self::run_due_epochs();
        Self::update_moving_prices();
        Self::update_root_proportions();
        SUBNET_COST
            .saturating_mul(u64::from(Self::total_networks()))
            .saturating_add(checks)
            .saturating_add(removals)
            .saturating_add(opened)
            .saturating_add(epochs)
    }

    /// Subnets that are emitted to: opened, trading, and taking newcomers.
    pub fn open_subnets() -> Vec<NetUid> {
        let block = Self::block();
        Self::netuids()
            .into_iter()
            .filter(|netuid| {
                *netuid != ROOT
                    && Self::first_emission_block(*netuid).is_some_and(|first| first <= block)
                    && Self::subtoken_enabled(*netuid)
                    && (Self::registration_allowed(*netuid)
                        || Self::pow_registration_allowed(*netuid))
            })
            .collect()
    }

    fn inject_tao(open: &[NetUid], block_tao: TaoBalance) {
        let demands: Vec<Demand> = open.iter().map(|netuid| Self::demand(*netuid)).collect();
        let parts = split::subnet_tao(block_tao, &demands);
        let mut minted = 0u64;
        for (netuid, tao) in open.iter().zip(parts) {
            minted = minted.saturating_add(Self::inject(*netuid, tao));
        }
        BlockEmission::<T>::put(minted);
    }

    fn demand(netuid: NetUid) -> Demand {
        let moving = Fixed::from_bits(SubnetMovingPriceExact::<T>::get(netuid));
        let is_stable = Self::subnet_mechanism(netuid) == 0;
        Demand {
            price: if is_stable { Fixed::ONE } else { moving },
            burned: Fixed::from_bits(Self::miner_burned(netuid).bits),
            is_enabled: Self::emission_enabled(netuid),
        }
    }

    /// Puts a subnet's TAO of this block into its pool; returns how much of it was minted.
    fn inject(netuid: NetUid, tao: TaoBalance) -> TaoBalance {
        let price = Self::alpha_price(netuid);
        let proportion = Self::root_proportion(netuid);
        let injection = Injection::of_block(tao, price, proportion, Self::alpha_minted(netuid));
        Self::mint_into_reserve(netuid, injection.tao);
        Self::mint_alpha_in(netuid, injection.alpha);
        let bought =
            injection.excess_tao > 0 && Self::buy_for_protocol(netuid, injection.excess_tao);
        let excess = if bought { injection.excess_tao } else { 0 };
        SubnetTaoInEmission::<T>::insert(netuid, injection.tao);
        SubnetAlphaInEmission::<T>::insert(netuid, injection.alpha);
        SubnetExcessTao::<T>::insert(netuid, excess);
        injection.tao.saturating_add(excess)
    }

    fn mint_pay(open: &[NetUid]) {
        let prices = open.iter().map(|netuid| Self::demand(*netuid).price);
        let sum = prices.fold(Fixed::ZERO, Fixed::plus);
        let root_part = if sum > Fixed::ONE {
            RootPart::Kept
        } else {
            RootPart::Recycled
        };
        for netuid in open {
            let alpha = Self::alpha_minted(*netuid);
            let proportion = Self::root_proportion(*netuid);
            Self::mint_alpha_out(*netuid, alpha);
            SubnetAlphaOutEmission::<T>::insert(netuid, alpha);
            Self::accumulate(*netuid, alpha, proportion, root_part);
        }
    }

    /// Alpha that `netuid` mints outside its pool in this block.
    fn alpha_minted(netuid: NetUid) -> AlphaBalance {
        issuance::minted(
            Self::alpha_issuance(netuid),
            Self::block_interval_ms(),
            Self::block(),
        )
    }

    /// Sets the age at which the moving price of `netuid` follows at half its rate, in blocks.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] when it is zero.
    pub fn set_price_halving_period(netuid: NetUid, blocks: u64) -> DispatchResult {
        ensure!(blocks > 0, Error::<T>::InvalidValue);
        EMAPriceHalvingBlocks::<T>::insert(netuid, blocks);
        Ok(())
    }

    /// Sets how fast moving prices follow prices: not at all at zero, at once at one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] when it is below zero or above one.
    pub fn set_moving_price_rate(rate: FixedI128) -> DispatchResult {
        ensure!(
            (0..=1i128 << 32).contains(&rate.bits),
            Error::<T>::InvalidValue
        );
        SubnetMovingAlpha::<T>::put(rate);
        Ok(())
    }

    fn update_moving_prices() {
        let rate = u128::try_from(SubnetMovingAlpha::<T>::get().bits).unwrap_or(0) << 32;
        for netuid in Self::netuids().into_iter().filter(|netuid| *netuid != ROOT) {
            let Some(first) = Self::first_emission_block(netuid) else {
                continue;
            };
            let age = Self::block().saturating_sub(first.saturating_sub(1));
            let moved = economics::pool::moving_price(
                Fixed::from_bits(SubnetMovingPriceExact::<T>::get(netuid)),
                Self::alpha_price(netuid),
                Fixed::from_bits(rate),
                age,
                EMAPriceHalvingBlocks::<T>::get(netuid),
            );
            SubnetMovingPriceExact::<T>::insert(netuid, moved.to_bits());
            let bits = i128::try_from(moved.to_bits_32()).unwrap_or(i128::MAX);
            SubnetMovingPrice::<T>::insert(netuid, FixedI128 { bits });
        }
    }

    fn update_root_proportions() {
        for netuid in Self::open_subnets() {
            let bits = Self::root_proportion(netuid).to_bits();
            RootProp::<T>::insert(netuid, FixedU128 { bits });
        }
    }
}

/// What becomes of root's part of a subnet's pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RootPart {
    /// It waits for the epoch.
    Kept,
    /// It leaves the issuance again.
    Recycled,
}

impl<T: Config> Pallet<T> {
    /// The moving average of the price of `netuid`, with 64 fractional bits.
    pub(crate) fn moving_price_bits(netuid: NetUid) -> u128 {
        SubnetMovingPriceExact::<T>::get(netuid)
    }

    /// Drops what emission keeps of a subnet that is removed.
    pub(crate) fn forget_emission(netuid: NetUid) {
        SubnetTaoInEmission::<T>::remove(netuid);
        SubnetExcessTao::<T>::remove(netuid);
        SubnetAlphaInEmission::<T>::remove(netuid);
        SubnetAlphaOutEmission::<T>::remove(netuid);
        SubnetMovingPrice::<T>::remove(netuid);
        SubnetMovingPriceExact::<T>::remove(netuid);
        EMAPriceHalvingBlocks::<T>::remove(netuid);
        SubnetEmissionEnabled::<T>::remove(netuid);
        RootProp::<T>::remove(netuid);
    }
}
