//! Who may ask, how often, and how much at once.
//!
//! Four gates in this order: the key must be known, the key must not ask more often than it may, its body must fit into the
//! memory that all bodies share, and the gateway must have room. The last is a semaphore: its permit travels with the answer's stream, so a slow reader occupies a place for as
//! long as it reads, and no queue grows behind it; one that stops reading loses it.
//!
//! # Who is who
//!
//! * Where keys are asked for, a customer is its key.
//! * Where none are, anyone could make one up; a customer is the network it comes from: an IPv4 address, or the /48 of an IPv6 one,
//!   which is what one household or one rented machine commands. Rates, jobs and listeners are counted under that name, and nothing
//!   else follows from it, because strangers share networks.
//! * Whoever asks a gateway without keys from the machine that it runs on, by the loopback address and for nobody else (no proxy's
//!   header, no web page's), is *at home*: its operator, or a developer with a market of his own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;
use crate::jobs::Owner;

/// Customers whose rate is remembered; when full, those that have been idle for a minute are forgotten.
const OWNERS_MAX: usize = 16_384;

/// Longer keys are nobody's.
const KEY_BYTES_MAX: usize = 256;

/// All bodies that are being received together, in bytes: as many connections may be sending as like.
const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The gates in front of the market.
pub struct Gates {
    keys: Vec<String>,
    rate: Option<Rate>,
    memory: Arc<Semaphore>,
    room: Arc<Semaphore>,
    desks: Arc<Semaphore>,
}

/// How often one customer may ask.
pub struct Rate {
    per_minute: u32,
    buckets: Mutex<HashMap<Owner, Bucket>>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The name under which its rate, its jobs and its listeners are counted.
    pub owner: Owner,
    /// What the name rests on.
    pub known: Known,
}

/// What a customer is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Its key, which nobody else has.
    ByKey,
    /// Asking from the gateway's own machine.
    AtHome,
    /// Its network, which it may share with strangers.
    ByNetwork,
}

impl Customer {
    /// Whether it may be shown what was created under its name.
    pub fn may_list(&self) -> bool {
        self.known != Known::ByNetwork
    }

    /// Whether it may end a job of `owner` whose name it knows. Without keys the name itself entitles to that.
    pub fn may_end(&self, owner: Owner) -> bool {
        self.known != Known::ByKey || self.owner == owner
    }
}

/// What is left of one customer's minute.
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// How a customer stands after asking once, for the `x-ratelimit-*` headers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    /// Requests per minute.
    pub limit: u32,
    /// Requests left now.
    pub remaining: u32,
    /// Time until the whole allowance is back.
    pub reset: Duration,
}

impl Gates {
    /// No `keys` accept everyone; `per_minute` limits each customer, `at_once` the whole gateway.
    pub fn new(keys: Vec<String>, per_minute: Option<u32>, at_once: usize) -> Self {
        let rate = per_minute.map(|per_minute| Rate {
            per_minute,
            buckets: Mutex::default(),
        });
        Self {
            keys,
            rate,
            memory: Arc::new(Semaphore::new(BODIES_BYTES_MAX)),
            room: Arc::new(Semaphore::new(at_once)),
            desks: Arc::new(Semaphore::new(processors())),
        }
    }

