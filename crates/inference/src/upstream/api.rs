//! Requests to a server: its addresses, its key, its patience, and its refusals in its own words.

use std::sync::Arc;

use futures::StreamExt;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::Settings;
use crate::error::Error;

/// The longest JSON taken from a server at once, in bytes.
const JSON_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most of an error's body that is read, to be repeated to the caller.
const ERROR_BYTES_MAX: usize = 2048;

/// A server's HTTP interface.
pub(super) struct Api {
    pub(super) settings: Arc<Settings>,
    client: reqwest::Client,
}

/// llama.cpp's words for a prompt that does not fit.
#[derive(Deserialize)]
struct TooLong {
    n_prompt_tokens: usize,
    n_ctx: usize,
}

impl Api {
    pub(super) fn new(settings: Arc<Settings>) -> Result<Self, Error> {
        reqwest::Url::parse(&settings.url).map_err(|error| settings.broken(error.to_string()))?;
        // The process-wide provider may have been chosen already; either way there is one afterwards.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let client = reqwest::Client::builder()
            .connect_timeout(settings.patience)
            .read_timeout(settings.patience)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| settings.failed(error))?;
        Ok(Self { settings, client })
    }

    /// The address of a route of OpenAI's API, such as `completions`.
    pub(super) fn route(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.url.trim_end_matches('/'))
    }

    /// The address of a route of the server's own, beside OpenAI's `/v1`.
    pub(super) fn own_route(&self, path: &str) -> String {
        let base = self.settings.url.trim_end_matches('/');
        format!("{}/{path}", base.strip_suffix("/v1").unwrap_or(base))
    }

    /// The response to a body, if it is no refusal.
    pub(super) async fn post(&self, url: String, body: &Value) -> Result<Response, Error> {
        let response = self.send(self.client.post(url).json(body)).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response).await)
    }

    /// The JSON that answers a body.
    pub(super) async fn ask(&self, url: String, body: &Value) -> Result<Value, Error> {
        let response = self.post(url, body).await?;
        self.json(response).await
    }

    /// The JSON at a route; `None` where the server has none there.
    pub(super) async fn find(&self, url: String) -> Result<Option<Value>, Error> {
        let response = self.send(self.client.get(url)).await?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(None),
            status if status.is_success() => self.json(response).await.map(Some),
            _ => Err(self.refusal(response).await),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let request = match &self.settings.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let sent = request.send().await;
        sent.map_err(|error| self.settings.failed(error))
    }

    async fn json(&self, response: Response) -> Result<Value, Error> {
        let body = self.read(response, JSON_BYTES_MAX).await?;
        serde_json::from_slice(&body)
            .map_err(|error| self.settings.broken(format!("not JSON: {error}")))
    }

    /// The first bytes of a body.
    async fn read(&self, response: Response, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            body.extend_from_slice(&piece.map_err(|error| self.settings.failed(error))?);
            if body.len() >= bytes_max {
                body.truncate(bytes_max);
                break;
            }
        }
        Ok(body)
    }

    /// The server's own words for a refusal, cut to a bearable length.
    async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        let body = match self.read(response, ERROR_BYTES_MAX).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        if let Ok(Value::Object(mut answer)) = serde_json::from_slice(&body)
            && let Some(error) = answer.remove("error")
            && let Ok(long) = TooLong::deserialize(error)
        {
            return Error::PromptTooLong {
                tokens: long.n_prompt_tokens,
                limit: long.n_ctx.saturating_sub(1),
            };
        }
        let said = String::from_utf8_lossy(&body);
        if status == StatusCode::BAD_REQUEST {
            return Error::InvalidRequest {
                parameter: "upstream",
                reason: format!("refused: {said}"),
            };
        }
        self.settings.broken(format!("{status}: {said}"))
    }
}
