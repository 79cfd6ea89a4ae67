//! The market on chain: subnets, neurons, stake, weights, epochs and emission.
//!
//! The runtime names this pallet `SubtensorModule`; its storage, calls, errors and events are named
//! as Bittensor names them, so that wallets made for Bittensor read and call it. Each concept has a
//! file that states its rule, owns its storage and offers functions to the others. Arithmetic is in
//! [`economics`].
//!
//! | file | concept |
//! |---|---|
//! | [`networks`] | which subnets exist, what a new one costs, when it opens |
//! | [`network_queue`] | where a new subnet finds its place |
//! | [`dissolution`] | how a subnet ends |
//! | `sweep` | a long map, visited some in each block |
//! | [`mechanisms`] | several markets on one subnet |
//! | [`registry`] | which hotkey holds which uid, which coldkey owns which hotkey |
//! | [`registration`] | what a seat costs |
//! | [`work`] | seats for work instead of TAO |
//! | [`trim`] | making a subnet smaller |
//! | [`stake`] | whose stake is whose |
//! | [`staking`] | putting stake in, taking it out |
//! | [`moves`] | moving it to another hotkey, subnet or coldkey |
//! | `burning` | giving it up |
//! | [`swaps`] | a hotkey that steps into another's place |
//! | [`coldkey_swaps`] | a coldkey that steps into another's place |
//! | [`pool`] | what alpha costs, and the books of alpha |
//! | [`flow`] | how much TAO stakers move in and out |
//! | [`locks`] | that stake is never locked |
//! | [`money`] | the books of TAO |
//! | [`weights`] | what validators publish |
//! | [`weight_batches`] | what they publish by the batch |
//! | [`timelock`] | what they publish sealed, and when it opens |
//! | [`epoch`] | when a subnet settles, and the results |
//! | [`emission`] | what a block creates |
//! | [`payout`] | who is paid at the end of an epoch |
//! | [`root_dividends`] | what root stakers earn and collect |
//! | [`children`] | who lends stake weight to whom |
//! | [`auto_stake`] | where miners' pay is staked |
//! | [`delegation`] | what a validator keeps |
//! | [`axon`] | where neurons can be reached |
//! | [`identity`] | what subnets and coldkeys say about themselves |
//! | [`hyperparameters`] | what may be tuned |
//! | `choices` | what a setting may be where it is one of a few |
//! | [`rate_limits`] | when somebody last did something |
//! | `costs` | how long calls take that grow with the market |
//! | [`crowd`] | a filled market to begin with |
//! | [`invariants`] | what is true after every block |
//!
//! # Order inside a block
//!
//! At the start: prices of seats fall, sealed weights open, TAO is minted into pools, alpha is minted for pay, due
//! epochs settle and pay, moving prices and root's proportions follow. Then come the extrinsics.
//!
//! # Not here
//!
//! Hyperparameters are set through the admin pallet. Reads for wallets are composed in the runtime
//! from the getters of each file.

#![warn(missing_docs)]
// Importing the sections of the pallet, one after the other, is one recursion.
#![recursion_limit = "512"]

pub mod auto_stake;
pub mod axon;
mod burning;
mod calls;
pub mod children;
mod choices;
pub mod coldkey_swaps;
mod costs;
pub mod crowd;
pub mod delegation;
pub mod dissolution;
pub mod emission;
pub mod epoch;
mod errors;
mod events;
pub mod fixed;
pub mod flow;
pub mod hyperparameters;
pub mod identity;
pub mod invariants;
pub mod locks;
pub mod mechanisms;
pub mod money;
pub mod moves;
pub mod network_queue;
pub mod networks;
pub mod payout;
pub mod pool;
pub mod rate_limits;
pub mod registration;
pub mod registry;
pub mod root_dividends;
pub mod stake;
pub mod staking;
pub mod swaps;
mod sweep;
pub mod timelock;
pub mod trim;
pub mod weight_batches;
pub mod weights;
pub mod work;

#[cfg(test)]
mod tests;

