//! Tests of the composed runtime: each drives it through [`crate::api::dispatch`], as the ledger does.

use crate::{
    EXISTENTIAL_DEPOSIT, Header, RuntimeCall, TAO, UncheckedExtrinsic, VERSION, VerifiedSignatures,
    api, extrinsic,
    genesis::{self, GenesisSpec},
    limits,
};
use parity_scale_codec::{Decode, Encode};
use sp_core::{Blake2Hasher, H256, OpaqueMetadata, Pair, sr25519};
use sp_inherents::InherentData;
use sp_runtime::{
    ApplyExtrinsicResult, MultiAddress, TokenError,
    traits::Header as _,
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidity, TransactionValidityError,
    },
};
use sp_state_machine::TestExternalities;

mod blocks;
mod fuzz;
mod interface;
mod market;
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
        let storage = genesis::build(&GenesisSpec::development(INTERVAL_MS)).unwrap();
        let state = TestExternalities::new(storage);
        Self {
            state,
            parent: H256::repeat_byte(1),
            height: 0,
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
        let inherents: Vec<UncheckedExtrinsic> =
            self.call("BlockBuilder_inherent_extrinsics", inherents);
        for inherent in inherents {
            let applied: ApplyExtrinsicResult = self.call("BlockBuilder_apply_extrinsic", inherent);
            applied.unwrap().unwrap();
        }
        let results = extrinsics
            .into_iter()
            .map(|extrinsic| self.call("BlockBuilder_apply_extrinsic", extrinsic))
            .collect();
        let header: Header = self.call("BlockBuilder_finalize_block", ());
        self.parent = header.hash();
        results
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

fn transfer(to: &str, amount: u64) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: MultiAddress::Id(genesis::development_account(to)),
        value: amount,
    })
}
