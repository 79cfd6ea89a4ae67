//! Image classification: what a picture shows, as a probability for each of a set of labels.
//!
//! | | |
//! |---|---|
//! | request | a PNG, JPEG or WebP picture in base64 ([`ImageRequest`]) |
//! | answer | every label with its probability, in the shape of Hugging Face's image classification ([`LabelScore`]) |
//! | challenge | a picture drawn afresh ([`vision::scene`]), or one of a private folder, cropped and stored anew |
//! | judged by | the label, which only who drew the picture knows |
//! | standing | [`standing`]: √(M′·B′) over the window, so that a confident wrong answer costs |
//! | cheats | `majority` (always the same label), `untrained` |
//!
//! # What always holds
//!
//! * A probe and a customer's request look alike. Miners are always asked for all labels; a customer's wish for the best few is
//!   never passed on ([`ImageRequest::top_k`] is read, and not written), and whoever stands next to the customer cuts the answer.
//! * Every label is as frequent among challenges as any other, so that knowing the frequencies is worth nothing.
//! * Where a folder is used, its labels must be among those of the model.
//!
//! # What equal answers show
//!
//! Pictures that were encoded anew or altered a little are different pictures, and likely to get similar answers: that shows
//! nothing. Probabilities equal to the last digit show that two hotkeys ran the same weights through the same program, or that one
//! relays the other. They are marked as such, unless they are so coarse that chance explains them.

mod challenges;
mod standing;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::Digest;
use rand::SeedableRng;
use rand_chacha::{ChaCha12Rng, ChaCha20Rng};
use schemars::JsonSchema;
use scoring::{Fault, Judgement, Observation};
use serde::{Deserialize, Serialize};
use vision::figures::brier;
use vision::model::{Guess, Source};
use vision::picture::{BYTES_MAX, Picture, Refusal};
use vision::{Error, Model};

use crate::once::unused;
use crate::{Complaint, Limits, Setup, SetupError, Task, WorkError};
use challenges::Challenges;

/// The most labels a market can judge by: a record has room for their probabilities and the truth.
pub(super) const LABELS_MAX: usize = 62;
/// Probabilities must sum to one within this.
const SUM_TOLERANCE: f64 = 0.01;
/// Digits after which a probability counts as coarse, and so many fine ones make an answer that chance does not repeat.
const COARSE: f64 = 1e4;
const FINE_SCORES_MIN: usize = 3;
/// How sure the `majority` cheat says it is.
const MAJORITY_SCORE: f64 = 0.99;

/// A picture to name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageRequest {
    /// A PNG, JPEG or WebP file of at most 4 MiB and 4096 by 4096 pixels, in base64 with padding.
    pub image: String,
    /// So many of the most probable labels; all if absent. Not passed on to miners.
    #[serde(default, skip_serializing)]
    #[schemars(range(min = 1))]
    pub top_k: Option<u16>,
}

/// A label and how probable it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelScore {
    /// What the picture may show.
    pub label: String,
    /// From 0 to 1; over all labels they sum to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score: f64,
}

/// The task: a model, and where challenges come from.
pub struct ImageClassification {
    model: Model,
    challenges: Challenges,
}

impl Task for ImageClassification {
    type Request = ImageRequest;
    type Answer = Vec<LabelScore>;
    /// The label's number among the model's.
    type Secret = usize;

