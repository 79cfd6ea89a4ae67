//! The upstream engine against a small server that answers as vLLM documents it and as llama.cpp was heard to; the real
//! llama.cpp is tried by `tests/e2e/upstream.py`.

use std::convert::Infallible;
use std::num::NonZeroU32;

use axum::extract::{Request as Asking, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};

use serde_json::{Value, json};

use super::*;
use crate::fixture::{self, collect};
use crate::request::{FinishReason, Prompt, Sampling, Usage};

/// What the server was asked, and what it is to say.
#[derive(Clone)]
struct Script {
    asked: mpsc::Sender<(String, HeaderMap, Value)>,
    /// What other routes say; the rest are not there.
    facts: &'static [(&'static str, &'static str)],
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

async fn tell(State(script): State<Script>, asking: Asking) -> Response {
    let path = asking.uri().path();
    let known = script.facts.iter().find(|(route, _)| *route == path);
    match known {
        Some((_, fact)) => (*fact).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve(status: StatusCode, events: &[Value], hang: bool) -> (Settings, Asked) {
    serve_as(&[], status, events, hang).await
}

async fn serve_as(
    facts: &'static [(&'static str, &'static str)],
    status: StatusCode,
    events: &[Value],
    hang: bool,
) -> (Settings, Asked) {
    let (asked, receiver) = mpsc::channel(8);
    let mut events: Vec<String> = events.iter().map(Value::to_string).collect();
    if status == StatusCode::OK && !hang {
        events.push("[DONE]".into());
    }
    let script = Script {
        asked,
        facts,
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
        .fallback(tell)
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
            "top_k": 40, "stop": ["END"],
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

const VLLM: &[(&str, &str)] = &[
    (
        "/v1/models",
        r#"{"object": "list", "data": [
            {"id": "another", "object": "model", "owned_by": "vllm", "max_model_len": 9999},
            {"id": "theirs", "object": "model", "owned_by": "vllm", "root": "theirs", "max_model_len": 256}]}"#,
    ),
    (
        "/tokenize",
        r#"{"count": 200, "max_model_len": 256, "tokens": []}"#,
    ),
];

/// An entry of a list of log-probabilities.
fn entry(token: &str, logprob: f32) -> Value {
    json!({ "token": token, "logprob": logprob, "bytes": token.as_bytes(), "top_logprobs": [] })
}

#[tokio::test]
async fn vllm_is_asked_for_token_ids_for_no_more_than_fits_and_for_no_defaults_of_its_own() {
    let piece = |text: &str, entries: Value, ids: Value, finish: Value| {
        json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "theirs", "choices": [{
            "index": 0, "delta": { "content": text }, "logprobs": { "content": entries },
            "finish_reason": finish, "stop_reason": null, "token_ids": ids }] })
    };
    let events = [
        json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "logprobs": null,
            "finish_reason": null }], "prompt_token_ids": [1, 5, 6] }),
        piece(
            "Good",
            json!([entry("Good", -0.5)]),
            json!([7]),
            Value::Null,
        ),
        piece(
            " day",
            json!([entry(" day", -1.5), entry("<|im_end|>", -0.25)]),
            json!([8, 2]),
            json!("stop"),
        ),
        usage(200, 3),
    ];
    let (settings, mut asked) = serve_as(VLLM, StatusCode::OK, &events, false).await;
    let engine = Upstream::new(settings).unwrap();
    assert_eq!(engine.context_tokens(), 4096, "nothing was asked yet");
    let request = fixture::request(fixture::chat("Hello"), 42, 100);
    let answer = collect(engine.generate(request).await.unwrap()).await;
    assert_eq!(engine.context_tokens(), 256);
    assert_eq!(
        (answer.text.as_str(), answer.ids()),
        ("Good day", vec![7, 8, 2])
    );
    let logprobs: Vec<_> = answer.tokens.iter().map(|token| token.logprob).collect();
    assert_eq!(logprobs, [Some(-0.5), Some(-1.5), Some(-0.25)]);
    let (route, _, body) = asked.0.recv().await.unwrap();
    assert_eq!(route, "chat");
    assert_eq!(
        body,
        json!({
            "model": "theirs", "seed": 42, "max_tokens": 56, "stream": true,
            "stream_options": { "include_usage": true }, "temperature": 1.0, "top_p": 1.0,
            "top_k": -1, "min_p": 0, "repetition_penalty": 1, "return_token_ids": true,
            "messages": [{ "role": "user", "content": "Hello" }],
            "logprobs": true, "top_logprobs": 1,
        })
    );
}

