//! What happens to crowdloans, as wallets and indexers read it.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A crowdloan began.
        Created {
            /// Its number.
            crowdloan_id: CrowdloanId,
            /// Who began it.
            creator: T::AccountId,
            /// First block in which nothing more is accepted.
            end: BlockNumberFor<T>,
            /// What is to be raised.
            cap: BalanceOf<T>,
        },
        /// Somebody contributed.
        Contributed {
            /// To this crowdloan.
            crowdloan_id: CrowdloanId,
            /// The contributor.
            contributor: T::AccountId,
            /// What was accepted.
            amount: BalanceOf<T>,
        },
        /// Somebody took a contribution back.
        Withdrew {
            /// From this crowdloan.
            crowdloan_id: CrowdloanId,
            /// The contributor.
            contributor: T::AccountId,
            /// What was taken.
            amount: BalanceOf<T>,
        },
        /// Some contributors were given their part back; call again for the others.
        PartiallyRefunded {
            /// The crowdloan.
            crowdloan_id: CrowdloanId,
        },
        /// All contributors but the creator were given their part back.
        AllRefunded {
            /// The crowdloan.
            crowdloan_id: CrowdloanId,
        },
        /// A crowdloan's purpose happened.
        Finalized {
            /// The crowdloan.
            crowdloan_id: CrowdloanId,
        },
        /// A crowdloan is gone.
        Dissolved {
            /// The crowdloan.
            crowdloan_id: CrowdloanId,
        },
        /// The least contribution changed.
        MinContributionUpdated {
            /// The crowdloan.
            crowdloan_id: CrowdloanId,
            /// What it is now.
            new_min_contribution: BalanceOf<T>,
        },
        /// The end changed.
        EndUpdated {
            /// The crowdloan.
            crowdloan_id: CrowdloanId,
            /// What it is now.
            new_end: BlockNumberFor<T>,
        },
        /// The cap changed.
        CapUpdated {
            /// The crowdloan.
            crowdloan_id: CrowdloanId,
            /// What it is now.
            new_cap: BalanceOf<T>,
        },
        /// The limit of one contributor changed.
        MaxContributionUpdated {
            /// The crowdloan.
            crowdloan_id: CrowdloanId,
            /// What it is now; none when there is no limit.
            new_max_contribution: Option<BalanceOf<T>>,
        },
    }
}
