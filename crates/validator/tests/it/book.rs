//! The book, its file, and its page.

use std::fs;
use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use primitives::{NetUid, Uid};
use protocol::{MinerStanding, Standings};
use scoring::{Fault, Judgement, Speed};
use serde_json::json;
use tower::ServiceExt;
use validator::{Archive, Book, Entry, Observed, Seat, router};

use crate::roots::kind;
use crate::street::{NOW_MS, judge, metagraph, office, pair, seat};

fn good() -> Judgement {
    let mut judgement = Judgement::of(1.0, "right");
    judgement.speed = Some(Speed {
        per_second: 100.0,
        first_ms: 20.0,
    });
    judgement
}

fn record<'a>(book: &'a mut Book, seat: &Seat, judgement: Judgement) -> Option<&'a Entry> {
    let observed = Observed {
        challenge: 1,
        judgement,
        at_ms: NOW_MS,
    };
    book.record(seat, &observed, kind(), judge().as_ref())
}

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
    record(&mut book, &seat(1, pair("//Bob").account()), good());
    let lie = Judgement::fault(Fault::FalseAnswer("made up".into()));
    record(&mut book, &seat(2, pair("//Charlie").account()), lie);
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
        (entry.hotkey, book.value(Uid(1))),
        (pair("//Eve").account(), Some(0.0))
    );
    assert_eq!(book.weights(), [], "nobody who is here has earned anything");
    let late = record(&mut book, &seat(1, pair("//Bob").account()), good());
    assert_eq!(late, None, "a grade for somebody who left is nobody's");
}

#[test]
fn a_miner_that_goes_away_keeps_its_standing_and_weighs_nothing_until_it_is_back() {
    let mut book = graded();
    let standing = book.standing(Uid(1));
    let without = [
        ("//Alice", None),
        ("//Bob", None),
        ("//Charlie", Some(9_002)),
    ];
    book.follow(&metagraph(&without), &pair("//Alice").account());
    assert_eq!(book.seats().len(), 1);
    assert_eq!(book.weights(), [], "who cannot be asked is not paid");
    let back = [
        ("//Alice", None),
        ("//Bob", Some(9_001)),
        ("//Charlie", Some(9_002)),
    ];
    book.follow(&metagraph(&back), &pair("//Alice").account());
    assert!(standing.is_some() && book.standing(Uid(1)) == standing);
    assert_eq!(book.weights(), [(Uid(1), 65535), (Uid(2), 0)]);
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
    record(&mut book, &seat(0, pair("//Bob").account()), good());
    assert!(!book.is_formed() && !book.is_blank());
    record(&mut book, &seat(1, pair("//Charlie").account()), good());
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
    for _ in 0..20 {
        record(&mut book, &seat(1, pair("//Charlie").account()), good());
        let away = Judgement::fault(Fault::Unreachable("gone".into()));
        record(&mut book, &seat(0, pair("//Bob").account()), away);
    }
    let weights = book.weights();
    assert_eq!(
        weights,
        [(Uid(0), 0), (Uid(1), 65535)],
        "and what was seen since counts"
    );
}

fn archive(path: &Path, genesis: &str, task: &str) -> Archive {
    Archive::new(
        path.to_owned(),
        genesis.into(),
        NetUid(1),
        pair("//Alice").account(),
        task.parse().expect("a task"),
    )
}

#[test]
fn records_survive_a_restart_on_the_same_chain_only() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("deep").join("state.json");
    let load = |genesis: &str, task: &str| {
        let book = archive(&path, genesis, task).load(judge().as_ref());
        book.expect("whatever the file holds")
    };
    assert_eq!(load("0x01", "roots/1"), Book::default());
    archive(&path, "0x01", "roots/1")
        .save(graded())
        .expect("saved");
    let resumed = load("0x01", "roots/1");
    assert_eq!(resumed.entries(), graded().entries());
    let worth = |book: &Book| [1, 2].map(|uid| book.value(Uid(uid)));
    assert_eq!(worth(&resumed), worth(&graded()));
    assert_eq!(resumed.weights(), [], "until it is known who is here");
    assert_eq!(load("0x02", "roots/1"), Book::default());
    assert_eq!(load("0x01", "roots/2"), Book::default());
    fs::write(&path, "{\"version\":2,").expect("written");
    assert_eq!(load("0x01", "roots/1"), Book::default());
    let beside = fs::read_dir(path.parent().expect("a folder")).expect("listed");
    assert_eq!(beside.count(), 1);
}