#[tokio::test]
async fn a_prompt_that_fills_vllms_context_is_called_too_long() {
    const FULL: &[(&str, &str)] = &[VLLM[0], ("/tokenize", r#"{"count": 256}"#)];
    let (settings, _asked) = serve_as(FULL, StatusCode::OK, &[], false).await;
    let engine = Upstream::new(settings).unwrap();
    let request = fixture::request(Prompt::Text("long".into()), 1, 16);
    let error = engine.generate(request).await.err().unwrap();
    let is_told = matches!(
        error,
        Error::PromptTooLong {
            tokens: 256,
            limit: 255
        }
    );
    assert!(is_told, "{error}");
}

const LLAMA_CPP: &[(&str, &str)] = &[
    (
        "/v1/models",
        r#"{"object": "list", "models": [], "data": [
            {"id": "file.gguf", "object": "model", "owned_by": "llamacpp", "meta": {"n_ctx_train": 4096}}]}"#,
    ),
    (
        "/props",
        r#"{"default_generation_settings": {"params": {}, "n_ctx": 256}, "total_slots": 4}"#,
    ),
    (
        "/apply-template",
        r#"{"prompt": "<|im_start|>user\nHello<|im_end|>\n"}"#,
    ),
];

/// A piece of llama.cpp's answer to a plain completion: a chat's entries, with numbers in them.
fn numbered(text: &str, id: u32) -> Value {
    json!({ "object": "text_completion", "choices": [{ "text": text, "index": 0, "finish_reason": null,
        "logprobs": { "content": [{ "id": id, "token": text, "bytes": text.as_bytes(), "logprob": -0.5,
            "top_logprobs": [{ "id": 9, "token": "b", "bytes": [98], "logprob": -0.25 }] }] } }] })
}

fn last(completion: u32) -> Value {
    last_by("stop", completion)
}

fn last_by(finish: &str, completion: u32) -> Value {
    json!({ "choices": [{ "text": "", "index": 0, "logprobs": null, "finish_reason": finish }],
        "usage": { "prompt_tokens": 9, "completion_tokens": completion }, "timings": {} })
}

#[tokio::test]
async fn llama_cpp_is_asked_for_the_laid_out_chat_and_for_the_requests_cuts_alone() {
    let events = [numbered("Good", 7), numbered("", 2), last(2)];
    let (settings, mut asked) = serve_as(LLAMA_CPP, StatusCode::OK, &events, false).await;
    let engine = Upstream::new(settings).unwrap();
    let mut request = fixture::request(fixture::chat("Hello"), 42, 100);
    request.top_logprobs = Some(1);
    let answer = collect(engine.generate(request).await.unwrap()).await;
    assert_eq!(engine.context_tokens(), 256);
    assert_eq!((answer.text.as_str(), answer.ids()), ("Good", vec![7, 2]));
    assert_eq!(answer.tokens[0].top[0].id, Some(9));
    let (route, _, body) = asked.0.recv().await.unwrap();
    assert_eq!(route, "text");
    assert_eq!(
        body,
        json!({
            "model": "theirs", "seed": 42, "max_tokens": 100, "stream": true,
            "stream_options": { "include_usage": true }, "temperature": 1.0, "top_p": 1.0,
            "samplers": ["temperature", "top_k", "top_p"], "top_k": 0,
            "prompt": "<|im_start|>user\nHello<|im_end|>\n", "logprobs": 1,
        })
    );
}

