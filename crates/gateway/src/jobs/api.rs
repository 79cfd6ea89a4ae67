//! `/v1/jobs`: work that takes minutes, for any task whose answers do.
//!
//! Who may do what with a job is said in [`crate::jobs`]. What is told of a job is told from the facts kept beside its answer: no list, status
//! or event reads or copies an answer.
//!
//! What a job looks like to its customer is a `Face`'s business, so that a front door such as that of folds speaks of the
//! same jobs in its own words; everything else is the same behind all of them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State as With};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use primitives::NetUid;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tasks::Delivery;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use crate::error::ApiError;
use crate::jobs::board::Page;
use crate::jobs::events;
use crate::jobs::{Bounds, Given, Job, JobId, Order, Owner, State};
use crate::limits::Customer;
use crate::openapi;
use crate::reading::download;
use crate::service::{Gateway, MINER, NETUID, REQUEST_HASH, UID, ascii};
use crate::work::{RECEIPT, complained};

/// How far the job is that a file or result is of: only what is `done` is final.
pub(crate) const JOB: HeaderName = HeaderName::from_static("x-stoa-job");
/// Jobs on one page of a list.
const PAGE: usize = 20;
/// At most.
const PAGE_MAX: usize = 100;
/// The longest title, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// What jobs look like behind one front door.
pub(crate) struct Face {
    /// What their names begin with, without the underscore; also what `object` says.
    pub(crate) object: &'static str,
    /// The only task that is here; any if `None`.
    pub(crate) task: Option<&'static str>,
    /// Writes what is told of one beyond what is told of all.
    pub(crate) tell: fn(&Job, &mut Map<String, Value>),
}

/// `/v1/jobs`.
pub(crate) static JOBS: Face = Face {
    object: "job",
    task: None,
    tell: |job, told| {
        let (figure, is_checked) = job.shown();
        told.insert("figure".into(), json!(figure));
        told.insert("figure_is_checked".into(), json!(is_checked));
    },
};

impl Face {
    /// All that is told of a job.
    pub(crate) fn view(&self, job: &Job, bounds: &Bounds) -> Value {
        let seconds = |ms: u64| ms / 1000;
        let place = job
            .place
            .as_ref()
            .map(|own| (own.miner, own.uid, own.netuid));
        let giver = job
            .answer
            .as_ref()
            .map(|own| (own.miner, own.uid, own.netuid));
        let miner = match job.state.is_finished() {
            true => giver.or(place),
            false => place,
        };
        let mut told = Map::new();
        let mut tell = |name: &str, value: Value| told.insert(name.into(), value);
        tell("id", json!(self.name(job.id)));
        tell("object", json!(self.object));
        tell("task", json!(job.task));
        tell("status", json!(job.state.as_str()));
        tell("fraction", json!(job.fraction));
        tell("title", json!(job.title));
        tell("has_result", json!(job.answer.is_some()));
        tell("moves", json!(job.moves));
        tell("miner", json!(miner.map(|(hotkey, ..)| hotkey.to_string())));
        tell("uid", json!(miner.map(|(_, uid, _)| uid.0)));
        tell("netuid", json!(miner.map(|(.., netuid)| netuid.0)));
        tell("created_at", json!(seconds(job.created_ms)));
        tell("updated_at", json!(seconds(job.updated_ms)));
        tell("finished_at", json!(job.finished_ms.map(seconds)));
        tell("expires_at", json!(job.expires_ms(bounds).map(seconds)));
        tell("version", json!(job.version));
        let error = job
            .failure
            .as_ref()
            .map(|message| json!({"message": message, "code": "job_failed"}));
        tell("error", json!(error));
        (self.tell)(job, &mut told);
        Value::Object(told)
    }

    fn name(&self, id: JobId) -> String {
        format!("{}_{id}", self.object)
    }

    /// The job's name in an address.
    fn id(&self, text: &str) -> Result<JobId, ApiError> {
        let hex = text.strip_prefix(self.object);
        let hex = hex.and_then(|rest| rest.strip_prefix('_'));
        hex.and_then(|hex| hex.parse().ok())
            .ok_or_else(|| ApiError::job_not_found(text))
    }

    fn shows(&self, job: &Job) -> bool {
        self.task.is_none_or(|task| task == job.task.name())
    }

