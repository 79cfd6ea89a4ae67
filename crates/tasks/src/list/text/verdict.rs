//! Whether an answer is what the model would have said: the one place where a miner of text is believed or not.
//!
//! # The rule
//!
//! In order: the answer is complete; the receipt is signed by the miner for this request and this text; its model, seed,
//! finish reason and counts are those asked for and served; what it lists is recomputed by one pass of the model; the
//! log-probabilities delivered, where asked for, are the model's.
//!
//! A receipt without log-probabilities says that the seed drew the tokens, and they are checked against the seed
//! ([`inference::verify()`]). One with log-probabilities says that other dice did, and they are checked by them
//! ([`inference::verify_reported()`]). Which of the two is the miner's choice at every answer and never the asker's, so
//! nothing shows who asks; each kind is weighed against the miner separately, so that neither excuses the other.
//!
//! A pass yields weights ([`inference::trial`]), kept as the judgement's figures: first how the tokens were drawn, then a
//! number per suspicion. [`quality`] sums them over the window. A single answer is called a lie only if nobody honest can
//! give it, or if it alone is heavy enough to convict.
//!
//! # What cannot be verified
//!
//! Whoever holds the model can report its true log-probabilities for tokens that a smaller model drew, at the price
//! of a pass over them; only how typical the tokens are speaks against it then, and that takes more of them.
//!
//! Where a server tells its tokens' log-probabilities and not the tokens, they are read back from the text. A model may
//! have spelled the text otherwise than its vocabulary would, so an answer that does not fit then is no lie: it earns nothing.

use std::num::NonZeroU32;

use inference::model::Model;
use inference::trial::{self, Drawn, Finding, Weights};
use inference::{Claim, Evidence, FinishReason, Verdict, verify, verify_reported};
use primitives::Hotkey;
use protocol::{Answer, Ask, Digest, Finish, Receipt, ReceiptError, SignedReceipt};
use scoring::{FIGURES_MAX, Fault, Judgement, Observation, Speed};

/// How far a delivered log-probability may be from the recomputed one: more than half precision moves any, and a lie
/// within it is worth nothing.
const LOGPROB_TOLERANCE: f32 = 0.5;

/// A whole answer and when it came, by the asker's clock.
#[derive(Clone, Copy)]
pub(super) struct Timed<'a> {
    pub(super) answer: &'a Answer,
    pub(super) first_ms: f64,
    pub(super) total_ms: f64,
}

/// Judges an answer to a question put to a miner. `None` if this validator cannot tell, which is no fault of the miner's.
pub(super) fn judge(
    model: &Model,
    ask: &Ask,
    request_hash: Digest,
    miner: Hotkey,
    timed: Timed<'_>,
) -> Option<Judgement> {
    let Timed { answer, .. } = timed;
    let receipt = match closed(answer) {
        Ok(signed) => match claims(ask, request_hash, miner, answer, signed) {
            Ok(()) => &signed.receipt,
            Err(fault) => return Some(Judgement::fault(fault)),
        },
        Err(fault) => return Some(Judgement::fault(fault)),
    };
    let read = match read(model, ask, answer, receipt) {
        Ok(Some(read)) => read,
        // Left ungraded, whoever likes could make every answer one of these.
        Ok(None) => {
            let reason = "cannot be verified: the receipt lists no tokens, and they cannot be read back from this text";
            return Some(Judgement::of(0.0, reason));
        }
        Err(error) => {
            tracing::warn!(%error, "cannot recompute an answer; it is not graded");
            return None;
        }
    };
    Some(conclude(model, ask, timed, receipt, read))
}

/// An answer as the model read it.
struct Read {
    evidence: Evidence,
    drawn: Drawn,
    tokens: u32,
    /// Whether the tokens were read back from the text.
    is_retold: bool,
}

fn read(
    model: &Model,
    ask: &Ask,
    answer: &Answer,
    receipt: &Receipt,
) -> Result<Option<Read>, inference::Error> {
    let request = request(ask)?;
    let finish = finish(receipt.finish);
    let is_retold = receipt.token_ids.is_empty();
    let listed = receipt.token_ids.clone();
    let (tokens, drawn) = if receipt.logprobs_e6.is_empty() {
        (Some(listed), Drawn::BySeed)
    } else if is_retold {
        (
            model.retold(&request, &answer.text, finish)?,
            Drawn::Otherwise,
        )
    } else {
        (
            Some(model.closed(&request, listed, finish)?),
            Drawn::Otherwise,
        )
    };
    let Some(tokens) = tokens else {
        return Ok(None);
    };
    let claim = Claim {
        tokens: &tokens,
        text: &answer.text,
        finish,
    };
    let evidence = match drawn {
        Drawn::BySeed => verify(model, &request, &claim)?,
        Drawn::Otherwise => {
            let in_nats = |logprob: &i32| (f64::from(*logprob) / 1e6) as f32;
            let logprobs: Vec<f32> = receipt.logprobs_e6.iter().map(in_nats).collect();
            verify_reported(model, &request, &claim, &logprobs)?
        }
    };
    Ok(Some(Read {
        evidence,
        drawn,
        tokens: tokens.len() as u32,
        is_retold,
    }))
}

