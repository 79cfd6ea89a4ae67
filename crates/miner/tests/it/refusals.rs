//! Who and what is refused, and how.

use axum::body::Body;
use axum::http::Request;
use primitives::NetUid;
use protocol::{Ask, Code, Envelope, Prompt, Route, Terms};

use crate::market::{Letter, NOW_MS, answered, ask, honest, pair, refused, terms};

async fn code(letter: Letter) -> Code {
    refused(&honest(4), letter.request()).await.code
}

#[tokio::test]
async fn an_envelope_works_once() {
    let miner = honest(4);
    let letter = Letter::new(&ask(2), 1);
    answered(&miner, letter.clone()).await;
    assert_eq!(refused(&miner, letter.request()).await.code, Code::Replayed);
}

#[tokio::test]
async fn a_request_without_an_envelope_is_told_which_header_is_missing() {
    let request = Request::post(Route::Chat.path())
        .body(Body::from(ask(2).to_body()))
        .expect("a request");
    let refusal = refused(&honest(4), request).await;
    assert_eq!(refusal.code, Code::BadEnvelope);
    assert!(refusal.message.contains("stoa-version"), "{refusal}");
}

#[tokio::test]
async fn only_permitted_hotkeys_may_ask() {
    let stranger = Letter::from_parts(&pair("//Mallory"), Route::Chat, terms(1), ask(2).to_body());
    assert_eq!(code(stranger).await, Code::NotPermitted);
}

#[tokio::test]
async fn an_envelope_for_somebody_else_is_refused() {
    let alice = pair("//Alice");
    let body = ask(2).to_body();
    let other_miner = Terms {
        audience: pair("//Charlie").account(),
        ..terms(1)
    };
    assert_eq!(
        code(Letter::from_parts(
            &alice,
            Route::Chat,
            other_miner,
            body.clone()
        ))
        .await,
        Code::WrongAudience
    );
    let other_subnet = Terms {
        netuid: NetUid(2),
        ..terms(1)
    };
    assert_eq!(
        code(Letter::from_parts(&alice, Route::Chat, other_subnet, body)).await,
        Code::WrongAudience
    );
}

#[tokio::test]
async fn an_envelope_out_of_its_time_is_refused() {
    let alice = pair("//Alice");
    for expires_ms in [NOW_MS - 1, NOW_MS + 60_001] {
        let terms = Terms {
            expires_ms,
            ..terms(1)
        };
        assert_eq!(
            code(Letter::from_parts(
                &alice,
                Route::Chat,
                terms,
                ask(2).to_body()
            ))
            .await,
            Code::Expired
        );
    }
}

#[tokio::test]
async fn a_bent_request_is_refused_and_its_nonce_not_used_up() {
    let miner = honest(4);
    let letter = Letter::new(&ask(2), 1);
    let other_body = Letter {
        body: ask(3).to_body(),
        ..letter.clone()
    };
    assert_eq!(
        refused(&miner, other_body.request()).await.code,
        Code::BadSignature
    );
    let stolen = Envelope {
        signer: pair("//Alice").account(),
        ..Letter::from_parts(&pair("//Mallory"), Route::Chat, terms(1), ask(2).to_body()).envelope
    };
    assert_eq!(
        refused(
            &miner,
            Letter {
                envelope: stolen,
                ..letter.clone()
            }
            .request()
        )
        .await
        .code,
        Code::BadSignature
    );
    let other_route = Letter {
        route: Route::Completions,
        ..letter.clone()
    };
    assert_eq!(
        refused(&miner, other_route.request()).await.code,
        Code::BadSignature
    );
    answered(&miner, letter).await;
}

#[tokio::test]
async fn work_of_other_tasks_is_told_what_is_served_here() {
    let refusal = refused(&honest(4), Letter::work(b"{}", 1).request()).await;
    assert_eq!(refusal.code, Code::UnknownTask);
    let words = &refusal.message;
    assert!(
        words.contains("text-generation/1") && words.contains("/v1/chat/completions"),
        "{words}"
    );
}

#[tokio::test]
async fn what_cannot_be_served_is_named() {
    let other_model = Ask {
        model: "gpt-9".into(),
        ..ask(2)
    };
    let refusal = refused(&honest(4), Letter::new(&other_model, 1).request()).await;
    assert_eq!(
        (refusal.code, refusal.param.as_deref()),
        (Code::UnknownModel, Some("model"))
    );

    let long = Ask {
        prompt: Prompt::Text("word ".repeat(10_000)),
        ..ask(2)
    };
    assert_eq!(code(Letter::new(&long, 1)).await, Code::PromptTooLong);

    let alice = pair("//Alice");
    let no_json = Letter::from_parts(&alice, Route::Chat, terms(1), b"{\"model\":".to_vec());
    assert_eq!(code(no_json).await, Code::BadRequest);
    let vast = Letter::from_parts(
        &alice,
        Route::Chat,
        terms(1),
        vec![b' '; protocol::BODY_BYTES_MAX + 1],
    );
    assert_eq!(code(vast).await, Code::TooLarge);
}
