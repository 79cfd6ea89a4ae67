//! `stoa ask fold`: a chain folded by the market, watched while it is folded, with its files at the end.
//!
//! The job is the gateway's: this command only watches it. A broken connection, or a gateway that starts anew, is waited for;
//! Ctrl-C cancels the job and fetches what was found so far.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use eventsource_stream::Eventsource;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Gateway;
use crate::commands::fold::{self, Meter, Output};
use crate::commands::print;
use crate::shutdown;

/// How long a gateway may be away before the command gives up; the job goes on without it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries to reach a gateway that is away.
const PAUSE: Duration = Duration::from_millis(500);
/// The largest file fetched, in bytes.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Have a protein chain folded, and watch it; Ctrl-C cancels the job and keeps what was found
#[derive(Args)]
pub struct Fold {
    /// One letter for each residue, 5 to 60 of them, such as GYDPETGTWG
    sequence: String,

    /// Seconds to search for, from 1 to 600
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS")]
    budget: f64,

    /// Caps the ends (ACE, NME) instead of leaving them charged
    #[arg(long)]
    capped: bool,

    /// A name for the job
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// The directory for fold.cif, fold.pdb, ramachandran.svg and energy.svg
    #[arg(long, default_value = "fold", value_name = "DIR")]
    out: PathBuf,

    /// Prints the API's JSON, all that it says of the job
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    gateway: Gateway,
}

/// A job at a gateway.
struct Job<'a> {
    gateway: &'a Gateway,
    http: reqwest::Client,
    id: String,
}

impl Fold {
    pub async fn run(self) -> Result<()> {
        let http = Gateway::client()?;
        let mut order = json!({
            "sequence": self.sequence,
            "is_capped": self.capped,
            "budget_s": self.budget,
        });
        if let Some(title) = &self.title {
            order["title"] = json!(title);
        }
        let stopping = shutdown::on_signal()?;
        let request = http.post(self.gateway.url("folds")).json(&order);
        let taken: Value = self
            .gateway
            .send(request)
            .await?
            .json()
            .await
            .context("read the job")?;
        let id = taken["id"]
            .as_str()
            .context("the gateway gave the job no name")?
            .to_owned();
        let job = Job {
            gateway: &self.gateway,
            http,
            id,
        };
        let mut meter = Meter::new();
        meter.say(&format!("{} at {}", job.id, self.gateway.url));
        let watched = job.watch(&mut meter, &stopping).await;
        meter.end();
        let last = watched?;
        if stopping.is_cancelled() {
            eprintln!("{} is cancelled", job.id);
        }
        self.finish(&job, last).await
    }

    /// Fetches the files and says what came of it.
    async fn finish(&self, job: &Job<'_>, mut last: Value) -> Result<()> {
        if !last["energy"].is_number() {
            let reason = last["error"]["message"]
                .as_str()
                .or(last["message"].as_str());
            let status = last["status"].as_str().unwrap_or("over");
            bail!(
                "{} is {status}: {}",
                job.id,
                reason.unwrap_or("nothing was found")
            );
        }
        let output = Output::new(self.out.clone())?;
        let mut paths = Vec::new();
        for (at_gateway, here) in fold::FILES {
            let content = job.file(at_gateway).await?;
            paths.push(output.write(here, &content)?.display().to_string());
        }
        if self.json {
            last["files"] = json!(paths);
            return print(&format!("{last:#}\n"));
        }
        let molecule = fold::read(&output.path(fold::CIF))?;
        print(&format!(
            "{:.4} kcal/mol\n{}{}\n",
            last["energy"].as_f64().unwrap_or(f64::NAN),
            fold::shape(&molecule),
            paths.join("\n")
        ))?;
        let text = |name: &str| last[name].as_str().unwrap_or("unknown").to_owned();
        eprintln!(
            "{} · miner {} · uid {}{}",
            text("status"),
            text("miner"),
            last["uid"],
            moved(&last)
        );
        Ok(())
    }
}

impl Job<'_> {
    /// Watches until the job has ended, and cancels it when the user wants no more. Returns what the gateway says of it last.
    async fn watch(&self, meter: &mut Meter, stopping: &CancellationToken) -> Result<Value> {
        let mut reached = Instant::now();
        loop {
            let look = async {
                self.follow(meter, &mut reached).await?;
                self.look().await
            };
            let seen = tokio::select! {
                seen = look => seen,
                () = stopping.cancelled() => return self.cancel().await,
            };
            match seen {
                Ok(job) if has_ended(&job) => return Ok(job),
                Ok(_) => reached = Instant::now(),
                Err(error) if PATIENCE <= reached.elapsed() => {
                    return Err(error).with_context(|| {
                        format!("lost sight of {}, which may go on without us", self.id)
                    });
                }
                Err(_) => meter.say("the gateway is away; waiting for it"),
            }
            // A gateway that starts anew tells nobody when it listens.
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = stopping.cancelled() => return self.cancel().await,
            }
        }
    }

    /// Shows what the gateway tells of the job until it stops telling.
    async fn follow(&self, meter: &mut Meter, reached: &mut Instant) -> Result<()> {
        let request = self.http.get(self.url("/events"));
        let response = self.gateway.send(request).await?;
        let mut events = response.bytes_stream().eventsource();
        while let Some(event) = events.next().await {
            let event = event.context("read the job's progress")?;
            *reached = Instant::now();
            let Ok(job) = serde_json::from_str::<Value>(&event.data) else {
                continue;
            };
            let fraction = job["fraction"].as_f64().unwrap_or(0.0);
            let state = match job["status"].as_str() {
                Some("waiting") => "  waiting for a miner",
                _ => "",
            };
            meter.show(
                fraction,
                job["energy"].as_f64(),
                &format!("{state}{}", moved(&job)),
            );
            if has_ended(&job) {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn look(&self) -> Result<Value> {
        let response = self.gateway.send(self.http.get(self.url(""))).await?;
        response.json().await.context("read the job")
    }

    async fn cancel(&self) -> Result<Value> {
        let response = self
            .gateway
            .send(self.http.post(self.url("/cancel")))
            .await?;
        response.json().await.context("read the cancelled job")
    }

    /// One of the job's files.
    async fn file(&self, name: &str) -> Result<Vec<u8>> {
        let mut response = self
            .gateway
            .send(self.http.get(self.url(&format!("/{name}"))))
            .await?;
        let mut content = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .with_context(|| format!("fetch {name}"))?
        {
            content.extend_from_slice(&chunk);
            ensure!(
                content.len() <= FILE_BYTES_MAX,
                "{name} is larger than {FILE_BYTES_MAX} bytes"
            );
        }
        Ok(content)
    }

    fn url(&self, rest: &str) -> String {
        self.gateway.url(&format!("folds/{}{rest}", self.id))
    }
}

fn has_ended(job: &Value) -> bool {
    matches!(
        job["status"].as_str(),
        Some("done" | "failed" | "cancelled")
    )
}

/// How often the job moved on to another miner, if it did.
fn moved(job: &Value) -> String {
    match job["moves"].as_u64() {
        None | Some(0) => String::new(),
        Some(1) => " · moved to another miner".into(),
        Some(moves) => format!(" · moved {moves} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_says_when_it_has_ended_and_whether_it_moved() {
        let job = json!({"status": "working", "moves": 2});
        assert!(!has_ended(&job));
        assert_eq!(moved(&job), " · moved 2 times");
        let job = json!({"status": "cancelled", "moves": 0});
        assert!(has_ended(&job));
        assert_eq!(moved(&job), "");
    }
}
