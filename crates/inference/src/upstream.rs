//! The engine behind another server: any that speaks OpenAI's completions API with streaming.
//!
//! A miner with graphics cards runs vLLM, llama.cpp, SGLang or Ollama and points this engine at it. Seed, temperature,
//! top-p and stop sequences go through unchanged. Log-probabilities are asked for whether the request asks or not: another
//! server draws with another sampler, so a grader cannot repeat its draws and goes by the log-probabilities of the tokens
//! ([`crate::verify_reported()`]). Servers that can are asked for token ids ([`Settings::token_ids`], vLLM's
//! `return_token_ids`); without them a grader has to read the text's tokens back from the text.
//!
//! Everything is bounded: requests under way, the time to the first byte and between pieces, the bytes of an answer.

mod chunk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use eventsource_stream::Eventsource;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::engine::{Answer, Engine};
use crate::error::Error;
use crate::request::{Event, FinishReason, Prompt, Request, Sampling, Usage};
use chunk::Chunk;

/// The longest answer taken from a server, in bytes of its events.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most of an error's body that is repeated to the caller.
const ERROR_BYTES_MAX: usize = 2048;
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
    /// The longest prompt and answer together, in tokens.
    pub context_tokens: usize,
    /// Requests under way at once.
    pub answers: usize,
    /// The longest wait for a connection, the first byte, and each further piece.
    pub patience: Duration,
    /// Whether the server understands `return_token_ids`.
    pub token_ids: bool,
}

/// Forwards requests to another server.
pub struct Upstream {
    settings: Arc<Settings>,
    client: reqwest::Client,
    room: Arc<Semaphore>,
}

impl Upstream {
    /// Prepares a connection; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Upstream`] for an address that is none.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Upstream {
            url: settings.url.clone(),
            reason,
        };
        reqwest::Url::parse(&settings.url).map_err(|error| refuse(error.to_string()))?;
        // The process-wide provider may have been chosen already; either way there is one afterwards.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let client = reqwest::Client::builder()
            .connect_timeout(settings.patience)
            .read_timeout(settings.patience)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| refuse(error.to_string()))?;
        let room = Arc::new(Semaphore::new(settings.answers.max(1)));
        Ok(Self {
            settings: Arc::new(settings),
            client,
            room,
        })
    }

    async fn open(&self, request: Request) -> Result<Answer, Error> {
        request.check()?;
        let arrived = Instant::now();
        let permit = self
            .room
            .clone()
            .try_acquire_owned()
            .map_err(|_| Error::Busy {
                waiting: self.settings.answers,
            })?;
        let (path, body) = body(&self.settings, &request);
        let url = format!("{}/{path}", self.settings.url.trim_end_matches('/'));
        let mut post = self.client.post(url).json(&body);
        if let Some(key) = &self.settings.api_key {
            post = post.bearer_auth(key);
        }
        let response = post
            .send()
            .await
            .map_err(|error| self.settings.failed(error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(status, response).await);
        }
        let (events, mut receiver) = mpsc::channel(EVENTS_AHEAD);
        let reader = Reader {
            settings: self.settings.clone(),
            queued: arrived.elapsed(),
            alternatives: usize::from(alternatives(&request)),
            events,
            _permit: permit,
        };
        tokio::spawn(reader.run(response.bytes_stream()));
        Ok(futures::stream::poll_fn(move |context| receiver.poll_recv(context)).boxed())
    }

    /// The server's own words for a refusal, cut to a bearable length.
    async fn refusal(&self, status: reqwest::StatusCode, response: reqwest::Response) -> Error {
        let mut body = Vec::new();
        let mut pieces = response.bytes_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            body.extend_from_slice(&piece);
            if body.len() >= ERROR_BYTES_MAX {
                body.truncate(ERROR_BYTES_MAX);
                break;
            }
        }
        let said = String::from_utf8_lossy(&body).into_owned();
        if status == reqwest::StatusCode::BAD_REQUEST {
            return Error::InvalidRequest {
                parameter: "upstream",
                reason: format!("refused: {said}"),
            };
        }
        Error::Upstream {
            url: self.settings.url.clone(),
            reason: format!("{status}: {said}"),
        }
    }
}

