//! A task whose answers take seconds, from the validator's draw to the grade: real challenges, real searches, real receipts.

use std::sync::Arc;
use std::time::Duration;

use client::{Metagraph, Neuron};
use keys::Pair;
use miner::{Miner, Permits, Trade};
use primitives::{NetUid, Rao, Uid};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use tasks::{Kind, Setup};
use testkit::Street;
use validator::{Book, Office, Probe, Probing, Rhythm, Round};

/// The subnet.
const NETUID: NetUid = NetUid(3);

fn kind() -> &'static dyn Kind {
    tasks::find_by_name("protein-folding").expect("a task of the list")
}

fn pair(uri: &str) -> Pair {
    Pair::from_uri(uri).expect("a development key")
}

/// A miner that Alice may ask, with this cheat if any.
fn miner(uri: &str, cheat: Option<&str>) -> axum::Router {
    let setup = Setup {
        cheat: cheat.map(str::to_owned),
        ..Setup::default()
    };
    let service = kind().service(&setup).expect("it needs nothing");
    let permits = Permits::default();
    permits.replace([pair("//Alice").account()].into());
    let trade = Trade::new(kind(), service);
    let clock = Arc::new(daemon::unix_ms);
    let miner = Miner::new(pair(uri), NETUID, trade, permits, 2, clock);
    miner::router(Arc::new(miner))
}

fn metagraph(uris: &[&str]) -> Metagraph {
    let neuron = |(uid, uri): (usize, &&str)| Neuron {
        uid: Uid(uid as u16),
        hotkey: pair(uri).account(),
        coldkey: pair(uri).account(),
        axon: Some(([127, 0, 0, 1], 9_001 + uid as u16).into()),
        stake: Rao(0),
        validator_permit: false,
        active: true,
        incentive: 0,
        dividends: 0,
        consensus: 0,
        emission: Rao(0),
        last_update: 0,
        registered_at: 0,
    };
    Metagraph {
        netuid: NETUID,
        block: 7,
        hash: Default::default(),
        tempo: 60,
        neurons: uris.iter().enumerate().map(neuron).collect(),
    }
}

/// Alice's office, who asks for folds of two seconds.
fn probing(street: Street, uris: &[&str]) -> Arc<Probing> {
    let alice = pair("//Alice");
    let setup = Setup {
        probe_budget: Some(Duration::from_secs(2)),
        ..Setup::default()
    };
    let judge = kind().judge(&setup).expect("it needs nothing");
    let mut book = Book::default();
    book.follow(&metagraph(uris), &alice.account());
    let office = Office::new(alice.account(), NETUID, kind(), judge, book);
    Arc::new(Probing {
        office: Arc::new(office),
        pair: alice,
        transport: Arc::new(street),
        rhythm: Rhythm::new(Duration::from_secs(1)),
        probes_max: 4,
        clock: Arc::new(daemon::unix_ms),
    })
}

#[tokio::test]
async fn a_fold_is_drawn_searched_for_followed_and_graded_beside_the_others() {
    let uris = ["//Bob", "//Mallory"];
    let mut street = Street::default();
    for (port, (uri, cheat)) in (9_001..).zip([(uris[0], None), (uris[1], Some("broken"))]) {
        street.settle(([127, 0, 0, 1], port).into(), miner(uri, cheat), None);
    }
    let probing = probing(street, &uris);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let challenge = Arc::new(probing.office.judge().challenge(&mut rng));
    let round = Arc::new(Round::new(probing.office.clone(), challenge.clone()));
    let seats = probing.office.book().seats().to_vec();
    let probes: Vec<_> = seats
        .into_iter()
        .map(|seat| {
            let (challenge, now_ms) = ((1, challenge.clone()), daemon::unix_ms());
            let probe = Probe::new(challenge, seat, NETUID, &probing.pair, now_ms, &mut rng);
            probing.clone().carry_out(probe, round.clone())
        })
        .collect();
    drop(round);
    futures::future::join_all(probes).await;

    let book = probing.office.book();
    let alice = probing.pair.account();
    let told = book.standings(alice, NETUID, kind(), None);
    let (honest, cheat) = (&told.miners[0], &told.miners[1]);
    let said = |miner: &protocol::MinerStanding| miner.last.clone().expect("graded").reason;
    assert_eq!((honest.probes, honest.verified), (1, 1), "{}", said(honest));
    assert!(said(honest).contains("kcal/mol"), "{}", said(honest));
    assert_eq!((cheat.probes, cheat.verified), (1, 0), "{}", said(cheat));
    assert_eq!(cheat.standing, 0.0);
}
