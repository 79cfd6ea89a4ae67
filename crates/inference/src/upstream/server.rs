//! Which server is on the other side, and how it has to be asked so that it draws what the request says.
//!
//! A grader goes by the distribution that the request names: the whole one, bent by the temperature, then cut by top-k,
//! then by top-p. Servers have other defaults and other orders, and whoever answers by those is taken for a cheat. What
//! `/v1/models` says under `owned_by` tells them apart:
//!
//! | server | is asked |
//! |---|---|
//! | llama.cpp | for temperature, top-k and top-p in this order and for none of its other samplers. For a chat too as plain text, laid out by its own `/apply-template`: its chat route leaves out tokens that it holds back for a stop sequence |
//! | vLLM | for token ids; with top-k and min-p off and no penalty, which a model's `generation_config.json` may set; for no more tokens than fit, since it refuses others: its `/tokenize` counts, where that can be close |
//! | any other | with OpenAI's parameters, and `top_k` where one was asked for |
//!
//! The first two tell their context's length as well.

use serde_json::{Value, json};

use super::{Api, Settings};
use crate::error::Error;
use crate::request::{Message, Prompt, Request, Sampling};

/// The most tokens that a layout puts around a conversation; with it, a prompt has no more tokens than bytes.
const LAYOUT_TOKENS_MAX: usize = 512;

/// A server, as far as it matters for asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) kind: Kind,
    /// The longest prompt and answer together, if it tells.
    pub(super) context_tokens: Option<usize>,
}

/// Servers that need words of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    LlamaCpp,
    Vllm,
    Other,
}

/// A body and the address it goes to.
pub(super) struct Question {
    pub(super) url: String,
    pub(super) body: Value,
}

impl Server {
    /// Asks the server what it is.
    ///
    /// # Errors
    ///
    /// [`Error::Upstream`] where it does not answer. One that answers and does not say is [`Kind::Other`].
    pub(super) async fn met(api: &Api) -> Result<Self, Error> {
        let models = api.find(api.route("models")).await?;
        let listed = models.as_ref().and_then(|models| models["data"].as_array());
        let listed = listed.map_or(&[] as &[Value], Vec::as_slice);
        let is_ours = |entry: &&Value| entry["id"] == api.settings.model.as_str();
        let entry = listed.iter().find(is_ours).or(listed.first());
        let entry = entry.unwrap_or(&Value::Null);
        let server = match entry["owned_by"].as_str() {
            Some("llamacpp") => Self {
                kind: Kind::LlamaCpp,
                context_tokens: llama_cpp_context(api, entry).await?,
            },
            Some("vllm") => Self {
                kind: Kind::Vllm,
                context_tokens: count(&entry["max_model_len"]),
            },
            _ => Self {
                kind: Kind::Other,
                context_tokens: count(&entry["max_model_len"]),
            },
        };
        tracing::info!(url = %api.settings.url, ?server, "met the upstream server");
        Ok(server)
    }

    /// The words for a request.
    ///
    /// # Errors
    ///
    /// Those of the server where it has to be asked something first; [`Error::PromptTooLong`] where it says so.
    pub(super) async fn question(&self, api: &Api, request: &Request) -> Result<Question, Error> {
        let prompt = match &request.prompt {
            Prompt::Chat(messages) if self.kind == Kind::LlamaCpp => {
                &Prompt::Text(laid_out(api, messages).await?)
            }
            prompt => prompt,
        };
        let mut body = plain(&api.settings, request);
        let path = put_prompt(&mut body, prompt, request.top_logprobs);
        let top_k = match request.sampling {
            Sampling::Random { top_k, .. } => top_k,
            Sampling::Greedy => None,
        };
        if let Some(top_k) = top_k {
            body["top_k"] = json!(top_k);
        }
        match self.kind {
            Kind::Other => {}
            Kind::LlamaCpp => {
                body["samplers"] = json!(["temperature", "top_k", "top_p"]);
                body["top_k"] = json!(top_k.map_or(0, u32::from));
            }
            Kind::Vllm => {
                body["return_token_ids"] = json!(true);
                // Versions before 0.9 know -1 alone for all tokens, later ones know it too.
                body["top_k"] = json!(top_k.map_or(-1, |count| i64::from(count.get())));
                body["min_p"] = json!(0);
                body["repetition_penalty"] = json!(1);
                if let Some(room) = self.room(api, request).await? {
                    body["max_tokens"] = json!(room.min(request.max_tokens.get() as usize));
                }
            }
        }
        let url = api.route(path);
        Ok(Question { url, body })
    }

