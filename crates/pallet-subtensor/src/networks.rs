//! Subnets: which exist, who owns them, what a new one costs, and when it opens.
//!
//! # The rule
//!
//! * Root is subnet 0, exists from genesis, and is never emitted to.
//! * Anybody may register a subnet by paying [`Pallet::network_lock_cost`], if there is a place for
//!   it ([`crate::network_queue`]). The price doubles with every registration and falls back linearly by one last price per
//!   [`NetworkLockReductionInterval`], never below [`NetworkMinLockCost`].
//! * The price paid becomes the TAO side of the subnet's pool; as much alpha is put beside it, so
//!   alpha starts at one TAO.
//! * The owner's hotkey receives uid 0.
//! * [`StartCallDelay`] blocks later the owner may open the subnet: its alpha trades and emission
//!   begins.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use frame_system::pallet_prelude::OriginFor;
use sp_runtime::{DispatchError, Vec};

#[pallet_section]
mod network_storage {
    /// Whether each subnet exists.
    #[pallet::storage]
    pub type NetworksAdded<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// How many subnets exist, root included.
    #[pallet::storage]
    pub type TotalNetworks<T> = StorageValue<_, u16, ValueQuery>;

    /// Most subnets that may exist beside root.
    #[pallet::storage]
    pub type SubnetLimit<T> = StorageValue<_, u16, ValueQuery, ConstU16<128>>;

    /// How each subnet is priced: 1 by its pool; 0 (root) one to one.
    #[pallet::storage]
    pub type SubnetMechanism<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery>;

    /// Block at which each subnet was registered.
    #[pallet::storage]
    pub type NetworkRegisteredAt<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// First block in which each subnet is emitted to; absent until it opens.
    #[pallet::storage]
    pub type FirstEmissionBlockNumber<T> = StorageMap<_, Identity, NetUid, u64, OptionQuery>;

    /// Whether each subnet's alpha trades.
    #[pallet::storage]
    pub type SubtokenEnabled<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Coldkey that owns each subnet.
    #[pallet::storage]
    pub type SubnetOwner<T: Config> = StorageMap<_, Identity, NetUid, T::AccountId, OptionQuery>;

    /// Hotkey to which each subnet owner's cut is staked.
    #[pallet::storage]
    pub type SubnetOwnerHotkey<T: Config> =
        StorageMap<_, Identity, NetUid, T::AccountId, OptionQuery>;

    /// What each subnet's registration cost, in rao.
    #[pallet::storage]
    pub type SubnetLocked<T> = StorageMap<_, Identity, NetUid, TaoBalance, ValueQuery>;

    /// Lowest price of a subnet, in rao.
    #[pallet::storage]
    pub type NetworkMinLockCost<T> =
        StorageValue<_, TaoBalance, ValueQuery, ConstU64<1_000_000_000_000>>;

    /// Price of the last subnet, in rao.
    #[pallet::storage]
    pub type NetworkLastLockCost<T> =
        StorageValue<_, TaoBalance, ValueQuery, ConstU64<1_000_000_000_000>>;

    /// Blocks over which a price falls by the amount of the last one.
    #[pallet::storage]
    pub type NetworkLockReductionInterval<T> = StorageValue<_, u64, ValueQuery, ConstU64<100_800>>;

    /// Blocks between two subnet registrations.
    #[pallet::storage]
    pub type NetworkRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<0>>;

    /// Blocks in which a new subnet does not make room for another.
    #[pallet::storage]
    pub type NetworkImmunityPeriod<T> = StorageValue<_, u64, ValueQuery, ConstU64<1_296_000>>;

    /// Blocks from registration until the owner may open the subnet.
    #[pallet::storage]
    pub type StartCallDelay<T> = StorageValue<_, u64, ValueQuery, ConstU64<0>>;
}

impl<T: Config> Pallet<T> {
    /// Whether `netuid` exists.
    pub fn subnet_exists(netuid: NetUid) -> bool {
        NetworksAdded::<T>::get(netuid)
    }

    /// Every existing subnet, root included, in ascending order.
    pub fn netuids() -> Vec<NetUid> {
        let mut netuids: Vec<NetUid> = NetworksAdded::<T>::iter()
            .filter_map(|(netuid, added)| added.then_some(netuid))
            .collect();
        netuids.sort_unstable();
        netuids
    }

    /// How many subnets exist, root included.
    pub fn total_networks() -> u16 {
        TotalNetworks::<T>::get()
    }

    /// Coldkey that owns `netuid`; none for root.
    pub fn subnet_owner(netuid: NetUid) -> Option<T::AccountId> {
        SubnetOwner::<T>::get(netuid)
    }

    /// Hotkey to which the owner's cut of `netuid` is staked; none for root.
    pub fn subnet_owner_hotkey(netuid: NetUid) -> Option<T::AccountId> {
        SubnetOwnerHotkey::<T>::get(netuid)
    }

    /// Block at which `netuid` was registered.
    pub fn network_registered_at(netuid: NetUid) -> u64 {
        NetworkRegisteredAt::<T>::get(netuid)
    }

