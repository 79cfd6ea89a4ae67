//! Every published emission figure, held by blocks of a chain.
//!
//! [`every_emission_vector_holds_on_chain`] names each vector. Where a figure depends on what a block
//! creates, the block creates that: [`Subtensor::step_with`] is all of a block but the schedule, which
//! has a test of its own. States that a chain would reach in months are written, with the books kept.

mod blocks;
mod payment;

use super::*;
use blocks::*;
use economics::{epoch::Settlement, fixed::Fixed};
use frame_support::traits::fungible::Mutate;
use payment::*;
use payout::Pending;
use serde_json::Value;
use sp_runtime::{DispatchResult, traits::Dispatchable};

/// Figures of sharing by flows to a power, which the reference contains but never calls.
const NOT_CALLED: [&str; 12] = [
    "pow_norm_p1.1",
    "pow_norm_p1.2",
    "pow_norm_p1.3",
    "pow_norm_p1.4",
    "pow_norm_p1.5",
    "pow_norm_p1.6",
    "pow_norm_p1.7",
    "pow_norm_p1.8",
    "pow_norm_p1.9",
    "pow_norm_p2.0",
    "pow_norm_tiny",
    "pow_norm_large",
];

const ALICES: Account = 201;
const BOBS: Account = 301;
const BILLION: u64 = 1_000_000_000;

fn vectors() -> Value {
    let text = include_str!("../../../economics/tests/vectors/emission.json");
    serde_json::from_str(text).expect("the vectors are JSON")
}

/// One vector, and how far a figure may be off.
struct Vector<'v> {
    id: &'v str,
    inputs: &'v Value,
    expected: &'v Value,
    tolerance: &'v Value,
    whole: &'v Value,
}

impl Vector<'_> {
    fn int(&self, name: &str) -> u64 {
        int(&self.inputs[name])
    }

    fn ints(&self, name: &str) -> Vec<u64> {
        list(&self.inputs[name], int)
    }

    #[track_caller]
    fn near(&self, got: u64, name: &str) {
        self.near_figure(got, &self.expected[name], self.rao());
    }

    #[track_caller]
    fn all_near(&self, got: &[u64], name: &str) {
        let figures = self.expected[name].as_array().expect("a list of figures");
        assert_eq!(got.len(), figures.len(), "{}: {name}", self.id);
        for (got, figure) in got.iter().zip(figures) {
            self.near_figure(*got, figure, self.rao());
        }
    }

    #[track_caller]
    fn near_figure(&self, got: u64, figure: &Value, tolerance: u64) {
        let off = got.abs_diff(int(figure));
        assert!(off <= tolerance, "{}: {got} is not {figure}", self.id);
    }

    fn rao(&self) -> u64 {
        let tolerance = self.tolerance.get("per_subnet").unwrap_or(self.tolerance);
        tolerance.as_u64().unwrap_or(0)
    }

    #[track_caller]
    fn share_near(&self, got: Fixed, figure: &Value, tolerance: f64) {
        let got = got.to_bits() as f64 / 2f64.powi(64);
        let off = (got - figure.as_f64().expect("a share")).abs();
        assert!(off <= tolerance, "{}: {got} is not {figure}", self.id);
    }
}

fn int(value: &Value) -> u64 {
    let count = value.as_u64();
    count.unwrap_or_else(|| panic!("{value} is not a count"))
}

fn list<T>(value: &Value, each: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().expect("a list").iter().map(each).collect()
}

/// The nearest fixed-point number to a decimal of the vectors.
fn fixed(value: &Value) -> Fixed {
    let decimal = value.as_f64().expect("a number");
    Fixed::ratio((decimal * 1e15).round() as u128, 10u128.pow(15))
}

/// A decimal as the ratio of 2⁶⁴ − 1 that the chain stores.
fn ratio(value: &Value) -> u64 {
    u64::try_from(fixed(value).to_bits()).unwrap_or(u64::MAX)
}

