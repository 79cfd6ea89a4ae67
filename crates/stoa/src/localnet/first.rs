//! The first questions to a market that has just come up: does every validator judge, does the gateway answer?
//!
//! One question for each task, asked as a customer would ask it. What a customer of an at-once task could ask is what a
//! validator asks, so the question is one of the task's own challenges.

use super::HEALTH_PATIENCE;
use super::cast::{Cast, Role, Troupe};
use super::playbill::Stand;
use super::status;
use anyhow::{Context, Result, bail, ensure};
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;
use tasks::{Delivery, Setup};
use tokio::time::Instant;

/// Pause between two looks at what is asked for and not announced.
pub const PAUSE: Duration = Duration::from_millis(100);

/// What waiting for one more subnet's first verdict may cost beside the others.
const PATIENCE_PER_SUBNET: Duration = Duration::from_secs(3);

/// What a first job may take, where its request gives a time.
const JOB_BUDGET: Duration = Duration::from_secs(2);

/// What it may cost more where work takes long: several rounds of it, on a machine that is busy with something else.
const PATIENCE_PER_JOB: Duration = Duration::from_secs(90);

/// Words of an answer that are shown.
const SHOWN_CHARS_MAX: usize = 100;

/// Waits until every validator has found some miner worth paying, so that the gateway knows whom to trust.
///
/// # Errors
///
/// When one has not after a while.
pub async fn verdicts(http: &reqwest::Client, cast: &Cast) -> Result<()> {
    let subnets = u32::try_from(cast.troupes.len()).unwrap_or(u32::MAX);
    let troupes = cast.troupes.iter();
    let works_long = |troupe: &Troupe| troupe.stand.kind.delivery() == Delivery::Job;
    let jobs = troupes.map(|troupe| u32::from(works_long(troupe))).sum();
    let patience =
        HEALTH_PATIENCE + PATIENCE_PER_SUBNET * subnets + PATIENCE_PER_JOB.saturating_mul(jobs);
    let deadline = Instant::now() + patience;
    for validator in cast.validators() {
        while !has_an_opinion(http, validator).await {
            ensure!(
                Instant::now() < deadline,
                "{} has found nobody worth paying within {} s; see its log",
                validator.name,
                patience.as_secs()
            );
            // Standings are asked for, not announced.
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

async fn has_an_opinion(http: &reqwest::Client, validator: &Role) -> bool {
    let standings = status::report(http, validator.port).await;
    standings.is_some_and(|standings| standings.miners.iter().any(|miner| 0 < miner.weight))
}

/// Asks the gateway one question of each task, and says what it answered.
///
/// # Errors
///
/// The first refusal.
pub async fn answers(http: &reqwest::Client, cast: &Cast) -> Result<Vec<String>> {
    let base = format!("http://127.0.0.1:{}/v1", cast.gateway.port);
    let mut seen = HashSet::new();
    let mut answers = Vec::new();
    for stand in cast.troupes.iter().map(|troupe| &troupe.stand) {
        let id = stand.kind.id();
        if !seen.insert(id.clone()) {
            continue;
        }
        let answer = match stand.kind.delivery() {
            Delivery::Stream => chat(http, &base, stand).await,
            Delivery::Once => work(http, &base, stand).await,
            Delivery::Job => job(http, &base, stand).await,
        };
        let answer = answer.with_context(|| format!("ask the gateway for {id}"))?;
        answers.push(format!("{id} answers: {answer}"));
    }
    Ok(answers)
}

/// Asks a model of the task for some words.
async fn chat(http: &reqwest::Client, base: &str, stand: &Stand) -> Result<String> {
    let sent = http
        .get(format!("{base}/models"))
        .timeout(HEALTH_PATIENCE)
        .send()
        .await;
    let models: Value = sent?.json().await.context("read the models")?;
    let task = stand.kind.id().to_string();
    let model = models["data"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|model| model["task"] == task.as_str())
        .with_context(|| format!("no model of {task} is listed: {models}"))?;
    let body = json!({
        "model": model["id"],
        "max_tokens": 24,
        "messages": [{"role": "user", "content": "Speak of love."}],
    });
    let answer = post(http, format!("{base}/chat/completions"), body.to_string()).await?;
    let text = answer["choices"][0]["message"]["content"].as_str();
    let text = text.with_context(|| format!("there are no words in {answer}"))?;
    Ok(format!("{:?}", text.trim()))
}

/// Puts a challenge of the task as a customer's request.
async fn work(http: &reqwest::Client, base: &str, stand: &Stand) -> Result<String> {
    let body = question(stand, Setup::default()).await?;
    let name = stand.kind.id().name().to_owned();
    let url = match name.as_str() {
        "image-classification" => format!("{base}/images/classifications"),
        name => format!("{base}/tasks/{name}"),
    };
    Ok(shown(&post(http, url, body).await?.to_string()))
}

/// Hands in a short challenge of the task as a customer's job, and waits for what comes of it.
async fn job(http: &reqwest::Client, base: &str, stand: &Stand) -> Result<String> {
    let setup = Setup {
        probe_budget: Some(JOB_BUDGET),
        ..Setup::default()
    };
    let request: Value = serde_json::from_str(&question(stand, setup).await?)?;
    let order = json!({"task": stand.kind.id().name(), "request": request});
    let taken = post(http, format!("{base}/jobs"), order.to_string()).await?;
    let id = taken["id"].as_str();
    let id = id.with_context(|| format!("the job has no name: {taken}"))?;
    let url = format!("{base}/jobs/{id}");
    let watch = async {
        // Its events end when the job does.
        let mut events = http.get(format!("{url}/events")).send().await?;
        while events.chunk().await?.is_some() {}
        http.get(&url).send().await?.json::<Value>().await
    };
    let watched = tokio::time::timeout(HEALTH_PATIENCE, watch).await;
    let job = watched
        .with_context(|| format!("{id} has not ended within {} s", HEALTH_PATIENCE.as_secs()))?
        .with_context(|| format!("watch {id}"))?;
    ensure!(job["status"] == "done", "the job is not done: {job}");
    Ok(shown(&job["figure"].to_string()))
}

/// What a customer could ask: a challenge of the task.
async fn question(stand: &Stand, setup: Setup) -> Result<String> {
    let kind = stand.kind;
    // Opening a judge may load a model.
    let challenge = tokio::task::spawn_blocking(move || {
        let judge = kind.judge(&setup)?;
        let mut rng: ChaCha20Rng = rand::make_rng();
        Ok::<_, tasks::SetupError>(judge.challenge(&mut rng))
    });
    let challenge = challenge.await.context("draw a question")??;
    String::from_utf8(challenge.body.to_vec()).context("a request is JSON")
}

fn shown(answer: &str) -> String {
    let shown: String = answer.chars().take(SHOWN_CHARS_MAX).collect();
    match shown.len() < answer.len() {
        true => shown + "…",
        false => shown,
    }
}

async fn post(http: &reqwest::Client, url: String, body: String) -> Result<Value> {
    let sent = http
        .post(url)
        .header("content-type", "application/json")
        .timeout(HEALTH_PATIENCE)
        .body(body)
        .send()
        .await;
    let answer = sent.context("reach the gateway")?;
    let status = answer.status();
    let text = answer.text().await.context("read the answer")?;
    if !status.is_success() {
        bail!("it refused with {status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("the answer is no JSON: {text}"))
}
