//! What every request passes on its way to a handler: a name, the key, the rate, and a body that is all there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, FORWARDED, ORIGIN, VIA};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use rand::RngExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout_at;
use tower_http::cors::{Any, CorsLayer};

use crate::error::ApiError;
use crate::folds;
use crate::images;
use crate::jobs::api::JOB;
use crate::limits::{Allowance, Gates};
use crate::service::{Gateway, MINER, NETUID, REQUEST_HASH, TRIES, UID, ascii};
use crate::work::RECEIPT;

/// For a request's body to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// A body that is too large is read to its end up to so many times the limit, so that the refusal reaches a client that writes
/// before it reads.
const DRAIN_FACTOR: usize = 16;

/// What may stand around a job's request: the task, a title.
const AROUND_BYTES: usize = 4 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");

/// Web pages may call the gateway; keys travel in a header, never in a cookie.
pub(crate) fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
        .expose_headers([
            REQUEST_ID,
            PROCESSING_MS,
            MINER,
            UID,
            NETUID,
            REQUEST_HASH,
            TRIES,
            RECEIPT,
            JOB,
        ])
}

/// Gives the request a name, and says at the end how it went and how long it took.
pub(crate) async fn observe(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    let arrived = Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| route_label(path.as_str()));
    let given = request
        .headers()
        .get(REQUEST_ID)
        .filter(|name| is_sane(name))
        .cloned();
    let id = given.unwrap_or_else(|| ascii(format!("req_{:032x}", rand::rng().random::<u128>())));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let took_ms = arrived.elapsed().as_millis() as u64;
    let status = response.status().as_u16();
    gateway.metrics.request(route.unwrap_or("other"), status);
    tracing::info!(request = ?id, %method, path, status, took_ms, "answered");
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(PROCESSING_MS, HeaderValue::from(took_ms));
    response
}

/// Labels come from this list, not from what callers type.
fn route_label(path: &str) -> &'static str {
    const KNOWN: [&str; 19] = [
        "/v1/models",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/tasks",
        "/v1/tasks/{name}",
        "/v1/images/classifications",
        "/v1/jobs",
        "/v1/jobs/{id}",
        "/v1/jobs/{id}/cancel",
        "/v1/jobs/{id}/events",
        "/v1/jobs/{id}/result",
        "/v1/folds",
        "/v1/folds/{id}",
        "/v1/folds/{id}/cancel",
        "/v1/folds/{id}/events",
        "/v1/folds/{id}/{file}",
        "/health",
        "/metrics",
        "/openapi.json",
    ];
    let known = KNOWN.iter().find(|known| **known == path);
    known.copied().unwrap_or("/v1/models/{id}")
}

fn is_sane(name: &HeaderValue) -> bool {
    let bytes = name.as_bytes();
    (1..=128).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// Asks for the key, counts its rate, and notes who asks.
pub(crate) async fn gate(
    State(gateway): State<Gateway>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    let authorization = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let charged = gateway.gates.authenticate(authorization).and_then(|key| {
        let customer = gateway
            .gates
            .customer(key, peer, is_relayed(request.headers()));
        Ok((
            customer,
            gateway.gates.charge(customer.owner, Instant::now())?,
        ))
    });
    match charged {
        Ok((customer, allowance)) => {
            request.extensions_mut().insert(customer);
            with_allowance(next.run(request).await, allowance)
        }
        Err(error) => error.into_response(),
    }
}

/// Whether somebody else than the sender wants this: a proxy's customer, or the page that a browser shows.
fn is_relayed(headers: &HeaderMap) -> bool {
    const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
    let signs = [FORWARDED, FORWARDED_FOR, REAL_IP, VIA, ORIGIN];
    signs.iter().any(|name| headers.contains_key(name))
}

fn with_allowance(mut response: Response, allowance: Option<Allowance>) -> Response {
    if let Some(Allowance {
        limit,
        remaining,
        reset,
    }) = allowance
    {
        let headers = response.headers_mut();
        let name = HeaderName::from_static;
        headers.insert(name("x-ratelimit-limit-requests"), HeaderValue::from(limit));
        headers.insert(
            name("x-ratelimit-remaining-requests"),
            HeaderValue::from(remaining),
        );
        let reset = ascii(format!("{}ms", reset.as_millis()));
        headers.insert(name("x-ratelimit-reset-requests"), reset);
    }
    response
}

/// Reads the body, bounded in size and time, so that handlers get all of it or are not called.
pub(crate) async fn bound(
    State(gateway): State<Gateway>,
    request: Request,
    next: Next,
) -> Response {
    let limit = Limit::at(request.uri().path(), &gateway);
    let (parts, body) = request.into_parts();
    let announced = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let announced: usize = announced
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    if announced > limit.drained() {
        return limit.exceeded().into_response();
    }
    match read(body, limit, &gateway.gates).await {
        Ok((bytes, _held)) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(error) => error.into_response(),
    }
}

/// The largest body read at an address: every at-once task has a limit of its own.
#[derive(Clone, Copy)]
struct Limit {
    bytes: usize,
    is_picture: bool,
}

impl Limit {
    fn at(path: &str, gateway: &Gateway) -> Self {
        let is_picture = path == "/v1/images/classifications";
        let work = path.strip_prefix("/v1/tasks/");
        let kind = work.and_then(|name| gateway.subnets.kind(name));
        let bytes = match kind {
            _ if is_picture => images::body_bytes_max(),
            _ if path == "/v1/jobs" => gateway.subnets.job_bytes_max() + AROUND_BYTES,
            _ if path == "/v1/folds" => match gateway.subnets.kind(folds::TASK) {
                Some(kind) => kind.limits().request_bytes + AROUND_BYTES,
                None => AROUND_BYTES,
            },
            Some(kind) => kind.limits().request_bytes,
            None => gateway.body_bytes_max,
        };
        Self { bytes, is_picture }
    }

    /// What is read of a body that is too large, so that its sender hears why.
    fn drained(self) -> usize {
        self.bytes.saturating_mul(DRAIN_FACTOR)
    }

    fn exceeded(self) -> ApiError {
        match self.is_picture {
            true => {
                ApiError::image_too_large(format!("the body is larger than {} bytes", self.bytes))
            }
            false => ApiError::too_large(self.bytes),
        }
    }
}

/// The body, and the memory set aside for it as it came.
async fn read(
    body: Body,
    limit: Limit,
    gates: &Gates,
) -> Result<(Bytes, OwnedSemaphorePermit), ApiError> {
    let mut held = gates.hold(0)?;
    let deadline = tokio::time::Instant::now() + BODY_PATIENCE;
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut length = 0usize;
    loop {
        let chunk = timeout_at(deadline, chunks.next())
            .await
            .map_err(|_| ApiError::slow_body())?;
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(ApiError::bad_json)?;
        length = length.saturating_add(chunk.len());
        if length <= limit.bytes {
            held.merge(gates.hold(chunk.len())?);
            bytes.extend_from_slice(&chunk);
        } else if length > limit.drained() {
            break;
        }
    }
    if length > limit.bytes {
        Err(limit.exceeded())
    } else {
        Ok((Bytes::from(bytes), held))
    }
}
