//! Pictures in, labels out: `POST /v1/images/classifications`, in the shape of Hugging Face's image classification.
//!
//! A picture comes as the raw body, or inside JSON as base64 (plain or in a `data:` URL) under `image`, or as Hugging Face's
//! clients send it, under `inputs` with `parameters`. Either way it becomes the task's own request, and goes to a miner that
//! answers with every label; what the customer did not ask for is cut off here, so that a request for one label looks like
//! any other. The answer is Hugging Face's bare list; who gave it, and the proof, is in the headers.
//!
//! The header of the picture is read before anything is sent, so that what no miner may decode is refused at once: 400 for
//! what is no picture, 413 for too many bytes or pixels, 415 for a type that is none of the three.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use bytes::Bytes;
use primitives::NetUid;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tasks::Kind;
use utoipa::ToSchema;
use vision::picture::{BYTES_MAX, Picture, Refusal};

use crate::error::ApiError;
use crate::service::Gateway;
use crate::work::{Order, complained};

/// The task that classifies pictures.
pub(crate) const TASK: &str = "image-classification";

/// The types a picture may have; `image/jpg` is a common slip.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/jpg", "image/webp"];

/// Base64 as people send it, with or without the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A picture to classify, in JSON.
#[derive(Serialize, ToSchema)]
pub struct ClassificationRequest {
    /// A PNG, JPEG or WebP picture in base64, plain or as a `data:` URL. `inputs` means the same.
    image: String,
    /// `image-classification`, or a model that its miners serve.
    model: Option<String>,
    /// So many of the likeliest labels; all unless given. `parameters.top_k` means the same.
    top_k: Option<usize>,
}

/// A label, and how likely it is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Label {
    /// What the picture shows.
    label: String,
    /// From 0 to 1; over all labels they make 1.
    score: f64,
}

/// What is asked besides the picture.
#[derive(Debug, Default, PartialEq)]
struct Wishes {
    model: Option<String>,
    top_k: Option<usize>,
    netuid: Option<NetUid>,
}

/// Says what a picture shows.
#[utoipa::path(post, path = "/v1/images/classifications", tag = "answers",
    params(
        ("top_k" = Option<usize>, Query, description = "So many of the likeliest labels; all unless given"),
        ("model" = Option<String>, Query, description = "`image-classification`, or a model that its miners serve"),
        ("netuid" = Option<u16>, Query, description = "Which subnet, where several pay for the task"),
    ),
    request_body(
        content(
            (ClassificationRequest = "application/json"),
            (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"),
            (Vec<u8> = "application/octet-stream"),
        ),
        description = "The picture, as it is or inside JSON"),
    responses(
        (status = 200, description = "Labels, the likeliest first; who gave them is in the headers", body = Vec<Label>),
        (status = "4XX", description = "The request is at fault", body = crate::error::ErrorEnvelope),
        (status = "5XX", description = "No miner could answer", body = crate::error::ErrorEnvelope),
    ))]
pub async fn classify(
    State(gateway): State<Gateway>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let _place = gateway.gates.admit()?;
    let form = Form::of(&headers, &body)?;
    let mut wishes = Wishes::in_query(&uri)?;
    let picture = match form {
        Form::Raw => Sent::Raw(body),
        Form::Json => Sent::Base64(wishes.in_json(&body)?),
    };
    let model = wishes.model.filter(|model| model != TASK);
    if let Some(model) = &model {
        known_model(&gateway, model, wishes.netuid)?;
    }
    let order = Order {
        task: TASK,
        netuid: wishes.netuid,
        model,
    };
    let (done, provided) = order
        .fill(&gateway, move |kind| written(kind, picture))
        .await?;
    let labels = cut(&done.body, wishes.top_k)?;
    Ok(provided.on(Json(labels).into_response()))
}

/// How a body says what it is.
#[derive(Debug, PartialEq)]
enum Form {
    Raw,
    Json,
}

impl Form {
    fn of(headers: &HeaderMap, body: &[u8]) -> Result<Self, ApiError> {
        let kind = headers
            .get(CONTENT_TYPE)
            .map(|value| value.to_str().unwrap_or("?"));
        let Some(kind) = kind else {
            let is_json = body.trim_ascii_start().starts_with(b"{");
            return Ok(if is_json { Self::Json } else { Self::Raw });
        };
        let kind = kind.split(';').next().unwrap_or("").trim();
        let kind = kind.to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => Ok(Self::Json),
            "application/octet-stream" => Ok(Self::Raw),
            kind if PICTURES.contains(&kind) => Ok(Self::Raw),
            kind => Err(ApiError::unsupported_media("content-type", kind)),
        }
    }
}

/// A picture as it came.
enum Sent {
    Raw(Bytes),
    Base64(String),
}

