//! What a signed request gets: the model's answer, its counts, and a receipt that proves it.

use std::num::NonZeroU32;
use std::sync::Arc;

use futures::StreamExt;
use inference::{Claim, Event, FinishReason, Sampling, verify};
use miner::Trade;
use protocol::{Ask, Finish, Prompt, Usage};
use tasks::Setup;

use crate::market::{Letter, MODEL, answered, ask, honest, model, pair, send, serving, trading};

/// The engine's own request for an [`Ask`] of `market::ask`.
fn request(ask: &Ask) -> inference::Request {
    let prompt = match &ask.prompt {
        Prompt::Text(text) => inference::Prompt::Text(text.clone()),
        Prompt::Chat(messages) => {
            let content = messages[0].content.clone();
            inference::Prompt::Chat(vec![inference::Message {
                role: inference::Role::User,
                content,
            }])
        }
    };
    inference::Request {
        prompt,
        sampling: Sampling::from_parameters(
            Some(ask.temperature),
            Some(ask.top_p),
            Some(ask.top_k),
        )
        .expect("in range"),
        seed: ask.seed,
        max_tokens: NonZeroU32::new(ask.max_tokens).expect("some"),
        stop: ask.stop.clone(),
        top_logprobs: ask.top_logprobs,
    }
}

#[tokio::test]
async fn a_signed_request_is_answered_by_the_model_with_a_receipt() {
    let miner = honest(4);
    for (nonce, ask) in [
        ask(12),
        Ask {
            prompt: Prompt::Text("ROMEO:\n".into()),
            ..ask(12)
        },
    ]
    .iter()
    .enumerate()
    {
        let letter = Letter::new(ask, nonce as u8);
        let request_hash = letter.request_hash();
        let answer = answered(&miner, letter).await;
        assert!(answer.is_done());

        let signed = answer.receipt.expect("a receipt");
        assert_eq!(
            signed.check(pair("//Bob").account(), request_hash, &answer.text),
            Ok(())
        );
        let receipt = signed.receipt;
        assert_eq!((receipt.model.as_str(), receipt.seed), (MODEL, 11));
        assert_eq!(Some(receipt.finish), answer.finish);
        assert_eq!(
            answer.usage,
            Some(Usage::new(receipt.prompt_tokens, receipt.completion_tokens))
        );
        assert!(
            receipt.queue_ms <= receipt.first_token_ms
                && receipt.first_token_ms <= receipt.total_ms
        );

        let finish = match receipt.finish {
            Finish::Stop => FinishReason::Stop,
            Finish::Length => FinishReason::Length,
        };
        let claim = Claim {
            tokens: &receipt.token_ids,
            text: &answer.text,
            finish,
        };
        let evidence = verify(&model(), &request(ask), &claim).expect("recomputed");
        assert!(evidence.verdict.accepted(), "{evidence:?}");
        assert_eq!(evidence.prompt_tokens, receipt.prompt_tokens);
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answer_and_another_another() {
    let miner = honest(4);
    let text = async |nonce, seed| {
        answered(&miner, Letter::new(&Ask { seed, ..ask(16) }, nonce))
            .await
            .text
    };
    let first = text(1, 11).await;
    assert_eq!(text(2, 11).await, first);
    assert_ne!(text(3, 12).await, first);
}

#[tokio::test]
async fn log_probabilities_come_when_asked_for() {
    let miner = honest(4);
    let asked = Ask {
        top_logprobs: Some(2),
        ..ask(6)
    };
    let answer = answered(&miner, Letter::new(&asked, 1)).await;
    let receipt = answer.receipt.expect("a receipt").receipt;
    assert_eq!(answer.logprobs.len(), receipt.token_ids.len());
    assert!(
        answer
            .logprobs
            .iter()
            .all(|token| token.logprob <= 0.0 && token.top_logprobs.len() == 2)
    );
    let without = answered(&miner, Letter::new(&ask(6), 2)).await;
    assert!(without.logprobs.is_empty());
}

#[tokio::test]
async fn an_answer_ends_before_a_stop_sequence() {
    let miner = honest(4);
    let whole = answered(&miner, Letter::new(&ask(24), 1)).await.text;
    let middle = whole
        .char_indices()
        .nth(whole.chars().count() / 2)
        .expect("a text of some length")
        .0;
    let stop = whole[middle..].chars().take(2).collect::<String>();
    let expected = &whole[..whole.find(&stop).expect("it is in there")];
    let asked = Ask {
        stop: vec![stop.clone()],
        ..ask(24)
    };
    let answer = answered(&miner, Letter::new(&asked, 2)).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        (expected, Some(Finish::Stop))
    );
}

/// A canned answer is well formed in every respect: only recomputing it shows the lie.
#[tokio::test]
async fn a_canned_villain_looks_right_and_fails_recomputation() {
    let setup = Setup {
        model_name: Some(MODEL.into()),
        cheat: Some("canned".into()),
        ..Setup::default()
    };
    let text = tasks::find_by_name("text-generation").expect("the list has it");
    let service = text.service(&setup).expect("the shipped model");
    let miner = trading(Trade::new(text, service), 4);
    let letter = Letter::new(&ask(64), 1);
    let request_hash = letter.request_hash();
    let answer = answered(&miner, letter).await;
    let signed = answer.receipt.expect("a receipt");
    let text = answer.text.as_str();
    assert_eq!(
        signed.check(pair("//Bob").account(), request_hash, text),
        Ok(())
    );
    let claim = Claim {
        tokens: &signed.receipt.token_ids,
        text,
        finish: FinishReason::Stop,
    };
    let evidence = verify(&model(), &request(&ask(64)), &claim).expect("recomputed");
    assert!(!evidence.verdict.accepted());
}

#[tokio::test]
async fn pages_for_gateways_and_operators_answer_anyone() {
    let miner = honest(4);
    answered(&miner, Letter::new(&ask(4), 1)).await;
    let page = async |path: &str| {
        let request = axum::http::Request::get(path)
            .body(axum::body::Body::empty())
            .expect("a request");
        let (status, _, body) = send(&miner, request).await;
        assert!(status.is_success(), "{path}");
        String::from_utf8(body).expect("text")
    };
    let models: serde_json::Value = serde_json::from_str(&page("/v1/models").await).expect("JSON");
    assert_eq!(models["data"][0]["id"], MODEL);
    assert_eq!(models["data"][0]["task"], "text-generation/1");
    assert!(
        models["data"][0]["context_length"]
            .as_u64()
            .is_some_and(|tokens| 0 < tokens)
    );
    let health: serde_json::Value = serde_json::from_str(&page("/health").await).expect("JSON");
    assert_eq!(health["status"], "ok");
    assert_eq!(health["permitted"], 1);
    let metrics = page("/metrics").await;
    assert!(
        metrics.contains(
            "stoa_miner_requests_total{task=\"text-generation/1\",outcome=\"answered\"} 1"
        ),
        "{metrics}"
    );
}

/// An engine that draws from randomness of its own, two tokens a piece.
struct Unseeded;

impl inference::Engine for Unseeded {
    fn model(&self) -> &str {
        MODEL
    }

    fn context_tokens(&self) -> usize {
        64
    }

    fn draws_by_seed(&self) -> bool {
        false
    }

    fn generate(
        &self,
        _: inference::Request,
    ) -> futures::future::BoxFuture<'_, Result<inference::Answer, inference::Error>> {
        let token = |logprob| inference::Token {
            id: None,
            text: "ay".into(),
            logprob,
            top: Vec::new(),
        };
        let events = [
            Event::Delta {
                text: "ayay".into(),
                tokens: vec![token(Some(-0.25)), token(Some(-1.5))],
            },
            Event::Finish {
                reason: FinishReason::Stop,
                usage: inference::Usage {
                    prompt_tokens: 1,
                    completion_tokens: 3,
                },
            },
        ];
        Box::pin(async move { Ok(futures::stream::iter(events.map(Ok)).boxed()) })
    }
}

