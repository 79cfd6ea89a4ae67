//! Probes miners, recomputes their answers, keeps standings and publishes weights.
