//! Honest answers always pass; every way of cheating that is tried here fails.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::*;
use crate::engine::Engine;
use crate::fixture::{self, Collected, ask, chat, request};
use crate::local::{Limits, LocalEngine};
use crate::model::Source;
use crate::request::Prompt;

fn check(model: &Model, request: &Request, answer: &Collected) -> Evidence {
    let ids = answer.ids();
    let claim = Claim {
        tokens: &ids,
        text: &answer.text,
        finish: answer.finish,
    };
    verify(model, request, &claim).unwrap()
}

fn refusal(model: &Model, request: &Request, answer: &Collected) -> Refusal {
    match check(model, request, answer).verdict {
        Verdict::Refused(refusal) => refusal,
        accepted => panic!("{accepted:?}"),
    }
}

/// Different samplings, prompts, lengths and stops.
fn requests() -> Vec<Request> {
    let head = |temperature, top_p, top_k| Sampling::Random {
        temperature,
        top_p,
        top_k: NonZeroU32::new(top_k),
    };
    let samplings = [
        Sampling::FULL,
        Sampling::Greedy,
        head(0.7, 0.9, 0),
        head(1.5, 1.0, 20),
        head(0.2, 0.5, 40),
        head(1.0, 0.95, 100),
    ];
    let prompts = [
        chat("Speak."),
        Prompt::Text("ROMEO:\n".into()),
        chat("What is honour? A word. €"),
    ];
    let mut requests = Vec::new();
    for seed in 0..4u64 {
        for (index, sampling) in samplings.into_iter().enumerate() {
            let prompt = prompts[(index + seed as usize) % 3].clone();
            let mut request = request(prompt, seed * 1000 + index as u64, 1 + 13 * seed as u32);
            request.sampling = sampling;
            if index % 2 == 0 {
                request.stop = vec!["e".into(), "\n\n".into()];
            }
            requests.push(request);
        }
    }
    requests
}

async fn honest_answers_pass(model: Arc<Model>) -> f64 {
    let engine = LocalEngine::start("m".into(), model.clone(), Limits::default()).unwrap();
    let requests = requests();
    let answers = futures::future::join_all(requests.iter().map(|request| ask(&engine, request)));
    let mut margin_max = 0f64;
    for (request, answer) in requests.iter().zip(answers.await) {
        let evidence = check(&model, request, &answer);
        assert!(
            evidence.verdict.accepted(),
            "{request:?} {:?}",
            evidence.verdict
        );
        assert_eq!(evidence.tokens.len(), answer.tokens.len());
        assert_eq!(evidence.prompt_tokens, answer.usage.prompt_tokens);
        margin_max = margin_max.max(evidence.margin_max());
    }
    margin_max
}

#[tokio::test]
async fn honest_answers_pass_whatever_is_asked() {
    for seed in 0..3 {
        honest_answers_pass(fixture::model(seed)).await;
    }
}

#[tokio::test]
async fn honest_answers_of_the_shipped_model_pass() {
    honest_answers_pass(Arc::new(Model::open(&Source::Shipped).unwrap())).await;
}

/// The same logits by cached steps and by one pass differ by far less than the tolerance.
#[test]
fn the_tolerance_is_far_above_what_arithmetic_does() {
    let model = Model::open(&Source::Shipped).unwrap();
    let ids = model
        .tokens(&Prompt::Text(
            "Now is the winter of our discontent".repeat(3),
        ))
        .unwrap();
    let read = |pieces: usize| -> Vec<Vec<f32>> {
        let mut cache = model.network().cache();
        let mut rows = Vec::new();
        for tokens in ids.chunks(pieces) {
            let span = Span {
                tokens,
                cache: &mut cache,
                logits_from: 0,
            };
            rows.extend(model.network().read(&mut [span]).unwrap().remove(0));
        }
        rows
    };
    let (stepped, whole) = (read(1), read(ids.len()));
    let pairs = stepped.iter().flatten().zip(whole.iter().flatten());
    let difference = pairs
        .map(|(a, b)| f64::from((a - b).abs()))
        .fold(0.0, f64::max);
    println!("logits differ by at most {difference:.1e}");
    assert!(
        difference < LOGIT_TOLERANCE / 10.0,
        "logits differ by {difference}"
    );
}

