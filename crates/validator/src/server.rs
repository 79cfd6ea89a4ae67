//! The validator's office: the book that the loops share, and the pages that show it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use primitives::{Hotkey, NetUid};
use protocol::Standings;
use scoring::Outcome;

use crate::ballot::Ballot;
use crate::book::{Book, Seat};
use crate::metrics::Metrics;

/// What has to survive a restart: standings, and ballots that are not opened yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desk {
    /// The standings.
    pub book: Book,
    /// Weights committed to and not yet revealed.
    pub ballots: Vec<Ballot>,
}

/// What the loops and the pages share.
pub struct Office {
    hotkey: Hotkey,
    netuid: NetUid,
    model: String,
    desk: Mutex<Desk>,
    metrics: Metrics,
}

impl Office {
    /// The office of a validator that asks for `model`.
    pub fn new(hotkey: Hotkey, netuid: NetUid, model: String, desk: Desk) -> Self {
        Self {
            hotkey,
            netuid,
            model,
            desk: Mutex::new(desk),
            metrics: Metrics::default(),
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

    /// The name of the model asked for.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The desk, locked; not to be held while waiting.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book on the desk, locked; not to be held while waiting.
    pub fn book(&self) -> OpenBook<'_> {
        OpenBook(self.desk())
    }

    /// Grades an outcome and says so in the log.
    pub fn record(&self, seat: &Seat, outcome: &Outcome, at_ms: u64) {
        self.metrics.graded(seat.uid, outcome);
        let mut book = self.book();
        let Some(entry) = book.record(seat, outcome, at_ms) else {
            tracing::debug!(uid = %seat.uid, hotkey = %seat.hotkey, "graded a miner that has left");
            return;
        };
        self.metrics.stands(seat.uid, entry.standing.value);
        let reason = entry
            .last
            .as_ref()
            .map(|last| last.reason.as_str())
            .unwrap_or_default();
        tracing::debug!(uid = %seat.uid, standing = entry.standing.value, reason, "graded");
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn standings(&self) -> Standings {
        self.book().standings(self.hotkey, self.netuid, &self.model)
    }
}

/// The book on a locked desk.
pub struct OpenBook<'a>(MutexGuard<'a, Desk>);

impl Deref for OpenBook<'_> {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.0.book
    }
}

impl DerefMut for OpenBook<'_> {
    fn deref_mut(&mut self) -> &mut Book {
        &mut self.0.book
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office")
            .field("hotkey", &self.hotkey)
            .field("netuid", &self.netuid)
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
        "model": office.model,
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