pub use axon::{AxonInfo, NeuronCertificate, PrometheusInfo};
pub use children::WorkingStake;
pub use choices::{ConsensusMode, EpochConsensus, RecycleOrBurnEnum};
pub use coldkey_swaps::{InitialAnnouncementDelay, InitialReannouncementDelay};
pub use crowd::Crowd;
pub use dissolution::{DissolveCleanupPhase, DissolveCleanupStatus, SubnetRecords};
pub use emission::InitialMovingRate;
pub use fixed::{FixedI128, FixedU128};
pub use hyperparameters::{Hyperparameter, InitialAlphaValues, OWNER_UIDS_MAX, UIDS_MAX};
pub use identity::{ChainIdentityV2, SubnetIdentityV3};
pub use locks::LockState;
pub use money::Recycle;
pub use moves::StakeRoute;
pub use network_queue::NetworkRegistrationInfo;
pub use networks::Authority;
pub use pallet::*;
pub use rate_limits::{RateLimitKey, ServedKind};
pub use registration::InitialBurnIncrease;
pub use staking::{PriceLimit, STAKE_MIN};
pub use weights::Opinion;
pub use work::Work;

pub(crate) use burning::Sacrifice;
pub(crate) use emission::RootPart;
pub(crate) use moves::StakeMove;
pub(crate) use network_queue::Place;
pub(crate) use stake::{STAKING_HOTKEYS_MAX, StakeChange};
pub(crate) use staking::UnstakeScope;
pub(crate) use swaps::HotkeySwap;

/// A subnet's number.
pub type NetUid = u16;
/// A number of a mechanism within a subnet.
pub type MechId = u8;
/// An amount of TAO, in rao.
pub type TaoBalance = u64;
/// An amount of a subnet's alpha, in rao; on root, of TAO.
pub type AlphaBalance = u64;

/// The root subnet, where TAO is staked for all subnets together.
pub const ROOT: NetUid = 0;
/// Rao in one TAO, or in one alpha.
pub const RAO_PER_UNIT: u64 = 1_000_000_000;

/// Changes with the meaning of what is stored; the runtime's migrations lead from each version to the next.
pub const STORAGE_VERSION: frame_support::traits::StorageVersion =
    frame_support::traits::StorageVersion::new(1);

use frame_support::pallet_macros::import_section;

