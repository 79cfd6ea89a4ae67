//! What a block creates: the reference's figures that a chain can show.

use super::*;

#[test]
fn a_block_mints_one_tao_and_one_alpha_per_open_subnet() {
    let mut market = Market::open();
    let issuance = market.read(Subtensor::total_issuance);
    market.run(1);
    // The first block's moving price is still zero, so nobody gets TAO.
    assert_eq!(market.read(Subtensor::total_issuance), issuance);
    assert_eq!(market.read(|| Subtensor::alpha_emission(1)), (0, UNIT));
    market.run(1);
    assert_eq!(market.read(Subtensor::total_issuance), issuance + UNIT);
    assert_eq!(market.read(Subtensor::block_emission), UNIT);
}

/// Where blocks come 48 times as often, each mints a 48th: a day mints the same.
#[test]
fn a_shorter_block_mints_in_proportion() {
    let mut market = Market::with_interval(250);
    market.open_subnet(OWNER);
    market.run(1);
    let issuance = market.read(Subtensor::total_issuance);
    let pending = |market: &mut Market| {
        let pending = market.read(|| Subtensor::pending(1));
        pending.epoch_total() + pending.owner
    };
    let alpha = market.read(|| Subtensor::alpha_out(1));
    market.set(1, Hyperparameter::Tempo(1_000));
    market.run(48);
    assert_eq!(market.read(Subtensor::total_issuance), issuance + UNIT);
    let bought = market.read(|| Subtensor::protocol_alpha(1));
    assert_eq!(
        market.read(|| Subtensor::alpha_out(1)) - bought,
        alpha + UNIT
    );
    assert!(pending(&mut market) > 0);
}

/// `split_18pct_rootprop_0`: 18 % to the owner, the rest by halves.
#[test]
fn pay_waits_in_the_references_parts() {
    let mut market = Market::open();
    market.run(1);
    let pending = market.read(|| Subtensor::pending(1));
    assert_eq!(
        (
            pending.owner,
            pending.server,
            pending.validator,
            pending.root
        ),
        (179_995_422, 410_002_288, 410_002_288, 0)
    );
}

#[test]
fn without_an_owners_cut_miners_and_validators_get_all() {
    let mut market = Market::open();
    market.set(1, Hyperparameter::OwnerCutEnabled(false));
    market.run(1);
    let pending = market.read(|| Subtensor::pending(1));
    assert_eq!((pending.owner, pending.server), (0, UNIT / 2));
}

/// `tao_toggle_101`: a disabled subnet gets no TAO, the others its share, and all mint alpha.
#[test]
fn a_disabled_subnet_gets_no_tao_but_mints_alpha() {
    let mut market = Market::open();
    market.open_subnet(ALICE);
    market.open_subnet(BOB);
    market.run(2);
    market.set(2, Hyperparameter::SubnetEmissionEnabled(false));
    market.write(|| {
        for netuid in 1..=3 {
            SubnetMovingPriceExact::<Test>::insert(netuid, 1u128 << 64);
        }
    });
    market.run(1);
    let received: Vec<u64> = (1..=3)
        .map(|netuid| {
            let (injected, excess) = market.read(|| Subtensor::tao_in_emission(netuid));
            injected + excess
        })
        .collect();
    assert_eq!(received, [UNIT / 2, 0, UNIT / 2]);
    assert_eq!(market.read(|| Subtensor::alpha_emission(2)), (0, UNIT));
}

/// With root stake, part of a subnet's TAO is matched by alpha; the rest buys alpha for the
/// protocol.
#[test]
fn root_stake_lets_tao_into_the_pool() {
    let mut market = Market::open();
    market.run(2);
    assert_eq!(market.read(|| Subtensor::tao_in_emission(1)), (0, UNIT));
    market.call(
        ALICE,
        Call::root_register {
            hotkey: hot(ALICE, 1),
        },
    );
    market.stake(ALICE, hot(ALICE, 1), ROOT, 100_000);
    market.run(1);
    let (injected, excess) = market.read(|| Subtensor::tao_in_emission(1));
    assert!(injected > 9 * UNIT / 10, "{injected}");
    assert_eq!(injected + excess, UNIT);
    assert!(market.read(|| Subtensor::protocol_alpha(1)) > 0);
}

