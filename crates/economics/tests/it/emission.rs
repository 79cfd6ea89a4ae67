//! The published emission figures, as far as they are pure functions of amounts and stakes.
//!
//! The market pallet holds all of them again, through blocks; [`NEEDS_THE_CHAIN`] names those that
//! only it can hold, about storage, registration, when epochs run, and who may be paid. `pow_norm`
//! vectors describe flow-based sharing, which the reference does not call.

use economics::epoch::{Input, Params, blocks_until_due, settle};
use economics::fixed::Fixed;
use economics::issuance::block_emission;
use economics::pool::{Injection, Pool, moving_price};
use economics::split::{
    Claim, Demand, Lent, Pending, dividends, family, root_proportion, stake_weight, subnet_tao,
};
use serde_json::Value;

/// Vectors of effects that only exist with storage.
const NEEDS_THE_CHAIN: &[&str] = &[
    "alpha_out_ignores_cap",
    "single_staker_root_weight",
    "two_stakers_registered",
    "two_stakers_registered_and_root",
    "two_stakers_registered_and_root_different_amounts",
    "two_stakers_registered_and_root_different_amounts_half_tao_weight",
    "inherited_stake_full_child",
    "owner_incentive_withheld",
    "owner_hotkeys_incentive_withheld",
    "drain_pending",
    "div_inc_accumulate",
    "div_only",
    "inc_only",
    "incentive_plus_dividend_total",
    "all_to_validators",
    "share_ignores_root_prop",
];

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/emission.json")).unwrap()
}

fn int(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is not a count"))
}

/// The nearest fixed-point number to a decimal of the vectors.
fn fixed(value: &Value) -> Fixed {
    let value = value.as_f64().unwrap();
    Fixed::ratio((value * 1e15).round() as u128, 10u128.pow(15))
}

fn list<T>(value: &Value, each: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap().iter().map(each).collect()
}

/// A decimal weight of TAO as the ratio of 2⁶⁴ − 1 that the chain stores.
fn tao_weight(value: &Value) -> u64 {
    let bits = fixed(value).to_bits();
    u64::try_from(bits).unwrap_or(u64::MAX)
}

#[track_caller]
fn assert_close(got: u64, expected: &Value, tolerance: u64) {
    let expected = int(expected);
    assert!(
        got.abs_diff(expected) <= tolerance,
        "got {got}, expected {expected} ± {tolerance}"
    );
}

#[track_caller]
fn assert_share(got: Fixed, expected: f64, tolerance: f64) {
    let got = got.to_bits() as f64 / 18_446_744_073_709_551_616.0;
    assert!(
        (got - expected).abs() <= tolerance,
        "got {got}, expected {expected} ± {tolerance}"
    );
}

#[test]
fn block_emission_follows_the_schedule_to_the_rao() {
    let schedule = &vectors()["block_emission"];
    let mut checked = 0;
    for row in schedule["schedule"].as_array().unwrap() {
        let from = int(&row["from_total_issuance_rao"]);
        assert_eq!(
            block_emission(from),
            int(&row["block_emission_rao"]),
            "{row}"
        );
        checked += 1;
    }
    for rows in schedule
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_array)
    {
        for row in rows
            .iter()
            .filter(|row| row.get("total_issuance_rao").is_some())
        {
            let got = block_emission(int(&row["total_issuance_rao"]));
            assert_eq!(got, int(&row["block_emission_rao"]), "{row}");
            checked += 1;
        }
    }
    assert!(checked > 60, "only {checked} figures were found");
}

#[test]
fn every_pure_emission_vector_holds() {
    let all = vectors();
    let mut pure = 0;
    for vector in all["vectors"].as_array().unwrap() {
        let id = vector["id"].as_str().unwrap();
        if NEEDS_THE_CHAIN.contains(&id) || id.starts_with("pow_norm") {
            continue;
        }
        check(
            id,
            &vector["inputs"],
            &vector["expected"],
            &vector["tolerance"],
        );
        pure += 1;
    }
    assert!(pure >= 40, "only {pure} vectors are checked here");
}

