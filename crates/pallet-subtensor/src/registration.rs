//! What a seat on a subnet costs.
//!
//! # The rule
//!
//! The price of a seat is multiplied by [`BurnIncreaseMult`] with every registration and halves
//! every [`BurnHalfLife`] blocks, within [`MinBurn`] and [`MaxBurn`]: it finds the rate at which
//! people want to come. It is recycled: taken out of existence, for emission to mint again.
//!
//! Seats for work instead of TAO are in [`crate::work`].

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::{DispatchError, Vec};

#[pallet_section]
mod registration_storage {
    /// Price of a seat on each subnet, in rao.
    #[pallet::storage]
    pub type Burn<T> =
        StorageMap<_, Identity, NetUid, TaoBalance, ValueQuery, ConstU64<100_000_000>>;

    /// Lowest price of a seat on each subnet, in rao.
    #[pallet::storage]
    pub type MinBurn<T> =
        StorageMap<_, Identity, NetUid, TaoBalance, ValueQuery, ConstU64<500_000>>;

    /// Highest price of a seat on each subnet, in rao.
    #[pallet::storage]
    pub type MaxBurn<T> =
        StorageMap<_, Identity, NetUid, TaoBalance, ValueQuery, ConstU64<100_000_000_000>>;

    /// Blocks in which the price of a seat halves.
    #[pallet::storage]
    pub type BurnHalfLife<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<360>>;

    /// What the price of a seat is multiplied by with every registration.
    #[pallet::storage]
    pub type BurnIncreaseMult<T> =
        StorageMap<_, Identity, NetUid, FixedU128, ValueQuery, InitialBurnIncrease>;

    /// Part of the price that is locked as the newcomer's collateral; always 0 as yet.
    #[pallet::storage]
    pub type CollateralLockShare<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Registrations on each subnet in this block.
    #[pallet::storage]
    pub type RegistrationsThisBlock<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Most registrations on each subnet in one block.
    #[pallet::storage]
    pub type MaxRegistrationsPerBlock<T> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<32>>;

    /// Whether each subnet takes newcomers.
    #[pallet::storage]
    pub type NetworkRegistrationAllowed<T> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;
}

/// 1.26 with 64 fractional bits.
pub struct InitialBurnIncrease;

impl Get<FixedU128> for InitialBurnIncrease {
    fn get() -> FixedU128 {
        FixedU128 {
            bits: (126 << 64) / 100,
        }
    }
}

/// Natural logarithm of two, with 32 fractional bits.
const LN_2_BITS_32: u128 = 2_977_044_471;

impl<T: Config> Pallet<T> {
    /// Price of a seat on `netuid`, in rao.
    pub fn burn(netuid: NetUid) -> TaoBalance {
        Burn::<T>::get(netuid)
    }

    /// Lowest and highest price of a seat on `netuid`, in rao.
    pub fn burn_bounds(netuid: NetUid) -> (TaoBalance, TaoBalance) {
        (MinBurn::<T>::get(netuid), MaxBurn::<T>::get(netuid))
    }

    /// Blocks in which the price of a seat on `netuid` halves.
    pub fn burn_half_life(netuid: NetUid) -> u16 {
        BurnHalfLife::<T>::get(netuid)
    }

    /// What the price of a seat on `netuid` is multiplied by with every registration.
    pub fn burn_increase_mult(netuid: NetUid) -> FixedU128 {
        BurnIncreaseMult::<T>::get(netuid)
    }

    /// Most registrations on `netuid` in one block.
    pub fn max_registrations_per_block(netuid: NetUid) -> u16 {
        MaxRegistrationsPerBlock::<T>::get(netuid)
    }

    /// Whether `netuid` takes newcomers.
    pub fn registration_allowed(netuid: NetUid) -> bool {
        NetworkRegistrationAllowed::<T>::get(netuid)
    }

    /// Seats `hotkey` on `netuid` at the price of the moment, if that is at most `price_max`.
    pub(crate) fn do_burned_register(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
        price_max: Option<TaoBalance>,
    ) -> DispatchResult {
        ensure!(
            netuid != ROOT,
            Error::<T>::RegistrationNotPermittedOnRootSubnet
        );
        let price = Self::ensure_may_register(coldkey, netuid, hotkey)?;
        ensure!(
            price_max.is_none_or(|limit| price <= limit),
            Error::<T>::RegistrationPriceLimitExceeded
        );
        frame_support::storage::with_storage_layer(|| {
            Self::recycle_from(coldkey, netuid, price)?;
            Self::associate(coldkey, hotkey)?;
            let uid = Self::seat_neuron(netuid, hotkey)?;
            Self::count_registration(netuid);
            Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
            Ok(())
        })
    }

    /// Seats `hotkey` on root; a full root gives the seat of its lowest-staked member that is not
    /// immune.
    pub(crate) fn do_root_register(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
    ) -> DispatchResult {
        let price = Self::ensure_may_register(coldkey, ROOT, hotkey)?;
        frame_support::storage::with_storage_layer(|| {
            Self::recycle_from(coldkey, ROOT, price)?;
            Self::associate(coldkey, hotkey)?;
            let uid = if Self::neuron_count(ROOT) < Self::max_allowed_uids(ROOT) {
                Self::append_neuron(ROOT, hotkey)
            } else {
                let uid = Self::root_seat_to_evict(hotkey)?;
                Self::replace_neuron(ROOT, uid, hotkey);
                uid
            };
            Self::lend_to_owners(hotkey);
            Self::count_registration(ROOT);
            Self::deposit_event(Event::NeuronRegistered(ROOT, uid, hotkey.clone()));
            Ok(())
        })
    }

