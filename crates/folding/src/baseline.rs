//! The energy that a validator reaches by itself, within a fraction of a second: what an answer has to beat.

use std::ops::ControlFlow;

use amber::{AmberError, Solvent, System};
use molecule::Sequence;

use crate::chain::build;
use crate::search::{Budget, search};

/// How many evaluations the baseline may spend.
pub const BASELINE_EVALUATIONS: u64 = 400;

/// The energy of a short search, in kcal/mol. The same for the same sequence and seed on every machine, because it spends a
/// count of evaluations rather than time.
///
/// # Errors
///
/// If the force field has no parameters for the sequence.
pub fn baseline(sequence: &Sequence, seed: u64) -> Result<f64, AmberError> {
    let start = build(sequence);
    let system = System::new(&start, Solvent::Obc2)?;
    let budget = Budget::Evaluations(BASELINE_EVALUATIONS);
    let found = search(&system, &start, budget, seed, |_| ControlFlow::Continue(()));
    Ok(found.energy)
}
