//! A small task for tests: square roots, to the last digit. Two programs that work them out differently differ there.

use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use schemars::JsonSchema;
use scoring::Judgement;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tasks::{Complaint, Kind, Limits, Once, Setup, SetupError, Task, WorkError};

/// What is asked.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Question {
    /// A number, not nought.
    pub number: u32,
}

/// What is answered.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Root {
    /// Its root.
    pub root: f64,
}

/// The task.
pub struct Roots;

impl Task for Roots {
    type Request = Question;
    type Answer = Root;
    type Secret = f64;

    const NAME: &'static str = "roots";
    const VERSION: u16 = 1;
    const ABOUT: &'static str = "The square root of a number.";
    const LIMITS: Limits = Limits {
        request_bytes: 256,
        answer_bytes: 256,
        patience: Duration::from_millis(300),
    };

    fn open(setup: &Setup) -> Result<Self, SetupError> {
        setup.expect_nothing(&Self::id())?;
        Ok(Self)
    }

    fn check(request: &Question) -> Result<(), Complaint> {
        match request.number {
            0 => Err(Complaint::of("number", "must not be nought")),
            _ => Ok(()),
        }
    }

    fn challenge(&self, rng: &mut ChaCha20Rng) -> (Question, f64) {
        let number = rng.random_range(1..u32::MAX);
        (Question { number }, f64::from(number).sqrt())
    }

    fn judge(&self, _: &Question, answer: &Root, secret: &f64) -> Judgement {
        let error = (answer.root / secret - 1.0).abs();
        let mut judgement = match error < 1e-6 {
            true => Judgement::of(1.0, "right"),
            false => Judgement::of(0.0, format!("wrong by {error:.1e}: look at the number")),
        };
        judgement.mark = Some(answer.root.to_bits());
        judgement
    }

    fn solve(&self, request: &Question) -> Result<Root, WorkError> {
        let root = f64::from(request.number).sqrt();
        Ok(Root { root })
    }
}

/// The task as a daemon knows it.
pub fn kind() -> &'static dyn Kind {
    &Once::<Roots>::KIND
}
