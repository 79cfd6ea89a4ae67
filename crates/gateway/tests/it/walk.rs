//! A task whose answers take minutes, as far as the gateway can tell.

use std::time::Duration;

use primitives::TaskId;
use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use schemars::JsonSchema;
use scoring::Judgement;
use serde::{Deserialize, Serialize};
use tasks::{Complaint, Delivery, Kind, Limits, Once, Setup, SetupError, Task, WorkError};

/// The task's name.
pub const WALK: &str = "walk";

/// How far to go.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Request {
    steps: u32,
}

/// Where that leads.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    place: i64,
}

/// A walk.
pub struct Walk;

impl Task for Walk {
    type Request = Request;
    type Answer = Answer;
    type Secret = ();

    const NAME: &'static str = WALK;
    const VERSION: u16 = 1;
    const ABOUT: &'static str = "A long walk.";
    const DELIVERY: Delivery = Delivery::Job;
    const LIMITS: Limits = Limits {
        request_bytes: 1024,
        answer_bytes: 64 * 1024,
        patience: Duration::from_secs(600),
    };

    fn open(setup: &Setup) -> Result<Self, SetupError> {
        setup.expect_nothing(&Self::id())?;
        Ok(Self)
    }

    fn check(request: &Request) -> Result<(), Complaint> {
        match request.steps {
            0 => Err(Complaint::of("steps", "is 0; go at least one")),
            _ => Ok(()),
        }
    }

    fn challenge(&self, rng: &mut ChaCha20Rng) -> (Request, ()) {
        let steps = rng.random_range(1..100);
        (Request { steps }, ())
    }

    fn judge(&self, request: &Request, answer: &Answer, (): &()) -> Judgement {
        let is_near = answer.place.unsigned_abs() <= u64::from(request.steps);
        Judgement::of(f64::from(u8::from(is_near)), "as far as the feet go")
    }

    fn solve(&self, request: &Request) -> Result<Answer, WorkError> {
        let place = i64::from(request.steps);
        Ok(Answer { place })
    }
}

/// A task by its name: one of the list, or the walk.
pub fn kind(name: &str) -> &'static dyn Kind {
    match name {
        WALK => &Once::<Walk>::KIND,
        name => tasks::find_by_name(name).expect("a task of the list"),
    }
}

/// The walk's name and version.
pub fn id() -> TaskId {
    Walk::id()
}
