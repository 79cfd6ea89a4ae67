//! A customer's request body, read once at the edge into a complete [`Ask`].
//!
//! OpenAI's API has dozens of fields. Each of them is either honoured, or refused by name because ignoring it would change what
//! the caller gets (tools, images, several answers), or ignored because it changes nothing in the answer (`user`,
//! `metadata`, and whatever is not known yet). Nothing of the last kind reaches a miner.
//!
//! A request without a seed gets a random one: every answer can be recomputed by a validator.

use protocol::{ANSWER_TOKENS_MAX, Ask, BODY_BYTES_MAX, Message, Prompt, Role, Route, SEED_LIMIT};
use rand::{Rng, RngExt};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// OpenAI's default length of a completion; a chat's is whatever the model has room for.
const COMPLETION_TOKENS_DEFAULT: u32 = 16;

/// What a customer asked, and how the answer is to be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is asked, without anything left open.
    pub ask: Ask,
    /// Whether the answer is sent as it is drawn.
    pub stream: bool,
    /// Whether a stream ends with the token counts.
    pub include_usage: bool,
}

impl Question {
    /// Reads the body of a request to `route`.
    ///
    /// # Errors
    ///
    /// 400 naming the parameter, or 413 if the request is too large to be passed on.
    pub fn read(route: Route, body: &[u8], rng: &mut impl Rng) -> Result<Self, ApiError> {
        let value: Value = serde_json::from_slice(body).map_err(ApiError::bad_json)?;
        let Value::Object(mut fields) = value else {
            return Err(ApiError::bad_json("the body must be a JSON object"));
        };
        let fields = &mut fields;
        refuse_what_is_not_offered(route, fields)?;
        let model = required(fields, "model", take::<String>)?;
        let prompt = match route {
            Route::Chat => Prompt::Chat(required(fields, "messages", messages)?),
            _ => Prompt::Text(required(fields, "prompt", text)?),
        };
        let stream = take(fields, "stream")?.unwrap_or(false);
        let include_usage = include_usage(fields, stream)?;
        let ask = Ask {
            model,
            prompt,
            max_tokens: max_tokens(route, fields)?,
            temperature: take(fields, "temperature")?.unwrap_or(1.0),
            top_p: take(fields, "top_p")?.unwrap_or(1.0),
            top_k: take(fields, "top_k")?.unwrap_or(0),
            seed: seed(fields, rng)?,
            stop: stop(fields)?,
            top_logprobs: top_logprobs(route, fields)?,
        };
        check(&ask)?;
        Ok(Self {
            ask,
            stream,
            include_usage,
        })
    }
}

/// Applies the protocol's own bounds, and those on what can be passed on.
fn check(ask: &Ask) -> Result<(), ApiError> {
    ask.check().map_err(|refusal| match refusal.param {
        Some(param) => ApiError::invalid(&param, format!("`{param}` {}", refusal.message)),
        None => ApiError::bad_json(refusal.message),
    })?;
    // The body sent on names every choice and may be larger than the one received.
    match ask.to_body().len() {
        length if length > BODY_BYTES_MAX => Err(ApiError::too_large(BODY_BYTES_MAX)),
        _ => Ok(()),
    }
}

