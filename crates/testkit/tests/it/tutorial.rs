//! `docs/new-subnet.md`, taken at its word: what it quotes is in the tree, its JSON is judged, and its task earns.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tasks::{Kind, Service, WorkError, Worker};
use testkit::{Market, hotkey_of};
use tower::ServiceExt;

const DOCUMENT: &str = include_str!("../../../../docs/new-subnet.md");
const TOUR: &str = include_str!("../../../tasks/src/list/tour.rs");
const LIST: &str = include_str!("../../../tasks/src/list.rs");

/// Where all miners live, so that only the answers tell them apart.
const NEAR: Option<Duration> = Some(Duration::from_millis(20));

fn tour() -> &'static dyn Kind {
    tasks::find_by_name("tour").expect("a task of the list")
}

/// The document's code blocks that carry this label after their language.
fn blocks(label: &str) -> Vec<&'static str> {
    let opening = format!(" {label}");
    let mut rest = DOCUMENT;
    let mut blocks = Vec::new();
    while let Some((_, after)) = rest.split_once("```") {
        let (head, body) = after.split_once('\n').expect("a line ends");
        let (body, next) = body.split_once("\n```").expect("the block is closed");
        if head.ends_with(&opening) {
            blocks.push(body);
        }
        rest = next;
    }
    blocks
}

fn the_block(label: &str) -> &'static [u8] {
    let [block] = blocks(label)[..] else {
        panic!("one block {label}");
    };
    block.as_bytes()
}

#[test]
fn what_the_tutorial_quotes_is_in_the_tree() {
    for (label, file, least) in [("tour.rs", TOUR, 8), ("list.rs", LIST, 2)] {
        let quotes = blocks(label);
        assert!(least <= quotes.len(), "{} of {label}", quotes.len());
        for quote in quotes {
            assert!(file.contains(quote), "not in {label}:\n{quote}");
        }
    }
}

#[test]
fn every_block_of_the_tutorial_is_of_a_sort_that_a_test_reads() {
    let fences = DOCUMENT.lines().filter(|line| line.starts_with("```"));
    let read = ["```rust tour.rs", "```rust list.rs", "```sh", "```"];
    for fence in fences {
        let is_read = read.contains(&fence) || fence.starts_with("```json tour-");
        assert!(is_read, "nobody reads {fence}");
    }
}

#[test]
fn the_tutorials_files_are_where_it_says() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let named = DOCUMENT.split('`').skip(1).step_by(2);
    let paths = named.filter(|word| {
        let is_place = |folder: &str| word.starts_with(folder);
        !word.contains("yours") && ["crates/", "examples/", "docs/"].into_iter().any(is_place)
    });
    let paths: Vec<&str> = paths.collect();
    assert!(3 <= paths.len(), "{paths:?}");
    for path in paths {
        assert!(std::path::Path::new(root).join(path).exists(), "no {path}");
    }
}

#[test]
fn the_tutorials_request_and_answer_are_the_tasks() {
    let canonical = tour().canonical(the_block("tour-request"));
    let canonical = canonical.expect("a request");
    assert_eq!(
        &canonical[..],
        br#"{"points":[[0,0],[100,100],[100,0],[0,100]]}"#
    );
    assert_eq!(tour().check_answer(the_block("tour-answer")), Ok(()));
    let Ok(Service::Once(worker)) = tour().service(&Default::default()) else {
        panic!("tour is answered at once");
    };
    let found = worker.work(&canonical).expect("an answer");
    let lengths = [&found[..], the_block("tour-answer")].map(|answer| around(&canonical, answer));
    assert_eq!(lengths, [400.0, 400.0]);
}

/// The length of a tour, told apart from the task's own arithmetic.
fn around(request: &[u8], answer: &[u8]) -> f64 {
    let request: Value = serde_json::from_slice(request).expect("JSON");
    let answer: Value = serde_json::from_slice(answer).expect("JSON");
    let order = answer["order"].as_array().expect("an order");
    let place = |at: usize| {
        let number = order[at % order.len()].as_u64().expect("a number") as usize;
        let axis = |axis: usize| request["points"][number][axis].as_f64().expect("a number");
        (axis(0), axis(1))
    };
    let leg = |at: usize| {
        let ((x, y), (to_x, to_y)) = (place(at), place(at + 1));
        (to_x - x).hypot(to_y - y)
    };
    (0..order.len()).map(leg).sum()
}

#[test]
fn the_tutorials_bad_request_is_refused_in_words() {
    let refused = tour().canonical(the_block("tour-refused"));
    let complaint = refused.expect_err("two points").to_string();
    assert_eq!(complaint, "`points` has 2 points; give from 3 to 64");
}

/// A miner that visits the nearest point next and leaves it at that.
pub struct Hasty;

