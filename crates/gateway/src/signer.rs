//! Signs what is sent to miners.
//!
//! A gateway signs with validators' hotkeys, in turn, because probes come from the same keys: a miner that treats a
//! request better because it might be a probe has to treat all of them better. On each subnet it signs with those of its keys
//! that may ask there, so that one set of keys serves all of a gateway's subnets.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use keys::Pair;
use primitives::{Hotkey, NetUid};
use protocol::{Digest, EXPIRY_MS, Envelope, Nonce, Route, Terms};
use rand::RngExt;

/// The hotkeys in use, and the subnet asked.
pub struct Signer {
    pairs: Vec<Pair>,
    /// Which of them may ask on the subnet; never empty.
    permitted: RwLock<Vec<usize>>,
    next: AtomicUsize,
    /// Whether none of them may, as far as is known.
    is_stranger: AtomicBool,
    netuid: NetUid,
}

/// A request for one miner, signed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Where it is posted.
    pub route: Route,
    /// Names and values to send as headers.
    pub headers: [(&'static str, String); 7],
    /// The body.
    pub body: bytes::Bytes,
    /// The name that the receipt must repeat.
    pub request_hash: Digest,
    /// Which key signed.
    pub signer: Hotkey,
}

impl Signer {
    /// Signs with `pairs` in turn; `None` if there are none.
    pub fn new(pairs: Vec<Pair>, netuid: NetUid) -> Option<Self> {
        (!pairs.is_empty()).then(|| Self {
            permitted: RwLock::new((0..pairs.len()).collect()),
            pairs,
            next: AtomicUsize::new(0),
            is_stranger: AtomicBool::new(false),
            netuid,
        })
    }

    /// The subnet asked.
    pub fn netuid(&self) -> NetUid {
        self.netuid
    }

    /// Whether none of the keys may ask on the subnet, as far as is known.
    pub fn is_stranger(&self) -> bool {
        self.is_stranger.load(Ordering::Relaxed)
    }

    /// Signs only with those keys that may ask, from now on; with all of them if none may, which miners will refuse in words.
    pub fn permit(&self, may_ask: impl Fn(&Hotkey) -> bool) {
        let all = 0..self.pairs.len();
        let permitted: Vec<usize> = all
            .clone()
            .filter(|at| may_ask(&self.pairs[*at].account()))
            .collect();
        let is_stranger = permitted.is_empty();
        self.is_stranger.store(is_stranger, Ordering::Relaxed);
        let used = if is_stranger {
            all.collect()
        } else {
            permitted
        };
        *self
            .permitted
            .write()
            .unwrap_or_else(PoisonError::into_inner) = used;
    }

    /// Signs a request for one miner.
    pub fn sign(&self, route: Route, body: bytes::Bytes, audience: Hotkey) -> Signed {
        self.sign_with(self.pair(), route, body, audience)
    }

    /// Signs a request for one miner with one of the keys: what a job's asker has to do all along. `None` if it is none of them.
    pub fn sign_as(
        &self,
        signer: &Hotkey,
        route: Route,
        body: bytes::Bytes,
        audience: Hotkey,
    ) -> Option<Signed> {
        let pair = self.pairs.iter().find(|pair| pair.account() == *signer)?;
        Some(self.sign_with(pair, route, body, audience))
    }

    fn sign_with(&self, pair: &Pair, route: Route, body: bytes::Bytes, audience: Hotkey) -> Signed {
        let terms = Terms {
            audience,
            netuid: self.netuid,
            nonce: Nonce(rand::rng().random()),
            expires_ms: daemon::unix_ms() + EXPIRY_MS,
        };
        let envelope = Envelope::seal(pair, terms, route, &body);
        let request_hash = envelope.request_hash(route, &body);
        Signed {
            route,
            headers: envelope.headers(),
            body,
            request_hash,
            signer: envelope.signer,
        }
    }

    /// The key whose turn it is.
    fn pair(&self) -> &Pair {
        let permitted = self
            .permitted
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        &self.pairs[permitted[turn % permitted.len()]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One gateway has the keys of all its subnets; a miner refuses those that have no permit on its own.
    #[test]
    fn a_subnet_is_asked_by_those_keys_that_may() {
        let pairs: Vec<Pair> = (1..=3).map(|seed| Pair::from_seed([seed; 32])).collect();
        let signer = Signer::new(pairs.clone(), NetUid(7)).expect("keys");
        let signs =
            |times: usize| -> Vec<Hotkey> { (0..times).map(|_| signer.pair().account()).collect() };
        let [one, two, three] = [0, 1, 2].map(|at: usize| pairs[at].account());
        assert_eq!(
            signs(4),
            [one, two, three, one],
            "in turn, while nothing is known"
        );
        signer.permit(|own| *own != two);
        assert!(!signer.is_stranger());
        assert!(!signs(6).contains(&two));
        signer.permit(|_| false);
        assert!(signer.is_stranger());
        assert!(signs(3).contains(&two), "miners then say what is wrong");
    }
}
