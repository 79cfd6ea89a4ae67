//! Reads an answer once, and says for each of its tokens how well the model explains it.
//!
//! A miner draws token after token, each a pass through the network. A grader who already has the answer needs one
//! pass over prompt and answer together: it yields the distribution at every place at once. What it can conclude depends
//! on how the miner draws.
//!
//! # Drawn by the request's seed: [`verify()`]
//!
//! The noise at every place is named by the seed ([`crate::sampler`]), so the grader knows not only which tokens were
//! possible but which one it had to be. With logits `l`, temperature `T` and noise `g`, the token is the winner of the race
//! `l/T + g` among those that top-k and top-p keep. Another engine's logits differ by what its arithmetic does: sums in
//! another order, other threads, half precision. So each token gets one number:
//!
//! > **error**: the least `s` such that logits off by at most `s` each make this token the winner.
//!
//! It is zero for the very token this grader would draw, tiny where rounding decided a close race, and large where the
//! distribution was another one. Exactly, with `s`: the token is among those that top-k and top-p may keep, and beats all
//! those they must keep by more than `-2s/T`; logits off by `s` move the odds of top-p's share by `e^(2s/T)` and a rank by
//! `2s`. At temperature zero the noise is left out and `T` is one.
//!
//! # Drawn by the miner's own dice: [`verify_reported()`]
//!
//! Other servers (vLLM, llama.cpp) draw by samplers of their own. They report the log-probability of every token, so each
//! token gets three numbers instead: by how much the report is off ([`TokenEvidence::distance`]); the least error that
//! lets top-k and top-p keep the token; and how much likelier it would be if it had been drawn colder or hotter than asked
//! ([`TILTS`]), by which greedy engines and forged reports on another model's tokens are seen.
//!
//! # What is refused at once
//!
//! Only what nobody can honestly do: no tokens, too many, unknown ones, another end than the rules of an answer give it,
//! a text that is not the tokens', and an error or a distance of [`HOPELESS`]. Everything else is evidence, which
//! [`crate::trial`] weighs over many answers.
//!
//! # Not here
//!
//! How large honest errors are: measured by `stoa calibrate text`, kept in [`crate::trial`]. What an answer is worth: scoring.

mod place;
mod refusal;

use crate::error::Error;
use crate::model::Model;
use crate::network::Span;
use crate::request::{FinishReason, Request};
use crate::transcript::Transcript;
use place::{Dice, Place};
pub use place::{TILTS, TokenEvidence};
pub use refusal::{Refusal, Verdict};

/// An error or distance that no arithmetic explains, in a logit: the network was another one.
pub const HOPELESS: f64 = 3.0;

/// So many tokens are read in one pass; longer answers take several, so that memory stays bounded.
const PIECE_TOKENS: usize = 512;

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
    /// The largest error of a token, zero for an empty list.
    pub fn error_max(&self) -> f64 {
        let errors = self.tokens.iter().map(|token| token.error);
        errors.fold(0.0, f64::max)
    }
}

/// Checks a claim of tokens drawn by the request's seed. The work of one pass over prompt and answer, on the calling
/// thread.
///
/// # Errors
///
/// Those of a request the model cannot take, and of arithmetic. A bad answer is no error but a
/// [`Verdict::Refused`].
pub fn verify(model: &Model, request: &Request, claim: &Claim<'_>) -> Result<Evidence, Error> {
    let [evidence] = read(model, request, claim, [Dice::Seed])?;
    Ok(evidence)
}

/// Checks a claim of tokens drawn by other dice, by the log-probabilities reported for them: one for each token, that of
/// an ending token may be missing.
///
/// An ending token without a log-probability was not seen but concluded, so the likeliest ending one is weighed.
/// Where the server tells no tokens, `claim.tokens` is what [`Model::retold`] makes of the text.
///
/// # Errors
///
/// As [`verify()`].
pub fn verify_reported(
    model: &Model,
    request: &Request,
    claim: &Claim<'_>,
    logprobs: &[f32],
) -> Result<Evidence, Error> {
    let [evidence] = read(model, request, claim, [Dice::Own(logprobs)])?;
    Ok(evidence)
}

