//! A customer's fold, from the gateway to real miners and back: searched for, followed, moved, fetched and checked.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use gateway::directory::{Listed, Miner as Seat, Model};
use gateway::jobs::Jobs;
use gateway::limits::Gates;
use gateway::market::{Market, Shared};
use gateway::metrics::Metrics;
use gateway::signer::Signer;
use gateway::subnets::{Subnet, Subnets};
use gateway::{Gateway, Patience};
use keys::Pair;
use miner::{Miner, Permits, Trade};
use molecule::mmcif;
use primitives::{NetUid, Uid};
use serde_json::{Value, json};
use tasks::{Kind, Setup};
use testkit::Street;
use tower::ServiceExt;

/// The subnet.
const NETUID: NetUid = NetUid(3);
/// A small hairpin.
const CHAIN: &str = "GYDPETGTWG";

fn kind() -> &'static dyn Kind {
    tasks::find_by_name("protein-folding").expect("a task of the list")
}

fn pair(uri: &str) -> Pair {
    Pair::from_uri(uri).expect("a development key")
}

/// A miner that Alice may ask.
fn miner(uri: &str) -> Router {
    let service = kind().service(&Setup::default());
    let permits = Permits::default();
    permits.replace([pair("//Alice").account()].into());
    let trade = Trade::new(kind(), service.expect("it needs nothing"));
    let clock = Arc::new(daemon::unix_ms);
    let miner = Miner::new(pair(uri), NETUID, trade, permits, 2, clock);
    miner::router(Arc::new(miner))
}

/// A gateway of Alice's in front of these miners, of whom only those on the street are there.
fn gateway(street: &Street, uris: &[&str]) -> Router {
    let metrics = Arc::new(Metrics::default());
    let shared = Shared {
        transport: Arc::new(street.clone()),
        patience: Patience::default(),
        metrics: metrics.clone(),
    };
    let signer = Signer::new(vec![pair("//Alice")], NETUID).expect("a key");
    let market = Market::new(kind(), signer, shared);
    let listed = uris.iter().zip(0u16..).map(|(uri, uid)| Listed {
        miner: Seat {
            uid: Uid(uid),
            hotkey: pair(uri).account(),
            address: ([127, 0, 0, 1], 9_001 + uid).into(),
        },
        standing: None,
        models: vec![Model {
            id: "protein-folding".into(),
            context_length: None,
            task: None,
        }],
    });
    market.directory.replace(listed.collect());
    let subnets = Subnets::new([Subnet::open(market)]);
    gateway::router(Gateway {
        jobs: Jobs::in_memory(subnets.clone(), metrics.clone()),
        subnets,
        gates: Arc::new(Gates::new(vec![], None, 8)),
        metrics,
        body_bytes_max: 64 * 1024,
        since: 0,
    })
}

async fn ask(gateway: &Router, request: Request<Body>) -> (u16, Vec<u8>) {
    let Ok(response) = gateway.clone().oneshot(request).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 4 << 20).await;
    (status, body.expect("a body").to_vec())
}

async fn get(gateway: &Router, path: &str) -> (u16, Vec<u8>) {
    let request = Request::get(path).body(Body::empty());
    ask(gateway, request.expect("a request")).await
}

/// Miners that are listed and not there are passed over; the one that is there folds.
#[tokio::test(flavor = "multi_thread")]
async fn a_customers_fold_comes_back_as_files_and_holds() {
    let uris = ["//Bob", "//Charlie"];
    let mut street = Street::default();
    street.settle(([127, 0, 0, 1], 9_002).into(), miner(uris[1]), None);
    let gateway = gateway(&street, &uris);
    let order = json!({"sequence": CHAIN, "budget_s": 2.0}).to_string();
    let request = Request::post("/v1/folds").body(Body::from(order));
    let (status, body) = ask(&gateway, request.expect("a request")).await;
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&body));
    let fold: Value = serde_json::from_slice(&body).expect("JSON");
    let path = format!("/v1/folds/{}", fold["id"].as_str().expect("a name"));
    let heard = format!("{path}/events");
    let events = get(&gateway, &heard);
    let events = tokio::time::timeout(Duration::from_secs(60), events).await;
    let (_, events) = events.expect("the events end with the job");
    let events = String::from_utf8(events).expect("text");
    assert!(events.contains("event: progress\n"), "{events}");
    let last = events.rsplit("data: ").next().expect("an event");
    let done: Value = serde_json::from_str(last.trim()).expect("JSON");
    assert_eq!(done["status"], "done", "{done}");
    assert_eq!(done["miner"], pair(uris[1]).account().to_string());
    let (status, cif) = get(&gateway, &format!("{path}/structure.cif")).await;
    assert_eq!(status, 200);
    let found = mmcif::read(std::str::from_utf8(&cif).expect("text")).expect("a structure");
    let sequence = CHAIN.parse().expect("a chain");
    let claimed = done["energy"].as_f64().expect("an energy");
    let checked = folding::check(&sequence, &found, claimed);
    assert!(checked.is_ok(), "{:?}", checked.err());
    for name in ["structure.pdb", "ramachandran.svg", "energy.svg"] {
        let (status, file) = get(&gateway, &format!("{path}/{name}")).await;
        assert_eq!((status, file.is_empty()), (200, false), "{name}");
    }
}