/// The pallet: configuration, genesis and hooks here; storage, calls, errors and events from the
/// files that own them.
#[import_section(networks::network_storage)]
#[import_section(network_queue::network_queue_storage)]
#[import_section(dissolution::dissolution_storage)]
#[import_section(mechanisms::mechanism_storage)]
#[import_section(registry::registry_storage)]
#[import_section(registration::registration_storage)]
#[import_section(work::work_storage)]
#[import_section(stake::stake_storage)]
#[import_section(staking::staking_storage)]
#[import_section(pool::pool_storage)]
#[import_section(flow::flow_storage)]
#[import_section(locks::lock_storage)]
#[import_section(money::money_storage)]
#[import_section(swaps::swap_storage)]
#[import_section(coldkey_swaps::coldkey_swap_storage)]
#[import_section(weights::weight_storage)]
#[import_section(timelock::timelock_storage)]
#[import_section(epoch::epoch_storage)]
#[import_section(emission::emission_storage)]
#[import_section(payout::payout_storage)]
#[import_section(root_dividends::root_dividend_storage)]
#[import_section(delegation::delegation_storage)]
#[import_section(children::children_storage)]
#[import_section(auto_stake::auto_stake_storage)]
#[import_section(axon::axon_storage)]
#[import_section(identity::identity_storage)]
#[import_section(hyperparameters::hyperparameter_storage)]
#[import_section(rate_limits::rate_limit_storage)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[import_section(calls::calls)]
#[allow(
    clippy::too_many_arguments,
    reason = "the arguments of calls are fixed by the wallets that make them"
)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{pallet_prelude::*, traits::fungible};
    use frame_system::pallet_prelude::*;
    use parity_scale_codec::Compact;
    use sp_runtime::{
        Vec,
        traits::{ConstBool, ConstI16, ConstU8, ConstU16, ConstU64, UniqueSaturatedInto},
    };
    use std::collections::BTreeSet;

    /// The pallet's type.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    /// What the runtime supplies.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// Accounts that hold free TAO, in rao.
        type Currency: fungible::Inspect<Self::AccountId, Balance = TaoBalance>
            + fungible::Mutate<Self::AccountId>;

        /// What other pallets keep by subnet, to be removed with it.
        type OtherRecords: SubnetRecords;

        /// Who makes the keys that open sealed weights.
        type Opener: timelock::Opener;
    }

    /// What a new chain begins with, beside root.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// Milliseconds from one block to the next.
        pub block_interval_ms: u64,
        /// First and lowest price of a subnet, in rao.
        pub network_min_lock_cost: TaoBalance,
        /// Blocks from a subnet's registration until its owner may open it.
        pub start_call_delay: u64,
        /// Tempo with which new subnets begin, in blocks.
        pub default_tempo: u16,
        /// Who is there already, if anybody.
        pub crowd: Option<Crowd>,
        /// The configuration it belongs to.
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self {
                block_interval_ms: 1_000,
                network_min_lock_cost: 1_000 * RAO_PER_UNIT,
                start_call_delay: 0,
                default_tempo: 360,
                crowd: None,
                _config: core::marker::PhantomData,
            }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        /// Runs after the balances pallet's, whose issuance it takes over.
        fn build(&self) {
            Pallet::<T>::set_block_interval_ms(self.block_interval_ms);
            Pallet::<T>::initialize_lock_cost(self.network_min_lock_cost);
            Pallet::<T>::set_start_call_delay(self.start_call_delay);
            Pallet::<T>::set_default_tempo(self.default_tempo);
            Pallet::<T>::create_network(ROOT, 0);
            Pallet::<T>::initialize_root_hyperparameters();
            if let Some(crowd) = &self.crowd {
                Pallet::<T>::seat_crowd(crowd)
                    .expect("who writes a genesis checks that there is room for its crowd");
            }
            Pallet::<T>::initialize_issuance();
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_now: BlockNumberFor<T>) -> Weight {
            Self::block_step()
        }

        fn on_finalize(_now: BlockNumberFor<T>) {
            Self::reconcile_issuance();
        }
    }

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Blocks from a subnet's registration until its owner may open it.
        #[pallet::constant_name(InitialStartCallDelay)]
        fn initial_start_call_delay() -> u64 {
            Self::start_call_delay()
        }

        /// Price of a key's swap on all subnets, in rao.
        #[pallet::constant_name(KeySwapCost)]
        fn key_swap_cost() -> TaoBalance {
            swaps::SWAP_COST
        }

        /// Price of a hotkey's swap on one subnet, in rao.
        #[pallet::constant_name(KeySwapOnSubnetCost)]
        fn key_swap_on_subnet_cost() -> TaoBalance {
            swaps::SUBNET_SWAP_COST
        }

        /// Blocks between two swaps of a coldkey's hotkeys on one subnet.
        #[pallet::constant_name(HotkeySwapOnSubnetInterval)]
        fn hotkey_swap_on_subnet_interval() -> u64 {
            swaps::SWAP_INTERVAL
        }

        /// Blocks from a coldkey's announcement until its swap may happen, in the beginning.
        #[pallet::constant_name(InitialColdkeySwapAnnouncementDelay)]
        fn initial_coldkey_swap_announcement_delay() -> BlockNumberFor<T> {
            InitialAnnouncementDelay::get()
        }

        /// Blocks after that until another swap may be announced, in the beginning.
        #[pallet::constant_name(InitialColdkeySwapReannouncementDelay)]
        fn initial_coldkey_swap_reannouncement_delay() -> BlockNumberFor<T> {
            InitialReannouncementDelay::get()
        }

        /// Shortest tempo that an owner may choose.
        #[pallet::constant_name(MinTempo)]
        fn min_tempo() -> u16 {
            *hyperparameters::OWNER_TEMPO.start()
        }

        /// Longest tempo that an owner may choose.
        #[pallet::constant_name(MaxTempo)]
        fn max_tempo() -> u16 {
            *hyperparameters::OWNER_TEMPO.end()
        }
    }

    impl<T: Config> Pallet<T> {
        /// The current block's number.
        pub fn block() -> u64 {
            frame_system::Pallet::<T>::block_number().unique_saturated_into()
        }
    }
}
