//! Why a call is refused. The names are Bittensor's, by which wallets explain them.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    /// Why a call is refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The address is neither of type 4 nor of type 6.
        InvalidIpType,
        /// The address is broadcast, or too long for its type.
        InvalidIpAddress,
        /// The port is zero.
        InvalidPort,
        /// The hotkey holds no uid on this subnet; register it.
        HotKeyNotRegisteredInSubNet,
        /// The hotkey has no owner; register or associate it.
        HotKeyAccountNotExists,
        /// The hotkey holds no uid on any subnet; register it.
        HotKeyNotRegisteredInNetwork,
        /// The hotkey belongs to another coldkey.
        NonAssociatedColdKey,
        /// More is to be unstaked than is staked.
        NotEnoughStakeToWithdraw,
        /// The validator's stake is below the threshold for setting weights.
        NotEnoughStakeToSetWeights,
        /// The coldkey cannot spend so much.
        NotEnoughBalanceToStake,
        /// The hotkey has no validator permit; it needs more stake and one epoch.
        NeuronNoValidatorPermit,
        /// There are not as many uids as weights.
        WeightVecNotEqualSize,
        /// A uid is named twice.
        DuplicateUids,
        /// A uid does not exist on this subnet.
        UidVecContainInvalidOne,
        /// Fewer weights than the subnet asks for.
        WeightVecLengthIsLow,
        /// Enough neurons registered in this block; try the next.
        TooManyRegistrationsThisBlock,
        /// The hotkey already holds a uid on this subnet.
        HotKeyAlreadyRegisteredInSubNet,
        /// One weight is a larger part of the row than the subnet allows.
        MaxWeightExceeded,
        /// Weights were set too recently.
        SettingWeightsTooFast,
        /// The validator's software is older than the subnet asks for.
        IncorrectWeightVersionKey,
        /// The address was published too recently.
        ServingRateLimitExceeded,
        /// There are more weights than neurons.
        UidsLengthExceedUidsInSubNet,
        /// A subnet was registered too recently.
        NetworkTxRateLimitExceeded,
        /// The take was changed too recently.
        DelegateTxRateLimitExceeded,
        /// The subnet takes no newcomers.
        SubNetRegistrationDisabled,
        /// Only the subnet's owner may do this.
        NotSubnetOwner,
        /// Root has its own way to register.
        RegistrationNotPermittedOnRootSubnet,
        /// The newcomer has less root stake than the weakest member it would replace.
        StakeTooLowForRoot,
        /// Root has no weights.
        CanNotSetRootNetworkWeights,
        /// The subnet is full, and nobody may be replaced.
        NoNeuronIdAvailable,
        /// The take is too low.
        DelegateTakeTooLow,
        /// The take is too high.
        DelegateTakeTooHigh,
        /// There is no commit to reveal.
        NoWeightsCommitFound,
        /// The revealed row is not the committed one.
        InvalidRevealCommitHashNotMatch,
        /// The subnet wants weights committed first.
        CommitRevealEnabled,
        /// The subnet wants weights set in the open.
        CommitRevealDisabled,
        /// Liquid alpha is off.
        LiquidAlphaDisabled,
        /// The highest rate is too low.
        AlphaHighTooLow,
        /// The lowest rate is out of range.
        AlphaLowOutOfRange,
        /// A field of the identity is too long.
        InvalidIdentity,
        /// The subnet has no such mechanism.
        MechanismDoesNotExist,
        /// The subnet does not exist.
        SubnetNotExists,
        /// Too many commits wait to be revealed.
        TooManyUnrevealedCommits,
        /// The commit can no longer be revealed.
        ExpiredWeightCommit,
        /// The commit cannot be revealed yet.
        RevealTooEarly,
        /// Weights were committed too recently.
        CommittingWeightsTooFast,
        /// The amount is too small.
        AmountTooLow,
        /// The pool cannot fill this trade.
        InsufficientLiquidity,
        /// The trade would pass the price limit.
        SlippageTooHigh,
        /// The subnet does not let stake pass between coldkeys.
        TransferDisallowed,
        /// The subnet is already open.
        FirstEmissionBlockNumberAlreadySet,
        /// The subnet may not be opened yet.
        NeedWaitingMoreBlocksToStarCall,
        /// The subnet's alpha does not trade yet.
        SubtokenDisabled,
        /// The two subnets are the same.
        SameNetuid,
        /// Owners change nothing shortly before an epoch.
        AdminActionProhibitedDuringWeightsWindow,
        /// The sign is empty, too long, or not text.
        SymbolDoesNotExist,
        /// Another subnet has this sign.
        SymbolAlreadyInUse,
        /// The value is out of bounds.
        InvalidValue,
        /// There are as many subnets as there may be.
        SubnetLimitReached,
        /// The coldkey cannot pay for a subnet.
        CannotAffordLockCost,
        /// Pay already goes to this hotkey.
        SameAutoStakeHotkeyAlreadySet,
        /// The seat costs more than the limit given.
        RegistrationPriceLimitExceeded,
        /// This was done too recently.
        TxRateLimitExceeded,
        /// The tempo is out of bounds.
        TempoOutOfBounds,
        /// The activity cutoff is out of bounds.
        ActivityCutoffFactorMilliOutOfBounds,
        /// An epoch was already asked for.
        EpochTriggerAlreadyPending,
        /// An epoch is due anyway.
        AutoEpochAlreadyImminent,
        /// Epochs are not triggered while commit-reveal is on.
        DynamicTempoBlockedByCommitReveal,
        /// The coldkey has as many hotkeys as one call or one account may; use another coldkey, or
        /// name one hotkey.
        TooManyHotkeys,
    }
}
