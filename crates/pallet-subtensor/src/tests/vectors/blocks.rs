//! What a block creates, and where it goes first.

use super::*;

pub(super) fn owner_cut(vector: &Vector) {
    let mut market = subnets(1);
    market.write(|| {
        set_alpha_issuance(1, vector.int("alpha_issuance_rao"));
        Subtensor::set_subnet_owner_cut(vector.int("owner_cut_u16") as u16);
    });
    market.run(1);
    vector.near(
        market.read(|| Subtensor::pending(1).owner),
        "pending_owner_cut",
    );
}

pub(super) fn alpha_out_ignores_cap(vector: &Vector) {
    let mut market = subnets(2);
    let prices = list(&vector.inputs["moving_prices"], fixed);
    let alpha = vector.int("alpha_in_rao");
    market.write(|| {
        for (netuid, price) in (1..).zip(prices) {
            set_pool(netuid, alpha, alpha);
            set_moving_price(netuid, price);
        }
    });
    block_with(&mut market, vector.int("tao_block_emission"));
    let minted = market.read(|| [1, 2].map(|netuid| Subtensor::alpha_emission(netuid).1));
    vector.all_near(&minted, "alpha_out_emission");
    let bound = int(&vector.expected["alpha_in_reserve_below"]);
    assert!(market.read(|| {
        [1, 2]
            .iter()
            .all(|netuid| Subtensor::alpha_in(*netuid) < bound)
    }));
}

pub(super) fn alpha_out_ends(vector: &Vector) {
    let mut market = subnets(1);
    let out = vector.int("alpha_out_issuance_rao");
    market.write(|| {
        let issuance = out + Subtensor::alpha_in(1);
        set_alpha_issuance(1, issuance);
        set_moving_price(1, Fixed::ONE);
    });
    block_with(&mut market, BILLION);
    vector.near(
        market.read(|| Subtensor::alpha_emission(1).1),
        "alpha_out_emission",
    );
    // What is outside grew by what the excess of TAO bought, and by nothing else.
    let (grown, bought) =
        market.read(|| (Subtensor::alpha_out(1) - out, Subtensor::protocol_alpha(1)));
    assert!(grown == bought && bought > 0, "{grown} {bought}");
}

pub(super) fn tao_by_price(vector: &Vector) {
    let prices = list(&vector.inputs["moving_prices"], fixed);
    let count = prices.len() as u16;
    let mut market = subnets(count);
    market.write(|| {
        set_root_proportion(900_000_000);
        for (netuid, price) in (1..).zip(&prices) {
            let alpha = Subtensor::tao_reserve(netuid);
            SubnetAlphaIn::<Test>::insert(netuid, alpha);
            set_moving_price(netuid, *price);
        }
    });
    let flags = vector.inputs.get("emission_enabled");
    for (netuid, flag) in (1..).zip(flags.and_then(Value::as_array).into_iter().flatten()) {
        let enabled = flag.as_bool().expect("a flag");
        market.set(netuid, Hyperparameter::SubnetEmissionEnabled(enabled));
    }
    block_with(&mut market, vector.int("block_emission"));
    let injected: Vec<u64> = market.read(|| {
        let of = |netuid| Subtensor::tao_in_emission(netuid).0;
        (1..=count).map(of).collect()
    });
    let names = ["tao_injected", "subnet_tao_emission", "tao_in_emission"];
    let named = names
        .iter()
        .find(|name| vector.expected.get(**name).is_some());
    vector.all_near(&injected, named.expect("figures of TAO"));
    if let Some(total) = vector.expected.get("total") {
        let tolerance = int(&vector.tolerance["total"]);
        vector.near_figure(injected.iter().sum(), total, tolerance);
    }
    if vector.expected.get("alpha_in_disabled").is_some() {
        let (alpha_in, alpha_out) = market.read(|| Subtensor::alpha_emission(2));
        vector.near(alpha_in, "alpha_in_disabled");
        let excess = market.read(|| Subtensor::tao_in_emission(2).1);
        vector.near(excess, "excess_tao_disabled");
        assert!(alpha_out > 0);
    }
}

pub(super) fn alpha_into_pools(vector: &Vector) {
    let prices = list(&vector.inputs["moving_prices"], fixed);
    let count = prices.len() as u16;
    let mut market = subnets(count);
    market.write(|| {
        set_root_proportion(900_000_000);
        for (place, price) in prices.iter().enumerate() {
            let netuid = place as u16 + 1;
            set_moving_price(netuid, *price);
            if vector.inputs.get("pool_tao").is_some() {
                let (tao, alpha) = (vector.ints("pool_tao"), vector.ints("pool_alpha"));
                set_pool(netuid, tao[place], alpha[place]);
            }
        }
    });
    let alpha = |market: &mut Market| -> Vec<u64> {
        market.read(|| (1..=count).map(Subtensor::alpha_in).collect())
    };
    let before = alpha(&mut market);
    block_with(&mut market, vector.int("block_emission"));
    let after = alpha(&mut market);
    if vector.expected.get("pool_alpha_after").is_some() {
        vector.all_near(&after, "pool_alpha_after");
    } else {
        let change: Vec<u64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        vector.all_near(&change, "pool_alpha_change");
    }
}

