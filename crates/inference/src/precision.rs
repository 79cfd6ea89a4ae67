//! The number formats in which a network may be computed, and what each does to its numbers.
//!
//! Miners run the same weights on different hardware, in different formats; a grader has to know how far their logits may
//! honestly lie from its own, and how far those of a cheaper format do. This network computes in 32-bit floats; here its
//! numbers are rounded as the other formats would round them, and the sums stay 32-bit, as they do in the units that
//! multiply halves. So one program can measure all of them against each other (`stoa calibrate text`).
//!
//! | format | weights | what flows between projections |
//! |---|---|---|
//! | [`F32`](Precision::F32) | as stored | 32 bits |
//! | [`F16`](Precision::F16) | 11 bits of precision | 11 bits |
//! | [`Bf16`](Precision::Bf16) | 8 bits of precision | 8 bits |
//! | [`Bf16Weights`](Precision::Bf16Weights) | 8 bits of precision | 32 bits |
//! | [`Int8`](Precision::Int8) | 8-bit steps, a scale for every 32 weights of a row | 32 bits |
//! | [`Int4`](Precision::Int4) | 4-bit steps, a scale for every 32 weights of a row | 32 bits |
//!
//! The integer formats round the blocks' matrices only and leave embedding, output layer and norms alone, as the
//! quantised files in use do: the difference that is hardest to see.

use std::fmt;
use std::str::FromStr;

use candle_core::Tensor;
use half::{bf16, f16};

use crate::error::Error;

/// So many weights of a row share a scale in the integer formats.
const GROUP: usize = 32;

/// How numbers are rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Not at all.
    #[default]
    F32,
    /// Weights and activations to 16 bits, more precision.
    F16,
    /// Weights and activations to 16 bits, more range.
    Bf16,
    /// Weights to 16 bits, more range; activations not.
    Bf16Weights,
    /// Matrices to 255 steps.
    Int8,
    /// Matrices to 15 steps.
    Int4,
}

impl Precision {
    /// All formats.
    pub const ALL: [Self; 6] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Bf16Weights,
        Self::Int8,
        Self::Int4,
    ];

    /// The format's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Bf16Weights => "bf16-weights",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
        }
    }

    /// A tensor of the network as this format keeps it.
    pub(crate) fn weight(self, name: &str, tensor: Tensor) -> Result<Tensor, Error> {
        let is_block_matrix = name.contains("layers") && tensor.rank() == 2;
        match self {
            Self::F32 => Ok(tensor),
            Self::F16 => rounded(&tensor, to_f16),
            Self::Bf16 | Self::Bf16Weights => rounded(&tensor, to_bf16),
            Self::Int8 if is_block_matrix => stepped(&tensor, 127.0),
            Self::Int4 if is_block_matrix => stepped(&tensor, 7.0),
            Self::Int8 | Self::Int4 => Ok(tensor),
        }
    }

    /// What flows from one projection to the next, as this format carries it.
    pub(crate) fn activation(self, tensor: Tensor) -> Result<Tensor, Error> {
        match self {
            Self::F16 => rounded(&tensor, to_f16),
            Self::Bf16 => rounded(&tensor, to_bf16),
            Self::F32 | Self::Bf16Weights | Self::Int8 | Self::Int4 => Ok(tensor),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("{name} is no number format; known are {known}")
        })
    }
}

fn to_f16(value: f32) -> f32 {
    f16::from_f32(value).to_f32()
}

fn to_bf16(value: f32) -> f32 {
    bf16::from_f32(value).to_f32()
}

fn rounded(tensor: &Tensor, round: fn(f32) -> f32) -> Result<Tensor, Error> {
    let mut values = tensor.flatten_all()?.to_vec1::<f32>()?;
    for value in &mut values {
        *value = round(*value);
    }
    Ok(Tensor::from_vec(values, tensor.shape(), tensor.device())?)
}

/// Every group of a row on `2 · steps + 1` evenly spaced values up to its largest.
fn stepped(tensor: &Tensor, steps: f32) -> Result<Tensor, Error> {
    let (_, width) = tensor.dims2()?;
    let mut values = tensor.flatten_all()?.to_vec1::<f32>()?;
    for row in values.chunks_mut(width) {
        for group in row.chunks_mut(GROUP) {
            let largest = group.iter().fold(0f32, |most, value| most.max(value.abs()));
            let scale = largest / steps;
            if scale > 0.0 {
                for value in group {
                    *value = (*value / scale).round() * scale;
                }
            }
        }
    }
    Ok(Tensor::from_vec(values, tensor.shape(), tensor.device())?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn after(format: Precision, name: &str) -> Vec<f32> {
        let values: Vec<f32> = (0..64)
            .map(|i| ((i * 37 % 64) as f32 - 31.3) / 17.0)
            .collect();
        let tensor = Tensor::from_vec(values, (2, 32), &Device::Cpu).unwrap();
        let rounded = format.weight(name, tensor).unwrap();
        rounded.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn distance(format: Precision, name: &str) -> f32 {
        let plain = after(Precision::F32, name);
        let pairs = plain.iter().zip(after(format, name));
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn coarser_formats_are_further_away() {
        let name = "model.layers.0.mlp.up_proj.weight";
        let order = [
            Precision::F16,
            Precision::Bf16,
            Precision::Int8,
            Precision::Int4,
        ];
        let distances = order.map(|format| distance(format, name));
        assert!(distances[0] > 0.0 && distances.is_sorted(), "{distances:?}");
        assert_eq!(
            distance(Precision::Bf16, name),
            distance(Precision::Bf16Weights, name)
        );
    }

    #[test]
    fn integer_formats_leave_the_ends_of_the_network_alone() {
        assert_eq!(distance(Precision::Int4, "model.embed_tokens.weight"), 0.0);
        assert!(distance(Precision::Int4, "model.layers.3.self_attn.q_proj.weight") > 0.0);
    }

    #[test]
    fn four_bits_leave_fifteen_values_in_a_group() {
        let mut values = after(Precision::Int4, "model.layers.0.mlp.up_proj.weight");
        values.truncate(GROUP);
        values.sort_by(f32::total_cmp);
        values.dedup();
        assert!(values.len() <= 15, "{values:?}");
    }

    #[test]
    fn formats_are_read_by_their_names() {
        for format in Precision::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let refused = "fp4".parse::<Precision>().unwrap_err();
        assert!(
            refused.contains("fp4") && refused.contains("int4"),
            "{refused}"
        );
    }
}