/// As issue 2's validators wrote it: averages, which say nothing of single answers.
#[test]
fn a_file_of_version_one_is_begun_anew() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("state.json");
    let alice = pair("//Alice").account();
    let standing = json!({"value": 0.8, "probes": 9, "verified": 9, "speed": {"tokens_per_s": 9.0, "first_token_ms": 9.0}});
    let entry = json!({"hotkey": alice, "standing": standing, "last": null});
    let old = json!({
        "version": 1,
        "genesis": "0x01",
        "netuid": 1,
        "validator": alice,
        "entries": [{"uid": 3, "entry": entry}],
        "ballots": [{"uids": [3], "values": [9], "salt": [1, 2, 3], "version_key": 1}],
    });
    fs::write(&path, old.to_string()).expect("written");
    let book = archive(&path, "0x01", "roots/1")
        .load(judge().as_ref())
        .expect("read");
    assert_eq!(book, Book::default());
}

#[test]
fn two_whose_answers_are_equal_to_the_last_digit_are_both_told() {
    let mut book = Book::default();
    let seats = [("//Bob", Some(9_001)), ("//Charlie", Some(9_002))];
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    for challenge in 0..12 {
        for (uid, uri, total_ms) in [(0, "//Bob", 30.0), (1, "//Charlie", 20.0)] {
            let mut judgement = good();
            judgement.mark = Some(1_000 + challenge);
            judgement.speed = Some(Speed {
                per_second: 1_000.0 / total_ms,
                first_ms: total_ms,
            });
            let observed = Observed {
                challenge,
                judgement,
                at_ms: NOW_MS + total_ms as u64,
            };
            let seat = seat(uid, pair(uri).account());
            book.record(&seat, &observed, kind(), judge().as_ref());
        }
    }
    let told = book.standings(pair("//Alice").account(), NetUid(1), kind(), None);
    let [bob, charlie] = &told.miners[..] else {
        panic!("{told:?}")
    };
    assert_eq!((bob.originality, charlie.originality), (0.5, 1.0));
    assert!(bob.weight < charlie.weight / 2 + 1);
    let reason = |miner: &MinerStanding| miner.last.clone().expect("graded").reason;
    let says = |other: u16| {
        format!(
            "the same answers to the last digit as uid {other} on 12 of 12 shared challenges: counted once in full, then by halves"
        )
    };
    assert!(reason(bob).ends_with(&says(1)), "{}", reason(bob));
    assert!(reason(charlie).ends_with(&says(0)), "{}", reason(charlie));
    assert!(
        reason(bob).starts_with(
            "right; 33.3 answers/s (67 % of the fastest), first after 30 ms (92 % as prompt); "
        ),
        "{}",
        reason(bob)
    );
}

#[tokio::test]
async fn the_page_tells_each_miner_its_standing_and_why() {
    let page = router(office(graded()));
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
    assert_eq!((bob.per_second, bob.first_ms), (Some(100.0), Some(20.0)));
    assert_eq!((bob.quality, bob.originality), (0.2, 1.0));
    assert_eq!(
        (standings.task.to_string(), standings.unit),
        ("roots/1".into(), "answers".into())
    );
    let last = charlie.last.clone().expect("graded");
    assert_eq!((charlie.weight, last.score, last.at_ms), (0, 0.0, NOW_MS));
    assert_eq!(last.reason, "false answer: made up");
    let health: serde_json::Value = serde_json::from_slice(&get("/health").await).expect("JSON");
    assert_eq!(
        (&health["miners"], &health["task"]),
        (&json!(2), &json!("roots/1"))
    );
    let metrics = String::from_utf8(get("/metrics").await.into()).expect("text");
    assert!(metrics.contains("task=\"roots/1\""), "{metrics}");
}
