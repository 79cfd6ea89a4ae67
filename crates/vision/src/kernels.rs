//! The few operations of a ConvNeXt network that are not matrix products, each with its gradient.
//!
//! Pictures are held channels last: a row of memory is one position with all its channels, so that a matrix product mixes
//! channels without moving anything, and everything here is a pass over rows. A convolution written for any size and
//! stride takes several times as long as these, which know theirs.
//!
//! All of it is 32-bit, on one thread, in a fixed order, and uses only additions, multiplications, divisions and square roots
//! ([`exp`] is a polynomial): the result does not depend on how busy the machine is or which mathematics library it has.

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail,
};
use std::sync::Arc;

/// Normalises each row to mean 0 and variance 1, then scales and shifts its channels.
pub(crate) fn layer_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    epsilon: f32,
) -> Result<Tensor> {
    x.contiguous()?
        .apply_op3(weight, bias, LayerNorm { epsilon })
}

/// Convolves every channel by itself with a square kernel of odd side, zeros beyond the border.
///
/// `x` is (batch, height, width, channels), `weight` (side · side, channels), `bias` (channels).
pub(crate) fn depthwise(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op3(weight, bias, Depthwise)
}

/// Lays the window of 3×3 positions around every `stride`-th position side by side, zeros beyond the border: (batch, height,
/// width, channels) becomes (batch, ⌈height / stride⌉, ⌈width / stride⌉, 9 · channels). A matrix product over it is a convolution.
pub(crate) fn windows(x: &Tensor, stride: usize) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Windows { stride })
}

/// Adds a bias to each row, then applies the activation.
pub(crate) fn activate(x: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    x.contiguous()?.apply_op2(bias, activation)
}

/// Mean negative log-likelihood of `targets` under logits of shape (rows, labels).
pub(crate) fn cross_entropy(logits: &Tensor, targets: Arc<[u32]>) -> Result<Tensor> {
    logits.contiguous()?.apply_op1(CrossEntropy { targets })
}

/// Exponentials that sum to one.
pub(crate) fn softmax(logits: &[f32], out: &mut [f32]) {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0f32;
    for (out, logit) in out.iter_mut().zip(logits) {
        *out = exp(logit - max);
        total += *out;
    }
    for out in out {
        *out /= total;
    }
}

/// `eˣ` to within 2 units in the last place, by arithmetic alone.
///
/// `x = n·ln 2 + r` with `|r| ≤ ln 2 / 2`; the polynomial is Taylor's to the seventh power; `2ⁿ` is put together from bits.
pub(crate) fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding and taking away 1.5·2²³ rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let tail = 1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0));
    let p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * tail))));
    p * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("kernels need contiguous tensors, got {layout:?}"),
    }
}

/// Lends the values of tensors, made contiguous first.
fn with_values<const N: usize, R>(
    tensors: [&Tensor; N],
    work: impl FnOnce([&[f32]; N]) -> R,
) -> Result<R> {
    let mut held = Vec::with_capacity(N);
    for tensor in tensors {
        held.push(tensor.contiguous()?);
    }
    let lent: Vec<_> = held.iter().map(Tensor::storage_and_layout).collect();
    let mut values = [[].as_slice(); N];
    for (values, (storage, layout)) in values.iter_mut().zip(&lent) {
        *values = match &**storage {
            Storage::Cpu(storage) => slice(storage, layout)?,
            _ => bail!("kernels run on the processor only"),
        };
    }
    Ok(work(values))
}

fn like(values: Vec<f32>, tensor: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, tensor.shape(), tensor.device())
}

/// A sum in eight lanes, so that the compiler may add them at once; the order is always the same.
fn sum(terms: impl ExactSizeIterator<Item = f32>) -> f32 {
    let mut lanes = [0f32; 8];
    for (index, term) in terms.enumerate() {
        lanes[index % 8] += term;
    }
    lanes.iter().sum()
}

struct LayerNorm {
    epsilon: f32,
}

impl LayerNorm {
    /// The mean of a row, and the inverse of its standard deviation.
    fn moments(&self, row: &[f32]) -> (f32, f32) {
        let count = row.len() as f32;
        let mean = sum(row.iter().copied()) / count;
        let variance = sum(row.iter().map(|x| (x - mean) * (x - mean))) / count;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }

