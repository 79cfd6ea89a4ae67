//! A job's progress as server-sent events, until it ends.
//!
//! ```text
//! id: 1795374670123            the job's version
//! event: progress              then, once: done, failed or cancelled
//! data: {the job}
//! ```
//!
//! A listener that comes again with `Last-Event-ID` hears what is newer than that, and the end in any case. It misses nothing:
//! every event tells all there is to know. While nothing happens a comment every [`QUIET`] keeps the connection open.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, stream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::jobs::api::Face;
use crate::jobs::{Bounds, Job, Listening};
use crate::reading::Watched;

/// Between two comments while nothing happens.
const QUIET: Duration = Duration::from_secs(15);
/// A listener that does not read for so long is let go.
const PATIENCE: Duration = Duration::from_secs(60);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a listener has seen already, by the header that browsers send when they come again.
pub(super) fn seen(headers: &HeaderMap) -> u64 {
    let value = headers.get(LAST_EVENT_ID);
    let text = value.and_then(|value| value.to_str().ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The response that tells of a job until it ends, or the gateway stops.
pub(super) fn response(
    listening: Listening,
    face: &'static Face,
    bounds: Bounds,
    seen: u64,
    shutdown: CancellationToken,
) -> Response {
    let frames = frames(listening, seen, shutdown, move |job| {
        face.view(job, &bounds)
    });
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream; charset=utf-8"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    let body = Body::from_stream(Watched::new(frames, PATIENCE));
    (headers, body).into_response()
}

fn frames(
    listening: Listening,
    seen: u64,
    shutdown: CancellationToken,
    view: impl Fn(&Job) -> serde_json::Value + Send + 'static,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static {
    let begun = (Some((listening, seen)), shutdown, view);
    stream::unfold(begun, |(state, shutdown, view)| async move {
        let (mut listening, seen) = state?;
        let is_news = |job: &Job| seen < job.version || job.state.is_finished();
        let news = tokio::select! {
            biased;
            job = listening.job.wait_for(is_news) => Some(job.ok()?.clone()),
            () = sleep(QUIET) => None,
            () = shutdown.cancelled() => return None,
        };
        let Some(job) = news else {
            let comment = Bytes::from_static(b": still there\n\n");
            return Some((Ok(comment), (Some((listening, seen)), shutdown, view)));
        };
        let is_last = job.state.is_finished();
        let name = match is_last {
            true => job.state.as_str(),
            false => "progress",
        };
        let frame = frame(name, &job, &view);
        let next = (!is_last).then_some((listening, job.version));
        Some((Ok(frame), (next, shutdown, view)))
    })
}

fn frame(name: &str, job: &Job, view: &impl Fn(&Job) -> serde_json::Value) -> Bytes {
    let (version, data) = (job.version, view(job));
    format!("id: {version}\nevent: {name}\ndata: {data}\n\n").into()
}
