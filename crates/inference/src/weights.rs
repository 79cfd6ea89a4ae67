//! Reads and writes tensors as safetensors, the format of Hugging Face checkpoints.
//!
//! Files are read into memory, not mapped: a mapping of a file that somebody truncates kills the process. Each
//! tensor is widened to 32-bit floats when it is taken, since that is what the network computes in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Deserialize;

use crate::error::Error;

/// One file's bytes, checked to hold what its header says.
pub(crate) struct Shard {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// The tensors of a checkpoint, in one file or several.
pub(crate) struct Weights {
    shards: Vec<Shard>,
}

/// `model.safetensors.index.json`: which tensor is in which file.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Weights {
    /// Reads `model.safetensors`, or all the files that `model.safetensors.index.json` names.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let single = folder.join("model.safetensors");
        let index = folder.join("model.safetensors.index.json");
        if single.exists() || !index.exists() {
            return Ok(Self {
                shards: vec![Shard::read(single)?],
            });
        }
        let parsed: Index =
            serde_json::from_slice(&read(&index)?).map_err(|error| Error::TornWeights {
                path: index.clone(),
                reason: error.to_string(),
            })?;
        let mut files: Vec<&String> = parsed.weight_map.values().collect();
        files.sort();
        files.dedup();
        let shards = files
            .into_iter()
            .map(|file| Shard::read(inside(folder, file, &index)?));
        Ok(Self {
            shards: shards.collect::<Result<_, _>>()?,
        })
    }

    /// Holds one file's bytes.
    pub(crate) fn from_bytes(bytes: Vec<u8>, origin: &Path) -> Result<Self, Error> {
        Ok(Self {
            shards: vec![Shard::new(origin.to_owned(), bytes)?],
        })
    }

    /// Takes a tensor of a known shape, as 32-bit floats.
    pub(crate) fn take(&self, name: &str, expected: &[usize]) -> Result<Tensor, Error> {
        for shard in &self.shards {
            let tensors = shard.tensors()?;
            let Ok(view) = tensors.tensor(name) else {
                continue;
            };
            if view.shape() != expected {
                return Err(Error::TensorShape {
                    name: name.into(),
                    found: view.shape().to_vec(),
                    expected: expected.to_vec(),
                });
            }
            return Ok(Tensor::from_vec(
                widen(name, &view)?,
                expected,
                &Device::Cpu,
            )?);
        }
        Err(Error::MissingTensor {
            name: name.into(),
            expected: expected.to_vec(),
        })
    }
}

impl Shard {
    fn read(path: PathBuf) -> Result<Self, Error> {
        let bytes = read(&path)?;
        Self::new(path, bytes)
    }

    fn new(path: PathBuf, bytes: Vec<u8>) -> Result<Self, Error> {
        let shard = Self { path, bytes };
        shard.tensors()?;
        Ok(shard)
    }

    fn tensors(&self) -> Result<SafeTensors<'_>, Error> {
        SafeTensors::deserialize(&self.bytes).map_err(|error| Error::TornWeights {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }
}

/// A file an index names, which may only lie beside it.
fn inside(folder: &Path, file: &str, index: &Path) -> Result<PathBuf, Error> {
    if Path::new(file).components().count() == 1 && !file.starts_with('.') {
        return Ok(folder.join(file));
    }
    let reason = format!("it names {file}, which is not a file beside it");
    Err(Error::TornWeights {
        path: index.to_owned(),
        reason,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

fn widen(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, Error> {
    let data = view.data();
    match view.dtype() {
        Dtype::F32 => Ok(data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()),
        Dtype::F16 => Ok(data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f16::from_le_bytes(*bytes).to_f32())
            .collect()),
        Dtype::BF16 => Ok(data
            .as_chunks()
            .0
            .iter()
            .map(|bytes| bf16::from_le_bytes(*bytes).to_f32())
            .collect()),
        other => Err(Error::TensorType {
            name: name.into(),
            found: format!("{other:?}"),
        }),
    }
}

/// Number formats in which weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredAs {
    /// 32 bits, as computed.
    F32,
    /// 16 bits with 11 of precision.
    F16,
    /// 16 bits with 8 of precision and the range of 32.
    Bf16,
}

impl StoredAs {
    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
        }
    }

    /// The word for it in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    fn narrow(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
            Self::F16 => values
                .iter()
                .flat_map(|value| f16::from_f32(*value).to_le_bytes())
                .collect(),
            Self::Bf16 => values
                .iter()
                .flat_map(|value| bf16::from_f32(*value).to_le_bytes())
                .collect(),
        }
    }
}

