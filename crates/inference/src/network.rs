//! The Llama-family decoder: tokens in, logits out.
//!
//! One pass reads any number of [`Span`]s, each the next tokens of its own sequence with its own [`Cache`]. Everything
//! that works on a token alone (norms, projections, feed-forward) sees all spans' tokens stacked as rows of one
//! matrix; only attention goes span by span. So a prompt, a single decoding step of ten answers at once, and a
//! grader's pass over a whole answer are the same function:
//!
//! ```text
//!  spans   [a a a a] [b] [c c]
//!  rows     a a a a   b   c c     norm, q k v, rotation        once for all
//!  caches   [A....]  [B..] [C]    append, attend               each with its own
//!  rows     a a a a   b   c c     output, feed-forward         once for all
//! ```
//!
//! Training reads equally long sequences without a cache, through the same blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use crate::config::Config;
use crate::error::Error;
use crate::kernels::{self, Rotation};
use crate::precision::Precision;

/// A cache grows by so many positions at a time.
const CACHE_STEP: usize = 128;

/// Finds a tensor by its name and shape.
pub(crate) type Take<'a> = dyn FnMut(&str, &[usize]) -> Result<Tensor, Error> + 'a;

/// The weights of a decoder, ready to compute with.
pub struct Network {
    config: Config,
    embedding: Tensor,
    blocks: Vec<Block>,
    norm: Tensor,
    head: Tensor,
    rotation: Rotation,
    precision: Precision,
}

struct Block {
    attention_norm: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    feed_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
}

/// What one sequence has been so far, per block: keys and values of shape (heads, positions, size).
pub struct Cache {
    layers: Vec<Option<(Tensor, Tensor)>>,
    positions: usize,
}

/// The next tokens of one sequence.
pub struct Span<'a> {
    /// The tokens, at least one.
    pub tokens: &'a [u32],
    /// Everything before them; they are appended.
    pub cache: &'a mut Cache,
    /// Logits are computed for the tokens from this one on; for none, if there are not as many.
    pub logits_from: usize,
}

impl Network {
    /// Builds a network from tensors, which `take` finds by Hugging Face's name and the shape the configuration asks for.
    pub(crate) fn build(config: Config, take: &mut Take<'_>) -> Result<Self, Error> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let heads = config.num_attention_heads * config.head_size();
        let shared = config.key_value_heads() * config.head_size();
        let embedding = take("model.embed_tokens.weight", &[config.vocab_size, width])?;
        let mut blocks = Vec::with_capacity(config.num_hidden_layers);
        for layer in 0..config.num_hidden_layers {
            let mut take = |name: &str, shape: &[usize]| {
                take(&format!("model.layers.{layer}.{name}.weight"), shape)
            };
            blocks.push(Block {
                attention_norm: take("input_layernorm", &[width])?,
                query: take("self_attn.q_proj", &[heads, width])?,
                key: take("self_attn.k_proj", &[shared, width])?,
                value: take("self_attn.v_proj", &[shared, width])?,
                output: take("self_attn.o_proj", &[width, heads])?,
                feed_norm: take("post_attention_layernorm", &[width])?,
                gate: take("mlp.gate_proj", &[inner, width])?,
                up: take("mlp.up_proj", &[inner, width])?,
                down: take("mlp.down_proj", &[width, inner])?,
            });
        }
        let norm = take("model.norm.weight", &[width])?;
        let head = if config.tie_word_embeddings {
            embedding.clone()
        } else {
            take("lm_head.weight", &[config.vocab_size, width])?
        };
        let frequencies = config.frequencies().map_err(|reason| Error::Config {
            path: "config.json".into(),
            reason,
        })?;
        let rotation = Rotation::new(&frequencies, config.max_position_embeddings);
        Ok(Self {
            config,
            embedding,
            blocks,
            norm,
            head,
            rotation,
            precision: Precision::F32,
        })
    }

    /// Builds a network that computes as `precision` would.
    pub(crate) fn build_in(
        config: Config,
        precision: Precision,
        take: &mut Take<'_>,
    ) -> Result<Self, Error> {
        let network = Self::build(config, &mut |name, shape| {
            precision.weight(name, take(name, shape)?)
        })?;
        Ok(Self {
            precision,
            ..network
        })
    }

    /// A network with random weights, as training begins with: the same for the same seed.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for numbers that describe no network.
    pub fn random(config: Config, seed: u64) -> Result<Self, Error> {
        config.check().map_err(|reason| Error::Config {
            path: "config.json".into(),
            reason,
        })?;
        let tensors = random_tensors(&config, seed)?;
        Self::build(config, &mut |name, _| Ok(tensors[name].clone()))
    }

    /// The shape of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// An empty cache.
    pub fn cache(&self) -> Cache {
        Cache {
            layers: vec![None; self.blocks.len()],
            positions: 0,
        }
    }

