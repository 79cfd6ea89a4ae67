//! What there is to ask for, and how the gateway fares: models, health, metrics.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use primitives::{NetUid, TaskId};
use serde_json::{Value, json};
use tasks::{Delivery, Kind};

use crate::error::ApiError;
use crate::openapi;
use crate::service::Gateway;
use crate::subnets::{Subnet, Trade};

/// One thing that can be asked for: a model of text, or an at-once task.
struct Entry {
    id: String,
    task: TaskId,
    context_length: Option<u32>,
    /// Where, by number.
    netuids: Vec<NetUid>,
    miners: usize,
}

impl Entry {
    /// Adds what another subnet offers of the same.
    fn join(&mut self, other: Self) {
        self.netuids.extend(other.netuids);
        self.miners += other.miners;
        self.context_length = match (self.context_length, other.context_length) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    fn described(&self, since: u64) -> Value {
        let mut described = json!({
            "id": self.id,
            "object": "model",
            "created": since,
            "owned_by": "stoa",
            "task": self.task,
            "netuid": self.netuids.first(),
            "netuids": self.netuids,
            "miners": self.miners,
        });
        if let Some(length) = self.context_length {
            described["context_length"] = json!(length);
        }
        described
    }
}

/// All that can be asked for: text first, each part by name. An at-once task is named by its name, whatever models its miners
/// have; the same name on several subnets is one entry.
fn entries(gateway: &Gateway) -> Vec<Entry> {
    let (mut texts, mut works) = (Vec::new(), Vec::new());
    for market in gateway.subnets.markets() {
        let task = market.kind.id();
        let netuids = vec![market.netuid];
        if market.is_streamed() {
            for offer in market.directory.offers().iter() {
                let entry = Entry {
                    id: offer.id.clone(),
                    task: task.clone(),
                    context_length: offer.context_length,
                    netuids: netuids.clone(),
                    miners: offer.miners,
                };
                add(&mut texts, entry);
            }
        } else if market.directory.serving() > 0 {
            let entry = Entry {
                id: task.name().to_owned(),
                task,
                context_length: None,
                netuids,
                miners: market.directory.serving(),
            };
            add(&mut works, entry);
        }
    }
    texts.sort_by(|one, other| one.id.cmp(&other.id));
    works.sort_by(|one, other| one.id.cmp(&other.id));
    texts.retain(|text| works.iter().all(|work| work.id != text.id));
    texts.append(&mut works);
    texts
}

fn add(entries: &mut Vec<Entry>, entry: Entry) {
    match entries.iter_mut().find(|known| known.id == entry.id) {
        Some(known) => known.join(entry),
        None => entries.push(entry),
    }
}

/// Lists the models and tasks that can be asked for.
#[utoipa::path(get, path = "/v1/models", tag = "models",
    responses((status = 200, description = "The models", body = openapi::ModelList)))]
pub async fn list_models(State(gateway): State<Gateway>) -> Json<Value> {
    let data: Vec<Value> = entries(&gateway)
        .iter()
        .map(|entry| entry.described(gateway.since))
        .collect();
    Json(json!({"object": "list", "data": data}))
}

/// Describes one model or task.
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
    let entries = entries(&gateway);
    let entry = entries.iter().find(|entry| entry.id == id);
    let entry = entry.ok_or_else(|| ApiError::model_not_found(&id))?;
    Ok(Json(entry.described(gateway.since)))
}

/// Lists the tasks of all subnets served, with the JSON Schemas of their requests and answers.
#[utoipa::path(get, path = "/v1/tasks", tag = "models",
    responses((status = 200, description = "The tasks", body = openapi::TaskList)))]
pub async fn list_tasks(State(gateway): State<Gateway>) -> Json<Value> {
    let kinds = gateway.subnets.kinds();
    let data: Vec<Value> = kinds.iter().map(|kind| work(&gateway, *kind)).collect();
    Json(json!({"object": "list", "data": data}))
}

