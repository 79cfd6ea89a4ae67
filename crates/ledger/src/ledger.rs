//! The ledger itself: opens the chain, takes blocks in, says which is the latest.
//!
//! Making blocks final is in `finality`, building them in `builder`, reading in `reads`.

use crate::best::{Announcer, Head, Notice};
use crate::error::{Error, Result};
use crate::execution::Session;
use crate::genesis::first_block;
use crate::state::{Backend, Layer, Nodes, backend};
use crate::store::{Change, Column, Disk, Memory, Store};
use crate::tree::{Executed, Tree};
use crate::turns::Turns;
use crate::versions::ensure_known;
use crate::{Block, BlockNumber, Extrinsic, Hash, Hasher};
use parity_scale_codec::{Decode, Encode};
use runtime::VerifiedSignatures;
use sp_core::storage::Storage;
use sp_runtime::traits::Header as _;
use sp_trie::cache::{CacheSize, SharedTrieCache};
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};
use tokio::sync::broadcast;

pub(crate) const GENESIS_KEY: &[u8] = b"genesis";
/// Where the hash of what the chain was described by is kept.
const DESCRIPTION_KEY: &[u8] = b"description";
pub(crate) const TIP_KEY: &[u8] = b"tip";
pub(crate) const KEPT_KEY: &[u8] = b"kept";

/// Which finalized states stay readable. Blocks and certificates always stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Those of the last so many blocks, 16 at least.
    Last(u32),
    /// All of them.
    Archive,
}

/// States kept by default: wallets name a block and read on from it for a while, some minutes even at a quarter of a second
/// per block.
const RETENTION_DEFAULT: u32 = 2_048;

/// How a ledger is kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of the database; `None` keeps everything in memory.
    pub path: Option<PathBuf>,
    /// Which old states stay readable.
    pub retention: Retention,
    /// Memory for recently used trie nodes and values.
    pub cache_bytes: usize,
    /// Executed blocks above the finalized tip that are held at most.
    pub unfinalized_max: usize,
    /// Recently checked signatures that are remembered at least.
    pub signatures_max: usize,
    /// Hash of the description that the first state was made from. A newer program makes another state from the same
    /// description; by this it knows the chain as its own.
    pub description: Option<Hash>,
}

impl Config {
    /// A ledger that lives as long as the process.
    pub fn in_memory() -> Self {
        Self {
            path: None,
            retention: Retention::Last(RETENTION_DEFAULT),
            cache_bytes: 32 * 1024 * 1024,
            unfinalized_max: 256,
            signatures_max: 16_384,
            description: None,
        }
    }

    /// A ledger in the directory `path`.
    pub fn on_disk(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::in_memory()
        }
    }
}

/// One chain and its unfinalized branches; clones share it.
///
/// # Examples
///
/// ```
/// use ledger::{Config, Ledger, Limits};
/// use runtime::genesis::{GenesisSpec, build};
///
/// let genesis = build(&GenesisSpec::development(250)).expect("a valid description");
/// let ledger = Ledger::open(Config::in_memory(), genesis)?;
/// let parent = ledger.finalized().hash;
/// let built = ledger.build(parent, 1_700_000_000_000, vec![], [], Limits::default(), || true)?;
/// ledger.import(built.block)?; // a no-op here: this ledger has just executed it
/// ledger.finalize(built.hash, b"certificate".to_vec())?;
/// assert_eq!(ledger.finalized().number, 1);
/// # Ok::<(), ledger::Error>(())
/// ```
#[derive(Clone)]
pub struct Ledger(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache: SharedTrieCache<Hasher>,
    pub(crate) signatures: VerifiedSignatures,
    pub(crate) genesis: Hash,
    pub(crate) retention: Retention,
    pub(crate) unfinalized_max: usize,
    /// Height of the oldest finalized block whose state is whole.
    pub(crate) kept: AtomicU32,
    pub(crate) tree: RwLock<Tree>,
    /// Serializes finalization.
    pub(crate) finalizing: Mutex<()>,
    pub(crate) executing: Turns,
    pub(crate) announcer: Announcer,
    opener: OnceLock<Opener>,
    keyring: OnceLock<Keyring>,
}

/// Reads the transaction that another one carries encrypted, if this node can and there is one.
pub type Opener = Box<dyn Fn(&Extrinsic) -> Option<Extrinsic> + Send + Sync>;

/// Knows the keys of heights that the authorities have made.
pub type Keyring = Box<dyn Fn() -> Vec<runtime::beacon::Key> + Send + Sync>;

/// A ledger that does not keep itself open: for those whom the ledger itself holds.
#[derive(Clone)]
pub struct WeakLedger(Weak<Inner>);

impl WeakLedger {
    /// The ledger, while somebody else keeps it open.
    pub fn upgrade(&self) -> Option<Ledger> {
        self.0.upgrade().map(Ledger)
    }
}

impl Ledger {
    /// The same ledger, without keeping it open.
    pub fn downgrade(&self) -> WeakLedger {
        WeakLedger(Arc::downgrade(&self.0))
    }

