//! Work that takes minutes: a walk, at miners that a test tells what to do.

use std::fs;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use futures::StreamExt;
use gateway::jobs::{Bounds, Rhythm};
use protocol::{JobState, Route};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::market::{Market, RHYTHM, Reply, Setup, TOUR, Trade, post};
use crate::villains::Character::{
    self, Busy, Dead, Forger, Honest, Lazy, Mumbler, Padder, Quitter, Silent, Stranger,
};
use crate::walk::{self, WALK};

pub const PATH: &str = "/v1/jobs";
pub const HOME: &str = r#"{"place":0}"#;
pub const FAR: &str = r#"{"place":7}"#;

pub fn with(miners: &[Character]) -> Setup {
    let miners = miners.iter().map(|own| (*own, None)).collect();
    let walk = Trade {
        task: WALK,
        model: WALK,
        miners,
    };
    Setup {
        others: vec![walk],
        ..Setup::default()
    }
}

pub fn order() -> Value {
    json!({"task": WALK, "request": {"steps": 9}, "title": "to the sea"})
}

impl Market {
    /// Creates a job and returns its name.
    pub async fn job(&self) -> String {
        let reply = self.ask(post(PATH, &order())).await;
        assert_eq!(reply.status, 202);
        reply.json()["id"].as_str().expect("a name").to_owned()
    }

    pub async fn look(&self, id: &str) -> Value {
        let reply = self.get(&format!("{PATH}/{id}")).await;
        assert_eq!(reply.status, 200);
        reply.json()
    }

    pub async fn result(&self, id: &str) -> Reply {
        self.get(&format!("{PATH}/{id}/result")).await
    }

    pub async fn cancel(&self, id: &str) -> Value {
        let path = format!("{PATH}/{id}/cancel");
        self.ask(post(&path, &json!({}))).await.json()
    }

    async fn delete(&self, id: &str) -> Reply {
        let request = Request::delete(format!("{PATH}/{id}")).body(Body::empty());
        self.ask(request.expect("a request")).await
    }

    /// The job as its events tell it, once `is_it` holds.
    pub async fn until(&self, path: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let request = Request::get(format!("{path}/events")).body(Body::empty());
        let response = self.send(request.expect("a request")).await;
        assert_eq!(response.status(), 200);
        let mut frames = response.into_body().into_data_stream();
        let listening = async {
            let mut last = Value::Null;
            while let Some(frame) = frames.next().await {
                let frame = frame.expect("a frame");
                if frame.starts_with(b":") {
                    continue;
                }
                let (_, told) = event(&frame);
                if is_it(&told) {
                    return told;
                }
                last = told;
            }
            panic!("never, until the events ended: {last}");
        };
        let told = timeout(Duration::from_secs(20), listening).await;
        told.expect("the events tell of it in time")
    }

    pub async fn end(&self, id: &str) -> Value {
        self.until(&format!("{PATH}/{id}"), |job| !job["finished_at"].is_null())
            .await
    }
}

/// An event's name and data.
fn event(frame: &[u8]) -> (String, Value) {
    let text = std::str::from_utf8(frame).expect("UTF-8");
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {text}"))
    };
    let data: Value = serde_json::from_str(field("data: ")).expect("JSON");
    assert_eq!(field("id: "), data["version"].to_string());
    (field("event: ").to_owned(), data)
}

