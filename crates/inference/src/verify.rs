//! Checks that an answer was drawn from a model, by reading it once.
//!
//! A miner draws token after token, each a pass through the network. A grader who already has the answer needs one
//! pass over prompt and answer together: it yields the distribution at every place at once. Since the noise at every
//! place is named by the request's seed ([`crate::sampler`]), the grader knows not only which tokens were possible but
//! which one it had to be. So it accepts a token only if it is the winner in its own arithmetic, or loses to the
//! winner by no more than two ways of adding the same numbers can differ.
//!
//! # The rule
//!
//! With logits `l`, temperature `T`, noise `g` and the answer's token `t` at some place:
//!
//! 1. `t` must lie in the support (the head kept by top-k and top-p), where the cut may move by the tolerance
//! 2. margin = max over the certain support of `l/T + g`, minus `l[t]/T + g[t]`, and never below zero
//! 3. margin ≤ 2 ε / T, with ε = [`LOGIT_TOLERANCE`], the most that two engines' logits may differ
//!
//! At temperature zero the noise is left out and `T` is one. The answer as a whole must also end where the rules of
//! an answer end it (an ending token, a stop sequence, the token limit: nowhere earlier, nowhere later), give that
//! reason, and its text must be what its tokens spell.
//!
//! # The tolerance
//!
//! A cached step and a batched pass multiply the same matrices in other shapes, so sums are taken in another order.
//! `the_tolerance_is_far_above_what_arithmetic_does` measures the difference: 3e-5 in a logit of the shipped model
//! on the machine it was made on. ε is thirty times that, and far below what another model differs by: an untrained
//! network misses by whole units, at nearly every token.
//!
//! # Not here
//!
//! Whether the answer was fast enough, and what it is worth: scoring. Engines whose sampler does not follow
//! [`crate::sampler`] pass only at temperature zero.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::Model;
use crate::network::Span;
use crate::request::{FinishReason, Request, Sampling};
use crate::sampler;
use crate::transcript::Transcript;

/// The most by which the same logit may differ between two engines that run the same model in 32-bit floats.
pub const LOGIT_TOLERANCE: f64 = 1e-3;

/// So many tokens are read in one pass; longer answers take several, so that memory stays bounded.
const PIECE_TOKENS: usize = 512;

/// Checks a claim against a request. The work of one pass over prompt and answer, on the calling thread.
///
/// # Errors
///
/// Those of a request the model cannot take, and of arithmetic. A bad answer is no error but a
/// [`Verdict::Refused`].
pub fn verify(model: &Model, request: &Request, claim: &Claim<'_>) -> Result<Evidence, Error> {
    request.check()?;
    let prompt = model.tokens(&request.prompt)?;
    let prompt_tokens = prompt.len() as u32;
    let limit = model.answer_tokens_max(prompt.len(), request.max_tokens.get());
    if let Some(refusal) = outline_refusal(model, request, claim, limit)? {
        let verdict = Verdict::Refused(refusal);
        return Ok(Evidence {
            prompt_tokens,
            tokens: Vec::new(),
            verdict,
        });
    }
    let (tokens, verdict) = weigh_all(model, request, &prompt, claim.tokens)?;
    Ok(Evidence {
        prompt_tokens,
        tokens,
        verdict,
    })
}

