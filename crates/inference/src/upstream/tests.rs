//! The upstream engine against a small server that speaks OpenAI's API.

use std::convert::Infallible;
use std::num::NonZeroU32;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};

use super::*;
use crate::fixture::{self, collect};

/// What the server was asked, and what it is to say.
#[derive(Clone)]
struct Script {
    asked: mpsc::Sender<(String, HeaderMap, Value)>,
    status: StatusCode,
    events: Vec<String>,
    /// Keeps the stream open after the events.
    hang: bool,
}

async fn reply(script: Script, route: &str, headers: HeaderMap, body: Value) -> Response {
    script
        .asked
        .send((route.into(), headers, body))
        .await
        .unwrap();
    if script.status != StatusCode::OK {
        return (script.status, script.events.concat()).into_response();
    }
    let events = futures::stream::iter(script.events)
        .map(|data| Ok::<_, Infallible>(sse::Event::default().data(data)));
    if script.hang {
        return Sse::new(events.chain(futures::stream::pending())).into_response();
    }
    Sse::new(events).into_response()
}

async fn serve(status: StatusCode, events: &[Value], hang: bool) -> (Settings, Asked) {
    let (asked, receiver) = mpsc::channel(8);
    let mut events: Vec<String> = events.iter().map(Value::to_string).collect();
    if status == StatusCode::OK && !hang {
        events.push("[DONE]".into());
    }
    let script = Script {
        asked,
        status,
        events,
        hang,
    };
    let handle = |route: &'static str| {
        post(
            move |State(script): State<Script>, headers: HeaderMap, Json(body): Json<Value>| {
                reply(script, route, headers, body)
            },
        )
    };
    let app = Router::new()
        .route("/v1/chat/completions", handle("chat"))
        .route("/v1/completions", handle("text"))
        .with_state(script);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let settings = Settings {
        url,
        model: "theirs".into(),
        api_key: Some("secret".into()),
        offered_as: "ours".into(),
        context_tokens: 4096,
        answers: 1,
        patience: Duration::from_secs(5),
        token_ids: true,
    };
    (settings, Asked(receiver))
}

struct Asked(mpsc::Receiver<(String, HeaderMap, Value)>);

fn chunk(content: &str, finish: Option<&str>, ids: &[u32]) -> Value {
    json!({ "choices": [{
        "index": 0, "delta": { "content": content }, "finish_reason": finish, "token_ids": ids,
    }] })
}

fn usage(prompt: u32, completion: u32) -> Value {
    json!({ "choices": [], "usage": { "prompt_tokens": prompt, "completion_tokens": completion } })
}

#[tokio::test]
async fn a_chat_is_forwarded_and_its_stream_read() {
    let events = [
        chunk("Good ", None, &[7]),
        chunk("day", Some("stop"), &[8, 2]),
        usage(5, 3),
    ];
    let (settings, mut asked) = serve(StatusCode::OK, &events, false).await;
    let mut request = fixture::request(fixture::chat("Hello"), 42, 16);
    request.sampling = Sampling::from_parameters(Some(0.5), Some(0.9), Some(40)).unwrap();
    request.stop = vec!["END".into()];
    request.top_logprobs = Some(2);
    let engine = Upstream::new(settings).unwrap();
    let answer = collect(engine.generate(request).await.unwrap()).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        ("Good day", FinishReason::Stop)
    );
    assert_eq!(answer.ids(), [7, 8, 2]);
    assert_eq!(
        answer.usage,
        Usage {
            prompt_tokens: 5,
            completion_tokens: 3
        }
    );

    let (route, headers, body) = asked.0.recv().await.unwrap();
    assert_eq!(route, "chat");
    assert_eq!(headers["authorization"], "Bearer secret");
    assert_eq!(
        body,
        json!({
            "model": "theirs", "seed": 42, "max_tokens": 16, "stream": true,
            "stream_options": { "include_usage": true }, "temperature": 0.5, "top_p": 0.9,
            "top_k": 40, "stop": ["END"], "return_token_ids": true,
            "messages": [{ "role": "user", "content": "Hello" }],
            "logprobs": true, "top_logprobs": 2,
        })
    );
}

