//! The ledger itself: opens the chain, takes blocks in, makes them final, answers what is known.
//!
//! # Finalizing
//!
//! One commit holds everything about a block:
//!
//! 1. header, extrinsics, hash by height, certificate;
//! 2. the trie nodes that it created ([`crate::store`] counts owners);
//! 3. a journal of the nodes that it made obsolete;
//! 4. the release of nodes whose last reader is a state that now leaves the retention window;
//! 5. the new tip.
//!
//! Only then does the block leave the tree of unfinalized ones, and its competitors with it.

use crate::best::{Announcer, Head, Notice, StorageChange};
use crate::error::{Error, Result};
use crate::execution::{Session, split};
use crate::state::{Backend, Nodes, State, backend};
use crate::store::{Change, Column, Disk, Memory, Store};
use crate::tree::{Executed, Tree};
use crate::{Block, BlockNumber, Extrinsic, Hash, Hasher, Header};
use parity_scale_codec::{Decode, Encode};
use runtime::VerifiedSignatures;
use sp_core::storage::{StateVersion, Storage};
use sp_runtime::traits::Header as _;
use sp_state_machine::{Backend as _, TrieBackendBuilder};
use sp_trie::cache::{CacheSize, SharedTrieCache};
use sp_trie::{LayoutV1, PrefixedMemoryDB, TrieConfiguration, empty_trie_root};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use tokio::sync::broadcast;

/// States that leave the retention window in one commit at most, so that a smaller window is reached gradually.
const PRUNED_PER_COMMIT: u32 = 4;
/// Fewest finalized states kept: readers that began on the tip must be able to finish.
const RETENTION_MIN: u32 = 16;

const GENESIS_KEY: &[u8] = b"genesis";
const TIP_KEY: &[u8] = b"tip";
const KEPT_KEY: &[u8] = b"kept";

/// Which finalized states stay readable. Blocks and certificates always stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// Those of the last so many blocks, 16 at least.
    Last(u32),
    /// All of them.
    Archive,
}

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
}

