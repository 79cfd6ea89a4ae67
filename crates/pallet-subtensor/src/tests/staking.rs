//! Stake: putting it in, taking it out, moving it.

use super::*;
use economics::pool::Side;

fn add(hotkey: Account, netuid: NetUid, rao: u64) -> Call<Test> {
    Call::add_stake {
        hotkey,
        netuid,
        amount_staked: rao,
    }
}

fn remove(hotkey: Account, netuid: NetUid, rao: u64) -> Call<Test> {
    Call::remove_stake {
        hotkey,
        netuid,
        amount_unstaked: rao,
    }
}

fn market_with_a_validator() -> (Market, Account) {
    let mut market = Market::open();
    let validator = hot(ALICE, 1);
    market.register(1, ALICE, validator);
    (market, validator)
}

#[test]
fn staking_buys_alpha_and_unstaking_sells_it() {
    let (mut market, validator) = market_with_a_validator();
    let free = market.free(BOB);
    let quote = market.read(|| Subtensor::quote(1, Side::Buy, 100 * UNIT).expect("pool is open"));
    market.call(BOB, add(validator, 1, 100 * UNIT));
    assert_eq!(market.free(BOB), free - 100 * UNIT);
    assert_eq!(market.staked(validator, BOB, 1), quote.received);
    assert!(market.saw(Event::StakeAdded(
        BOB,
        validator,
        100 * UNIT,
        quote.received,
        1,
        quote.fee
    )));
    // The pool held 100 TAO and 100 alpha, so doubling the TAO halves the alpha.
    assert!(quote.received.abs_diff(50 * UNIT) < UNIT / 10);

    market.call(BOB, remove(validator, 1, quote.received));
    assert_eq!(market.staked(validator, BOB, 1), 0);
    let lost = free - market.free(BOB);
    assert!(lost > 0 && lost < UNIT, "two fees of 0.05 %, not {lost}");
}

#[test]
fn flows_count_what_people_move() {
    let (mut market, validator) = market_with_a_validator();
    let average = |market: &mut Market| {
        let flow = market
            .read(|| Subtensor::tao_flow(1))
            .expect("a block has passed");
        flow.1.bits
    };
    market.run(1);
    assert_eq!(average(&mut market), 0);
    market.stake(BOB, validator, 1, 100);
    market.run(1);
    let rising = average(&mut market);
    // 100 TAO in one block, times the weight of one block.
    assert_eq!(
        rising >> 64,
        (100 * i128::from(UNIT) * 29_597_889_189_277) >> 63
    );
    let stake = market.staked(validator, BOB, 1);
    market.call(BOB, remove(validator, 1, stake));
    market.run(1);
    assert!(average(&mut market) < rising / 1_000);
}

#[test]
fn staking_on_root_is_one_to_one_and_free() {
    let (mut market, validator) = market_with_a_validator();
    let free = market.free(BOB);
    market.call(BOB, add(validator, ROOT, 100 * UNIT));
    assert_eq!(market.staked(validator, BOB, ROOT), 100 * UNIT);
    market.call(BOB, remove(validator, ROOT, 40 * UNIT));
    assert_eq!(market.staked(validator, BOB, ROOT), 60 * UNIT);
    assert_eq!(market.free(BOB), free - 60 * UNIT);
}

#[test]
fn staking_is_refused() {
    let (mut market, validator) = market_with_a_validator();
    let nobody = hot(PAUPER, 1);
    market.refuse(BOB, add(validator, 7, UNIT), Error::SubnetNotExists);
    market.refuse(BOB, add(nobody, 1, UNIT), Error::HotKeyAccountNotExists);
    market.refuse(BOB, add(validator, 1, 1), Error::AmountTooLow);
    let million = 1_000_000 * UNIT;
    market.refuse(
        BOB,
        add(validator, 1, million),
        Error::NotEnoughBalanceToStake,
    );
    market.refuse(
        PAUPER,
        add(validator, 1, UNIT),
        Error::NotEnoughBalanceToStake,
    );
    market.call(
        CAROL,
        Call::register_network {
            hotkey: hot(CAROL, 2),
        },
    );
    market.refuse(BOB, add(validator, 2, UNIT), Error::SubtokenDisabled);
}

