//! Reads and writes tensors as safetensors, the format of Hugging Face checkpoints.
//!
//! Each tensor is widened to 32-bit floats when it is taken, since that is what the network computes in, and narrowed to
//! 16 bits when it is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::Error;

/// One file's bytes, checked to hold what its header says.
pub(crate) struct Weights<'a> {
    tensors: SafeTensors<'a>,
    path: PathBuf,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(bytes: &'a [u8], path: &Path) -> Result<Self, Error> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| torn(path, &error))?;
        Ok(Self {
            tensors,
            path: path.to_owned(),
        })
    }

    /// Takes a tensor of a known shape, as 32-bit floats.
    pub(crate) fn take(&self, name: &str, expected: &[usize]) -> Result<Tensor, Error> {
        let Ok(view) = self.tensors.tensor(name) else {
            return Err(Error::MissingTensor {
                name: name.into(),
                expected: expected.to_vec(),
            });
        };
        if view.shape() != expected {
            return Err(Error::TensorShape {
                name: name.into(),
                found: view.shape().to_vec(),
                expected: expected.to_vec(),
            });
        }
        let values = widen(&view).ok_or_else(|| {
            let reason = format!("{name} is of the type {:?}", view.dtype());
            torn(&self.path, &reason)
        })?;
        if !values.iter().all(|value| value.is_finite()) {
            return Err(torn(
                &self.path,
                &format!("{name} is not finite everywhere"),
            ));
        }
        Ok(Tensor::from_vec(values, expected, &Device::Cpu)?)
    }
}

fn torn(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::TornWeights {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn widen(view: &TensorView) -> Option<Vec<f32>> {
    let pairs = || view.data().chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    match view.dtype() {
        Dtype::F16 => Some(
            pairs()
                .map(|pair| f16::from_le_bytes(pair).to_f32())
                .collect(),
        ),
        Dtype::BF16 => Some(
            pairs()
                .map(|pair| bf16::from_le_bytes(pair).to_f32())
                .collect(),
        ),
        Dtype::F32 => {
            let fours = view.data().chunks_exact(4);
            Some(
                fours
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect(),
            )
        }
        _ => None,
    }
}

/// Tensors as a safetensors file of 16-bit floats.
pub(crate) fn pack(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, Error> {
    let mut narrowed = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| f16::from_f32(*value).to_le_bytes())
            .collect();
        narrowed.push((name.clone(), tensor.dims().to_vec(), bytes));
    }
    let views = narrowed.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F16, shape.clone(), bytes)
            .expect("two bytes were written for each element");
        (name.clone(), view)
    });
    Ok(safetensors::serialize(views, None)
        .expect("names are plain and shapes agree with the bytes they came from"))
}
