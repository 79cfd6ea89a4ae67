//! A whole market from a seed: honest miners, villains, and what each ends with.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use keys::Pair;
use primitives::{NetUid, Uid};
use protocol::{Digest, SignedWorkReceipt, WorkReceipt};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use scoring::{Fault, Judgement};
use serde_json::{Value, json};
use tasks::{Answered, Challenge, Reply};
use validator::{Book, GROUP, Observed, Probe};

use crate::roots::kind;
use crate::street::{NOW_MS, judge, metagraph, pair};

/// What miners do. Two honest ones run programs of their own, which differ in the last digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trade {
    Fast,
    Slow,
    Lazy,
    Relays,
    RelaysAltered,
    ForwardsReceipt,
    StaleReceipt,
    OtherTask,
    TooLarge,
    TooSlow,
    NoReceipt,
    Babbles,
}

use Trade::*;

const TRADES: [Trade; 12] = [
    Relays,
    RelaysAltered,
    Fast,
    Slow,
    Lazy,
    ForwardsReceipt,
    StaleReceipt,
    OtherTask,
    TooLarge,
    TooSlow,
    NoReceipt,
    Babbles,
];

/// What a villain could remember.
#[derive(Default)]
struct Memory {
    receipts: BTreeMap<Uid, SignedWorkReceipt>,
}

/// A root as one program or another works it out.
fn root(challenge: &Challenge, program: f64) -> String {
    let asked: Value = serde_json::from_slice(&challenge.body).expect("JSON");
    let number = asked["number"].as_f64().expect("a number");
    json!({"root": number.sqrt() * (1.0 + program * 1e-12)}).to_string()
}

fn signed(probe: &Probe, task: &str, answer: &str, signer: &Pair) -> SignedWorkReceipt {
    let receipt = WorkReceipt {
        request_hash: probe.request_hash,
        answer_hash: Digest::of(answer.as_bytes()),
        miner: signer.account(),
        task: task.parse().expect("a task"),
        queue_ms: 0,
        total_ms: 1,
    };
    receipt.sign(signer)
}

fn uri(trade: Trade) -> String {
    format!("//{trade:?}")
}

/// A miner's answer, and after how many milliseconds it came.
fn serve(
    trade: Trade,
    probe: &Probe,
    memory: &mut Memory,
    rng: &mut ChaCha20Rng,
) -> Result<Reply, Fault> {
    let own = pair(&uri(trade));
    let jitter = rng.random_range(0.0..4.0);
    let (answer, total_ms) = match trade {
        Slow => (root(&probe.challenge, 1.0), 60.0 + jitter),
        Lazy => (json!({"root": 50_000.0}).to_string(), 0.2),
        Relays | ForwardsReceipt => (root(&probe.challenge, 0.0), 25.0 + jitter),
        RelaysAltered => (root(&probe.challenge, 0.5), 25.0 + jitter),
        TooLarge => {
            let padding = " ".repeat(300);
            (root(&probe.challenge, 0.0) + &padding, 20.0)
        }
        Babbles => ("{\"root\":\"about 9\"}".into(), 1.0),
        TooSlow => return Err(Fault::TooSlow("no complete answer within 0.3 s".into())),
        _ => (root(&probe.challenge, 0.0), 20.0 + jitter),
    };
    let honest = signed(probe, "roots/1", &answer, &own);
    let receipt = match trade {
        NoReceipt => None,
        OtherTask => Some(signed(probe, "tour/1", &answer, &own)),
        ForwardsReceipt => Some(signed(probe, "roots/1", &answer, &pair(&uri(Fast)))),
        StaleReceipt => {
            let stale = memory.receipts.insert(probe.seat.uid, honest.clone());
            Some(stale.unwrap_or(honest))
        }
        _ => Some(honest),
    };
    Ok(Reply {
        answered: Answered::Once {
            body: Bytes::from(answer),
            receipt,
        },
        first_ms: total_ms,
        total_ms,
    })
}

