//! A small residual network of the ConvNeXt family: every part but one is a matrix product.
//!
//! ```text
//!  picture ▶ conv, norm, GELU ▶ conv, norm ▶ block … ▶ norm, conv ▶ block … ▶ mean over positions ▶ norm ▶ labels
//!
//!  conv:  3×3 over every second position, which halves the sides
//!  block: x ▶ 7×7 convolution of each channel ▶ norm ▶ linear ×4 ▶ GELU ▶ linear ▶ scale ▶ + x
//! ```
//!
//! It differs from the family in how sides are halved: by windows that overlap, since a small network with few pictures to
//! learn from has trouble to see an edge alike wherever it falls in a window that does not. Chosen over a classical ResNet
//! because a matrix product runs at several times the speed of a general convolution on one processor core, and over a vision
//! transformer because it learns from fewer pictures.
//!
//! A picture is squeezed to a square; each channel is taken less its mean over the picture, and all are divided by their common
//! deviation. What is left is the drawing, not the light it was seen in.
//!
//! # What always holds
//!
//! * A picture's answer does not depend on what else is in the batch, nor on the number of threads: each picture goes
//!   through alone, in [`Network::read`], and a matrix product on more threads adds up in the same order.
//! * Between kinds of processor the last digits differ, because the width of their arithmetic does.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::{D, Device, Tensor, Var};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::kernels::{self, Activation};
use crate::picture::Picture;

/// What `config.json` calls the family.
pub const FAMILY: &str = "stoa-convnext";
/// How much wider the first stage is than the first convolution.
const STEM_SHARE: usize = 2;
/// Positions in a convolution that halves the sides.
const WINDOW: usize = 9;
/// The side of the convolution in a block.
const KERNEL: usize = 7;
/// How much wider a block is inside.
const WIDENING: usize = 4;
/// The widest a network may be, and the deepest a stage.
const WIDTH_MAX: usize = 2048;
const DEPTH_MAX: usize = 64;
/// The most labels.
const LABELS_MAX: usize = 4096;
/// The smallest and the largest input.
const SIDE_MIN: usize = 8;
const SIDE_MAX: usize = 512;

/// A network's shape and labels: `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// [`FAMILY`].
    pub model_type: String,
    /// 3: red, green and blue.
    #[serde(default = "three")]
    pub num_channels: usize,
    /// The side of the square that pictures are squeezed into.
    pub image_size: usize,
    /// Stages; each halves the sides.
    pub num_stages: usize,
    /// Channels in each stage.
    pub hidden_sizes: Vec<usize>,
    /// Blocks in each stage.
    pub depths: Vec<usize>,
    /// `gelu_new`, or `gelu`, which is read as the same.
    pub hidden_act: String,
    /// Added to the variance in a norm.
    pub layer_norm_eps: f64,
    /// What a block's scale begins with.
    pub layer_scale_init_value: f64,
    /// The labels, by number.
    pub id2label: BTreeMap<usize, String>,
    /// The numbers, by label.
    pub label2id: BTreeMap<String, usize>,
    /// The number format of the weights.
    #[serde(default)]
    pub torch_dtype: Option<String>,
}

fn three() -> usize {
    3
}

impl Config {
    /// A network over `labels`, with as many stages as `widths`.
    pub fn new(labels: &[String], side: usize, widths: &[usize], depths: &[usize]) -> Self {
        let numbered = || labels.iter().cloned().enumerate();
        Self {
            model_type: FAMILY.into(),
            num_channels: 3,
            image_size: side,
            num_stages: widths.len(),
            hidden_sizes: widths.to_vec(),
            depths: depths.to_vec(),
            hidden_act: "gelu_new".into(),
            layer_norm_eps: 1e-6,
            layer_scale_init_value: 1.0,
            id2label: numbered().collect(),
            label2id: numbered().map(|(id, label)| (label, id)).collect(),
            torch_dtype: Some("float16".into()),
        }
    }

