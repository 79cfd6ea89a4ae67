//! The key to which wallets encrypt transactions that nobody should see before they are in a block.
//!
//! A wallet signs a transaction, encrypts it to the network's public shield key, and submits the ciphertext inside
//! another transaction. Nodes that pass it on cannot read it; the authority that builds the block can, and puts both
//! in. The format is the one that Bittensor's wallets write:
//!
//! ```text
//!  twox-128 of the public key (16) · length of the capsule (2, little endian) · ML-KEM-768 capsule · nonce (24) ·
//!  XChaCha20-Poly1305 of the transaction under the shared secret, without associated data
//! ```

use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};
use ml_kem::{Decapsulate, DecapsulationKey768, KeyExport, Seed};
use std::fmt;

/// Bytes of the seed a [`ShieldKey`] is made from.
pub const SHIELD_SEED_BYTES: usize = 64;

const KEY_HASH_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;

/// The secret half of a shield key.
pub struct ShieldKey {
    secret: DecapsulationKey768,
    public: Vec<u8>,
}

impl ShieldKey {
    /// The key that a seed stands for.
    pub fn from_seed(seed: [u8; SHIELD_SEED_BYTES]) -> Self {
        let secret = DecapsulationKey768::from_seed(Seed::from(seed));
        let public = secret.encapsulation_key().to_bytes().to_vec();
        Self { secret, public }
    }

    /// The public half, for wallets to encrypt to.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Decrypts what a wallet encrypted to this key; none when it did not, or when the ciphertext was altered.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        // The hash tells keys apart; under a wrong key the ciphertext does not authenticate either.
        let (_key_hash, rest) = sealed.split_first_chunk::<KEY_HASH_BYTES>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (capsule, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let shared = self.secret.decapsulate_slice(capsule).ok()?;
        let cipher = XChaCha20Poly1305::new_from_slice(&shared).ok()?;
        cipher.decrypt(&XNonce::from(*nonce), ciphertext).ok()
    }
}

impl fmt::Debug for ShieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShieldKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ml_kem::{B32, EncapsulationKey768};

    fn seal(key: &ShieldKey, message: &[u8]) -> Vec<u8> {
        let public = EncapsulationKey768::new(&key.public().try_into().unwrap()).unwrap();
        let (capsule, shared) = public.encapsulate_deterministic(&B32::from([9; 32]));
        let cipher = XChaCha20Poly1305::new_from_slice(&shared).unwrap();
        let nonce = [7; NONCE_BYTES];
        let length = u16::try_from(capsule.len()).unwrap().to_le_bytes();
        let ciphertext = cipher.encrypt(&XNonce::from(nonce), message).unwrap();
        [
            &[0; KEY_HASH_BYTES][..],
            &length,
            &capsule,
            &nonce,
            &ciphertext,
        ]
        .concat()
    }

    #[test]
    fn what_is_sealed_to_a_key_opens_with_it_alone() {
        let (ours, theirs) = (ShieldKey::from_seed([1; 64]), ShieldKey::from_seed([2; 64]));
        assert_eq!(ours.public().len(), 1_184);
        let sealed = seal(&ours, b"a transaction");
        assert_eq!(ours.open(&sealed).as_deref(), Some(&b"a transaction"[..]));
        assert_eq!(theirs.open(&sealed), None);
    }

    #[test]
    fn every_altered_or_shortened_byte_is_noticed() {
        let key = ShieldKey::from_seed([1; 64]);
        let sealed = seal(&key, b"a transaction");
        for place in (KEY_HASH_BYTES..sealed.len()).step_by(37) {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert_eq!(key.open(&altered), None, "byte {place}");
            assert_eq!(key.open(&sealed[..place]), None, "{place} bytes");
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        assert_eq!(
            format!("{:?}", ShieldKey::from_seed([1; 64])),
            "ShieldKey { .. }"
        );
    }
}
