//! OpenAI's shapes of an answer, whole or in chunks, with what Stoa adds to them.
//!
//! A miner's events are never passed on as they came: each is read, bounded, and written anew here, so that a miner can send a
//! client nothing but text, log-probabilities and a reason to stop. The addition is one field, `stoa`, in a whole
//! answer and in a stream's last chunk: who answered, and the receipt that proves it. Clients that do not know it ignore it.

use bytes::Bytes;
use primitives::{Hotkey, Uid};
use protocol::{Answer, Finish, Route, SignedReceipt, TokenLogprob, Usage};
use serde::Serialize;
use serde_json::{Value, json};

/// What every chunk of one answer repeats.
#[derive(Clone, Debug)]
pub struct Heading {
    /// The answer's name, `chatcmpl-…` or `cmpl-…`.
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The model asked for.
    pub model: String,
    /// Which of the two shapes; work has none, and passes for a text.
    pub route: Route,
    /// Whether a stream ends with the counts; then every chunk has a `usage` field.
    pub include_usage: bool,
}

/// Who answered, and the proof.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    /// The miner's hotkey.
    pub miner: Hotkey,
    /// Its seat on the subnet.
    pub uid: Uid,
    /// The miner's signed word on what it did, checked by the gateway.
    pub receipt: SignedReceipt,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    /// Absent unless counts were asked for, and then null until they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stoa: Option<&'a Provenance>,
}

#[derive(Default, Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Delta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    logprobs: Value,
    finish_reason: Option<Finish>,
}

#[derive(Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl Heading {
    /// A whole answer, after its receipt was checked.
    pub fn whole(&self, answer: &Answer, finish: Finish, provenance: &Provenance) -> Value {
        let (object, choice) = match self.route {
            Route::Chat => {
                let message = json!({"role": "assistant", "content": answer.text, "refusal": null});
                ("chat.completion", ("message", message))
            }
            _ => ("text_completion", ("text", json!(answer.text))),
        };
        let logprobs = self.logprobs(&answer.logprobs, 0);
        json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, choice.0: choice.1, "logprobs": logprobs, "finish_reason": finish}],
            "usage": usage(&provenance.receipt),
            "stoa": provenance,
        })
    }

    /// The chunk that opens a chat; completions begin with their first text.
    pub fn opening(&self) -> Option<Bytes> {
        let delta = Delta {
            role: Some("assistant"),
            content: Some(""),
        };
        let choice = Choice {
            delta: Some(delta),
            ..Choice::default()
        };
        (self.route == Route::Chat).then(|| self.frame(&[choice], None, None))
    }

    /// A piece of text; `offset` is the number of characters before it.
    pub fn piece(&self, text: &str, logprobs: &[TokenLogprob], offset: usize) -> Bytes {
        let logprobs = self.logprobs(logprobs, offset);
        self.frame(
            &[Choice {
                logprobs,
                ..self.choice(Some(text))
            }],
            None,
            None,
        )
    }

    /// The chunk that says why the answer ended, and who gave it.
    pub fn closing(&self, finish: Finish, provenance: &Provenance) -> Bytes {
        let choice = Choice {
            finish_reason: Some(finish),
            ..self.choice(None)
        };
        self.frame(&[choice], None, Some(provenance))
    }

    /// The chunk of counts, if they were asked for.
    pub fn counts(&self, receipt: &SignedReceipt) -> Option<Bytes> {
        self.include_usage
            .then(|| self.frame(&[], Some(usage(receipt)), None))
    }

    /// A choice of the route's shape.
    fn choice<'a>(&self, text: Option<&'a str>) -> Choice<'a> {
        let (delta, text) = match self.route {
            Route::Chat => (
                Some(Delta {
                    role: None,
                    content: text,
                }),
                None,
            ),
            _ => (None, Some(text.unwrap_or(""))),
        };
        Choice {
            delta,
            text,
            ..Choice::default()
        }
    }

    /// One chunk as a server-sent event.
    fn frame(
        &self,
        choices: &[Choice<'_>],
        counts: Option<Usage>,
        stoa: Option<&Provenance>,
    ) -> Bytes {
        let object = match self.route {
            Route::Chat => "chat.completion.chunk",
            _ => "text_completion",
        };
        event(&Chunk {
            id: &self.id,
            object,
            created: self.created,
            model: &self.model,
            choices,
            usage: self.include_usage.then_some(counts),
            stoa,
        })
    }

    /// Log-probabilities in the route's shape, `null` if there are none.
    fn logprobs(&self, logprobs: &[TokenLogprob], offset: usize) -> Value {
        match self.route {
            _ if logprobs.is_empty() => Value::Null,
            Route::Chat => json!({"content": logprobs, "refusal": null}),
            _ => parallel(logprobs, offset),
        }
    }
}

