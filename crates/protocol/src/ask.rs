//! What is asked: OpenAI's request body with every choice made explicit.
//!
//! OpenAI's fields default when they are absent, and a seed may be left out. An answer that is to be recomputed leaves
//! nothing open, so an [`Ask`] has no optional choice, and [`Ask::to_body`] writes all of them, always in the same
//! order: whoever watches the wire cannot tell a validator's body from a gateway's.
//!
//! A miner reads bodies leniently (defaults are OpenAI's) except that `stream` must be true and `seed` present.

use serde::{Deserialize, Serialize};

use crate::{
    ANSWER_TOKENS_MAX, BODY_BYTES_MAX, Code, MESSAGES_MAX, MODEL_BYTES_MAX, Refusal, Route,
    SEED_LIMIT, STOP_BYTES_MAX,
};

/// The most stop sequences.
const STOP_MAX: usize = 16;
/// What OpenAI's completions route defaults to.
const MAX_TOKENS_DEFAULT: u32 = 16;
/// The most alternatives reported per token.
const TOP_LOGPROBS_MAX: u8 = 20;

/// One question, complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The name of the model.
    pub model: String,
    /// What the model reads.
    pub prompt: Prompt,
    /// The most tokens to draw.
    pub max_tokens: u32,
    /// From 0 (the likeliest token) to 2.
    pub temperature: f64,
    /// Keeps the likeliest tokens that together reach this probability.
    pub top_p: f64,
    /// Keeps so many of the likeliest tokens; 0 keeps all.
    pub top_k: u32,
    /// Names the randomness.
    pub seed: u64,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Whether log-probabilities are reported, and with how many alternatives.
    pub top_logprobs: Option<u8>,
}

/// What the model reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A conversation.
    Chat(Vec<Message>),
    /// Plain text.
    Text(String),
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions; OpenAI's newer word `developer` means the same.
    #[serde(alias = "developer")]
    System,
    /// The person asking.
    User,
    /// The model.
    Assistant,
}

#[derive(Serialize, Deserialize)]
struct Body {
    model: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    messages: Option<Vec<Message>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    prompt: Option<String>,
    #[serde(alias = "max_completion_tokens", default = "max_tokens_default")]
    max_tokens: u32,
    #[serde(default = "one")]
    temperature: f64,
    #[serde(default = "one")]
    top_p: f64,
    #[serde(default)]
    top_k: u32,
    seed: u64,
    #[serde(default)]
    stop: Stop,
    /// A flag on the chat route, the number of alternatives on the other.
    #[serde(default)]
    logprobs: Logprobs,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    top_logprobs: Option<u8>,
    stream: bool,
    #[serde(default)]
    stream_options: StreamOptions,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stop {
    Many(Vec<String>),
    One(String),
    None(()),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Logprobs {
    Flag(bool),
    Count(u8),
    None(()),
}

#[derive(Serialize, Deserialize)]
struct StreamOptions {
    include_usage: bool,
}

impl Default for Stop {
    fn default() -> Self {
        Self::None(())
    }
}

impl Default for Logprobs {
    fn default() -> Self {
        Self::None(())
    }
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            include_usage: true,
        }
    }
}

fn max_tokens_default() -> u32 {
    MAX_TOKENS_DEFAULT
}

fn one() -> f64 {
    1.0
}

impl Ask {
    /// The route this question is posted to.
    pub const fn route(&self) -> Route {
        match self.prompt {
            Prompt::Chat(_) => Route::Chat,
            Prompt::Text(_) => Route::Completions,
        }
    }

    /// The body to sign and send.
    pub fn to_body(&self) -> Vec<u8> {
        let (messages, prompt) = match &self.prompt {
            Prompt::Chat(messages) => (Some(messages.clone()), None),
            Prompt::Text(text) => (None, Some(text.clone())),
        };
        let (logprobs, top_logprobs) = match (&self.prompt, self.top_logprobs) {
            (Prompt::Chat(_), count) => (Logprobs::Flag(count.is_some()), count),
            (Prompt::Text(_), Some(count)) => (Logprobs::Count(count), None),
            (Prompt::Text(_), None) => (Logprobs::None(()), None),
        };
        let body = Body {
            model: self.model.clone(),
            messages,
            prompt,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            seed: self.seed,
            stop: Stop::Many(self.stop.clone()),
            logprobs,
            top_logprobs,
            stream: true,
            stream_options: StreamOptions::default(),
        };
        serde_json::to_vec(&body).expect("strings and finite or null numbers are JSON")
    }

