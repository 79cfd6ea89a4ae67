//! A block as authorities exchange it.
//!
//! It is the ledger's own block, byte for byte; nothing is wrapped around it. What agreement needs to know (the
//! round, its leader, the parent that the leader was given) is a digest item in the header, [`ENGINE_ID`], so the
//! header's hash commits to it.
//!
//! # What always holds
//!
//! * A [`Block`] decoded from foreign bytes has one encoding, the one it came in.
//! * Its body is the one its header commits to. The digest covers the header only, so without this check a
//!   peer could send a certified header with another body.
//! * Above genesis it carries exactly one context.
//!
//! # Not here
//!
//! Whether the block is *valid* (its transactions, its state root, its time): [`crate::Chain::import`] and
//! [`crate::application`].

use crate::digest::BlockHash;
use bytes::{BufMut, Bytes};
use commonware_codec::{
    Buf, DecodeExt, Encode as _, EncodeSize, Error, FixedSize, MaxEncodeSize, RangeCfg, Read, Write,
};
use commonware_consensus::{
    BoundedBlock, CertifiableBlock, Heightable,
    simplex::types,
    types::{Epoch, Height, Round, View},
};
use commonware_cryptography::{Digest as _, Digested, Digestible, Signer as _, ed25519};
use parity_scale_codec::{Decode as _, Encode as _};
use sp_core::storage::StateVersion;
use sp_runtime::{
    ConsensusEngineId, Digest, DigestItem, OpaqueExtrinsic, generic,
    traits::{BlakeTwo256, Hash as _},
};

/// Identity of an authority among its peers.
pub type PublicKey = ed25519::PublicKey;
/// The round, its leader and the parent that agreement gave the leader to build on.
pub type Context = types::Context<BlockHash, PublicKey>;
/// Header of the ledger's blocks.
pub type Header = generic::Header<u32, BlakeTwo256>;
/// The ledger's block with its transactions left encoded.
pub type OpaqueBlock = generic::Block<Header, OpaqueExtrinsic>;

/// Marks the header's digest item that carries the [`Context`].
pub const ENGINE_ID: ConsensusEngineId = *b"splx";

/// Trie layout of the extrinsics root, which the runtime's version fixes.
const EXTRINSICS_LAYOUT: StateVersion = StateVersion::V0;

/// Why bytes are not a block.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Malformed {
    /// The bytes are not one SCALE-encoded block and nothing else.
    #[error("not the encoding of a block")]
    Encoding,
    /// The header commits to another body.
    #[error("the body is not the one that the header commits to")]
    Body,
    /// The header does not carry exactly one well-formed context.
    #[error("the header does not carry exactly one agreement context")]
    Context,
}

/// A block with its hash and context at hand.
#[derive(Clone, Debug)]
pub struct Block {
    hash: BlockHash,
    header: Header,
    context: Context,
    encoded: Bytes,
}

impl Block {
    /// Reads a block from its SCALE encoding, checking everything that its hash does not.
    ///
    /// # Errors
    ///
    /// [`Malformed`] says what the bytes lack.
    pub fn decode(encoded: Bytes) -> Result<Self, Malformed> {
        let mut input = &encoded[..];
        let block = OpaqueBlock::decode(&mut input).map_err(|_| Malformed::Encoding)?;
        if !input.is_empty() || block.encode() != encoded {
            return Err(Malformed::Encoding);
        }
        let extrinsics = block.extrinsics.iter().map(|x| x.encode()).collect();
        let root = BlakeTwo256::ordered_trie_root(extrinsics, EXTRINSICS_LAYOUT);
        if root != block.header.extrinsics_root {
            return Err(Malformed::Body);
        }
        Ok(Self {
            hash: block.header.hash().into(),
            context: context_of(&block.header)?,
            header: block.header,
            encoded,
        })
    }

    /// The block's SCALE encoding, as the ledger reads it.
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// The block's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The block's hash, which is also its digest in votes.
    pub fn hash(&self) -> BlockHash {
        self.hash
    }

    /// How many blocks precede this one.
    pub fn number(&self) -> u32 {
        self.header.number
    }

    /// The authority that proposed it.
    pub fn leader(&self) -> &PublicKey {
        &self.context.leader
    }

    /// Hash of the block that this one extends.
    pub fn parent_hash(&self) -> BlockHash {
        self.header.parent_hash.into()
    }

    /// Pairs the block with its digest, as agreement passes it around.
    pub fn digested(self) -> Digested<Self> {
        let hash = self.hash;
        Digested::precomputed(self, hash)
    }
}

/// Makes the digest item by which a header carries `context`.
pub fn digest_item(context: &Context) -> DigestItem {
    DigestItem::PreRuntime(ENGINE_ID, context.encode().to_vec())
}

fn context_of(header: &Header) -> Result<Context, Malformed> {
    if header.number == 0 {
        return Ok(genesis_context());
    }
    let Digest { logs } = &header.digest;
    let mut items = logs.iter().filter_map(|item| match item {
        DigestItem::PreRuntime(ENGINE_ID, bytes) => Some(bytes),
        _ => None,
    });
    let (Some(bytes), None) = (items.next(), items.next()) else {
        return Err(Malformed::Context);
    };
    Context::decode(Bytes::copy_from_slice(bytes)).map_err(|_| Malformed::Context)
}

/// Genesis was led by nobody; a fixed key stands where a leader must be named.
fn genesis_context() -> Context {
    Context {
        round: Round::new(Epoch::zero(), View::zero()),
        leader: ed25519::PrivateKey::from_seed(0).public_key(),
        parent: (View::zero(), BlockHash::EMPTY),
    }
}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        self.encoded.write(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        self.encoded.encode_size()
    }
}

impl Read for Block {
    /// Largest block accepted, in bytes.
    type Cfg = u32;

    fn read_cfg(buf: &mut impl Buf, bytes_max: &u32) -> Result<Self, Error> {
        let bytes = Bytes::read_cfg(buf, &RangeCfg::from(0..=*bytes_max as usize))?;
        // A small part of a large receive buffer would keep all of it alive.
        let bytes = Bytes::copy_from_slice(&bytes);
        Self::decode(bytes).map_err(|reason| Error::Wrapped("Block", Box::new(reason)))
    }
}

impl Digestible for Block {
    type Digest = BlockHash;

    fn digest(&self) -> BlockHash {
        self.hash
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(u64::from(self.header.number))
    }
}

impl commonware_consensus::Block for Block {
    fn parent(&self) -> BlockHash {
        self.parent_hash()
    }
}

impl CertifiableBlock for Block {
    type Context = Context;

    fn context(&self) -> Context {
        self.context.clone()
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(bytes_max: &u32) -> usize {
        u32::MAX_ENCODE_SIZE + u32::SIZE + *bytes_max as usize
    }
}