fn check(id: &str, inputs: &Value, expected: &Value, tolerance: &Value) {
    match id {
        "alpha_emission_small_issuance" | "owner_cut_zero" | "alpha_out_zero_at_max_issuance" => {
            check_minted(inputs, expected);
        }
        _ if id.starts_with("split_")
            || id.starts_with("emit_")
            || id.starts_with("pending_split") =>
        {
            check_pending(inputs, expected, tolerance);
        }
        _ if id.starts_with("tao_")
            || id.starts_with("zero_prices")
            || id.starts_with("alpha_in_") =>
        {
            check_injections(inputs, expected, tolerance);
        }
        _ if id.starts_with("moving_price") => check_moving_price(inputs, expected, tolerance),
        _ if id.starts_with("miner_burned") => check_shares(inputs, expected),
        _ if id.starts_with("root_proportion") => check_root_proportion(inputs, expected),
        _ if id.starts_with("terms_") => check_terms(id),
        _ if id.starts_with("dividend_distribution") => {
            check_dividends(inputs, expected, tolerance)
        }
        _ if id.starts_with("child") => check_family(id, inputs, expected, tolerance),
        "no_miners_all_to_validator" | "single_staker_registered" => {
            check_lone_validator(inputs, expected, tolerance);
        }
        "blocks_until_epoch" => {
            let [tempo, last, block] =
                ["tempo", "last_epoch_block", "block"].map(|name| int(&inputs[name]));
            let blocks = blocks_until_due(tempo as u16, last, block);
            assert_eq!(blocks, int(&expected["blocks_until"]), "{inputs}");
        }
        _ => panic!("vector {id} is neither checked nor listed as needing the chain"),
    }
}

fn check_minted(inputs: &Value, expected: &Value) {
    if let Some(issuance) = inputs.get("alpha_out_issuance_rao") {
        assert_eq!(
            block_emission(int(issuance)),
            int(&expected["alpha_out_emission"])
        );
        return;
    }
    let alpha = block_emission(int(&inputs["alpha_issuance_rao"]));
    let cut = int(&inputs["owner_cut_u16"]) as u16;
    let pending = Pending::of_block(alpha, cut, Fixed::ZERO);
    assert_eq!(pending.owner, int(&expected["pending_owner_cut"]));
}

fn check_pending(inputs: &Value, expected: &Value, tolerance: &Value) {
    let cut = int(&inputs["owner_cut_u16"]) as u16;
    let proportion = fixed(&inputs["root_proportion"]);
    let pending = Pending::of_block(int(&inputs["alpha_out"]), cut, proportion);
    let tolerance = int(tolerance);
    if let Some(owner) = expected.get("pending_owner_cut") {
        assert_close(pending.owner, owner, tolerance);
    }
    assert_close(pending.server, &expected["pending_server"], tolerance);
    assert_close(pending.validator, &expected["pending_validator"], tolerance);
    assert_close(pending.root, &expected["pending_root"], tolerance);
}

fn demands(inputs: &Value) -> Vec<Demand> {
    let prices = list(&inputs["moving_prices"], fixed);
    let flag = |i: usize| {
        inputs
            .get("emission_enabled")
            .is_none_or(|flags| flags[i].as_bool().unwrap())
    };
    let burned = |i: usize| {
        inputs
            .get("miner_burned")
            .map_or(Fixed::ZERO, |burned| fixed(&burned[i]))
    };
    let demand = |(i, price)| Demand {
        price,
        burned: burned(i),
        is_enabled: flag(i),
    };
    prices.into_iter().enumerate().map(demand).collect()
}

/// Shares TAO by price, and injects it into pools whose cap does not bind.
fn check_injections(inputs: &Value, expected: &Value, tolerance: &Value) {
    let emission = int(&inputs["block_emission"]);
    let given = subnet_tao(emission, &demands(inputs));
    let per_subnet = tolerance
        .get("per_subnet")
        .unwrap_or(tolerance)
        .as_u64()
        .unwrap();
    for name in ["tao_injected", "subnet_tao_emission", "tao_in_emission"] {
        let Some(figures) = expected.get(name) else {
            continue;
        };
        for (&got, expected) in given.iter().zip(figures.as_array().unwrap()) {
            assert_close(got, expected, per_subnet);
        }
    }
    if let Some(total) = expected.get("total") {
        assert_close(given.iter().sum(), total, int(&tolerance["total"]));
    }
    if let Some(change) = expected.get("pool_alpha_change") {
        assert_eq!(given, list(change, int));
    }
    let Some(after) = expected.get("pool_alpha_after") else {
        return;
    };
    for (i, &tao) in given.iter().enumerate() {
        let pool = Pool {
            tao: int(&inputs["pool_tao"][i]),
            alpha: int(&inputs["pool_alpha"][i]),
        };
        let alpha_emission = block_emission(pool.alpha);
        let injection = Injection::of_block(tao, pool.price(), Fixed::ONE, alpha_emission);
        assert_eq!((injection.tao, injection.excess_tao), (tao, 0));
        assert_eq!(pool.alpha + injection.alpha, int(&after[i]));
    }
}