    /// Says why no network can be built of this, if none can.
    pub fn check(&self) -> Result<(), String> {
        let stages = self.num_stages;
        let holds = |condition: bool, otherwise: &str| {
            if condition {
                Ok(())
            } else {
                Err(otherwise.to_owned())
            }
        };
        holds(
            self.model_type == FAMILY,
            "model_type must be stoa-convnext",
        )?;
        holds(self.num_channels == 3, "num_channels must be 3")?;
        holds(
            matches!(
                self.hidden_act.as_str(),
                "gelu_new" | "gelu_pytorch_tanh" | "gelu"
            ),
            "hidden_act must be gelu_new or gelu",
        )?;
        holds(
            0 < stages && stages == self.hidden_sizes.len() && stages == self.depths.len(),
            "hidden_sizes and depths must have num_stages entries each",
        )?;
        holds(
            self.hidden_sizes
                .iter()
                .all(|width| (1..=WIDTH_MAX).contains(width)),
            "hidden_sizes must be between 1 and 2048",
        )?;
        holds(
            self.depths.iter().all(|depth| *depth <= DEPTH_MAX),
            "depths must be at most 64",
        )?;
        holds(
            (SIDE_MIN..=SIDE_MAX).contains(&self.image_size),
            "image_size must be between 8 and 512",
        )?;
        holds(
            (2..=LABELS_MAX).contains(&self.id2label.len())
                && self.id2label.keys().copied().eq(0..self.id2label.len()),
            "id2label must number 2 to 4096 labels from 0 on",
        )?;
        let labels: BTreeSet<_> = self.id2label.values().collect();
        holds(
            labels.len() == self.id2label.len(),
            "id2label must not name a label twice",
        )
    }

    /// The labels, in order of their numbers.
    pub fn labels(&self) -> Vec<String> {
        self.id2label.values().cloned().collect()
    }

    /// Every tensor's name, shape and role, in the order of the network.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>, Role)> {
        let mut all = Vec::new();
        let mut add = |name: String, shape: &[usize], role| all.push((name, shape.to_vec(), role));
        let first = self.hidden_sizes[0];
        let stem = first.div_ceil(STEM_SHARE);
        let norm = |add: &mut dyn FnMut(String, &[usize], Role), name: &str, width: usize| {
            add(format!("{name}.weight"), &[width], Role::One);
            add(format!("{name}.bias"), &[width], Role::Zero);
        };
        add("stem.0.weight".into(), &[stem, WINDOW * 3], Role::Matrix);
        add("stem.0.bias".into(), &[stem], Role::Zero);
        norm(&mut add, "stem_norm.0", stem);
        add(
            "stem.1.weight".into(),
            &[first, WINDOW * stem],
            Role::Matrix,
        );
        add("stem.1.bias".into(), &[first], Role::Zero);
        norm(&mut add, "stem_norm.1", first);
        for (stage, (&width, &depth)) in self.hidden_sizes.iter().zip(&self.depths).enumerate() {
            let name = format!("stages.{stage}");
            if 0 < stage {
                let before = self.hidden_sizes[stage - 1];
                norm(&mut add, &format!("{name}.down_norm"), before);
                add(
                    format!("{name}.down.weight"),
                    &[width, WINDOW * before],
                    Role::Matrix,
                );
                add(format!("{name}.down.bias"), &[width], Role::Zero);
            }
            for block in 0..depth {
                let name = format!("{name}.blocks.{block}");
                let inner = WIDENING * width;
                add(
                    format!("{name}.depthwise.weight"),
                    &[width, KERNEL * KERNEL],
                    Role::Matrix,
                );
                add(format!("{name}.depthwise.bias"), &[width], Role::Zero);
                norm(&mut add, &format!("{name}.norm"), width);
                add(
                    format!("{name}.widen.weight"),
                    &[inner, width],
                    Role::Matrix,
                );
                add(format!("{name}.widen.bias"), &[inner], Role::Zero);
                add(
                    format!("{name}.narrow.weight"),
                    &[width, inner],
                    Role::Matrix,
                );
                add(format!("{name}.narrow.bias"), &[width], Role::Zero);
                add(format!("{name}.scale"), &[width], Role::Scale);
            }
        }
        let last = self.hidden_sizes[self.num_stages - 1];
        norm(&mut add, "norm", last);
        add(
            "classifier.weight".into(),
            &[self.id2label.len(), last],
            Role::Matrix,
        );
        add("classifier.bias".into(), &[self.id2label.len()], Role::Zero);
        all
    }

    /// Weights in the network.
    pub fn parameters(&self) -> usize {
        self.tensors()
            .iter()
            .map(|(_, shape, _)| shape.iter().product::<usize>())
            .sum()
    }
}

