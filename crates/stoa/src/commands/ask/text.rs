//! `stoa ask text`: one question to a model, the answer as it is drawn.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use futures::StreamExt;
use serde_json::{Value, json};

use super::gateway::{ANSWER_BYTES_MAX, Gateway};
use super::{SILENCE, words};

/// Longest line of a stream that is read, in bytes.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Ask a model of text, and print the answer as it comes
#[derive(Args)]
pub struct Text {
    /// What to ask
    prompt: String,

    #[command(flatten)]
    wishes: Wishes,

    #[command(flatten)]
    gateway: Gateway,
}

/// How the answer is drawn.
#[derive(Args)]
pub struct Wishes {
    /// The model asked [default: the first of text that the gateway lists]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,

    /// Most tokens of the answer
    #[arg(long, value_name = "COUNT")]
    max_tokens: Option<u32>,

    /// From 0 (the likeliest token) to 2
    #[arg(long, value_name = "NUMBER")]
    temperature: Option<f64>,

    /// Names the randomness: the same seed gives the same answer
    #[arg(long, value_name = "NUMBER")]
    seed: Option<i64>,

    /// Prints JSON, once the answer is there: the text, what it cost, and who gave it
    #[arg(long)]
    json: bool,
}

impl Text {
    pub fn new(prompt: String, wishes: Wishes, gateway: Gateway) -> Self {
        Self {
            prompt,
            wishes,
            gateway,
        }
    }

    pub async fn run(self) -> Result<()> {
        let http = Gateway::client(SILENCE)?;
        let model = match &self.wishes.model {
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
            ("max_tokens", json!(self.wishes.max_tokens)),
            ("temperature", json!(self.wishes.temperature)),
            ("seed", json!(self.wishes.seed)),
        ];
        for (name, value) in choices.into_iter().filter(|(_, value)| !value.is_null()) {
            body[name] = value;
        }
        let asked = Instant::now();
        let request = http.post(self.gateway.url("chat/completions")).json(&body);
        let response = self.gateway.send(request).await?;
        let mut whole = String::new();
        let summary = self
            .read(response, asked, |text| {
                if !self.wishes.json {
                    return words::print(text);
                }
                whole.push_str(text);
                ensure!(
                    whole.len() <= ANSWER_BYTES_MAX,
                    "the answer has more than {ANSWER_BYTES_MAX} bytes"
                );
                Ok(())
            })
            .await?;
        match self.wishes.json {
            true => words::print_json(&summary.json(whole), true)?,
            false => words::print("\n")?,
        }
        ensure!(summary.is_done, "the answer was cut off");
        words::say(&summary.text(asked.elapsed()));
        Ok(())
    }

    async fn first_model(&self, http: &reqwest::Client) -> Result<String> {
        let request = http.get(self.gateway.url("models"));
        let list = self.gateway.json(request).await?;
        first_of_text(&list).context(
            "the gateway lists no model of text yet; try again shortly, or name one with --model",
        )
    }

    /// Hands a stream's text on, piece by piece; returns what it cost and who answered.
    async fn read(
        &self,
        response: reqwest::Response,
        asked: Instant,
        mut hand_on: impl FnMut(&str) -> Result<()>,
    ) -> Result<Summary> {
        let mut chunks = response.bytes_stream();
        let mut line = Vec::new();
        let mut summary = Summary::default();
        while let Some(chunk) = chunks.next().await {
            for byte in chunk.map_err(|error| self.gateway.trouble(error))? {
                if byte != b'\n' {
                    ensure!(
                        line.len() < LINE_BYTES_MAX,
                        "the gateway sent a line without end"
                    );
                    line.push(byte);
                    continue;
                }
                let text = summary.take(&std::mem::take(&mut line))?;
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    summary.first.get_or_insert_with(|| asked.elapsed());
                    hand_on(&text)?;
                }
            }
        }
        Ok(summary)
    }
}

/// The first model whose task is text; one that does not say is.
fn first_of_text(list: &Value) -> Option<String> {
    let is_text = |model: &&Value| {
        model["task"]
            .as_str()
            .is_none_or(|task| task.starts_with("text-generation/"))
    };
    let first = list["data"].as_array()?.iter().find(is_text)?;
    first["id"].as_str().map(str::to_owned)
}

/// What a stream told besides the text.
#[derive(Default)]
struct Summary {
    usage: Value,
    stoa: Value,
    /// From the question to the first of the text.
    first: Option<Duration>,
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
            bail!("{}", words::line(message));
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

    /// All that was said, for a program.
    fn json(&self, text: String) -> Value {
        json!({"text": text, "is_whole": self.is_done, "usage": self.usage, "stoa": self.stoa})
    }

    /// One line of figures.
    fn text(&self, took: Duration) -> String {
        let drawn = self.usage["completion_tokens"].as_u64().unwrap_or(0);
        let mut figures = vec![format!(
            "{} prompt + {drawn} answer tokens",
            self.usage["prompt_tokens"].as_u64().unwrap_or(0)
        )];
        if let Some(first) = self.first {
            figures.push(format!("first after {} ms", first.as_millis()));
        }
        let drawing = took.saturating_sub(self.first.unwrap_or_default());
        if 1 < drawn && !drawing.is_zero() {
            let speed = (drawn - 1) as f64 / drawing.as_secs_f64();
            figures.push(format!("{speed:.1} tokens/s"));
        }
        figures.push(format!("{} ms", took.as_millis()));
        let miner = words::line(self.stoa["miner"].as_str().unwrap_or("unknown"));
        let uid = self.stoa["uid"].as_u64();
        let uid = uid.map_or("unknown".to_owned(), |uid| uid.to_string());
        figures.push(format!("miner {miner} · uid {uid}"));
        figures.join(" · ")
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
        summary.first = Some(Duration::from_millis(100));
        assert_eq!(
            summary.text(Duration::from_millis(600)),
            "5 prompt + 3 answer tokens · first after 100 ms · 4.0 tokens/s · 600 ms · miner 5G · uid 2"
        );
    }

    #[test]
    fn an_error_in_the_stream_is_an_error() {
        let line = br#"data: {"error":{"message":"the miner stopped"}}"#;
        let error = Summary::default().take(line).expect_err("an error");
        assert_eq!(error.to_string(), "the miner stopped");
    }

    #[test]
    fn a_program_is_told_whether_the_answer_is_whole() {
        let summary = Summary {
            usage: json!({"prompt_tokens": 5}),
            ..Summary::default()
        };
        let told = json!({
            "text": "To", "is_whole": false, "usage": {"prompt_tokens": 5}, "stoa": null,
        });
        assert_eq!(summary.json("To".into()), told);
    }

    #[test]
    fn a_model_of_another_task_is_not_asked_for_text() {
        let list = json!({"data": [
            {"id": "image-classification", "task": "image-classification/1"},
            {"id": "shakespeare", "task": "text-generation/1"},
        ]});
        assert_eq!(first_of_text(&list).as_deref(), Some("shakespeare"));
        let silent = json!({"data": [{"id": "gpt"}]});
        assert_eq!(first_of_text(&silent).as_deref(), Some("gpt"));
        assert_eq!(first_of_text(&json!({"data": []})), None);
    }
}
