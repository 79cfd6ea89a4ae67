//! How long agreement waits for what, derived from the block interval.
//!
//! ```text
//!  parent made ──── interval ────▶ proposal ─ execute, 3 hops, fsync ─▶ final
//!       │◀────── leader: interval + SLACK ──────▶│ else: nullify the view
//!       │◀────────── certification ────────────────────▶│ else: nullify the view
//!       │◀──────────────── skip: a leader silent this long is not waited for ────────▶│
//! ```
//!
//! The slack must cover executing the largest block twice on a busy machine; too little and honest leaders lose
//! their views, too much and a dead leader costs that much longer.

use std::time::Duration;

/// What a leader gets beyond the interval: execution, transfer and a scheduler's hiccup.
const SLACK: Duration = Duration::from_millis(1_000);
/// How far ahead of its own clock an authority accepts a block's time; further ahead, it waits.
pub const CLOCK_DRIFT: Duration = Duration::from_millis(200);

/// The time limits of one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Time between a block and its parent, at least.
    pub interval: Duration,
    /// How long a view waits for its leader's proposal.
    pub leader: Duration,
    /// How long a view waits for its proposal to be notarized and executed.
    pub certification: Duration,
    /// How long a stuck authority waits before it repeats itself.
    pub retry: Duration,
    /// How long a silent leader stays silent before others stop waiting for it.
    pub skip: Duration,
    /// How long a peer has to answer a request for data.
    pub fetch: Duration,
}

impl Timing {
    /// Derives the limits of a network whose blocks are `interval` apart.
    pub fn of_interval(interval: Duration) -> Self {
        let leader = interval + SLACK;
        let certification = leader + SLACK;
        let skip = certification + SLACK / 2;
        Self {
            interval,
            leader,
            certification,
            retry: SLACK,
            skip,
            fetch: Duration::from_secs(2),
        }
    }
}
