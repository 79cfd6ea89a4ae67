//! Checks a transaction's signature, once.
//!
//! A transaction's signature is checked when it enters the pool, when its block is built and when that
//! block is executed. It is the dearest part of a small transaction (about 40 µs), so the node may lend the
//! runtime a memory of what it has already checked: [`VerifiedSignatures`], an externalities extension. Without
//! one every signature is checked; with one the answer is the same, for only successes are remembered, under a
//! hash of signer, signature and message.

use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::{Type, TypeInfo};
use sp_runtime::{
    AccountId32, MultiSignature, MultiSigner,
    traits::{Lazy, Verify},
};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// A [`MultiSignature`] that consults [`VerifiedSignatures`]; the encoding and the metadata are the same.
#[derive(Clone, Eq, PartialEq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen)]
pub struct Signature(pub MultiSignature);

impl From<MultiSignature> for Signature {
    fn from(signature: MultiSignature) -> Self {
        Self(signature)
    }
}

impl TypeInfo for Signature {
    type Identity = MultiSignature;

    fn type_info() -> Type {
        MultiSignature::type_info()
    }
}

impl Verify for Signature {
    type Signer = MultiSigner;

    fn verify<L: Lazy<[u8]>>(&self, mut message: L, signer: &AccountId32) -> bool {
        let Some(memory) = borrowed_memory() else {
            return self.0.verify(message, signer);
        };
        let message = message.get();
        let key = sp_io::hashing::blake2_256(&(signer, &self.0, message).encode());
        if memory.contains(&key) {
            return true;
        }
        let valid = self.0.verify(message, signer);
        if valid {
            memory.insert(key);
        }
        valid
    }
}

fn borrowed_memory() -> Option<VerifiedSignatures> {
    sp_externalities::with_externalities(|mut externalities| {
        use sp_externalities::ExternalitiesExt;
        externalities
            .extension::<VerifiedSignaturesExt>()
            .map(|extension| extension.0.clone())
    })
    .flatten()
}

/// Remembers signatures found valid, a bounded number of them; clones share the memory.
///
/// Two generations of at most `capacity` entries each: when the younger is full it becomes the older, and
/// the older is forgotten. So at least the last `capacity` successes are known.
#[derive(Clone)]
pub struct VerifiedSignatures {
    capacity: usize,
    generations: Arc<Mutex<Generations>>,
}

#[derive(Default)]
struct Generations {
    young: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
}

impl VerifiedSignatures {
    /// A memory of at least the last `capacity` successes, and at most twice as many.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            generations: Arc::default(),
        }
    }

    /// The extension to register in the externalities of a call into the runtime.
    pub fn extension(&self) -> VerifiedSignaturesExt {
        VerifiedSignaturesExt(self.clone())
    }

    /// How many signatures are known.
    pub fn len(&self) -> usize {
        let generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        generations.young.len() + generations.old.len()
    }

    /// Whether no signature is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn contains(&self, key: &[u8; 32]) -> bool {
        // A poisoned lock still holds whole entries: insertion is the only write.
        let generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        generations.young.contains(key) || generations.old.contains(key)
    }

    fn insert(&self, key: [u8; 32]) {
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= self.capacity {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key);
    }
}

sp_externalities::decl_extension! {
    /// Lends a [`VerifiedSignatures`] to the runtime.
    pub struct VerifiedSignaturesExt(VerifiedSignatures);
}