#[test]
fn every_emission_vector_holds_on_chain() {
    let all = vectors();
    let mut held = 0;
    for whole in all["vectors"].as_array().expect("a list of vectors") {
        let vector = Vector {
            id: whole["id"].as_str().expect("a name"),
            inputs: &whole["inputs"],
            expected: &whole["expected"],
            tolerance: &whole["tolerance"],
            whole,
        };
        if NOT_CALLED.contains(&vector.id) {
            continue;
        }
        hold(&vector);
        println!("{} holds", vector.id);
        held += 1;
    }
    assert_eq!(held, 79, "vectors were added or lost");
}

fn hold(vector: &Vector) {
    match vector.id {
        "alpha_emission_small_issuance" | "owner_cut_zero" => owner_cut(vector),
        "alpha_out_ignores_cap" => alpha_out_ignores_cap(vector),
        "alpha_out_zero_at_max_issuance" => alpha_out_ends(vector),
        "tao_single_subnet" | "tao_tiny" | "tao_three_equal" | "tao_one_disabled"
        | "tao_toggle_111" | "tao_toggle_101" | "tao_toggle_011" | "tao_price_weighted" => {
            tao_by_price(vector);
        }
        "alpha_in_equal" | "alpha_in_price_weighted" | "zero_prices_no_injection" => {
            alpha_into_pools(vector);
        }
        "moving_price_const"
        | "moving_price_alpha1"
        | "moving_price_alpha01"
        | "moving_price_young"
        | "moving_price_old" => moving_price(vector),
        "pending_split_quarter_root"
        | "emit_owner_cut_10pct_rootsell_0"
        | "emit_owner_cut_10pct_rootsell_1"
        | "split_18pct_rootprop_0"
        | "split_18pct_rootprop_0.1"
        | "split_18pct_rootprop_0.25"
        | "split_18pct_rootprop_0.5"
        | "split_18pct_rootprop_0.999"
        | "split_18pct_half_block" => pay_in_parts(vector),
        "root_proportion" | "root_proportion_1e11" => root_proportion(vector),
        "terms_uncapped" => terms(vector, (1, 1), 1_000, vector.int("tao_emission")),
        "terms_capped" => terms(vector, (1, 1), 750, vector.int("tao_emission")),
        "terms_uncapped_general" => terms(vector, (1, 2), 1_000, vector.int("tao_emission")),
        "terms_capped_general" => terms(vector, (1, 100), 750, BILLION / 100 + 1),
        "dividend_distribution_totals"
        | "dividend_distribution_total_only_tao"
        | "dividend_distribution_total_no_tao_weight"
        | "dividend_distribution_total_only_alpha" => dividends(vector),
        "incentive_plus_dividend_total" | "all_to_validators" => pay_adds_up(vector),
        "div_inc_accumulate" | "div_only" | "inc_only" => pay_accumulates(vector),
        "no_miners_all_to_validator" | "single_staker_registered" | "single_staker_root_weight" => {
            lone_staker(vector);
        }
        "two_stakers_registered"
        | "two_stakers_registered_and_root"
        | "two_stakers_registered_and_root_different_amounts"
        | "two_stakers_registered_and_root_different_amounts_half_tao_weight" => {
            two_stakers(vector);
        }
        "childkey_take_10pct" => child_without_stake(vector),
        "inherited_stake_full_child" => inherited_stake(vector),
        "child_no_take_split"
        | "child_full_take"
        | "child_half_proportion"
        | "child_full_take_2"
        | "child_half_take" => parent_and_child(vector),
        "owner_incentive_withheld" | "owner_hotkeys_incentive_withheld" => owners_miners(vector),
        "drain_pending" => drained(vector),
        "share_ignores_root_prop" | "miner_burned_share" | "miner_burned_all_fallback" => {
            let prices = list(&vector.inputs["moving_prices"], fixed);
            shares(vector, &prices, 1e-9);
        }
        "pow_norm_p1" | "pow_norm_p1.0" | "pow_norm_zero" => {
            let prices = list(&vector.inputs["values"], fixed);
            shares(vector, &prices, 1e-3);
        }
        "blocks_until_epoch" => blocks_until_epoch(vector),
        other => panic!("vector {other} is not held by the chain"),
    }
}

