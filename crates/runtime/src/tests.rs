//! Tests of the composed runtime: each drives it through [`crate::api::dispatch`], as the ledger does.

use crate::{
    AccountId, Block, EXISTENTIAL_DEPOSIT, Header, RuntimeCall, TAO, UncheckedExtrinsic, VERSION,
    VerifiedSignatures, api, extrinsic,
    genesis::{self, GenesisSpec},
};
use parity_scale_codec::{Decode, Encode};
use sp_core::{H256, Pair, sr25519};
use sp_inherents::{InherentData, InherentDataProvider};
use sp_runtime::{
    ApplyExtrinsicResult, DispatchError, MultiAddress,
    traits::Header as _,
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidity, TransactionValidityError,
    },
};
use sp_state_machine::BasicExternalities;

const INTERVAL_MS: u64 = 250;
const START_MS: u64 = 1_700_000_000_000;

/// A chain in memory: genesis, then blocks, all through the runtime's API.
struct Chain {
    state: BasicExternalities,
    parent: H256,
    height: u32,
}

impl Chain {
    fn new() -> Self {
        let storage = genesis::build(&GenesisSpec::development(INTERVAL_MS)).unwrap();
        Self {
            state: BasicExternalities::new(storage),
            parent: H256::repeat_byte(1),
            height: 0,
        }
    }

    fn call<R: Decode>(&mut self, method: &str, arguments: impl Encode) -> R {
        let bytes = self
            .state
            .execute_with(|| api::dispatch(method, &arguments.encode()))
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
        let bytes = self
            .state
            .execute_with(|| api::dispatch("Core_initialize_block", &header.encode()));
        assert!(bytes.is_some());
        let inherents: Vec<UncheckedExtrinsic> = self.call(
            "BlockBuilder_inherent_extrinsics",
            inherent_data(self.height),
        );
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

    fn genesis_hash(&mut self) -> H256 {
        self.state.execute_with(|| crate::System::block_hash(0))
    }

    fn transfer(&mut self, from: &str, to: &str, amount: u64, nonce: u32) -> UncheckedExtrinsic {
        let genesis_hash = self.genesis_hash();
        extrinsic::sign(
            &genesis::development_pair(from),
            transfer_call(to, amount),
            nonce,
            genesis_hash,
            0,
        )
    }
}

fn transfer_call(to: &str, amount: u64) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: MultiAddress::Id(genesis::development_account(to)),
        value: amount,
    })
}

fn inherent_data(height: u32) -> InherentData {
    let mut data = InherentData::new();
    data.put_data(
        sp_timestamp::INHERENT_IDENTIFIER,
        &(START_MS + u64::from(height) * INTERVAL_MS),
    )
    .unwrap();
    data
}

#[test]
fn a_transfer_moves_the_amount_and_the_fee() {
    let mut chain = Chain::new();
    let (alice, bob) = (chain.free("Alice"), chain.free("Bob"));
    chain.block(vec![]);
    let extrinsic = chain.transfer("Alice", "Bob", 5 * TAO, 0);
    let results = chain.block(vec![extrinsic]);
    assert_eq!(results, vec![Ok(Ok(()))]);
    assert_eq!(chain.free("Bob"), bob + 5 * TAO);
    let fee = alice - chain.free("Alice") - 5 * TAO;
    assert!((1_000..1_000_000).contains(&fee), "fee of {fee} rao");
}
