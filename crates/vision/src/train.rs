//! Makes a model: from pictures drawn as it goes, or from a folder of one's own.
//!
//! # What is learned from
//!
//! *Drawn*: two of five pictures are new; the others were drawn shortly before and are seen once more, varied as below, because
//! drawing takes as long as learning. Pictures begin easy and reach [`TRAINED_HARDNESS`] after [`EASY_SHARE`] of the
//! steps: a network that begins with hard ones learns nothing for long. Held-out ones are drawn from another stream of
//! the same seed, as hard as challenges are.
//!
//! *A folder*: a directory for each label; a part of each, chosen by the seed, is held out, and the rest is seen again and again,
//! each time a little turned, shifted, scaled and lit differently. Never mirrored: a mirrored letter is another letter.
//!
//! # How
//!
//! AdamW on the cross entropy, the rate rising for [`WARMUP_SHARE`] of the steps, then falling along a cosine. The network
//! that is measured is the one that was written: its weights rounded to 16 bits and read back.
//!
//! # What is written
//!
//! `config.json` and `model.safetensors` (the model), `report.json`, `confusion.svg` and `MODEL_CARD.md`. The
//! same options on the same machine write the same
//! weights.

mod adam;
mod augment;
mod card;
pub mod folder;

use std::collections::{BTreeMap, VecDeque};
use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor, Var};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::Serialize;

use crate::error::Error;
use crate::figures::{Class, Confusion, brier};
use crate::kernels;
use crate::model::{Model, Source};
use crate::network::{self, Config, Network};
use crate::picture::Picture;
use crate::scene::{self, HARDNESS, SHAPES};
use crate::weights;

use adam::Adam;
use folder::Folder;

/// The part of the steps in which the rate rises.
pub const WARMUP_SHARE: f64 = 0.05;
/// The part of the steps in which drawn pictures become harder.
pub const EASY_SHARE: f64 = 0.25;
/// How hard drawn pictures become while training: somewhat harder than those that are asked about.
pub const TRAINED_HARDNESS: f32 = 0.5;
/// The part of what is learned from that was drawn before.
const AGAIN: f64 = 0.6;
/// Drawn pictures kept to be seen again.
const KEPT: usize = 2048;

/// What a model learns from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// Pictures that [`scene`] draws.
    Drawn,
    /// A directory with a directory of pictures for each label.
    Folder(PathBuf),
}

/// How a model is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What it learns from.
    pub data: Data,
    /// Directory to write.
    pub out: PathBuf,
    /// The model's name, for its card.
    pub name: String,
    /// Updates of the weights.
    pub steps: usize,
    /// Pictures per update.
    pub batch: usize,
    /// The side of the square that the network looks at.
    pub side: usize,
    /// Channels in each stage.
    pub widths: Vec<usize>,
    /// Blocks in each stage.
    pub depths: Vec<usize>,
    /// Highest learning rate.
    pub rate: f64,
    /// How strongly matrices shrink.
    pub decay: f64,
    /// Pictures held out: so many drawn ones, or so many of a hundred in a folder.
    pub held_out: usize,
    /// Names all randomness.
    pub seed: u64,
}

impl Options {
    /// The usual sizes for a kind of data.
    pub fn new(data: Data, out: PathBuf) -> Self {
        let (steps, held_out) = match data {
            Data::Drawn => (3600, 4000),
            Data::Folder(_) => (1500, 20),
        };
        Self {
            data,
            out,
            name: "stoa-shapes".into(),
            steps,
            batch: 32,
            side: 48,
            widths: vec![40, 80, 128],
            depths: vec![2, 2, 1],
            rate: 2e-3,
            decay: 0.05,
            held_out,
            seed: 1,
        }
    }
}

/// Where training stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Updates done.
    pub step: usize,
    /// Mean loss of the last batch, in nats.
    pub loss: f32,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Weights in the network.
    pub parameters: usize,
    /// Length of the weight file.
    pub bytes: usize,
    /// Pictures looked at while training.
    pub pictures_trained: usize,
    /// Pictures held out.
    pub pictures_held_out: u64,
    /// Share of the held-out ones named right.
    pub accuracy: f64,
    /// Matthews' correlation on them.
    pub mcc: f64,
    /// Brier score on them.
    pub brier: f64,
    /// Each label's figures.
    pub classes: Vec<Class>,
    /// What was taken for what.
    pub confusion: Confusion,
    /// How long it took.
    #[serde(skip)]
    pub duration: Duration,
}

