//! What is answered: OpenAI's stream of chunks, closed by a receipt.
//!
//! The framing is server-sent events. In order:
//!
//! 1. `data: {chunk}` any number of times; the first names the role, the last carries `finish_reason`;
//! 2. `data: {chunk}` with no choices and the `usage` counts;
//! 3. `event: receipt` with the signed receipt as its data;
//! 4. `data: [DONE]`.
//!
//! A failure after the first byte is an `event: error` with a [`Refusal`], and nothing after it. Chunks are those of the
//! route (`chat.completion.chunk` with a `delta`, `text_completion` with `text`); log-probabilities have the chat form
//! on both.
//!
//! [`AnswerWriter`] writes this, one method per line above; [`crate::PartReader`] and [`Answer`] read it, bounded.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::refusal::clipped;
use crate::{ANSWER_BYTES_MAX, ANSWER_TOKENS_MAX, Refusal, Route, SignedReceipt};

const DONE: &str = "[DONE]";

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model ended it, or a stop sequence came up.
    Stop,
    /// As many tokens as allowed were drawn.
    Length,
}

impl Finish {
    /// The byte that stands for it under a signature.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Stop => 0,
            Self::Length => 1,
        }
    }
}

/// What an answer cost, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read.
    pub prompt_tokens: u32,
    /// Drawn.
    pub completion_tokens: u32,
    /// Both together.
    pub total_tokens: u32,
}

impl Usage {
    /// The counts with their sum.
    pub const fn new(prompt_tokens: u32, completion_tokens: u32) -> Self {
        let total_tokens = prompt_tokens.saturating_add(completion_tokens);
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens,
        }
    }
}

/// The log-probability of a token drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// The token's text.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// The token's text in UTF-8.
    pub bytes: Option<Vec<u8>>,
    /// The likeliest tokens at this place.
    #[serde(default)]
    pub top_logprobs: Vec<TopLogprob>,
}

/// One of the likeliest tokens at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopLogprob {
    /// The token's text.
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
    /// The token's text in UTF-8.
    pub bytes: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Chunk {
    id: String,
    object: String,
    created: u64,
    model: String,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    usage: Option<Usage>,
}

#[derive(Serialize, Deserialize)]
struct Choice {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    delta: Option<Delta>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    text: Option<String>,
    #[serde(default)]
    logprobs: Option<Logprobs>,
    #[serde(default)]
    finish_reason: Option<Finish>,
}

#[derive(Default, Serialize, Deserialize)]
struct Delta {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    content: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Logprobs {
    content: Vec<TokenLogprob>,
}

/// Writes one answer as server-sent events.
#[derive(Clone, Debug)]
pub struct AnswerWriter {
    /// Whether chunks have the chat form, and not the completions form.
    is_chat: bool,
    id: String,
    created_s: u64,
    model: String,
}

impl AnswerWriter {
    /// An answer on a streamed route, with the id, Unix time and model name that every chunk repeats.
    pub fn new(
        route: Route,
        id: impl Into<String>,
        created_s: u64,
        model: impl Into<String>,
    ) -> Self {
        Self {
            is_chat: route == Route::Chat,
            id: id.into(),
            created_s,
            model: model.into(),
        }
    }

    /// The first chunk, which names the role; the completions route has none.
    pub fn start(&self) -> Bytes {
        if !self.is_chat {
            return Bytes::new();
        }
        let delta = Delta {
            role: Some("assistant".into()),
            content: Some(String::new()),
        };
        self.choice(Some(delta), None, None, None)
    }

    /// A piece of the answer; log-probabilities are given if they were asked for.
    pub fn delta(&self, text: &str, logprobs: Option<Vec<TokenLogprob>>) -> Bytes {
        let logprobs = logprobs.map(|content| Logprobs { content });
        if !self.is_chat {
            return self.choice(None, Some(text.into()), logprobs, None);
        }
        let delta = Delta {
            role: None,
            content: Some(text.into()),
        };
        self.choice(Some(delta), None, logprobs, None)
    }

    /// The last chunk with a choice.
    pub fn finish(&self, finish: Finish) -> Bytes {
        let (delta, text) = if self.is_chat {
            (Some(Delta::default()), None)
        } else {
            (None, Some(String::new()))
        };
        self.choice(delta, text, None, Some(finish))
    }

    /// The counts.
    pub fn usage(&self, usage: Usage) -> Bytes {
        self.chunk(Vec::new(), Some(usage))
    }

    /// The receipt.
    pub fn receipt(&self, receipt: &SignedReceipt) -> Bytes {
        let json = serde_json::to_string(receipt).expect("strings and integers are JSON");
        Bytes::from(format!("event: receipt\ndata: {json}\n\n"))
    }

    /// The end of the stream.
    pub fn done(&self) -> Bytes {
        Bytes::from(format!("data: {DONE}\n\n"))
    }

    /// A failure in the middle of the answer, after which nothing follows.
    pub fn error(&self, refusal: &Refusal) -> Bytes {
        Bytes::from(format!("event: error\ndata: {}\n\n", refusal.to_json()))
    }

    fn choice(
        &self,
        delta: Option<Delta>,
        text: Option<String>,
        logprobs: Option<Logprobs>,
        finish_reason: Option<Finish>,
    ) -> Bytes {
        self.chunk(
            vec![Choice {
                index: 0,
                delta,
                text,
                logprobs,
                finish_reason,
            }],
            None,
        )
    }