#[tokio::test]
async fn a_job_is_taken_followed_and_fetched_with_its_proof() {
    let market = with(&[Honest]).open();
    let created = market.ask(post(PATH, &order())).await;
    assert_eq!(created.status, 202);
    let created = created.json();
    let id = created["id"].as_str().expect("a name");
    assert!(id.starts_with("job_") && id.len() == 36, "{id}");
    assert_eq!(created["object"], "job");
    assert_eq!(created["task"], "walk/1");
    assert_eq!(created["title"], "to the sea");
    let taken = market.villains.yard.taken(0).await;
    assert_eq!(taken.request, r#"{"steps":9}"#, "the one form there is");
    let early = market.result(id).await;
    assert_eq!(early.refusal(), (409, "no_result_yet".into()));
    market.villains.yard.report(taken.id, 0.5, 4.5, None);
    let half = market
        .until(&format!("{PATH}/{id}"), |job| job["fraction"] == 0.5)
        .await;
    assert_eq!(
        (&half["status"], &half["figure"]),
        (&json!("working"), &json!(4.5))
    );
    market.villains.yard.finish(taken.id, FAR);
    let done = market.end(id).await;
    assert_eq!(
        (&done["status"], &done["fraction"]),
        (&json!("done"), &json!(1.0))
    );
    assert_eq!((&done["moves"], &done["error"]), (&json!(0), &Value::Null));
    let miner = &market.pairs[0];
    assert_eq!(done["miner"], miner.account().to_string());
    assert_eq!(done["netuid"], 2);
    let result = market.result(id).await;
    assert_eq!(
        (result.status.as_u16(), result.body.as_slice()),
        (200, FAR.as_bytes())
    );
    assert_eq!(result.header("x-stoa-job"), "done");
    let receipt = result.header("x-stoa-receipt").as_bytes();
    let receipt = protocol::SignedWorkReceipt::from_header(receipt).expect("a receipt");
    let holds = receipt.check(miner.account(), &walk::id(), taken.id, &result.body);
    assert_eq!(holds, Ok(()));
    assert_eq!(result.header("x-stoa-request"), taken.id.to_string());
}

#[tokio::test]
async fn events_tell_every_step_and_end_with_the_job() {
    let market = with(&[Honest]).open();
    let id = market.job().await;
    let taken = market.villains.yard.taken(0).await;
    let path = format!("{PATH}/{id}/events");
    let request = Request::get(&path).body(Body::empty()).expect("a request");
    let response = market.send(request).await;
    assert_eq!(
        response.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let mut frames = response.into_body().into_data_stream();
    let mut versions = Vec::new();
    let mut next = async || {
        let frame = frames.next().await?.expect("a frame");
        let (name, job) = event(&frame);
        versions.push(job["version"].as_u64().expect("a number"));
        Some((name, job["fraction"].as_f64().expect("a number")))
    };
    while next().await != Some(("progress".into(), 0.0)) {}
    market.villains.yard.report(taken.id, 0.25, 1.0, None);
    while next().await != Some(("progress".into(), 0.25)) {}
    market.villains.yard.finish(taken.id, HOME);
    let mut last = next().await;
    while let Some((name, fraction)) = next().await {
        last = Some((name, fraction));
    }
    assert_eq!(last, Some(("done".into(), 1.0)));
    assert!(
        versions.is_sorted_by(|one, next| one < next),
        "{versions:?}"
    );
    let seen = versions.last().expect("some").to_string();
    let again = Request::get(&path).header("last-event-id", seen);
    let again = market
        .ask(again.body(Body::empty()).expect("a request"))
        .await;
    let (name, _) = event(&again.body);
    assert_eq!(name, "done", "the end is told in any case, and only that");
}

#[tokio::test]
async fn the_best_so_far_can_be_had_while_the_miner_works() {
    let market = with(&[Honest]).open();
    let id = market.job().await;
    let taken = market.villains.yard.taken(0).await;
    market.villains.yard.report(taken.id, 0.5, 3.0, Some(HOME));
    let path = format!("{PATH}/{id}");
    market.until(&path, |job| job["has_result"] == true).await;
    let partial = market.result(&id).await;
    assert_eq!(partial.body, HOME.as_bytes());
    assert_eq!(partial.header("x-stoa-job"), "working");
    assert_eq!(
        partial.header("x-stoa-receipt"),
        "",
        "only what is final is signed"
    );
    market.villains.yard.finish(taken.id, FAR);
    market.end(&id).await;
    assert_eq!(market.result(&id).await.body, FAR.as_bytes());
}

#[tokio::test]
async fn a_cancelled_job_ends_at_its_miner_and_keeps_what_was_found() {
    let market = with(&[Honest]).open();
    let id = market.job().await;
    let taken = market.villains.yard.taken(0).await;
    market.villains.yard.report(taken.id, 0.5, 3.0, Some(HOME));
    let path = format!("{PATH}/{id}");
    market.until(&path, |job| job["fraction"] == 0.5).await;
    let cancelled = market.cancel(&id).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(
        market.villains.yard.state(taken.id),
        Some(JobState::Cancelled)
    );
    let partial = market.result(&id).await;
    assert_eq!(partial.body, HOME.as_bytes());
    assert_eq!(partial.header("x-stoa-job"), "cancelled");
    let again = market.cancel(&id).await;
    assert_eq!(again["status"], "cancelled", "an end is an end");
    assert_eq!(
        market.delete(&id).await.json(),
        json!({"id": id, "object": "job", "deleted": true})
    );
    let gone = market.get(&path).await;
    assert_eq!(gone.refusal(), (404, "job_not_found".into()));
    assert_eq!(
        market.delete(&id).await.refusal(),
        (404, "job_not_found".into())
    );
}

#[tokio::test]
async fn a_job_deleted_under_way_ends_at_its_miner_too() {
    let market = with(&[Honest]).open();
    let id = market.job().await;
    let taken = market.villains.yard.taken(0).await;
    let path = format!("{PATH}/{id}");
    market.until(&path, |job| job["status"] == "working").await;
    let listening = market.end(&id);
    let (end, deleted) = tokio::join!(listening, market.delete(&id));
    assert_eq!(
        (&end["status"], deleted.status.as_u16()),
        (&json!("cancelled"), 200)
    );
    let until_cancelled = async {
        while market.villains.yard.state(taken.id) != Some(JobState::Cancelled) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = timeout(Duration::from_secs(10), until_cancelled).await;
    waited.expect("the miner is told");
}

/// The customer sees progress begin again, and never an error.
#[tokio::test]
async fn when_the_miner_dies_the_job_moves() {
    let market = with(&[Honest, Honest]).open();
    let id = market.job().await;
    let first = market.villains.yard.taken(0).await;
    market.villains.yard.report(first.id, 0.5, 3.0, Some(HOME));
    let path = format!("{PATH}/{id}");
    market.until(&path, |job| job["has_result"] == true).await;
    let (dead, other) = match first.miner == market.pairs[0].account() {
        true => (&market.pairs[0], &market.pairs[1]),
        false => (&market.pairs[1], &market.pairs[0]),
    };
    market.villains.kill(dead);
    let second = market.villains.yard.taken(1).await;
    assert_eq!(second.miner, other.account());
    assert_ne!(second.id, first.id, "a submission of its own");
    let moved = market
        .until(&path, |job| job["moves"] == 1 && job["status"] == "working")
        .await;
    assert_eq!(moved["miner"], other.account().to_string());
    assert_eq!(
        market.result(&id).await.body,
        HOME.as_bytes(),
        "nothing found is lost"
    );
    market.villains.yard.finish(second.id, FAR);
    let done = market.end(&id).await;
    assert_eq!(
        (&done["status"], &done["moves"]),
        (&json!("done"), &json!(1))
    );
    let metrics = String::from_utf8(market.get("/metrics").await.body).expect("text");
    for line in [
        r#"stoa_gateway_job_moves_total{task="walk/1"} 1"#,
        r#"stoa_gateway_jobs_total{task="walk/1",outcome="done"} 1"#,
        r#"stoa_gateway_jobs_unfinished{task="walk/1"} 0"#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn a_miner_that_forgets_gives_up_or_falls_silent_loses_the_job() {
    let market = with(&[Honest, Honest, Honest, Honest]).open();
    let id = market.job().await;
    let yard = &market.villains.yard;
    let pair = |miner| {
        let known = market.pairs.iter().find(|pair| pair.account() == miner);
        known.expect("one of these")
    };
    let first = yard.taken(0).await;
    yard.forget(first.miner);
    let second = yard.taken(1).await;
    yard.fail(second.id, "out of breath");
    let third = yard.taken(2).await;
    market.villains.set(pair(third.miner), Silent);
    let fourth = yard.taken(3).await;
    yard.finish(fourth.id, HOME);
    let done = market.end(&id).await;
    assert_eq!(
        (&done["status"], &done["moves"]),
        (&json!("done"), &json!(3))
    );
    let mut miners = [first.miner, second.miner, third.miner, fourth.miner];
    miners.sort();
    assert!(miners.windows(2).all(|two| two[0] != two[1]), "each once");
}

/// An answer without form or with a receipt that does not hold is none.
#[tokio::test]
async fn an_answer_that_does_not_hold_moves_the_job() {
    for villain in [Forger, Padder, Stranger, Mumbler, Quitter] {
        let market = with(&[villain]).open();
        let id = market.job().await;
        let first = market.villains.yard.taken(0).await;
        market.villains.set(&market.pairs[0], villain);
        market.villains.yard.finish(first.id, FAR);
        let second = market.villains.yard.taken(1).await;
        market.villains.set(&market.pairs[0], Honest);
        market.villains.yard.finish(second.id, HOME);
        let done = market.end(&id).await;
        let told = (&done["status"], &done["moves"]);
        assert_eq!(told, (&json!("done"), &json!(1)), "{villain:?}");
        assert_eq!(market.result(&id).await.body, HOME.as_bytes());
    }
}

#[tokio::test]
async fn a_miner_that_will_not_is_passed_over() {
    for villain in [Dead, Busy, Lazy] {
        let market = with(&[villain, Honest]).open();
        let id = market.job().await;
        let taken = market.villains.yard.taken(0).await;
        assert_eq!(taken.miner, market.pairs[1].account());
        market.villains.yard.finish(taken.id, HOME);
        let done = market.end(&id).await;
        let told = (&done["status"], &done["moves"]);
        assert_eq!(
            told,
            (&json!("done"), &json!(0)),
            "{villain:?}: it never was there"
        );
    }
}

#[tokio::test]
async fn a_job_fails_when_nobody_is_left_or_all_find_fault_with_it() {
    let market = with(&[Dead]).open();
    let id = market.job().await;
    let failed = market.end(&id).await;
    assert_eq!(failed["status"], "failed");
    let message = failed["error"]["message"].as_str().expect("words");
    assert!(message.contains("connection refused"), "{message}");
    assert_eq!(
        market.result(&id).await.refusal(),
        (409, "no_result".into())
    );
    let market = with(&[Lazy, Lazy]).open();
    let failed = market.end(&market.job().await).await;
    assert_eq!(failed["status"], "failed");
    let message = failed["error"]["message"].as_str().expect("words");
    assert!(message.contains("fault with the request"), "{message}");
    let market = with(&[Lazy, Lazy, Lazy, Honest]).open();
    let id = market.job().await;
    let taken = market.villains.yard.taken(0).await;
    market.villains.yard.finish(taken.id, HOME);
    let done = market.end(&id).await;
    assert_eq!(done["status"], "done", "the word of a few is not enough");
}

/// Who is full is there; a job waits longer for them than for nobody.
#[tokio::test]
async fn a_job_waits_while_all_miners_are_full() {
    let rhythm = Rhythm {
        nobody: Duration::from_millis(50),
        ..RHYTHM
    };
    let market = Setup {
        rhythm,
        ..with(&[Busy])
    }
    .open();
    let id = market.job().await;
    while market.villains.asked(&market.pairs[0]) < 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(market.look(&id).await["status"], "waiting");
    market.villains.set(&market.pairs[0], Honest);
    let taken = market.villains.yard.taken(0).await;
    market.villains.yard.finish(taken.id, HOME);
    assert_eq!(market.end(&id).await["status"], "done");
}

#[tokio::test]
async fn after_a_restart_the_same_miner_goes_on_with_the_same_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let setup = with(&[Honest, Honest]);
    let mut market = Setup {
        folder: Some(folder.path().to_owned()),
        ..setup
    }
    .open();
    let id = market.job().await;
    let taken = market.villains.yard.taken(0).await;
    market.villains.yard.report(taken.id, 0.5, 3.0, Some(HOME));
    let path = format!("{PATH}/{id}");
    let before = market.until(&path, |job| job["has_result"] == true).await;
    until_saved(folder.path(), "since_ms").await;
    market.restart();
    let after = market.until(&path, |job| job["status"] == "working").await;
    assert_eq!(
        (&after["moves"], &after["title"]),
        (&json!(0), &json!("to the sea"))
    );
    assert!(before["version"].as_u64() <= after["version"].as_u64());
    market.villains.yard.finish(taken.id, FAR);
    let done = market.end(&id).await;
    assert_eq!(
        (&done["status"], &done["moves"]),
        (&json!("done"), &json!(0))
    );
    assert_eq!(
        market.villains.yard.count(),
        1,
        "nothing was submitted again"
    );
    market.restart();
    let result = market.result(&id).await;
    assert_eq!(result.body, FAR.as_bytes(), "what is done stays");
    assert_ne!(result.header("x-stoa-receipt"), "");
    market.delete(&id).await;
    market.restart();
    assert_eq!(
        market.result(&id).await.refusal(),
        (404, "job_not_found".into())
    );
}

#[tokio::test]
async fn after_a_restart_a_job_whose_miner_is_gone_is_given_to_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut market = Setup {
        folder: Some(folder.path().to_owned()),
        ..with(&[Honest, Honest])
    }
    .open();
    let id = market.job().await;
    let first = market.villains.yard.taken(0).await;
    let path = format!("{PATH}/{id}");
    market.until(&path, |job| job["status"] == "working").await;
    until_saved(folder.path(), "since_ms").await;
    market.villains.yard.forget(first.miner);
    market.restart();
    let second = market.villains.yard.taken(1).await;
    assert_ne!(second.miner, first.miner);
    market.villains.yard.finish(second.id, HOME);
    let done = market.end(&id).await;
    assert_eq!(
        (&done["status"], &done["moves"]),
        (&json!("done"), &json!(1))
    );
    let metrics = String::from_utf8(market.get("/metrics").await.body).expect("text");
    let none = r#"stoa_gateway_jobs_unfinished{task="walk/1"} 0"#;
    assert!(metrics.contains(none), "{metrics}");
}

/// Waits until a job's file says this.
async fn until_saved(folder: &std::path::Path, word: &str) {
    let is_saved = || {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut whole = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"));
        whole.any(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(word)))
    };
    let saving = async {
        while !is_saved() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), saving)
        .await
        .expect("saved");
}

