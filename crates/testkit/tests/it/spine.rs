//! The spine, walked once: from a customer's question to the miner's balance, in one process.
//!
//! Nine steps, in order; each is the production function named in ARCHITECTURE.md. Two miners are on the street, one honest
//! and one that says the same to everybody; the customer does not know which is which until the validator has judged.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use pallet_subtensor::Call as Subtensor;
use primitives::NetUid;
use serde_json::{Value, json};
use testkit::{Market, coldkey_of, hotkey_of};
use tower::ServiceExt;

const HONEST: &str = "honest";
const CANNED: &str = "canned";

#[tokio::test]
async fn a_question_becomes_a_balance() {
    let kind = tasks::find_by_name("text-generation").expect("a task of the list");
    let mut market = Market::seeded(7);
    let text = market.open(kind);
    market.seat_own(text, HONEST, None, None);
    market.seat_own(text, CANNED, Some("canned"), None);
    let [honest, canned] = [HONEST, CANNED].map(|name| hotkey_of(text, name).account());

    // 1 route, 2 sign, 3 answer: the gateway finds a miner, signs as the validator, and returns what was said.
    let before = ask(&market.gateway().await).await;
    assert!(!before.text.is_empty());

    // 4 judge: every miner answers probes that look like the customer's question.
    let judged = market.probe(text, 3).await;
    assert_eq!(judged.len(), 6);
    for one in judged {
        let is_believed = one.judgement.fault.is_none();
        assert_eq!(is_believed, one.miner == honest, "{:?}", one.judgement);
    }

    // 5 weigh: the liar's weight is nothing.
    let weights = market.book(text).weights();
    let (honest_uid, canned_uid) = (market.uid(text, HONEST), market.uid(text, CANNED));
    assert_eq!(weights, [(honest_uid, u16::MAX), (canned_uid, 0)]);
    let after = ask(&market.gateway().await).await;
    assert_eq!(after.miner, honest.to_string());
    assert_ne!(after.miner, canned.to_string());

    // 6 set weights, on chain.
    market.publish(text);

    // 7 settle, 8 pay: two epochs, for the validator's permit counts from the one after it is given.
    let earned_before = market.earned(text, HONEST);
    market.settle(2);
    assert_eq!(market.incentive(text, HONEST), u16::MAX);
    assert_eq!(market.incentive(text, CANNED), 0);

    // 9 read the balance: what the miner earned is stake, and stake can be sold for TAO that it can spend.
    let earned = market.earned(text, HONEST) - earned_before;
    assert!(0 < earned);
    assert_eq!(market.earned(text, CANNED), 0);
    let owner = coldkey_of(text, HONEST);
    let free = market.chain().free(&owner.account());
    market.transact(&owner, sale(text, earned));
    assert!(free < market.chain().free(&owner.account()));
}

fn sale(netuid: NetUid, earned: u64) -> Subtensor<runtime::Runtime> {
    Subtensor::remove_stake {
        hotkey: runtime::AccountId::new(hotkey_of(netuid, HONEST).account().0),
        netuid: netuid.0,
        amount_unstaked: earned,
    }
}

/// What a customer got, and from whom.
struct Served {
    text: String,
    miner: String,
}

async fn ask(gateway: &Router) -> Served {
    let body = json!({
        "model": inference::model::SHIPPED,
        "max_tokens": 12,
        "messages": [{"role": "user", "content": "What news of the king?"}],
    });
    let request = Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let response = gateway
        .clone()
        .oneshot(request)
        .await
        .expect("routes always answer");
    assert_eq!(response.status(), StatusCode::OK);
    let miner = response.headers()["x-stoa-miner"]
        .to_str()
        .expect("an address")
        .to_owned();
    let body = to_bytes(response.into_body(), 1 << 20)
        .await
        .expect("the whole body");
    let answer: Value = serde_json::from_slice(&body).expect("JSON");
    let text = answer["choices"][0]["message"]["content"]
        .as_str()
        .expect("a text")
        .to_owned();
    Served { text, miner }
}
