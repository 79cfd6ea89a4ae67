//! The engine behind another server: any that speaks OpenAI's completions API with streaming.
//!
//! A miner with graphics cards runs vLLM or llama.cpp and points this engine at it. Seed, temperature, top-p and stop
//! sequences go through unchanged. Log-probabilities are asked for whether the request asks or not: another server draws
//! with another sampler, so a grader cannot repeat its draws and goes by the log-probabilities of the tokens
//! ([`crate::verify_reported()`]). It goes by the distribution that was asked for, too, so a server is asked in its own words
//! to cut it no further, and to list the tokens it drew: `upstream/server.rs` knows how. Where a server lists none, a
//! grader has to read the text's tokens back from the text.
//!
//! Everything is bounded: requests under way, the time to the first byte and between pieces, the bytes of an answer.

mod api;
mod chunk;
mod reader;
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::sync::{OnceCell, Semaphore, mpsc};

use crate::engine::{Answer, Engine};
use crate::error::Error;
use crate::request::Request;
use api::Api;
use reader::Reader;
use server::Server;

/// Events between the server's reader and the listener.
const EVENTS_AHEAD: usize = 64;

/// How to reach a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Up to and including the version: `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// Sent as a bearer token.
    pub api_key: Option<String>,
    /// The name under which the model is offered here.
    pub offered_as: String,
    /// The longest prompt and answer together, in tokens, as long as the server has told no other.
    pub context_tokens: usize,
    /// Requests under way at once.
    pub answers: usize,
    /// The longest wait for a connection, the first byte, and each further piece.
    pub patience: Duration,
}

impl Settings {
    fn failed(&self, error: impl std::error::Error) -> Error {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        self.broken(reason)
    }

    fn broken(&self, reason: impl Into<String>) -> Error {
        Error::Upstream {
            url: self.url.clone(),
            reason: reason.into(),
        }
    }
}

/// Forwards requests to another server.
pub struct Upstream {
    api: Arc<Api>,
    /// What it turned out to be, once it has answered.
    server: OnceCell<Server>,
    room: Arc<Semaphore>,
}

impl Upstream {
    /// Prepares a connection; nothing is sent before the first request.
    ///
    /// # Errors
    ///
    /// [`Error::Upstream`] for an address that is none.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let room = Arc::new(Semaphore::new(settings.answers.max(1)));
        Ok(Self {
            api: Arc::new(Api::new(Arc::new(settings))?),
            server: OnceCell::new(),
            room,
        })
    }

    async fn open(&self, request: Request) -> Result<Answer, Error> {
        request.check()?;
        let arrived = Instant::now();
        let settings = &self.api.settings;
        let permit = self
            .room
            .clone()
            .try_acquire_owned()
            .map_err(|_| Error::Busy {
                waiting: settings.answers,
            })?;
        let server = self
            .server
            .get_or_try_init(|| Server::met(&self.api))
            .await?;
        let question = server.question(&self.api, &request).await?;
        let response = self.api.post(question.url, &question.body).await?;
        let (events, mut receiver) = mpsc::channel(EVENTS_AHEAD);
        let reader = Reader {
            api: self.api.clone(),
            queued: arrived.elapsed(),
            alternatives: usize::from(request.top_logprobs.unwrap_or(0)),
            held_for: server.held_for(&request),
            events,
            _permit: permit,
        };
        tokio::spawn(reader.run(response.bytes_stream()));
        Ok(futures::stream::poll_fn(move |context| receiver.poll_recv(context)).boxed())
    }
}

impl Engine for Upstream {
    fn model(&self) -> &str {
        self.api.settings.offered_as.as_str()
    }

    fn context_tokens(&self) -> usize {
        let told = self.server.get().and_then(|server| server.context_tokens);
        told.unwrap_or(self.api.settings.context_tokens)
    }

    fn draws_by_seed(&self) -> bool {
        false
    }

    fn generate(&self, request: Request) -> BoxFuture<'_, Result<Answer, Error>> {
        Box::pin(self.open(request))
    }
}

#[cfg(test)]
mod tests;
