//! Parents and children: who lends stake weight to whom, and who is paid for it.

use super::*;
use crate::children::{PARENTS_MAX, PENDING_PER_EPOCH};
use sp_runtime::{DispatchError, DispatchResult, traits::Dispatchable};

const PARENT: Account = 201;
const CHILD: Account = 301;
const MINER: Account = 401;
const HALF: u64 = u64::MAX / 2;

/// A subnet on which Bob's child holds a seat; Alice's parent does not.
fn families() -> Market {
    let mut market = Market::open();
    market.register(1, BOB, CHILD);
    market.call(ALICE, Call::try_associate_hotkey { hotkey: PARENT });
    assert_eq!(as_root(&mut market, cooldown(3)), Ok(()));
    market
}

/// The same, where Alice lends everything to Bob's child and both epochs passed: it has a permit,
/// and grades Carol's miner.
fn working_family() -> Market {
    let mut market = families();
    let miner = market.register(1, CAROL, MINER);
    market.stake(ALICE, PARENT, 1, 50);
    market.call(ALICE, set_children(PARENT, 1, &[(u64::MAX, CHILD)]));
    market.run_to(21);
    market.weigh(CHILD, 1, &[(miner, 1)]);
    market
}

fn cooldown(cooldown: u64) -> Call<Test> {
    Call::set_pending_childkey_cooldown { cooldown }
}

fn set_children(hotkey: Account, netuid: NetUid, children: &[(u64, Account)]) -> Call<Test> {
    Call::set_children {
        hotkey,
        netuid,
        children: children.to_vec(),
    }
}

fn set_take(hotkey: Account, take: u16) -> Call<Test> {
    Call::set_childkey_take {
        hotkey,
        netuid: 1,
        take,
    }
}

fn as_root(market: &mut Market, call: Call<Test>) -> DispatchResult {
    market.write(|| {
        let done = RuntimeCall::from(call).dispatch(RuntimeOrigin::root());
        done.map(|_| ()).map_err(|failed| failed.error)
    })
}

fn weight(market: &mut Market, hotkey: Account) -> u64 {
    market.read(|| Subtensor::stake_weight_of(&hotkey, 1))
}

/// Lists for which nobody has to wait: before alpha trades.
fn lend_at_once(
    market: &mut Market,
    coldkey: Account,
    parent: Account,
    children: &[(u64, Account)],
) {
    market.set(1, Hyperparameter::SubtokenEnabled(false));
    market.call(coldkey, set_children(parent, 1, children));
    market.set(1, Hyperparameter::SubtokenEnabled(true));
}

#[test]
fn children_count_after_the_cooldown_and_an_epoch() {
    let mut market = families();
    market.stake(ALICE, PARENT, 1, 50);
    let whole = weight(&mut market, PARENT);
    let children = vec![(HALF, CHILD)];
    market.call(ALICE, set_children(PARENT, 1, &children));
    assert!(market.saw(Event::SetChildrenScheduled(PARENT, 1, 4, children.clone())));
    market.run_to(10);
    assert_eq!(weight(&mut market, CHILD), 0);
    let waiting = market.read(|| PendingChildKeys::<Test>::get(1, PARENT));
    assert_eq!(waiting, (children.clone(), 4));

    market.run_to(11);
    assert!(market.saw(Event::SetChildren(PARENT, 1, children.clone())));
    assert!(!market.read(|| PendingChildKeys::<Test>::contains_key(1, PARENT)));
    assert_eq!(market.read(|| Subtensor::children_of(&PARENT, 1)), children);
    assert_eq!(
        market.read(|| Subtensor::parents_of(&CHILD, 1)),
        [(HALF, PARENT)]
    );
    let (kept, lent) = (weight(&mut market, PARENT), weight(&mut market, CHILD));
    assert_eq!(kept + lent, whole);
    assert!(kept.abs_diff(lent) <= 1, "{kept} {lent}");
}

#[test]
fn children_wait_on_while_the_cooldown_outlasts_an_epoch() {
    let mut market = families();
    assert_eq!(as_root(&mut market, cooldown(10)), Ok(()));
    market.call(ALICE, set_children(PARENT, 1, &[(HALF, CHILD)]));
    market.run_to(11);
    assert!(market.read(|| PendingChildKeys::<Test>::contains_key(1, PARENT)));
    market.run_to(21);
    assert_eq!(
        market.read(|| Subtensor::children_of(&PARENT, 1)),
        [(HALF, CHILD)]
    );
}

