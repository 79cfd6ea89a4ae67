//! The store on disk: parity-db, driven so that a commit is durable when it returns.
//!
//! Left alone, parity-db takes a commit into memory and writes it out when its threads get to it: fast, but a
//! crash loses what it has acknowledged. Its stages are therefore driven from here:
//!
//! ```text
//!  commit ─▶ write-ahead log ─▶ fsync ── durable; return
//!                 └──▶ writer thread: tables ─▶ fsync, drop logs
//! ```
//!
//! Until the writer gets to it, a commit is read from memory. After a crash, opening replays the logs that are whole and
//! ignores a torn one at the end, which is a commit that never returned.

use super::{Change, Column, Store};
use crate::error::{Error, Result};
use parity_db::{ColumnOptions, CompressionType, Db, Operation, Options};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Logs in the tables but perhaps not on disk there, before the tables are synced and the logs dropped. Syncing is the
/// expensive part, so it is done seldom; parity-db itself would wait for ever for a fifth.
const LOGS_PER_CLEANING: u32 = 4;
/// Logs that the writer may be behind before a commit waits for it.
const LOGS_BEHIND_MAX: u32 = 32;

/// Free space below which nothing is written. The tables are mapped into memory, where a full disk is not an error that
/// can be handled but the end of the process.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Columns on disk.
pub(crate) struct Disk {
    path: PathBuf,
    db: Arc<Db>,
    /// Serializes commits; holds the error that ended writing, if any.
    writing: Mutex<Option<String>>,
    backlog: Arc<Backlog>,
    writer: Option<JoinHandle<()>>,
}

/// Durable logs that the writer has yet to bring to the tables.
#[derive(Default)]
struct Backlog {
    state: Mutex<BacklogState>,
    changed: Condvar,
}

#[derive(Default)]
struct BacklogState {
    logs: u32,
    closing: bool,
    failure: Option<String>,
}

impl Disk {
    /// Opens the database at `path`, making it if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| unusable(path, &error))?;
        ensure_space(path)?;
        let db = Arc::new(Db::open_or_create(&options(path)).map_err(failed)?);
        let backlog = Arc::new(Backlog::default());
        let writer = spawn_writer(db.clone(), backlog.clone())?;
        Ok(Self {
            path: path.to_owned(),
            db,
            writing: Mutex::new(None),
            backlog,
            writer: Some(writer),
        })
    }

    fn write(&self, changes: Vec<Change>) -> Result<()> {
        self.db
            .commit_changes(changes.into_iter().map(operation))
            .map_err(failed)?;
        self.db.process_commits().map_err(failed)?;
        self.db.flush_logs().map_err(failed)?;
        self.backlog.add()?;
        // Moves a batch of keys when an index has outgrown its file; otherwise does nothing.
        self.db.process_reindex().map_err(failed)
    }
}

