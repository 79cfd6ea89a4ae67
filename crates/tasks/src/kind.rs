//! What daemons know of a task, whatever the task is.
//!
//! Three halves for three roles, so that nobody loads what it does not need: a gateway asks a [`Kind`] for schemas, limits
//! and checks, which takes no model; a validator opens its [`Judge`]; a miner opens its [`Service`].

use std::any::Any;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use inference::Engine;
use primitives::{Hotkey, TaskId};
use protocol::{Digest, Route, SignedWorkReceipt};
use rand_chacha::ChaCha20Rng;
use scoring::{Judgement, Observation};

/// How an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Piece by piece, as server-sent events.
    Stream,
    /// Whole, as one JSON document.
    Once,
    /// Whole, after minutes of work that is polled for progress and may be cancelled.
    Job,
}

/// What a task's messages may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest request, in bytes.
    pub request_bytes: usize,
    /// The longest answer, in bytes.
    pub answer_bytes: usize,
    /// How long an asker waits for a whole answer; of jobs, for that to the longest request.
    pub patience: Duration,
}

impl Limits {
    /// For requests and answers of a few lines.
    pub const SMALL: Self = Self {
        request_bytes: 64 * 1024,
        answer_bytes: 64 * 1024,
        patience: Duration::from_secs(10),
    };
}

/// What is wrong with a request or an answer, in words for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", param.as_ref().map(|param| format!("`{param}` ")).unwrap_or_default())]
pub struct Complaint {
    /// The field at fault, where there is one.
    pub param: Option<String>,
    /// What is wrong with it.
    pub message: String,
}

impl Complaint {
    /// A complaint about the whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            param: None,
            message: message.into(),
        }
    }

    /// A complaint about one field; the message goes on after its name.
    pub fn of(param: &str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param.into()),
            message: message.into(),
        }
    }
}

/// What an operator gives a task to work with. A task refuses what it has no use for.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// A directory with the model to use instead of the one the task brings.
    pub model: Option<PathBuf>,
    /// The name the model is asked for by.
    pub model_name: Option<String>,
    /// A private folder to draw challenges from.
    pub challenges: Option<PathBuf>,
    /// A server that does the work, instead of this process.
    pub upstream: Option<Upstream>,
    /// Which cheat to play, on a development network.
    pub cheat: Option<String>,
    /// The most answers worked on at once.
    pub answers_max: Option<usize>,
    /// How much of the time that a request gives is spent on its work, from 0 to 1.
    pub effort: Option<f64>,
    /// The longest time that a validator's own requests give, for tasks whose requests give a time.
    pub probe_budget: Option<Duration>,
}

impl Setup {
    /// Refuses every option, for a task that needs nothing but itself. Its cheats are seen to elsewhere.
    ///
    /// # Errors
    ///
    /// [`SetupError::Unused`] with the first option given.
    pub fn expect_nothing(&self, task: &TaskId) -> Result<(), SetupError> {
        let options = [
            ("--model", self.model.is_some()),
            ("--model-name", self.model_name.is_some()),
            ("--challenges", self.challenges.is_some()),
            ("--upstream", self.upstream.is_some()),
            ("--effort", self.effort.is_some()),
            ("--probe-budget-s", self.probe_budget.is_some()),
        ];
        crate::unused(task, &options)
    }
}

/// Another server behind a miner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The base URL of its API.
    pub url: String,
    /// The key it asks for.
    pub api_key: Option<String>,
    /// The name it knows the model by, if another.
    pub model: Option<String>,
}

/// Why a task cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An option is of no use to this task.
    #[error("{task} has no use for {option}; leave it away")]
    Unused {
        /// The task.
        task: TaskId,
        /// The option, as it is written.
        option: &'static str,
    },
    /// A cheat that the task does not have.
    #[error("{task} has no cheat {cheat:?}; it has {known:?}")]
    UnknownCheat {
        /// The task.
        task: TaskId,
        /// What was asked for.
        cheat: String,
        /// What there is.
        known: &'static [&'static str],
    },
    /// The model or the folder cannot be used; the reason says what to do.
    #[error("{0}")]
    Unusable(String),
}

/// Why a miner's half failed at a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// The request is at fault.
    #[error(transparent)]
    Complaint(#[from] Complaint),
    /// The miner is at fault; the words go to its log.
    #[error("{0}")]
    Failed(String),
}

/// A task as the list of tasks knows it: everything that takes no model.
pub trait Kind: Send + Sync {
    /// Name and version.
    fn id(&self) -> TaskId;

    /// What it buys, in one sentence.
    fn about(&self) -> &'static str;

    /// How its answers come.
    fn delivery(&self) -> Delivery;

    /// What is counted when its speed is told: `tokens`, or `answers`.
    fn unit(&self) -> &'static str;

    /// What its messages may cost.
    fn limits(&self) -> Limits;

    /// How long an asker waits for the answer to this request: at most the patience of its limits.
    fn patience_of(&self, body: &[u8]) -> Duration {
        let _ = body;
        self.limits().patience
    }

    /// The JSON Schema of a request.
    fn request_schema(&self) -> serde_json::Value;

    /// The JSON Schema of an answer.
    fn answer_schema(&self) -> serde_json::Value;

