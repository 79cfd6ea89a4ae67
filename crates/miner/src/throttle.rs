//! A throttle: makes an honest miner slower, to see what slowness costs.
//!
//! It stands in for slow hardware on a development network: work that is answered at once or as a job takes so much longer per answer,
//! and text so much longer before its first token and before every further piece.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use inference::{Answer, Engine, Error, Event, Request};
use tasks::{Complaint, JobWorker, Progress, Service, WorkError, Worker};

/// The same service, slower.
pub(crate) fn throttled(service: Service, delay: Duration) -> Service {
    match service {
        _ if delay.is_zero() => service,
        Service::Stream(inner) => Service::Stream(Arc::new(Slow { inner, delay })),
        Service::Once(inner) => Service::Once(Arc::new(Slow { inner, delay })),
        Service::Job(inner) => Service::Job(Arc::new(Slow { inner, delay })),
    }
}

struct Slow<T: ?Sized> {
    delay: Duration,
    inner: Arc<T>,
}

impl Worker for Slow<dyn Worker> {
    fn work(&self, body: &[u8]) -> Result<Vec<u8>, WorkError> {
        thread::sleep(self.delay);
        self.inner.work(body)
    }
}

impl JobWorker for Slow<dyn JobWorker> {
    fn work(
        &self,
        body: &[u8],
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<u8>, WorkError> {
        thread::sleep(self.delay);
        self.inner.work(body, report)
    }

    fn check(&self, body: &[u8]) -> Result<(), Complaint> {
        self.inner.check(body)
    }

    fn patience_of(&self, body: &[u8]) -> Duration {
        self.inner.patience_of(body)
    }
}

impl Engine for Slow<dyn Engine> {
    fn model(&self) -> &str {
        self.inner.model()
    }

    fn context_tokens(&self) -> usize {
        self.inner.context_tokens()
    }

    fn draws_by_seed(&self) -> bool {
        self.inner.draws_by_seed()
    }

    fn generate(&self, request: Request) -> BoxFuture<'_, Result<Answer, Error>> {
        let delay = self.delay;
        let slowed = move |answer: Answer| {
            let event = move |event: Result<Event, Error>| async move {
                if matches!(event, Ok(Event::Delta { .. })) {
                    tokio::time::sleep(delay).await;
                }
                event
            };
            answer.then(event).boxed()
        };
        let answer = self.inner.generate(request);
        async move { Ok(slowed(answer.await?)) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    struct Prompt;

    impl Worker for Prompt {
        fn work(&self, body: &[u8]) -> Result<Vec<u8>, WorkError> {
            Ok(body.to_vec())
        }
    }

    #[test]
    fn a_throttled_worker_gives_the_same_answer_later() {
        let delay = Duration::from_millis(30);
        let Service::Once(slow) = throttled(Service::Once(Arc::new(Prompt)), delay) else {
            panic!("it answers at once, as before");
        };
        let start = Instant::now();
        assert_eq!(slow.work(b"{}"), Ok(b"{}".to_vec()));
        assert!(delay <= start.elapsed());
    }
}
