//! What a miner does for its living: the task of its subnet, and the half of it that answers.

use std::fmt;

use primitives::TaskId;
use protocol::{
    BODY_BYTES_MAX, Code, Refusal, Route, STATUS_BYTES_MAX, TASK_HEADER, WORK_BYTES_MAX,
};
use tasks::{Kind, Limits, Service};

/// A task, and what answers its requests.
#[derive(Clone)]
pub struct Trade {
    /// The task.
    pub task: TaskId,
    /// What its messages may cost.
    pub limits: Limits,
    /// What answers.
    pub service: Service,
}

impl Trade {
    /// A service of a kind of work.
    pub fn new(kind: &dyn Kind, service: Service) -> Self {
        Self {
            task: kind.id(),
            limits: kind.limits(),
            service,
        }
    }

    /// The name of the model served, or of the task where there is no model.
    pub fn model(&self) -> &str {
        match &self.service {
            Service::Stream(engine) => engine.model(),
            Service::Once(_) | Service::Job(_) => self.task.name(),
        }
    }

    /// The longest body on a route, in bytes.
    pub(crate) fn request_bytes_max(&self, route: Route) -> usize {
        match self.service {
            Service::Stream(_) => BODY_BYTES_MAX,
            Service::Job(_) if route != Route::Submit => STATUS_BYTES_MAX,
            Service::Once(_) | Service::Job(_) => self.limits.request_bytes.min(WORK_BYTES_MAX),
        }
    }

    /// Checks that a request came on a route of this task, and, where the route serves many tasks, that it means this one.
    pub(crate) fn check(&self, route: Route, meant: Option<&str>) -> Result<(), Refusal> {
        let task = &self.task;
        let (is_right, usual) = match self.service {
            Service::Stream(_) => (route.is_streamed(), Route::Chat),
            Service::Once(_) => (route == Route::Work, Route::Work),
            Service::Job(_) => (route.is_of_jobs(), Route::Submit),
        };
        if !is_right {
            let message = format!(
                "this miner serves {task}; its requests go to {}",
                usual.path()
            );
            return Err(Refusal::new(Code::UnknownTask, message));
        }
        if route.is_streamed() {
            return Ok(());
        }
        if meant.is_some_and(|meant| meant.parse().as_ref() == Ok(task)) {
            return Ok(());
        }
        let message = format!("this miner serves {task}; the header {TASK_HEADER} does not say so");
        Err(Refusal::new(Code::UnknownTask, message))
    }
}

impl fmt::Debug for Trade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trade")
            .field("task", &self.task)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
