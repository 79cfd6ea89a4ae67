//! The shape of a network, as `config.json` of a Llama-family checkpoint states it.

use std::f64::consts::PI;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// `config.json` in Hugging Face's naming. Fields that change nothing in the forward pass are not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The family; `llama` and those that compute the same.
    #[serde(default = "llama")]
    pub model_type: String,
    /// Tokens in the vocabulary.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside a feed-forward block.
    pub intermediate_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Heads that ask.
    pub num_attention_heads: usize,
    /// Heads that are asked; as many as ask if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; the residual's width divided among the heads if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Longest sequence.
    pub max_position_embeddings: usize,
    /// Added to the mean square before its root.
    #[serde(default = "default_epsilon")]
    pub rms_norm_eps: f64,
    /// Base of the rotation frequencies.
    #[serde(default = "default_theta")]
    pub rope_theta: f64,
    /// How frequencies are stretched for longer sequences than first trained on.
    #[serde(
        default,
        alias = "rope_parameters",
        skip_serializing_if = "Option::is_none"
    )]
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the embedding is also the output layer.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// The activation; only `silu` is known.
    #[serde(default = "silu")]
    pub hidden_act: String,
    /// Whether projections of attention have biases; not supported.
    #[serde(default)]
    pub attention_bias: bool,
    /// Whether projections of feed-forward blocks have biases; not supported.
    #[serde(default)]
    pub mlp_bias: bool,
    /// Tokens that end an answer.
    #[serde(default)]
    pub eos_token_id: Ending,
    /// Number format in which the weights are stored.
    #[serde(default, alias = "dtype", skip_serializing_if = "Option::is_none")]
    pub torch_dtype: Option<String>,
    /// Classes that other tools build from this file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
}

/// Stretching of rotation frequencies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RopeScaling {
    /// `default`, `linear` or `llama3`.
    #[serde(default, alias = "type")]
    pub rope_type: String,
    /// The base, where a file keeps it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// How much longer sequences are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Where slow frequencies begin, `llama3` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_freq_factor: Option<f64>,
    /// Where fast frequencies begin, `llama3` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_freq_factor: Option<f64>,
    /// The length first trained on, `llama3` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_max_position_embeddings: Option<f64>,
}

/// Tokens that end an answer: files hold none, one or a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ending {
    /// No token does.
    #[default]
    None,
    /// One does.
    One(u32),
    /// Any of these does.
    Any(Vec<u32>),
}

impl Ending {
    /// Whether `id` ends an answer.
    pub fn contains(&self, id: u32) -> bool {
        self.each().contains(&id)
    }

    /// The first token that ends an answer.
    pub fn first(&self) -> Option<u32> {
        self.each().first().copied()
    }

    /// All tokens that end an answer.
    pub fn each(&self) -> &[u32] {
        match self {
            Self::None => &[],
            Self::One(end) => std::slice::from_ref(end),
            Self::Any(ends) => ends,
        }
    }
}

impl Config {
    /// Reads and checks the text of a `config.json`.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Config {
            path: path.to_owned(),
            reason,
        };
        let config: Self =
            serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
        config.check().map_err(refuse)?;
        Ok(config)
    }

    /// Checks that the numbers describe a network.
    ///
    /// # Errors
    ///
    /// The field and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if !matches!(self.model_type.as_str(), "llama" | "mistral") {
            return Err(format!(
                "model_type {} is not llama or mistral",
                self.model_type
            ));
        }
        if self.hidden_act != "silu" {
            return Err(format!("hidden_act {} is not silu", self.hidden_act));
        }
        if self.attention_bias || self.mlp_bias {
            return Err("attention_bias and mlp_bias are not supported".into());
        }
        for (field, value) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.key_value_heads()),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            if value == 0 {
                return Err(format!("{field} is zero"));
            }
        }
        if !self
            .num_attention_heads
            .is_multiple_of(self.key_value_heads())
        {
            return Err("num_attention_heads is no multiple of num_key_value_heads".into());
        }
        if self.head_size() == 0 || !self.head_size().is_multiple_of(2) {
            return Err(format!(
                "a head of width {} cannot be rotated",
                self.head_size()
            ));
        }
        self.frequencies().map(|_| ())
    }

    /// Heads that are asked.
    pub fn key_value_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of a head.
    pub fn head_size(&self) -> usize {
        self.head_dim
            .unwrap_or(self.hidden_size / self.num_attention_heads)
    }

    /// Weights in the network.
    pub fn parameters(&self) -> usize {
        let heads = self.num_attention_heads * self.head_size();
        let shared = self.key_value_heads() * self.head_size();
        let attention = 2 * self.hidden_size * (heads + shared);
        let feed_forward = 3 * self.hidden_size * self.intermediate_size;
        let block = attention + feed_forward + 2 * self.hidden_size;
        let ends = if self.tie_word_embeddings { 1 } else { 2 };
        ends * self.vocab_size * self.hidden_size
            + self.num_hidden_layers * block
            + self.hidden_size
    }

    /// The angle per position of each pair of a head.
    pub(crate) fn frequencies(&self) -> Result<Vec<f64>, String> {
        let scaling = self.rope_scaling.clone().unwrap_or_default();
        let theta = scaling.rope_theta.unwrap_or(self.rope_theta);
        let size = self.head_size();
        let plain = (0..size / 2).map(|pair| theta.powf(-2.0 * pair as f64 / size as f64));
        match scaling.rope_type.as_str() {
            "" | "default" => Ok(plain.collect()),
            "linear" => {
                let factor = scaling.factor.ok_or("rope_scaling.factor is missing")?;
                Ok(plain.map(|frequency| frequency / factor).collect())
            }
            "llama3" => scaling.llama3(plain),
            other => Err(format!("rope_scaling of type {other} is not supported")),
        }
    }
}