pub(super) fn moving_price(vector: &Vector) {
    let mut market = subnets(1);
    let rate = vector.inputs.get("moving_alpha").map(fixed);
    let updates = vector.inputs.get("updates").map_or(1, int);
    market.write(|| {
        let alpha = Subtensor::alpha_in(1);
        set_pool(1, fixed(&vector.inputs["price"]).of(alpha), alpha);
        set_moving_price(1, fixed(&vector.inputs["moving"]));
        FirstEmissionBlockNumber::<Test>::insert(1, vector.int("first_emission_block"));
        if let Some(rate) = rate {
            let bits = i128::try_from(rate.to_bits_32()).expect("a rate is small");
            SubnetMovingAlpha::<Test>::put(FixedI128 { bits });
        }
        if let Some(blocks) = vector.inputs.get("halving_blocks") {
            EMAPriceHalvingBlocks::<Test>::insert(1, int(blocks));
        }
        System::set_block_number(vector.int("block") as u32);
        for _ in 0..updates {
            Subtensor::step_with(0);
        }
    });
    let moved = Fixed::from_bits(market.read(|| SubnetMovingPriceExact::<Test>::get(1)));
    let tolerance = vector.tolerance.as_f64().expect("a tolerance") + 1e-15;
    if let Some(figure) = vector.expected.get("moving_after") {
        vector.share_near(moved, figure, tolerance);
    }
    if let Some(least) = vector.expected.get("moving_after_at_least") {
        assert!(moved >= fixed(least), "{moved:?}");
    }
    if let Some(bound) = vector.expected.get("moving_after_below") {
        assert!(moved < fixed(bound), "{moved:?}");
    }
}

pub(super) fn pay_in_parts(vector: &Vector) {
    let mut market = subnets(1);
    let proportion = vector.inputs["root_proportion"].as_f64().expect("a share");
    let thousandths = (proportion * 1e3).round() as u64;
    let is_kept = vector
        .inputs
        .get("root_sell")
        .is_none_or(|kept| kept == true);
    let is_half = vector.int("alpha_out") < BILLION;
    market.write(|| {
        set_root_proportion(thousandths);
        set_pool(1, BILLION / 2, BILLION / 2);
        let issuance = match thousandths {
            0 if is_half => 21_000_000 * UNIT / 2,
            0 => 1_000_000 * UNIT,
            _ => (1_000 - thousandths) * BILLION,
        };
        set_alpha_issuance(1, issuance);
        Subtensor::set_subnet_owner_cut(vector.int("owner_cut_u16") as u16);
        let price = if is_kept {
            Fixed::ratio(2, 1)
        } else {
            Fixed::ratio(1, 2)
        };
        set_moving_price(1, price);
    });
    block_with(&mut market, 0);
    let (minted, pending) = market.read(|| (Subtensor::alpha_emission(1).1, Subtensor::pending(1)));
    assert_eq!(minted, vector.int("alpha_out"), "{}", vector.id);
    if vector.expected.get("pending_owner_cut").is_some() {
        vector.near(pending.owner, "pending_owner_cut");
    }
    vector.near(pending.server, "pending_server");
    vector.near(pending.validator, "pending_validator");
    vector.near(pending.root, "pending_root");
}

pub(super) fn root_proportion(vector: &Vector) {
    let mut market = subnets(1);
    let (root, weight) = (vector.int("root_tao"), vector.int("tao_weight_u64"));
    // The source states one of the two by formula only, for its issuance at creation.
    let issuance = vector.inputs["alpha_issuance"].as_u64();
    market.write(|| {
        set_pool(1, BILLION, BILLION);
        set_alpha_issuance(1, issuance.unwrap_or(102 * BILLION));
        Subtensor::set_tao_weight(weight);
        hold_stake(ALICES, ALICE, ROOT, root);
    });
    let issuance = market.read(|| Subtensor::alpha_issuance(1)) as f64;
    let weighted = weight as f64 / u64::MAX as f64 * root as f64;
    let formula = Value::from(weighted / (weighted + issuance));
    let figure = vector.expected.get("root_proportion").unwrap_or(&formula);
    let proportion = market.read(|| Subtensor::root_proportion(1));
    vector.share_near(proportion, figure, 1e-9);
}