/// Writes tensors as one file, in the order of their names.
pub(crate) fn write(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    stored_as: StoredAs,
) -> Result<(), Error> {
    let torn = |reason: String| Error::TornWeights {
        path: path.to_owned(),
        reason,
    };
    let mut narrowed = Vec::new();
    for (name, tensor) in tensors {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        narrowed.push((name, tensor.dims().to_vec(), stored_as.narrow(&values)));
    }
    let mut views = Vec::new();
    for (name, shape, bytes) in &narrowed {
        let view = TensorView::new(stored_as.dtype(), shape.clone(), bytes)
            .map_err(|error| torn(error.to_string()))?;
        views.push((*name, view));
    }
    let format = std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes =
        safetensors::serialize(views, Some(format)).map_err(|error| torn(error.to_string()))?;
    std::fs::write(path, bytes).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(stored_as: StoredAs) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let tensor = Tensor::from_vec(vec![1f32, -2.5, 0.125, 3.0], (2, 2), &Device::Cpu).unwrap();
        write(
            &path,
            &BTreeMap::from([("a".to_owned(), tensor)]),
            stored_as,
        )
        .unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn every_stored_format_reads_back() {
        for stored_as in [StoredAs::F32, StoredAs::F16, StoredAs::Bf16] {
            let weights = Weights::from_bytes(written(stored_as), Path::new("memory")).unwrap();
            let tensor = weights.take("a", &[2, 2]).unwrap();
            assert_eq!(
                tensor.to_vec2::<f32>().unwrap(),
                [[1.0, -2.5], [0.125, 3.0]]
            );
        }
    }

    #[test]
    fn a_torn_file_is_refused_wherever_it_is_cut() {
        let whole = written(StoredAs::F16);
        for length in 0..whole.len() {
            let refused =
                Weights::from_bytes(whole[..length].to_vec(), Path::new("cut.safetensors"));
            let message = refused.err().expect("a cut file").to_string();
            assert!(
                message.contains("cut.safetensors is torn"),
                "{length}: {message}"
            );
        }
    }

    #[test]
    fn a_missing_and_a_misshapen_tensor_are_named_with_their_shapes() {
        let weights = Weights::from_bytes(written(StoredAs::F32), Path::new("memory")).unwrap();
        let missing = weights.take("b", &[3]).unwrap_err().to_string();
        assert!(
            missing.contains("tensor b") && missing.contains("[3]"),
            "{missing}"
        );
        let misshapen = weights.take("a", &[4]).unwrap_err().to_string();
        assert!(
            misshapen.contains("[2, 2]") && misshapen.contains("[4]"),
            "{misshapen}"
        );
    }

    #[test]
    fn a_number_format_that_is_not_read_is_named() {
        let bytes = 7i64.to_le_bytes();
        let view = TensorView::new(Dtype::I64, vec![1], &bytes).unwrap();
        let file = safetensors::serialize([("a", view)], None).unwrap();
        let refused = Weights::from_bytes(file, Path::new("memory"))
            .unwrap()
            .take("a", &[1])
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "tensor a is stored as I64; convert it to F32, F16 or BF16"
        );
    }

    #[test]
    fn shards_are_found_through_their_index_and_only_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("model.safetensors.index.json");
        std::fs::write(
            folder.path().join("one.safetensors"),
            written(StoredAs::F32),
        )
        .unwrap();
        std::fs::write(&index, r#"{"weight_map": {"a": "one.safetensors"}}"#).unwrap();
        assert!(
            Weights::read(folder.path())
                .unwrap()
                .take("a", &[2, 2])
                .is_ok()
        );
        std::fs::write(&index, r#"{"weight_map": {"a": "../one.safetensors"}}"#).unwrap();
        assert!(Weights::read(folder.path()).is_err());
    }
}