impl Config {
    /// A ledger that lives as long as the process.
    pub fn in_memory() -> Self {
        Self {
            path: None,
            retention: Retention::Last(256),
            cache_bytes: 32 * 1024 * 1024,
            unfinalized_max: 256,
            signatures_max: 16_384,
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

/// What finalizing a block did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finalized {
    /// Blocks that became final, oldest first; none if the block was final already.
    pub blocks: Vec<Head>,
    /// Competing blocks that can now never become final.
    pub discarded: Vec<Head>,
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
pub struct Ledger(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    cache: SharedTrieCache<Hasher>,
    signatures: VerifiedSignatures,
    genesis: Hash,
    retention: Retention,
    unfinalized_max: usize,
    /// Height of the oldest finalized block whose state is whole.
    kept: AtomicU32,
    tree: RwLock<Tree>,
    /// Serializes finalization.
    finalizing: Mutex<()>,
    executing: Turns,
    announcer: Announcer,
}

impl Ledger {
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
        let (header, changes) = first_block(genesis);
        let genesis_hash = header.hash();
        match read::<Hash>(&*store, Column::Meta, GENESIS_KEY, "genesis hash")? {
            None => store.commit(changes)?,
            Some(found) if found == genesis_hash => {}
            Some(found) => {
                return Err(Error::WrongGenesis {
                    found,
                    expected: genesis_hash,
                });
            }
        }
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
        })))
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

    /// Makes an executed block final, and with it its unfinalized ancestors, durably.
    ///
    /// Finalizing a final block again does nothing, so a caller that is not sure may repeat itself.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBlock`] when the block has not been executed here or its branch has lost;
    /// [`Error::Store`] when the database fails, after which the ledger must be opened anew.
    pub fn finalize(&self, hash: Hash, certificate: Vec<u8>) -> Result<Finalized> {
        let _one_at_a_time = lock(&self.0.finalizing);
        let path = self.tree().path(&hash);
        let Some(mut path) = path.filter(|path| !path.is_empty()) else {
            return match self.number_of(&hash)? {
                Some(_) => Ok(Finalized::default()),
                None => Err(Error::UnknownBlock(hash)),
            };
        };
        path.reverse();
        let kept = self.commit_final(&path, certificate)?;
        self.0.kept.store(kept, Ordering::Release);
        let best_before = self.best();
        let tip = path[path.len() - 1].clone();
        let discarded = self.tree_mut().finalize(tip.head());
        for block in &path {
            self.0.announcer.announce_finalized(block.notice());
        }
        if self.best() != best_before {
            self.0.announcer.announce_best(tip.notice());
        }
        let blocks: Vec<Head> = path.iter().map(|block| block.head()).collect();
        let discarded = discarded.iter().map(|block| block.head());
        Ok(Finalized {
            discarded: discarded.filter(|head| !blocks.contains(head)).collect(),
            blocks,
        })
    }

    /// Writes `path` (oldest first) as final; returns the height of the oldest state still whole.
    fn commit_final(&self, path: &[Arc<Executed>], certificate: Vec<u8>) -> Result<BlockNumber> {
        let tip = path[path.len() - 1].head();
        let mut changes = Vec::new();
        for block in path {
            let key = number_key(block.number());
            let hash = block.hash.as_bytes().to_vec();
            let put = |column, key, value| Change::Put(column, key, value);
            changes.push(put(Column::Headers, hash.clone(), block.header.encode()));
            changes.push(put(Column::Bodies, hash.clone(), block.body.encode()));
            changes.push(put(Column::Numbers, key.clone(), hash));
            changes.push(put(Column::Obsolete, key, block.obsolete.encode()));
            changes.extend(retain(&block.created));
        }
        changes.push(Change::Put(
            Column::Certificates,
            number_key(tip.number),
            certificate,
        ));
        let kept = self.prune(tip.number, path, &mut changes)?;
        let tip = (tip.hash, tip.number).encode();
        changes.push(Change::Put(Column::Meta, TIP_KEY.to_vec(), tip));
        self.0.store.commit(changes)?;
        Ok(kept)
    }

    /// Releases the states that leave the window when the tip moves to `tip`.
    ///
    /// State `h` needs the nodes that block `h + 1` made obsolete; once `h` may go, so may they.
    fn prune(
        &self,
        tip: BlockNumber,
        path: &[Arc<Executed>],
        changes: &mut Vec<Change>,
    ) -> Result<BlockNumber> {
        let mut kept = self.0.kept.load(Ordering::Acquire);
        let Retention::Last(window) = self.0.retention else {
            return Ok(kept);
        };
        let target = tip.saturating_sub(window.max(RETENTION_MIN));
        let most = PRUNED_PER_COMMIT.max(path.len() as u32);
        let end = target.min(kept.saturating_add(most));
        while kept < end {
            let successor = kept + 1;
            let pending = path.iter().find(|block| block.number() == successor);
            let obsolete = match pending {
                Some(block) => block.obsolete.clone(),
                None => self.journal(successor)?,
            };
            for (node, owners) in obsolete {
                changes.extend((0..owners).map(|_| Change::Release(node)));
            }
            changes.push(Change::Delete(Column::Obsolete, number_key(successor)));
            kept = successor;
        }
        changes.push(Change::Put(Column::Meta, KEPT_KEY.to_vec(), kept.encode()));
        Ok(kept)
    }

    fn journal(&self, number: BlockNumber) -> Result<Vec<(Hash, u32)>> {
        let what = "journal of obsolete nodes";
        read(&*self.0.store, Column::Obsolete, &number_key(number), what)?
            .ok_or(Error::Corrupt { what })
    }

    /// Storage that an unfinalized block changed; `None` once it is final or gone.
    pub fn changes(&self, hash: &Hash) -> Option<Arc<Vec<StorageChange>>> {
        self.tree().get(hash).map(|block| block.changes.clone())
    }

    /// Header of a final or executed block.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the database cannot be read.
    pub fn header(&self, hash: &Hash) -> Result<Option<Header>> {
        if let Some(block) = self.tree().get(hash) {
            return Ok(Some(block.header.clone()));
        }
        read(&*self.0.store, Column::Headers, hash.as_bytes(), "header")
    }

    /// Extrinsics of a final or executed block.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the database cannot be read.
    pub fn body(&self, hash: &Hash) -> Result<Option<Vec<Extrinsic>>> {
        if let Some(block) = self.tree().get(hash) {
            return Ok(Some(block.body.clone()));
        }
        read(
            &*self.0.store,
            Column::Bodies,
            hash.as_bytes(),
            "block body",
        )
    }

    /// A final or executed block.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the database cannot be read.
    pub fn block(&self, hash: &Hash) -> Result<Option<Block>> {
        let (Some(header), Some(extrinsics)) = (self.header(hash)?, self.body(hash)?) else {
            return Ok(None);
        };
        Ok(Some(Block { header, extrinsics }))
    }

    /// Hash of the block at a height of the best chain.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the database cannot be read.
    pub fn hash_of(&self, number: BlockNumber) -> Result<Option<Hash>> {
        {
            let tree = self.tree();
            if number > tree.finalized().number {
                return Ok(tree.ancestor(&tree.best().hash, number));
            }
        }
        read(
            &*self.0.store,
            Column::Numbers,
            &number_key(number),
            "block hash",
        )
    }

    /// Height of a final or executed block.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the database cannot be read.
    pub fn number_of(&self, hash: &Hash) -> Result<Option<BlockNumber>> {
        Ok(self.header(hash)?.map(|header| *header.number()))
    }

    /// Finality certificate of the final block at a height; absent if a descendant's certificate covers it.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the database cannot be read.
    pub fn certificate(&self, number: BlockNumber) -> Result<Option<Vec<u8>>> {
        self.0.store.get(Column::Certificates, &number_key(number))
    }

    /// The state that a block left.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownBlock`] when there is no such block here; [`Error::StatePruned`] when its state has left the
    /// retention window.
    pub fn state(&self, at: Hash) -> Result<State> {
        let path = self.tree().path(&at);
        let root = match path.as_ref().and_then(|path| path.first()) {
            Some(block) => *block.header.state_root(),
            None => self.final_root(&at)?,
        };
        let inner = &self.0;
        let nodes = Nodes::new(layers(path.as_deref().unwrap_or(&[])), inner.store.clone());
        Ok(State::new(
            at,
            root,
            nodes,
            inner.cache.clone(),
            inner.signatures.clone(),
        ))
    }

    /// State root of a final block, if its state is still kept.
    fn final_root(&self, at: &Hash) -> Result<Hash> {
        let header = self.header(at)?.ok_or(Error::UnknownBlock(*at))?;
        if *header.number() < self.0.kept.load(Ordering::Acquire) {
            return Err(Error::StatePruned { hash: *at });
        }
        Ok(*header.state_root())
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

    fn tree_mut(&self) -> RwLockWriteGuard<'_, Tree> {
        self.0.tree.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time that a block claims, in milliseconds since the Unix epoch, read from its timestamp inherent.
///
/// `None` when it has none; executing such a block fails. Whether the time is plausible is for consensus to judge
/// before it votes.
pub fn timestamp_of(block: &Block) -> Option<u64> {
    let first = block.extrinsics.first()?;
    let extrinsic = runtime::UncheckedExtrinsic::decode(&mut &first.encode()[..]).ok()?;
    match extrinsic.function {
        runtime::RuntimeCall::Timestamp(pallet_timestamp::Call::set { now }) => Some(now),
        _ => None,
    }
}

/// Blocks being executed right now, so that no two threads execute the same one.
#[derive(Default)]
struct Turns {
    running: Mutex<HashSet<Hash>>,
    ended: Condvar,
}

struct Turn<'a> {
    turns: &'a Turns,
    hash: Hash,
}

