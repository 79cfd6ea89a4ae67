//! Who is paid at the end of an epoch.

use super::*;

/// Pays an epoch in which uids 1 and 2 earned so much as miners, and so much as validators.
fn pay(market: &mut Market, pending: Pending, miners: [u64; 2], validators: [u64; 2]) {
    let with_owner = |[first, second]: [u64; 2]| vec![0, first, second];
    let settlement = Settlement {
        server_emission: with_owner(miners),
        validator_emission: with_owner(validators),
        ..Settlement::default()
    };
    market.write(|| {
        set_pending(1, pending);
        Subtensor::pay_epoch(1, &settlement);
    });
}

pub(super) fn dividends(vector: &Vector) {
    let mut market = closed_subnet();
    let pairs = list(&vector.inputs["stake_alpha_root"], |pair| list(pair, int));
    market.write(|| {
        Subtensor::set_tao_weight(ratio(&vector.inputs["tao_weight"]));
        for ((hotkey, coldkey), pair) in [(ALICES, ALICE), (BOBS, BOB)].into_iter().zip(&pairs) {
            hold_stake(hotkey, coldkey, 1, pair[0]);
            hold_stake(hotkey, coldkey, ROOT, pair[1]);
        }
    });
    let pending = Pending {
        validator: vector.int("pending_validator_alpha"),
        root: vector.int("pending_root_alpha"),
        ..Pending::default()
    };
    let earned = vector.ints("dividends");
    pay(&mut market, pending, [0, 0], [earned[0], earned[1]]);
    let of = |kind: Vec<(Account, u64)>| {
        [ALICES, BOBS].map(|hotkey| {
            let paid = kind.iter().find(|(payee, _)| *payee == hotkey);
            paid.map_or(0, |(_, amount)| *amount)
        })
    };
    let paid = market.read(|| {
        let (alpha, root) = (
            Subtensor::alpha_dividends(1),
            Subtensor::root_alpha_dividends(1),
        );
        [of(alpha), of(root)]
    });
    vector.near(paid[0].iter().sum(), "sum_alpha_dividends");
    vector.near(paid[1].iter().sum(), "sum_root_dividends");
    let derived = &vector.whole["derived_per_hotkey"];
    for (kind, paid) in ["alpha", "root"].into_iter().zip(paid) {
        let figures = derived["figures"][kind].as_array().expect("two figures");
        for (paid, figure) in paid.into_iter().zip(figures) {
            vector.near_figure(paid, figure, int(&derived["tolerance"]));
        }
    }
}

pub(super) fn pay_adds_up(vector: &Vector) {
    let mut market = closed_subnet();
    market.write(|| Subtensor::set_tao_weight(0));
    let earned = list(&vector.inputs["hotkey_emission"][0], int);
    let pending = match vector.inputs.get("pending_alpha") {
        Some(all) => {
            let validator = vector.int("half_to_validators");
            let server = int(all) - validator;
            Pending {
                server,
                validator,
                ..Pending::default()
            }
        }
        None => Pending {
            validator: vector.int("pending_validator_alpha"),
            ..Pending::default()
        },
    };
    pay(&mut market, pending, [earned[0], 0], [earned[1], 0]);
    vector.near(
        market.read(|| Subtensor::hotkey_stake(&ALICES, 1)),
        "sum_all",
    );
}

pub(super) fn pay_accumulates(vector: &Vector) {
    let mut market = closed_subnet();
    let earned = list(&vector.inputs["hotkey_emission"][0], int);
    let pending = Pending {
        server: earned[0],
        validator: earned[1],
        ..Pending::default()
    };
    pay(&mut market, pending, [earned[0], 0], [earned[1], 0]);
    let dividends: u64 = market.read(|| {
        let paid = Subtensor::alpha_dividends(1);
        paid.iter().map(|(_, amount)| *amount).sum()
    });
    let total = market.read(|| Subtensor::hotkey_stake(&ALICES, 1));
    vector.near(dividends, "dividends");
    vector.near(total - dividends, "incentives");
    if vector.expected.get("total").is_some() {
        vector.near(total, "total");
    }
}

/// What waits in a vector; a part that is not named is nothing.
fn pending_of(vector: &Vector) -> Pending {
    let part = |name: &str| vector.inputs.get(name).map_or(0, int);
    Pending {
        server: part("pending_server"),
        validator: part("pending_validator") + part("pending_total"),
        root: part("pending_root"),
        owner: part("pending_owner_cut"),
    }
}

