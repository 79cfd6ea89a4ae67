//! The loop itself, with miners in memory: every miner is probed, by valid requests, never twice the same.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use primitives::{NetUid, Uid};
use protocol::{JobReply, Letter, Route, TASK_HEADER};
use scoring::Fault;
use tasks::Reply;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use validator::{Book, GROUP, Post, Probing, Rhythm, Transport};

use crate::roots::kind;
use crate::street::{NOW_MS, metagraph, office, pair};

/// A network whose miners are all away, and which tells what was sent to them.
struct Away {
    sent: mpsc::Sender<Post>,
}

impl Transport for Away {
    fn ask(&self, post: Post) -> BoxFuture<'_, Result<Reply, Fault>> {
        async move {
            self.sent.send(post).await.expect("the test is listening");
            Err(Fault::Unreachable("connection refused".into()))
        }
        .boxed()
    }

    fn tell(&self, _: Post, _: Letter) -> BoxFuture<'_, Result<JobReply, Fault>> {
        unreachable!("roots are worked out at once")
    }
}

/// A book with these miners on the ports from 9001 on, beside Alice on seat 0.
fn book(miners: &[&str]) -> Book {
    let served = (9_001..).zip(miners).map(|(port, uri)| (*uri, Some(port)));
    let seats: Vec<_> = std::iter::once(("//Alice", None)).chain(served).collect();
    let mut book = Book::default();
    book.follow(&metagraph(&seats), &pair("//Alice").account());
    book
}

fn probing(book: Book, transport: impl Transport + 'static, probes_max: usize) -> Probing {
    Probing {
        office: office(book),
        pair: pair("//Alice"),
        transport: Arc::new(transport),
        rhythm: Rhythm::new(Duration::from_millis(1)),
        probes_max,
        clock: Arc::new(|| NOW_MS),
    }
}

#[tokio::test]
async fn every_miner_is_probed_with_requests_it_must_accept() {
    let miners = ["//Bob", "//Charlie"];
    let (sent, mut received) = mpsc::channel(4);
    let probing = probing(book(&miners), Away { sent }, 2);
    let office = probing.office.clone();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(probing.run([9; 32], shutdown.clone()));

    let mut probed: HashMap<SocketAddr, usize> = HashMap::new();
    let mut requests = HashSet::new();
    for _ in 0..60 {
        let post = received.recv().await.expect("a probe");
        let uri = miners[usize::from(post.address.port() - 9_001)];
        let miner = pair(uri).account();
        assert_eq!(post.envelope.check_terms(miner, NetUid(1), NOW_MS), Ok(()));
        let request_hash = post.envelope.check_signature(post.route, &post.body);
        assert!(
            requests.insert(request_hash.expect("signed")),
            "the same request twice"
        );
        assert_eq!(post.route, Route::Work);
        assert!(post.headers().contains(&(TASK_HEADER, "roots/1".into())));
        let canonical = kind().canonical(&post.body).expect("a request");
        assert_eq!(
            canonical, post.body,
            "in the form in which customers send it"
        );
        *probed.entry(post.address).or_default() += 1;
    }
    assert!(
        probed.len() == 2 && probed.values().all(|count| 10 < *count),
        "{probed:?}"
    );
    shutdown.cancel();
    running.await.expect("ends when told to");
    let book = office.book();
    let graded: u64 = [1, 2].iter().filter_map(|uid| book.probes(Uid(*uid))).sum();
    assert!(50 < graded, "{graded}");
    assert!(book.weights().is_empty());
}