#[test]
fn children_count_at_once_where_alpha_does_not_trade() {
    let mut market = families();
    lend_at_once(&mut market, ALICE, PARENT, &[(u64::MAX, CHILD)]);
    assert_eq!(
        market.read(|| Subtensor::children_of(&PARENT, 1)),
        [(u64::MAX, CHILD)]
    );
    assert!(market.read(|| PendingChildKeys::<Test>::iter().next().is_none()));
}

/// A new list replaces the old, and an empty one takes everything back.
#[test]
fn a_new_list_replaces_the_old() {
    let mut market = families();
    let other = hot(CAROL, 5);
    market.stake(ALICE, PARENT, 1, 50);
    lend_at_once(&mut market, ALICE, PARENT, &[(HALF, CHILD), (HALF, MINER)]);
    market.run(150);
    lend_at_once(&mut market, ALICE, PARENT, &[(HALF / 2, MINER), (7, other)]);
    assert_eq!(weight(&mut market, CHILD), 0);
    let parents = market.read(|| Subtensor::parents_of(&MINER, 1));
    assert_eq!(parents, [(HALF / 2, PARENT)]);
    market.run(150);
    lend_at_once(&mut market, ALICE, PARENT, &[]);
    assert!(market.read(|| ChildKeys::<Test>::iter().next().is_none()));
    assert!(market.read(|| ParentKeys::<Test>::iter().next().is_none()));
}

#[test]
fn root_stake_is_lent_like_alpha() {
    let mut market = families();
    market.stake(ALICE, PARENT, ROOT, 40);
    market.stake(BOB, CHILD, ROOT, 10);
    lend_at_once(&mut market, ALICE, PARENT, &[(u64::MAX / 4, CHILD)]);
    let child = market.read(|| Subtensor::working_stake(&CHILD, 1));
    assert_eq!(child.alpha, 0);
    assert!(child.root.abs_diff(20 * UNIT) <= 1);
    let parent = market.read(|| Subtensor::working_stake(&PARENT, 1));
    assert!(parent.root.abs_diff(30 * UNIT) <= 1);
    // On other subnets nothing is lent, and nobody's own stake moved.
    market.open_subnet(CAROL);
    let elsewhere = market.read(|| Subtensor::working_stake(&PARENT, 2));
    assert_eq!(elsewhere.root, 40 * UNIT);
    assert_eq!(market.staked(PARENT, ALICE, ROOT), 40 * UNIT);
}

#[test]
fn a_list_is_refused_for_each_reason() {
    let mut market = families();
    let refuse = |market: &mut Market, children: &[(u64, Account)], reason: Error<Test>| {
        market.refuse(ALICE, set_children(PARENT, 1, children), reason);
    };
    refuse(&mut market, &[(1, PARENT)], Error::InvalidChild);
    let twice = [(1, CHILD), (2, CHILD)];
    refuse(&mut market, &twice, Error::DuplicateChild);
    let six: Vec<_> = (0..6).map(|index| (1, hot(CAROL, index))).collect();
    refuse(&mut market, &six, Error::TooManyChildren);
    let too_much = [(u64::MAX, CHILD), (1, MINER)];
    refuse(&mut market, &too_much, Error::ProportionOverflow);

    let list = [(HALF, CHILD)];
    let elsewhere = |netuid| set_children(PARENT, netuid, &list);
    let reason = Error::RegistrationNotPermittedOnRootSubnet;
    market.refuse(ALICE, elsewhere(ROOT), reason);
    market.refuse(ALICE, elsewhere(9), Error::SubnetNotExists);
    market.refuse(BOB, elsewhere(1), Error::NonAssociatedColdKey);
    let unknown = set_children(hot(PAUPER, 1), 1, &list);
    market.refuse(ALICE, unknown, Error::NonAssociatedColdKey);
    let by_root = as_root(&mut market, elsewhere(1));
    assert_eq!(by_root, Err(DispatchError::BadOrigin));

    market.write(|| Subtensor::set_stake_threshold(UNIT));
    refuse(&mut market, &list, Error::NotEnoughStakeToSetChildkeys);
    market.stake(CAROL, PARENT, 1, 2);
    market.call(ALICE, elsewhere(1));
    market.run(149);
    refuse(&mut market, &list, Error::TxRateLimitExceeded);
    market.run(1);
    market.call(ALICE, elsewhere(1));
}