#[tokio::test]
async fn a_torn_file_costs_one_job_and_not_the_gateway() {
    let (folder, copy) = (tempfile::tempdir(), tempfile::tempdir());
    let (folder, copy) = (folder.expect("a folder"), copy.expect("another"));
    let market = Setup {
        folder: Some(folder.path().to_owned()),
        ..with(&[Honest])
    }
    .open();
    let (whole, torn) = (market.job().await, market.job().await);
    let name = |id: &str| format!("{}.json", &id["job_".len()..]);
    let kept = |id: &str| fs::read(folder.path().join(name(id))).expect("kept before it is told");
    let (bytes, half) = (kept(&whole), kept(&torn));
    fs::write(copy.path().join(name(&whole)), bytes).expect("copied");
    let torn_file = copy.path().join(name(&torn));
    fs::write(&torn_file, &half[..half.len() / 2]).expect("torn");
    let market = Setup {
        folder: Some(copy.path().to_owned()),
        ..with(&[Honest])
    }
    .open();
    assert_eq!(market.look(&whole).await["id"], whole);
    let lost = market.get(&format!("{PATH}/{torn}")).await;
    assert_eq!(lost.refusal(), (404, "job_not_found".into()));
    assert!(torn_file.with_extension("torn").exists());
}

#[tokio::test]
async fn what_does_not_fit_is_refused_in_words() {
    let small = |bounds| Setup {
        bounds,
        ..with(&[Honest])
    };
    let full = |bounds: Bounds| async move {
        let market = small(bounds).open();
        market.job().await;
        let refused = market.ask(post(PATH, &order())).await;
        assert!(!refused.header("retry-after").is_empty());
        refused.refusal()
    };
    let all = Bounds::default();
    let unfinished_each = Bounds {
        unfinished_each: 1,
        ..all
    };
    assert_eq!(full(unfinished_each).await, (429, "too_many_jobs".into()));
    assert_eq!(
        full(Bounds {
            kept_each: 1,
            ..all
        })
        .await,
        (429, "too_many_jobs".into())
    );
    assert_eq!(
        full(Bounds {
            unfinished: 1,
            ..all
        })
        .await,
        (503, "jobs_full".into())
    );
    assert_eq!(
        full(Bounds { kept: 1, ..all }).await,
        (503, "jobs_full".into())
    );
    let bytes = 100 * 1024;
    assert_eq!(
        full(Bounds { bytes, ..all }).await,
        (503, "jobs_full".into())
    );
}

