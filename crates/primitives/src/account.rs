//! Addresses: who owns something, or signed it.
//!
//! An address is 32 bytes of public key. People see it as SS58: base 58 of a prefix byte, the key, and two bytes of
//! checksum, `blake2b-512("SS58PRE" ‖ prefix ‖ key)[..2]`. Prefix 42 is the one Bittensor's tools write; an address
//! with another prefix belongs to another chain and is refused rather than guessed at.

use std::fmt;
use std::str::FromStr;

use blake2::{Blake2b512, Digest};
use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The SS58 prefix of every address.
pub const SS58_PREFIX: u8 = 42;

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Prefix, key and checksum.
const RAW_BYTES: usize = 1 + 32 + 2;
/// No 35 bytes need more base 58 digits than this.
const TEXT_BYTES_MAX: usize = 48;

/// An account: the public key that owns funds or signs work.
#[derive(
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct AccountId(pub [u8; 32]);

/// The account that signs work: a miner's or validator's everyday key.
pub type Hotkey = AccountId;

/// The account that owns funds.
pub type Coldkey = AccountId;

impl AccountId {
    /// The address as people see it.
    pub fn to_ss58(self) -> String {
        let mut raw = [0; RAW_BYTES];
        raw[0] = SS58_PREFIX;
        raw[1..33].copy_from_slice(&self.0);
        let checksum = checksum(&raw[..33]);
        raw[33..].copy_from_slice(&checksum);
        encode_base58(&raw)
    }

    /// Reads an address as people see it.
    ///
    /// # Errors
    ///
    /// If the text is not base 58 of the right length, names another chain, or its checksum does not fit.
    pub fn from_ss58(text: &str) -> Result<Self, AddressError> {
        let raw = decode_base58(text).ok_or_else(|| AddressError::NotSs58(text.to_owned()))?;
        if raw[33..] != checksum(&raw[..33]) {
            return Err(AddressError::BadChecksum(text.to_owned()));
        }
        if raw[0] != SS58_PREFIX {
            return Err(AddressError::OtherChain {
                text: text.to_owned(),
                prefix: raw[0],
            });
        }
        let mut key = [0; 32];
        key.copy_from_slice(&raw[1..33]);
        Ok(Self(key))
    }

    /// The key's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_ss58())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_ss58())
    }
}

impl FromStr for AccountId {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_ss58(text)
    }
}

impl From<[u8; 32]> for AccountId {
    fn from(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl From<AccountId> for [u8; 32] {
    fn from(account: AccountId) -> Self {
        account.0
    }
}

impl AsRef<[u8]> for AccountId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for AccountId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_ss58())
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Wrong letters or wrong length.
    #[error("{0:?} is not an address: expected about 48 letters and digits, beginning with 5")]
    NotSs58(String),
    /// Right shape, but a letter was mistyped.
    #[error("{0:?} is mistyped: its checksum does not fit")]
    BadChecksum(String),
    /// A good address of another chain.
    #[error("{text:?} belongs to another chain: its prefix is {prefix}, not {SS58_PREFIX}")]
    OtherChain {
        /// The address as given.
        text: String,
        /// Its prefix.
        prefix: u8,
    },
}

fn checksum(prefixed_key: &[u8]) -> [u8; 2] {
    let mut hasher = Blake2b512::new();
    hasher.update(b"SS58PRE");
    hasher.update(prefixed_key);
    let hash = hasher.finalize();
    [hash[0], hash[1]]
}

/// Long division by 58, least significant digit first.
fn encode_base58(bytes: &[u8]) -> String {
    let mut digits: Vec<u8> = Vec::with_capacity(TEXT_BYTES_MAX);
    for &byte in bytes {
        let mut carry = u32::from(byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while 0 < carry {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let leading = std::iter::repeat_n(&0, zeros);
    leading
        .chain(digits.iter().rev())
        .map(|digit| char::from(ALPHABET[usize::from(*digit)]))
        .collect()
}

fn decode_base58(text: &str) -> Option<[u8; RAW_BYTES]> {
    if TEXT_BYTES_MAX < text.len() {
        return None;
    }
    let mut raw = [0u8; RAW_BYTES];
    for letter in text.bytes() {
        let mut carry = ALPHABET.iter().position(|known| *known == letter)? as u32;
        for byte in raw.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    // A shorter text would decode to leading zeros, which only prefix 0 has, and that is one digit `1` long.
    let is_whole = encode_base58(&raw) == text;
    is_whole.then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The development account everybody knows.
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const ALICE_KEY: [u8; 32] = [
        0xd4, 0x35, 0x93, 0xc7, 0x15, 0xfd, 0xd3, 0x1c, 0x61, 0x14, 0x1a, 0xbd, 0x04, 0xa9, 0x9f,
        0xd6, 0x82, 0x2c, 0x85, 0x58, 0x85, 0x4c, 0xcd, 0xe3, 0x9a, 0x56, 0x84, 0xe7, 0xa5, 0x6d,
        0xa2, 0x7d,
    ];

    #[test]
    fn a_known_key_has_its_known_address() {
        assert_eq!(AccountId(ALICE_KEY).to_string(), ALICE);
        assert_eq!(ALICE.parse(), Ok(AccountId(ALICE_KEY)));
        let json = serde_json::to_string(&AccountId(ALICE_KEY)).expect("an address is a string");
        assert_eq!(json, format!("{ALICE:?}"));
    }

    #[test]
    fn another_chains_address_is_refused_by_name() {
        // Alice on Polkadot (prefix 0).
        let text = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
        let expected = AddressError::OtherChain {
            text: text.into(),
            prefix: 0,
        };
        assert_eq!(text.parse::<AccountId>(), Err(expected));
    }

    #[test]
    fn text_that_is_no_address_is_refused() {
        for text in [
            "",
            "5",
            "0OIl",
            &ALICE[..47],
            &format!("{ALICE}1"),
            &format!("1{ALICE}"),
        ] {
            assert_eq!(
                text.parse::<AccountId>(),
                Err(AddressError::NotSs58(text.into()))
            );
        }
    }

    proptest! {
        #[test]
        fn every_address_reads_back(key: [u8; 32]) {
            prop_assert_eq!(AccountId(key).to_ss58().parse(), Ok(AccountId(key)));
        }

        /// One letter in 65,536 slips past a 16-bit checksum; none of these samples is it.
        #[test]
        fn a_mistyped_letter_is_noticed(place in 1..48usize, letter in 0..58usize) {
            let mut text = ALICE.as_bytes().to_vec();
            prop_assume!(text[place] != ALPHABET[letter]);
            text[place] = ALPHABET[letter];
            let text = String::from_utf8(text).expect("base 58 is ASCII");
            prop_assert!(text.parse::<AccountId>().is_err());
        }
    }
}
