//! The HTTP service: which address does what, and what every request passes through first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, MatchedPath, Path, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use protocol::Route;
use rand::RngExt;
use serde_json::{Value, json};
use tokio::time::timeout_at;
use tower_http::cors::{Any, CorsLayer};

use crate::answer::Heading;
use crate::directory::Miner;
use crate::error::ApiError;
use crate::limits::{Allowance, Gates};
use crate::openapi;
use crate::question::Question;
use crate::relay;
use crate::search::{Market, Search};

/// For a request's body to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// A body that is too large is read to its end up to so many times the limit, so that the refusal reaches a client that writes
/// before it reads.
const DRAIN_FACTOR: usize = 16;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
const MINER: HeaderName = HeaderName::from_static("x-stoa-miner");
const UID: HeaderName = HeaderName::from_static("x-stoa-uid");
const REQUEST_HASH: HeaderName = HeaderName::from_static("x-stoa-request");
const TRIES: HeaderName = HeaderName::from_static("x-stoa-tries");

/// What all requests share.
#[derive(Clone)]
pub struct Gateway {
    /// Routing.
    pub market: Arc<Market>,
    /// Admission.
    pub gates: Arc<Gates>,
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Unix seconds at which the gateway began, told as the models' date.
    pub since: u64,
}

/// All routes, and in front of them, read from the bottom up, what each request passes: first [`observe`] names it and counts
/// it, then CORS answers preflights, then [`gate`] asks for the key and counts its rate, then [`bound`] reads the body.
/// A place under way is taken last, in the handlers, because the answer's stream holds it.
pub fn router(gateway: Gateway) -> Router {
    let api = Router::new()
        .route("/v1/models", get(list_models))
        .route("/v1/models/{*id}", get(one_model))
        .route("/v1/chat/completions", post(chat_completions))
        .route("/v1/completions", post(completions))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(gateway.clone(), bound))
        .layer(from_fn_with_state(gateway.clone(), gate));
    let open = Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi_document));
    api.merge(open)
        .fallback(|method: Method, uri: Uri| async move {
            ApiError::unknown_url(method.as_str(), uri.path())
        })
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            ApiError::wrong_method(method.as_str(), uri.path())
        })
        .layer(cors())
        .layer(from_fn_with_state(gateway.clone(), observe))
        .with_state(gateway)
}

/// Web pages may call the gateway; keys travel in a header, never in a cookie.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
        .expose_headers([REQUEST_ID, PROCESSING_MS, MINER, UID, REQUEST_HASH, TRIES])
}

/// Gives the request a name, and says at the end how it went and how long it took.
async fn observe(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
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
    gateway
        .market
        .metrics
        .request(route.unwrap_or("other"), status);
    tracing::info!(request = ?id, %method, path, status, took_ms, "answered");
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(PROCESSING_MS, HeaderValue::from(took_ms));
    response
}

/// Labels come from this list, not from what callers type.
fn route_label(path: &str) -> &'static str {
    const KNOWN: [&str; 6] = [
        "/v1/models",
        "/v1/chat/completions",
        "/v1/completions",
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

/// Asks for the key and counts its rate.
async fn gate(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let authorization = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let charged = gateway
        .gates
        .authenticate(authorization)
        .and_then(|key| gateway.gates.charge(key, Instant::now()));
    match charged {
        Ok(allowance) => with_allowance(next.run(request).await, allowance),
        Err(error) => error.into_response(),
    }
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
async fn bound(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let limit = gateway.body_bytes_max;
    let (parts, body) = request.into_parts();
    let announced = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    let announced: usize = announced
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    if announced > limit.saturating_mul(DRAIN_FACTOR) {
        return ApiError::too_large(limit).into_response();
    }
    match read(body, limit).await {
        Ok(bytes) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(error) => error.into_response(),
    }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, ApiError> {
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
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else if length > limit.saturating_mul(DRAIN_FACTOR) {
            break;
        }
    }
    if length > limit {
        Err(ApiError::too_large(limit))
    } else {
        Ok(Bytes::from(bytes))
    }
}

/// Answers a conversation.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "answers",
    request_body = openapi::ChatRequest,
    responses(
        (status = 200, description = "The answer; with `stream`, server-sent events of chunks", body = openapi::ChatCompletion),
        (status = "4XX", description = "The request is at fault", body = crate::error::ErrorEnvelope),
        (status = "5XX", description = "No miner could answer", body = crate::error::ErrorEnvelope),
    ))]
pub async fn chat_completions(
    State(gateway): State<Gateway>,
    body: Bytes,
) -> Result<Response, ApiError> {
    answer(&gateway, Route::Chat, &body).await
}

/// Continues a text.
#[utoipa::path(post, path = "/v1/completions", tag = "answers",
    request_body = openapi::CompletionRequest,
    responses(
        (status = 200, description = "The answer; with `stream`, server-sent events of chunks", body = openapi::Completion),
        (status = "4XX", description = "The request is at fault", body = crate::error::ErrorEnvelope),
        (status = "5XX", description = "No miner could answer", body = crate::error::ErrorEnvelope),
    ))]
