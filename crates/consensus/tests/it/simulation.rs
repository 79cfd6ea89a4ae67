//! Networks in which things go wrong: no fork, no loss, and progress as soon as three of four can talk.

use crate::{
    book::{
        Conduct::{Forger, Hasty, Honest},
        FORGED,
    },
    network::{INTERVAL, WANTED, simulate},
};
use commonware_utils::probability;
use std::time::Duration;

const SECONDS_30: Duration = Duration::from_secs(30);

#[test]
fn one_authority_alone_makes_a_block_every_interval() {
    let (_, height) = simulate(1, &[Honest], async |network| {
        network.pass(SECONDS_30).await;
        network.check().0
    });
    assert!(
        (115..=120).contains(&height),
        "{height} blocks in 120 intervals"
    );
}

#[test]
fn four_authorities_make_a_block_every_interval() {
    let (_, height) = simulate(2, &[Honest; 4], async |network| {
        network.pass(SECONDS_30).await;
        network.check().0
    });
    assert!(
        (110..=120).contains(&height),
        "{height} blocks in 120 intervals"
    );
}

/// Every block mints, so a leader that dates its blocks early would mint faster than the schedule. The others refuse
/// them, and the chain goes on without.
#[test]
fn no_final_block_comes_sooner_than_an_interval_after_its_parent() {
    simulate(3, &[Hasty, Honest, Honest, Honest], async |network| {
        network.pass(SECONDS_30).await;
        let pages = network.book(1).pages();
        assert!(
            pages.len() > 20,
            "three honest authorities made {} blocks",
            pages.len()
        );
        for pair in pages[1..].windows(2) {
            let apart = Duration::from_millis(pair[1].timestamp_ms - pair[0].timestamp_ms);
            assert!(apart >= INTERVAL, "{apart:?} apart");
        }
    });
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let run = |seed| {
        simulate(seed, &[Honest; 4], async |network| {
            network.link_all(probability!(0.9)).await;
            network.pass(Duration::from_secs(10)).await;
            network.check()
        })
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4), run(5), "another seed is another story");
}

/// Sixty seconds in which a tenth of all messages is lost, the network splits in two halves, and an authority
/// crashes and comes back.
#[test]
fn loss_partition_and_crash_neither_fork_nor_stop_the_chain() {
    for seed in 10..13 {
        simulate(seed, &[Honest; 4], async |network| {
            network.link_all(probability!(0.9)).await;
            network.pass(Duration::from_secs(15)).await;
            let lossy = network.check().0;
            assert!(lossy > 5, "seed {seed}: only {lossy} blocks under loss");

            network.part(&[0, 1], &[2, 3]).await;
            network.pass(Duration::from_secs(10)).await;
            let parted = network.check().0;
            assert!(
                parted <= lossy + 2,
                "seed {seed}: half a network finalized blocks"
            );

            network.link_all(probability!(0.9)).await;
            network.crash(3, 0).await;
            network.reach(parted + 5).await;
            let without = network.height(3);
            network.start(3).await;
            network.pass(Duration::from_secs(15)).await;
            assert!(
                network.height(3) > without + 3,
                "seed {seed}: it does not catch up"
            );
            let (end, _) = network.check();
            network.reach(end).await;
            network.check();
        });
    }
}

/// The ledger promises that what it acknowledged is on disk. Should a disk break that promise, the blocks are still
/// in the agreement store, and go into the ledger once more.
#[test]
fn a_ledger_that_lost_its_last_blocks_gets_them_back() {
    simulate(20, &[Honest; 4], async |network| {
        network.reach(20).await;
        network.crash(0, 5).await;
        assert!(network.height(0) <= 16);
        network.start(0).await;
        network.reach(40).await;
        network.check();
    });
}

#[test]
fn everybody_crashing_loses_no_block() {
    simulate(21, &[Honest; 4], async |network| {
        network.reach(20).await;
        let (before, _) = network.check();
        for index in 0..4 {
            network.crash(index, 0).await;
        }
        for index in 0..4 {
            network.start(index).await;
        }
        network.reach(before + 20).await;
        network.check();
    });
}

#[test]
fn a_forged_state_root_becomes_final_nowhere() {
    simulate(22, &[Forger, Honest, Honest, Honest], async |network| {
        network.pass(SECONDS_30).await;
        let (height, _) = network.check();
        assert!(height > 20, "three honest authorities made {height} blocks");
        assert!(
            network
                .book(1)
                .pages()
                .iter()
                .all(|page| page.state != FORGED)
        );
    });
}

/// Everybody makes the same keys, whoever's parts they come from, and nobody makes one of a height that is not final.
#[test]
fn keys_of_final_heights_are_made_though_messages_are_lost_and_an_authority_restarts() {
    simulate(31, &[Honest; 4], async |network| {
        network.link_all(probability!(0.9)).await;
        network.reach(WANTED[0] + 1).await;
        assert!(network.keys(0).iter().all(|key| key.0 < WANTED[1]));
        network.crash(1, 1).await;
        network.reach(WANTED[1]).await;
        network.start(1).await;
        network.link_all(probability!(1.0)).await;
        network.reach(WANTED[1] + 8).await;
        let keys = network.keys(0);
        let group = timelock::GroupKey::from(*network.committee.group_key());
        assert_eq!(keys.len(), WANTED.len());
        for (height, key) in &keys {
            assert!(key.belongs_to(&group, *height), "height {height}");
        }
        for index in 1..4 {
            assert_eq!(network.keys(index), keys, "authority {index}");
        }
    });
}
