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
    }
}
