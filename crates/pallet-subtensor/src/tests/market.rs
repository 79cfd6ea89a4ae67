//! The one helper of the tests: a runtime of the system, balances and this pallet, and a market in
//! it.

use crate::{self as pallet_subtensor, *};
use frame_support::{
    derive_impl,
    dispatch::DispatchResultWithPostInfo,
    traits::{ConstU64, OnFinalize, OnInitialize},
};
use sp_runtime::{
    BuildStorage, DispatchResult, TryRuntimeError,
    traits::{Dispatchable, IdentityLookup},
};

pub(crate) type Subtensor = Pallet<Test>;
pub(crate) type Account = u64;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Balances: pallet_balances = 5,
        SubtensorModule: pallet_subtensor = 7,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlockU32<Test>;
    type AccountId = Account;
    type Lookup = IdentityLookup<Account>;
    type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u64;
    type ExistentialDeposit = ConstU64<500>;
    type AccountStore = System;
    type DustRemoval = Recycle<Test>;
}

impl Config for Test {
    type Currency = Balances;
    type OtherRecords = ();
    type Opener = ();
}

/// One TAO, or one alpha.
pub(crate) const UNIT: u64 = RAO_PER_UNIT;

/// Coldkeys that begin with a million TAO each.
pub(crate) const OWNER: Account = 1;
pub(crate) const ALICE: Account = 2;
pub(crate) const BOB: Account = 3;
pub(crate) const CAROL: Account = 4;
/// A coldkey that begins with nothing.
pub(crate) const PAUPER: Account = 9;

/// The hotkey number `index` of a coldkey.
pub(crate) fn hot(coldkey: Account, index: u64) -> Account {
    coldkey * 100 + index
}

/// A chain of the reference's twelve-second blocks.
pub(crate) struct Market {
    externalities: sp_io::TestExternalities,
}

impl Market {
    /// A chain with root only, at block 1.
    pub(crate) fn empty() -> Self {
        Self::with_interval(12_000)
    }

    /// A chain with root only and another block interval, at block 1.
    pub(crate) fn with_interval(block_interval_ms: u64) -> Self {
        Self::begun(GenesisConfig {
            block_interval_ms,
            network_min_lock_cost: 100 * UNIT,
            default_tempo: 10,
            ..Default::default()
        })
    }

    /// A chain with that genesis, at block 1.
    pub(crate) fn begun(market: GenesisConfig<Test>) -> Self {
        let genesis = RuntimeGenesisConfig {
            balances: pallet_balances::GenesisConfig {
                balances: [OWNER, ALICE, BOB, CAROL]
                    .map(|coldkey| (coldkey, 1_000_000 * UNIT))
                    .to_vec(),
                ..Default::default()
            },
            subtensor_module: market,
            ..Default::default()
        };
        let storage = genesis.build_storage().expect("genesis is valid");
        let mut market = Self {
            externalities: storage.into(),
        };
        market.run_to(1);
        market
    }

    /// A chain whose subnet 1 belongs to [`OWNER`] and is open, with no seat taken but the owner's.
    pub(crate) fn open() -> Self {
        let mut market = Self::empty();
        market.open_subnet(OWNER);
        market
    }

    /// Registers and opens one more subnet, and takes the rate limits that tests would only wait
    /// for away.
    pub(crate) fn open_subnet(&mut self, owner: Account) -> NetUid {
        let hotkey = hot(owner, u64::from(self.read(Subtensor::total_networks)));
        self.call(owner, Call::register_network { hotkey });
        let netuid = self.read(|| {
            Subtensor::netuids()
                .last()
                .copied()
                .expect("just registered")
        });
        self.call(owner, Call::start_call { netuid });
        self.set(netuid, Hyperparameter::WeightsSetRateLimit(0));
        self.set(netuid, Hyperparameter::ServingRateLimit(0));
        netuid
    }

    /// Registers a hotkey of `coldkey` and returns its uid.
    pub(crate) fn register(&mut self, netuid: NetUid, coldkey: Account, hotkey: Account) -> u16 {
        self.call(coldkey, Call::burned_register { netuid, hotkey });
        self.read(|| Subtensor::uid_of(netuid, &hotkey).expect("just registered"))
    }

    /// Stakes so many TAO, which must succeed.
    pub(crate) fn stake(&mut self, coldkey: Account, hotkey: Account, netuid: NetUid, tao: u64) {
        self.call(
            coldkey,
            Call::add_stake {
                hotkey,
                netuid,
                amount_staked: tao * UNIT,
            },
        );
    }

    /// Publishes weights, which must succeed.
    pub(crate) fn weigh(&mut self, hotkey: Account, netuid: NetUid, row: &[(u16, u16)]) {
        self.call(hotkey, set_weights(netuid, row));
    }

    /// Makes a call that must succeed, then checks the invariants.
    pub(crate) fn call(&mut self, signer: Account, call: Call<Test>) {
        let name = format!("{call:?}");
        assert_eq!(self.dispatch(signer, call), Ok(()), "{name}");
    }

