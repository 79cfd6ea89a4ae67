//! Swaps: keys step into each other's place, with everything that names them.

use super::*;
use crate::swaps::{SUBNET_SWAP_COST, SWAP_COST, SWAP_INTERVAL};
use sp_runtime::traits::{BlakeTwo256, Hash};

/// Accounts whose bytes appear in storage for no other reason.
const OLD: Account = 0x00A1_B2C3_D4E5_F607;
const NEW: Account = 0x0019_2837_4655_6473;

fn swap(hotkey: Account, new_hotkey: Account, netuid: Option<NetUid>) -> Call<Test> {
    Call::swap_hotkey {
        hotkey,
        new_hotkey,
        netuid,
    }
}

fn swap_and_keep(hotkey: Account, new_hotkey: Account, netuid: Option<NetUid>) -> Call<Test> {
    Call::swap_hotkey_v2 {
        hotkey,
        new_hotkey,
        netuid,
        keep_stake: true,
    }
}

/// How many keys and values of the pallet name an account.
fn mentions(market: &mut Market, account: Account) -> Vec<String> {
    let prefix = sp_io::hashing::twox_128(b"SubtensorModule");
    let needle = account.to_le_bytes();
    let names = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    market.read(|| {
        let mut found = Vec::new();
        let mut last = prefix.to_vec();
        while let Some(key) = sp_io::storage::next_key(&last) {
            if !key.starts_with(&prefix) {
                break;
            }
            let value = sp_io::storage::get(&key).unwrap_or_default();
            if names(&key) || names(&value) {
                found.push(format!("{:02x?}", &key[16..]));
            }
            last = key;
        }
        found
    })
}

/// A market in which `OLD` is ALICE's validator on two subnets and root, with everything that a
/// hotkey can have.
fn market_around_a_hotkey() -> Market {
    let mut market = Market::open();
    market.open_subnet(CAROL);
    for netuid in [1, 2] {
        market.register(netuid, ALICE, OLD);
        market.register(netuid, BOB, hot(BOB, 1) + u64::from(netuid));
        market.stake(ALICE, OLD, netuid, 50);
        market.stake(BOB, OLD, netuid, 30);
        market.call(
            OLD,
            Call::serve_axon_tls {
                netuid,
                version: 1,
                ip: 0x7f00_0001,
                port: 8091,
                ip_type: 4,
                protocol: 4,
                placeholder1: 0,
                placeholder2: 0,
                certificate: vec![1, 2, 3],
            },
        );
        market.call(
            OLD,
            Call::serve_prometheus {
                netuid,
                version: 1,
                ip: 0x7f00_0001,
                port: 9090,
                ip_type: 4,
            },
        );
        market.call(
            BOB,
            Call::set_coldkey_auto_stake_hotkey {
                netuid,
                hotkey: OLD,
            },
        );
    }
    // It lends its stake to nobody by itself.
    market.write(|| AutoParentDelegationEnabled::<Test>::insert(OLD, false));
    market.call(ALICE, Call::root_register { hotkey: OLD });
    market.stake(ALICE, OLD, ROOT, 1_000);
    market.stake(BOB, OLD, ROOT, 500);
    market.call(
        ALICE,
        Call::decrease_take {
            hotkey: OLD,
            take: 1_000,
        },
    );
    market.run(25);
    market.weigh(OLD, 1, &[(1, 1), (2, 1)]);
    market.weigh(OLD, 2, &[(1, 1), (2, 1)]);
    market.run(25);
    market
}