    /// The stop sequences for which the server holds text back that it may never send.
    pub(super) fn held_for(&self, request: &Request) -> Vec<String> {
        match self.kind {
            Kind::LlamaCpp => request.stop.clone(),
            Kind::Vllm | Kind::Other => Vec::new(),
        }
    }

    /// The tokens that fit after a prompt, where they can be fewer than are asked for.
    async fn room(&self, api: &Api, request: &Request) -> Result<Option<usize>, Error> {
        let Some(context) = self.context_tokens else {
            return Ok(None);
        };
        let (mut ask, bytes) = match &request.prompt {
            Prompt::Text(text) => (json!({ "prompt": text }), text.len()),
            Prompt::Chat(messages) => {
                let bytes = messages.iter().map(|message| message.content.len());
                (json!({ "messages": messages }), bytes.sum())
            }
        };
        if bytes + LAYOUT_TOKENS_MAX + request.max_tokens.get() as usize <= context {
            return Ok(None);
        }
        ask["model"] = json!(api.settings.model);
        let counted = api.ask(api.own_route("tokenize"), &ask).await?;
        let Some(tokens) = count(&counted["count"]) else {
            return Err(api.settings.broken("/tokenize tells no count"));
        };
        match context.checked_sub(tokens) {
            None | Some(0) => Err(Error::PromptTooLong {
                tokens,
                limit: context.saturating_sub(1),
            }),
            room => Ok(room),
        }
    }
}

/// What every server is asked.
fn plain(settings: &Settings, request: &Request) -> Value {
    let mut body = json!({
        "model": settings.model,
        "seed": request.seed & i64::MAX as u64,
        "max_tokens": request.max_tokens,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    match request.sampling {
        Sampling::Greedy => body["temperature"] = json!(0),
        Sampling::Random {
            temperature, top_p, ..
        } => {
            body["temperature"] = json!(temperature);
            body["top_p"] = json!(top_p);
        }
    }
    if !request.stop.is_empty() {
        body["stop"] = json!(request.stop);
    }
    body
}

/// Adds the prompt, and the wish for log-probabilities, and returns the route for both.
fn put_prompt(body: &mut Value, prompt: &Prompt, top_logprobs: Option<u8>) -> &'static str {
    // Some servers report nothing at all when asked for no alternatives.
    let alternatives = top_logprobs.unwrap_or(0).max(1);
    match prompt {
        Prompt::Chat(messages) => {
            body["messages"] = json!(messages);
            body["logprobs"] = json!(true);
            body["top_logprobs"] = json!(alternatives);
            "chat/completions"
        }
        Prompt::Text(text) => {
            body["prompt"] = json!(text);
            body["logprobs"] = json!(alternatives);
            "completions"
        }
    }
}

/// The room of each of llama.cpp's slots; no more than the model was made for.
async fn llama_cpp_context(api: &Api, entry: &Value) -> Result<Option<usize>, Error> {
    let properties = api.find(api.own_route("props")).await?;
    let slot = properties.and_then(|facts| count(&facts["default_generation_settings"]["n_ctx"]));
    let trained = count(&entry["meta"]["n_ctx_train"]);
    Ok(slot.into_iter().chain(trained).min())
}

/// A conversation in the layout that llama.cpp has for its model.
async fn laid_out(api: &Api, messages: &[Message]) -> Result<String, Error> {
    let ask = json!({ "messages": messages });
    let answer = api.ask(api.own_route("apply-template"), &ask).await?;
    match answer["prompt"].as_str() {
        Some(prompt) => Ok(prompt.to_owned()),
        None => Err(api.settings.broken("/apply-template tells no prompt")),
    }
}

fn count(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|count| usize::try_from(count).ok())
}