    /// The job that an address names.
    pub(crate) fn find(&self, gateway: &Gateway, text: &str) -> Result<Job, ApiError> {
        let job = gateway.jobs.get(self.id(text)?);
        job.filter(|job| self.shows(job))
            .ok_or_else(|| ApiError::job_not_found(text))
    }

    fn told(&self, gateway: &Gateway, job: &Job) -> Value {
        self.view(job, gateway.jobs.bounds())
    }

    pub(crate) fn one(&self, gateway: &Gateway, text: &str) -> Result<Json<Value>, ApiError> {
        let job = self.find(gateway, text)?;
        Ok(Json(self.told(gateway, &job)))
    }

    pub(crate) fn accepted(&self, gateway: &Gateway, job: &Job) -> Response {
        (StatusCode::ACCEPTED, Json(self.told(gateway, job))).into_response()
    }

    /// The job that an address names, if this customer may end it.
    fn find_own(&self, gateway: &Gateway, customer: Customer, text: &str) -> Result<Job, ApiError> {
        let job = self.find(gateway, text)?;
        match customer.may_end(job.owner) {
            true => Ok(job),
            false => Err(ApiError::not_your_job()),
        }
    }

    pub(crate) async fn cancel(
        &self,
        gateway: &Gateway,
        customer: Customer,
        text: &str,
    ) -> Result<Json<Value>, ApiError> {
        let job = self.find_own(gateway, customer, text)?;
        let job = gateway.jobs.cancel(job.id).await;
        let job = job.ok_or_else(|| ApiError::job_not_found(text))?;
        Ok(Json(self.told(gateway, &job)))
    }

    pub(crate) async fn delete(
        &self,
        gateway: &Gateway,
        customer: Customer,
        text: &str,
    ) -> Result<Json<Value>, ApiError> {
        let job = self.find_own(gateway, customer, text)?;
        match gateway.jobs.delete(job.id).await {
            true => Ok(Json(json!({
                "id": self.name(job.id), "object": self.object, "deleted": true,
            }))),
            false => Err(ApiError::job_not_found(text)),
        }
    }

    pub(crate) fn events(
        &'static self,
        gateway: &Gateway,
        customer: Customer,
        text: &str,
        headers: &HeaderMap,
    ) -> Result<Response, ApiError> {
        let job = self.find(gateway, text)?;
        let listening = gateway.jobs.listen(job.id, customer.owner)?;
        let listening = listening.ok_or_else(|| ApiError::job_not_found(text))?;
        let bounds = *gateway.jobs.bounds();
        let shutdown = gateway.jobs.shutdown();
        let seen = events::seen(headers);
        Ok(events::response(listening, self, bounds, seen, shutdown))
    }

    pub(crate) fn list(
        &self,
        gateway: &Gateway,
        customer: Customer,
        uri: &Uri,
    ) -> Result<Json<Value>, ApiError> {
        if !customer.may_list() {
            return Err(ApiError::list_needs_key());
        }
        let Part { limit, after } = Part::of(uri)?;
        let after = after.map(|text| self.id(&text)).transpose()?;
        let shows = |job: &Job| self.shows(job);
        let view = |job: &Job| self.told(gateway, job);
        let page = gateway.jobs.page(customer.owner, shows, after, limit, view);
        let none = || ApiError::invalid("after", "`after` is none of your jobs");
        let Page { jobs, has_more } = page.ok_or_else(none)?;
        Ok(Json(
            json!({"object": "list", "data": jobs, "has_more": has_more}),
        ))
    }
}

/// Which part of a list.
struct Part {
    limit: usize,
    after: Option<String>,
}

impl Part {
    fn of(uri: &Uri) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Asked {
            limit: Option<String>,
            after: Option<String>,
        }
        let Query(Asked { limit, after }) = Query::try_from_uri(uri)
            .map_err(|error| ApiError::invalid("query", format!("the query: {error}")))?;
        let limit = match limit.map(|text| text.parse::<usize>()) {
            None => PAGE,
            Some(Ok(limit)) if (1..=PAGE_MAX).contains(&limit) => limit,
            Some(_) => {
                let message = format!("`limit` must be a whole number from 1 to {PAGE_MAX}");
                return Err(ApiError::invalid("limit", message));
            }
        };
        Ok(Self { limit, after })
    }
}