/// A market of so many open subnets, in its second block, with nothing waiting to be paid.
fn subnets(count: u16) -> Market {
    let mut market = Market::empty();
    for _ in 0..count {
        market.open_subnet(OWNER);
    }
    market.run(1);
    market.write(|| {
        for netuid in 1..=count {
            set_pending(netuid, Pending::default());
        }
    });
    market
}

/// A subnet on which Alice's and Bob's hotkeys hold uids 1 and 2, and which mints nothing, for it
/// takes no newcomers any more.
fn closed_subnet() -> Market {
    let mut market = Market::open();
    market.register(1, ALICE, ALICES);
    market.register(1, BOB, BOBS);
    market.set(1, Hyperparameter::NetworkRegistrationAllowed(false));
    market
}

/// One more block, which creates so much TAO.
fn block_with(market: &mut Market, tao: TaoBalance) {
    market.write(|| {
        System::set_block_number(System::block_number() + 1);
        Subtensor::step_with(tao);
    });
}

fn as_root(market: &mut Market, call: Call<Test>) {
    let done: DispatchResult = market.write(|| {
        let done = RuntimeCall::from(call).dispatch(RuntimeOrigin::root());
        done.map(|_| ()).map_err(|failed| failed.error)
    });
    assert_eq!(done, Ok(()));
}

/// Lets amounts wait for the epoch in place of those that do.
fn set_pending(netuid: NetUid, pending: Pending) {
    let before = Subtensor::pending(netuid);
    Subtensor::unmint_alpha(netuid, before.epoch_total() + before.owner);
    Subtensor::mint_alpha_out(netuid, pending.epoch_total() + pending.owner);
    PendingServerEmission::<Test>::insert(netuid, pending.server);
    PendingValidatorEmission::<Test>::insert(netuid, pending.validator);
    PendingRootAlphaDivs::<Test>::insert(netuid, pending.root);
    PendingOwnerCut::<Test>::insert(netuid, pending.owner);
}

/// Fills a pool with other reserves.
fn set_pool(netuid: NetUid, tao: TaoBalance, alpha: AlphaBalance) {
    let before = Subtensor::tao_reserve(netuid);
    let replace = |total: &mut TaoBalance| *total = *total - before + tao;
    SubnetTAO::<Test>::insert(netuid, tao);
    TotalStake::<Test>::mutate(replace);
    TotalIssuance::<Test>::mutate(replace);
    SubnetAlphaIn::<Test>::insert(netuid, alpha);
}

/// Brings a subnet's issuance of alpha to an amount, with alpha that belongs to nobody.
fn set_alpha_issuance(netuid: NetUid, issuance: AlphaBalance) {
    let missing = issuance - Subtensor::alpha_issuance(netuid);
    Subtensor::mint_alpha_out(netuid, missing);
    Subtensor::abandon_alpha(netuid, missing);
}

/// Stakes an amount that nobody paid for.
fn hold_stake(hotkey: Account, coldkey: Account, netuid: NetUid, amount: u64) {
    if netuid == ROOT {
        Subtensor::mint_into_reserve(ROOT, amount);
    } else {
        Subtensor::mint_alpha_out(netuid, amount);
    }
    Subtensor::credit_stake(&hotkey, &coldkey, netuid, amount);
}

fn set_moving_price(netuid: NetUid, price: Fixed) {
    SubnetMovingPriceExact::<Test>::insert(netuid, price.to_bits());
}

/// So much root stake, at full weight, that root's proportion is so many thousandths where a subnet
/// issued the rest of 10¹² rao.
fn set_root_proportion(thousandths: u64) {
    Subtensor::set_tao_weight(u64::MAX);
    hold_stake(ALICES, ALICE, ROOT, thousandths * BILLION);
}

/// TAO that each subnet received in the last block.
fn tao_received(count: u16) -> Vec<u64> {
    (1..=count)
        .map(|netuid| {
            let (injected, excess) = Subtensor::tao_in_emission(netuid);
            injected + excess
        })
        .collect()
}
