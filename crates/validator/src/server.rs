//! The validator's office: the book that the loops share, and the pages that show it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use primitives::{Hotkey, NetUid};
use protocol::Standings;
use tasks::{Judge, Kind};

use crate::book::{Book, Observed, Seat};
use crate::metrics::Metrics;

/// What the loops and the pages share.
pub struct Office {
    hotkey: Hotkey,
    netuid: NetUid,
    kind: &'static dyn Kind,
    judge: Arc<dyn Judge>,
    book: Mutex<Book>,
    metrics: Metrics,
}

impl Office {
    /// The office of a validator of a subnet that pays for work of this kind.
    pub fn new(
        hotkey: Hotkey,
        netuid: NetUid,
        kind: &'static dyn Kind,
        judge: Arc<dyn Judge>,
        book: Book,
    ) -> Self {
        Self {
            hotkey,
            netuid,
            kind,
            judge,
            book: Mutex::new(book),
            metrics: Metrics::new(netuid, &kind.id()),
        }
    }

    /// The validator's hotkey.
    pub fn hotkey(&self) -> Hotkey {
        self.hotkey
    }

    /// The subnet graded.
    pub fn netuid(&self) -> NetUid {
        self.netuid
    }

    /// The kind of work judged.
    pub fn kind(&self) -> &'static dyn Kind {
        self.kind
    }

    /// Who judges it.
    pub fn judge(&self) -> &Arc<dyn Judge> {
        &self.judge
    }

    /// The book, locked; not to be held while waiting.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a judged answer and says so in the log.
    pub fn record(&self, seat: &Seat, observed: &Observed) {
        self.metrics.graded(seat.uid, &observed.judgement);
        let mut book = self.book();
        let Some(entry) = book.record(seat, observed, self.kind, self.judge.as_ref()) else {
            tracing::debug!(uid = %seat.uid, hotkey = %seat.hotkey, "graded a miner that has left");
            return;
        };
        let last = entry.last.as_ref();
        let reason = last.map(|last| last.reason.clone()).unwrap_or_default();
        let known = book.standing(seat.uid).zip(book.value(seat.uid));
        drop(book);
        let Some((parts, value)) = known else { return };
        self.metrics.stands(seat.uid, parts, value);
        tracing::debug!(uid = %seat.uid, standing = value, reason, "graded");
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn standings(&self) -> Standings {
        self.book()
            .standings(self.hotkey, self.netuid, self.kind, self.judge.model())
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office")
            .field("hotkey", &self.hotkey)
            .field("netuid", &self.netuid)
            .field("task", &self.kind.id())
            .finish_non_exhaustive()
    }
}

/// The validator's pages.
pub fn router(office: Arc<Office>) -> Router {
    Router::new()
        .route("/standings", get(standings))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(office)
}

async fn standings(State(office): State<Arc<Office>>) -> Json<Standings> {
    Json(office.standings())
}

async fn health(State(office): State<Arc<Office>>) -> Json<serde_json::Value> {
    let miners = office.book().seats().len();
    Json(serde_json::json!({
        "status": "ok",
        "hotkey": office.hotkey,
        "netuid": office.netuid,
        "task": office.kind.id(),
        "model": office.judge.model(),
        "miners": miners,
    }))
}

async fn metrics(State(office): State<Arc<Office>>) -> Response {
    let kind = [(
        header::CONTENT_TYPE,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    )];
    (kind, office.metrics.text()).into_response()
}
