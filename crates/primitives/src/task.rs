//! Which kind of work a subnet buys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name of a task, in bytes.
pub const TASK_NAME_BYTES_MAX: usize = 32;

/// A task by name and version, written `image-classification/1`.
///
/// The name is 1 to [`TASK_NAME_BYTES_MAX`] lower-case letters, digits and hyphens. A new version is a task of its own: who knows
/// one need not know the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    name: String,
    version: u16,
}

/// Text that names no task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no task: write NAME/VERSION, the name of lower-case letters, digits and hyphens"
)]
pub struct TaskIdError(String);

impl TaskId {
    /// A task, if the name is one.
    pub fn new(name: &str, version: u16) -> Result<Self, TaskIdError> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=TASK_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain) {
            let name = name.to_owned();
            Ok(Self { name, version })
        } else {
            Err(TaskIdError(format!("{name}/{version}")))
        }
    }

    /// The name, without the version.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    pub const fn version(&self) -> u16 {
        self.version
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

impl FromStr for TaskId {
    type Err = TaskIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || TaskIdError(text.chars().take(80).collect());
        let (name, version) = text.split_once('/').ok_or_else(error)?;
        let is_plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        let version = version
            .parse()
            .ok()
            .filter(|_| is_plain)
            .ok_or_else(error)?;
        Self::new(name, version).map_err(|_| error())
    }
}

impl Serialize for TaskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_written_as_name_and_version() {
        let task: TaskId = "image-classification/1".parse().expect("a task");
        assert_eq!((task.name(), task.version()), ("image-classification", 1));
        assert_eq!(task.to_string(), "image-classification/1");
        let json = serde_json::to_string(&task).expect("JSON");
        assert_eq!(serde_json::from_str::<TaskId>(&json).expect("a task"), task);
    }

    #[test]
    fn other_text_names_no_task() {
        for text in [
            "",
            "text",
            "text/",
            "/1",
            "Text/1",
            "text/-1",
            "text/+1",
            "text/65536",
            "a b/1",
            "text/1/2",
        ] {
            assert!(text.parse::<TaskId>().is_err(), "{text}");
        }
        assert!(TaskId::new(&"x".repeat(33), 1).is_err());
    }
}