/// What a tensor begins training as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Random, and shrunk while training.
    Matrix,
    /// Ones.
    One,
    /// Zeros.
    Zero,
    /// The configuration's `layer_scale_init_value`.
    Scale,
}

/// Untrained variables by name.
pub(crate) fn variables(
    config: &Config,
    rng: &mut impl Rng,
) -> Result<BTreeMap<String, Var>, Error> {
    let mut all = BTreeMap::new();
    for (name, shape, role) in config.tensors() {
        let count: usize = shape.iter().product();
        let fan_in: usize = shape[1..].iter().product();
        let values: Vec<f32> = match role {
            Role::Matrix => {
                // Sum of four even draws: near a bell, by arithmetic that is the same everywhere.
                let scale = (3.0 / 4.0 / fan_in as f32).sqrt();
                let mut draw = || (0..4).map(|_| rng.random_range(-1.0..1.0f32)).sum::<f32>();
                (0..count).map(|_| scale * draw()).collect()
            }
            Role::One => vec![1.0; count],
            Role::Zero => vec![0.0; count],
            Role::Scale => vec![config.layer_scale_init_value as f32; count],
        };
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
        all.insert(name, Var::from_tensor(&tensor)?);
    }
    Ok(all)
}

/// A matrix with its bias, the matrix as stored: one row an output.
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    fn apply(&self, x: &Tensor, activation: Activation) -> Result<Tensor, Error> {
        let product = x.matmul(&self.weight.t()?)?;
        Ok(kernels::activate(&product, &self.bias, activation)?)
    }
}

struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f32,
}

impl Norm {
    fn apply(&self, x: &Tensor) -> Result<Tensor, Error> {
        Ok(kernels::layer_norm(
            x,
            &self.weight,
            &self.bias,
            self.epsilon,
        )?)
    }
}

struct Block {
    taps: Tensor,
    taps_bias: Tensor,
    norm: Norm,
    widen: Linear,
    narrow: Linear,
    scale: Tensor,
}

impl Block {
    fn apply(&self, x: &Tensor) -> Result<Tensor, Error> {
        let (batch, height, width, channels) = x.dims4()?;
        let mixed = kernels::depthwise(x, &self.taps, &self.taps_bias)?;
        let rows = self
            .norm
            .apply(&mixed.reshape((batch * height * width, channels))?)?;
        let rows = self.widen.apply(&rows, Activation::Gelu)?;
        let rows = self
            .narrow
            .apply(&rows, Activation::None)?
            .broadcast_mul(&self.scale)?;
        Ok((x + rows.reshape((batch, height, width, channels))?)?)
    }
}

struct Stage {
    /// How the sides are halved before it; the first stage has none.
    down: Option<(Norm, Linear)>,
    blocks: Vec<Block>,
}

/// Hands out a tensor of the weights by name and shape.
type Take<'a> = &'a mut dyn FnMut(&str, &[usize]) -> Result<Tensor, Error>;

/// A network ready to look at pictures.
pub struct Network {
    config: Config,
    stem: [(Linear, Norm); 2],
    stages: Vec<Stage>,
    norm: Norm,
    head: Linear,
}

impl Network {
    /// Builds the network, asking for each tensor by name and shape.
    pub(crate) fn build(config: Config, take: Take<'_>) -> Result<Self, Error> {
        let mut found = BTreeMap::new();
        for (name, shape, _) in config.tensors() {
            let tensor = take(&name, &shape)?;
            found.insert(name, tensor);
        }
        let get = |name: &str| found[name].clone();
        let epsilon = config.layer_norm_eps as f32;
        let norm = |name: &str| Norm {
            weight: get(&format!("{name}.weight")),
            bias: get(&format!("{name}.bias")),
            epsilon,
        };
        let linear = |name: &str| Linear {
            weight: get(&format!("{name}.weight")),
            bias: get(&format!("{name}.bias")),
        };
        let block = |name: String| -> Result<Block, Error> {
            Ok(Block {
                taps: get(&format!("{name}.depthwise.weight")).t()?.contiguous()?,
                taps_bias: get(&format!("{name}.depthwise.bias")),
                norm: norm(&format!("{name}.norm")),
                widen: linear(&format!("{name}.widen")),
                narrow: linear(&format!("{name}.narrow")),
                scale: get(&format!("{name}.scale")),
            })
        };
        let stage = |index: usize| -> Result<Stage, Error> {
            let name = format!("stages.{index}");
            let down = || {
                (
                    norm(&format!("{name}.down_norm")),
                    linear(&format!("{name}.down")),
                )
            };
            let blocks = (0..config.depths[index]).map(|at| block(format!("{name}.blocks.{at}")));
            Ok(Stage {
                down: (0 < index).then(down),
                blocks: blocks.collect::<Result<_, Error>>()?,
            })
        };
        Ok(Self {
            stem: [0, 1].map(|at| {
                (
                    linear(&format!("stem.{at}")),
                    norm(&format!("stem_norm.{at}")),
                )
            }),
            stages: (0..config.num_stages)
                .map(stage)
                .collect::<Result<_, _>>()?,
            norm: norm("norm"),
            head: linear("classifier"),
            config,
        })
    }