async fn honest(prompt: Prompt, seed: u64) -> (Arc<Model>, Request, Collected) {
    let model = fixture::model(1);
    let engine = LocalEngine::start("m".into(), model.clone(), Limits::default()).unwrap();
    let request = request(prompt, seed, 24);
    let answer = ask(&engine, &request).await;
    assert!(check(&model, &request, &answer).verdict.accepted());
    (model, request, answer)
}

#[tokio::test]
async fn another_model_under_the_same_name_fails() {
    let shipped = Model::open(&Source::Shipped).unwrap();
    let untrained = Arc::new(Model::untrained(&Source::Shipped, 7).unwrap());
    let engine = LocalEngine::start("m".into(), untrained, Limits::default()).unwrap();
    for seed in 0..12 {
        let request = request(chat("Who goes there?"), seed, 12);
        let answer = ask(&engine, &request).await;
        assert!(matches!(
            refusal(&shipped, &request, &answer),
            Refusal::Beaten { .. } | Refusal::Unsupported { .. }
        ));
    }
}

#[tokio::test]
async fn another_seed_and_another_prompt_fail() {
    let (model, request, answer) = honest(chat("Speak."), 3).await;
    let mut other = request.clone();
    other.seed += 1;
    assert!(matches!(
        refusal(&model, &other, &answer),
        Refusal::Beaten { .. }
    ));
    let mut other = request.clone();
    other.prompt = chat("Be silent.");
    assert!(matches!(
        refusal(&model, &other, &answer),
        Refusal::Beaten { .. }
    ));
    let mut other = request;
    other.sampling = Sampling::Greedy;
    assert!(matches!(
        refusal(&model, &other, &answer),
        Refusal::Beaten { .. }
    ));
}

