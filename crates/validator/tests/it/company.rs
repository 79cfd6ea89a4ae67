//! Who is asked together.

use std::collections::BTreeMap;

use client::Metagraph;
use primitives::{AccountId, Uid};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use scoring::Judgement;
use validator::{Book, GROUP, Observed, company};

use crate::roots::kind;
use crate::street::{judge, metagraph, pair};

const SEATS: u16 = 100;

/// So many miners, each of which gave one answer, those on seats 7 and 70 the same.
fn book() -> Book {
    let mut book = Book::default();
    let mut graph: Metagraph = metagraph(&[("//Bob", Some(9_001))]);
    let first = graph.neurons.remove(0);
    graph.neurons = (0..SEATS)
        .map(|uid| {
            let mut neuron = first.clone();
            neuron.uid = Uid(uid);
            neuron.hotkey = AccountId([uid as u8; 32]);
            neuron
        })
        .collect();
    book.follow(&graph, &pair("//Alice").account());
    for seat in book.seats().to_vec() {
        let mut judgement = Judgement::of(1.0, "");
        let program = if seat.uid.0 == 70 { 7 } else { seat.uid.0 };
        judgement.mark = Some(program.into());
        let observed = Observed {
            challenge: 1,
            judgement,
            at_ms: 1,
        };
        book.record(&seat, &observed, kind(), judge().as_ref());
    }
    book
}

#[test]
fn everybody_is_asked_alike_and_those_who_echo_each_other_side_by_side() {
    let book = book();
    assert_eq!(
        (book.suspects(Uid(7)), book.suspects(Uid(8))),
        (&[Uid(70)][..], &[][..])
    );
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut asked: BTreeMap<Uid, usize> = BTreeMap::new();
    let (mut echoes, mut strangers) = (0, 0);
    for _ in 0..10_000 {
        let group = company(&book, book.seats().to_vec(), GROUP, &mut rng);
        assert_eq!(group.len(), GROUP);
        let has = |uid: u16| group.iter().any(|seat| seat.uid == Uid(uid));
        echoes += usize::from(has(7) && has(70));
        strangers += usize::from(has(8) && has(80));
        for seat in group {
            *asked.entry(seat.uid).or_default() += 1;
        }
    }
    assert!(
        5 * strangers.max(1) < echoes,
        "{echoes} against {strangers}"
    );
    let fair = 10_000 * GROUP / usize::from(SEATS);
    let is_fair = |(uid, times): (&Uid, &usize)| {
        let most = if [7, 70].contains(&uid.0) {
            2 * fair
        } else {
            fair / 4 * 5
        };
        (fair / 4 * 3..most).contains(times)
    };
    assert!(
        asked.len() == usize::from(SEATS) && asked.iter().all(is_fair),
        "{asked:?}"
    );
}

#[test]
fn a_newcomer_need_not_wait() {
    let mut book = book();
    let mut graph = metagraph(&[]);
    let first = metagraph(&[("//Bob", Some(9_001))]).neurons.remove(0);
    graph.neurons = (0..=SEATS)
        .map(|uid| {
            let mut neuron = first.clone();
            neuron.uid = Uid(uid);
            neuron.hotkey = AccountId([uid as u8; 32]);
            neuron
        })
        .collect();
    book.follow(&graph, &pair("//Alice").account());
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let has_newcomer = |_: &usize| {
        let group = company(&book, book.seats().to_vec(), 1, &mut rng);
        group[0].uid == Uid(SEATS)
    };
    let times = (0..1_000).filter(has_newcomer).count();
    assert!((400..600).contains(&times), "{times}");
}

#[test]
fn of_nobody_nobody_is_chosen() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    assert!(company(&Book::default(), vec![], GROUP, &mut rng).is_empty());
}
