//! The plug: what a kind of work is to a market.
//!
//! A subnet is a market for one kind of task, named on chain by a [`TaskId`]. Whoever opens a new kind writes what a
//! request and an answer look like, how to make a fresh challenge and how to judge an answer, and gets miners, validators,
//! gateway, command line and metrics for it.
//!
//! ```text
//!            Task (what an author writes)          text (streams, so it is a Kind of its own)
//!              │ Once<Task>                          │
//!              ▼                                     ▼
//!            Kind ── the list ── gateway: schemas, limits, checks
//!              ├── Judge ────── validator: challenge, judge, quality
//!              └── Service ──── miner: streams, answers at once, or works for minutes as a job
//! ```
//!
//! # What always holds
//!
//! * Adding a task touches no existing file but `list.rs`. `docs/new-subnet.md` takes a reader through it.
//! * Every asker sends a request in its one canonical form, so that a probe looks like a customer's request.
//! * A judge that panics judges nothing: no miner gains or loses by it.
//!
//! # Not here
//!
//! HTTP, signatures, clocks (the daemons and `protocol`); records and standings (`scoring`); networks (`inference`, `vision`).

mod kind;
mod list;
mod once;

pub use kind::{
    Answered, Challenge, Compared, Complaint, Delivery, JobWorker, Judge, Kind, Limits, Progress,
    Put, Reply, Service, Setup, SetupError, Upstream, WorkError, Worker,
};
pub use list::{list, text};
pub use once::{Once, Task, unused};

use primitives::TaskId;

/// A task that this program does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked} is asked for; this program knows {}: get a version of it that knows {asked}", known.join(", "))]
pub struct Unknown {
    /// What was asked for.
    pub asked: TaskId,
    /// What there is.
    pub known: Vec<String>,
}

/// Finds a task.
///
/// # Errors
///
/// [`Unknown`] lists what there is.
pub fn find(id: &TaskId) -> Result<&'static dyn Kind, Unknown> {
    list()
        .iter()
        .copied()
        .find(|kind| kind.id() == *id)
        .ok_or_else(|| Unknown {
            asked: id.clone(),
            known: list().iter().map(|kind| kind.id().to_string()).collect(),
        })
}

/// Finds a task by its name alone: the newest version there is.
pub fn find_by_name(name: &str) -> Option<&'static dyn Kind> {
    list()
        .iter()
        .copied()
        .filter(|kind| kind.id().name() == name)
        .max_by_key(|kind| kind.id().version())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_task_in_the_list_has_a_name_of_its_own_and_a_schema() {
        let ids: BTreeSet<_> = list().iter().map(|kind| kind.id()).collect();
        assert_eq!(ids.len(), list().len());
        for kind in list() {
            assert!(kind.request_schema().is_object() && kind.answer_schema().is_object());
            assert!(!kind.about().is_empty());
        }
    }

    #[test]
    fn a_task_that_nobody_knows_is_named_with_those_that_are_known() {
        let asked: TaskId = "protein-folding/2".parse().expect("a task");
        let error = find(&asked).err().expect("nobody knows it").to_string();
        assert!(error.contains("protein-folding/2"), "{error}");
    }
}
