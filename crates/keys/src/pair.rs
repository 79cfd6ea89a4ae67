//! A key pair: the secret half that signs and the address it signs for.

use std::fmt;
use std::path::Path;

use bip39::{Language, Mnemonic};
use primitives::AccountId;
use rand::CryptoRng;
use sp_core::Pair as _;
use sp_core::sr25519;

use crate::{Domain, Error, Keyfile, Signature};

/// An sr25519 key pair. Its secret is never shown; [`fmt::Debug`] prints the address.
#[derive(Clone)]
pub struct Pair {
    inner: sr25519::Pair,
    origin: Origin,
}

/// What a pair was made from, kept because `btcli` writes it into key files.
#[derive(Clone)]
enum Origin {
    Phrase { phrase: String, seed: [u8; 32] },
    Seed([u8; 32]),
    Secret,
}

/// The words from which a key can be made again. Shown once, to whoever created the key.
#[derive(Clone)]
pub struct Phrase(String);

impl Phrase {
    /// Draws twelve words: 128 bits.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut entropy = [0; 16];
        rng.fill_bytes(&mut entropy);
        let mnemonic = Mnemonic::from_entropy_in(Language::English, &entropy)
            .expect("16 bytes are the entropy of twelve words");
        Self(mnemonic.words().collect::<Vec<_>>().join(" "))
    }

    /// The words. Whoever reads them owns the key.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase(secret)")
    }
}

impl Pair {
    /// Reads a secret URI: a development key (`//Alice`), words, or `0x` and a seed, each optionally followed by
    /// derivations (`//hard`, `/soft`).
    ///
    /// # Errors
    ///
    /// [`Error::NotAKey`]. The message does not repeat the text, which may be a mistyped secret.
    pub fn from_uri(uri: &str) -> Result<Self, Error> {
        let is_plain_phrase = !uri.contains('/') && uri.contains(' ');
        if is_plain_phrase {
            return Self::from_phrase(uri);
        }
        let (inner, seed) =
            sr25519::Pair::from_string_with_seed(uri, None).map_err(|_| Error::NotAKey)?;
        let is_derived = uri.contains('/');
        let origin = match seed {
            Some(seed) if !is_derived => Origin::Seed(seed),
            _ => Origin::Secret,
        };
        Ok(Self { inner, origin })
    }

    /// Makes the key of a mnemonic.
    ///
    /// # Errors
    ///
    /// [`Error::BadPhrase`].
    pub fn from_phrase(phrase: &str) -> Result<Self, Error> {
        let phrase = phrase.split_whitespace().collect::<Vec<_>>().join(" ");
        let (inner, seed) = sr25519::Pair::from_phrase(&phrase, None).map_err(|_| {
            Error::BadPhrase(
                "check the words' spelling and order, and that there are 12, 15, 18, 21 or 24"
                    .into(),
            )
        })?;
        Ok(Self {
            inner,
            origin: Origin::Phrase { phrase, seed },
        })
    }

    /// Makes the key of 32 secret bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            inner: sr25519::Pair::from_seed(&seed),
            origin: Origin::Seed(seed),
        }
    }

    /// Makes the key of an expanded 64-byte secret, as key files hold it.
    pub(crate) fn from_secret(secret: &[u8; 64]) -> Option<Self> {
        let inner = sr25519::Pair::from_seed_slice(secret).ok()?;
        Some(Self {
            inner,
            origin: Origin::Secret,
        })
    }

    /// Draws a new key, returning the words that make it again.
    pub fn generate(rng: &mut impl CryptoRng) -> (Self, Phrase) {
        let phrase = Phrase::generate(rng);
        let pair = Self::from_phrase(phrase.reveal()).expect("a drawn phrase is a phrase");
        (pair, phrase)
    }

    /// Reads what a command line calls a key: a secret URI, or the path of an unencrypted hotkey file.
    ///
    /// # Errors
    ///
    /// [`Error::NotAKey`] if it is neither; an error of [`Keyfile::read`] if the file does not hold a usable secret.
    pub fn from_uri_or_file(text: &str) -> Result<Self, Error> {
        let is_file = !text.starts_with("//") && Path::new(text).is_file();
        if is_file {
            Keyfile::new(text).read(None)
        } else {
            Self::from_uri(text)
        }
    }

    /// The address this pair signs for.
    pub fn account(&self) -> AccountId {
        AccountId(self.inner.public().0)
    }

    /// Signs a message for one purpose.
    pub fn sign(&self, domain: Domain, message: &[u8]) -> Signature {
        Signature(self.inner.sign(&domain.separate(message)).0)
    }

    /// Signs the payload of a transaction: the one purpose whose bytes are Substrate's, not ours.
    pub fn sign_transaction(&self, payload: &[u8]) -> Signature {
        Signature(self.inner.sign(payload).0)
    }

    pub(crate) fn secret(&self) -> Vec<u8> {
        self.inner.to_raw_vec()
    }

    pub(crate) fn seed(&self) -> Option<[u8; 32]> {
        match self.origin {
            Origin::Phrase { seed, .. } | Origin::Seed(seed) => Some(seed),
            Origin::Secret => None,
        }
    }

    pub(crate) fn phrase(&self) -> Option<&str> {
        match &self.origin {
            Origin::Phrase { phrase, .. } => Some(phrase),
            Origin::Seed(_) | Origin::Secret => None,
        }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({})", self.account())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABANDON: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    #[test]
    fn known_secrets_have_their_known_addresses() {
        let address = |uri: &str| Pair::from_uri(uri).expect(uri).account().to_ss58();
        assert_eq!(
            address("//Alice"),
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
        );
        assert_eq!(
            address("//Bob"),
            "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
        );
        assert_eq!(
            address(ABANDON),
            "5EPCUjPxiHAcNooYipQFWr9NmmXJKpNG5RhcntXwbtUySrgH"
        );
        let sevens = format!("0x{}", "07".repeat(32));
        assert_eq!(
            address(&sevens),
            "5EsNLFaGe9XK5LzWH3i6eC2Wqv6YqZS1442N1C4yeSdP6uxy"
        );
        assert_eq!(
            Pair::from_seed([7; 32]).account().to_ss58(),
            address(&sevens)
        );
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let refusal = Pair::from_uri("hunter2").expect_err("no key").to_string();
        assert!(!refusal.contains("hunter2"), "{refusal}");
        let refusal = Pair::from_phrase("abandon abandon secretword").expect_err("no phrase");
        assert!(matches!(refusal, Error::BadPhrase(_)));
        assert!(!refusal.to_string().contains("secretword"), "{refusal}");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let (pair, phrase) = Pair::generate(&mut rand::rng());
        assert_eq!(format!("{pair:?}"), format!("Pair({})", pair.account()));
        assert_eq!(format!("{phrase:?}"), "Phrase(secret)");
    }

    #[test]
    fn a_drawn_key_is_made_again_from_its_words() {
        let (pair, phrase) = Pair::generate(&mut rand::rng());
        let again = Pair::from_phrase(phrase.reveal()).expect("the words");
        assert_eq!(again.account(), pair.account());
    }
}
