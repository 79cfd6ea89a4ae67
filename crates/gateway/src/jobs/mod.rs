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
//!                      │ all miners find fault with it      │  it has no news
//!                      │ six had it and let it down         └──▶ waiting
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
//! * Jobs are bounded: unfinished and kept ones, each in all and per customer, their bytes, and those who listen to them, also each in
//!   all and per customer. A finished job is kept for [`Bounds::keep`] if it has an answer, else for [`Bounds::keep_empty`], or until
//!   it is deleted, or until the board is full and it is this one's turn to go (`room`).
//! * Every figure shown was found by the gateway in an answer that it checked, or is marked as a miner's claim (`measure`).
//! * A miner without news loses the job (`pulse`).
//!
//! # Whose a job is
//!
//! Its name is 128 random bits and is told to its creator alone: it is a capability. Whoever knows the name may read the job, listen to it
//! and fetch what it has found, so that a result can be passed on by its address.
//!
//! * Where the gateway asks for keys, only the key that created a job may cancel or delete it, and a list shows a key its own.
//! * Where it asks for none, whoever knows the name may cancel and delete: nothing else tells two customers behind one address
//!   apart. For the same reason nobody is shown a list, or one of them would read the other's names in it; except at home
//!   ([`Known::AtHome`](crate::limits::Known)), where a developer sees what was created from that machine.
//!
//! # Not here
//!
//! What an answer is worth: validators judge miners. Without a folder jobs end with the process.

pub mod api;
mod board;
mod carrier;
mod events;
mod listeners;
mod measure;
mod post;
mod pulse;
mod record;
mod room;
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
    /// Listeners of one customer.
    pub listeners_owner: usize,
    /// How long a finished job is kept that has an answer.
    pub keep: Duration,
    /// How long one is kept that has none.
    pub keep_empty: Duration,
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
            listeners_owner: 32,
            keep: Duration::from_secs(24 * 3600),
            keep_empty: Duration::from_secs(600),
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
    /// How long a job stands in one miner's line before it is taken to another that is free.
    pub line: Duration,
    /// The shortest time without news after which a miner loses a job.
    pub quiet: Duration,
    /// That time is this part of the time that the task gives the job, if that is longer.
    pub quiet_part: u32,
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
            line: Duration::from_secs(10),
            quiet: Duration::from_secs(30),
            quiet_part: 6,
            unreached: Duration::from_secs(3),
            saving: Duration::from_secs(5),
            tempo: 1,
        }
    }
}

impl Rhythm {
    /// How long a miner may be without news of a job to which its task gives so much time. A task gives half as much again as its request,
    /// so that for a fold this is a quarter of its budget.
    pub fn quiet_of(&self, patience: Duration) -> Duration {
        self.quiet.max(patience / self.quiet_part)
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
