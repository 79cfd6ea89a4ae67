//! How a miner is reached. Routing and relaying know only this trait, so tests put any miner they like behind it.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use primitives::TaskId;
use protocol::{
    AnswerError, JOB_HEADER, JobReply, Part, PartReader, RECEIPT_HEADER, Refusal,
    SignedWorkReceipt, TASK_HEADER,
};
use serde::Deserialize;

use crate::directory::{Miner, Model};
use crate::signer::Signed;

/// Most bytes read of a refusal or a list of models.
const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;
/// Most models believed of one miner.
const MODELS_MAX: usize = 16;
/// For a connection to a miner.
const CONNECT: Duration = Duration::from_secs(2);
/// For a connection that is not used: less than a miner's door leaves it open.
const IDLE: Duration = Duration::from_secs(20);
/// For a list of models.
const DESCRIBE: Duration = Duration::from_secs(2);

/// Why a miner did not do its part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MinerError {
    /// It answered that it will not.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// It could not be reached, or the connection broke.
    #[error("connection: {0}")]
    Connection(String),
    /// It sent something that is not an answer.
    #[error("broke the protocol: {0}")]
    Protocol(String),
    /// It took too long.
    #[error("no sign of life within {0:?}")]
    Slow(Duration),
    /// Its receipt does not fit what it did.
    #[error("receipt: {0}")]
    Receipt(String),
}

impl MinerError {
    /// What it sent is in no form that the task has. The complaint may quote as much of it as there is, and is logged and shown to
    /// customers: only its beginning is kept.
    pub fn formless(complaint: impl std::fmt::Display) -> Self {
        const CHARS_MAX: usize = 200;
        let mut words: String = complaint.to_string();
        if let Some((end, _)) = words.char_indices().nth(CHARS_MAX) {
            words.truncate(end);
            words.push('…');
        }
        Self::Protocol(words)
    }
}

/// A miner's answer, part by part.
pub type Parts = Pin<Box<dyn Stream<Item = Result<Part, MinerError>> + Send>>;

/// A whole answer, as it came.
#[derive(Clone, Debug)]
pub struct Worked {
    /// The task's answer, not read yet.
    pub body: Bytes,
    /// The miner's word for it, not checked yet.
    pub receipt: SignedWorkReceipt,
}

/// Reaches miners.
pub trait Transport: Send + Sync + 'static {
    /// Sends a signed request and returns the answer as it comes.
    ///
    /// Dropping the future or the stream abandons the request; the miner notices by the closed connection.
    fn ask(&self, miner: Miner, request: Signed) -> BoxFuture<'static, Result<Parts, MinerError>>;

    /// Sends a signed request of an at-once task, and returns the answer if it is at most so many bytes long.
    fn work(
        &self,
        miner: Miner,
        request: Signed,
        task: &TaskId,
        answer_bytes_max: usize,
    ) -> BoxFuture<'static, Result<Worked, MinerError>>;

    /// Sends a signed letter about a job, and returns the reply if it is at most so many bytes long.
    fn job(
        &self,
        miner: Miner,
        letter: Signed,
        task: &TaskId,
        reply_bytes_max: usize,
    ) -> BoxFuture<'static, Result<JobReply, MinerError>>;

    /// Asks a miner what it serves.
    fn models(&self, miner: Miner) -> BoxFuture<'static, Result<Vec<Model>, MinerError>>;
}

/// The production transport: HTTP/1.1 over pooled connections without delay.
pub struct Http {
    client: reqwest::Client,
}

impl Http {
    /// Prepares the pool.
    ///
    /// # Errors
    ///
    /// If the system offers no randomness or no TLS; neither happens on a healthy machine.
    pub fn new() -> Result<Self, reqwest::Error> {
        // Another part of the process may have installed the same provider already, which is as good.
        if rustls::crypto::ring::default_provider()
            .install_default()
            .is_err()
        {
            tracing::trace!("a TLS provider was installed before");
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(IDLE)
            .build()?;
        Ok(Self { client })
    }
}

impl Http {
    /// A signed request, ready to be sent.
    fn post(&self, miner: Miner, request: Signed) -> reqwest::RequestBuilder {
        let url = format!("http://{}{}", miner.address, request.route.path());
        let mut post = self
            .client
            .post(url)
            .header("content-type", "application/json");
        for (name, value) in request.headers {
            post = post.header(name, value);
        }
        post.body(request.body)
    }
}

impl Transport for Http {
    fn ask(&self, miner: Miner, request: Signed) -> BoxFuture<'static, Result<Parts, MinerError>> {
        let post = self.post(miner, request);
        async move { Ok(parts(accepted(post).await?)) }.boxed()
    }

