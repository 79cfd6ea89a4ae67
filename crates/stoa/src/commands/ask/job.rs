//! A job at a gateway, watched by its customer.
//!
//! # The rule
//!
//! 1. The gateway's events are shown as they come. Where they end, or break off, it is asked how the job is.
//! 2. A gateway that is away is waited for, for [`PATIENCE`]: no connection, a broken one, or one that is silent for longer than
//!    the gateway's own signs of life. Whatever it *answers* counts: a refusal ends the watch at once, with what to do about it.
//! 3. When the customer wants no more, the job is cancelled.

use std::future::ready;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use eventsource_stream::{EventStreamError, Eventsource};
use futures::StreamExt;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::gateway::{Gateway, Trouble, parsed};
use crate::commands::fold::Meter;

/// A gateway says something at least every 15 s, if only that it is still there.
pub(super) const SILENCE: Duration = Duration::from_secs(40);
/// How long one question may take.
const ASKING: Duration = Duration::from_secs(30);
/// How long a gateway may be away before the command gives up; the job goes on without it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries to reach a gateway that is away, and between two looks at a job whose events end.
const PAUSE: Duration = Duration::from_millis(500);
/// The largest answer read, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most bytes of one stream of events; a job that has more to tell is asked for them anew.
const EVENTS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest name of a job.
const NAME_CHARS_MAX: usize = 100;

/// A job at a gateway.
pub(super) struct Job<'a> {
    gateway: &'a Gateway,
    http: Client,
    /// Where jobs of its kind are, such as `folds`.
    kind: &'static str,
    /// Its name.
    pub(super) id: String,
    /// How long the gateway may be away.
    patience: Duration,
}

impl<'a> Job<'a> {
    /// Orders a job.
    pub(super) async fn order(
        gateway: &'a Gateway,
        kind: &'static str,
        order: &Value,
    ) -> Result<Self> {
        let http = Gateway::client(SILENCE)?;
        let request = http.post(gateway.url(kind)).json(order).timeout(ASKING);
        let taken = gateway.json(request).await?;
        let id = taken["id"].as_str().filter(|id| is_name(id));
        let id = id.context("the gateway gave the job no name")?.to_owned();
        Ok(Self {
            gateway,
            http,
            kind,
            id,
            patience: PATIENCE,
        })
    }

    /// Where it is.
    pub(super) fn url(&self, rest: &str) -> String {
        let (kind, id) = (self.kind, &self.id);
        self.gateway.url(&format!("{kind}/{id}{rest}"))
    }

    /// Watches until the job has ended, and cancels it when the user wants no more. Returns what the gateway says of it last.
    pub(super) async fn watch(
        &self,
        meter: &mut Meter,
        stopping: &CancellationToken,
    ) -> Result<Value> {
        tokio::select! {
            seen = self.see(meter) => {
                return seen.with_context(|| format!("lost sight of {}, which may go on without us", self.url("")));
            }
            () = stopping.cancelled() => {}
        }
        meter.say(&format!(
            "cancelling {}; Ctrl-C again leaves at once",
            self.id
        ));
        let cancelled = self.ask(|| self.http.post(self.url("/cancel")), || say_away(meter));
        let cancelled = parsed(&cancelled.await.context("cancel the job")?)?;
        ensure!(
            has_ended(&cancelled),
            "the gateway did not cancel {}",
            self.id
        );
        Ok(cancelled)
    }

    /// One of the job's files.
    pub(super) async fn file(&self, name: &str) -> Result<Vec<u8>> {
        let path = format!("/{name}");
        let content = self.ask(|| self.http.get(self.url(&path)), || ());
        content.await.with_context(|| format!("fetch {name}"))
    }

    async fn see(&self, meter: &mut Meter) -> Result<Value, Trouble> {
        loop {
            match self.follow(meter).await {
                Ok(()) => {}
                Err(Trouble::Away { .. }) => say_away(meter),
                Err(trouble) => return Err(trouble),
            }
            let body = self.ask(|| self.http.get(self.url("")), || ()).await?;
            let job = parsed(&body)?;
            if has_ended(&job) {
                return Ok(job);
            }
            sleep(PAUSE).await;
        }
    }

    /// Shows what the gateway tells of the job until it stops telling.
    async fn follow(&self, meter: &mut Meter) -> Result<(), Trouble> {
        let request = self.http.get(self.url("/events"));
        let response = self.gateway.send(request).await?;
        let mut left = EVENTS_BYTES_MAX;
        let bounded = response.bytes_stream().take_while(move |chunk| {
            let bytes = chunk.as_ref().map_or(0, |chunk| chunk.len());
            let is_within = bytes <= left;
            left = left.saturating_sub(bytes);
            ready(is_within)
        });
        let mut events = bounded.eventsource();
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| match error {
                EventStreamError::Transport(error) => self.gateway.trouble(error),
                other => Trouble::Unreadable(other.to_string()),
            })?;
            let job = parsed(event.data.as_bytes())?;
            let fraction = job["fraction"].as_f64().unwrap_or(0.0);
            let state = match job["status"].as_str() {
                Some("waiting") => "  waiting for a miner",
                _ => "",
            };
            let remark = format!("{state}{}", moved(&job));
            meter.show(fraction, job["energy"].as_f64(), &remark);
            if has_ended(&job) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks until there is an answer, or the gateway has been away for too long; tells once that it is.
    async fn ask(
        &self,
        request: impl Fn() -> RequestBuilder,
        away: impl Fn(),
    ) -> Result<Vec<u8>, Trouble> {
        let begun = Instant::now();
        let mut is_told = false;
        loop {
            let asking = async {
                let response = self.gateway.send(request().timeout(ASKING)).await?;
                self.gateway.read(response, ANSWER_BYTES_MAX).await
            };
            match asking.await {
                Err(Trouble::Away { .. }) if begun.elapsed() < self.patience => {}
                answered => return answered,
            }
            if !is_told {
                is_told = true;
                away();
            }
            // A gateway that starts anew tells nobody when it listens.
            sleep(PAUSE).await;
        }
    }
}

fn say_away(meter: &Meter) {
    meter.say("the gateway is away; waiting for it");
}

/// Whether a name can stand in an address and on a terminal as it is.
fn is_name(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !id.is_empty() && id.len() <= NAME_CHARS_MAX && id.bytes().all(is_plain)
}

fn has_ended(job: &Value) -> bool {
    matches!(
        job["status"].as_str(),
        Some("done" | "failed" | "cancelled")
    )
}

/// How often the job moved on to another miner, if it did.
pub(super) fn moved(job: &Value) -> String {
    match job["moves"].as_u64() {
        None | Some(0) => String::new(),
        Some(1) => " · moved to another miner".into(),
        Some(moves) => format!(" · moved {moves} times"),
    }
}

#[cfg(test)]
mod tests;