/// Fields whose neutral values mean nothing and whose other values nobody here can honour.
fn refuse_what_is_not_offered(route: Route, fields: &Map<String, Value>) -> Result<(), ApiError> {
    let is_neutral = |name: &str, value: &Value| match (name, value) {
        (_, Value::Null) => true,
        ("n" | "best_of", Value::Number(number)) => number.as_u64() == Some(1),
        ("presence_penalty" | "frequency_penalty", Value::Number(number)) => {
            number.as_f64() == Some(0.0)
        }
        ("echo" | "store" | "web_search_options", Value::Bool(is_on)) => !is_on,
        ("response_format", Value::Object(format)) => {
            format.get("type").and_then(Value::as_str) == Some("text")
        }
        ("tools" | "functions", Value::Array(list)) => list.is_empty(),
        ("tool_choice" | "function_call", Value::String(choice)) => {
            choice == "none" || choice == "auto"
        }
        ("modalities", Value::Array(list)) => list.iter().all(|item| item == "text"),
        ("logit_bias", Value::Object(bias)) => bias.is_empty(),
        ("suffix", Value::String(suffix)) => suffix.is_empty(),
        _ => false,
    };
    let common = ["n", "presence_penalty", "frequency_penalty", "logit_bias"];
    let own: &[&str] = match route {
        Route::Chat => &[
            "tools",
            "functions",
            "tool_choice",
            "function_call",
            "response_format",
            "modalities",
            "audio",
            "web_search_options",
        ],
        _ => &["best_of", "echo", "suffix"],
    };
    for name in common.iter().chain(own) {
        if fields
            .get(*name)
            .is_some_and(|value| !is_neutral(name, value))
        {
            let message = match *name {
                "n" | "best_of" => format!("`{name}` must be 1: every request has one answer"),
                _ => format!("`{name}` is not offered here; leave it out"),
            };
            return Err(ApiError::unsupported(name, message));
        }
    }
    Ok(())
}

/// The field's value; `null` is the same as absent.
fn take<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, ApiError> {
    match fields.get_mut(name).map(Value::take) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value)
            .map(Some)
            .map_err(|error| ApiError::invalid(name, format!("`{name}`: {error}"))),
    }
}

fn required<T>(
    fields: &mut Map<String, Value>,
    name: &str,
    read: impl Fn(&mut Map<String, Value>, &str) -> Result<Option<T>, ApiError>,
) -> Result<T, ApiError> {
    let missing = || ApiError::invalid(name, format!("you must provide `{name}`"));
    read(fields, name)?.ok_or_else(missing)
}

fn include_usage(fields: &mut Map<String, Value>, stream: bool) -> Result<bool, ApiError> {
    let options = take::<Map<String, Value>>(fields, "stream_options")?;
    match options {
        Some(_) if !stream => {
            let message = "`stream_options` is only allowed when `stream` is true";
            Err(ApiError::invalid("stream_options", message))
        }
        Some(mut options) => Ok(take(&mut options, "include_usage")?.unwrap_or(false)),
        None => Ok(false),
    }
}

/// Asking for more tokens than one answer may have is asking for the most it may have.
fn max_tokens(route: Route, fields: &mut Map<String, Value>) -> Result<u32, ApiError> {
    let newer = take::<u64>(fields, "max_completion_tokens")?;
    let older = take::<u64>(fields, "max_tokens")?;
    let (name, asked) = match (newer, older) {
        (Some(count), _) => ("max_completion_tokens", count),
        (None, Some(count)) => ("max_tokens", count),
        (None, None) if route == Route::Completions => return Ok(COMPLETION_TOKENS_DEFAULT),
        (None, None) => return Ok(ANSWER_TOKENS_MAX),
    };
    if asked == 0 {
        return Err(ApiError::invalid(
            name,
            format!("`{name}` must be at least 1"),
        ));
    }
    Ok(u32::try_from(asked)
        .unwrap_or(u32::MAX)
        .min(ANSWER_TOKENS_MAX))
}

/// OpenAI's seeds are any 64-bit integer; the same one always gives the same of ours.
fn seed(fields: &mut Map<String, Value>, rng: &mut impl Rng) -> Result<u64, ApiError> {
    match take::<Value>(fields, "seed")? {
        None => Ok(rng.random_range(0..SEED_LIMIT)),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
            let bits = number
                .as_u64()
                .or_else(|| number.as_i64().map(|seed| seed as u64));
            Ok(bits.unwrap_or(0) % SEED_LIMIT)
        }
        Some(_) => Err(ApiError::invalid(
            "seed",
            "`seed` must be an integer of 64 bits",
        )),
    }
}

fn stop(fields: &mut Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let sequences = match take::<Value>(fields, "stop")? {
        None => Some(vec![]),
        Some(Value::String(sequence)) => Some(vec![sequence]),
        Some(list) => serde_json::from_value::<Vec<String>>(list).ok(),
    };
    let message = "`stop` must be a string or a list of strings, none of them empty";
    match sequences {
        Some(sequences) if !sequences.iter().any(String::is_empty) => Ok(sequences),
        _ => Err(ApiError::invalid("stop", message)),
    }
}

