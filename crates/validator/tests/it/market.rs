//! Miners in memory: an honest answer computed by the model, and receipts over whatever is claimed.

use std::sync::{Arc, LazyLock};

use client::{Metagraph, Neuron};
use futures::StreamExt;
use inference::local::Limits;
use inference::model::{Model, Source};
use inference::{Engine, Event, FinishReason, LocalEngine};
use keys::Pair;
use primitives::{Hotkey, NetUid, Rao, Uid};
use protocol::{Answer, Ask, Digest, Finish, Part, Prompt, Receipt, Usage};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use validator::{ModelCheck, Probe, Questions, Reply, Seat};

pub const NOW_MS: u64 = 1_767_225_600_000;
pub const MODEL: &str = "shakespeare";

/// Loaded once for all tests of the process.
static SHIPPED: LazyLock<Arc<Model>> = LazyLock::new(|| {
    Arc::new(Model::open(&Source::Shipped).expect("the model inside the program"))
});

pub fn model() -> Arc<Model> {
    SHIPPED.clone()
}

pub fn check() -> ModelCheck {
    ModelCheck::new(model())
}

pub fn pair(uri: &str) -> Pair {
    Pair::from_uri(uri).expect("a development key")
}

pub fn engine(model: Arc<Model>) -> LocalEngine {
    LocalEngine::start(MODEL.into(), model, Limits::default()).expect("a worker")
}

pub fn untrained() -> LocalEngine {
    engine(Arc::new(
        Model::untrained(&Source::Shipped, 3).expect("a model"),
    ))
}

pub fn seat(uid: u16, hotkey: Hotkey) -> Seat {
    Seat {
        uid: Uid(uid),
        hotkey,
        address: ([127, 0, 0, 1], 9_000 + uid).into(),
    }
}

/// Questions as the validator draws them, with answers short enough for a test and without log-probabilities.
pub fn asks(seed: u8, count: usize) -> Vec<Ask> {
    let mut questions = Questions::new([seed; 32], MODEL.into());
    let short = |ask: Ask| Ask {
        max_tokens: ask.max_tokens.min(10),
        top_logprobs: None,
        ..ask
    };
    (0..count).map(|_| short(questions.draw())).collect()
}

pub fn probe(ask: Ask, seat: Seat) -> Probe {
    let mut rng = ChaCha20Rng::seed_from_u64(ask.seed);
    Probe::new(ask, seat, NetUid(1), &pair("//Alice"), NOW_MS, &mut rng)
}

/// What an engine makes of a question.
#[derive(Clone, Debug)]
pub struct Work {
    pub text: String,
    pub token_ids: Vec<u32>,
    pub finish: Finish,
    pub prompt_tokens: u32,
}

pub async fn work(engine: &LocalEngine, ask: &Ask) -> Work {
    let mut events = engine.generate(request(ask)).await.expect("accepted");
    let mut work = Work {
        text: String::new(),
        token_ids: Vec::new(),
        finish: Finish::Stop,
        prompt_tokens: 0,
    };
    while let Some(event) = events.next().await {
        match event.expect("an event") {
            Event::Start { prompt_tokens, .. } => work.prompt_tokens = prompt_tokens,
            Event::Delta { text, tokens } => {
                work.text.push_str(&text);
                work.token_ids
                    .extend(tokens.iter().filter_map(|token| token.id));
            }
            Event::Finish { reason, .. } => {
                work.finish = match reason {
                    FinishReason::Stop => Finish::Stop,
                    FinishReason::Length => Finish::Length,
                }
            }
        }
    }
    work
}

fn request(ask: &Ask) -> inference::Request {
    let prompt = match &ask.prompt {
        Prompt::Text(text) => inference::Prompt::Text(text.clone()),
        Prompt::Chat(messages) => {
            let role = |role| match role {
                protocol::Role::System => inference::Role::System,
                protocol::Role::User => inference::Role::User,
                protocol::Role::Assistant => inference::Role::Assistant,
            };
            let message = |message: &protocol::Message| inference::Message {
                role: role(message.role),
                content: message.content.clone(),
            };
            inference::Prompt::Chat(messages.iter().map(message).collect())
        }
    };
    let sampling = inference::Sampling::from_parameters(
        Some(ask.temperature),
        Some(ask.top_p),
        Some(ask.top_k),
    );
    inference::Request {
        prompt,
        sampling: sampling.expect("in range"),
        seed: ask.seed,
        max_tokens: ask.max_tokens.try_into().expect("some"),
        stop: ask.stop.clone(),
        top_logprobs: None,
    }
}

/// The receipt an honest miner would give for this work.
pub fn receipt(probe: &Probe, work: &Work) -> Receipt {
    Receipt {
        request_hash: probe.request_hash,
        answer_hash: Digest::of(work.text.as_bytes()),
        miner: probe.seat.hotkey,
        model: MODEL.into(),
        seed: probe.ask.seed,
        finish: work.finish,
        prompt_tokens: work.prompt_tokens,
        completion_tokens: work.token_ids.len() as u32,
        token_ids: work.token_ids.clone(),
        queue_ms: 0,
        first_token_ms: 20,
        total_ms: 100,
    }
}

/// A complete stream of this text with this receipt, signed by `signer`, first text after 20 ms, end after 100 ms.
pub fn reply(text: &str, receipt: Receipt, signer: &Pair) -> Reply {
    let usage = Usage::new(receipt.prompt_tokens, receipt.completion_tokens);
    let (finish, signed) = (Some(receipt.finish), receipt.sign(signer));
    let chunk = Part::Chunk {
        text: text.into(),
        logprobs: vec![],
        finish,
        usage: Some(usage),
    };
    let mut answer = Answer::default();
    for part in [chunk, Part::Receipt(Box::new(signed)), Part::Done] {
        answer.take(part).expect("in order");
    }
    Reply {
        answer,
        first_token_ms: 20.0,
        total_ms: 100.0,
    }
}

/// A subnet with these hotkeys on its seats, those with a port reachable.
pub fn metagraph(seats: &[(&str, Option<u16>)]) -> Metagraph {
    let neuron = |(uid, (uri, port)): (usize, &(&str, Option<u16>))| Neuron {
        uid: Uid(uid as u16),
        hotkey: pair(uri).account(),
        coldkey: pair(uri).account(),
        axon: port.map(|port| ([127, 0, 0, 1], port).into()),
        stake: Rao(0),
        validator_permit: false,
        active: true,
        incentive: 0,
        dividends: 0,
        consensus: 0,
        emission: Rao(0),
        last_update: 0,
        registered_at: 0,
    };
    let neurons = seats.iter().enumerate().map(neuron).collect();
    Metagraph {
        netuid: NetUid(1),
        block: 7,
        hash: Default::default(),
        tempo: 60,
        neurons,
    }
}