/// Lets a vector's pay wait, and runs on to the epoch.
fn settle(market: &mut Market, vector: &Vector) {
    let pending = pending_of(vector);
    market.write(|| set_pending(1, pending));
    market.run_to(11);
    assert_eq!(
        market.read(|| Subtensor::epoch_index(1)),
        1,
        "{}",
        vector.id
    );
}

pub(super) fn lone_staker(vector: &Vector) {
    let mut market = closed_subnet();
    let root = vector.inputs.get("root_stake").map_or(0, int);
    market.write(|| {
        if let Some(weight) = vector.inputs.get("tao_weight") {
            Subtensor::set_tao_weight(ratio(weight));
        }
        hold_stake(ALICES, ALICE, 1, vector.int("stake"));
        if root > 0 {
            hold_stake(ALICES, ALICE, ROOT, root);
        }
    });
    if let Some(take) = vector.inputs.get("take") {
        let take = int(take) as u16;
        market.call(
            ALICE,
            Call::decrease_take {
                hotkey: ALICES,
                take,
            },
        );
    }
    settle(&mut market, vector);
    vector.near(
        market.read(|| Subtensor::hotkey_stake(&ALICES, 1)),
        "stake_after",
    );
    if vector.expected.get("root_stake_after").is_some() {
        vector.near(market.staked(ALICES, ALICE, ROOT), "root_stake_after");
        let owed = market.read(|| Subtensor::root_dividend_owed(&ALICES, &ALICE, 1));
        assert!(
            owed.abs_diff(vector.int("pending_root")) <= vector.rao(),
            "{owed}"
        );
    }
}

pub(super) fn two_stakers(vector: &Vector) {
    let mut market = closed_subnet();
    let (stakes, roots) = (vector.ints("stake"), vector.ints("root_stake"));
    let hotkeys = [(ALICES, ALICE), (BOBS, BOB)];
    market.write(|| {
        Subtensor::set_tao_weight(ratio(&vector.inputs["tao_weight"]));
        for (place, (hotkey, coldkey)) in hotkeys.into_iter().enumerate() {
            hold_stake(hotkey, coldkey, 1, stakes[place]);
            if roots[place] > 0 {
                hold_stake(hotkey, coldkey, ROOT, roots[place]);
            }
        }
    });
    settle(&mut market, vector);
    let after = market.read(|| [ALICES, BOBS].map(|hotkey| Subtensor::hotkey_stake(&hotkey, 1)));
    vector.all_near(&after, "stake_after");
}

/// Lends a part of what is staked on Alice's hotkey to Bob's, who takes so much of what it earns.
fn lend(market: &mut Market, part: u64, take: u16) {
    market.set(1, Hyperparameter::SubtokenEnabled(false));
    let children = vec![(part, BOBS)];
    market.call(
        ALICE,
        Call::set_children {
            hotkey: ALICES,
            netuid: 1,
            children,
        },
    );
    market.set(1, Hyperparameter::SubtokenEnabled(true));
    if take > 0 {
        as_root(market, Call::sudo_set_max_childkey_take { take });
        let hotkey = BOBS;
        let netuid = 1;
        market.call(
            BOB,
            Call::set_childkey_take {
                hotkey,
                netuid,
                take,
            },
        );
    }
}

pub(super) fn child_without_stake(vector: &Vector) {
    let mut market = closed_subnet();
    market.write(|| hold_stake(ALICES, ALICE, 1, vector.int("parent_stake")));
    lend(
        &mut market,
        u64::MAX,
        vector.int("childkey_take_u16") as u16,
    );
    settle(&mut market, vector);
    let after = market.read(|| [ALICES, BOBS].map(|hotkey| Subtensor::hotkey_stake(&hotkey, 1)));
    vector.near(after[0], "parent_stake_after");
    vector.near(after[1], "child_stake_after");
}

/// Alice and Bob, each with a billion rao of alpha and of root stake.
fn equal_pair() -> Market {
    let mut market = closed_subnet();
    market.write(|| {
        Subtensor::set_tao_weight(u64::MAX);
        for (hotkey, coldkey) in [(ALICES, ALICE), (BOBS, BOB)] {
            hold_stake(hotkey, coldkey, 1, BILLION);
            hold_stake(hotkey, coldkey, ROOT, BILLION);
        }
    });
    market
}

