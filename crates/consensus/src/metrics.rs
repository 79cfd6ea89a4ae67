//! The figures of agreement that Prometheus collects.

use crate::progress::Finalized;
use commonware_runtime::telemetry::metrics::{
    Counter, Gauge, GaugeExt as _, Histogram, MetricsExt as _,
};

/// Bounds of the finality histogram in seconds, fine where the promise is (60 and 150 ms).
const FINALITY_SECONDS: [f64; 16] = [
    0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0,
];

/// Registered once per node.
#[derive(Clone)]
pub struct Metrics {
    height: Gauge,
    proposed: Counter,
    finality: Histogram,
}

impl Metrics {
    /// Registers the figures under the context's name.
    pub fn new(context: &impl commonware_runtime::Metrics) -> Self {
        Self {
            height: context.gauge("height", "Height of the last finalized block"),
            proposed: context.counter("own_blocks", "Blocks of this authority that were finalized"),
            finality: context.histogram(
                "finality_seconds",
                "Time from this authority beginning to build a block until that block is final and durable",
                FINALITY_SECONDS,
            ),
        }
    }

    /// Counts one finalized block.
    pub(crate) fn finalized(&self, finalized: &Finalized) {
        // A height of u32 always fits.
        let _ = self.height.try_set(finalized.number);
        if finalized.own {
            self.proposed.inc();
            self.finality
                .observe(finalized.since_proposal.as_secs_f64());
        }
    }
}
