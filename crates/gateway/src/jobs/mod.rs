//! Jobs: work that takes minutes, kept by the gateway until its customer fetches it.
//!
//! A customer creates a job and gets its name. The gateway finds a miner, hands the job to it, follows it, and keeps what it finds.
//! When the miner dies, forgets the job, falls silent or gives an answer that does not hold, the job moves to another
//! miner; the customer sees its progress begin again and one more of `moves`, and no error while anyone is left.
//!
//! ```text
//!            create                a miner takes it             its answer holds
//!  customer ───────▶ waiting ◀──────────────────────▶ working ───────────────────▶ done
//!                      │ nobody took it for long            │  the miner is lost
//!                      │ two miners find fault with it      └──▶ waiting
//!                      ▼
//!                    failed              cancel, from waiting or working ──▶ cancelled
//! ```
//!
//! # Who does what
//!
//! [`Job`] is what is known of a job; [`Shelf`] keeps each in a file of its own; [`Jobs`] is the board that holds all of them and
//! their bounds; each unfinished job is carried by one task (`carrier`) that speaks to miners with [`protocol::Errand`], the
//! same as a validator's probes; [`api`] is `/v1/jobs`, and `folds` a front door in the shape people expect.
//!
//! # What always holds
//!
//! * A customer that was told of a job finds it again, also after a restart of the gateway; then the same miner is asked for the same
//!   job, with the same key.
//! * A job that is done has an answer of its task's form with the miner's receipt for exactly this request and answer.
//! * A job's version grows with every change, and is never the same twice.
//! * Jobs are bounded: unfinished and kept ones, each in all and per customer, their bytes, and those who listen to them. A
//!   finished job is kept for [`Bounds::keep`], or until it is deleted.
//! * Whoever knows a job's name may read and end it; names cannot be guessed, and lists show only one's own.
//!
//! # Not here
//!
//! What an answer is worth: validators judge miners. Without a folder jobs end with the process.

pub mod api;
mod board;
mod carrier;
mod events;
mod post;
mod record;
mod shelf;
mod stay;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::subnets::Subnets;

pub(crate) use board::Listening;
pub use board::{Jobs, Order};
pub use record::{Given, Job, JobId, Letdown, NotAJobId, Owner, Place, State};
pub use shelf::{Shelf, ShelfError};

/// How many jobs there may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Unfinished ones; each is one connection to a miner.
    pub unfinished: usize,
    /// Unfinished ones of one customer.
    pub unfinished_each: usize,
    /// All of them.
    pub kept: usize,
    /// All of one customer's.
    pub kept_each: usize,
    /// Requests and answers together, in bytes; an unfinished job counts with the longest answer it could have.
    pub bytes: usize,
    /// Listeners to all jobs.
    pub listeners: usize,
    /// Listeners to one job.
    pub listeners_each: usize,
    /// How long a finished job is kept.
    pub keep: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            unfinished: 64,
            unfinished_each: 8,
            kept: 2048,
            kept_each: 256,
            bytes: 512 * 1024 * 1024,
            listeners: 256,
            listeners_each: 16,
            keep: Duration::from_secs(24 * 3600),
        }
    }
}

/// How patient the carriers are.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// How long a job waits for somebody to be there before it fails.
    pub nobody: Duration,
    /// How long a job waits for a place while all who are there are full.
    pub full: Duration,
    /// First pause when all miners have said no; each further one is twice as long.
    pub pause_min: Duration,
    /// Longest pause.
    pub pause_max: Duration,
    /// How long a job may stand in a miner's line, besides the time that its task gives it.
    pub line: Duration,
    /// A miner that cannot be reached for so long is taken for dead.
    pub unreached: Duration,
    /// Between two savings of a job's partial answers.
    pub saving: Duration,
    /// So many seconds of an errand's clock are one of ours: 1, and more only in tests.
    pub tempo: u32,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            nobody: Duration::from_secs(600),
            full: Duration::from_secs(6 * 3600),
            pause_min: Duration::from_secs(1),
            pause_max: Duration::from_secs(10),
            line: Duration::from_secs(60),
            unreached: Duration::from_secs(3),
            saving: Duration::from_secs(5),
            tempo: 1,
        }
    }
}

/// What the board needs.
pub struct Setting {
    /// Where jobs are kept; nowhere if `None`.
    pub folder: Option<PathBuf>,
    /// How many.
    pub bounds: Bounds,
    /// How patiently.
    pub rhythm: Rhythm,
    /// Who does them.
    pub subnets: Subnets,
    /// What happened.
    pub metrics: Arc<Metrics>,
    /// Puts the carriers down; their jobs go on at the next start.
    pub shutdown: CancellationToken,
}
