//! Why a miner says no, in OpenAI's error shape.
//!
//! ```json
//! {"error": {"message": "…", "type": "stoa_error", "param": null, "code": "expired"}}
//! ```
//!
//! The code is for programs and never changes its meaning; the message is for people. The same object is the body of a
//! refused request and the data of an `event: error` that ends a stream early.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::WORDS_BYTES_MAX;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// The kinds of refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The HTTP status it travels with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The code on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// An envelope header is missing or malformed.
    BadEnvelope = "bad_envelope", 400;
    /// The body is not the request it should be.
    BadRequest = "bad_request", 400;
    /// The prompt leaves no room for an answer in the model's context.
    PromptTooLong = "context_length_exceeded", 400;
    /// The envelope has expired, or expires too far ahead.
    Expired = "expired", 401;
    /// The signature does not fit.
    BadSignature = "bad_signature", 401;
    /// The envelope names another miner or subnet.
    WrongAudience = "wrong_audience", 403;
    /// The signer may not ask on this subnet.
    NotPermitted = "not_permitted", 403;
    /// The miner serves no model of this name.
    UnknownModel = "model_not_found", 404;
    /// The subnet's task is another one.
    UnknownTask = "task_not_found", 404;
    /// The miner has no job of this name from this asker: it never had, forgot it, or started again since.
    UnknownJob = "unknown_job", 404;
    /// The envelope was used before.
    Replayed = "replayed", 409;
    /// The body is larger than allowed.
    TooLarge = "body_too_large", 413;
    /// The miner is full; ask another, or later.
    Busy = "busy", 503;
    /// The miner failed.
    Failed = "failed", 500;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: code, message, and the parameter at fault where there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// What kind.
    pub code: Code,
    /// In words, for people.
    pub message: String,
    /// The field of the body at fault.
    pub param: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    error: WireError,
}

#[derive(Serialize, Deserialize)]
struct WireError {
    message: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    param: Option<String>,
    code: Code,
}

impl Refusal {
    /// A refusal that no single parameter is to blame for.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            param: None,
        }
    }

    /// A refusal of one field of the body.
    pub fn of(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: Code::BadRequest,
            message: message.into(),
            param: Some(param.into()),
        }
    }

    /// The JSON object on the wire.
    pub fn to_json(&self) -> String {
        let error = WireError {
            message: self.message.clone(),
            kind: "stoa_error".into(),
            param: self.param.clone(),
            code: self.code,
        };
        serde_json::to_string(&Wire { error }).expect("strings are JSON")
    }

    /// Reads the JSON object, or nothing if it is none of ours; its words are cut to [`WORDS_BYTES_MAX`].
    pub fn from_json(json: &[u8]) -> Option<Self> {
        let Wire { error } = serde_json::from_slice(json).ok()?;
        Some(Self {
            code: error.code,
            message: clipped(error.message),
            param: error.param.map(clipped),
        })
    }
}

/// A text, cut to [`WORDS_BYTES_MAX`] at a character.
pub(crate) fn clipped(mut text: String) -> String {
    if WORDS_BYTES_MAX < text.len() {
        text.truncate(text.floor_char_boundary(WORDS_BYTES_MAX));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A miner's words are logged, published with its standing and shown to customers.
    #[test]
    fn a_long_story_is_cut() {
        let long = Refusal {
            code: Code::Busy,
            message: "é".repeat(40_000),
            param: Some("x".repeat(40_000)),
        };
        let read = Refusal::from_json(long.to_json().as_bytes()).expect("ours");
        assert!(read.message.len() < 520 && read.message.starts_with("éé"));
        assert!(read.param.expect("kept").len() < 520);
        let quoted = [
            format!("{{\"id\":{}}}", "1".repeat(40_000)),
            format!(
                "{{\"choices\":[{{\"index\":0,\"finish_reason\":\"{}\"}}]}}",
                "x".repeat(40_000)
            ),
        ];
        for data in quoted {
            let error = crate::Part::read("", &data).expect_err("unreadable");
            assert!(error.to_string().len() < 600);
        }
        let error = crate::Part::read(&"x".repeat(40_000), "").expect_err("unreadable");
        assert!(error.to_string().len() < 600);
    }

    #[test]
    fn every_refusal_reads_back_from_its_json() {
        for &code in Code::ALL {
            let refusal = Refusal {
                code,
                message: "no".into(),
                param: Some("seed".into()),
            };
            assert_eq!(
                Refusal::from_json(refusal.to_json().as_bytes()),
                Some(refusal)
            );
            assert!((400..600).contains(&code.status()), "{code}");
        }
        assert_eq!(
            Refusal::from_json(b"{\"error\":{\"message\":\"x\",\"code\":\"odd\"}}"),
            None
        );
    }
}
