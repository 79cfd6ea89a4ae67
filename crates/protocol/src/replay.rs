//! Memory of envelopes already used, so that a captured request cannot be sent again.
//!
//! A nonce is remembered until its envelope expires; after that the expiry itself refuses it. Memory is bounded per
//! signer, so that one asker cannot crowd out another, and is forgotten when the miner restarts: then an envelope of
//! the last minute could be used once more, which costs the miner one answer and gains the attacker one.

use std::collections::{BTreeSet, HashMap, HashSet};

use primitives::Hotkey;

use crate::{Code, Nonce, Refusal};

/// The most live nonces of one signer: at 60 seconds each, 273 requests a second.
const NONCES_MAX: usize = 16_384;
/// The most signers remembered at once.
const SIGNERS_MAX: usize = 4_096;

/// The nonces of envelopes that were accepted and have not expired.
#[derive(Debug, Default)]
pub struct Nonces {
    signers: HashMap<Hotkey, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    nonces: HashSet<Nonce>,
    by_expiry: BTreeSet<(u64, Nonce)>,
}

impl Nonces {
    /// Uses a nonce up.
    ///
    /// # Errors
    ///
    /// [`Code::Replayed`] if it was used before; [`Code::Busy`] if as many as can be remembered are live.
    pub fn take(
        &mut self,
        signer: Hotkey,
        nonce: Nonce,
        expires_ms: u64,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        if !self.signers.contains_key(&signer) && SIGNERS_MAX <= self.signers.len() {
            self.forget_expired(now_ms);
            if SIGNERS_MAX <= self.signers.len() {
                return Err(Refusal::new(
                    Code::Busy,
                    "too many askers at once; try again shortly",
                ));
            }
        }
        let seen = self.signers.entry(signer).or_default();
        seen.forget_expired(now_ms);
        if seen.nonces.contains(&nonce) {
            return Err(Refusal::new(
                Code::Replayed,
                "this envelope was used before; draw a new nonce",
            ));
        }
        if NONCES_MAX <= seen.nonces.len() {
            return Err(Refusal::new(
                Code::Busy,
                "too many requests of this signer within a minute",
            ));
        }
        seen.nonces.insert(nonce);
        seen.by_expiry.insert((expires_ms, nonce));
        Ok(())
    }

    fn forget_expired(&mut self, now_ms: u64) {
        self.signers.retain(|_, seen| {
            seen.forget_expired(now_ms);
            !seen.nonces.is_empty()
        });
    }
}

impl Seen {
    /// An envelope is good up to and including its expiry, so its nonce is kept that long.
    fn forget_expired(&mut self, now_ms: u64) {
        while let Some(&(expires_ms, nonce)) = self.by_expiry.first() {
            if now_ms <= expires_ms {
                break;
            }
            self.by_expiry.pop_first();
            self.nonces.remove(&nonce);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use primitives::AccountId;

    const ALICE: AccountId = AccountId([1; 32]);
    const BOB: AccountId = AccountId([2; 32]);

    fn nonce(number: u64) -> Nonce {
        Nonce(u128::from(number).to_le_bytes())
    }

    #[test]
    fn a_nonce_works_once_per_signer_until_it_expires() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.take(ALICE, nonce(1), 100, 50), Ok(()));
        let replayed = nonces
            .take(ALICE, nonce(1), 100, 100)
            .expect_err("used before");
        assert_eq!(replayed.code, Code::Replayed);
        assert_eq!(nonces.take(BOB, nonce(1), 100, 50), Ok(()));
        assert_eq!(
            nonces.take(ALICE, nonce(1), 300, 101),
            Ok(()),
            "the old envelope is refused by its expiry"
        );
    }

    #[test]
    fn one_signer_cannot_crowd_out_another() {
        let mut nonces = Nonces::default();
        for number in 0..NONCES_MAX as u64 {
            assert_eq!(nonces.take(ALICE, nonce(number), 100, 0), Ok(()));
        }
        let refused = nonces
            .take(ALICE, nonce(u64::MAX), 100, 0)
            .expect_err("full");
        assert_eq!(refused.code, Code::Busy);
        assert_eq!(nonces.take(BOB, nonce(0), 100, 0), Ok(()));
        assert_eq!(
            nonces.take(ALICE, nonce(u64::MAX), 200, 101),
            Ok(()),
            "room again once they expire"
        );
    }

    #[test]
    fn the_number_of_signers_is_bounded() {
        let mut nonces = Nonces::default();
        let signer = |number: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&(number as u64).to_le_bytes());
            AccountId(key)
        };
        for number in 0..SIGNERS_MAX {
            assert_eq!(nonces.take(signer(number), nonce(0), 100, 0), Ok(()));
        }
        let refused = nonces
            .take(signer(SIGNERS_MAX), nonce(0), 100, 0)
            .expect_err("full");
        assert_eq!(refused.code, Code::Busy);
        assert_eq!(nonces.take(signer(SIGNERS_MAX), nonce(0), 300, 200), Ok(()));
    }
}