    /// Opens the chain in `config.path`, beginning it with `genesis` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::WrongGenesis`] when the directory holds another chain; [`Error::Store`] when it cannot be used.
    pub fn open(config: Config, genesis: Storage) -> Result<Self> {
        let store: Arc<dyn Store> = match &config.path {
            Some(path) => Arc::new(Disk::open(path)?),
            None => Arc::new(Memory::default()),
        };
        Self::over(store, &config, genesis)
    }

    pub(crate) fn over(store: Arc<dyn Store>, config: &Config, genesis: Storage) -> Result<Self> {
        let genesis_hash = begin(&*store, config.description, genesis)?;
        let damaged = |what| Error::Corrupt { what };
        let (hash, number): (Hash, BlockNumber) =
            read(&*store, Column::Meta, TIP_KEY, "tip")?.ok_or(damaged("tip"))?;
        let kept: BlockNumber = read(&*store, Column::Meta, KEPT_KEY, "oldest state")?
            .ok_or(damaged("oldest state"))?;
        Ok(Self(Arc::new(Inner {
            store,
            cache: SharedTrieCache::new(CacheSize::new(config.cache_bytes), None),
            signatures: VerifiedSignatures::with_capacity(config.signatures_max),
            genesis: genesis_hash,
            retention: config.retention,
            unfinalized_max: config.unfinalized_max.max(2),
            kept: AtomicU32::new(kept),
            tree: RwLock::new(Tree::new(Head { hash, number })),
            finalizing: Mutex::new(()),
            executing: Turns::default(),
            announcer: Announcer::new(),
            opener: OnceLock::new(),
            keyring: OnceLock::new(),
        })))
    }

    /// Lets [`Ledger::build`] put transactions that others carry encrypted right behind their carriers.
    ///
    /// The first call counts; without one, carriers are included and what they carry is not.
    pub fn open_sealed_with(&self, opener: Opener) {
        // Only the node that owns the ledger sets it, once, before the first block.
        let _already_set = self.0.opener.set(opener);
    }

    /// The transaction that `carrier` carries encrypted.
    pub(crate) fn sealed_in(&self, carrier: &Extrinsic) -> Option<Extrinsic> {
        self.0.opener.get().and_then(|open| open(carrier))
    }

    /// Lets [`Ledger::build`] publish keys of heights.
    ///
    /// The first call counts; without one, blocks built here carry none.
    pub fn take_keys_from(&self, keyring: Keyring) {
        // Only the node that owns the ledger sets it, once, before the first block.
        let _already_set = self.0.keyring.set(keyring);
    }

    /// The keys of heights known now.
    pub(crate) fn height_keys(&self) -> Vec<runtime::beacon::Key> {
        self.0.keyring.get().map_or(Vec::new(), |keys| keys())
    }

    /// Hash of the chain's first block.
    pub fn genesis_hash(&self) -> Hash {
        self.0.genesis
    }

    /// The last finalized block.
    pub fn finalized(&self) -> Head {
        self.tree().finalized()
    }

    /// The block on which clients read by default; at least the finalized one.
    pub fn best(&self) -> Head {
        self.tree().best()
    }

    /// Makes an executed block, or the finalized tip, the one on which clients read by default.
    ///
    /// Consensus calls this when it is confident that the block will become final. Without it, the best block is
    /// the finalized one. A block below the finalized tip is ignored.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBlock`] when the block has not been executed here.
    pub fn set_best(&self, hash: Hash) -> Result<()> {
        let header = self.header(&hash)?.ok_or(Error::UnknownBlock(hash))?;
        let head = Head {
            hash,
            number: *header.number(),
        };
        {
            let mut tree = self.tree_mut();
            if tree.best() == head || !tree.can_extend(&hash) {
                return Ok(());
            }
            tree.set_best(head);
        }
        self.0.announcer.announce_best(Notice { head, header });
        Ok(())
    }

    /// Stream of blocks that become best.
    pub fn subscribe_best(&self) -> broadcast::Receiver<Notice> {
        self.0.announcer.subscribe_best()
    }

    /// Stream of blocks that become final, in order.
    pub fn subscribe_finalized(&self) -> broadcast::Receiver<Notice> {
        self.0.announcer.subscribe_finalized()
    }

    /// Whether the block is final or has been executed here.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the database cannot be read.
    pub fn contains(&self, hash: &Hash) -> Result<bool> {
        Ok(self.number_of(hash)?.is_some())
    }

