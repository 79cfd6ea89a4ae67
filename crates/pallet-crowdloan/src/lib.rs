//! Funds raised together toward a cap.
//!
//! A creator names a cap, an end and a purpose: either somebody who is paid, or a call that is made. Others contribute.
//! If the cap is reached, the creator finalizes and the purpose happens; if not, the creator gives everybody their part
//! back, and anybody may withdraw their own at any time before.
//!
//! ```text
//!  create ──▶ contribute ⇄ withdraw ──raised = cap──▶ finalize: pay the target, or make the call
//!                          │
//!                          └──────────▶ refund (as often as needed) ──▶ dissolve
//! ```
//!
//! Names, arguments, events and errors are those of Bittensor's chain, which wallets know.
//!
//! # What always holds
//!
//! * An open crowdloan's account holds what its contributors put in; see [`invariants`].
//! * A call that is made at the end must spend all that was raised; otherwise nothing of it happened, and the funds can
//!   still be given back.
//! * Nobody but the creator ends a crowdloan, and a finalized one changes no more.
//!
//! # Where we differ from Bittensor
//!
//! Who contributed already may contribute more when no further contributor is accepted. The stored call is forgotten when
//! it was made. And finalizing weighs, and so costs, what the call does; creating does not.
//!
//! # Limits
//!
//! The last contribution is cut to what the cap still allows, so it can be less than an account can hold: an account that
//! was emptied since must be given the existential deposit before it can be refunded so little.

#![warn(missing_docs)]

mod errors;
mod events;
mod invariants;
mod loan;

#[cfg(test)]
mod tests;

pub use loan::{CrowdloanInfo, CrowdloanInfoOf};
pub use pallet::*;

use frame_support::{
    pallet_macros::import_section,
    traits::{Bounded, fungible},
};

/// A crowdloan's number.
pub type CrowdloanId = u32;
/// An account's public key.
pub type AccountIdOf<T> = <T as frame_system::Config>::AccountId;
/// What holds TAO.
pub type CurrencyOf<T> = <T as Config>::Currency;
/// An amount of TAO.
pub type BalanceOf<T> = <CurrencyOf<T> as fungible::Inspect<AccountIdOf<T>>>::Balance;
/// A call kept for later: itself when short, else its hash, with the call among the preimages.
pub type BoundedCallOf<T> =
    Bounded<<T as Config>::RuntimeCall, <T as frame_system::Config>::Hashing>;

/// The pallet: configuration, storage and calls here; errors and events from their own files.
#[import_section(errors::errors)]
#[import_section(events::events)]
#[allow(
    clippy::too_many_arguments,
    reason = "the arguments of calls are fixed by the wallets that make them"
)]
#[frame_support::pallet]
mod pallet {
    use super::*;
    use frame_support::{
        PalletId,
        dispatch::GetDispatchInfo,
        pallet_prelude::*,
        traits::{
            QueryPreimage, StorePreimage,
            fungible::{Inspect, Mutate},
            tokens::Preservation,
        },
    };
    use frame_system::{RawOrigin, pallet_prelude::*};
    use sp_runtime::traits::{
        AccountIdConversion, CheckedAdd, CheckedSub, Dispatchable, Saturating, Zero,
    };

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Calls that a crowdloan can make.
        type RuntimeCall: Parameter
            + Dispatchable<RuntimeOrigin = Self::RuntimeOrigin>
            + GetDispatchInfo
            + From<frame_system::Call<Self>>
            + IsType<<Self as frame_system::Config>::RuntimeCall>;

        /// Accounts that hold free TAO.
        type Currency: Mutate<Self::AccountId>;

        /// Where calls are kept until they are made.
        type Preimages: QueryPreimage<H = Self::Hashing> + StorePreimage;

        /// Seed of the accounts that hold what is raised.
        #[pallet::constant]
        type PalletId: Get<PalletId>;

        /// Least deposit of a creator.
        #[pallet::constant]
        type MinimumDeposit: Get<BalanceOf<Self>>;