    /// Checks the `Authorization` header and returns the key in it.
    ///
    /// # Errors
    ///
    /// 401 if keys are configured and this is none of them, or if it is longer than any key.
    pub fn authenticate<'a>(&self, authorization: Option<&'a str>) -> Result<&'a str, ApiError> {
        let key = authorization.and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
        });
        if key.is_some_and(|key| KEY_BYTES_MAX < key.len()) {
            return Err(ApiError::wrong_key());
        }
        if self.keys.is_empty() {
            return Ok(key.unwrap_or(""));
        }
        let key = key
            .filter(|key| !key.is_empty())
            .ok_or_else(ApiError::no_key)?;
        // Every configured key is compared in full, so that the time taken tells nothing about any of them.
        let known = self
            .keys
            .iter()
            .fold(false, |found, own| same(own, key) | found);
        if known {
            Ok(key)
        } else {
            Err(ApiError::wrong_key())
        }
    }

    /// Who asks with this key from this address; `is_relayed` if on behalf of somebody else.
    pub fn customer(&self, key: &str, peer: Option<IpAddr>, is_relayed: bool) -> Customer {
        if !self.keys.is_empty() {
            return Customer {
                owner: Owner::of(&format!("key {key}")),
                known: Known::ByKey,
            };
        }
        let peer = peer.map(|address| address.to_canonical());
        if !is_relayed && peer.is_some_and(|address| address.is_loopback()) {
            return Customer {
                owner: Owner::of("this machine"),
                known: Known::AtHome,
            };
        }
        let owner = match peer {
            None => Owner::of("address unknown"),
            Some(IpAddr::V4(address)) => Owner::of(&format!("address {address}")),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, ..] = address.segments();
                Owner::of(&format!("network {a:x}:{b:x}:{c:x}"))
            }
        };
        Customer {
            owner,
            known: Known::ByNetwork,
        }
    }

    /// Counts one request of a customer; `None` where no rate is configured.
    ///
    /// # Errors
    ///
    /// 429 if its minute is used up.
    pub fn charge(&self, owner: Owner, now: Instant) -> Result<Option<Allowance>, ApiError> {
        self.rate
            .as_ref()
            .map(|rate| rate.charge(owner, now))
            .transpose()
    }

    /// Sets memory aside for so many bytes of a body; it is given back when the permit is dropped.
    ///
    /// # Errors
    ///
    /// 503 if it is taken.
    pub fn hold(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let bytes = u32::try_from(bytes).map_err(|_| ApiError::overloaded())?;
        self.memory
            .clone()
            .try_acquire_many_owned(bytes)
            .map_err(|_| ApiError::overloaded())
    }

    /// Waits for a desk at which a request is read; it is free again when the permit is dropped. There are as many as
    /// processors: more pictures unfolded at once would take more memory and be done no sooner. Those who wait hold a place,
    /// so they are bounded too.
    pub async fn desk(&self) -> OwnedSemaphorePermit {
        let desk = self.desks.clone().acquire_owned().await;
        desk.expect("the desks are never closed")
    }

    /// Takes a place; it is given back when the permit is dropped.
    ///
    /// # Errors
    ///
    /// 503 if all are taken.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.room
            .clone()
            .try_acquire_owned()
            .map_err(|_| ApiError::overloaded())
    }
}

/// How much this machine does at once.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get())
}

impl Rate {
    /// A bucket that holds a minute's requests and refills evenly.
    fn charge(&self, owner: Owner, now: Instant) -> Result<Allowance, ApiError> {
        let full = f64::from(self.per_minute);
        let per_second = full / 60.0;
        let mut buckets = self
            .buckets
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if buckets.len() >= OWNERS_MAX && !buckets.contains_key(&owner) {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < Duration::from_secs(60));
        }
        if buckets.len() >= OWNERS_MAX && !buckets.contains_key(&owner) {
            return Err(ApiError::rate_limited(
                self.per_minute,
                Duration::from_secs(60),
            ));
        }
        let bucket = buckets.entry(owner).or_insert(Bucket {
            tokens: full,
            at: now,
        });
        let refill = now.duration_since(bucket.at).as_secs_f64() * per_second;
        bucket.tokens = (bucket.tokens + refill).min(full);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let pause = Duration::from_secs_f64((1.0 - bucket.tokens) / per_second);
            return Err(ApiError::rate_limited(self.per_minute, pause));
        }
        bucket.tokens -= 1.0;
        Ok(Allowance {
            limit: self.per_minute,
            remaining: bucket.tokens as u32,
            reset: Duration::from_secs_f64((full - bucket.tokens) / per_second),
        })
    }
}

