//! Whose jobs are whose: keys, networks, the gateway's own machine.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use gateway::jobs::Bounds;
use serde_json::{Value, json};

use crate::jobs::{FAR, PATH, order, with};
use crate::market::{Market, Reply, Setup};
use crate::villains::Character::Honest;

/// Somebody at an address, with a key or none.
struct Customer {
    address: &'static str,
    key: Option<&'static str>,
}

const HERE: Customer = Customer {
    address: "127.0.0.1:50001",
    key: None,
};
const NEIGHBOURS: Customer = Customer {
    address: "10.0.0.1:50001",
    key: None,
};

fn open(keys: &[&str], bounds: Bounds) -> Market {
    Setup {
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        bounds,
        ..with(&[Honest])
    }
    .open()
}

impl Customer {
    fn with(key: &'static str) -> Self {
        Self {
            key: Some(key),
            ..NEIGHBOURS
        }
    }

    fn request(&self, method: Method, path: &str, body: &Value) -> Request<Body> {
        let address: SocketAddr = self.address.parse().expect("an address");
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.extension(ConnectInfo(address));
        let body = Body::from(body.to_string());
        request.body(body).expect("a request")
    }

    async fn ask(&self, market: &Market, method: Method, path: &str) -> Reply {
        let body = match (&method, path) {
            (&Method::POST, PATH) => order(),
            _ => json!({}),
        };
        market.ask(self.request(method, path, &body)).await
    }

    async fn create(&self, market: &Market) -> String {
        let created = self.ask(market, Method::POST, PATH).await;
        assert_eq!(created.status, 202);
        created.json()["id"].as_str().expect("a name").to_owned()
    }
}

/// Two customers behind one address do not see each other's jobs, and so cannot end them; what one of them knows the name of is his.
#[tokio::test]
async fn without_keys_a_jobs_name_is_all_there_is_to_it() {
    let market = open(&[], Bounds::default());
    let id = NEIGHBOURS.create(&market).await;
    for key in [None, Some("any")] {
        let neighbour = Customer { key, ..NEIGHBOURS };
        let list = neighbour.ask(&market, Method::GET, PATH).await;
        assert_eq!(list.refusal(), (403, "list_needs_key".into()));
    }
    let path = format!("{PATH}/{id}");
    let known = NEIGHBOURS.ask(&market, Method::GET, &path).await;
    assert_eq!(known.json()["id"], id);
    let cancel = format!("{path}/cancel");
    let cancelled = NEIGHBOURS.ask(&market, Method::POST, &cancel).await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    let deleted = NEIGHBOURS.ask(&market, Method::DELETE, &path).await;
    assert_eq!(deleted.status, 200);
}

#[tokio::test]
async fn without_keys_a_list_is_for_who_asks_from_the_machine_itself() {
    let market = open(&[], Bounds::default());
    let (own, other) = (HERE.create(&market).await, NEIGHBOURS.create(&market).await);
    let list = HERE.ask(&market, Method::GET, PATH).await.json();
    let names: Vec<&Value> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|job| &job["id"])
        .collect();
    assert_eq!(names, [&json!(own)], "and not {other}");
    for header in ["x-forwarded-for", "forwarded", "origin"] {
        let mut relayed = HERE.request(Method::GET, PATH, &json!({}));
        let value = "10.0.0.1".parse().expect("a value");
        relayed.headers_mut().insert(header, value);
        let refused = market.ask(relayed).await.refusal();
        assert_eq!(refused, (403, "list_needs_key".into()), "{header}");
    }
}

#[tokio::test]
async fn with_keys_only_the_own_one_ends_a_job_and_whoever_knows_its_name_may_read() {
    let market = open(&["sk-one", "sk-two"], Bounds::default());
    let [one, two] = ["sk-one", "sk-two"].map(Customer::with);
    let id = one.create(&market).await;
    let path = format!("{PATH}/{id}");
    let cancel = format!("{path}/cancel");
    assert_eq!(two.ask(&market, Method::GET, &path).await.status, 200);
    let strange = (403, "not_your_job".to_owned());
    let refused = two.ask(&market, Method::POST, &cancel).await;
    assert_eq!(refused.refusal(), strange);
    let refused = two.ask(&market, Method::DELETE, &path).await;
    assert_eq!(refused.refusal(), strange);
    let going_on = one.ask(&market, Method::GET, &path).await.json();
    assert_ne!(going_on["status"], "cancelled");
    let cancelled = one.ask(&market, Method::POST, &cancel).await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert_eq!(one.ask(&market, Method::DELETE, &path).await.status, 200);
}