    /// Reads a body received on a route.
    ///
    /// # Errors
    ///
    /// [`Code::TooLarge`], or [`Code::BadRequest`] naming the field; [`Code::UnknownTask`] on [`Route::Work`].
    pub fn from_body(route: Route, body: &[u8]) -> Result<Self, Refusal> {
        if BODY_BYTES_MAX < body.len() {
            let message = format!(
                "the body is {} bytes; at most {BODY_BYTES_MAX} are read",
                body.len()
            );
            return Err(Refusal::new(Code::TooLarge, message));
        }
        let body: Body = serde_json::from_slice(body).map_err(|error| {
            Refusal::new(
                Code::BadRequest,
                format!("the body cannot be read: {error}"),
            )
        })?;
        if !body.stream {
            return Err(Refusal::of("stream", "miners only stream: send true"));
        }
        let prompt = match (route, body.messages, body.prompt) {
            (Route::Chat, Some(messages), None) => Prompt::Chat(messages),
            (Route::Completions, None, Some(text)) => Prompt::Text(text),
            (Route::Chat, ..) => {
                return Err(Refusal::of(
                    "messages",
                    "must be given, and prompt must not",
                ));
            }
            (Route::Completions, ..) => {
                return Err(Refusal::of(
                    "prompt",
                    "must be given, and messages must not",
                ));
            }
            (Route::Work | Route::Submit | Route::Poll | Route::Cancel, ..) => {
                let message = "a question about text is asked on its own routes";
                return Err(Refusal::new(Code::UnknownTask, message));
            }
        };
        let top_logprobs = match (body.logprobs, body.top_logprobs) {
            (Logprobs::Flag(true), count) => Some(count.unwrap_or(0)),
            (Logprobs::Count(count), _) => Some(count),
            (Logprobs::Flag(false) | Logprobs::None(()), _) => None,
        };
        let stop = match body.stop {
            Stop::Many(sequences) => sequences,
            Stop::One(sequence) => vec![sequence],
            Stop::None(()) => Vec::new(),
        };
        let ask = Self {
            model: body.model,
            prompt,
            max_tokens: body.max_tokens,
            temperature: body.temperature,
            top_p: body.top_p,
            top_k: body.top_k,
            seed: body.seed,
            stop,
            top_logprobs,
        };
        ask.check()?;
        Ok(ask)
    }

