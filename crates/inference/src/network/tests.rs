//! The network against a direct reading of the family's definition, and against itself in other arrangements.

use std::collections::BTreeMap;

use super::*;
use crate::fixture;

fn network(seed: u64) -> Network {
    Network::random(fixture::config(50), seed).unwrap()
}

fn ids(count: usize) -> Vec<u32> {
    (0..count as u32).map(|index| index * 17 % 50).collect()
}

fn read_all(network: &Network, ids: &[u32], pieces: &[usize]) -> Vec<Vec<f32>> {
    let mut cache = network.cache();
    let mut rows = Vec::new();
    let mut rest = ids;
    for piece in pieces {
        let (tokens, after) = rest.split_at(*piece);
        rest = after;
        let span = Span {
            tokens,
            cache: &mut cache,
            logits_from: 0,
        };
        rows.extend(network.read(&mut [span]).unwrap().remove(0));
    }
    assert!(rest.is_empty());
    rows
}

fn distance(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The definition, in loops and 64-bit floats: no tensors, no cache, no batching.
struct Plain {
    config: Config,
    tensors: BTreeMap<String, Vec<Vec<f64>>>,
}

impl Plain {
    fn new(config: Config, tensors: &BTreeMap<String, Tensor>) -> Self {
        let rows = |tensor: &Tensor| -> Vec<Vec<f64>> {
            let tensor = if tensor.rank() == 1 {
                tensor.unsqueeze(0).unwrap()
            } else {
                tensor.clone()
            };
            let rows = tensor.to_vec2::<f32>().unwrap();
            rows.into_iter()
                .map(|row| row.into_iter().map(f64::from).collect())
                .collect()
        };
        let tensors = tensors
            .iter()
            .map(|(name, tensor)| (name.clone(), rows(tensor)))
            .collect();
        Self { config, tensors }
    }

    fn apply(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let rows = &self.tensors[name];
        rows.iter()
            .map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum())
            .collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        let root = (mean + self.config.rms_norm_eps).sqrt();
        x.iter()
            .zip(&self.tensors[name][0])
            .map(|(x, w)| x / root * w)
            .collect()
    }

    fn turn(&self, x: &[f64], position: usize) -> Vec<f64> {
        let size = self.config.head_size();
        let half = size / 2;
        let mut out = x.to_vec();
        for head in (0..x.len()).step_by(size) {
            for pair in 0..half {
                let frequency = self
                    .config
                    .rope_theta
                    .powf(-2.0 * pair as f64 / size as f64);
                let (sine, cosine) = (position as f64 * frequency).sin_cos();
                let (a, b) = (x[head + pair], x[head + pair + half]);
                out[head + pair] = a * cosine - b * sine;
                out[head + pair + half] = b * cosine + a * sine;
            }
        }
        out
    }

    fn logits(&self, ids: &[u32]) -> Vec<Vec<f32>> {
        let mut stream: Vec<Vec<f64>> = ids
            .iter()
            .map(|id| self.tensors["model.embed_tokens.weight"][*id as usize].clone())
            .collect();
        for layer in 0..self.config.num_hidden_layers {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            let mut keys = Vec::new();
            let mut values = Vec::new();
            for (position, x) in stream.iter_mut().enumerate() {
                let normed = self.norm(&name("input_layernorm"), x);
                keys.push(self.turn(&self.apply(&name("self_attn.k_proj"), &normed), position));
                values.push(self.apply(&name("self_attn.v_proj"), &normed));
                let query = self.turn(&self.apply(&name("self_attn.q_proj"), &normed), position);
                let seen = self.attend(&query, &keys, &values);
                add(x, &self.apply(&name("self_attn.o_proj"), &seen));
                let normed = self.norm(&name("post_attention_layernorm"), x);
                let gate = self.apply(&name("mlp.gate_proj"), &normed);
                let up = self.apply(&name("mlp.up_proj"), &normed);
                let inner: Vec<f64> = gate
                    .iter()
                    .zip(up)
                    .map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up)
                    .collect();
                add(x, &self.apply(&name("mlp.down_proj"), &inner));
            }
        }
        let head = if self.config.tie_word_embeddings {
            "model.embed_tokens"
        } else {
            "lm_head"
        };
        stream
            .iter()
            .map(|x| {
                self.apply(
                    &format!("{head}.weight"),
                    &self.norm("model.norm.weight", x),
                )
            })
            .map(|row| row.into_iter().map(|logit| logit as f32).collect())
            .collect()
    }

    fn attend(&self, query: &[f64], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<f64> {
        let size = self.config.head_size();
        let group = self.config.num_attention_heads / self.config.key_value_heads();
        let mut out = Vec::new();
        for head in 0..self.config.num_attention_heads {
            let query = &query[head * size..][..size];
            let from = head / group * size;
            let weights: Vec<f64> = keys
                .iter()
                .map(|key| {
                    query
                        .iter()
                        .zip(&key[from..])
                        .map(|(q, k)| q * k)
                        .sum::<f64>()
                })
                .map(|score| (score / (size as f64).sqrt()).exp())
                .collect();
            let total: f64 = weights.iter().sum();
            for index in 0..size {
                let sum: f64 = weights
                    .iter()
                    .zip(values)
                    .map(|(w, value)| w * value[from + index])
                    .sum();
                out.push(sum / total);
            }
        }
        out
    }
}

