//! What operators and measurements read over HTTP: `/metrics`, `/health`, `/finality`.
//!
//! * `GET /metrics`: OpenMetrics text. The node's own figures begin with `stoa_`; those of agreement, network and storage
//!   follow.
//! * `GET /health`: 200 while the node keeps up with the network, 503 while it catches up.
//! * `GET /finality`: the last finalized blocks, as JSON: height, milliseconds from the block's timestamp to its
//!   finality on this node, and whether this node proposed it. Exact figures where a histogram has buckets.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use commonware_runtime::telemetry::metrics::{Gauge, GaugeExt as _, MetricsExt as _};
use consensus::{Finalized, Progress, gossip::Peers};
use ledger::pool::Pool;
use serde::{Deserialize, Serialize};
use std::{io, sync::Arc};
use tokio::net::TcpListener;

/// How many blocks a node may be behind and still count as keeping up.
const BEHIND_MAX: u32 = 10;

/// A finalized block in the answer of `/finality`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The block's height.
    pub number: u32,
    /// Milliseconds from the block's timestamp to its finality on this node.
    pub ms: f64,
    /// Whether this node proposed it.
    pub own: bool,
}

impl From<Finalized> for Measured {
    fn from(finalized: Finalized) -> Self {
        Self {
            number: finalized.number,
            ms: finalized.since_proposal.as_secs_f64() * 1e3,
            own: finalized.own,
        }
    }
}

/// What the figures are taken from.
pub(crate) struct Telemetry<E> {
    context: E,
    progress: Progress,
    peers: Peers,
    pool: Arc<Pool>,
    known: Gauge,
    connected: Gauge,
    ready: Gauge,
    future: Gauge,
}

impl<E: commonware_runtime::Metrics> Telemetry<E> {
    /// Registers the node's figures under the name of `context`.
    pub(crate) fn new(context: E, progress: Progress, peers: Peers, pool: Arc<Pool>) -> Self {
        Self {
            known: context.gauge("known_height", "Highest height known to be final anywhere"),
            connected: context.gauge("peers", "Peers heard of in the last seconds"),
            ready: context.gauge("pool_ready", "Transactions that the next block can include"),
            future: context.gauge("pool_future", "Transactions that wait for an earlier nonce"),
            context,
            progress,
            peers,
            pool,
        }
    }

    fn encode(&self) -> String {
        let (ready, future) = self.pool.counts();
        // None of these reaches the limit of a gauge.
        let _ = self.known.try_set(self.progress.known());
        let _ = self.connected.try_set(self.peers.count());
        let _ = self.ready.try_set(ready);
        let _ = self.future.try_set(future);
        self.context.encode()
    }
}

/// Answers on `listener` until the node stops.
///
/// # Errors
///
/// When the listener fails.
pub(crate) async fn serve<E>(listener: TcpListener, telemetry: Telemetry<E>) -> io::Result<()>
where
    E: commonware_runtime::Metrics,
{
    let router = Router::new()
        .route("/metrics", get(metrics::<E>))
        .route("/health", get(health::<E>))
        .route("/finality", get(finality::<E>))
        .with_state(Arc::new(telemetry));
    axum::serve(listener, router).await
}

type Shared<E> = State<Arc<Telemetry<E>>>;

async fn metrics<E: commonware_runtime::Metrics>(State(telemetry): Shared<E>) -> impl IntoResponse {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPEN_METRICS)], telemetry.encode())
}

async fn health<E: commonware_runtime::Metrics>(State(telemetry): Shared<E>) -> impl IntoResponse {
    let (height, known) = (telemetry.progress.finalized(), telemetry.progress.known());
    if height + BEHIND_MAX >= known {
        (StatusCode::OK, format!("finalized {height}\n"))
    } else {
        let behind = format!("catching up: finalized {height} of {known}\n");
        (StatusCode::SERVICE_UNAVAILABLE, behind)
    }
}

async fn finality<E: commonware_runtime::Metrics>(
    State(telemetry): Shared<E>,
) -> Json<Vec<Measured>> {
    Json(
        telemetry
            .progress
            .recent()
            .into_iter()
            .map(Measured::from)
            .collect(),
    )
}
