//! What a gateway costs a request: its time through the gateway minus its time straight to the miner.
//!
//! One request at a time over loopback, against a miner that answers after a fixed delay in the real protocol. The gateway does
//! all it does in production: reads and checks the body, signs, routes, relays, checks the receipt's signature and hashes.
//! Both paths are measured alternately, so that a busy machine disturbs them alike. Prints percentiles in microseconds.
//!
//! `cargo bench -p gateway --bench added_latency -- [--requests COUNT] [--delay-ms MS]`

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use axum::serve::ListenerExt;
use futures::{StreamExt, stream};
use gateway::directory::{Listed, Miner, Model};
use gateway::jobs::Jobs;
use gateway::limits::Gates;
use gateway::market::{Market, Patience, Shared};
use gateway::metrics::Metrics;
use gateway::signer::Signer;
use gateway::subnets::{Subnet, Subnets};
use gateway::transport::Http;
use gateway::{Gateway, router};
use keys::Pair;
use primitives::{NetUid, Uid};
use protocol::{AnswerWriter, Ask, Digest, Envelope, Finish, Receipt, Route, Usage};
use serde_json::json;

const MODEL: &str = "bench";
/// Pieces of an answer.
const PIECES: u32 = 16;
/// Time between two pieces of an answer to be streamed.
const PACE: Duration = Duration::from_millis(1);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut requests, mut delay_ms) = (3000usize, 0u64);
    while let Some(name) = arguments.next() {
        let number = |value: Option<String>| value.and_then(|text| text.parse::<u64>().ok());
        match name.as_str() {
            "--requests" => requests = number(arguments.next()).expect("a count") as usize,
            "--delay-ms" => delay_ms = number(arguments.next()).expect("milliseconds"),
            // Cargo passes `--bench`.
            _ => {}
        }
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(requests, Duration::from_millis(delay_ms)));
}

async fn measure(requests: usize, delay: Duration) {
    let pair = Pair::from_uri("//Miner").expect("a development key");
    // The first transport chooses the TLS provider without which no client can be made, although nothing here is encrypted.
    drop(Http::new().expect("an HTTP client"));
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let signer = signer();
    println!(
        "{requests} requests, one at a time, miner's delay {} ms",
        delay.as_millis()
    );
    println!(
        "{:28} {:>10} {:>10} {:>10}",
        "microseconds", "p50", "p99", "mean"
    );
    for stream in [false, true] {
        let pace = if stream { PACE } else { Duration::ZERO };
        let miner = serve(miner(pair.clone(), delay, pace)).await;
        let gateway = serve(router(gateway(&pair, miner))).await;
        let mut direct = Times::default();
        let mut through = Times::default();
        for round in 0..requests + requests / 10 {
            let straight = ask_miner(&client, &signer, &pair, miner).await;
            let indirect = ask_gateway(&client, gateway, stream).await;
            // The first tenth warms connections and caches.
            if round >= requests / 10 {
                direct.push(straight);
                through.push(indirect);
            }
        }
        let kind = if stream { "streamed" } else { "whole" };
        report(
            &format!("{kind}: first byte"),
            &direct.first,
            &through.first,
        );
        report(&format!("{kind}: last byte"), &direct.last, &through.last);
    }
}

#[derive(Default)]
struct Times {
    first: Vec<f64>,
    last: Vec<f64>,
}

impl Times {
    fn push(&mut self, (first, last): (Duration, Duration)) {
        self.first.push(first.as_secs_f64() * 1e6);
        self.last.push(last.as_secs_f64() * 1e6);
    }
}

fn report(name: &str, direct: &[f64], through: &[f64]) {
    let (direct, through) = (summary(direct), summary(through));
    let line = |kind: &str, [p50, p99, mean]: [f64; 3]| {
        println!(
            "{:28} {p50:>10.0} {p99:>10.0} {mean:>10.0}",
            format!("{name}, {kind}")
        );
    };
    line("miner", direct);
    line("gateway", through);
    line("added", [0, 1, 2].map(|at| through[at] - direct[at]));
}

fn summary(times: &[f64]) -> [f64; 3] {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    [
        at(0.5),
        at(0.99),
        sorted.iter().sum::<f64>() / sorted.len() as f64,
    ]
}

async fn ask_gateway(
    client: &reqwest::Client,
    to: SocketAddr,
    stream: bool,
) -> (Duration, Duration) {
    let messages = json!([{"role": "user", "content": "What does a gateway cost?"}]);
    let body = json!({"model": MODEL, "messages": messages, "max_tokens": 64, "stream": stream});
    let began = Instant::now();
    let post = client
        .post(format!("http://{to}/v1/chat/completions"))
        .json(&body);
    finish(began, post).await
}