    fn work(
        &self,
        miner: Miner,
        request: Signed,
        task: &TaskId,
        answer_bytes_max: usize,
    ) -> BoxFuture<'static, Result<Worked, MinerError>> {
        let post = self
            .post(miner, request)
            .header(TASK_HEADER, task.to_string());
        async move {
            let response = accepted(post).await?;
            let missing = || MinerError::Receipt(format!("the header {RECEIPT_HEADER} is missing"));
            let header = response.headers().get(RECEIPT_HEADER).ok_or_else(missing)?;
            let receipt = SignedWorkReceipt::from_header(header.as_bytes())
                .map_err(|error| MinerError::Receipt(error.to_string()))?;
            let body = bounded(response, answer_bytes_max).await?.into();
            Ok(Worked { body, receipt })
        }
        .boxed()
    }

    fn job(
        &self,
        miner: Miner,
        letter: Signed,
        task: &TaskId,
        reply_bytes_max: usize,
    ) -> BoxFuture<'static, Result<JobReply, MinerError>> {
        let post = self
            .post(miner, letter)
            .header(TASK_HEADER, task.to_string());
        async move {
            let response = accepted(post).await?;
            let headers = response.headers().clone();
            let header = |name| headers.get(name).map(|value| value.as_bytes());
            let body = bounded(response, reply_bytes_max).await?.into();
            JobReply::read(header(JOB_HEADER), header(RECEIPT_HEADER), body)
                .map_err(MinerError::formless)
        }
        .boxed()
    }

    fn models(&self, miner: Miner) -> BoxFuture<'static, Result<Vec<Model>, MinerError>> {
        let get = self
            .client
            .get(format!("http://{}/v1/models", miner.address))
            .timeout(DESCRIBE);
        async move {
            let response = get.send().await.map_err(connection)?;
            let body = bounded(response, SMALL_BODY_BYTES_MAX).await?;
            let list: ModelList = serde_json::from_slice(&body)
                .map_err(|error| MinerError::Protocol(error.to_string()))?;
            let known = |model: &Described| model.id.len() <= protocol::MODEL_BYTES_MAX;
            let models = list.data.into_iter().filter(known).take(MODELS_MAX);
            Ok(models.map(Model::from).collect())
        }
        .boxed()
    }
}

/// OpenAI's list of models; the context length is told under one of the names in use.
#[derive(Deserialize)]
struct ModelList {
    data: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    id: String,
    #[serde(default, alias = "context_tokens", alias = "max_model_len")]
    context_length: Option<u32>,
    #[serde(default)]
    task: Option<TaskId>,
}

impl From<Described> for Model {
    fn from(described: Described) -> Self {
        Self {
            id: described.id,
            context_length: described.context_length,
            task: described.task,
        }
    }
}

/// The server-sent events of a response, read one by one.
fn parts(response: reqwest::Response) -> Parts {
    let protocol = |error: AnswerError| MinerError::Protocol(error.to_string());
    let begun = (response.bytes_stream().boxed(), PartReader::default());
    Box::pin(stream::try_unfold(
        begun,
        move |(mut pieces, mut reader)| async move {
            loop {
                if let Some(part) = reader.next_part() {
                    return Ok(Some((part.map_err(protocol)?, (pieces, reader))));
                }
                match pieces.next().await {
                    Some(piece) => reader.feed(piece.map_err(connection)?).map_err(protocol)?,
                    None => return Ok(None),
                }
            }
        },
    ))
}

/// The response, if the miner took the request.
async fn accepted(post: reqwest::RequestBuilder) -> Result<reqwest::Response, MinerError> {
    let response = post.send().await.map_err(connection)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = bounded(response, SMALL_BODY_BYTES_MAX).await?;
    Err(match Refusal::from_json(&body) {
        Some(refusal) => MinerError::Refused(refusal),
        None => MinerError::Protocol(format!("status {status}")),
    })
}

async fn bounded(response: reqwest::Response, limit: usize) -> Result<Vec<u8>, MinerError> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(connection)?;
        if limit < body.len() + chunk.len() {
            return Err(MinerError::Protocol("a reply without end".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The innermost reason is the one that says something.
fn connection(error: reqwest::Error) -> MinerError {
    let mut reason: &dyn std::error::Error = &error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    MinerError::Connection(reason.to_string())
}
