//! A question about text, as an errand for miners: it has begun when the first token is there.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use protocol::{Answer, AnswerError, Ask, Code, Refusal, Route};

use crate::directory::{Listed, Miner};
use crate::error::ApiError;
use crate::market::Market;
use crate::search::Errand;
use crate::signer::Signed;
use crate::transport::{MinerError, Parts, Transport};

/// A question with the body that is sent for it.
#[derive(Clone, Debug)]
pub struct Text {
    /// What is asked.
    pub ask: Ask,
    /// The same in bytes.
    pub body: Bytes,
}

/// An answer that has begun.
pub struct Opening {
    /// What has come so far.
    pub answer: Answer,
    /// What is still to come.
    pub parts: Parts,
}

impl Text {
    /// Writes the body once for all miners asked.
    pub fn new(ask: Ask) -> Self {
        let body = Bytes::from(ask.to_body());
        Self { ask, body }
    }
}

impl Errand for Text {
    type Came = Opening;

    fn route(&self) -> Route {
        self.ask.route()
    }

    fn body(&self) -> Bytes {
        self.body.clone()
    }

    fn suits(&self, listed: &Listed) -> bool {
        listed.serves(&self.ask.model)
    }

    fn wanted(&self) -> &str {
        &self.ask.model
    }

    fn patience(&self, market: &Market) -> Duration {
        market.patience.first_token
    }

    fn put(
        &self,
        transport: &dyn Transport,
        miner: Miner,
        signed: Signed,
    ) -> BoxFuture<'static, Result<Opening, MinerError>> {
        first_token(transport.ask(miner, signed)).boxed()
    }

    fn fault(&self, refusal: &Refusal) -> ApiError {
        let prompt = match self.route() {
            Route::Completions => "prompt",
            _ => "messages",
        };
        match refusal.code {
            Code::PromptTooLong => ApiError::context_length(prompt, refusal.message.clone()),
            Code::TooLarge => ApiError::too_large(protocol::BODY_BYTES_MAX),
            _ => {
                let param = refusal.param.as_deref().unwrap_or(prompt);
                ApiError::invalid(param, format!("`{param}` {}", refusal.message))
            }
        }
    }
}

/// Reads an answer up to its first text or its end.
async fn first_token(
    answering: BoxFuture<'static, Result<Parts, MinerError>>,
) -> Result<Opening, MinerError> {
    let mut parts = answering.await?;
    let mut answer = Answer::default();
    while answer.text.is_empty() && answer.finish.is_none() {
        let closed = || {
            Err(MinerError::Connection(
                "closed before the first token".into(),
            ))
        };
        let part = parts.next().await.unwrap_or_else(closed)?;
        answer.take(part).map_err(miner_error)?;
    }
    Ok(Opening { answer, parts })
}

/// An unusable stream as the miner's failure.
pub fn miner_error(error: AnswerError) -> MinerError {
    match error {
        AnswerError::Refused(refusal) => MinerError::Refused(refusal),
        other => MinerError::Protocol(other.to_string()),
    }
}
