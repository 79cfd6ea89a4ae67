//! The transport against servers that answer as no miner should.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use daemon::Door;
use futures::StreamExt;
use primitives::NetUid;
use protocol::{Code, HEADERS, Refusal, TASK_HEADER};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use scoring::Fault;
use tasks::{Answered, Reply};
use tokio_util::sync::CancellationToken;
use validator::{Http, Post, Probe, Transport};

use crate::roots::kind;
use crate::street::{NOW_MS, judge, pair, seat};

/// Asks a server that answers like this.
async fn asked(router: Router) -> Result<Reply, Fault> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let door = Door::open(any).await.expect("a free port");
    let address = door.address();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(door.serve(router, shutdown.clone()));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let challenge = Arc::new(judge().challenge(&mut rng));
    let bob = seat(1, pair("//Bob").account());
    let probe = Probe::new(
        (1, challenge),
        bob,
        NetUid(1),
        &pair("//Alice"),
        NOW_MS,
        &mut rng,
    );
    let http = Http::new().expect("a client");
    let reply = http
        .ask(Post {
            address,
            route: probe.challenge.route,
            task: kind().id(),
            limits: kind().limits(),
            envelope: probe.envelope,
            body: probe.challenge.body.clone(),
        })
        .await;
    drop(http);
    shutdown.cancel();
    serving.await.expect("served");
    reply
}

fn answering(response: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Router {
    Router::new().route("/v1/work", post(async move || response()))
}

/// A body of so many bytes, one piece after the other, with a pause between.
fn dripping(pieces: usize, piece: &'static [u8], pause: Duration) -> Response {
    let stream = futures::stream::iter(0..pieces).then(move |_| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(Bytes::from_static(piece))
    });
    Body::from_stream(stream).into_response()
}

#[tokio::test]
async fn a_miner_is_sent_the_envelope_and_the_task() {
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let keep = seen.clone();
    let router = Router::new().route(
        "/v1/work",
        post(async move |headers: HeaderMap| {
            *keep.lock().expect("nobody panicked") = headers;
            "{\"root\":1}"
        }),
    );
    let reply = asked(router).await.expect("an answer");
    let expected = Answered::Once {
        body: Bytes::from_static(b"{\"root\":1}"),
        receipt: None,
    };
    assert_eq!(reply.answered, expected);
    let seen = seen.lock().expect("nobody panicked");
    assert!(
        HEADERS.iter().all(|name| seen.contains_key(*name)),
        "{seen:?}"
    );
    assert_eq!(seen[TASK_HEADER], "roots/1");
    assert_eq!(seen["content-type"], "application/json");
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_tasks_bound() {
    let endless = || dripping(usize::MAX, &[b' '; 64], Duration::ZERO);
    let fault = asked(answering(endless)).await.expect_err("too much");
    assert!(
        fault.to_string().contains("larger than 256 bytes"),
        "{fault}"
    );
}

#[tokio::test]
async fn an_answer_that_drips_is_not_waited_for() {
    let drip = || dripping(200, b" ", Duration::from_millis(20));
    let began = Instant::now();
    let fault = asked(answering(drip)).await.expect_err("too slow");
    assert!(matches!(fault, Fault::TooSlow(_)), "{fault}");
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_miner_of_another_task_says_so() {
    let refusal = || {
        let words = "this miner serves tour/1";
        let body = Refusal::new(Code::UnknownTask, words).to_json();
        (axum::http::StatusCode::NOT_FOUND, body).into_response()
    };
    let fault = asked(answering(refusal)).await.expect_err("refused");
    let expected = Fault::Refused("task_not_found: this miner serves tour/1".into());
    assert_eq!(fault, expected);
    assert!(!fault.is_dishonest());
}

#[tokio::test]
async fn an_oversized_receipt_is_none() {
    let router = answering(|| {
        let receipt = "x".repeat(protocol::RECEIPT_BYTES_MAX + 1);
        ([(protocol::RECEIPT_HEADER, receipt)], "{\"root\":1}").into_response()
    });
    let fault = asked(router).await.expect_err("no receipt");
    assert!(matches!(fault, Fault::FalseReceipt(_)), "{fault}");
}