/// What a customer orders, before anything of it has been checked.
pub(crate) struct Wanted<'a> {
    pub(crate) task: &'a str,
    pub(crate) netuid: Option<NetUid>,
    pub(crate) title: Option<String>,
    pub(crate) request: Value,
}

impl Wanted<'_> {
    /// Takes the job on, if the task finds nothing wrong with the request.
    pub(crate) async fn order(self, gateway: &Gateway, owner: Owner) -> Result<Job, ApiError> {
        let markets = gateway.subnets.of_task(self.task, self.netuid);
        let Some(kind) = markets.first().map(|market| market.kind) else {
            return Err(ApiError::task_not_found(self.task));
        };
        if kind.delivery() != Delivery::Job {
            return Err(ApiError::is_no_job(self.task));
        }
        let title = self.title.as_ref();
        if title.is_some_and(|title| TITLE_CHARS_MAX < title.chars().count()) {
            let message = format!("`title` must be at most {TITLE_CHARS_MAX} characters long");
            return Err(ApiError::invalid("title", message));
        }
        let desk = gateway.gates.desk().await;
        let request = self.request;
        let reading = spawn_blocking(move || {
            let _desk = desk;
            let canonical = kind.canonical(request.to_string().as_bytes());
            let canonical = canonical.map_err(complained)?;
            let text = std::str::from_utf8(&canonical).map_err(ApiError::bad_json)?;
            Ok(Arc::from(text))
        });
        let request = reading.await.map_err(|error| {
            tracing::error!(%error, task = %kind.id(), "reading a request ended badly");
            ApiError::internal()
        })??;
        let order = Order {
            kind,
            request,
            title: self.title,
            only: self.netuid,
            owner,
        };
        gateway.jobs.create(order).await
    }
}

/// A JSON object's fields.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(body).map_err(ApiError::bad_json)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::bad_json("the body must be a JSON object")),
    }
}

/// A field that is a subnet's number, if it is there.
pub(crate) fn netuid(fields: &mut Map<String, Value>) -> Result<Option<NetUid>, ApiError> {
    let value = fields.remove("netuid").filter(|value| !value.is_null());
    let number = value.map(serde_json::from_value);
    number
        .transpose()
        .map_err(|_| ApiError::invalid("netuid", "`netuid` must be a subnet's number"))
}

/// A field that is a text, if it is there.
pub(crate) fn text(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<String>, ApiError> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::invalid(name, format!("`{name}` must be a text"))),
    }
}

/// What has been found, or why there is nothing.
pub(crate) fn found(job: &Job) -> Result<&Given, ApiError> {
    job.answer.as_ref().ok_or_else(|| match job.state {
        State::Waiting | State::Working => ApiError::no_result_yet(),
        State::Done | State::Failed | State::Cancelled => ApiError::no_result(),
    })
}

/// A response with what a job has found, or what was made of it, and who found it. Holds its place until it has been read.
pub(crate) fn delivered(
    job: &Job,
    given: &Given,
    content: Bytes,
    place: OwnedSemaphorePermit,
) -> Response {
    let length = HeaderValue::from(content.len());
    let mut response = download(content, place).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(JOB, HeaderValue::from_static(job.state.as_str()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(MINER, ascii(given.miner.to_string()));
    headers.insert(UID, HeaderValue::from(given.uid.0));
    headers.insert(NETUID, HeaderValue::from(given.netuid.0));
    headers.insert(REQUEST_HASH, ascii(given.request.to_string()));
    if let Some(receipt) = &given.receipt {
        headers.insert(RECEIPT, ascii(receipt.clone()));
    }
    response
}

/// An answer as it is handed out, which is not copied for it.
struct Handed(Arc<str>);

impl AsRef<[u8]> for Handed {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Begins a job.
///
/// The `id` that comes back is the job's name, 128 random bits. Whoever knows it may read the job and its result; keep it. Where the gateway
/// asks for no keys it is also all that is needed to cancel or delete the job, and cannot be found again in a list.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", request_body = openapi::JobRequest,
    responses(
        (status = 202, description = "The job, which goes on by itself", body = openapi::Job),
        (status = "4XX", description = "The request is at fault, or there are too many of yours", body = crate::error::ErrorEnvelope),
        (status = 503, description = "There is no room for more jobs", body = crate::error::ErrorEnvelope),
    ))]
pub async fn create(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let _place = gateway.gates.admit()?;
    let mut fields = object(&body)?;
    let task = text(&mut fields, "task")?;
    let task = task.ok_or_else(|| ApiError::invalid("task", "you must provide `task`"))?;
    let wanted = Wanted {
        netuid: netuid(&mut fields)?,
        title: text(&mut fields, "title")?,
        request: fields
            .remove("request")
            .ok_or_else(|| ApiError::invalid("request", "you must provide `request`"))?,
        task: &task,
    };
    if let Some(name) = fields.keys().next() {
        let message =
            format!("`{name}` is not known here; what the task takes belongs into `request`");
        return Err(ApiError::invalid(name, message));
    }
    let job = wanted.order(&gateway, customer.owner).await?;
    Ok(JOBS.accepted(&gateway, &job))
}

/// Lists your jobs, newest first: those created with your key.
///
/// A gateway that asks for no keys cannot tell customers apart and shows a list only to whoever asks from its own machine.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, from 1 to 100; 20 unless given"),
        ("after" = Option<String>, Query, description = "Only those after this one in the list"),
    ),
    responses(
        (status = 200, description = "The jobs", body = openapi::JobList),
        (status = 403, description = "The gateway asks for no keys, and lists nothing", body = crate::error::ErrorEnvelope),
    ))]