#[test]
fn unstaking_is_refused() {
    let (mut market, validator) = market_with_a_validator();
    market.stake(BOB, validator, 1, 10);
    let stake = market.staked(validator, BOB, 1);
    market.refuse(BOB, remove(validator, 1, 0), Error::AmountTooLow);
    market.refuse(BOB, remove(validator, 1, 1), Error::AmountTooLow);
    market.refuse(
        BOB,
        remove(validator, 1, stake + 1),
        Error::NotEnoughStakeToWithdraw,
    );
    market.refuse(
        CAROL,
        remove(validator, 1, UNIT),
        Error::NotEnoughStakeToWithdraw,
    );
    market.refuse(BOB, remove(validator, 7, UNIT), Error::SubnetNotExists);
    market.refuse(
        BOB,
        remove(hot(PAUPER, 1), 1, UNIT),
        Error::HotKeyAccountNotExists,
    );
    assert_eq!(market.staked(validator, BOB, 1), stake);
}

#[test]
fn a_pool_without_alpha_sells_none() {
    let (mut market, validator) = market_with_a_validator();
    let alpha = market.read(|| Subtensor::alpha_in(1));
    let refused = market.read(|| {
        Subtensor::open_pool(1, 0);
        let refused = Subtensor::do_add_stake(&BOB, &validator, 1, UNIT, None);
        Subtensor::open_pool(1, alpha);
        refused
    });
    assert_eq!(refused, Err(Error::<Test>::InsufficientLiquidity.into()));
}

#[test]
fn a_limit_stops_a_purchase_at_its_price() {
    let (mut market, validator) = market_with_a_validator();
    let buy = |limit_price, allow_partial| Call::add_stake_limit {
        hotkey: validator,
        netuid: 1,
        amount_staked: 100 * UNIT,
        limit_price,
        allow_partial,
    };
    let double = 2 * UNIT;
    market.refuse(BOB, buy(double, false), Error::SlippageTooHigh);
    market.refuse(BOB, buy(UNIT / 2, true), Error::SlippageTooHigh);
    let free = market.free(BOB);
    market.call(BOB, buy(double, true));
    let paid = free - market.free(BOB);
    // The price doubles when the TAO side grows by the square root of two.
    assert!(paid.abs_diff(41_421 * UNIT / 1_000) < UNIT, "{paid}");
    let price = market.read(|| Subtensor::alpha_price(1).of(UNIT));
    assert!(price <= double && double - price < 10, "{price}");
    market.call(BOB, buy(6 * UNIT, false));
}

#[test]
fn a_limit_stops_a_sale_at_its_price() {
    let (mut market, validator) = market_with_a_validator();
    market.stake(BOB, validator, 1, 100);
    let stake = market.staked(validator, BOB, 1);
    let sell = |limit_price, allow_partial| Call::remove_stake_limit {
        hotkey: validator,
        netuid: 1,
        amount_unstaked: stake,
        limit_price,
        allow_partial,
    };
    market.refuse(BOB, sell(2 * UNIT, false), Error::SlippageTooHigh);
    market.call(BOB, sell(2 * UNIT, true));
    let left = market.staked(validator, BOB, 1);
    assert!(left > 0 && left < stake);
    let price = market.read(|| Subtensor::alpha_price(1).of(UNIT));
    assert!(price >= 2 * UNIT - 1, "{price}");
    let all = |limit_price| Call::remove_stake_full_limit {
        hotkey: validator,
        netuid: 1,
        limit_price,
    };
    market.refuse(BOB, all(Some(2 * UNIT)), Error::SlippageTooHigh);
    market.call(BOB, all(None));
    assert_eq!(market.staked(validator, BOB, 1), 0);
}

#[test]
fn everything_is_unstaked_at_once() {
    let (mut market, validator) = market_with_a_validator();
    market.stake(BOB, validator, 1, 10);
    market.stake(BOB, validator, ROOT, 10);
    market.call(BOB, Call::unstake_all_alpha { hotkey: validator });
    assert_eq!(market.staked(validator, BOB, 1), 0);
    assert!(market.staked(validator, BOB, ROOT) > 19 * UNIT);
    market.call(BOB, Call::unstake_all { hotkey: validator });
    assert_eq!(market.read(|| Subtensor::stakes_of_coldkey(&BOB)), vec![]);
    market.refuse(
        BOB,
        Call::unstake_all {
            hotkey: hot(PAUPER, 1),
        },
        Error::HotKeyAccountNotExists,
    );
}