impl Turns {
    fn wait_for(&self, hash: Hash) -> Turn<'_> {
        let mut running = self
            .ended
            .wait_while(lock(&self.running), |running| running.contains(&hash))
            .unwrap_or_else(PoisonError::into_inner);
        running.insert(hash);
        Turn { turns: self, hash }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.turns.running).remove(&self.hash);
        self.turns.ended.notify_all();
    }
}

/// A lock whose holder panicked still guards whole values here: each critical section is one assignment or insertion.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn layers(path: &[Arc<Executed>]) -> Vec<Arc<crate::state::Layer>> {
    path.iter().map(|block| block.created.clone()).collect()
}

fn number_key(number: BlockNumber) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn retain(created: &crate::state::Layer) -> impl Iterator<Item = Change> + '_ {
    created.iter().flat_map(|(hash, (node, owners))| {
        (0..*owners).map(|_| Change::Retain(*hash, node.clone()))
    })
}

fn read<T: Decode>(
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

/// The first block's header, and the commit that begins a chain with it.
fn first_block(genesis: Storage) -> (Header, Vec<Change>) {
    let empty = empty_trie_root::<LayoutV1<Hasher>>();
    let nothing = TrieBackendBuilder::<_, Hasher>::new(PrefixedMemoryDB::default(), empty).build();
    let top = genesis
        .top
        .iter()
        .map(|(key, value)| (&key[..], Some(&value[..])));
    let children = genesis.children_default.values().map(|child| {
        let pairs = child.data.iter();
        (
            &child.child_info,
            pairs.map(|(key, value)| (&key[..], Some(&value[..]))),
        )
    });
    let (state_root, nodes) = nothing.full_storage_root(top, children, StateVersion::V1);
    let no_extrinsics = LayoutV1::<Hasher>::ordered_trie_root(std::iter::empty::<Vec<u8>>());
    let header = Header::new(
        0,
        no_extrinsics,
        state_root,
        Hash::zero(),
        Default::default(),
    );
    let hash = header.hash();
    let (created, _) = split(nodes);
    let key = hash.as_bytes().to_vec();
    let mut changes: Vec<Change> = retain(&created).collect();
    let none: Vec<Extrinsic> = Vec::new();
    changes.extend([
        Change::Put(Column::Headers, key.clone(), header.encode()),
        Change::Put(Column::Bodies, key.clone(), none.encode()),
        Change::Put(Column::Numbers, number_key(0), key),
        Change::Put(Column::Meta, GENESIS_KEY.to_vec(), hash.encode()),
        Change::Put(Column::Meta, TIP_KEY.to_vec(), (hash, 0u32).encode()),
        Change::Put(Column::Meta, KEPT_KEY.to_vec(), 0u32.encode()),
    ]);
    (header, changes)
}
