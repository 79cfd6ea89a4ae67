//! The HTTP surface: checks in the protocol's order, then a stream or an answer at once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use inference::Engine;
use keys::Pair;
use primitives::{Hotkey, NetUid};
use protocol::{
    Ask, Code, Digest, Envelope, Nonces, RECEIPT_HEADER, Refusal, Route, TASK_HEADER, WorkReceipt,
};
use tasks::Service;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::admission::{Admission, RETRY_AFTER_S};
use crate::answering::{self, Answering, milliseconds};
use crate::jobs;
use crate::metrics::Metrics;
use crate::registrar::Permits;
use crate::trade::Trade;
use crate::workshop::{Done, Workshop};
use crate::yard::Yard;

/// A body that takes longer than this to arrive is not waited for.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// All bodies that are being received together, in KiB: who sends them is known only when they are there.
const BODIES_KIB_MAX: usize = 256 * 1024;

/// Tells the time in Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Everything a request meets.
pub struct Miner {
    pub(crate) pair: Pair,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) trade: Trade,
    means: Means,
    netuid: NetUid,
    permits: Permits,
    nonces: Mutex<Nonces>,
    bodies: Semaphore,
    admission: Admission,
}

/// What answers.
enum Means {
    /// Token by token.
    Engine(Arc<dyn Engine>),
    /// At once.
    Workshop(Workshop),
    /// In minutes.
    Yard(Yard),
}

impl Miner {
    /// A miner of a trade, with at most `answers_max` answers at once.
    pub fn new(
        pair: Pair,
        netuid: NetUid,
        trade: Trade,
        permits: Permits,
        answers_max: usize,
        clock: Clock,
    ) -> Self {
        let metrics = Arc::new(Metrics::new(&trade.task, &trade.service));
        let means = match &trade.service {
            Service::Stream(engine) => Means::Engine(engine.clone()),
            Service::Once(worker) => Means::Workshop(Workshop::new(worker.clone(), trade.limits)),
            Service::Job(worker) => {
                let (worker, metrics, clock) = (worker.clone(), metrics.clone(), clock.clone());
                let yard = Yard::new(worker, metrics, trade.limits, answers_max, clock);
                Means::Yard(yard)
            }
        };
        Self {
            pair,
            metrics,
            clock,
            trade,
            means,
            netuid,
            permits,
            nonces: Mutex::default(),
            bodies: Semaphore::new(BODIES_KIB_MAX),
            admission: Admission::new(answers_max),
        }
    }

    pub(crate) fn hotkey(&self) -> Hotkey {
        self.pair.account()
    }

    /// Takes no more jobs and gives up those there are, so that nobody waits for a miner that stops. What is answered at once or
    /// streams is let finish by the door.
    pub fn close(&self) {
        if let Means::Yard(yard) = &self.means {
            yard.close();
        }
    }

    /// The receipt of an answer, given how long its request waited and took.
    pub(crate) fn receipt(
        &self,
        request_hash: Digest,
        answer: &[u8],
        (queue, total): (Duration, Duration),
    ) -> String {
        let receipt = WorkReceipt {
            request_hash,
            answer_hash: Digest::of(answer),
            miner: self.hotkey(),
            task: self.trade.task.clone(),
            queue_ms: milliseconds(queue),
            total_ms: milliseconds(total),
        };
        receipt.sign(&self.pair).to_header()
    }

    /// How many requests are worked on.
    fn answering(&self) -> usize {
        match &self.means {
            Means::Yard(yard) => yard.census().working,
            Means::Engine(_) | Means::Workshop(_) => self.admission.taken(),
        }
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

    /// Memory for a body: as much as it says it takes, or as much as one may.
    fn hold(&self, headers: &HeaderMap, limit: usize) -> Result<SemaphorePermit<'_>, Refusal> {
        let told = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let bytes = told.map_or(limit, |told| told.min(limit));
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        self.bodies.try_acquire_many(kib).map_err(|_| {
            let message = "this miner is receiving as much as it can hold; ask another, or later";
            Refusal::new(Code::Busy, message)
        })
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
        let model = self.trade.model();
        if ask.model == model {
            return Ok(());
        }
        let message = format!("this miner serves {model:?}, not {:?}", ask.model);
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
            .field("trade", &self.trade)
            .finish_non_exhaustive()
    }
}

/// The miner's routes. Those of other tasks are there too, and say which task this miner serves.
pub fn router(miner: Arc<Miner>) -> Router {
    let mut router = Router::new();
    for route in Route::ALL {
        let asked =
            move |State(miner): State<Arc<Miner>>, request: Request| answer(miner, route, request);
        router = router.route(route.path(), post(asked));
    }
    router
        .route("/v1/models", get(models))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(miner)
}

