//! Reads blocks, certificates and states, final or not.

use crate::best::StorageChange;
use crate::error::{CallError, Error, Result};
use crate::ledger::{Ledger, layers, number_key, read};
use crate::state::{Nodes, State};
use crate::store::Column;
use crate::{Block, BlockNumber, Extrinsic, Hash, Header};
use parity_scale_codec::Decode as _;
use sp_runtime::traits::Header as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Ledger {
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

    /// Heights whose keys the last finalized state wants, lowest first.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the database cannot be read, [`Error::Call`] when the runtime cannot say.
    pub fn wanted_heights(&self) -> Result<Vec<BlockNumber>> {
        const METHOD: &str = "BeaconApi_wanted_heights";
        let answer = self.state(self.finalized().hash)?.call(METHOD, &[])?;
        Vec::decode(&mut &answer[..]).map_err(|_| CallError::BadAnswer(METHOD).into())
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
    pub(crate) fn final_root(&self, at: &Hash) -> Result<Hash> {
        let header = self.header(at)?.ok_or(Error::UnknownBlock(*at))?;
        if *header.number() < self.0.kept.load(Ordering::Acquire) {
            return Err(Error::StatePruned { hash: *at });
        }
        Ok(*header.state_root())
    }
}
