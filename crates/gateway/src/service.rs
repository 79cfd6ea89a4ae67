//! The HTTP service: which address does what, and what every request passes through first.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use protocol::Route;
use rand::RngExt;
use serde_json::{Value, json};
use tower::ServiceBuilder;

use crate::answer::Heading;
use crate::directory::Miner;
use crate::error::ApiError;
use crate::front::{bound, cors, gate, observe};
use crate::limits::Gates;
use crate::openapi;
use crate::question::Question;
use crate::reading::Watched;
use crate::relay;
use crate::search::{Market, Search};

pub(crate) const MINER: HeaderName = HeaderName::from_static("x-stoa-miner");
pub(crate) const UID: HeaderName = HeaderName::from_static("x-stoa-uid");
pub(crate) const REQUEST_HASH: HeaderName = HeaderName::from_static("x-stoa-request");
pub(crate) const TRIES: HeaderName = HeaderName::from_static("x-stoa-tries");

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

/// All routes, and what a request passes on its way to them, from top to bottom. A place among the requests under way is taken
/// last, in the handlers, because the answer's stream holds it.
pub fn router(gateway: Gateway) -> Router {
    let every_request = ServiceBuilder::new()
        .layer(from_fn_with_state(gateway.clone(), observe))
        .layer(cors());
    let api_request = ServiceBuilder::new()
        .layer(from_fn_with_state(gateway.clone(), gate))
        .layer(from_fn_with_state(gateway.clone(), bound))
        .layer(DefaultBodyLimit::disable());
    let api = Router::new()
        .route("/v1/models", get(list_models))
        .route("/v1/models/{*id}", get(one_model))
        .route("/v1/chat/completions", post(chat_completions))
        .route("/v1/completions", post(completions))
        .layer(api_request);
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi_document))
        .merge(api)
        .fallback(|method: Method, uri: Uri| async move {
            ApiError::unknown_url(method.as_str(), uri.path())
        })
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move {
            ApiError::wrong_method(method.as_str(), uri.path())
        })
        .layer(every_request)
        .with_state(gateway)
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
        ask,
        stream,
        include_usage,
    } = Question::read(route, body, &mut rand::rng())?;
    known_model(market, &ask.model)?;
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
        let response = (
            headers,
            Body::from_stream(Watched::new(frames, market.patience.between)),
        )
            .into_response();
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

/// An error if no miner that may be asked offers the model. What miners say of its context is not used: whoever claimed a
/// small one would cut everybody's answers short, and a limit that follows it would tell customers from probes.
fn known_model(market: &Market, model: &str) -> Result<(), ApiError> {
    let offers = market.directory.offers();
    if offers.is_empty() {
        return Err(ApiError::no_miner(model));
    }
    if !offers.iter().any(|offer| offer.id == model) {
        return Err(ApiError::model_not_found(model));
    }
    Ok(())
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
pub(crate) fn ascii(text: String) -> HeaderValue {
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
