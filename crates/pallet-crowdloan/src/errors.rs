//! Why a call about a crowdloan is refused; wallets explain the names, and their order is the chain's.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    #[pallet::error]
    pub enum Error<T> {
        /// The deposit is less than the chain asks for.
        DepositTooLow,
        /// The cap is not more than the deposit, or is less than was raised.
        CapTooLow,
        /// The least contribution is less than the chain asks for.
        MinimumContributionTooLow,
        /// The end is not after this block.
        CannotEndInPast,
        /// There would be too little time to raise funds.
        BlockDurationTooShort,
        /// There would be too much time to raise funds.
        BlockDurationTooLong,
        /// The account does not hold what it wants to put in.
        InsufficientBalance,
        /// A sum is too large to be counted.
        Overflow,
        /// There is no such crowdloan.
        InvalidCrowdloanId,
        /// The cap is reached; nothing more is accepted.
        CapRaised,
        /// The time is over; nothing more is accepted.
        ContributionPeriodEnded,
        /// The contribution is less than the crowdloan asks for.
        ContributionTooLow,
        /// Only the creator may do this.
        InvalidOrigin,
        /// The crowdloan has succeeded already.
        AlreadyFinalized,
        /// Another crowdloan's call is being made.
        AlreadyFinalizing,
        /// Not used: a crowdloan may be refunded before its end.
        ContributionPeriodNotEnded,
        /// The account has put nothing into the crowdloan.
        NoContribution,
        /// The cap is not reached.
        CapNotRaised,
        /// A difference would be below zero.
        Underflow,
        /// The call to be made is no longer stored.
        CallUnavailable,
        /// Others still have funds in the crowdloan; refund them first.
        NotReadyToDissolve,
        /// The deposit stays until the crowdloan is dissolved.
        DepositCannotBeWithdrawn,
        /// No more contributors are accepted.
        MaxContributorsReached,
        /// Name either a call or a target address.
        InvalidFinalizationConfig,
        /// The contributor has put in as much as one may.
        MaxContributionReached,
        /// The limit of one contributor is less than the least contribution, or than what the creator put in.
        MaximumContributionTooLow,
        /// The least contribution is more than one contributor may put in.
        MinimumContributionTooHigh,
        /// The call did not spend all that was raised.
        FundsNotSettled,
    }
}
