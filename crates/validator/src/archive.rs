//! Standings and unopened ballots over a restart: one small JSON file, written whole or not at all.
//!
//! The file names the chain, the subnet and the validator it belongs to; a file of another is not read but replaced. It
//! holds nothing that could not be learnt again, except the salts of ballots not opened yet.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use primitives::{Hotkey, NetUid, Uid};
use serde::{Deserialize, Serialize};

use crate::ballot::Ballot;
use crate::{Book, Desk, Entry, Error};

const VERSION: u32 = 1;

/// The state file of one validator.
#[derive(Clone, Debug)]
pub struct Archive {
    path: PathBuf,
    genesis: String,
    netuid: NetUid,
    validator: Hotkey,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u32,
    genesis: String,
    netuid: NetUid,
    validator: Hotkey,
    entries: Vec<Line>,
    #[serde(default)]
    ballots: Vec<Ballot>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    uid: Uid,
    entry: Entry,
}

impl Archive {
    /// The file at `path`, belonging to a validator of a subnet of the chain with this genesis.
    pub fn new(path: PathBuf, genesis: String, netuid: NetUid, validator: Hotkey) -> Self {
        Self {
            path,
            genesis,
            netuid,
            validator,
        }
    }

    /// Reads the file. A missing, damaged or foreign one is an empty desk, with a word in the log.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if the file is there and cannot be read.
    pub fn load(&self) -> Result<Desk, Error> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Desk::default()),
            Err(reason) => return Err(self.failed("read", reason)),
        };
        let path = self.path.display();
        let contents: Contents = match serde_json::from_slice(&bytes) {
            Ok(contents) => contents,
            Err(error) => {
                tracing::warn!(%path, %error, "the state file is damaged; standings begin anew");
                return Ok(Desk::default());
            }
        };
        let is_ours = contents.version == VERSION
            && contents.genesis == self.genesis
            && contents.netuid == self.netuid
            && contents.validator == self.validator;
        if !is_ours {
            tracing::warn!(%path, "the state file belongs to another chain or validator; standings begin anew");
            return Ok(Desk::default());
        }
        tracing::info!(%path, entries = contents.entries.len(), "standings resumed");
        let book = Book::from_entries(
            contents
                .entries
                .into_iter()
                .map(|line| (line.uid, line.entry)),
        );
        Ok(Desk {
            book,
            ballots: contents.ballots,
        })
    }

    /// Writes what is on the desk: to a sibling, flushed, then renamed into place.
    ///
    /// # Errors
    ///
    /// [`Error::State`].
    pub fn save(&self, desk: &Desk) -> Result<(), Error> {
        let lines = desk.book.entries().iter().map(|(uid, entry)| Line {
            uid: *uid,
            entry: entry.clone(),
        });
        let contents = Contents {
            version: VERSION,
            genesis: self.genesis.clone(),
            netuid: self.netuid,
            validator: self.validator,
            entries: lines.collect(),
            ballots: desk.ballots.clone(),
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
