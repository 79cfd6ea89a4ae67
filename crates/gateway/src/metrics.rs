//! What the gateway counts, in Prometheus' text form at `/metrics`.

use std::time::Duration;

use primitives::NetUid;
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Buckets of jobs, from half a second to half an hour.
const JOB_BUCKETS: [f64; 13] = [
    0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0,
];

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
struct TaskLabels {
    task: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SubnetLabels {
    task: String,
    netuid: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MinerLabels {
    task: String,
    miner: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    task: String,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct JobLabels {
    task: String,
    outcome: &'static str,
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

/// The gateway's counters. Labels are bounded: routes are fixed, tasks are those this program knows, miners are those on the
/// subnets.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    tries: Family<MinerLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    first: Family<TaskLabels, Histogram, fn() -> Histogram>,
    whole: Family<TaskLabels, Histogram, fn() -> Histogram>,
    miners: Family<SubnetLabels, Gauge>,
    jobs: Family<JobLabels, Counter>,
    unfinished: Family<TaskLabels, Gauge>,
    moves: Family<TaskLabels, Counter>,
    labour: Family<TaskLabels, Histogram, fn() -> Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let mut metrics = Self {
            registry: Registry::with_prefix("stoa_gateway"),
            requests: Family::default(),
            tries: Family::default(),
            tokens: Family::default(),
            first: Family::new_with_constructor(histogram),
            whole: Family::new_with_constructor(histogram),
            miners: Family::default(),
            jobs: Family::default(),
            unfinished: Family::default(),
            moves: Family::default(),
            labour: Family::new_with_constructor(|| Histogram::new(JOB_BUCKETS)),
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
            "Requests sent to miners by task and outcome",
            self.tries.clone(),
        );
        registry.register("tokens", "Tokens in receipts by kind", self.tokens.clone());
        let help = "From the request's arrival to the first of its answer, by task";
        registry.register("first_token_seconds", help, self.first.clone());
        let help = "From the request's arrival to the end of its answer, by task";
        registry.register("answer_seconds", help, self.whole.clone());
        registry.register(
            "miners",
            "Miners listed with an address, by subnet",
            self.miners.clone(),
        );
        registry.register(
            "jobs",
            "Jobs that ended, by task and end",
            self.jobs.clone(),
        );
        let help = "Jobs that are waiting or worked on, by task";
        registry.register("jobs_unfinished", help, self.unfinished.clone());
        let help = "Moves of jobs from one miner to another, by task";
        registry.register("job_moves", help, self.moves.clone());
        let help = "From a job's creation to its end, by task";
        registry.register("job_seconds", help, self.labour.clone());
    }

    /// Counts a job in.
    pub fn job_began(&self, task: &str) {
        let task = task.to_owned();
        self.unfinished.get_or_create(&TaskLabels { task }).inc();
    }

    /// Counts a job that left a miner for another.
    pub fn job_moved(&self, task: &str) {
        let task = task.to_owned();
        self.moves.get_or_create(&TaskLabels { task }).inc();
    }

    /// Counts a job out.
    pub fn job_ended(&self, task: &str, outcome: &'static str, took: Duration) {
        let task = task.to_owned();
        let labels = TaskLabels { task: task.clone() };
        self.unfinished.get_or_create(&labels).dec();
        self.jobs.get_or_create(&JobLabels { task, outcome }).inc();
        observe(&self.labour, &labels.task, took);
    }

    /// Counts an answered or refused request.
    pub fn request(&self, route: &'static str, status: u16) {
        self.requests
            .get_or_create(&RequestLabels { route, status })
            .inc();
    }

    /// Counts how one try at a miner ended.
    pub fn tried(&self, task: &str, miner: impl ToString, outcome: Outcome) {
        let labels = MinerLabels {
            task: task.to_owned(),
            miner: miner.to_string(),
            outcome: outcome.label(),
        };
        self.tries.get_or_create(&labels).inc();
    }

    /// Counts the tokens of a finished answer.
    pub fn tokens(&self, task: &str, prompt: u32, completion: u32) {
        for (kind, count) in [("prompt", prompt), ("completion", completion)] {
            let task = task.to_owned();
            self.tokens
                .get_or_create(&TokenLabels { task, kind })
                .inc_by(u64::from(count));
        }
    }

    /// Counts a finished answer.
    pub fn answered(&self, task: &str, took: Duration) {
        observe(&self.whole, task, took);
    }

    /// Counts the first of an answer.
    pub fn began(&self, task: &str, took: Duration) {
        observe(&self.first, task, took);
    }

    /// Says how many miners a subnet lists.
    pub fn miners(&self, task: &str, netuid: NetUid, count: usize) {
        let task = task.to_owned();
        let netuid = netuid.0;
        let labels = SubnetLabels { task, netuid };
        self.miners.get_or_create(&labels).set(count as i64);
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

fn observe(
    histograms: &Family<TaskLabels, Histogram, fn() -> Histogram>,
    task: &str,
    took: Duration,
) {
    let task = task.to_owned();
    let labels = TaskLabels { task };
    histograms
        .get_or_create(&labels)
        .observe(took.as_secs_f64());
}
