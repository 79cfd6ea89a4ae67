//! The engine in this process: one worker, many answers at once.
//!
//! A worker thread owns the network. At every step it reads, in a single pass, the next token of every answer under
//! way together with a piece of every prompt that is still being read, so that answers share the cost of a step and a
//! long prompt does not hold up the others. Requests beyond [`Limits::answers`] wait in a bounded queue in the order of
//! their arrival; beyond that they are refused. An answer that nobody listens to any more is dropped at the next step.

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::engine::{Answer, Engine};
use crate::error::Error;
use crate::model::Model;
use crate::network::{Cache, Span};
use crate::request::{Event, Request, Token, TopToken, Usage};
use crate::sampler;
use crate::transcript::Transcript;

/// The longest piece of a prompt read in one step.
const PROMPT_PIECE_TOKENS: usize = 256;

/// How much an engine takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Answers written at once.
    pub answers: usize,
    /// Requests waiting for their turn.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answers: 8,
            waiting: 64,
        }
    }
}

/// Answers with a model in this process.
pub struct LocalEngine {
    name: String,
    model: Arc<Model>,
    queue: mpsc::Sender<Job>,
    waiting: usize,
}

/// A request on its way to the worker.
struct Job {
    request: Request,
    prompt: Vec<u32>,
    arrived: Instant,
    events: mpsc::Sender<Result<Event, Error>>,
}

impl LocalEngine {
    /// Starts a worker for a model offered under `name`. The worker ends when the engine is dropped and its last
    /// answer is complete.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when the operating system gives no thread.
    pub fn start(name: String, model: Arc<Model>, limits: Limits) -> Result<Self, Error> {
        let waiting = limits.waiting.max(1);
        let (queue, jobs) = mpsc::channel(waiting);
        let worker = Worker {
            model: model.clone(),
            jobs,
            answers_max: limits.answers.max(1),
        };
        std::thread::Builder::new()
            .name("inference".into())
            .spawn(move || worker.run())
            .map_err(|_| Error::Stopped)?;
        Ok(Self {
            name,
            model,
            queue,
            waiting,
        })
    }

    /// The model.
    pub fn loaded(&self) -> &Arc<Model> {
        &self.model
    }

    fn accept(&self, request: Request) -> Result<Answer, Error> {
        request.check()?;
        let prompt = self.model.tokens(&request.prompt)?;
        let limit = self
            .model
            .answer_tokens_max(prompt.len(), request.max_tokens.get());
        // One event per token, one at each end: the worker never waits for a slow reader, and memory stays bounded.
        let (events, mut receiver) = mpsc::channel(limit + 2);
        let job = Job {
            request,
            prompt,
            arrived: Instant::now(),
            events,
        };
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy {
                waiting: self.waiting,
            },
            TrySendError::Closed(_) => Error::Stopped,
        })?;
        Ok(stream::poll_fn(move |context| receiver.poll_recv(context)).boxed())
    }
}

impl Engine for LocalEngine {
    fn model(&self) -> &str {
        &self.name
    }

    fn context_tokens(&self) -> usize {
        self.model.context_tokens()
    }

    fn generate(&self, request: Request) -> BoxFuture<'_, Result<Answer, Error>> {
        Box::pin(std::future::ready(self.accept(request)))
    }
}

struct Worker {
    model: Arc<Model>,
    jobs: mpsc::Receiver<Job>,
    answers_max: usize,
}

/// An answer under way.
struct Seat<'a> {
    request: Request,
    events: mpsc::Sender<Result<Event, Error>>,
    prompt_tokens: u32,
    cache: Cache,
    /// Tokens not yet read: what is left of the prompt, later the last token drawn.
    unread: Vec<u32>,
    transcript: Transcript<'a>,
}

/// Whether an answer goes on after a step.
#[derive(PartialEq, Eq)]
enum Then {
    Continue,
    Leave,
}

impl Worker {
    fn run(mut self) {
        let model = self.model.clone();
        let mut seats = Vec::new();
        while self.admit(&model, &mut seats) {
            step(&model, &mut seats);
        }
    }

    /// Fills free seats; waits for a job when all are free. False when no job can ever come.
    fn admit<'a>(&mut self, model: &'a Model, seats: &mut Vec<Seat<'a>>) -> bool {
        while seats.len() < self.answers_max {
            let job = if seats.is_empty() {
                self.jobs.blocking_recv()
            } else {
                self.jobs.try_recv().ok()
            };
            match job {
                Some(job) => seats.extend(Seat::take(model, job)),
                None => break,
            }
        }
        !seats.is_empty()
    }
}

