//! What an operator watches: grades by outcome, standings and their parts, publications.

use std::sync::atomic::AtomicU64;

use primitives::{NetUid, TaskId, Uid};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use scoring::{Fault, Judgement, Standing};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Graded {
    uid: u32,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Miner {
    uid: u32,
}

type Parts = Family<Miner, Gauge<f64, AtomicU64>>;

/// The validator's figures, all labelled with subnet and task. The other labels are uids, of which a subnet has a bounded
/// number.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    probes: Family<Graded, Counter>,
    ungraded: Counter,
    standings: Parts,
    qualities: Parts,
    paces: Parts,
    originalities: Parts,
    published: Counter,
    refused: Counter,
}

impl Metrics {
    pub(crate) fn new(netuid: NetUid, task: &TaskId) -> Self {
        let labels = [
            ("netuid".into(), netuid.to_string().into()),
            ("task".into(), task.to_string().into()),
        ];
        let mut registry = Registry::with_prefix_and_labels("stoa_validator", labels.into_iter());
        let probes = Family::default();
        let ungraded = Counter::default();
        let published = Counter::default();
        let refused = Counter::default();
        registry.register("probes", "Answers graded, by outcome", probes.clone());
        registry.register(
            "ungraded",
            "Answers this validator could not judge",
            ungraded.clone(),
        );
        let mut part = |name: &str, help: &str| {
            let part = Parts::default();
            registry.register(name, help, part.clone());
            part
        };
        let standings = part("standing", "Quality, pace and originality together");
        let qualities = part("quality", "How good answers are, by the task's measure");
        let paces = part("pace", "The share of the market's pace");
        let originalities = part("originality", "1, or less for another's answers");
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
            qualities,
            paces,
            originalities,
            published,
            refused,
        }
    }

    pub(crate) fn graded(&self, uid: Uid, judgement: &Judgement) {
        let outcome = judgement.fault.as_ref().map_or("verified", Fault::kind);
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

    pub(crate) fn stands(&self, uid: Uid, standing: Standing, value: f64) {
        let miner = Miner { uid: uid.0.into() };
        let parts = [
            (&self.standings, value),
            (&self.qualities, standing.quality),
            (&self.paces, standing.pace),
            (&self.originalities, standing.originality),
        ];
        for (family, value) in parts {
            family.get_or_create(&miner).set(value);
        }
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
