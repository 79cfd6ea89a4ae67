//! The figure of an answer, where a front door knows how to read it: what the gateway itself found, beside what miners claim.
//!
//! # The rule
//!
//! A miner that works on a job tells a figure of the best it has, an energy say. Until an answer is there that is its word, and shown as such.
//! An answer is checked against its request ([`tasks::Kind::check_answer_to`]; for folds that computes the energy anew from the
//! coordinates), and the figure it names is then the gateway's own. Whoever gives an answer that does not hold, or is worse than the figure
//! told before, has told a falsehood, and its figures are not heard any more on that job.
//!
//! The less, the better. Of a task that is not listed here no answer has a figure, and all that is shown is the miners' word.

use primitives::TaskId;

use crate::folds;

/// The figure of an answer that has been checked. Reads the whole answer: not for threads that serve others.
pub(super) fn figure(task: &TaskId, answer: &str) -> Option<f64> {
    match task.name() {
        folds::TASK => folds::energy(answer),
        _ => None,
    }
}

/// Whether an answer of this figure shows that the claim before it was false.
pub(super) fn belies(figure: Option<f64>, claim: Option<f64>) -> bool {
    match (figure, claim) {
        (Some(figure), Some(claim)) => claim + folds::ENERGY_SLACK < figure,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_belied_by_a_worse_answer_only() {
        assert!(belies(Some(-90.0), Some(-100.0)));
        assert!(!belies(Some(-100.0), Some(-100.0)));
        assert!(!belies(Some(-100.0), Some(-90.0)), "more was found since");
        assert!(!belies(None, Some(-100.0)) && !belies(Some(-90.0), None));
    }
}
