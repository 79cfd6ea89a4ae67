//! What a customer is told when the request is at fault, or the gateway is not for it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use futures::StreamExt;
use serde_json::json;

use crate::market::{Setup, chat_body, market, post};
use crate::villains::Character::{Honest, Sleeper};

#[tokio::test]
async fn requests_at_fault_get_openais_envelope() {
    let market = market(&[Honest]);
    let wrong_model = market.chat(json!({"model": "gpt-9"})).await;
    assert_eq!(wrong_model.refusal(), (404, "model_not_found".into()));
    assert_eq!(wrong_model.json()["error"]["param"], "model");
    let not_json = Request::post("/v1/chat/completions").body(Body::from("{\"model\":"));
    let not_json = market.ask(not_json.expect("a request")).await;
    assert_eq!(not_json.refusal(), (400, "invalid_json".into()));
    let tools = market.chat(json!({"tools": [{"type": "function"}]})).await;
    assert_eq!(tools.refusal(), (400, "unsupported_parameter".into()));
    let url = market.get("/v1/embeddings").await;
    assert_eq!(url.refusal(), (404, "unknown_url".into()));
    let method = market.get("/v1/chat/completions").await;
    assert_eq!(method.refusal(), (405, "method_not_supported".into()));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_announced_or_not() {
    let market = market(&[Honest]);
    let large = chat_body(json!({"user": "x".repeat(70_000)}));
    let announced = market.ask(post("/v1/chat/completions", &large)).await;
    assert_eq!(announced.refusal(), (413, "request_too_large".into()));
    let pieces = futures::stream::repeat(vec![b' '; 1024])
        .take(100)
        .map(Ok::<_, std::io::Error>);
    let unannounced = Request::post("/v1/completions")
        .body(Body::from_stream(pieces))
        .expect("a request");
    assert_eq!(
        market.ask(unannounced).await.refusal(),
        (413, "request_too_large".into())
    );
    assert_eq!(market.villains.asked(&market.pairs[0]), 0);
}

#[tokio::test]
async fn without_a_good_key_nothing_is_told() {
    let keys = vec!["sk-good".to_string()];
    let market = Setup {
        miners: vec![(Honest, None)],
        keys,
        ..Setup::default()
    }
    .open();
    assert_eq!(
        market.chat(json!({})).await.refusal(),
        (401, "missing_api_key".into())
    );
    assert_eq!(
        market.get("/v1/models").await.refusal(),
        (401, "missing_api_key".into())
    );
    let with_key = |key: &str| {
        let mut request = post("/v1/chat/completions", &chat_body(json!({})));
        let value = format!("Bearer {key}").parse().expect("a header");
        request.headers_mut().insert("authorization", value);
        request
    };
    let wrong = market.ask(with_key("sk-bad")).await;
    assert_eq!(wrong.refusal(), (401, "invalid_api_key".into()));
    assert_eq!(market.ask(with_key("sk-good")).await.status, 200);
    assert_eq!(
        market.get("/health").await.status,
        200,
        "health needs no key"
    );
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let miners = vec![(Honest, None)];
    let market = Setup {
        miners,
        per_minute: Some(2),
        ..Setup::default()
    }
    .open();
    let first = market.chat(json!({})).await;
    assert_eq!(first.header("x-ratelimit-limit-requests"), "2");
    assert_eq!(first.header("x-ratelimit-remaining-requests"), "1");
    assert_eq!(market.chat(json!({})).await.status, 200);
    let third = market.chat(json!({})).await;
    assert_eq!(third.refusal(), (429, "rate_limit_exceeded".into()));
    assert_eq!(third.header("retry-after"), "30");
}

/// The place belongs to the stream: as long as a slow answer is being read, nobody else gets it; when the reader goes
/// away, the place is free and the miner is let go.
#[tokio::test]
async fn a_stream_holds_its_place_until_it_is_dropped() {
    let miners = vec![(Sleeper, None)];
    let market = Setup {
        miners,
        at_once: 1,
        ..Setup::default()
    }
    .open();
    let request = post("/v1/chat/completions", &chat_body(json!({"stream": true})));
    let reading = market.send(request).await;
    assert_eq!(reading.status(), 200);
    let refused = market.chat(json!({})).await;
    assert_eq!(refused.refusal(), (503, "overloaded".into()));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(market.villains.streaming.load(Ordering::SeqCst), 1);
    drop(reading);
    assert_eq!(market.villains.streaming.load(Ordering::SeqCst), 0);
    let again = post("/v1/chat/completions", &chat_body(json!({"stream": true})));
    assert_eq!(market.send(again).await.status(), 200);
}

/// Whoever opens streams and reads none of them to the end would otherwise keep everybody else out for ever.
#[tokio::test]
async fn a_customer_that_stops_reading_loses_its_place() {
    let miners = vec![(Honest, None)];
    let market = Setup {
        miners,
        at_once: 1,
        ..Setup::default()
    }
    .open();
    let request = post("/v1/chat/completions", &chat_body(json!({"stream": true})));
    let mut frames = market.send(request).await.into_body().into_data_stream();
    assert!(frames.next().await.expect("a frame").is_ok());
    let refused = market.chat(json!({})).await;
    assert_eq!(refused.refusal(), (503, "overloaded".into()));
    let until_free = async {
        while market.chat(json!({})).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), until_free).await;
    waited.expect("the place is free although the stream was never dropped");
    assert!(frames.next().await.is_none(), "there is no more of it");
}

#[tokio::test]
async fn every_reply_carries_a_request_id() {
    let market = market(&[Honest]);
    let drawn = market.chat(json!({})).await;
    assert!(drawn.header("x-request-id").starts_with("req_"));
    assert!(drawn.header("openai-processing-ms").parse::<u64>().is_ok());
    let mut request = post("/v1/nowhere", &json!({}));
    request
        .headers_mut()
        .insert("x-request-id", "mine-1".parse().expect("a header"));
    assert_eq!(market.ask(request).await.header("x-request-id"), "mine-1");
}

#[tokio::test]
async fn web_pages_may_ask() {
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/v1/chat/completions")
        .header("origin", "https://example.org")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        )
        .body(Body::empty())
        .expect("a request");
    let keys = vec!["sk-good".to_string()];
    let market = Setup {
        keys,
        ..Setup::default()
    }
    .open();
    let reply = market.ask(preflight).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), "*");
}