#[test]
fn stake_moves_between_hotkeys_for_nothing() {
    let (mut market, validator) = market_with_a_validator();
    let other = hot(CAROL, 1);
    market.register(1, CAROL, other);
    market.stake(BOB, validator, 1, 10);
    let stake = market.staked(validator, BOB, 1);
    let step = |alpha_amount| Call::move_stake {
        origin_hotkey: validator,
        destination_hotkey: other,
        origin_netuid: 1,
        destination_netuid: 1,
        alpha_amount,
    };
    market.call(BOB, step(stake));
    assert_eq!(market.staked(validator, BOB, 1), 0);
    assert_eq!(market.staked(other, BOB, 1), stake);
    market.refuse(BOB, step(UNIT), Error::NotEnoughStakeToWithdraw);
    market.refuse(BOB, step(0), Error::AmountTooLow);
}

#[test]
fn stake_moves_between_subnets_through_both_pools() {
    let (mut market, validator) = market_with_a_validator();
    market.open_subnet(CAROL);
    market.stake(BOB, validator, 1, 10);
    let stake = market.staked(validator, BOB, 1);
    let step = |destination_netuid, alpha_amount| Call::swap_stake {
        hotkey: validator,
        origin_netuid: 1,
        destination_netuid,
        alpha_amount,
    };
    let free = market.free(BOB);
    market.call(BOB, step(2, stake / 2));
    assert_eq!(market.free(BOB), free);
    assert!(market.staked(validator, BOB, 2) > 4 * UNIT);
    market.call(BOB, step(ROOT, stake / 4));
    assert!(market.staked(validator, BOB, ROOT) > 2 * UNIT);
    market.refuse(BOB, step(1, UNIT), Error::SameNetuid);
    market.refuse(BOB, step(9, UNIT), Error::SubnetNotExists);
    market.refuse(BOB, step(2, 1_000), Error::AmountTooLow);

    let limited = |limit_price, allow_partial| Call::swap_stake_limit {
        hotkey: validator,
        origin_netuid: 1,
        destination_netuid: 2,
        alpha_amount: stake / 8,
        limit_price,
        allow_partial,
    };
    market.refuse(BOB, limited(10 * UNIT, false), Error::SlippageTooHigh);
    market.refuse(BOB, limited(10 * UNIT, true), Error::SlippageTooHigh);
    market.call(BOB, limited(UNIT / 2, false));
}

#[test]
fn stake_passes_to_another_coldkey_where_the_subnet_lets_it() {
    let (mut market, validator) = market_with_a_validator();
    market.stake(BOB, validator, 1, 10);
    let stake = market.staked(validator, BOB, 1);
    let pass = Call::transfer_stake {
        destination_coldkey: CAROL,
        hotkey: validator,
        origin_netuid: 1,
        destination_netuid: 1,
        alpha_amount: stake / 2,
    };
    market.call(BOB, pass.clone());
    assert!(market.staked(validator, CAROL, 1).abs_diff(stake / 2) <= 1);
    market.set(1, Hyperparameter::TransferToggle(false));
    market.refuse(BOB, pass, Error::TransferDisallowed);
}

/// Pay to a hotkey's stakers reaches them in proportion, whoever came or went in between.
#[test]
fn shares_follow_pay_through_any_number_of_stakers() {
    let (mut market, validator) = market_with_a_validator();
    let stakers: Vec<Account> = (1_000..1_050).collect();
    for staker in &stakers {
        market.call(BOB, add(validator, ROOT, 3 * UNIT + staker));
        market.call(
            BOB,
            Call::transfer_stake {
                destination_coldkey: *staker,
                hotkey: validator,
                origin_netuid: ROOT,
                destination_netuid: ROOT,
                alpha_amount: 3 * UNIT,
            },
        );
    }
    // As if root stake earned TAO: the amount doubles, the shares stay.
    let total = market.read(|| Subtensor::hotkey_stake(&validator, ROOT));
    market.write(|| {
        Subtensor::mint_into_reserve(ROOT, total);
        Subtensor::credit_stakers(&validator, ROOT, total);
    });
    for staker in &stakers {
        assert!(market.staked(validator, *staker, ROOT).abs_diff(6 * UNIT) <= 1);
    }
    assert_eq!(
        market.read(|| Subtensor::stakes_on_hotkey(&validator).len()),
        51
    );
}

