//! A chain in memory behind all methods.

use jsonrpsee::RpcModule;
use ledger::pool::{self, Pool};
use ledger::{Config, Head, Ledger, Limits, Retention};
use parity_scale_codec::Encode;
use rpc::{Context, NodeFacts, Peer, Role, SyncState};
use runtime::genesis::{GenesisSpec, build, development_account, development_pair};
use runtime::{RuntimeCall, TAO};
use serde_json::{Value, json};
use sp_runtime::MultiAddress;
use std::sync::Arc;

const START_MS: u64 = 1_700_000_000_000;

pub struct Node {
    pub context: Context,
    pub module: RpcModule<()>,
}

struct Facts;

impl NodeFacts for Facts {
    fn chain_name(&self) -> String {
        "Stoa Development".into()
    }

    fn role(&self) -> Role {
        Role::Authority
    }

    fn local_peer_id(&self) -> String {
        "me".into()
    }

    fn listen_addresses(&self) -> Vec<String> {
        vec!["127.0.0.1:30333".into()]
    }

    fn peers(&self) -> Vec<Peer> {
        vec![]
    }

    fn should_have_peers(&self) -> bool {
        false
    }

    fn sync_state(&self) -> SyncState {
        SyncState {
            starting_block: 0,
            current_block: 3,
            highest_block: 3,
        }
    }
}

impl Node {
    pub fn new() -> Self {
        let genesis = build(&GenesisSpec::development(250)).unwrap();
        let config = Config {
            retention: Retention::Last(16),
            ..Config::in_memory()
        };
        let ledger = Ledger::open(config, genesis).unwrap();
        let pool = Arc::new(Pool::new(ledger.clone(), pool::Config::default()));
        let context = Context {
            ledger,
            pool,
            facts: Arc::new(Facts),
        };
        let module = rpc::module(&context);
        Self { context, module }
    }

    /// The whole answer to a call.
    pub async fn answer(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (answer, _) = self
            .module
            .raw_json_request(&request.to_string(), 16)
            .await
            .unwrap();
        serde_json::from_str(answer.get()).unwrap()
    }

    /// What a call that succeeds answers.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let mut answer = self.answer(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// The error of a call that fails.
    pub async fn fail(&self, method: &str, params: Value) -> Value {
        let mut answer = self.answer(method, params).await;
        assert!(answer.get("result").is_none(), "{method}: {answer}");
        answer["error"].take()
    }

    /// Builds a block of what is ready and makes it best.
    pub fn grow(&self) -> Head {
        let Context { ledger, pool, .. } = &self.context;
        let parent = ledger.best();
        let time = START_MS + u64::from(parent.number + 1) * 250;
        let built = ledger
            .build(
                parent.hash,
                time,
                vec![],
                pool.ready(),
                Limits::default(),
                || true,
            )
            .unwrap();
        ledger.set_best(built.hash).unwrap();
        pool.maintain().unwrap();
        ledger.best()
    }

    /// Makes the best block final.
    pub fn finalize(&self) -> Head {
        let Context { ledger, pool, .. } = &self.context;
        let best = ledger.best();
        ledger.finalize(best.hash, vec![0xce, 0x27]).unwrap();
        pool.maintain().unwrap();
        best
    }

    pub fn transfer(&self, nonce: u32) -> String {
        let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
            dest: MultiAddress::Id(development_account("Bob")),
            value: TAO,
        });
        let genesis = self.context.ledger.genesis_hash();
        let pair = development_pair("Alice");
        let signed = runtime::extrinsic::sign(&pair, call, nonce, genesis, 0);
        hexed(&signed.encode())
    }
}

pub fn hexed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// The storage key of an account's balance and nonce.
pub fn account_key(name: &str) -> String {
    let account = development_account(name).encode();
    let mut key = [
        sp_io::hashing::twox_128(b"System"),
        sp_io::hashing::twox_128(b"Account"),
    ]
    .concat();
    key.extend(sp_io::hashing::blake2_128(&account));
    key.extend(account);
    hexed(&key)
}