    fn gradients(&self, x: &[f32], weight: &[f32], grad: &[f32]) -> [Vec<f32>; 3] {
        let size = weight.len();
        let (mut dx, mut dw, mut db) = (vec![0f32; x.len()], vec![0f32; size], vec![0f32; size]);
        let (mut normal, mut scaled) = (vec![0f32; size], vec![0f32; size]);
        let rows = x.chunks_exact(size).zip(grad.chunks_exact(size));
        for ((x, grad), dx) in rows.zip(dx.chunks_exact_mut(size)) {
            let (mean, inverse) = self.moments(x);
            for i in 0..size {
                normal[i] = (x[i] - mean) * inverse;
                scaled[i] = grad[i] * weight[i];
                dw[i] += grad[i] * normal[i];
                db[i] += grad[i];
            }
            let count = size as f32;
            let level = sum(scaled.iter().copied()) / count;
            let pull = sum(scaled.iter().zip(&normal).map(|(a, b)| a * b)) / count;
            for i in 0..size {
                dx[i] = (scaled[i] - level - normal[i] * pull) * inverse;
            }
        }
        [dx, dw, db]
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        let bias = slice(bias, bias_layout)?;
        let size = weight.len();
        let mut out = vec![0f32; x.len()];
        for (row, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            let (mean, inverse) = self.moments(row);
            for i in 0..size {
                out[i] = (row[i] - mean) * inverse * weight[i] + bias[i];
            }
        }
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [dx, dw, db] = with_values([x, weight, grad], |[x, weight, grad]| {
            self.gradients(x, weight, grad)
        })?;
        Ok((
            Some(like(dx, x)?),
            Some(like(dw, weight)?),
            Some(like(db, bias)?),
        ))
    }
}

struct Depthwise;

/// The sizes of a depthwise convolution.
#[derive(Clone, Copy)]
struct Plane {
    height: usize,
    width: usize,
    channels: usize,
    side: usize,
}

impl Plane {
    fn new(x: &Shape, weight: &Shape) -> Result<Self> {
        let (_, height, width, channels) = x.dims4()?;
        let (taps, weight_channels) = weight.dims2()?;
        let side = taps.isqrt();
        if side * side != taps || side.is_multiple_of(2) || channels != weight_channels {
            bail!("depthwise convolution of {x:?} with {weight:?}");
        }
        Ok(Self {
            height,
            width,
            channels,
            side,
        })
    }

    fn area(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Calls `work(output offset, input offset, tap offset)` for each pair of positions that a tap joins, in one plane.
    fn each(self, mut work: impl FnMut(usize, usize, usize)) {
        let reach = self.side / 2;
        for y in 0..self.height {
            for x in 0..self.width {
                let out = (y * self.width + x) * self.channels;
                // Rows and columns of the kernel that fall inside the plane.
                for row in reach.saturating_sub(y)..self.side.min(self.height + reach - y) {
                    for column in reach.saturating_sub(x)..self.side.min(self.width + reach - x) {
                        let (from_y, from_x) = (y + row - reach, x + column - reach);
                        let from = (from_y * self.width + from_x) * self.channels;
                        work(out, from, (row * self.side + column) * self.channels);
                    }
                }
            }
        }
    }
}

/// `out += a · b`, element by element.
fn multiply_add(out: &mut [f32], a: &[f32], b: &[f32]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out += a * b;
    }
}

impl CustomOp3 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let plane = Plane::new(x_layout.shape(), weight_layout.shape())?;
        let (x, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        let bias = slice(bias, bias_layout)?;
        let c = plane.channels;
        let mut out = vec![0f32; x.len()];
        for out in out.chunks_exact_mut(c) {
            out.copy_from_slice(bias);
        }
        let planes = x.chunks_exact(plane.area());
        for (x, out) in planes.zip(out.chunks_exact_mut(plane.area())) {
            plane.each(|to, from, tap| {
                multiply_add(&mut out[to..][..c], &x[from..][..c], &weight[tap..][..c]);
            });
        }
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let plane = Plane::new(x.shape(), weight.shape())?;
        let c = plane.channels;
        let [dx, dw, db] = with_values([x, weight, grad], |[x, weight, grad]| {
            let mut dx = vec![0f32; x.len()];
            let (mut dw, mut db) = (vec![0f32; weight.len()], vec![0f32; c]);
            for grad in grad.chunks_exact(c) {
                for (db, grad) in db.iter_mut().zip(grad) {
                    *db += grad;
                }
            }
            let planes = x
                .chunks_exact(plane.area())
                .zip(grad.chunks_exact(plane.area()));
            for ((x, grad), dx) in planes.zip(dx.chunks_exact_mut(plane.area())) {
                plane.each(|to, from, tap| {
                    let grad = &grad[to..][..c];
                    multiply_add(&mut dx[from..][..c], grad, &weight[tap..][..c]);
                    multiply_add(&mut dw[tap..][..c], grad, &x[from..][..c]);
                });
            }
            [dx, dw, db]
        })?;
        Ok((
            Some(like(dx, x)?),
            Some(like(dw, weight)?),
            Some(like(db, bias)?),
        ))
    }
}

struct Windows {
    stride: usize,
}