    /// The cheats a development miner can play.
    fn cheats(&self) -> &'static [&'static str];

    /// The one form in which every asker sends this request, so that a probe looks like a customer's.
    ///
    /// # Errors
    ///
    /// What is wrong with the request.
    fn canonical(&self, body: &[u8]) -> Result<Bytes, Complaint>;

    /// Whether this is an answer in the task's form. Says nothing of its worth.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn check_answer(&self, body: &[u8]) -> Result<(), Complaint>;

    /// Whether this is an answer to this request, as far as can be told without a model and within milliseconds: what a gateway
    /// checks before it hands out the answer of a job.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn check_answer_to(&self, request: &[u8], body: &[u8]) -> Result<(), Complaint> {
        let _ = request;
        self.check_answer(body)
    }

    /// Opens a validator's half.
    ///
    /// # Errors
    ///
    /// [`SetupError`]
    fn judge(&self, setup: &Setup) -> Result<Arc<dyn Judge>, SetupError>;

    /// Opens a miner's half.
    ///
    /// # Errors
    ///
    /// [`SetupError`]
    fn service(&self, setup: &Setup) -> Result<Service, SetupError>;
}

/// A question with what only its asker knows about the answer.
pub struct Challenge {
    /// Where it is sent.
    pub route: Route,
    /// Exactly what is sent.
    pub body: Bytes,
    /// What only the asker knows.
    pub secret: Box<dyn Any + Send + Sync>,
}

/// A question as it was put to one miner.
#[derive(Clone, Copy)]
pub struct Put<'a> {
    /// The question.
    pub challenge: &'a Challenge,
    /// What the receipt must name.
    pub request_hash: Digest,
    /// Who was asked.
    pub miner: Hotkey,
}

/// A whole answer, and when it came by the asker's own clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// What came.
    pub answered: Answered,
    /// From sending to the first piece of it.
    pub first_ms: f64,
    /// From sending to its end.
    pub total_ms: f64,
}

/// What came.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// A stream of text with all that came with it.
    Stream(protocol::Answer),
    /// One document, with the receipt from its header.
    Once {
        /// The answer, exactly as it came.
        body: Bytes,
        /// What the miner signed, if anything.
        receipt: Option<SignedWorkReceipt>,
    },
}

/// One of the answers to a challenge, beside the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared<A = Reply> {
    /// Who gave it.
    pub miner: Hotkey,
    /// What was given.
    pub answer: A,
    /// From asking to the whole answer, by the asker's own clock.
    pub took: Duration,
    /// What it is worth by itself; to be changed.
    pub judgement: Judgement,
}

/// A validator's half of a task: asks what only it knows the answer to, and judges what comes.
pub trait Judge: Send + Sync {
    /// Draws a fresh challenge that could be a customer's request.
    fn challenge(&self, rng: &mut ChaCha20Rng) -> Challenge;

    /// Judges a reply. `None` if this validator cannot tell, which is no fault of the miner's.
    fn judge(&self, put: Put<'_>, reply: &Reply) -> Option<Judgement>;

    /// Judges the answers of several miners to one challenge against each other, when all are in: in the order in which they came,
    /// each judged by itself before. Returns whether this validator can tell; if not, none of them counts.
    fn compare(&self, challenge: &Challenge, round: &mut [Compared]) -> bool {
        let _ = (challenge, round);
        true
    }

    /// How good a miner is, from 0 to 1, by its last answers, oldest first.
    fn quality(&self, window: &[Observation]) -> f64;

    /// The name of the model asked for, where the task has such.
    fn model(&self) -> Option<&str> {
        None
    }
}

/// A miner's half of a task.
#[derive(Clone)]
pub enum Service {
    /// Streams text.
    Stream(Arc<dyn Engine>),
    /// Answers at once.
    Once(Arc<dyn Worker>),
    /// Works for minutes and reports progress.
    Job(Arc<dyn JobWorker>),
}

/// The miner's half of a task whose answers come at once.
pub trait Worker: Send + Sync {
    /// Answers one request, on the calling thread for as long as it takes.
    ///
    /// # Errors
    ///
    /// [`WorkError`]
    fn work(&self, body: &[u8]) -> Result<Vec<u8>, WorkError>;
}

/// How a job is getting on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress<A = Vec<u8>> {
    /// How much of the work is done, from 0 to 1.
    pub fraction: f64,
    /// The task's own measure of the best answer so far, where it has one.
    pub figure: Option<f64>,
    /// The best answer so far; nothing leaves the one reported before.
    pub answer: Option<A>,
}

/// The miner's half of a task that takes minutes.
pub trait JobWorker: Send + Sync {
    /// Answers one request, on the calling thread for as long as it takes. Every report returns whether to go on: after a
    /// break nobody waits any more, and what has been found, if anything, is returned at once.
    ///
    /// # Errors
    ///
    /// [`WorkError`]
    fn work(
        &self,
        body: &[u8],
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<u8>, WorkError>;

    /// Checks a request, before it is taken.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn check(&self, body: &[u8]) -> Result<(), Complaint> {
        let _ = body;
        Ok(())
    }

    /// How long an asker waits for the answer to this request.
    fn patience_of(&self, body: &[u8]) -> Duration;
}
