//! Which subnets a localnet holds: what `--task` asks for, in numbers and names.
//!
//! A task asked for once gets a full cast: two validators, two honest miners, one of which is slower or tries less hard, and one
//! that cheats, where the task knows a cheat; where work takes long, one for each cheat that it knows. A task asked for several times gets so many subnets with a small cast each: a validator and the
//! two honest miners. Subnets are numbered in the order in which they are asked for.

use anyhow::{Context, Result, ensure};
use primitives::{NetUid, TaskId};
use std::collections::HashSet;
use std::str::FromStr;
use tasks::Kind;

/// What a localnet holds when nothing is asked for.
pub const DEFAULT_TASKS: [&str; 3] = ["text-generation", "image-classification", "protein-folding"];

/// What roles are called whose task's first word is not what it is about.
const NICKNAMES: [(&str, &str); 1] = [("protein", "fold")];

/// Most subnets of a localnet: each is three processes or more.
pub const SUBNETS_MAX: u16 = 64;

/// A task, and how many subnets of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    task: String,
    count: u16,
}

/// One subnet of the localnet.
#[derive(Clone)]
pub struct Stand {
    /// Its number on chain.
    pub netuid: NetUid,
    /// What it pays for.
    pub kind: &'static dyn Kind,
    /// What its roles' names begin with, such as `text` or `tour-3`.
    pub label: String,
    /// Whether it is one of several of its task.
    pub is_small: bool,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (task, count) = text.split_once(':').unwrap_or((text, "1"));
        let count = count
            .parse()
            .ok()
            .filter(|count| (1..=SUBNETS_MAX).contains(count))
            .ok_or_else(|| {
                format!("write NAME or NAME:COUNT, the count from 1 to {SUBNETS_MAX}")
            })?;
        let task = task.to_owned();
        Ok(Self { task, count })
    }
}

impl Wanted {
    /// The task by its name, or by name and version.
    fn kind(&self) -> Result<&'static dyn Kind> {
        if self.task.contains('/') {
            let id: TaskId = self.task.parse()?;
            return Ok(tasks::find(&id)?);
        }
        tasks::find_by_name(&self.task).with_context(|| {
            let known: Vec<_> = tasks::list()
                .iter()
                .map(|kind| kind.id().name().to_owned())
                .collect();
            format!(
                "this program knows no task {:?}\nhint: it knows {}",
                self.task,
                known.join(", ")
            )
        })
    }
}

/// Numbers and names the subnets that are asked for.
///
/// # Errors
///
/// When a task is unknown, is asked for twice, or there are too many subnets.
pub fn stands(wanted: &[Wanted]) -> Result<Vec<Stand>> {
    let mut stands = Vec::new();
    let mut seen = HashSet::new();
    for one in wanted {
        let kind = one.kind()?;
        ensure!(
            seen.insert(kind.id()),
            "--task {0} is given twice; write --task {0}:COUNT",
            kind.id().name()
        );
        let word = word(&kind.id(), wanted);
        for number in 1..=one.count {
            let is_small = 1 < one.count;
            let label = match is_small {
                true => format!("{word}-{number}"),
                false => word.clone(),
            };
            let place = u16::try_from(stands.len() + 1).unwrap_or(u16::MAX);
            ensure!(
                place <= SUBNETS_MAX,
                "more than {SUBNETS_MAX} subnets are more than one machine bears"
            );
            stands.push(Stand {
                netuid: NetUid(place),
                kind,
                label,
                is_small,
            });
        }
    }
    Ok(stands)
}

/// The first word of a task's name, or all of it where two tasks begin alike.
fn word(task: &TaskId, wanted: &[Wanted]) -> String {
    let first = |name: &str| name.split('-').next().unwrap_or(name).to_owned();
    let own = first(task.name());
    let is_plain = |one: &&Wanted| {
        let name = one.task.split('/').next().unwrap_or(&one.task);
        first(name) == own
    };
    let nickname = NICKNAMES.into_iter().find(|(word, _)| *word == own);
    match wanted.iter().filter(is_plain).count() {
        0 | 1 => nickname.map_or(own, |(_, nickname)| nickname.to_owned()),
        _ => task.to_string().replace('/', "-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(wanted: &[&str]) -> Vec<(u16, String, bool)> {
        let wanted: Vec<Wanted> = wanted.iter().map(|text| text.parse().unwrap()).collect();
        stands(&wanted)
            .unwrap()
            .into_iter()
            .map(|stand| (stand.netuid.0, stand.label, stand.is_small))
            .collect()
    }

    #[test]
    fn subnets_are_numbered_in_the_order_asked_for() {
        let first = tasks::list()[0].id().name().to_owned();
        let word = first.split('-').next().unwrap().to_owned();
        assert_eq!(labels(&[&first]), [(1, word.clone(), false)]);
        let three: Vec<_> = (1..=3).map(|n| (n, format!("{word}-{n}"), true)).collect();
        assert_eq!(labels(&[&format!("{first}:3")]), three);
    }

    #[test]
    fn a_count_is_a_small_number() {
        for text in ["tour:0", "tour:", "tour:-1", "tour:65", "tour:1:2"] {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_task_is_named_with_those_that_are_known() {
        let wanted: Wanted = "weather".parse().unwrap();
        let error = format!("{:#}", stands(&[wanted]).err().unwrap());
        assert!(error.contains("weather"), "{error}");
        assert!(error.contains(tasks::list()[0].id().name()), "{error}");
    }

    #[test]
    fn protein_folding_is_fold_for_short() {
        assert_eq!(labels(&["protein-folding"]), [(1, "fold".into(), false)]);
    }

    #[test]
    fn a_task_given_twice_is_refused() {
        let wanted: Wanted = tasks::list()[0].id().name().parse().unwrap();
        let error = stands(&[wanted.clone(), wanted]).err().unwrap().to_string();
        assert!(error.contains("twice"), "{error}");
    }
}