fn check_moving_price(inputs: &Value, expected: &Value, tolerance: &Value) {
    let rate = inputs
        .get("moving_alpha")
        .map_or(Fixed::ratio(3, 1_000_000), fixed);
    let age = int(&inputs["block"]) - int(&inputs["first_emission_block"]) + 1;
    let halving = inputs.get("halving_blocks").map_or(201_600, int);
    let updates = inputs.get("updates").map_or(1, int);
    let spot = fixed(&inputs["price"]);
    let mut moving = fixed(&inputs["moving"]);
    (0..updates).for_each(|_| moving = moving_price(moving, spot, rate, age, halving));
    let near = |figure: &Value| {
        assert_share(
            moving,
            figure.as_f64().unwrap(),
            tolerance.as_f64().unwrap() + 1e-15,
        )
    };
    expected.get("moving_after").into_iter().for_each(near);
    if let Some(least) = expected.get("moving_after_at_least") {
        assert!(moving >= fixed(least), "{moving:?}");
    }
    if let Some(bound) = expected.get("moving_after_below") {
        assert!(moving < fixed(bound), "{moving:?}");
    }
}

fn check_shares(inputs: &Value, expected: &Value) {
    const WHOLE: u64 = 1_000_000_000_000_000;
    let given = subnet_tao(WHOLE, &demands(inputs));
    for (tao, expected) in given
        .into_iter()
        .zip(expected["shares"].as_array().unwrap())
    {
        assert_share(
            Fixed::ratio(tao.into(), WHOLE.into()),
            expected.as_f64().unwrap(),
            1e-9,
        );
    }
}

fn check_root_proportion(inputs: &Value, expected: &Value) {
    let (root, weight) = (int(&inputs["root_tao"]), int(&inputs["tao_weight_u64"]));
    // The source states one of the two by formula only; any issuance will do for that.
    let issuance = inputs["alpha_issuance"].as_u64().unwrap_or(123_456_789_000);
    let weighted = weight as f64 / u64::MAX as f64 * root as f64;
    let formula = weighted / (weighted + issuance as f64);
    let figure = expected
        .get("root_proportion")
        .map_or(formula, |figure| figure.as_f64().unwrap());
    assert_share(root_proportion(root, weight, issuance), figure, 1e-9);
}

/// The source states these by formula: alpha worth the TAO, but no more than the cap.
fn check_terms(id: &str) {
    const ALPHA: u64 = 1_000_000_000;
    let (cent, three_quarters) = (Fixed::ratio(1, 100), Fixed::ratio(3, 4));
    let cap = 750_000_000;
    let (tao, price, proportion, expected) = match id {
        "terms_uncapped" => (
            100_000_000,
            Fixed::ONE,
            Fixed::ONE,
            (100_000_000, 100_000_000, 0),
        ),
        "terms_capped" => (
            10 * ALPHA,
            Fixed::ONE,
            three_quarters,
            (cap, cap, 10 * ALPHA - cap),
        ),
        "terms_uncapped_general" => (
            34_566_756,
            Fixed::ratio(1, 2),
            Fixed::ONE,
            (34_566_756, 69_133_512, 0),
        ),
        // The price is held a hair below a hundredth, hence the rao less.
        "terms_capped_general" => (
            10_000_001,
            cent,
            three_quarters,
            (7_499_999, cap, 2_500_002),
        ),
        other => panic!("unknown terms {other}"),
    };
    let Injection {
        tao,
        alpha,
        excess_tao,
    } = Injection::of_block(tao, price, proportion, ALPHA);
    assert_eq!((tao, alpha, excess_tao), expected, "{id}");
}