#[tokio::test]
async fn canned_text_fails() {
    let (model, request, mut answer) = honest(chat("Speak."), 4).await;
    answer.text = "That is an excellent question.".into();
    let mut ids = model.vocabulary().encode(&answer.text).unwrap();
    ids.push(model.vocabulary().id("<|im_end|>").unwrap());
    answer.finish = FinishReason::Stop;
    let claim = Claim {
        tokens: &ids,
        text: &answer.text,
        finish: FinishReason::Stop,
    };
    let verdict = verify(&model, &request, &claim).unwrap().verdict;
    assert!(
        matches!(verdict, Verdict::Refused(Refusal::Beaten { .. })),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn one_changed_token_fails_wherever_it_is() {
    let (model, request, answer) = honest(Prompt::Text("KING:\n".into()), 5).await;
    let ids = answer.ids();
    for position in 0..ids.len() {
        let mut changed = ids.clone();
        changed[position] = if ids[position] == 300 { 301 } else { 300 };
        let mut transcript = Transcript::new(&model, Vec::new(), 24);
        for id in &changed {
            transcript.push(*id).unwrap();
        }
        let claim = Claim {
            tokens: &changed,
            text: transcript.text(),
            finish: answer.finish,
        };
        let verdict = verify(&model, &request, &claim).unwrap().verdict;
        let Verdict::Refused(Refusal::Beaten {
            position: found, ..
        }) = verdict
        else {
            panic!("token {position}: {verdict:?}");
        };
        assert_eq!(found as usize, position);
    }
}

#[tokio::test]
async fn an_answer_must_end_where_it_ends() {
    let (model, request, answer) = honest(Prompt::Text("KING:\n".into()), 6).await;
    let ids = answer.ids();
    let verdict = |tokens: &[u32], text: &str, finish| {
        verify(
            &model,
            &request,
            &Claim {
                tokens,
                text,
                finish,
            },
        )
        .unwrap()
        .verdict
    };
    let refused = |tokens: &[u32], text: &str, finish| match verdict(tokens, text, finish) {
        Verdict::Refused(refusal) => refusal,
        accepted => panic!("{accepted:?}"),
    };
    assert_eq!(refused(&[], "", FinishReason::Stop), Refusal::Empty);
    assert_eq!(
        refused(&ids[..9], "", FinishReason::Stop),
        Refusal::BrokenOff { tokens: 9 }
    );
    assert_eq!(
        refused(&ids, &answer.text, FinishReason::Stop),
        Refusal::WrongFinish
    );
    assert_eq!(
        refused(&ids, "Aye.", FinishReason::Length),
        Refusal::WrongText
    );
    let longer: Vec<u32> = ids.iter().chain(&[300]).copied().collect();
    assert_eq!(
        refused(&longer, &answer.text, FinishReason::Length),
        Refusal::TooLong {
            tokens: 25,
            limit: 24
        }
    );
    assert_eq!(
        refused(&[5, 70_000], "", FinishReason::Length),
        Refusal::UnknownToken {
            position: 1,
            id: 70_000
        }
    );
    let end = model.vocabulary().id("<|im_end|>").unwrap();
    assert_eq!(
        refused(&[5, end, 6], "", FinishReason::Stop),
        Refusal::ContinuedPastEnd { position: 1 }
    );
}

#[tokio::test]
async fn a_stop_sequence_must_be_obeyed() {
    let (model, mut request, answer) = honest(Prompt::Text("KING:\n".into()), 8).await;
    let ids = answer.ids();
    request.stop = vec![answer.text.chars().take(4).collect()];
    let claim = Claim {
        tokens: &ids,
        text: &answer.text,
        finish: answer.finish,
    };
    let verdict = verify(&model, &request, &claim).unwrap().verdict;
    assert!(
        matches!(verdict, Verdict::Refused(Refusal::ContinuedPastEnd { .. })),
        "{verdict:?}"
    );
}

/// A miner who saves itself the trouble of a narrow head and samples the whole distribution is found out.
#[tokio::test]
async fn tokens_outside_the_head_fail() {
    let model = fixture::model(1);
    let engine = LocalEngine::start("m".into(), model.clone(), Limits::default()).unwrap();
    let mut outside = 0;
    for seed in 0..10 {
        let request = request(chat("Speak."), seed, 24);
        let answer = ask(&engine as &dyn Engine, &request).await;
        let mut narrow = request.clone();
        narrow.sampling = Sampling::Random {
            temperature: 1.0,
            top_p: 1.0,
            top_k: NonZeroU32::new(1),
        };
        if let Refusal::Unsupported { .. } = refusal(&model, &narrow, &answer) {
            outside += 1;
        }
    }
    assert_eq!(outside, 10);
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let refusal = Refusal::Beaten {
        position: 3,
        id: 9,
        margin: 1.5,
        tolerance: 0.002,
    };
    assert_eq!(
        refusal.to_string(),
        "token 3 loses to another by 1.5000, rounding explains 0.0020"
    );
    for (refusal, words) in [
        (Refusal::Empty, "no tokens"),
        (
            Refusal::TooLong {
                tokens: 3,
                limit: 2,
            },
            "2 were asked",
        ),
        (
            Refusal::UnknownToken { position: 0, id: 7 },
            "does not have",
        ),
        (Refusal::ContinuedPastEnd { position: 1 }, "goes on"),
        (Refusal::BrokenOff { tokens: 4 }, "breaks off"),
        (Refusal::WrongFinish, "finish reason"),
        (Refusal::WrongText, "spell"),
        (Refusal::Unsupported { position: 0, id: 1 }, "top-k"),
    ] {
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
}
