//! Configures each pallet: which types, limits and prices it works with.

use crate::{
    AccountId, Balance, Balances, Block, BlockNumber, EXISTENTIAL_DEPOSIT, Moment, Nonce,
    OriginCaller, PalletInfo, Preimage, Runtime, RuntimeCall, RuntimeEvent, RuntimeFreezeReason,
    RuntimeHoldReason, RuntimeOrigin, RuntimeTask, SS58_PREFIX, System, TAO, aura, limits,
    migrations, proxies::ProxyType, versions, views::Market,
};
use frame_support::{
    PalletId, derive_impl, parameter_types,
    traits::{
        ConstU8, ConstU16, ConstU32, ConstU64, Get, LinearStoragePrice, PrivilegeCmp,
        fungible::HoldConsideration,
    },
    weights::{ConstantMultiplier, Weight, WeightToFee},
};
use frame_system::{EnsureRoot, RawOrigin};
use pallet_subtensor::Recycle;
use pallet_transaction_payment::FungibleAdapter;
use sp_runtime::{Perbill, traits::BlakeTwo256};
use std::cmp::Ordering;

parameter_types! {
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
    type Version = versions::Current;
    type SingleBlockMigrations = migrations::Steps;
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
    type OtherRecords = Records;
    type Opener = crate::Beacon;
}

/// What is kept of subnets beside the market: their tasks, and what neurons committed.
pub struct Records;

impl pallet_subtensor::SubnetRecords for Records {
    fn forget(netuid: u16, limit: u32) -> bool {
        crate::tasks::Pallet::<Runtime>::forget(netuid);
        crate::commitments::Pallet::<Runtime>::forget(netuid, limit)
    }
}

impl pallet_admin_utils::Config for Runtime {}

impl crate::commitments::Config for Runtime {
    type MaxFields = ConstU32<{ crate::commitments::FIELDS_MAX }>;
}

impl crate::shield::Config for Runtime {}

impl crate::beacon::Config for Runtime {
    type Sealed = Market;
}

impl pallet_subtensor::timelock::Opener for crate::Beacon {
    fn makes_keys() -> bool {
        Self::group().is_some()
    }
}

impl crate::beacon::Sealed for Market {
    fn wanted() -> Vec<u32> {
        Market::wanted_heights()
    }

    fn is_wanted(height: u32) -> bool {
        Market::is_height_wanted(height)
    }

    fn unlock(height: u32, key: &timelock::HeightKey) {
        Market::unlock(height, key);
    }
}

impl versions::Config for Runtime {}

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

/// What an account must set aside for what it keeps in the state: 0.02 TAO an item, 0.001 TAO a byte.
const fn deposit(items: u64, bytes: u64) -> Balance {
    items * (TAO / 50) + bytes * (TAO / 1_000)
}

impl pallet_multisig::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type DepositBase = ConstU64<{ deposit(1, 112) }>;
    type DepositFactor = ConstU64<{ deposit(0, 32) }>;
    type MaxSignatories = ConstU32<100>;
    type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
    type BlockNumberProvider = System;
}

impl pallet_proxy::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type ProxyType = ProxyType;
    type ProxyDepositBase = ConstU64<{ deposit(1, 40) }>;
    type ProxyDepositFactor = ConstU64<{ deposit(0, 33) }>;
    type MaxProxies = ConstU32<20>;
    type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
    type MaxPending = ConstU32<75>;
    type CallHasher = BlakeTwo256;
    type AnnouncementDepositBase = ConstU64<{ deposit(1, 16) }>;
    type AnnouncementDepositFactor = ConstU64<{ deposit(0, 68) }>;
    type BlockNumberProvider = System;
}

parameter_types! {
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
}

impl pallet_preimage::Config for Runtime {
    type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<ConstU64<{ deposit(2, 64) }>, ConstU64<{ deposit(0, 1) }>, Balance>,
    >;
}

/// What scheduled calls may take of a block: four fifths, so that transactions still find room.
pub struct ScheduledWeight;

impl Get<Weight> for ScheduledWeight {
    fn get() -> Weight {
        let block: frame_system::limits::BlockWeights = limits::BlockWeights::get();
        Perbill::from_percent(80) * block.max_block
    }
}

/// Root outranks everybody; no two others can be compared.
pub struct Rank;

impl PrivilegeCmp<OriginCaller> for Rank {
    fn cmp_privilege(left: &OriginCaller, right: &OriginCaller) -> Option<Ordering> {
        if left == right {
            return Some(Ordering::Equal);
        }
        let root = matches!(left, OriginCaller::system(RawOrigin::Root));
        root.then_some(Ordering::Greater)
    }
}

impl pallet_scheduler::Config for Runtime {
    type RuntimeOrigin = RuntimeOrigin;
    type RuntimeEvent = RuntimeEvent;
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type MaximumWeight = ScheduledWeight;
    type ScheduleOrigin = EnsureRoot<AccountId>;
    type MaxScheduledPerBlock = ConstU32<50>;
    type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
    type OriginPrivilegeCmp = Rank;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

parameter_types! {
    pub const CrowdloanPalletId: PalletId = PalletId(*b"bt/cloan");
}

impl pallet_crowdloan::Config for Runtime {
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type Preimages = Preimage;
    type PalletId = CrowdloanPalletId;
    type MinimumDeposit = ConstU64<{ 10 * TAO }>;
    type AbsoluteMinimumContribution = ConstU64<{ TAO / 10 }>;
    type MinimumBlockDuration = ConstU32<50_400>;
    type MaximumBlockDuration = ConstU32<432_000>;
    type RefundContributorsLimit = ConstU32<50>;
    type MaxContributors = ConstU32<500>;
}
