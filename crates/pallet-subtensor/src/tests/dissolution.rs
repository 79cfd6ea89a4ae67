//! The end of subnets: who may end them, what stakers get, what is left, who takes their place.

use super::*;
use frame_support::{StoragePrefixedMap, storage::unhashed};
use sp_runtime::DispatchError;
use std::collections::BTreeSet;

/// Every stake in a subnet, and every dividend not collected there: coldkey, alpha.
fn holdings(market: &mut Market, netuid: NetUid) -> Vec<(Account, u64)> {
    market.read(|| {
        let stakes = Alpha::<Test>::iter_keys().filter_map(|(hotkey, coldkey, of)| {
            let alpha = match of {
                of if of == netuid => Subtensor::stake_of(&hotkey, &coldkey, netuid),
                ROOT => Subtensor::root_dividend_owed(&hotkey, &coldkey, netuid),
                _ => 0,
            };
            (alpha > 0).then_some((coldkey, alpha))
        });
        let mut holdings: Vec<_> = stakes.collect();
        for (hotkey, coldkey, of) in RootDividendSettled::<Test>::iter_keys() {
            let owed = Subtensor::root_dividend_owed(&hotkey, &coldkey, netuid);
            if of == netuid && owed > 0 && Subtensor::stake_of(&hotkey, &coldkey, ROOT) == 0 {
                holdings.push((coldkey, owed));
            }
        }
        holdings
    })
}

/// Dissolves a subnet, and checks that each of its stakers gets its part to the rao, that the rest of
/// the pool is recycled, and that nobody else gains or loses.
pub(crate) fn dissolve_and_check_refunds(market: &mut Market, netuid: NetUid) -> u32 {
    let holdings = holdings(market, netuid);
    let pot = market.read(|| Subtensor::tao_reserve(netuid));
    let counted = market.read(|| {
        u128::from(Subtensor::total_alpha_staked(netuid))
            + u128::from(Subtensor::root_dividend_reserve(netuid))
            + u128::from(Subtensor::protocol_alpha(netuid))
            + u128::from(Subtensor::alpha_in(netuid))
    });
    let accounts = [OWNER, ALICE, BOB, CAROL, PAUPER];
    let before = accounts.map(|account| market.free(account));
    let root = Call::root_dissolve_network { netuid };
    assert_eq!(market.as_root(root.clone()), Ok(()));
    assert!(market.saw(Event::NetworkRemoved(netuid)));
    assert_eq!(
        market.as_root(root),
        Err(Error::<Test>::SubnetNotExists.into())
    );
    let issuance = market.read(Balances::total_issuance);
    let blocks = market.finish_removals();

    let mut paid_in_all = 0;
    for (account, before) in accounts.into_iter().zip(before) {
        let own = holdings.iter().filter(|(coldkey, _)| *coldkey == account);
        let (places, alpha) = own.fold((0, 0u128), |(places, sum), (_, alpha)| {
            (places + 1, sum + u128::from(*alpha))
        });
        let exact = u128::from(pot) * alpha / counted;
        let paid = u128::from(market.free(account) - before);
        assert!(
            exact.abs_diff(paid) <= places,
            "{account}: {paid} instead of {exact}"
        );
        paid_in_all += paid;
    }
    let claims: u128 = holdings.iter().map(|(_, alpha)| u128::from(*alpha)).sum();
    assert_eq!(paid_in_all, u128::from(pot) * claims / counted);
    let minted = market.read(Balances::total_issuance) - issuance;
    assert_eq!(u128::from(minted), paid_in_all);
    assert_eq!(market.read(|| Subtensor::tao_reserve(netuid)), 0);
    blocks
}

/// Raw keys of the pallet's state.
fn keys(market: &mut Market) -> BTreeSet<Vec<u8>> {
    market.read(|| {
        let prefix = sp_io::hashing::twox_128(b"SubtensorModule").to_vec();
        let mut keys = BTreeSet::new();
        let mut last = prefix.clone();
        while let Some(next) = sp_io::storage::next_key(&last) {
            if !next.starts_with(&prefix) {
                break;
            }
            assert!(unhashed::exists(&next));
            keys.insert(next.clone());
            last = next;
        }
        keys
    })
}

