//! The description of this API for programs, served at `/openapi.json`.
//!
//! The types here document; requests are read by [`crate::question`] and answers written by [`crate::answer`], which are more
//! lenient than a schema can say. Every at-once task that is served has an address of its own in the document, with the schemas
//! its author's types have; what those define is moved to the document's components, where references find it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tasks::{Delivery, Kind};
use utoipa::{OpenApi, ToSchema};

use crate::service::Gateway;

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
    /// What kind of work it does, and in which version.
    task: String,
    /// The subnet that pays for it; the first, if there are several.
    netuid: u16,
    /// All of them.
    netuids: Vec<u16>,
    /// Longest prompt and answer together, in tokens, if known; only of models of text.
    context_length: Option<u32>,
    /// How many miners serve it.
    miners: usize,
}

/// The tasks of all subnets served.
#[derive(Serialize, ToSchema)]
pub struct TaskList {
    /// `list`.
    object: String,
    /// By name.
    data: Vec<TaskEntry>,
}

/// One task.
#[derive(Serialize, ToSchema)]
pub struct TaskEntry {
    /// Its name; where its answers come at once, they are asked for at `/v1/tasks/NAME`.
    id: String,
    /// `task`.
    object: String,
    /// Name and version.
    task: String,
    /// What it buys, in a sentence.
    about: String,
    /// How its answers come: `stream`, `once`, or as a `job`, for which there is `/v1/jobs`.
    delivery: String,
    /// The subnets that pay for it.
    netuids: Vec<u16>,
    /// What its messages may cost.
    limits: TaskLimits,
    /// The JSON Schema of a request.
    request_schema: serde_json::Value,
    /// The JSON Schema of an answer.
    answer_schema: serde_json::Value,
}

/// What a task's messages may cost.
#[derive(Serialize, ToSchema)]
pub struct TaskLimits {
    /// The longest request, in bytes.
    request_bytes: usize,
    /// The longest answer, in bytes.
    answer_bytes: usize,
    /// How long one miner is waited for.
    patience_ms: u64,
}

/// Work to begin.
#[derive(Serialize, ToSchema)]
pub struct JobRequest {
    /// The task's name, as in `/v1/tasks`; its delivery is `job`.
    task: String,
    /// The task's request, as its `request_schema` says.
    request: serde_json::Value,
    /// A name for people, at most 200 characters; miners do not hear it.
    title: Option<String>,
    /// Which subnet, where several pay for the task.
    netuid: Option<u16>,
}

/// What is told of every job.
#[derive(Serialize, ToSchema)]
pub struct JobProgress {
    /// Its name, of 128 random bits. Whoever knows it may read the job and its result; where no keys are asked for, also end it.
    id: String,
    /// `job`, or what it is called behind a front door of its own.
    object: String,
    /// Name and version.
    task: String,
    /// `waiting`, `working`, `done`, `failed` or `cancelled`.
    status: String,
    /// How much of the work is done, from 0 to 1; begins again when the job moves.
    fraction: f64,
    /// A name for people.
    title: Option<String>,
    /// Whether anything has been found.
    has_result: bool,
    /// How often it moved from one miner to another.
    moves: u32,
    /// Who works on it, or gave the result.
    miner: Option<String>,
    /// Its seat.
    uid: Option<u16>,
    /// On which subnet.
    netuid: Option<u16>,
    /// Unix seconds.
    created_at: u64,
    /// Unix seconds.
    updated_at: u64,
    /// Unix seconds.
    finished_at: Option<u64>,
    /// Unix seconds; then it is forgotten: ten minutes after its end if it has no result, else a day.
    expires_at: Option<u64>,
    /// Grows with every change; what events are numbered with.
    version: u64,
    /// Why it failed, if it did.
    error: Option<JobFailure>,
}

/// Why a job failed.
#[derive(Serialize, ToSchema)]
pub struct JobFailure {
    /// For people.
    message: String,
    /// `job_failed`.
    code: String,
}

/// Work that takes minutes.
#[derive(Serialize, ToSchema)]
pub struct Job {
    #[serde(flatten)]
    progress: JobProgress,
    /// The task's own measure of the best answer so far.
    figure: Option<f64>,
    /// Whether the gateway found that figure itself, in an answer that can be fetched; else it is the miner's word.
    figure_is_checked: bool,
}

/// Your jobs.
#[derive(Serialize, ToSchema)]
pub struct JobList {
    /// `list`.
    object: String,
    /// Newest first.
    data: Vec<Job>,
    /// Whether there are more after the last.
    has_more: bool,
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
pub struct Deleted {
    /// Its name.
    id: String,
    /// What it was.
    object: String,
    /// True.
    deleted: bool,
}

/// A protein to fold.
#[derive(Serialize, ToSchema)]
pub struct FoldRequest {
    /// One letter for each residue, from the amino end: 5 to 60 of ACDEFGHIKLMNPQRSTVWY.
    sequence: String,
    /// Whether the ends are capped (ACE, NME) instead of charged; false unless given.
    is_capped: Option<bool>,
    /// Seconds to search for, from 1 to 600; 60 unless given.
    budget_s: Option<f64>,
    /// A name for people, at most 200 characters; miners do not hear it.
    title: Option<String>,
    /// Which subnet, where several fold.
    netuid: Option<u16>,
}

/// A protein being folded, or folded.
#[derive(Serialize, ToSchema)]
pub struct Fold {
    #[serde(flatten)]
    progress: JobProgress,
    /// Of the best structure so far, in kcal/mol.
    energy: Option<f64>,
    /// Whether the gateway computed that energy from the coordinates that can be fetched; else it is the miner's word.
    energy_is_checked: bool,
    /// What is folded.
    sequence: String,
    /// Whether its ends are capped.
    is_capped: bool,
    /// Seconds to search for.
    budget_s: f64,
    /// The addresses of its files, by name, once anything has been found.
    files: std::collections::BTreeMap<String, String>,
}

/// Your folds.
#[derive(Serialize, ToSchema)]
pub struct FoldList {
    /// `list`.
    object: String,
    /// Newest first.
    data: Vec<Fold>,
    /// Whether there are more after the last.
    has_more: bool,
}

/// How the gateway fares.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or `waiting for miners`.
    status: String,
    /// How many models and tasks can be asked for.
    models: usize,
    /// How many miners there are on all subnets.
    miners: usize,
    /// Every subnet.
    subnets: Vec<SubnetHealth>,
}

