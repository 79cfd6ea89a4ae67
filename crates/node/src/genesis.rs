//! The files that define a network: one genesis that everybody has, and one secret key file per authority.
//!
//! ```text
//!  genesis.json        the runtime's first state, the authorities' keys and addresses, the group's key
//!  authority-1.json    the first authority's secrets: its peer key and its share of the group's key
//!  authority-2.json    …
//! ```
//!
//! [`draw`] plays the dealer: it knows every share for the moment in which it writes them. See
//! [`consensus::Committee`] for what that means.

use crate::Error;
use consensus::{AuthorityKey, Committee, KeyError, PublicKey};
use keys::{SHIELD_SEED_BYTES, ShieldKey};
use ledger::Hash;
use rand::CryptoRng;
use runtime::genesis::GenesisSpec;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

/// Name of the genesis file in the directory of a new network.
pub const GENESIS_FILE: &str = "genesis.json";

/// Everything that every node of a network must share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// The chain's first state.
    pub runtime: GenesisSpec,
    /// Who agrees on blocks.
    pub authorities: Vec<Authority>,
    /// The group's public key, by which anyone checks finality; hexadecimal.
    pub group_public_key: String,
    /// The group's polynomial, by which authorities check each other's votes; hexadecimal.
    pub group_polynomial: String,
}

/// An authority as everybody knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// What people call it.
    pub name: String,
    /// Its ed25519 key; hexadecimal.
    pub public_key: String,
    /// Where its peers reach it: `IP:PORT` or `HOST:PORT`.
    pub p2p: String,
}

/// An authority's secrets.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The public half, to tell files apart.
    pub public_key: String,
    /// The ed25519 secret by which peers know it; hexadecimal.
    pub peer_secret: String,
    /// Its share of the group's key; hexadecimal.
    pub share: String,
    /// Seed of the key to which wallets encrypt transactions until they are in a block, the same for all authorities;
    /// hexadecimal. Absent on networks without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shield_seed: Option<String>,
}

impl Genesis {
    /// Reads a genesis file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] or [`Error::Format`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        read_json(path, "genesis file")
    }

    /// Hash of what the chain's first state is made from, the same whatever program makes it.
    pub fn description(&self) -> Hash {
        use sp_runtime::traits::Hash as _;
        let json = serde_json::to_vec(&self.runtime).expect("a description is plain data");
        ledger::Hasher::hash(&json)
    }

    /// Time between blocks.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.runtime.interval_ms)
    }

    /// The authorities as agreement knows them, on the chain that begins with `genesis_hash`.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] when a key is damaged or they do not belong together.
    pub fn committee(&self, genesis_hash: Hash) -> Result<Committee, Error> {
        let keys = self
            .authorities
            .iter()
            .map(|it| consensus::public_key(&it.public_key));
        let keys = keys.collect::<Result<Vec<_>, KeyError>>()?;
        let polynomial = consensus::polynomial(&self.group_polynomial)?;
        let namespace = [b"stoa/", genesis_hash.as_bytes()].concat();
        Ok(Committee::new(keys, polynomial, namespace)?)
    }

    /// Where each authority is reached.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] or [`Error::Address`].
    pub fn peers(&self) -> Result<Vec<(PublicKey, consensus::network::Address)>, Error> {
        let peer = |it: &Authority| {
            let address =
                consensus::network::address(&it.p2p).map_err(|address| Error::Address {
                    name: it.name.clone(),
                    address,
                })?;
            Ok((consensus::public_key(&it.public_key)?, address))
        };
        self.authorities.iter().map(peer).collect()
    }

    /// The entry of the authority with this key.
    ///
    /// # Errors
    ///
    /// [`Error::NotAnAuthority`].
    pub fn authority(&self, key: &AuthorityKey) -> Result<&Authority, Error> {
        let public_key = consensus::hexadecimal(&key.public());
        self.authorities
            .iter()
            .find(|it| it.public_key == public_key)
            .ok_or(Error::NotAnAuthority { public_key })
    }
}

impl Authority {
    /// Where this authority listens unless told otherwise: its address if that is one of a socket.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.p2p.parse().ok()
    }
}

