//! How fast the shipped model loads, reads, writes, and is checked, on the threads `RAYON_NUM_THREADS` allows.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::StreamExt;
use futures::executor::block_on;
use inference::local::Limits;
use inference::model::Source;
use inference::network::Span;
use inference::{
    Claim, Engine, Event, FinishReason, LocalEngine, Message, Model, Prompt, Request, Role, verify,
};

/// Tokens of an answer.
const ANSWER: u32 = 64;
/// Tokens of a prompt.
const PROMPT: usize = 128;

struct Answered {
    ids: Vec<u32>,
    text: String,
    finish: FinishReason,
}

fn request(seed: u64) -> Request {
    let content = "What think you of the king?".to_owned();
    let message = Message {
        role: Role::User,
        content,
    };
    let max_tokens = NonZeroU32::new(ANSWER).expect("an answer has tokens");
    Request::new(Prompt::Chat(vec![message]), seed, max_tokens)
}

fn answer(engine: &LocalEngine, request: &Request) -> Answered {
    let mut answered = Answered {
        ids: Vec::new(),
        text: String::new(),
        finish: FinishReason::Stop,
    };
    let mut events = block_on(engine.generate(request.clone())).expect("the engine is idle");
    while let Some(event) = block_on(events.next()) {
        match event.expect("the model answers") {
            Event::Start { .. } => (),
            Event::Delta { text, tokens } => {
                answered.text += &text;
                answered
                    .ids
                    .extend(tokens.into_iter().filter_map(|token| token.id));
            }
            Event::Finish { reason, .. } => answered.finish = reason,
        }
    }
    answered
}

/// The first seed whose answer has its full length, so that runs are alike.
fn full_length(engine: &LocalEngine) -> (Request, Answered) {
    (0..)
        .map(|seed| (request(seed), answer(engine, &request(seed))))
        .find(|(_, answered)| answered.ids.len() == ANSWER as usize)
        .expect("some answer is long")
}

fn shipped(criterion: &mut Criterion) {
    criterion.bench_function("load", |bench| {
        bench.iter(|| Model::open(black_box(&Source::Shipped)).expect("it is inside"));
    });
    let model = Arc::new(Model::open(&Source::Shipped).expect("it is inside"));

    let mut group = criterion.benchmark_group("tokens");
    let prompt: Vec<u32> = (0..PROMPT as u32).map(|index| 300 + index).collect();
    group.throughput(Throughput::Elements(PROMPT as u64));
    group.bench_function("prefill", |bench| {
        bench.iter(|| {
            let mut cache = model.network().cache();
            let span = Span {
                tokens: &prompt,
                cache: &mut cache,
                logits_from: PROMPT - 1,
            };
            model.network().read(&mut [span]).expect("it fits")
        });
    });

    let engine = LocalEngine::start("shipped".into(), model.clone(), Limits::default())
        .expect("a thread is to be had");
    let (request, answered) = full_length(&engine);
    group.throughput(Throughput::Elements(u64::from(ANSWER)));
    group.bench_function("answer", |bench| bench.iter(|| answer(&engine, &request)));
    group.bench_function("verify", |bench| {
        let claim = Claim {
            tokens: &answered.ids,
            text: &answered.text,
            finish: answered.finish,
        };
        bench.iter(|| verify(&model, &request, &claim).expect("it fits"));
    });

    group.throughput(Throughput::Elements(8 * u64::from(ANSWER)));
    group.bench_function("eight answers at once", |bench| {
        bench.iter(|| {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| answer(&engine, &request));
                }
            });
        });
    });
    group.finish();
}

criterion_group!(benches, shipped);
criterion_main!(benches);