fn same(own: &str, given: &str) -> bool {
    let (own, given) = (own.as_bytes(), given.as_bytes());
    let differing = own
        .iter()
        .enumerate()
        .fold(own.len() ^ given.len(), |differing, (at, byte)| {
            differing | usize::from(byte ^ given.get(at).copied().unwrap_or(0))
        });
    differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_keys_everyone_may_ask() {
        let gates = Gates::new(vec![], None, 1);
        assert_eq!(gates.authenticate(None), Ok(""));
        assert_eq!(gates.authenticate(Some("Bearer anything")), Ok("anything"));
        let long = format!("Bearer {}", "x".repeat(KEY_BYTES_MAX + 1));
        assert_eq!(
            gates.authenticate(Some(&long)),
            Err(ApiError::wrong_key()),
            "every key is compared in full"
        );
    }

    #[test]
    fn with_keys_only_they_may_ask() {
        let gates = Gates::new(vec!["sk-one".into(), "sk-two".into()], None, 1);
        assert_eq!(gates.authenticate(Some("Bearer sk-two")), Ok("sk-two"));
        assert_eq!(gates.authenticate(Some("bearer sk-one")), Ok("sk-one"));
        assert_eq!(
            gates.authenticate(Some("Bearer sk-on")),
            Err(ApiError::wrong_key())
        );
        assert_eq!(
            gates.authenticate(Some("Bearer sk-one1")),
            Err(ApiError::wrong_key())
        );
        assert_eq!(gates.authenticate(Some("Bearer ")), Err(ApiError::no_key()));
        assert_eq!(
            gates.authenticate(Some("Basic sk-one")),
            Err(ApiError::no_key())
        );
        assert_eq!(gates.authenticate(None), Err(ApiError::no_key()));
    }

    fn of(gates: &Gates, key: &str, address: &str) -> Customer {
        gates.customer(key, Some(address.parse().expect("an address")), false)
    }

    /// A key that nobody checks would be a new customer each time.
    #[test]
    fn a_customer_is_a_key_or_else_a_network() {
        let open = Gates::new(vec![], None, 1);
        let [one, same, other] = ["2001:db8::1", "2001:db8:0:ffff::2", "2001:db8:1::1"];
        assert_eq!(of(&open, "a", one), of(&open, "b", same));
        assert_ne!(of(&open, "a", one), of(&open, "a", other));
        assert_eq!(of(&open, "", "::ffff:10.0.0.1"), of(&open, "", "10.0.0.1"));
        assert_ne!(of(&open, "", "10.0.0.2"), of(&open, "", "10.0.0.1"));
        let keyed = Gates::new(vec!["a".into(), "b".into()], None, 1);
        assert_eq!(of(&keyed, "a", one), of(&keyed, "a", other));
        assert_ne!(of(&keyed, "a", one), of(&keyed, "b", one));
    }

    #[test]
    fn a_list_is_for_who_has_a_key_or_is_at_home() {
        let open = Gates::new(vec![], None, 1);
        for home in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let customer = of(&open, "", home);
            assert_eq!((customer.known, customer.may_list()), (Known::AtHome, true));
            let relayed = open.customer("", home.parse().ok(), true);
            assert!(
                !relayed.may_list(),
                "a proxy on this machine is not its user"
            );
        }
        assert!(!of(&open, "any", "10.0.0.1").may_list());
        assert!(!open.customer("any", None, false).may_list());
        let keyed = Gates::new(vec!["a".into()], None, 1);
        assert!(of(&keyed, "a", "10.0.0.1").may_list());
    }

    #[test]
    fn with_keys_a_job_is_ended_by_its_own() {
        let open = Gates::new(vec![], None, 1);
        let keyed = Gates::new(vec!["a".into(), "b".into()], None, 1);
        let [a, b] = ["a", "b"].map(|key| of(&keyed, key, "10.0.0.1"));
        assert!(a.may_end(a.owner) && !b.may_end(a.owner));
        let [here, there] = ["10.0.0.1", "10.0.0.2"].map(|from| of(&open, "", from));
        assert!(there.may_end(here.owner), "the name is all it takes");
    }

    #[test]
    fn a_used_up_minute_refills_evenly() {
        let gates = Gates::new(vec![], Some(60), 1);
        let start = Instant::now();
        for left in (0..60).rev() {
            let allowance = gates
                .charge(Owner::of("a"), start)
                .expect("within the minute")
                .expect("a rate");
            assert_eq!((allowance.limit, allowance.remaining), (60, left));
        }
        let refused = gates
            .charge(Owner::of("a"), start)
            .expect_err("the minute is used up");
        assert_eq!(refused, ApiError::rate_limited(60, Duration::from_secs(1)));
        assert!(
            gates.charge(Owner::of("b"), start).is_ok(),
            "another customer has its own minute"
        );
        assert!(
            gates
                .charge(Owner::of("a"), start + Duration::from_secs(1))
                .is_ok()
        );
    }

    #[test]
    fn bodies_share_a_bounded_memory() {
        let gates = Gates::new(vec![], None, 1);
        let mut held = gates.hold(BODIES_BYTES_MAX - 10).expect("there is room");
        assert_eq!(gates.hold(11).err(), Some(ApiError::overloaded()));
        held.merge(gates.hold(10).expect("just enough"));
        assert_eq!(gates.hold(1).err(), Some(ApiError::overloaded()));
        assert_eq!(gates.hold(usize::MAX).err(), Some(ApiError::overloaded()));
        drop(held);
        assert!(gates.hold(1).is_ok());
    }

    #[test]
    fn a_place_is_free_again_when_its_permit_is_dropped() {
        let gates = Gates::new(vec![], None, 1);
        let permit = gates.admit().expect("the first");
        assert_eq!(gates.admit().err(), Some(ApiError::overloaded()));
        drop(permit);
        assert!(gates.admit().is_ok());
    }
}
