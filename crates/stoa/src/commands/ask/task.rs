//! `stoa ask task`: a request of any at-once task, in JSON.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use primitives::NetUid;
use serde_json::Value;

use super::{Gateway, provenance, read};

/// Ask for the work of any task whose answers come at once
#[derive(Args)]
pub struct Task {
    /// The task's name; `/v1/models` of the gateway lists those that are served
    name: String,

    /// The task's request: JSON, @FILE, or - for standard input
    #[arg(value_name = "JSON|@FILE|-")]
    request: String,

    /// Which subnet, where several pay for the task
    #[arg(long, value_name = "NUMBER")]
    netuid: Option<NetUid>,

    #[command(flatten)]
    gateway: Gateway,
}

impl Task {
    pub async fn run(self) -> Result<()> {
        let body = match self.request.strip_prefix('@') {
            Some(path) => read(Path::new(path))?,
            None if self.request == "-" => read(Path::new("-"))?,
            None => self.request.clone().into_bytes(),
        };
        let mut url = self.gateway.url(&format!("tasks/{}", self.name));
        if let Some(netuid) = self.netuid {
            url.push_str(&format!("?netuid={netuid}"));
        }
        let asked = Instant::now();
        let request = Gateway::client()?
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        let response = self.gateway.send(request).await?;
        let who = provenance(response.headers());
        let answer: Value = response.json().await.context("read the answer")?;
        println!("{}", serde_json::to_string_pretty(&answer)?);
        eprintln!("{} ms · {who}", asked.elapsed().as_millis());
        Ok(())
    }
}
