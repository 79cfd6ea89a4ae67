//! Subnets of different tasks on one chain, and what must hold of each.

use std::sync::Arc;
use std::time::Duration;

use primitives::NetUid;
use tasks::{Kind, Service};
use testkit::Market;

use crate::tutorial::Hasty;

/// Where every miner of these tests lives: far enough that it does not matter how fast this machine is.
const NEAR: Option<Duration> = Some(Duration::from_millis(50));
const FAR: Option<Duration> = Some(Duration::from_millis(400));

fn kind(name: &str) -> &'static dyn Kind {
    tasks::find_by_name(name).expect("a task of the list")
}

/// Two subnets of one task and one of another share a chain, a street and a gateway, and nothing else: each pays its own
/// miners, by its own judge.
#[tokio::test]
async fn subnets_of_different_tasks_pay_side_by_side() {
    let mut market = Market::seeded(11);
    let text = market.open(kind("text-generation"));
    let tours = [market.open(kind("tour")), market.open(kind("tour"))];
    market.seat_own(text, "honest", None, NEAR);
    market.seat_own(text, "villain", Some("canned"), NEAR);
    for tour in tours {
        market.seat_own(tour, "honest", None, NEAR);
        market.seat_own(tour, "villain", Some("unsorted"), NEAR);
    }
    let all = [text, tours[0], tours[1]];
    for netuid in all {
        market.probe(netuid, 4).await;
        market.publish(netuid);
    }
    market.settle(2);
    for netuid in all {
        assert_eq!(market.incentive(netuid, "honest"), u16::MAX, "{netuid}");
        assert!(0 < market.earned(netuid, "honest"), "{netuid}");
        assert_eq!(market.earned(netuid, "villain"), 0, "{netuid}");
    }
}

/// Six subnets of the cheap task (a localnet bears many more): every honest miner of each is paid, and the subnets are paid alike.
#[tokio::test]
async fn none_of_six_subnets_starves() {
    let mut market = Market::seeded(6);
    let tours: Vec<NetUid> = (0..6).map(|_| market.open(kind("tour"))).collect();
    for tour in tours.iter().copied() {
        market.seat_own(tour, "near", None, NEAR);
        market.seat_own(tour, "far", None, FAR);
    }
    for tour in tours.iter().copied() {
        market.probe(tour, 4).await;
        market.publish(tour);
    }
    market.settle(3);
    for tour in tours {
        let [near, far] = ["near", "far"].map(|name| market.earned(tour, name));
        assert!(0 < far && far < near, "subnet {tour}: {near} and {far}");
    }
}

/// The same seed asks the same, judges the same and pays the same, to the last byte of what the chain keeps.
#[tokio::test]
async fn a_seed_makes_the_same_market_of_tasks_twice() {
    async fn run(seed: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut market = Market::seeded(seed);
        let tour = market.open(kind("tour"));
        market.seat_own(tour, "plain", None, NEAR);
        market.seat(tour, "hasty", Service::Once(Arc::new(Hasty)), FAR);
        market.probe(tour, 5).await;
        market.publish(tour);
        market.settle(2);
        market.chain().holdings()
    }
    let (once, again, other) = (run(3).await, run(3).await, run(4).await);
    assert!(once == again, "two runs of one seed differ");
    assert!(once != other, "another seed makes another market");
}
