//! Figures of the published vectors, and the fast settlement against the plain one.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its vectors has failed"
)]

#[path = "../../../stoa/src/commands/simulate/case.rs"]
mod case;
mod emission;
mod epoch_cases;
mod equivalence;
mod math_ops;
mod reference;
