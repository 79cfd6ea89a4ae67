//! Honest answers always pass; every way of cheating that is tried here fails.

use std::num::NonZeroU32;
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::engine::Engine;
use crate::fixture::{self, Collected, ask, chat, request};
use crate::local::{Limits, LocalEngine};
use crate::model::Source;
use crate::request::{Prompt, Sampling};
use crate::sampler;
use crate::trial::{Calibration, Drawn};

fn check(model: &Model, request: &Request, answer: &Collected) -> Evidence {
    let ids = answer.ids();
    let claim = Claim {
        tokens: &ids,
        text: &answer.text,
        finish: answer.finish,
    };
    verify(model, request, &claim).unwrap()
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

async fn honest_answers_pass(model: Arc<Model>) {
    let engine = LocalEngine::start("m".into(), model.clone(), Limits::default()).unwrap();
    let requests = requests();
    let answers = futures::future::join_all(requests.iter().map(|request| ask(&engine, request)));
    let mut error_max = 0f64;
    for (request, answer) in requests.iter().zip(answers.await) {
        let evidence = check(&model, request, &answer);
        assert!(
            evidence.verdict.accepted(),
            "{request:?} {:?}",
            evidence.verdict
        );
        assert_eq!(evidence.tokens.len(), answer.tokens.len());
        assert_eq!(evidence.prompt_tokens, answer.usage.prompt_tokens);
        error_max = error_max.max(evidence.error_max());
    }
    assert!(error_max < LOGIT_TOLERANCE, "{error_max}");
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

/// What two engines' logits may differ by in 32-bit floats.
const LOGIT_TOLERANCE: f64 = 1e-3;

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

/// What an answer weighs for the heaviest suspicion.
fn weight(evidence: &Evidence) -> f64 {
    let weights = Calibration::default().weigh(evidence, Drawn::BySeed).each;
    weights.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

#[tokio::test]
async fn another_model_under_the_same_name_is_found_out_in_few_answers() {
    let shipped = Model::open(&Source::Shipped).unwrap();
    let untrained = Arc::new(Model::untrained(&Source::Shipped, 7).unwrap());
    let engine = LocalEngine::start("m".into(), untrained, Limits::default()).unwrap();
    for seed in 0..12 {
        let request = request(chat("Who goes there?"), seed, 12);
        let evidence = check(&shipped, &request, &ask(&engine, &request).await);
        assert!(weight(&evidence) > 9.0, "{evidence:?}");
    }
}

#[tokio::test]
async fn another_seed_another_prompt_and_other_sampling_are_found_out() {
    let (model, request, answer) = honest(chat("Speak."), 3).await;
    let mut others = vec![request.clone(), request.clone(), request.clone()];
    others[0].seed += 1;
    others[1].prompt = chat("Be silent.");
    others[2].sampling = Sampling::Greedy;
    for other in others {
        let evidence = check(&model, &other, &answer);
        assert!(weight(&evidence) > 9.0, "{other:?} {evidence:?}");
    }
}

#[tokio::test]
async fn canned_text_is_found_out() {
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
    let evidence = verify(&model, &request, &claim).unwrap();
    assert!(weight(&evidence) > 9.0, "{evidence:?}");
}

#[tokio::test]
async fn one_changed_token_shows_where_it_is() {
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
        let tokens = verify(&model, &request, &claim).unwrap().tokens;
        let found = tokens.iter().position(|token| token.error > 0.0).unwrap();
        assert_eq!(found, position);
        assert!(
            tokens[found].error > 0.1,
            "token {position}: {:?}",
            tokens[found]
        );
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
async fn tokens_outside_the_head_need_an_error() {
    let model = fixture::model(1);
    let engine = LocalEngine::start("m".into(), model.clone(), Limits::default()).unwrap();
    for seed in 0..10 {
        let request = request(chat("Speak."), seed, 24);
        let answer = ask(&engine as &dyn Engine, &request).await;
        let mut narrow = request.clone();
        narrow.sampling = Sampling::Random {
            temperature: 1.0,
            top_p: 1.0,
            top_k: NonZeroU32::new(1),
        };
        let evidence = check(&model, &narrow, &answer);
        assert!(weight(&evidence) > 9.0, "{evidence:?}");
    }
}

/// The error found is the one that was made: logits moved by less make the token lose, by more make it win.
#[test]
fn an_error_is_the_least_that_explains_a_token() {
    let mut noise = ChaCha12Rng::seed_from_u64(5);
    let logits: Vec<f32> = (0..50).map(|_| noise.random_range(-4.0..4.0)).collect();
    let mut request = request(chat("x"), 9, 1);
    for (temperature, top_p) in [(1.0, 1.0), (0.5, 1.0), (1.0, 0.9), (0.7, 0.6)] {
        request.sampling = Sampling::from_parameters(Some(temperature), Some(top_p), None).unwrap();
        for position in 0..40 {
            let place = place::Place {
                logits: &logits,
                request: &request,
                position,
            };
            let drawn = sampler::choose(&logits, request.sampling, request.seed, position as u64);
            assert_eq!(place.weigh(drawn, place::Dice::Seed).error, 0.0);
            let shift = 0.3f32;
            let moved: Vec<f32> = logits
                .iter()
                .map(|logit| logit + shift * (noise.random_range(-1.0..1.0f32)).signum())
                .collect();
            let other = sampler::choose(&moved, request.sampling, request.seed, position as u64);
            let error = place.weigh(other, place::Dice::Seed).error;
            assert!(
                error <= f64::from(shift) * 1.02,
                "{error} at {temperature} {top_p} {position}"
            );
        }
    }
}

/// An engine with dice of its own: the right model, another seed.
async fn reported(model: &Arc<Model>, seed: u64) -> (Request, Collected, Vec<f32>) {
    let engine = LocalEngine::start("m".into(), model.clone(), Limits::default()).unwrap();
    let mut request = request(Prompt::Text("KING:\n".into()), seed, 24);
    request.top_logprobs = Some(0);
    let mut elsewhere = request.clone();
    elsewhere.seed += 1_000;
    let answer = ask(&engine, &elsewhere).await;
    let logprobs = answer
        .tokens
        .iter()
        .filter_map(|token| token.logprob)
        .collect();
    (request, answer, logprobs)
}

#[tokio::test]
async fn other_dice_pass_by_their_log_probabilities() {
    let model = fixture::model(1);
    for seed in 0..8 {
        let (request, answer, logprobs) = reported(&model, seed).await;
        let ids = answer.ids();
        let claim = Claim {
            tokens: &ids,
            text: &answer.text,
            finish: answer.finish,
        };
        let evidence = verify_reported(&model, &request, &claim, &logprobs).unwrap();
        assert!(evidence.verdict.accepted(), "{evidence:?}");
        let distances = evidence.tokens.iter().filter_map(|token| token.distance);
        assert!(
            distances.fold(0.0, f64::max) < LOGIT_TOLERANCE,
            "{evidence:?}"
        );

        let both = verify_both(&model, &request, &claim, &logprobs).unwrap();
        assert_eq!(both, [verify(&model, &request, &claim).unwrap(), evidence]);

        let made_up = vec![-0.1; ids.len()];
        let evidence = verify_reported(&model, &request, &claim, &made_up).unwrap();
        let weights = Calibration::default()
            .weigh(&evidence, Drawn::Otherwise)
            .each;
        assert!(weights[0] > 9.0, "{weights:?}");
        let short = verify_reported(&model, &request, &claim, &logprobs[..3]).unwrap();
        assert_eq!(
            short.verdict,
            Verdict::Refused(Refusal::OtherCount {
                tokens: 24,
                reported: 3
            })
        );
    }
}

/// Under the distribution asked for, the mean of each tilt's exponential is one: what the test's safety rests on.
#[test]
fn tilts_are_fair_to_honest_dice() {
    let logits: Vec<f32> = (0..30).map(|id| (id as f32 * 0.7).sin() * 3.0).collect();
    let mut request = request(chat("x"), 9, 1);
    request.sampling = Sampling::from_parameters(Some(0.8), Some(0.9), None).unwrap();
    let place = place::Place {
        logits: &logits,
        request: &request,
        position: 0,
    };
    let cutoff = sampler::cutoff(&logits, request.sampling);
    let share = |logit: f32| {
        if logit >= cutoff {
            (f64::from(logit) / 0.8).exp()
        } else {
            0.0
        }
    };
    let total: f64 = logits.iter().map(|logit| share(*logit)).sum();
    let mut means = [0.0; TILTS.len()];
    for (id, logit) in logits.iter().enumerate() {
        let tilts = place.weigh(id as u32, place::Dice::Own(&[])).tilts;
        for (mean, tilt) in means.iter_mut().zip(tilts) {
            *mean += share(*logit) / total * f64::from(tilt).exp();
        }
    }
    for mean in means {
        assert!((mean - 1.0).abs() < 1e-4, "{means:?}");
    }
}

#[tokio::test]
async fn an_answer_is_read_back_from_its_text() {
    let model = fixture::model(1);
    let request = request(chat("Speak."), 1, 24);
    let text = "What news, my lord?";
    let told = model
        .retold(&request, text, FinishReason::Stop)
        .unwrap()
        .unwrap();
    let end = model.vocabulary().id("<|im_end|>").unwrap();
    assert_eq!(told.last(), Some(&end));
    assert_eq!(model.vocabulary().decode(&told).unwrap(), text);
    let cut = model
        .retold(&request, text, FinishReason::Length)
        .unwrap()
        .unwrap();
    assert_eq!(cut[..], told[..told.len() - 1]);
    let mut stopped = request;
    stopped.stop = vec!["!".into()];
    assert_eq!(
        model.retold(&stopped, text, FinishReason::Stop).unwrap(),
        None
    );
}

#[test]
fn a_refusal_says_what_is_wrong() {
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
            Refusal::OtherCount {
                tokens: 3,
                reported: 1,
            },
            "1 log-probabilities",
        ),
        (
            Refusal::UnknownToken { position: 0, id: 7 },
            "does not have",
        ),
        (Refusal::ContinuedPastEnd { position: 1 }, "goes on"),
        (Refusal::BrokenOff { tokens: 4 }, "breaks off"),
        (Refusal::WrongFinish, "finish reason"),
        (Refusal::WrongText, "spell"),
        (
            Refusal::Unexplained {
                position: 3,
                id: 9,
                error: 4.5,
            },
            "off by 4.5",
        ),
        (
            Refusal::FalseLogprob {
                position: 3,
                logprob: -1.0,
                distance: 4.5,
            },
            "off by 4.5",
        ),
    ] {
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
}
