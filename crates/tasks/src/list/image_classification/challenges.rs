//! Where challenges come from: the drawing table, or a private folder.
//!
//! Every label is drawn as often as any other, whatever the folder holds of each.

use std::path::Path;

use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use vision::scene::{self, SHAPES};
use vision::train::folder;

use crate::SetupError;

/// The most bytes of a private folder; its files are kept in memory, so that asking does not wait for a disk.
const FOLDER_BYTES_MAX: usize = 512 * 1024 * 1024;

/// A source of pictures whose labels it knows.
pub(super) enum Challenges {
    /// Drawn pictures; the number of each shape among the model's labels.
    Drawn([usize; SHAPES.len()]),
    /// Files, by label.
    Folder(Vec<Labelled>),
    /// A model that does not know the drawn labels, and no folder: enough for a miner, who asks nobody.
    Nothing,
}

/// The pictures of one label.
pub(super) struct Labelled {
    /// The label's number among the model's.
    label: usize,
    files: Vec<Vec<u8>>,
}

impl Challenges {
    /// Opens a folder, or the drawing table.
    pub(super) fn open(folder: Option<&Path>, labels: &[String]) -> Result<Self, SetupError> {
        let number = |name: &str| labels.iter().position(|label| label == name);
        let Some(path) = folder else {
            let numbers: Option<Vec<usize>> =
                SHAPES.iter().map(|shape| number(shape.name())).collect();
            let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
            return Ok(numbers.map_or(Self::Nothing, Self::Drawn));
        };
        let unusable = |error: vision::Error| SetupError::Unusable(error.to_string());
        let mut all = Vec::new();
        let mut bytes = 0;
        for (name, paths) in folder::list(path).map_err(unusable)? {
            let label = number(&name).ok_or_else(|| {
                SetupError::Unusable(format!(
                    "{} holds pictures of {name}, which the model does not know; it knows {}",
                    path.display(),
                    labels.join(", ")
                ))
            })?;
            let mut files = Vec::new();
            for path in paths {
                let (file, _) = folder::read(&path).map_err(unusable)?;
                bytes += file.len();
                files.push(file);
            }
            all.push(Labelled { label, files });
        }
        if FOLDER_BYTES_MAX < bytes {
            return Err(SetupError::Unusable(format!(
                "{} holds {bytes} bytes of pictures, the limit is {FOLDER_BYTES_MAX}",
                path.display()
            )));
        }
        Ok(Self::Folder(all))
    }

    /// Refuses to judge with nothing to ask about.
    pub(super) fn expect_some(&self) -> Result<(), SetupError> {
        match self {
            Self::Nothing => Err(SetupError::Unusable(
                "the model does not know all shapes that are drawn as challenges; give pictures of its own labels \
                 with --challenges"
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    /// A picture's file, and the number of its label.
    pub(super) fn draw(&self, rng: &mut ChaCha20Rng) -> (usize, Vec<u8>) {
        match self {
            Self::Drawn(numbers) => {
                let drawing = scene::draw(rng);
                (numbers[drawing.shape as usize], drawing.file)
            }
            Self::Folder(all) => {
                let Labelled { label, files } = &all[rng.random_range(0..all.len())];
                let file = &files[rng.random_range(0..files.len())];
                (*label, folder::retake(file, rng))
            }
            Self::Nothing => unreachable!("a judge that has nothing to ask about is not opened"),
        }
    }
}
