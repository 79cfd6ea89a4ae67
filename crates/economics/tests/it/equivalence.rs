//! The shipped settlement against the plain one, on markets drawn to be awkward.
//!
//! Stakes are tied, absent or enormous; rows are empty, zero, unordered, self-serving or stale;
//! uids are inactive, unpermitted or new; penalties and majorities sit at their ends. Every figure
//! must agree.

use economics::epoch::sigmoid::Rates;
use economics::epoch::{Input, LiquidAlpha, Params, Yuma, settle};
use proptest::prelude::*;

use crate::reference;

fn stake() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 3 => 1u64..5, 2 => Just(1_000), 4 => 0u64..1 << 50, 1 => Just(1 << 55)]
}

fn small_or_any() -> impl Strategy<Value = u16> {
    prop_oneof![2 => Just(0), 3 => 1u16..4, 2 => Just(u16::MAX), 5 => any::<u16>()]
}

fn ratio() -> impl Strategy<Value = u16> {
    prop_oneof![Just(0), Just(32_767), Just(u16::MAX), any::<u16>()]
}

fn rows(uids: usize) -> impl Strategy<Value = Vec<Vec<(u16, u16)>>> {
    let to = 0..uids as u16 + 2;
    let sparse = prop::collection::vec((to, small_or_any()), 0..uids + 1);
    let dense = prop::collection::vec(small_or_any(), uids)
        .prop_map(|row| (0u16..).zip(row).collect::<Vec<_>>());
    let row = prop_oneof![1 => Just(Vec::new()), 2 => sparse, 3 => dense];
    prop::collection::vec(row, uids)
}

fn params() -> impl Strategy<Value = Params> {
    let liquid = prop::option::of((ratio(), ratio(), any::<i16>()).prop_map(
        |(low, high, steepness)| LiquidAlpha {
            low,
            high,
            steepness,
        },
    ));
    let yuma = prop_oneof![
        Just(Yuma::Two),
        liquid.prop_map(|liquid| Yuma::Three { liquid })
    ];
    let ppm = prop_oneof![Just(0), Just(900_000), Just(1_000_000u64), 0u64..1_100_000];
    let owner = prop::option::of(0u16..8);
    (
        ratio(),
        ratio(),
        ppm,
        yuma,
        0u16..9,
        0u64..3,
        owner,
        0u64..40,
    )
        .prop_map(
            |(kappa, bonds_penalty, ppm, yuma, validators_max, stake_threshold, owner, cutoff)| {
                Params {
                    kappa,
                    bonds_penalty,
                    bonds_moving_average_ppm: ppm,
                    yuma,
                    tempo: 20,
                    activity_cutoff: cutoff,
                    validators_max,
                    stake_threshold,
                    owner,
                }
            },
        )
}

fn input(uids: usize) -> impl Strategy<Value = Input> {
    let block_of = || prop::collection::vec(prop_oneof![3 => Just(90u64), 1 => 60u64..101], uids);
    let old = || prop::collection::vec(prop_oneof![5 => Just(1u64), 1 => 60u64..101], uids);
    let commits = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(prop::option::of(50u64..101), uids),
    ];
    (
        (prop_oneof![Just(0u64), Just(79), 60u64..100], any::<u64>()),
        (prop::collection::vec(stake(), uids), block_of(), old()),
        prop::collection::vec(prop::bool::weighted(0.8), uids),
        (commits, rows(uids), rows(uids)),
        prop::option::of(prop::collection::vec(ratio(), 0..uids + 2)),
    )
        .prop_map(
            |(
                (last, emission),
                (stake, updated, registered),
                permit,
                (commit, weights, bonds),
                past_consensus,
            )| {
                Input {
                    block: 100,
                    last_step_block: last,
                    emission,
                    stake,
                    last_update: updated,
                    registered_at: registered,
                    validator_permit: permit,
                    commit_block: commit,
                    weights,
                    bonds,
                    past_consensus,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn small_markets_settle_as_the_rule_says(
        (params, input) in (params(), (0usize..10).prop_flat_map(input)),
    ) {
        prop_assert_eq!(settle(&params, &input), reference::settle(&params, &input));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn large_columns_settle_as_the_rule_says(
        (params, input) in (params(), (40usize..90).prop_flat_map(input)),
    ) {
        let params = Params { validators_max: 64, ..params };
        prop_assert_eq!(settle(&params, &input), reference::settle(&params, &input));
    }

    #[test]
    fn vectors_of_any_length_settle_alike(
        (params, input) in (params(), (2usize..10).prop_flat_map(input)),
        cut in 0usize..12,
    ) {
        let mut short = input;
        short.last_update.truncate(cut);
        short.registered_at.truncate(cut / 2);
        short.validator_permit.truncate(cut);
        short.weights.truncate(cut + 1);
        prop_assert_eq!(settle(&params, &short), reference::settle(&params, &short));
        short.stake.truncate(cut);
        prop_assert_eq!(settle(&params, &short), reference::settle(&params, &short));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn liquid_rates_are_the_sigmoid(
        weight in 0u64..=1 << 32,
        bond in 0u64..=1 << 32,
        consensus in 0u64..=1 << 32,
        (low, high, steepness) in (ratio(), ratio(), any::<i16>()),
    ) {
        let liquid = LiquidAlpha { low, high, steepness };
        let plain = reference::liquid_rate(liquid, weight.into(), bond.into(), consensus.into());
        prop_assert_eq!(i128::from(Rates::new(liquid).rate(weight, bond, consensus)), plain);
    }

    #[test]
    fn amounts_never_add_up_to_more_than_the_emission(
        (params, input) in (params(), (0usize..8).prop_flat_map(input)),
    ) {
        let settlement = settle(&params, &input);
        let sum = |amounts: &[u64]| amounts.iter().map(|&amount| u128::from(amount)).sum::<u128>();
        prop_assert!(sum(&settlement.emission) <= u128::from(input.emission));
        let apart = sum(&settlement.server_emission) + sum(&settlement.validator_emission);
        prop_assert!(apart <= u128::from(input.emission));
    }

    #[test]
    fn without_active_stake_an_opinion_changes_no_incentive(
        (params, input) in (params(), (2usize..8).prop_flat_map(input)),
    ) {
        let params = Params { owner: None, ..params };
        let mut idle = input;
        idle.stake[0] = 0;
        let with = settle(&params, &idle);
        idle.weights[0].clear();
        prop_assert_eq!(settle(&params, &idle).incentive, with.incentive);
    }

    #[test]
    fn only_those_permitted_next_leave_with_bonds(
        (params, input) in (params(), (0usize..8).prop_flat_map(input)),
    ) {
        let settlement = settle(&params, &input);
        for (row, permitted) in settlement.bonds.iter().zip(&settlement.validator_permit_next) {
            prop_assert!(*permitted || row.is_empty());
        }
    }
}