#[tokio::test]
async fn log_probabilities_of_both_routes_are_read() {
    let chat = json!({ "choices": [{ "delta": { "content": "A" }, "finish_reason": "length",
        "logprobs": { "content": [{ "token": "A", "logprob": -0.5, "top_logprobs": [
            { "token": "B", "logprob": -1.5 }, { "token": "A", "logprob": -0.5 }] }] } }] });
    let text = json!({ "choices": [{ "text": "A", "finish_reason": "length",
        "logprobs": { "tokens": ["A"], "token_logprobs": [-0.5],
            "top_logprobs": [{ "B": -1.5, "A": -0.5 }] } }] });
    for (event, prompt) in [(chat, fixture::chat("x")), (text, Prompt::Text("x".into()))] {
        let (settings, _asked) = serve(StatusCode::OK, &[event], false).await;
        let engine = Upstream::new(settings).unwrap();
        let mut request = fixture::request(prompt, 1, 1);
        request.top_logprobs = Some(2);
        let answer = collect(engine.generate(request).await.unwrap()).await;
        assert_eq!(
            (answer.text.as_str(), answer.finish),
            ("A", FinishReason::Length)
        );
        assert_eq!(answer.usage.completion_tokens, 1);
        let token = &answer.tokens[0];
        assert_eq!(token.logprob, Some(-0.5));
        let top: Vec<(&str, f32)> = token
            .top
            .iter()
            .map(|top| (top.text.as_str(), top.logprob))
            .collect();
        assert_eq!(top, [("A", -0.5), ("B", -1.5)]);
    }
}

/// A grader needs them, and cannot ask without showing itself.
#[tokio::test]
async fn log_probabilities_are_asked_for_although_nobody_wants_them() {
    let event = json!({ "choices": [{ "delta": { "content": "A" }, "finish_reason": "length",
        "logprobs": { "content": [{ "token": "A", "logprob": -0.5, "top_logprobs": [
            { "token": "A", "logprob": -0.5 }] }] } }] });
    let (settings, mut asked) = serve(StatusCode::OK, &[event], false).await;
    let engine = Upstream::new(settings).unwrap();
    assert!(!engine.draws_by_seed());
    let request = fixture::request(fixture::chat("x"), 1, 1);
    let answer = collect(engine.generate(request).await.unwrap()).await;
    assert_eq!(answer.tokens[0].logprob, Some(-0.5));
    assert_eq!(answer.tokens[0].top, [], "alternatives were not asked for");
    let (_, _, body) = asked.0.recv().await.unwrap();
    assert_eq!(
        (&body["logprobs"], &body["top_logprobs"]),
        (&json!(true), &json!(1))
    );
}

#[tokio::test]
async fn a_refusal_keeps_the_servers_words_and_its_kind() {
    for (status, invalid) in [
        (StatusCode::BAD_REQUEST, true),
        (StatusCode::UNAUTHORIZED, false),
    ] {
        let (settings, _asked) = serve(status, &[json!("no such thing")], false).await;
        let engine = Upstream::new(settings).unwrap();
        let request = fixture::request(fixture::chat("x"), 1, 1);
        let error = engine.generate(request).await.err().unwrap();
        assert_eq!(matches!(error, Error::InvalidRequest { .. }), invalid);
        assert!(error.to_string().contains("no such thing"), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error() {
    let (settings, _asked) = serve(StatusCode::OK, &[chunk("Half", None, &[1])], false).await;
    let engine = Upstream::new(settings).unwrap();
    let request = fixture::request(fixture::chat("x"), 1, 9);
    let events: Vec<_> = engine.generate(request).await.unwrap().collect().await;
    assert!(
        matches!(events.last(), Some(Err(Error::Upstream { .. }))),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_silent_server_is_given_up_on() {
    let (mut settings, _asked) = serve(StatusCode::OK, &[chunk("Half", None, &[1])], true).await;
    settings.patience = Duration::from_millis(50);
    let engine = Upstream::new(settings).unwrap();
    let request = fixture::request(fixture::chat("x"), 1, 9);
    let events: Vec<_> = engine.generate(request).await.unwrap().collect().await;
    assert!(
        matches!(events.last(), Some(Err(Error::Upstream { .. }))),
        "{events:?}"
    );
}

#[tokio::test]
async fn an_abandoned_answer_makes_room_for_the_next() {
    let (settings, _asked) = serve(StatusCode::OK, &[chunk("a", None, &[1])], true).await;
    let engine = Upstream::new(settings).unwrap();
    let request = || fixture::request(fixture::chat("x"), 1, 9);
    let held = engine.generate(request()).await.unwrap();
    assert!(matches!(
        engine.generate(request()).await.err(),
        Some(Error::Busy { .. })
    ));
    drop(held);
    let freed = engine.room.clone().acquire_owned().await.unwrap();
    drop(freed);
    assert!(engine.generate(request()).await.is_ok());
}

#[tokio::test]
async fn nobody_listening_is_an_error_with_the_address() {
    let (mut settings, _asked) = serve(StatusCode::OK, &[], false).await;
    settings.url = "http://127.0.0.1:1/v1".into();
    let engine = Upstream::new(settings.clone()).unwrap();
    let request = Request::new(
        fixture::chat("x"),
        1,
        NonZeroU32::new(1).expect("one is not zero"),
    );
    let error = engine.generate(request).await.err().unwrap().to_string();
    assert!(error.contains("127.0.0.1:1"), "{error}");
    settings.url = "not an address".into();
    assert!(Upstream::new(settings).is_err());
}