    /// Lets every price fall by one block, and forgets the last block's registrations.
    pub(crate) fn update_prices() {
        for netuid in RegistrationsThisBlock::<T>::iter_keys().collect::<Vec<_>>() {
            RegistrationsThisBlock::<T>::remove(netuid);
        }
        for netuid in Self::netuids() {
            let burn = Burn::<T>::get(netuid);
            let fallen = Self::fallen_by_one_block(netuid, burn);
            // Most prices rest at their floor, where there is nothing to write.
            if fallen.max(MinBurn::<T>::get(netuid)) != burn {
                Self::put_burn(netuid, fallen);
            }
            Self::lower_difficulty(netuid);
        }
    }

    /// What is left after a block of a value that halves every [`BurnHalfLife`] blocks.
    pub(crate) fn fallen_by_one_block(netuid: NetUid, value: u64) -> u64 {
        let half_life = u128::from(BurnHalfLife::<T>::get(netuid).max(1));
        let fall = (u128::from(value) * LN_2_BITS_32 / half_life) >> 32;
        value.saturating_sub(u64::try_from(fall).unwrap_or(u64::MAX))
    }

    /// Writes the price with which a new subnet begins.
    pub(crate) fn initialize_burn(netuid: NetUid) {
        Self::put_burn(netuid, Burn::<T>::get(netuid));
    }

    pub(crate) fn put_burn(netuid: NetUid, price: TaoBalance) {
        let (low, high) = Self::burn_bounds(netuid);
        Burn::<T>::insert(netuid, price.min(high).max(low));
    }

    fn ensure_may_register(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> Result<TaoBalance, DispatchError> {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            Self::registration_allowed(netuid),
            Error::<T>::SubNetRegistrationDisabled
        );
        Self::ensure_newcomer(coldkey, netuid, hotkey)?;
        let price = Self::burn(netuid);
        ensure!(
            Self::spendable(coldkey) >= price,
            Error::<T>::NotEnoughBalanceToStake
        );
        Ok(price)
    }

    /// Refuses who comes when enough came in this block, holds a uid, or belongs to another coldkey.
    pub(crate) fn ensure_newcomer(
        coldkey: &T::AccountId,
        netuid: NetUid,
        hotkey: &T::AccountId,
    ) -> Result<(), Error<T>> {
        ensure!(
            RegistrationsThisBlock::<T>::get(netuid) < Self::max_registrations_per_block(netuid),
            Error::<T>::TooManyRegistrationsThisBlock
        );
        ensure!(
            !Self::is_registered(netuid, hotkey),
            Error::<T>::HotKeyAlreadyRegisteredInSubNet
        );
        ensure!(
            Self::may_own(coldkey, hotkey),
            Error::<T>::NonAssociatedColdKey
        );
        Ok(())
    }

    fn root_seat_to_evict(newcomer: &T::AccountId) -> Result<u16, DispatchError> {
        let weakest = (0..Self::neuron_count(ROOT))
            .filter(|uid| !Self::is_immune(ROOT, *uid))
            .filter_map(|uid| Some((Self::hotkey_stake(&Self::hotkey_of(ROOT, uid)?, ROOT), uid)))
            .min();
        let (stake, uid) = weakest.ok_or(Error::<T>::NoNeuronIdAvailable)?;
        ensure!(
            Self::hotkey_stake(newcomer, ROOT) >= stake,
            Error::<T>::StakeTooLowForRoot
        );
        Ok(uid)
    }

    fn count_registration(netuid: NetUid) {
        let multiplier = Self::count_newcomer(netuid);
        let price = u128::from(Burn::<T>::get(netuid));
        let raised = economics::fixed::mul_div(price, multiplier.bits, 1 << 64);
        Self::put_burn(netuid, u64::try_from(raised).unwrap_or(u64::MAX));
    }

    /// Counts a registration of this block; returns what its price is multiplied by for the next.
    pub(crate) fn count_newcomer(netuid: NetUid) -> FixedU128 {
        RegistrationsThisBlock::<T>::mutate(netuid, |count| *count = count.saturating_add(1));
        BurnIncreaseMult::<T>::get(netuid)
    }
}

impl<T: Config> Pallet<T> {
    /// Writes a setting that concerns the price of a seat; any other is left alone.
    pub(crate) fn write_price(netuid: NetUid, setting: Hyperparameter) {
        use Hyperparameter as H;
        match setting {
            H::NetworkRegistrationAllowed(value) => {
                NetworkRegistrationAllowed::<T>::insert(netuid, value)
            }
            H::MaxRegistrationsPerBlock(value) => {
                MaxRegistrationsPerBlock::<T>::insert(netuid, value)
            }
            H::Burn(value) => Self::put_burn(netuid, value),
            H::MinBurn(value) => MinBurn::<T>::insert(netuid, value),
            H::MaxBurn(value) => MaxBurn::<T>::insert(netuid, value),
            H::BurnHalfLife(value) => BurnHalfLife::<T>::insert(netuid, value),
            H::BurnIncreaseMult(value) => BurnIncreaseMult::<T>::insert(netuid, value),
            work => Self::write_work(netuid, work),
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Drops the prices of seats on a subnet that is removed.
    pub(crate) fn forget_prices(netuid: NetUid) {
        Burn::<T>::remove(netuid);
        MinBurn::<T>::remove(netuid);
        MaxBurn::<T>::remove(netuid);
        BurnHalfLife::<T>::remove(netuid);
        BurnIncreaseMult::<T>::remove(netuid);
        CollateralLockShare::<T>::remove(netuid);
        RegistrationsThisBlock::<T>::remove(netuid);
        MaxRegistrationsPerBlock::<T>::remove(netuid);
        NetworkRegistrationAllowed::<T>::remove(netuid);
    }
}