/// TAO for a pool with a price and a proportion of root in thousandths: as much alpha as it is worth,
/// but no more than root's proportion of what the subnet mints.
pub(super) fn terms(vector: &Vector, price: (u64, u64), thousandths: u64, tao: TaoBalance) {
    let mut market = subnets(1);
    let alpha = 100 * BILLION;
    let is_capped = thousandths < 1_000;
    market.write(|| {
        let root = if is_capped {
            4 * thousandths
        } else {
            900_000_000
        };
        set_root_proportion(root);
        set_pool(1, alpha * price.0 / price.1, alpha);
        set_alpha_issuance(1, 1_000 * BILLION);
        set_moving_price(1, Fixed::ONE);
    });
    let proportion = market.read(|| Subtensor::root_proportion(1));
    let price = market.read(|| Subtensor::alpha_price(1));
    block_with(&mut market, tao);
    let (alpha_in, alpha_out) = market.read(|| Subtensor::alpha_emission(1));
    let (tao_in, excess) = market.read(|| Subtensor::tao_in_emission(1));
    assert_eq!(alpha_out, BILLION, "{}", vector.id);
    assert_eq!(tao_in + excess, tao, "{}", vector.id);
    if is_capped {
        assert_eq!(alpha_in, proportion.of(BILLION), "{}", vector.id);
        assert_eq!(tao_in, price.of(alpha_in), "{}", vector.id);
        assert!(excess > 0);
    } else {
        assert_eq!((alpha_in, excess), (price.divide(tao), 0), "{}", vector.id);
    }
    if let Some(figure) = vector.expected["alpha_in"].as_u64() {
        assert_eq!(alpha_in, figure, "{}", vector.id);
    }
}

/// Shares of the TAO of a block by price, less what the owners' own miners earned.
pub(super) fn shares(vector: &Vector, prices: &[Fixed], tolerance: f64) {
    const TAO: u64 = 1_000 * BILLION;
    let count = prices.len() as u16;
    let mut market = subnets(count);
    let numbers = |name: &str| {
        let given = vector.inputs.get(name);
        given.map_or_else(Vec::new, |numbers| list(numbers, fixed))
    };
    market.write(|| {
        for (netuid, price) in (1..).zip(prices) {
            set_moving_price(netuid, *price);
        }
        for (netuid, burned) in (1..).zip(numbers("miner_burned")) {
            let bits = burned.to_bits();
            MinerBurned::<Test>::insert(netuid, FixedU128 { bits });
        }
        for (netuid, proportion) in (1..).zip(numbers("root_prop")) {
            let bits = proportion.to_bits();
            RootProp::<Test>::insert(netuid, FixedU128 { bits });
        }
    });
    block_with(&mut market, TAO);
    let received = market.read(|| tao_received(count));
    let figures = vector.expected["shares"].as_array().expect("shares");
    assert_eq!(received.len(), figures.len());
    for (tao, figure) in received.into_iter().zip(figures) {
        vector.share_near(Fixed::ratio(tao.into(), TAO.into()), figure, tolerance);
    }
}

pub(super) fn blocks_until_epoch(vector: &Vector) {
    let mut market = subnets(1);
    // A chain counts blocks in 32 bits; an epoch that is due then was due long before.
    let block = u32::try_from(vector.int("block")).unwrap_or(u32::MAX);
    let until = market.read(|| {
        Tempo::<Test>::insert(1, vector.int("tempo") as u16);
        LastEpochBlock::<Test>::insert(1, vector.int("last_epoch_block"));
        System::set_block_number(block);
        let next = Subtensor::next_epoch_start_block(1);
        next.map_or(u64::MAX, |next| next - u64::from(block))
    });
    assert_eq!(
        until,
        int(&vector.expected["blocks_until"]),
        "{}",
        vector.inputs
    );
}

/// What a block mints at each issuance of the schedule, to the rao.
#[test]
fn the_schedule_of_minting_holds_on_chain() {
    let all = vectors();
    let schedule = &all["block_emission"];
    let mut market = subnets(1);
    let rows = ["schedule", "points"].map(|name| schedule[name].as_array().expect("rows"));
    let mut held = 0;
    for row in rows.into_iter().flatten() {
        let issuance = row
            .get("total_issuance_rao")
            .unwrap_or(&row["from_total_issuance_rao"]);
        let issuance = int(issuance);
        // A subnet that is emitted to has TAO in its pool, so some has been issued.
        if issuance == 0 {
            continue;
        }
        market.write(|| {
            set_pool(1, issuance.min(BILLION), BILLION);
            set_moving_price(1, Fixed::ONE);
            for coldkey in [OWNER, BOB, CAROL] {
                Balances::set_balance(&coldkey, 0);
            }
            Balances::set_balance(&ALICE, issuance.saturating_sub(BILLION));
            TotalIssuance::<Test>::put(issuance);
        });
        market.run(1);
        let minted = market.read(Subtensor::block_emission);
        let figure = int(&row["block_emission_rao"]);
        assert_eq!(minted, figure, "{row}");
        assert_eq!(market.read(Subtensor::total_issuance), issuance + figure);
        held += 1;
    }
    assert!(held > 60, "only {held} figures were found");
}
