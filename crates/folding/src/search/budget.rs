//! What a search may spend, and the meter that counts it.

use std::cell::Cell;
use std::time::Duration;

/// What a search may spend. The clock is passed in: it tells how much time has gone by since any fixed moment.
#[derive(Clone, Copy)]
pub enum Budget<'a> {
    /// The share `effort` (0 to 1) of a duration.
    Time {
        duration: Duration,
        effort: f64,
        clock: &'a dyn Fn() -> Duration,
    },
    /// So many evaluations of the energy with its gradient; the same everywhere, as no clock is asked.
    Evaluations(u64),
}

/// Counts what is spent of a budget.
pub(crate) struct Meter<'a> {
    budget: Budget<'a>,
    started: Duration,
    evaluations: Cell<u64>,
    is_stopped: Cell<bool>,
}

impl<'a> Meter<'a> {
    pub fn new(budget: Budget<'a>) -> Self {
        let started = match budget {
            Budget::Time { clock, .. } => clock(),
            Budget::Evaluations(_) => Duration::ZERO,
        };
        Self {
            budget,
            started,
            evaluations: Cell::new(0),
            is_stopped: Cell::new(false),
        }
    }

    /// Counts one evaluation; false when there is nothing left to spend.
    pub fn spend(&self) -> bool {
        if self.is_empty() {
            return false;
        }
        self.evaluations.set(self.evaluations.get() + 1);
        true
    }

    /// Lets nothing more be spent.
    pub fn stop(&self) {
        self.is_stopped.set(true);
    }

    pub fn is_empty(&self) -> bool {
        self.is_stopped.get() || self.fraction() >= 1.0
    }

    /// How much of the budget is spent, 0 to 1.
    pub fn fraction(&self) -> f64 {
        let (spent, whole) = match self.budget {
            Budget::Time {
                duration, effort, ..
            } => (self.time(), duration.as_secs_f64() * effort.clamp(0.0, 1.0)),
            Budget::Evaluations(most) => (self.evaluations.get() as f64, most as f64),
        };
        if spent < whole { spent / whole } else { 1.0 }
    }

    /// Seconds since the start; thousands of evaluations where those are counted instead.
    pub fn time(&self) -> f64 {
        match self.budget {
            Budget::Time { clock, .. } => clock().saturating_sub(self.started).as_secs_f64(),
            Budget::Evaluations(_) => self.evaluations.get() as f64 / 1000.0,
        }
    }

    pub fn evaluations(&self) -> u64 {
        self.evaluations.get()
    }
}
