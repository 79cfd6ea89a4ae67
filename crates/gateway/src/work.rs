//! Work that is done at once, as an errand for miners: it has begun when the whole answer is there and holds.
//!
//! # What is checked
//!
//! The answer has the task's form ([`Kind::check_answer`]), and the receipt in its header is signed by the miner asked and names
//! this task, this request and exactly this body. A miner that gives anything else is set aside, and another one is asked
//! while the customer waits. What the answer is worth only a validator can tell.
//!
//! The customer gets the body byte for byte, so that the receipt beside it proves who gave it.

use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use primitives::{NetUid, TaskId};
use protocol::{Code, Refusal, Route, SignedWorkReceipt};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tasks::{Complaint, Delivery, Kind};
use tokio::task::spawn_blocking;

use crate::directory::{Listed, Miner};
use crate::error::ApiError;
use crate::market::Market;
use crate::search::{Begun, Errand, Search};
use crate::service::{Gateway, Provided, ascii};
use crate::signer::Signed;
use crate::transport::{MinerError, Transport, Worked};

pub(crate) const RECEIPT: HeaderName = HeaderName::from_static("x-stoa-receipt");

/// One request of an at-once task.
pub struct Work {
    kind: &'static dyn Kind,
    task: TaskId,
    /// Only miners that list this model, if one is named.
    model: Option<String>,
    body: Bytes,
}

/// A whole answer that holds.
pub struct Done {
    /// The task's answer, exactly as the miner sent it.
    pub body: Bytes,
    /// The miner's word for it.
    pub receipt: SignedWorkReceipt,
}

impl Work {
    /// A request in its canonical form.
    pub fn new(kind: &'static dyn Kind, model: Option<String>, body: Bytes) -> Self {
        let task = kind.id();
        Self {
            kind,
            task,
            model,
            body,
        }
    }
}

impl Errand for Work {
    type Came = Done;

    fn route(&self) -> Route {
        Route::Work
    }

    fn body(&self) -> Bytes {
        self.body.clone()
    }

    fn suits(&self, listed: &Listed) -> bool {
        match &self.model {
            Some(model) => listed.serves(model),
            None => !listed.models.is_empty(),
        }
    }

    fn wanted(&self) -> &str {
        self.task.name()
    }

    fn patience(&self, market: &Market) -> Duration {
        self.kind.limits().patience.min(market.patience.whole)
    }

    fn put(
        &self,
        transport: &dyn Transport,
        miner: Miner,
        signed: Signed,
    ) -> BoxFuture<'static, Result<Done, MinerError>> {
        let (kind, request_hash) = (self.kind, signed.request_hash);
        let task = self.task.clone();
        let working = transport.work(miner, signed, &task, kind.limits().answer_bytes);
        async move {
            let Worked { body, receipt } = working.await?;
            receipt
                .check(miner.hotkey, &task, request_hash, &body)
                .map_err(|error| MinerError::Receipt(error.to_string()))?;
            kind.check_answer(&body).map_err(MinerError::formless)?;
            Ok(Done { body, receipt })
        }
        .boxed()
    }

    fn fault(&self, refusal: &Refusal) -> ApiError {
        match (refusal.code, refusal.param.as_deref()) {
            (Code::TooLarge, _) => ApiError::too_large(self.kind.limits().request_bytes),
            (_, Some(param)) => ApiError::invalid(param, format!("`{param}` {}", refusal.message)),
            (_, None) => ApiError::invalid_body(refusal.message.clone()),
        }
    }
}

/// What may stand in the address of a request for work.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Place {
    pub(crate) netuid: Option<NetUid>,
}

/// Answers a request of the task that the address names.
pub(crate) async fn tasks(
    State(gateway): State<Gateway>,
    Path(name): Path<String>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, ApiError> {
    let _place = gateway.gates.admit()?;
    let Query(Place { netuid }) = Query::try_from_uri(&uri)
        .map_err(|_| ApiError::invalid("netuid", "`netuid` must be a subnet's number"))?;
    let order = Order {
        task: &name,
        netuid,
        model: None,
    };
    let (done, provided) = order
        .fill(&gateway, move |kind| {
            // A document that is none is told apart from one that says something else than the task wants.
            serde_json::from_slice::<IgnoredAny>(&body).map_err(ApiError::bad_json)?;
            kind.canonical(&body).map_err(complained)
        })
        .await?;
    let kind = [(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    )];
    Ok(provided.on((kind, done.body).into_response()))
}

/// What is bought, and where.
pub(crate) struct Order<'a> {
    /// The task's name.
    pub(crate) task: &'a str,
    /// The subnet, if the customer chooses.
    pub(crate) netuid: Option<NetUid>,
    /// The model, if the customer chooses.
    pub(crate) model: Option<String>,
}

impl Order<'_> {
    /// Has the request written by `write`, off the threads that serve others, and finds a miner that does the work.
    pub(crate) async fn fill(
        self,
        gateway: &Gateway,
        write: impl FnOnce(&'static dyn Kind) -> Result<Bytes, ApiError> + Send + 'static,
    ) -> Result<(Done, Provided), ApiError> {
        let arrived = Instant::now();
        let markets = gateway.subnets.of_task(self.task, self.netuid);
        let Some(kind) = markets.first().map(|market| market.kind) else {
            return Err(ApiError::task_not_found(self.task));
        };
        if kind.delivery() == Delivery::Job {
            return Err(ApiError::is_a_job(self.task));
        }
        let desk = gateway.gates.desk().await;
        let reading = spawn_blocking(move || {
            let _desk = desk;
            write(kind)
        });
        let body = reading.await.map_err(|error| {
            tracing::error!(%error, task = %kind.id(), "reading a request ended badly");
            ApiError::internal()
        })??;
        let work = Work::new(kind, self.model, body);
        let mut search = Search::new(markets, &work);
        let begun = search.next().await?;
        let Begun {
            market,
            miner,
            request_hash,
            came,
            ..
        } = begun;
        market.praise(&miner);
        market.metrics.began(&market.task, arrived.elapsed());
        market.metrics.answered(&market.task, arrived.elapsed());
        let provided = Provided {
            miner,
            netuid: market.netuid,
            request: request_hash,
            tries: search.tries(),
            receipt: Some(ascii(came.receipt.to_header())),
        };
        Ok((came, provided))
    }
}

/// A task's complaint about a request in OpenAI's shape.
pub(crate) fn complained(complaint: Complaint) -> ApiError {
    match &complaint.param {
        Some(param) => ApiError::invalid(param, complaint.to_string()),
        None => ApiError::invalid_body(complaint.message),
    }
}
