//! Random markets: whatever people do, the invariants hold after every call and every block.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::Config as Cases;
use sp_runtime::traits::Dispatchable;

/// One thing somebody does.
#[derive(Clone, Debug)]
enum Act {
    Wait(u32),
    Register {
        coldkey: Account,
        netuid: NetUid,
    },
    Stake {
        coldkey: Account,
        target: usize,
        netuid: NetUid,
        rao: u64,
    },
    Unstake {
        coldkey: Account,
        target: usize,
        netuid: NetUid,
        percent: u64,
    },
    Move {
        coldkey: Account,
        from: usize,
        to: usize,
        origin: NetUid,
        destination: NetUid,
    },
    Weigh {
        grader: usize,
        netuid: NetUid,
        row: Vec<(u16, u16)>,
    },
    Take {
        target: usize,
        take: u16,
    },
    Collect {
        coldkey: Account,
    },
    Family(FamilyAct),
    Rare(RareAct),
}

/// One thing somebody does about who works for whom.
#[derive(Clone, Debug)]
enum FamilyAct {
    Lend {
        parent: usize,
        netuid: NetUid,
        children: Vec<(usize, u64)>,
    },
    TakeFromParents {
        target: usize,
        netuid: NetUid,
        take: u16,
    },
    JoinRoot {
        target: usize,
    },
    DirectPay {
        coldkey: Account,
        target: usize,
        netuid: NetUid,
    },
}

/// One thing that happens rarely: keys change, alpha is given up, subnets come and go.
#[derive(Clone, Debug)]
enum RareAct {
    SwapHotkey {
        target: usize,
        netuid: Option<NetUid>,
        keep_stake: bool,
    },
    SwapColdkey {
        coldkey: Account,
    },
    GiveUp {
        coldkey: Account,
        target: usize,
        netuid: NetUid,
        is_burned: bool,
    },
    Give {
        coldkey: Account,
        to: Account,
        target: usize,
        netuid: NetUid,
    },
    Found {
        coldkey: Account,
    },
    Dissolve {
        netuid: NetUid,
    },
}

fn coldkey() -> impl Strategy<Value = Account> {
    prop::sample::select(vec![ALICE, BOB, CAROL, PAUPER])
}

fn act() -> impl Strategy<Value = Act> {
    let netuid = || 0u16..3;
    let target = || 0usize..12;
    prop_oneof![
        (1u32..12).prop_map(Act::Wait),
        (coldkey(), 1u16..3).prop_map(|(coldkey, netuid)| Act::Register { coldkey, netuid }),
        (coldkey(), target(), netuid(), 1u64..50_000 * UNIT).prop_map(
            |(coldkey, target, netuid, rao)| Act::Stake {
                coldkey,
                target,
                netuid,
                rao
            }
        ),
        (coldkey(), target(), netuid(), 1u64..=100).prop_map(
            |(coldkey, target, netuid, percent)| Act::Unstake {
                coldkey,
                target,
                netuid,
                percent
            }
        ),
        (coldkey(), target(), target(), netuid(), netuid()).prop_map(
            |(coldkey, from, to, origin, destination)| Act::Move {
                coldkey,
                from,
                to,
                origin,
                destination
            }
        ),
        (
            target(),
            1u16..3,
            prop::collection::vec((0u16..8, any::<u16>()), 1..6)
        )
            .prop_map(|(grader, netuid, row)| Act::Weigh {
                grader,
                netuid,
                row
            }),
        (target(), 0u16..11_796).prop_map(|(target, take)| Act::Take { target, take }),
        coldkey().prop_map(|coldkey| Act::Collect { coldkey }),
        family_act().prop_map(Act::Family),
        rare_act().prop_map(Act::Rare),
    ]
}

fn family_act() -> impl Strategy<Value = FamilyAct> {
    let target = || 0usize..12;
    prop_oneof![
        (
            target(),
            1u16..3,
            prop::collection::vec((target(), 0..u64::MAX / 3), 0..4)
        )
            .prop_map(|(parent, netuid, children)| FamilyAct::Lend {
                parent,
                netuid,
                children
            }),
        (target(), 1u16..3, 0u16..11_796).prop_map(|(target, netuid, take)| {
            FamilyAct::TakeFromParents {
                target,
                netuid,
                take,
            }
        }),
        target().prop_map(|target| FamilyAct::JoinRoot { target }),
        (coldkey(), target(), 1u16..3).prop_map(|(coldkey, target, netuid)| FamilyAct::DirectPay {
            coldkey,
            target,
            netuid
        }),
    ]
}