#[test]
fn a_limit_stops_a_move_at_its_price() {
    let (mut market, validator) = market_with_a_validator();
    market.open_subnet(CAROL);
    let other = hot(CAROL, 1);
    market.register(1, CAROL, other);
    market.stake(BOB, validator, 1, 10);
    let step = |alpha_amount, limit_price, allow_partial| Call::move_stake_limit {
        origin_hotkey: validator,
        destination_hotkey: other,
        origin_netuid: 1,
        destination_netuid: 2,
        alpha_amount,
        limit_price,
        allow_partial,
    };
    let refusal = Error::SlippageTooHigh;
    market.refuse(BOB, step(UNIT, 10 * UNIT, false), refusal);
    market.call(BOB, step(u64::MAX, UNIT + UNIT / 10, true));
    let left = market.staked(validator, BOB, 1);
    assert!(left > 0, "only what fits moves");
    assert!(market.staked(other, BOB, 2) > 0);
    market.call(BOB, step(u64::MAX, 0, false));
    assert_eq!(market.staked(validator, BOB, 1), 0);
    market.refuse(BOB, step(u64::MAX, 0, false), Error::AmountTooLow);
}

#[test]
fn stake_passes_to_another_coldkey_and_hotkey_at_once() {
    let (mut market, validator) = market_with_a_validator();
    let other = hot(CAROL, 1);
    market.register(1, CAROL, other);
    market.stake(BOB, validator, 1, 10);
    let stake = market.staked(validator, BOB, 1);
    let pass = |destination_hotkey| Call::transfer_stake_and_hotkey {
        destination_coldkey: CAROL,
        origin_hotkey: validator,
        destination_hotkey,
        origin_netuid: 1,
        destination_netuid: 1,
        alpha_amount: u64::MAX,
    };
    let nobody = hot(PAUPER, 1);
    market.refuse(BOB, pass(nobody), Error::HotKeyAccountNotExists);
    let worth = market.read(|| Subtensor::alpha_price(1).of(stake));
    market.call(BOB, pass(other));
    assert!(market.saw(Event::StakeAndHotkeyTransferred {
        origin_coldkey: BOB,
        destination_coldkey: CAROL,
        origin_hotkey: validator,
        destination_hotkey: other,
        origin_netuid: 1,
        destination_netuid: 1,
        amount: worth,
    }));
    assert_eq!(market.staked(other, CAROL, 1), stake);
    market.set(1, Hyperparameter::TransferToggle(false));
    market.stake(BOB, validator, 1, 10);
    market.refuse(BOB, pass(other), Error::TransferDisallowed);
}

#[test]
fn burned_alpha_is_nobodys_and_recycled_alpha_is_gone() {
    let (mut market, validator) = market_with_a_validator();
    market.stake(BOB, validator, 1, 10);
    let stake = market.staked(validator, BOB, 1);
    let books =
        |market: &mut Market| market.read(|| (Subtensor::alpha_out(1), Subtensor::burned_alpha(1)));
    let (out, burned) = books(&mut market);
    let burn = |netuid, amount| Call::burn_alpha {
        hotkey: validator,
        amount,
        netuid,
    };
    market.call(BOB, burn(1, UNIT));
    assert!(market.saw(Event::AlphaBurned(BOB, validator, UNIT, 1)));
    assert_eq!(books(&mut market), (out, burned + UNIT));
    let recycle = |netuid, hotkey| Call::recycle_alpha {
        hotkey,
        amount: u64::MAX,
        netuid,
    };
    market.call(BOB, recycle(1, validator));
    let rest = stake - UNIT;
    assert!(market.saw(Event::AlphaRecycled(BOB, validator, rest, 1)));
    assert_eq!(books(&mut market), (out - rest, burned + UNIT));
    assert_eq!(market.staked(validator, BOB, 1), 0);

    market.refuse(BOB, burn(1, UNIT), Error::NotEnoughStakeToWithdraw);
    market.refuse(BOB, burn(1, 0), Error::AmountTooLow);
    market.refuse(BOB, burn(9, UNIT), Error::SubnetNotExists);
    let refusal = Error::CannotBurnOrRecycleOnRootSubnet;
    market.refuse(BOB, burn(ROOT, UNIT), refusal);
    let nobody = hot(PAUPER, 1);
    market.refuse(BOB, recycle(1, nobody), Error::HotKeyAccountNotExists);
    market.set(1, Hyperparameter::SubtokenEnabled(false));
    market.refuse(BOB, recycle(1, validator), Error::SubtokenDisabled);
}