#[test]
fn nobody_is_parent_and_child_of_the_same_hotkey() {
    let mut market = families();
    lend_at_once(&mut market, ALICE, PARENT, &[(1, CHILD)]);
    let back = set_children(CHILD, 1, &[(1, PARENT)]);
    market.refuse(BOB, back, Error::ChildParentInconsistency);
    // Lending on to a third is allowed; what is lent is not lent on.
    market.stake(ALICE, PARENT, ROOT, 40);
    lend_at_once(&mut market, BOB, CHILD, &[(u64::MAX, MINER)]);
    assert_eq!(weight(&mut market, MINER), 0);
}

/// Two lists wait that do not fit together: the second to be looked at is dropped.
#[test]
fn a_list_that_no_longer_fits_is_dropped() {
    let mut market = families();
    market.call(ALICE, set_children(PARENT, 1, &[(1, CHILD)]));
    market.call(BOB, set_children(CHILD, 1, &[(1, PARENT)]));
    market.run_to(11);
    let links = market.read(|| ChildKeys::<Test>::iter().count());
    assert_eq!(links, 1);
    assert!(market.read(|| PendingChildKeys::<Test>::iter().next().is_none()));
}

#[test]
fn a_child_has_at_most_a_hundred_parents() {
    let mut market = families();
    market.set(1, Hyperparameter::SubtokenEnabled(false));
    for index in 0..PARENTS_MAX as u64 {
        let hotkey = hot(CAROL, 100 + index);
        market.call(CAROL, Call::try_associate_hotkey { hotkey });
        market.call(CAROL, set_children(hotkey, 1, &[(1, CHILD)]));
    }
    let one_more = set_children(PARENT, 1, &[(1, CHILD)]);
    market.refuse(ALICE, one_more, Error::ChildParentInconsistency);
}

/// More lists wait than an epoch looks at: the next epoch goes on where this one ended.
#[test]
fn waiting_lists_beyond_an_epochs_share_are_not_forgotten() {
    let mut market = families();
    let lists = PENDING_PER_EPOCH as u64 + 40;
    market.write(|| {
        for index in 0..lists {
            let waiting = (vec![(1, 9_000 + index)], 2);
            PendingChildKeys::<Test>::insert(1, 5_000 + index, waiting);
        }
    });
    market.run_to(11);
    let waiting = market.read(|| PendingChildKeys::<Test>::iter_prefix(1).count());
    assert_eq!(waiting, 40);
    market.run_to(21);
    let waiting = market.read(|| PendingChildKeys::<Test>::iter_prefix(1).count());
    assert_eq!(waiting, 0);
}

/// What the child earns with the parent's stake is the parent's, but for the child's take.
#[test]
fn a_parent_receives_what_its_stake_earned_less_the_childs_take() {
    let mut market = working_family();
    market.call(BOB, set_take(CHILD, 6_553));
    assert!(market.saw(Event::ChildKeyTakeSet(CHILD, 6_553)));
    let stakes = |market: &mut Market| {
        [(PARENT, ALICE), (CHILD, BOB)].map(|(hotkey, coldkey)| market.staked(hotkey, coldkey, 1))
    };
    let before = stakes(&mut market);
    market.run_to(31);
    let after = stakes(&mut market);
    let (parent, child) = (after[0] - before[0], after[1] - before[1]);
    let about = |rao: u64, expected: u64| rao.abs_diff(expected) < UNIT / 1_000;
    assert!(
        about(parent + child, 4_100 * UNIT / 1_000),
        "{parent} {child}"
    );
    assert!(about(child, 410 * UNIT / 1_000), "{parent} {child}");
    let mut paid = market.read(|| Subtensor::alpha_dividends(1));
    paid.sort_unstable();
    assert_eq!(paid, [(PARENT, parent), (CHILD, child)]);
}

#[test]
fn a_child_takes_nothing_from_a_parent_of_its_own_coldkey() {
    let mut market = Market::open();
    let (parent, child) = (hot(BOB, 1), hot(BOB, 2));
    market.register(1, BOB, child);
    market.call(BOB, Call::try_associate_hotkey { hotkey: parent });
    market.call(BOB, set_take(child, 6_553));
    market.stake(BOB, parent, 1, 50);
    lend_at_once(&mut market, BOB, parent, &[(u64::MAX, child)]);
    market.run_to(11);
    assert_eq!(market.staked(child, BOB, 1), 0);
}

