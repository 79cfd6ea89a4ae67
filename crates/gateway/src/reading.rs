//! A stream that is let go when its reader does not come back for more.
//!
//! An answer's stream holds a place in the gateway and a connection to a miner. A connection whose other end has stopped
//! reading never asks for the next frame, so nothing that runs inside the stream could end it; a watch beside it does.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A download is handed out in pieces of so many bytes.
const PIECE_BYTES: usize = 64 * 1024;
/// Whoever does not read on for so long loses a download.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(60);

/// A body that holds its place among the requests under way until its reader has taken it.
pub(crate) fn download(content: Bytes, place: OwnedSemaphorePermit) -> Body {
    let pieces = stream::unfold((content, place), |(mut content, place)| async move {
        let length = content.len().min(PIECE_BYTES);
        let piece = content.split_to(length);
        (0 < length).then_some((Ok::<_, Infallible>(piece), (content, place)))
    });
    Body::from_stream(Watched::new(pieces, DOWNLOAD_PATIENCE))
}

/// A stream whose reader is watched.
pub struct Watched<T> {
    held: Held<T>,
    watch: JoinHandle<()>,
}

struct Held<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    /// Gone once it ended, or its reader stayed away.
    stream: Option<BoxStream<'static, T>>,
    /// When the reader was given what it has not come back from yet.
    handed: Option<Instant>,
}

impl<T: 'static> Watched<T> {
    /// Lets `stream` go when its reader stays away for `patience` or, at most, twice as long. Waiting for the stream is not
    /// staying away.
    pub fn new(stream: impl Stream<Item = T> + Send + 'static, patience: Duration) -> Self {
        let state = State {
            stream: Some(stream.boxed()),
            handed: None,
        };
        let held = Held(Arc::new(Mutex::new(state)));
        let watched = Held(held.0.clone());
        let watch = tokio::spawn(async move {
            loop {
                sleep(patience).await;
                let mut state = watched.lock();
                if state.handed.is_some_and(|at| patience <= at.elapsed()) {
                    state.stream = None;
                    return;
                }
            }
        });
        Self { held, watch }
    }
}

impl<T> Held<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Stream for Watched<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.held.lock();
        let Some(stream) = &mut state.stream else {
            return Poll::Ready(None);
        };
        let polled = stream.poll_next_unpin(context);
        state.handed = match &polled {
            Poll::Ready(Some(_)) => Some(Instant::now()),
            Poll::Ready(None) | Poll::Pending => None,
        };
        polled
    }
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        self.watch.abort();
        self.held.lock().stream = None;
    }
}