    /// Makes a call that must be refused for `reason` and leave no trace but its event.
    pub(crate) fn refuse(&mut self, signer: Account, call: Call<Test>, reason: Error<Test>) {
        let name = format!("{call:?}");
        assert_eq!(self.dispatch(signer, call), Err(reason.into()), "{name}");
    }

    /// Makes a call as an extrinsic would be: all of it or nothing. Then checks the invariants.
    pub(crate) fn dispatch(&mut self, signer: Account, call: Call<Test>) -> DispatchResult {
        self.dispatch_from(RuntimeOrigin::signed(signer), call)
    }

    /// Makes a call as root, all of it or nothing. Then checks the invariants.
    pub(crate) fn as_root(&mut self, call: Call<Test>) -> DispatchResult {
        self.dispatch_from(RuntimeOrigin::root(), call)
    }

    /// Makes a call from any origin, all of it or nothing. Then checks the invariants.
    pub(crate) fn dispatch_from(
        &mut self,
        origin: RuntimeOrigin,
        call: Call<Test>,
    ) -> DispatchResult {
        let result = self.externalities.execute_with(|| {
            let result: DispatchResultWithPostInfo = RuntimeCall::from(call).dispatch(origin);
            result.map(|_| ()).map_err(|failed| failed.error)
        });
        self.check();
        result
    }

    /// Goes on until what dissolved subnets left behind is removed; returns how many blocks it took.
    pub(crate) fn finish_removals(&mut self) -> u32 {
        let from = self.read(System::block_number);
        while !self.read(Subtensor::dissolving).is_empty() {
            self.run(1);
        }
        self.read(System::block_number) - from
    }

    /// Sets a hyperparameter as root.
    pub(crate) fn set(&mut self, netuid: NetUid, setting: Hyperparameter) {
        assert_eq!(self.try_set(netuid, setting), Ok(()));
    }

    /// Sets a hyperparameter as root, if its value is acceptable.
    pub(crate) fn try_set(&mut self, netuid: NetUid, setting: Hyperparameter) -> DispatchResult {
        self.write(|| Subtensor::set_hyperparameter(netuid, setting, Authority::Root))
    }

    /// Goes on to a block, checking the invariants after each.
    pub(crate) fn run_to(&mut self, block: u32) {
        while self.read(System::block_number) < block {
            self.externalities.execute_with(|| {
                let current = System::block_number();
                AllPalletsWithSystem::on_finalize(current);
                let next = current + 1;
                System::reset_events();
                System::set_block_number(next);
                AllPalletsWithSystem::on_initialize(next);
            });
            self.check();
        }
    }

    /// Goes on by so many blocks.
    pub(crate) fn run(&mut self, blocks: u32) {
        let block = self.read(System::block_number);
        self.run_to(block + blocks);
    }

    /// Reads state.
    pub(crate) fn read<R>(&mut self, read: impl FnOnce() -> R) -> R {
        self.externalities.execute_with(read)
    }

    /// Changes state behind the calls' back, then checks the invariants.
    pub(crate) fn write<R>(&mut self, write: impl FnOnce() -> R) -> R {
        let written = self.externalities.execute_with(write);
        self.check();
        written
    }

    /// Free TAO of an account, in rao.
    pub(crate) fn free(&mut self, account: Account) -> u64 {
        self.read(|| Balances::free_balance(account))
    }

    /// What `coldkey` has staked, in rao.
    pub(crate) fn staked(&mut self, hotkey: Account, coldkey: Account, netuid: NetUid) -> u64 {
        self.read(|| Subtensor::stake_of(&hotkey, &coldkey, netuid))
    }

    /// Whether the pallet deposited this event in the current block.
    pub(crate) fn saw(&mut self, event: Event<Test>) -> bool {
        let event = RuntimeEvent::from(event);
        self.read(|| System::events().iter().any(|record| record.event == event))
    }

    fn check(&mut self) {
        let checked: Result<(), TryRuntimeError> =
            self.externalities.execute_with(Subtensor::do_try_state);
        assert_eq!(checked, Ok(()));
        let held: u64 = self.externalities.execute_with(|| {
            frame_system::Account::<Test>::iter_values()
                .map(|account| account.data.free + account.data.reserved)
                .sum()
        });
        let issued = self.read(Balances::total_issuance);
        assert_eq!(held, issued, "balances do not add up to their issuance");
    }
}

/// Whatever a test did last, and by whichever way, the invariants hold after it.
impl Drop for Market {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

/// The call that publishes a row.
pub(crate) fn set_weights(netuid: NetUid, row: &[(u16, u16)]) -> Call<Test> {
    Call::set_weights {
        netuid,
        dests: row.iter().map(|(uid, _)| *uid).collect(),
        weights: row.iter().map(|(_, weight)| *weight).collect(),
        version_key: 0,
    }
}