/// The older shape of log-probabilities: parallel lists, and where each token begins in the text.
fn parallel(logprobs: &[TokenLogprob], offset: usize) -> Value {
    let mut at = offset;
    let mut offsets = Vec::with_capacity(logprobs.len());
    for token in logprobs {
        offsets.push(at);
        at += token.token.chars().count();
    }
    let top = logprobs.iter().map(|token| {
        let pairs = token
            .top_logprobs
            .iter()
            .map(|top| (top.token.clone(), json!(top.logprob)));
        Value::Object(pairs.collect())
    });
    json!({
        "tokens": logprobs.iter().map(|token| &token.token).collect::<Vec<_>>(),
        "token_logprobs": logprobs.iter().map(|token| token.logprob).collect::<Vec<_>>(),
        "top_logprobs": top.collect::<Vec<_>>(),
        "text_offset": offsets,
    })
}

/// The counts a customer is charged by: those the miner signed.
pub fn usage(receipt: &SignedReceipt) -> Usage {
    Usage::new(
        receipt.receipt.prompt_tokens,
        receipt.receipt.completion_tokens,
    )
}

/// Any value as a server-sent event.
pub fn event(value: &impl Serialize) -> Bytes {
    let mut frame = Vec::with_capacity(256);
    frame.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut frame, value).expect("strings and finite or null numbers are JSON");
    frame.extend_from_slice(b"\n\n");
    Bytes::from(frame)
}

/// The event that ends every complete stream.
pub const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

#[cfg(test)]
mod tests {
    use super::*;

    fn heading(route: Route, include_usage: bool) -> Heading {
        Heading {
            id: "cmpl-1".into(),
            created: 7,
            model: "m".into(),
            route,
            include_usage,
        }
    }

    fn token(text: &str, logprob: f32) -> TokenLogprob {
        let top = protocol::TopLogprob {
            token: "o".into(),
            logprob: -0.5,
            bytes: None,
        };
        TokenLogprob {
            token: text.into(),
            logprob,
            bytes: None,
            top_logprobs: vec![top],
        }
    }

    fn chunk(frame: Bytes) -> Value {
        let text = std::str::from_utf8(&frame).expect("UTF-8");
        let data = text
            .strip_prefix("data: ")
            .expect("data")
            .strip_suffix("\n\n")
            .expect("an end");
        serde_json::from_str(data).expect("JSON")
    }

    #[test]
    fn a_piece_of_a_chat_has_openais_shape() {
        let expected = json!({
            "id": "cmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "m",
            "choices": [{
                "index": 0, "delta": {"content": "hi"}, "logprobs": null, "finish_reason": null,
            }],
        });
        assert_eq!(
            chunk(heading(Route::Chat, false).piece("hi", &[], 0)),
            expected
        );
    }

    #[test]
    fn chunks_before_the_counts_say_that_there_are_none_yet() {
        let piece = chunk(heading(Route::Chat, true).piece("hi", &[], 0));
        assert_eq!(piece["usage"], Value::Null);
        assert!(piece.as_object().expect("an object").contains_key("usage"));
    }

    #[test]
    fn completions_have_the_older_log_probabilities() {
        let tokens = [token("ab", -1.0), token("c", -2.0)];
        let piece = chunk(heading(Route::Completions, false).piece("abc", &tokens, 10));
        let expected = json!({
            "tokens": ["ab", "c"], "token_logprobs": [-1.0, -2.0], "text_offset": [10, 12],
            "top_logprobs": [{"o": -0.5}, {"o": -0.5}],
        });
        assert_eq!(piece["choices"][0]["logprobs"], expected);
        assert_eq!(piece["choices"][0]["text"], "abc");
    }
}
