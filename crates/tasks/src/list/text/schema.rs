//! The bodies of text, as JSON Schema: OpenAI's, as far as they are read.

use serde_json::{Value, json};

/// A chat or a completion. Fields beside these are ignored.
pub(super) fn request() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let common = json!({
        "model": text("The name of the model."),
        "max_tokens": { "type": "integer", "minimum": 1, "maximum": protocol::ANSWER_TOKENS_MAX,
            "default": 16, "description": "The most tokens to draw." },
        "temperature": { "type": "number", "minimum": 0, "maximum": 2, "default": 1,
            "description": "0 takes the likeliest token at every place." },
        "top_p": { "type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 1 },
        "top_k": { "type": "integer", "minimum": 0, "default": 0, "description": "0 keeps every token." },
        "seed": { "type": "integer", "minimum": 0, "exclusiveMaximum": protocol::SEED_LIMIT,
            "description": "Names the randomness: the same request gives the same answer." },
        "stop": { "description": "Texts that end the answer.", "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" }, "maxItems": 16 },
            { "type": "null" } ] },
        "stream": { "type": "boolean" },
    });
    let message = json!({
        "type": "object", "required": ["role", "content"],
        "properties": {
            "role": { "enum": ["system", "developer", "user", "assistant"] },
            "content": { "type": "string" },
        },
    });
    let with = |own: Value| {
        let mut properties = common.clone();
        for (name, schema) in own.as_object().into_iter().flatten() {
            properties[name] = schema.clone();
        }
        properties
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "TextRequest",
        "oneOf": [
            { "title": "Chat", "type": "object", "required": ["model", "messages"],
              "properties": with(json!({
                "messages": { "type": "array", "minItems": 1, "maxItems": protocol::MESSAGES_MAX, "items": message },
                "logprobs": { "type": "boolean", "default": false },
                "top_logprobs": { "type": "integer", "minimum": 0, "maximum": 20 },
              })) },
            { "title": "Completion", "type": "object", "required": ["model", "prompt"],
              "properties": with(json!({
                "prompt": text("The text to continue."),
                "logprobs": { "type": "integer", "minimum": 0, "maximum": 20 },
              })) },
        ],
    })
}

/// A whole answer; as a stream it comes in chunks of the same shape.
pub(super) fn answer() -> Value {
    let count = json!({ "type": "integer", "minimum": 0 });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "TextAnswer",
        "type": "object",
        "required": ["id", "object", "model", "choices", "usage"],
        "properties": {
            "id": { "type": "string" },
            "object": { "enum": ["chat.completion", "text_completion"] },
            "created": { "type": "integer" },
            "model": { "type": "string" },
            "choices": { "type": "array", "minItems": 1, "items": {
                "type": "object", "required": ["index", "finish_reason"],
                "properties": {
                    "index": count,
                    "message": { "type": "object", "properties": {
                        "role": { "const": "assistant" }, "content": { "type": "string" } } },
                    "text": { "type": "string" },
                    "finish_reason": { "enum": ["stop", "length"] },
                    "logprobs": { "type": ["object", "null"] },
                } } },
            "usage": { "type": "object", "properties": {
                "prompt_tokens": count, "completion_tokens": count, "total_tokens": count } },
        },
    })
}
