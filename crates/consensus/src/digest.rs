//! The hash of a block, as agreement sees it.
//!
//! A block's digest in votes and certificates *is* the hash of its header, the one wallets and explorers know. So
//! a finality certificate proves a header to anyone, without a second hash to translate through.

use bytes::BufMut;
use commonware_codec::{Buf, Error, FixedSize, Read, ReadExt, Write};
use commonware_cryptography::Digest;
use commonware_math::algebra::Random;
use commonware_utils::{Array, Span};
use rand::CryptoRng;
use sp_core::H256;
use std::{
    fmt::{Debug, Display, Formatter},
    ops::Deref,
};

const LENGTH: usize = 32;

/// Hash of a block's header (BLAKE2b, 256 bits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BlockHash(pub [u8; LENGTH]);

impl From<H256> for BlockHash {
    fn from(hash: H256) -> Self {
        Self(hash.0)
    }
}

impl From<BlockHash> for H256 {
    fn from(hash: BlockHash) -> Self {
        Self(hash.0)
    }
}

impl Write for BlockHash {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.write(buf);
    }
}

impl Read for BlockHash {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        Ok(Self(<[u8; LENGTH]>::read(buf)?))
    }
}

impl FixedSize for BlockHash {
    const SIZE: usize = LENGTH;
}

impl Span for BlockHash {}
impl Array for BlockHash {}

impl AsRef<[u8]> for BlockHash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for BlockHash {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Display for BlockHash {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl Debug for BlockHash {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        Display::fmt(self, f)
    }
}

impl Random for BlockHash {
    fn random(mut rng: impl CryptoRng) -> Self {
        let mut bytes = [0; LENGTH];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl Digest for BlockHash {
    const EMPTY: Self = Self([0; LENGTH]);
}
