//! The book, its file, and its page.

use std::fs;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use primitives::{NetUid, Uid};
use protocol::Standings;
use scoring::{Fault, Outcome, Speed};
use tower::ServiceExt;
use validator::{Archive, Ballot, Book, Desk, Office, router};

use crate::market::{MODEL, NOW_MS, metagraph, pair, seat};

const VERIFIED: Outcome = Outcome::Verified(Speed {
    per_second: 100.0,
    first_ms: 20.0,
});

/// Alice grades; Bob and Charlie serve; Dave publishes no address.
fn graded() -> Book {
    let mut book = Book::default();
    let seats = [
        ("//Alice", Some(9_000)),
        ("//Bob", Some(9_001)),
        ("//Charlie", Some(9_002)),
        ("//Dave", None),
    ];
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    book.record(&seat(1, pair("//Bob").account()), &VERIFIED, NOW_MS);
    let lie = Outcome::Unverified(Fault::FalseAnswer("token 2 of 8".into()));
    book.record(&seat(2, pair("//Charlie").account()), &lie, NOW_MS);
    book
}

#[test]
fn every_seat_with_an_address_is_graded_except_ones_own() {
    let book = graded();
    let probed: Vec<_> = book.seats().iter().map(|seat| seat.uid.0).collect();
    assert_eq!(probed, [1, 2]);
    assert_eq!(book.weights(), [(Uid(1), 65535), (Uid(2), 0)]);
}

#[test]
fn whoever_takes_over_a_seat_begins_at_zero() {
    let mut book = graded();
    let seats = [
        ("//Alice", None),
        ("//Eve", Some(9_001)),
        ("//Charlie", Some(9_002)),
    ];
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    let entry = &book.entries()[&Uid(1)];
    assert_eq!(
        (entry.hotkey, entry.standing.value),
        (pair("//Eve").account(), 0.0)
    );
    assert_eq!(book.weights(), [], "nobody who is here has earned anything");
    let late = book.record(&seat(1, pair("//Bob").account()), &VERIFIED, NOW_MS);
    assert_eq!(late, None, "a grade for somebody who left is nobody's");
}

#[test]
fn a_miner_that_goes_away_for_a_while_keeps_its_standing() {
    let mut book = graded();
    let standing = book.entries()[&Uid(1)].standing;
    let without = [
        ("//Alice", None),
        ("//Bob", None),
        ("//Charlie", Some(9_002)),
    ];
    book.follow(&metagraph(&without), &pair("//Alice").account());
    assert_eq!(book.seats().len(), 1);
    assert_eq!(book.entries()[&Uid(1)].standing, standing);
}

#[test]
fn an_opinion_is_formed_once_everyone_was_graded() {
    let mut book = Book::default();
    assert!(!book.is_formed(), "of nobody there is no opinion");
    let seats = [
        ("//Bob", Some(9_001)),
        ("//Charlie", Some(9_002)),
        ("//Dave", None),
    ];
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    assert!(book.is_blank());
    book.record(&seat(0, pair("//Bob").account()), &VERIFIED, NOW_MS);
    assert!(!book.is_formed() && !book.is_blank());
    book.record(&seat(1, pair("//Charlie").account()), &VERIFIED, NOW_MS);
    assert!(
        book.is_formed(),
        "whoever cannot be reached is not waited for"
    );
}

#[test]
fn what_was_published_is_where_a_validator_without_memory_begins() {
    let mut book = Book::default();
    let seats = [("//Bob", Some(9_001)), ("//Charlie", Some(9_002))];
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    book.recall(&[(Uid(0), 65535), (Uid(1), 32768), (Uid(9), 5)]);
    assert_eq!(book.weights(), [(Uid(0), 65535), (Uid(1), 32768)]);
}

#[test]
fn standings_survive_a_restart_on_the_same_chain_only() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("deep").join("state.json");
    let archive = |genesis: &str| {
        Archive::new(
            path.clone(),
            genesis.into(),
            NetUid(1),
            pair("//Alice").account(),
        )
    };
    assert_eq!(
        archive("0x01").load().expect("no file is no standings"),
        Desk::default()
    );
    let ballot = Ballot::new(&[(Uid(1), 65535)], [5; 8], 1);
    archive("0x01")
        .save(&Desk {
            book: graded(),
            ballots: vec![ballot.clone()],
        })
        .expect("saved");
    let resumed = archive("0x01").load().expect("loaded");
    assert_eq!(resumed.book.entries(), graded().entries());
    assert_eq!(resumed.ballots, [ballot]);
    assert_eq!(archive("0x02").load().expect("loaded"), Desk::default());
    fs::write(&path, "{\"version\":1,").expect("written");
    assert_eq!(
        archive("0x01").load().expect("damage is no standings"),
        Desk::default()
    );
    assert_eq!(
        fs::read_dir(path.parent().expect("a folder"))
            .expect("listed")
            .count(),
        1
    );
}

#[tokio::test]
async fn the_page_tells_each_miner_its_standing_and_why() {
    let office = Office::new(
        pair("//Alice").account(),
        NetUid(1),
        MODEL.into(),
        Desk {
            book: graded(),
            ballots: vec![],
        },
    );
    let page = router(Arc::new(office));
    let get = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = page
            .clone()
            .oneshot(request)
            .await
            .expect("routes always answer");
        assert!(response.status().is_success(), "{path}");
        to_bytes(response.into_body(), usize::MAX)
            .await
            .expect("the whole body")
    };
    let standings: Standings = serde_json::from_slice(&get("/standings").await).expect("JSON");
    assert_eq!(
        (standings.validator, standings.block),
        (pair("//Alice").account(), 7)
    );
    let [bob, charlie] = &standings.miners[..] else {
        panic!("{standings:?}")
    };
    assert_eq!(
        (bob.uid, bob.standing, bob.weight, bob.verified),
        (Uid(1), 0.2, 65535, 1)
    );
    assert_eq!(
        (bob.tokens_per_s, bob.first_token_ms),
        (Some(100.0), Some(20.0))
    );
    let last = charlie.last.clone().expect("graded");
    assert_eq!((charlie.weight, last.score, last.at_ms), (0, 0.0, NOW_MS));
    assert_eq!(last.reason, "not the model's answer: token 2 of 8");
    let health: serde_json::Value = serde_json::from_slice(&get("/health").await).expect("JSON");
    assert_eq!(health["miners"], 2);
    get("/metrics").await;
}