    fn chunk(&self, choices: Vec<Choice>, usage: Option<Usage>) -> Bytes {
        let object = if self.is_chat {
            "chat.completion.chunk"
        } else {
            "text_completion"
        };
        let chunk = Chunk {
            id: self.id.clone(),
            object: object.into(),
            created: self.created_s,
            model: self.model.clone(),
            choices,
            usage,
        };
        let json =
            serde_json::to_string(&chunk).expect("strings and finite or null numbers are JSON");
        Bytes::from(format!("data: {json}\n\n"))
    }
}

/// One server-sent event of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A chunk.
    Chunk {
        /// What it adds to the text.
        text: String,
        /// The tokens' log-probabilities, where asked for.
        logprobs: Vec<TokenLogprob>,
        /// Set in the last chunk with a choice.
        finish: Option<Finish>,
        /// Set in the chunk of counts.
        usage: Option<Usage>,
    },
    /// The receipt.
    Receipt(Box<SignedReceipt>),
    /// A failure; nothing follows.
    Refused(Refusal),
    /// The end.
    Done,
}

/// Why a stream is not an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// An event that is none of ours.
    #[error("the miner sent something unreadable: {0}")]
    Unreadable(String),
    /// The miner gave up.
    #[error("the miner gave up: {0}")]
    Refused(Refusal),
    /// The order of events is wrong, or something is missing at the end.
    #[error("the answer breaks the protocol: {0}")]
    OutOfOrder(&'static str),
    /// The text is longer than any answer may be.
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
}

impl Part {
    /// Reads one event by its name (empty or `message` for an unnamed one) and data.
    ///
    /// # Errors
    ///
    /// [`AnswerError::Unreadable`].
    pub fn read(event: &str, data: &str) -> Result<Self, AnswerError> {
        // What is quoted of a miner's bytes is cut: it is the miner that decides how long it is.
        let unreadable =
            |error: serde_json::Error| AnswerError::Unreadable(clipped(error.to_string()));
        match event {
            "receipt" => serde_json::from_str(data)
                .map(Self::Receipt)
                .map_err(unreadable),
            "error" => Refusal::from_json(data.as_bytes())
                .map(Self::Refused)
                .ok_or_else(|| AnswerError::Unreadable("an error of unknown shape".into())),
            "" | "message" if data == DONE => Ok(Self::Done),
            "" | "message" => serde_json::from_str(data)
                .map(Self::from_chunk)
                .map_err(unreadable),
            other => Err(AnswerError::Unreadable(clipped(format!(
                "an event named {other:?}"
            )))),
        }
    }

    fn from_chunk(chunk: Chunk) -> Self {
        let mut text = String::new();
        let mut logprobs = Vec::new();
        let mut finish = None;
        for choice in chunk.choices {
            text.push_str(&choice.text.unwrap_or_default());
            text.push_str(&choice.delta.unwrap_or_default().content.unwrap_or_default());
            logprobs.extend(
                choice
                    .logprobs
                    .into_iter()
                    .flat_map(|logprobs| logprobs.content),
            );
            finish = finish.or(choice.finish_reason);
        }
        Self::Chunk {
            text,
            logprobs,
            finish,
            usage: chunk.usage,
        }
    }
}

/// An answer as far as it has been read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The text so far.
    pub text: String,
    /// The tokens' log-probabilities so far, where asked for.
    pub logprobs: Vec<TokenLogprob>,
    /// Why it ended.
    pub finish: Option<Finish>,
    /// What it cost, as claimed.
    pub usage: Option<Usage>,
    /// The receipt, unchecked.
    pub receipt: Option<SignedReceipt>,
    is_done: bool,
}

impl Answer {
    /// Takes the next part.
    ///
    /// # Errors
    ///
    /// [`AnswerError::Refused`] if the miner gave up; [`AnswerError::OutOfOrder`] and [`AnswerError::TooLong`] if it
    /// breaks the protocol.
    pub fn take(&mut self, part: Part) -> Result<(), AnswerError> {
        if self.is_done {
            return Err(AnswerError::OutOfOrder("something follows the end"));
        }
        match part {
            Part::Refused(refusal) => Err(AnswerError::Refused(refusal)),
            Part::Chunk {
                text,
                logprobs,
                finish,
                usage,
            } => {
                if self.finish.is_some() && !text.is_empty() {
                    return Err(AnswerError::OutOfOrder("text follows the finish reason"));
                }
                if ANSWER_BYTES_MAX < self.text.len() + text.len() {
                    return Err(AnswerError::TooLong);
                }
                if (ANSWER_TOKENS_MAX as usize) < self.logprobs.len() + logprobs.len() {
                    return Err(AnswerError::TooLong);
                }
                self.text.push_str(&text);
                self.logprobs.extend(logprobs);
                self.finish = self.finish.or(finish);
                self.usage = usage.or(self.usage);
                Ok(())
            }
            Part::Receipt(_) if self.finish.is_none() => Err(AnswerError::OutOfOrder(
                "a receipt precedes the finish reason",
            )),
            Part::Receipt(_) if self.receipt.is_some() => {
                Err(AnswerError::OutOfOrder("a second receipt"))
            }
            Part::Receipt(receipt) => {
                self.receipt = Some(*receipt);
                Ok(())
            }
            Part::Done if self.receipt.is_none() => {
                Err(AnswerError::OutOfOrder("the end precedes the receipt"))
            }
            Part::Done => {
                self.is_done = true;
                Ok(())
            }
        }
    }

    /// Whether everything up to the end was read.
    pub const fn is_done(&self) -> bool {
        self.is_done
    }
}
