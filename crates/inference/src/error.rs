//! What can go wrong between a prompt and an answer, in words that say what to do.

use std::path::PathBuf;

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the model cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why the operating system refused.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why the operating system refused.
        source: std::io::Error,
    },
    /// `config.json` describes no network this crate can build.
    #[error("{} does not describe a Llama-family network: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The field and what is wrong with it.
        reason: String,
    },
    /// A weights file is cut short or not safetensors at all.
    #[error("{} is torn or not a safetensors file ({reason}); fetch it again", path.display())]
    TornWeights {
        /// The file.
        path: PathBuf,
        /// What the reader stumbled over.
        reason: String,
    },
    /// A tensor that the configuration calls for is in no file.
    #[error(
        "tensor {name} is in none of the weight files; config.json asks for shape {expected:?}"
    )]
    MissingTensor {
        /// Its name in Hugging Face's naming.
        name: String,
        /// The shape it would have.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the configuration calls for.
    #[error("tensor {name} has shape {found:?}, config.json asks for {expected:?}")]
    TensorShape {
        /// Its name.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape of the configuration.
        expected: Vec<usize>,
    },
    /// A tensor is stored in a number format that is not read.
    #[error("tensor {name} is stored as {found}; convert it to F32, F16 or BF16")]
    TensorType {
        /// Its name.
        name: String,
        /// The format in the file.
        found: String,
    },
    /// `tokenizer.json` cannot be used.
    #[error("tokenizer {origin}: {reason}")]
    Tokenizer {
        /// Where it came from.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// `calibration.json` cannot be used.
    #[error("{} is no calibration ({reason}); make it again with `stoa calibrate text`", path.display())]
    Calibration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The prompt leaves no room for an answer.
    #[error("the prompt is {tokens} tokens, this model takes at most {limit}; shorten it")]
    PromptTooLong {
        /// The prompt's length.
        tokens: usize,
        /// The longest prompt that still leaves room for one token.
        limit: usize,
    },
    /// A parameter of the request is out of its range.
    #[error("{parameter} {reason}")]
    InvalidRequest {
        /// The parameter's name in OpenAI's API.
        parameter: &'static str,
        /// What it has to be.
        reason: String,
    },
    /// As many requests as allowed are waiting already.
    #[error("{waiting} requests are waiting already; try again shortly or ask another miner")]
    Busy {
        /// The length of the queue.
        waiting: usize,
    },
    /// The engine was shut down, or its worker ended.
    #[error("the engine has stopped")]
    Stopped,
    /// A step of the network failed; all answers under way end with it.
    #[error("the model failed while answering: {reason}")]
    Step {
        /// What the arithmetic said.
        reason: String,
    },
    /// The server behind [`crate::upstream`] failed.
    #[error("upstream {url}: {reason}")]
    Upstream {
        /// The server.
        url: String,
        /// What it did.
        reason: String,
    },
    /// A corpus from which nothing can be learnt.
    #[error("corpus {}: {reason}", path.display())]
    Corpus {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Tensor arithmetic failed: shapes that do not fit, or no memory.
    #[error("tensor arithmetic failed: {0}")]
    Tensor(#[from] candle_core::Error),
}