/// What is wrong with an answer before any token is weighed: its length, its end, its text.
fn outline_refusal(
    model: &Model,
    request: &Request,
    claim: &Claim<'_>,
    limit: usize,
) -> Result<Option<Refusal>, Error> {
    let count = claim.tokens.len();
    if count == 0 {
        return Ok(Some(Refusal::Empty));
    }
    if count > limit {
        let (tokens, limit) = (count as u32, limit as u32);
        return Ok(Some(Refusal::TooLong { tokens, limit }));
    }
    let known = model.network().config().vocab_size;
    if let Some(position) = claim.tokens.iter().position(|id| *id as usize >= known) {
        let id = claim.tokens[position];
        return Ok(Some(Refusal::UnknownToken {
            position: position as u32,
            id,
        }));
    }
    let mut transcript = Transcript::new(model, request.stop.clone(), limit);
    for (position, id) in claim.tokens.iter().enumerate() {
        transcript.push(*id)?;
        if transcript.ended().is_some() && position + 1 < count {
            return Ok(Some(Refusal::ContinuedPastEnd {
                position: position as u32,
            }));
        }
    }
    Ok(match transcript.ended() {
        None => Some(Refusal::BrokenOff {
            tokens: count as u32,
        }),
        Some(reason) if reason != claim.finish => Some(Refusal::WrongFinish),
        Some(_) if transcript.text() != claim.text => Some(Refusal::WrongText),
        Some(_) => None,
    })
}

/// Reads prompt and answer, and weighs each token of the answer; stops after the first that is refused.
fn weigh_all(
    model: &Model,
    request: &Request,
    prompt: &[u32],
    answer: &[u32],
) -> Result<(Vec<TokenEvidence>, Verdict), Error> {
    let mut cache = model.network().cache();
    let mut read = prompt.to_vec();
    read.extend_from_slice(&answer[..answer.len() - 1]);
    let mut weighed: Vec<TokenEvidence> = Vec::with_capacity(answer.len());
    let mut verdict = Verdict::Exact;
    for (index, piece) in read.chunks(PIECE_TOKENS).enumerate() {
        let logits_from = (prompt.len() - 1).saturating_sub(index * PIECE_TOKENS);
        let rows = model.network().read(&mut [Span {
            tokens: piece,
            cache: &mut cache,
            logits_from,
        }])?;
        for logits in rows.iter().flatten() {
            let position = weighed.len();
            let (evidence, exact) = weigh(logits, answer[position], request, position as u64);
            weighed.push(evidence);
            if let Some(refusal) = evidence.refusal(position as u32) {
                return Ok((weighed, Verdict::Refused(refusal)));
            }
            if !exact {
                verdict = Verdict::Close;
            }
        }
    }
    Ok((weighed, verdict))
}

/// Weighs a token against the logits at its place; also tells whether it is the very token to draw.
fn weigh(logits: &[f32], id: u32, request: &Request, position: u64) -> (TokenEvidence, bool) {
    let given = logits[id as usize];
    let logprob = (f64::from(given) - sampler::log_normaliser(logits)) as f32;
    let Sampling::Random { temperature, .. } = request.sampling else {
        let best = sampler::best(logits);
        let margin = f64::from(logits[best as usize] - given);
        let tolerance = 2.0 * LOGIT_TOLERANCE;
        let evidence = TokenEvidence {
            id,
            margin,
            tolerance,
            supported: true,
            logprob,
        };
        return (evidence, best == id);
    };
    let tolerance = 2.0 * LOGIT_TOLERANCE / temperature;
    let cut = |shift: f64| f64::from(sampler::cutoff(logits, request.sampling, shift));
    let certain = cut(-tolerance) + 2.0 * LOGIT_TOLERANCE;
    let possible = cut(tolerance) - 2.0 * LOGIT_TOLERANCE;
    let noise = sampler::noise(request.seed, position, logits.len());
    let (mut best, mut own) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for (index, (logit, noise)) in logits.iter().zip(noise).enumerate() {
        let perturbed = f64::from(*logit) / temperature + noise;
        if index == id as usize {
            own = perturbed;
        }
        if f64::from(*logit) >= certain {
            best = best.max(perturbed);
        }
    }
    let evidence = TokenEvidence {
        id,
        margin: (best - own).max(0.0),
        tolerance,
        supported: f64::from(given) >= possible,
        logprob,
    };
    let exact = sampler::choose(logits, request.sampling, request.seed, position) == id;
    (evidence, exact)
}

/// What a miner says it answered.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Every token drawn, the ending one included.
    pub tokens: &'a [u32],
    /// The whole text, as delivered.
    pub text: &'a str,
    /// Why the answer ended.
    pub finish: FinishReason,
}

