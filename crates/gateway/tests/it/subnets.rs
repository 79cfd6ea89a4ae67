//! One gateway, many subnets.

use std::collections::BTreeSet;

use std::sync::Arc;

use gateway::Patience;
use gateway::market::{Market, Shared};
use gateway::metrics::Metrics;
use gateway::signer::Signer;
use gateway::subnets::{Subnet, Trade as Known};
use keys::Pair;
use primitives::{NetUid, TaskId};
use serde_json::{Value, json};

use crate::market::{MODEL, Setup, TEXT, TOUR, Trade, post, two_markets};
use crate::villains::Character::{Dead, Honest};
use crate::villains::Villains;

#[tokio::test]
async fn what_there_is_to_ask_for_is_listed_with_its_task() {
    let market = two_markets(&[Honest], &[Honest, Honest]);
    let list = market.get("/v1/models").await.json();
    let entries = list["data"].as_array().expect("a list");
    let told: Vec<Value> = entries
        .iter()
        .map(|entry| json!([entry["id"], entry["task"], entry["netuid"], entry["miners"]]))
        .collect();
    let expected = [
        json!([MODEL, "text-generation/1", 1, 1]),
        json!([TOUR, "tour/1", 2, 2]),
    ];
    assert_eq!(told, expected);
    assert_eq!(market.get("/v1/models/tour").await.json(), entries[1]);
}

#[tokio::test]
async fn a_chat_cannot_be_asked_of_another_task() {
    let market = two_markets(&[Honest], &[Honest]);
    let reply = market.chat(json!({"model": TOUR})).await;
    assert_eq!(reply.refusal(), (404, "model_not_found".into()));
}

/// A model is found on whatever subnet of text has it; of two that have it, both are asked.
#[tokio::test]
async fn a_model_is_chosen_by_its_name_over_all_subnets_of_text() {
    let text = |model, miners| Trade {
        task: TEXT,
        model,
        miners,
    };
    let market = Setup {
        miners: vec![(Honest, Some(0.9))],
        others: vec![
            text("marlowe", vec![(Honest, Some(0.9))]),
            text(MODEL, vec![(Honest, Some(0.1))]),
        ],
        ..Setup::default()
    }
    .open();
    let marlowe = market.chat(json!({"model": "marlowe"})).await;
    assert_eq!(marlowe.status, 200);
    assert_eq!(marlowe.header("x-stoa-netuid"), "2");
    let mut asked = BTreeSet::new();
    for _ in 0..64 {
        let reply = market.chat(json!({})).await;
        assert_eq!(reply.status, 200);
        asked.insert(reply.header("x-stoa-netuid").to_owned());
    }
    assert_eq!(asked, BTreeSet::from(["1".to_owned(), "3".to_owned()]));
    market.villains.set(&market.pairs[0], Dead);
    for _ in 0..16 {
        let reply = market.chat(json!({})).await;
        assert_eq!(reply.header("x-stoa-netuid"), "3");
    }
    let list = market.get("/v1/models/shakespeare").await.json();
    assert_eq!(list["netuids"], json!([1, 3]));
    assert_eq!(list["miners"], 2);
}

#[tokio::test]
async fn a_customer_may_choose_among_several_subnets_of_one_task() {
    let tour = || Trade {
        task: TOUR,
        model: TOUR,
        miners: vec![(Honest, None)],
    };
    let market = Setup {
        others: vec![tour(), tour()],
        ..Setup::default()
    }
    .open();
    let points = json!({"points": [[0, 0], [9, 9], [0, 9]]});
    for netuid in ["2", "3"] {
        let path = format!("/v1/tasks/tour?netuid={netuid}");
        let reply = market.ask(post(&path, &points)).await;
        assert_eq!(reply.header("x-stoa-netuid"), netuid);
    }
    let reply = market.ask(post("/v1/tasks/tour?netuid=1", &points)).await;
    assert_eq!(reply.refusal(), (404, "task_not_found".into()));
}

/// What cannot be served is named, and takes nothing from what can.
#[tokio::test]
async fn a_subnet_that_is_not_served_is_named_and_the_others_are_served() {
    let untasked = Subnet::new(NetUid(8));
    untasked.set(Known::Untasked);
    let unknown = Subnet::new(NetUid(9));
    let folding = "protein-folding/2".parse().expect("a task");
    let error = tasks::find(&folding).err().expect("nobody knows it");
    unknown.set(Known::Unknown(error));
    let market = Setup {
        miners: vec![(Honest, None)],
        idle: vec![untasked, unknown, Subnet::new(NetUid(7))],
        ..Setup::default()
    }
    .open();
    let health = market.get("/health").await;
    assert_eq!(health.status, 200);
    let health = health.json();
    let told = |netuid: u16| {
        let subnets = health["subnets"].as_array().expect("a list");
        let of = subnets
            .iter()
            .find(|subnet| subnet["netuid"] == json!(netuid));
        of.expect("every subnet is told of").clone()
    };
    assert_eq!(told(1)["status"], "ok");
    assert_eq!(told(1)["task"], "text-generation/1");
    assert_eq!(told(7)["status"], "waiting for the chain");
    assert_eq!(told(8)["status"], "no task");
    assert_eq!(told(9)["status"], "unknown task");
    assert_eq!(told(9)["task"], "protein-folding/2");
    let reason = told(9)["reason"].to_string();
    assert!(reason.contains("text-generation/1"), "{reason}");
    assert_eq!(market.chat(json!({})).await.status, 200);
}

/// An owner names a task, later another: the gateway goes along, and what it knew of the first one's miners is gone.
#[test]
fn a_subnet_gets_a_market_for_whatever_task_the_chain_names() {
    let shared = Shared {
        transport: Arc::new(Villains::default()),
        patience: Patience::default(),
        metrics: Arc::new(Metrics::default()),
    };
    let subnet = Subnet::new(NetUid(5));
    let settle = |task: Option<&str>| {
        let task: Option<TaskId> = task.map(|task| task.parse().expect("a task"));
        subnet.settle(task, |kind| {
            let signer = Signer::new(vec![Pair::from_seed([1; 32])], NetUid(5))?;
            Some(Market::new(kind, signer, shared.clone()))
        })
    };
    assert!(settle(None).is_none());
    assert!(matches!(subnet.trade(), Known::Untasked));
    let tour = settle(Some("tour/1")).expect("a market");
    let same = settle(Some("tour/1")).expect("a market");
    assert!(Arc::ptr_eq(&tour, &same), "what is known stays known");
    let text = settle(Some("text-generation/1")).expect("a market");
    assert_eq!(text.task, "text-generation/1");
    assert!(settle(Some("protein-folding/2")).is_none());
    assert!(matches!(subnet.trade(), Known::Unknown(_)));
    assert!(settle(Some("tour/1")).is_some());
    assert!(settle(None).is_none());
}

/// Every reference in the document leads somewhere, or no program can read it.
#[tokio::test]
async fn the_description_has_every_task_and_all_that_its_schemas_name() {
    let market = two_markets(&[Honest], &[Honest]);
    let document = market.get("/openapi.json").await.json();
    for path in ["/v1/tasks/tour", "/v1/images/classifications"] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
    let request = &document["paths"]["/v1/tasks/tour"]["post"]["requestBody"];
    let schema = &request["content"]["application/json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/tour.1.request");
    let components = &document["components"]["schemas"];
    assert!(components["tour.1.request"]["properties"]["points"].is_object());
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 10);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                references.push(reference.to_owned());
            }
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
