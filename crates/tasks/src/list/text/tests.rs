//! One villain per test: what it does, what it is found out by, and what a window of its answers is worth.

use std::sync::LazyLock;

use futures::StreamExt;
use futures::executor::block_on;
use inference::local::Limits as Load;
use inference::model::Source;
use inference::precision::Precision;
use inference::{Event, FinishReason, LocalEngine};
use keys::Pair;
use protocol::{Answer, Digest, Finish, Part, Receipt, TokenLogprob, Usage};
use rand::SeedableRng;

use super::*;

const MODEL: &str = "shakespeare";

/// Loaded once for all tests of the process.
static SHIPPED: LazyLock<Arc<Model>> = LazyLock::new(|| {
    Arc::new(Model::open(&Source::Shipped).expect("the model inside the program"))
});

fn judge() -> TextJudge {
    TextJudge {
        name: MODEL.into(),
        model: SHIPPED.clone(),
    }
}

fn engine(model: Arc<Model>) -> LocalEngine {
    LocalEngine::start(MODEL.into(), model, Load::default()).expect("a worker")
}

fn rounded(precision: Precision) -> LocalEngine {
    engine(Arc::new(
        Model::open_in(&Source::Shipped, precision).expect("a model"),
    ))
}

fn bob() -> Pair {
    Pair::from_uri("//Bob").expect("a development key")
}

/// Questions as a validator draws them, with answers short enough for a test and without log-probabilities.
fn asks(seed: u8, count: usize) -> Vec<Ask> {
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    let short = |ask: Ask| Ask {
        max_tokens: ask.max_tokens.min(24),
        top_logprobs: None,
        ..ask
    };
    (0..count).map(|_| short(draw(MODEL, &mut rng))).collect()
}

/// What an engine makes of a question.
#[derive(Clone, Debug)]
struct Work {
    text: String,
    token_ids: Vec<u32>,
    logprobs: Vec<f32>,
    finish: Finish,
    prompt_tokens: u32,
}

