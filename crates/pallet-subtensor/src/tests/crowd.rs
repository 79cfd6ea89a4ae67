//! Chains that begin with a filled market.

use super::*;

fn crowded() -> Market {
    Market::begun(GenesisConfig {
        block_interval_ms: 12_000,
        network_min_lock_cost: 100 * UNIT,
        default_tempo: 10,
        crowd: Some(Crowd {
            subnets: 5,
            neurons: 12,
            validators: 4,
        }),
        ..Default::default()
    })
}

/// [`Market`] checks the invariants after every block.
#[test]
fn a_crowd_is_seated_staked_and_heard() {
    let mut market = crowded();
    assert_eq!(market.read(Subtensor::total_networks), 6);
    market.run(1);
    for netuid in 1..=5 {
        assert_eq!(market.read(|| Subtensor::neuron_count(netuid)), 12);
        let permits = market.read(|| Subtensor::validator_permit(netuid));
        assert!(permits[1..=4].iter().all(|permit| *permit), "{permits:?}");
        let rows = market.read(|| Subtensor::weights(netuid));
        let heard = rows.iter().filter(|row| row.len() == 7).count();
        assert_eq!(heard, 4, "each validator weighs every miner");
    }
}

#[test]
fn a_crowds_epochs_are_spread_over_a_tempo_and_pay() {
    let mut market = crowded();
    let mut settled = Vec::new();
    for block in 2..=20 {
        market.run_to(block);
        let mut at = |netuid| market.read(|| Subtensor::last_epoch_block(netuid));
        settled.push(
            (1..=5)
                .filter(|netuid| at(*netuid) == u64::from(block))
                .count(),
        );
    }
    assert!(settled.iter().all(|epochs| *epochs <= 1), "{settled:?}");
    assert_eq!(
        settled.iter().sum::<usize>(),
        9,
        "subnet 1 began in block 1"
    );
    for netuid in 1..=5 {
        let emission = market.read(|| Subtensor::emission(netuid));
        assert!(emission[1..].iter().all(|paid| *paid > 0), "{emission:?}");
        assert!(emission[11] > emission[5], "better miners earn more");
    }
}

#[test]
fn a_crowd_without_miners_or_beyond_a_new_chains_limits_is_refused() {
    let crowd = |subnets, neurons, validators| Crowd {
        subnets,
        neurons,
        validators,
    };
    assert_eq!(crowd(128, 256, 64).ensure_possible(), Ok(()));
    for refused in [
        crowd(129, 256, 64),
        crowd(64, 257, 64),
        crowd(64, 256, 65),
        crowd(64, 65, 64),
    ] {
        assert!(refused.ensure_possible().is_err(), "{refused:?}");
    }
}
