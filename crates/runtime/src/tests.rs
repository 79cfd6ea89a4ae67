//! Tests of the composed runtime: each drives it through [`crate::api::dispatch`], as the ledger does. The invariants of
//! every pallet that has some are checked after every block and every test.

use crate::{
    EXISTENTIAL_DEPOSIT, Header, RuntimeCall, TAO, UncheckedExtrinsic, VERSION, VerifiedSignatures,
    api, extrinsic,
    genesis::{self, GenesisSpec},
    limits,
};
use parity_scale_codec::{Decode, Encode};
use sp_core::{Blake2Hasher, H256, OpaqueMetadata, Pair, sr25519, storage::Storage};
use sp_inherents::InherentData;
use sp_runtime::{
    ApplyExtrinsicResult, MultiAddress, TokenError,
    traits::Header as _,
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidity, TransactionValidityError,
    },
};
use sp_state_machine::TestExternalities;

mod beacon;
mod blocks;
mod commitments;
mod fuzz;
mod heights;
mod interface;
mod market;
mod mechanisms;
mod origins;
mod proxies;
mod swaps;
mod tasks;
mod versions;

const INTERVAL_MS: u64 = 250;
const START_MS: u64 = 1_700_000_000_000;

/// A chain in memory: genesis, then blocks, all through the runtime's API.
struct Chain {
    state: TestExternalities<Blake2Hasher>,
    parent: H256,
    height: u32,
}

impl Chain {
    fn new() -> Self {
        Self::begun(&GenesisSpec::development(INTERVAL_MS))
    }

    /// A chain with that genesis, before its first block.
    fn begun(spec: &GenesisSpec) -> Self {
        Self::at(genesis::build(spec).unwrap(), H256::repeat_byte(1), 0)
    }

    /// A chain that goes on from the state after a block.
    fn at(storage: Storage, parent: H256, height: u32) -> Self {
        Self {
            state: TestExternalities::new(storage),
            parent,
            height,
        }
    }

    fn dispatch(&mut self, method: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        self.state.execute_with(|| api::dispatch(method, arguments))
    }

    fn call<R: Decode>(&mut self, method: &str, arguments: impl Encode) -> R {
        let bytes = self
            .dispatch(method, &arguments.encode())
            .unwrap_or_else(|| panic!("no method {method}"));
        R::decode(&mut &bytes[..]).unwrap()
    }

    /// Builds the next block from its inherents and `extrinsics`, and returns what each of the latter did.
    fn block(&mut self, extrinsics: Vec<UncheckedExtrinsic>) -> Vec<ApplyExtrinsicResult> {
        self.begin_block(Vec::new());
        let results = extrinsics
            .into_iter()
            .map(|extrinsic| self.call("BlockBuilder_apply_extrinsic", extrinsic))
            .collect();
        self.end_block();
        assert_eq!(self.check(), Ok(()));
        results
    }

    /// Begins the next block, whose author knows these keys of heights, and applies its inherents; returns how many.
    fn begin_block(&mut self, keys: Vec<crate::beacon::Key>) -> usize {
        self.height += 1;
        let header = Header::new(
            self.height,
            H256::zero(),
            H256::zero(),
            self.parent,
            Default::default(),
        );
        assert!(
            self.dispatch("Core_initialize_block", &header.encode())
                .is_some()
        );
        let mut inherents = InherentData::new();
        let earliest = self.state.execute_with(crate::Timestamp::get) + INTERVAL_MS;
        let now = earliest.max(START_MS + u64::from(self.height) * INTERVAL_MS);
        inherents
            .put_data(sp_timestamp::INHERENT_IDENTIFIER, &now)
            .unwrap();
        inherents
            .put_data(crate::beacon::INHERENT_IDENTIFIER, &keys)
            .unwrap();
        let inherents: Vec<UncheckedExtrinsic> =
            self.call("BlockBuilder_inherent_extrinsics", inherents);
        let count = inherents.len();
        for inherent in inherents {
            let applied: ApplyExtrinsicResult = self.call("BlockBuilder_apply_extrinsic", inherent);
            applied.unwrap().unwrap();
        }
        count
    }

    fn end_block(&mut self) {
        let header: Header = self.call("BlockBuilder_finalize_block", ());
        self.parent = header.hash();
    }

    /// Whether everything that is always true is true now.
    fn check(&mut self) -> Result<(), String> {
        self.state.execute_with(|| {
            crate::SubtensorModule::do_try_state().map_err(|broken| format!("{broken:?}"))?;
            crate::Crowdloan::do_try_state().map_err(|broken| format!("{broken:?}"))?;
            let held: u128 = frame_system::Account::<crate::Runtime>::iter_values()
                .map(|account| u128::from(account.data.free) + u128::from(account.data.reserved))
                .sum();
            if held == u128::from(crate::Balances::total_issuance()) {
                Ok(())
            } else {
                Err("balances do not add up to their issuance".to_owned())
            }
        })
    }

    fn free(&mut self, name: &str) -> u64 {
        let account = genesis::development_account(name);
        self.state
            .execute_with(|| crate::Balances::free_balance(&account))
    }

    fn signed(&mut self, from: &str, call: RuntimeCall, nonce: u32) -> UncheckedExtrinsic {
        let genesis_hash = self.state.execute_with(|| crate::System::block_hash(0));
        extrinsic::sign(
            &genesis::development_pair(from),
            call,
            nonce,
            genesis_hash,
            0,
        )
    }

    /// Validates as the pool does: on a state that is thrown away afterwards.
    fn validate(&mut self, extrinsic: UncheckedExtrinsic) -> TransactionValidity {
        let arguments = (TransactionSource::External, extrinsic, self.parent).encode();
        let bytes = self.state.execute_with(|| {
            sp_io::storage::start_transaction();
            let bytes = api::dispatch("TaggedTransactionQueue_validate_transaction", &arguments);
            sp_io::storage::rollback_transaction();
            bytes
        });
        TransactionValidity::decode(&mut &bytes.unwrap()[..]).unwrap()
    }
}

/// Whatever a test did last, and by whichever way, the invariants hold after it.
impl Drop for Chain {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.check(), Ok(()));
        }
    }
}

fn transfer(to: &str, amount: u64) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: MultiAddress::Id(genesis::development_account(to)),
        value: amount,
    })
}
