//! Seals bytes to a block height: nobody opens them before the authorities have finalized it.
//!
//! The authorities hold shares of one BLS12-381 key. When a height is final and somebody has sealed to it, each signs the
//! height with its share; a quorum of shares makes the group's one signature, the [`HeightKey`]. It opens everything that
//! was sealed to that height, and fewer authorities than agree on blocks cannot make it earlier. No outside beacon is
//! asked, and a seal that nobody makes costs nothing.
//!
//! ```text
//!  seal:  a fresh key ──identity-based encryption to (group key, height)──▶ 160 bytes
//!         plaintext ──ChaCha20-Poly1305 under the fresh key──▶ the rest
//! ```
//!
//! The signature is over [`message`] in the namespace [`NAMESPACE`], so that no vote of agreement, which the same shares
//! sign in namespaces of their own, is ever a height key. Groups differ from network to network, and with them the keys.
//!
//! # Examples
//!
//! ```
//! use timelock::{GroupKey, HeightKey};
//! # use commonware_cryptography::bls12381::primitives::{ops, variant::MinSig};
//! # let mut rng = rand::rng();
//! # let (secret, public) = ops::keypair::<_, MinSig>(&mut rng);
//! # let group = GroupKey::from(public);
//! let sealed = timelock::seal(&mut rng, &group, 1_000, b"what I think of you")?;
//! # let signature = ops::sign_message::<MinSig>(&secret, timelock::NAMESPACE, &timelock::message(1_000));
//! let key = HeightKey::from(signature);
//! assert!(key.belongs_to(&group, 1_000));
//! assert_eq!(key.open(&sealed)?, b"what I think of you");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(missing_docs)]

use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce, aead::Aead};
use commonware_codec::{DecodeExt as _, Encode as _, FixedSize as _};
use commonware_cryptography::bls12381::{
    primitives::{
        group::{G1, G2},
        ops,
        variant::MinSig,
    },
    tle::{self, Ciphertext},
};
use rand::CryptoRng;

/// Bytes of a [`GroupKey`].
pub const GROUP_KEY_BYTES: usize = G2::SIZE;
/// Bytes of a [`HeightKey`].
pub const HEIGHT_KEY_BYTES: usize = G1::SIZE;
/// What sealing adds to a plaintext: the sealed key and the cipher's tag.
pub const OVERHEAD_BYTES: usize = CAPSULE_BYTES + TAG_BYTES;

/// The namespace in which heights are signed.
pub const NAMESPACE: &[u8] = b"stoa/height";

const KEY_BYTES: usize = 32;
const CAPSULE_BYTES: usize = GROUP_KEY_BYTES + 2 * KEY_BYTES;
const TAG_BYTES: usize = 16;
/// Every key is drawn for one message, so that the nonce need not differ.
const NONCE: [u8; 12] = [0; 12];

/// The authorities' common public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupKey(G2);

/// What opens everything sealed to one height: the authorities' common signature of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeightKey(G1);

/// Why something was not sealed or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing can be sealed to the neutral element.
    #[error("this is no key of a group of authorities")]
    GroupKey,
    /// The cipher takes at most 256 GiB.
    #[error("too much to seal at once")]
    TooLong,
    /// Sealed to another height or another group, cut off, or altered.
    #[error("not sealed to this height, or altered since")]
    Unopened,
}

/// What authorities sign when a height is final.
pub fn message(height: u32) -> [u8; 4] {
    height.to_be_bytes()
}

/// Seals a plaintext so that only the key of `height` opens it.
///
/// # Errors
///
/// [`Error::GroupKey`], [`Error::TooLong`].
pub fn seal(
    rng: &mut impl CryptoRng,
    group: &GroupKey,
    height: u32,
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut key = [0; KEY_BYTES];
    rng.fill_bytes(&mut key);
    let target = (NAMESPACE, &message(height)[..]);
    let capsule = tle::encrypt::<_, MinSig>(rng, group.0, target, &tle::Block::new(key))
        .map_err(|_| Error::GroupKey)?;
    let body = cipher(key)
        .encrypt(&Nonce::from(NONCE), plaintext)
        .map_err(|_| Error::TooLong)?;
    let mut sealed = capsule.encode().to_vec();
    sealed.extend(body);
    Ok(sealed)
}

impl GroupKey {
    /// Reads a key from its [`GROUP_KEY_BYTES`]; none if they are no point of the group.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        G2::decode(bytes.to_vec()).ok().map(Self)
    }

    /// Its [`GROUP_KEY_BYTES`].
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.encode().to_vec()
    }
}

impl From<G2> for GroupKey {
    fn from(public: G2) -> Self {
        Self(public)
    }
}

impl HeightKey {
    /// Reads a key from its bytes; none if they are no point of the group.
    pub fn from_bytes(bytes: &[u8; HEIGHT_KEY_BYTES]) -> Option<Self> {
        G1::decode(bytes.to_vec()).ok().map(Self)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; HEIGHT_KEY_BYTES] {
        let mut bytes = [0; HEIGHT_KEY_BYTES];
        bytes.copy_from_slice(&self.0.encode());
        bytes
    }

    /// Whether it is the key of this height of this group's chain.
    pub fn belongs_to(&self, group: &GroupKey, height: u32) -> bool {
        ops::verify_message::<MinSig>(&group.0, NAMESPACE, &message(height), &self.0).is_ok()
    }

