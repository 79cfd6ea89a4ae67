//! What somebody would try who wants what is not theirs, a key that cannot be saved, or a block that takes
//! seconds.

use super::*;
use frame_support::dispatch::GetDispatchInfo;
use sp_runtime::traits::{BlakeTwo256, Hash};

const VALIDATOR: Account = 201;
const SPARE: Account = 202;
const CHILD: Account = 301;

/// A market with a validator of Alice's on subnet 1 and on root, for whom Bob stakes.
fn market_with_a_validator() -> Market {
    let mut market = Market::open();
    market.register(1, ALICE, VALIDATOR);
    market.write(|| AutoParentDelegationEnabled::<Test>::insert(VALIDATOR, false));
    market.call(ALICE, Call::root_register { hotkey: VALIDATOR });
    market.stake(ALICE, VALIDATOR, 1, 50);
    market.stake(BOB, VALIDATOR, ROOT, 1_000);
    market
}

/// Pays root stakers of the validator so much alpha of subnet 1.
fn pay_root_stakers(market: &mut Market, rao: u64) {
    market.write(|| {
        Subtensor::mint_alpha_out(1, rao);
        Subtensor::credit_root_stakers(&VALIDATOR, 1, rao);
    });
}

fn swap(hotkey: Account, new_hotkey: Account, netuid: Option<NetUid>, keep: bool) -> Call<Test> {
    Call::swap_hotkey_v2 {
        hotkey,
        new_hotkey,
        netuid,
        keep_stake: keep,
    }
}

fn owed(market: &mut Market, hotkey: Account, coldkey: Account) -> u64 {
    market.read(|| Subtensor::root_dividend_owed(&hotkey, &coldkey, 1))
}

fn weight_of(market: &mut Market, call: Call<Test>) -> u64 {
    market.read(|| call.get_dispatch_info().call_weight.ref_time())
}

/// A dividend that is collected once a subnet is gone would be stake on it that nobody pays out any more:
/// the next subnet of that number would begin with it, for nothing.
#[test]
fn nothing_is_collected_on_a_subnet_that_is_dissolved() {
    let mut market = market_with_a_validator();
    pay_root_stakers(&mut market, 10 * UNIT);
    let stake = market.staked(VALIDATOR, BOB, ROOT);
    market.call(
        BOB,
        Call::remove_stake {
            hotkey: VALIDATOR,
            netuid: ROOT,
            amount_unstaked: stake,
        },
    );
    let expected = owed(&mut market, VALIDATOR, BOB);
    assert!(expected > 9 * UNIT);
    let dissolve = Call::root_dissolve_network { netuid: 1 };
    assert_eq!(market.as_root(dissolve), Ok(()));
    let claim = Call::claim_root_with_hotkey { hotkey: VALIDATOR };
    market.call(BOB, claim);
    assert_eq!(market.staked(VALIDATOR, BOB, 1), 0);
    assert_eq!(owed(&mut market, VALIDATOR, BOB), expected);
    let free = market.free(BOB);
    market.finish_removals();
    assert!(market.free(BOB) > free);
    assert!(market.read(|| Alpha::<Test>::iter_keys().all(|(_, _, netuid)| netuid == ROOT)));
}

/// A hotkey that others stake on for its low take does not get a high one by stepping into the place of a
/// key that nobody knows.
#[test]
fn a_swap_raises_nobodys_take() {
    let mut market = market_with_a_validator();
    let lower = Call::decrease_take {
        hotkey: VALIDATOR,
        take: 0,
    };
    market.call(ALICE, lower);
    let marked = market.read(|| Subtensor::last_done(&RateLimitKey::DelegateTake(VALIDATOR)));
    let netuid = market.open_subnet(CAROL);
    market.call(ALICE, Call::try_associate_hotkey { hotkey: SPARE });
    assert!(market.read(|| Subtensor::take_of(&SPARE)) > 0);
    market.call(ALICE, swap(SPARE, VALIDATOR, Some(netuid), true));
    assert_eq!(market.read(|| Subtensor::take_of(&VALIDATOR)), 0);
    let after = market.read(|| Subtensor::last_done(&RateLimitKey::DelegateTake(VALIDATOR)));
    assert_eq!(after, marked);
}