    /// Checks every bound that does not depend on a model.
    ///
    /// # Errors
    ///
    /// [`Code::BadRequest`] naming the field.
    pub fn check(&self) -> Result<(), Refusal> {
        let require = |holds: bool, param: &str, message: String| {
            if holds {
                Ok(())
            } else {
                Err(Refusal::of(param, message))
            }
        };
        require(
            self.model.len() <= MODEL_BYTES_MAX,
            "model",
            format!("must be at most {MODEL_BYTES_MAX} bytes"),
        )?;
        if let Prompt::Chat(messages) = &self.prompt {
            let count = messages.len();
            require(
                (1..=MESSAGES_MAX).contains(&count),
                "messages",
                format!("must be 1 to {MESSAGES_MAX}"),
            )?;
        }
        let tokens = 1..=ANSWER_TOKENS_MAX;
        require(
            tokens.contains(&self.max_tokens),
            "max_tokens",
            format!("must be 1 to {ANSWER_TOKENS_MAX}"),
        )?;
        require(
            (0.0..=2.0).contains(&self.temperature),
            "temperature",
            "must be 0 to 2".into(),
        )?;
        require(
            0.0 < self.top_p && self.top_p <= 1.0,
            "top_p",
            "must be above 0 and at most 1".into(),
        )?;
        require(
            self.seed < SEED_LIMIT,
            "seed",
            format!("must be below {SEED_LIMIT}"),
        )?;
        require(
            self.stop.len() <= STOP_MAX,
            "stop",
            format!("must be at most {STOP_MAX} sequences"),
        )?;
        let is_short = |sequence: &String| (1..=STOP_BYTES_MAX).contains(&sequence.len());
        require(
            self.stop.iter().all(is_short),
            "stop",
            format!("must be sequences of 1 to {STOP_BYTES_MAX} bytes"),
        )?;
        let is_few = self
            .top_logprobs
            .is_none_or(|count| count <= TOP_LOGPROBS_MAX);
        require(
            is_few,
            "top_logprobs",
            format!("must be at most {TOP_LOGPROBS_MAX}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        Ask {
            model: "shakespeare".into(),
            prompt: Prompt::Chat(vec![Message {
                role: Role::User,
                content: "Who's there?".into(),
            }]),
            max_tokens: 8,
            temperature: 0.7,
            top_p: 1.0,
            top_k: 0,
            seed: 7,
            stop: vec!["\n".into()],
            top_logprobs: None,
        }
    }

    #[test]
    fn a_question_reads_back_from_its_body() {
        let chat = ask();
        assert_eq!(
            Ask::from_body(Route::Chat, &chat.to_body()),
            Ok(chat.clone())
        );
        let chat = Ask {
            top_logprobs: Some(3),
            ..chat
        };
        assert_eq!(
            Ask::from_body(Route::Chat, &chat.to_body()),
            Ok(chat.clone())
        );
        let text = Ask {
            prompt: Prompt::Text("To be".into()),
            ..chat
        };
        assert_eq!(
            Ask::from_body(Route::Completions, &text.to_body()),
            Ok(text)
        );
    }

    #[test]
    fn what_openai_lets_out_is_filled_in() {
        let body =
            br#"{"model":"m","prompt":"To be","seed":1,"stream":true,"stop":"\n","user":"x"}"#;
        let read = Ask::from_body(Route::Completions, body).expect("a body");
        let expected = Ask {
            model: "m".into(),
            prompt: Prompt::Text("To be".into()),
            max_tokens: 16,
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            seed: 1,
            stop: vec!["\n".into()],
            top_logprobs: None,
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_field_out_of_bounds_is_named() {
        let param_of = |ask: Ask| ask.check().expect_err("refused").param.expect("a field");
        assert_eq!(
            param_of(Ask {
                max_tokens: 0,
                ..ask()
            }),
            "max_tokens"
        );
        assert_eq!(
            param_of(Ask {
                max_tokens: ANSWER_TOKENS_MAX + 1,
                ..ask()
            }),
            "max_tokens"
        );
        assert_eq!(
            param_of(Ask {
                temperature: 2.1,
                ..ask()
            }),
            "temperature"
        );
        assert_eq!(
            param_of(Ask {
                temperature: f64::NAN,
                ..ask()
            }),
            "temperature"
        );
        assert_eq!(
            param_of(Ask {
                top_p: 0.0,
                ..ask()
            }),
            "top_p"
        );
        assert_eq!(
            param_of(Ask {
                seed: SEED_LIMIT,
                ..ask()
            }),
            "seed"
        );
        assert_eq!(
            param_of(Ask {
                stop: vec!["x".into(); 17],
                ..ask()
            }),
            "stop"
        );
        for length in [0, STOP_BYTES_MAX + 1] {
            let stop = vec!["x".repeat(length)];
            assert_eq!(param_of(Ask { stop, ..ask() }), "stop");
        }
        assert_eq!(
            param_of(Ask {
                top_logprobs: Some(21),
                ..ask()
            }),
            "top_logprobs"
        );
        assert_eq!(
            param_of(Ask {
                prompt: Prompt::Chat(vec![]),
                ..ask()
            }),
            "messages"
        );
        assert_eq!(
            param_of(Ask {
                model: "x".repeat(257),
                ..ask()
            }),
            "model"
        );
    }

    #[test]
    fn bodies_that_cannot_be_recomputed_are_refused() {
        let refusal = |route, body: &[u8]| Ask::from_body(route, body).expect_err("refused");
        let unseeded = br#"{"model":"m","prompt":"x","stream":true}"#;
        assert!(
            refusal(Route::Completions, unseeded)
                .message
                .contains("seed")
        );
        let unstreamed = br#"{"model":"m","prompt":"x","seed":1,"stream":false}"#;
        assert_eq!(
            refusal(Route::Completions, unstreamed).param.as_deref(),
            Some("stream")
        );
        assert_eq!(
            refusal(Route::Completions, &ask().to_body())
                .param
                .as_deref(),
            Some("prompt")
        );
        let large = vec![b' '; BODY_BYTES_MAX + 1];
        assert_eq!(refusal(Route::Chat, &large).code, Code::TooLarge);
    }
}
