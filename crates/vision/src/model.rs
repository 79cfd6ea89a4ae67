//! A model: a network with its labels, loaded from a directory in Hugging Face's layout.
//!
//! One small model comes inside the program ([`Source::Shipped`]); it is the repository's `models/stoa-shapes`.
//!
//! | file | holds |
//! |---|---|
//! | `config.json` | the network's shape and its labels: [`Config`] |
//! | `model.safetensors` | the weights |

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::network::{Config, Network};
use crate::picture::Picture;
use crate::weights::Weights;

/// The name of the model inside the program.
pub const SHIPPED: &str = "stoa-shapes";

/// The longest weight file read.
const WEIGHTS_BYTES_MAX: u64 = 1 << 30;

/// A label with its probability, as Hugging Face's image classification gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// What the picture may show.
    pub label: String,
    /// How probable it is, from 0 to 1.
    pub score: f64,
}

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The one inside the program.
    Shipped,
    /// A directory.
    Folder(PathBuf),
}

impl From<&Path> for Source {
    /// [`SHIPPED`] names the model inside the program, anything else a directory.
    fn from(path: &Path) -> Self {
        if path == Path::new(SHIPPED) {
            Self::Shipped
        } else {
            Self::Folder(path.to_owned())
        }
    }
}

impl Source {
    fn path(&self, file: &str) -> PathBuf {
        match self {
            Self::Shipped => Path::new(SHIPPED).join(file),
            Self::Folder(folder) => folder.join(file),
        }
    }

    fn get(&self, file: &str) -> Result<Cow<'static, [u8]>, Error> {
        match self {
            Self::Shipped => Ok(Cow::Borrowed(match file {
                "config.json" => include_bytes!("../../../models/stoa-shapes/config.json"),
                _ => include_bytes!("../../../models/stoa-shapes/model.safetensors"),
            })),
            Self::Folder(folder) => {
                let path = folder.join(file);
                let read = || {
                    let length = std::fs::metadata(&path)?.len();
                    if WEIGHTS_BYTES_MAX < length {
                        return Err(std::io::Error::other("it is longer than a gibibyte"));
                    }
                    std::fs::read(&path)
                };
                match read() {
                    Ok(bytes) => Ok(Cow::Owned(bytes)),
                    Err(source) => Err(Error::Read { path, source }),
                }
            }
        }
    }

    /// Reads the labels and the network's shape, without its weights.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or describes no network that can be built.
    pub fn config(&self) -> Result<Config, Error> {
        let path = self.path("config.json");
        let config: Config =
            serde_json::from_slice(&self.get("config.json")?).map_err(|error| Error::Config {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        match config.check() {
            Ok(()) => Ok(config),
            Err(reason) => Err(Error::Config { path, reason }),
        }
    }
}

/// A network with its labels.
pub struct Model {
    network: Network,
    labels: Vec<String>,
}

impl Model {
    /// Loads a model.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or the weights are not those of the network described.
    pub fn load(source: &Source) -> Result<Self, Error> {
        let config = source.config()?;
        let bytes = source.get("model.safetensors")?;
        let weights = Weights::new(&bytes, &source.path("model.safetensors"))?;
        let network = Network::build(config, &mut |name, shape| weights.take(name, shape))?;
        Ok(Self::of(network))
    }

    pub(crate) fn of(network: Network) -> Self {
        let labels = network.config().labels();
        Self { network, labels }
    }

    /// An untrained model over labels: well formed, and worth nothing.
    ///
    /// # Errors
    ///
    /// Those of arithmetic.
    pub fn untrained(config: &Config, rng: &mut impl rand::Rng) -> Result<Self, Error> {
        let variables = crate::network::variables(config, rng)?;
        let network = Network::build(config.clone(), &mut |name, _| {
            Ok(variables[name].as_detached_tensor())
        })?;
        Ok(Self::of(network))
    }

    /// The labels, in order of their numbers.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The network's shape.
    pub fn config(&self) -> &Config {
        self.network.config()
    }

    /// The probability of each label, in order of their numbers.
    ///
    /// # Errors
    ///
    /// Those of arithmetic.
    pub fn read(&self, picture: &Picture) -> Result<Vec<f32>, Error> {
        self.network.read(picture)
    }

    /// Every label with its probability, the most probable first; equals in order of their numbers.
    ///
    /// # Errors
    ///
    /// Those of arithmetic.
    pub fn classify(&self, picture: &Picture) -> Result<Vec<Guess>, Error> {
        let shares = self.read(picture)?;
        let mut guesses: Vec<Guess> = self
            .labels
            .iter()
            .zip(shares)
            .map(|(label, share)| Guess {
                label: label.clone(),
                score: f64::from(share),
            })
            .collect();
        guesses.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(guesses)
    }

    /// [`Model::classify`] for many pictures, on up to `threads` threads. Answers do not depend on how many.
    ///
    /// # Errors
    ///
    /// Those of arithmetic.
    pub fn classify_all(
        &self,
        pictures: &[Picture],
        threads: usize,
    ) -> Result<Vec<Vec<Guess>>, Error> {
        let part = pictures.len().div_ceil(threads.max(1)).max(1);
        let look = |pictures: &[Picture]| -> Result<Vec<_>, Error> {
            pictures
                .iter()
                .map(|picture| self.classify(picture))
                .collect()
        };
        let parts: Result<Vec<Vec<_>>, Error> = std::thread::scope(|scope| {
            let running: Vec<_> = pictures
                .chunks(part)
                .map(|part| scope.spawn(move || look(part)))
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().expect("classifying does not panic"))
                .collect()
        });
        Ok(parts?.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests;