/// A tenth of what the child earned for the parent leaves the issuance.
#[test]
fn the_burn_of_childkeys_is_recycled_out_of_the_parents_pay() {
    let mut market = working_family();
    market.call(BOB, set_take(CHILD, 6_553));
    market.write(|| Subtensor::set_childkey_burn(u64::MAX / 10));
    let books = |market: &mut Market| {
        market.read(|| {
            let issued = Subtensor::alpha_out(1) - Subtensor::protocol_alpha(1);
            (issued, Subtensor::hotkey_stake(&PARENT, 1))
        })
    };
    let before = books(&mut market);
    market.run_to(31);
    let after = books(&mut market);
    let about = |rao: u64, expected: u64| rao.abs_diff(expected) < UNIT / 1_000;
    let parent = after.1 - before.1;
    assert!(about(parent, 3_280 * UNIT / 1_000), "{parent}");
    let recycled = before.0 + 10 * UNIT - after.0;
    assert!(about(recycled, 410 * UNIT / 1_000), "{recycled}");
}

#[test]
fn a_take_for_parents_is_raised_rarely_and_lowered_at_will() {
    let mut market = families();
    market.refuse(ALICE, set_take(CHILD, 1), Error::NonAssociatedColdKey);
    market.refuse(BOB, set_take(CHILD, 11_797), Error::InvalidChildkeyTake);
    let elsewhere = Call::set_childkey_take {
        hotkey: CHILD,
        netuid: 9,
        take: 1,
    };
    market.refuse(BOB, elsewhere, Error::SubnetNotExists);
    let by_root = as_root(&mut market, set_take(CHILD, 1));
    assert_eq!(by_root, Err(DispatchError::BadOrigin));

    let limit = Call::sudo_set_tx_childkey_take_rate_limit { tx_rate_limit: 20 };
    assert_eq!(as_root(&mut market, limit), Ok(()));
    market.call(BOB, set_take(CHILD, 9_000));
    market.call(BOB, set_take(CHILD, 5_000));
    let reason = Error::TxChildkeyTakeRateLimitExceeded;
    market.refuse(BOB, set_take(CHILD, 9_000), reason);
    market.run(20);
    market.call(BOB, set_take(CHILD, 9_000));
    assert_eq!(market.read(|| Subtensor::childkey_take(&CHILD, 1)), 9_000);
}

#[test]
fn a_take_for_parents_is_at_least_the_subnets_lowest() {
    let mut market = families();
    market.set(1, Hyperparameter::MinChildkeyTakePerSubnet(3_000));
    assert_eq!(market.read(|| Subtensor::childkey_take(&CHILD, 1)), 3_000);
    market.refuse(BOB, set_take(CHILD, 2_999), Error::InvalidChildkeyTake);
    let lowest = Call::sudo_set_min_childkey_take { take: 4_000 };
    assert_eq!(as_root(&mut market, lowest), Ok(()));
    assert_eq!(market.read(|| Subtensor::childkey_take(&CHILD, 1)), 4_000);
    let highest = Call::sudo_set_max_childkey_take { take: 5_000 };
    assert_eq!(as_root(&mut market, highest), Ok(()));
    market.refuse(BOB, set_take(CHILD, 5_001), Error::InvalidChildkeyTake);
    market.call(BOB, set_take(CHILD, 5_000));
    let out_of_bounds = market.write(|| {
        let setting = Hyperparameter::MinChildkeyTakePerSubnet(5_001);
        Subtensor::set_hyperparameter(1, setting, Authority::Root)
    });
    assert_eq!(out_of_bounds, Err(Error::<Test>::InvalidValue.into()));
}

#[test]
fn only_root_sets_bounds_and_intervals() {
    let mut market = families();
    let calls = [
        cooldown(1),
        Call::sudo_set_tx_childkey_take_rate_limit { tx_rate_limit: 1 },
        Call::sudo_set_min_childkey_take { take: 1 },
        Call::sudo_set_max_childkey_take { take: 1 },
    ];
    for call in calls {
        assert_eq!(market.dispatch(ALICE, call), Err(DispatchError::BadOrigin));
    }
}