async fn ask_miner(
    client: &reqwest::Client,
    signer: &Signer,
    miner: &Pair,
    to: SocketAddr,
) -> (Duration, Duration) {
    let ask = ask();
    let signed = signer.sign(ask.route(), Bytes::from(ask.to_body()), miner.account());
    let began = Instant::now();
    let mut post = client
        .post(format!("http://{to}{}", signed.route.path()))
        .body(signed.body);
    for (name, value) in signed.headers {
        post = post.header(name, value);
    }
    finish(began, post).await
}

async fn finish(began: Instant, post: reqwest::RequestBuilder) -> (Duration, Duration) {
    let response = post.send().await.expect("an answer");
    assert!(response.status().is_success(), "{}", response.status());
    let mut chunks = response.bytes_stream();
    let mut first = None;
    while let Some(chunk) = chunks.next().await {
        chunk.expect("a chunk");
        first.get_or_insert_with(|| began.elapsed());
    }
    (first.expect("a first byte"), began.elapsed())
}

fn ask() -> Ask {
    let body = json!({
        "model": MODEL, "messages": [{"role": "user", "content": "What does a gateway cost?"}],
        "max_tokens": 64, "seed": 1, "stream": true,
    });
    Ask::from_body(Route::Chat, body.to_string().as_bytes()).expect("a question")
}

fn signer() -> Signer {
    let pair = Pair::from_uri("//Validator").expect("a development key");
    Signer::new(vec![pair], NetUid(1)).expect("a key")
}

fn gateway(pair: &Pair, address: SocketAddr) -> Gateway {
    let metrics = Arc::new(Metrics::default());
    let shared = Shared {
        transport: Arc::new(Http::new().expect("an HTTP client")),
        patience: Patience::default(),
        metrics: metrics.clone(),
    };
    let kind = tasks::find_by_name("text-generation").expect("a task of the list");
    let market = Market::new(kind, signer(), shared);
    let miner = Miner {
        uid: Uid(1),
        hotkey: pair.account(),
        address,
    };
    let models = vec![Model {
        id: MODEL.into(),
        context_length: Some(256),
        task: None,
    }];
    market.directory.replace(vec![Listed {
        miner,
        standing: Some(1.0),
        models,
    }]);
    let subnets = Subnets::new([Subnet::open(market)]);
    Gateway {
        jobs: Jobs::in_memory(subnets.clone(), metrics.clone()),
        subnets,
        gates: Arc::new(Gates::new(vec![], Some(60_000_000), 64)),
        metrics,
        body_bytes_max: protocol::BODY_BYTES_MAX,
        since: 0,
    }
}

/// A miner that answers the same after `delay`, a piece every `pace`, with a receipt that is really signed.
fn miner(pair: Pair, delay: Duration, pace: Duration) -> Router {
    let answer = move |headers: HeaderMap, body: Bytes| {
        let pair = pair.clone();
        async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let envelope = Envelope::from_headers(|name| headers.get(name)?.to_str().ok());
            let request_hash = envelope
                .expect("an envelope")
                .request_hash(Route::Chat, &body);
            let ask = Ask::from_body(Route::Chat, &body).expect("a question");
            let events =
                stream::iter(events(&pair, &ask, request_hash)).then(move |event| async move {
                    if !pace.is_zero() {
                        tokio::time::sleep(pace).await;
                    }
                    Ok::<_, Infallible>(event)
                });
            Response::new(Body::from_stream(events))
        }
    };
    Router::new().route("/v1/chat/completions", post(answer))
}

fn events(pair: &Pair, ask: &Ask, request_hash: Digest) -> impl Iterator<Item = Bytes> + use<> {
    let text = "word ".repeat(PIECES as usize);
    let receipt = Receipt {
        request_hash,
        answer_hash: Digest::of(text.as_bytes()),
        miner: pair.account(),
        model: ask.model.clone(),
        seed: ask.seed,
        finish: Finish::Stop,
        prompt_tokens: 8,
        completion_tokens: PIECES,
        token_ids: (0..PIECES).collect(),
        logprobs_e6: vec![],
        queue_ms: 0,
        first_token_ms: 0,
        total_ms: 0,
    };
    let signed = receipt.sign(pair);
    let writer = AnswerWriter::new(Route::Chat, "chatcmpl-1", 0, ask.model.clone());
    // The role says nothing to a reader, so it comes with the first text and both paths are timed to the same event.
    let first = [writer.start(), writer.delta("word ", None)].concat();
    let mut events = vec![Bytes::from(first)];
    events.extend((1..PIECES).map(|_| writer.delta("word ", None)));
    events.push(writer.finish(Finish::Stop));
    events.push(writer.usage(Usage::new(8, PIECES)));
    events.push(writer.receipt(&signed));
    events.push(writer.done());
    events.into_iter()
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let listener = listener.tap_io(|socket| socket.set_nodelay(true).expect("a socket option"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
