//! Money is conserved, whatever anybody does.

use testkit::{Chain, Crowd};

/// Blocks from one epoch to the next.
const TEMPO: u16 = 10;

/// Twenty epochs of two subnets under a crowd that stakes, unstakes, moves, registers, transfers and votes at random.
///
/// [`Chain::advance`] audits after every block: issuance = balances + stake + pools + reserves, counted account by account,
/// and every invariant of the pallet.
#[test]
fn issuance_is_balances_and_stake_and_pools_after_every_block_of_twenty_epochs() {
    let chain = Chain::new();
    let mut crowd = Crowd::gather(&chain, 7, 2, TEMPO);
    let before = chain
        .audit()
        .expect("the money adds up before anything happens");
    let subnets = crowd.subnets().to_vec();
    let epochs = || -> Vec<u64> {
        let settled = |netuid| pallet_subtensor::SubnetEpochIndex::<runtime::Runtime>::get(netuid);
        chain.read(|| subnets.iter().copied().map(settled).collect())
    };
    let first = epochs();
    let end = chain.head().number + 21 * u32::from(TEMPO + 1);
    while chain.head().number < end {
        crowd.act(&chain);
        chain.advance().expect("the money adds up");
    }
    let settled: Vec<u64> = first
        .iter()
        .zip(epochs())
        .map(|(from, to)| to - from)
        .collect();
    assert!(
        settled.iter().all(|count| 20 <= *count),
        "epochs settled: {settled:?}"
    );
    let after = chain.audit().expect("the money adds up at the end");
    assert_ne!(before, after, "the crowd has dealt");
}

/// The same seed makes the same market, to the last byte of what it keeps.
#[test]
fn a_seed_makes_the_same_market_twice() {
    let run = |seed| {
        let chain = Chain::new();
        let mut crowd = Crowd::gather(&chain, seed, 1, TEMPO);
        for _ in 0..30 {
            crowd.act(&chain);
            chain.advance().expect("the money adds up");
        }
        chain.holdings()
    };
    let (once, again, other) = (run(3), run(3), run(4));
    assert!(once == again, "two runs of one seed differ");
    assert!(once != other, "another seed makes another market");
}