#[test]
fn a_parent_below_the_threshold_lends_nothing_until_its_stake_is_back() {
    let mut market = families();
    market.write(|| Subtensor::set_stake_threshold(20 * UNIT));
    market.stake(ALICE, PARENT, ROOT, 50);
    lend_at_once(&mut market, ALICE, PARENT, &[(u64::MAX, CHILD)]);
    let lent = weight(&mut market, CHILD);
    let unstake = Call::remove_stake {
        hotkey: PARENT,
        netuid: ROOT,
        amount_unstaked: 40 * UNIT,
    };
    market.call(ALICE, unstake);
    market.run(1);
    let suspended = |market: &mut Market| {
        market.read(|| ChildkeyThresholdSuspended::<Test>::contains_key(PARENT))
    };
    assert!(suspended(&mut market));
    assert_eq!(weight(&mut market, CHILD), 0);
    assert!(weight(&mut market, PARENT) > 0);
    assert!(market.read(|| ChildKeys::<Test>::contains_key(PARENT, 1)));

    market.stake(ALICE, PARENT, ROOT, 40);
    market.run(1);
    assert!(!suspended(&mut market));
    assert_eq!(weight(&mut market, CHILD), lent);
}

/// Stake that leaves during the cooldown takes the list with it.
#[test]
fn a_waiting_list_is_dropped_when_the_stake_is_gone() {
    let mut market = families();
    market.write(|| Subtensor::set_stake_threshold(20 * UNIT));
    market.stake(ALICE, PARENT, ROOT, 50);
    market.call(ALICE, set_children(PARENT, 1, &[(u64::MAX, CHILD)]));
    market.call(ALICE, Call::unstake_all { hotkey: PARENT });
    market.run_to(11);
    assert!(!market.read(|| PendingChildKeys::<Test>::contains_key(1, PARENT)));
    assert!(!market.read(|| ChildKeys::<Test>::contains_key(PARENT, 1)));
}

/// The owner's hotkey lends without stake on its own subnet, and is not suspended there.
#[test]
fn an_owner_lends_on_its_subnet_whatever_its_stake() {
    let mut market = families();
    market.write(|| Subtensor::set_stake_threshold(20 * UNIT));
    let owner = hot(OWNER, 1);
    market.stake(OWNER, owner, 1, 1);
    lend_at_once(&mut market, OWNER, owner, &[(u64::MAX, CHILD)]);
    market.call(OWNER, Call::unstake_all { hotkey: owner });
    market.run(1);
    assert!(market.read(|| ChildkeyThresholdSuspended::<Test>::contains_key(owner)));
    assert_eq!(
        market.read(|| Subtensor::children_of(&owner, 1)),
        [(u64::MAX, CHILD)]
    );
}

#[test]
fn a_validator_on_root_lends_to_owners_unless_it_chose_otherwise() {
    let mut market = families();
    let (willing, choosy, unwilling) = (hot(ALICE, 7), hot(BOB, 7), hot(CAROL, 7));
    market.call(BOB, Call::try_associate_hotkey { hotkey: choosy });
    lend_at_once(&mut market, BOB, choosy, &[(1, CHILD)]);
    market.call(ALICE, Call::root_register { hotkey: willing });
    market.call(BOB, Call::root_register { hotkey: choosy });
    let children = |market: &mut Market, hotkey: Account, netuid: NetUid| {
        market.read(|| Subtensor::children_of(&hotkey, netuid))
    };
    let owner = hot(OWNER, 1);
    assert_eq!(children(&mut market, willing, 1), [(u64::MAX, owner)]);
    assert_eq!(children(&mut market, choosy, 1), [(1, CHILD)]);

    let refuse_owners = |hotkey| Call::set_auto_parent_delegation_enabled {
        hotkey,
        enabled: false,
    };
    let reason = Error::NonAssociatedColdKey;
    market.refuse(CAROL, refuse_owners(willing), reason);
    let reason = Error::HotKeyNotRegisteredInSubNet;
    market.refuse(ALICE, refuse_owners(PARENT), reason);
    market.run(1);
    market.call(CAROL, Call::root_register { hotkey: unwilling });
    market.call(CAROL, refuse_owners(unwilling));
    assert!(market.saw(Event::AutoParentDelegationEnabledSet {
        hotkey: unwilling,
        enabled: false,
    }));
    let by_root = as_root(&mut market, refuse_owners(unwilling));
    assert_eq!(by_root, Err(DispatchError::BadOrigin));

    assert_eq!(market.open_subnet(CAROL), 2);
    let owner = market.read(|| Subtensor::subnet_owner_hotkey(2));
    let to_owner = owner.map(|owner| (u64::MAX, owner));
    assert_eq!(children(&mut market, willing, 2).first().copied(), to_owner);
    assert_eq!(children(&mut market, choosy, 2).first().copied(), to_owner);
    assert_eq!(children(&mut market, unwilling, 2), []);
}

