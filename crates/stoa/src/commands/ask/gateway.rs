//! A gateway as its customer meets it: where it is, what it answers, and what to do when it does not.
//!
//! Nothing is waited for without a limit, and no more is read than [`ANSWER_BYTES_MAX`].

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::words;

/// How long a gateway may take until it accepts a connection.
const CONNECTING: Duration = Duration::from_secs(10);
/// The longest answer read, in bytes.
pub(super) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest refusal read, in bytes.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
/// The most characters shown of what a gateway says when it refuses.
const COMPLAINT_CHARS_MAX: usize = 1_000;

/// Which gateway, and as whom.
#[derive(Args)]
pub(super) struct Gateway {
    /// The gateway's URL
    #[arg(
        id = "gateway_url",
        long = "gateway",
        default_value = "http://127.0.0.1:8080",
        env = "STOA_GATEWAY",
        value_name = "URL"
    )]
    pub(super) url: String,

    /// A key the gateway knows, if it wants one
    #[arg(long, env = "STOA_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(super) api_key: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// No connection, one that broke, or silence on it: another try may have an answer.
    #[error(
        "the gateway at {url} is away: {reason}\nhint: is it running, and is --gateway its address?"
    )]
    Away {
        /// The gateway.
        url: String,
        /// In the words of the HTTP client.
        reason: String,
    },
    /// The address is none.
    #[error(
        "{url:?} is no address of a gateway: {reason}\nhint: give one such as http://127.0.0.1:8080 with --gateway"
    )]
    Address {
        /// What was given.
        url: String,
        /// In the words of the HTTP client.
        reason: String,
    },
    /// The gateway answers that there is no answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer is none.
    #[error("the gateway's answer cannot be read: {0}")]
    Unreadable(String),
}

/// A gateway's refusal.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) struct Refusal {
    status: StatusCode,
    message: Option<String>,
    retry_after_s: Option<u64>,
}

impl Refusal {
    /// What to do about it, where something can be done.
    fn hint(&self) -> Option<String> {
        let pause = self.retry_after_s.map(|seconds| format!("in {seconds} s"));
        let pause = pause.as_deref().unwrap_or("shortly");
        let next = match self.status {
            StatusCode::UNAUTHORIZED => {
                "give a key that this gateway knows, with --api-key or in STOA_API_KEY".to_owned()
            }
            StatusCode::NOT_FOUND if self.message.is_some() => {
                "it may have been deleted or have expired, or be another gateway's: see --gateway"
                    .to_owned()
            }
            StatusCode::NOT_FOUND => "that is no gateway of Stoa: see --gateway".to_owned(),
            StatusCode::TOO_MANY_REQUESTS => {
                format!("you ask for more than you may; try again {pause}")
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                format!("the gateway is there and cannot serve you just now; try again {pause}")
            }
            status if status.is_server_error() => {
                "try again, and if it stays so tell the gateway's operator".to_owned()
            }
            _ => return None,
        };
        Some(next)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gateway answered {}", self.status)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        match self.hint() {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Gateway {
    /// A client that hears of a gateway within this time, or takes it to be away.
    pub(super) fn client(silence: Duration) -> Result<Client> {
        Client::builder()
            .no_proxy()
            .connect_timeout(CONNECTING)
            .read_timeout(silence)
            .build()
            .context("make an HTTP client")
    }

    /// The address of a route, whether the base was given with or without `/v1`.
    pub(super) fn url(&self, path: &str) -> String {
        let base = self.url.trim_end_matches('/').trim_end_matches("/v1");
        format!("{base}/v1/{path}")
    }

    /// Sends a request in this customer's name.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let request = match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.trouble(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after_s = retry_after_s(response.headers());
        let body = self.read(response, REFUSAL_BYTES_MAX).await;
        let message = body.ok().and_then(|body| complaint(&body));
        Err(Trouble::Refused(Refusal {
            status,
            message,
            retry_after_s,
        }))
    }