fn add(x: &mut [f64], y: &[f64]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

#[test]
fn logits_are_what_the_definition_says() {
    for (tied, shared) in [(false, 2), (true, 4), (false, 1)] {
        let mut config = fixture::config(50);
        config.tie_word_embeddings = tied;
        config.num_key_value_heads = Some(shared);
        let tensors = random_tensors(&config, 5).unwrap();
        let plain = Plain::new(config.clone(), &tensors);
        let network = Network::build(config, &mut |name, _| Ok(tensors[name].clone())).unwrap();
        let ids = ids(20);
        let distance = distance(&read_all(&network, &ids, &[20]), &plain.logits(&ids));
        assert!(
            distance < 1e-5,
            "tied {tied}, {shared} shared heads: {distance}"
        );
    }
}

#[test]
fn a_cache_changes_nothing_wherever_the_sequence_is_cut() {
    let network = network(1);
    let ids = ids(40);
    let whole = read_all(&network, &ids, &[40]);
    for pieces in [vec![1; 40], vec![39, 1], vec![1, 39], vec![7, 20, 1, 12]] {
        let distance = distance(&whole, &read_all(&network, &ids, &pieces));
        assert!(distance < 1e-5, "{pieces:?}: {distance}");
    }
}

#[test]
fn the_cache_grows_past_its_first_step() {
    let mut config = fixture::config(50);
    config.max_position_embeddings = 2 * CACHE_STEP + 10;
    let network = Network::random(config, 2).unwrap();
    let ids = ids(2 * CACHE_STEP + 10);
    let whole = read_all(&network, &ids, &[ids.len()]);
    let cut = read_all(&network, &ids, &[CACHE_STEP - 1, 2, CACHE_STEP - 1, 1, 9]);
    assert!(distance(&whole, &cut) < 1e-5);
}

#[test]
fn sequences_read_together_do_not_see_each_other() {
    let network = network(3);
    let (long, short) = (ids(12), vec![3, 4]);
    let alone = (
        read_all(&network, &long, &[5, 7]),
        read_all(&network, &short, &[2]),
    );
    let (mut first, mut second) = (network.cache(), network.cache());
    let read = |spans: &mut [Span<'_>]| network.read(spans).unwrap();
    let start = read(&mut [Span {
        tokens: &long[..5],
        cache: &mut first,
        logits_from: 0,
    }]);
    let both = read(&mut [
        Span {
            tokens: &long[5..],
            cache: &mut first,
            logits_from: 0,
        },
        Span {
            tokens: &short,
            cache: &mut second,
            logits_from: 0,
        },
    ]);
    let together: Vec<Vec<f32>> = start[0].iter().chain(&both[0]).cloned().collect();
    assert!(distance(&alone.0, &together) < 1e-5);
    assert!(distance(&alone.1, &both[1]) < 1e-5);
    assert_eq!((first.positions(), second.positions()), (12, 2));
}

#[test]
fn only_the_wanted_logits_come_back() {
    let network = network(4);
    let ids = ids(6);
    let all = read_all(&network, &ids, &[6]);
    for logits_from in [0, 4, 5, 6, 9] {
        let span = Span {
            tokens: &ids,
            cache: &mut network.cache(),
            logits_from,
        };
        let rows = network.read(&mut [span]).unwrap().remove(0);
        assert!(
            distance(&rows, &all[logits_from.min(6)..]) < 1e-5,
            "from {logits_from}"
        );
    }
}

#[test]
fn the_batch_for_training_is_the_same_network() {
    let network = network(6);
    let ids = ids(24);
    let batch = network
        .read_batch(&ids, 8)
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    let each: Vec<Vec<f32>> = ids
        .chunks(8)
        .flat_map(|row| read_all(&network, row, &[8]))
        .collect();
    assert!(distance(&batch, &each) < 1e-5);
}

#[test]
fn a_seed_names_the_weights() {
    let ids = ids(4);
    assert_eq!(
        read_all(&network(7), &ids, &[4]),
        read_all(&network(7), &ids, &[4])
    );
    assert_ne!(
        read_all(&network(7), &ids, &[4]),
        read_all(&network(8), &ids, &[4])
    );
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let network = network(9);
    let read = |tokens: &[u32]| {
        network.read(&mut [Span {
            tokens,
            cache: &mut network.cache(),
            logits_from: 0,
        }])
    };
    assert!(read(&[50]).is_err(), "no such token");
    assert!(read(&ids(fixture::CONTEXT)).is_ok());
    assert!(
        read(&ids(fixture::CONTEXT + 1)).is_err(),
        "past the context"
    );
}
