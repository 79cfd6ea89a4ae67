//! Encryption of key files under a password, in the form `btcli` writes.
//!
//! `"$NACL" ‖ nonce (24) ‖ secretbox`, where the secretbox is XSalsa20-Poly1305 (tag first) under a key derived from the
//! password by Argon2i v1.3 with 8 passes over 512 MiB and one lane. The salt is one constant for every file, which is
//! the format's weakness, not a choice made here: a long password is what protects a stolen file.

use argon2::{Algorithm, Argon2, Params, Version};
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use rand::CryptoRng;

const MAGIC: &[u8] = b"$NACL";
const NONCE_BYTES: usize = 24;
const SALT: [u8; 16] = [
    0x13, 0x71, 0x83, 0xdf, 0xf1, 0x5a, 0x09, 0xbc, 0x9c, 0x90, 0xb5, 0x51, 0x87, 0x39, 0xe9, 0xb1,
];
const MEMORY_KIB: u32 = 512 * 1024;
const PASSES: u32 = 8;

/// Whether the contents of a file are encrypted in this form.
pub(crate) fn is_sealed(contents: &[u8]) -> bool {
    contents.starts_with(MAGIC)
}

/// Encrypts the contents of a file.
pub(crate) fn seal(plain: &[u8], password: &str, rng: &mut impl CryptoRng) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let boxed = cipher(password)
        .encrypt(&nonce.into(), plain)
        .expect("a key file is far smaller than a secretbox can be");
    [MAGIC, &nonce, &boxed].concat()
}

/// Decrypts the contents of a file, or nothing if the password is wrong or the file damaged.
pub(crate) fn open(sealed: &[u8], password: &str) -> Option<Vec<u8>> {
    let rest = sealed.strip_prefix(MAGIC)?;
    let (nonce, boxed) = rest.split_first_chunk::<NONCE_BYTES>()?;
    cipher(password).decrypt(nonce.into(), boxed).ok()
}

fn cipher(password: &str) -> XSalsa20Poly1305 {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, Some(32)).expect("the format's parameters are in range");
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2i, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), &SALT, &mut key)
        .expect("the lengths of salt and key are in range");
    XSalsa20Poly1305::new(&key.into())
}