pub async fn list(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    uri: Uri,
) -> Result<Json<Value>, ApiError> {
    JOBS.list(&gateway, customer, &uri)
}

/// Tells how a job is getting on.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job's name")),
    responses(
        (status = 200, description = "The job", body = openapi::Job),
        (status = 404, description = "No such job", body = crate::error::ErrorEnvelope),
    ))]
pub async fn one(
    With(gateway): With<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    JOBS.one(&gateway, &id)
}

/// Ends a job; what it has found stays. Only the key that created it may; without keys, whoever knows its name.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = String, Path, description = "The job's name")),
    responses(
        (status = 200, description = "The job as it is now", body = openapi::Job),
        (status = 403, description = "It was created with another key", body = crate::error::ErrorEnvelope),
        (status = 404, description = "No such job", body = crate::error::ErrorEnvelope),
    ))]
pub async fn cancel(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    JOBS.cancel(&gateway, customer, &id).await
}

/// Ends a job and forgets it. Only the key that created it may; without keys, whoever knows its name.
#[utoipa::path(delete, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job's name")),
    responses(
        (status = 200, description = "It is gone", body = openapi::Deleted),
        (status = 403, description = "It was created with another key", body = crate::error::ErrorEnvelope),
        (status = 404, description = "No such job", body = crate::error::ErrorEnvelope),
    ))]
pub async fn delete(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    JOBS.delete(&gateway, customer, &id).await
}

/// Tells of a job's progress as it comes, until it ends.
#[utoipa::path(get, path = "/v1/jobs/{id}/events", tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's name"),
        ("Last-Event-ID" = Option<u64>, Header, description = "Only what is newer than this; the end is told in any case"),
    ),
    responses(
        (status = 200, description = "Server-sent events `progress`, then one of `done`, `failed`, `cancelled`; each with the job",
            body = String, content_type = "text/event-stream"),
        (status = 404, description = "No such job", body = crate::error::ErrorEnvelope),
    ))]
pub async fn events(
    With(gateway): With<Gateway>,
    Extension(customer): Extension<Customer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    JOBS.events(&gateway, customer, &id, &headers)
}

/// Gives a job's answer, or the best so far: the header `x-stoa-job` says which.
#[utoipa::path(get, path = "/v1/jobs/{id}/result", tag = "jobs",
    params(("id" = String, Path, description = "The job's name")),
    responses(
        (status = 200, description = "The answer, byte for byte as the miner signed it", body = serde_json::Value),
        (status = 404, description = "No such job", body = crate::error::ErrorEnvelope),
        (status = 409, description = "Nothing has been found", body = crate::error::ErrorEnvelope),
    ))]
pub async fn result(
    With(gateway): With<Gateway>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let place = gateway.gates.admit()?;
    let job = JOBS.find(&gateway, &id)?;
    let given = found(&job)?;
    let content = Bytes::from_owner(Handed(given.body.clone()));
    let mut response = delivered(&job, given, content, place);
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}
