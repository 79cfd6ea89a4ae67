//! Work that is done at once: a tour of three points, from miners of every character.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::market::{Market, TOUR, market, post, two_markets};
use crate::villains::Character::{
    Busy, Dead, Flooder, Forger, Honest, Inflator, Lazy, Mumbler, Padder, Quitter, Silent, Stranger,
};
use crate::villains::{Character, TOUR_ANSWER};

const PATH: &str = "/v1/tasks/tour";

fn points() -> serde_json::Value {
    json!({"points": [[0, 0], [9, 9], [0, 9]]})
}

impl Market {
    async fn tour(&self) -> crate::market::Reply {
        self.ask(post(PATH, &points())).await
    }
}

#[tokio::test]
async fn an_answer_comes_byte_for_byte_with_its_proof() {
    let market = two_markets(&[], &[Honest]);
    let reply = market.tour().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, TOUR_ANSWER.as_bytes());
    let miner = &market.pairs[0];
    assert_eq!(reply.header("x-stoa-miner"), miner.account().to_string());
    assert_eq!(
        (reply.header("x-stoa-uid"), reply.header("x-stoa-netuid")),
        ("0", "2")
    );
    assert_eq!(reply.header("x-stoa-tries"), "1");
    let receipt = reply.header("x-stoa-receipt").as_bytes();
    let receipt = protocol::SignedWorkReceipt::from_header(receipt).expect("a receipt");
    let request = receipt.receipt.request_hash;
    assert_eq!(reply.header("x-stoa-request"), request.to_string());
    let task = "tour/1".parse().expect("a task");
    assert_eq!(
        receipt.check(miner.account(), &task, request, &reply.body),
        Ok(())
    );
}

/// Spaces and the order of fields are the customer's; what miners see is the same as a probe's.
#[tokio::test]
async fn miners_see_a_request_in_its_one_form() {
    let market = two_markets(&[], &[Honest]);
    let spaced = "  { \"points\" : [ [0,0],[9,9], [0,9] ] }\n";
    let request = Request::post(PATH).body(Body::from(spaced));
    let reply = market.ask(request.expect("a request")).await;
    assert_eq!(reply.status, 200);
    let worked = market.villains.worked.lock().expect("not poisoned");
    assert_eq!(*worked, [r#"{"points":[[0,0],[9,9],[0,9]]}"#]);
}

/// Asks until the villain has been tried once, and checks that no customer notices.
async fn a_customer_never_notices(villain: Character) {
    let market = two_markets(&[], &[villain, Honest]);
    for _ in 0..64 {
        let reply = market.tour().await;
        assert_eq!(reply.status, 200, "{villain:?}");
        assert_eq!(reply.body, TOUR_ANSWER.as_bytes());
        assert_eq!(reply.header("x-stoa-uid"), "1");
        if market.villains.asked(&market.pairs[0]) > 0 {
            assert_eq!(reply.header("x-stoa-tries"), "2", "{villain:?}");
            return;
        }
    }
    panic!("{villain:?} was never asked, so nothing was tested");
}

#[tokio::test]
async fn another_miner_works_when_one_fails() {
    for villain in [
        Dead, Silent, Quitter, Forger, Padder, Inflator, Stranger, Lazy, Busy, Mumbler, Flooder,
    ] {
        a_customer_never_notices(villain).await;
    }
}

#[tokio::test]
async fn when_nobody_is_left_the_customer_may_come_back() {
    let reply = two_markets(&[], &[Dead, Mumbler]).tour().await;
    assert_eq!(reply.refusal(), (503, "no_miner_available".into()));
    assert_eq!(reply.header("retry-after"), "2");
}

#[tokio::test]
async fn a_request_is_at_fault_when_two_miners_say_so() {
    let market = two_markets(&[], &[Lazy, Lazy, Lazy]);
    let reply = market.tour().await;
    assert_eq!(reply.refusal(), (400, "invalid_value".into()));
    let asked = market.pairs.iter().map(|pair| market.villains.asked(pair));
    assert_eq!(asked.sum::<u32>(), 2);
}

/// Each costs its sender an answer and no miner anything.
#[tokio::test]
async fn requests_at_fault_are_refused_before_anyone_is_asked() {
    let market = two_markets(&[], &[Honest]);
    let few = market.ask(post(PATH, &json!({"points": [[0, 0]]}))).await;
    assert_eq!(few.refusal(), (400, "invalid_value".into()));
    assert_eq!(few.json()["error"]["param"], "points");
    let other = market.ask(post(PATH, &json!({"places": []}))).await;
    assert_eq!(other.refusal(), (400, "invalid_value".into()));
    let torn = Request::post(PATH).body(Body::from("{\"points\":"));
    let torn = market.ask(torn.expect("a request")).await;
    assert_eq!(torn.refusal(), (400, "invalid_json".into()));
    let large = "x".repeat(1 << 20);
    let large = market.ask(post(PATH, &json!({"points": large}))).await;
    assert_eq!(large.refusal(), (413, "request_too_large".into()));
    let unknown = market.ask(post("/v1/tasks/folding", &points())).await;
    assert_eq!(unknown.refusal(), (404, "task_not_found".into()));
    let text = market
        .ask(post("/v1/tasks/text-generation", &json!({})))
        .await;
    assert_eq!(text.refusal(), (404, "task_not_found".into()));
    let netuid = market.ask(post("/v1/tasks/tour?netuid=x", &points())).await;
    assert_eq!(netuid.refusal(), (400, "invalid_value".into()));
    let method = market.ask(raw_put()).await;
    assert_eq!(method.refusal(), (405, "method_not_supported".into()));
    assert_eq!(market.villains.asked(&market.pairs[0]), 0);
}

fn raw_put() -> Request<Body> {
    Request::put(PATH).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn a_task_is_described_with_its_schemas() {
    let market = two_markets(&[Honest], &[Honest]);
    let tour = market.get(PATH).await.json();
    assert_eq!(tour["task"], "tour/1");
    assert_eq!(
        (&tour["delivery"], &tour["netuids"]),
        (&json!("once"), &json!([2]))
    );
    assert!(tour["request_schema"]["properties"]["points"].is_object());
    assert!(tour["answer_schema"]["properties"]["order"].is_object());
    let list = market.get("/v1/tasks").await.json();
    let names: Vec<_> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| &task["id"])
        .collect();
    assert_eq!(names, ["text-generation", "tour"]);
    let unknown = market.get("/v1/tasks/folding").await;
    assert_eq!(unknown.refusal(), (404, "task_not_found".into()));
}

#[tokio::test]
async fn a_task_that_no_subnet_pays_for_is_not_found() {
    let reply = market(&[Honest]).tour().await;
    assert_eq!(reply.refusal(), (404, "task_not_found".into()));
    assert_eq!(reply.json()["error"]["param"], "task");
}

#[tokio::test]
async fn work_is_counted_by_task() {
    let market = two_markets(&[Honest], &[Honest]);
    market.tour().await;
    let metrics = String::from_utf8(market.get("/metrics").await.body).expect("text");
    let miner = market.pairs[1].account();
    let tried = format!(
        r#"stoa_gateway_tries_total{{task="{TOUR}/1",miner="{miner}",outcome="served"}} 1"#
    );
    for line in [
        tried.as_str(),
        r#"stoa_gateway_requests_total{route="/v1/tasks/{name}",status="200"} 1"#,
        r#"stoa_gateway_answer_seconds_count{task="tour/1"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}