fn conclude(
    model: &Model,
    ask: &Ask,
    timed: Timed<'_>,
    receipt: &Receipt,
    read: Read,
) -> Judgement {
    let Read {
        evidence, drawn, ..
    } = &read;
    if let Verdict::Refused(refusal) = &evidence.verdict {
        return lie(model, &read, refusal.to_string());
    }
    if let Some(fault) = false_count(receipt, &read) {
        return Judgement::fault(fault);
    }
    if ask.top_logprobs.is_some()
        && let Some(found) = false_logprobs(timed.answer, evidence)
    {
        return lie(model, &read, found);
    }
    let weights = model.calibration().weigh(evidence, *drawn);
    let story = story(evidence, &weights);
    if Finding::of(trial::odds([weights.each.as_slice()])) == Finding::Caught {
        return lie(model, &read, story);
    }
    let per_second = f64::from(read.tokens) * 1_000.0 / timed.total_ms.max(1.0);
    Judgement {
        speed: Some(Speed {
            per_second,
            first_ms: timed.first_ms,
        }),
        figures: figures(&weights),
        ..Judgement::of(1.0, story)
    }
}

/// A lie, with what it weighs; unless its tokens were only read back, for then they may have been others.
fn lie(model: &Model, read: &Read, story: String) -> Judgement {
    if read.is_retold {
        return Judgement::of(0.0, format!("cannot be verified: {story}; list the tokens"));
    }
    let mut weights = model.calibration().weigh(&read.evidence, read.drawn);
    weights.each.fill(trial::WEIGHT_MAX);
    Judgement {
        figures: figures(&weights),
        ..Judgement::fault(Fault::FalseAnswer(story))
    }
}

/// What was seen, in a line.
fn story(evidence: &Evidence, weights: &Weights) -> String {
    let tokens = &evidence.tokens;
    let heaviest = weights
        .each
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    match weights.drawn {
        Drawn::BySeed => {
            let exact = tokens.iter().filter(|token| token.error == 0.0).count();
            let most = evidence.error_max();
            format!(
                "{exact} of {} tokens are the seed's, the others need logits off by up to {most:.4}; weighs {heaviest:+.1}",
                tokens.len()
            )
        }
        Drawn::Otherwise => {
            let distances = tokens.iter().filter_map(|token| token.distance);
            let most = distances.fold(0.0, f64::max);
            format!(
                "{} tokens of other dice, log-probabilities off by up to {most:.4}; weighs {heaviest:+.1}",
                tokens.len()
            )
        }
    }
}

fn figures(weights: &Weights) -> Vec<f32> {
    let drawn = match weights.drawn {
        Drawn::BySeed => 0.0,
        Drawn::Otherwise => 1.0,
    };
    let each = weights.each.iter().map(|weight| *weight as f32);
    std::iter::once(drawn)
        .chain(each)
        .take(FIGURES_MAX)
        .collect()
}

/// The odds against a miner by its window: those of the kind of dice that speaks worse for it.
pub(super) fn odds(window: &[Observation]) -> f64 {
    let of = |drawn: f32| {
        let kind = window
            .iter()
            .filter(|observation| observation.figures.first() == Some(&drawn));
        let each: Vec<Vec<f64>> = kind
            .map(|observation| {
                observation.figures[1..]
                    .iter()
                    .map(|w| f64::from(*w))
                    .collect()
            })
            .collect();
        (!each.is_empty()).then(|| trial::odds(each.iter().map(Vec::as_slice)))
    };
    match (of(0.0), of(1.0)) {
        (Some(seed), Some(other)) => seed.max(other),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => 1.0,
    }
}

/// How good a miner is: nothing once caught, before that the moving average of its answers times the chance that it is
/// honest, if half of all miners were.
pub(super) fn quality(window: &[Observation]) -> f64 {
    let odds = odds(window);
    match Finding::of(odds) {
        Finding::Caught => 0.0,
        Finding::Accepted | Finding::Undecided => scoring::averaged(window) / (1.0 + odds),
    }
}

/// What is wrong with the counts: those of the prompt are the model's, those of an answer read back may lack its end.
fn false_count(receipt: &Receipt, read: &Read) -> Option<Fault> {
    let (counted, claimed) = (read.evidence.prompt_tokens, receipt.prompt_tokens);
    if counted != claimed {
        let words = format!("the prompt has {counted} tokens, {claimed} were claimed");
        return Some(Fault::FalseCount(words));
    }
    let (counted, claimed) = (read.tokens, receipt.completion_tokens);
    if claimed != counted && claimed + 1 != counted {
        let words = format!("the answer has {counted} tokens, {claimed} were claimed");
        return Some(Fault::FalseCount(words));
    }
    None
}

/// What is wrong with the delivered log-probabilities: one is given for every token, that of the ending one may be
/// missing.
fn false_logprobs(answer: &Answer, evidence: &Evidence) -> Option<String> {
    let (given, drawn) = (&answer.logprobs, &evidence.tokens);
    if given.len() != drawn.len() && given.len() + 1 != drawn.len() {
        let (given, drawn) = (given.len(), drawn.len());
        return Some(format!(
            "{given} log-probabilities were given for {drawn} tokens"
        ));
    }
    let is_close = |given: f32, own: f32| given == own || (given - own).abs() <= LOGPROB_TOLERANCE;
    let place = given
        .iter()
        .zip(drawn)
        .position(|(given, own)| !is_close(given.logprob, own.logprob))?;
    let (given, own) = (given[place].logprob, drawn[place].logprob);
    Some(format!(
        "the log-probability of token {place} is {own:.3}, {given:.3} was given"
    ))
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
    if receipt.token_ids.is_empty() && receipt.logprobs_e6.is_empty() {
        return Err(Fault::FalseAnswer(
            "the receipt lists neither tokens nor log-probabilities, so nothing can be recomputed"
                .into(),
        ));
    }
    Ok(())
}

fn finish(finish: Finish) -> FinishReason {
    match finish {
        Finish::Stop => FinishReason::Stop,
        Finish::Length => FinishReason::Length,
    }
}

/// The question in the model's words.
pub(super) fn request(ask: &Ask) -> Result<inference::Request, inference::Error> {
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