/// Where pictures come from while training.
enum Supply {
    /// The last [`KEPT`] pictures, as the network saw them.
    Drawn(VecDeque<(usize, Picture)>),
    Folder(Folder),
}

impl Supply {
    fn open(options: &Options) -> Result<Self, Error> {
        match &options.data {
            Data::Drawn => Ok(Self::Drawn(VecDeque::with_capacity(KEPT))),
            Data::Folder(path) => {
                let folder = Folder::read(path, options.side, options.held_out, options.seed)?;
                Ok(Self::Folder(folder))
            }
        }
    }

    fn labels(&self) -> Vec<String> {
        match self {
            Self::Drawn(_) => SHAPES.iter().map(|shape| shape.name().to_owned()).collect(),
            Self::Folder(folder) => folder.labels().to_vec(),
        }
    }

    /// A picture to learn from, and its label's number, when `done` of the steps are.
    fn next(&mut self, side: usize, done: f64, rng: &mut ChaCha12Rng) -> (usize, Picture) {
        match self {
            Self::Drawn(kept) => {
                if !kept.is_empty() && rng.random_bool(AGAIN) {
                    let (label, picture) = &kept[rng.random_range(0..kept.len())];
                    return (*label, augment::vary(picture, rng));
                }
                let hardness = TRAINED_HARDNESS * (done / EASY_SHARE).min(1.0) as f32;
                let (shape, picture) = scene::draw_decoded(hardness, rng);
                let drawn = (shape as usize, picture.scaled(side as u32));
                if kept.len() == KEPT {
                    kept.pop_front();
                }
                kept.push_back(drawn.clone());
                drawn
            }
            Self::Folder(folder) => {
                let all = folder.trained();
                let (label, picture) = &all[rng.random_range(0..all.len())];
                (*label, augment::vary(picture, rng))
            }
        }
    }

    /// Calls `measure` with every held-out picture.
    fn held_out(
        &self,
        options: &Options,
        measure: &mut dyn FnMut(usize, &Picture) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Self::Drawn(_) => {
                let mut rng = stream(options.seed, Stream::HeldOut);
                for _ in 0..options.held_out {
                    let (shape, picture) = scene::draw_decoded(HARDNESS, &mut rng);
                    measure(shape as usize, &picture)?;
                }
                Ok(())
            }
            Self::Folder(folder) => folder
                .held_out()
                .iter()
                .try_for_each(|(label, picture)| measure(*label, picture)),
        }
    }
}

/// What a seed's randomness is for; no two share any.
#[derive(Clone, Copy)]
enum Stream {
    Weights = 0,
    Pictures = 1,
    HeldOut = 2,
}

fn stream(seed: u64, stream: Stream) -> ChaCha12Rng {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    rng.set_stream(stream as u64);
    rng
}