/// Whoever has a network of addresses is one customer all the same.
#[tokio::test]
async fn without_keys_jobs_are_counted_by_network() {
    let bounds = Bounds {
        unfinished_each: 1,
        ..Bounds::default()
    };
    let market = open(&[], bounds);
    let at = |address| Customer { address, key: None };
    at("[2001:db8:7:1::1]:50001").create(&market).await;
    let same = at("[2001:db8:7:2::1]:50001");
    let refused = same.ask(&market, Method::POST, PATH).await;
    assert_eq!(refused.refusal(), (429, "too_many_jobs".into()));
    at("[2001:db8:8:1::1]:50001").create(&market).await;
    at("10.0.0.1:50001").create(&market).await;
}

#[tokio::test]
async fn one_customer_cannot_take_all_the_listening_places() {
    let bounds = Bounds {
        listeners_owner: 1,
        ..Bounds::default()
    };
    let market = open(&[], bounds);
    let events = format!("{PATH}/{}/events", HERE.create(&market).await);
    let other = format!("{PATH}/{}/events", HERE.create(&market).await);
    let listening = market
        .send(HERE.request(Method::GET, &events, &json!({})))
        .await;
    assert_eq!(listening.status(), 200);
    let refused = HERE.ask(&market, Method::GET, &other).await;
    assert_eq!(refused.refusal(), (429, "too_many_listeners".into()));
    let neighbour = NEIGHBOURS.request(Method::GET, &events, &json!({}));
    assert_eq!(market.send(neighbour).await.status(), 200);
    drop(listening);
    let again = market
        .send(HERE.request(Method::GET, &other, &json!({})))
        .await;
    assert_eq!(again.status(), 200);
}

#[tokio::test]
async fn a_full_board_lets_the_oldest_finished_job_go() {
    let bounds = Bounds {
        kept: 2,
        ..Bounds::default()
    };
    let market = open(&[], bounds);
    let [first, second] = [HERE.create(&market).await, HERE.create(&market).await];
    let cancel = format!("{PATH}/{first}/cancel");
    HERE.ask(&market, Method::POST, &cancel).await;
    let third = HERE.create(&market).await;
    let status = async |id: &str| {
        let path = format!("{PATH}/{id}");
        HERE.ask(&market, Method::GET, &path).await.status.as_u16()
    };
    assert_eq!(status(&first).await, 404);
    assert_eq!((status(&second).await, status(&third).await), (200, 200));
    let refused = HERE.ask(&market, Method::POST, PATH).await;
    assert_eq!(
        refused.refusal(),
        (503, "jobs_full".into()),
        "nobody's goes that is unfinished"
    );
}

/// Whoever fetches and does not read takes a place, not memory without end.
#[tokio::test]
async fn a_download_holds_its_place_until_it_is_read() {
    let market = Setup {
        at_once: 1,
        ..with(&[Honest])
    }
    .open();
    let id = HERE.create(&market).await;
    let taken = market.villains.yard.taken(0).await;
    market.villains.yard.finish(taken.id, FAR);
    market.end(&id).await;
    let path = format!("{PATH}/{id}/result");
    let fetch = || HERE.request(Method::GET, &path, &json!({}));
    let fetching = market.send(fetch()).await;
    assert_eq!(fetching.status(), 200);
    let refused = market.ask(fetch()).await;
    assert_eq!(refused.refusal(), (503, "overloaded".into()));
    drop(fetching);
    let fetched = market.ask(fetch()).await;
    assert_eq!(fetched.body, FAR.as_bytes());
    assert_eq!(fetched.header("content-length"), FAR.len().to_string());
}