#[test]
fn nothing_names_a_hotkey_that_was_swapped_everywhere() {
    let mut market = market_around_a_hotkey();
    market.call(
        ALICE,
        Call::set_children {
            hotkey: OLD,
            netuid: 1,
            children: vec![(u64::MAX / 4, hot(BOB, 2))],
        },
    );
    assert!(mentions(&mut market, OLD).len() > 20);
    let worth = |market: &mut Market, hotkey| {
        [
            (ALICE, ROOT),
            (BOB, ROOT),
            (ALICE, 1),
            (BOB, 1),
            (ALICE, 2),
            (BOB, 2),
        ]
        .map(|(coldkey, netuid)| market.staked(hotkey, coldkey, netuid))
    };
    let owed = |market: &mut Market, hotkey| {
        market.read(|| Subtensor::root_dividend_owed(&hotkey, &BOB, 1))
    };
    let (stakes, dividends) = (worth(&mut market, OLD), owed(&mut market, OLD));
    let uid = market.read(|| Subtensor::uid_of(1, &OLD));
    let axon = market.read(|| Subtensor::axon(1, &OLD));
    let free = market.free(ALICE);

    market.call(ALICE, swap(OLD, NEW, None));
    assert!(market.saw(Event::HotkeySwapped {
        coldkey: ALICE,
        old_hotkey: OLD,
        new_hotkey: NEW,
    }));
    assert_eq!(mentions(&mut market, OLD), Vec::<String>::new());
    assert_eq!(market.free(ALICE), free - SWAP_COST);
    assert_eq!(worth(&mut market, NEW), stakes);
    assert_eq!(owed(&mut market, NEW), dividends);
    assert_eq!(market.read(|| Subtensor::uid_of(1, &NEW)), uid);
    assert!(axon.is_some() && market.read(|| Subtensor::axon(1, &NEW)) == axon);
    assert_eq!(market.read(|| Subtensor::owner_of(&NEW)), Some(ALICE));
    assert_eq!(market.read(|| Subtensor::owner_of(&OLD)), None);
    assert_eq!(market.read(|| Subtensor::take_of(&NEW)), 1_000);
    assert_eq!(market.read(|| Subtensor::staking_hotkeys(&BOB)), [NEW]);
    assert_eq!(
        market.read(|| Subtensor::auto_stake_destination(&BOB, 2)),
        Some(NEW)
    );
    // And it goes on earning.
    market.run(25);
    assert!(worth(&mut market, NEW)[2] > stakes[2]);
}

#[test]
fn a_hotkey_swapped_on_one_subnet_stays_on_the_others() {
    let mut market = market_around_a_hotkey();
    let (here, there) = (market.staked(OLD, BOB, 1), market.staked(OLD, BOB, 2));
    let free = market.free(ALICE);
    market.call(ALICE, swap(OLD, NEW, Some(1)));
    assert!(market.saw(Event::HotkeySwappedOnSubnet {
        coldkey: ALICE,
        old_hotkey: OLD,
        new_hotkey: NEW,
        netuid: 1,
    }));
    assert_eq!(market.free(ALICE), free - SUBNET_SWAP_COST);
    assert_eq!(market.staked(NEW, BOB, 1), here);
    assert_eq!(market.staked(OLD, BOB, 1), 0);
    assert_eq!(market.staked(OLD, BOB, 2), there);
    assert_eq!(market.staked(OLD, BOB, ROOT), 500 * UNIT);
    assert!(market.read(|| Subtensor::is_registered(1, &NEW)));
    assert!(!market.read(|| Subtensor::is_registered(1, &OLD)));
    assert!(market.read(|| Subtensor::is_registered(2, &OLD)));
    assert_eq!(market.read(|| Subtensor::owner_of(&OLD)), Some(ALICE));
    assert_eq!(market.read(|| Subtensor::take_of(&NEW)), 1_000);
    assert_eq!(market.read(|| Subtensor::staking_hotkeys(&BOB)), [OLD, NEW]);
}

#[test]
fn stake_may_stay_when_a_hotkey_is_swapped() {
    let mut market = market_around_a_hotkey();
    let stakes = [(BOB, ROOT), (BOB, 1), (ALICE, 2)];
    let before = stakes.map(|(coldkey, netuid)| market.staked(OLD, coldkey, netuid));
    market.call(ALICE, swap_and_keep(OLD, NEW, None));
    let after = stakes.map(|(coldkey, netuid)| market.staked(OLD, coldkey, netuid));
    assert_eq!(before, after);
    assert_eq!(market.read(|| Subtensor::owner_of(&OLD)), Some(ALICE));
    assert!(market.read(|| Subtensor::is_registered(2, &NEW)));
    assert!(!market.read(|| Subtensor::is_registered_on_any(&OLD)));
    market.call(BOB, Call::unstake_all { hotkey: OLD });
}

#[test]
fn stake_joins_what_is_on_the_new_hotkey() {
    let mut market = market_around_a_hotkey();
    market.call(ALICE, Call::try_associate_hotkey { hotkey: NEW });
    market.stake(BOB, NEW, 1, 5);
    market.stake(CAROL, NEW, 1, 7);
    let sum = |market: &mut Market, coldkey| {
        market.staked(OLD, coldkey, 1) + market.staked(NEW, coldkey, 1)
    };
    let before = [ALICE, BOB, CAROL].map(|coldkey| sum(&mut market, coldkey));
    market.call(ALICE, swap(OLD, NEW, Some(1)));
    for (coldkey, before) in [ALICE, BOB, CAROL].into_iter().zip(before) {
        assert_eq!(market.staked(OLD, coldkey, 1), 0);
        let after = market.staked(NEW, coldkey, 1);
        assert!(before.abs_diff(after) <= 2, "{coldkey}: {before}, {after}");
    }
}