pub async fn completions(
    State(gateway): State<Gateway>,
    body: Bytes,
) -> Result<Response, ApiError> {
    answer(&gateway, Route::Completions, &body).await
}

async fn answer(gateway: &Gateway, route: Route, body: &[u8]) -> Result<Response, ApiError> {
    let arrived = Instant::now();
    let place = gateway.gates.admit()?;
    let market = &gateway.market;
    let Question {
        mut ask,
        stream,
        include_usage,
    } = Question::read(route, body, &mut rand::rng())?;
    let context = known_model(market, &ask.model)?;
    ask.max_tokens = ask.max_tokens.min(context.unwrap_or(u32::MAX).max(1));
    let heading = Heading {
        id: answer_id(route),
        created: crate::signer::unix_ms() / 1000,
        model: ask.model.clone(),
        route,
        include_usage,
    };
    let mut search = Search::new(market, &ask);
    if stream {
        let begun = search.next().await?;
        let (miner, request) = (begun.miner, begun.request_hash);
        let tries = search.tries();
        let frames = relay::frames(market.clone(), ask.clone(), heading, begun, arrived, place);
        let headers = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/event-stream; charset=utf-8"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        let response = (headers, Body::from_stream(frames)).into_response();
        return Ok(with_provenance(response, miner, request, tries));
    }
    let served = relay::whole(market, &ask, &mut search, arrived).await?;
    let tries = search.tries();
    let (miner, request) = (served.miner, served.provenance.receipt.receipt.request_hash);
    let body = heading.whole(&served.answer, served.finish, &served.provenance);
    Ok(with_provenance(
        Json(body).into_response(),
        miner,
        request,
        tries,
    ))
}

/// The model's context length, if it is known, and an error if the model is not.
fn known_model(market: &Market, model: &str) -> Result<Option<u32>, ApiError> {
    let listed = market.directory.listed();
    if listed.iter().all(|listed| listed.models.is_empty()) {
        return Err(ApiError::no_miner(model));
    }
    if !listed.iter().any(|listed| listed.serves(model)) {
        return Err(ApiError::model_not_found(model));
    }
    let offers = market.directory.offers();
    Ok(offers
        .iter()
        .find(|offer| offer.id == model)
        .and_then(|offer| offer.context_length))
}

fn answer_id(route: Route) -> String {
    let prefix = match route {
        Route::Chat => "chatcmpl",
        Route::Completions => "cmpl",
    };
    format!("{prefix}-{:032x}", rand::rng().random::<u128>())
}

fn with_provenance(
    mut response: Response,
    miner: Miner,
    request: protocol::Digest,
    tries: usize,
) -> Response {
    let headers = response.headers_mut();
    headers.insert(MINER, ascii(miner.hotkey.to_string()));
    headers.insert(UID, HeaderValue::from(miner.uid.0));
    headers.insert(REQUEST_HASH, ascii(request.to_string()));
    headers.insert(TRIES, HeaderValue::from(tries));
    response
}

/// Numbers, hexadecimal digits and base 58 are valid in every header.
fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
}

/// Lists the models that can be asked for.
#[utoipa::path(get, path = "/v1/models", tag = "models",
    responses((status = 200, description = "The models", body = openapi::ModelList)))]
pub async fn list_models(State(gateway): State<Gateway>) -> Json<Value> {
    let offers = gateway.market.directory.offers();
    let data: Vec<Value> = offers
        .iter()
        .map(|offer| described(&gateway, offer))
        .collect();
    Json(json!({"object": "list", "data": data}))
}

/// Describes one model.
#[utoipa::path(get, path = "/v1/models/{id}", tag = "models",
    params(("id" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "The model", body = openapi::Model),
        (status = 404, description = "No such model", body = crate::error::ErrorEnvelope),
    ))]
pub async fn one_model(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let offers = gateway.market.directory.offers();
    let offer = offers.iter().find(|offer| offer.id == id);
    let offer = offer.ok_or_else(|| ApiError::model_not_found(&id))?;
    Ok(Json(described(&gateway, offer)))
}

fn described(gateway: &Gateway, offer: &crate::directory::Offer) -> Value {
    json!({
        "id": offer.id,
        "object": "model",
        "created": gateway.since,
        "owned_by": "stoa",
        "context_length": offer.context_length,
        "miners": offer.miners,
    })
}

/// Whether any model can be asked for just now.
#[utoipa::path(get, path = "/health", tag = "operation",
    responses((status = 200, description = "Ready"), (status = 503, description = "No miner known")))]
pub async fn health(State(gateway): State<Gateway>) -> (StatusCode, Json<Value>) {
    let offers = gateway.market.directory.offers();
    let miners: usize = gateway.market.directory.listed().len();
    let (status, word) = match offers.is_empty() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "waiting for miners"),
        false => (StatusCode::OK, "ok"),
    };
    (
        status,
        Json(json!({"status": word, "models": offers.len(), "miners": miners})),
    )
}

/// The gateway's counters for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "OpenMetrics text", body = String)))]
pub async fn metrics(State(gateway): State<Gateway>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], gateway.market.metrics.text())
}

/// This API, described for programs.
async fn openapi_document() -> Response {
    Json(openapi::document()).into_response()
}