/// Nor by moving its stakers to a key with a higher take.
#[test]
fn stakers_keep_the_take_they_were_promised() {
    let mut market = market_with_a_validator();
    let lower = Call::decrease_take {
        hotkey: VALIDATOR,
        take: 0,
    };
    market.call(ALICE, lower);
    market.call(ALICE, Call::try_associate_hotkey { hotkey: SPARE });
    market.call(ALICE, swap(VALIDATOR, SPARE, None, false));
    assert_eq!(market.read(|| Subtensor::take_of(&SPARE)), 0);
}

/// Parents do not pay the take of a key that they never chose.
#[test]
fn parents_keep_the_take_they_chose() {
    let mut market = market_with_a_validator();
    market.register(1, BOB, CHILD);
    market.set(1, Hyperparameter::SubtokenEnabled(false));
    let lend = Call::set_children {
        hotkey: VALIDATOR,
        netuid: 1,
        children: vec![(u64::MAX, CHILD)],
    };
    market.call(ALICE, lend);
    market.set(1, Hyperparameter::SubtokenEnabled(true));
    let dear = 302;
    market.call(BOB, Call::try_associate_hotkey { hotkey: dear });
    let raise = Call::set_childkey_take {
        hotkey: dear,
        netuid: 1,
        take: 11_796,
    };
    market.call(BOB, raise);
    market.call(BOB, swap(CHILD, dear, Some(1), true));
    let parents = market.read(|| Subtensor::parents_of(&dear, 1));
    assert_eq!(parents, [(u64::MAX, VALIDATOR)]);
    assert_eq!(market.read(|| Subtensor::childkey_take(&dear, 1)), 0);
}

/// What others stake on a hotkey is lent to nobody before the cooldown is over, though the hotkey steps into
/// the place of one whose list counts already.
#[test]
fn a_swap_does_not_shorten_the_cooldown_of_children() {
    let mut market = market_with_a_validator();
    market.register(1, CAROL, CHILD);
    market.set(1, Hyperparameter::SubtokenEnabled(false));
    market.call(ALICE, Call::try_associate_hotkey { hotkey: SPARE });
    let lend = Call::set_children {
        hotkey: SPARE,
        netuid: 1,
        children: vec![(u64::MAX, CHILD)],
    };
    market.call(ALICE, lend);
    market.set(1, Hyperparameter::SubtokenEnabled(true));
    let staked_on = 203;
    market.call(ALICE, Call::try_associate_hotkey { hotkey: staked_on });
    market.stake(BOB, staked_on, 1, 100);
    let own = market.read(|| Subtensor::stake_weight_of(&staked_on, 1));
    market.call(ALICE, swap(SPARE, staked_on, Some(1), true));
    assert_eq!(
        market.read(|| Subtensor::stake_weight_of(&staked_on, 1)),
        own
    );
    let (waiting, until) = market.read(|| PendingChildKeys::<Test>::get(1, staked_on));
    assert_eq!(waiting, [(u64::MAX, CHILD)]);
    assert_eq!(until, market.read(Subtensor::block) + 7_200);
}

/// A list that has waited long for one hotkey begins to wait anew for another on which something is staked.
#[test]
fn a_waiting_list_waits_anew_for_the_stake_of_another() {
    let mut market = market_with_a_validator();
    for hotkey in [SPARE, 203] {
        market.call(ALICE, Call::try_associate_hotkey { hotkey });
    }
    let lend = Call::set_children {
        hotkey: SPARE,
        netuid: 1,
        children: vec![(u64::MAX, CHILD)],
    };
    market.call(ALICE, lend);
    market.stake(BOB, 203, 1, 100);
    market.run(30);
    market.call(ALICE, swap(SPARE, 203, Some(1), true));
    let (waiting, until) = market.read(|| PendingChildKeys::<Test>::get(1, 203));
    assert_eq!(waiting, [(u64::MAX, CHILD)]);
    assert_eq!(until, market.read(Subtensor::block) + 7_200);
}

