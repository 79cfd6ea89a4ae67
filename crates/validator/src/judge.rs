//! Whether an answer is what the model would have said: the one place where a miner is believed or not.

use std::num::NonZeroU32;
use std::sync::Arc;

use inference::model::Model;
use inference::{Claim, Evidence, FinishReason, Verdict, verify};
use primitives::Hotkey;
use protocol::{Answer, Ask, Digest, Finish, ReceiptError, SignedReceipt};
use scoring::{Fault, Outcome, Speed};

/// How far a log-probability may be from the recomputed one. Wider than the tolerance on tokens, since servers in half
/// precision round theirs, and a lie within it is worth nothing.
const LOGPROB_TOLERANCE: f32 = 0.1;

/// A whole answer and when it came, by the asker's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// What came.
    pub answer: Answer,
    /// From sending to the first piece of text.
    pub first_token_ms: f64,
    /// From sending to the end.
    pub total_ms: f64,
}

/// Recomputes an answer.
pub trait Recompute: Send + Sync {
    /// What one pass of the model over question and answer shows.
    ///
    /// # Errors
    ///
    /// If the question itself cannot be put to the model, or arithmetic fails: the validator's trouble, not the miner's.
    fn recompute(
        &self,
        ask: &Ask,
        text: &str,
        token_ids: &[u32],
        finish: Finish,
    ) -> Result<Evidence, inference::Error>;
}

/// Recomputes with a model in memory.
pub struct ModelCheck {
    model: Arc<Model>,
}

impl ModelCheck {
    /// Checks against this model.
    pub fn new(model: Arc<Model>) -> Self {
        Self { model }
    }
}

impl Recompute for ModelCheck {
    fn recompute(
        &self,
        ask: &Ask,
        text: &str,
        token_ids: &[u32],
        finish: Finish,
    ) -> Result<Evidence, inference::Error> {
        let finish = match finish {
            Finish::Stop => FinishReason::Stop,
            Finish::Length => FinishReason::Length,
        };
        verify(
            &self.model,
            &request(ask)?,
            &Claim {
                tokens: token_ids,
                text,
                finish,
            },
        )
    }
}

/// Judges a reply to a question put to a miner. `None` if this validator cannot tell, which is no fault of the miner's.
///
/// In order: the answer is complete; the receipt is signed by the miner for this request and this text; its model, seed,
/// finish reason and counts are those asked for and served; every token is one the model could have drawn; the
/// log-probabilities, where asked for, are the model's.
pub fn judge(
    ask: &Ask,
    request_hash: Digest,
    miner: Hotkey,
    reply: &Reply,
    check: &dyn Recompute,
) -> Option<Outcome> {
    let fault = |fault: Fault| Some(Outcome::Unverified(fault));
    let receipt = match closed(&reply.answer) {
        Ok(receipt) => receipt,
        Err(found) => return fault(found),
    };
    let claims = claims(ask, request_hash, miner, &reply.answer, receipt);
    if let Err(found) = claims {
        return fault(found);
    }
    let receipt = &receipt.receipt;
    let recomputed = check.recompute(ask, &reply.answer.text, &receipt.token_ids, receipt.finish);
    let evidence = match recomputed {
        Ok(evidence) => evidence,
        Err(error) => {
            tracing::warn!(%error, "cannot recompute an answer; it is not graded");
            return None;
        }
    };
    if let Verdict::Refused(refusal) = &evidence.verdict {
        return fault(Fault::FalseAnswer(refusal.to_string()));
    }
    if evidence.prompt_tokens != receipt.prompt_tokens {
        let (counted, claimed) = (evidence.prompt_tokens, receipt.prompt_tokens);
        return fault(Fault::FalseCount(format!(
            "the prompt has {counted} tokens, {claimed} were claimed"
        )));
    }
    if ask.top_logprobs.is_some()
        && let Some(found) = false_logprobs(&reply.answer, &evidence)
    {
        return fault(found);
    }
    let tokens = receipt.token_ids.len() as f64;
    let per_second = tokens * 1_000.0 / reply.total_ms.max(1.0);
    Some(Outcome::Verified(Speed {
        per_second,
        first_ms: reply.first_token_ms,
    }))
}

