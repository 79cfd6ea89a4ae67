//! The smallest ledger there is: its state is a running hash of every block's time.
//!
//! It has what agreement relies on (states that depend on the whole history, a durable part that survives its owner)
//! and nothing else, so a simulation spends its time on agreement.

use bytes::Bytes;
use consensus::{Block, BlockHash, Chain, Fault, Header, ImportError, OpaqueBlock, Position};
use parity_scale_codec::{Decode, Encode};
use sp_core::{H256, storage::StateVersion};
use sp_runtime::{
    Digest, DigestItem, OpaqueExtrinsic,
    traits::{BlakeTwo256, Hash as _},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// The state root that a forger makes up.
pub const FORGED: H256 = H256::repeat_byte(0xbd);

/// How a book's owner behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// As it should.
    Honest,
    /// Proposes blocks whose state root is made up.
    Forger,
    /// Proposes blocks dated before their time, to make more of them.
    Hasty,
}

/// A ledger whose durable part survives a crash of its owner.
#[derive(Clone)]
pub struct Book {
    conduct: Conduct,
    states: Arc<Mutex<BTreeMap<BlockHash, State>>>,
    disk: Arc<Mutex<Vec<Page>>>,
}

/// What executing a block left.
#[derive(Clone, Copy)]
struct State {
    number: u32,
    root: H256,
    parent: BlockHash,
    timestamp_ms: u64,
}

/// One finalized block.
#[derive(Clone)]
pub struct Page {
    pub hash: BlockHash,
    pub state: H256,
    pub timestamp_ms: u64,
    pub certificate: Option<Vec<u8>>,
}

impl Page {
    /// The state that a book opened at this page begins with.
    fn last_state(&self, number: u32) -> State {
        State {
            number,
            root: self.state,
            parent: BlockHash::default(),
            timestamp_ms: self.timestamp_ms,
        }
    }
}

impl Book {
    pub fn new(conduct: Conduct) -> Self {
        let genesis = genesis();
        let page = Page {
            hash: genesis.hash(),
            state: genesis.header().state_root,
            timestamp_ms: 0,
            certificate: None,
        };
        Self {
            conduct,
            states: Arc::new(Mutex::new([(page.hash, page.last_state(0))].into())),
            disk: Arc::new(Mutex::new(vec![page])),
        }
    }

    /// What is left of a book when its owner crashes: the durable pages, less the last `lost`.
    pub fn reopen(&self, lost: usize) -> Self {
        let mut pages = self.pages();
        pages.truncate(pages.len().saturating_sub(lost).max(1));
        let last = pages.last().expect("genesis is never lost").clone();
        let number = u32::try_from(pages.len() - 1).expect("short histories");
        Self {
            conduct: self.conduct,
            states: Arc::new(Mutex::new([(last.hash, last.last_state(number))].into())),
            disk: Arc::new(Mutex::new(pages)),
        }
    }

    /// The durable history, from genesis.
    pub fn pages(&self) -> Vec<Page> {
        self.disk().clone()
    }

    fn disk(&self) -> MutexGuard<'_, Vec<Page>> {
        self.disk.lock().expect("no test panics while holding it")
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<BlockHash, State>> {
        self.states.lock().expect("no test panics while holding it")
    }

    /// What a child of `parent` leaves.
    fn after(&self, parent: BlockHash, timestamp_ms: u64) -> Result<State, ImportError> {
        let states = self.states();
        let before = states.get(&parent).ok_or(ImportError::MissingParent)?;
        Ok(State {
            number: before.number + 1,
            root: BlakeTwo256::hash_of(&(before.root, timestamp_ms)),
            parent,
            timestamp_ms,
        })
    }
}

impl Chain for Book {
    fn genesis(&self) -> Block {
        genesis()
    }

    fn finalized(&self) -> Position {
        let disk = self.disk();
        let number = u32::try_from(disk.len() - 1).expect("short histories");
        Position {
            number,
            hash: disk[disk.len() - 1].hash,
        }
    }

    fn finalized_hash(&self, number: u32) -> Option<BlockHash> {
        self.disk().get(number as usize).map(|page| page.hash)
    }

    fn holds_state(&self, hash: BlockHash) -> bool {
        self.states().contains_key(&hash)
    }

    fn timestamp_ms(&self, block: &Block) -> Option<u64> {
        let block = OpaqueBlock::decode(&mut &block.encoded()[..]).ok()?;
        u64::decode(&mut block.extrinsics.first()?.inner()).ok()
    }

    fn build(
        &self,
        parent: BlockHash,
        timestamp_ms: u64,
        digest: DigestItem,
    ) -> Result<Block, ImportError> {
        let timestamp_ms = match self.conduct {
            Conduct::Hasty => timestamp_ms.saturating_sub(100),
            Conduct::Honest | Conduct::Forger => timestamp_ms,
        };
        let mut state = self.after(parent, timestamp_ms)?;
        if self.conduct == Conduct::Forger {
            state.root = FORGED;
        }
        let block = block(state.number, parent, state.root, timestamp_ms, vec![digest]);
        self.states().insert(block.hash(), state);
        Ok(block)
    }

    fn import(&self, block: &Block) -> Result<(), ImportError> {
        if self.holds_state(block.hash()) {
            return Ok(());
        }
        let made = self.timestamp_ms(block).unwrap_or_default();
        let state = self.after(block.parent_hash(), made)?;
        if state.root != block.header().state_root {
            return Err(ImportError::Invalid("wrong state root".into()));
        }
        self.states().insert(block.hash(), state);
        Ok(())
    }

    fn finalize(&self, block: &Block, certificate: Option<Vec<u8>>) -> Result<(), Fault> {
        let states = self.states();
        let mut disk = self.disk();
        let mut path = vec![block.hash()];
        while disk[disk.len() - 1].hash != states[&path[path.len() - 1]].parent {
            path.push(states[&path[path.len() - 1]].parent);
        }
        for hash in path.into_iter().rev() {
            let state = states[&hash];
            assert_eq!(
                disk.len(),
                state.number as usize,
                "blocks become final in order"
            );
            disk.push(Page {
                hash,
                state: state.root,
                timestamp_ms: state.timestamp_ms,
                certificate: certificate.clone().filter(|_| hash == block.hash()),
            });
        }
        Ok(())
    }
}

fn genesis() -> Block {
    block(0, BlockHash::default(), H256::zero(), 0, vec![])
}

fn block(
    number: u32,
    parent: BlockHash,
    state_root: H256,
    timestamp_ms: u64,
    logs: Vec<DigestItem>,
) -> Block {
    let extrinsics = if number == 0 {
        vec![]
    } else {
        vec![OpaqueExtrinsic::from_blob(timestamp_ms.encode())]
    };
    let encoded = extrinsics.iter().map(Encode::encode).collect();
    let header = Header {
        parent_hash: parent.into(),
        number,
        state_root,
        extrinsics_root: BlakeTwo256::ordered_trie_root(encoded, StateVersion::V0),
        digest: Digest { logs },
    };
    let block = OpaqueBlock { header, extrinsics };
    Block::decode(Bytes::from(block.encode())).expect("a well-formed block")
}