pub(super) fn inherited_stake(vector: &Vector) {
    let mut market = equal_pair();
    lend(&mut market, u64::MAX, 0);
    let works = market.read(|| [ALICES, BOBS].map(|hotkey| Subtensor::working_stake(&hotkey, 1)));
    let counts =
        market.read(|| [ALICES, BOBS].map(|hotkey| Subtensor::stake_weight_of(&hotkey, 1)));
    for (name, place) in [("alice", 0), ("bob", 1)] {
        vector.near(works[place].alpha, &format!("{name}_inherited_alpha"));
        vector.near(works[place].root, &format!("{name}_inherited_tao"));
        vector.near(counts[place], &format!("{name}_total"));
    }
}

pub(super) fn parent_and_child(vector: &Vector) {
    let mut market = equal_pair();
    let take = vector.inputs.get("childkey_take_u16").map_or(0, int) as u16;
    let part = match vector.inputs["child_proportion"].as_f64() {
        Some(0.5) => u64::MAX / 2,
        _ => u64::MAX,
    };
    lend(&mut market, part, take);
    settle(&mut market, vector);
    let after = market.read(|| [ALICES, BOBS].map(|hotkey| Subtensor::hotkey_stake(&hotkey, 1)));
    for (name, after) in ["alice", "bob"].into_iter().zip(after) {
        let whole = format!("{name}_alpha_after");
        if vector.expected.get(&whole).is_some() {
            vector.near(after, &whole);
        } else {
            vector.near(after - BILLION, &format!("{name}_dividends"));
        }
    }
}

pub(super) fn owners_miners(vector: &Vector) {
    let mut market = Market::open();
    let incentives = &vector.inputs["incentives"];
    let second = hot(OWNER, 50);
    let is_owners = incentives.get("second_owner_hotkey").is_some();
    let (other, name) = if is_owners {
        (second, "second_owner_hotkey")
    } else {
        (ALICES, "other")
    };
    let coldkey = if is_owners { OWNER } else { ALICE };
    market.register(1, coldkey, other);
    let earned = vec![int(&incentives["owner_hotkey"]), int(&incentives[name])];
    let settlement = Settlement {
        validator_emission: vec![0, 0],
        server_emission: earned.clone(),
        ..Settlement::default()
    };
    market.write(|| {
        let server = earned.iter().sum();
        set_pending(
            1,
            Pending {
                server,
                ..Pending::default()
            },
        );
        Subtensor::pay_epoch(1, &settlement);
    });
    let owner = market.read(|| Subtensor::hotkey_stake(&hot(OWNER, 1), 1));
    vector.near(owner, "owner_stake_after");
    let others = market.read(|| Subtensor::hotkey_stake(&other, 1));
    if is_owners {
        vector.near(others, "second_owner_hotkey_stake_after");
    } else {
        assert!(others > 0);
        let burned = Fixed::from_bits(market.read(|| Subtensor::miner_burned(1)).bits);
        vector.share_near(burned, &vector.whole["derived"]["miner_burned"], 1e-15);
    }
}

pub(super) fn drained(vector: &Vector) {
    let mut market = closed_subnet();
    market.write(|| {
        hold_stake(ALICES, ALICE, 1, BILLION);
        hold_stake(ALICES, ALICE, ROOT, BILLION);
        set_pending(1, pending_of(vector));
        System::set_block_number(vector.int("block") as u32 - 1);
    });
    market.set(1, Hyperparameter::Tempo(vector.int("tempo") as u16));
    market.write(|| LastEpochBlock::<Test>::insert(1, vector.int("last_epoch_block")));
    let before = market.read(|| Subtensor::epoch_index(1));
    market.run(1);
    assert_eq!(market.read(|| Subtensor::epoch_index(1)), before + 1);
    let paid = market.read(|| {
        let sum = |paid: Vec<(Account, u64)>| paid.iter().map(|(_, amount)| *amount).sum::<u64>();
        let owner = Subtensor::hotkey_stake(&hot(OWNER, 1), 1);
        let (alpha, root) = (
            Subtensor::alpha_dividends(1),
            Subtensor::root_alpha_dividends(1),
        );
        [sum(alpha), sum(root), owner]
    });
    // Without miners, what waited for them is paid with what waited for validators.
    let figures = list(&vector.expected["drained"], int);
    assert_eq!(paid, [figures[0] + figures[1], figures[2], figures[3]]);
    let after = market.read(|| Subtensor::pending(1));
    let after = [after.server, after.validator, after.root, after.owner];
    vector.all_near(&after, "pending_after");
}
