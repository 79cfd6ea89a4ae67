//! The loop itself, with miners in memory: every miner is probed, by valid requests, never twice the same.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use primitives::NetUid;
use protocol::{Ask, Envelope, Route};
use scoring::Fault;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use validator::{Book, Desk, Office, Probing, Reply, Rhythm, Transport};

use crate::market::{MODEL, NOW_MS, check, metagraph, pair};

/// A network whose miners are all away, and which tells what was sent to them.
struct Away {
    sent: mpsc::Sender<(SocketAddr, Route, Envelope, Bytes)>,
}

impl Transport for Away {
    fn ask(
        &self,
        address: SocketAddr,
        route: Route,
        envelope: Envelope,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Reply, Fault>> {
        async move {
            self.sent
                .send((address, route, envelope, body))
                .await
                .expect("the test is listening");
            Err(Fault::Unreachable("connection refused".into()))
        }
        .boxed()
    }
}

#[tokio::test]
async fn every_miner_is_probed_with_requests_it_must_accept() {
    let mut book = Book::default();
    let seats = [
        ("//Alice", None),
        ("//Bob", Some(9_001)),
        ("//Charlie", Some(9_002)),
    ];
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    let office = Arc::new(Office::new(
        pair("//Alice").account(),
        NetUid(1),
        MODEL.into(),
        Desk {
            book,
            ballots: vec![],
        },
    ));
    let (sent, mut received) = mpsc::channel(4);
    let probing = Probing {
        office: office.clone(),
        pair: pair("//Alice"),
        transport: Arc::new(Away { sent }),
        check: Arc::new(check()),
        rhythm: Rhythm::new(Duration::from_millis(1)),
        probes_max: 2,
        clock: Arc::new(|| NOW_MS),
    };
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(probing.run([9; 32], shutdown.clone()));

    let miners: HashMap<SocketAddr, _> = [(9_001, "//Bob"), (9_002, "//Charlie")]
        .map(|(port, uri)| (([127, 0, 0, 1], port).into(), pair(uri).account()))
        .into();
    let mut probed: HashMap<_, usize> = HashMap::new();
    let mut requests = HashSet::new();
    for _ in 0..60 {
        let (address, route, envelope, body) = received.recv().await.expect("a probe");
        let miner = miners[&address];
        assert_eq!(envelope.check_terms(miner, NetUid(1), NOW_MS), Ok(()));
        let request_hash = envelope.check_signature(route, &body).expect("signed");
        assert!(requests.insert(request_hash), "the same request twice");
        assert_eq!(Ask::from_body(route, &body).expect("a body").model, MODEL);
        *probed.entry(address).or_default() += 1;
    }
    assert!(
        probed.len() == 2 && probed.values().all(|count| 10 < *count),
        "{probed:?}"
    );
    shutdown.cancel();
    running.await.expect("ends when told to");
    let book = office.book();
    let graded: u64 = book
        .entries()
        .values()
        .map(|entry| entry.standing.probes)
        .sum();
    assert!(50 < graded, "{graded}");
    assert!(book.weights().is_empty());
}

/// A network whose first miner never ends its answer.
struct Dawdling {
    asked: mpsc::Sender<SocketAddr>,
}

impl Transport for Dawdling {
    fn ask(
        &self,
        address: SocketAddr,
        _: Route,
        _: Envelope,
        _: Bytes,
    ) -> BoxFuture<'_, Result<Reply, Fault>> {
        async move {
            self.asked
                .send(address)
                .await
                .expect("the test is listening");
            match address.port() {
                9_001 => std::future::pending().await,
                _ => Err(Fault::Unreachable("connection refused".into())),
            }
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_miner_that_dawdles_holds_up_nobody_else() {
    let mut book = Book::default();
    let seats = [
        ("//Alice", None),
        ("//Bob", Some(9_001)),
        ("//Charlie", Some(9_002)),
    ];
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    let desk = Desk {
        book,
        ballots: vec![],
    };
    let office = Office::new(pair("//Alice").account(), NetUid(1), MODEL.into(), desk);
    let (asked, mut received) = mpsc::channel(4);
    let probing = Probing {
        office: Arc::new(office),
        pair: pair("//Alice"),
        transport: Arc::new(Dawdling { asked }),
        check: Arc::new(check()),
        rhythm: Rhythm::new(Duration::from_millis(1)),
        probes_max: 2,
        clock: Arc::new(|| NOW_MS),
    };
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(probing.run([9; 32], shutdown.clone()));
    let mut others = 0;
    let mut dawdler = 0;
    while others < 30 {
        match received.recv().await.expect("a probe").port() {
            9_001 => dawdler += 1,
            _ => others += 1,
        }
    }
    assert_eq!(
        dawdler, 1,
        "asked once, and not again before it has answered"
    );
    shutdown.cancel();
    running.await.expect("ends when told to");
}
