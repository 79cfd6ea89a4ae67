//! A villain for development: the miner that does not do the work.
//!
//! A market that pays for work has to be shown turning away those who only look busy. This engine is plugged in by
//! `stoa miner --cheat canned` on a development network, and by tests; nothing else refers to it.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use inference::{Answer, Engine, Error, Event, FinishReason, Request, Token, Usage};

/// What it says to everything.
pub(super) const TEXT: &str = "As a large language model, I am happy to help you with that.";

/// Answers every question with the same text, instantly, and claims to have computed it.
///
/// It knows the vocabulary well enough to list plausible tokens, so that its receipts agree with themselves and only
/// recomputing the answer shows the lie.
pub struct Canned {
    model: String,
    text: String,
    token_ids: Vec<u32>,
    context_tokens: usize,
}

impl Canned {
    /// Offers `model` and always says `text`, of which `token_ids` are the tokens.
    pub fn new(model: String, text: String, token_ids: Vec<u32>, context_tokens: usize) -> Self {
        Self {
            model,
            text,
            token_ids,
            context_tokens,
        }
    }
}

impl Engine for Canned {
    fn model(&self) -> &str {
        &self.model
    }

    fn context_tokens(&self) -> usize {
        self.context_tokens
    }

    fn generate(&self, request: Request) -> BoxFuture<'_, Result<Answer, Error>> {
        let asked = usize::try_from(request.max_tokens.get()).unwrap_or(usize::MAX);
        let tokens: Vec<_> = self
            .token_ids
            .iter()
            .take(asked)
            .copied()
            .map(token)
            .collect();
        let prompt_tokens = 16;
        let usage = Usage {
            prompt_tokens,
            completion_tokens: tokens.len() as u32,
        };
        let reason = if asked <= self.token_ids.len() {
            FinishReason::Length
        } else {
            FinishReason::Stop
        };
        let events = [
            Event::Start {
                prompt_tokens,
                queued: Duration::ZERO,
            },
            Event::Delta {
                text: self.text.clone(),
                tokens,
            },
            Event::Finish { reason, usage },
        ];
        async move { Ok(stream::iter(events.map(Ok)).boxed()) }.boxed()
    }
}

fn token(id: u32) -> Token {
    Token {
        id: Some(id),
        text: String::new(),
        logprob: Some(-0.1),
        top: Vec::new(),
    }
}
