//! What can stop a validator.

use std::path::PathBuf;

use primitives::{NetUid, TaskId};

/// Why a validator could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error(transparent)]
    Door(#[from] daemon::DoorError),
    /// The chain could not be reached at the start.
    #[error(transparent)]
    Chain(#[from] client::Error),
    /// Nobody has said what the subnet pays for.
    #[error(
        "subnet {0} names no task, so there is nothing to judge; its owner names one with: stoa subnet task --netuid {0} --set NAME/VERSION"
    )]
    NoTask(NetUid),
    /// The subnet pays for something else than this program knows.
    #[error("subnet {netuid}: {unknown}")]
    UnknownTask {
        /// The subnet.
        netuid: NetUid,
        /// What is asked for and what there is.
        unknown: tasks::Unknown,
    },
    /// The subnet pays for something else than at the start.
    #[error(
        "subnet {netuid} now names {}; it named {before} when this validator started: start it again", now.as_ref().map_or("no task".into(), TaskId::to_string)
    )]
    OtherTask {
        /// The subnet.
        netuid: NetUid,
        /// What it named at the start.
        before: TaskId,
        /// What it names now.
        now: Option<TaskId>,
    },
    /// The task's judge could not be opened.
    #[error(transparent)]
    Setup(#[from] tasks::SetupError),
    /// Opening the task's judge ended in a panic.
    #[error("{0} could not be opened, which is a mistake in this program: see the log")]
    Opening(TaskId),
    /// The state file could not be read or written.
    #[error("cannot {action} {path}: {reason}", path = path.display())]
    State {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The subnet wants weights sealed, and the chain has nothing to seal to.
    #[error(
        "the subnet takes sealed weights only, and this chain's genesis names no key of the authorities to seal to: \
         turn commit-reveal off for the subnet"
    )]
    NoGroupKey,
    /// A sealed row has a longest length.
    #[error(
        "{bytes} bytes of sealed weights are more than the chain takes: give weights to fewer miners"
    )]
    TooManyWeights {
        /// The length.
        bytes: usize,
    },
    /// The HTTP client could not be set up.
    #[error("cannot prepare HTTP: {0}")]
    Http(String),
}
