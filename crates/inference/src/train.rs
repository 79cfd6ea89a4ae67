//! Makes a small model of text from one file.
//!
//! [`text`] trains a byte-level BPE vocabulary and a network on a corpus, and writes a directory that
//! [`crate::model::Model::load`], and any other tool that reads Llama checkpoints, can open. The same corpus, options
//! and machine give the same files.
//!
//! # What it learns from
//!
//! A corpus is paragraphs divided by blank lines; in a play, speeches. Two kinds of rows alternate at random: a
//! window of the plain text, which teaches to continue text, and consecutive paragraphs laid out as the turns of a
//! conversation, which teaches to answer a turn with the next one and then to stop. So the model needs no second,
//! hand-made corpus to behave in a chat. The last tenth of the paragraphs is never trained on; the loss over it is
//! reported.
//!
//! # How
//!
//! AdamW on the mean cross-entropy; the gradient is clipped to norm one; the rate rises over the first twentieth of
//! the steps and falls to a tenth along half a cosine. Matrices decay, norms do not.

mod card;
mod corpus;

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use candle_nn::optim::{AdamW, Optimizer, ParamsAdamW};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use crate::config::{Config, Ending};
use crate::error::Error;
use crate::kernels;
use crate::model::{Model, Source};
use crate::network::{Network, random_tensors};
use crate::weights;
pub use crate::weights::StoredAs;
use corpus::{Corpus, Part};

/// Opens a turn.
const TURN_START: &str = "<|im_start|>";
/// Closes a turn, and so an answer.
const TURN_END: &str = "<|im_end|>";
/// Closes a text.
const TEXT_END: &str = "<|endoftext|>";

/// How long a gradient may be.
const GRADIENT_NORM_MAX: f64 = 1.0;
/// The part of all steps over which the rate rises.
const WARMUP_SHARE: f64 = 0.05;
/// What is left of the rate at the end.
const RATE_FLOOR: f64 = 0.1;

/// What to train on, and how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// A UTF-8 text file.
    pub corpus: PathBuf,
    /// The directory to write.
    pub out: PathBuf,
    /// The model's name, for its card.
    pub name: String,
    /// Updates of the weights.
    pub steps: usize,
    /// Sequences per update.
    pub batch: usize,
    /// Tokens per sequence, and the model's context.
    pub context: usize,
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Blocks.
    pub layers: usize,
    /// Heads that ask.
    pub heads: usize,
    /// Heads that are asked.
    pub key_value_heads: usize,
    /// Width inside a feed-forward block.
    pub inner: usize,
    /// Highest learning rate.
    pub rate: f64,
    /// How strongly matrices shrink.
    pub decay: f64,
    /// Number format of the weights written.
    pub stored_as: StoredAs,
    /// Names all randomness.
    pub seed: u64,
}

impl Options {
    /// The recipe of the shipped model.
    pub fn new(corpus: PathBuf, out: PathBuf) -> Self {
        Self {
            corpus,
            out,
            name: "stoa-shakespeare".into(),
            steps: 2000,
            batch: 8,
            context: 256,
            vocabulary: 1024,
            width: 192,
            layers: 4,
            heads: 6,
            key_value_heads: 2,
            inner: 512,
            rate: 3e-3,
            decay: 0.1,
            stored_as: StoredAs::F16,
            seed: 1,
        }
    }

    fn config(&self, ends: Vec<u32>) -> Config {
        Config {
            model_type: "llama".into(),
            vocab_size: self.vocabulary,
            hidden_size: self.width,
            intermediate_size: self.inner,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            num_key_value_heads: Some(self.key_value_heads),
            head_dim: Some(self.width / self.heads.max(1)),
            max_position_embeddings: self.context,
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            rope_scaling: None,
            tie_word_embeddings: true,
            hidden_act: "silu".into(),
            attention_bias: false,
            mlp_bias: false,
            eos_token_id: Ending::Any(ends),
            torch_dtype: Some(self.stored_as.name().into()),
            architectures: vec!["LlamaForCausalLM".into()],
        }
    }
}

/// Where training stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Updates done.
    pub step: usize,
    /// Mean loss of the last batch, in nats per token.
    pub loss: f32,
    /// Length of the gradient before clipping.
    pub gradient_norm: f64,
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Weights in the network.
    pub parameters: usize,
    /// Tokens in the training part of the corpus.
    pub corpus_tokens: usize,
    /// Tokens read while training.
    pub trained_tokens: usize,
    /// Held-out loss on plain text, nats per token.
    pub loss_plain: f32,
    /// The same in bits per byte of text, which does not depend on the vocabulary.
    pub bits_per_byte: f32,
    /// Held-out loss on conversations, nats per token.
    pub loss_chat: f32,
    /// How long it took.
    pub duration: Duration,
}

