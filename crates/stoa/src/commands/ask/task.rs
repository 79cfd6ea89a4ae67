//! `stoa ask task`: a request of any at-once task, in JSON.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use primitives::NetUid;

use super::gateway::{Gateway, provenance};
use super::{SILENCE, read, words};

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
        let http = Gateway::client(SILENCE)?;
        let mut url = self.gateway.url(&format!("tasks/{}", self.name));
        let Some(request) = self.request else {
            let told = self.gateway.json(http.get(url)).await?;
            return words::print_json(&told, true);
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
        let answer = self.gateway.read_json(response).await?;
        words::print_json(&answer, true)?;
        words::say(&format!("{} ms · {who}", asked.elapsed().as_millis()));
        Ok(())
    }
}
