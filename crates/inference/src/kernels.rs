//! The few row-wise operations of a Llama network, each with its gradient.
//!
//! Written as single passes over memory because a small network on a processor spends as long moving rows as
//! multiplying them; composed from elementary tensor operations they would take a dozen passes each. The same code
//! runs in training, in decoding and in verification, so there is one arithmetic. All of it is 32-bit and runs on one
//! thread: the result does not depend on how busy the machine is.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Storage, Tensor, bail};

/// `x · w / rms(x)` over the last dimension.
pub(crate) fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
    x.apply_op2(weight, RmsNorm { epsilon })
}

/// Softmax over `scale · scores` of shape (batch, rows, columns), where a row at time `t` sees the columns up to its
/// own. Rows hold several groups of `times` consecutive times; the last time sees every column.
pub(crate) fn causal_softmax(scores: &Tensor, scale: f32, times: usize) -> Result<Tensor> {
    scores.apply_op1(CausalSoftmax { scale, times })
}

/// Rotates each head of (rows, heads · size) by the angles of its row's position.
pub(crate) fn rotate(x: &Tensor, rotation: &Rotation, positions: &Arc<[usize]>) -> Result<Tensor> {
    let rotation = rotation.clone();
    x.apply_op1(Rotate {
        rotation,
        positions: positions.clone(),
        direction: 1.0,
    })
}

/// `silu(gate) · up`.
pub(crate) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.apply_op2(up, SwiGlu)
}

/// Mean negative log-likelihood of `targets` under logits of shape (rows, vocabulary).
pub(crate) fn cross_entropy(logits: &Tensor, targets: Arc<[u32]>) -> Result<Tensor> {
    logits.apply_op1(CrossEntropy { targets })
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("kernels need contiguous tensors, got {layout:?}"),
    }
}

/// Lends the values of a tensor, made contiguous first.
fn with_values<R>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(work(slice(storage, layout)?)),
        _ => bail!("kernels run on the processor only"),
    }
}

fn like(values: Vec<f32>, tensor: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, tensor.shape(), tensor.device())
}

fn last_dimension(layout: &Layout) -> usize {
    layout.dims().last().copied().unwrap_or(1)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

struct RmsNorm {
    epsilon: f32,
}

impl RmsNorm {
    fn inverse(&self, row: &[f32]) -> f32 {
        1.0 / (dot(row, row) / row.len() as f32 + self.epsilon).sqrt()
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (values, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        let size = last_dimension(x_layout);
        let mut out = vec![0f32; values.len()];
        for (row, out) in values.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            let inverse = self.inverse(row);
            for ((out, x), w) in out.iter_mut().zip(row).zip(weight) {
                *out = x * inverse * w;
            }
        }
        Ok((CpuStorage::F32(out), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = with_values(x, |x| {
            with_values(weight, |weight| {
                with_values(grad, |grad| self.gradients(x, weight, grad))
            })
        })???;
        Ok((Some(like(dx, x)?), Some(like(dw, weight)?)))
    }
}

impl RmsNorm {
    fn gradients(&self, x: &[f32], weight: &[f32], grad: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let size = weight.len();
        let mut dx = vec![0f32; x.len()];
        let mut dw = vec![0f32; size];
        let mut scaled = vec![0f32; size];
        for ((x, grad), dx) in x
            .chunks_exact(size)
            .zip(grad.chunks_exact(size))
            .zip(dx.chunks_exact_mut(size))
        {
            let inverse = self.inverse(x);
            for i in 0..size {
                scaled[i] = grad[i] * weight[i];
                dw[i] += grad[i] * x[i] * inverse;
            }
            let pull = dot(&scaled, x) * inverse * inverse * inverse / size as f32;
            for i in 0..size {
                dx[i] = scaled[i] * inverse - x[i] * pull;
            }
        }
        (dx, dw)
    }
}

struct CausalSoftmax {
    scale: f32,
    times: usize,
}

impl CausalSoftmax {
    /// How many columns the given row sees.
    fn visible(&self, row: usize, columns: usize) -> usize {
        columns - self.times + row % self.times + 1
    }
}

impl CustomOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, scores: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, rows, columns) = layout.shape().dims3()?;
        if self.times == 0 || !rows.is_multiple_of(self.times) || columns < self.times {
            bail!(
                "causal softmax over {rows} rows, {columns} columns and {} times",
                self.times
            );
        }
        let scores = slice(scores, layout)?;
        let mut out = vec![0f32; scores.len()];
        for (index, (row, out)) in scores
            .chunks_exact(columns)
            .zip(out.chunks_exact_mut(columns))
            .enumerate()
        {
            let visible = self.visible(index % rows, columns);
            softmax(&row[..visible], self.scale, &mut out[..visible]);
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, scores: &Tensor, res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (_, rows, columns) = scores.dims3()?;
        let values = with_values(res, |share| {
            with_values(grad, |grad| {
                let mut out = vec![0f32; share.len()];
                for (index, out) in out.chunks_exact_mut(columns).enumerate() {
                    let visible = self.visible(index % rows, columns);
                    let share = &share[index * columns..][..visible];
                    let grad = &grad[index * columns..][..visible];
                    let mean = dot(share, grad);
                    for i in 0..visible {
                        out[i] = share[i] * (grad[i] - mean) * self.scale;
                    }
                }
                out
            })
        })??;
        Ok(Some(like(values, scores)?))
    }
}

fn softmax(scores: &[f32], scale: f32, out: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0f32;
    for (out, score) in out.iter_mut().zip(scores) {
        *out = ((score - max) * scale).exp();
        total += *out;
    }
    let inverse = 1.0 / total;
    for out in out {
        *out *= inverse;
    }
}

/// The angles by which positions turn: cosine and sine of every (position, pair) of a head.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    cosine: Arc<[f32]>,
    sine: Arc<[f32]>,
    pairs: usize,
}

