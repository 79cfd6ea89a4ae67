//! A crowdloan as it stands, and when it may end.

use crate::*;
use frame_support::{
    ensure,
    pallet_prelude::{Decode, Encode, MaxEncodedLen, TypeInfo},
    traits::Get,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::Saturating;

/// What is known of a crowdloan; the fields are those that wallets read.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct CrowdloanInfo<AccountId, Balance, BlockNumber, Call> {
    /// Who began it, may change its terms and ends it.
    pub creator: AccountId,
    /// What the creator put in at first, and may not withdraw.
    pub deposit: Balance,
    /// Least amount of a contribution.
    pub min_contribution: Balance,
    /// First block in which nothing more is accepted.
    pub end: BlockNumber,
    /// What is to be raised.
    pub cap: Balance,
    /// Account that holds what was raised.
    pub funds_account: AccountId,
    /// What was raised, the deposit included.
    pub raised: Balance,
    /// Who gets it, if it is to be paid.
    pub target_address: Option<AccountId>,
    /// What is done with it, if it is to be used.
    pub call: Option<Call>,
    /// Whether it succeeded.
    pub finalized: bool,
    /// Number of contributors, the creator included.
    pub contributors_count: u32,
}

/// A [`CrowdloanInfo`] of this chain.
pub type CrowdloanInfoOf<T> =
    CrowdloanInfo<AccountIdOf<T>, BalanceOf<T>, BlockNumberFor<T>, BoundedCallOf<T>>;

impl<T: Config> Pallet<T> {
    /// The crowdloan whose call is being made, as the call itself sees it.
    pub fn current() -> Option<CrowdloanInfoOf<T>> {
        CurrentCrowdloanId::<T>::get().and_then(Crowdloans::<T>::get)
    }

    /// The crowdloan with a number.
    pub(crate) fn loan(id: CrowdloanId) -> Result<CrowdloanInfoOf<T>, Error<T>> {
        Crowdloans::<T>::get(id).ok_or(Error::<T>::InvalidCrowdloanId)
    }

    /// The crowdloan with a number, which has not succeeded yet.
    pub(crate) fn open_loan(id: CrowdloanId) -> Result<CrowdloanInfoOf<T>, Error<T>> {
        let loan = Self::loan(id)?;
        ensure!(!loan.finalized, Error::<T>::AlreadyFinalized);
        Ok(loan)
    }

    /// The crowdloan with a number, which has not succeeded yet, if `who` began it.
    pub(crate) fn own_loan(
        who: &T::AccountId,
        id: CrowdloanId,
    ) -> Result<CrowdloanInfoOf<T>, Error<T>> {
        let loan = Self::open_loan(id)?;
        ensure!(*who == loan.creator, Error::<T>::InvalidOrigin);
        Ok(loan)
    }

    /// What an account put into a crowdloan.
    pub(crate) fn contribution(id: CrowdloanId, who: &T::AccountId) -> BalanceOf<T> {
        Contributions::<T>::get(id, who).unwrap_or_default()
    }

    /// Accepts an end that is neither past, too soon nor too late.
    pub(crate) fn ensure_end(end: BlockNumberFor<T>) -> Result<(), Error<T>> {
        let now = frame_system::Pallet::<T>::block_number();
        ensure!(now < end, Error::<T>::CannotEndInPast);
        let duration = end.saturating_sub(now);
        ensure!(
            T::MinimumBlockDuration::get() <= duration,
            Error::<T>::BlockDurationTooShort
        );
        ensure!(
            duration <= T::MaximumBlockDuration::get(),
            Error::<T>::BlockDurationTooLong
        );
        Ok(())
    }
}
