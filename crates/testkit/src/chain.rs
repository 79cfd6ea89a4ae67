//! A chain in one process: transactions go in, final blocks come out, and the money is counted after each.

use frame_support::storage::StoragePrefixedMap;
use keys::Pair;
use ledger::pool::{self, Pool, PoolError, Source};

use ledger::{Config, Head, Ledger, Limits};
use parity_scale_codec::Encode;
use primitives::AccountId;
use runtime::extrinsic::{Terms, sign_with};
use runtime::genesis::{GenesisSpec, build};
use runtime::{Runtime, RuntimeCall, RuntimeEvent};
use sp_core::sr25519;
use sp_core::storage::Storage;
use sp_runtime::MultiSignature;
use sp_runtime::generic::Era;
use sp_state_machine::BasicExternalities;
use std::sync::Arc;

/// The time of the genesis, in Unix milliseconds; any would do.
const START_MS: u64 = 1_767_225_600_000;

/// Between blocks.
const INTERVAL_MS: u64 = 250;

/// The most pairs a state may have before a test is told to be smaller.
const PAIRS_MAX: usize = 1_000_000;

/// A chain of the development genesis, in memory.
pub struct Chain {
    ledger: Ledger,
    pool: Arc<Pool>,
}

/// Where the TAO is, by independent counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// What the market says was issued.
    pub issuance: u128,
    /// Free and reserved, over all accounts.
    pub balances: u128,
    /// In reserves: TAO staked on root, and the TAO side of every pool.
    pub reserves: u128,
}

/// What an audit found.
#[derive(Debug, thiserror::Error)]
pub enum Discrepancy {
    /// The parts are not the whole.
    #[error("at height {height}: {audit:?} does not add up")]
    Money { height: u32, audit: Audit },
    /// One of the market's invariants is broken.
    #[error("at height {height}: {reason}")]
    Invariant { height: u32, reason: String },
}

impl Chain {
    /// Starts a chain: `//Alice` is sudo and rich, `//Bob` to `//Ferdie` are well off.
    ///
    /// # Panics
    ///
    /// When the development genesis cannot be built, which no test can repair.
    pub fn new() -> Self {
        let genesis = build(&GenesisSpec::development(INTERVAL_MS)).expect("a valid genesis");
        let ledger = Ledger::open(Config::in_memory(), genesis).expect("memory opens");
        let pool = Arc::new(Pool::new(ledger.clone(), pool::Config::default()));
        Self { ledger, pool }
    }

    /// The newest block, which is final.
    pub fn head(&self) -> Head {
        self.ledger.finalized()
    }

    /// Everything the market and the accounts keep, key by key, for comparing two chains.
    ///
    /// Not the whole state: block hashes are in it, and they depend on signatures, which are made with fresh randomness.
    ///
    /// # Panics
    ///
    /// When the ledger has lost its newest state.
    pub fn holdings(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let state = self.state();
        let pairs = |prefix: &[u8]| {
            state
                .pairs(prefix, PAIRS_MAX)
                .expect("the newest state is whole")
        };
        let mut holdings = pairs(&frame_system::Account::<Runtime>::final_prefix());
        holdings.extend(pairs(&sp_io::hashing::twox_128(b"SubtensorModule")));
        holdings
    }

    /// Signs a call and puts it into the pool.
    ///
    /// # Errors
    ///
    /// The pool's refusal, as a node would word it.
    ///
    /// # Panics
    ///
    /// When the ledger has lost its newest state.
    pub fn submit(&self, signer: &Pair, call: impl Into<RuntimeCall>) -> Result<(), PoolError> {
        let account = runtime::AccountId::new(signer.account().0);
        let genesis_hash = self.ledger.genesis_hash();
        let nonce = self
            .pool
            .next_nonce(&account)
            .expect("the newest state is whole");
        let terms = Terms {
            nonce,
            tip: 0,
            era: Era::Immortal,
            genesis_hash,
            era_hash: genesis_hash,
        };
        let signed = sign_with(&account, call.into(), terms, |payload| {
            MultiSignature::Sr25519(sr25519::Signature::from_raw(
                signer.sign_transaction(payload).0,
            ))
        });
        self.pool.submit(signed.encode(), Source::Local).map(|_| ())
    }