/// A subnet with stakers, children, directed pay, weights, commits and addresses.
fn busy_subnet(market: &mut Market) -> NetUid {
    let netuid = market.open_subnet(OWNER);
    market.write(|| SubnetMovingPriceExact::<Test>::insert(netuid, 2u128 << 64));
    let validator = hot(ALICE, 1);
    market.register(netuid, ALICE, validator);
    market.register(netuid, BOB, hot(BOB, 1));
    market.register(netuid, CAROL, hot(CAROL, 1));
    for (coldkey, tao) in [(ALICE, 700), (BOB, 33), (CAROL, 7)] {
        market.stake(coldkey, validator, netuid, tao);
        market.stake(coldkey, validator, ROOT, tao);
    }
    market.call(
        BOB,
        Call::set_coldkey_auto_stake_hotkey {
            netuid,
            hotkey: validator,
        },
    );
    market.call(
        CAROL,
        Call::set_children {
            hotkey: hot(CAROL, 1),
            netuid,
            children: vec![(u64::MAX / 3, validator)],
        },
    );
    market.run(11);
    market.weigh(validator, netuid, &[(2, 3), (3, 1)]);
    market.call(
        hot(BOB, 1),
        Call::serve_axon {
            netuid,
            version: 1,
            ip: 1,
            port: 8_091,
            ip_type: 4,
            protocol: 4,
            placeholder1: 0,
            placeholder2: 0,
        },
    );
    market.run(40);
    netuid
}

#[test]
fn every_staker_gets_its_part_of_the_pool_to_the_rao() {
    let mut market = Market::empty();
    let netuid = busy_subnet(&mut market);
    let owed = market.read(|| Subtensor::root_dividend_owed(&hot(ALICE, 1), &ALICE, netuid));
    assert!(owed > 0, "root stakers are owed something");
    dissolve_and_check_refunds(&mut market, netuid);
}

/// Whoever takes all its root stake out keeps what it was owed, and is paid for it.
#[test]
fn former_root_stakers_are_paid_too() {
    let mut market = Market::empty();
    let netuid = busy_subnet(&mut market);
    let hotkey = hot(ALICE, 1);
    let stake = market.staked(hotkey, BOB, ROOT);
    market.call(
        BOB,
        Call::remove_stake {
            hotkey,
            netuid: ROOT,
            amount_unstaked: stake,
        },
    );
    assert_eq!(market.staked(hotkey, BOB, ROOT), 0);
    assert!(market.read(|| Subtensor::root_dividend_owed(&hotkey, &BOB, netuid)) > 0);
    dissolve_and_check_refunds(&mut market, netuid);
}

/// Root stakes that change while the removal goes on change nothing about who gets what.
#[test]
fn what_happens_meanwhile_on_root_is_no_concern() {
    let mut market = Market::empty();
    let netuid = busy_subnet(&mut market);
    assert_eq!(
        market.as_root(Call::root_dissolve_network { netuid }),
        Ok(())
    );
    let hotkey = hot(ALICE, 1);
    market.stake(CAROL, hotkey, ROOT, 50);
    let swap = Call::swap_hotkey {
        hotkey,
        new_hotkey: hot(ALICE, 7),
        netuid: None,
    };
    market.refuse(ALICE, swap, Error::WaitingForDissolvedSubnetCleanup);
    market.finish_removals();
    assert!(market.read(|| RootDividendRate::<Test>::iter().next().is_none()));
    assert!(market.read(|| RootDividendSettled::<Test>::iter().next().is_none()));
}