#[tokio::test]
async fn listeners_are_bounded_and_make_room_when_they_go() {
    let bounds = Bounds {
        listeners_each: 1,
        ..Bounds::default()
    };
    let market = Setup {
        bounds,
        ..with(&[Honest])
    }
    .open();
    let path = format!("{PATH}/{}/events", market.job().await);
    let listen = || Request::get(&path).body(Body::empty()).expect("a request");
    let listening = market.send(listen()).await;
    assert_eq!(listening.status(), 200);
    let refused = market.ask(listen()).await;
    assert_eq!(refused.refusal(), (429, "too_many_listeners".into()));
    drop(listening);
    assert_eq!(market.send(listen()).await.status(), 200);
}

#[tokio::test]
async fn a_finished_job_is_forgotten_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = Duration::ZERO;
    let market = Setup {
        folder: Some(folder.path().to_owned()),
        bounds: Bounds {
            keep,
            ..Bounds::default()
        },
        ..with(&[Honest])
    }
    .open();
    let id = market.job().await;
    let taken = market.villains.yard.taken(0).await;
    market.villains.yard.finish(taken.id, HOME);
    market.end(&id).await;
    let gone = market.get(&format!("{PATH}/{id}")).await;
    assert_eq!(gone.refusal(), (404, "job_not_found".into()));
}

