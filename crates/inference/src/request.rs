//! What is asked of an engine, and what it answers.
//!
//! A [`Request`] is complete: with the same model, two engines that follow this crate's rules give the same tokens,
//! because the randomness is named by `seed`. An answer is a sequence of [`Event`]s: one [`Event::Start`], then
//! [`Event::Delta`]s, then one [`Event::Finish`].

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The most stop sequences of a request.
pub const STOP_SEQUENCES_MAX: usize = 16;
/// The longest stop sequence, in bytes.
pub const STOP_SEQUENCE_BYTES_MAX: usize = 256;
/// The most alternatives reported per token.
pub const TOP_LOGPROBS_MAX: u8 = 20;
/// The highest temperature.
pub const TEMPERATURE_MAX: f64 = 2.0;

/// One question to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What the model reads.
    pub prompt: Prompt,
    /// How a token is chosen.
    pub sampling: Sampling,
    /// Names the randomness; two requests with the same seed see the same noise.
    pub seed: u64,
    /// The most tokens drawn; the room left in the model's context bounds it further.
    pub max_tokens: NonZeroU32,
    /// Texts that end the answer; the answer stops before the first of them.
    pub stop: Vec<String>,
    /// Whether log-probabilities are reported, and with how many alternatives.
    pub top_logprobs: Option<u8>,
}

impl Request {
    /// A request with defaults: temperature 1, whole distribution, no stop sequences, no log-probabilities.
    pub fn new(prompt: Prompt, seed: u64, max_tokens: NonZeroU32) -> Self {
        Self {
            prompt,
            sampling: Sampling::FULL,
            seed,
            max_tokens,
            stop: Vec::new(),
            top_logprobs: None,
        }
    }

    /// Checks the limits that do not depend on a model.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] names the parameter.
    pub fn check(&self) -> Result<(), Error> {
        self.sampling.check()?;
        self.check_stop()?;
        if self
            .top_logprobs
            .is_some_and(|count| count > TOP_LOGPROBS_MAX)
        {
            return Err(invalid(
                "top_logprobs",
                format!("must be at most {TOP_LOGPROBS_MAX}"),
            ));
        }
        match &self.prompt {
            Prompt::Chat(messages) if messages.is_empty() => {
                Err(invalid("messages", "must hold at least one message".into()))
            }
            _ => Ok(()),
        }
    }

    fn check_stop(&self) -> Result<(), Error> {
        if self.stop.len() > STOP_SEQUENCES_MAX {
            return Err(invalid(
                "stop",
                format!("must be at most {STOP_SEQUENCES_MAX} sequences"),
            ));
        }
        for sequence in &self.stop {
            if sequence.is_empty() || sequence.len() > STOP_SEQUENCE_BYTES_MAX {
                let reason = format!("sequences must be 1 to {STOP_SEQUENCE_BYTES_MAX} bytes");
                return Err(invalid("stop", reason));
            }
        }
        Ok(())
    }
}

/// What the model reads before it writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// A conversation, laid out by the model's own template.
    Chat(Vec<Message>),
    /// Text to continue, as it stands.
    Text(String),
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions that come before the conversation; `developer` is read as the same.
    #[serde(alias = "developer")]
    System,
    /// The person asking.
    User,
    /// The model.
    Assistant,
}

impl Role {
    /// The word for the role in a template.
    pub fn name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

/// How a token is chosen from a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// Always the likeliest token; the seed has no effect.
    Greedy,
    /// Drawn from the distribution at `temperature`, cut to its head.
    Random {
        /// Divides the logits: above zero, at most [`TEMPERATURE_MAX`].
        temperature: f64,
        /// Keeps the fewest likeliest tokens that together reach this probability; one keeps all.
        top_p: f64,
        /// Keeps at most so many of the likeliest tokens, before `top_p` is applied.
        top_k: Option<NonZeroU32>,
    },
}

impl Sampling {
    /// The model's own distribution, uncut.
    pub const FULL: Self = Self::Random {
        temperature: 1.0,
        top_p: 1.0,
        top_k: None,
    };

    /// Reads OpenAI's parameters: absent ones default to 1, temperature 0 is [`Sampling::Greedy`], and a `top_k` of
    /// zero keeps all.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] for a value out of range.
    pub fn from_parameters(
        temperature: Option<f64>,
        top_p: Option<f64>,
        top_k: Option<u32>,
    ) -> Result<Self, Error> {
        let temperature = temperature.unwrap_or(1.0);
        let top_p = top_p.unwrap_or(1.0);
        let random = Self::Random {
            temperature,
            top_p,
            top_k: top_k.and_then(NonZeroU32::new),
        };
        if temperature == 0.0 {
            check_top_p(top_p)?;
            return Ok(Self::Greedy);
        }
        random.check()?;
        Ok(random)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let Self::Random {
            temperature, top_p, ..
        } = *self
        else {
            return Ok(());
        };
        if !(temperature > 0.0 && temperature <= TEMPERATURE_MAX) {
            return Err(invalid(
                "temperature",
                format!("must be from 0 to {TEMPERATURE_MAX}"),
            ));
        }
        check_top_p(top_p)
    }
}

fn check_top_p(top_p: f64) -> Result<(), Error> {
    if top_p > 0.0 && top_p <= 1.0 {
        return Ok(());
    }
    Err(invalid("top_p", "must be above 0 and at most 1".into()))
}

fn invalid(parameter: &'static str, reason: String) -> Error {
    Error::InvalidRequest { parameter, reason }
}

/// One step of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Work has begun.
    Start {
        /// Length of the prompt in tokens.
        prompt_tokens: u32,
        /// How long the request waited for its turn.
        queued: Duration,
    },
    /// The answer grew.
    Delta {
        /// Text that is now certain; empty while a character or a possible stop sequence is incomplete.
        text: String,
        /// The tokens drawn since the last event.
        tokens: Vec<Token>,
    },
    /// The answer is complete.
    Finish {
        /// Why it ended.
        reason: FinishReason,
        /// What it cost.
        usage: Usage,
    },
}

/// A token drawn for the answer. The token that ends an answer is among them, so that its choice can be checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its number in the vocabulary; absent when an upstream server does not tell.
    pub id: Option<u32>,
    /// The token alone as text; bytes that are no character by themselves show as U+FFFD.
    pub text: String,
    /// Natural logarithm of its probability under the model, before temperature and cuts.
    pub logprob: Option<f32>,
    /// The likeliest tokens at this place, best first, as many as asked.
    pub top: Vec<TopToken>,
}

/// One of the likeliest tokens at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct TopToken {
    /// Its number in the vocabulary, when known.
    pub id: Option<u32>,
    /// The token alone as text.
    pub text: String,
    /// Natural logarithm of its probability under the model.
    pub logprob: f32,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The model ended it, or a stop sequence came up.
    Stop,
    /// `max_tokens` were drawn, or the context is full.
    Length,
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u32,
    /// Tokens drawn, the ending one included.
    pub completion_tokens: u32,
}
