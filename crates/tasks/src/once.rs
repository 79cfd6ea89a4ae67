//! Tasks whose answers come whole: what their author writes, and how it becomes a [`Kind`].
//!
//! An author writes [`Task`]: two types, a way to make a challenge, a way to judge an answer, a way to find one. Everything
//! else (bytes, signatures, receipts, speed, records, HTTP) is done here and in the daemons, once for all tasks.
//!
//! A task that takes minutes says so with [`Task::DELIVERY`] and writes [`Task::labour`], which reports progress, in the place of
//! [`Task::solve`]. Of a job the time is not counted: it was given, and nobody gains by using less of it.

use std::any::Any;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use primitives::TaskId;
use protocol::Route;
use rand_chacha::ChaCha20Rng;
use schemars::{JsonSchema, schema_for};
use scoring::{Fault, Judgement, Observation, Speed};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kind::{
    Answered, Challenge, Compared, Complaint, Delivery, JobWorker, Judge, Kind, Limits, Progress,
    Put, Reply, Service, Setup, SetupError, WorkError, Worker,
};

/// A kind of work with one question and one answer.
pub trait Task: Sized + Send + Sync + 'static {
    /// The question, as JSON. Its schema is published.
    type Request: Serialize + DeserializeOwned + JsonSchema + Send + Sync;
    /// The answer, as JSON. Its schema is published.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Send + Sync;
    /// What only who drew the challenge knows.
    type Secret: Send + Sync;

    /// Lower-case letters, digits and hyphens.
    const NAME: &'static str;
    /// Grows whenever the same answer would be judged otherwise, or a request read otherwise.
    const VERSION: u16;
    /// What is bought, in one sentence.
    const ABOUT: &'static str;
    /// What a request and an answer may cost.
    const LIMITS: Limits = Limits::SMALL;
    /// How answers come: at once, or as jobs.
    const DELIVERY: Delivery = Delivery::Once;
    /// Whether another server may do its work, or play a part in it: `--upstream`.
    const HAS_UPSTREAM: bool = false;
    /// An answer within this time is as fast as any, so that nobody answers worse to answer a moment sooner.
    const SOON_ENOUGH: Duration = Duration::ZERO;
    /// Names of the villains a development miner can play.
    const CHEATS: &'static [&'static str] = &[];

    /// Name and version in one.
    ///
    /// # Panics
    ///
    /// When the name is no task's name, which a test checks of every task in the list.
    fn id() -> TaskId {
        TaskId::new(Self::NAME, Self::VERSION)
            .expect("a test checks the name of every task in the list")
    }

    /// Makes whatever challenges, judgements and solutions need: loads a model, say.
    ///
    /// # Errors
    ///
    /// [`SetupError`], also for an option that the task has no use for: see [`unused`] and [`Setup::expect_nothing`].
    fn open(setup: &Setup) -> Result<Self, SetupError>;

    /// Checks that it has what a judge needs, where that is more than a miner needs.
    ///
    /// # Errors
    ///
    /// [`SetupError`]
    fn check_judge(&self) -> Result<(), SetupError> {
        Ok(())
    }

    /// Checks what the request's type cannot say: counts, ranges, sizes.
    ///
    /// # Errors
    ///
    /// What is wrong, in words for the author of the request.
    fn check(request: &Self::Request) -> Result<(), Complaint>;

    /// Checks whether an answer can be one to this request, as far as that takes no model and only milliseconds. Where an answer
    /// proves itself, a gateway that asks this hands out no other.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer.
    fn check_answer_to(request: &Self::Request, answer: &Self::Answer) -> Result<(), Complaint> {
        let _ = (request, answer);
        Ok(())
    }

    /// Draws a question that could be a customer's, never the same twice.
    fn challenge(&self, rng: &mut ChaCha20Rng) -> (Self::Request, Self::Secret);

    /// Judges an answer. Speed is not its business.
    fn judge(
        &self,
        request: &Self::Request,
        answer: &Self::Answer,
        secret: &Self::Secret,
    ) -> Judgement;

    /// Judges the answers of several miners to one question against each other, when all are in. They come in the order of
    /// arrival, each with its own judgement, which may be changed; those with a fault are not among them.
    fn compare(
        &self,
        request: &Self::Request,
        secret: &Self::Secret,
        round: &mut [Compared<Self::Answer>],
    ) {
        let _ = (request, secret, round);
    }

    /// How long an asker waits for the answer, if that depends on the request: more than the patience of [`Task::LIMITS`] it
    /// cannot be.
    fn patience(request: &Self::Request) -> Duration {
        let _ = request;
        Self::LIMITS.patience
    }

    /// Finds an answer: what a miner does.
    ///
    /// # Errors
    ///
    /// [`WorkError`]
    fn solve(&self, request: &Self::Request) -> Result<Self::Answer, WorkError>;

    /// Finds an answer and reports progress: what a miner does if the task is a job. When a report returns a break, it returns
    /// what it has at once.
    ///
    /// # Errors
    ///
    /// [`WorkError`]
    fn labour(
        &self,
        request: &Self::Request,
        report: &mut dyn FnMut(Progress<Self::Answer>) -> ControlFlow<()>,
    ) -> Result<Self::Answer, WorkError> {
        let _ = report;
        self.solve(request)
    }

    /// Answers as a villain would, on a development network.
    ///
    /// # Errors
    ///
    /// [`WorkError`]
    fn cheat(&self, cheat: &str, request: &Self::Request) -> Result<Self::Answer, WorkError> {
        let _ = request;
        Err(WorkError::Failed(format!(
            "{} has no cheat {cheat:?}",
            Self::NAME
        )))
    }

    /// Answers as a villain would, and reports progress, if the task is a job: when a report returns a break, it returns at once.
    ///
    /// # Errors
    ///
    /// [`WorkError`]
    fn swindle(
        &self,
        cheat: &str,
        request: &Self::Request,
        report: &mut dyn FnMut(Progress<Self::Answer>) -> ControlFlow<()>,
    ) -> Result<Self::Answer, WorkError> {
        let _ = report;
        self.cheat(cheat, request)
    }

    /// How good a miner is by its last answers: a moving average, unless the task knows better.
    fn quality(window: &[Observation]) -> f64 {
        scoring::averaged(window)
    }
}

