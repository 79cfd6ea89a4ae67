//! Reads a state: the key-value map that executing a block left behind.
//!
//! The state of a finalized block is in the database. That of an unfinalized block is the finalized state plus the
//! trie nodes that it and its unfinalized ancestors created, which are looked through newest first.

use crate::error::{CallError, Error, Result};
use crate::execution::Session;
use crate::store::{Column, Store};
use crate::{Hash, Hasher};
use runtime::VerifiedSignatures;
use sp_core::storage::well_known_keys;
use sp_state_machine::{
    Backend as _, IterArgs, StorageProof, TrieBackend, TrieBackendBuilder, TrieBackendStorage,
    prove_read_on_trie_backend,
};
use sp_trie::cache::{LocalTrieCache, SharedTrieCache};
use std::collections::HashMap;
use std::sync::Arc;

/// Trie nodes that one block created, with how often.
pub(crate) type Layer = HashMap<Hash, (Vec<u8>, u32)>;

/// A view of one state through the trie.
pub(crate) type Backend = TrieBackend<Nodes, Hasher, LocalTrieCache<Hasher>>;

/// Where trie nodes are looked up: the layers of unfinalized blocks, newest first, then the database.
#[derive(Clone)]
pub(crate) struct Nodes {
    layers: Vec<Arc<Layer>>,
    store: Arc<dyn Store>,
}

impl Nodes {
    pub(crate) fn new(layers: Vec<Arc<Layer>>, store: Arc<dyn Store>) -> Self {
        Self { layers, store }
    }
}

impl TrieBackendStorage<Hasher> for Nodes {
    fn get(
        &self,
        key: &Hash,
        _prefix: (&[u8], Option<u8>),
    ) -> std::result::Result<Option<Vec<u8>>, String> {
        for layer in &self.layers {
            if let Some((node, _)) = layer.get(key) {
                return Ok(Some(node.clone()));
            }
        }
        self.store
            .get(Column::Nodes, key.as_bytes())
            .map_err(|error| error.to_string())
    }
}

/// The state after one block; cheap to make, and good for as long as the block is retained.
pub struct State {
    block: Hash,
    root: Hash,
    nodes: Nodes,
    cache: SharedTrieCache<Hasher>,
    signatures: VerifiedSignatures,
}

impl State {
    pub(crate) fn new(
        block: Hash,
        root: Hash,
        nodes: Nodes,
        cache: SharedTrieCache<Hasher>,
        signatures: VerifiedSignatures,
    ) -> Self {
        Self {
            block,
            root,
            nodes,
            cache,
            signatures,
        }
    }

    /// The block that left this state.
    pub fn block(&self) -> Hash {
        self.block
    }

    /// Root of the state's trie.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// [`Error::StatePruned`] when the state left the retention window meanwhile.
    pub fn storage(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.backend()
            .storage(key)
            .map_err(|error| self.unreadable(&error))
    }

    /// Up to `count` keys that begin with `prefix` and come after `start`, in order.
    ///
    /// # Errors
    ///
    /// [`Error::StatePruned`] when the state left the retention window meanwhile.
    pub fn keys_paged(
        &self,
        prefix: &[u8],
        count: usize,
        start: Option<&[u8]>,
    ) -> Result<Vec<Vec<u8>>> {
        let backend = self.backend();
        // A start before the prefix would make the trie's iterator begin outside it.
        let start = start.filter(|start| *start >= prefix);
        let mut arguments = IterArgs::default();
        arguments.prefix = Some(prefix);
        arguments.start_at = start;
        arguments.start_at_exclusive = true;
        let keys = backend
            .keys(arguments)
            .map_err(|error| self.unreadable(&error))?;
        keys.take(count)
            .map(|key| key.map_err(|error| self.unreadable(&error)))
            .collect()
    }

    /// All pairs whose key begins with `prefix`, at most `count` of them.
    ///
    /// # Errors
    ///
    /// [`Error::StatePruned`] when the state left the retention window meanwhile.
    pub fn pairs(&self, prefix: &[u8], count: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let backend = self.backend();
        let mut arguments = IterArgs::default();
        arguments.prefix = Some(prefix);
        let pairs = backend
            .pairs(arguments)
            .map_err(|error| self.unreadable(&error))?;
        pairs
            .take(count)
            .map(|pair| pair.map_err(|error| self.unreadable(&error)))
            .collect()
    }

    /// Calls a runtime API; whatever it writes is forgotten.
    ///
    /// # Errors
    ///
    /// [`CallError`] when there is no such method or it panicked.
    pub fn call(&self, method: &str, arguments: &[u8]) -> std::result::Result<Vec<u8>, CallError> {
        let backend = self.backend();
        Session::new(&backend, &self.signatures).call(method, arguments)
    }

    /// Proves the values of `keys`, present or not, against [`State::root`].
    ///
    /// # Errors
    ///
    /// [`Error::StatePruned`] when the state left the retention window meanwhile.
    pub fn prove(&self, keys: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
        // The proof must hold every node on the way, so the cache must not hide any from the recorder.
        let backend: TrieBackend<Nodes, Hasher> =
            TrieBackendBuilder::new(self.nodes.clone(), self.root).build();
        let proof: StorageProof = prove_read_on_trie_backend(&backend, keys)
            .map_err(|error| self.unreadable(&error.to_string()))?;
        Ok(proof.into_iter_nodes().collect())
    }

    pub(crate) fn backend(&self) -> Backend {
        backend(&self.nodes, self.root, &self.cache)
    }

    fn unreadable(&self, reason: &str) -> Error {
        tracing::debug!(block = %self.block, reason, "state cannot be read");
        Error::StatePruned { hash: self.block }
    }
}

/// Views the state under `root`, through a cache shared by all views.
pub(crate) fn backend(nodes: &Nodes, root: Hash, cache: &SharedTrieCache<Hasher>) -> Backend {
    TrieBackendBuilder::new(nodes.clone(), root)
        .with_cache(cache.local_cache_trusted())
        .build()
}

/// Whether a key belongs to bookkeeping that vanishes at the end of a block.
pub(crate) fn is_transient(key: &[u8]) -> bool {
    key == well_known_keys::EXTRINSIC_INDEX || key == well_known_keys::INTRABLOCK_ENTROPY
}
