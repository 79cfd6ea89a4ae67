//! `stoa ask`: one question to a gateway, the answer as it is drawn.
//!
//! The text goes to standard output and nothing else does, so that it can be piped; what it cost, and who answered, goes to
//! standard error.

use anyhow::{Context, Result, bail};
use clap::Args;
use futures::StreamExt;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Instant;

/// Longest line of a stream that is read, in bytes.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Ask a gateway, and print the answer as it comes
#[derive(Args)]
pub struct Ask {
    /// What to ask
    prompt: String,

    /// The model asked [default: the first that the gateway lists]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,

    /// The gateway's URL
    #[arg(
        long,
        default_value = "http://127.0.0.1:8080",
        env = "STOA_GATEWAY",
        value_name = "URL"
    )]
    gateway: String,

    /// A key the gateway knows, if it wants one
    #[arg(long, env = "STOA_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,

    /// Most tokens of the answer
    #[arg(long, value_name = "COUNT")]
    max_tokens: Option<u32>,

    /// From 0 (the likeliest token) to 2
    #[arg(long, value_name = "NUMBER")]
    temperature: Option<f64>,

    /// Names the randomness: the same seed gives the same answer
    #[arg(long, value_name = "NUMBER")]
    seed: Option<i64>,
}

impl Ask {
    /// Asks, and prints until the answer ends.
    ///
    /// # Errors
    ///
    /// What the gateway says, when it does not answer.
    pub async fn run(self) -> Result<()> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("make an HTTP client")?;
        let model = match &self.model {
            Some(model) => model.clone(),
            None => self.first_model(&http).await?,
        };
        let mut body = json!({
            "model": model,
            "messages": [{"role": "user", "content": self.prompt}],
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        let choices = [
            ("max_tokens", json!(self.max_tokens)),
            ("temperature", json!(self.temperature)),
            ("seed", json!(self.seed)),
        ];
        for (name, value) in choices.into_iter().filter(|(_, value)| !value.is_null()) {
            body[name] = value;
        }
        let asked = Instant::now();
        let request = http.post(self.url("chat/completions")).json(&body);
        let response = self
            .with_key(request)
            .send()
            .await
            .context("reach the gateway")?;
        let response = accepted(response).await?;
        let summary = print(response).await?;
        eprintln!("{summary} · {} ms", asked.elapsed().as_millis());
        Ok(())
    }

    async fn first_model(&self, http: &reqwest::Client) -> Result<String> {
        let request = self.with_key(http.get(self.url("models")));
        let response = accepted(request.send().await.context("reach the gateway")?).await?;
        let list: Value = response.json().await.context("read the list of models")?;
        let first = list["data"][0]["id"].as_str();
        Ok(first
            .context("the gateway lists no model yet; try again shortly")?
            .to_owned())
    }

    fn url(&self, path: &str) -> String {
        let base = self.gateway.trim_end_matches('/').trim_end_matches("/v1");
        format!("{base}/v1/{path}")
    }

    fn with_key(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

/// The response, if it is an answer; what the gateway says, if it is not.
async fn accepted(response: reqwest::Response) -> Result<reqwest::Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body: Value = response.json().await.unwrap_or_default();
    match body["error"]["message"].as_str() {
        Some(message) => bail!("the gateway answered {status}: {message}"),
        None => bail!("the gateway answered {status}"),
    }
}

/// Prints a stream's text; returns what it cost and who answered.
async fn print(response: reqwest::Response) -> Result<String> {
    let mut out = std::io::stdout();
    let mut chunks = response.bytes_stream();
    let mut line = Vec::new();
    let mut summary = Summary::default();
    while let Some(chunk) = chunks.next().await {
        for byte in chunk.context("read the answer")? {
            if byte != b'\n' {
                anyhow::ensure!(
                    line.len() < LINE_BYTES_MAX,
                    "the gateway sent a line without end"
                );
                line.push(byte);
                continue;
            }
            if let Some(text) = summary.take(&std::mem::take(&mut line))? {
                out.write_all(text.as_bytes())
                    .context("write to standard output")?;
                out.flush().context("write to standard output")?;
            }
        }
    }
    writeln!(out).context("write to standard output")?;
    anyhow::ensure!(summary.is_done, "the answer was cut off");
    Ok(summary.text())
}

/// What a stream told besides the text.
#[derive(Default)]
struct Summary {
    usage: Value,
    stoa: Value,
    is_done: bool,
}

impl Summary {
    /// Takes one line of the stream; returns the text it adds.
    fn take(&mut self, line: &[u8]) -> Result<Option<String>> {
        let Some(data) = line.strip_prefix(b"data: ") else {
            return Ok(None);
        };
        if data.trim_ascii() == b"[DONE]" {
            self.is_done = true;
            return Ok(None);
        }
        let mut chunk: Value = serde_json::from_slice(data).context("read the answer")?;
        if let Some(message) = chunk["error"]["message"].as_str() {
            bail!("{message}");
        }
        if chunk["usage"].is_object() {
            self.usage = chunk["usage"].take();
        }
        if chunk["stoa"].is_object() {
            self.stoa = chunk["stoa"].take();
        }
        Ok(chunk["choices"][0]["delta"]["content"]
            .as_str()
            .map(str::to_owned))
    }

    fn text(&self) -> String {
        format!(
            "{} prompt + {} answer tokens · miner {} · uid {}",
            self.usage["prompt_tokens"],
            self.usage["completion_tokens"],
            self.stoa["miner"].as_str().unwrap_or("unknown"),
            self.stoa["uid"],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_counts_and_miner_are_read_from_a_stream() {
        let mut summary = Summary::default();
        let text =
            summary.take(br#"data: {"choices":[{"delta":{"content":"To be"}}],"usage":null}"#);
        assert_eq!(text.expect("a chunk"), Some("To be".into()));
        let closing = br#"data: {"choices":[{"delta":{}}],"stoa":{"miner":"5G","uid":2}}"#;
        assert_eq!(summary.take(closing).expect("a chunk"), None);
        let counts = br#"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}"#;
        assert_eq!(summary.take(counts).expect("a chunk"), None);
        assert_eq!(summary.take(b"").expect("a blank line"), None);
        summary.take(b"data: [DONE]").expect("the end");
        assert!(summary.is_done);
        assert_eq!(
            summary.text(),
            "5 prompt + 3 answer tokens · miner 5G · uid 2"
        );
    }

    #[test]
    fn an_error_in_the_stream_is_an_error() {
        let line = br#"data: {"error":{"message":"the miner stopped"}}"#;
        let error = Summary::default().take(line).expect_err("an error");
        assert_eq!(error.to_string(), "the miner stopped");
    }
}