/// What is wrong with the log-probabilities: one is given for every token, that of the ending one may be missing.
fn false_logprobs(answer: &Answer, evidence: &Evidence) -> Option<Fault> {
    let (given, drawn) = (&answer.logprobs, &evidence.tokens);
    if given.len() != drawn.len() && given.len() + 1 != drawn.len() {
        let (given, drawn) = (given.len(), drawn.len());
        return Some(Fault::FalseAnswer(format!(
            "{given} log-probabilities were given for {drawn} tokens"
        )));
    }
    let is_close = |given: f32, own: f32| given == own || (given - own).abs() <= LOGPROB_TOLERANCE;
    let place = given
        .iter()
        .zip(drawn)
        .position(|(given, own)| !is_close(given.logprob, own.logprob))?;
    let (given, own) = (given[place].logprob, drawn[place].logprob);
    Some(Fault::FalseAnswer(format!(
        "the log-probability of token {place} is {own:.3}, {given:.3} was given"
    )))
}

fn closed(answer: &Answer) -> Result<&SignedReceipt, Fault> {
    match &answer.receipt {
        Some(receipt) if answer.is_done() => Ok(receipt),
        _ => Err(Fault::Unreadable(
            "the stream ended before its receipt and end".into(),
        )),
    }
}

/// What can be held against the receipt without a model.
fn claims(
    ask: &Ask,
    request_hash: Digest,
    miner: Hotkey,
    answer: &Answer,
    signed: &SignedReceipt,
) -> Result<(), Fault> {
    signed
        .check(miner, request_hash, &answer.text)
        .map_err(|error| match error {
            ReceiptError::OtherCount { .. } => Fault::FalseCount(error.to_string()),
            _ => Fault::FalseReceipt(error.to_string()),
        })?;
    let receipt = &signed.receipt;
    let require = |holds: bool, what: &str| {
        if holds {
            Ok(())
        } else {
            Err(Fault::FalseCount(format!(
                "the receipt's {what} is not what was asked and served"
            )))
        }
    };
    require(receipt.model == ask.model, "model")?;
    require(receipt.seed == ask.seed, "seed")?;
    require(Some(receipt.finish) == answer.finish, "finish reason")?;
    if let Some(usage) = answer.usage {
        require(
            usage.prompt_tokens == receipt.prompt_tokens,
            "count of prompt tokens",
        )?;
        require(
            usage.completion_tokens == receipt.completion_tokens,
            "count of answer tokens",
        )?;
    }
    if receipt.token_ids.is_empty() {
        return Err(Fault::FalseAnswer(
            "the receipt lists no tokens, so nothing can be recomputed".into(),
        ));
    }
    Ok(())
}

/// The question in the model's words.
fn request(ask: &Ask) -> Result<inference::Request, inference::Error> {
    let prompt = match &ask.prompt {
        protocol::Prompt::Text(text) => inference::Prompt::Text(text.clone()),
        protocol::Prompt::Chat(messages) => {
            inference::Prompt::Chat(messages.iter().map(message).collect())
        }
    };
    let (temperature, top_p, top_k) = (Some(ask.temperature), Some(ask.top_p), Some(ask.top_k));
    Ok(inference::Request {
        prompt,
        sampling: inference::Sampling::from_parameters(temperature, top_p, top_k)?,
        seed: ask.seed,
        max_tokens: NonZeroU32::new(ask.max_tokens).unwrap_or(NonZeroU32::MIN),
        stop: ask.stop.clone(),
        top_logprobs: ask.top_logprobs,
    })
}

fn message(message: &protocol::Message) -> inference::Message {
    let role = match message.role {
        protocol::Role::System => inference::Role::System,
        protocol::Role::User => inference::Role::User,
        protocol::Role::Assistant => inference::Role::Assistant,
    };
    inference::Message {
        role,
        content: message.content.clone(),
    }
}