        /// Least contribution that a crowdloan may ask for.
        #[pallet::constant]
        type AbsoluteMinimumContribution: Get<BalanceOf<Self>>;

        /// Shortest time to raise funds, in blocks.
        #[pallet::constant]
        type MinimumBlockDuration: Get<BlockNumberFor<Self>>;

        /// Longest time to raise funds, in blocks.
        #[pallet::constant]
        type MaximumBlockDuration: Get<BlockNumberFor<Self>>;

        /// Most contributors refunded at once.
        #[pallet::constant]
        type RefundContributorsLimit: Get<u32>;

        /// Most contributors of a crowdloan, the creator included.
        #[pallet::constant]
        type MaxContributors: Get<u32>;
    }

    /// The pallet's type.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// Every crowdloan that was not dissolved.
    #[pallet::storage]
    pub type Crowdloans<T: Config> = StorageMap<_, Twox64Concat, CrowdloanId, CrowdloanInfoOf<T>>;

    /// Number of the next crowdloan.
    #[pallet::storage]
    pub type NextCrowdloanId<T> = StorageValue<_, CrowdloanId, ValueQuery>;

    /// What each contributor put into each crowdloan.
    #[pallet::storage]
    pub type Contributions<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        CrowdloanId,
        Identity,
        T::AccountId,
        BalanceOf<T>,
        OptionQuery,
    >;

    /// Most that one contributor may put into a crowdloan, where there is a limit.
    #[pallet::storage]
    pub type MaxContributions<T: Config> = StorageMap<_, Twox64Concat, CrowdloanId, BalanceOf<T>>;

    /// What each crowdloan's call weighed when it was named.
    #[pallet::storage]
    pub type CallWeights<T: Config> = StorageMap<_, Twox64Concat, CrowdloanId, Weight, ValueQuery>;

    /// The crowdloan whose call is being made.
    #[pallet::storage]
    pub type CurrentCrowdloanId<T: Config> = StorageValue<_, CrowdloanId, OptionQuery>;

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Begins a crowdloan.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the creator, who pays the deposit and may finalize, refund and dissolve.
        ///
        /// ## Errors
        ///
        /// - [`Error::DepositTooLow`], [`Error::CapTooLow`], [`Error::MinimumContributionTooLow`]: the terms are too small.
        /// - [`Error::InvalidFinalizationConfig`]: name exactly one of `call` and `target_address`.
        /// - [`Error::CannotEndInPast`], [`Error::BlockDurationTooShort`], [`Error::BlockDurationTooLong`]: choose another
        ///   end.
        /// - [`Error::InsufficientBalance`]: the creator cannot pay the deposit.
        ///
        /// ## Events
        ///
        /// [`Event::Created`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::DbWeight::get().reads_writes(5, 8))]
        pub fn create(
            origin: OriginFor<T>,
            #[pallet::compact] deposit: BalanceOf<T>,
            #[pallet::compact] min_contribution: BalanceOf<T>,
            #[pallet::compact] cap: BalanceOf<T>,
            #[pallet::compact] end: BlockNumberFor<T>,
            call: Option<Box<<T as Config>::RuntimeCall>>,
            target_address: Option<T::AccountId>,
        ) -> DispatchResult {
            let creator = ensure_signed(origin)?;
            ensure!(
                T::MinimumDeposit::get() <= deposit,
                Error::<T>::DepositTooLow
            );
            ensure!(deposit < cap, Error::<T>::CapTooLow);
            ensure!(
                T::AbsoluteMinimumContribution::get() <= min_contribution,
                Error::<T>::MinimumContributionTooLow
            );
            ensure!(
                call.is_some() != target_address.is_some(),
                Error::<T>::InvalidFinalizationConfig
            );
            Self::ensure_end(end)?;
            ensure!(
                deposit <= CurrencyOf::<T>::balance(&creator),
                Error::<T>::InsufficientBalance
            );
            let id = NextCrowdloanId::<T>::get();
            let next = id.checked_add(1).ok_or(Error::<T>::Overflow)?;
            let funds_account = Self::funds_account(id);

            if let Some(call) = &call {
                CallWeights::<T>::insert(id, call.get_dispatch_info().call_weight);
            }
            let call = call.map(|call| T::Preimages::bound(*call)).transpose()?;
            NextCrowdloanId::<T>::put(next);
            // Held open while the crowdloan is, even if it is ever emptied.
            frame_system::Pallet::<T>::inc_providers(&funds_account);
            Self::pay(&creator, &funds_account, deposit)?;
            Contributions::<T>::insert(id, &creator, deposit);
            let loan = CrowdloanInfo {
                creator: creator.clone(),
                deposit,
                min_contribution,
                end,
                cap,
                funds_account,
                raised: deposit,
                target_address,
                call,
                finalized: false,
                contributors_count: 1,
            };
            Crowdloans::<T>::insert(id, loan);
            Self::deposit_event(Event::Created {
                crowdloan_id: id,
                creator,
                end,
                cap,
            });
            Ok(())
        }

        /// Puts funds into a crowdloan, as far as its cap and the limit of one contributor allow.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`]: there is no such crowdloan.
        /// - [`Error::ContributionPeriodEnded`], [`Error::CapRaised`]: it accepts nothing more.
        /// - [`Error::ContributionTooLow`]: less than it asks for.
        /// - [`Error::MaxContributionReached`]: the contributor has put in as much as one may.
        /// - [`Error::MaxContributorsReached`]: it accepts no new contributors.
        /// - [`Error::InsufficientBalance`]: the contributor does not hold that much.
        ///
        /// ## Events
        ///
        /// [`Event::Contributed`] with what was accepted.
        #[pallet::call_index(1)]
        #[pallet::weight(T::DbWeight::get().reads_writes(5, 4))]
        pub fn contribute(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] amount: BalanceOf<T>,
        ) -> DispatchResult {
            let contributor = ensure_signed(origin)?;
            let mut loan = Self::loan(crowdloan_id)?;
            let now = frame_system::Pallet::<T>::block_number();
            ensure!(now < loan.end, Error::<T>::ContributionPeriodEnded);
            ensure!(loan.raised < loan.cap, Error::<T>::CapRaised);
            ensure!(
                loan.min_contribution <= amount,
                Error::<T>::ContributionTooLow
            );
            let before = Contributions::<T>::get(crowdloan_id, &contributor);
            if before.is_none() {
                ensure!(
                    loan.contributors_count < T::MaxContributors::get(),
                    Error::<T>::MaxContributorsReached
                );
                loan.contributors_count = loan.contributors_count.saturating_add(1);
            }
            let before = before.unwrap_or_default();
            let mut amount = amount.min(loan.cap.saturating_sub(loan.raised));
            if let Some(most) = MaxContributions::<T>::get(crowdloan_id) {
                ensure!(before < most, Error::<T>::MaxContributionReached);
                amount = amount.min(most.saturating_sub(before));
            }
            ensure!(
                amount <= CurrencyOf::<T>::balance(&contributor),
                Error::<T>::InsufficientBalance
            );

            Self::pay(&contributor, &loan.funds_account, amount)?;
            loan.raised = loan
                .raised
                .checked_add(&amount)
                .ok_or(Error::<T>::Overflow)?;
            let after = before.checked_add(&amount).ok_or(Error::<T>::Overflow)?;
            Contributions::<T>::insert(crowdloan_id, &contributor, after);
            Crowdloans::<T>::insert(crowdloan_id, loan);
            Self::deposit_event(Event::Contributed {
                crowdloan_id,
                contributor,
                amount,
            });
            Ok(())
        }

        /// Takes back what the caller put into a crowdloan that has not succeeded; the creator's deposit stays.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`], [`Error::AlreadyFinalized`]: there is nothing to take from.
        /// - [`Error::NoContribution`]: the caller put nothing in.
        /// - [`Error::DepositCannotBeWithdrawn`]: the creator has only the deposit in it.
        ///
        /// ## Events
        ///
        /// [`Event::Withdrew`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::DbWeight::get().reads_writes(4, 4))]
        pub fn withdraw(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut loan = Self::open_loan(crowdloan_id)?;
            let mut amount = Self::contribution(crowdloan_id, &who);
            ensure!(!amount.is_zero(), Error::<T>::NoContribution);
            if who == loan.creator {
                amount = amount.saturating_sub(loan.deposit);
                ensure!(!amount.is_zero(), Error::<T>::DepositCannotBeWithdrawn);
                Contributions::<T>::insert(crowdloan_id, &who, loan.deposit);
            } else {
                Contributions::<T>::remove(crowdloan_id, &who);
                loan.contributors_count = loan
                    .contributors_count
                    .checked_sub(1)
                    .ok_or(Error::<T>::Underflow)?;
            }
            Self::pay(&loan.funds_account, &who, amount)?;
            loan.raised = loan
                .raised
                .checked_sub(&amount)
                .ok_or(Error::<T>::Underflow)?;
            Crowdloans::<T>::insert(crowdloan_id, loan);
            Self::deposit_event(Event::Withdrew {
                crowdloan_id,
                contributor: who,
                amount,
            });
            Ok(())
        }

        /// Lets the purpose of a crowdloan happen that has reached its cap: pays the target, or makes the call as its
        /// creator. While the call is made, [`Pallet::current`] is the crowdloan; the call must spend all that was raised.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`], [`Error::AlreadyFinalized`], [`Error::InvalidOrigin`]: not the caller's, or
        ///   done already.
        /// - [`Error::CapNotRaised`]: more is to be raised.
        /// - [`Error::AlreadyFinalizing`]: another crowdloan's call would do this.
        /// - [`Error::CallUnavailable`]: the call is no longer stored.
        /// - [`Error::FundsNotSettled`]: the call leaves funds behind. Whatever the call itself fails with is an error too.
        ///
        /// ## Events
        ///
        /// [`Event::Finalized`].
        #[pallet::call_index(3)]
        #[pallet::weight(
            T::DbWeight::get().reads_writes(6, 5).saturating_add(Pallet::<T>::weight_of_call(*crowdloan_id))
        )]
        pub fn finalize(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut loan = Self::own_loan(&who, crowdloan_id)?;
            ensure!(loan.raised == loan.cap, Error::<T>::CapNotRaised);
            ensure!(
                CurrentCrowdloanId::<T>::get().is_none(),
                Error::<T>::AlreadyFinalizing
            );
            loan.finalized = true;
            Crowdloans::<T>::insert(crowdloan_id, &loan);
            match (&loan.call, &loan.target_address) {
                (Some(call), None) => {
                    CurrentCrowdloanId::<T>::put(crowdloan_id);
                    Self::make(call, who, &loan.funds_account, loan.raised)?;
                    CurrentCrowdloanId::<T>::kill();
                }
                (None, Some(target)) => Self::pay(&loan.funds_account, target, loan.raised)?,
                _ => return Err(Error::<T>::InvalidFinalizationConfig.into()),
            }
            Self::deposit_event(Event::Finalized { crowdloan_id });
            Ok(())
        }

        /// Gives contributors their part back, [`Config::RefundContributorsLimit`] of them at a time; the creator's stays
        /// until the crowdloan is dissolved.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`], [`Error::AlreadyFinalized`], [`Error::InvalidOrigin`]: not the caller's, or
        ///   done already.
        ///
        /// ## Events
        ///
        /// [`Event::PartiallyRefunded`]: call again. [`Event::AllRefunded`]: nobody is left.
        #[pallet::call_index(4)]
        #[pallet::weight(Pallet::<T>::weight_of_refunds(T::RefundContributorsLimit::get()))]
        pub fn refund(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let mut loan = Self::own_loan(&who, crowdloan_id)?;
            let limit = T::RefundContributorsLimit::get();
            let others = loan.contributors_count.saturating_sub(1);
            let due: Vec<_> = Contributions::<T>::iter_prefix(crowdloan_id)
                .filter(|(contributor, _)| *contributor != loan.creator)
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .collect();
            let refunded = u32::try_from(due.len()).map_err(|_| Error::<T>::Overflow)?;
            for (contributor, amount) in due {
                Self::pay(&loan.funds_account, &contributor, amount)?;
                Contributions::<T>::remove(crowdloan_id, &contributor);
                loan.raised = loan
                    .raised
                    .checked_sub(&amount)
                    .ok_or(Error::<T>::Underflow)?;
            }
            loan.contributors_count = loan
                .contributors_count
                .checked_sub(refunded)
                .ok_or(Error::<T>::Underflow)?;
            Crowdloans::<T>::insert(crowdloan_id, loan);
            Self::deposit_event(if refunded == others {
                Event::AllRefunded { crowdloan_id }
            } else {
                Event::PartiallyRefunded { crowdloan_id }
            });
            Ok(Some(Self::weight_of_refunds(refunded)).into())
        }

        /// Forgets a crowdloan in which only the creator still has funds, and gives these back.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`], [`Error::AlreadyFinalized`], [`Error::InvalidOrigin`]: not the caller's, or
        ///   done already.
        /// - [`Error::NotReadyToDissolve`]: refund the others first.
        ///
        /// ## Events
        ///
        /// [`Event::Dissolved`].
        #[pallet::call_index(5)]
        #[pallet::weight(T::DbWeight::get().reads_writes(5, 7))]
        pub fn dissolve(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let loan = Self::own_loan(&who, crowdloan_id)?;
            let amount = Self::contribution(crowdloan_id, &who);
            ensure!(!amount.is_zero(), Error::<T>::NoContribution);
            ensure!(amount == loan.raised, Error::<T>::NotReadyToDissolve);
            Self::pay(&loan.funds_account, &who, amount)?;
            // Root may have let go of it before.
            if let Some(call) = &loan.call
                && T::Preimages::is_requested(&call.hash())
            {
                T::Preimages::drop(call);
            }
            frame_system::Pallet::<T>::dec_providers(&loan.funds_account)?;
            Contributions::<T>::remove(crowdloan_id, &who);
            MaxContributions::<T>::remove(crowdloan_id);
            CallWeights::<T>::remove(crowdloan_id);
            Crowdloans::<T>::remove(crowdloan_id);
            Self::deposit_event(Event::Dissolved { crowdloan_id });
            Ok(())
        }

        /// Changes the least contribution.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`], [`Error::AlreadyFinalized`], [`Error::InvalidOrigin`]: not the caller's, or
        ///   done already.
        /// - [`Error::MinimumContributionTooLow`], [`Error::MinimumContributionTooHigh`]: less than the chain asks for, or
        ///   more than one contributor may put in.
        #[pallet::call_index(6)]
        #[pallet::weight(T::DbWeight::get().reads_writes(2, 1))]
        pub fn update_min_contribution(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_min_contribution: BalanceOf<T>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut loan = Self::own_loan(&who, crowdloan_id)?;
            ensure!(
                T::AbsoluteMinimumContribution::get() <= new_min_contribution,
                Error::<T>::MinimumContributionTooLow
            );
            ensure!(
                MaxContributions::<T>::get(crowdloan_id)
                    .is_none_or(|most| new_min_contribution <= most),
                Error::<T>::MinimumContributionTooHigh
            );
            loan.min_contribution = new_min_contribution;
            Crowdloans::<T>::insert(crowdloan_id, loan);
            Self::deposit_event(Event::MinContributionUpdated {
                crowdloan_id,
                new_min_contribution,
            });
            Ok(())
        }

        /// Changes the end.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`], [`Error::AlreadyFinalized`], [`Error::InvalidOrigin`]: not the caller's, or
        ///   done already.
        /// - [`Error::CannotEndInPast`], [`Error::BlockDurationTooShort`], [`Error::BlockDurationTooLong`]: counted from
        ///   now, as for a new crowdloan.
        #[pallet::call_index(7)]
        #[pallet::weight(T::DbWeight::get().reads_writes(2, 1))]
        pub fn update_end(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_end: BlockNumberFor<T>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut loan = Self::own_loan(&who, crowdloan_id)?;
            Self::ensure_end(new_end)?;
            loan.end = new_end;
            Crowdloans::<T>::insert(crowdloan_id, loan);
            Self::deposit_event(Event::EndUpdated {
                crowdloan_id,
                new_end,
            });
            Ok(())
        }

        /// Changes the cap.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`], [`Error::AlreadyFinalized`], [`Error::InvalidOrigin`]: not the caller's, or
        ///   done already.
        /// - [`Error::CapTooLow`]: more was raised already.
        #[pallet::call_index(8)]
        #[pallet::weight(T::DbWeight::get().reads_writes(1, 1))]
        pub fn update_cap(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_cap: BalanceOf<T>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let mut loan = Self::own_loan(&who, crowdloan_id)?;
            ensure!(loan.raised <= new_cap, Error::<T>::CapTooLow);
            loan.cap = new_cap;
            Crowdloans::<T>::insert(crowdloan_id, loan);
            Self::deposit_event(Event::CapUpdated {
                crowdloan_id,
                new_cap,
            });
            Ok(())
        }

        /// Limits what one contributor may put in, or lifts the limit.
        ///
        /// ## Errors
        ///
        /// - [`Error::InvalidCrowdloanId`], [`Error::AlreadyFinalized`], [`Error::InvalidOrigin`]: not the caller's, or
        ///   done already.
        /// - [`Error::MaximumContributionTooLow`]: less than the least contribution, or than the creator put in.
        #[pallet::call_index(9)]
        #[pallet::weight(T::DbWeight::get().reads_writes(2, 1))]
        pub fn set_max_contribution(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            new_max_contribution: Option<BalanceOf<T>>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let loan = Self::own_loan(&who, crowdloan_id)?;
            if let Some(most) = new_max_contribution {
                let least = loan
                    .min_contribution
                    .max(Self::contribution(crowdloan_id, &who));
                ensure!(least <= most, Error::<T>::MaximumContributionTooLow);
            }
            MaxContributions::<T>::set(crowdloan_id, new_max_contribution);
            Self::deposit_event(Event::MaxContributionUpdated {
                crowdloan_id,
                new_max_contribution,
            });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// The account that holds what a crowdloan raised.
        pub fn funds_account(id: CrowdloanId) -> T::AccountId {
            T::PalletId::get().into_sub_account_truncating(id)
        }

        fn pay(from: &T::AccountId, to: &T::AccountId, amount: BalanceOf<T>) -> DispatchResult {
            CurrencyOf::<T>::transfer(from, to, amount, Preservation::Expendable).map(|_| ())
        }

        /// Makes a crowdloan's call as its creator; it must spend `raised` of `funds`.
        fn make(
            call: &BoundedCallOf<T>,
            creator: T::AccountId,
            funds: &T::AccountId,
            raised: BalanceOf<T>,
        ) -> DispatchResult {
            let (stored, _) = T::Preimages::peek(call).map_err(|_| Error::<T>::CallUnavailable)?;
            let before = CurrencyOf::<T>::balance(funds);
            stored
                .dispatch(RawOrigin::Signed(creator).into())
                .map_err(|failure| failure.error)?;
            let spent = before.saturating_sub(CurrencyOf::<T>::balance(funds));
            ensure!(raised <= spent, Error::<T>::FundsNotSettled);
            T::Preimages::drop(call);
            Ok(())
        }

        /// What a crowdloan's call weighs; nothing when it has none.
        ///
        /// It is weighed once, before the crowdloan is there: the call may finalize a crowdloan itself, even its own, and
        /// whoever looked into it here would go round in circles.
        pub(crate) fn weight_of_call(id: CrowdloanId) -> Weight {
            CallWeights::<T>::get(id)
        }

        pub(crate) fn weight_of_refunds(contributors: u32) -> Weight {
            let contributors = u64::from(contributors);
            T::DbWeight::get().reads_writes(
                contributors.saturating_mul(2).saturating_add(2),
                contributors.saturating_mul(3).saturating_add(2),
            )
        }
    }
}
