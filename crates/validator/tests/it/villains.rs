//! One villain per test: what it does, what it is found out by, and that in a market it earns exactly nothing.

use inference::Engine;
use keys::Pair;
use protocol::{Ask, Finish, Receipt, TokenLogprob};
use scoring::{Fault, Outcome};
use validator::{Book, Probe, Recompute, Reply, judge};

use crate::market::{
    NOW_MS, Work, asks, check, engine, metagraph, model, pair, probe, receipt, reply, seat,
    untrained, work,
};

fn bob() -> Pair {
    pair("//Bob")
}

fn verdict(probe: &Probe, reply: &Reply) -> Outcome {
    judge(
        &probe.ask,
        probe.request_hash,
        probe.seat.hotkey,
        reply,
        &check(),
    )
    .expect("graded")
}

/// The fault found in Bob's work for one question after `bend` has had its way with text and receipt.
async fn fault(bend: impl FnOnce(&mut String, &mut Receipt)) -> Fault {
    let probe = probe(asks(1, 1).remove(0), seat(1, bob().account()));
    let work = work(&engine(model()), &probe.ask).await;
    let (mut text, mut receipt) = (work.text.clone(), receipt(&probe, &work));
    bend(&mut text, &mut receipt);
    match verdict(&probe, &reply(&text, receipt, &bob())) {
        Outcome::Unverified(fault) => fault,
        Outcome::Verified(_) => panic!("believed"),
    }
}

#[tokio::test]
async fn honest_work_is_verified_whatever_was_asked() {
    let engine = engine(model());
    for ask in asks(2, 25) {
        let probe = probe(ask, seat(1, bob().account()));
        let work = work(&engine, &probe.ask).await;
        let outcome = verdict(&probe, &reply(&work.text, receipt(&probe, &work), &bob()));
        let Outcome::Verified(speed) = outcome else {
            panic!("{outcome:?} for {:?}", probe.ask)
        };
        assert_eq!(speed.per_second, work.token_ids.len() as f64 * 10.0);
        assert_eq!(speed.first_ms, 20.0);
    }
}

