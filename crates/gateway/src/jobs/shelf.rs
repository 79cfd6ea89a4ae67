//! Where jobs are kept: one JSON file each in a folder, or nowhere.
//!
//! # The rule
//!
//! * A job is the file `NAME.json`. It is written beside as `NAME.tmp`, brought to the disk, and renamed: at any moment the file
//!   is either the job before a change or after it.
//! * At the start every file is read. One that is not a job (torn by a failing disk, edited by hand, from another
//!   version) is renamed to `NAME.torn` with a warning, and is in nobody's way. What was being written is removed.
//! * Without a folder jobs live as long as the process.
//!
//! Everything here blocks, and belongs on a thread that may wait.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::jobs::record::{Job, JobId};

/// No job's file is longer: the longest answer with what is around it.
const FILE_BYTES_MAX: u64 = 2 * protocol::WORK_BYTES_MAX as u64;
/// Most files looked at when starting.
const FILES_MAX: usize = 65_536;

/// A folder of jobs, or none.
#[derive(Debug)]
pub struct Shelf {
    folder: Option<PathBuf>,
}

/// Why a folder cannot hold jobs.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep jobs in {folder}: {reason}; choose another folder with --data-dir")]
pub struct ShelfError {
    /// The folder.
    pub folder: PathBuf,
    /// What the system said.
    pub reason: io::Error,
}

impl Shelf {
    /// Opens the folder, making it if need be, and reads the jobs in it.
    ///
    /// # Errors
    ///
    /// [`ShelfError`] if it cannot be made or listed. A file that cannot be read is only set aside.
    pub fn open(folder: Option<&Path>) -> Result<(Self, Vec<Job>), ShelfError> {
        let Some(folder) = folder else {
            return Ok((Self { folder: None }, Vec::new()));
        };
        let jobs = read_all(folder).map_err(|reason| ShelfError {
            folder: folder.to_owned(),
            reason,
        })?;
        let folder = Some(folder.to_owned());
        Ok((Self { folder }, jobs))
    }

    /// Writes a job.
    ///
    /// # Errors
    ///
    /// What the system said; then the file is as it was.
    pub fn put(&self, job: &Job) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let beside = folder.join(format!("{}.tmp", job.id));
        let json = serde_json::to_vec(job)?;
        let written = write(&beside, &json)
            .and_then(|()| fs::rename(&beside, path(folder, job.id)))
            .and_then(|()| File::open(folder)?.sync_all());
        if written.is_err() {
            // A half-written file is of no use to anyone; the next start removes what cannot be removed now.
            drop(fs::remove_file(&beside));
        }
        written
    }

    /// Forgets a job.
    ///
    /// # Errors
    ///
    /// What the system said, unless there is no such file.
    pub fn remove(&self, id: JobId) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        match fs::remove_file(path(folder, id)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn path(folder: &Path, id: JobId) -> PathBuf {
    folder.join(format!("{id}.json"))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read_all(folder: &Path) -> io::Result<Vec<Job>> {
    fs::create_dir_all(folder)?;
    let mut jobs = Vec::new();
    for entry in fs::read_dir(folder)?.take(FILES_MAX) {
        let path = entry?.path();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("tmp") => drop(fs::remove_file(&path)),
            Some("json") => match read(&path) {
                Ok(job) => jobs.push(job),
                Err(reason) => set_aside(&path, &reason),
            },
            _ => {}
        }
    }
    Ok(jobs)
}

fn read(path: &Path) -> Result<Job, String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if FILE_BYTES_MAX < length {
        return Err(format!("{length} bytes are too many"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let job: Job = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let name = path.file_stem().and_then(|name| name.to_str());
    match name == Some(job.id.to_string().as_str()) {
        true => Ok(job),
        false => Err("the file has another name than its job".into()),
    }
}

fn set_aside(path: &Path, reason: &str) {
    let aside = path.with_extension("torn");
    tracing::warn!(file = %path.display(), reason, aside = %aside.display(), "not a job; set aside");
    if let Err(error) = fs::rename(path, &aside) {
        tracing::warn!(file = %path.display(), %error, "cannot be set aside");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::record::{Owner, State};

    fn job() -> Job {
        let task = "tour/1".parse().expect("a task");
        let request = r#"{"a":0.1}"#.into();
        Job::new(task, None, Owner::of("key"), request, None, 1000)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().expect("ASCII"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_job_comes_back_as_it_was_last_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("deep/jobs");
        let (shelf, none) = Shelf::open(Some(&place)).expect("made");
        assert_eq!(none, []);
        let (mut kept, dropped) = (job(), job());
        shelf.put(&kept).expect("written");
        shelf.put(&dropped).expect("written");
        kept.figure = Some(-101.3);
        kept.finish(State::Cancelled, 2000);
        shelf.put(&kept).expect("written again");
        shelf.remove(dropped.id).expect("removed");
        shelf.remove(dropped.id).expect("already gone");
        assert_eq!(names(&place), [format!("{}.json", kept.id)]);
        let (_, read) = Shelf::open(Some(&place)).expect("still there");
        assert_eq!(read, [kept]);
    }

    /// A failing disk loses one job, not the gateway.
    #[test]
    fn a_torn_file_is_set_aside_and_the_others_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let (shelf, _) = Shelf::open(Some(folder.path())).expect("open");
        let (whole, torn, moved) = (job(), job(), job());
        for job in [&whole, &torn, &moved] {
            shelf.put(job).expect("written");
        }
        let at = |name: String| folder.path().join(name);
        let file = at(format!("{}.json", torn.id));
        let bytes = fs::read(&file).expect("there");
        fs::write(&file, &bytes[..bytes.len() / 2]).expect("torn");
        let stranger = at(format!("{}.json", JobId::draw()));
        fs::rename(at(format!("{}.json", moved.id)), &stranger).expect("renamed");
        fs::write(at("x.tmp".into()), "half").expect("left behind");
        fs::write(at("README".into()), "hands off").expect("somebody else's");
        let (_, read) = Shelf::open(Some(folder.path())).expect("open");
        assert_eq!(read, std::slice::from_ref(&whole));
        let stranger = stranger.file_stem().expect("a name").to_str();
        let mut expected = vec![
            "README".to_owned(),
            format!("{}.json", whole.id),
            format!("{}.torn", torn.id),
            format!("{}.torn", stranger.expect("ASCII")),
        ];
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn a_folder_that_cannot_be_is_named_with_the_option() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("written");
        let error = Shelf::open(Some(&file.join("jobs"))).expect_err("no folder");
        assert!(error.to_string().contains("--data-dir"), "{error}");
        let (shelf, _) = Shelf::open(None).expect("nowhere");
        shelf.put(&job()).expect("nothing to do");
    }
}