impl Worker for Hasty {
    fn work(&self, body: &[u8]) -> Result<Vec<u8>, WorkError> {
        let points = points(body);
        let mut rest: Vec<usize> = (1..points.len()).collect();
        let mut order = vec![0];
        while !rest.is_empty() {
            let [x, y] = points[order[order.len() - 1]];
            let away = |at: &usize| {
                let [to_x, to_y] = points[rest[*at]];
                (to_x - x).pow(2) + (to_y - y).pow(2)
            };
            let nearest = (0..rest.len()).min_by_key(away).expect("a point is left");
            order.push(rest.remove(nearest));
        }
        Ok(json!({ "order": order }).to_string().into())
    }
}

/// A miner that asks the task's own service several times, each time with another point first, and takes the shortest.
struct Thorough(Arc<dyn Worker>);

impl Worker for Thorough {
    fn work(&self, body: &[u8]) -> Result<Vec<u8>, WorkError> {
        let points = points(body);
        let count = points.len();
        let mut best: Option<(f64, Vec<u8>)> = None;
        for turn in 0..16 {
            let first = turn * count / 16;
            let mut turned = points.clone();
            turned.rotate_left(first);
            let turned = json!({ "points": turned }).to_string();
            let found: Value = serde_json::from_slice(&self.0.work(turned.as_bytes())?)
                .map_err(|error| WorkError::Failed(error.to_string()))?;
            let order = found["order"].as_array().expect("an order").iter();
            let order =
                order.map(|number| (number.as_u64().expect("a number") as usize + first) % count);
            let answer = json!({ "order": order.collect::<Vec<_>>() });
            let answer: Vec<u8> = answer.to_string().into();
            let length = around(body, &answer);
            if best.as_ref().is_none_or(|(least, _)| length < *least) {
                best = Some((length, answer));
            }
        }
        Ok(best.expect("it was asked").1)
    }
}

fn points(body: &[u8]) -> Vec<[i64; 2]> {
    let request: Value = serde_json::from_slice(body).expect("JSON");
    serde_json::from_value(request["points"].clone()).expect("points")
}

/// Four miners of the tutorial's task, equally far away: what they earn goes by how short their tours are. The one that
/// answers in the order given earns nothing, and one that is better than the task's own solution earns more than it does.
#[tokio::test]
async fn shorter_tours_earn_more_and_unsorted_ones_nothing() {
    let mut market = Market::seeded(5);
    let netuid = market.open(tour());
    let Ok(Service::Once(own)) = tour().service(&Default::default()) else {
        panic!("tour is answered at once");
    };
    let thorough = Service::Once(Arc::new(Thorough(own)));
    market.seat(netuid, "thorough", thorough, NEAR);
    market.seat_own(netuid, "plain", None, NEAR);
    market.seat(netuid, "hasty", Service::Once(Arc::new(Hasty)), NEAR);
    market.seat_own(netuid, "unsorted", Some("unsorted"), NEAR);

    let judged = market.probe(netuid, 20).await;
    let are_honest = judged.iter().all(|one| one.judgement.fault.is_none());
    assert!(are_honest, "a bad tour is no lie");
    market.publish(netuid);
    market.settle(2);

    let earned = ["thorough", "plain", "hasty", "unsorted"].map(|name| market.earned(netuid, name));
    assert!(earned.is_sorted_by(|more, less| less < more), "{earned:?}");
    let [thorough, plain, hasty, unsorted] = earned;
    assert_eq!(unsorted, 0);
    assert!(plain + plain / 20 < thorough, "{earned:?}");
    assert!(hasty + hasty / 2 < plain, "{earned:?}");
}

/// What the tutorial says of asking: the miner's answer comes back whole, with its name beside it, and what the task refuses
/// comes back in the task's words.
#[tokio::test]
async fn a_customer_of_the_gateway_gets_a_tour_or_the_tasks_complaint() {
    let mut market = Market::seeded(6);
    let netuid = market.open(tour());
    market.seat_own(netuid, "honest", None, NEAR);
    let gateway = market.gateway().await;
    let post = async |body: &'static [u8]| {
        let request = Request::post("/v1/tasks/tour").header("content-type", "application/json");
        let request = request.body(Body::from(body)).expect("a request");
        let response = gateway.clone().oneshot(request).await;
        response.expect("routes always answer")
    };

    let served = post(the_block("tour-request")).await;
    assert_eq!(served.status(), StatusCode::OK);
    let honest = hotkey_of(netuid, "honest").account().to_string();
    assert_eq!(served.headers()["x-stoa-miner"], honest);
    assert!(served.headers().contains_key("x-stoa-receipt"));
    let answer = to_bytes(served.into_body(), 1 << 20).await.expect("a body");
    assert_eq!(around(the_block("tour-request"), &answer), 400.0);

    let refused = post(the_block("tour-refused")).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let body = to_bytes(refused.into_body(), 1 << 20)
        .await
        .expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let words = "`points` has 2 points; give from 3 to 64";
    assert_eq!(body["error"]["message"], words);
    assert_eq!(body["error"]["param"], "points");
}