/// Trains a vocabulary and a network, writes the directory, and reports; `progress` is called after every step.
///
/// # Errors
///
/// [`Error::Corpus`] for a file too small to learn from, [`Error::Config`] for sizes that describe no network, and
/// those of reading, writing and arithmetic.
pub fn text(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Report, Error> {
    let begun = Instant::now();
    let corpus = Corpus::read(&options.corpus, options.vocabulary, options.context)?;
    let config = options.config(corpus.ends());
    config.check().map_err(|reason| Error::Config {
        path: "config.json".into(),
        reason,
    })?;

    let variables: BTreeMap<String, Var> = random_tensors(&config, options.seed)?
        .into_iter()
        .map(|(name, tensor)| Ok((name, Var::from_tensor(&tensor)?)))
        .collect::<Result<_, Error>>()?;
    let network = Network::build(config.clone(), &mut |name, _| {
        Ok(variables[name].as_tensor().clone())
    })?;
    fit(options, &corpus, &network, &variables, progress)?;

    let network = write_model(options, &corpus, &config, &variables)?;
    let loss_plain = held_out(&network, &corpus.held_out_plain(), options)?;
    let report = Report {
        parameters: config.parameters(),
        corpus_tokens: corpus.tokens(Part::Train),
        trained_tokens: options.steps * options.batch * options.context,
        loss_plain,
        bits_per_byte: loss_plain / std::f32::consts::LN_2 / corpus.bytes_per_token(),
        loss_chat: held_out(&network, &corpus.held_out_chat(), options)?,
        duration: begun.elapsed(),
    };
    write(
        &options.out,
        "MODEL_CARD.md",
        &card::render(options, &corpus, &report),
    )?;
    Ok(report)
}

fn fit(
    options: &Options,
    corpus: &Corpus,
    network: &Network,
    variables: &BTreeMap<String, Var>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let (matrices, norms): (Vec<Var>, Vec<Var>) = variables
        .values()
        .cloned()
        .partition(|variable| variable.rank() > 1);
    let settings = |weight_decay| ParamsAdamW {
        lr: options.rate,
        beta1: 0.9,
        beta2: 0.99,
        eps: 1e-8,
        weight_decay,
    };
    let mut optimisers = [
        AdamW::new(matrices, settings(options.decay))?,
        AdamW::new(norms, settings(0.0))?,
    ];
    let mut noise = ChaCha12Rng::seed_from_u64(options.seed);
    noise.set_stream(1);
    for step in 0..options.steps {
        let (inputs, targets) = corpus.batch(&mut noise, options.batch);
        let logits = network.read_batch(&inputs, options.context)?;
        let loss = kernels::cross_entropy(&logits, targets.into())?;
        let mut gradients = loss.backward()?;
        let gradient_norm = clip(&mut gradients, variables)?;
        for optimiser in &mut optimisers {
            optimiser.set_learning_rate(options.rate * schedule(step, options.steps));
            optimiser.step(&gradients)?;
        }
        progress(Progress {
            step: step + 1,
            loss: loss.to_scalar()?,
            gradient_norm,
        });
    }
    Ok(())
}

/// The share of the highest rate at a step.
fn schedule(step: usize, steps: usize) -> f64 {
    let warmup = (steps as f64 * WARMUP_SHARE).ceil();
    let step = step as f64 + 1.0;
    if step <= warmup {
        return step / warmup;
    }
    let done = (step - warmup) / (steps as f64 - warmup).max(1.0);
    RATE_FLOOR + (1.0 - RATE_FLOOR) * 0.5 * (1.0 + (PI * done).cos())
}

/// Shortens the gradient of all variables together to [`GRADIENT_NORM_MAX`]; returns its length before.
fn clip(gradients: &mut GradStore, variables: &BTreeMap<String, Var>) -> Result<f64, Error> {
    let mut square = 0f64;
    for variable in variables.values() {
        if let Some(gradient) = gradients.get(variable) {
            square += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
    }
    let norm = square.sqrt();
    if norm > GRADIENT_NORM_MAX {
        for variable in variables.values() {
            if let Some(gradient) = gradients.remove(variable) {
                gradients.insert(variable, (gradient * (GRADIENT_NORM_MAX / norm))?);
            }
        }
    }
    Ok(norm)
}

/// Mean loss over rows of `context + 1` tokens.
fn held_out(network: &Network, rows: &[Vec<u32>], options: &Options) -> Result<f32, Error> {
    let mut total = 0f64;
    for rows in rows.chunks(options.batch) {
        let (inputs, targets) = corpus::shift(rows);
        let logits = network.read_batch(&inputs, options.context)?;
        let loss: f32 = kernels::cross_entropy(&logits, Arc::from(targets))?.to_scalar()?;
        total += f64::from(loss) * rows.len() as f64;
    }
    Ok((total / rows.len().max(1) as f64) as f32)
}

/// Writes everything but the card, and returns the network as whoever loads it will see it: rounded as it is stored.
fn write_model(
    options: &Options,
    corpus: &Corpus,
    config: &Config,
    variables: &BTreeMap<String, Var>,
) -> Result<Network, Error> {
    let out = &options.out;
    std::fs::create_dir_all(out).map_err(|source| Error::Write {
        path: out.clone(),
        source,
    })?;
    let tensors: BTreeMap<String, Tensor> = variables
        .iter()
        .map(|(name, variable)| (name.clone(), variable.as_detached_tensor()))
        .collect();
    weights::write(&out.join("model.safetensors"), &tensors, options.stored_as)?;
    write(out, "config.json", &pretty(config))?;
    write(out, "tokenizer.json", &corpus.vocabulary().to_json()?)?;
    write(
        out,
        "tokenizer_config.json",
        &pretty(&tokenizer_config(options.context)),
    )?;
    Ok(Model::load(out)?.into_network())
}

/// Writes a model again with untrained weights in place of its own: same name, shape and vocabulary, other answers.
///
/// # Errors
///
/// Those of reading the model and of writing the directory.
pub fn perturb(source: &Source, out: &Path, seed: u64) -> Result<(), Error> {
    let config = source.config()?;
    std::fs::create_dir_all(out).map_err(|source| Error::Write {
        path: out.to_owned(),
        source,
    })?;
    let tensors = random_tensors(&config, seed)?;
    weights::write(&out.join("model.safetensors"), &tensors, StoredAs::F16)?;
    for file in [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    ] {
        if let Some(bytes) = source.find(file)? {
            let path = out.join(file);
            std::fs::write(&path, bytes).map_err(|source| Error::Write { path, source })?;
        }
    }
    Ok(())
}

/// A model trained on a little more text: another checkpoint of the same origin, as close as they come.
///
/// # Errors
///
/// Those of reading the model, and [`Error::InvalidRequest`] for less text than fills a row.
pub fn tuned(source: &Source, texts: &[String], steps: usize, rate: f64) -> Result<Model, Error> {
    /// Tokens of a row, and rows of an update.
    const ROW: usize = 64;
    const ROWS: usize = 4;
    let model = Model::open(source)?;
    let mut ids = Vec::new();
    for text in texts {
        ids.extend(model.vocabulary().encode(text)?);
    }
    let windows: Vec<Vec<u32>> = ids
        .windows(ROW + 1)
        .step_by(ROW)
        .map(<[u32]>::to_vec)
        .collect();
    if windows.is_empty() {
        return Err(Error::InvalidRequest {
            parameter: "texts",
            reason: format!("must hold more than {ROW} tokens"),
        });
    }
    let stored = source.weights()?;
    let mut variables = BTreeMap::new();
    let network = Network::build(source.config()?, &mut |name, shape| {
        let variable = Var::from_tensor(&stored.take(name, shape)?)?;
        let tensor = variable.as_tensor().clone();
        variables.insert(name.to_owned(), variable);
        Ok(tensor)
    })?;
    let settings = ParamsAdamW {
        lr: rate,
        weight_decay: 0.0,
        ..ParamsAdamW::default()
    };
    let mut optimiser = AdamW::new(variables.values().cloned().collect(), settings)?;
    for step in 0..steps {
        let rows = (0..ROWS).map(|row| windows[(step * ROWS + row) % windows.len()].clone());
        let (inputs, targets) = corpus::shift(&rows.collect::<Vec<_>>());
        let logits = network.read_batch(&inputs, ROW)?;
        let loss = kernels::cross_entropy(&logits, targets.into())?;
        let mut gradients = loss.backward()?;
        clip(&mut gradients, &variables)?;
        optimiser.step(&gradients)?;
    }
    model.with_network(network)
}

fn tokenizer_config(context: usize) -> serde_json::Value {
    serde_json::json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "eos_token": TURN_END,
        "pad_token": TEXT_END,
        "clean_up_tokenization_spaces": false,
        "chat_template": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' \
            + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}\
            {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    })
}

fn pretty(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string_pretty(value).expect("maps with string keys are JSON");
    json + "\n"
}

fn write(folder: &Path, file: &str, content: &str) -> Result<(), Error> {
    let path = folder.join(file);
    std::fs::write(&path, content).map_err(|source| Error::Write { path, source })
}

#[cfg(test)]
mod tests;