/// A flag with a count beside it in chats, the count itself in completions.
fn top_logprobs(route: Route, fields: &mut Map<String, Value>) -> Result<Option<u8>, ApiError> {
    if route == Route::Completions {
        return take(fields, "logprobs");
    }
    let wanted = take::<bool>(fields, "logprobs")?.unwrap_or(false);
    match take::<u8>(fields, "top_logprobs")? {
        Some(_) if !wanted => {
            let message = "`top_logprobs` is only allowed when `logprobs` is true";
            Err(ApiError::invalid("top_logprobs", message))
        }
        count => Ok(wanted.then(|| count.unwrap_or(0))),
    }
}

/// A text, or a list of exactly one.
fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match take::<Value>(fields, name)? {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Array(mut list)) if list.len() == 1 && list[0].is_string() => {
            Ok(list.remove(0).as_str().map(str::to_owned))
        }
        Some(_) => Err(ApiError::unsupported(
            name,
            format!("`{name}` must be one string"),
        )),
    }
}

fn messages(fields: &mut Map<String, Value>, name: &str) -> Result<Option<Vec<Message>>, ApiError> {
    let Some(list) = take::<Vec<Map<String, Value>>>(fields, name)? else {
        return Ok(None);
    };
    list.into_iter()
        .enumerate()
        .map(|(at, turn)| message(at, turn))
        .collect::<Result<_, _>>()
        .map(Some)
}

fn message(at: usize, mut turn: Map<String, Value>) -> Result<Message, ApiError> {
    let place = |field: &str| format!("messages[{at}].{field}");
    let role = match turn.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System,
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => {
            let message = "must be `system`, `developer`, `user` or `assistant`";
            return Err(ApiError::invalid(
                &place("role"),
                format!("`{}` {message}", place("role")),
            ));
        }
    };
    let content = match turn.get_mut("content").map(Value::take) {
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => joined(parts, &place("content"))?,
        _ => {
            let at = place("content");
            return Err(ApiError::invalid(&at, format!("`{at}` must be text")));
        }
    };
    Ok(Message { role, content })
}