#[test]
fn alpha_is_bought_to_be_burned() {
    let (mut market, validator) = market_with_a_validator();
    let burned = market.read(|| Subtensor::burned_alpha(1));
    let (free, price) = (
        market.free(BOB),
        market.read(|| Subtensor::alpha_price(1).of(UNIT)),
    );
    let buy = |netuid, limit| Call::add_stake_burn {
        hotkey: validator,
        netuid,
        amount: 10 * UNIT,
        limit,
    };
    market.refuse(BOB, buy(1, Some(price)), Error::SlippageTooHigh);
    let refusal = Error::CannotBurnOrRecycleOnRootSubnet;
    market.refuse(BOB, buy(ROOT, None), refusal);
    market.call(BOB, buy(1, Some(2 * price)));
    let alpha = market.read(|| Subtensor::burned_alpha(1)) - burned;
    assert!(market.saw(Event::AddStakeBurn {
        netuid: 1,
        hotkey: validator,
        amount: 10 * UNIT,
        alpha,
    }));
    assert!(alpha > 8 * UNIT);
    assert_eq!(market.free(BOB), free - 10 * UNIT);
    assert_eq!(market.staked(validator, BOB, 1), 0);
    assert!(market.read(|| Subtensor::alpha_price(1).of(UNIT)) > price);
}

#[test]
fn what_is_left_of_a_nomination_goes_with_it_when_it_is_too_small() {
    let (mut market, validator) = market_with_a_validator();
    market.write(|| Subtensor::set_nomination_min(1_000_000_000));
    assert_eq!(market.read(Subtensor::nomination_min), 2 * UNIT);
    for coldkey in [ALICE, BOB] {
        market.stake(coldkey, validator, ROOT, 10);
        market.call(coldkey, remove(validator, ROOT, 8 * UNIT));
        assert_eq!(market.staked(validator, coldkey, ROOT), 2 * UNIT);
        market.call(coldkey, remove(validator, ROOT, UNIT));
    }
    assert_eq!(market.staked(validator, BOB, ROOT), 0);
    let own = market.staked(validator, ALICE, ROOT);
    assert_eq!(own, UNIT, "who owns the hotkey nominates nobody");
}

#[test]
fn a_claim_passes_over_what_is_worth_too_little() {
    let (mut market, validator) = market_with_a_validator();
    market.stake(BOB, validator, ROOT, 10);
    market.write(|| {
        Subtensor::mint_alpha_out(1, 1_000);
        Subtensor::credit_root_stakers(&validator, 1, 1_000);
    });
    let set = |netuid, new_value| Call::sudo_set_root_claim_threshold { netuid, new_value };
    market.refuse(BOB, set(ROOT, 1), Error::NotSubnetOwner);
    for (netuid, rao) in [(1, 1), (ROOT, 10_000_001)] {
        let refused = Err(Error::<Test>::InvalidRootClaimThreshold.into());
        assert_eq!(market.as_root(set(netuid, rao)), refused);
    }
    assert_eq!(market.as_root(set(ROOT, 10_000_000)), Ok(()));
    let owed =
        |market: &mut Market| market.read(|| Subtensor::root_dividend_owed(&validator, &BOB, 1));
    let waiting = owed(&mut market);
    assert!(waiting > 0);
    let claim = Call::claim_root_with_hotkey { hotkey: validator };
    market.call(BOB, claim.clone());
    assert_eq!(owed(&mut market), waiting);
    assert_eq!(market.as_root(set(ROOT, 0)), Ok(()));
    market.call(BOB, claim);
    assert_eq!(owed(&mut market), 0);
    assert_eq!(market.staked(validator, BOB, 1), waiting);
}