    /// Opens what was sealed to its height.
    ///
    /// # Errors
    ///
    /// [`Error::Unopened`].
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (capsule, body) = sealed
            .split_at_checked(CAPSULE_BYTES)
            .ok_or(Error::Unopened)?;
        let capsule =
            Ciphertext::<MinSig>::decode(capsule.to_vec()).map_err(|_| Error::Unopened)?;
        let key = tle::decrypt(&self.0, &capsule).ok_or(Error::Unopened)?;
        let key = key.as_ref().try_into().map_err(|_| Error::Unopened)?;
        cipher(key)
            .decrypt(&Nonce::from(NONCE), body)
            .map_err(|_| Error::Unopened)
    }
}

impl From<G1> for HeightKey {
    fn from(signature: G1) -> Self {
        Self(signature)
    }
}

fn cipher(key: [u8; KEY_BYTES]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_cryptography::{
        Signer as _,
        bls12381::{
            dkg::feldman_desmedt::deal,
            primitives::{group::Private, ops::threshold, sharing::Mode},
        },
        ed25519,
    };
    use commonware_utils::{N3f1, ordered::Set};
    use proptest::prelude::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    struct Group {
        rng: ChaCha20Rng,
        secret: Private,
        key: GroupKey,
    }

    fn group(seed: u64) -> Group {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (secret, public) = ops::keypair::<_, MinSig>(&mut rng);
        Group {
            rng,
            secret,
            key: public.into(),
        }
    }

    impl Group {
        fn seal(&mut self, height: u32, plaintext: &[u8]) -> Vec<u8> {
            seal(&mut self.rng, &self.key, height, plaintext).expect("a key of a group")
        }

        fn key_of(&self, height: u32) -> HeightKey {
            ops::sign_message::<MinSig>(&self.secret, NAMESPACE, &message(height)).into()
        }
    }

    #[test]
    fn the_key_of_its_height_opens_what_was_sealed() {
        let mut group = group(1);
        let sealed = group.seal(7, b"weights");
        assert_eq!(sealed.len(), b"weights".len() + OVERHEAD_BYTES);
        assert_eq!(group.key_of(7).open(&sealed).expect("its key"), b"weights");
    }

    #[test]
    fn no_other_key_does() {
        let mut own = group(1);
        let sealed = own.seal(7, b"weights");
        assert_eq!(own.key_of(8).open(&sealed), Err(Error::Unopened));
        assert_eq!(group(2).key_of(7).open(&sealed), Err(Error::Unopened));
    }

    #[test]
    fn a_key_belongs_to_one_height_of_one_group() {
        let own = group(1);
        let key = own.key_of(7);
        assert!(key.belongs_to(&own.key, 7));
        assert!(!key.belongs_to(&own.key, 8));
        assert!(!key.belongs_to(&group(2).key, 7));
    }

    #[test]
    fn a_vote_is_no_key() {
        let own = group(1);
        let vote = ops::sign_message::<MinSig>(&own.secret, b"stoa/votes", &message(7));
        assert!(!HeightKey::from(vote).belongs_to(&own.key, 7));
    }

    #[test]
    fn a_quorum_of_shares_makes_the_key_and_fewer_do_not() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let authorities = (0..4).map(|seed| ed25519::PrivateKey::from_seed(seed).public_key());
        let authorities = Set::try_from(authorities.collect::<Vec<_>>()).expect("they differ");
        let (output, shares) = deal::<MinSig, _, N3f1>(&mut rng, Mode::NonZeroCounter, authorities)
            .expect("four is a number of authorities");
        let sharing = output.public();
        let sealed = seal(&mut rng, &GroupKey(*sharing.public()), 7, b"weights").expect("a group");
        let parts: Vec<_> = shares
            .values()
            .iter()
            .map(|share| threshold::sign_message::<MinSig>(share, NAMESPACE, &message(7)))
            .collect();
        let strategy = commonware_parallel::Sequential;
        let key = threshold::recover::<MinSig, _>(sharing, &parts[1..4], &strategy).expect("three");
        assert_eq!(HeightKey(key).open(&sealed).expect("its key"), b"weights");
        assert!(threshold::recover::<MinSig, _>(sharing, &parts[..2], &strategy).is_err());
    }

    #[test]
    fn keys_survive_the_wire() {
        let own = group(1);
        let key = own.key_of(7);
        assert_eq!(HeightKey::from_bytes(&key.to_bytes()), Some(key));
        assert_eq!(GroupKey::from_bytes(&own.key.to_bytes()), Some(own.key));
        assert_eq!(GroupKey::from_bytes(&[7; GROUP_KEY_BYTES]), None);
        assert_eq!(HeightKey::from_bytes(&[7; HEIGHT_KEY_BYTES]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn whatever_is_altered_does_not_open(at in 0usize..200, bit in 0u8..8) {
            let mut group = group(1);
            let mut sealed = group.seal(7, b"what I think of each of you, by uid");
            let at = at % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(group.key_of(7).open(&sealed), Err(Error::Unopened));
        }

        #[test]
        fn rubbish_does_not_open(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(group(1).key_of(7).open(&bytes), Err(Error::Unopened));
        }
    }
}
