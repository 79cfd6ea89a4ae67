//! Text generation: a language model that every miner of the subnet serves, checked by recomputing.
//!
//! | | |
//! |---|---|
//! | request | OpenAI's chat or completion, every choice made explicit ([`protocol::Ask`]) |
//! | answer | a stream of text, closed by a receipt that lists the tokens drawn |
//! | challenge | [`draw`]: a question such as people ask, from a secret seed |
//! | judged by | one pass of the same model over question and answer: `verdict` |
//! | standing | a sequential test over the window: nothing for who was caught |
//! | cheats | `untrained`, `canned`, `rounded-4bit` |
//!
//! It streams, so it is a [`Kind`] of its own rather than a [`crate::Task`].

pub mod calibration;
mod canned;
mod questions;
mod schema;
mod service;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use inference::model::Model;
use primitives::TaskId;
use protocol::{ANSWER_BYTES_MAX, Ask, BODY_BYTES_MAX, Route};
use rand_chacha::ChaCha20Rng;
use scoring::{Fault, Judgement, Observation};
use serde_json::Value;

use crate::once::unused;
use crate::{
    Answered, Challenge, Complaint, Delivery, Judge, Kind, Limits, Put, Reply, Service, Setup,
    SetupError,
};
pub use questions::draw;

/// The task's name on chain.
const NAME: &str = "text-generation";
const VERSION: u16 = 1;

/// The task.
pub struct Text;

impl Kind for Text {
    fn id(&self) -> TaskId {
        TaskId::new(NAME, VERSION).expect("lower-case letters and a hyphen")
    }

    fn about(&self) -> &'static str {
        "Text from a language model, checked by recomputing it."
    }

    fn delivery(&self) -> Delivery {
        Delivery::Stream
    }

    fn unit(&self) -> &'static str {
        "tokens"
    }

    fn limits(&self) -> Limits {
        Limits {
            request_bytes: BODY_BYTES_MAX,
            answer_bytes: ANSWER_BYTES_MAX,
            patience: Duration::from_secs(60),
        }
    }

    fn request_schema(&self) -> Value {
        schema::request()
    }

    fn answer_schema(&self) -> Value {
        schema::answer()
    }

    fn cheats(&self) -> &'static [&'static str] {
        service::CHEATS
    }

    fn canonical(&self, body: &[u8]) -> Result<Bytes, Complaint> {
        let route = match serde_json::from_slice::<Value>(body) {
            Ok(value) if value.get("messages").is_some() => Route::Chat,
            _ => Route::Completions,
        };
        let ask = Ask::from_body(route, body).map_err(|refusal| Complaint {
            message: refusal.message,
            param: refusal.param,
        })?;
        Ok(ask.to_body().into())
    }

    fn check_answer(&self, body: &[u8]) -> Result<(), Complaint> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| Complaint::new(format!("the answer cannot be read: {error}")))?;
        let choice = value.pointer("/choices/0");
        let has = |path: &str| choice.is_some_and(|choice| choice.pointer(path).is_some());
        if has("/message/content") || has("/text") {
            Ok(())
        } else {
            Err(Complaint::of("choices", "must hold a message or a text"))
        }
    }

    fn judge(&self, setup: &Setup) -> Result<Arc<dyn Judge>, SetupError> {
        let options = [
            ("--challenges", setup.challenges.is_some()),
            ("--upstream", setup.upstream.is_some()),
            ("--cheat", setup.cheat.is_some()),
            ("--effort", setup.effort.is_some()),
            ("--probe-budget-s", setup.probe_budget.is_some()),
        ];
        unused(&self.id(), &options)?;
        let model = Model::open(&service::source(setup)).map_err(service::unusable)?;
        Ok(Arc::new(TextJudge {
            name: service::model_name(setup),
            model: Arc::new(model),
        }))
    }

    fn service(&self, setup: &Setup) -> Result<Service, SetupError> {
        let options = [
            ("--challenges", setup.challenges.is_some()),
            ("--effort", setup.effort.is_some()),
            ("--probe-budget-s", setup.probe_budget.is_some()),
            (
                "--cheat beside --upstream",
                setup.cheat.is_some() && setup.upstream.is_some(),
            ),
        ];
        unused(&self.id(), &options)?;
        if setup.upstream.is_some() && setup.model_name.is_none() {
            return Err(SetupError::Unusable(
                "say with --model-name how the model behind --upstream is asked for".into(),
            ));
        }
        if let Some(cheat) = &setup.cheat
            && !service::CHEATS.contains(&cheat.as_str())
        {
            return Err(SetupError::UnknownCheat {
                task: self.id(),
                cheat: cheat.clone(),
                known: service::CHEATS,
            });
        }
        Ok(Service::Stream(service::engine(setup)?))
    }
}

/// A validator's half: the same model, and the name it is asked for by.
struct TextJudge {
    name: String,
    model: Arc<Model>,
}

impl Judge for TextJudge {
    fn challenge(&self, rng: &mut ChaCha20Rng) -> Challenge {
        let ask = draw(&self.name, rng);
        Challenge {
            route: ask.route(),
            body: ask.to_body().into(),
            secret: Box::new(ask),
        }
    }

    fn judge(&self, put: Put<'_>, reply: &Reply) -> Option<Judgement> {
        let Some(ask) = put.challenge.secret.downcast_ref::<Ask>() else {
            tracing::error!("text judges a challenge that another task drew");
            return None;
        };
        let Answered::Stream(answer) = &reply.answered else {
            let fault = Fault::Unreadable("an answer came at once, not as a stream".into());
            return Some(Judgement::fault(fault));
        };
        let timed = verdict::Timed {
            answer,
            first_ms: reply.first_ms,
            total_ms: reply.total_ms,
        };
        verdict::judge(&self.model, ask, put.request_hash, put.miner, timed)
    }

    fn quality(&self, window: &[Observation]) -> f64 {
        verdict::quality(window)
    }

    fn model(&self) -> Option<&str> {
        Some(&self.name)
    }
}

#[cfg(test)]
mod tests;