/// Probes everybody for a while, in groups as the loop would.
fn market(seed: u64, rounds: u64) -> Book {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let (judge, alice) = (judge(), pair("//Alice"));
    let uris: Vec<String> = TRADES.map(uri).into();
    let seats: Vec<_> = (9_001..)
        .zip(&uris)
        .map(|(port, uri)| (uri.as_str(), Some(port)))
        .collect();
    let mut book = Book::default();
    book.follow(&metagraph(&seats), &alice.account());
    let mut memory = Memory::default();
    for number in 0..rounds {
        let challenge = (number, Arc::new(judge.challenge(&mut rng)));
        let mut seats = book.seats().to_vec();
        seats.shuffle(&mut rng);
        for seat in seats.into_iter().take(GROUP) {
            let challenge = challenge.clone();
            let probe = Probe::new(challenge, seat, NetUid(1), &alice, NOW_MS, &mut rng);
            let trade = TRADES[usize::from(seat.uid.0)];
            let reply = serve(trade, &probe, &mut memory, &mut rng);
            let took_ms = reply.as_ref().map_or(0.0, |reply| reply.total_ms);
            let judgement = match reply {
                Err(fault) => Judgement::fault(fault),
                Ok(reply) => judge.judge(probe.put(), &reply).expect("judged"),
            };
            let observed = Observed {
                challenge: number,
                judgement,
                at_ms: NOW_MS + took_ms as u64,
            };
            book.record(&seat, &observed, kind(), judge.as_ref());
        }
    }
    book
}

#[test]
fn in_a_market_only_honest_work_weighs_and_relayed_work_weighs_half() {
    let book = market(1, 300);
    let weights = book.weights();
    let weight = |trade| weights[TRADES.iter().position(|it| *it == trade).expect("there")].1;
    let fast = weight(Fast);
    assert_eq!(fast, u16::MAX, "{weights:?}");
    assert!(fast / 3 < weight(Slow) && weight(Slow) < fast / 4 * 3);
    assert!(fast / 3 < weight(Relays) && weight(Relays) < fast / 2);
    for trade in [
        Lazy,
        ForwardsReceipt,
        StaleReceipt,
        OtherTask,
        TooLarge,
        TooSlow,
        NoReceipt,
        Babbles,
    ] {
        assert_eq!(weight(trade), 0, "{trade:?}");
    }
    let altered = weight(RelaysAltered);
    assert!(altered < fast, "it escapes the mark, but not its delay");
}

#[test]
fn each_is_told_what_to_improve() {
    let book = market(2, 120);
    let said = |trade| {
        let uid = TRADES.iter().position(|it| *it == trade).expect("there");
        let told = book.standings(pair("//Alice").account(), NetUid(1), kind(), None);
        told.miners[uid].last.clone().expect("graded").reason
    };
    for (trade, words) in [
        (Slow, "% of the fastest"),
        (Lazy, "look at the number"),
        (Relays, "the same answers to the last digit as uid 2 on"),
        (Fast, "the same answers to the last digit as uid 0 on"),
        (ForwardsReceipt, "not signed by the miner asked"),
        (StaleReceipt, "for another request"),
        (OtherTask, "for another task"),
        (TooLarge, "larger than 256 bytes"),
        (TooSlow, "too slow: no complete answer within 0.3 s"),
        (NoReceipt, "the header stoa-receipt is missing"),
        (Babbles, "not as its schema says"),
    ] {
        assert!(said(trade).contains(words), "{trade:?}: {}", said(trade));
    }
}

/// Whoever relays comes after whoever worked it out, and costs it nothing.
#[test]
fn the_one_who_is_copied_loses_nothing() {
    for seed in 3..6 {
        let book = market(seed, 200);
        let part = |trade| {
            let uid = TRADES.iter().position(|it| *it == trade).expect("there");
            book.standing(Uid(uid as u16)).expect("seated").originality
        };
        assert_eq!((part(Fast), part(Relays)), (1.0, 0.5), "seed {seed}");
        assert_eq!((part(Slow), part(RelaysAltered)), (1.0, 1.0));
    }
}