/// What a pass over an answer showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Length of the prompt in tokens.
    pub prompt_tokens: u32,
    /// What was found at each place, as far as the check went.
    pub tokens: Vec<TokenEvidence>,
    /// The conclusion.
    pub verdict: Verdict,
}

impl Evidence {
    /// The largest margin of a token, zero for an empty list.
    pub fn margin_max(&self) -> f64 {
        self.tokens
            .iter()
            .map(|token| token.margin)
            .fold(0.0, f64::max)
    }
}

/// What was found at one place of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenEvidence {
    /// The token given.
    pub id: u32,
    /// By how much it lost against the best token; zero for the best.
    pub margin: f64,
    /// The margin that arithmetic may explain.
    pub tolerance: f64,
    /// Whether top-k and top-p left it a chance.
    pub supported: bool,
    /// Natural logarithm of its probability under the model.
    pub logprob: f32,
}

impl TokenEvidence {
    fn refusal(&self, position: u32) -> Option<Refusal> {
        let Self {
            id,
            margin,
            tolerance,
            supported,
            ..
        } = *self;
        if !supported {
            return Some(Refusal::Unsupported { position, id });
        }
        (margin > tolerance).then_some(Refusal::Beaten {
            position,
            id,
            margin,
            tolerance,
        })
    }
}

/// Whether an answer was drawn from the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every token is the very one this verifier would have drawn.
    Exact,
    /// Every token is that one, or one that a rounding difference explains.
    Close,
    /// The answer cannot have come from this model under this request.
    Refused(Refusal),
}

impl Verdict {
    /// Whether the answer is accepted.
    pub fn accepted(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

/// Why an answer is refused. Positions count the answer's tokens from zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no token at all.
    Empty,
    /// There are more tokens than the request allows.
    TooLong {
        /// Tokens in the answer.
        tokens: u32,
        /// Tokens allowed.
        limit: u32,
    },
    /// A number that is no token of the model.
    UnknownToken {
        /// Its place.
        position: u32,
        /// The number.
        id: u32,
    },
    /// The answer goes on after the model or a stop sequence ended it.
    ContinuedPastEnd {
        /// The place where it should have ended.
        position: u32,
    },
    /// The answer breaks off although nothing ended it.
    BrokenOff {
        /// Tokens in the answer.
        tokens: u32,
    },
    /// The reason given for the end is not the one that ended it.
    WrongFinish,
    /// The text is not what the tokens spell.
    WrongText,
    /// A token that the sampling parameters exclude.
    Unsupported {
        /// Its place.
        position: u32,
        /// The token.
        id: u32,
    },
    /// A token that another one beats by more than arithmetic explains.
    Beaten {
        /// Its place.
        position: u32,
        /// The token.
        id: u32,
        /// By how much it lost.
        margin: f64,
        /// By how much it may lose.
        tolerance: f64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "the answer has no tokens"),
            Self::TooLong { tokens, limit } => {
                write!(out, "the answer has {tokens} tokens, {limit} were asked")
            }
            Self::UnknownToken { position, id } => {
                write!(
                    out,
                    "token {position} is {id}, which the model does not have"
                )
            }
            Self::ContinuedPastEnd { position } => {
                write!(out, "the answer goes on after token {position} ended it")
            }
            Self::BrokenOff { tokens } => {
                write!(out, "the answer breaks off after {tokens} tokens")
            }
            Self::WrongFinish => write!(out, "the finish reason is not what ended the answer"),
            Self::WrongText => write!(out, "the text is not what the tokens spell"),
            Self::Unsupported { position, id } => {
                write!(out, "token {position} ({id}) is outside top-k and top-p")
            }
            Self::Beaten {
                position,
                margin,
                tolerance,
                ..
            } => write!(
                out,
                "token {position} loses to another by {margin:.4}, rounding explains {tolerance:.4}"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
