//! What is true of every crowdloan after every block.
//!
//! 1. While it is open, its contributions add up to what was raised, and there are as many as it counts.
//! 2. While it is open, its account holds at least what was raised.
//! 3. It never raises more than its cap, and its creator never has less in it than the deposit.
//! 4. It has somebody to be paid or something to be done, never both.

use crate::*;
use frame_support::{ensure, traits::fungible::Inspect};
use sp_runtime::{
    TryRuntimeError,
    traits::{Saturating, Zero},
};

impl<T: Config> Pallet<T> {
    /// Checks everything that is true after every block.
    ///
    /// # Errors
    ///
    /// Names the first sentence that is not.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        for (id, loan) in Crowdloans::<T>::iter() {
            ensure!(loan.raised <= loan.cap, "more was raised than the cap");
            ensure!(
                loan.call.is_some() != loan.target_address.is_some(),
                "a crowdloan has two purposes, or none"
            );
            if loan.finalized {
                continue;
            }
            let (count, sum) = Contributions::<T>::iter_prefix_values(id)
                .fold((0_u32, BalanceOf::<T>::zero()), |(count, sum), amount| {
                    (count.saturating_add(1), sum.saturating_add(amount))
                });
            ensure!(sum == loan.raised, "contributions are not what was raised");
            ensure!(
                count == loan.contributors_count,
                "contributors are not counted"
            );
            ensure!(
                loan.raised <= CurrencyOf::<T>::balance(&loan.funds_account),
                "an account holds less than was raised"
            );
            ensure!(
                loan.deposit <= Self::contribution(id, &loan.creator),
                "a creator took the deposit back"
            );
        }
        ensure!(
            CurrentCrowdloanId::<T>::get().is_none(),
            "a call is still being made"
        );
        Ok(())
    }
}