/// A hotkey that another steps into the place of leaves its children, parents and waiting lists to it.
#[test]
fn a_swapped_hotkeys_family_is_the_new_ones() {
    let mut market = families();
    let (new_parent, new_child) = (hot(ALICE, 9), hot(BOB, 9));
    market.stake(ALICE, PARENT, ROOT, 40);
    lend_at_once(&mut market, ALICE, PARENT, &[(HALF, CHILD), (7, MINER)]);
    market.call(BOB, set_take(CHILD, 500));
    market.call(BOB, set_children(CHILD, 1, &[(3, MINER)]));
    let lent = weight(&mut market, CHILD);
    let swap = |hotkey, new_hotkey| Call::swap_hotkey_v2 {
        hotkey,
        new_hotkey,
        netuid: None,
        keep_stake: false,
    };
    market.call(BOB, swap(CHILD, new_child));
    market.call(ALICE, swap(PARENT, new_parent));
    let children = market.read(|| Subtensor::children_of(&new_parent, 1));
    assert_eq!(children, [(HALF, new_child), (7, MINER)]);
    let parents = market.read(|| Subtensor::parents_of(&new_child, 1));
    assert_eq!(parents, [(HALF, new_parent)]);
    assert_eq!(weight(&mut market, new_child), lent);
    assert_eq!(market.read(|| Subtensor::childkey_take(&new_child, 1)), 500);
    let waiting = market.read(|| PendingChildKeys::<Test>::get(1, new_child).0);
    assert_eq!(waiting, [(3, MINER)]);
    for old in [PARENT, CHILD] {
        assert!(market.read(|| !ChildKeys::<Test>::contains_key(old, 1)));
        assert!(market.read(|| !ParentKeys::<Test>::contains_key(old, 1)));
    }
}

#[test]
fn a_child_does_not_step_into_its_parents_place() {
    let mut market = Market::open();
    let (parent, child) = (hot(BOB, 1), hot(BOB, 2));
    for hotkey in [parent, child] {
        market.call(BOB, Call::try_associate_hotkey { hotkey });
    }
    lend_at_once(&mut market, BOB, parent, &[(1, child)]);
    let swap = Call::swap_hotkey_v2 {
        hotkey: parent,
        new_hotkey: child,
        netuid: Some(1),
        keep_stake: false,
    };
    market.refuse(BOB, swap, Error::InvalidChild);
}

#[test]
fn coldkeys_are_listed_under_the_hotkey_that_their_pay_goes_to() {
    let mut market = families();
    market.register(1, CAROL, MINER);
    let direct = |hotkey| Call::set_coldkey_auto_stake_hotkey { netuid: 1, hotkey };
    let listed =
        |market: &mut Market, hotkey: Account| market.read(|| Subtensor::auto_stakers(&hotkey, 1));
    market.call(ALICE, direct(CHILD));
    market.call(CAROL, direct(CHILD));
    assert_eq!(listed(&mut market, CHILD), [ALICE, CAROL]);
    market.call(ALICE, direct(MINER));
    assert_eq!(listed(&mut market, CHILD), [CAROL]);
    assert_eq!(listed(&mut market, MINER), [ALICE]);
    market.write(|| {
        for coldkey in 0..auto_stake::AUTO_STAKERS_MAX as u64 - 1 {
            Subtensor::point_auto_stake(&(10_000 + coldkey), 1, Some(&CHILD));
        }
    });
    market.refuse(BOB, direct(CHILD), Error::TooManyHotkeys);
}

#[test]
fn pay_that_is_directed_elsewhere_is_told() {
    let mut market = working_family();
    let target = CHILD;
    let direct = Call::set_coldkey_auto_stake_hotkey {
        netuid: 1,
        hotkey: target,
    };
    market.call(CAROL, direct);
    market.run_to(31);
    let incentive = market.staked(target, CAROL, 1);
    assert!(incentive > 4 * UNIT);
    assert!(market.saw(Event::AutoStakeAdded {
        netuid: 1,
        destination: target,
        hotkey: MINER,
        owner: CAROL,
        incentive,
    }));
}