    /// Executes a block on its parent's state and keeps the result; an already known block is not run again.
    ///
    /// The time in the block is not judged here: see [`timestamp_of`].
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParent`] when the parent must be imported first; [`Error::BelowFinalized`] when the block
    /// can never become final; [`Error::InvalidBlock`] when executing it does not give its header.
    pub fn import(&self, block: Block) -> Result<Head> {
        let head = Head {
            hash: block.header.hash(),
            number: *block.header.number(),
        };
        if self.contains(&head.hash)? {
            return Ok(head);
        }
        let _turn = self.0.executing.wait_for(head.hash);
        if self.contains(&head.hash)? {
            return Ok(head);
        }
        let parent = *block.header.parent_hash();
        let (nodes, root) = self.ground(&parent, head.number)?;
        let backend = self.view(&nodes, root);
        ensure_known(&backend, head.number)?;
        let mut session = Session::new(&backend, &self.0.signatures);
        let invalid = |reason: String| Error::InvalidBlock {
            hash: head.hash,
            reason,
        };
        session
            .call("Core_execute_block", &block.encode())
            .map_err(|error| invalid(error.to_string()))?;
        let outcome = session.finish()?;
        if outcome.root != *block.header.state_root() {
            return Err(invalid(format!("its state root is {}", outcome.root)));
        }
        self.keep(Executed::new(head.hash, block, outcome))?;
        Ok(head)
    }

    /// What a new block of height `number` on `parent` stands on: where to find its nodes, and its root.
    pub(crate) fn ground(&self, parent: &Hash, number: BlockNumber) -> Result<(Nodes, Hash)> {
        let (path, finalized) = {
            let tree = self.tree();
            (tree.path(parent), tree.finalized())
        };
        let Some(path) = path else {
            return Err(if number <= finalized.number {
                Error::BelowFinalized {
                    number,
                    finalized: finalized.number,
                }
            } else {
                Error::UnknownParent {
                    parent: *parent,
                    number,
                }
            });
        };
        let root = match path.first() {
            Some(block) => *block.header.state_root(),
            None => self.final_root(parent)?,
        };
        Ok((Nodes::new(layers(&path), self.0.store.clone()), root))
    }

    pub(crate) fn view(&self, nodes: &Nodes, root: Hash) -> Backend {
        backend(nodes, root, &self.0.cache)
    }

    pub(crate) fn signatures(&self) -> &VerifiedSignatures {
        &self.0.signatures
    }

    /// Takes an executed block into the tree.
    pub(crate) fn keep(&self, executed: Executed) -> Result<()> {
        let mut tree = self.tree_mut();
        if tree.get(&executed.hash).is_some() {
            return Ok(());
        }
        if !tree.can_extend(&executed.parent()) {
            // The block's branch lost while it was being executed.
            return Err(Error::BelowFinalized {
                number: executed.number(),
                finalized: tree.finalized().number,
            });
        }
        if tree.len() >= self.0.unfinalized_max && !tree.evict(&executed.parent()) {
            return Err(Error::TooManyUnfinalized { count: tree.len() });
        }
        tree.insert(Arc::new(executed));
        Ok(())
    }

    pub(crate) fn tree(&self) -> RwLockReadGuard<'_, Tree> {
        self.0.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tree_mut(&self) -> RwLockWriteGuard<'_, Tree> {
        self.0.tree.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins the chain if there is none; returns the hash of the first block.
fn begin(store: &dyn Store, description: Option<Hash>, genesis: Storage) -> Result<Hash> {
    let (header, mut changes) = first_block(genesis);
    let expected = header.hash();
    let Some(found) = read::<Hash>(store, Column::Meta, GENESIS_KEY, "genesis hash")? else {
        let described = description
            .map(|hash| Change::Put(Column::Meta, DESCRIPTION_KEY.to_vec(), hash.encode()));
        changes.extend(described);
        store.commit(changes)?;
        return Ok(expected);
    };
    let described = read::<Hash>(store, Column::Meta, DESCRIPTION_KEY, "description")?;
    if found == expected || (described.is_some() && described == description) {
        return Ok(found);
    }
    Err(Error::WrongGenesis { found, expected })
}

/// The time that a block claims, in milliseconds since the Unix epoch, read from its timestamp inherent.
///
/// `None` when it has none; executing such a block fails. Whether the time is plausible is for consensus to judge
/// before it votes.
pub fn timestamp_of(block: &Block) -> Option<u64> {
    let first = block.extrinsics.first()?;
    let extrinsic = runtime::nesting::read(&first.encode())?;
    match extrinsic.function {
        runtime::RuntimeCall::Timestamp(pallet_timestamp::Call::set { now }) => Some(now),
        _ => None,
    }
}

/// A lock whose holder panicked still guards whole values here: each critical section is one assignment or insertion.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn layers(path: &[Arc<Executed>]) -> Vec<Arc<Layer>> {
    path.iter().map(|block| block.created.clone()).collect()
}

pub(crate) fn number_key(number: BlockNumber) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

pub(crate) fn retain(created: &Layer) -> impl Iterator<Item = Change> + '_ {
    created.iter().flat_map(|(hash, (node, owners))| {
        (0..*owners).map(|_| Change::Retain(*hash, node.clone()))
    })
}

pub(crate) fn read<T: Decode>(
    store: &dyn Store,
    column: Column,
    key: &[u8],
    what: &'static str,
) -> Result<Option<T>> {
    store
        .get(column, key)?
        .map(|bytes| T::decode(&mut &bytes[..]).map_err(|_| Error::Corrupt { what }))
        .transpose()
}