    /// Builds a block of what waits in the pool, executes it again as every other node would, finalizes it and audits it.
    ///
    /// # Errors
    ///
    /// What the audit found.
    ///
    /// # Panics
    ///
    /// When the ledger refuses its own block.
    pub fn advance(&self) -> Result<Head, Discrepancy> {
        let parent = self.head();
        let time_ms = START_MS + u64::from(parent.number + 1) * INTERVAL_MS;
        let built = self
            .ledger
            .build(
                parent.hash,
                time_ms,
                vec![],
                self.pool.ready(),
                Limits::default(),
                || true,
            )
            .expect("a block can be built on the newest one");
        self.pool.remove_invalid(&built.invalid);
        let head = self
            .ledger
            .import(built.block)
            .expect("the ledger takes its own block");
        self.ledger
            .finalize(head.hash, vec![])
            .expect("an executed block can be final");
        self.pool
            .maintain()
            .expect("the pool reads the newest state");
        self.audit()?;
        Ok(head)
    }

    /// As [`Chain::advance`], until the chain has reached a height.
    ///
    /// # Errors
    ///
    /// What the first failed audit found.
    pub fn advance_to(&self, height: u32) -> Result<(), Discrepancy> {
        while self.head().number < height {
            self.advance()?;
        }
        Ok(())
    }

    /// Runs a read on the newest state: any pallet's getters and storage, as the runtime sees them.
    ///
    /// # Panics
    ///
    /// When the state is larger than a test's should be.
    pub fn read<R>(&self, read: impl FnOnce() -> R) -> R {
        let pairs = self
            .state()
            .pairs(&[], PAIRS_MAX)
            .expect("the newest state is whole");
        assert!(pairs.len() < PAIRS_MAX, "a state too large for a test");
        let storage = Storage {
            top: pairs.into_iter().collect(),
            ..Storage::default()
        };
        BasicExternalities::new(storage).execute_with(read)
    }

    /// The calls of the newest block that failed, as the runtime tells.
    pub fn failures(&self) -> Vec<String> {
        let failed = |event: RuntimeEvent| match event {
            RuntimeEvent::System(frame_system::Event::ExtrinsicFailed {
                dispatch_error, ..
            }) => Some(format!("{dispatch_error:?}")),
            RuntimeEvent::Sudo(pallet_sudo::Event::Sudid {
                sudo_result: Err(error),
            }) => Some(format!("{error:?}")),
            _ => None,
        };
        self.read(|| {
            let events = frame_system::Pallet::<Runtime>::read_events_no_consensus();
            events.filter_map(|record| failed(record.event)).collect()
        })
    }

    /// Free TAO of an account, in rao.
    pub fn free(&self, account: &AccountId) -> u64 {
        let account = runtime::AccountId::new(account.0);
        self.read(|| frame_system::Account::<Runtime>::get(&account).data.free)
    }

    /// Counts the TAO and checks every invariant of the market.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it should be.
    pub fn audit(&self) -> Result<Audit, Discrepancy> {
        let height = self.head().number;
        let (audit, invariants) = self.read(|| {
            let accounts = frame_system::Account::<Runtime>::iter_values();
            let held = |data: &pallet_balances::AccountData<u64>| {
                u128::from(data.free) + u128::from(data.reserved)
            };
            let audit = Audit {
                issuance: u128::from(pallet_subtensor::Pallet::<Runtime>::total_issuance()),
                balances: accounts.map(|account| held(&account.data)).sum(),
                reserves: pallet_subtensor::SubnetTAO::<Runtime>::iter_values()
                    .map(u128::from)
                    .sum(),
            };
            (audit, pallet_subtensor::Pallet::<Runtime>::do_try_state())
        });
        if audit.issuance != audit.balances + audit.reserves {
            return Err(Discrepancy::Money { height, audit });
        }
        invariants.map_err(|error| Discrepancy::Invariant {
            height,
            reason: format!("{error:?}"),
        })?;
        Ok(audit)
    }

    fn state(&self) -> ledger::State {
        self.ledger
            .state(self.head().hash)
            .expect("the newest state is kept")
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}
