//! TAO: how much exists, and how it enters and leaves accounts.
//!
//! TAO is either free, in an account of the balances pallet, or in a reserve of a subnet: its pool,
//! or (on root) the stake itself. Moving between the two takes it out of one ledger and puts it
//! into the other, so at all times
//!
//! ```text
//! TotalIssuance = balances' issuance + TotalStake,   TotalStake = Σ SubnetTAO
//! ```
//!
//! Block emission mints [`TotalIssuance`]; the prices of seats and of swaps are recycled, and so are
//! transaction fees and dust, through [`Recycle`], which the runtime plugs in. What the balances pallet creates or
//! destroys without telling (anybody may burn, root may set a balance) is taken over at the end of
//! the block.

use crate::*;
use frame_support::{
    PalletId,
    dispatch::DispatchResult,
    pallet_macros::pallet_section,
    traits::{
        OnUnbalanced,
        fungible::{Balanced, Credit, Inspect, Mutate},
        tokens::{Fortitude, Imbalance, Precision, Preservation},
    },
};
use sp_runtime::traits::AccountIdConversion;

#[pallet_section]
mod money_storage {
    /// All TAO there is, in rao: free, staked and in pools.
    #[pallet::storage]
    pub type TotalIssuance<T> = StorageValue<_, TaoBalance, ValueQuery>;

    /// All TAO held in reserves, in rao.
    #[pallet::storage]
    pub type TotalStake<T> = StorageValue<_, TaoBalance, ValueQuery>;

    /// TAO in each subnet's reserve, in rao; on root, the TAO staked there.
    #[pallet::storage]
    pub type SubnetTAO<T> = StorageMap<_, Identity, NetUid, TaoBalance, ValueQuery>;

    /// TAO ever recycled by registrations on each subnet, in rao.
    #[pallet::storage]
    pub type RAORecycledForRegistration<T> =
        StorageMap<_, Identity, NetUid, TaoBalance, ValueQuery>;
}

/// Names the account of [`Pallet::escrow_account`].
const ESCROW: PalletId = PalletId(*b"subtensr");

impl<T: Config> Pallet<T> {
    /// All TAO there is, in rao.
    pub fn total_issuance() -> TaoBalance {
        TotalIssuance::<T>::get()
    }

    /// Sets the count of TAO that registrations on `netuid` have recycled, in rao.
    pub fn set_rao_recycled(netuid: NetUid, rao: TaoBalance) {
        RAORecycledForRegistration::<T>::insert(netuid, rao);
    }

    /// All TAO in reserves, in rao.
    pub fn total_stake() -> TaoBalance {
        TotalStake::<T>::get()
    }

    /// TAO in the reserve of `netuid`, in rao.
    pub fn tao_reserve(netuid: NetUid) -> TaoBalance {
        SubnetTAO::<T>::get(netuid)
    }

    /// TAO that `coldkey` could spend and still exist, in rao.
    pub fn spendable(coldkey: &T::AccountId) -> TaoBalance {
        T::Currency::reducible_balance(coldkey, Preservation::Preserve, Fortitude::Polite)
    }

    /// Moves `amount` from an account into the reserve of `netuid`.
    pub(crate) fn deposit_into_reserve(
        coldkey: &T::AccountId,
        netuid: NetUid,
        amount: TaoBalance,
    ) -> DispatchResult {
        T::Currency::burn_from(
            coldkey,
            amount,
            Preservation::Preserve,
            Precision::Exact,
            Fortitude::Polite,
        )
        .map_err(|_| Error::<T>::NotEnoughBalanceToStake)?;
        Self::grow_reserve(netuid, amount);
        Ok(())
    }

    /// Moves `amount` from the reserve of `netuid` to an account.
    pub(crate) fn withdraw_from_reserve(
        netuid: NetUid,
        coldkey: &T::AccountId,
        amount: TaoBalance,
    ) -> DispatchResult {
        Self::shrink_reserve(netuid, amount)?;
        T::Currency::mint_into(coldkey, amount)?;
        Ok(())
    }

    /// Moves `amount` between two reserves.
    pub(crate) fn move_between_reserves(
        origin: NetUid,
        destination: NetUid,
        amount: TaoBalance,
    ) -> DispatchResult {
        Self::shrink_reserve(origin, amount)?;
        Self::grow_reserve(destination, amount);
        Ok(())
    }

    /// Creates `amount` of new TAO in the reserve of `netuid`.
    pub(crate) fn mint_into_reserve(netuid: NetUid, amount: TaoBalance) {
        TotalIssuance::<T>::mutate(|total| *total = total.saturating_add(amount));
        Self::grow_reserve(netuid, amount);
    }

