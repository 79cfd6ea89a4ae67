//! The description of this API for programs, served at `/openapi.json`.
//!
//! The types here document; requests are read by [`crate::question`] and answers written by [`crate::answer`], which are more
//! lenient than a schema can say.

use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

/// A conversation to continue.
#[derive(Serialize, ToSchema)]
pub struct ChatRequest {
    /// A model of `/v1/models`.
    model: String,
    /// The conversation so far.
    messages: Vec<ChatMessage>,
    #[serde(flatten)]
    choices: Choices,
    /// Whether each token's log-probability is told.
    logprobs: Option<bool>,
    /// How many alternatives are told with it, at most 20.
    top_logprobs: Option<u8>,
}

/// A text to continue.
#[derive(Serialize, ToSchema)]
pub struct CompletionRequest {
    /// A model of `/v1/models`.
    model: String,
    /// The text.
    prompt: String,
    #[serde(flatten)]
    choices: Choices,
    /// With how many alternatives each token's log-probability is told, at most 20.
    logprobs: Option<u8>,
}

/// How an answer is drawn and delivered.
#[derive(Serialize, ToSchema)]
pub struct Choices {
    /// Most tokens drawn; `max_completion_tokens` means the same.
    max_tokens: Option<u32>,
    /// From 0 (the likeliest token) to 2; 1 unless given.
    temperature: Option<f64>,
    /// Keeps the likeliest tokens that together reach this probability; 1 unless given.
    top_p: Option<f64>,
    /// Keeps so many of the likeliest tokens; all unless given.
    top_k: Option<u32>,
    /// Names the randomness: the same seed gives the same answer. Drawn at random unless given.
    seed: Option<i64>,
    /// Up to 16 texts that end the answer.
    stop: Option<Vec<String>>,
    /// Whether the answer is sent as it is drawn.
    stream: Option<bool>,
    /// With `stream`.
    stream_options: Option<StreamOptions>,
}

/// What a stream tells besides the answer.
#[derive(Serialize, ToSchema)]
pub struct StreamOptions {
    /// Whether it ends with the token counts.
    include_usage: bool,
}

/// One turn of a conversation.
#[derive(Serialize, ToSchema)]
pub struct ChatMessage {
    /// `system`, `developer`, `user` or `assistant`.
    role: String,
    /// What is said.
    content: String,
}

/// An answer to a conversation.
#[derive(Serialize, ToSchema)]
pub struct ChatCompletion {
    /// The answer's name.
    id: String,
    /// `chat.completion`.
    object: String,
    /// Unix seconds.
    created: u64,
    /// The model asked for.
    model: String,
    /// Exactly one.
    choices: Vec<ChatChoice>,
    /// What is charged.
    usage: Usage,
    /// Who answered, and the proof.
    stoa: Provenance,
}

/// The one answer.
#[derive(Serialize, ToSchema)]
pub struct ChatChoice {
    /// 0.
    index: u32,
    /// What the model says.
    message: ChatMessage,
    /// `stop` or `length`.
    finish_reason: String,
}

/// A text continued.
#[derive(Serialize, ToSchema)]
pub struct Completion {
    /// The answer's name.
    id: String,
    /// `text_completion`.
    object: String,
    /// Unix seconds.
    created: u64,
    /// The model asked for.
    model: String,
    /// Exactly one.
    choices: Vec<CompletionChoice>,
    /// What is charged.
    usage: Usage,
    /// Who answered, and the proof.
    stoa: Provenance,
}

/// The one answer.
#[derive(Serialize, ToSchema)]
pub struct CompletionChoice {
    /// 0.
    index: u32,
    /// How the text goes on.
    text: String,
    /// `stop` or `length`.
    finish_reason: String,
}

/// Counts of tokens, as the miner signed them.
#[derive(Serialize, ToSchema)]
pub struct Usage {
    /// Read.
    prompt_tokens: u32,
    /// Drawn.
    completion_tokens: u32,
    /// Both together.
    total_tokens: u32,
}

/// Who answered, and the proof.
#[derive(Serialize, ToSchema)]
pub struct Provenance {
    /// The miner's address.
    miner: String,
    /// Its seat on the subnet.
    uid: u16,
    /// The signed receipt; `docs/protocol.md` says how to check it.
    receipt: serde_json::Value,
}

/// The models that can be asked for.
#[derive(Serialize, ToSchema)]
pub struct ModelList {
    /// `list`.
    object: String,
    /// By name.
    data: Vec<Model>,
}

/// One model.
#[derive(Serialize, ToSchema)]
pub struct Model {
    /// The name to ask for.
    id: String,
    /// `model`.
    object: String,
    /// Unix seconds.
    created: u64,
    /// `stoa`.
    owned_by: String,
    /// Longest prompt and answer together, in tokens, if known.
    context_length: Option<u32>,
    /// How many miners serve it.
    miners: usize,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stoa gateway",
        description = "OpenAI's API over a market of miners"
    ),
    paths(
        crate::service::chat_completions,
        crate::service::completions,
        crate::service::list_models,
        crate::service::one_model,
        crate::service::health,
        crate::service::metrics,
    )
)]
struct Document;

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
