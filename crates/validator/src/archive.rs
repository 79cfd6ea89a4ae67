//! Standings over a restart: one JSON file, written whole or not at all.
//!
//! The file names the chain, the subnet, the validator and the task it belongs to, and holds the last answers' records. A file
//! of another chain, subnet, validator or task, or of version 1, which knew only averages, is not read but replaced: what
//! it held can be learnt again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use primitives::{Hotkey, NetUid, TaskId, Uid};
use serde::{Deserialize, Serialize};
use tasks::Judge;

use crate::{Book, Entry, Error};

const VERSION: u32 = 2;

/// The state file of one validator.
#[derive(Clone, Debug)]
pub struct Archive {
    path: PathBuf,
    genesis: String,
    netuid: NetUid,
    validator: Hotkey,
    task: TaskId,
}

/// What is the same in a file of any version.
#[derive(Serialize, Deserialize)]
struct Cover {
    version: u32,
    genesis: String,
    netuid: NetUid,
    validator: Hotkey,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    #[serde(flatten)]
    cover: Cover,
    task: TaskId,
    entries: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    uid: Uid,
    entry: Entry,
}

impl Archive {
    /// The file at `path`, belonging to a validator of a subnet of the chain with this genesis.
    pub fn new(
        path: PathBuf,
        genesis: String,
        netuid: NetUid,
        validator: Hotkey,
        task: TaskId,
    ) -> Self {
        Self {
            path,
            genesis,
            netuid,
            validator,
            task,
        }
    }

    /// Reads the file, measuring its records with this judge. A missing, damaged or foreign one, or one of another version or
    /// task, is a blank book, with a word in the log.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the file is there and cannot be read.
    pub fn load(&self, judge: &dyn Judge) -> Result<Book, Error> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
            Err(reason) => return Err(self.failed("read", reason)),
        };
        let path = self.path.display();
        let cover: Cover = match serde_json::from_slice(&bytes) {
            Ok(cover) => cover,
            Err(error) => {
                tracing::warn!(%path, %error, "the state file is damaged; standings begin anew");
                return Ok(Book::default());
            }
        };
        let is_ours = cover.genesis == self.genesis
            && cover.netuid == self.netuid
            && cover.validator == self.validator;
        if !is_ours {
            tracing::warn!(%path, "the state file belongs to another chain or validator; standings begin anew");
            return Ok(Book::default());
        }
        match self.entries(&cover, &bytes) {
            Ok(lines) => {
                tracing::info!(%path, entries = lines.len(), "standings resumed");
                let entries = lines.into_iter().map(|line| (line.uid, line.entry));
                Ok(Book::from_entries(entries, judge))
            }
            Err(reason) => {
                tracing::warn!(%path, reason, "standings begin anew");
                Ok(Book::default())
            }
        }
    }

    fn entries(&self, cover: &Cover, bytes: &[u8]) -> Result<Vec<Line>, String> {
        let version = cover.version;
        if version != VERSION {
            return Err(format!(
                "the state file is of version {version}, and {VERSION} is read"
            ));
        }
        let contents: Contents = serde_json::from_slice(bytes)
            .map_err(|error| format!("the state file is damaged: {error}"))?;
        if contents.task != self.task {
            return Err(format!("the state file is about {}", contents.task));
        }
        Ok(contents.entries)
    }

    /// Writes a book: to a sibling, flushed, then renamed into place.
    ///
    /// # Errors
    ///
    /// [`Error::State`].
    pub fn save(&self, book: Book) -> Result<(), Error> {
        let contents = Contents {
            cover: Cover {
                version: VERSION,
                genesis: self.genesis.clone(),
                netuid: self.netuid,
                validator: self.validator,
            },
            task: self.task.clone(),
            entries: book
                .into_entries()
                .map(|(uid, entry)| Line { uid, entry })
                .collect(),
        };
        let json = serde_json::to_vec(&contents).expect("strings and numbers are JSON");
        let sibling = self.path.with_extension("new");
        let write = || -> io::Result<()> {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = File::create(&sibling)?;
            file.write_all(&json)?;
            file.sync_all()?;
            fs::rename(&sibling, &self.path)
        };
        write().map_err(|reason| self.failed("write", reason))
    }

    fn failed(&self, action: &'static str, reason: io::Error) -> Error {
        Error::State {
            action,
            path: self.path.clone(),
            reason,
        }
    }
}