/// Describes one task.
#[utoipa::path(get, path = "/v1/tasks/{name}", tag = "models",
    params(("name" = String, Path, description = "The task's name")),
    responses(
        (status = 200, description = "The task", body = openapi::TaskEntry),
        (status = 404, description = "No subnet served here pays for it", body = crate::error::ErrorEnvelope),
    ))]
pub async fn one_task(
    State(gateway): State<Gateway>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let kinds = gateway.subnets.kinds();
    let named = kinds.into_iter().filter(|kind| kind.id().name() == name);
    let newest = named.max_by_key(|kind| kind.id().version());
    let kind = newest.ok_or_else(|| ApiError::task_not_found(&name))?;
    Ok(Json(work(&gateway, kind)))
}

/// All there is to know of a task before asking for it.
fn work(gateway: &Gateway, kind: &dyn Kind) -> Value {
    let id = kind.id();
    let markets = gateway.subnets.markets();
    let netuids: Vec<NetUid> = markets
        .iter()
        .filter(|market| market.kind.id() == id)
        .map(|market| market.netuid)
        .collect();
    let delivery = match kind.delivery() {
        Delivery::Stream => "stream",
        Delivery::Once => "once",
        Delivery::Job => "job",
    };
    let limits = kind.limits();
    json!({
        "id": id.name(),
        "object": "task",
        "task": id,
        "about": kind.about(),
        "delivery": delivery,
        "netuids": netuids,
        "limits": {
            "request_bytes": limits.request_bytes,
            "answer_bytes": limits.answer_bytes,
            "patience_ms": limits.patience.as_millis() as u64,
        },
        "request_schema": kind.request_schema(),
        "answer_schema": kind.answer_schema(),
    })
}

/// Whether anything can be asked for just now, and how each subnet fares.
#[utoipa::path(get, path = "/health", tag = "operation",
    responses(
        (status = 200, description = "Something can be asked for", body = openapi::Health),
        (status = 503, description = "No miner known", body = openapi::Health),
    ))]
pub async fn health(State(gateway): State<Gateway>) -> (StatusCode, Json<Value>) {
    let models = entries(&gateway).len();
    let markets = gateway.subnets.markets();
    let miners: usize = markets
        .iter()
        .map(|market| market.directory.listed().len())
        .sum();
    let subnets: Vec<Value> = gateway
        .subnets
        .all()
        .iter()
        .map(|subnet| told(subnet))
        .collect();
    let (status, word) = match models {
        0 => (StatusCode::SERVICE_UNAVAILABLE, "waiting for miners"),
        _ => (StatusCode::OK, "ok"),
    };
    let told = json!({"status": word, "models": models, "miners": miners, "subnets": subnets});
    (status, Json(told))
}

/// How one subnet fares.
fn told(subnet: &Subnet) -> Value {
    let trade = subnet.trade();
    let (status, reason, miners) = match &trade {
        Trade::Unread => ("waiting for the chain", None, 0),
        Trade::Untasked => (
            "no task",
            Some("its owner has named no task on chain".to_owned()),
            0,
        ),
        Trade::Unknown(unknown) => ("unknown task", Some(unknown.to_string()), 0),
        Trade::Open(market) => {
            let miners = market.directory.listed().len();
            let stranger = "none of the gateway's hotkeys has a validator's permit here".to_owned();
            match market.directory.serving() {
                _ if market.signer.is_stranger() => ("no permit", Some(stranger), miners),
                0 => ("waiting for miners", None, miners),
                _ => ("ok", None, miners),
            }
        }
    };
    let mut told = json!({
        "netuid": subnet.netuid, "task": trade.task(), "status": status, "miners": miners,
    });
    if let Some(reason) = reason {
        told["reason"] = json!(reason);
    }
    told
}

/// The gateway's counters for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "OpenMetrics text", body = String)))]
pub async fn metrics(State(gateway): State<Gateway>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], gateway.metrics.text())
}
