//! Composes the pallets into the state machine that every node executes natively.
//!
//! There is no Wasm: the crate is compiled into the node, and [`api::dispatch`] is its whole interface. A
//! caller sets externalities (a view of the state), names a method such as `Core_execute_block`, passes
//! the SCALE-encoded arguments and gets the SCALE-encoded answer, or `None` when there is no such method.
//!
//! ```text
//!  genesis ──build──▶ state ◀──externalities── api::dispatch("BlockBuilder_apply_extrinsic", bytes)
//!                                                   │
//!                            ┌──────────────────────┴─────────────┐
//!                            ▼                                    ▼
//!                  extrinsic: decode, check             views: what wallets read
//!                            │                                    │
//!                            ▼                                    ▼
//!                  System Balances … SubtensorModule (storage, calls, events)
//! ```
//!
//! Pallet names and indices, the extrinsic format and the runtime APIs are those of Bittensor's chain,
//! because the official SDK finds everything by name in the metadata.
//!
//! # What always holds
//!
//! * Executing a block depends on the parent state and the block alone: no clock, randomness, float or
//!   unordered map is reachable from here.
//! * A changed rule or a changed metadata layout comes with a new [`VERSION`]`.spec_version`; clients
//!   cache metadata by it.
//!
//! # Not here
//!
//! Who proposes blocks and when they are final (`consensus`), where state is kept (`ledger`), and the
//! market's rules (`pallet-subtensor`, `economics`).

// The macros that compose a runtime emit argument lists and constructors of their own.
#![allow(clippy::too_many_arguments, clippy::new_without_default)]

pub mod aura;
pub mod beacon;
pub mod commitments;
pub mod config;
pub mod extrinsic;
pub mod free_calls;
pub mod genesis;
pub mod interface;
pub mod limits;
pub mod migrations;
pub mod nesting;
pub mod proxies;
pub mod shield;
pub mod signature;
pub mod tasks;
pub mod versions;
pub mod views;

mod apis;

pub use apis::api;
pub use apis::{RUNTIME_API_VERSIONS, RuntimeApi};
pub use extrinsic::{TxExtension, UncheckedExtrinsic};
pub use signature::{Signature, VerifiedSignatures};

use sp_runtime::{MultiAddress, generic, traits::BlakeTwo256};
use sp_version::RuntimeVersion;
use std::borrow::Cow;

/// Height of a block.
pub type BlockNumber = u32;
/// Public key that owns funds or signs work.
pub type AccountId = sp_runtime::AccountId32;
/// Address as a caller writes it in a call.
pub type Address = MultiAddress<AccountId, ()>;
/// Amount of TAO in rao (10⁻⁹ TAO).
pub type Balance = u64;
/// Number of transactions an account has sent.
pub type Nonce = u32;
/// Hash of blocks, extrinsics and states: blake2-256.
pub type Hash = sp_core::H256;
/// Milliseconds since the Unix epoch, as blocks carry them.
pub type Moment = u64;
/// Block header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// Block of decoded extrinsics.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// Least balance an account can hold, in rao.
pub const EXISTENTIAL_DEPOSIT: Balance = 500;
/// Prefix of every SS58 address on this chain.
pub const SS58_PREFIX: u16 = 42;
/// One TAO in rao.
pub const TAO: Balance = 1_000_000_000;

/// Identifies the rules and the metadata layout of this build; see [`versions`] for the version that a chain is on.
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("node-subtensor"),
    impl_name: Cow::Borrowed("stoa"),
    authoring_version: 1,
    spec_version: 3,
    impl_version: 1,
    apis: RUNTIME_API_VERSIONS,
    transaction_version: 1,
    system_version: 1,
};

/// Drives a block through its phases over the pallets below.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

frame_support::construct_runtime!(
    pub struct Runtime {
        System: frame_system = 0,
        Timestamp: pallet_timestamp = 2,
        Aura: aura = 3,
        Balances: pallet_balances = 5,
        TransactionPayment: pallet_transaction_payment = 6,
        SubtensorModule: pallet_subtensor = 7,
        Utility: pallet_utility = 11,
        Sudo: pallet_sudo = 12,
        Multisig: pallet_multisig = 13,
        Preimage: pallet_preimage = 14,
        Scheduler: pallet_scheduler = 15,
        Proxy: pallet_proxy = 16,
        Commitments: commitments = 18,
        AdminUtils: pallet_admin_utils = 19,
        Crowdloan: pallet_crowdloan = 27,
        MevShield: shield = 30,
        // Stoa's own, far from the places that Bittensor's chain fills next.
        Tasks: tasks = 100,
        Beacon: beacon = 101,
        Versions: versions = 102,
    }
);

#[cfg(test)]
mod tests;
