//! A server's stream of events, turned into an answer's.
//!
//! llama.cpp holds back text that may be the beginning of a stop sequence, and never sends it when the answer ends before the
//! sequence is complete. Its tokens are listed, though, so the text is asked for afterwards.

use std::sync::Arc;
use std::time::Duration;

use eventsource_stream::Eventsource;
use futures::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use serde_json::json;

use super::Api;
use super::chunk::Chunk;
use crate::error::Error;
use crate::request::{Event, FinishReason, Token, Usage};

/// The longest answer taken from a server, in bytes of its events.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Turns a server's events into an answer's.
pub(super) struct Reader {
    pub(super) api: Arc<Api>,
    pub(super) queued: Duration,
    /// Alternatives per token that were asked for.
    pub(super) alternatives: usize,
    /// Stop sequences for which the server holds text back and may not send it; none where it always does.
    pub(super) held_for: Vec<String>,
    pub(super) events: mpsc::Sender<Result<Event, Error>>,
    /// Room for one answer, given back at its end.
    pub(super) _permit: OwnedSemaphorePermit,
}

/// What has come so far.
#[derive(Default)]
struct Tally {
    bytes: usize,
    /// Tokens listed, or pieces of text where none are.
    tokens: u32,
    /// Tokens listed with their numbers.
    numbered: u32,
    /// The tokens since the last one that came with text.
    held: Vec<u32>,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
}

impl Reader {
    /// Reads until the end, an error, or nobody listens.
    pub(super) async fn run<B: AsRef<[u8]>>(
        self,
        bytes: impl Stream<Item = Result<B, reqwest::Error>> + Unpin + Send,
    ) {
        let last = tokio::select! {
            last = self.relay(bytes) => last,
            () = self.events.closed() => return,
        };
        if self.events.send(last).await.is_err() {
            tracing::debug!("the reader of an upstream answer left before its end");
        }
    }

    /// Passes on everything but the end, which it returns.
    async fn relay<B: AsRef<[u8]>>(
        &self,
        bytes: impl Stream<Item = Result<B, reqwest::Error>> + Unpin + Send,
    ) -> Result<Event, Error> {
        let mut tally = Tally::default();
        let mut started = false;
        let mut source = bytes.eventsource();
        while let Some(event) = source.next().await {
            let data = event.map_err(|error| self.api.settings.failed(error))?.data;
            tally.bytes += data.len();
            if tally.bytes > ANSWER_BYTES_MAX {
                return Err(self.api.settings.broken("the answer is longer than 16 MiB"));
            }
            if data == "[DONE]" {
                break;
            }
            let chunk: Chunk = serde_json::from_str(&data)
                .map_err(|error| self.api.settings.broken(format!("not a chunk: {error}")))?;
            if let Some(error) = &chunk.error {
                return Err(self.api.settings.broken(error.to_string()));
            }
            let prompt_tokens = chunk.usage.map_or(0, |usage| usage.prompt_tokens);
            if !started {
                started = true;
                self.pass(Event::Start {
                    prompt_tokens,
                    queued: self.queued,
                })
                .await?;
            }
            self.pass_delta(chunk, &mut tally).await?;
        }
        let reason = tally.finish.ok_or_else(|| {
            self.api
                .settings
                .broken("the stream ended without a finish reason")
        })?;
        let usage = tally.usage.unwrap_or(Usage {
            prompt_tokens: 0,
            completion_tokens: tally.tokens,
        });
        let lost = self.never_sent(&tally, reason).await?;
        if !lost.is_empty() {
            self.pass(Event::Delta {
                text: lost,
                tokens: Vec::new(),
            })
            .await?;
        }
        if tally.numbered > 0 && tally.numbered != usage.completion_tokens {
            self.disown(&tally, usage).await?;
        }
        Ok(Event::Finish { reason, usage })
    }

    async fn pass_delta(&self, chunk: Chunk, tally: &mut Tally) -> Result<(), Error> {
        tally.usage = chunk.usage.or(tally.usage);
        let Some(choice) = chunk.choices.into_iter().next() else {
            return Ok(());
        };
        tally.finish = choice.finish().or(tally.finish);
        let (text, mut tokens) = choice.into_delta();
        for token in &mut tokens {
            token.top.truncate(self.alternatives);
        }
        if text.is_empty() && tokens.is_empty() {
            return Ok(());
        }
        tally.tokens += tokens.len().max(1) as u32;
        if !text.is_empty() {
            tally.held.clear();
        }
        let ids = tokens.iter().filter_map(|token| token.id);
        tally.numbered += ids.clone().count() as u32;
        if text.is_empty() && !self.held_for.is_empty() {
            tally.held.extend(ids);
        }
        self.pass(Event::Delta { text, tokens }).await
    }

    /// The text of the last tokens, if it was held back for a stop sequence that did not come.
    async fn never_sent(&self, tally: &Tally, reason: FinishReason) -> Result<String, Error> {
        let Some((_, before)) = tally.held.split_last() else {
            return Ok(String::new());
        };
        // A stop sequence or an ending token alone holds nothing back.
        if reason == FinishReason::Stop && before.is_empty() {
            return Ok(String::new());
        }
        let whole = self.spelled(&tally.held).await?;
        if self
            .held_for
            .iter()
            .any(|stop| whole.contains(stop.as_str()))
        {
            return Ok(String::new());
        }
        match reason {
            FinishReason::Length => Ok(whole),
            FinishReason::Stop => self.spelled(before).await,
        }
    }

    async fn spelled(&self, ids: &[u32]) -> Result<String, Error> {
        let url = self.api.own_route("detokenize");
        let answer = self.api.ask(url, &json!({ "tokens": ids })).await?;
        match answer["content"].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.api.settings.broken("/detokenize tells no content")),
        }
    }

    /// Says that there were tokens without a number: some are missing in the list, and what is left of it is not the
    /// answer. llama.cpp leaves out all but the last of those that together spell a character.
    async fn disown(&self, tally: &Tally, usage: Usage) -> Result<(), Error> {
        let (listed, drawn) = (tally.numbered, usage.completion_tokens);
        tracing::debug!(
            listed,
            drawn,
            "the upstream server lists other tokens than it counts"
        );
        let nameless = Token {
            id: None,
            text: String::new(),
            logprob: None,
            top: Vec::new(),
        };
        self.pass(Event::Delta {
            text: String::new(),
            tokens: vec![nameless],
        })
        .await
    }

    async fn pass(&self, event: Event) -> Result<(), Error> {
        self.events
            .send(Ok(event))
            .await
            .map_err(|_| Error::Stopped)
    }
}
