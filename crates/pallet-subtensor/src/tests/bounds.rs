//! What nobody may do to others: fill lists, starve epochs, round stakes away, unbalance the books.

use super::*;

fn free_hotkeys(count: usize) -> Vec<Account> {
    (0..count as u64).map(|index| 1_000_000 + index).collect()
}

/// Somebody burns TAO through the balances pallet, of which this one is not told.
#[test]
fn issuance_follows_what_balances_burn() {
    let mut market = Market::open();
    let before = market.read(Subtensor::total_issuance);
    market.read(|| {
        use sp_runtime::traits::Dispatchable;
        let call = pallet_balances::Call::<Test>::burn {
            value: 7 * UNIT,
            keep_alive: true,
        };
        RuntimeCall::from(call)
            .dispatch(RuntimeOrigin::signed(ALICE))
            .expect("Alice can burn")
    });
    market.run(1);
    let minted = market.read(Subtensor::block_emission);
    assert_eq!(
        market.read(Subtensor::total_issuance),
        before - 7 * UNIT + minted
    );
}

/// Three subnets, two epochs a block, and two owners who ask for one in every block.
#[test]
fn owners_who_trigger_always_do_not_starve_a_third_subnet() {
    let mut market = Market::open();
    market.open_subnet(ALICE);
    market.open_subnet(BOB);
    for _ in 0..20 {
        for (owner, netuid) in [(OWNER, 1), (ALICE, 2)] {
            let _refused_or_not = market.dispatch(owner, Call::trigger_epoch { netuid });
        }
        market.run(1);
    }
    assert!(market.read(|| Subtensor::epoch_index(3)) >= 1);
}

/// A staker with one rao lets pay raise it, takes all but one rao out, and again; in the end a share would be
/// worth more than what others bring, and their stakes would round to nothing.
#[test]
fn shares_never_become_too_dear_for_newcomers() {
    let mut market = Market::open();
    let hotkey = hot(ALICE, 1);
    market.register(1, ALICE, hotkey);
    market.write(|| {
        Subtensor::mint_alpha_out(1, 1);
        Subtensor::credit_stake(&hotkey, &CAROL, 1, 1);
    });
    for _ in 0..3 {
        market.write(|| {
            Subtensor::mint_alpha_out(1, 1_000 * UNIT);
            Subtensor::credit_stakers(&hotkey, 1, 1_000 * UNIT);
        });
        for coldkey in [CAROL, ALICE] {
            let stake = market.staked(hotkey, coldkey, 1);
            let all_but_one = stake.saturating_sub(u64::from(coldkey == CAROL));
            market.write(|| {
                Subtensor::debit_stake(&hotkey, &coldkey, 1, all_but_one).expect("it is staked");
                Subtensor::abandon_alpha(1, all_but_one);
            });
        }
    }
    market.write(|| {
        Subtensor::mint_alpha_out(1, 1_001 * UNIT);
        Subtensor::credit_stakers(&hotkey, 1, 1_000 * UNIT);
        Subtensor::credit_stake(&hotkey, &BOB, 1, UNIT);
    });
    assert!(market.staked(hotkey, BOB, 1).abs_diff(UNIT) <= 1);
}

#[test]
fn a_coldkey_owns_a_bounded_number_of_hotkeys() {
    let mut market = Market::open();
    let associate = |hotkey| Call::try_associate_hotkey { hotkey };
    market.write(|| OwnedHotkeys::<Test>::insert(BOB, free_hotkeys(4_096)));
    market.refuse(BOB, associate(5_000_000), Error::TooManyHotkeys);
    market.refuse(
        BOB,
        Call::burned_register {
            netuid: 1,
            hotkey: 5_000_000,
        },
        Error::TooManyHotkeys,
    );
    market.call(CAROL, associate(5_000_000));
}

#[test]
fn a_coldkey_stakes_on_a_bounded_number_of_hotkeys() {
    let mut market = Market::open();
    let (hotkey, known) = (hot(ALICE, 1), hot(OWNER, 1));
    market.register(1, ALICE, hotkey);
    let mut full = free_hotkeys(1_023);
    full.push(known);
    market.write(|| StakingHotkeys::<Test>::insert(BOB, full));
    let stake = |hotkey| Call::add_stake {
        hotkey,
        netuid: 1,
        amount_staked: UNIT,
    };
    market.refuse(BOB, stake(hotkey), Error::TooManyHotkeys);
    market.call(BOB, stake(known));
    // What others give fills half of the list at most.
    market.write(|| StakingHotkeys::<Test>::insert(CAROL, free_hotkeys(512)));
    market.stake(ALICE, hotkey, 1, 10);
    let gift = |destination_coldkey| Call::transfer_stake {
        destination_coldkey,
        hotkey,
        origin_netuid: 1,
        destination_netuid: 1,
        alpha_amount: UNIT,
    };
    market.refuse(ALICE, gift(CAROL), Error::TooManyHotkeys);
    market.call(ALICE, gift(PAUPER));
}

#[test]
fn a_gift_of_dust_is_refused() {
    let mut market = Market::open();
    let hotkey = hot(ALICE, 1);
    market.register(1, ALICE, hotkey);
    market.stake(ALICE, hotkey, 1, 10);
    let gift = |alpha_amount| Call::transfer_stake {
        destination_coldkey: BOB,
        hotkey,
        origin_netuid: 1,
        destination_netuid: 1,
        alpha_amount,
    };
    market.refuse(ALICE, gift(1), Error::AmountTooLow);
    market.call(ALICE, gift(UNIT));
}

#[test]
fn one_claim_touches_a_bounded_number_of_positions() {
    let mut market = Market::open();
    market.open_subnet(ALICE);
    let subnets = [1, 2].into_iter().collect();
    market.write(|| StakingHotkeys::<Test>::insert(BOB, free_hotkeys(257)));
    market.refuse(BOB, Call::claim_root { subnets }, Error::TooManyHotkeys);
    let subnets = [1].into_iter().collect();
    market.call(BOB, Call::claim_root { subnets });
}

/// A block that settles reserves time for it, and the more neurons the more.
#[test]
fn hooks_weigh_what_they_do() {
    let mut market = Market::open();
    let weigh = |market: &mut Market, block: u32| {
        market.run_to(block - 1);
        market.read(|| {
            use frame_support::traits::OnInitialize;
            System::set_block_number(block);
            Subtensor::on_initialize(block).ref_time()
        })
    };
    let idle = weigh(&mut market, 5);
    let settling = weigh(&mut market, 11);
    for index in 0..30 {
        market.register(1, ALICE, hot(ALICE, index));
    }
    let settling_more = weigh(&mut market, 21);
    assert!(idle < settling && settling + 30 * 1_000_000 < settling_more);
}
