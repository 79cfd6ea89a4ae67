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
        /// Keys are not swapped while what a subnet left behind is removed; wait a few blocks.
        WaitingForDissolvedSubnetCleanup,
        /// More neurons times mechanisms than there may be; allow fewer of one.
        TooManyUIDsPerMechanism,
        /// Too many of the neurons that would be left are immune.
        TrimmingWouldExceedMaxImmunePercentage,
        /// The work was done on a block that is too old, to come, or older than work used before.
        InvalidWorkBlock,
        /// The work is too little.
        InvalidDifficulty,
        /// The work is not of this subnet, block, nonce, hotkey and coldkey.
        InvalidSeal,
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
        /// There are as many subnets as there may be, and none that may be dissolved yet.
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
        /// The parent has too little stake to lend; it needs the stake threshold's worth.
        NotEnoughStakeToSetChildkeys,
        /// A hotkey is not its own child.
        InvalidChild,
        /// A child is named twice.
        DuplicateChild,
        /// The parts lent add up to more than everything.
        ProportionOverflow,
        /// There are more children than a hotkey may have.
        TooManyChildren,
        /// The take for parents is out of bounds.
        InvalidChildkeyTake,
        /// The take for parents was raised too recently.
        TxChildkeyTakeRateLimitExceeded,
        /// A child is a parent of the same hotkey, or has as many parents as it may.
        ChildParentInconsistency,
        /// The new hotkey is the old one.
        NewHotKeyIsSameWithOld,
        /// The new hotkey has root stake or root dividends of its own, which would mix with the old
        /// one's; choose another.
        NewHotKeyNotCleanForRootSwap,
        /// The coldkey swapped a hotkey on this subnet too recently.
        HotKeySwapOnSubnetIntervalNotPassed,
        /// The coldkey cannot pay for the swap of its hotkey.
        NotEnoughBalanceToPaySwapHotKey,
        /// More is staked on the hotkey than one swap moves; swap it subnet by subnet, or keep the
        /// stake.
        HotKeySwapTooHeavy,
        /// The new coldkey stakes already, or is the old one; choose one that never staked.
        ColdKeyAlreadyAssociated,
        /// The new coldkey is a hotkey; choose another.
        NewColdKeyIsHotkey,
        /// The coldkey cannot pay for its swap.
        NotEnoughBalanceToPaySwapColdKey,
        /// The coldkey announced no swap.
        ColdkeySwapAnnouncementNotFound,
        /// This is not the coldkey whose hash was announced.
        AnnouncedColdkeyHashDoesNotMatch,
        /// The announced swap may not happen yet.
        ColdkeySwapTooEarly,
        /// Another swap may not be announced yet.
        ColdkeySwapReannouncedTooEarly,
        /// The announcement may not be taken back yet.
        ColdkeySwapClearTooEarly,
        /// The swap is disputed already.
        ColdkeySwapAlreadyDisputed,
        /// The coldkey announced a swap, and may do nothing else until it is over.
        ColdkeySwapAnnounced,
        /// The coldkey's swap is disputed; only root can free it.
        ColdkeySwapDisputed,
        /// The coldkey has more stakes and hotkeys than one swap moves; unstake some first.
        ColdkeySwapTooHeavy,
        /// The call does nothing any more; its description names another.
        Deprecated,
        /// Root stake is TAO, and is neither burned nor recycled.
        CannotBurnOrRecycleOnRootSubnet,
        /// The threshold is too high, or not root's.
        InvalidRootClaimThreshold,
        /// The lists of a batch differ in length.
        InputLengthsUnequal,
        /// The batch is empty, or has more items than may be.
        InvalidBatchLength,
        /// The chain opens another version of sealed weights.
        IncorrectCommitRevealVersion,
        /// Weights are sealed to a height to come, at the latest to the end of the epoch of their reveal.
        InvalidRevealRound,
    }
}
