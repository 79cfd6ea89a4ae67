//! The HTTP service: which address does what, and what every request passes through first.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use primitives::NetUid;
use protocol::{Digest, Route};
use rand::RngExt;
use tower::ServiceBuilder;

use crate::answer::Heading;
use crate::catalogue;
use crate::directory::Miner;
use crate::error::ApiError;
use crate::folds;
use crate::front::{bound, cors, gate, observe};
use crate::images;
use crate::jobs::{Jobs, api};
use crate::limits::Gates;
use crate::market::Market;
use crate::metrics::Metrics;
use crate::openapi;
use crate::question::Question;
use crate::reading::Watched;
use crate::relay;
use crate::search::Search;
use crate::subnets::Subnets;
use crate::text::Text;
use crate::work;

pub(crate) const MINER: HeaderName = HeaderName::from_static("x-stoa-miner");
pub(crate) const UID: HeaderName = HeaderName::from_static("x-stoa-uid");
pub(crate) const NETUID: HeaderName = HeaderName::from_static("x-stoa-netuid");
pub(crate) const REQUEST_HASH: HeaderName = HeaderName::from_static("x-stoa-request");
pub(crate) const TRIES: HeaderName = HeaderName::from_static("x-stoa-tries");

/// What all requests share.
#[derive(Clone)]
pub struct Gateway {
    /// Routing.
    pub subnets: Subnets,
    /// Work that takes minutes.
    pub jobs: Jobs,
    /// Admission.
    pub gates: Arc<Gates>,
    /// What happened.
    pub metrics: Arc<Metrics>,
    /// Largest request body about text, in bytes; every other task has a limit of its own.
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
        .route("/v1/models", get(catalogue::list_models))
        .route("/v1/models/{*id}", get(catalogue::one_model))
        .route("/v1/chat/completions", post(chat_completions))
        .route("/v1/completions", post(completions))
        .route("/v1/tasks", get(catalogue::list_tasks))
        .route(
            "/v1/tasks/{name}",
            get(catalogue::one_task).post(work::tasks),
        )
        .route("/v1/images/classifications", post(images::classify))
        .merge(jobs_and_folds())
        .layer(api_request);
    Router::new()
        .route("/health", get(catalogue::health))
        .route("/metrics", get(catalogue::metrics))
        .route("/openapi.json", get(openapi::serve))
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

/// Work that takes minutes, whatever it is and in the shape of proteins.
fn jobs_and_folds() -> Router<Gateway> {
    Router::new()
        .route("/v1/jobs", get(api::list).post(api::create))
        .route("/v1/jobs/{id}", get(api::one).delete(api::delete))
        .route("/v1/jobs/{id}/cancel", post(api::cancel))
        .route("/v1/jobs/{id}/events", get(api::events))
        .route("/v1/jobs/{id}/result", get(api::result))
        .route("/v1/folds", get(folds::list).post(folds::create))
        .route("/v1/folds/{id}", get(folds::one).delete(folds::delete))
        .route("/v1/folds/{id}/cancel", post(folds::cancel))
        .route("/v1/folds/{id}/events", get(folds::events))
        .route("/v1/folds/{id}/{file}", get(folds::file))
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
    let Question {
        ask,
        stream,
        include_usage,
    } = Question::read(route, body, &mut rand::rng())?;
    let markets = markets_of(gateway, &ask.model)?;
    let heading = Heading {
        id: answer_id(route),
        created: daemon::unix_ms() / 1000,
        model: ask.model.clone(),
        route,
        include_usage,
    };
    let text = Text::new(ask);
    let mut search = Search::new(markets, &text);
    if stream {
        let begun = search.next().await?;
        let market = begun.market.clone();
        let provided = Provided::of(&market, begun.miner, begun.request_hash, search.tries());
        let frames = relay::frames(text, heading, begun, arrived, place);
        let headers = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/event-stream; charset=utf-8"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        let body = Body::from_stream(Watched::new(frames, market.patience.between));
        return Ok(provided.on((headers, body).into_response()));
    }
    let served = relay::whole(&text, &mut search, arrived).await?;
    let request = served.provenance.receipt.receipt.request_hash;
    let provided = Provided::of(&served.market, served.miner, request, search.tries());
    let body = heading.whole(&served.answer, served.finish, &served.provenance);
    Ok(provided.on(Json(body).into_response()))
}

/// The markets of text on which miners in good standing offer the model. What miners say of its context is not used: whoever
/// claimed a small one would cut everybody's answers short, and a limit that follows it would tell customers from probes.
fn markets_of(gateway: &Gateway, model: &str) -> Result<Vec<Arc<Market>>, ApiError> {
    let all = gateway.subnets.of_text();
    let offers = |market: &Arc<Market>| market.directory.offers();
    if all.iter().all(|market| offers(market).is_empty()) {
        return Err(ApiError::no_miner(model));
    }
    let serves = |market: &Arc<Market>| offers(market).iter().any(|offer| offer.id == model);
    let markets: Vec<_> = all.into_iter().filter(serves).collect();
    if markets.is_empty() {
        return Err(ApiError::model_not_found(model));
    }
    Ok(markets)
}

fn answer_id(route: Route) -> String {
    let prefix = match route {
        Route::Chat => "chatcmpl",
        _ => "cmpl",
    };
    format!("{prefix}-{:032x}", rand::rng().random::<u128>())
}

/// Who gave an answer, for its headers.
pub(crate) struct Provided {
    pub(crate) miner: Miner,
    pub(crate) netuid: NetUid,
    pub(crate) request: Digest,
    pub(crate) tries: usize,
    /// Where the answer has no place for it.
    pub(crate) receipt: Option<HeaderValue>,
}

impl Provided {
    fn of(market: &Market, miner: Miner, request: Digest, tries: usize) -> Self {
        Self {
            miner,
            netuid: market.netuid,
            request,
            tries,
            receipt: None,
        }
    }

    /// The response with these headers.
    pub(crate) fn on(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(MINER, ascii(self.miner.hotkey.to_string()));
        headers.insert(UID, HeaderValue::from(self.miner.uid.0));
        headers.insert(NETUID, HeaderValue::from(self.netuid.0));
        headers.insert(REQUEST_HASH, ascii(self.request.to_string()));
        headers.insert(TRIES, HeaderValue::from(self.tries));
        if let Some(receipt) = self.receipt {
            headers.insert(work::RECEIPT, receipt);
        }
        response
    }
}

/// Numbers, hexadecimal digits, base 58 and plain JSON are valid in every header.
pub(crate) fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unprintable"))
}