/// The asker gets log-probabilities only if it wants them; the receipt has them all the same.
#[tokio::test]
async fn an_engine_without_the_shared_seed_signs_its_log_probabilities() {
    let miner = serving(Arc::new(Unseeded), 1);
    let letter = Letter::new(&ask(4), 1);
    let request_hash = letter.request_hash();
    let answer = answered(&miner, letter).await;
    assert!(answer.logprobs.is_empty());
    let signed = answer.receipt.expect("a receipt");
    let bob = pair("//Bob").account();
    assert_eq!(signed.check(bob, request_hash, "ayay"), Ok(()));
    assert_eq!(signed.receipt.logprobs_e6, [-250_000, -1_500_000]);

    let seeded = answered(&honest(1), Letter::new(&ask(4), 1)).await;
    let receipt = seeded.receipt.expect("a receipt").receipt;
    assert!(receipt.logprobs_e6.is_empty());
}

/// An engine that never answers: what is under test is that the place is free again once nobody listens.
struct Endless;

impl inference::Engine for Endless {
    fn model(&self) -> &str {
        MODEL
    }

    fn context_tokens(&self) -> usize {
        64
    }

    fn generate(
        &self,
        _: inference::Request,
    ) -> futures::future::BoxFuture<'_, Result<inference::Answer, inference::Error>> {
        let start = Event::Start {
            prompt_tokens: 1,
            queued: std::time::Duration::ZERO,
        };
        let events = futures::stream::iter([Ok(start)]).chain(futures::stream::pending());
        Box::pin(async move { Ok(events.boxed()) })
    }
}

#[tokio::test]
async fn a_full_miner_refuses_at_once_and_a_lost_listener_frees_the_place() {
    use tower::ServiceExt;
    let miner = serving(Arc::new(Endless), 1);
    let listening = miner
        .clone()
        .oneshot(Letter::new(&ask(4), 1).request())
        .await
        .expect("a response");
    assert!(listening.status().is_success());

    let (status, headers, body) = send(&miner, Letter::new(&ask(4), 2).request()).await;
    assert_eq!(status.as_u16(), 503);
    assert_eq!(headers["retry-after"], "1");
    let refusal = protocol::Refusal::from_json(&body).expect("a refusal");
    assert_eq!(refusal.code, protocol::Code::Busy);

    drop(listening);
    let again = miner
        .clone()
        .oneshot(Letter::new(&ask(4), 3).request())
        .await
        .expect("a response");
    assert!(again.status().is_success(), "the place is free again");
}
