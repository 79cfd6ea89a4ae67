//! A model: network, vocabulary and layout, loaded from a directory in Hugging Face's layout.
//!
//! One small model comes inside the program ([`Source::Shipped`]), so that a market runs anywhere without fetching
//! anything; it is the repository's `models/stoa-shakespeare`, file for file.
//!
//! | file | holds |
//! |---|---|
//! | `config.json` | the network's shape: [`Config`] |
//! | `model.safetensors`, or several and `model.safetensors.index.json` | the weights |
//! | `tokenizer.json` | the [`Vocabulary`] |
//! | `tokenizer_config.json` or `chat_template.jinja`, optional | the [`Template`] |
//! | `calibration.json`, optional, of `stoa calibrate text` | how far honest engines differ: the [`Calibration`] |

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::Config;
use crate::error::Error;
use crate::network::Network;
use crate::precision::Precision;
use crate::request::{FinishReason, Message, Prompt, Request};
use crate::template::Template;
use crate::transcript::Transcript;
use crate::trial::Calibration;
use crate::vocabulary::Vocabulary;
use crate::weights::Weights;

/// Everything needed to answer and to check answers.
pub struct Model {
    network: Network,
    vocabulary: Vocabulary,
    template: Template,
    calibration: Calibration,
}

/// The name of the model inside the program.
pub const SHIPPED: &str = "stoa-shakespeare";

macro_rules! shipped {
    ($($file:literal),+) => {
        &[$(($file, include_bytes!(concat!("../../../models/stoa-shakespeare/", $file)))),+]
    };
}

const SHIPPED_FILES: &[(&str, &[u8])] = shipped![
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "calibration.json"
];

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The one inside the program.
    Shipped,
    /// A directory.
    Folder(PathBuf),
}

impl From<&str> for Source {
    /// [`SHIPPED`] names the model inside the program, anything else a directory.
    fn from(name: &str) -> Self {
        if name == SHIPPED {
            Self::Shipped
        } else {
            Self::Folder(name.into())
        }
    }
}

impl Source {
    fn path(&self, file: &str) -> PathBuf {
        match self {
            Self::Shipped => Path::new(SHIPPED).join(file),
            Self::Folder(folder) => folder.join(file),
        }
    }

