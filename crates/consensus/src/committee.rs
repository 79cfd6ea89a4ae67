//! Who agrees on blocks: the authorities, their keys, and the one public key that speaks for all.
//!
//! Each authority has two secrets: an ed25519 key by which peers know it, and a share of a BLS12-381 key. Any
//! quorum of shares (more than two thirds) makes one signature of the whole group, so a finality certificate is
//! two signatures however many authorities there are, and a light client needs only the group's public key.
//!
//! Here a *dealer* draws the polynomial and hands out the shares: whoever makes the genesis file could keep them.
//! That is right for a network of one operator and for tests; authorities that do not trust each other run a
//! distributed key generation instead, which changes nothing else in this file.

use crate::{block::PublicKey, digest::BlockHash};
use bytes::Bytes;
use commonware_codec::{Decode, DecodeExt, Encode};
use commonware_consensus::simplex::{
    scheme::bls12381_threshold::vrf,
    types::{Finalization, Proposal},
};
use commonware_cryptography::{
    Signer as _,
    bls12381::{
        dkg::feldman_desmedt::deal,
        primitives::{
            group,
            sharing::{Mode, ModeVersion, Sharing},
            variant::{MinSig, Variant},
        },
    },
    ed25519,
};
use commonware_math::algebra::Random as _;
use commonware_parallel::Sequential;
use commonware_utils::{N3f1, NZU32, ordered::Set};
use rand::CryptoRng;
use std::num::NonZeroU32;

/// Signature scheme of votes and certificates.
pub type Scheme = vrf::Scheme<PublicKey, MinSig>;

/// Most authorities a network can have; bounds what is read from a genesis file.
pub const AUTHORITIES_MAX: NonZeroU32 = NZU32!(128);

/// Why keys do not make a committee.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Not hexadecimal, or not the encoding of what it should be.
    #[error("{0} is not a well-formed {1}")]
    Malformed(&'static str, &'static str),
    /// The same authority twice, or none at all, or too many.
    #[error("a network has from 1 to {AUTHORITIES_MAX} distinct authorities")]
    Authorities,
    /// The polynomial was dealt to another number of authorities.
    #[error("the group polynomial was dealt to {dealt} authorities, but {named} are named")]
    Polynomial { dealt: u32, named: u32 },
    /// The share does not lie on the group's polynomial.
    #[error(
        "this key's share is not one of this network's: use the key file made with its genesis"
    )]
    ForeignShare,
}

/// The authorities of a network and the key of the group.
#[derive(Clone, Debug)]
pub struct Committee {
    authorities: Set<PublicKey>,
    polynomial: Sharing<MinSig>,
    namespace: Vec<u8>,
}

impl Committee {
    /// Joins the authorities' keys and the group's polynomial. `namespace` keeps one network's votes from being
    /// played on another.
    ///
    /// # Errors
    ///
    /// [`KeyError::Authorities`] or [`KeyError::Polynomial`] when they cannot belong together.
    pub fn new(
        authorities: Vec<PublicKey>,
        polynomial: Sharing<MinSig>,
        namespace: Vec<u8>,
    ) -> Result<Self, KeyError> {
        let named = u32::try_from(authorities.len()).map_err(|_| KeyError::Authorities)?;
        if named == 0 || named > AUTHORITIES_MAX.get() {
            return Err(KeyError::Authorities);
        }
        let authorities = Set::try_from(authorities).map_err(|_| KeyError::Authorities)?;
        let dealt = polynomial.total().get();
        if dealt != named {
            return Err(KeyError::Polynomial { dealt, named });
        }
        Ok(Self {
            authorities,
            polynomial,
            namespace,
        })
    }

    /// The authorities' public keys, in the group's order.
    pub fn authorities(&self) -> &Set<PublicKey> {
        &self.authorities
    }

    /// How many authorities there are.
    pub fn size(&self) -> u32 {
        self.polynomial.total().get()
    }

    /// How many authorities it takes to agree.
    pub fn quorum(&self) -> u32 {
        self.polynomial.required()
    }

    /// The group's public key, by which anyone checks a certificate.
    pub fn group_key(&self) -> &<MinSig as Variant>::Public {
        self.polynomial.public()
    }

    /// The group's polynomial, by which each authority's share is known.
    pub(crate) fn polynomial(&self) -> &Sharing<MinSig> {
        &self.polynomial
    }

    /// Separates this network's messages from every other's.
    pub fn namespace(&self) -> &[u8] {
        &self.namespace
    }