#[tokio::test]
async fn a_list_has_ones_own_jobs_page_by_page() {
    let keys = vec!["sk-one".to_owned(), "sk-two".to_owned()];
    let market = Setup {
        keys,
        ..with(&[Honest])
    }
    .open();
    let with_key = |method: Method, path: &str, key: &str, body: &Value| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {key}"));
        request
            .body(Body::from(body.to_string()))
            .expect("a request")
    };
    let mut own = Vec::new();
    for key in ["sk-one", "sk-two", "sk-one", "sk-one"] {
        let created = market
            .ask(with_key(Method::POST, PATH, key, &order()))
            .await;
        assert_eq!(created.status, 202);
        if key == "sk-one" {
            own.push(created.json()["id"].as_str().expect("a name").to_owned());
        }
    }
    let page = async |query: &str| {
        let path = format!("{PATH}{query}");
        let list = market
            .ask(with_key(Method::GET, &path, "sk-one", &json!({})))
            .await
            .json();
        let names = list["data"].as_array().expect("a list").iter();
        let names: Vec<String> = names
            .map(|job| job["id"].as_str().expect("a name").to_owned())
            .collect();
        (names, list["has_more"] == true)
    };
    let (all, has_more) = page("").await;
    assert_eq!((all.len(), has_more), (3, false));
    assert!(own.iter().all(|id| all.contains(id)), "nobody else's");
    let (first, has_more) = page("?limit=2").await;
    assert_eq!((first.as_slice(), has_more), (&all[..2], true));
    let (rest, has_more) = page(&format!("?limit=2&after={}", first[1])).await;
    assert_eq!((rest.as_slice(), has_more), (&all[2..], false));
    for query in ["?limit=0", "?limit=101", "?limit=x", "?after=job_x"] {
        let path = format!("{PATH}{query}");
        let refused = market
            .ask(with_key(Method::GET, &path, "sk-one", &json!({})))
            .await;
        assert!([400, 404].contains(&refused.refusal().0), "{query}");
    }
    let path = format!("{PATH}/{}", own[0]);
    let known = market
        .ask(with_key(Method::GET, &path, "sk-two", &json!({})))
        .await;
    assert_eq!(known.status, 200, "whoever knows the name may read");
}