/// A coldkey that waits for its swap can refuse nothing and move nothing; so nobody gives it stakes until it
/// has too many to be swapped.
#[test]
fn nobody_gives_stake_to_a_coldkey_that_is_being_swapped() {
    let mut market = market_with_a_validator();
    let announce = Call::announce_coldkey_swap {
        new_coldkey_hash: BlakeTwo256::hash_of(&77u64),
    };
    market.call(BOB, announce);
    let give = Call::transfer_stake {
        destination_coldkey: BOB,
        hotkey: VALIDATOR,
        origin_netuid: 1,
        destination_netuid: 1,
        alpha_amount: UNIT,
    };
    market.refuse(ALICE, give.clone(), Error::ColdkeySwapAnnounced);
    assert_eq!(
        market.as_root(Call::reset_coldkey_swap { coldkey: BOB }),
        Ok(())
    );
    market.call(ALICE, give);
}

/// Root stake that came and went leaves nothing behind that a swap of the coldkey would have to carry.
#[test]
fn root_stake_that_is_gone_leaves_no_rows() {
    let mut market = market_with_a_validator();
    pay_root_stakers(&mut market, UNIT);
    let rows = |market: &mut Market| {
        market.read(|| RootDividendSettled::<Test>::iter_key_prefix((VALIDATOR, CAROL)).count())
    };
    market.stake(CAROL, VALIDATOR, ROOT, 10);
    assert_eq!(rows(&mut market), 1);
    market.call(CAROL, Call::unstake_all { hotkey: VALIDATOR });
    assert_eq!(rows(&mut market), 0);
    // What is still owed is kept, until it is collected.
    market.stake(CAROL, VALIDATOR, ROOT, 1_000);
    pay_root_stakers(&mut market, 10 * UNIT);
    market.call(CAROL, Call::unstake_all { hotkey: VALIDATOR });
    assert_eq!(rows(&mut market), 1);
    assert!(owed(&mut market, VALIDATOR, CAROL) > UNIT);
    let claim = Call::claim_root_with_hotkey { hotkey: VALIDATOR };
    market.call(CAROL, claim);
    assert!(market.staked(VALIDATOR, CAROL, 1) > UNIT);
    assert_eq!(rows(&mut market), 0);
    assert_eq!(owed(&mut market, VALIDATOR, CAROL), 0);
    // However little it is: it does not grow any more.
    market.write(|| assert_eq!(Subtensor::do_set_claim_threshold(ROOT, 10_000_000), Ok(())));
    market.stake(CAROL, VALIDATOR, ROOT, 1);
    pay_root_stakers(&mut market, UNIT / 1_000);
    let claim = Call::claim_root_with_hotkey { hotkey: VALIDATOR };
    market.call(CAROL, claim.clone());
    assert!(owed(&mut market, VALIDATOR, CAROL) > 0);
    market.call(CAROL, Call::unstake_all { hotkey: VALIDATOR });
    market.call(CAROL, claim);
    assert_eq!(rows(&mut market), 0);
}

/// Coming and going gains nothing, however often.
#[test]
fn root_stake_in_and_out_collects_nothing() {
    let mut market = market_with_a_validator();
    pay_root_stakers(&mut market, 777_777_777);
    let due = owed(&mut market, VALIDATOR, BOB);
    for round in 0..5 {
        market.call(
            CAROL,
            Call::add_stake {
                hotkey: VALIDATOR,
                netuid: ROOT,
                amount_staked: STAKE_MIN + 7 * round,
            },
        );
        market.call(CAROL, Call::claim_root_with_hotkey { hotkey: VALIDATOR });
        market.call(CAROL, Call::unstake_all { hotkey: VALIDATOR });
    }
    assert_eq!(market.staked(VALIDATOR, CAROL, 1), 0);
    assert_eq!(owed(&mut market, VALIDATOR, CAROL), 0);
    assert_eq!(owed(&mut market, VALIDATOR, BOB), due);
}

/// Whoever left root before its validator changed its key finds the dividends under the new one, and so does
/// a swap of the coldkey.
#[test]
fn dividends_of_former_root_stakers_follow_both_keys() {
    let mut market = market_with_a_validator();
    pay_root_stakers(&mut market, 10 * UNIT);
    let stake = market.staked(VALIDATOR, BOB, ROOT);
    market.call(
        BOB,
        Call::remove_stake {
            hotkey: VALIDATOR,
            netuid: ROOT,
            amount_unstaked: stake,
        },
    );
    let due = owed(&mut market, VALIDATOR, BOB);
    market.call(ALICE, swap(VALIDATOR, SPARE, None, false));
    assert_eq!(owed(&mut market, SPARE, BOB), due);
    let heir = 77;
    let swap = Call::swap_coldkey {
        old_coldkey: BOB,
        new_coldkey: heir,
        swap_cost: 0,
    };
    assert_eq!(market.as_root(swap), Ok(()));
    assert_eq!(owed(&mut market, SPARE, heir), due);
    let subnets = [1].into_iter().collect();
    market.call(heir, Call::claim_root { subnets });
    assert_eq!(market.staked(SPARE, heir, 1), due);
}

