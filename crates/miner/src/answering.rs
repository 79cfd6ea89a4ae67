//! One answer in progress: the engine's events become chunks, and their sum becomes the receipt.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use inference::{
    Engine, Error, Event, FinishReason, Message, Prompt, Request, Role, Sampling, Token, Usage,
};
use protocol::{
    ANSWER_BYTES_MAX, AnswerWriter, Ask, Code, Digest, Finish, Receipt, Refusal, TokenLogprob,
    TopLogprob,
};

use crate::admission::Place;
use crate::server::Miner;

/// An answer from its admission to its receipt. Dropping it withdraws the request from the engine and frees the place.
pub(crate) struct Answering {
    miner: Arc<Miner>,
    model: String,
    answer: inference::Answer,
    writer: AnswerWriter,
    request_hash: Digest,
    seed: u64,
    wants_logprobs: bool,
    arrival: Instant,
    queue: Duration,
    first_token: Option<Duration>,
    prompt_tokens: u32,
    text: String,
    /// Every token so far; emptied for good by the first one without a number.
    token_ids: Option<Vec<u32>>,
    /// What each token's log-probability was, if the engine draws from randomness of its own.
    logprobs_e6: Option<Vec<i32>>,
    is_over: bool,
    _place: Place,
}

impl Answering {
    /// Hands the question to the engine.
    pub(crate) async fn begin(
        miner: Arc<Miner>,
        engine: &dyn Engine,
        ask: Ask,
        request_hash: Digest,
        arrival: Instant,
        place: Place,
    ) -> Result<Self, Refusal> {
        let id = format!("stoa-{}", &request_hash.to_string()[..24]);
        let created_s = (miner.clock)() / 1_000;
        let model = engine.model().to_owned();
        let writer = AnswerWriter::new(ask.route(), id, created_s, model.clone());
        let (seed, wants_logprobs) = (ask.seed, ask.top_logprobs.is_some());
        let request = request(ask)?;
        let answered = engine.generate(request).await;
        let answer = answered.map_err(|error| refusal(&error))?;
        Ok(Self {
            miner,
            model,
            answer,
            writer,
            request_hash,
            seed,
            wants_logprobs,
            arrival,
            queue: Duration::ZERO,
            first_token: None,
            prompt_tokens: 0,
            text: String::new(),
            token_ids: Some(Vec::new()),
            logprobs_e6: (!engine.draws_by_seed()).then(Vec::new),
            is_over: false,
            _place: place,
        })
    }

    /// The bytes of the next event; nothing after the last.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let bytes = match self.answer.next().await {
            Some(Ok(event)) => self.take(event),
            Some(Err(error)) => self.fail(&refusal(&error)),
            None => self.fail(&Refusal::new(
                Code::Failed,
                "the engine ended without finishing",
            )),
        };
        Some(bytes)
    }

    fn take(&mut self, event: Event) -> Bytes {
        match event {
            Event::Start {
                prompt_tokens,
                queued,
            } => {
                self.prompt_tokens = prompt_tokens;
                self.queue = queued;
                self.writer.start()
            }
            Event::Delta { text, tokens } => {
                if self.first_token.is_none() {
                    self.first_token = Some(self.arrival.elapsed());
                }
                if ANSWER_BYTES_MAX < self.text.len() + text.len() {
                    return self.fail(&Refusal::new(Code::Failed, "the answer grew too long"));
                }
                self.text.push_str(&text);
                self.remember(&tokens);
                if text.is_empty() && !self.wants_logprobs {
                    return Bytes::new();
                }
                let logprobs = self
                    .wants_logprobs
                    .then(|| tokens.iter().filter_map(logprob).collect());
                self.writer.delta(&text, logprobs)
            }
            Event::Finish { reason, usage } => self.finish(reason, usage),
        }
    }

    fn remember(&mut self, tokens: &[Token]) {
        if let Some(logprobs_e6) = &mut self.logprobs_e6 {
            logprobs_e6.extend(tokens.iter().filter_map(|token| millionths(token.logprob?)));
        }
        let Some(token_ids) = &mut self.token_ids else {
            return;
        };
        for token in tokens {
            match token.id {
                Some(id) => token_ids.push(id),
                None => {
                    self.token_ids = None;
                    return;
                }
            }
        }
    }

    fn finish(&mut self, reason: FinishReason, usage: Usage) -> Bytes {
        self.is_over = true;
        let finish = match reason {
            FinishReason::Stop => Finish::Stop,
            FinishReason::Length => Finish::Length,
        };
        let total = self.arrival.elapsed();
        let first_token = self.first_token.unwrap_or(total);
        let token_ids = self.token_ids.take().unwrap_or_default();
        let receipt = Receipt {
            request_hash: self.request_hash,
            answer_hash: Digest::of(self.text.as_bytes()),
            miner: self.miner.pair.account(),
            model: self.model.clone(),
            seed: self.seed,
            finish,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            token_ids,
            queue_ms: milliseconds(self.queue),
            first_token_ms: milliseconds(first_token),
            total_ms: milliseconds(total),
            logprobs_e6: self.logprobs_e6.take().unwrap_or_default(),
        };
        let (prompt, completion) = (receipt.prompt_tokens, receipt.completion_tokens);
        let metrics = &self.miner.metrics;
        metrics.answered(self.queue, total);
        metrics.drew(prompt, completion, first_token);
        tracing::debug!(request = %self.request_hash, completion, total_ms = receipt.total_ms, "answered");
        let parts = [
            self.writer.finish(finish),
            self.writer.usage(protocol::Usage::new(prompt, completion)),
            self.writer.receipt(&receipt.sign(&self.miner.pair)),
            self.writer.done(),
        ];
        Bytes::from(parts.concat())
    }

    fn fail(&mut self, refusal: &Refusal) -> Bytes {
        self.is_over = true;
        self.miner.metrics.count(refusal.code.as_str());
        tracing::warn!(%refusal, request = %self.request_hash, "failed while answering");
        self.writer.error(refusal)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.is_over {
            self.miner.metrics.count("abandoned");
        }
    }
}