#[tokio::test]
async fn orders_at_fault_are_refused_before_anything_is_kept() {
    let market = Setup {
        others: vec![
            Trade {
                task: WALK,
                model: WALK,
                miners: vec![(Honest, None)],
            },
            Trade {
                task: TOUR,
                model: TOUR,
                miners: vec![(Honest, None)],
            },
        ],
        ..Setup::default()
    }
    .open();
    let refused = async |body: Value| market.ask(post(PATH, &body)).await.refusal();
    let request = || json!({"steps": 9});
    let invalid = (400, "invalid_value".to_owned());
    assert_eq!(refused(json!({"request": request()})).await, invalid);
    assert_eq!(refused(json!({"task": WALK})).await, invalid);
    assert_eq!(
        refused(json!({"task": WALK, "request": {"steps": 0}})).await,
        invalid
    );
    let extra = json!({"task": WALK, "request": request(), "steps": 9});
    assert_eq!(refused(extra).await, invalid);
    let title = json!({"task": WALK, "request": request(), "title": "x".repeat(201)});
    assert_eq!(refused(title).await, invalid);
    let netuid = json!({"task": WALK, "request": request(), "netuid": "two"});
    assert_eq!(refused(netuid).await, invalid);
    let elsewhere = json!({"task": WALK, "request": request(), "netuid": 3});
    assert_eq!(refused(elsewhere).await, (404, "task_not_found".into()));
    let unknown = json!({"task": "swim", "request": {}});
    assert_eq!(refused(unknown).await, (404, "task_not_found".into()));
    let at_once = json!({"task": TOUR, "request": {}});
    assert_eq!(refused(at_once).await, (400, "task_is_no_job".into()));
    let large = json!({"task": WALK, "request": "x".repeat(100_000)});
    assert_eq!(refused(large).await, (413, "request_too_large".into()));
    assert_eq!(refused(json!([])).await, (400, "invalid_json".into()));
    let list = market.get(PATH).await.json();
    assert_eq!(
        list,
        json!({"object": "list", "data": [], "has_more": false})
    );
    for id in ["job_1", "fold_00000000000000000000000000000000", "..%2Fx"] {
        let unknown = market.get(&format!("{PATH}/{id}")).await;
        assert_eq!(unknown.refusal(), (404, "job_not_found".into()));
    }
    let at_once = market.ask(post("/v1/tasks/walk", &request())).await;
    assert_eq!(at_once.refusal(), (400, "task_is_a_job".into()));
    let message = at_once.json()["error"]["message"].to_string();
    assert!(message.contains("/v1/jobs"), "{message}");
}

