//! A folder of pictures: a directory for each label.
//!
//! Hidden files are passed over; anything else that is no picture stops the reading with its name, because a data set that is
//! half read is a wrong data set. [`list`] alone finds the files; `Folder` also decodes them.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::error::Error;
use crate::picture::{BYTES_MAX, Picture, Refusal};

/// The most pictures read.
pub const PICTURES_MAX: usize = 200_000;
/// The most labels.
pub const LABELS_MAX: usize = 1000;
/// The longest side of a picture that was taken again.
pub const RETAKEN_SIDE_MAX: u32 = 768;
/// The part of a side that may be cropped at either end.
const CROP: f64 = 0.04;

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
        let name = directory
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let files: Vec<PathBuf> = entries(&directory)?
            .into_iter()
            .filter(|file| file.is_file())
            .collect();
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
        return Err(refuse(format!(
            "it holds {count} pictures, the limit is {PICTURES_MAX}"
        )));
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
    let refuse = |reason: String| Error::Folder {
        path: path.to_owned(),
        reason,
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if (BYTES_MAX as u64) < length {
        return Err(refuse(Refusal::TooLong(length as usize).to_string()));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let picture = Picture::decode(&bytes).map_err(|refusal| refuse(refusal.to_string()))?;
    Ok((bytes, picture))
}

/// A picture as if it had been taken again: its edges cropped a little, no side longer than [`RETAKEN_SIDE_MAX`], stored anew.
/// So a picture that is asked about twice is not told by its bytes.
///
/// # Panics
///
/// When the file is no picture that [`read`] would have taken.
pub fn retake(file: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let picture = Picture::decode(file).expect("the file was decoded when it was read");
    let mut edge = |length: u32| rng.random_range(0..=(f64::from(length) * CROP) as u32);
    let (left, right) = (edge(picture.width()), edge(picture.width()));
    let (top, bottom) = (edge(picture.height()), edge(picture.height()));
    let (width, height) = (
        picture.width() - left - right,
        picture.height() - top - bottom,
    );
    let image = RgbImage::from_raw(picture.width(), picture.height(), picture.rgb().to_vec());
    let image = image.expect("a picture has three bytes a pixel");
    let mut image = imageops::crop_imm(&image, left, top, width, height).to_image();
    let longest = width.max(height);
    if RETAKEN_SIDE_MAX < longest {
        let side = |length: u32| (length * RETAKEN_SIDE_MAX / longest).max(1);
        image = imageops::resize(&image, side(width), side(height), FilterType::Triangle);
    }
    let mut out = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut out, rng.random_range(82..=96))
        .encode_image(&image)
        .expect("a picture of a bounded size can be stored in memory");
    out.into_inner()
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
            return Err(Error::Options(
                "held-out must be at most 90 of a hundred".into(),
            ));
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
                    reason: format!(
                        "{label} needs two pictures: one to learn from, one to hold out"
                    ),
                });
            }
            files.shuffle(&mut rng);
            let kept_back = (files.len() * percent / 100).max(1);
            for (index, file) in files.iter().enumerate() {
                let (_, picture) = read(file)?;
                let part = if index < kept_back {
                    &mut folder.held_out
                } else {
                    &mut folder.trained
                };
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
