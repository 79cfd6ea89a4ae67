//! The HTTP surface: checks in the protocol's order, then a stream.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use inference::Engine;
use keys::Pair;
use primitives::{Hotkey, NetUid};
use protocol::{Ask, BODY_BYTES_MAX, Code, Digest, Envelope, Nonces, Refusal, Route};

use crate::admission::{Admission, RETRY_AFTER_S};
use crate::answering::{self, Answering};
use crate::metrics::Metrics;
use crate::registrar::Permits;

/// A body that takes longer than this to arrive is not waited for.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Tells the time in Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Everything a request meets.
pub struct Miner {
    pub(crate) pair: Pair,
    pub(crate) model: String,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    netuid: NetUid,
    permits: Permits,
    nonces: Mutex<Nonces>,
    admission: Admission,
}

impl Miner {
    /// A miner that serves `engine` under the name `model` with at most `answers_max` answers at once.
    pub fn new(
        pair: Pair,
        netuid: NetUid,
        model: String,
        engine: Arc<dyn Engine>,
        permits: Permits,
        answers_max: usize,
        clock: Clock,
    ) -> Self {
        Self {
            pair,
            model,
            engine,
            metrics: Metrics::default(),
            clock,
            netuid,
            permits,
            nonces: Mutex::default(),
            admission: Admission::new(answers_max),
        }
    }

    /// The name the model is served under.
    pub fn model(&self) -> &str {
        &self.model
    }

    fn hotkey(&self) -> Hotkey {
        self.pair.account()
    }

    /// Checks what needs no body: addressed here, in time, by someone who may ask.
    fn check_asker(&self, envelope: &Envelope) -> Result<(), Refusal> {
        envelope.check_terms(self.hotkey(), self.netuid, (self.clock)())?;
        let signer = &envelope.signer;
        if self.permits.allow(signer) {
            return Ok(());
        }
        let message = format!(
            "{signer} holds no validator permit on subnet {}",
            self.netuid
        );
        Err(Refusal::new(Code::NotPermitted, message))
    }

    /// Checks the signature over a body and uses the nonce up.
    fn check_signature(
        &self,
        envelope: &Envelope,
        route: Route,
        body: &[u8],
    ) -> Result<Digest, Refusal> {
        let request_hash = envelope.check_signature(route, body)?;
        let terms = &envelope.terms;
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.take(
            envelope.signer,
            terms.nonce,
            terms.expires_ms,
            (self.clock)(),
        )?;
        Ok(request_hash)
    }

    fn check_model(&self, ask: &Ask) -> Result<(), Refusal> {
        if ask.model == self.model {
            return Ok(());
        }
        let message = format!("this miner serves {:?}, not {:?}", self.model, ask.model);
        Err(Refusal {
            code: Code::UnknownModel,
            message,
            param: Some("model".into()),
        })
    }
}

impl fmt::Debug for Miner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Miner")
            .field("hotkey", &self.hotkey())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// The miner's routes.
pub fn router(miner: Arc<Miner>) -> Router {
    let chat =
        |State(miner): State<Arc<Miner>>, request: Request| answer(miner, Route::Chat, request);
    let completions = |State(miner): State<Arc<Miner>>, request: Request| {
        answer(miner, Route::Completions, request)
    };
    Router::new()
        .route(Route::Chat.path(), post(chat))
        .route(Route::Completions.path(), post(completions))
        .route("/v1/models", get(models))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(miner)
}

/// Every request ends here, answered or refused; refusals are counted once.
async fn answer(miner: Arc<Miner>, route: Route, request: Request) -> Response {
    match admit(&miner, route, request).await {
        Ok(answering) => {
            let events = Body::from_stream(answering::events(answering));
            let headers = [
                (header::CONTENT_TYPE, "text/event-stream"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, events).into_response()
        }
        Err(refusal) => {
            tracing::debug!(%refusal, "refused");
            miner.metrics.count(refusal.code.as_str());
            refused(&refusal)
        }
    }
}

async fn admit(miner: &Arc<Miner>, route: Route, request: Request) -> Result<Answering, Refusal> {
    let arrival = Instant::now();
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let envelope = Envelope::from_headers(header)?;
    // Who is refused anyway need not send a body, and one that was slow may have outlived its envelope.
    miner.check_asker(&envelope)?;
    let body = read(body).await?;
    miner.check_asker(&envelope)?;
    let request_hash = miner.check_signature(&envelope, route, &body)?;
    let ask = Ask::from_body(route, &body)?;
    miner.check_model(&ask)?;
    let place = miner.admission.enter()?;
    Answering::begin(miner.clone(), ask, request_hash, arrival, place).await
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(BODY_PATIENCE, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            let message = format!("the body broke off or is larger than {BODY_BYTES_MAX} bytes");
            Err(Refusal::new(Code::TooLarge, message))
        }
        Err(_) => {
            let message = format!(
                "the body did not arrive within {} s",
                BODY_PATIENCE.as_secs()
            );
            Err(Refusal::new(Code::BadRequest, message))
        }
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.code.status()).expect("codes have statuses of HTTP");
    let json = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (status, json, refusal.to_json()).into_response();
    if refusal.code == Code::Busy {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
    }
    response
}

async fn models(State(miner): State<Arc<Miner>>) -> Response {
    let model = serde_json::json!({
        "id": miner.model,
        "object": "model",
        "owned_by": miner.hotkey(),
        "context_length": miner.engine.context_tokens(),
    });
    axum::Json(serde_json::json!({"object": "list", "data": [model]})).into_response()
}

async fn health(State(miner): State<Arc<Miner>>) -> Response {
    let health = serde_json::json!({
        "status": "ok",
        "hotkey": miner.hotkey(),
        "netuid": miner.netuid,
        "model": miner.model,
        "answering": miner.admission.taken(),
        "permitted": miner.permits.count(),
    });
    axum::Json(health).into_response()
}

async fn metrics(State(miner): State<Arc<Miner>>) -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )];
    (kind, miner.metrics.text(miner.admission.taken())).into_response()
}