impl Backlog {
    fn lock(&self) -> MutexGuard<'_, BacklogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a log to the writer, waiting for it if it is far behind.
    fn add(&self) -> Result<()> {
        let mut state = self
            .changed
            .wait_while(self.lock(), |state| {
                state.logs >= LOGS_BEHIND_MAX && state.failure.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &state.failure {
            return Err(Error::Store(reason.clone()));
        }
        state.logs += 1;
        self.changed.notify_all();
        Ok(())
    }

    /// Waits for a log; false when the store is closing and there is none.
    fn wait(&self) -> bool {
        let state = self
            .changed
            .wait_while(self.lock(), |state| state.logs == 0 && !state.closing)
            .unwrap_or_else(PoisonError::into_inner);
        state.logs > 0
    }

    fn remove(&self) {
        self.lock().logs -= 1;
        self.changed.notify_all();
    }

    fn fail(&self, reason: String) {
        self.lock().failure = Some(reason);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }
}

impl Store for Disk {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.db.get(column as u8, key).map_err(failed)
    }

    fn commit(&self, changes: Vec<Change>) -> Result<()> {
        let mut broken = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &*broken {
            return Err(Error::Store(reason.clone()));
        }
        ensure_space(&self.path)?;
        self.write(changes).inspect_err(|error| {
            // A commit may now be half way through the stages: only opening anew can sort that out.
            *broken = Some(error.to_string());
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.backlog.close();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the database's writer thread panicked");
        }
    }
}

fn spawn_writer(db: Arc<Db>, backlog: Arc<Backlog>) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("ledger-writer".into())
        .spawn(move || {
            if let Err(error) = write_tables(&db, &backlog) {
                tracing::error!(%error, "the database cannot be written");
                backlog.fail(error.to_string());
            }
        })
        .map_err(|error| Error::Store(error.to_string()))
}

/// Brings logs to the tables, one by one, until the store is closing and none is left.
fn write_tables(db: &Db, backlog: &Backlog) -> parity_db::Result<()> {
    let mut undropped = 0;
    while backlog.wait() {
        // Reads one log to its end: the next one waits for the next call.
        db.enact_logs()?;
        backlog.remove();
        undropped += 1;
        if undropped == LOGS_PER_CLEANING {
            db.clean_logs()?;
            undropped = 0;
        }
    }
    Ok(())
}

fn options(path: &Path) -> Options {
    let mut options = Options::with_columns(path, Column::COUNT);
    options.with_background_thread = false;
    options.stats = false;
    options.sync_wal = true;
    options.sync_data = true;
    options.columns[Column::Nodes as usize] = ColumnOptions {
        preimage: true,
        uniform: true,
        ref_counted: true,
        ..Default::default()
    };
    options.columns[Column::Bodies as usize].compression = CompressionType::Lz4;
    for column in [Column::Headers, Column::Bodies] {
        options.columns[column as usize].uniform = true;
    }
    options
}

fn operation(change: Change) -> (u8, Operation<Vec<u8>, Vec<u8>>) {
    match change {
        Change::Put(column, key, value) => (column as u8, Operation::Set(key, value)),
        Change::Delete(column, key) => (column as u8, Operation::Dereference(key)),
        Change::Retain(hash, node) => {
            let key = hash.as_bytes().to_vec();
            (Column::Nodes as u8, Operation::Set(key, node))
        }
        Change::Release(hash) => {
            let key = hash.as_bytes().to_vec();
            (Column::Nodes as u8, Operation::Dereference(key))
        }
    }
}

/// Refuses to write to a disk that is nearly full.
fn ensure_space(path: &Path) -> Result<()> {
    let free = fs2::available_space(path).map_err(|error| unusable(path, &error))?;
    judge_space(path, free)
}

fn judge_space(path: &Path, free: u64) -> Result<()> {
    if free < FREE_BYTES_MIN {
        return Err(Error::DiskFull {
            path: path.to_owned(),
            free_mib: free >> 20,
            needed_mib: FREE_BYTES_MIN >> 20,
        });
    }
    Ok(())
}

fn unusable(path: &Path, error: &std::io::Error) -> Error {
    Error::Store(format!("{}: {error}", path.display()))
}

fn failed(error: parity_db::Error) -> Error {
    Error::Store(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nearly_full_disk_is_named_with_what_it_lacks() {
        let path = Path::new("/data");
        assert!(judge_space(path, FREE_BYTES_MIN).is_ok());
        let refused = judge_space(path, 5 << 20);
        let text =
            "only 5 MiB are free on the disk of /data; make room for at least 64 MiB, then restart";
        assert!(
            matches!(&refused, Err(error @ Error::DiskFull { .. }) if error.to_string() == text)
        );
    }

    /// What a closing store has taken is in the tables when it is gone, whatever its writer was doing.
    #[test]
    fn closing_keeps_every_commit() {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..4u8 {
            let store = Disk::open(directory.path()).unwrap();
            for index in 0..9u8 {
                let key = vec![round, index];
                store
                    .commit(vec![Change::Put(Column::Numbers, key, vec![index; 100])])
                    .unwrap();
            }
            drop(store);
            let store = Disk::open(directory.path()).unwrap();
            for (round, index) in
                (0..=round).flat_map(|round| (0..9).map(move |index| (round, index)))
            {
                let value = store.get(Column::Numbers, &[round, index]).unwrap();
                assert_eq!(value, Some(vec![index; 100]));
            }
        }
    }

    #[test]
    fn a_node_goes_with_its_last_owner() {
        let directory = tempfile::tempdir().unwrap();
        let store = Disk::open(directory.path()).unwrap();
        let node = crate::Hash::repeat_byte(7);
        let held = |store: &Disk| store.get(Column::Nodes, node.as_bytes()).unwrap().is_some();
        let retain = || Change::Retain(node, vec![1; 40]);
        store.commit(vec![retain(), retain()]).unwrap();
        store.commit(vec![Change::Release(node)]).unwrap();
        drop(store);
        let store = Disk::open(directory.path()).unwrap();
        assert!(held(&store));
        store.commit(vec![retain(), Change::Release(node)]).unwrap();
        assert!(held(&store));
        store.commit(vec![Change::Release(node)]).unwrap();
        drop(store);
        assert!(!held(&Disk::open(directory.path()).unwrap()));
    }
}
