//! What a window of answers is worth: √(M′·B′).
//!
//! # The rule
//!
//! Over the answers in the window, with `K` labels:
//!
//! 1. `M' = clip((MCC + 1) / 2)^1.2`, where MCC is Gorodkin's correlation of truth and most probable label.
//! 2. One answer's *skill* is `(B₀ − Brier) / B₀`, with `B₀ = (K − 1) / K`, the Brier score of who gives all labels the same: 1 for
//!    a certain right answer, 0 for a shrug, about −1 for a certain wrong one. The window's skill is the mean, less
//!    [`DOUBT`] standard errors, with [`SHRUGS`] shrugs added to the answers: what the miner has shown, not what it was lucky with.
//! 3. `B' = max(0, skill)^1.8`.
//! 4. `√(M'·B')`, times the part of the window that was answered. A fault is no answer; a lie is [`LIE`] of them.
//! 5. Nothing below [`ANSWERS_MIN`] answers.
//!
//! The formula is BitMind's (subnet 34 of Bittensor), but for the doubt in step 2 and for steps 4 and 5.
//!
//! # What always holds
//!
//! * Whoever does not look at the picture has no skill but by luck, and is worth less than 0.02: always the same label, all labels
//!   alike, random ones, sure or unsure. A test tries them. (Where there are but two labels, luck passes that mark in one window
//!   of a thousand, while it is short.)
//! * A confident wrong answer costs about as much skill as a confident right one earns.

use scoring::Observation;
use vision::figures::{Confusion, brier};

/// Standard errors taken off the skill.
const DOUBT: f64 = 3.5;
/// Answers without skill added to the window.
const SHRUGS: f64 = 2.0;
/// So many answers lost is what a lie costs.
const LIE: f64 = 8.0;
/// Fewer answers show nothing.
const ANSWERS_MIN: usize = 12;

/// The worth of a window, from 0 to 1.
pub(super) fn quality(window: &[Observation]) -> f64 {
    // A window may reach back to a model with other labels; its answers are then no answers.
    let Some(size) = window
        .iter()
        .rev()
        .find_map(|observation| labels(&observation.figures))
    else {
        return 0.0;
    };
    let is_answer = |observation: &&Observation| labels(&observation.figures) == Some(size);
    let answers: Vec<&[f32]> = window
        .iter()
        .filter(is_answer)
        .map(|observation| observation.figures.as_slice())
        .collect();
    if answers.len() < ANSWERS_MIN {
        return 0.0;
    }
    let lost: f64 = window
        .iter()
        .filter(|observation| !is_answer(observation))
        .map(|observation| if observation.is_dishonest { LIE } else { 1.0 })
        .sum();
    let answered = answers.len() as f64 / (answers.len() as f64 + lost);
    let correlation = ((mcc(&answers, size) + 1.0) / 2.0)
        .clamp(0.0, 1.0)
        .powf(1.2);
    let calibration = skill(&answers, size).max(0.0).powf(1.8);
    (correlation * calibration).sqrt() * answered
}

/// How many labels an answer's figures are of, if they are those of an answer.
fn labels(figures: &[f32]) -> Option<usize> {
    let (truth, shares) = figures.split_first()?;
    (2 <= shares.len() && (*truth as usize) < shares.len()).then_some(shares.len())
}

fn mcc(answers: &[&[f32]], size: usize) -> f64 {
    let mut confusion = Confusion::new(vec![String::new(); size]);
    for answer in answers {
        let shares = &answer[1..];
        let best = (0..size).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
        confusion.add(answer[0] as usize, best.unwrap_or(0));
    }
    confusion.mcc()
}

/// The mean skill that the answers show beyond doubt.
fn skill(answers: &[&[f32]], size: usize) -> f64 {
    let shrug = (size - 1) as f64 / size as f64;
    let of = |answer: &&[f32]| {
        let shares = answer[1..].iter().map(|share| f64::from(*share));
        (shrug - brier(shares, answer[0] as usize)) / shrug
    };
    let count = answers.len() as f64 + SHRUGS;
    let mean = answers.iter().map(of).sum::<f64>() / count;
    let squares: f64 = answers
        .iter()
        .map(|answer| (of(answer) - mean).powi(2))
        .sum();
    let variance = (squares + SHRUGS * mean * mean) / (count - 1.0);
    mean - DOUBT * (variance / count).sqrt()
}

#[cfg(test)]
mod tests;