#[tokio::test]
async fn another_models_answers_are_not_believed() {
    let engine = untrained();
    for ask in asks(3, 10) {
        let probe = probe(ask, seat(1, bob().account()));
        let work = work(&engine, &probe.ask).await;
        let outcome = verdict(&probe, &reply(&work.text, receipt(&probe, &work), &bob()));
        assert!(
            matches!(outcome, Outcome::Unverified(Fault::FalseAnswer(_))),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn canned_text_is_not_believed() {
    let text = "I could not agree more.";
    let token_ids = model().vocabulary().encode(text).expect("tokens");
    for ask in asks(4, 10) {
        let probe = probe(
            Ask {
                max_tokens: 64,
                ..ask
            },
            seat(1, bob().account()),
        );
        let prompt_tokens = 16;
        let canned = Work {
            text: text.into(),
            token_ids: token_ids.clone(),
            finish: Finish::Stop,
            prompt_tokens,
        };
        let outcome = verdict(&probe, &reply(text, receipt(&probe, &canned), &bob()));
        assert!(
            matches!(outcome, Outcome::Unverified(Fault::FalseAnswer(_))),
            "{outcome:?}"
        );
    }
}

/// The likeliest tokens are cheaper to defend than the drawn ones, but they are not what was asked for.
#[tokio::test]
async fn ignoring_the_temperature_is_found_out() {
    let engine = engine(model());
    let warm = asks(5, 60)
        .into_iter()
        .filter(|ask| 0.9 < ask.temperature)
        .take(8);
    let mut found_out = 0;
    for ask in warm {
        let probe = probe(ask, seat(1, bob().account()));
        let greedy = work(
            &engine,
            &Ask {
                temperature: 0.0,
                ..probe.ask.clone()
            },
        )
        .await;
        let outcome = verdict(
            &probe,
            &reply(&greedy.text, receipt(&probe, &greedy), &bob()),
        );
        found_out += usize::from(matches!(
            outcome,
            Outcome::Unverified(Fault::FalseAnswer(_))
        ));
    }
    assert!(7 <= found_out, "{found_out} of 8");
}

/// Relaying another miner's answer needs that miner's receipt, which is signed by the wrong hotkey.
#[tokio::test]
async fn a_copied_receipt_is_false() {
    let probe = probe(asks(1, 1).remove(0), seat(1, bob().account()));
    let work = work(&engine(model()), &probe.ask).await;
    let copied = reply(&work.text, receipt(&probe, &work), &pair("//Charlie"));
    assert!(matches!(
        verdict(&probe, &copied),
        Outcome::Unverified(Fault::FalseReceipt(_))
    ));
    let claimed = fault(|_, receipt| receipt.miner = pair("//Charlie").account()).await;
    assert!(matches!(claimed, Fault::FalseReceipt(_)), "{claimed}");
}

#[tokio::test]
async fn lies_about_counts_model_and_seed_are_found_out() {
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
        let fault = fault(lie).await;
        let is_expected = matches!(fault, Fault::FalseCount(_))
            || (number == 5 && matches!(fault, Fault::FalseAnswer(_)));
        assert!(is_expected && fault.is_dishonest(), "lie {number}: {fault}");
    }
}

#[tokio::test]
async fn an_answer_cut_short_or_padded_is_not_the_models() {
    let cut = fault(|text, receipt| {
        receipt.token_ids.truncate(3);
        receipt.completion_tokens = 3;
        *text = model()
            .vocabulary()
            .decode(&receipt.token_ids)
            .expect("text");
        receipt.answer_hash = protocol::Digest::of(text.as_bytes());
    });
    assert!(matches!(cut.await, Fault::FalseAnswer(_)));
    let padded = fault(|text, receipt| {
        text.push_str(" And buy my coin.");
        receipt.answer_hash = protocol::Digest::of(text.as_bytes());
    });
    assert!(matches!(padded.await, Fault::FalseAnswer(_)));
    let swapped = fault(|text, _| text.push('!'));
    assert!(matches!(swapped.await, Fault::FalseReceipt(_)));
}

/// Log-probabilities are part of what was asked for: the model's own are believed, made-up or missing ones are not.
#[tokio::test]
async fn made_up_log_probabilities_are_found_out() {
    let ask = Ask {
        top_logprobs: Some(0),
        ..asks(7, 1).remove(0)
    };
    let probe = probe(ask, seat(1, bob().account()));
    let work = work(&engine(model()), &probe.ask).await;
    let evidence = check()
        .recompute(&probe.ask, &work.text, &work.token_ids, work.finish)
        .expect("recomputed");
    let token = |logprob: f32| TokenLogprob {
        token: String::new(),
        logprob,
        bytes: None,
        top_logprobs: vec![],
    };
    let own: Vec<_> = evidence
        .tokens
        .iter()
        .map(|found| token(found.logprob))
        .collect();
    let with = |logprobs: Vec<TokenLogprob>| {
        let mut reply = reply(&work.text, receipt(&probe, &work), &bob());
        reply.answer.logprobs = logprobs;
        verdict(&probe, &reply)
    };
    assert!(matches!(with(own.clone()), Outcome::Verified(_)));
    let made_up = own.iter().map(|given| token(given.logprob - 1.0)).collect();
    let short = own[..own.len() - 2].to_vec();
    for lie in [made_up, short, vec![]] {
        let outcome = with(lie);
        assert!(
            matches!(outcome, Outcome::Unverified(Fault::FalseAnswer(_))),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_stream_without_its_receipt_is_no_answer() {
    let probe = probe(asks(1, 1).remove(0), seat(1, bob().account()));
    let nothing = Reply {
        answer: protocol::Answer::default(),
        first_token_ms: 1.0,
        total_ms: 2.0,
    };
    assert!(matches!(
        verdict(&probe, &nothing),
        Outcome::Unverified(Fault::Unreadable(_))
    ));
}

/// A whole market: two honest miners of different speed, and villains. The villains end with a weight of exactly zero.
#[tokio::test]
async fn in_a_market_only_honest_work_weighs_and_the_faster_weighs_more() {
    const MINERS: [&str; 7] = [
        "//Fast",
        "//Slow",
        "//Untrained",
        "//Canned",
        "//Silent",
        "//Liar",
        "//Sometimes",
    ];
    let seats: Vec<_> = (1..)
        .zip(MINERS)
        .map(|(port, uri)| (uri, Some(9_000 + port)))
        .collect();
    let mut book = Book::default();
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    let (trained, untrained) = (engine(model()), untrained());
    let canned = model().vocabulary().encode("Indeed.").expect("tokens");

    for (round, ask) in asks(6, 30).into_iter().enumerate() {
        for seat in book.seats().to_vec() {
            let uri = MINERS[usize::from(seat.uid.0)];
            let probe = probe(ask.clone(), seat);
            let cheats_now = uri == "//Sometimes" && round % 4 == 3;
            let from: &dyn Engine = if uri == "//Untrained" || cheats_now {
                &untrained
            } else {
                &trained
            };
            assert_eq!(from.model(), crate::market::MODEL);
            let engine = if uri == "//Untrained" || cheats_now {
                &untrained
            } else {
                &trained
            };
            let mut done = work(engine, &probe.ask).await;
            if uri == "//Canned" {
                done = Work {
                    text: "Indeed.".into(),
                    token_ids: canned.clone(),
                    finish: Finish::Stop,
                    ..done
                };
            }
            let mut claimed = receipt(&probe, &done);
            if uri == "//Liar" {
                claimed.completion_tokens += 1;
            }
            let mut reply = reply(&done.text, claimed, &pair(uri));
            if uri == "//Slow" {
                reply.total_ms *= 4.0;
                reply.first_token_ms *= 4.0;
            }
            let outcome = match uri {
                "//Silent" => Outcome::Unverified(Fault::Unreachable("connection refused".into())),
                _ => verdict(&probe, &reply),
            };
            book.record(&probe.seat, &outcome, NOW_MS);
        }
    }

    let weights: Vec<_> = book
        .weights()
        .into_iter()
        .map(|(_, weight)| weight)
        .collect();
    let [fast, slow, untrained, canned, silent, liar, sometimes] = weights[..] else {
        panic!("{weights:?}")
    };
    assert_eq!(fast, u16::MAX);
    assert!(fast / 4 < slow && slow < fast / 10 * 8, "{weights:?}");
    assert_eq!([untrained, canned, silent, liar], [0; 4]);
    assert!(sometimes < slow, "{weights:?}");
    let last = book.entries()[&primitives::Uid(2)]
        .last
        .clone()
        .expect("graded");
    assert!(
        last.reason.starts_with("not the model's answer"),
        "{}",
        last.reason
    );
}
