//! The one thing a miner needs: something that answers requests as a stream.

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::error::Error;
use crate::request::{Event, Request};

/// An answer as it is written. Dropping it cancels the work.
///
/// It holds one [`Event::Start`], any number of [`Event::Delta`] and one [`Event::Finish`], or ends early with one
/// error.
pub type Answer = BoxStream<'static, Result<Event, Error>>;

/// Something that answers requests.
///
/// Implementations are shared by all connections of a daemon, bound their own queue, and refuse with [`Error::Busy`]
/// rather than wait without end.
pub trait Engine: Send + Sync {
    /// The name under which the model is offered.
    fn model(&self) -> &str;

    /// The longest prompt and answer together, in tokens.
    fn context_tokens(&self) -> usize;

    /// Whether tokens are drawn by the request's seed, as [`crate::sampler`] says. If not, an answer is checked by the
    /// log-probabilities of its tokens, which such an engine reports whether they are asked for or not.
    fn draws_by_seed(&self) -> bool {
        true
    }

    /// Accepts a request and returns its answer as a stream.
    ///
    /// Resolves as soon as the request is accepted, before the first token.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRequest`] and [`Error::PromptTooLong`] for a request that can never succeed, [`Error::Busy`]
    /// when the queue is full, [`Error::Stopped`] and [`Error::Upstream`] when nothing can be served.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future or the stream withdraws the request.
    fn generate(&self, request: Request) -> BoxFuture<'_, Result<Answer, Error>>;
}