/// It lists the last alone of several tokens that spell one character.
#[tokio::test]
async fn a_list_that_lacks_tokens_is_not_passed_off_as_the_answers() {
    let events = [numbered("é", 7), last(3)];
    let (settings, _asked) = serve_as(LLAMA_CPP, StatusCode::OK, &events, false).await;
    let engine = Upstream::new(settings).unwrap();
    let request = fixture::request(Prompt::Text("x".into()), 42, 100);
    let answer = collect(engine.generate(request).await.unwrap()).await;
    assert_eq!(
        (answer.text.as_str(), answer.usage.completion_tokens),
        ("é", 3)
    );
    assert!(answer.tokens.iter().any(|token| token.id.is_none()));
}

/// It holds back what may begin a stop sequence, and forgets it when the answer ends.
#[tokio::test]
async fn text_held_back_for_a_stop_sequence_that_did_not_come_is_asked_for() {
    const ONE_LINE: &[(&str, &str)] = &[LLAMA_CPP[0], ("/detokenize", r#"{"content": "\n"}"#)];
    const TWO_LINES: &[(&str, &str)] = &[LLAMA_CPP[0], ("/detokenize", r#"{"content": "\n\n"}"#)];
    for (facts, finish, ids, text) in [
        (ONE_LINE, "length", &[201][..], "Good\n"),
        (ONE_LINE, "stop", &[201, 2], "Good\n"),
        (TWO_LINES, "stop", &[201, 201], "Good"),
        (ONE_LINE, "stop", &[2], "Good"),
    ] {
        let mut events = vec![numbered("Good", 7)];
        events.extend(ids.iter().map(|id| numbered("", *id)));
        events.push(last_by(finish, ids.len() as u32 + 1));
        let (settings, _asked) = serve_as(facts, StatusCode::OK, &events, false).await;
        let engine = Upstream::new(settings).unwrap();
        let mut request = fixture::request(Prompt::Text("x".into()), 42, 100);
        request.stop = vec!["\n\n".into()];
        let answer = collect(engine.generate(request).await.unwrap()).await;
        assert_eq!(answer.text, text, "{finish} {ids:?}");
        assert_eq!(answer.ids().len(), ids.len() + 1);
    }
}

#[tokio::test]
async fn a_prompt_that_llama_cpp_refuses_is_called_too_long() {
    let refusal = json!({ "error": { "code": 400, "type": "exceed_context_size_error",
        "message": "request (402 tokens) exceeds the available context size", "n_prompt_tokens": 402, "n_ctx": 256 } });
    let (settings, _asked) = serve_as(LLAMA_CPP, StatusCode::BAD_REQUEST, &[refusal], false).await;
    let engine = Upstream::new(settings).unwrap();
    let request = fixture::request(Prompt::Text("long".into()), 1, 16);
    let error = engine.generate(request).await.err().unwrap();
    let is_told = matches!(
        error,
        Error::PromptTooLong {
            tokens: 402,
            limit: 255
        }
    );
    assert!(is_told, "{error}");
}

#[tokio::test]
async fn a_server_that_was_not_there_is_met_when_it_is() {
    let (settings, _asked) = serve_as(LLAMA_CPP, StatusCode::OK, &[last(0)], false).await;
    let mut engine = Upstream::new(settings.clone()).unwrap();
    let absent = Settings {
        url: "http://127.0.0.1:1/v1".into(),
        ..settings.clone()
    };
    engine.api = Arc::new(Api::new(Arc::new(absent)).unwrap());
    let request = || fixture::request(Prompt::Text("x".into()), 1, 9);
    assert!(engine.generate(request()).await.is_err());
    assert_eq!(engine.context_tokens(), 4096);
    engine.api = Arc::new(Api::new(Arc::new(settings)).unwrap());
    collect(engine.generate(request()).await.unwrap()).await;
    assert_eq!(engine.context_tokens(), 256);
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