/// An owner that wears the shares on its hotkey out, until pay can no longer be divided among them, gains
/// nothing by it: its stakers' pay is not its own.
#[test]
fn an_owner_does_not_earn_what_its_stakers_cannot() {
    let mut market = Market::open();
    market.register(1, ALICE, VALIDATOR);
    let pay = |market: &mut Market, rao: u64| {
        market.write(|| {
            Subtensor::mint_alpha_out(1, rao);
            Subtensor::credit_stakers(&VALIDATOR, 1, rao);
        });
    };
    market.write(|| {
        Subtensor::mint_alpha_out(1, 1);
        Subtensor::credit_stake(&VALIDATOR, &ALICE, 1, 1);
    });
    // Two epochs with hardly anything staked, and a share is worth as much as it may be.
    for left in [1 << 24, 1 << 24] {
        pay(&mut market, 1 << 35);
        let stake = market.staked(VALIDATOR, ALICE, 1);
        market.write(|| {
            Subtensor::debit_stake(&VALIDATOR, &ALICE, 1, stake - left).expect("it is staked");
            Subtensor::abandon_alpha(1, stake - left);
        });
    }
    market.stake(BOB, VALIDATOR, 1, 50);
    pay(&mut market, 1 << 36);
    let before = [ALICE, BOB].map(|coldkey| market.staked(VALIDATOR, coldkey, 1));
    pay(&mut market, 1 << 40);
    pay(&mut market, 1 << 40);
    let after = [ALICE, BOB].map(|coldkey| market.staked(VALIDATOR, coldkey, 1));
    let gain = |at: usize| u128::from(after[at] - before[at]);
    assert!(
        gain(0) * u128::from(before[1]) <= 2 * gain(1).max(1) * u128::from(before[0]),
        "before {before:?}, after {after:?}"
    );
}

/// What a call is charged for grows with what it looks at.
#[test]
fn calls_weigh_what_they_look_at() {
    let mut market = market_with_a_validator();
    let on_root = Call::add_stake {
        hotkey: VALIDATOR,
        netuid: ROOT,
        amount_staked: UNIT,
    };
    let on_subnet = Call::add_stake {
        hotkey: VALIDATOR,
        netuid: 1,
        amount_staked: UNIT,
    };
    let everywhere = Call::unstake_all { hotkey: VALIDATOR };
    let join_root = Call::root_register { hotkey: SPARE };
    let seat = Call::burned_register {
        netuid: 1,
        hotkey: SPARE,
    };
    let calls = || [on_root.clone(), everywhere.clone(), join_root.clone()];
    let before = calls().map(|call| weight_of(&mut market, call));
    let (one_subnet, roomy) = (
        weight_of(&mut market, on_subnet.clone()),
        weight_of(&mut market, seat.clone()),
    );
    for owner in [OWNER, ALICE, BOB] {
        market.open_subnet(owner);
    }
    let after = calls().map(|call| weight_of(&mut market, call));
    for (before, after) in before.into_iter().zip(after) {
        assert!(before < after, "{before} < {after}");
    }
    assert_eq!(weight_of(&mut market, on_subnet), one_subnet);
    market.set(1, Hyperparameter::MinAllowedUids(1));
    market.set(1, Hyperparameter::MaxAllowedUids(2));
    assert!(roomy < weight_of(&mut market, seat));
}

