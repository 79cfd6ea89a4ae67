//! `/v1/jobs`: work that takes minutes, for any task whose answers do.
//!
//! What a job looks like to its customer is a `Face`'s business, so that a front door such as that of folds speaks of the
//! same jobs in its own words; everything else is the same behind all of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State as With};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use primitives::NetUid;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tasks::Delivery;
use tokio::task::spawn_blocking;

use crate::error::ApiError;
use crate::jobs::events;
use crate::jobs::{Given, Job, JobId, Order, Owner, State};
use crate::openapi;
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
        told.insert("figure".into(), json!(job.figure));
    },
};

impl Face {
    /// All that is told of a job.
    pub(crate) fn view(&self, job: &Job, keep: Duration) -> Value {
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
        tell("expires_at", json!(job.expires_ms(keep).map(seconds)));
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
        self.view(job, gateway.jobs.keep())
    }

    pub(crate) fn one(&self, gateway: &Gateway, text: &str) -> Result<Json<Value>, ApiError> {
        let job = self.find(gateway, text)?;
        Ok(Json(self.told(gateway, &job)))
    }

    pub(crate) fn accepted(&self, gateway: &Gateway, job: &Job) -> Response {
        (StatusCode::ACCEPTED, Json(self.told(gateway, job))).into_response()
    }

    pub(crate) async fn cancel(
        &self,
        gateway: &Gateway,
        text: &str,
    ) -> Result<Json<Value>, ApiError> {
        let job = self.find(gateway, text)?;
        let job = gateway.jobs.cancel(job.id).await;
        let job = job.ok_or_else(|| ApiError::job_not_found(text))?;
        Ok(Json(self.told(gateway, &job)))
    }

    pub(crate) async fn delete(
        &self,
        gateway: &Gateway,
        text: &str,
    ) -> Result<Json<Value>, ApiError> {
        let job = self.find(gateway, text)?;
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
        text: &str,
        headers: &HeaderMap,
    ) -> Result<Response, ApiError> {
        let job = self.find(gateway, text)?;
        let listening = gateway.jobs.listen(job.id)?;
        let listening = listening.ok_or_else(|| ApiError::job_not_found(text))?;
        let keep = gateway.jobs.keep();
        let shutdown = gateway.jobs.shutdown();
        let seen = events::seen(headers);
        Ok(events::response(listening, self, keep, seen, shutdown))
    }

    pub(crate) fn list(
        &self,
        gateway: &Gateway,
        owner: Owner,
        uri: &Uri,
    ) -> Result<Json<Value>, ApiError> {
        let Page { limit, after } = Page::of(uri)?;
        let mut jobs = gateway.jobs.list(owner, |job| self.shows(job));
        if let Some(after) = after {
            let id = self.id(&after)?;
            let at = jobs.iter().position(|job| job.id == id);
            let at =
                at.ok_or_else(|| ApiError::invalid("after", "`after` is none of your jobs"))?;
            jobs.drain(..=at);
        }
        let has_more = limit < jobs.len();
        jobs.truncate(limit);
        let data: Vec<Value> = jobs.iter().map(|job| self.told(gateway, job)).collect();
        Ok(Json(
            json!({"object": "list", "data": data, "has_more": has_more}),
        ))
    }
}

/// Which part of a list.
struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
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

/// A response with what a job has found, and who found it.
pub(crate) fn delivered(job: &Job, given: &Given, mut response: Response) -> Response {
    let headers = response.headers_mut();
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

/// Begins a job.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", request_body = openapi::JobRequest,
    responses(
        (status = 202, description = "The job, which goes on by itself", body = openapi::Job),
        (status = "4XX", description = "The request is at fault, or there are too many of yours", body = crate::error::ErrorEnvelope),
        (status = 503, description = "There is no room for more jobs", body = crate::error::ErrorEnvelope),
    ))]
pub async fn create(
    With(gateway): With<Gateway>,
    Extension(owner): Extension<Owner>,
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
    let job = wanted.order(&gateway, owner).await?;
    Ok(JOBS.accepted(&gateway, &job))
}

/// Lists your jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, from 1 to 100; 20 unless given"),
        ("after" = Option<String>, Query, description = "Only those after this one in the list"),
    ),
    responses((status = 200, description = "The jobs", body = openapi::JobList)))]
pub async fn list(
    With(gateway): With<Gateway>,
    Extension(owner): Extension<Owner>,
    uri: Uri,
) -> Result<Json<Value>, ApiError> {
    JOBS.list(&gateway, owner, &uri)
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

/// Ends a job; what it has found stays.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs",
    params(("id" = String, Path, description = "The job's name")),
    responses(
        (status = 200, description = "The job as it is now", body = openapi::Job),
        (status = 404, description = "No such job", body = crate::error::ErrorEnvelope),
    ))]
pub async fn cancel(
    With(gateway): With<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    JOBS.cancel(&gateway, &id).await
}

/// Ends a job and forgets it.
#[utoipa::path(delete, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = String, Path, description = "The job's name")),
    responses(
        (status = 200, description = "It is gone", body = openapi::Deleted),
        (status = 404, description = "No such job", body = crate::error::ErrorEnvelope),
    ))]
pub async fn delete(
    With(gateway): With<Gateway>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    JOBS.delete(&gateway, &id).await
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
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    JOBS.events(&gateway, &id, &headers)
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
    let job = JOBS.find(&gateway, &id)?;
    let given = found(&job)?;
    let kind = [(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    )];
    let body = (kind, given.body.to_string()).into_response();
    Ok(delivered(&job, given, body))
}