    const NAME: &'static str = "image-classification";
    const VERSION: u16 = 1;
    const ABOUT: &'static str = "What a picture shows, with a probability for each label.";
    const LIMITS: Limits = Limits {
        // Base64 takes four bytes for three; the rest is for the JSON around it.
        request_bytes: BYTES_MAX.div_ceil(3) * 4 + 1024,
        answer_bytes: 64 * 1024,
        patience: Duration::from_secs(20),
    };
    /// What a person takes for at once: nobody shall name pictures worse to name them a blink sooner.
    const SOON_ENOUGH: Duration = Duration::from_millis(100);
    const CHEATS: &'static [&'static str] = &["majority", "untrained"];

    fn open(setup: &Setup) -> Result<Self, SetupError> {
        let options = [
            ("--model-name", setup.model_name.is_some()),
            ("--effort", setup.effort.is_some()),
            ("--probe-budget-s", setup.probe_budget.is_some()),
        ];
        unused(&Self::id(), &options)?;
        let source = match &setup.model {
            None => Source::Shipped,
            Some(path) => Source::from(path.as_path()),
        };
        let model = if setup.cheat.as_deref() == Some("untrained") {
            let config = source.config().map_err(unusable)?;
            Model::untrained(&config, &mut ChaCha12Rng::seed_from_u64(0)).map_err(unusable)?
        } else {
            Model::load(&source).map_err(unusable)?
        };
        if LABELS_MAX < model.labels().len() {
            let count = model.labels().len();
            return Err(SetupError::Unusable(format!(
                "the model has {count} labels, a market can judge by {LABELS_MAX}; use one with fewer"
            )));
        }
        let challenges = Challenges::open(setup.challenges.as_deref(), model.labels())?;
        Ok(Self { model, challenges })
    }

    fn check_judge(&self) -> Result<(), SetupError> {
        self.challenges.expect_some()
    }

    fn check(request: &ImageRequest) -> Result<(), Complaint> {
        if request.top_k == Some(0) {
            return Err(Complaint::of(
                "top_k",
                "is 0; give at least 1, or leave it away",
            ));
        }
        let file = decoded(&request.image)?;
        Picture::look(&file)
            .map(drop)
            .map_err(|refusal| complaint(&refusal))
    }

    fn challenge(&self, rng: &mut ChaCha20Rng) -> (ImageRequest, usize) {
        let (truth, file) = self.challenges.draw(rng);
        let image = STANDARD.encode(file);
        (ImageRequest { image, top_k: None }, truth)
    }

    fn judge(&self, _: &ImageRequest, answer: &Vec<LabelScore>, truth: &usize) -> Judgement {
        match shares(self.model.labels(), answer) {
            Ok(shares) => judged(self.model.labels(), &shares, *truth),
            Err(reason) => Judgement::fault(Fault::Unreadable(reason)),
        }
    }

    fn solve(&self, request: &ImageRequest) -> Result<Vec<LabelScore>, WorkError> {
        let file = decoded(&request.image)?;
        let picture = Picture::decode(&file).map_err(|refusal| complaint(&refusal))?;
        let guesses = self.model.classify(&picture);
        let guesses = guesses.map_err(|error| WorkError::Failed(error.to_string()))?;
        let wanted = request.top_k.map_or(usize::MAX, usize::from);
        let score = |Guess { label, score }| LabelScore { label, score };
        Ok(guesses.into_iter().map(score).take(wanted).collect())
    }

    fn cheat(&self, cheat: &str, request: &ImageRequest) -> Result<Vec<LabelScore>, WorkError> {
        if cheat == "untrained" {
            return self.solve(request);
        }
        let labels = self.model.labels();
        let rest = (1.0 - MAJORITY_SCORE) / (labels.len() - 1) as f64;
        let score = |(index, label): (usize, &String)| LabelScore {
            label: label.clone(),
            score: if index == 0 { MAJORITY_SCORE } else { rest },
        };
        Ok(labels.iter().enumerate().map(score).collect())
    }

    fn quality(window: &[Observation]) -> f64 {
        standing::quality(window)
    }
}

fn unusable(error: Error) -> SetupError {
    SetupError::Unusable(error.to_string())
}

fn decoded(image: &str) -> Result<Vec<u8>, Complaint> {
    STANDARD
        .decode(image)
        .map_err(|error| Complaint::of("image", format!("is not base64 with padding: {error}")))
}

fn complaint(refusal: &Refusal) -> Complaint {
    Complaint::of("image", format!("is refused: {refusal}"))
}

/// The probability of each label in order of their numbers, if the answer names each once and is a distribution.
fn shares(labels: &[String], answer: &[LabelScore]) -> Result<Vec<f64>, String> {
    let mut given = BTreeMap::new();
    for LabelScore { label, score } in answer {
        if !(0.0..=1.0).contains(score) {
            return Err(format!(
                "{label:?} has the score {score}, which is not from 0 to 1"
            ));
        }
        if given.insert(label.as_str(), *score).is_some() {
            return Err(format!("{label:?} is named twice"));
        }
    }
    let share = |label: &String| {
        given
            .remove(label.as_str())
            .ok_or_else(|| format!("{label:?} is missing; name every label"))
    };
    let shares: Vec<f64> = labels.iter().map(share).collect::<Result<_, _>>()?;
    if let Some(label) = given.keys().next() {
        return Err(format!("{label:?} is not a label here"));
    }
    let sum: f64 = shares.iter().sum();
    if SUM_TOLERANCE < (sum - 1.0).abs() {
        return Err(format!("the scores sum to {sum}, not to 1"));
    }
    Ok(shares)
}

/// What an answer in order is worth. The figures are the truth's number, then each label's share.
fn judged(labels: &[String], shares: &[f64], truth: usize) -> Judgement {
    let best = (0..shares.len())
        .max_by(|a, b| shares[*a].total_cmp(&shares[*b]))
        .unwrap_or(0);
    let (said, sure) = (&labels[best], shares[best]);
    // What it is instead is not told: pictures of a private folder are asked about again.
    let reason = match (best == truth, sure < 0.5) {
        (true, _) => format!("right: said {said} {sure:.2}"),
        (false, true) => format!("unsure and wrong: said {said} {sure:.2}"),
        (false, false) => format!("confident and wrong: said {said} {sure:.2}"),
    };
    let worth = 1.0 - brier(shares.iter().copied(), truth) / 2.0;
    let mut figures = vec![truth as f32];
    figures.extend(shares.iter().map(|share| *share as f32));
    Judgement {
        figures,
        mark: mark(shares),
        ..Judgement::of(worth.clamp(0.0, 1.0), reason)
    }
}

/// A digest of the exact probabilities, if they are fine enough that two do not come to the same by chance.
fn mark(shares: &[f64]) -> Option<u64> {
    let is_fine = |share: &&f64| 1e-6 < ((*share * COARSE).round() - *share * COARSE).abs();
    if shares.iter().filter(is_fine).count() < FINE_SCORES_MIN {
        return None;
    }
    let bytes: Vec<u8> = shares
        .iter()
        .flat_map(|share| share.to_le_bytes())
        .collect();
    let digest = Digest::of(&bytes).0;
    let first = digest
        .first_chunk()
        .expect("a digest is longer than eight bytes");
    Some(u64::from_le_bytes(*first))
}

#[cfg(test)]
mod tests;