impl KeyFile {
    /// Reads a key file.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Format`] or [`Error::Key`].
    pub fn read(path: &Path) -> Result<AuthorityKey, Error> {
        let file: Self = read_json(path, "key file")?;
        Ok(AuthorityKey {
            peer: consensus::peer_secret(&file.peer_secret)?,
            share: consensus::share(&file.share)?,
        })
    }

    /// Reads the shield key of a key file, if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::File`] or [`Error::Format`].
    pub fn read_shield(path: &Path) -> Result<Option<ShieldKey>, Error> {
        let file: Self = read_json(path, "key file")?;
        let Some(text) = file.shield_seed else {
            return Ok(None);
        };
        let mut seed = [0; SHIELD_SEED_BYTES];
        hex::decode_to_slice(text, &mut seed).map_err(|reason| Error::Format {
            path: path.to_owned(),
            what: "key file",
            reason: format!("shield_seed: {reason}"),
        })?;
        Ok(Some(ShieldKey::from_seed(seed)))
    }
}

impl From<&AuthorityKey> for KeyFile {
    fn from(key: &AuthorityKey) -> Self {
        Self {
            public_key: consensus::hexadecimal(&key.public()),
            peer_secret: consensus::hexadecimal(&key.peer),
            share: consensus::hexadecimal(&key.share),
            shield_seed: None,
        }
    }
}

/// Draws a new network of `count` authorities on this machine, whose peer ports begin at `p2p_base_port`.
///
/// # Errors
///
/// [`Error::Key`] when `count` is out of range; [`Error::Genesis`] when the ports run out.
pub fn draw(
    rng: &mut impl CryptoRng,
    mut runtime: GenesisSpec,
    count: u32,
    p2p_base_port: u16,
) -> Result<(Genesis, Vec<KeyFile>), Error> {
    let (keys, polynomial) = consensus::draw(rng, count)?;
    let mut authorities = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let port = u16::try_from(index)
            .ok()
            .and_then(|index| p2p_base_port.checked_add(index))
            .ok_or_else(|| {
                Error::Genesis("the authorities' ports pass 65535: choose a lower base port".into())
            })?;
        authorities.push(Authority {
            name: authority_name(index),
            public_key: consensus::hexadecimal(&key.public()),
            p2p: SocketAddr::from(([127, 0, 0, 1], port)).to_string(),
        });
    }
    let mut shield_seed = [0; SHIELD_SEED_BYTES];
    rng.fill_bytes(&mut shield_seed);
    runtime.shield_key = Some(hex::encode(ShieldKey::from_seed(shield_seed).public()));
    runtime.group_key = Some(consensus::hexadecimal(polynomial.public()));
    let genesis = Genesis {
        runtime,
        authorities,
        group_public_key: consensus::hexadecimal(polynomial.public()),
        group_polynomial: consensus::hexadecimal(&polynomial),
    };
    let files = keys.iter().map(|key| KeyFile {
        shield_seed: Some(hex::encode(shield_seed)),
        ..KeyFile::from(key)
    });
    Ok((genesis, files.collect()))
}

/// Writes a network's files into `directory`, making it if need be. Key files are readable by their owner only.
///
/// # Errors
///
/// [`Error::File`]; a file that exists is never overwritten, because a lost key cannot be made again.
pub fn write(directory: &Path, genesis: &Genesis, keys: &[KeyFile]) -> Result<(), Error> {
    fs::create_dir_all(directory).map_err(|source| Error::File {
        path: directory.to_owned(),
        source,
    })?;
    for (index, key) in keys.iter().enumerate() {
        let path = directory.join(format!("{}.json", authority_name(index)));
        write_json(&path, key, 0o600)?;
    }
    write_json(&directory.join(GENESIS_FILE), genesis, 0o644)
}

/// Name of the authority at a position in the genesis, and of its key file: the first is `authority-1`.
pub fn authority_name(index: usize) -> String {
    format!("authority-{}", index + 1)
}

fn read_json<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<T, Error> {
    let text = fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|reason| Error::Format {
        path: path.to_owned(),
        what,
        reason: reason.to_string(),
    })
}

fn write_json(path: &Path, value: &impl Serialize, mode: u32) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        file.write_all(&text)?;
        file.sync_all()
    };
    write().map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}