fn rare_act() -> impl Strategy<Value = RareAct> {
    let target = || 0usize..12;
    let netuid = prop::option::of(1u16..3);
    prop_oneof![
        (target(), netuid, any::<bool>()).prop_map(|(target, netuid, keep_stake)| {
            RareAct::SwapHotkey {
                target,
                netuid,
                keep_stake,
            }
        }),
        coldkey().prop_map(|coldkey| RareAct::SwapColdkey { coldkey }),
        (coldkey(), target(), 1u16..3, any::<bool>()).prop_map(
            |(coldkey, target, netuid, is_burned)| RareAct::GiveUp {
                coldkey,
                target,
                netuid,
                is_burned
            }
        ),
        (coldkey(), coldkey(), target(), 0u16..3).prop_map(|(coldkey, to, target, netuid)| {
            RareAct::Give {
                coldkey,
                to,
                target,
                netuid,
            }
        }),
        coldkey().prop_map(|coldkey| RareAct::Found { coldkey }),
        (1u16..3).prop_map(|netuid| RareAct::Dissolve { netuid }),
    ]
}

/// A market of two subnets whose alpha is dear, so that root is paid too, and where lists of children
/// soon count.
fn market() -> Market {
    let mut market = Market::open();
    market.open_subnet(ALICE);
    for netuid in [1, 2] {
        market.set(netuid, Hyperparameter::MinAllowedUids(1));
        market.set(netuid, Hyperparameter::MaxAllowedUids(6));
        market.set(netuid, Hyperparameter::ImmunityPeriod(20));
        market.set(netuid, Hyperparameter::MinNonImmuneUids(0));
    }
    market.write(|| {
        SubnetMovingPriceExact::<Test>::insert(1, 2u128 << 64);
        Subtensor::set_pending_cooldown(1);
        Subtensor::set_childkey_burn(u64::MAX / 7);
        Subtensor::set_stake_threshold(3 * UNIT);
    });
    market
}

/// Does one thing; being refused is one of its outcomes.
fn perform(market: &mut Market, hotkeys: &mut Vec<(Account, Account)>, act: Act) {
    let pick = |index: usize| hotkeys[index % hotkeys.len()];
    let (signer, call) = match act {
        Act::Wait(blocks) => return market.run(blocks),
        Act::Rare(act) => return perform_rarely(market, hotkeys, act),
        Act::Register { coldkey, netuid } => {
            let hotkey = hot(coldkey, 10 + hotkeys.len() as u64);
            hotkeys.push((coldkey, hotkey));
            (coldkey, Call::burned_register { netuid, hotkey })
        }
        Act::Stake {
            coldkey,
            target,
            netuid,
            rao,
        } => {
            let hotkey = pick(target).1;
            (
                coldkey,
                Call::add_stake {
                    hotkey,
                    netuid,
                    amount_staked: rao,
                },
            )
        }
        Act::Unstake {
            coldkey,
            target,
            netuid,
            percent,
        } => {
            let hotkey = pick(target).1;
            let stake = market.staked(hotkey, coldkey, netuid);
            let amount_unstaked = (u128::from(stake) * u128::from(percent) / 100) as u64;
            (
                coldkey,
                Call::remove_stake {
                    hotkey,
                    netuid,
                    amount_unstaked,
                },
            )
        }
        Act::Move {
            coldkey,
            from,
            to,
            origin,
            destination,
        } => {
            let (origin_hotkey, destination_hotkey) = (pick(from).1, pick(to).1);
            let alpha_amount = market.staked(origin_hotkey, coldkey, origin) / 2;
            let call = Call::move_stake {
                origin_hotkey,
                destination_hotkey,
                origin_netuid: origin,
                destination_netuid: destination,
                alpha_amount,
            };
            (coldkey, call)
        }
        Act::Weigh {
            grader,
            netuid,
            row,
        } => (pick(grader).1, set_weights(netuid, &row)),
        Act::Take { target, take } => {
            let (coldkey, hotkey) = pick(target);
            (coldkey, Call::decrease_take { hotkey, take })
        }
        Act::Collect { coldkey } => {
            let subnets = [1, 2].into_iter().collect();
            (coldkey, Call::claim_root { subnets })
        }
        Act::Family(act) => family_call(act, pick),
    };
    let _refused_or_not = market.dispatch(signer, call);
}