/// Checks a claim in both ways at the price of one: as drawn by the seed, and by other dice. Who calibrates wants both.
///
/// # Errors
///
/// As [`verify()`].
pub fn verify_both(
    model: &Model,
    request: &Request,
    claim: &Claim<'_>,
    logprobs: &[f32],
) -> Result<[Evidence; 2], Error> {
    read(model, request, claim, [Dice::Seed, Dice::Own(logprobs)])
}

/// What a pass shows of an answer, for each of the ways in which it may have been drawn.
fn read<const WAYS: usize>(
    model: &Model,
    request: &Request,
    claim: &Claim<'_>,
    dice: [Dice<'_>; WAYS],
) -> Result<[Evidence; WAYS], Error> {
    request.check()?;
    let prompt = model.tokens(&request.prompt)?;
    let limit = model.answer_tokens_max(prompt.len(), request.max_tokens.get());
    let mut found = [const { (Vec::new(), Verdict::Exact) }; WAYS];
    for (found, dice) in found.iter_mut().zip(dice) {
        if let Some(refusal) = outline_refusal(model, request, claim, dice, limit)? {
            found.1 = Verdict::Refused(refusal);
        }
    }
    if found.iter().any(|(_, verdict)| verdict.accepted()) {
        weigh_all(model, request, dice, &prompt, claim.tokens, &mut found)?;
    }
    Ok(found.map(|(tokens, verdict)| Evidence {
        prompt_tokens: prompt.len() as u32,
        tokens,
        verdict,
    }))
}

/// What is wrong with an answer before any token is weighed: its length, its end, its text.
fn outline_refusal(
    model: &Model,
    request: &Request,
    claim: &Claim<'_>,
    dice: Dice<'_>,
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
    if let Dice::Own(logprobs) = dice
        && logprobs.len() != count
        && logprobs.len() + 1 != count
    {
        let (tokens, reported) = (count as u32, logprobs.len() as u32);
        return Ok(Some(Refusal::OtherCount { tokens, reported }));
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

/// Reads prompt and answer, and weighs each token of the answer; stops after the first that is hopeless.
fn weigh_all<const WAYS: usize>(
    model: &Model,
    request: &Request,
    dice: [Dice<'_>; WAYS],
    prompt: &[u32],
    answer: &[u32],
    found: &mut [(Vec<TokenEvidence>, Verdict); WAYS],
) -> Result<(), Error> {
    let mut cache = model.network().cache();
    let mut read = prompt.to_vec();
    read.extend_from_slice(&answer[..answer.len() - 1]);
    let mut position = 0;
    for (index, piece) in read.chunks(PIECE_TOKENS).enumerate() {
        let logits_from = (prompt.len() - 1).saturating_sub(index * PIECE_TOKENS);
        let rows = model.network().read(&mut [Span {
            tokens: piece,
            cache: &mut cache,
            logits_from,
        }])?;
        for logits in rows.iter().flatten() {
            let place = Place {
                logits,
                request,
                position,
            };
            for ((weighed, verdict), dice) in found.iter_mut().zip(dice) {
                if verdict.accepted() {
                    let evidence = place.weigh(drawn(model, place, answer[position], dice), dice);
                    *verdict = verdict_with(evidence, verdict, position as u32);
                    weighed.push(evidence);
                }
            }
            if !found.iter().any(|(_, verdict)| verdict.accepted()) {
                return Ok(());
            }
            position += 1;
        }
    }
    Ok(())
}

/// The token drawn at a place: the one given, or the likeliest ending one where an end was concluded and not seen.
fn drawn(model: &Model, place: Place<'_>, id: u32, dice: Dice<'_>) -> u32 {
    match dice {
        Dice::Own(logprobs) if logprobs.len() <= place.position && model.ends(id) => {
            place.likeliest(model.network().config().eos_token_id.each())
        }
        _ => id,
    }
}

/// The verdict on an answer with one more token.
fn verdict_with(token: TokenEvidence, before: &Verdict, position: u32) -> Verdict {
    if let Some(refusal) = token.refusal(position) {
        return Verdict::Refused(refusal);
    }
    if token.error == 0.0 && token.distance.is_none() {
        return before.clone();
    }
    Verdict::Close
}

#[cfg(test)]
mod tests;
