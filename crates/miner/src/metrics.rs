//! What an operator watches: requests by outcome, tokens, times.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

const SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

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
    first_token: Histogram,
    total: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("stoa_miner"),
            requests: Family::default(),
            prompt_tokens: Counter::default(),
            completion_tokens: Counter::default(),
            answering: Gauge::default(),
            first_token: Histogram::new(SECONDS),
            total: Histogram::new(SECONDS),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests by outcome", self.requests.clone());
        registry.register("prompt_tokens", "Tokens read", self.prompt_tokens.clone());
        registry.register(
            "completion_tokens",
            "Tokens drawn",
            self.completion_tokens.clone(),
        );
        registry.register("answering", "Answers in progress", self.answering.clone());
        let about = "From arrival to first token";
        registry.register_with_unit(
            "first_token",
            about,
            Unit::Seconds,
            self.first_token.clone(),
        );
        registry.register_with_unit(
            "total",
            "From arrival to receipt",
            Unit::Seconds,
            self.total.clone(),
        );
        self
    }

    /// Counts a request that ended, by the code of its refusal, `answered` or `abandoned`.
    pub(crate) fn count(&self, outcome: &'static str) {
        self.requests.get_or_create(&Outcome { outcome }).inc();
    }

    /// Records a complete answer.
    pub(crate) fn answered(
        &self,
        prompt_tokens: u32,
        completion_tokens: u32,
        first_token_ms: u32,
        total_ms: u32,
    ) {
        self.count("answered");
        self.prompt_tokens.inc_by(u64::from(prompt_tokens));
        self.completion_tokens.inc_by(u64::from(completion_tokens));
        self.first_token
            .observe(f64::from(first_token_ms) / 1_000.0);
        self.total.observe(f64::from(total_ms) / 1_000.0);
    }

    /// The OpenMetrics text.
    pub(crate) fn text(&self, answering: usize) -> String {
        self.answering.set(answering as u64);
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}