/// Refuses the options that a task has no use for.
///
/// # Errors
///
/// [`SetupError::Unused`] with the first of them.
pub fn unused(task: &TaskId, options: &[(&'static str, bool)]) -> Result<(), SetupError> {
    match options.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(SetupError::Unused {
            task: task.clone(),
            option,
        }),
        None => Ok(()),
    }
}

/// A [`Task`] as the list of tasks knows it.
pub struct Once<T>(PhantomData<fn() -> T>);

impl<T: Task> Once<T> {
    /// The task.
    pub const KIND: Self = Self(PhantomData);

    fn read(body: &[u8]) -> Result<T::Request, Complaint> {
        let limit = T::LIMITS.request_bytes;
        if limit < body.len() {
            return Err(Complaint::new(format!(
                "the request is larger than {limit} bytes"
            )));
        }
        let request = serde_json::from_slice(body).map_err(|error| {
            Complaint::new(format!("the request is not as its schema says: {error}"))
        })?;
        T::check(&request)?;
        Ok(request)
    }

    fn read_answer(body: &[u8]) -> Result<T::Answer, Complaint> {
        let limit = T::LIMITS.answer_bytes;
        if limit < body.len() {
            return Err(Complaint::new(format!(
                "the answer is larger than {limit} bytes"
            )));
        }
        serde_json::from_slice(body).map_err(|error| {
            Complaint::new(format!("the answer is not as its schema says: {error}"))
        })
    }

    /// Where a request is posted.
    fn route() -> Route {
        match T::DELIVERY {
            Delivery::Job => Route::Submit,
            Delivery::Once | Delivery::Stream => Route::Work,
        }
    }

    /// What cannot be read is refused anyway, and waited for as long as anything.
    fn patience_of(body: &[u8]) -> Duration {
        let most = T::LIMITS.patience;
        Self::read(body).map_or(most, |request| T::patience(&request).min(most))
    }

    fn open(setup: &Setup) -> Result<T, SetupError> {
        let id = T::id();
        if let Some(cheat) = &setup.cheat
            && !T::CHEATS.contains(&cheat.as_str())
        {
            let (cheat, known) = (cheat.clone(), T::CHEATS);
            return Err(SetupError::UnknownCheat {
                task: id,
                cheat,
                known,
            });
        }
        let has_upstream = setup.upstream.is_some() && !T::HAS_UPSTREAM;
        unused(&id, &[("--upstream", has_upstream)])?;
        T::open(setup)
    }
}

impl<T: Task> Kind for Once<T> {
    fn id(&self) -> TaskId {
        T::id()
    }

    fn about(&self) -> &'static str {
        T::ABOUT
    }

    fn delivery(&self) -> Delivery {
        T::DELIVERY
    }

    fn unit(&self) -> &'static str {
        "answers"
    }

    fn limits(&self) -> Limits {
        T::LIMITS
    }

    fn patience_of(&self, body: &[u8]) -> Duration {
        Self::patience_of(body)
    }

    fn request_schema(&self) -> serde_json::Value {
        schema_for!(T::Request).to_value()
    }

    fn answer_schema(&self) -> serde_json::Value {
        schema_for!(T::Answer).to_value()
    }

    fn cheats(&self) -> &'static [&'static str] {
        T::CHEATS
    }

    fn canonical(&self, body: &[u8]) -> Result<Bytes, Complaint> {
        Ok(written(&Self::read(body)?))
    }

    fn check_answer(&self, body: &[u8]) -> Result<(), Complaint> {
        Self::read_answer(body).map(drop)
    }

    fn check_answer_to(&self, request: &[u8], body: &[u8]) -> Result<(), Complaint> {
        T::check_answer_to(&Self::read(request)?, &Self::read_answer(body)?)
    }

    fn judge(&self, setup: &Setup) -> Result<Arc<dyn Judge>, SetupError> {
        let task = Self::open(setup)?;
        task.check_judge()?;
        Ok(Arc::new(OnceJudge(task)))
    }

    fn service(&self, setup: &Setup) -> Result<Service, SetupError> {
        let task = Self::open(setup)?;
        let cheat = setup.cheat.clone();
        let worker = Arc::new(OnceWorker { task, cheat });
        Ok(match Self::route() {
            Route::Submit => Service::Job(worker),
            _ => Service::Once(worker),
        })
    }
}