impl<'a> Seat<'a> {
    /// Seats a job, unless nobody waits for it any more.
    fn take(model: &'a Model, job: Job) -> Option<Self> {
        let Job {
            request,
            prompt,
            arrived,
            events,
        } = job;
        let prompt_tokens = prompt.len() as u32;
        let start = Event::Start {
            prompt_tokens,
            queued: arrived.elapsed(),
        };
        events.try_send(Ok(start)).ok()?;
        let limit = model.answer_tokens_max(prompt.len(), request.max_tokens.get());
        Some(Self {
            transcript: Transcript::new(model, request.stop.clone(), limit),
            cache: model.network().cache(),
            unread: prompt,
            prompt_tokens,
            events,
            request,
        })
    }

    fn piece(&self) -> usize {
        self.unread.len().min(PROMPT_PIECE_TOKENS)
    }

    fn span(&mut self) -> Span<'_> {
        let piece = self.piece();
        let last = self.unread.len() - 1;
        Span {
            tokens: &self.unread[..piece],
            cache: &mut self.cache,
            logits_from: last,
        }
    }

    /// Takes in what a step computed: forgets what was read, and draws a token if the prompt is read to its end.
    fn advance(&mut self, model: &Model, logits: Option<Vec<f32>>) -> Result<Then, Error> {
        let piece = self.piece();
        self.unread.drain(..piece);
        let Some(logits) = logits else {
            return Ok(Then::Continue);
        };

        let position = self.transcript.tokens() as u64;
        let id = sampler::choose(&logits, self.request.sampling, self.request.seed, position);
        let token = describe(model, id, &logits, self.request.top_logprobs);
        let text = self.transcript.push(id)?.to_owned();
        self.unread.push(id);
        let delivered = self.events.try_send(Ok(Event::Delta {
            text,
            tokens: vec![token],
        }));
        match self.transcript.ended() {
            None if delivered.is_ok() => Ok(Then::Continue),
            None => Ok(Then::Leave),
            Some(reason) => {
                let completion_tokens = self.transcript.tokens() as u32;
                let usage = Usage {
                    prompt_tokens: self.prompt_tokens,
                    completion_tokens,
                };
                self.send_last(Ok(Event::Finish { reason, usage }));
                Ok(Then::Leave)
            }
        }
    }

    /// Sends what ends the stream. There is room for it: the channel holds a whole answer; a reader that has gone
    /// away needs no answer.
    fn send_last(&self, event: Result<Event, Error>) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("the reader of an answer left before its end");
        }
    }
}

/// Reads one piece for every seat in a single pass, and empties the seats whose answers are complete.
fn step<'a>(model: &'a Model, seats: &mut Vec<Seat<'a>>) {
    seats.retain(|seat| !seat.events.is_closed());
    if seats.is_empty() {
        return;
    }
    let mut spans: Vec<Span<'_>> = seats.iter_mut().map(Seat::span).collect();
    let rows = match model.network().read(&mut spans) {
        Ok(rows) => rows,
        Err(error) => {
            tracing::error!(%error, answers = seats.len(), "a step failed, its answers are dropped");
            for seat in seats.drain(..) {
                seat.send_last(Err(Error::Step {
                    reason: error.to_string(),
                }));
            }
            return;
        }
    };
    let mut rows = rows.into_iter();
    seats.retain_mut(|seat| {
        let logits = rows.next().and_then(|mut rows| rows.pop());
        match seat.advance(model, logits) {
            Ok(then) => then == Then::Continue,
            Err(error) => {
                seat.send_last(Err(error));
                false
            }
        }
    });
}

fn describe(model: &Model, id: u32, logits: &[f32], top: Option<u8>) -> Token {
    let vocabulary = model.vocabulary();
    let Some(count) = top else {
        return Token {
            id: Some(id),
            text: vocabulary.spell(id),
            logprob: None,
            top: Vec::new(),
        };
    };
    let logprob = f64::from(logits[id as usize]) - sampler::log_normaliser(logits);
    let top = sampler::likeliest(logits, usize::from(count))
        .into_iter()
        .map(|(id, logprob)| TopToken {
            id: Some(id),
            text: vocabulary.spell(id),
            logprob,
        })
        .collect();
    Token {
        id: Some(id),
        text: vocabulary.spell(id),
        logprob: Some(logprob as f32),
        top,
    }
}

#[cfg(test)]
mod tests;
