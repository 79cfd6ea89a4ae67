//! What happened. The names and the order of fields are Bittensor's, which wallets read.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A subnet was registered: netuid, pricing.
        NetworkAdded(NetUid, u16),
        /// A subnet was dissolved.
        NetworkRemoved(NetUid),
        /// What the owner of a dissolved subnet said about it was removed.
        SubnetIdentityRemoved(NetUid),
        /// A staker of a dissolved subnet was paid from its pool.
        StakeRefunded {
            /// Who was paid.
            coldkey: T::AccountId,
            /// The subnet.
            netuid: NetUid,
            /// For how much, in rao of alpha.
            alpha: AlphaBalance,
            /// How much, in rao of TAO.
            tao: TaoBalance,
        },
        /// A subnet's registration waits for another's removal.
        NetworkRegistrationQueued {
            /// Who paid.
            coldkey: T::AccountId,
            /// The hotkey that will hold uid 0.
            hotkey: T::AccountId,
            /// How the subnet will be priced.
            mechid: u16,
            /// What its owner says about it.
            identity: Option<SubnetIdentityV3>,
            /// What was paid, in rao.
            lock_amount: TaoBalance,
            /// Block in which it was asked for.
            registration_block: u64,
        },
        /// A subnet's registration that waited cannot be served.
        NetworkRegistrationRefused {
            /// Who had paid.
            coldkey: T::AccountId,
            /// Why.
            reason: sp_runtime::DispatchError,
            /// What was paid back, in rao.
            returned: TaoBalance,
        },
        /// A subnet was opened: netuid, first block it is emitted to.
        FirstEmissionBlockNumberSet(NetUid, u64),
        /// A subnet's owner chose another hotkey.
        SubnetOwnerHotkeySet(NetUid, T::AccountId),
        /// A subnet's owner described it.
        SubnetIdentitySet(NetUid),
        /// A coldkey described itself.
        ChainIdentitySet(T::AccountId),
        /// A subnet's token has a new sign.
        SymbolUpdated {
            /// The subnet.
            netuid: NetUid,
            /// The sign, in UTF-8.
            symbol: sp_runtime::Vec<u8>,
        },
        /// A hotkey was given a uid: netuid, uid, hotkey.
        NeuronRegistered(NetUid, u16, T::AccountId),
        /// A hotkey was given an owner: coldkey, hotkey.
        HotkeyAssociated(T::AccountId, T::AccountId),
        /// Stake was put in: coldkey, hotkey, TAO, alpha, netuid, fee.
        StakeAdded(
            T::AccountId,
            T::AccountId,
            TaoBalance,
            AlphaBalance,
            NetUid,
            u64,
        ),
        /// Stake was taken out: coldkey, hotkey, TAO, alpha, netuid, fee.
        StakeRemoved(
            T::AccountId,
            T::AccountId,
            TaoBalance,
            AlphaBalance,
            NetUid,
            u64,
        ),
        /// Stake moved between hotkeys: coldkey, from hotkey and netuid, to hotkey and netuid, TAO
        /// worth.
        StakeMoved(
            T::AccountId,
            T::AccountId,
            NetUid,
            T::AccountId,
            NetUid,
            TaoBalance,
        ),
        /// Stake passed to another coldkey: from, to, hotkey, from and to netuid, TAO worth.
        StakeTransferred(
            T::AccountId,
            T::AccountId,
            T::AccountId,
            NetUid,
            NetUid,
            TaoBalance,
        ),
        /// Stake moved between subnets: coldkey, hotkey, from and to netuid, TAO worth.
        StakeSwapped(T::AccountId, T::AccountId, NetUid, NetUid, TaoBalance),
        /// A coldkey sends its pay as a miner to another hotkey.
        AutoStakeDestinationSet {
            /// Whose pay.
            coldkey: T::AccountId,
            /// On which subnet.
            netuid: NetUid,
            /// Where it goes.
            hotkey: T::AccountId,
        },
        /// A root staker collected dividends.
        RootClaimed {
            /// Who collected.
            coldkey: T::AccountId,
            /// From which validator.
            hotkey: T::AccountId,
            /// On which subnet.
            netuid: NetUid,
            /// How much, in rao of alpha.
            alpha: AlphaBalance,
        },
        /// A validator raised its take: coldkey, hotkey, take.
        TakeIncreased(T::AccountId, T::AccountId, u16),
        /// A validator lowered its take: coldkey, hotkey, take.
        TakeDecreased(T::AccountId, T::AccountId, u16),
        /// A validator published weights: netuid, uid.
        WeightsSet(NetUid, u16),
        /// A validator announced weights: hotkey, netuid, hash.
        WeightsCommitted(T::AccountId, NetUid, sp_core::H256),
        /// A validator published announced weights: netuid, hotkey, hash.
        WeightsRevealed(NetUid, T::AccountId, sp_core::H256),
        /// A neuron published where it answers: netuid, hotkey.
        AxonServed(NetUid, T::AccountId),
        /// A neuron published where it shows metrics: netuid, hotkey.
        PrometheusServed(NetUid, T::AccountId),
        /// A setting of a subnet changed.
        HyperparameterSet {
            /// The subnet.
            netuid: NetUid,
            /// The setting and its value.
            setting: Hyperparameter,
        },
        /// A subnet settled an epoch.
        EpochSettled {
            /// The subnet.
            netuid: NetUid,
            /// What was shared out, in rao of alpha.
            emission: AlphaBalance,
        },
        /// Children wait to count: parent, netuid, block until which they wait, children.
        SetChildrenScheduled(
            T::AccountId,
            NetUid,
            u64,
            sp_runtime::Vec<(u64, T::AccountId)>,
        ),
        /// Children count from now on: parent, netuid, children.
        SetChildren(T::AccountId, NetUid, sp_runtime::Vec<(u64, T::AccountId)>),
        /// A hotkey chose its take for parents: hotkey, take.
        ChildKeyTakeSet(T::AccountId, u16),
        /// The lowest take for parents changed.
        MinChildKeyTakeSet(u16),
        /// The highest take for parents changed.
        MaxChildKeyTakeSet(u16),
        /// The blocks between two raises of a take for parents changed.
        TxChildKeyTakeRateLimitSet(u64),
        /// A validator on root turned on or off that it lends to subnets' owners.
        AutoParentDelegationEnabledSet {
            /// The validator.
            hotkey: T::AccountId,
            /// Whether it lends to them.
            enabled: bool,
        },
        /// A miner's pay was staked on the hotkey that its coldkey named.
        AutoStakeAdded {
            /// The subnet.
            netuid: NetUid,
            /// Where it was staked.
            destination: T::AccountId,
            /// Who earned it.
            hotkey: T::AccountId,
            /// Whose stake it is.
            owner: T::AccountId,
            /// How much, in rao of alpha.
            incentive: AlphaBalance,
        },
        /// A hotkey stepped into another's place on all subnets.
        HotkeySwapped {
            /// Who owns both.
            coldkey: T::AccountId,
            /// Which hotkey was replaced.
            old_hotkey: T::AccountId,
            /// Which hotkey replaced it.
            new_hotkey: T::AccountId,
        },
        /// A hotkey stepped into another's place on one subnet.
        HotkeySwappedOnSubnet {
            /// Who owns both.
            coldkey: T::AccountId,
            /// Which hotkey was replaced.
            old_hotkey: T::AccountId,
            /// Which hotkey replaced it.
            new_hotkey: T::AccountId,
            /// The subnet.
            netuid: NetUid,
        },
        /// A coldkey announced its swap.
        ColdkeySwapAnnounced {
            /// Who announced it.
            who: T::AccountId,
            /// The new coldkey's hash.
            new_coldkey_hash: T::Hash,
        },
        /// Root freed a coldkey of its announcement and its dispute.
        ColdkeySwapReset {
            /// Whom.
            who: T::AccountId,
        },
        /// A coldkey took its announcement back.
        ColdkeySwapCleared {
            /// Who.
            who: T::AccountId,
        },
        /// A coldkey stopped its swap.
        ColdkeySwapDisputed {
            /// Who.
            coldkey: T::AccountId,
        },
        /// Everything that a coldkey had became another's.
        ColdkeySwapped {
            /// Whose it was.
            old_coldkey: T::AccountId,
            /// Whose it is.
            new_coldkey: T::AccountId,
        },
        /// The blocks from an announcement until the swap may happen changed.
        ColdkeySwapAnnouncementDelaySet(BlockNumberFor<T>),
        /// The blocks after that until another swap may be announced changed.
        ColdkeySwapReannouncementDelaySet(BlockNumberFor<T>),
        /// Stake passed to another coldkey and another hotkey.
        StakeAndHotkeyTransferred {
            /// Whose it was.
            origin_coldkey: T::AccountId,
            /// Whose it is.
            destination_coldkey: T::AccountId,
            /// Hotkey it left.
            origin_hotkey: T::AccountId,
            /// Hotkey it went to.
            destination_hotkey: T::AccountId,
            /// Subnet it left.
            origin_netuid: NetUid,
            /// Subnet it went to.
            destination_netuid: NetUid,
            /// What it was worth on the way, in rao of TAO.
            amount: TaoBalance,
        },
        /// Staked alpha ceased to exist: coldkey, hotkey, alpha, netuid.
        AlphaRecycled(T::AccountId, T::AccountId, AlphaBalance, NetUid),
        /// Staked alpha became nobody's: coldkey, hotkey, alpha, netuid.
        AlphaBurned(T::AccountId, T::AccountId, AlphaBalance, NetUid),
        /// Alpha was bought and burned.
        AddStakeBurn {
            /// The subnet.
            netuid: NetUid,
            /// The hotkey that was named.
            hotkey: T::AccountId,
            /// What was offered, in rao of TAO.
            amount: TaoBalance,
            /// What was burned, in rao of alpha.
            alpha: AlphaBalance,
        },
        /// A validator published several announced rows: hotkey, netuid, hashes.
        WeightsBatchRevealed(T::AccountId, NetUid, sp_runtime::Vec<sp_core::H256>),
        /// A batch of rows or commits succeeded: netuids, hotkey.
        BatchWeightsCompleted(
            sp_runtime::Vec<parity_scale_codec::Compact<NetUid>>,
            T::AccountId,
        ),
        /// A batch is done, but some of its items failed.
        BatchCompletedWithErrors(),
        /// One item of a batch failed: netuid, why.
        BatchWeightItemFailed(NetUid, sp_runtime::DispatchError),
        /// A validator sealed a row: hotkey, storage index, hash of what is sealed, height.
        TimelockedWeightsCommitted(T::AccountId, NetUid, sp_core::H256, u64),
        /// A sealed row was opened: storage index, hotkey.
        TimelockedWeightsRevealed(NetUid, T::AccountId),
        /// A sealed row was dropped: storage index, hotkey, why.
        TimelockedWeightsDropped(NetUid, T::AccountId, sp_runtime::DispatchError),
    }
}