    /// Takes what a seat on `netuid` costs from an account out of existence.
    pub(crate) fn recycle_from(
        coldkey: &T::AccountId,
        netuid: NetUid,
        amount: TaoBalance,
    ) -> DispatchResult {
        Self::recycle(coldkey, amount)?;
        RAORecycledForRegistration::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(amount));
        Ok(())
    }

    /// Takes `amount` from an account out of existence; emission may mint it again.
    pub(crate) fn recycle(coldkey: &T::AccountId, amount: TaoBalance) -> DispatchResult {
        T::Currency::burn_from(
            coldkey,
            amount,
            Preservation::Preserve,
            Precision::Exact,
            Fortitude::Polite,
        )
        .map_err(|_| Error::<T>::NotEnoughBalanceToStake)?;
        TotalIssuance::<T>::mutate(|total| *total = total.saturating_sub(amount));
        Ok(())
    }

    /// Sets the issuance from the balances that genesis gave out.
    pub(crate) fn initialize_issuance() {
        TotalIssuance::<T>::put(T::Currency::total_issuance().saturating_add(Self::total_stake()));
    }

    /// Takes over what the balances pallet created or destroyed by itself in this block.
    pub(crate) fn reconcile_issuance() {
        let issuance = T::Currency::total_issuance().saturating_add(Self::total_stake());
        if Self::total_issuance() != issuance {
            TotalIssuance::<T>::put(issuance);
        }
    }

    fn grow_reserve(netuid: NetUid, amount: TaoBalance) {
        SubnetTAO::<T>::mutate(netuid, |reserve| *reserve = reserve.saturating_add(amount));
        TotalStake::<T>::mutate(|total| *total = total.saturating_add(amount));
    }

    fn shrink_reserve(netuid: NetUid, amount: TaoBalance) -> DispatchResult {
        SubnetTAO::<T>::try_mutate(netuid, |reserve| -> DispatchResult {
            *reserve = reserve
                .checked_sub(amount)
                .ok_or(Error::<T>::InsufficientLiquidity)?;
            Ok(())
        })?;
        TotalStake::<T>::mutate(|total| *total = total.saturating_sub(amount));
        Ok(())
    }
}

/// Takes transaction fees and dust out of existence, and out of [`TotalIssuance`] with them.
///
/// The runtime uses it as the fee handler and as the balances pallet's `DustRemoval`.
pub struct Recycle<T>(core::marker::PhantomData<T>);

impl<T> OnUnbalanced<Credit<T::AccountId, T::Currency>> for Recycle<T>
where
    T: Config,
    T::Currency: Balanced<T::AccountId>,
{
    fn on_nonzero_unbalanced(amount: Credit<T::AccountId, T::Currency>) {
        TotalIssuance::<T>::mutate(|total| *total = total.saturating_sub(amount.peek()));
        drop(amount);
    }
}

impl<T: Config> Pallet<T> {
    /// Takes what is left in the reserve of a subnet that is removed out of existence.
    pub(crate) fn recycle_reserve(netuid: NetUid) {
        let left = SubnetTAO::<T>::take(netuid);
        TotalStake::<T>::mutate(|total| *total = total.saturating_sub(left));
        TotalIssuance::<T>::mutate(|total| *total = total.saturating_sub(left));
        RAORecycledForRegistration::<T>::remove(netuid);
    }

    /// The account that holds what those paid who wait for a subnet. Nobody has its key.
    pub fn escrow_account() -> T::AccountId {
        ESCROW.into_account_truncating()
    }

    /// What that account holds, in rao.
    pub(crate) fn escrowed() -> TaoBalance {
        T::Currency::total_balance(&Self::escrow_account())
    }

    /// Holds `amount` of `coldkey`.
    pub(crate) fn put_into_escrow(coldkey: &T::AccountId, amount: TaoBalance) -> DispatchResult {
        if amount == 0 {
            return Ok(());
        }
        let escrow = Self::escrow_account();
        T::Currency::transfer(coldkey, &escrow, amount, Preservation::Preserve)
            .map_err(|_| Error::<T>::NotEnoughBalanceToStake)?;
        Ok(())
    }

    /// Moves `amount` of what is held into the reserve of `netuid`.
    pub(crate) fn deposit_from_escrow(netuid: NetUid, amount: TaoBalance) -> DispatchResult {
        T::Currency::burn_from(
            &Self::escrow_account(),
            amount,
            Preservation::Expendable,
            Precision::Exact,
            Fortitude::Polite,
        )?;
        Self::grow_reserve(netuid, amount);
        Ok(())
    }

    /// Gives `amount` of what is held back.
    pub(crate) fn return_from_escrow(coldkey: &T::AccountId, amount: TaoBalance) -> DispatchResult {
        if amount == 0 {
            return Ok(());
        }
        let escrow = Self::escrow_account();
        T::Currency::transfer(&escrow, coldkey, amount, Preservation::Expendable)?;
        Ok(())
    }
}
