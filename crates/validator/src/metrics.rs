//! What an operator watches: grades by outcome, standings, publications.

use std::sync::atomic::AtomicU64;

use primitives::Uid;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use scoring::{Fault, Outcome};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Graded {
    uid: u32,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Miner {
    uid: u32,
}

/// The validator's figures. Labels are uids, of which a subnet has a bounded number.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    probes: Family<Graded, Counter>,
    ungraded: Counter,
    standings: Family<Miner, Gauge<f64, AtomicU64>>,
    published: Counter,
    refused: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("stoa_validator");
        let probes = Family::default();
        let ungraded = Counter::default();
        let standings = Family::default();
        let published = Counter::default();
        let refused = Counter::default();
        registry.register("probes", "Answers graded, by outcome", probes.clone());
        registry.register(
            "ungraded",
            "Answers this validator could not recompute",
            ungraded.clone(),
        );
        registry.register("standing", "Moving average of scores", standings.clone());
        registry.register(
            "weights_published",
            "Weights accepted by the chain",
            published.clone(),
        );
        registry.register(
            "weights_refused",
            "Weights refused by the chain",
            refused.clone(),
        );
        Self {
            registry,
            probes,
            ungraded,
            standings,
            published,
            refused,
        }
    }
}

impl Metrics {
    pub(crate) fn graded(&self, uid: Uid, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Verified(_) => "verified",
            Outcome::Unverified(Fault::Unreachable(_)) => "unreachable",
            Outcome::Unverified(Fault::Refused(_)) => "refused",
            Outcome::Unverified(Fault::TooSlow(_)) => "too_slow",
            Outcome::Unverified(Fault::Unreadable(_)) => "unreadable",
            Outcome::Unverified(Fault::FalseReceipt(_)) => "false_receipt",
            Outcome::Unverified(Fault::FalseCount(_)) => "false_count",
            Outcome::Unverified(Fault::FalseAnswer(_)) => "false_answer",
        };
        self.probes
            .get_or_create(&Graded {
                uid: uid.0.into(),
                outcome,
            })
            .inc();
    }

    pub(crate) fn ungraded(&self) {
        self.ungraded.inc();
    }

    pub(crate) fn stands(&self, uid: Uid, standing: f64) {
        self.standings
            .get_or_create(&Miner { uid: uid.0.into() })
            .set(standing);
    }

    pub(crate) fn published(&self, is_accepted: bool) {
        if is_accepted {
            self.published.inc()
        } else {
            self.refused.inc()
        };
    }

    /// The OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}