fn family_call(
    act: FamilyAct,
    pick: impl Fn(usize) -> (Account, Account),
) -> (Account, Call<Test>) {
    match act {
        FamilyAct::Lend {
            parent,
            netuid,
            children,
        } => {
            let (coldkey, hotkey) = pick(parent);
            let child = |(target, part): (usize, u64)| (part, pick(target).1);
            let call = Call::set_children {
                hotkey,
                netuid,
                children: children.into_iter().map(child).collect(),
            };
            (coldkey, call)
        }
        FamilyAct::TakeFromParents {
            target,
            netuid,
            take,
        } => {
            let (coldkey, hotkey) = pick(target);
            let call = Call::set_childkey_take {
                hotkey,
                netuid,
                take,
            };
            (coldkey, call)
        }
        FamilyAct::JoinRoot { target } => {
            let (coldkey, hotkey) = pick(target);
            (coldkey, Call::root_register { hotkey })
        }
        FamilyAct::DirectPay {
            coldkey,
            target,
            netuid,
        } => {
            let hotkey = pick(target).1;
            (
                coldkey,
                Call::set_coldkey_auto_stake_hotkey { netuid, hotkey },
            )
        }
    }
}

fn perform_rarely(market: &mut Market, hotkeys: &mut Vec<(Account, Account)>, act: RareAct) {
    let pick = |index: usize| hotkeys[index % hotkeys.len()];
    let (origin, call) = match act {
        RareAct::SwapHotkey {
            target,
            netuid,
            keep_stake,
        } => {
            let (coldkey, hotkey) = pick(target);
            let new_hotkey = hot(coldkey, 10 + hotkeys.len() as u64);
            hotkeys.push((coldkey, new_hotkey));
            let call = Call::swap_hotkey_v2 {
                hotkey,
                new_hotkey,
                netuid,
                keep_stake,
            };
            (RuntimeOrigin::signed(coldkey), call)
        }
        RareAct::SwapColdkey { coldkey } => {
            let call = Call::swap_coldkey {
                old_coldkey: coldkey,
                new_coldkey: 1_000_000 + hotkeys.len() as u64,
                swap_cost: 0,
            };
            (RuntimeOrigin::root(), call)
        }
        RareAct::GiveUp {
            coldkey,
            target,
            netuid,
            is_burned,
        } => {
            let hotkey = pick(target).1;
            let amount = market.staked(hotkey, coldkey, netuid) / 2;
            let call = if is_burned {
                Call::burn_alpha {
                    hotkey,
                    amount,
                    netuid,
                }
            } else {
                Call::recycle_alpha {
                    hotkey,
                    amount,
                    netuid,
                }
            };
            (RuntimeOrigin::signed(coldkey), call)
        }
        RareAct::Give {
            coldkey,
            to,
            target,
            netuid,
        } => {
            let hotkey = pick(target).1;
            let call = Call::transfer_stake {
                destination_coldkey: to,
                hotkey,
                origin_netuid: netuid,
                destination_netuid: netuid,
                alpha_amount: market.staked(hotkey, coldkey, netuid) / 2,
            };
            (RuntimeOrigin::signed(coldkey), call)
        }
        RareAct::Found { coldkey } => {
            let hotkey = hot(coldkey, 10 + hotkeys.len() as u64);
            hotkeys.push((coldkey, hotkey));
            let call = Call::register_network { hotkey };
            (RuntimeOrigin::signed(coldkey), call)
        }
        RareAct::Dissolve { netuid } => {
            let call = Call::root_dissolve_network { netuid };
            (RuntimeOrigin::root(), call)
        }
    };
    let _refused_or_not = market.write(|| {
        frame_support::storage::with_storage_layer(|| {
            let done = RuntimeCall::from(call).dispatch(origin);
            done.map_err(|failed| failed.error)
        })
    });
}

/// A few markets, unless `PROPTEST_CASES` asks for more.
fn cases() -> Cases {
    let asked = std::env::var("PROPTEST_CASES").ok();
    match asked.and_then(|cases| cases.parse().ok()) {
        Some(cases) => Cases::with_cases(cases),
        None => Cases::with_cases(24),
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_people_do_the_books_agree(acts in prop::collection::vec(act(), 20..60)) {
        let mut market = market();
        let mut hotkeys = vec![(OWNER, hot(OWNER, 1)), (ALICE, hot(ALICE, 2))];
        for act in acts {
            perform(&mut market, &mut hotkeys, act);
        }
        market.run(25);
    }

    /// Nobody gains by going in and out: without emission in between, what comes back is never more
    /// than what went in.
    #[test]
    fn a_round_trip_never_gains(rao in STAKE_MIN..100_000 * UNIT, other in STAKE_MIN..100_000 * UNIT) {
        let mut market = market();
        let hotkey = hot(OWNER, 1);
        market.call(CAROL, Call::add_stake { hotkey, netuid: 1, amount_staked: other });
        let before = market.free(BOB);
        market.call(BOB, Call::add_stake { hotkey, netuid: 1, amount_staked: rao });
        market.call(BOB, Call::unstake_all { hotkey });
        prop_assert!(market.free(BOB) <= before);
        prop_assert_eq!(market.staked(hotkey, BOB, 1), 0);
    }
}