fn check_dividends(inputs: &Value, expected: &Value, tolerance: &Value) {
    let stakes = list(&inputs["stake_alpha_root"], |pair| {
        (int(&pair[0]), int(&pair[1]))
    });
    let shares = list(&inputs["dividends"], int);
    let claims: Vec<Claim> = stakes
        .into_iter()
        .zip(shares)
        .map(|((alpha, root), dividend)| Claim {
            alpha,
            root,
            dividend,
        })
        .collect();
    let [alpha, root] =
        ["pending_validator_alpha", "pending_root_alpha"].map(|name| int(&inputs[name]));
    let (paid, _) = dividends(alpha, root, tao_weight(&inputs["tao_weight"]), &claims);
    let tolerance = int(tolerance);
    assert_close(
        paid.iter().map(|d| d.alpha).sum(),
        &expected["sum_alpha_dividends"],
        tolerance,
    );
    assert_close(
        paid.iter().map(|d| d.root).sum(),
        &expected["sum_root_dividends"],
        tolerance,
    );
}

/// One miner-less amount divided between a parent and the child that works with its stake.
fn check_family(id: &str, inputs: &Value, expected: &Value, tolerance: &Value) {
    const STAKE: u64 = 1_000_000_000;
    let take = inputs.get("childkey_take_u16").map_or(0, int) as u16;
    let lends_all = inputs["child_proportion"].as_f64() == Some(1.0);
    let (own, amount) = match id {
        // The child has no stake of its own, and half of the amount goes to it as a miner-less
        // drain.
        "childkey_take_10pct" => (
            0,
            int(&inputs["pending_server"]) + int(&inputs["pending_validator"]),
        ),
        _ => (STAKE, int(&inputs["pending_total"])),
    };
    let lent = Lent {
        stake: if lends_all { STAKE } else { STAKE / 2 },
        take,
        burn: 0,
    };
    let tolerance = int(tolerance);
    match id {
        "childkey_take_10pct" => {
            let shared = family(amount, own, &[lent]);
            assert_close(
                STAKE + shared.parents[0],
                &expected["parent_stake_after"],
                tolerance,
            );
            assert_close(shared.own, &expected["child_stake_after"], tolerance);
        }
        "child_no_take_split" => {
            let shared = family(amount, own, &[lent]);
            assert_close(
                STAKE + shared.parents[0],
                &expected["alice_alpha_after"],
                tolerance,
            );
            assert_close(STAKE + shared.own, &expected["bob_alpha_after"], tolerance);
        }
        // Where the parent keeps half its stake it earns on that itself: a quarter of all, and a
        // quarter through the child, which has three quarters.
        "child_half_proportion" => {
            let shared = family(amount / 4 * 3, own, &[lent]);
            assert_close(
                amount / 4 + shared.parents[0],
                &expected["alice_dividends"],
                tolerance,
            );
            assert_close(shared.own, &expected["bob_dividends"], tolerance);
        }
        "child_full_take" | "child_full_take_2" | "child_half_take" => {
            let shared = family(amount, own, &[lent]);
            assert_close(shared.parents[0], &expected["alice_dividends"], tolerance);
            assert_close(shared.own, &expected["bob_dividends"], tolerance);
        }
        other => panic!("unknown family {other}"),
    }
}

/// Without miners the servers' pending joins the validators', and a lone validator gets all of it.
fn check_lone_validator(inputs: &Value, expected: &Value, tolerance: &Value) {
    let stake = int(&inputs["stake"]);
    let emission = int(&inputs["pending_server"]) + int(&inputs["pending_validator"]);
    let input = Input {
        block: 10,
        emission,
        stake: vec![stake_weight(stake, 0, 0)],
        last_update: vec![9],
        registered_at: vec![1],
        validator_permit: vec![true],
        ..Input::default()
    };
    let settlement = settle(&Params::default(), &input);
    assert_eq!(settlement.server_emission, [0]);
    let claim = Claim {
        alpha: stake,
        root: 0,
        dividend: settlement.validator_emission[0],
    };
    let (paid, left) = dividends(emission, 0, 0, &[claim]);
    assert_eq!(left.alpha, 0);
    assert_close(
        stake + paid[0].alpha,
        &expected["stake_after"],
        int(tolerance),
    );
}
