//! What can go wrong between a picture and its name, in words that say what to do.

use std::path::PathBuf;

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why the operating system refused.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why the operating system refused.
        source: std::io::Error,
    },
    /// `config.json` describes no network this crate can build.
    #[error("{} does not describe a ConvNeXt classifier: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is missing or out of bounds.
        reason: String,
    },
    /// The weight file is not safetensors, or is cut short.
    #[error("{} holds no weights: {reason}", path.display())]
    TornWeights {
        /// The file.
        path: PathBuf,
        /// What the reader tripped over.
        reason: String,
    },
    /// The weight file lacks a tensor.
    #[error("the weights lack {name}, of shape {expected:?}")]
    MissingTensor {
        /// Its name.
        name: String,
        /// Its shape by the configuration.
        expected: Vec<usize>,
    },
    /// A tensor is not of the shape that the configuration says.
    #[error("{name} is of shape {found:?}, the configuration says {expected:?}")]
    TensorShape {
        /// Its name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// Its shape by the configuration.
        expected: Vec<usize>,
    },
    /// A folder of pictures is no data set.
    #[error("{} cannot be learned from: {reason}", path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What to change.
        reason: String,
    },
    /// Options that make no sense together.
    #[error("{0}")]
    Options(String),
    /// Arithmetic on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}