    /// First block in which `netuid` is emitted to, if it was opened.
    pub fn first_emission_block(netuid: NetUid) -> Option<u64> {
        FirstEmissionBlockNumber::<T>::get(netuid)
    }

    /// Whether the alpha of `netuid` trades.
    pub fn subtoken_enabled(netuid: NetUid) -> bool {
        netuid == ROOT || SubtokenEnabled::<T>::get(netuid)
    }

    /// How `netuid` is priced: 1 by its pool, 0 one to one.
    pub fn subnet_mechanism(netuid: NetUid) -> u16 {
        SubnetMechanism::<T>::get(netuid)
    }

    /// What `netuid` cost its owner, in rao.
    pub fn subnet_locked(netuid: NetUid) -> TaoBalance {
        SubnetLocked::<T>::get(netuid)
    }

    /// Blocks from registration until the owner may open a subnet.
    pub fn start_call_delay() -> u64 {
        StartCallDelay::<T>::get()
    }

    /// Blocks in which a new subnet may not be removed.
    pub fn network_immunity_period() -> u64 {
        NetworkImmunityPeriod::<T>::get()
    }

    /// Most subnets that may exist beside root.
    pub fn subnet_limit() -> u16 {
        SubnetLimit::<T>::get()
    }

    /// What registering a subnet costs now, in rao.
    pub fn network_lock_cost() -> TaoBalance {
        let last = NetworkLastLockCost::<T>::get();
        let last_block = Self::last_done(&RateLimitKey::NetworkLastRegistered);
        let start = if last_block == 0 {
            last
        } else {
            last.saturating_mul(2)
        };
        let per_block = last / NetworkLockReductionInterval::<T>::get().max(1);
        let fallen = per_block.saturating_mul(Self::block().saturating_sub(last_block));
        start
            .saturating_sub(fallen)
            .max(NetworkMinLockCost::<T>::get())
    }

    /// Refuses unless `origin` is root or signed by the owner of `netuid`; says which.
    pub fn ensure_root_or_owner(
        origin: OriginFor<T>,
        netuid: NetUid,
    ) -> Result<Authority, DispatchError> {
        match frame_system::ensure_signed_or_root(origin)? {
            None => Ok(Authority::Root),
            Some(who) if SubnetOwner::<T>::get(netuid).as_ref() == Some(&who) => {
                Ok(Authority::Owner)
            }
            Some(_) => Err(Error::<T>::NotSubnetOwner.into()),
        }
    }

