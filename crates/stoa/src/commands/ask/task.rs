//! `stoa ask task`: a request of any at-once task, in JSON.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use primitives::NetUid;
use serde_json::Value;

use super::{Gateway, provenance, read};
use crate::commands::print;

/// Ask for the work of any task whose answers come at once; without a request, tell what the task is and what its requests
/// and answers look like
#[derive(Args)]
pub struct Task {
    /// The task's name, such as image-classification
    name: String,

    /// The task's request: JSON, @FILE, or - for standard input
    #[arg(value_name = "JSON|@FILE|-")]
    request: Option<String>,

    /// Which subnet, where several pay for the task
    #[arg(long, value_name = "NUMBER")]
    netuid: Option<NetUid>,

    #[command(flatten)]
    gateway: Gateway,
}

impl Task {
    pub async fn run(self) -> Result<()> {
        let http = Gateway::client()?;
        let mut url = self.gateway.url(&format!("tasks/{}", self.name));
        let Some(request) = self.request else {
            let response = self.gateway.send(http.get(url)).await?;
            let told: Value = response.json().await.context("read the description")?;
            print(&format!("{told:#}\n"))?;
            return Ok(());
        };
        let body = match request.strip_prefix('@') {
            Some(path) => read(Path::new(path))?,
            None if request == "-" => read(Path::new("-"))?,
            None => request.into_bytes(),
        };
        if let Some(netuid) = self.netuid {
            url.push_str(&format!("?netuid={netuid}"));
        }
        let asked = Instant::now();
        let request = http
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        let response = self.gateway.send(request).await?;
        let who = provenance(response.headers());
        let answer: Value = response.json().await.context("read the answer")?;
        print(&format!("{answer:#}\n"))?;
        eprintln!("{} ms · {who}", asked.elapsed().as_millis());
        Ok(())
    }
}
