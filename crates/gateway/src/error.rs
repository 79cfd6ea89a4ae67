//! What a caller is told when there is no answer: OpenAI's error envelope and the right status.
//!
//! ```json
//! {"error": {"message": "…", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}
//! ```
//!
//! The message is for the caller. What happened inside goes to the log under the request's id, never to the caller.

use std::time::Duration;

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal, as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    retry_after: Option<Duration>,
}

/// The envelope every OpenAI client parses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorEnvelope {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong, for people and for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// For people.
    pub message: String,
    /// The kind: `invalid_request_error`, `authentication_error`, `rate_limit_error` or `server_error`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The parameter at fault, if there is one.
    pub param: Option<String>,
    /// For programs.
    pub code: Option<&'static str>,
}

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";

impl ApiError {
    fn new(
        status: StatusCode,
        kind: &'static str,
        code: Option<&'static str>,
        param: Option<&str>,
        message: impl Into<String>,
    ) -> Self {
        let param = param.map(str::to_owned);
        let body = ErrorBody {
            message: message.into(),
            kind,
            param,
            code,
        };
        Self {
            status,
            body,
            retry_after: None,
        }
    }

    fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// 400: a parameter has a value that is not allowed.
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        let code = Some("invalid_value");
        Self::new(StatusCode::BAD_REQUEST, INVALID, code, Some(param), message)
    }

    /// 400: a parameter asks for something that no miner here can do.
    pub fn unsupported(param: &str, message: impl Into<String>) -> Self {
        let code = Some("unsupported_parameter");
        Self::new(StatusCode::BAD_REQUEST, INVALID, code, Some(param), message)
    }

    /// 400: the body is not JSON of the right shape.
    pub fn bad_json(detail: impl std::fmt::Display) -> Self {
        let message = format!("could not parse the JSON body of your request: {detail}");
        Self::new(
            StatusCode::BAD_REQUEST,
            INVALID,
            Some("invalid_json"),
            None,
            message,
        )
    }

    /// 400: the body says something that the task does not take.
    pub fn invalid_body(message: impl Into<String>) -> Self {
        let code = Some("invalid_value");
        Self::new(StatusCode::BAD_REQUEST, INVALID, code, None, message)
    }

    /// 400: the bytes are no picture.
    pub fn invalid_image(message: impl Into<String>) -> Self {
        let code = Some("invalid_image");
        let status = StatusCode::BAD_REQUEST;
        Self::new(status, INVALID, code, Some("image"), message)
    }

    /// 413: the picture has more bytes or pixels than anyone decodes.
    pub fn image_too_large(message: impl Into<String>) -> Self {
        let code = Some("image_too_large");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(status, INVALID, code, Some("image"), message)
    }

    /// 415: the body is of a type that nobody here reads.
    pub fn unsupported_media(param: &str, kind: &str) -> Self {
        let kind: String = kind.chars().take(80).collect();
        let message = format!(
            "a picture must be image/png, image/jpeg or image/webp (or application/octet-stream, or base64 inside \
             application/json), not {kind:?}"
        );
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let code = Some("unsupported_media_type");
        Self::new(status, INVALID, code, Some(param), message)
    }

    /// 400: the prompt leaves no room for an answer.
    pub fn context_length(param: &str, message: impl Into<String>) -> Self {
        let code = Some("context_length_exceeded");
        Self::new(StatusCode::BAD_REQUEST, INVALID, code, Some(param), message)
    }

    /// 401: no key was given.
    pub fn no_key() -> Self {
        let message = "you did not provide an API key; send it as `Authorization: Bearer KEY`";
        let kind = "authentication_error";
        Self::new(
            StatusCode::UNAUTHORIZED,
            kind,
            Some("missing_api_key"),
            None,
            message,
        )
    }

    /// 401: the key is none of ours. The message does not repeat it.
    pub fn wrong_key() -> Self {
        let message = "incorrect API key provided; send one that this gateway's operator gave out";
        let kind = "authentication_error";
        Self::new(
            StatusCode::UNAUTHORIZED,
            kind,
            Some("invalid_api_key"),
            None,
            message,
        )
    }

    /// 404: no miner serves this model.
    pub fn model_not_found(model: &str) -> Self {
        let message =
            format!("the model `{model}` does not exist; GET /v1/models lists those that do");
        let code = Some("model_not_found");
        Self::new(StatusCode::NOT_FOUND, INVALID, code, Some("model"), message)
    }

    /// 404: no subnet served here pays for this task.
    pub fn task_not_found(name: &str) -> Self {
        let name: String = name.chars().take(80).collect();
        let message = format!(
            "no subnet served here pays for the task `{name}`; GET /v1/tasks lists those that are"
        );
        let code = Some("task_not_found");
        Self::new(StatusCode::NOT_FOUND, INVALID, code, Some("task"), message)
    }

    /// 400: this task's work takes minutes, and is a job.
    pub fn is_a_job(name: &str) -> Self {
        let message = format!(
            "work for `{name}` takes minutes: POST /v1/jobs with {{\"task\": \"{name}\", \"request\": …}} and come back for \
             the result"
        );
        let code = Some("task_is_a_job");
        Self::new(
            StatusCode::BAD_REQUEST,
            INVALID,
            code,
            Some("task"),
            message,
        )
    }

    /// 400: this task's answers do not take long enough to be a job.
    pub fn is_no_job(name: &str) -> Self {
        let message = format!("`{name}` is answered at once: POST /v1/tasks/{name}");
        let code = Some("task_is_no_job");
        Self::new(
            StatusCode::BAD_REQUEST,
            INVALID,
            code,
            Some("task"),
            message,
        )
    }

    /// 404: there is no job of this name, or no longer.
    pub fn job_not_found(id: &str) -> Self {
        let id: String = id.chars().take(80).collect();
        let message = format!(
            "there is no `{id}`; a finished job is kept for a day at most, one without a result for ten minutes, and any can be \
             deleted before: create another"
        );
        let code = Some("job_not_found");
        Self::new(StatusCode::NOT_FOUND, INVALID, code, Some("id"), message)
    }

    /// 409: the job has found nothing yet.
    pub fn no_result_yet() -> Self {
        let message = "this job has found nothing yet; its events tell when it has";
        let (status, code) = (StatusCode::CONFLICT, Some("no_result_yet"));
        Self::new(status, INVALID, code, None, message).retry_after(Duration::from_secs(2))
    }

    /// 409: the job is over, and nothing was found.
    pub fn no_result() -> Self {
        let message = "this job ended before anything was found; create another";
        let (status, code) = (StatusCode::CONFLICT, Some("no_result"));
        Self::new(status, INVALID, code, None, message)
    }

    /// 429: this customer has as many jobs under way as it may.
    pub fn too_many_jobs(limit: usize) -> Self {
        let message = format!(
            "you have {limit} unfinished jobs, which is as many as one customer may have; wait for one, or cancel one"
        );
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, Some("too_many_jobs"));
        let pause = Duration::from_secs(10);
        Self::new(status, "rate_limit_error", code, None, message).retry_after(pause)
    }

    /// 429: this customer keeps as many jobs as it may.
    pub fn too_many_kept(limit: usize) -> Self {
        let message = format!(
            "{limit} of your jobs are kept, which is as many as one customer may have; delete those you have fetched"
        );
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, Some("too_many_jobs"));
        let pause = Duration::from_secs(60);
        Self::new(status, "rate_limit_error", code, None, message).retry_after(pause)
    }

    /// 429: this job has as many listeners as it may.
    pub fn too_many_listeners() -> Self {
        let message = "as many as may are listening to this job; close one, or GET the job instead";
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, Some("too_many_listeners"));
        let pause = Duration::from_secs(5);
        Self::new(status, "rate_limit_error", code, None, message).retry_after(pause)
    }

    /// 429: this customer listens to as many jobs as it may.
    pub fn too_many_listening(limit: usize) -> Self {
        let message = format!(
            "you are listening {limit} times, which is as often as one customer may; close one, or GET the job instead"
        );
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, Some("too_many_listeners"));
        let pause = Duration::from_secs(5);
        Self::new(status, "rate_limit_error", code, None, message).retry_after(pause)
    }

    /// 403: nobody here is told apart, so nobody is shown a list.
    pub fn list_needs_key() -> Self {
        let message = "this gateway asks for no keys, so it cannot tell your jobs from those of others at your address and lists none; \
                       keep the `id` that you get with each";
        let (status, code) = (StatusCode::FORBIDDEN, Some("list_needs_key"));
        Self::new(status, INVALID, code, None, message)
    }

    /// 403: the job is another key's.
    pub fn not_your_job() -> Self {
        let message = "this job was created with another key; only with that one can it be cancelled or deleted";
        let (status, code) = (StatusCode::FORBIDDEN, Some("not_your_job"));
        Self::new(status, INVALID, code, Some("id"), message)
    }

    /// 503: there is no room for one more job.
    pub fn jobs_full(why: &str) -> Self {
        let message = format!("the gateway takes no more jobs just now: {why}; try again later");
        let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, Some("jobs_full"));
        Self::new(status, SERVER, code, None, message).retry_after(Duration::from_secs(10))
    }

    /// 404: there is nothing at this address.
    pub fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!("unknown request URL: {method} {path}; see /openapi.json");
        Self::new(
            StatusCode::NOT_FOUND,
            INVALID,
            Some("unknown_url"),
            None,
            message,
        )
    }

    /// 405: there is something at this address, for another method.
    pub fn wrong_method(method: &str, path: &str) -> Self {
        let message = format!("not allowed: {method} {path}; see /openapi.json");
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, INVALID, Some("method_not_supported"), None, message)
    }

    /// 408: the caller did not send its body in time.
    pub fn slow_body() -> Self {
        let status = StatusCode::REQUEST_TIMEOUT;
        Self::new(
            status,
            INVALID,
            Some("request_timeout"),
            None,
            "the body did not arrive in time; send it again, all at once",
        )
    }

    /// 413: the body is larger than this gateway takes.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("the request body is larger than {limit} bytes; send a smaller one");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(status, INVALID, Some("request_too_large"), None, message)
    }

    /// 429: this key asks more often than it may.
    pub fn rate_limited(per_minute: u32, pause: Duration) -> Self {
        let message = format!("rate limit reached: {per_minute} requests per minute");
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, Some("rate_limit_exceeded"));
        Self::new(status, "rate_limit_error", code, None, message).retry_after(pause)
    }

    /// 500: the gateway itself failed; its log says how.
    pub fn internal() -> Self {
        let message = "the gateway could not read this; try again, or tell its operator";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, SERVER, Some("internal_error"), None, message)
    }

    /// 503: as many requests as this gateway takes are under way.
    pub fn overloaded() -> Self {
        let message = "the gateway is at its limit of requests under way; try again shortly";
        let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, Some("overloaded"));
        Self::new(status, SERVER, code, None, message).retry_after(Duration::from_secs(1))
    }

    /// 503: every miner of this model that could be asked failed, or there is none.
    pub fn no_miner(model: &str) -> Self {
        let message = format!("no miner of `{model}` could answer; try again shortly");
        let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, Some("no_miner_available"));
        Self::new(status, SERVER, code, None, message).retry_after(Duration::from_secs(2))
    }

    /// 502: what the miner found cannot be read.
    pub fn unreadable_result() -> Self {
        let message = "what the miner gave cannot be read; create another job";
        let (status, code) = (StatusCode::BAD_GATEWAY, Some("unreadable_result"));
        Self::new(status, SERVER, code, None, message)
    }

    /// 502 before, an event inside a stream after the first token: the miner did not finish.
    pub fn interrupted() -> Self {
        let message = "the miner stopped before the end of the answer; ask again";
        Self::new(
            StatusCode::BAD_GATEWAY,
            SERVER,
            Some("answer_interrupted"),
            None,
            message,
        )
    }

    /// The status sent.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The machine-readable code sent.
    pub fn code(&self) -> Option<&'static str> {
        self.body.code
    }

    /// The envelope, for a stream whose status has been sent already.
    pub fn envelope(&self) -> ErrorEnvelope {
        ErrorEnvelope {
            error: self.body.clone(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.envelope())).into_response();
        if let Some(pause) = self.retry_after {
            let seconds = pause.as_secs_f64().ceil().max(1.0) as u64;
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_the_one_openai_clients_parse() {
        let envelope = ApiError::model_not_found("gpt-9").envelope();
        let expected = serde_json::json!({"error": {
            "message": "the model `gpt-9` does not exist; GET /v1/models lists those that do",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }});
        assert_eq!(
            serde_json::to_value(envelope).expect("plain data"),
            expected
        );
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_and_never_as_zero() {
        let response = ApiError::rate_limited(60, Duration::from_millis(1200)).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let response = ApiError::rate_limited(60, Duration::from_millis(1)).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