    /// Refuses unless `who` owns `netuid`.
    pub(crate) fn ensure_owner(who: &T::AccountId, netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            SubnetOwner::<T>::get(netuid).as_ref() == Some(who),
            Error::<T>::NotSubnetOwner
        );
        Ok(())
    }

    /// Registers a subnet for `coldkey`, whose `hotkey` receives uid 0, at once or when there is a
    /// place for it.
    pub(crate) fn do_register_network(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        identity: Option<SubnetIdentityV3>,
    ) -> DispatchResult {
        ensure!(
            Self::may_own(coldkey, hotkey),
            Error::<T>::NonAssociatedColdKey
        );
        ensure!(
            Self::interval_passed(
                &RateLimitKey::NetworkLastRegistered,
                NetworkRateLimit::<T>::get()
            ),
            Error::<T>::NetworkTxRateLimitExceeded
        );
        if let Some(identity) = &identity {
            Self::ensure_subnet_identity(identity)?;
        }
        let place = Self::network_place()?;
        let cost = Self::network_lock_cost();
        ensure!(
            Self::spendable(coldkey) >= cost,
            Error::<T>::CannotAffordLockCost
        );

        match place {
            Place::Free(netuid) => {
                Self::deposit_into_reserve(coldkey, netuid, cost)?;
                Self::found_network(netuid, coldkey, hotkey, cost, identity)?;
            }
            Place::AfterCleanup => Self::queue_network(coldkey, hotkey, identity, cost)?,
            Place::AfterDissolving(weakest) => {
                Self::do_dissolve_network(weakest)?;
                Self::queue_network(coldkey, hotkey, identity, cost)?;
            }
        }
        NetworkLastLockCost::<T>::put(cost);
        Self::mark_done(RateLimitKey::NetworkLastRegistered);
        Ok(())
    }

    /// Founds a subnet, in whose reserve is what was paid for it.
    pub(crate) fn found_network(
        netuid: NetUid,
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        cost: TaoBalance,
        identity: Option<SubnetIdentityV3>,
    ) -> DispatchResult {
        Self::open_pool(netuid, cost);
        SubnetLocked::<T>::insert(netuid, cost);
        Self::create_network(netuid, 1);
        Self::initialize_hyperparameters(netuid);
        Yuma3On::<T>::insert(netuid, true);
        SubnetOwner::<T>::insert(netuid, coldkey);
        SubnetOwnerHotkey::<T>::insert(netuid, hotkey);
        Self::associate(coldkey, hotkey)?;
        Self::append_neuron(netuid, hotkey);
        Self::lend_from_root(netuid);
        if let Some(identity) = identity {
            Self::do_set_subnet_identity(netuid, identity)?;
        }
        Self::deposit_event(Event::NetworkAdded(netuid, 1));
        Ok(())
    }

    /// Lets a subnet exist no more; what it left behind is not removed by that.
    pub(crate) fn retire_network(netuid: NetUid) {
        NetworksAdded::<T>::remove(netuid);
        TotalNetworks::<T>::mutate(|total| *total = total.saturating_sub(1));
    }

    /// Drops what is kept of a subnet that is removed.
    pub(crate) fn forget_network(netuid: NetUid) {
        SubnetMechanism::<T>::remove(netuid);
        NetworkRegisteredAt::<T>::remove(netuid);
        FirstEmissionBlockNumber::<T>::remove(netuid);
        SubtokenEnabled::<T>::remove(netuid);
        SubnetOwner::<T>::remove(netuid);
        SubnetOwnerHotkey::<T>::remove(netuid);
        SubnetLocked::<T>::remove(netuid);
    }

    /// Opens `netuid`: from the next block its alpha trades and it is emitted to.
    pub(crate) fn do_start_call(who: &T::AccountId, netuid: NetUid) -> DispatchResult {
        Self::ensure_owner(who, netuid)?;
        ensure!(
            FirstEmissionBlockNumber::<T>::get(netuid).is_none(),
            Error::<T>::FirstEmissionBlockNumberAlreadySet
        );
        let earliest =
            NetworkRegisteredAt::<T>::get(netuid).saturating_add(Self::start_call_delay());
        ensure!(
            Self::block() >= earliest,
            Error::<T>::NeedWaitingMoreBlocksToStarCall
        );
        let first = Self::block().saturating_add(1);
        FirstEmissionBlockNumber::<T>::insert(netuid, first);
        SubtokenEnabled::<T>::insert(netuid, true);
        Self::deposit_event(Event::FirstEmissionBlockNumberSet(netuid, first));
        Ok(())
    }

    /// Brings a subnet without owner and pool into being.
    pub(crate) fn create_network(netuid: NetUid, mechanism: u16) {
        NetworksAdded::<T>::insert(netuid, true);
        TotalNetworks::<T>::mutate(|total| *total = total.saturating_add(1));
        SubnetMechanism::<T>::insert(netuid, mechanism);
        NetworkRegisteredAt::<T>::insert(netuid, Self::block());
        Self::initialize_registry(netuid);
        Self::initialize_schedule(netuid);
        Self::assign_symbol(netuid);
    }

    /// Replaces the hotkey to which the owner's cut of `netuid` is staked.
    pub fn set_subnet_owner_hotkey(netuid: NetUid, hotkey: &T::AccountId) -> DispatchResult {
        let owner = SubnetOwner::<T>::get(netuid).ok_or(Error::<T>::SubnetNotExists)?;
        ensure!(
            Self::may_own(&owner, hotkey),
            Error::<T>::NonAssociatedColdKey
        );
        Self::associate(&owner, hotkey)?;
        SubnetOwnerHotkey::<T>::insert(netuid, hotkey);
        Self::deposit_event(Event::SubnetOwnerHotkeySet(netuid, hotkey.clone()));
        Ok(())
    }

    /// Lets the alpha of `netuid` trade, or stops it.
    pub fn set_subtoken_enabled(netuid: NetUid, enabled: bool) {
        SubtokenEnabled::<T>::insert(netuid, enabled);
    }

    /// Sets the lowest price of a subnet, in rao.
    pub fn set_network_min_lock_cost(cost: TaoBalance) {
        NetworkMinLockCost::<T>::put(cost);
    }

    /// Sets the blocks over which a subnet's price falls by the amount of the last one.
    pub fn set_lock_reduction_interval(blocks: u64) {
        NetworkLockReductionInterval::<T>::put(blocks);
    }

    /// Sets the blocks between two subnet registrations.
    pub fn set_network_rate_limit(blocks: u64) {
        NetworkRateLimit::<T>::put(blocks);
    }

    /// Sets the blocks in which a new subnet may not be removed.
    pub fn set_network_immunity_period(blocks: u64) {
        NetworkImmunityPeriod::<T>::put(blocks);
    }

    /// Sets the blocks from registration until the owner may open a subnet.
    pub fn set_start_call_delay(blocks: u64) {
        StartCallDelay::<T>::put(blocks);
    }

    /// Sets the most subnets that may exist beside root.
    pub fn set_subnet_limit(limit: u16) {
        SubnetLimit::<T>::put(limit.min(mechanisms::NETUIDS_MAX));
    }

    /// Sets the prices with which genesis begins, in rao.
    pub(crate) fn initialize_lock_cost(cost: TaoBalance) {
        NetworkMinLockCost::<T>::put(cost);
        NetworkLastLockCost::<T>::put(cost);
    }
}

/// Who changes a subnet: its owner within bounds, or root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The chain's root origin.
    Root,
    /// The coldkey that owns the subnet.
    Owner,
}
