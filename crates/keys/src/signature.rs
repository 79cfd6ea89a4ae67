//! Signatures, and the purposes they are kept to.
//!
//! One key signs transactions, requests and receipts. So that a signature asked for one purpose can never be shown as
//! another, what is signed is never the bare message but `domain ‖ 0x00 ‖ message`, where the [`Domain`] is a short
//! ASCII name. Names are not empty, contain no zero byte and begin with `stoa-`; a transaction's payload begins with
//! the number of a pallet, and no pallet has the number of the letter `s`.

use std::fmt;

use primitives::AccountId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sp_core::Pair as _;
use sp_core::sr25519;

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain(&'static str);

impl Domain {
    /// Names a purpose.
    ///
    /// # Panics
    ///
    /// Unless the name begins with `stoa-` and contains no zero byte. Names are constants, so this is a failure to
    /// compile where the domain is one too.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        let prefix = b"stoa-";
        assert!(
            prefix.len() < bytes.len(),
            "a domain has a name after stoa-"
        );
        let mut place = 0;
        while place < bytes.len() {
            assert!(bytes[place] != 0, "a domain has no zero byte");
            assert!(
                prefix.len() <= place || bytes[place] == prefix[place],
                "a domain begins with stoa-"
            );
            place += 1;
        }
        Self(name)
    }

    /// The bytes that are signed for a message of this purpose.
    pub fn separate(self, message: &[u8]) -> Vec<u8> {
        [self.0.as_bytes(), &[0], message].concat()
    }
}

/// An sr25519 signature; written as 128 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 64]);

/// Whether `signer` signed `message` for this purpose.
pub fn verify(signer: &AccountId, domain: Domain, message: &[u8], signature: &Signature) -> bool {
    let public = sr25519::Public::from_raw(signer.0);
    let signature = sr25519::Signature::from_raw(signature.0);
    sr25519::Pair::verify(&signature, domain.separate(message), &public)
}

impl Signature {
    /// Reads 128 hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| D::Error::custom("a signature is 128 hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pair;

    const LETTER: Domain = Domain::new("stoa-letter");
    const PARCEL: Domain = Domain::new("stoa-parcel");

    #[test]
    fn a_signature_for_one_purpose_verifies_for_no_other() {
        let alice = Pair::from_uri("//Alice").expect("a development key");
        let signature = alice.sign(LETTER, b"hello");
        assert!(verify(&alice.account(), LETTER, b"hello", &signature));
        assert!(!verify(&alice.account(), PARCEL, b"hello", &signature));
        assert!(!verify(&alice.account(), LETTER, b"hullo", &signature));
        let bob = Pair::from_uri("//Bob").expect("a development key");
        assert!(!verify(&bob.account(), LETTER, b"hello", &signature));
    }

    #[test]
    fn a_domain_cannot_end_in_the_middle_of_another() {
        assert_ne!(
            Domain::new("stoa-a").separate(b"bc"),
            Domain::new("stoa-ab").separate(b"c")
        );
    }

    #[test]
    fn a_signature_reads_back_from_its_text() {
        let signature = Pair::from_uri("//Alice")
            .expect("a development key")
            .sign(LETTER, b"");
        let json = serde_json::to_string(&signature).expect("a string");
        assert_eq!(
            serde_json::from_str::<Signature>(&json).expect("the same"),
            signature
        );
        assert_eq!(Signature::from_hex("00"), None);
    }
}