fn work(engine: &dyn inference::Engine, ask: &Ask) -> Work {
    let mut request = verdict::request(ask).expect("in range");
    request.top_logprobs = Some(0);
    block_on(async {
        let mut events = engine.generate(request).await.expect("accepted");
        let mut work = Work {
            text: String::new(),
            token_ids: Vec::new(),
            logprobs: Vec::new(),
            finish: Finish::Stop,
            prompt_tokens: 0,
        };
        while let Some(event) = events.next().await {
            match event.expect("an event") {
                Event::Start { prompt_tokens, .. } => work.prompt_tokens = prompt_tokens,
                Event::Delta { text, tokens } => {
                    work.text.push_str(&text);
                    for token in tokens {
                        work.token_ids.extend(token.id);
                        work.logprobs.extend(token.logprob);
                    }
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
    })
}

fn hash(ask: &Ask) -> Digest {
    Digest::of(&ask.to_body())
}

/// The receipt an honest miner would give for this work.
fn receipt(ask: &Ask, work: &Work) -> Receipt {
    Receipt {
        request_hash: hash(ask),
        answer_hash: Digest::of(work.text.as_bytes()),
        miner: bob().account(),
        model: MODEL.into(),
        seed: ask.seed,
        finish: work.finish,
        prompt_tokens: work.prompt_tokens,
        completion_tokens: work.token_ids.len() as u32,
        token_ids: work.token_ids.clone(),
        queue_ms: 0,
        first_token_ms: 20,
        total_ms: 100,
        logprobs_e6: Vec::new(),
    }
}

/// A receipt that says: my own dice, and these log-probabilities.
fn reported(ask: &Ask, work: &Work) -> Receipt {
    let in_millionths = |logprob: &f32| (f64::from(*logprob) * 1e6).round() as i32;
    Receipt {
        logprobs_e6: work.logprobs.iter().map(in_millionths).collect(),
        ..receipt(ask, work)
    }
}

/// A complete stream of this text with this receipt, signed by `signer`, first text after 20 ms, end after 100 ms.
fn reply(text: &str, receipt: Receipt, signer: &Pair, logprobs: Vec<TokenLogprob>) -> Reply {
    let usage = Usage::new(receipt.prompt_tokens, receipt.completion_tokens);
    let (finish, signed) = (Some(receipt.finish), receipt.sign(signer));
    let chunk = Part::Chunk {
        text: text.into(),
        logprobs,
        finish,
        usage: Some(usage),
    };
    let mut answer = Answer::default();
    for part in [chunk, Part::Receipt(Box::new(signed)), Part::Done] {
        answer.take(part).expect("in order");
    }
    Reply {
        answered: Answered::Stream(answer),
        first_ms: 20.0,
        total_ms: 100.0,
    }
}

fn judged(ask: &Ask, reply: &Reply) -> Judgement {
    let challenge = Challenge {
        route: ask.route(),
        body: ask.to_body().into(),
        secret: Box::new(ask.clone()),
    };
    let put = Put {
        challenge: &challenge,
        request_hash: hash(ask),
        miner: bob().account(),
    };
    judge().judge(put, reply).expect("graded")
}

/// The judgement of Bob's work with the receipt he gives for it.
fn verdict_on(ask: &Ask, work: &Work, receipt: Receipt) -> Judgement {
    judged(ask, &reply(&work.text, receipt, &bob(), vec![]))
}

/// The fault found in Bob's work for one question after `bend` has had its way with text and receipt.
fn fault(bend: impl FnOnce(&mut String, &mut Receipt)) -> Fault {
    let ask = asks(1, 1).remove(0);
    let mut work = work(&engine(SHIPPED.clone()), &ask);
    let mut receipt = receipt(&ask, &work);
    bend(&mut work.text, &mut receipt);
    verdict_on(&ask, &work, receipt).fault.expect("believed")
}

fn window(judgements: &[Judgement]) -> Vec<Observation> {
    let kept = |(number, judgement)| Observation::new(number, 0, judgement);
    (0..).zip(judgements).map(kept).collect()
}

#[test]
fn honest_work_is_verified_whatever_was_asked() {
    let engine = engine(SHIPPED.clone());
    let mut judgements = Vec::new();
    for ask in asks(2, 25) {
        let work = work(&engine, &ask);
        let judgement = verdict_on(&ask, &work, receipt(&ask, &work));
        assert_eq!(
            (judgement.quality, &judgement.fault),
            (1.0, &None),
            "{ask:?}"
        );
        let speed = judgement.speed.expect("a speed");
        assert_eq!(speed.per_second, work.token_ids.len() as f64 * 10.0);
        assert_eq!(speed.first_ms, 20.0);
        judgements.push(judgement);
    }
    let quality = judge().quality(&window(&judgements));
    assert!(quality > 0.85, "{quality}");
}

#[test]
fn half_precision_is_honest() {
    let mut judgements = Vec::new();
    for precision in [Precision::F16, Precision::Bf16Weights] {
        let engine = rounded(precision);
        for ask in asks(12, 15) {
            let work = work(&engine, &ask);
            judgements.push(verdict_on(&ask, &work, receipt(&ask, &work)));
            judgements.push(verdict_on(&ask, &work, reported(&ask, &work)));
        }
    }
    for judgement in &judgements {
        assert_eq!(judgement.quality, 1.0, "{judgement:?}");
    }
    assert!(judge().quality(&window(&judgements)) > 0.5);
}

#[test]
fn another_models_answers_are_not_believed() {
    let engine = engine(Arc::new(
        Model::untrained(&Source::Shipped, 3).expect("a model"),
    ));
    for ask in asks(3, 10) {
        let work = work(&engine, &ask);
        for receipt in [receipt(&ask, &work), reported(&ask, &work)] {
            let judgement = verdict_on(&ask, &work, receipt);
            assert!(
                matches!(judgement.fault, Some(Fault::FalseAnswer(_))),
                "{judgement:?}"
            );
        }
    }
}

/// No single answer of rounded weights has to be a lie; together they are.
#[test]
fn four_bit_weights_are_caught_by_their_window() {
    let engine = rounded(Precision::Int4);
    let judgements: Vec<_> = asks(13, 40)
        .iter()
        .map(|ask| {
            let work = work(&engine, ask);
            verdict_on(ask, &work, receipt(ask, &work))
        })
        .collect();
    assert!(judgements.iter().any(|judgement| judgement.fault.is_none()));
    assert_eq!(judge().quality(&window(&judgements)), 0.0);
}

#[test]
fn canned_text_is_not_believed() {
    let setup = Setup {
        cheat: Some("canned".into()),
        model_name: Some(MODEL.into()),
        ..Setup::default()
    };
    let Service::Stream(engine) = Text.service(&setup).expect("a villain") else {
        panic!("text streams")
    };
    for ask in asks(4, 10) {
        let ask = Ask {
            max_tokens: 64,
            ..ask
        };
        let work = work(engine.as_ref(), &ask);
        for receipt in [receipt(&ask, &work), reported(&ask, &work)] {
            let judgement = verdict_on(&ask, &work, receipt);
            assert!(
                matches!(judgement.fault, Some(Fault::FalseAnswer(_))),
                "{judgement:?}"
            );
        }
    }
}

/// The likeliest tokens are cheaper to defend than the drawn ones, but they are not what was asked for.
#[test]
fn ignoring_the_temperature_is_found_out() {
    let engine = engine(SHIPPED.clone());
    let warm = asks(5, 80).into_iter().filter(|ask| 0.9 < ask.temperature);
    let mut seeded = Vec::new();
    let mut free = Vec::new();
    for ask in warm.take(12) {
        let greedy = work(
            &engine,
            &Ask {
                temperature: 0.0,
                ..ask.clone()
            },
        );
        seeded.push(verdict_on(&ask, &greedy, receipt(&ask, &greedy)));
        free.push(verdict_on(&ask, &greedy, reported(&ask, &greedy)));
    }
    let lies = seeded
        .iter()
        .filter(|judgement| judgement.fault.is_some())
        .count();
    assert!(8 <= lies, "{lies} of 12");
    assert_eq!(judge().quality(&window(&seeded)), 0.0);
    assert_eq!(judge().quality(&window(&free)), 0.0, "{free:?}");
}

/// An engine behind another server: the right model, dice of its own, log-probabilities reported.
#[test]
fn other_dice_earn_by_their_log_probabilities() {
    let engine = engine(SHIPPED.clone());
    let mut judgements = Vec::new();
    for ask in asks(14, 25) {
        let work = work(
            &engine,
            &Ask {
                seed: ask.seed / 2 + 1,
                ..ask.clone()
            },
        );
        let judgement = verdict_on(&ask, &work, reported(&ask, &work));
        assert_eq!(judgement.quality, 1.0, "{judgement:?}");
        judgements.push(judgement);
        let without = verdict_on(&ask, &work, receipt(&ask, &work));
        assert!(
            without.fault.is_some() || ask.temperature < 0.3 || work.token_ids.len() < 8,
            "{without:?}"
        );
    }
    let quality = judge().quality(&window(&judgements));
    assert!(quality > 0.5, "{quality}");
}

/// Without tokens the text is read back; where it does not read back as drawn, nothing is earned and nothing is held
/// against the miner.
#[test]
fn a_server_that_tells_no_tokens_is_judged_by_its_text() {
    let engine = engine(SHIPPED.clone());
    let (mut read, mut unread) = (0, 0);
    for ask in asks(15, 30) {
        let ask = Ask {
            stop: vec![],
            ..ask
        };
        let work = work(
            &engine,
            &Ask {
                seed: ask.seed / 2 + 1,
                ..ask.clone()
            },
        );
        let mut receipt = reported(&ask, &work);
        receipt.token_ids.clear();
        let judgement = verdict_on(&ask, &work, receipt);
        assert_eq!(judgement.fault, None, "{judgement:?}");
        if judgement.quality == 1.0 {
            read += 1;
        } else {
            assert!(
                judgement.reason.starts_with("cannot be verified"),
                "{judgement:?}"
            );
            unread += 1;
        }
    }
    assert!(unread < read, "{read} read back, {unread} not");
}

#[test]
fn a_copied_receipt_is_false() {
    let ask = asks(1, 1).remove(0);
    let work = work(&engine(SHIPPED.clone()), &ask);
    let charlie = Pair::from_uri("//Charlie").expect("a development key");
    let copied = reply(&work.text, receipt(&ask, &work), &charlie, vec![]);
    assert!(matches!(
        judged(&ask, &copied).fault,
        Some(Fault::FalseReceipt(_))
    ));
    let claimed = fault(|_, receipt| receipt.miner = charlie.account());
    assert!(matches!(claimed, Fault::FalseReceipt(_)), "{claimed}");
}

#[test]
fn lies_about_counts_model_and_seed_are_found_out() {
    type Lie = fn(&mut String, &mut Receipt);
    let lies: [Lie; 6] = [
        |_, receipt| receipt.completion_tokens += 5,
        |_, receipt| receipt.prompt_tokens += 1,
        |_, receipt| receipt.seed += 1,
        |_, receipt| receipt.model.push_str("-large"),
        |_, receipt| {
            receipt.token_ids.push(7);
            receipt.completion_tokens += 2;
        },
        |_, receipt| receipt.token_ids.clear(),
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let fault = fault(lie);
        let is_expected = matches!(fault, Fault::FalseCount(_))
            || (number == 5 && matches!(fault, Fault::FalseAnswer(_)));
        assert!(is_expected && fault.is_dishonest(), "lie {number}: {fault}");
    }
}

#[test]
fn an_answer_cut_short_or_padded_is_not_the_models() {
    let cut = fault(|text, receipt| {
        receipt.token_ids.truncate(3);
        receipt.completion_tokens = 3;
        *text = SHIPPED
            .vocabulary()
            .decode(&receipt.token_ids)
            .expect("text");
        receipt.answer_hash = Digest::of(text.as_bytes());
    });
    assert!(matches!(cut, Fault::FalseAnswer(_)));
    let padded = fault(|text, receipt| {
        text.push_str(" And buy my coin.");
        receipt.answer_hash = Digest::of(text.as_bytes());
    });
    assert!(matches!(padded, Fault::FalseAnswer(_)));
    let swapped = fault(|text, _| text.push('!'));
    assert!(matches!(swapped, Fault::FalseReceipt(_)));
}

/// Log-probabilities are part of what was asked for: the model's own are believed, made-up or missing ones are not.
#[test]
fn made_up_log_probabilities_are_found_out() {
    let ask = Ask {
        top_logprobs: Some(0),
        ..asks(7, 1).remove(0)
    };
    let work = work(&engine(SHIPPED.clone()), &ask);
    let token = |logprob: f32| TokenLogprob {
        token: String::new(),
        logprob,
        bytes: None,
        top_logprobs: vec![],
    };
    let own: Vec<_> = work
        .logprobs
        .iter()
        .map(|logprob| token(*logprob))
        .collect();
    let with = |logprobs: Vec<TokenLogprob>| {
        judged(
            &ask,
            &reply(&work.text, receipt(&ask, &work), &bob(), logprobs),
        )
    };
    assert_eq!(with(own.clone()).fault, None);
    let made_up = own.iter().map(|given| token(given.logprob - 1.0)).collect();
    let short = own[..own.len() - 2].to_vec();
    for lie in [made_up, short, vec![]] {
        let judgement = with(lie);
        assert!(
            matches!(judgement.fault, Some(Fault::FalseAnswer(_))),
            "{judgement:?}"
        );
    }
}

#[test]
fn a_stream_without_its_receipt_is_no_answer() {
    let nothing = Reply {
        answered: Answered::Stream(Answer::default()),
        first_ms: 1.0,
        total_ms: 2.0,
    };
    let judgement = judged(&asks(1, 1)[0], &nothing);
    assert!(matches!(judgement.fault, Some(Fault::Unreadable(_))));
}

/// Nine honest answers in ten are worth nothing, and neither is one kind of dice an excuse for the other.
#[test]
fn cheating_now_and_then_does_not_pay() {
    let (trained, untrained) = (
        engine(SHIPPED.clone()),
        engine(Arc::new(
            Model::untrained(&Source::Shipped, 3).expect("a model"),
        )),
    );
    let mut judgements = Vec::new();
    for (number, ask) in asks(16, 60).iter().enumerate() {
        let cheats_now = number % 10 == 9;
        let work = work(if cheats_now { &untrained } else { &trained }, ask);
        let given = if cheats_now {
            reported(ask, &work)
        } else {
            receipt(ask, &work)
        };
        judgements.push(verdict_on(ask, &work, given));
    }
    assert_eq!(judge().quality(&window(&judgements)), 0.0);
    assert!(judge().quality(&window(&judgements[..9])) > 0.5);
}

#[test]
fn bodies_take_their_one_form_and_bad_ones_are_named() {
    let ask = asks(1, 1).remove(0);
    let body = ask.to_body();
    assert_eq!(Text.canonical(&body).expect("a body"), body);
    let complaint = Text
        .canonical(br#"{"model":"m","messages":[],"seed":1,"stream":true}"#)
        .expect_err("no messages");
    assert_eq!(complaint.param.as_deref(), Some("messages"));
    let whole = br#"{"choices":[{"message":{"role":"assistant","content":"Ay."}}]}"#;
    assert_eq!(Text.check_answer(whole), Ok(()));
    assert!(Text.check_answer(br#"{"choices":[]}"#).is_err());
}

#[test]
fn options_that_text_has_no_use_for_are_refused() {
    let setup = Setup {
        challenges: Some("somewhere".into()),
        ..Setup::default()
    };
    assert!(matches!(Text.judge(&setup), Err(SetupError::Unused { .. })));
    assert!(matches!(
        Text.service(&setup),
        Err(SetupError::Unused { .. })
    ));
    let setup = Setup {
        cheat: Some("fast-talking".into()),
        ..Setup::default()
    };
    let refused = Text.service(&setup).err().expect("unknown").to_string();
    assert!(refused.contains("rounded-4bit"), "{refused}");
}
