//! When somebody last did something that may not be done often.

use crate::{sweep::Sweep, *};
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use parity_scale_codec::DecodeWithMemTracking;

#[pallet_section]
mod rate_limit_storage {
    /// Block at which each limited action last happened.
    #[pallet::storage]
    pub type LastRateLimitedBlock<T: Config> =
        StorageMap<_, Identity, RateLimitKey<T::AccountId>, u64, ValueQuery>;

    /// Blocks between two delegate take increases of one hotkey.
    #[pallet::storage]
    pub type TxDelegateTakeRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;

    /// Blocks between two raises of one hotkey's take for parents in one subnet.
    #[pallet::storage]
    pub type TxChildkeyTakeRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;

    /// Blocks between two key changes of one coldkey.
    #[pallet::storage]
    pub type TxRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<1_000>>;

    /// Epochs that an owner waits between two changes of one hyperparameter.
    #[pallet::storage]
    pub type OwnerHyperparamRateLimit<T> = StorageValue<_, u16, ValueQuery, ConstU16<2>>;

    /// Blocks before an epoch in which owners change nothing.
    #[pallet::storage]
    pub type AdminFreezeWindow<T> = StorageValue<_, u16, ValueQuery, ConstU16<10>>;
}

/// What is limited, and for whom.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub enum RateLimitKey<AccountId> {
    /// An owner's change of the subnet's owner hotkey.
    SetSNOwnerHotkey(NetUid),
    /// An owner's change of one hyperparameter, by its name's hash.
    OwnerHyperparamUpdate(NetUid, [u8; 8]),
    /// Anybody's registration of a subnet.
    NetworkLastRegistered,
    /// A hotkey's increase of its delegate take.
    DelegateTake(AccountId),
    /// A hotkey's publication of its axon or prometheus address.
    Serving(NetUid, AccountId, ServedKind),
    /// A hotkey's choice of children.
    SetChildren(NetUid, AccountId),
    /// A hotkey's raise of its take for parents.
    SetChildkeyTake(NetUid, AccountId),
    /// An owner's trim of a subnet's uids.
    MaxUidsTrimming(NetUid),
    /// An owner's choice of how many mechanisms a subnet has.
    MechanismCount(NetUid),
    /// An owner's choice of how pay is divided among them.
    MechanismEmission(NetUid),
}

impl<AccountId> RateLimitKey<AccountId> {
    /// The subnet on which it is limited, if it is one.
    fn subnet(&self) -> Option<NetUid> {
        match self {
            Self::SetSNOwnerHotkey(netuid)
            | Self::OwnerHyperparamUpdate(netuid, _)
            | Self::Serving(netuid, ..)
            | Self::SetChildren(netuid, _)
            | Self::SetChildkeyTake(netuid, _)
            | Self::MaxUidsTrimming(netuid)
            | Self::MechanismCount(netuid)
            | Self::MechanismEmission(netuid) => Some(*netuid),
            Self::NetworkLastRegistered | Self::DelegateTake(_) => None,
        }
    }
}

/// Which address was published.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum ServedKind {
    /// Where a neuron answers.
    Axon,
    /// Where a neuron shows its metrics.
    Prometheus,
}

impl<T: Config> Pallet<T> {
    /// Whether at least `interval` blocks passed since `key` was last marked, or it never was.
    pub fn interval_passed(key: &RateLimitKey<T::AccountId>, interval: u64) -> bool {
        match LastRateLimitedBlock::<T>::try_get(key) {
            Ok(last) => Self::block() >= last.saturating_add(interval),
            Err(()) => true,
        }
    }

    /// Marks `key` as done in this block.
    pub fn mark_done(key: RateLimitKey<T::AccountId>) {
        LastRateLimitedBlock::<T>::insert(key, Self::block());
    }

    /// Block at which `key` was last marked, 0 if never.
    pub fn last_done(key: &RateLimitKey<T::AccountId>) -> u64 {
        LastRateLimitedBlock::<T>::get(key)
    }

    /// Blocks between two delegate take increases of one hotkey.
    pub(crate) fn delegate_take_interval() -> u64 {
        TxDelegateTakeRateLimit::<T>::get()
    }

    /// Sets the blocks between two delegate take increases.
    pub fn set_delegate_take_interval(blocks: u64) {
        TxDelegateTakeRateLimit::<T>::put(blocks);
    }

    /// Blocks between two raises of one hotkey's take for parents in one subnet.
    pub(crate) fn childkey_take_interval() -> u64 {
        TxChildkeyTakeRateLimit::<T>::get()
    }

    /// Sets the blocks between two raises of one hotkey's take for parents in one subnet.
    pub(crate) fn set_childkey_take_interval(blocks: u64) {
        TxChildkeyTakeRateLimit::<T>::put(blocks);
        Self::deposit_event(Event::TxChildKeyTakeRateLimitSet(blocks));
    }

    /// Sets the blocks between two key changes of one coldkey.
    pub fn set_tx_rate_limit(blocks: u64) {
        TxRateLimit::<T>::put(blocks);
    }

    /// Sets the epochs that an owner waits between two changes of one hyperparameter.
    pub fn set_owner_hyperparameter_interval(epochs: u16) {
        OwnerHyperparamRateLimit::<T>::put(epochs);
    }

    /// Sets the blocks before an epoch in which owners change nothing.
    pub fn set_admin_freeze_window(blocks: u16) {
        AdminFreezeWindow::<T>::put(blocks);
    }

    /// Refuses an owner's change that comes too soon after the last, or just before an epoch.
    pub fn ensure_owner_may_change(
        netuid: NetUid,
        key: &RateLimitKey<T::AccountId>,
    ) -> DispatchResult {
        let epochs = u64::from(OwnerHyperparamRateLimit::<T>::get());
        let interval = epochs.saturating_mul(u64::from(Self::tempo(netuid)));
        ensure!(
            Self::interval_passed(key, interval),
            Error::<T>::TxRateLimitExceeded
        );
        Self::ensure_window_open(netuid)
    }
}

impl<T: Config> Pallet<T> {
    /// Drops when anything was last done on a subnet that is removed.
    pub(crate) fn sweep_rate_limits(netuid: NetUid, sweep: &mut Sweep) -> bool {
        sweep.over(
            LastRateLimitedBlock::<T>::iter_keys,
            LastRateLimitedBlock::<T>::iter_keys_from,
            |key| {
                if key.subnet() != Some(netuid) {
                    return 0;
                }
                LastRateLimitedBlock::<T>::remove(key);
                1
            },
        )
    }

    /// Refuses shortly before an epoch of `netuid`.
    pub fn ensure_window_open(netuid: NetUid) -> DispatchResult {
        let window = u64::from(AdminFreezeWindow::<T>::get());
        let remaining = Self::next_epoch_start_block(netuid)
            .map_or(u64::MAX, |next| next.saturating_sub(Self::block()));
        ensure!(
            remaining >= window,
            Error::<T>::AdminActionProhibitedDuringWeightsWindow
        );
        Ok(())
    }

    /// Refuses what may not be done on `netuid` shortly before an epoch, nor by its owner more often
    /// than once in `interval` blocks.
    pub fn ensure_authority_may(
        netuid: NetUid,
        authority: Authority,
        key: &RateLimitKey<T::AccountId>,
        interval: u64,
    ) -> DispatchResult {
        ensure!(
            authority == Authority::Root || Self::interval_passed(key, interval),
            Error::<T>::TxRateLimitExceeded
        );
        Self::ensure_window_open(netuid)
    }
}