    /// Reads spans and returns, for each, the wanted logits: one row of `vocab_size` values per token.
    ///
    /// # Errors
    ///
    /// [`Error::Tensor`] when a span is empty, leaves the context or holds a number that is no token. The caches of a
    /// failed pass are not to be used again.
    pub fn read(&self, spans: &mut [Span<'_>]) -> Result<Vec<Vec<Vec<f32>>>, Error> {
        let mut ids = Vec::new();
        let mut positions = Vec::new();
        let mut wanted = Vec::new();
        for span in &*spans {
            let start = span.cache.positions;
            for (index, id) in span.tokens.iter().enumerate() {
                if index >= span.logits_from {
                    wanted.push(ids.len() as u32);
                }
                ids.push(*id);
                positions.push(start + index);
            }
        }
        let hidden = self.hidden(&ids, positions.into(), &mut |layer, query, key, value| {
            self.attend_spans(spans, layer, query, key, value)
        })?;
        for span in &mut *spans {
            span.cache.positions += span.tokens.len();
        }
        let rows = self.wanted_rows(hidden, ids.len(), wanted)?;
        let mut rows = rows.into_iter();
        Ok(spans
            .iter()
            .map(|span| {
                let count = span.tokens.len().saturating_sub(span.logits_from);
                rows.by_ref().take(count).collect()
            })
            .collect())
    }

    fn wanted_rows(
        &self,
        hidden: Tensor,
        total: usize,
        wanted: Vec<u32>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let hidden = if wanted.len() == total {
            hidden
        } else {
            let count = wanted.len();
            hidden.index_select(&Tensor::from_vec(wanted, count, &Device::Cpu)?, 0)?
        };
        Ok(self.logits(&hidden)?.to_vec2()?)
    }

    /// Logits of equally long sequences, stacked as rows; differentiable.
    pub(crate) fn read_batch(&self, ids: &[u32], length: usize) -> Result<Tensor, Error> {
        let batch = ids.len() / length;
        let positions: Vec<usize> = (0..ids.len()).map(|row| row % length).collect();
        let hidden = self.hidden(ids, positions.into(), &mut |_, query, key, value| {
            let key = self.split(&key, batch, length)?;
            let value = self.split(&value, batch, length)?;
            self.attend(&query, &key, &value, batch, length)
        })?;
        self.logits(&hidden)
    }

    fn logits(&self, hidden: &Tensor) -> Result<Tensor, Error> {
        let hidden = kernels::rms_norm(hidden, &self.norm, self.epsilon())?;
        self.project(&hidden, &self.head)
    }

    /// `rows · weightᵀ`, between numbers of the network's precision.
    fn project(&self, rows: &Tensor, weight: &Tensor) -> Result<Tensor, Error> {
        let rows = self.carry(rows.clone())?;
        self.carry(rows.matmul(&weight.t()?)?)
    }

    fn carry(&self, rows: Tensor) -> Result<Tensor, Error> {
        self.precision.activation(rows)
    }

    fn epsilon(&self) -> f32 {
        self.config.rms_norm_eps as f32
    }

    /// The residual stream after all blocks; `attend` turns a block's rotated queries, keys and values into its output.
    fn hidden(
        &self,
        ids: &[u32],
        positions: Arc<[usize]>,
        attend: &mut dyn FnMut(usize, Tensor, Tensor, Tensor) -> Result<Tensor, Error>,
    ) -> Result<Tensor, Error> {
        let ids = Tensor::from_slice(ids, ids.len(), &Device::Cpu)?;
        let mut stream = self.embedding.index_select(&ids, 0)?;
        for (layer, block) in self.blocks.iter().enumerate() {
            let rows = kernels::rms_norm(&stream, &block.attention_norm, self.epsilon())?;
            let query = self.project(&rows, &block.query)?;
            let query = kernels::rotate(&query, &self.rotation, &positions)?;
            let key = self.project(&rows, &block.key)?;
            let key = kernels::rotate(&key, &self.rotation, &positions)?;
            let value = self.project(&rows, &block.value)?;
            let seen = attend(layer, query, key, value)?;
            stream = self.carry((stream + self.project(&seen, &block.output)?)?)?;

            let rows = kernels::rms_norm(&stream, &block.feed_norm, self.epsilon())?;
            let gate = self.project(&rows, &block.gate)?;
            let up = self.project(&rows, &block.up)?;
            let fed = self.project(&kernels::swiglu(&gate, &up)?, &block.down)?;
            stream = self.carry((stream + fed)?)?;
        }
        Ok(stream)
    }

    fn attend_spans(
        &self,
        spans: &mut [Span<'_>],
        layer: usize,
        query: Tensor,
        key: Tensor,
        value: Tensor,
    ) -> Result<Tensor, Error> {
        let mut outputs = Vec::with_capacity(spans.len());
        let mut start = 0;
        for span in spans {
            let count = span.tokens.len();
            let key = self.split(&key.narrow(0, start, count)?, 1, count)?;
            let value = self.split(&value.narrow(0, start, count)?, 1, count)?;
            let (key, value) = span.cache.append(layer, &key, &value)?;
            let query = query.narrow(0, start, count)?;
            outputs.push(self.attend(&query, &key, &value, 1, count)?);
            start += count;
        }
        match outputs.as_slice() {
            [single] => Ok(single.clone()),
            _ => Ok(Tensor::cat(&outputs, 0)?),
        }
    }

    /// (batch · length, heads · size) to (batch · heads, length, size), for keys and values.
    fn split(&self, rows: &Tensor, batch: usize, length: usize) -> Result<Tensor, Error> {
        let (heads, size) = (self.config.key_value_heads(), self.config.head_size());
        let split = rows
            .reshape((batch, length, heads, size))?
            .transpose(1, 2)?;
        Ok(split.contiguous()?.reshape((batch * heads, length, size))?)
    }

    /// Attention of `length` rows per sequence over keys and values of shape (batch · heads, positions, size).
    ///
    /// Query heads that share a key head are stacked as further rows, so nothing is repeated.
    fn attend(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        batch: usize,
        length: usize,
    ) -> Result<Tensor, Error> {
        let (heads, size) = (self.config.num_attention_heads, self.config.head_size());
        let shared = self.config.key_value_heads();
        let query = query
            .reshape((batch, length, heads, size))?
            .transpose(1, 2)?
            .contiguous()?;
        let query = query.reshape((batch * shared, heads / shared * length, size))?;
        let scores = query.matmul(&key.transpose(1, 2)?)?;
        let shares = kernels::causal_softmax(&scores, 1.0 / (size as f32).sqrt(), length)?;
        let seen = shares
            .matmul(value)?
            .reshape((batch, heads, length, size))?;
        Ok(seen
            .transpose(1, 2)?
            .contiguous()?
            .reshape((batch * length, heads * size))?)
    }
}

impl Cache {
    /// Positions held.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Appends a block's keys and values, and returns all so far.
    fn append(
        &mut self,
        layer: usize,
        key: &Tensor,
        value: &Tensor,
    ) -> Result<(Tensor, Tensor), Error> {
        let (heads, count, size) = key.dims3()?;
        let total = self.positions + count;
        let (keys, values) = match self.layers[layer].take() {
            Some((keys, values)) if keys.dim(1)? >= total => (keys, values),
            outgrown => {
                let room = total.next_multiple_of(CACHE_STEP);
                let keys = Tensor::zeros((heads, room, size), DType::F32, &Device::Cpu)?;
                let values = keys.zeros_like()?;
                if let Some((old_keys, old_values)) = outgrown {
                    keys.slice_set(&old_keys, 1, 0)?;
                    values.slice_set(&old_values, 1, 0)?;
                }
                (keys, values)
            }
        };
        keys.slice_set(key, 1, self.positions)?;
        values.slice_set(value, 1, self.positions)?;
        let seen = (keys.narrow(1, 0, total)?, values.narrow(1, 0, total)?);
        self.layers[layer] = Some((keys, values));
        Ok(seen)
    }
}

/// The names and shapes of a network's tensors.
pub(crate) fn shapes(config: &Config) -> Result<BTreeMap<String, Vec<usize>>, Error> {
    let mut shapes = BTreeMap::new();
    let nothing = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
    Network::build(config.clone(), &mut |name, shape| {
        shapes.insert(name.to_owned(), shape.to_vec());
        Ok(nothing.clone())
    })?;
    Ok(shapes)
}

/// Initial weights: norms are one, embeddings small, projections scaled so that the residual stream keeps its size.
pub(crate) fn random_tensors(
    config: &Config,
    seed: u64,
) -> Result<BTreeMap<String, Tensor>, Error> {
    let mut noise = ChaCha12Rng::seed_from_u64(seed);
    let depth = (2.0 * config.num_hidden_layers as f32).sqrt();
    let mut tensors = BTreeMap::new();
    for (name, shape) in shapes(config)? {
        let count = shape.iter().product();
        let fan_in = *shape.last().unwrap_or(&1) as f32;
        let scale = match name.as_str() {
            name if name.contains("norm") => None,
            "model.embed_tokens.weight" | "lm_head.weight" => Some(0.02),
            name if name.contains("o_proj") || name.contains("down_proj") => {
                Some(1.0 / (fan_in.sqrt() * depth))
            }
            _ => Some(1.0 / fan_in.sqrt()),
        };
        let values = match scale {
            None => vec![1f32; count],
            Some(scale) => (0..count).map(|_| scale * normal(&mut noise)).collect(),
        };
        tensors.insert(name, Tensor::from_vec(values, shape, &Device::Cpu)?);
    }
    Ok(tensors)
}

/// A draw from the normal distribution: the sum of twelve uniform draws, which needs no logarithm and is the same on
/// every machine.
fn normal(noise: &mut ChaCha12Rng) -> f32 {
    (0..12).map(|_| noise.random::<f32>()).sum::<f32>() - 6.0
}

#[cfg(test)]
mod tests;