#[tokio::test]
async fn a_task_of_jobs_is_listed_and_described() {
    let market = with(&[Honest, Honest]).open();
    let list = market.get("/v1/models").await.json();
    let entry = list["data"].as_array().expect("a list").last().cloned();
    let entry = entry.expect("the walk");
    assert_eq!((&entry["id"], &entry["miners"]), (&json!(WALK), &json!(2)));
    let task = market.get("/v1/tasks/walk").await.json();
    assert_eq!(task["delivery"], "job");
    let document = market.get("/openapi.json").await.json();
    for path in ["/v1/jobs", "/v1/jobs/{id}/events", "/v1/folds/{id}/{file}"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    assert!(
        document["paths"]["/v1/tasks/walk"].is_null(),
        "it is no address for it"
    );
}

/// A probe's asker does the same, so nobody is known by it: one key all along, no cancellation, a look now and then.
#[tokio::test]
async fn one_key_speaks_of_a_job_from_beginning_to_end() {
    let market = with(&[Honest]).open();
    let id = market.job().await;
    let taken = market.villains.yard.taken(0).await;
    market.villains.yard.report(taken.id, 0.5, 3.0, Some(HOME));
    let path = format!("{PATH}/{id}");
    market.until(&path, |job| job["has_result"] == true).await;
    market.villains.yard.finish(taken.id, FAR);
    market.end(&id).await;
    let letters = market.villains.yard.letters.lock().expect("not poisoned");
    assert!(
        letters
            .iter()
            .all(|(signer, route, _)| { *signer == taken.asker && *route == Route::Poll })
    );
    let (_, _, is_last_for_answer) = letters.last().expect("there were some");
    assert!(is_last_for_answer);
}
