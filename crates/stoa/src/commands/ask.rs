//! `stoa ask`: a customer of a gateway, on the command line: for text, for pictures, for folds, for any other task.
//!
//! The answer goes to standard output and nothing else does, so that it can be piped; what it cost, and who gave it, goes to
//! standard error.

mod fold;
mod image;
mod task;
mod text;

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

/// The most that is read of a file or of standard input, in bytes.
const INPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Ask a gateway for text, for what a picture shows, for the fold of a protein, or for any other work
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    subcommand_negates_reqs = true
)]
pub struct Ask {
    #[command(subcommand)]
    what: Option<What>,

    /// What to ask a model of text: `stoa ask "…"` is short for `stoa ask text "…"`
    #[arg(required = true)]
    prompt: Option<String>,

    #[command(flatten)]
    wishes: text::Wishes,

    #[command(flatten)]
    gateway: Gateway,
}

#[derive(Subcommand)]
enum What {
    Text(text::Text),
    Image(image::Image),
    Fold(fold::Fold),
    Task(task::Task),
}

/// Which gateway, and as whom.
#[derive(Args)]
struct Gateway {
    /// The gateway's URL
    #[arg(
        id = "gateway_url",
        long = "gateway",
        default_value = "http://127.0.0.1:8080",
        env = "STOA_GATEWAY",
        value_name = "URL"
    )]
    url: String,

    /// A key the gateway knows, if it wants one
    #[arg(long, env = "STOA_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,
}

impl Ask {
    /// Asks, and prints the answer.
    ///
    /// # Errors
    ///
    /// What the gateway says, when it does not answer.
    pub async fn run(self) -> Result<()> {
        match (self.what, self.prompt) {
            (Some(What::Text(text)), _) => text.run().await,
            (Some(What::Image(image)), _) => image.run().await,
            (Some(What::Fold(fold)), _) => fold.run().await,
            (Some(What::Task(task)), _) => task.run().await,
            (None, Some(prompt)) => {
                text::Text::new(prompt, self.wishes, self.gateway)
                    .run()
                    .await
            }
            (None, None) => bail!("nothing is asked; try `stoa ask \"To be\"`"),
        }
    }
}

impl Gateway {
    fn client() -> Result<Client> {
        Client::builder()
            .no_proxy()
            .build()
            .context("make an HTTP client")
    }

    /// The address of a route, whether the base was given with or without `/v1`.
    fn url(&self, path: &str) -> String {
        let base = self.url.trim_end_matches('/').trim_end_matches("/v1");
        format!("{base}/v1/{path}")
    }

    /// Sends a request in this customer's name.
    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let request = match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let response = request
            .send()
            .await
            .with_context(|| format!("reach the gateway at {}", self.url))?;
        accepted(response).await
    }
}

/// The response, if it is an answer; what the gateway says, if it is not.
async fn accepted(response: Response) -> Result<Response> {
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

/// Who gave an answer, by its headers.
fn provenance(headers: &HeaderMap) -> String {
    let of = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("unknown")
    };
    let (miner, uid) = (of("x-stoa-miner"), of("x-stoa-uid"));
    format!("miner {miner} · uid {uid} · subnet {}", of("x-stoa-netuid"))
}

/// A file's bytes, or those of standard input for `-`.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(INPUT_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("read {}", path.display()))?;
    if INPUT_BYTES_MAX < bytes.len() as u64 {
        bail!("{} is longer than {INPUT_BYTES_MAX} bytes", path.display());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        ask: Ask,
    }

    fn parse(words: &[&str]) -> Result<Ask, clap::Error> {
        let words = ["ask"].iter().chain(words);
        Cli::try_parse_from(words).map(|cli| cli.ask)
    }

    #[test]
    fn a_prompt_alone_is_a_question_about_text() {
        let ask = parse(&["To be", "--seed", "7"]).expect("a question");
        assert!(ask.what.is_none());
        assert_eq!(ask.prompt.as_deref(), Some("To be"));
    }

    #[test]
    fn every_kind_of_question_has_a_command() {
        let is = |words: &[&str]| parse(words).expect("a question").what;
        assert!(matches!(is(&["text", "To be"]), Some(What::Text(_))));
        assert!(matches!(is(&["image", "a.png", "-"]), Some(What::Image(_))));
        assert!(matches!(is(&["task", "tour", "{}"]), Some(What::Task(_))));
        assert!(matches!(is(&["fold", "GYDPETGTWG"]), Some(What::Fold(_))));
        assert!(parse(&["text"]).is_err(), "nothing is asked");
        assert!(parse(&["image"]).is_err(), "no picture");
    }

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
}