#[test]
fn nothing_names_a_removed_subnet() {
    let mut market = Market::empty();
    market.call(
        ALICE,
        Call::try_associate_hotkey {
            hotkey: hot(ALICE, 1),
        },
    );
    let before = keys(&mut market);
    let netuid = busy_subnet(&mut market);
    assert_eq!(
        market.as_root(Call::root_dissolve_network { netuid }),
        Ok(())
    );
    market.finish_removals();
    // What people own and have on root stays.
    let kept: Vec<Vec<u8>> = [
        Owner::<Test>::final_prefix(),
        OwnedHotkeys::<Test>::final_prefix(),
        Delegates::<Test>::final_prefix(),
        StakingHotkeys::<Test>::final_prefix(),
        LastRateLimitedBlock::<Test>::final_prefix(),
        Alpha::<Test>::final_prefix(),
        TotalHotkeyAlpha::<Test>::final_prefix(),
        TotalHotkeyShares::<Test>::final_prefix(),
        TotalAlphaStaked::<Test>::final_prefix(),
        SubnetTAO::<Test>::final_prefix(),
        SubnetTaoFlow::<Test>::final_prefix(),
    ]
    .into_iter()
    .map(|prefix| prefix.to_vec())
    .collect();
    let after = keys(&mut market);
    let values = after.difference(&before).filter(|key| 32 < key.len());
    let left: Vec<String> = values
        .filter(|key| !kept.iter().any(|prefix| key.starts_with(prefix)))
        .map(|key| hex(key))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    market.read(|| {
        assert!(Alpha::<Test>::iter_keys().all(|(_, _, of)| of == ROOT));
        assert!(TotalHotkeyAlpha::<Test>::iter_keys().all(|(_, of)| of == ROOT));
        assert!(TotalAlphaStaked::<Test>::iter_keys().all(|of| of == ROOT));
        assert!(SubnetTAO::<Test>::iter_keys().all(|of| of == ROOT));
        assert!(SubnetTaoFlow::<Test>::iter_keys().all(|of| of == ROOT));
    });
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn only_root_dissolves_and_never_root_itself() {
    let mut market = Market::open();
    let call = Call::root_dissolve_network { netuid: 1 };
    assert_eq!(market.dispatch(OWNER, call), Err(DispatchError::BadOrigin));
    let by_owner = |coldkey, netuid| Call::dissolve_network { coldkey, netuid };
    assert_eq!(
        market.dispatch(OWNER, by_owner(OWNER, 1)),
        Err(DispatchError::BadOrigin)
    );
    assert_eq!(
        market.as_root(Call::root_dissolve_network { netuid: ROOT }),
        Err(Error::<Test>::SubnetNotExists.into())
    );
    assert_eq!(
        market.as_root(by_owner(ALICE, 1)),
        Err(Error::<Test>::NotSubnetOwner.into())
    );
    assert_eq!(market.as_root(by_owner(OWNER, 1)), Ok(()));
    assert!(!market.read(|| Subtensor::subnet_exists(1)));
    market.refuse(
        BOB,
        Call::burned_register {
            netuid: 1,
            hotkey: hot(BOB, 1),
        },
        Error::SubnetNotExists,
    );
}

/// Twelve hundred stakers take several blocks, and none is missed.
#[test]
fn a_large_removal_is_spread_over_blocks() {
    let mut market = Market::open();
    let hotkey = hot(OWNER, 1);
    let staker = |index: u64| 10_000 + index;
    market.write(|| {
        for index in 0..1_200 {
            let bought = Subtensor::buy_alpha(&ALICE, 1, UNIT).expect("the pool is large");
            Subtensor::credit_stake(&hotkey, &staker(index), 1, bought.received);
        }
    });
    let pot = market.read(|| Subtensor::tao_reserve(1));
    assert_eq!(
        market.as_root(Call::root_dissolve_network { netuid: 1 }),
        Ok(())
    );
    assert!(market.finish_removals() > 5);
    let paid: u64 = (0..1_200).map(|index| market.free(staker(index))).sum();
    assert!((0..1_200).all(|index| market.free(staker(index)) > UNIT / 20));
    assert!(paid < pot);
    assert!(market.read(|| Alpha::<Test>::iter_keys().next().is_none()));
}

#[test]
fn at_the_limit_the_weakest_subnet_makes_room() {
    let mut market = Market::open();
    let second = market.open_subnet(ALICE);
    market.write(|| {
        Subtensor::set_subnet_limit(2);
        SubnetMovingPriceExact::<Test>::insert(1, 9u128 << 32);
        SubnetMovingPriceExact::<Test>::insert(second, 1u128 << 32);
    });
    let (hotkey, identity) = (hot(BOB, 1), None);
    let register = Call::register_network { hotkey };
    market.refuse(BOB, register.clone(), Error::SubnetLimitReached);
    market.write(|| Subtensor::set_network_immunity_period(5));
    market.run(5);
    assert_eq!(market.read(Subtensor::network_to_prune), Some(second));
    let (free, cost) = (market.free(BOB), market.read(Subtensor::network_lock_cost));
    market.call(BOB, register);
    assert!(market.saw(Event::NetworkRemoved(second)));
    let block = market.read(Subtensor::block);
    assert!(market.saw(Event::NetworkRegistrationQueued {
        coldkey: BOB,
        hotkey,
        mechid: 1,
        identity,
        lock_amount: cost,
        registration_block: block,
    }));
    assert_eq!(market.free(BOB), free - cost);
    assert_eq!(market.free(Subtensor::escrow_account()), cost);
    market.finish_removals();
    assert!(market.saw(Event::NetworkAdded(second, 1)));
    assert_eq!(market.read(|| Subtensor::subnet_owner(second)), Some(BOB));
    assert_eq!(market.read(|| Subtensor::pool(second).tao), cost);
    assert_eq!(market.read(|| Subtensor::neuron_count(second)), 1);
    assert_eq!(market.free(Subtensor::escrow_account()), 0);
    assert!(market.read(Subtensor::waiting_networks).is_empty());
}

/// Nobody waits in vain: whose hotkey was taken meanwhile gets back what it paid.
#[test]
fn a_registration_that_cannot_be_served_is_paid_back() {
    let mut market = Market::open();
    market.write(|| {
        Subtensor::set_subnet_limit(1);
        Subtensor::set_network_immunity_period(0);
    });
    let (hotkey, free) = (hot(BOB, 1), market.free(BOB));
    market.call(BOB, Call::register_network { hotkey });
    market.write(|| Owner::<Test>::insert(hotkey, CAROL));
    market.finish_removals();
    assert_eq!(market.read(Subtensor::netuids), [ROOT]);
    assert_eq!(market.free(BOB), free);
}
