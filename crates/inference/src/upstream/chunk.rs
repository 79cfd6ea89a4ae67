//! One piece of a streamed answer, as OpenAI-compatible servers send it for chats and for plain completions.
//!
//! A token's number comes in `token_ids` beside the log-probabilities (vLLM) or in each of their entries (llama.cpp, which
//! answers plain completions with the entries of a chat, too), or not at all.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::request::{FinishReason, Token, TopToken, Usage};

#[derive(Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub(super) choices: Vec<Choice>,
    #[serde(default)]
    pub(super) usage: Option<Usage>,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    logprobs: Option<Logprobs>,
    #[serde(default)]
    token_ids: Option<Vec<u32>>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

/// A chat has a list of tokens; a plain completion has lists beside each other.
#[derive(Deserialize)]
struct Logprobs {
    #[serde(default)]
    content: Option<Vec<Entry>>,
    #[serde(default)]
    tokens: Vec<String>,
    #[serde(default)]
    token_logprobs: Vec<Option<f32>>,
    #[serde(default)]
    top_logprobs: Option<Vec<Option<BTreeMap<String, f32>>>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    id: Option<u32>,
    token: String,
    logprob: f32,
    #[serde(default)]
    top_logprobs: Vec<TopEntry>,
}

#[derive(Deserialize)]
struct TopEntry {
    #[serde(default)]
    id: Option<u32>,
    token: String,
    logprob: f32,
}

impl Choice {
    /// Why the answer ended, if this piece says so. Whatever is not a limit counts as a stop.
    pub(super) fn finish(&self) -> Option<FinishReason> {
        self.finish_reason.as_deref().map(|reason| match reason {
            "length" => FinishReason::Length,
            _ => FinishReason::Stop,
        })
    }

    /// The text and the tokens of this piece.
    pub(super) fn into_delta(self) -> (String, Vec<Token>) {
        let text = self
            .delta
            .and_then(|delta| delta.content)
            .or(self.text)
            .unwrap_or_default();
        let mut tokens = self.logprobs.map(Logprobs::into_tokens).unwrap_or_default();
        let ids = self.token_ids.unwrap_or_default();
        if tokens.is_empty() {
            // The text of a piece with several tokens cannot be told apart; the first carries it.
            let texts = std::iter::once(text.clone()).chain(std::iter::repeat(String::new()));
            let known = ids.iter().zip(texts);
            tokens = known
                .map(|(id, text)| Token {
                    id: Some(*id),
                    text,
                    logprob: None,
                    top: Vec::new(),
                })
                .collect();
        } else if tokens.len() == ids.len() {
            for (token, id) in tokens.iter_mut().zip(ids) {
                token.id = Some(id);
            }
        }
        (text, tokens)
    }
}

impl Logprobs {
    fn into_tokens(self) -> Vec<Token> {
        if let Some(entries) = self.content {
            return entries.into_iter().map(Entry::into_token).collect();
        }
        let mut tops = self.top_logprobs.unwrap_or_default().into_iter();
        let mut logprobs = self.token_logprobs.into_iter();
        self.tokens
            .into_iter()
            .map(|text| Token {
                id: None,
                text,
                logprob: logprobs.next().flatten(),
                top: sorted(
                    tops.next()
                        .flatten()
                        .unwrap_or_default()
                        .into_iter()
                        .map(unnumbered),
                ),
            })
            .collect()
    }
}

impl Entry {
    fn into_token(self) -> Token {
        let top = self.top_logprobs.into_iter().map(|top| TopToken {
            id: top.id,
            text: top.token,
            logprob: top.logprob,
        });
        Token {
            id: self.id,
            text: self.token,
            logprob: Some(self.logprob),
            top: sorted(top),
        }
    }
}

fn unnumbered((text, logprob): (String, f32)) -> TopToken {
    TopToken {
        id: None,
        text,
        logprob,
    }
}

fn sorted(top: impl Iterator<Item = TopToken>) -> Vec<TopToken> {
    let mut top: Vec<TopToken> = top.collect();
    top.sort_by(|a, b| b.logprob.total_cmp(&a.logprob));
    top
}