/// How one subnet fares.
#[derive(Serialize, ToSchema)]
pub struct SubnetHealth {
    /// Its number.
    netuid: u16,
    /// What it pays for, if its owner has said.
    task: Option<String>,
    /// `ok`, `waiting for the chain`, `waiting for miners`, `no task`, `unknown task` or `no permit`.
    status: String,
    /// How many miners there are.
    miners: usize,
    /// Why it is not served, if it is not.
    reason: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stoa gateway",
        description = "OpenAI's API over markets of miners, and every other kind of work beside it"
    ),
    paths(
        crate::service::chat_completions,
        crate::service::completions,
        crate::images::classify,
        crate::jobs::api::create,
        crate::jobs::api::list,
        crate::jobs::api::one,
        crate::jobs::api::cancel,
        crate::jobs::api::delete,
        crate::jobs::api::events,
        crate::jobs::api::result,
        crate::folds::create,
        crate::folds::list,
        crate::folds::one,
        crate::folds::cancel,
        crate::folds::delete,
        crate::folds::events,
        crate::folds::file,
        crate::catalogue::list_models,
        crate::catalogue::one_model,
        crate::catalogue::list_tasks,
        crate::catalogue::one_task,
        crate::catalogue::health,
        crate::catalogue::metrics,
    )
)]
struct Document;

/// The document of a gateway that serves these kinds of work.
pub fn document(kinds: &[&'static dyn Kind]) -> Value {
    let document = Document::openapi();
    let mut document = serde_json::to_value(document).expect("a description is plain data");
    for kind in kinds {
        describe(*kind, &mut document);
    }
    document
}

/// This API, described for programs.
pub(crate) async fn serve(State(gateway): State<Gateway>) -> Json<Value> {
    Json(document(&gateway.subnets.kinds()))
}

/// Adds one kind of work: its schemas, and its address if its answers come at once.
fn describe(kind: &dyn Kind, document: &mut Value) {
    let id = kind.id();
    let prefix = format!("{}.{}", id.name(), id.version());
    let components = &mut document["components"]["schemas"];
    let request = adopt(kind.request_schema(), &prefix, "request", components);
    let answer = adopt(kind.answer_schema(), &prefix, "answer", components);
    if kind.delivery() != Delivery::Once {
        return;
    }
    let error = json!({"$ref": "#/components/schemas/ErrorEnvelope"});
    let json_of = |schema: Value| json!({"application/json": {"schema": schema}});
    let post = json!({
        "tags": ["answers"],
        "summary": kind.about(),
        "description": format!("Work for {id}. Who gave the answer, and the proof, is in the headers x-stoa-*."),
        "operationId": format!("task_{}", id.name()),
        "parameters": [{
            "name": "netuid", "in": "query", "required": false, "schema": {"type": "integer"},
            "description": "Which subnet, where several pay for the task",
        }],
        "requestBody": {"required": true, "content": json_of(request)},
        "responses": {
            "200": {"description": "The answer, byte for byte as the miner signed it", "content": json_of(answer)},
            "4XX": {"description": "The request is at fault", "content": json_of(error.clone())},
            "5XX": {"description": "No miner could answer", "content": json_of(error)},
        },
    });
    document["paths"][format!("/v1/tasks/{}", id.name())] = json!({"post": post});
}

/// Moves a JSON Schema with all it defines into the components; returns a reference to it.
fn adopt(mut schema: Value, prefix: &str, part: &str, components: &mut Value) -> Value {
    let place = |name: &str| format!("{prefix}.{part}.{name}");
    let mut defined = Map::new();
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$schema");
        if let Some(Value::Object(definitions)) = fields.remove("$defs") {
            defined = definitions;
        }
    }
    redirect(&mut schema, &place);
    let name = format!("{prefix}.{part}");
    for (own, mut definition) in defined {
        redirect(&mut definition, &place);
        components[place(&own)] = definition;
    }
    let reference = json!({"$ref": format!("#/components/schemas/{name}")});
    components[name] = schema;
    reference
}

/// Points every reference to a definition of the schema's own at its new place.
fn redirect(schema: &mut Value, place: &impl Fn(&str) -> String) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let own = value.as_str().and_then(|to| to.strip_prefix("#/$defs/"));
                match own {
                    Some(own) if name == "$ref" => {
                        *value = json!(format!("#/components/schemas/{}", place(own)));
                    }
                    _ => redirect(value, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, place)),
        _ => {}
    }
}
