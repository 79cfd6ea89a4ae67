//! What the gateway counts, in Prometheus' text form at `/metrics`.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Buckets from a quarter of a millisecond to half a minute, each twice the one before.
const BUCKETS: [f64; 18] = [
    0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024,
    2.048, 4.096, 8.192, 16.384, 32.768,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MinerLabels {
    miner: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    kind: &'static str,
}

/// How one try at one miner ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A whole answer with a good receipt.
    Served,
    /// It would not.
    Refused,
    /// It did not, or not to the end.
    Failed,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Outcome::Served => "served",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// The gateway's counters. Labels are bounded: routes are fixed, miners are those on the subnet.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    tries: Family<MinerLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    first_token: Histogram,
    whole: Histogram,
    /// Answers under way.
    pub answering: Gauge,
    /// Miners listed on the subnet with an address.
    pub miners: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram = || Histogram::new(BUCKETS);
        let mut metrics = Self {
            registry: Registry::with_prefix("stoa_gateway"),
            requests: Family::default(),
            tries: Family::default(),
            tokens: Family::default(),
            first_token: histogram(),
            whole: histogram(),
            answering: Gauge::default(),
            miners: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Requests by route and status",
            self.requests.clone(),
        );
        registry.register(
            "tries",
            "Requests sent to miners by outcome",
            self.tries.clone(),
        );
        registry.register("tokens", "Tokens in receipts by kind", self.tokens.clone());
        let help = "From the request's arrival to its first token";
        registry.register("first_token_seconds", help, self.first_token.clone());
        let help = "From the request's arrival to its last token";
        registry.register("answer_seconds", help, self.whole.clone());
        registry.register("answering", "Answers under way", self.answering.clone());
        registry.register(
            "miners",
            "Miners listed with an address",
            self.miners.clone(),
        );
    }

    /// Counts an answered or refused request.
    pub fn request(&self, route: &'static str, status: u16) {
        self.requests
            .get_or_create(&RequestLabels { route, status })
            .inc();
    }

    /// Counts how one try at a miner ended.
    pub fn tried(&self, miner: impl ToString, outcome: Outcome) {
        let labels = MinerLabels {
            miner: miner.to_string(),
            outcome: outcome.label(),
        };
        self.tries.get_or_create(&labels).inc();
    }

    /// Counts a finished answer.
    pub fn answered(&self, prompt_tokens: u32, completion_tokens: u32, took: Duration) {
        let kinds = [("prompt", prompt_tokens), ("completion", completion_tokens)];
        for (kind, count) in kinds {
            self.tokens
                .get_or_create(&TokenLabels { kind })
                .inc_by(u64::from(count));
        }
        self.whole.observe(took.as_secs_f64());
    }

    /// Counts a first token.
    pub fn began(&self, took: Duration) {
        self.first_token.observe(took.as_secs_f64());
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing into a string fails only if a metric's own formatting does.
            Err(error) => format!("# {error}\n"),
        }
    }
}