impl Wishes {
    fn in_query(uri: &Uri) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Asked {
            model: Option<String>,
            top_k: Option<String>,
            netuid: Option<String>,
        }
        let Query(asked) = Query::<Asked>::try_from_uri(uri)
            .map_err(|error| ApiError::invalid("query", format!("the query: {error}")))?;
        let top_k = asked.top_k.map(|text| text.parse().unwrap_or(0));
        let netuid = asked.netuid.map(|text| text.parse::<NetUid>());
        Ok(Self {
            model: asked.model,
            top_k: top_k.map(at_least_one).transpose()?,
            netuid: netuid
                .transpose()
                .map_err(|_| ApiError::invalid("netuid", "`netuid` must be a subnet's number"))?,
        })
    }

    /// Takes what a JSON body says besides the picture, and returns the picture.
    fn in_json(&mut self, body: &[u8]) -> Result<String, ApiError> {
        let value: Value = serde_json::from_slice(body).map_err(ApiError::bad_json)?;
        let Value::Object(mut fields) = value else {
            return Err(ApiError::bad_json("the body must be a JSON object"));
        };
        let mut picture = None;
        for name in ["image", "inputs"] {
            match fields.remove(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => picture = Some(text),
                Some(_) => {
                    return Err(ApiError::invalid(
                        name,
                        format!("`{name}` must be a picture in base64"),
                    ));
                }
            }
        }
        let picture =
            picture.ok_or_else(|| ApiError::invalid("image", "you must provide `image`"))?;
        match fields.remove("model") {
            None | Some(Value::Null) => {}
            Some(Value::String(model)) => self.model = Some(model),
            Some(_) => return Err(ApiError::invalid("model", "`model` must be a name")),
        }
        let parameters = fields.remove("parameters").unwrap_or_default();
        for top_k in [fields.remove("top_k"), parameters.get("top_k").cloned()] {
            if let Some(top_k) = top_k.filter(|top_k| !top_k.is_null()) {
                let count = top_k.as_u64().unwrap_or(0) as usize;
                self.top_k = Some(at_least_one(count)?);
            }
        }
        match parameters.get("function_to_apply").and_then(Value::as_str) {
            None | Some("softmax") => Ok(picture),
            Some(_) => Err(ApiError::unsupported(
                "parameters.function_to_apply",
                "only `softmax` is offered: scores are probabilities",
            )),
        }
    }
}

fn at_least_one(top_k: usize) -> Result<usize, ApiError> {
    match top_k {
        0 => Err(ApiError::invalid(
            "top_k",
            "`top_k` must be a whole number of at least 1",
        )),
        top_k => Ok(top_k),
    }
}

/// An error if no miner lists the model.
fn known_model(gateway: &Gateway, model: &str, netuid: Option<NetUid>) -> Result<(), ApiError> {
    let markets = gateway.subnets.of_task(TASK, netuid);
    let is_offered = markets.iter().any(|market| {
        let offers = market.directory.offers();
        market.task == model || offers.iter().any(|offer| offer.id == model)
    });
    match markets.is_empty() || is_offered {
        true => Ok(()),
        false => Err(ApiError::model_not_found(model)),
    }
}

/// The task's request for a picture, after a look at its header.
fn written(kind: &dyn Kind, sent: Sent) -> Result<Bytes, ApiError> {
    let bytes = match sent {
        Sent::Raw(bytes) => bytes,
        Sent::Base64(text) => decoded(&text)?,
    };
    Picture::look(&bytes).map_err(refused)?;
    let request = json!({"image": general_purpose::STANDARD.encode(&bytes)});
    kind.canonical(request.to_string().as_bytes())
        .map_err(complained)
}

/// The bytes of plain base64 or of a `data:` URL.
fn decoded(text: &str) -> Result<Bytes, ApiError> {
    let text = text.trim();
    let base64 = match text.strip_prefix("data:") {
        None => text,
        Some(url) => {
            let (head, data) = url.split_once(',').unwrap_or((url, ""));
            let Some(kind) = head.strip_suffix(";base64") else {
                let message = "a `data:` URL must be of the form data:image/png;base64,…";
                return Err(ApiError::invalid("image", message));
            };
            let kind = kind.split(';').next().unwrap_or("").to_ascii_lowercase();
            if !kind.is_empty() && !PICTURES.contains(&kind.as_str()) {
                return Err(ApiError::unsupported_media("image", &kind));
            }
            data
        }
    };
    let is_plain = !base64.bytes().any(|byte| byte.is_ascii_whitespace());
    let read = if is_plain {
        BASE64.decode(base64)
    } else {
        let unbroken: Vec<u8> = base64
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        BASE64.decode(unbroken)
    };
    read.map(Bytes::from)
        .map_err(|error| ApiError::invalid("image", format!("`image` is not base64: {error}")))
}

fn refused(refusal: Refusal) -> ApiError {
    match &refusal {
        Refusal::Empty | Refusal::UnknownFormat(_) | Refusal::Torn(_) => {
            ApiError::invalid_image(refusal.to_string())
        }
        Refusal::TooLong(_) | Refusal::Size { .. } | Refusal::TooLarge => {
            ApiError::image_too_large(refusal.to_string())
        }
    }
}

/// The largest body worth reading: a picture in base64, and what stands around it.
pub(crate) fn body_bytes_max() -> usize {
    BYTES_MAX.div_ceil(3) * 4 + 4096
}

/// The likeliest `top_k` labels of an answer, the likeliest first.
fn cut(answer: &[u8], top_k: Option<usize>) -> Result<Vec<Label>, ApiError> {
    let mut labels: Vec<Label> = serde_json::from_slice(answer).map_err(|error| {
        tracing::error!(%error, "the task's answers are no list of labels");
        ApiError::internal()
    })?;
    labels.sort_by(|one, other| other.score.total_cmp(&one.score));
    labels.truncate(top_k.unwrap_or(usize::MAX));
    Ok(labels)
}