impl Windows {
    /// Calls `work(offset among windows, offset in the picture)` for each position that a window holds, in order.
    fn each(&self, dims: (usize, usize, usize, usize), mut work: impl FnMut(usize, usize)) {
        let (batch, height, width, channels) = dims;
        let (rows, columns) = (height.div_ceil(self.stride), width.div_ceil(self.stride));
        let mut to = 0;
        for index in 0..batch * rows * columns {
            let (plane, row, column) = (
                index / (rows * columns),
                index / columns % rows,
                index % columns,
            );
            for tap in 0..9 {
                // One less than nothing wraps round, and is then beyond the border too.
                let y = (row * self.stride + tap / 3).wrapping_sub(1);
                let x = (column * self.stride + tap % 3).wrapping_sub(1);
                if y < height && x < width {
                    work(to, ((plane * height + y) * width + x) * channels);
                }
                to += channels;
            }
        }
    }
}

impl CustomOp1 for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let dims = layout.shape().dims4()?;
        let (batch, height, width, c) = dims;
        let x = slice(x, layout)?;
        let (rows, columns) = (height.div_ceil(self.stride), width.div_ceil(self.stride));
        let mut out = vec![0f32; batch * rows * columns * 9 * c];
        self.each(dims, |to, from| {
            out[to..][..c].copy_from_slice(&x[from..][..c])
        });
        Ok((
            CpuStorage::F32(out),
            Shape::from((batch, rows, columns, 9 * c)),
        ))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let dims = x.dims4()?;
        let c = dims.3;
        let mut dx = vec![0f32; x.elem_count()];
        with_values([grad], |[grad]| {
            self.each(dims, |to, from| {
                for (dx, grad) in dx[from..][..c].iter_mut().zip(&grad[to..][..c]) {
                    *dx += grad;
                }
            });
        })?;
        Ok(Some(like(dx, x)?))
    }
}

/// What follows a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// Nothing: the bias alone.
    None,
    /// The Gaussian error linear unit in its usual form by a hyperbolic tangent.
    Gelu,
}

impl Activation {
    fn value(self, x: f32) -> f32 {
        match self {
            Self::None => x,
            Self::Gelu => x * gate(x),
        }
    }

    fn slope(self, x: f32) -> f32 {
        match self {
            Self::None => 1.0,
            Self::Gelu => {
                let gate = gate(x);
                gate + x * gate * (1.0 - gate) * 2.0 * GELU_SCALE * (1.0 + 3.0 * GELU_CUBE * x * x)
            }
        }
    }
}

/// √(2/π).
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBE: f32 = 0.044_715;

/// `(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2`, which is the logistic function of twice the argument.
fn gate(x: f32) -> f32 {
    1.0 / (1.0 + exp(-2.0 * GELU_SCALE * (x + GELU_CUBE * x * x * x)))
}

impl CustomOp2 for Activation {
    fn name(&self) -> &'static str {
        "bias-activation"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, bias) = (slice(x, x_layout)?, slice(bias, bias_layout)?);
        let mut out = vec![0f32; x.len()];
        let rows = x.chunks_exact(bias.len());
        for (x, out) in rows.zip(out.chunks_exact_mut(bias.len())) {
            for ((out, x), bias) in out.iter_mut().zip(x).zip(bias) {
                *out = self.value(x + bias);
            }
        }
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        bias: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [dx, db] = with_values([x, bias, grad], |[x, bias, grad]| {
            let size = bias.len();
            let (mut dx, mut db) = (vec![0f32; x.len()], vec![0f32; size]);
            let rows = x.chunks_exact(size).zip(grad.chunks_exact(size));
            for ((x, grad), dx) in rows.zip(dx.chunks_exact_mut(size)) {
                for i in 0..size {
                    dx[i] = grad[i] * self.slope(x[i] + bias[i]);
                    db[i] += dx[i];
                }
            }
            [dx, db]
        })?;
        Ok((Some(like(dx, x)?), Some(like(db, bias)?)))
    }
}

struct CrossEntropy {
    targets: Arc<[u32]>,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, size) = layout.shape().dims2()?;
        if rows != self.targets.len() || self.targets.iter().any(|id| size <= *id as usize) {
            bail!(
                "cross entropy of {:?} for {} targets",
                layout.shape(),
                self.targets.len()
            );
        }
        let mut share = vec![0f32; size];
        let mut total = 0f64;
        let logits = slice(logits, layout)?;
        for (row, target) in logits.chunks_exact(size).zip(self.targets.iter()) {
            softmax(row, &mut share);
            total -= f64::from(share[*target as usize].max(f32::MIN_POSITIVE)).ln();
        }
        let mean = (total / rows as f64) as f32;
        Ok((CpuStorage::F32(vec![mean]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (rows, size) = logits.dims2()?;
        let weight = grad.to_scalar::<f32>()? / rows as f32;
        let values = with_values([logits], |[logits]| {
            let mut out = vec![0f32; logits.len()];
            let pairs = logits.chunks_exact(size).zip(out.chunks_exact_mut(size));
            for ((row, out), target) in pairs.zip(self.targets.iter()) {
                softmax(row, out);
                out[*target as usize] -= 1.0;
                for value in out {
                    *value *= weight;
                }
            }
            out
        })?;
        Ok(Some(like(values, logits)?))
    }
}

#[cfg(test)]
mod tests;