/// `pending_split_quarter_root`, near enough for a chain: root's part is kept only while alpha is
/// dear.
#[test]
fn roots_part_is_recycled_while_prices_are_low() {
    let mut market = Market::open();
    market.call(
        ALICE,
        Call::root_register {
            hotkey: hot(ALICE, 1),
        },
    );
    market.stake(ALICE, hot(ALICE, 1), ROOT, 300);
    market.run(1);
    assert_eq!(market.read(|| Subtensor::pending(1)).root, 0);
    let out = market.read(|| Subtensor::alpha_out(1));
    assert!(out < UNIT, "root's part left the issuance: {out}");
    market.write(|| SubnetMovingPriceExact::<Test>::insert(1, 2u128 << 64));
    market.run(1);
    let kept = market.read(|| Subtensor::pending(1)).root;
    let share = market.read(|| Subtensor::root_proportion(1).of(410_002_288));
    assert!(kept.abs_diff(share) < 10_000_000, "{kept} {share}");
}

/// `single_staker_registered` and `no_miners_all_to_validator`: whoever alone has stake receives
/// both halves.
#[test]
fn a_single_staker_receives_everything() {
    let mut market = Market::open();
    let hotkey = hot(ALICE, 1);
    market.register(1, ALICE, hotkey);
    market.write(|| {
        Subtensor::mint_alpha_out(1, 2 * UNIT);
        Subtensor::credit_stake(&hotkey, &ALICE, 1, UNIT);
        PendingServerEmission::<Test>::insert(1, UNIT / 2);
        PendingValidatorEmission::<Test>::insert(1, UNIT / 2);
    });
    market.call(OWNER, Call::trigger_epoch { netuid: 1 });
    market.set(1, Hyperparameter::OwnerCutEnabled(false));
    // The block in which the epoch runs mints one more alpha, which goes the same way.
    market.run(1);
    assert!(market.staked(hotkey, ALICE, 1).abs_diff(3 * UNIT) <= 9);
}

/// `two_stakers_registered`: equal stakes on two hotkeys earn equal pay.
#[test]
fn equal_stakes_earn_equally() {
    let mut market = Market::open();
    let hotkeys = [hot(ALICE, 1), hot(BOB, 1)];
    market.register(1, ALICE, hotkeys[0]);
    market.register(1, BOB, hotkeys[1]);
    market.set(1, Hyperparameter::OwnerCutEnabled(false));
    market.write(|| {
        Subtensor::mint_alpha_out(1, 3 * UNIT);
        Subtensor::credit_stake(&hotkeys[0], &ALICE, 1, UNIT);
        Subtensor::credit_stake(&hotkeys[1], &BOB, 1, UNIT);
        PendingServerEmission::<Test>::insert(1, UNIT / 2);
        PendingValidatorEmission::<Test>::insert(1, UNIT / 2);
    });
    market.call(OWNER, Call::trigger_epoch { netuid: 1 });
    market.run(1);
    for (hotkey, coldkey) in [(hotkeys[0], ALICE), (hotkeys[1], BOB)] {
        assert!(market.staked(hotkey, coldkey, 1).abs_diff(2 * UNIT) <= 10);
    }
}

#[test]
fn prices_move_slowly_while_a_subnet_is_young() {
    let mut market = Market::open();
    market.run(10);
    let young = market.read(|| Subtensor::moving_price(1)).bits;
    market.run(10);
    let older = market.read(|| Subtensor::moving_price(1)).bits;
    assert!(young <= older);
    let exact = market.read(|| SubnetMovingPriceExact::<Test>::get(1));
    assert!(exact > 0 && exact < 1 << 44, "{exact}");
}

/// Fees and dust leave the issuance with the balances they were in; the books still agree.
#[test]
fn dust_is_recycled() {
    let mut market = Market::open();
    let transfer = |from: Account, to: Account, value: u64| {
        use sp_runtime::traits::Dispatchable;
        let call = pallet_balances::Call::<Test>::transfer_allow_death { dest: to, value };
        RuntimeCall::from(call).dispatch(RuntimeOrigin::signed(from))
    };
    market.write(|| transfer(ALICE, PAUPER, 1_000).expect("Alice can pay"));
    let issuance = market.read(Subtensor::total_issuance);
    market.write(|| transfer(PAUPER, ALICE, 900).expect("the pauper can pay"));
    assert_eq!(market.read(Subtensor::total_issuance), issuance - 100);
}