/// That is what equal answers are seen by; but a challenge is never asked a second time, when it may be known.
#[tokio::test]
async fn the_same_challenge_goes_to_a_few_at_once_and_never_again() {
    let miners = ["//A", "//B", "//C", "//D", "//E", "//F", "//G"];
    let (sent, mut received) = mpsc::channel(64);
    let probing = probing(book(&miners), Away { sent }, 16);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(probing.run([9; 32], shutdown.clone()));
    let mut asked: Vec<(bytes::Bytes, Vec<SocketAddr>)> = Vec::new();
    for _ in 0..200 {
        let post = received.recv().await.expect("a probe");
        match asked.iter().position(|(body, _)| *body == post.body) {
            Some(place) => {
                assert!(asked.len() < place + 4, "asked again after others");
                asked[place].1.push(post.address);
            }
            None => asked.push((post.body, vec![post.address])),
        }
    }
    shutdown.cancel();
    running.await.expect("ends when told to");
    asked.pop();
    for (_, addresses) in &asked {
        let different: HashSet<_> = addresses.iter().collect();
        assert_eq!(different.len(), addresses.len(), "one seat twice");
        assert!(addresses.len() <= GROUP);
    }
    let full = asked.iter().filter(|(_, group)| group.len() == GROUP);
    assert!(asked.len() / 2 < full.count(), "{asked:?}");
    let groups: HashSet<Vec<_>> = asked
        .iter()
        .map(|(_, group)| {
            let mut group = group.clone();
            group.sort();
            group
        })
        .collect();
    assert!(10 < groups.len(), "always the same together: {groups:?}");
}

/// A network whose first miner never ends its answer.
struct Dawdling {
    asked: mpsc::Sender<SocketAddr>,
}

impl Transport for Dawdling {
    fn ask(&self, post: Post) -> BoxFuture<'_, Result<Reply, Fault>> {
        async move {
            let address = post.address;
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

    fn tell(&self, _: Post, _: Letter) -> BoxFuture<'_, Result<JobReply, Fault>> {
        unreachable!("roots are worked out at once")
    }
}

#[tokio::test]
async fn a_miner_that_dawdles_holds_up_nobody_else() {
    let (asked, mut received) = mpsc::channel(4);
    let probing = probing(book(&["//Bob", "//Charlie"]), Dawdling { asked }, 4);
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

/// A network whose miners are away, and show it only when they are told to.
struct Waiting {
    asked: mpsc::Sender<SocketAddr>,
    told: Arc<[Notify; 2]>,
}

impl Transport for Waiting {
    fn ask(&self, post: Post) -> BoxFuture<'_, Result<Reply, Fault>> {
        async move {
            let port = post.address.port();
            let asked = self.asked.send(post.address).await;
            asked.expect("the test is listening");
            self.told[usize::from(port - 9_001)].notified().await;
            Err(Fault::Unreachable("connection refused".into()))
        }
        .boxed()
    }

    fn tell(&self, _: Post, _: Letter) -> BoxFuture<'_, Result<JobReply, Fault>> {
        unreachable!("roots are worked out at once")
    }
}

/// Grades are public: one that comes early would tell those who are still being asked what to say.
#[tokio::test]
async fn no_grade_is_known_before_all_who_were_asked_the_same_have_ended() {
    let (asked, mut received) = mpsc::channel(4);
    let told = Arc::new([Notify::new(), Notify::new()]);
    let transport = Waiting {
        asked,
        told: told.clone(),
    };
    let probing = probing(book(&["//Bob", "//Charlie"]), transport, 4);
    let office = probing.office.clone();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(probing.run([9; 32], shutdown.clone()));
    let grades = || [1, 2].map(|uid| office.book().probes(Uid(uid)));
    for _ in 0..2 {
        received.recv().await.expect("both are asked the same");
    }
    told[1].notify_one();
    let again = received.recv().await.expect("Charlie has ended");
    assert_eq!(again.port(), 9_002);
    assert_eq!(grades(), [Some(0), Some(0)], "Bob is still being asked");
    told[0].notify_one();
    let again = received.recv().await.expect("Bob has ended");
    assert_eq!(again.port(), 9_001);
    assert_eq!(grades(), [Some(1), Some(1)]);
    shutdown.cancel();
    running.await.expect("ends when told to");
}