#[test]
fn a_swap_of_a_hotkey_is_refused() {
    let mut market = market_around_a_hotkey();
    market.refuse(ALICE, swap(OLD, NEW, Some(9)), Error::SubnetNotExists);
    market.refuse(BOB, swap(OLD, NEW, None), Error::NonAssociatedColdKey);
    market.refuse(
        ALICE,
        swap(OLD, hot(BOB, 2), None),
        Error::NonAssociatedColdKey,
    );
    market.refuse(ALICE, swap(OLD, OLD, None), Error::NewHotKeyIsSameWithOld);
    let seated = hot(ALICE, 7);
    market.register(2, ALICE, seated);
    let refusal = Error::HotKeyAlreadyRegisteredInSubNet;
    market.refuse(ALICE, swap(OLD, seated, None), refusal);
    let refusal = Error::HotKeyAlreadyRegisteredInSubNet;
    market.refuse(ALICE, swap(OLD, seated, Some(2)), refusal);
    market.stake(CAROL, seated, ROOT, 1);
    let refusal = Error::NewHotKeyNotCleanForRootSwap;
    market.refuse(ALICE, swap(OLD, seated, Some(ROOT)), refusal);
    market.call(ALICE, swap(OLD, NEW, Some(1)));
    let back = swap(NEW, OLD, Some(1));
    market.refuse(
        ALICE,
        back.clone(),
        Error::HotKeySwapOnSubnetIntervalNotPassed,
    );
    market.refuse(
        ALICE,
        swap(NEW, hot(ALICE, 8), None),
        Error::HotKeySwapOnSubnetIntervalNotPassed,
    );
    market.write(|| {
        let long_ago = 1;
        LastHotkeySwapOnNetuid::<Test>::insert(1, ALICE, long_ago);
        System::set_block_number(SWAP_INTERVAL as u32 + 2);
    });
    market.call(ALICE, back);
    market.write(|| {
        let spare = Balances::free_balance(ALICE) - 600;
        assert!(Subtensor::recycle(&ALICE, spare).is_ok());
    });
    let refusal = Error::NotEnoughBalanceToPaySwapHotKey;
    market.refuse(ALICE, swap(OLD, hot(ALICE, 9), Some(2)), refusal);
    let result = market.read(|| Subtensor::swap_hotkey(RuntimeOrigin::root(), OLD, NEW, None));
    assert_eq!(result, Err(sp_runtime::DispatchError::BadOrigin));
}

#[test]
fn a_hotkey_with_too_many_stakers_is_swapped_without_them() {
    let mut market = Market::open();
    market.register(1, ALICE, OLD);
    market.stake(ALICE, OLD, 1, 10);
    market.write(|| {
        for staker in 10_000..10_000 + crate::swaps::SWAP_ROWS_MAX as u64 {
            Subtensor::mint_alpha_out(1, UNIT);
            Subtensor::credit_stake(&OLD, &staker, 1, UNIT);
        }
    });
    market.refuse(ALICE, swap(OLD, NEW, None), Error::HotKeySwapTooHeavy);
    market.call(ALICE, swap_and_keep(OLD, NEW, None));
}

fn announce(new: Account) -> Call<Test> {
    Call::announce_coldkey_swap {
        new_coldkey_hash: BlakeTwo256::hash_of(&new),
    }
}