/// The texts of a list of content parts, one after the other.
fn joined(parts: Vec<Value>, at: &str) -> Result<String, ApiError> {
    let text = |part: &Value| match part.get("type").and_then(Value::as_str) {
        Some("text") => part.get("text").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    let joined: Option<String> = parts.iter().map(text).collect();
    joined.ok_or_else(|| ApiError::unsupported(at, format!("`{at}` must be made of text parts")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use serde_json::json;

    fn chat(body: Value) -> Result<Question, ApiError> {
        let body = serde_json::to_vec(&body).expect("JSON");
        Question::read(Route::Chat, &body, &mut StdRng::seed_from_u64(1))
    }

    fn completion(body: Value) -> Result<Question, ApiError> {
        let body = serde_json::to_vec(&body).expect("JSON");
        Question::read(Route::Completions, &body, &mut StdRng::seed_from_u64(1))
    }

    fn hello(extra: Value) -> Value {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        let fields = body.as_object_mut().expect("an object");
        fields.extend(extra.as_object().expect("an object").clone());
        body
    }

    #[test]
    fn a_bare_chat_is_completed_with_openais_defaults() {
        let question = chat(hello(json!({}))).expect("a question");
        let user = Message {
            role: Role::User,
            content: "hi".into(),
        };
        let ask = Ask {
            model: "m".into(),
            prompt: Prompt::Chat(vec![user]),
            max_tokens: ANSWER_TOKENS_MAX,
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            seed: question.ask.seed,
            stop: vec![],
            top_logprobs: None,
        };
        assert_eq!(
            question,
            Question {
                ask,
                stream: false,
                include_usage: false
            }
        );
        assert!(question.ask.seed > 0, "a seed was drawn");
    }

    #[test]
    fn every_honoured_field_arrives() {
        let question = chat(hello(json!({
            "stream": true, "stream_options": {"include_usage": true}, "max_completion_tokens": 7,
            "max_tokens": 9, "temperature": 0, "top_p": 0.5, "top_k": 3, "seed": -1, "stop": "x",
            "logprobs": true, "top_logprobs": 2, "n": 1, "user": "u", "something_new": {"a": 1},
        })));
        let question = question.expect("a question");
        assert!(question.stream && question.include_usage);
        let ask = question.ask;
        assert_eq!(
            (ask.max_tokens, ask.temperature, ask.top_p, ask.top_k),
            (7, 0.0, 0.5, 3)
        );
        assert_eq!(
            (ask.seed, ask.stop),
            (SEED_LIMIT - 1, vec!["x".to_string()])
        );
        assert_eq!(ask.top_logprobs, Some(2));
    }

    #[test]
    fn text_parts_are_one_text() {
        let parts = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
        let body = json!({"model": "m", "messages": [{"role": "developer", "content": parts}]});
        let expected = Message {
            role: Role::System,
            content: "ab".into(),
        };
        assert_eq!(
            chat(body).expect("a question").ask.prompt,
            Prompt::Chat(vec![expected])
        );
    }

    #[test]
    fn a_completion_defaults_to_sixteen_tokens() {
        let question = completion(json!({"model": "m", "prompt": ["To be"], "logprobs": 3}));
        let ask = question.expect("a question").ask;
        assert_eq!((ask.max_tokens, ask.top_logprobs), (16, Some(3)));
        assert_eq!(ask.prompt, Prompt::Text("To be".into()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (json!({"model": null}), "model", "invalid_value"),
            (json!({"messages": []}), "messages", "invalid_value"),
            (json!({"messages": "hi"}), "messages", "invalid_value"),
            (
                json!({"messages": [{"role": "robot", "content": "x"}]}),
                "messages[0].role",
                "invalid_value",
            ),
            (
                json!({"messages": [{"role": "user"}]}),
                "messages[0].content",
                "invalid_value",
            ),
            (json!({"temperature": 3}), "temperature", "invalid_value"),
            (
                json!({"temperature": "warm"}),
                "temperature",
                "invalid_value",
            ),
            (json!({"max_tokens": 0}), "max_tokens", "invalid_value"),
            (json!({"seed": 1.5}), "seed", "invalid_value"),
            (json!({"stop": [""]}), "stop", "invalid_value"),
            (json!({"top_logprobs": 2}), "top_logprobs", "invalid_value"),
            (
                json!({"stream_options": {}}),
                "stream_options",
                "invalid_value",
            ),
            (json!({"n": 2}), "n", "unsupported_parameter"),
            (json!({"tools": [{}]}), "tools", "unsupported_parameter"),
            (
                json!({"response_format": {"type": "json_object"}}),
                "response_format",
                "unsupported_parameter",
            ),
            (
                json!({"presence_penalty": 0.5}),
                "presence_penalty",
                "unsupported_parameter",
            ),
        ];
        for (extra, param, code) in cases {
            let error = chat(hello(extra.clone())).expect_err(param);
            let envelope = error.envelope().error;
            assert_eq!(envelope.param.as_deref(), Some(param), "{extra}");
            assert_eq!(envelope.code, Some(code), "{extra}");
            assert_eq!(error.status(), 400);
        }
    }

    #[test]
    fn neutral_values_of_what_is_not_offered_are_fine() {
        let question = chat(hello(json!({
            "n": 1, "tools": [], "tool_choice": "auto", "presence_penalty": 0.0, "logit_bias": {},
            "response_format": {"type": "text"}, "modalities": ["text"], "frequency_penalty": null,
        })));
        assert!(question.is_ok(), "{question:?}");
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        for body in [&b"{\"model\": "[..], b"[]", b"", b"\xff"] {
            let read = Question::read(Route::Chat, body, &mut StdRng::seed_from_u64(1));
            let error = read.expect_err("no JSON object");
            assert_eq!(
                (error.status().as_u16(), error.code()),
                (400, Some("invalid_json"))
            );
        }
    }
}
