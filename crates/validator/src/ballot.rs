//! Weights in a sealed ballot, for subnets where commit-reveal is on.
//!
//! There a validator first publishes only a hash of its weights and opens it some epochs later, so that nobody can copy an
//! opinion instead of forming one. The hash is blake2b-256 of the SCALE encoding of (hotkey, subnet, uids, values, salt,
//! version key); without the salt, the few likely opinions could be tried out against it.
//!
//! A ballot that is lost cannot be opened, so ballots are written to the state file before they are cast.

use parity_scale_codec::Encode;
use primitives::{Hotkey, NetUid, Uid};
use protocol::Digest;
use serde::{Deserialize, Serialize};

/// Words of salt: 128 bits.
const SALT_WORDS: usize = 8;
/// The most ballots kept; the chain takes no more unopened ones of one validator.
pub const BALLOTS_MAX: usize = 10;

/// Weights, and what is needed to open their hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// Who is weighed.
    pub uids: Vec<u16>,
    /// What each weighs.
    pub values: Vec<u16>,
    /// Random.
    pub salt: Vec<u16>,
    /// The version of the weights.
    pub version_key: u64,
}

/// A ballot cast, as the chain remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// The ballot's hash.
    pub hash: Digest,
    /// The epoch in which it has to be opened.
    pub opens_in: u64,
}

impl Ballot {
    /// Seals weights with this salt.
    pub fn new(weights: &[(Uid, u16)], salt: [u16; SALT_WORDS], version_key: u64) -> Self {
        let (uids, values) = weights.iter().map(|(uid, weight)| (uid.0, *weight)).unzip();
        Self {
            uids,
            values,
            salt: salt.to_vec(),
            version_key,
        }
    }

    /// The hash that commits to it.
    pub fn hash(&self, hotkey: Hotkey, netuid: NetUid) -> Digest {
        let opened = (
            hotkey,
            netuid,
            &self.uids,
            &self.values,
            &self.salt,
            self.version_key,
        );
        Digest::of(&opened.encode())
    }
}

/// The first ballot that the chain has and that opens in this epoch.
pub fn openable<'a>(
    ballots: &'a [Ballot],
    cast: &[Cast],
    epoch: u64,
    hash: impl Fn(&Ballot) -> Digest,
) -> Option<&'a Ballot> {
    let opens_now = |ballot: &&Ballot| {
        let own = hash(ballot);
        cast.iter()
            .any(|cast| cast.hash == own && cast.opens_in == epoch)
    };
    ballots.iter().find(opens_now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::AccountId;

    const ALICE: Hotkey = AccountId([1; 32]);

    fn ballot(salt: u16) -> Ballot {
        Ballot::new(&[(Uid(2), 65535), (Uid(5), 0)], [salt; SALT_WORDS], 1)
    }

    fn hash(ballot: &Ballot) -> Digest {
        ballot.hash(ALICE, NetUid(1))
    }

    /// The preimage written out by hand: compact lengths, little-endian words.
    #[test]
    fn the_hash_is_over_the_scale_encoding() {
        let mut preimage = vec![1; 32];
        preimage.extend([1, 0]);
        preimage.extend([8, 2, 0, 5, 0]);
        preimage.extend([8, 255, 255, 0, 0]);
        preimage.push(32);
        preimage.extend([3, 0].repeat(8));
        preimage.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(hash(&ballot(3)), Digest::of(&preimage));
    }

    #[test]
    fn a_ballot_opens_in_its_own_epoch_and_only_if_it_was_cast() {
        let ballots = [ballot(1), ballot(2), ballot(3)];
        let cast = [
            Cast {
                hash: hash(&ballots[1]),
                opens_in: 7,
            },
            Cast {
                hash: hash(&ballots[2]),
                opens_in: 8,
            },
        ];
        assert_eq!(openable(&ballots, &cast, 6, hash), None);
        assert_eq!(openable(&ballots, &cast, 7, hash), Some(&ballots[1]));
        assert_eq!(openable(&ballots, &cast, 8, hash), Some(&ballots[2]));
        assert_eq!(openable(&ballots[..1], &cast, 7, hash), None);
    }
}
