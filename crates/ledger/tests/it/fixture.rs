//! A ledger with the development accounts, and transactions between them.

use ledger::pool::{self, Pool, Source};
use ledger::{Config, Hash, Head, Ledger, Limits};
use parity_scale_codec::{Decode, Encode};
use runtime::genesis::{GenesisSpec, build, development_pair};
use runtime::{AccountId, Nonce, RuntimeCall, TAO};
use sp_core::storage::Storage;
use sp_core::{Pair as _, sr25519};
use sp_runtime::MultiAddress;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

pub const START_MS: u64 = 1_700_000_000_000;
pub const INTERVAL_MS: u64 = 250;

pub fn genesis() -> Storage {
    static GENESIS: LazyLock<Storage> = LazyLock::new(|| {
        build(&GenesisSpec::development(INTERVAL_MS)).expect("the development chain is valid")
    });
    GENESIS.clone()
}

/// A development key. Deriving one takes two thousand hashes, so each is derived once.
pub fn pair(name: &str) -> sr25519::Pair {
    static PAIRS: LazyLock<Mutex<HashMap<String, sr25519::Pair>>> = LazyLock::new(Mutex::default);
    let mut pairs = PAIRS.lock().unwrap();
    let pair = pairs.entry(name.to_owned());
    pair.or_insert_with(|| development_pair(name)).clone()
}

/// The account of a development key.
pub fn account_of(name: &str) -> AccountId {
    pair(name).public().into()
}

pub fn in_memory() -> Ledger {
    Ledger::open(Config::in_memory(), genesis()).expect("memory opens")
}

pub fn on_disk(path: &Path) -> Ledger {
    Ledger::open(Config::on_disk(path), genesis()).expect("the directory opens")
}

/// A ledger with its pool.
pub struct Chain {
    pub ledger: Ledger,
    pub pool: Arc<Pool>,
}

impl Chain {
    pub fn over(ledger: Ledger) -> Self {
        let pool = Arc::new(Pool::new(ledger.clone(), pool::Config::default()));
        Self { ledger, pool }
    }

    pub fn in_memory() -> Self {
        Self::over(in_memory())
    }

    /// Builds a block of what is ready on `parent`.
    pub fn build_on(&self, parent: Hash) -> ledger::Built {
        let number = self.ledger.number_of(&parent).unwrap().unwrap() + 1;
        let built = self
            .ledger
            .build(
                parent,
                START_MS + u64::from(number) * INTERVAL_MS,
                vec![],
                self.pool.ready(),
                Limits::default(),
                || true,
            )
            .unwrap();
        self.pool.remove_invalid(&built.invalid);
        built
    }

    /// Builds a block on `parent` and makes it best.
    pub fn grow_on(&self, parent: Hash) -> Head {
        let built = self.build_on(parent);
        let head = self.ledger.import(built.block).unwrap();
        self.ledger.set_best(head.hash).unwrap();
        self.pool.maintain().unwrap();
        head
    }

    /// Builds a block on the best one and makes it final.
    pub fn advance(&self) -> Head {
        let head = self.grow_on(self.ledger.best().hash);
        self.finalize(head);
        head
    }

    pub fn finalize(&self, head: Head) {
        let certificate = format!("certificate of {}", head.number);
        self.ledger
            .finalize(head.hash, certificate.into_bytes())
            .unwrap();
        self.pool.maintain().unwrap();
    }

    pub fn transfer(&self, from: &str, to: &str, amount: u64, nonce: Nonce) -> Vec<u8> {
        transfer(&self.ledger, from, to, amount, nonce, 0)
    }

    pub fn submit_transfer(&self, from: &str, to: &str, nonce: Nonce) -> Hash {
        let bytes = self.transfer(from, to, TAO, nonce);
        self.pool.submit(bytes, Source::Local).unwrap()
    }
}

pub fn transfer(
    ledger: &Ledger,
    from: &str,
    to: &str,
    amount: u64,
    nonce: Nonce,
    tip: u64,
) -> Vec<u8> {
    let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: MultiAddress::Id(account_of(to)),
        value: amount,
    });
    signed(ledger, from, call, nonce, tip)
}

pub fn signed(ledger: &Ledger, from: &str, call: RuntimeCall, nonce: Nonce, tip: u64) -> Vec<u8> {
    runtime::extrinsic::sign(&pair(from), call, nonce, ledger.genesis_hash(), tip).encode()
}

/// Free balance of a development account at a block.
pub fn free(ledger: &Ledger, at: Hash, name: &str) -> u64 {
    account(ledger, at, &account_of(name)).1
}

/// Nonce and free balance of an account at a block.
pub fn account(ledger: &Ledger, at: Hash, account: &AccountId) -> (Nonce, u64) {
    let mut key = [
        sp_io::hashing::twox_128(b"System"),
        sp_io::hashing::twox_128(b"Account"),
    ]
    .concat();
    key.extend(sp_io::hashing::blake2_128(&account.encode()));
    key.extend(account.encode());
    let Some(bytes) = ledger.state(at).unwrap().storage(&key).unwrap() else {
        return (0, 0);
    };
    let (nonce, _consumers, _providers, _sufficients, free) =
        <(Nonce, u32, u32, u32, u64)>::decode(&mut &bytes[..]).unwrap();
    (nonce, free)
}