impl RopeScaling {
    /// Leaves fast frequencies, divides slow ones, and blends between.
    fn llama3(&self, plain: impl Iterator<Item = f64>) -> Result<Vec<f64>, String> {
        let need = |value: Option<f64>, field: &str| {
            value.ok_or_else(|| format!("rope_scaling.{field} is missing"))
        };
        let factor = need(self.factor, "factor")?;
        let low = need(self.low_freq_factor, "low_freq_factor")?;
        let high = need(self.high_freq_factor, "high_freq_factor")?;
        let length = need(
            self.original_max_position_embeddings,
            "original_max_position_embeddings",
        )?;
        Ok(plain
            .map(|frequency| {
                let turns = length * frequency / (2.0 * PI);
                if turns < low {
                    frequency / factor
                } else if turns > high {
                    frequency
                } else {
                    let blend = (turns - low) / (high - low);
                    (1.0 - blend) * frequency / factor + blend * frequency
                }
            })
            .collect())
    }
}

fn llama() -> String {
    "llama".into()
}

fn silu() -> String {
    "silu".into()
}

fn default_epsilon() -> f64 {
    1e-6
}

fn default_theta() -> f64 {
    10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Config, Error> {
        Config::parse(json.as_bytes(), Path::new("config.json"))
    }

    const SMALL: &str = r#""vocab_size": 8, "hidden_size": 8, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 32"#;

    #[test]
    fn absent_fields_take_the_familys_defaults() {
        let config = parse(&format!("{{{SMALL}}}")).unwrap();
        assert_eq!(config.key_value_heads(), 2);
        assert_eq!(config.head_size(), 4);
        assert_eq!(config.frequencies().unwrap(), [1.0, 0.01]);
        assert_eq!(config.eos_token_id, Ending::None);
    }

    #[test]
    fn the_end_is_one_token_or_any_of_several() {
        let one = parse(&format!("{{{SMALL}, \"eos_token_id\": 3}}")).unwrap();
        assert!(one.eos_token_id.contains(3) && !one.eos_token_id.contains(4));
        let none = parse(&format!("{{{SMALL}, \"eos_token_id\": null}}")).unwrap();
        assert_eq!(none.eos_token_id, Ending::None);
        let any = parse(&format!("{{{SMALL}, \"eos_token_id\": [3, 4]}}")).unwrap();
        assert!(any.eos_token_id.contains(3) && any.eos_token_id.contains(4));
    }

    #[test]
    fn llama3_scaling_leaves_fast_frequencies_and_divides_slow_ones() {
        let config = parse(&format!(
            "{{{SMALL}, \"rope_theta\": 500000.0, \"rope_scaling\": {{\"rope_type\": \"llama3\",
            \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0,
            \"original_max_position_embeddings\": 8192}}}}"
        ))
        .unwrap();
        let frequencies = config.frequencies().unwrap();
        assert_eq!(frequencies[0], 1.0);
        // 8192 · 500000^-½ / 2π = 1.84 turns: between, blended by (1.84 − 1) / 3
        let plain = 500_000f64.powf(-0.5);
        let blend = (8192.0 * plain / (2.0 * PI) - 1.0) / 3.0;
        assert!((frequencies[1] - plain * ((1.0 - blend) / 8.0 + blend)).abs() < 1e-12);
    }

    #[test]
    fn a_network_of_another_kind_is_refused_by_name() {
        let refused = |extra: &str| {
            parse(&format!("{{{SMALL}, {extra}}}"))
                .unwrap_err()
                .to_string()
        };
        assert!(refused(r#""model_type": "gpt2""#).contains("model_type gpt2"));
        assert!(refused(r#""hidden_act": "gelu""#).contains("hidden_act gelu"));
        assert!(refused(r#""attention_bias": true"#).contains("attention_bias"));
        assert!(refused(r#""rope_scaling": {"rope_type": "yarn"}"#).contains("yarn"));
        assert!(refused(r#""num_key_value_heads": 3"#).contains("multiple"));
    }
}