impl Rotation {
    /// Tabulates `position · frequency` for the first `positions` positions.
    pub(crate) fn new(frequencies: &[f64], positions: usize) -> Self {
        let angles =
            || (0..positions).flat_map(|at| frequencies.iter().map(move |turn| at as f64 * turn));
        Self {
            cosine: angles().map(|angle| angle.cos() as f32).collect(),
            sine: angles().map(|angle| angle.sin() as f32).collect(),
            pairs: frequencies.len(),
        }
    }

    fn positions(&self) -> usize {
        self.cosine.len() / self.pairs
    }
}

struct Rotate {
    rotation: Rotation,
    positions: Arc<[usize]>,
    direction: f32,
}

impl CustomOp1 for Rotate {
    fn name(&self) -> &'static str {
        "rotate"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = layout.shape().dims2()?;
        let pairs = self.rotation.pairs;
        let limit = self.rotation.positions();
        if rows != self.positions.len() || !width.is_multiple_of(2 * pairs) {
            bail!(
                "rotation of {:?} at {} positions",
                layout.shape(),
                self.positions.len()
            );
        }
        let x = slice(x, layout)?;
        let mut out = vec![0f32; x.len()];
        for ((x, out), &position) in x
            .chunks_exact(width)
            .zip(out.chunks_exact_mut(width))
            .zip(self.positions.iter())
        {
            if position >= limit {
                bail!("position {position} is past the context of {limit}");
            }
            let cosine = &self.rotation.cosine[position * pairs..][..pairs];
            let sine = &self.rotation.sine[position * pairs..][..pairs];
            for (x, out) in x
                .chunks_exact(2 * pairs)
                .zip(out.chunks_exact_mut(2 * pairs))
            {
                let (first, second) = x.split_at(pairs);
                let (out_first, out_second) = out.split_at_mut(pairs);
                for i in 0..pairs {
                    let sine = sine[i] * self.direction;
                    out_first[i] = first[i] * cosine[i] - second[i] * sine;
                    out_second[i] = second[i] * cosine[i] + first[i] * sine;
                }
            }
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let back = Self {
            rotation: self.rotation.clone(),
            positions: self.positions.clone(),
            direction: -self.direction,
        };
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(&back)?))
    }
}

struct SwiGlu;

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        gate: &CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gate, up) = (slice(gate, gate_layout)?, slice(up, up_layout)?);
        let out = gate
            .iter()
            .zip(up)
            .map(|(gate, up)| gate * sigmoid(*gate) * up)
            .collect();
        Ok((CpuStorage::F32(out), gate_layout.shape().clone()))
    }

    fn bwd(
        &self,
        gate: &Tensor,
        up: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dgate, dup): (Vec<f32>, Vec<f32>) = with_values(gate, |gate| {
            with_values(up, |up| {
                with_values(grad, |grad| {
                    gate.iter()
                        .zip(up)
                        .zip(grad)
                        .map(|((gate, up), grad)| {
                            let share = sigmoid(*gate);
                            let slope = share * (1.0 + gate * (1.0 - share));
                            (grad * up * slope, grad * gate * share)
                        })
                        .unzip()
                })
            })
        })???;
        Ok((Some(like(dgate, gate)?), Some(like(dup, up)?)))
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
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
        if rows != self.targets.len() || self.targets.iter().any(|id| *id as usize >= size) {
            bail!(
                "cross entropy of {:?} for {} targets",
                layout.shape(),
                self.targets.len()
            );
        }
        let mut total = 0f64;
        for (row, target) in slice(logits, layout)?
            .chunks_exact(size)
            .zip(self.targets.iter())
        {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = row.iter().map(|logit| (logit - max).exp()).sum();
            total += f64::from(max + sum.ln() - row[*target as usize]);
        }
        Ok((
            CpuStorage::F32(vec![(total / rows as f64) as f32]),
            Shape::from(()),
        ))
    }

    fn bwd(&self, logits: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (rows, size) = logits.dims2()?;
        let weight = grad.to_scalar::<f32>()? / rows as f32;
        let values = with_values(logits, |logits| {
            let mut out = vec![0f32; logits.len()];
            for ((row, out), target) in logits
                .chunks_exact(size)
                .zip(out.chunks_exact_mut(size))
                .zip(self.targets.iter())
            {
                softmax(row, 1.0, out);
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
