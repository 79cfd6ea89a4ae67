//! What an operator watches: requests by outcome, tokens, times, all labelled with the task.

use std::borrow::Cow;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use primitives::TaskId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tasks::Service;

use crate::yard::Census;

const SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
/// The same of jobs.
const SECONDS_OF_JOBS: [f64; 12] = [
    0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The miner's figures.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Outcome, Counter>,
    prompt_tokens: Counter,
    completion_tokens: Counter,
    answering: Gauge<u64, AtomicU64>,
    jobs: Family<State, Gauge<u64, AtomicU64>>,
    queue: Histogram,
    first_token: Histogram,
    total: Histogram,
}

impl Metrics {
    /// The figures of a miner of one task; those of text where its answers stream, those of jobs where it has such.
    pub(crate) fn new(task: &TaskId, service: &Service) -> Self {
        let seconds = match service {
            Service::Job(_) => SECONDS_OF_JOBS,
            Service::Stream(_) | Service::Once(_) => SECONDS,
        };
        let label = (Cow::from("task"), Cow::from(task.to_string()));
        let metrics = Self {
            registry: Registry::with_prefix_and_labels("stoa_miner", [label].into_iter()),
            requests: Family::default(),
            prompt_tokens: Counter::default(),
            completion_tokens: Counter::default(),
            answering: Gauge::default(),
            jobs: Family::default(),
            queue: Histogram::new(seconds),
            first_token: Histogram::new(seconds),
            total: Histogram::new(seconds),
        };
        metrics.registered(service)
    }

    fn registered(mut self, service: &Service) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests by outcome", self.requests.clone());
        registry.register("answering", "Answers in progress", self.answering.clone());
        let mut times = vec![
            ("queue", "From arrival to the start of work", &self.queue),
            ("total", "From arrival to receipt", &self.total),
        ];
        if matches!(service, Service::Job(_)) {
            registry.register("jobs", "Jobs by state", self.jobs.clone());
        }
        if matches!(service, Service::Stream(_)) {
            let read = self.prompt_tokens.clone();
            registry.register("prompt_tokens", "Tokens read", read);
            let drawn = self.completion_tokens.clone();
            registry.register("completion_tokens", "Tokens drawn", drawn);
            let about = "From arrival to first token";
            times.push(("first_token", about, &self.first_token));
        }
        for (name, about, histogram) in times {
            registry.register_with_unit(name, about, Unit::Seconds, histogram.clone());
        }
        self
    }

    /// Counts a request that ended, by the code of its refusal, `answered` or `abandoned`.
    pub(crate) fn count(&self, outcome: &'static str) {
        self.requests.get_or_create(&Outcome { outcome }).inc();
    }

    /// Records a complete answer.
    pub(crate) fn answered(&self, queue: Duration, total: Duration) {
        self.count("answered");
        self.queue.observe(queue.as_secs_f64());
        self.total.observe(total.as_secs_f64());
    }

    /// Records what a complete answer was made of, where it is made of tokens.
    pub(crate) fn drew(&self, prompt_tokens: u32, completion_tokens: u32, first_token: Duration) {
        self.prompt_tokens.inc_by(u64::from(prompt_tokens));
        self.completion_tokens.inc_by(u64::from(completion_tokens));
        self.first_token.observe(first_token.as_secs_f64());
    }

    /// Records how many jobs there are.
    pub(crate) fn count_jobs(&self, census: Census) {
        let counts = [
            ("working", census.working),
            ("waiting", census.waiting),
            ("kept", census.kept),
        ];
        for (state, count) in counts {
            self.jobs.get_or_create(&State { state }).set(count as u64);
        }
    }

    /// The OpenMetrics text.
    pub(crate) fn text(&self, answering: usize) -> String {
        self.answering.set(answering as u64);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}