impl Engine for Upstream {
    fn model(&self) -> &str {
        self.settings.offered_as.as_str()
    }

    fn context_tokens(&self) -> usize {
        self.settings.context_tokens
    }

    fn draws_by_seed(&self) -> bool {
        false
    }

    fn generate(&self, request: Request) -> BoxFuture<'_, Result<Answer, Error>> {
        Box::pin(self.open(request))
    }
}

impl Settings {
    fn failed(&self, error: impl std::error::Error) -> Error {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Error::Upstream {
            url: self.url.clone(),
            reason,
        }
    }

    fn broken(&self, reason: impl Into<String>) -> Error {
        Error::Upstream {
            url: self.url.clone(),
            reason: reason.into(),
        }
    }
}

/// The route and the body of a request.
fn body(settings: &Settings, request: &Request) -> (&'static str, Value) {
    let mut body = json!({
        "model": settings.model,
        "seed": request.seed & i64::MAX as u64,
        "max_tokens": request.max_tokens,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    match request.sampling {
        Sampling::Greedy => body["temperature"] = json!(0),
        Sampling::Random {
            temperature,
            top_p,
            top_k,
        } => {
            body["temperature"] = json!(temperature);
            body["top_p"] = json!(top_p);
            if let Some(top_k) = top_k {
                body["top_k"] = json!(top_k);
            }
        }
    }
    if !request.stop.is_empty() {
        body["stop"] = json!(request.stop);
    }
    if settings.token_ids {
        body["return_token_ids"] = json!(true);
    }
    // Some servers report nothing at all when asked for no alternatives.
    let alternatives = alternatives(request).max(1);
    match &request.prompt {
        Prompt::Chat(messages) => {
            body["messages"] = json!(messages);
            body["logprobs"] = json!(true);
            body["top_logprobs"] = json!(alternatives);
            ("chat/completions", body)
        }
        Prompt::Text(text) => {
            body["prompt"] = json!(text);
            body["logprobs"] = json!(alternatives);
            ("completions", body)
        }
    }
}

/// The alternatives per token that the request asks for.
fn alternatives(request: &Request) -> u8 {
    request.top_logprobs.unwrap_or(0)
}

/// Turns a server's events into an answer's.
struct Reader {
    settings: Arc<Settings>,
    queued: Duration,
    /// Alternatives per token that were asked for.
    alternatives: usize,
    events: mpsc::Sender<Result<Event, Error>>,
    _permit: OwnedSemaphorePermit,
}

/// What has come so far.
#[derive(Default)]
struct Tally {
    bytes: usize,
    tokens: u32,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
}

impl Reader {
    /// Reads until the end, an error, or nobody listens.
    async fn run<B: AsRef<[u8]>>(
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
            let data = event.map_err(|error| self.settings.failed(error))?.data;
            tally.bytes += data.len();
            if tally.bytes > ANSWER_BYTES_MAX {
                return Err(self.settings.broken("the answer is longer than 16 MiB"));
            }
            if data == "[DONE]" {
                break;
            }
            let chunk: Chunk = serde_json::from_str(&data)
                .map_err(|error| self.settings.broken(format!("not a chunk: {error}")))?;
            if let Some(error) = &chunk.error {
                return Err(self.settings.broken(error.to_string()));
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
            self.settings
                .broken("the stream ended without a finish reason")
        })?;
        let usage = tally.usage.unwrap_or(Usage {
            prompt_tokens: 0,
            completion_tokens: tally.tokens,
        });
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
        self.pass(Event::Delta { text, tokens }).await
    }

    async fn pass(&self, event: Event) -> Result<(), Error> {
        self.events
            .send(Ok(event))
            .await
            .map_err(|_| Error::Stopped)
    }
}

#[cfg(test)]
mod tests;