struct OnceJudge<T>(T);

/// What a challenge of an at-once task remembers.
struct Known<T: Task> {
    request: T::Request,
    secret: T::Secret,
}

impl<T: Task> Judge for OnceJudge<T> {
    fn challenge(&self, rng: &mut ChaCha20Rng) -> Challenge {
        let (request, secret) = self.0.challenge(rng);
        Challenge {
            route: Once::<T>::route(),
            body: written(&request),
            secret: Box::new(Known::<T> { request, secret }),
        }
    }

    fn judge(&self, put: Put<'_>, reply: &Reply) -> Option<Judgement> {
        let known = known::<T>(&put.challenge.secret)?;
        let Answered::Once { body, receipt } = &reply.answered else {
            return Some(Judgement::fault(Fault::Unreadable("a stream came".into())));
        };
        let Some(receipt) = receipt else {
            let missing = "the header stoa-receipt is missing".into();
            return Some(Judgement::fault(Fault::FalseReceipt(missing)));
        };
        let task = T::id();
        if let Err(error) = receipt.check(put.miner, &task, put.request_hash, body) {
            return Some(Judgement::fault(Fault::FalseReceipt(error.to_string())));
        }
        let answer = match Once::<T>::read_answer(body) {
            Ok(answer) => answer,
            Err(complaint) => {
                return Some(Judgement::fault(Fault::Unreadable(complaint.to_string())));
            }
        };
        let judging = || self.0.judge(&known.request, &answer, &known.secret);
        let Ok(mut judgement) = catch_unwind(AssertUnwindSafe(judging)) else {
            tracing::error!(%task, "the task's judge panicked; the answer is not judged");
            return None;
        };
        if judgement.fault.is_none() {
            judgement.speed = Some(match T::DELIVERY {
                Delivery::Job => JOB_SPEED,
                Delivery::Once | Delivery::Stream => speed(reply.total_ms, T::SOON_ENOUGH),
            });
        }
        Some(judgement)
    }

