//! The engines that are measured: the model as honest miners run it, and as cheats do.

use std::sync::Arc;

use futures::StreamExt;
use futures::executor::block_on;
use inference::local::Limits;
use inference::model::{Model, Source};
use inference::precision::Precision;
use inference::train::tuned;
use inference::{Engine, Error, Event, FinishReason, LocalEngine};
use protocol::{Ask, Prompt};

use super::{Given, question, verdict};

/// Names the weights of the untrained network.
const UNTRAINED_SEED: u64 = 1;
/// Answers written at once, so that steps are shared as in a busy miner.
const AT_ONCE: usize = 8;
/// How a checkpoint is trained on: updates and their rate.
const TUNING: (usize, f64) = (10, 3e-4);

/// An engine to be measured.
#[derive(Debug, PartialEq)]
pub struct Contestant {
    /// Its name in reports.
    pub name: &'static str,
    /// Threads it computes with.
    pub threads: usize,
    /// Whether rates are fitted to it.
    pub is_fitted: bool,
    does: Does,
}

/// What an engine does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    /// Serves the model, in a number format that is allowed.
    Serve(Precision),
    /// Serves it in a coarser one.
    Round(Precision),
    /// Serves a network that was never trained.
    Untrained,
    /// Serves the model, trained on a little.
    Tuned,
    /// Reads the second half of the question only.
    Forget,
    /// Draws at four fifths of the temperature.
    Cool,
}

const fn engine(name: &'static str, threads: usize, is_fitted: bool, does: Does) -> Contestant {
    Contestant {
        name,
        threads,
        is_fitted,
        does,
    }
}

/// All engines, the honest ones first.
///
/// Eight-bit weights are no suspicion of the test: they err hardly more than BF16 weights do, and a test that suspects them
/// convicts honest engines in half precision.
pub const ENGINES: &[Contestant] = &[
    engine("f32, 1 thread", 1, true, Does::Serve(Precision::F32)),
    engine("f32, 2 threads", 2, true, Does::Serve(Precision::F32)),
    engine("f16, 1 thread", 1, true, Does::Serve(Precision::F16)),
    engine("f16, 2 threads", 2, true, Does::Serve(Precision::F16)),
    engine(
        "bf16 weights, 1 thread",
        1,
        true,
        Does::Serve(Precision::Bf16Weights),
    ),
    engine("8-bit weights", 1, false, Does::Round(Precision::Int8)),
    engine("4-bit weights", 1, true, Does::Round(Precision::Int4)),
    engine(
        "another checkpoint: trained 10 steps more",
        1,
        true,
        Does::Tuned,
    ),
    engine("another checkpoint: untrained", 1, true, Does::Untrained),
    engine("truncated context", 1, false, Does::Forget),
    engine("temperature × 0.8", 1, false, Does::Cool),
];

impl Contestant {
    /// Whether it serves the model.
    pub fn is_honest(&self) -> bool {
        matches!(self.does, Does::Serve(_))
    }

    /// The engine of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ENGINES.iter().find(|engine| engine.name == name)
    }

    fn model(&self, source: &Source, seed: u64) -> Result<Model, Error> {
        match self.does {
            Does::Serve(precision) | Does::Round(precision) => Model::open_in(source, precision),
            Does::Untrained => Model::untrained(source, UNTRAINED_SEED),
            Does::Tuned => {
                let texts: Vec<String> = (0..64)
                    .map(|number| words(&question(seed, number)))
                    .collect();
                let (steps, rate) = TUNING;
                tuned(source, &texts, steps, rate)
            }
            Does::Forget | Does::Cool => Model::open(source),
        }
    }

    /// The question as this engine reads it.
    fn bent(&self, ask: Ask) -> Ask {
        match self.does {
            Does::Forget => Ask {
                prompt: match ask.prompt {
                    Prompt::Text(text) => Prompt::Text(second_half(&text)),
                    Prompt::Chat(mut messages) => {
                        let mut last = messages.split_off(messages.len() - 1);
                        last[0].content = second_half(&last[0].content);
                        Prompt::Chat(last)
                    }
                },
                ..ask
            },
            Does::Cool => Ask {
                temperature: ask.temperature * 0.8,
                ..ask
            },
            Does::Serve(_) | Does::Round(_) | Does::Untrained | Does::Tuned => ask,
        }
    }
}

fn second_half(text: &str) -> String {
    text.chars().skip(text.chars().count() / 2).collect()
}

fn words(ask: &Ask) -> String {
    match &ask.prompt {
        Prompt::Text(text) => text.clone(),
        Prompt::Chat(messages) => messages
            .iter()
            .map(|message| message.content.as_str())
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// Answers the first `count` questions, in any order, on the threads this process has.
///
/// # Errors
///
/// Those of loading the model and of answering.
pub fn answer(
    contestant: &Contestant,
    source: &Source,
    seed: u64,
    count: usize,
    take: &mut dyn FnMut(Given),
) -> Result<(), Error> {
    let model = Arc::new(contestant.model(source, seed)?);
    let limits = Limits {
        answers: AT_ONCE,
        waiting: AT_ONCE,
    };
    let engine = LocalEngine::start("calibrated".into(), model, limits)?;
    let one = |number: usize| written(&engine, contestant, seed, number);
    let mut answers = futures::stream::iter((0..count).map(one)).buffer_unordered(AT_ONCE);
    block_on(async {
        while let Some(given) = answers.next().await {
            take(given?);
        }
        Ok(())
    })
}

async fn written(
    engine: &LocalEngine,
    contestant: &Contestant,
    seed: u64,
    number: usize,
) -> Result<Given, Error> {
    let request = verdict::request(&contestant.bent(question(seed, number)))?;
    let mut events = engine.generate(request).await?;
    let mut given = Given {
        number,
        tokens: Vec::new(),
        logprobs: Vec::new(),
        text: String::new(),
        is_cut: false,
    };
    while let Some(event) = events.next().await {
        match event? {
            Event::Start { .. } => {}
            Event::Delta { text, tokens } => {
                given.text.push_str(&text);
                for token in tokens {
                    given.tokens.extend(token.id);
                    given.logprobs.extend(token.logprob);
                }
            }
            Event::Finish { reason, .. } => given.is_cut = reason == FinishReason::Length,
        }
    }
    Ok(given)
}