    /// A file's bytes; none if there is no such file.
    pub(crate) fn find(&self, file: &str) -> Result<Option<Cow<'static, [u8]>>, Error> {
        let Self::Folder(folder) = self else {
            let found = SHIPPED_FILES.iter().find(|(name, _)| *name == file);
            return Ok(found.map(|(_, bytes)| Cow::Borrowed(*bytes)));
        };
        let path = folder.join(file);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(Cow::Owned(bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    fn get(&self, file: &str) -> Result<Cow<'static, [u8]>, Error> {
        self.find(file)?.ok_or_else(|| Error::Read {
            path: self.path(file),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    pub(crate) fn config(&self) -> Result<Config, Error> {
        Config::parse(&self.get("config.json")?, &self.path("config.json"))
    }

    fn calibration(&self) -> Result<Calibration, Error> {
        let file = "calibration.json";
        let Some(bytes) = self.find(file)? else {
            return Ok(Calibration::default());
        };
        serde_json::from_slice(&bytes).map_err(|error| Error::Calibration {
            path: self.path(file),
            reason: error.to_string(),
        })
    }

    fn vocabulary(&self) -> Result<Vocabulary, Error> {
        let origin = self.path("tokenizer.json").display().to_string();
        Vocabulary::parse(&self.get("tokenizer.json")?, &origin)
    }

    pub(crate) fn weights(&self) -> Result<Weights, Error> {
        match self {
            Self::Folder(folder) => Weights::read(folder),
            Self::Shipped => {
                let file = "model.safetensors";
                Weights::from_bytes(self.get(file)?.into_owned(), &self.path(file))
            }
        }
    }

    /// The layout that the files state, or that the vocabulary's special tokens give away.
    fn template(&self, vocabulary: &Vocabulary) -> Result<Template, Error> {
        if let Some(program) = self.find("chat_template.jinja")? {
            return Ok(Template::detect(&String::from_utf8_lossy(&program)));
        }
        let file = "tokenizer_config.json";
        let program = match self.find(file)? {
            None => None,
            Some(bytes) => serde_json::from_slice::<TokenizerConfig>(&bytes)
                .map_err(|error| Error::Tokenizer {
                    origin: self.path(file).display().to_string(),
                    reason: error.to_string(),
                })?
                .chat_template
                .and_then(ChatTemplate::program),
        };
        Ok(Template::detect(
            &program.unwrap_or_else(|| vocabulary.special().concat()),
        ))
    }
}

#[derive(Deserialize)]
struct TokenizerConfig {
    #[serde(default)]
    chat_template: Option<ChatTemplate>,
}

/// A layout's program, or several of which one is the default.
#[derive(Deserialize)]
#[serde(untagged)]
enum ChatTemplate {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

impl ChatTemplate {
    fn program(self) -> Option<String> {
        match self {
            Self::One(program) => Some(program),
            Self::Named(list) => list
                .into_iter()
                .find(|entry| entry.name == "default")
                .map(|entry| entry.template),
        }
    }
}

impl Model {
    /// Loads a model.
    ///
    /// # Errors
    ///
    /// Every [`Error`] of reading: a missing or torn file, a tensor absent, misshapen or in another number format, a
    /// vocabulary larger than the network.
    pub fn open(source: &Source) -> Result<Self, Error> {
        Self::open_in(source, Precision::F32)
    }

    /// Loads a model to be computed as another number format would: to measure formats, and for the dishonest miner
    /// who sells a coarser one.
    ///
    /// # Errors
    ///
    /// As [`Model::open`].
    pub fn open_in(source: &Source, precision: Precision) -> Result<Self, Error> {
        let weights = source.weights()?;
        let network = Network::build_in(source.config()?, precision, &mut |name, shape| {
            weights.take(name, shape)
        })?;
        Self::assemble(network, source)
    }

    /// Loads a directory.
    ///
    /// # Errors
    ///
    /// As [`Model::open`].
    pub fn load(folder: &Path) -> Result<Self, Error> {
        Self::open(&Source::Folder(folder.to_owned()))
    }

    /// A model with its network replaced by an untrained one: same vocabulary, same shape, other weights. It is what a
    /// dishonest miner offers under a good model's name.
    ///
    /// # Errors
    ///
    /// As [`Model::open`].
    pub fn untrained(source: &Source, seed: u64) -> Result<Self, Error> {
        let network = Network::random(source.config()?, seed)?;
        Self::assemble(network, source)
    }

    fn assemble(network: Network, source: &Source) -> Result<Self, Error> {
        let vocabulary = source.vocabulary()?;
        let template = source.template(&vocabulary)?;
        let calibration = source.calibration()?;
        Ok(Self {
            calibration,
            ..Self::new(network, vocabulary, template)?
        })
    }

    /// Puts a model together from its parts.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the vocabulary has tokens the network does not know.
    pub fn new(
        network: Network,
        vocabulary: Vocabulary,
        template: Template,
    ) -> Result<Self, Error> {
        let (words, known) = (vocabulary.len(), network.config().vocab_size);
        if words > known {
            return Err(Error::Tokenizer {
                origin: "tokenizer.json".into(),
                reason: format!("has {words} tokens, the network knows {known}"),
            });
        }
        Ok(Self {
            network,
            vocabulary,
            template,
            calibration: Calibration::default(),
        })
    }

    /// How far honest engines and known cheats differ from this one.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The same model with another network in it.
    pub(crate) fn with_network(self, network: Network) -> Result<Self, Error> {
        Self::new(network, self.vocabulary, self.template)
    }

    pub(crate) fn into_network(self) -> Network {
        self.network
    }

    #[cfg(test)]
    pub(crate) fn into_vocabulary(self) -> Vocabulary {
        self.vocabulary
    }

    /// The vocabulary.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The layout of conversations.
    pub fn template(&self) -> Template {
        self.template
    }

    /// The longest prompt and answer together, in tokens.
    pub fn context_tokens(&self) -> usize {
        self.network.config().max_position_embeddings
    }

    /// Whether a token ends an answer.
    pub fn ends(&self, id: u32) -> bool {
        self.network.config().eos_token_id.contains(id)
    }

    /// The tokens the model reads for a prompt.
    ///
    /// Special tokens written out inside messages are dropped: a person cannot forge turns.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] for an empty prompt, [`Error::PromptTooLong`] when no token fits after it.
    pub fn tokens(&self, prompt: &Prompt) -> Result<Vec<u32>, Error> {
        let tokens = match prompt {
            Prompt::Text(text) => self.vocabulary.encode(text)?,
            Prompt::Chat(messages) => {
                let messages: Vec<Message> = messages
                    .iter()
                    .map(|message| Message {
                        role: message.role,
                        content: self.vocabulary.without_special(&message.content),
                    })
                    .collect();
                self.vocabulary.encode(&self.template.render(&messages))?
            }
        };
        let limit = self.context_tokens().saturating_sub(1);
        if tokens.len() > limit {
            return Err(Error::PromptTooLong {
                tokens: tokens.len(),
                limit,
            });
        }
        if tokens.is_empty() {
            let reason = "must not be empty".to_owned();
            return Err(Error::InvalidRequest {
                parameter: "prompt",
                reason,
            });
        }
        Ok(tokens)
    }

    /// The tokens of an answer of which only text and end are known: the text read back, and an ending token where one
    /// must have been drawn. `None` where the text does not tell: an answer that a stop sequence may have cut short, or one
    /// longer than the tokens asked for can be, which is not read at all.
    ///
    /// A model can spell a text in more ways than the one its vocabulary would choose. An answer spelled in another
    /// cannot be recognised, so who reports log-probabilities does better to report its tokens too.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer's own rules fail on the text.
    pub fn retold(
        &self,
        request: &Request,
        text: &str,
        finish: FinishReason,
    ) -> Result<Option<Vec<u32>>, Error> {
        if finish == FinishReason::Stop && !request.stop.is_empty() {
            return Ok(None);
        }
        let tokens_max = self.answer_tokens_max(0, request.max_tokens.get());
        if text.len() > tokens_max.saturating_mul(self.vocabulary.token_bytes_max()) {
            return Ok(None);
        }
        let tokens = self.vocabulary.encode_bare(text)?;
        self.closed(request, tokens, finish).map(Some)
    }

    /// Drawn tokens with the ending one, which some servers leave out: it must have been drawn where the answer stopped
    /// and neither its tokens nor a stop sequence end it. A list longer than was asked for is left as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokens cannot be spelled.
    pub fn closed(
        &self,
        request: &Request,
        mut tokens: Vec<u32>,
        finish: FinishReason,
    ) -> Result<Vec<u32>, Error> {
        if tokens.len() > self.answer_tokens_max(0, request.max_tokens.get()) {
            return Ok(tokens);
        }
        let mut transcript = Transcript::new(self, request.stop.clone(), usize::MAX);
        for id in &tokens {
            if transcript.ended().is_none() && (*id as usize) < self.network.config().vocab_size {
                transcript.push(*id)?;
            }
        }
        if finish == FinishReason::Stop && transcript.ended().is_none() {
            tokens.extend(self.network.config().eos_token_id.first());
        }
        Ok(tokens)
    }

    /// The most tokens an answer may have after a prompt of so many.
    pub fn answer_tokens_max(&self, prompt_tokens: usize, asked: u32) -> usize {
        self.context_tokens()
            .saturating_sub(prompt_tokens)
            .min(asked as usize)
    }
}

#[cfg(test)]
mod tests;
