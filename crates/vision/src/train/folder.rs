//! A folder of pictures: a directory for each label.
//!
//! Hidden files are passed over; anything else that is no picture stops the reading with its name, because a data set that is
//! half read is a wrong data set. [`list`] alone finds the files; [`Folder`] also decodes them.

use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha12Rng;

use crate::error::Error;
use crate::picture::{BYTES_MAX, Picture};

/// The most pictures read.
pub const PICTURES_MAX: usize = 200_000;
/// The most labels.
pub const LABELS_MAX: usize = 1000;

/// The labels of a folder, in order of their names, and the files of each.
///
/// # Errors
///
/// When it cannot be read, or has fewer than two labels, a label without pictures, or too many of either.
pub fn list(path: &Path) -> Result<Vec<(String, Vec<PathBuf>)>, Error> {
    let refuse = |reason: String| Error::Folder {
        path: path.to_owned(),
        reason,
    };
    let mut labels = Vec::new();
    let mut count = 0;
    for directory in entries(path)? {
        if !directory.is_dir() {
            continue;
        }
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files: Vec<PathBuf> =
            entries(&directory)?.into_iter().filter(|file| file.is_file()).collect();
        if files.is_empty() {
            return Err(refuse(format!("the directory {name} holds no pictures")));
        }
        count += files.len();
        labels.push((name, files));
    }
    if labels.len() < 2 || LABELS_MAX < labels.len() {
        let found = labels.len();
        return Err(refuse(format!(
            "it must hold a directory of pictures for each label, 2 to {LABELS_MAX} of them; found {found}"
        )));
    }
    if PICTURES_MAX < count {
        return Err(refuse(format!("it holds {count} pictures, the limit is {PICTURES_MAX}")));
    }
    Ok(labels)
}

/// Reads a picture of a folder.
///
/// # Errors
///
/// When it cannot be read, or is not taken as a picture.
pub fn read(path: &Path) -> Result<(Vec<u8>, Picture), Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    let refuse = |reason: String| Error::Folder {
        path: path.to_owned(),
        reason,
    };
    if BYTES_MAX as u64 * 16 < length {
        return Err(refuse(format!("it has {length} bytes")));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let picture = Picture::decode(&bytes).map_err(|refusal| refuse(refusal.to_string()))?;
    Ok((bytes, picture))
}

/// What a directory holds but for hidden files, in order of name.
fn entries(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// A data set, decoded and squeezed to the network's size, in two parts.
pub(super) struct Folder {
    labels: Vec<String>,
    trained: Vec<(usize, Picture)>,
    held_out: Vec<(usize, Picture)>,
}

impl Folder {
    /// Reads a folder, and holds out so many of a hundred pictures of each label, at least one.
    pub(super) fn read(path: &Path, side: usize, percent: usize, seed: u64) -> Result<Self, Error> {
        if 90 < percent {
            return Err(Error::Options("held-out must be at most 90 of a hundred".into()));
        }
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut folder = Self {
            labels: Vec::new(),
            trained: Vec::new(),
            held_out: Vec::new(),
        };
        for (label, mut files) in list(path)? {
            if files.len() < 2 {
                return Err(Error::Folder {
                    path: path.to_owned(),
                    reason: format!("{label} needs two pictures: one to learn from, one to hold out"),
                });
            }
            files.shuffle(&mut rng);
            let kept_back = (files.len() * percent / 100).max(1);
            for (index, file) in files.iter().enumerate() {
                let (_, picture) = read(file)?;
                let part = if index < kept_back { &mut folder.held_out } else { &mut folder.trained };
                part.push((folder.labels.len(), picture.scaled(side as u32)));
            }
            folder.labels.push(label);
        }
        Ok(folder)
    }

    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    pub(super) fn trained(&self) -> &[(usize, Picture)] {
        &self.trained
    }

    pub(super) fn held_out(&self) -> &[(usize, Picture)] {
        &self.held_out
    }
}