/// Trains a network, writes the directory, and reports; `progress` is called after every step.
///
/// # Errors
///
/// [`Error::Folder`] for data that cannot be learned from, [`Error::Options`] for sizes that describe no network, and those
/// of writing and arithmetic.
pub fn vision(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Report, Error> {
    let begun = Instant::now();
    if options.steps == 0 || options.batch == 0 || options.held_out == 0 {
        return Err(Error::Options(
            "steps, batch and held-out must be at least 1".into(),
        ));
    }
    let mut supply = Supply::open(options)?;
    let labels = supply.labels();
    let Options {
        side,
        widths,
        depths,
        ..
    } = options;
    let config = Config::new(&labels, *side, widths, depths);
    config.check().map_err(Error::Options)?;
    let variables = network::variables(&config, &mut stream(options.seed, Stream::Weights))?;
    fit(options, &mut supply, &config, &variables, progress)?;

    let bytes = write_model(&options.out, &config, &variables)?;
    let model = Model::load(&Source::Folder(options.out.clone()))?;
    let report = measure(options, &supply, &model, bytes, begun)?;
    let json = serde_json::to_string_pretty(&report).expect("the report is plain data");
    write(&options.out, "report.json", (json + "\n").as_bytes())?;
    write(
        &options.out,
        "confusion.svg",
        report.confusion.to_svg().as_bytes(),
    )?;
    write(
        &options.out,
        "MODEL_CARD.md",
        card::render(options, &report).as_bytes(),
    )?;
    Ok(report)
}

fn fit(
    options: &Options,
    supply: &mut Supply,
    config: &Config,
    variables: &BTreeMap<String, Var>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let mut adam = Adam::new(variables, options.decay);
    let mut rng = stream(options.seed, Stream::Pictures);
    for step in 0..options.steps {
        let done = step as f64 / options.steps as f64;
        let (pictures, targets) = batch(options, supply, done, &mut rng)?;
        // Built anew each step, because a network holds its weights laid out for speed, not the variables themselves.
        let network = Network::build(config.clone(), &mut |name, _| {
            Ok(variables[name].as_tensor().clone())
        })?;
        let loss = kernels::cross_entropy(&network.forward(&pictures)?, targets)?;
        let rate = options.rate * schedule(step, options.steps);
        adam.step(&loss.backward()?, rate)?;
        progress(Progress {
            step: step + 1,
            loss: loss.to_scalar()?,
        });
    }
    Ok(())
}

fn batch(
    options: &Options,
    supply: &mut Supply,
    done: f64,
    rng: &mut ChaCha12Rng,
) -> Result<(Tensor, Arc<[u32]>), Error> {
    let side = options.side;
    let mut values = Vec::with_capacity(options.batch * side * side * 3);
    let mut targets = Vec::with_capacity(options.batch);
    for _ in 0..options.batch {
        let (label, picture) = supply.next(side, done, rng);
        network::append(&picture, side, &mut values);
        targets.push(label as u32);
    }
    let pictures = Tensor::from_vec(values, (options.batch, side, side, 3), &Device::Cpu)?;
    Ok((pictures, targets.into()))
}

/// The share of the highest rate at a step.
fn schedule(step: usize, steps: usize) -> f64 {
    let warmup = (steps as f64 * WARMUP_SHARE).ceil();
    let step = step as f64 + 1.0;
    if step <= warmup {
        return step / warmup;
    }
    let done = (step - warmup) / (steps as f64 - warmup).max(1.0);
    0.5 * (1.0 + (PI * done).cos())
}

fn measure(
    options: &Options,
    supply: &Supply,
    model: &Model,
    bytes: usize,
    begun: Instant,
) -> Result<Report, Error> {
    let mut confusion = Confusion::new(model.labels().to_vec());
    let mut squares = 0.0;
    supply.held_out(options, &mut |truth, picture| {
        let shares = model.read(picture)?;
        let best = shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        confusion.add(truth, best.map_or(0, |(label, _)| label));
        squares += brier(shares.into_iter().map(f64::from), truth);
        Ok(())
    })?;
    Ok(Report {
        parameters: model.config().parameters(),
        bytes,
        pictures_trained: options.steps * options.batch,
        pictures_held_out: confusion.total(),
        accuracy: confusion.accuracy(),
        mcc: confusion.mcc(),
        brier: squares / confusion.total().max(1) as f64,
        classes: confusion.classes(),
        confusion,
        duration: begun.elapsed(),
    })
}

/// Writes the model's files, and returns the length of the weights.
fn write_model(
    out: &Path,
    config: &Config,
    variables: &BTreeMap<String, Var>,
) -> Result<usize, Error> {
    std::fs::create_dir_all(out).map_err(|source| Error::Write {
        path: out.to_owned(),
        source,
    })?;
    let tensors = variables
        .iter()
        .map(|(name, variable)| (name.clone(), variable.as_detached_tensor()))
        .collect();
    let bytes = weights::pack(&tensors)?;
    write(out, "model.safetensors", &bytes)?;
    write_json(out, "config.json", config)?;
    Ok(bytes.len())
}

fn write_json(folder: &Path, file: &str, value: &impl Serialize) -> Result<(), Error> {
    let json = serde_json::to_string_pretty(value).expect("maps with plain keys are JSON");
    write(folder, file, (json + "\n").as_bytes())
}

fn write(folder: &Path, file: &str, content: &[u8]) -> Result<(), Error> {
    let path = folder.join(file);
    std::fs::write(&path, content).map_err(|source| Error::Write { path, source })
}

#[cfg(test)]
mod tests;