/// Every request ends here, answered or refused; refusals are counted once.
async fn answer(miner: Arc<Miner>, route: Route, request: Request) -> Response {
    let served = async {
        let letter = admit(&miner, route, request).await?;
        match &miner.means {
            Means::Engine(engine) => stream(&miner, engine, route, letter).await,
            Means::Workshop(workshop) => work(&miner, workshop, letter).await,
            Means::Yard(yard) => jobs::answer(&miner, yard, route, letter).await,
        }
    };
    served.await.unwrap_or_else(|refusal| {
        tracing::debug!(%refusal, "refused");
        miner.metrics.count(refusal.code.as_str());
        refused(&refusal)
    })
}

/// A request that passed every check that does not depend on what it asks.
pub(crate) struct Letter {
    pub(crate) arrival: Instant,
    pub(crate) signer: Hotkey,
    pub(crate) body: Bytes,
    pub(crate) request_hash: Digest,
}

async fn admit(miner: &Miner, route: Route, request: Request) -> Result<Letter, Refusal> {
    let arrival = Instant::now();
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let envelope = Envelope::from_headers(header)?;
    // Who is refused anyway need not send a body, and one that was slow may have outlived its envelope.
    miner.check_asker(&envelope)?;
    miner.trade.check(route, header(TASK_HEADER))?;
    let bytes_max = miner.trade.request_bytes_max(route);
    let _room = miner.hold(&head.headers, bytes_max)?;
    let body = read(body, bytes_max).await?;
    miner.check_asker(&envelope)?;
    let request_hash = miner.check_signature(&envelope, route, &body)?;
    Ok(Letter {
        arrival,
        signer: envelope.signer,
        body,
        request_hash,
    })
}

/// Answers in a stream of events that ends with the receipt.
async fn stream(
    miner: &Arc<Miner>,
    engine: &Arc<dyn Engine>,
    route: Route,
    letter: Letter,
) -> Result<Response, Refusal> {
    let ask = Ask::from_body(route, &letter.body)?;
    miner.check_model(&ask)?;
    let place = miner.admission.enter()?;
    let (request_hash, arrival) = (letter.request_hash, letter.arrival);
    let miner = miner.clone();
    let answering = Answering::begin(miner, &**engine, ask, request_hash, arrival, place).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let events = Body::from_stream(answering::events(answering));
    Ok((headers, events).into_response())
}

/// Answers at once, with the receipt in a header.
async fn work(miner: &Miner, workshop: &Workshop, letter: Letter) -> Result<Response, Refusal> {
    let place = miner.admission.enter()?;
    let waiting = Waiting(Some(&miner.metrics));
    let done = workshop.answer(letter.body, letter.arrival, place).await;
    waiting.end();
    let Done { answer, queue } = done?;
    let total = letter.arrival.elapsed();
    miner.metrics.answered(queue, total);
    tracing::debug!(request = %letter.request_hash, total_ms = total.as_millis(), "answered");
    let receipt = miner.receipt(letter.request_hash, &answer, (queue, total));
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
        (header::CACHE_CONTROL.as_str(), "no-store".to_owned()),
        (RECEIPT_HEADER, receipt),
    ];
    Ok((headers, answer).into_response())
}

/// Counts a request as abandoned if its asker leaves before the answer is there.
struct Waiting<'a>(Option<&'a Metrics>);

impl Waiting<'_> {
    fn end(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(metrics) = self.0 {
            metrics.count("abandoned");
        }
    }
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(BODY_PATIENCE, to_bytes(body, bytes_max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            let message = format!("the body broke off or is larger than {bytes_max} bytes");
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
    let mut model = serde_json::json!({
        "id": miner.trade.model(),
        "object": "model",
        "owned_by": miner.hotkey(),
        "task": miner.trade.task,
    });
    if let Means::Engine(engine) = &miner.means {
        model["context_length"] = engine.context_tokens().into();
    }
    axum::Json(serde_json::json!({"object": "list", "data": [model]})).into_response()
}

async fn health(State(miner): State<Arc<Miner>>) -> Response {
    let mut health = serde_json::json!({
        "status": "ok",
        "hotkey": miner.hotkey(),
        "netuid": miner.netuid,
        "task": miner.trade.task,
        "model": miner.trade.model(),
        "answering": miner.answering(),
        "permitted": miner.permits.count(),
    });
    if let Means::Yard(yard) = &miner.means {
        health["jobs"] = jobs::told(yard.census());
    }
    axum::Json(health).into_response()
}

async fn metrics(State(miner): State<Arc<Miner>>) -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )];
    if let Means::Yard(yard) = &miner.means {
        miner.metrics.count_jobs(yard.census());
    }
    (kind, miner.metrics.text(miner.answering())).into_response()
}