/// A coldkey with thousands of hotkeys, none of which has a seat, is not looked through as a whole for the
/// price of one transaction.
#[test]
fn a_coldkey_with_many_hotkeys_is_described_in_little_time() {
    let mut market = Market::open();
    let describe = || Call::set_identity {
        name: b"somebody".to_vec(),
        url: vec![],
        github_repo: vec![],
        image: vec![],
        discord: vec![],
        description: vec![],
        additional: vec![],
    };
    market.write(|| {
        for index in 0..1_000 {
            assert_eq!(Subtensor::associate(&BOB, &(50_000 + index)), Ok(()));
        }
        // The oldest of them has a seat, which is too far back to be found.
        IsNetworkMember::<Test>::insert(50_000, 1, true);
    });
    market.refuse(BOB, describe(), Error::HotKeyNotRegisteredInNetwork);
    market.register(1, BOB, 60_000);
    market.call(BOB, describe());
}

/// Whoever sees the new coldkey's name in a transaction that waits gives it a stake, or makes it a hotkey;
/// the swap that was announced happens all the same, and nobody's stake is lost.
#[test]
fn an_announced_swap_cannot_be_spoiled() {
    let mut market = market_with_a_validator();
    market.stake(BOB, VALIDATOR, 1, 100);
    pay_root_stakers(&mut market, 10 * UNIT);
    let heir = 77;
    market.write(|| Subtensor::set_swap_announcement_delay(0));
    let announce = Call::announce_coldkey_swap {
        new_coldkey_hash: BlakeTwo256::hash_of(&heir),
    };
    market.call(BOB, announce);
    market.stake(CAROL, VALIDATOR, ROOT, 300);
    pay_root_stakers(&mut market, 10 * UNIT);
    for netuid in [ROOT, 1] {
        let coldkey = if netuid == ROOT { CAROL } else { ALICE };
        let give = Call::transfer_stake {
            destination_coldkey: heir,
            hotkey: VALIDATOR,
            origin_netuid: netuid,
            destination_netuid: netuid,
            alpha_amount: UNIT,
        };
        market.call(coldkey, give);
    }
    market.call(CAROL, Call::try_associate_hotkey { hotkey: heir });
    let sum = |market: &mut Market, netuid| {
        market.staked(VALIDATOR, BOB, netuid) + market.staked(VALIDATOR, heir, netuid)
    };
    let before = [ROOT, 1].map(|netuid| sum(&mut market, netuid));
    let due = owed(&mut market, VALIDATOR, BOB);
    market.call(BOB, Call::swap_coldkey_announced { new_coldkey: heir });
    let after = [ROOT, 1].map(|netuid| sum(&mut market, netuid));
    assert!(
        before
            .into_iter()
            .zip(after)
            .all(|(before, after)| after.abs_diff(before) <= 1)
    );
    assert_eq!(market.staked(VALIDATOR, BOB, 1), 0);
    assert!(owed(&mut market, VALIDATOR, heir).abs_diff(due) <= 2);
    assert_eq!(
        market.read(|| Subtensor::staking_hotkeys(&heir)),
        [VALIDATOR]
    );
    market.call(heir, Call::unstake_all { hotkey: VALIDATOR });
}

/// A list that waited is not brought back over one that was chosen later, and nobody fills the epochs' time
/// with lists that change nothing.
#[test]
fn only_the_last_choice_of_children_waits() {
    let mut market = market_with_a_validator();
    let lend = |children: &[(u64, Account)]| Call::set_children {
        hotkey: VALIDATOR,
        netuid: 1,
        children: children.to_vec(),
    };
    let waits =
        |market: &mut Market| market.read(|| PendingChildKeys::<Test>::contains_key(1, VALIDATOR));
    market.call(ALICE, lend(&[]));
    assert!(!waits(&mut market));
    market.run(150);
    market.call(ALICE, lend(&[(7, CHILD)]));
    assert!(waits(&mut market));
    market.run(150);
    market.set(1, Hyperparameter::SubtokenEnabled(false));
    market.call(ALICE, lend(&[(9, SPARE)]));
    assert!(!waits(&mut market));
    market.set(1, Hyperparameter::SubtokenEnabled(true));
    market.run(20);
    let children = market.read(|| Subtensor::children_of(&VALIDATOR, 1));
    assert_eq!(children, [(9, SPARE)]);
}

