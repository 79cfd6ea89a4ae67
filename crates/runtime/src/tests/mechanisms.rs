//! Subnets with several mechanisms, as a wallet sees them.

use super::{
    market::{NETUID, open_market},
    *,
};
use crate::views::{metagraph::Metagraph, selective::SelectiveMetagraph};
use genesis::development_account as account;
use pallet_subtensor::Call;

/// Numbers of columns, as wallets know them.
const HOTKEYS: u16 = 52;
const LAST_UPDATE: u16 = 59;
const VALIDATORS: u16 = 72;
const COMMITMENTS: u16 = 73;

/// A chain with a subnet of two mechanisms, on the second of which Dave, of uid 1, weighed itself.
fn market_with_two_mechanisms() -> Chain {
    let mut chain = open_market();
    let settings = [
        pallet_admin_utils::Call::sudo_set_max_allowed_uids {
            netuid: NETUID,
            max_allowed_uids: 128,
        },
        pallet_admin_utils::Call::sudo_set_mechanism_count {
            netuid: NETUID,
            mechanism_count: 2,
        },
    ];
    for setting in settings {
        chain.expect_success("Alice", setting.into());
    }
    for _ in 0..100 {
        chain.block(vec![]);
    }
    let row = Call::set_mechanism_weights {
        netuid: NETUID,
        mecid: 1,
        dests: vec![1],
        weights: vec![1],
        version_key: 0,
    };
    chain.expect_success("Dave", row.into());
    chain
}

fn graph(chain: &mut Chain, mecid: u8) -> Option<Metagraph> {
    chain.call("SubnetInfoRuntimeApi_get_mechagraph", (NETUID, mecid))
}

#[test]
fn each_mechanism_has_a_metagraph_with_dates_and_incentives_of_its_own() {
    let mut chain = market_with_two_mechanisms();
    let whole: Option<Metagraph> = chain.call("SubnetInfoRuntimeApi_get_metagraph", NETUID);
    let (first, second) = (graph(&mut chain, 0), graph(&mut chain, 1).unwrap());
    assert_eq!(first, whole);
    let first = first.unwrap();
    assert_eq!(second.netuid.0, 4_096 + NETUID);
    assert_eq!(second.hotkeys, first.hotkeys);
    assert_eq!(second.last_update[1].0, u64::from(chain.height));
    assert!(first.last_update[1] < second.last_update[1]);
    assert_eq!(second.incentives.len(), 2);

    assert_eq!(graph(&mut chain, 2), None);
    let absent: Option<Metagraph> =
        chain.call("SubnetInfoRuntimeApi_get_mechagraph", (9_u16, 0_u8));
    assert_eq!(absent, None);
    let every: Vec<Option<Metagraph>> = chain.call("SubnetInfoRuntimeApi_get_all_mechagraphs", ());
    let netuids: Vec<u16> = every.into_iter().flatten().map(|it| it.netuid.0).collect();
    assert_eq!(netuids, [0, NETUID, 4_096 + NETUID]);
}

#[test]
fn a_metagraph_shows_the_columns_that_are_asked_for_and_no_others() {
    let mut chain = market_with_two_mechanisms();
    let method = "SubnetInfoRuntimeApi_get_selective_mechagraph";
    let wanted = vec![HOTKEYS, LAST_UPDATE, VALIDATORS, COMMITMENTS, 999];
    let part: Option<SelectiveMetagraph> = chain.call(method, (NETUID, 1_u8, &wanted));
    let part = part.unwrap();
    let second = graph(&mut chain, 1).unwrap();
    assert_eq!(part.netuid.0, NETUID);
    assert_eq!(part.hotkeys, Some(vec![account("Eve"), account("Dave")]));
    assert_eq!(part.last_update, Some(second.last_update));
    // Nobody is permitted before the first epoch but for the owner's hotkey, and nobody published anything.
    assert_eq!(part.commitments, Some(vec![]));
    assert!(part.validators.is_some());
    assert!(part.name.is_none() && part.coldkeys.is_none() && part.incentives.is_none());

    let absent: Option<SelectiveMetagraph> = chain.call(method, (NETUID, 2_u8, &wanted));
    assert_eq!(absent, None);
    let method = "SubnetInfoRuntimeApi_get_selective_metagraph";
    let part: Option<SelectiveMetagraph> = chain.call(method, (NETUID, &wanted));
    let last_update = part.and_then(|part| part.last_update);
    assert_eq!(last_update, graph(&mut chain, 0).map(|it| it.last_update));
}