    /// Sends a request in this customer's name, and reads the answer as JSON.
    pub(super) async fn json(&self, request: RequestBuilder) -> Result<Value, Trouble> {
        let response = self.send(request).await?;
        self.read_json(response).await
    }

    /// Reads an answer as JSON.
    pub(super) async fn read_json(&self, response: Response) -> Result<Value, Trouble> {
        parsed(&self.read(response, ANSWER_BYTES_MAX).await?)
    }

    /// Reads a response to its end.
    pub(super) async fn read(
        &self,
        mut response: Response,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Trouble> {
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.trouble(error))?
        {
            if bytes_max < body.len() + chunk.len() {
                return Err(Trouble::Unreadable(format!(
                    "it has more than {bytes_max} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What an error of the client means.
    pub(super) fn trouble(&self, error: reqwest::Error) -> Trouble {
        let url = self.url.clone();
        let is_ours = error.is_builder();
        let reason = format!("{:#}", anyhow::Error::new(error.without_url()));
        match is_ours {
            true => Trouble::Address { url, reason },
            false => Trouble::Away { url, reason },
        }
    }
}

/// Reads JSON.
pub(super) fn parsed(body: &[u8]) -> Result<Value, Trouble> {
    serde_json::from_slice(body).map_err(|error| Trouble::Unreadable(error.to_string()))
}

/// What a refusal's body says, in the envelope that OpenAI's clients read.
fn complaint(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let message = body["error"]["message"].as_str()?;
    let message: String = message.chars().take(COMPLAINT_CHARS_MAX).collect();
    Some(words::line(&message))
}

fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// Who gave an answer, by its headers.
pub(super) fn provenance(headers: &HeaderMap) -> String {
    let of = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("unknown")
    };
    let (miner, uid) = (of("x-stoa-miner"), of("x-stoa-uid"));
    format!("miner {miner} · uid {uid} · subnet {}", of("x-stoa-netuid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_may_be_given_with_or_without_its_version() {
        for url in [
            "http://here",
            "http://here/",
            "http://here/v1",
            "http://here/v1/",
        ] {
            let url = url.to_owned();
            let gateway = Gateway { url, api_key: None };
            assert_eq!(gateway.url("models"), "http://here/v1/models");
        }
    }

    #[test]
    fn every_refusal_says_what_it_is_and_what_to_do() {
        let said = |status: u16, message: Option<&str>, retry_after_s| {
            let refusal = Refusal {
                status: StatusCode::from_u16(status).expect("a status"),
                message: message.map(str::to_owned),
                retry_after_s,
            };
            refusal.to_string()
        };
        assert_eq!(
            said(401, Some("incorrect API key provided"), None),
            "the gateway answered 401 Unauthorized: incorrect API key provided\n\
             hint: give a key that this gateway knows, with --api-key or in STOA_API_KEY"
        );
        assert_eq!(
            said(404, Some("there is no `fold_1`"), None),
            "the gateway answered 404 Not Found: there is no `fold_1`\n\
             hint: it may have been deleted or have expired, or be another gateway's: see --gateway"
        );
        assert!(said(404, None, None).contains("no gateway of Stoa"));
        assert!(said(429, Some("rate limit reached"), Some(7)).ends_with("try again in 7 s"));
        assert!(said(503, None, None).ends_with("just now; try again shortly"));
        assert!(said(502, None, None).contains("operator"));
        assert_eq!(
            said(400, Some("`budget_s` is 0"), None),
            "the gateway answered 400 Bad Request: `budget_s` is 0",
            "which says what to do"
        );
    }

    #[test]
    fn what_a_gateway_complains_of_is_one_line_without_orders_to_a_terminal() {
        let body = br#"{"error": {"message": "no\u001b[2J\nerror: all is lost"}}"#;
        let message = complaint(body).expect("a message");
        assert_eq!(message, "no\u{fffd}[2J\u{fffd}error: all is lost");
        assert_eq!(complaint(b"<html>"), None);
    }
}