/// An owner whose subnet has to take newcomers to be emitted to does not keep them out by the price.
#[test]
fn an_owner_does_not_close_its_subnet_by_the_price() {
    let mut market = Market::open();
    let mut set =
        |setting, authority| market.write(|| Subtensor::set_hyperparameter(1, setting, authority));
    let refused = Err(Error::<Test>::InvalidValue.into());
    let dear = Hyperparameter::MinBurn(UNIT + 1);
    assert_eq!(set(dear.clone(), Authority::Owner), refused);
    assert_eq!(set(dear, Authority::Root), Ok(()));
    assert_eq!(set(Hyperparameter::MinBurn(UNIT), Authority::Owner), Ok(()));
    let free = Hyperparameter::MaxBurn(UNIT / 10 - 1);
    assert_eq!(set(free, Authority::Owner), refused);
}

/// Parents whom a swap would have to tell are counted before it begins, whether or not the hotkey has a seat.
#[test]
fn a_hotkey_with_too_many_parents_is_swapped_subnet_by_subnet() {
    let mut market = market_with_a_validator();
    market.call(ALICE, Call::try_associate_hotkey { hotkey: SPARE });
    market.write(|| {
        for netuid in 2..=22 {
            Subtensor::create_network(netuid, 1);
            for parent in 10_000..10_100 {
                ChildKeys::<Test>::insert(parent, netuid, vec![(5, CHILD), (7, SPARE)]);
                ParentKeys::<Test>::append(SPARE, netuid, (7u64, parent));
                ParentKeys::<Test>::append(CHILD, netuid, (5u64, parent));
            }
        }
    });
    let heir = 203;
    let refusal = Error::HotKeySwapTooHeavy;
    market.refuse(ALICE, swap(SPARE, heir, None, true), refusal);
    market.call(ALICE, swap(SPARE, heir, Some(2), true));
    let parents = market.read(|| Subtensor::parents_of(&heir, 2));
    assert_eq!((parents.len(), parents[99]), (100, (7, 10_099)));
    let children = market.read(|| Subtensor::children_of(&10_000, 2));
    assert_eq!(children, [(5, CHILD), (7, heir)]);
    // Into the place of another child of the same parents: the parts that it was lent itself are dropped.
    market.call(BOB, Call::try_associate_hotkey { hotkey: CHILD });
    let other = 305;
    market.call(BOB, Call::try_associate_hotkey { hotkey: other });
    market.write(|| {
        ChildKeys::<Test>::insert(10_000, 3, vec![(5, CHILD), (7, SPARE), (9, other)]);
        ParentKeys::<Test>::append(other, 3, (9u64, 10_000u64));
    });
    market.call(BOB, swap(CHILD, other, Some(3), true));
    let children = market.read(|| Subtensor::children_of(&10_000, 3));
    assert_eq!(children, [(5, other), (7, SPARE)]);
    assert_eq!(market.read(|| Subtensor::parents_of(&other, 3)).len(), 100);
}

/// An epoch that looks at waiting lists says how long that takes, so that transactions leave it the time.
#[test]
fn waiting_lists_are_weighed() {
    let spent = |lists: u64| {
        let mut market = market_with_a_validator();
        market.write(|| {
            for index in 0..lists {
                let waiting = (vec![(1, 9_000 + index)], 0);
                PendingChildKeys::<Test>::insert(1, 5_000 + index, waiting);
            }
            Subtensor::ask_epoch_at(1, 1);
            Subtensor::run_due_epochs().ref_time()
        })
    };
    assert!(spent(0) + 1_000_000_000 < spent(100));
}

/// A stake is valued where it is, and not where a subnet is being removed.
#[test]
fn a_stake_is_worth_what_living_subnets_pay_for_it() {
    let mut market = market_with_a_validator();
    market.open_subnet(CAROL);
    market.stake(ALICE, VALIDATOR, 2, 30);
    let worth = market.read(|| Subtensor::stake_worth(&VALIDATOR));
    let part = |market: &mut Market, netuid| {
        market.read(|| {
            let stake = Subtensor::hotkey_stake(&VALIDATOR, netuid);
            Subtensor::alpha_price(netuid).of(stake)
        })
    };
    let parts = [ROOT, 1, 2].map(|netuid| part(&mut market, netuid));
    assert_eq!(worth, parts.iter().sum::<u64>());
    let dissolve = Call::root_dissolve_network { netuid: 2 };
    assert_eq!(market.as_root(dissolve), Ok(()));
    let worth = market.read(|| Subtensor::stake_worth(&VALIDATOR));
    assert_eq!(worth, parts[0] + parts[1]);
}