/// The answer as a stream of server-sent events.
pub(crate) fn events(answering: Answering) -> impl Stream<Item = Result<Bytes, Infallible>> {
    futures::stream::unfold(answering, |mut answering| async move {
        let bytes = answering.next().await?;
        Some((Ok(bytes), answering))
    })
    .filter(|event| std::future::ready(!matches!(event, Ok(bytes) if bytes.is_empty())))
}

/// The question in the engine's words.
fn request(ask: Ask) -> Result<Request, Refusal> {
    let prompt = match ask.prompt {
        protocol::Prompt::Text(text) => Prompt::Text(text),
        protocol::Prompt::Chat(messages) => {
            Prompt::Chat(messages.into_iter().map(message).collect())
        }
    };
    let max_tokens =
        NonZeroU32::new(ask.max_tokens).expect("a body that was read asks for a token");
    let top_k = Some(ask.top_k);
    let sampling = Sampling::from_parameters(Some(ask.temperature), Some(ask.top_p), top_k)
        .map_err(|error| refusal(&error))?;
    let request = Request {
        prompt,
        sampling,
        seed: ask.seed,
        max_tokens,
        stop: ask.stop,
        top_logprobs: ask.top_logprobs,
    };
    request.check().map_err(|error| refusal(&error))?;
    Ok(request)
}

fn message(message: protocol::Message) -> Message {
    let role = match message.role {
        protocol::Role::System => Role::System,
        protocol::Role::User => Role::User,
        protocol::Role::Assistant => Role::Assistant,
    };
    Message {
        role,
        content: message.content,
    }
}

fn logprob(token: &Token) -> Option<TokenLogprob> {
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let top = token.top.iter().map(|top| TopLogprob {
        token: top.text.clone(),
        logprob: top.logprob,
        bytes: bytes(&top.text),
    });
    Some(TokenLogprob {
        token: token.text.clone(),
        logprob: token.logprob?,
        bytes: bytes(&token.text),
        top_logprobs: top.collect(),
    })
}

/// What the asker is told; what broke inside goes to the log only.
fn refusal(error: &Error) -> Refusal {
    match error {
        Error::InvalidRequest { parameter, .. } => Refusal::of(*parameter, error.to_string()),
        Error::PromptTooLong { .. } => Refusal::new(Code::PromptTooLong, error.to_string()),
        Error::Busy { .. } => Refusal::new(Code::Busy, error.to_string()),
        _ => {
            tracing::error!(%error, "the engine failed");
            Refusal::new(Code::Failed, "the engine failed; ask another miner")
        }
    }
}

/// A log-probability as receipts carry it; one that is no number is left out.
fn millionths(logprob: f32) -> Option<i32> {
    // The conversion saturates, as the protocol says.
    (!logprob.is_nan()).then(|| (f64::from(logprob) * 1e6).round() as i32)
}

pub(crate) fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