/// A market in which the coldkey `OLD` owns a subnet and hotkeys, and stakes on its own and others'.
fn market_around_a_coldkey() -> Market {
    let mut market = Market::open();
    let transfer = pallet_balances::Call::transfer_allow_death {
        dest: OLD,
        value: 10_000 * UNIT,
    };
    market.write(|| {
        use sp_runtime::traits::Dispatchable;
        let sent = RuntimeCall::from(transfer).dispatch(RuntimeOrigin::signed(CAROL));
        assert!(sent.is_ok());
    });
    market.open_subnet(OLD);
    market.register(1, OLD, hot(PAUPER, 1));
    market.call(
        OLD,
        Call::set_coldkey_auto_stake_hotkey {
            netuid: 1,
            hotkey: hot(OWNER, 1),
        },
    );
    market.call(
        OLD,
        Call::set_identity {
            name: b"somebody".to_vec(),
            url: vec![],
            github_repo: vec![],
            image: vec![],
            discord: vec![],
            description: vec![],
            additional: vec![],
        },
    );
    market.stake(OLD, hot(PAUPER, 1), 1, 100);
    market.stake(OLD, hot(OWNER, 1), 1, 100);
    market.call(
        OWNER,
        Call::root_register {
            hotkey: hot(OWNER, 1),
        },
    );
    market.stake(OLD, hot(OWNER, 1), ROOT, 1_000);
    market.run(25);
    market.weigh(hot(OWNER, 1), 1, &[(1, 1)]);
    market.run(25);
    market.call(OLD, swap(hot(PAUPER, 1), hot(PAUPER, 2), Some(1)));
    market
}

#[test]
fn nothing_names_a_coldkey_that_was_swapped() {
    let mut market = market_around_a_coldkey();
    market.call(OLD, announce(NEW));
    assert!(market.saw(Event::ColdkeySwapAnnounced {
        who: OLD,
        new_coldkey_hash: BlakeTwo256::hash_of(&NEW),
    }));
    let perform = Call::swap_coldkey_announced { new_coldkey: NEW };
    market.refuse(OLD, perform.clone(), Error::ColdkeySwapTooEarly);
    let other = Call::swap_coldkey_announced { new_coldkey: BOB };
    market.refuse(OLD, other, Error::AnnouncedColdkeyHashDoesNotMatch);
    market.write(|| System::set_block_number(System::block_number() + 36_000));
    let subnet = 2;
    let stakes = |market: &mut Market, coldkey| {
        [
            (hot(PAUPER, 2), 1),
            (hot(OWNER, 1), 1),
            (hot(OWNER, 1), ROOT),
        ]
        .map(|(hotkey, netuid)| market.staked(hotkey, coldkey, netuid))
    };
    let (before, free) = (stakes(&mut market, OLD), market.free(OLD));
    assert!(before.iter().all(|stake| *stake > 0));
    let owed = |market: &mut Market, coldkey| {
        market.read(|| Subtensor::root_dividend_owed(&hot(OWNER, 1), &coldkey, 1))
    };
    let dividends = owed(&mut market, OLD);
    market.call(OLD, perform);
    assert!(market.saw(Event::ColdkeySwapped {
        old_coldkey: OLD,
        new_coldkey: NEW,
    }));
    assert_eq!(mentions(&mut market, OLD), Vec::<String>::new());
    assert_eq!(stakes(&mut market, NEW), before);
    assert_eq!(owed(&mut market, NEW), dividends);
    assert_eq!((market.free(OLD), market.free(NEW)), (0, free));
    assert_eq!(market.read(|| Subtensor::subnet_owner(subnet)), Some(NEW));
    assert_eq!(
        market.read(|| Subtensor::owner_of(&hot(PAUPER, 2))),
        Some(NEW)
    );
    let identity = market.read(|| Subtensor::identity(&NEW)).map(|it| it.name);
    assert_eq!(identity.as_deref(), Some(b"somebody".as_slice()));
}

#[test]
fn an_announcement_costs_once_and_may_be_taken_back() {
    let mut market = Market::open();
    let clear = Call::clear_coldkey_swap_announcement {};
    market.refuse(BOB, clear.clone(), Error::ColdkeySwapAnnouncementNotFound);
    let refusal = Error::NotEnoughBalanceToPaySwapColdKey;
    market.refuse(PAUPER, announce(NEW), refusal);
    let free = market.free(BOB);
    market.call(BOB, announce(NEW));
    assert_eq!(market.free(BOB), free - SWAP_COST);
    market.refuse(BOB, announce(OLD), Error::ColdkeySwapReannouncedTooEarly);
    market.refuse(BOB, clear.clone(), Error::ColdkeySwapClearTooEarly);
    market.write(|| System::set_block_number(1 + 36_000 + 7_200));
    market.call(BOB, announce(OLD));
    assert_eq!(market.free(BOB), free - SWAP_COST);
    market.write(|| System::set_block_number(1 + 2 * (36_000 + 7_200)));
    market.call(BOB, clear);
    assert!(market.saw(Event::ColdkeySwapCleared { who: BOB }));
    let perform = Call::swap_coldkey_announced { new_coldkey: OLD };
    market.refuse(BOB, perform, Error::ColdkeySwapAnnouncementNotFound);
}