    /// Its shape and labels.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The logits of each label for pictures of shape (batch, side, side, 3).
    pub(crate) fn forward(&self, pictures: &Tensor) -> Result<Tensor, Error> {
        let [(first, first_norm), (second, second_norm)] = &self.stem;
        let x = first_norm.apply(&halve(pictures, first)?)?;
        let x = second_norm.apply(&halve(&gelu(&x)?, second)?)?;
        let mut x = x;
        for stage in &self.stages {
            if let Some((norm, down)) = &stage.down {
                x = halve(&norm.apply(&x)?, down)?;
            }
            for block in &stage.blocks {
                x = block.apply(&x)?;
            }
        }
        let pooled = x.flatten(1, 2)?.mean(1)?;
        self.head
            .apply(&self.norm.apply(&pooled)?, Activation::None)
    }

    /// The probability of each label, in order of their numbers, for one picture.
    ///
    /// # Errors
    ///
    /// Those of arithmetic, which a network that was built does not have.
    pub fn read(&self, picture: &Picture) -> Result<Vec<f32>, Error> {
        let side = self.config.image_size;
        let mut values = Vec::with_capacity(3 * side * side);
        append(picture, side, &mut values);
        let pictures = Tensor::from_vec(values, (1, side, side, 3), &Device::Cpu)?;
        let logits: Vec<f32> = self.forward(&pictures)?.flatten_all()?.to_vec1()?;
        let mut shares = vec![0f32; logits.len()];
        kernels::softmax(&logits, &mut shares);
        Ok(shares)
    }
}

/// Appends a picture as the network sees it: squeezed; each channel less its mean over the picture; all divided by the standard
/// deviation over all channels. What is left is the drawing, not the light it was seen in.
pub(crate) fn append(picture: &Picture, side: usize, values: &mut Vec<f32>) {
    let scaled = picture.scaled(side as u32);
    let count = (side * side) as f32;
    let mut means = [0f32; 3];
    for pixel in scaled.rgb().chunks_exact(3) {
        for (mean, value) in means.iter_mut().zip(pixel) {
            *mean += f32::from(*value) / count;
        }
    }
    let begin = values.len();
    let pixels = scaled.rgb().chunks_exact(3);
    values.extend(pixels.flat_map(|pixel| [0, 1, 2].map(|at| f32::from(pixel[at]) - means[at])));
    let squares: f32 = values[begin..].iter().map(|value| value * value).sum();
    let inverse = 1.0 / (squares / (3.0 * count) + DEVIATION_MIN * DEVIATION_MIN).sqrt();
    for value in &mut values[begin..] {
        *value *= inverse;
    }
}

/// Added to the deviation, so that an empty picture stays empty.
const DEVIATION_MIN: f32 = 2.0;

/// The activation alone.
fn gelu(x: &Tensor) -> Result<Tensor, Error> {
    let none = Tensor::zeros(x.dim(D::Minus1)?, x.dtype(), x.device())?;
    Ok(kernels::activate(x, &none, Activation::Gelu)?)
}

/// A 3×3 convolution over every second position.
fn halve(x: &Tensor, linear: &Linear) -> Result<Tensor, Error> {
    let windows = kernels::windows(x, 2)?;
    let (batch, height, width, _) = windows.dims4()?;
    let rows = linear.apply(&windows.flatten_to(2)?, Activation::None)?;
    let channels = rows.dim(D::Minus1)?;
    Ok(rows.reshape((batch, height, width, channels))?)
}

#[cfg(test)]
mod tests;
