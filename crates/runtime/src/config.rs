//! Configures each pallet: which types, limits and prices it works with.

use crate::{
    AccountId, Balance, Balances, Block, BlockNumber, EXISTENTIAL_DEPOSIT, Moment, Nonce,
    OriginCaller, PalletInfo, Runtime, RuntimeCall, RuntimeEvent, RuntimeFreezeReason,
    RuntimeHoldReason, RuntimeOrigin, RuntimeTask, SS58_PREFIX, System, VERSION, aura, limits,
    views::Market,
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU8, ConstU16, ConstU32, ConstU64},
    weights::{ConstantMultiplier, Weight, WeightToFee},
};
use pallet_subtensor::Recycle;
use pallet_transaction_payment::FungibleAdapter;
use sp_version::RuntimeVersion;

parameter_types! {
    pub const Version: RuntimeVersion = VERSION;
    pub const BlockHashCount: BlockNumber = 4_096;
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type Nonce = Nonce;
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
    type BlockHashCount = BlockHashCount;
    type BlockWeights = limits::BlockWeights;
    type BlockLength = limits::BlockLength;
    type DbWeight = limits::DbCost;
    type Version = Version;
    type SS58Prefix = ConstU16<SS58_PREFIX>;
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type MaxConsumers = ConstU32<16>;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = Moment;
    type OnTimestampSet = ();
    type MinimumPeriod = limits::TimestampStepMin;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl aura::Config for Runtime {
    type SlotDuration = aura::IntervalMs;
}

impl pallet_subtensor::Config for Runtime {
    type Currency = Balances;
}

impl pallet_admin_utils::Config for Runtime {}

impl crate::commitments::Config for Runtime {
    type MaxFields = ConstU32<{ crate::commitments::FIELDS_MAX }>;
}

impl crate::shield::Config for Runtime {}

impl crate::tasks::Config for Runtime {
    type Subnets = Market;
}

impl crate::tasks::Subnets<AccountId> for Market {
    fn is_market(netuid: u16) -> bool {
        netuid != pallet_subtensor::ROOT && Market::subnet_exists(netuid)
    }

    fn owner(netuid: u16) -> Option<AccountId> {
        Market::subnet_owner(netuid)
    }
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type Balance = Balance;
    type DustRemoval = Recycle<Runtime>;
    type ExistentialDeposit = ConstU64<EXISTENTIAL_DEPOSIT>;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type MaxFreezes = ConstU32<50>;
    type DoneSlashHandler = ();
}

/// Prices execution: one rao per ten nanoseconds, so that a transfer costs about 0.00003 TAO.
pub struct ComputePrice;

impl WeightToFee for ComputePrice {
    type Balance = Balance;

    fn weight_to_fee(weight: &Weight) -> Balance {
        weight.ref_time() / 10_000
    }
}

parameter_types! {
    /// Price of one byte of a transaction, in rao.
    pub const BytePrice: Balance = 10;
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = FungibleAdapter<Balances, Recycle<Runtime>>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightToFee = ComputePrice;
    type LengthToFee = ConstantMultiplier<Balance, BytePrice>;
    type FeeMultiplierUpdate = ();
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}

impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = OriginCaller;
    type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}