#[test]
fn a_disputed_swap_waits_for_root() {
    let mut market = Market::open();
    let dispute = Call::dispute_coldkey_swap {};
    market.refuse(BOB, dispute.clone(), Error::ColdkeySwapAnnouncementNotFound);
    market.write(|| Subtensor::set_swap_announcement_delay(0));
    market.write(|| Subtensor::set_swap_reannouncement_delay(0));
    market.call(BOB, announce(NEW));
    let held = |market: &mut Market, concerns_swap| {
        market.read(|| Subtensor::ensure_not_held_by_swap(&BOB, concerns_swap))
    };
    assert!(matches!(
        held(&mut market, false),
        Err(Error::ColdkeySwapAnnounced)
    ));
    assert!(held(&mut market, true).is_ok());
    market.call(BOB, dispute.clone());
    assert!(market.saw(Event::ColdkeySwapDisputed { coldkey: BOB }));
    market.refuse(BOB, dispute, Error::ColdkeySwapAlreadyDisputed);
    assert!(matches!(
        held(&mut market, true),
        Err(Error::ColdkeySwapDisputed)
    ));
    let perform = Call::swap_coldkey_announced { new_coldkey: NEW };
    market.refuse(BOB, perform, Error::ColdkeySwapDisputed);
    market.refuse(BOB, announce(OLD), Error::ColdkeySwapDisputed);
    let clear = Call::clear_coldkey_swap_announcement {};
    market.refuse(BOB, clear, Error::ColdkeySwapDisputed);
    let reset = Call::reset_coldkey_swap { coldkey: BOB };
    let refused = market.dispatch(BOB, reset.clone());
    assert_eq!(refused, Err(sp_runtime::DispatchError::BadOrigin));
    assert_eq!(market.as_root(reset), Ok(()));
    assert!(market.saw(Event::ColdkeySwapReset { who: BOB }));
    assert!(held(&mut market, false).is_ok());
}

#[test]
fn root_swaps_a_coldkey_at_once() {
    let mut market = market_around_a_coldkey();
    let by_root = |new_coldkey, swap_cost| Call::swap_coldkey {
        old_coldkey: OLD,
        new_coldkey,
        swap_cost,
    };
    let refused = market.dispatch(OLD, by_root(NEW, 0));
    assert_eq!(refused, Err(sp_runtime::DispatchError::BadOrigin));
    for (new, cost, reason) in [
        (OLD, 0, Error::<Test>::ColdKeyAlreadyAssociated),
        (hot(OWNER, 1), 0, Error::NewColdKeyIsHotkey),
        (NEW, u64::MAX, Error::NotEnoughBalanceToPaySwapColdKey),
    ] {
        assert_eq!(market.as_root(by_root(new, cost)), Err(reason.into()));
    }
    let free = market.free(OLD);
    assert_eq!(market.as_root(by_root(NEW, UNIT)), Ok(()));
    assert_eq!(market.free(NEW), free - UNIT);
    market.refuse(
        BOB,
        Call::schedule_swap_coldkey { new_coldkey: NEW },
        Error::Deprecated,
    );
}

/// A hotkey and what is staked on it are one row each: with one hotkey too many nothing moves.
#[test]
fn a_coldkey_with_too_many_stakes_is_not_swapped() {
    let mut market = Market::open();
    market.write(|| {
        for hotkey in 10_000..=10_000 + crate::swaps::SWAP_ROWS_MAX as u64 / 2 {
            Subtensor::mint_alpha_out(1, UNIT);
            Subtensor::credit_stake(&hotkey, &BOB, 1, UNIT);
        }
    });
    let by_root = Call::swap_coldkey {
        old_coldkey: BOB,
        new_coldkey: NEW,
        swap_cost: 0,
    };
    let refused = Err(Error::<Test>::ColdkeySwapTooHeavy.into());
    assert_eq!(market.as_root(by_root.clone()), refused);
    assert_eq!(market.staked(10_000, BOB, 1), UNIT);
    market.write(|| {
        for hotkey in [10_000, 10_001] {
            assert_eq!(Subtensor::debit_stake(&hotkey, &BOB, 1, UNIT), Ok(()));
            Subtensor::unmint_alpha(1, UNIT);
        }
    });
    assert_eq!(market.as_root(by_root), Ok(()));
    assert_eq!(market.staked(10_002, NEW, 1), UNIT);
}