    /// The scheme of an authority that votes.
    ///
    /// # Errors
    ///
    /// [`KeyError::ForeignShare`] when the share is not of this group.
    pub fn signer(&self, share: group::Share) -> Result<Scheme, KeyError> {
        if usize::from(share.index) >= self.authorities.len() {
            return Err(KeyError::ForeignShare);
        }
        Scheme::signer(
            &self.namespace,
            self.authorities.clone(),
            self.polynomial.clone(),
            share,
        )
        .ok_or(KeyError::ForeignShare)
    }

    /// The scheme of a node that checks votes but casts none.
    pub fn verifier(&self) -> Scheme {
        Scheme::verifier(
            &self.namespace,
            self.authorities.clone(),
            self.polynomial.clone(),
        )
    }

    /// Checks a stored finality certificate against the group's key and returns the block it finalizes.
    pub fn certified(&self, rng: &mut impl CryptoRng, certificate: &[u8]) -> Option<BlockHash> {
        let scheme = Scheme::certificate_verifier(&self.namespace, *self.polynomial.public());
        let bytes = Bytes::copy_from_slice(certificate);
        let finalization = Finalization::<Scheme, BlockHash>::decode_cfg(bytes, &()).ok()?;
        let Proposal { payload, .. } = finalization.proposal;
        finalization
            .verify(rng, &scheme, &Sequential)
            .then_some(payload)
    }
}

/// An authority's two secrets.
#[derive(Clone)]
pub struct AuthorityKey {
    /// By which peers know it.
    pub peer: ed25519::PrivateKey,
    /// Its part of the group's key.
    pub share: group::Share,
}

impl AuthorityKey {
    /// The public half that the genesis names.
    pub fn public(&self) -> PublicKey {
        self.peer.public_key()
    }
}

impl std::fmt::Debug for AuthorityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuthorityKey({})", self.public())
    }
}

/// Draws the keys of a new network: each authority's, in the group's order, and the group's polynomial.
///
/// # Errors
///
/// [`KeyError::Authorities`] when `count` is zero or above [`AUTHORITIES_MAX`].
pub fn draw(
    rng: &mut impl CryptoRng,
    count: u32,
) -> Result<(Vec<AuthorityKey>, Sharing<MinSig>), KeyError> {
    if count == 0 || count > AUTHORITIES_MAX.get() {
        return Err(KeyError::Authorities);
    }
    let mut peers: Vec<_> = (0..count)
        .map(|_| ed25519::PrivateKey::random(&mut *rng))
        .collect();
    peers.sort_by_key(|peer| peer.public_key());
    let authorities = Set::try_from(
        peers
            .iter()
            .map(|peer| peer.public_key())
            .collect::<Vec<_>>(),
    )
    .map_err(|_| KeyError::Authorities)?;
    let (output, shares) = deal::<MinSig, _, N3f1>(rng, Mode::NonZeroCounter, authorities)
        .map_err(|_| KeyError::Authorities)?;
    let keys = peers
        .into_iter()
        .zip(shares.values().iter().cloned())
        .map(|(peer, share)| AuthorityKey { peer, share })
        .collect();
    Ok((keys, output.public().clone()))
}

/// Reads an authority's public key from hexadecimal.
///
/// # Errors
///
/// [`KeyError::Malformed`].
pub fn public_key(text: &str) -> Result<PublicKey, KeyError> {
    PublicKey::decode(unhex(text)?).map_err(|_| KeyError::Malformed("public_key", "ed25519 key"))
}

/// Reads a peer's secret key from hexadecimal.
///
/// # Errors
///
/// [`KeyError::Malformed`].
pub fn peer_secret(text: &str) -> Result<ed25519::PrivateKey, KeyError> {
    ed25519::PrivateKey::decode(unhex(text)?)
        .map_err(|_| KeyError::Malformed("peer_secret", "ed25519 secret"))
}

/// Reads a share from hexadecimal.
///
/// # Errors
///
/// [`KeyError::Malformed`].
pub fn share(text: &str) -> Result<group::Share, KeyError> {
    group::Share::decode(unhex(text)?).map_err(|_| KeyError::Malformed("share", "group share"))
}

/// Reads a group's polynomial from hexadecimal.
///
/// # Errors
///
/// [`KeyError::Malformed`].
pub fn polynomial(text: &str) -> Result<Sharing<MinSig>, KeyError> {
    Sharing::decode_cfg(unhex(text)?, &(AUTHORITIES_MAX, ModeVersion::v0()))
        .map_err(|_| KeyError::Malformed("group_polynomial", "polynomial"))
}

/// Writes any of the above as hexadecimal.
pub fn hexadecimal(value: &impl Encode) -> String {
    hex::encode(value.encode())
}

fn unhex(text: &str) -> Result<Bytes, KeyError> {
    hex::decode(text.trim().trim_start_matches("0x"))
        .map(Bytes::from)
        .map_err(|_| KeyError::Malformed("a key", "hexadecimal string"))
}
