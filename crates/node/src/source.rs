//! Fetches final blocks from another node, and hands it transactions, over its JSON-RPC.
//!
//! Nothing that comes from here is believed: see [`crate::follower`].

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer that is read.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Another node's RPC.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    url: String,
    http: reqwest::Client,
}

/// A block that the source calls final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claimed {
    /// The encoded block.
    pub(crate) block: Bytes,
    /// What is to prove it; none if a later block's certificate does.
    pub(crate) certificate: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Answer<T> {
    result: Option<T>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

#[derive(Deserialize)]
struct WireBlock {
    block: String,
    certificate: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SyncState {
    highest_block: u32,
}

impl Source {
    /// The node at `url`; `ws` and `http` mean the same port of a node.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        // HTTPS needs a provider chosen once per process; a second choice of the same one changes nothing.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .map_err(|reason| reason.to_string())?;
        let url = match url.strip_prefix("ws") {
            Some(rest) => format!("http{rest}"),
            None => url.to_owned(),
        };
        Ok(Self { url, http })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Final blocks from a height on, at most `count`.
    pub(crate) async fn finalized_blocks(
        &self,
        from: u32,
        count: u32,
    ) -> Result<Vec<Claimed>, String> {
        let blocks: Vec<WireBlock> = self
            .call("stoa_getFinalizedBlocks", json!([from, count]))
            .await?;
        blocks.iter().map(Claimed::read).collect()
    }

    /// The greatest height that the source knows of.
    pub(crate) async fn highest(&self) -> Result<u32, String> {
        let state: SyncState = self.call("system_syncState", json!([])).await?;
        Ok(state.highest_block)
    }

    /// Hands over a transaction.
    pub(crate) async fn submit(&self, transaction: &[u8]) -> Result<(), String> {
        let text = format!("0x{}", hex::encode(transaction));
        let _: String = self.call("author_submitExtrinsic", json!([text])).await?;
        Ok(())
    }

    async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, String> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let text = |reason: reqwest::Error| reason.to_string();
        let mut response = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .body(request.to_string())
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(text)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(text)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!(
                    "the answer to {method} is longer than {ANSWER_BYTES_MAX} bytes"
                ));
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Answer<T> =
            serde_json::from_slice(&body).map_err(|reason| format!("{method}: {reason}"))?;
        match (answer.result, answer.error) {
            (Some(result), _) => Ok(result),
            (None, Some(refusal)) => Err(format!("{method}: {}", refusal.message)),
            (None, None) => Err(format!("{method}: an empty answer")),
        }
    }
}

impl Claimed {
    fn read(wire: &WireBlock) -> Result<Self, String> {
        let certificate = wire.certificate.as_deref().map(unhex).transpose()?;
        Ok(Self {
            block: unhex(&wire.block)?.into(),
            certificate: certificate.filter(|certificate| !certificate.is_empty()),
        })
    }
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|reason| reason.to_string())
}
