//! What miner, validator and gateway have in common: a door to the network, and the time.
//!
//! ```text
//!  accept ──▶ a place? ──▶ headers within 30 s? ──▶ the router ──▶ answer ──▶ the next request, or idle for 30 s
//!               │ none free: wait in the system's own short queue
//!  shutdown ──▶ no more connections ──▶ idle ones close ──▶ answers under way finish, 5 s at most
//! ```
//!
//! # What always holds
//!
//! * At most [`CONNECTIONS_MAX`] connections are open, because each costs memory before a single header has been checked.
//! * Whoever opens a connection and says nothing, or says it one byte at a time, is cut off after [`PATIENCE`].
//! * No small write waits for the acknowledgement of the one before.
//!
//! # Not here
//!
//! Slow bodies and slow answers: how long those may take is the router's business. TLS and HTTP/2, which belong to a proxy
//! in front of a gateway.

mod door;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use door::{Door, DoorError};

/// The most connections at once. Askers pool theirs, so a few hundred askers fit.
pub const CONNECTIONS_MAX: usize = 1_024;
/// How long the headers of a request are waited for, the first as well as the next one on a connection that stays open. Who
/// pools connections lets go of idle ones sooner.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long answers under way may take once a daemon is told to stop.
pub const FAREWELL: Duration = Duration::from_secs(5);

/// The system's clock, in Unix milliseconds.
pub fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