    fn compare(&self, challenge: &Challenge, round: &mut [Compared]) -> bool {
        let Some(known) = known::<T>(&challenge.secret) else {
            return false;
        };
        let rivals = round.iter().enumerate().filter_map(|(index, compared)| {
            let rival = Compared {
                miner: compared.miner,
                answer: readable::<T>(compared)?,
                took: compared.took,
                judgement: compared.judgement.clone(),
            };
            Some((index, rival))
        });
        let (places, mut rivals): (Vec<_>, Vec<_>) = rivals.unzip();
        let comparing = || self.0.compare(&known.request, &known.secret, &mut rivals);
        if catch_unwind(AssertUnwindSafe(comparing)).is_err() {
            tracing::error!(task = %T::id(), "the task's comparison panicked; the round is not judged");
            return false;
        }
        for (index, rival) in places.into_iter().zip(rivals) {
            round[index].judgement = rival.judgement;
        }
        true
    }

    fn quality(&self, window: &[Observation]) -> f64 {
        T::quality(window)
    }
}

/// The answer of one that did nothing wrong so far.
fn readable<T: Task>(compared: &Compared) -> Option<T::Answer> {
    match &compared.answer.answered {
        Answered::Once { body, .. } if compared.judgement.fault.is_none() => {
            Once::<T>::read_answer(body).ok()
        }
        _ => None,
    }
}

/// A job's time is given with it: all are as fast.
const JOB_SPEED: Speed = Speed {
    per_second: 1.0,
    first_ms: 1_000.0,
};

/// What a time says of a miner's speed, if nobody gains by answering sooner than `soon_enough`.
fn speed(total_ms: f64, soon_enough: Duration) -> Speed {
    let counted_ms = total_ms.max(soon_enough.as_secs_f64() * 1_000.0).max(1.0);
    Speed {
        per_second: 1_000.0 / counted_ms,
        first_ms: counted_ms,
    }
}

struct OnceWorker<T> {
    task: T,
    cheat: Option<String>,
}

impl<T: Task> Worker for OnceWorker<T> {
    fn work(&self, body: &[u8]) -> Result<Vec<u8>, WorkError> {
        let request = Once::<T>::read(body)?;
        let answer = match &self.cheat {
            None => self.task.solve(&request)?,
            Some(cheat) => self.task.cheat(cheat, &request)?,
        };
        Ok(written(&answer).into())
    }
}

impl<T: Task> JobWorker for OnceWorker<T> {
    fn work(
        &self,
        body: &[u8],
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<u8>, WorkError> {
        let request = Once::<T>::read(body)?;
        let mut written_report = |progress: Progress<T::Answer>| {
            report(Progress {
                fraction: progress.fraction,
                figure: progress.figure,
                answer: progress.answer.map(|answer| written(&answer).into()),
            })
        };
        let answer = match &self.cheat {
            None => self.task.labour(&request, &mut written_report)?,
            Some(cheat) => self.task.swindle(cheat, &request, &mut written_report)?,
        };
        Ok(written(&answer).into())
    }

    fn check(&self, body: &[u8]) -> Result<(), Complaint> {
        Once::<T>::read(body).map(drop)
    }

    fn patience_of(&self, body: &[u8]) -> Duration {
        Once::<T>::patience_of(body)
    }
}

fn known<T: Task>(secret: &Box<dyn Any + Send + Sync>) -> Option<&Known<T>> {
    let known = secret.downcast_ref();
    if known.is_none() {
        tracing::error!(task = T::NAME, "judges a challenge that another task drew");
    }
    known
}

fn written(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value)
        .expect("requests and answers are plain data")
        .into()
}

#[cfg(test)]
mod tests;
