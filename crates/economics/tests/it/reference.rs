//! The epoch rule again, as plainly as it can be said: the yardstick the shipped code is compared
//! with.
//!
//! Rows are ordered maps, numbers are `i128` counts of 2⁻³², every step is a loop. No reciprocals,
//! no strips, no selection: sorting and long division. Slow, and therefore easy to check against
//! the text.

use std::collections::BTreeMap;

use economics::epoch::{Input, LiquidAlpha, Params, Settlement, Yuma};

pub type Row = BTreeMap<usize, i128>;
pub const ONE: i128 = 1 << 32;

pub fn times(a: i128, b: i128) -> i128 {
    (a * b) >> 32
}

pub fn over(a: i128, b: i128) -> i128 {
    if b == 0 { 0 } else { a * ONE / b }
}

fn ratio(value: u16) -> i128 {
    over(i128::from(value), 65_535)
}

fn stored(value: i128) -> u16 {
    ((value * 65_535) >> 32).clamp(0, 65_535) as u16
}

pub fn normalised(values: &[i128]) -> Vec<i128> {
    let sum: i128 = values.iter().sum();
    if sum == 0 {
        values.to_vec()
    } else {
        values.iter().map(|&v| over(v, sum)).collect()
    }
}

fn column_sums(rows: &[Row], n: usize) -> Vec<i128> {
    let mut sums = vec![0; n];
    for row in rows {
        row.iter().for_each(|(&j, &value)| sums[j] += value);
    }
    sums
}

pub fn column_normalised(rows: &[Row], n: usize) -> Vec<Row> {
    let sums = column_sums(rows, n);
    let share = |(&j, &value): (&usize, &i128)| {
        (
            j,
            if sums[j] == 0 {
                value
            } else {
                over(value, sums[j])
            },
        )
    };
    rows.iter()
        .map(|row| row.iter().map(share).collect())
        .collect()
}

/// Divides each column by its largest entry.
pub fn column_upscaled(rows: &[Row], n: usize) -> Vec<Row> {
    let mut largest = vec![0; n];
    for row in rows {
        row.iter()
            .for_each(|(&j, &value)| largest[j] = value.max(largest[j]));
    }
    let share = |(&j, &value): (&usize, &i128)| (j, over(value, largest[j]));
    rows.iter()
        .map(|row| row.iter().map(share).collect())
        .collect()
}

/// Scales until the largest is 65535, rounding halves up.
pub fn upscaled(values: &[i128]) -> Vec<u16> {
    let max = values.iter().copied().max().unwrap_or(0);
    let scaled = |&value: &i128| match max {
        0 => value,
        max if max > 32_768 * ONE => times(value, over(65_535 * ONE, max)),
        max => over(value * 65_535, max),
    };
    values
        .iter()
        .map(scaled)
        .map(|value| ((value + ONE / 2) >> 32) as u16)
        .collect()
}

/// A bond after it has followed a weight at a rate, never above one.
pub fn followed(rate: i128, bond: i128, weight: i128) -> i128 {
    (times(ONE - rate, bond) + times(rate, weight)).min(ONE)
}

/// `exp`, far more precisely than needed: by its series, with 60 fractional bits.
pub fn exp(x: i128) -> i128 {
    const BITS: u32 = 60;
    // e^x = (e^(x/64))^64, so that the series converges at once.
    let small = x.clamp(-20 * ONE, 20 * ONE) << (BITS - 32 - 6);
    let (mut term, mut sum) = (1i128 << BITS, 1i128 << BITS);
    for k in 1..40 {
        term = ((term * small) >> BITS) / k;
        sum += term;
    }
    let squared = |y: u128, _| economics::fixed::mul_div(y, y, 1 << BITS);
    let whole = (0..6).fold(sum as u128, squared);
    ((whole + (1 << (BITS - 33))) >> (BITS - 32)) as i128
}

fn permits(shares: &[i128], params: &Params) -> Vec<bool> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&i| shares[i]);
    let dropped = shares
        .len()
        .saturating_sub(usize::from(params.validators_max));
    let mut permitted = vec![false; shares.len()];
    order[dropped..]
        .iter()
        .for_each(|&i| permitted[i] = shares[i] != 0);
    if let Some(owner) = params.owner.map(usize::from).filter(|&o| o < shares.len()) {
        permitted[owner] = true;
    }
    permitted
}

fn consensus(weights: &[Row], active: &[i128], kappa: i128, j: usize) -> i128 {
    let members: Vec<usize> = (0..active.len()).filter(|&i| active[i] > 0).collect();
    let stakes = normalised(&members.iter().map(|&i| active[i]).collect::<Vec<_>>());
    let mut opinions: Vec<(i128, i128)> = members
        .iter()
        .zip(&stakes)
        .map(|(&i, &stake)| (weights[i].get(&j).copied().unwrap_or(0), stake))
        .collect();
    opinions.sort();
    let minority = stakes.iter().sum::<i128>() - kappa;
    let mut below = 0;
    let mut index = 0;
    while index < opinions.len() {
        let value = opinions[index].0;
        while index < opinions.len() && opinions[index].0 == value {
            below += opinions[index].1;
            index += 1;
        }
        if below > minority {
            return value;
        }
    }
    opinions.last().map_or(0, |opinion| opinion.0)
}

fn masked_weights(params: &Params, input: &Input, n: usize) -> Vec<Row> {
    let at = |vector: &Vec<u64>, i: usize| vector.get(i).copied().unwrap_or(0);
    let mut rows = vec![Row::new(); n];
    for (i, row) in rows.iter_mut().enumerate() {
        let is_owner = params.owner == Some(i as u16);
        if !(is_owner || input.validator_permit.get(i).copied().unwrap_or(false)) {
            continue;
        }
        for &(j, weight) in input.weights.get(i).into_iter().flatten() {
            let j = usize::from(j);
            let is_stale = j < n && at(&input.last_update, i) <= at(&input.registered_at, j);
            let is_sniped = j < n
                && matches!(input.commit_block.get(i), Some(Some(c)) if *c < at(&input.registered_at, j));
            if j < n && (i != j || is_owner) && !is_stale && !is_sniped {
                row.insert(j, i128::from(weight) * ONE);
            }
        }
        let sum: i128 = row.values().sum();
        if sum != 0 {
            row.values_mut()
                .for_each(|value| *value = over(*value, sum));
        }
    }
    rows
}

pub fn clipped(weights: &[Row], limits: &[i128]) -> Vec<Row> {
    let clip = |(&j, &w): (&usize, &i128)| {
        if w < limits[j] {
            Some((j, w))
        } else {
            (limits[j] > 0).then_some((j, limits[j]))
        }
    };
    weights
        .iter()
        .map(|row| row.iter().filter_map(clip).collect())
        .collect()
}

fn bond_weights(weights: &[Row], clipped: &[Row], penalty: u16) -> Vec<Row> {
    match penalty {
        0 => weights.to_vec(),
        u16::MAX => clipped.to_vec(),
        _ => {
            let between = |i: usize| {
                weights[i].iter().filter_map(move |(&j, &w)| {
                    let kept = clipped[i].get(&j).copied().unwrap_or(0);
                    let value = w + times(ratio(penalty), kept - w);
                    (value > 0).then_some((j, value))
                })
            };
            (0..weights.len()).map(|i| between(i).collect()).collect()
        }
    }
}

fn stored_bonds(params: &Params, input: &Input, n: usize) -> Vec<Row> {
    let since = if input.last_step_block == 0 {
        input.block.saturating_sub(u64::from(params.tempo))
    } else {
        input.last_step_block + 1
    };
    let is_kept = |j: usize| since > input.registered_at.get(j).copied().unwrap_or(0);
    (0..n)
        .map(|i| {
            let row = input.bonds.get(i).into_iter().flatten();
            row.map(|&(j, bond)| (usize::from(j), i128::from(bond)))
                .filter(|&(j, _)| j < n && is_kept(j))
                .collect()
        })
        .collect()
}

fn averaged(new: &[Row], old: &[Row], rate: i128) -> Vec<Row> {
    let mut rows = vec![Row::new(); new.len()];
    for (i, row) in rows.iter_mut().enumerate() {
        for (&j, &value) in &new[i] {
            *row.entry(j).or_default() += times(rate, value);
        }
        for (&j, &value) in &old[i] {
            *row.entry(j).or_default() += times(ONE - rate, value);
        }
        row.retain(|_, value| *value > 0);
    }
    rows
}

pub fn liquid_rate(liquid: LiquidAlpha, weight: i128, bond: i128, consensus: i128) -> i128 {
    let (low, high) = (ratio(liquid.low), ratio(liquid.high));
    let away = if weight >= bond {
        weight - consensus
    } else {
        bond - weight
    };
    let steepness = i128::from(liquid.steepness) * ONE / -100;
    let exponent = times(steepness, away.clamp(0, ONE) - ONE / 2);
    let sigmoid = over(ONE, ONE + exp(exponent));
    // Where low exceeds high nothing is between them: the lower bound is looked at first.
    let rate = low + times(sigmoid, high - low);
    if rate < low {
        low
    } else if rate > high {
        high
    } else {
        rate
    }
}

fn liquid_bonds(new: &[Row], old: &[Row], consensus: &[i128], liquid: LiquidAlpha) -> Vec<Row> {
    let cell = |i: usize, j: usize, weight: i128| {
        let bond = old[i].get(&j).copied().unwrap_or(0);
        let rate = liquid_rate(liquid, weight, bond, consensus[j]);
        followed(rate, bond, weight)
    };
    (0..new.len())
        .map(|i| new[i].iter().map(|(&j, &w)| (j, cell(i, j, w))).collect())
        .collect()
}

fn dividends_of(shares: &[Row], incentive: &[i128]) -> Vec<i128> {
    shares
        .iter()
        .map(|row| row.iter().map(|(&j, &b)| times(b, incentive[j])).sum())
        .collect()
}

/// Bonds to store, before 16 bits, and dividends.
fn bonds_and_dividends(
    params: &Params,
    input: &Input,
    active: &[i128],
    weights: &[Row],
    consensus: &[i128],
    incentive: &[i128],
) -> (Vec<Row>, Vec<i128>) {
    let n = active.len();
    let rate = ONE - over(i128::from(input_ppm(params)), 1_000_000);
    let old = stored_bonds(params, input, n);
    match params.yuma {
        Yuma::Two => {
            let scale =
                |(row, &a): (&Row, &i128)| row.iter().map(|(&j, &w)| (j, times(a, w))).collect();
            let bought: Vec<Row> = weights.iter().zip(active).map(scale).collect();
            let held: Vec<Row> = old
                .iter()
                .map(|row| row.iter().map(|(&j, &b)| (j, b * ONE)).collect())
                .collect();
            let bonds = averaged(
                &column_normalised(&bought, n),
                &column_normalised(&held, n),
                rate,
            );
            let bonds = column_normalised(&bonds, n);
            let dividends = normalised(&dividends_of(&bonds, incentive));
            let kept = column_upscaled(&bonds, n);
            (kept, dividends)
        }
        Yuma::Three { liquid } => {
            let held: Vec<Row> = old
                .iter()
                .map(|row| row.iter().map(|(&j, &b)| (j, ratio(b as u16))).collect())
                .collect();
            let bonds = match liquid {
                Some(liquid) if consensus.iter().any(|&c| c != 0) => {
                    let past = |past: &Vec<u16>| -> Vec<i128> {
                        (0..n)
                            .map(|j| ratio(past.get(j).copied().unwrap_or(0)))
                            .collect()
                    };
                    let measure = input
                        .past_consensus
                        .as_ref()
                        .map_or(consensus.to_vec(), past);
                    liquid_bonds(weights, &held, &measure, liquid)
                }
                _ => averaged(weights, &held, rate),
            };
            let shares = dividends_of(&column_normalised(&bonds, n), incentive);
            let earned: Vec<i128> = shares
                .iter()
                .zip(active)
                .map(|(&d, &a)| times(a, d))
                .collect();
            (bonds, normalised(&earned))
        }
    }
}

fn input_ppm(params: &Params) -> u64 {
    params.bonds_moving_average_ppm.min(1_000_000)
}

fn amounts(shares: &[i128], emission: u64) -> Vec<u64> {
    shares
        .iter()
        .map(|&share| ((share * i128::from(emission)) >> 32) as u64)
        .collect()
}

fn ratios(shares: &[i128]) -> Vec<u16> {
    shares.iter().map(|&share| stored(share)).collect()
}

/// Settles an epoch the slow way.
pub fn settle(params: &Params, input: &Input) -> Settlement {
    let n = input.stake.len();
    let owner = params.owner.map(usize::from);
    let cutoff = u128::from(params.activity_cutoff);
    let active: Vec<bool> = (0..n)
        .map(|i| {
            input
                .last_update
                .get(i)
                .is_some_and(|&u| u128::from(u) + cutoff >= u128::from(input.block))
        })
        .collect();
    let counted: Vec<i128> = (0..n)
        .map(|i| {
            if input.stake[i] < params.stake_threshold && owner != Some(i) {
                0
            } else {
                input.stake[i].into()
            }
        })
        .collect();
    let stake = normalised(&counted);
    let stake = if counted.iter().sum::<i128>() == 0 {
        vec![0; n]
    } else {
        stake
    };
    let permitted =
        |i: usize| owner == Some(i) || input.validator_permit.get(i).copied().unwrap_or(false);
    let active_stake: Vec<i128> = (0..n)
        .map(|i| {
            if active[i] && permitted(i) {
                stake[i]
            } else {
                0
            }
        })
        .collect();
    let active_stake = normalised(&active_stake);

    let weights = masked_weights(params, input, n);
    let agreed: Vec<i128> = (0..n)
        .map(|j| consensus(&weights, &active_stake, ratio(params.kappa), j))
        .collect();
    let kept = clipped(&weights, &agreed);
    let trust: Vec<i128> = kept.iter().map(|row| row.values().sum()).collect();
    let mut rank = vec![0; n];
    for (row, &a) in kept.iter().zip(&active_stake) {
        row.iter().for_each(|(&j, &w)| rank[j] += times(a, w));
    }
    let incentive = normalised(&rank);
    let basis = bond_weights(&weights, &kept, params.bonds_penalty);
    let (bonds, dividends) =
        bonds_and_dividends(params, input, &active_stake, &basis, &agreed, &incentive);

    let combined: Vec<i128> = incentive
        .iter()
        .zip(&dividends)
        .map(|(i, d)| i + d)
        .collect();
    let sum: i128 = combined.iter().sum();
    let share = |values: &[i128]| values.iter().map(|&v| over(v, sum)).collect::<Vec<_>>();
    let (server, validator, all) = if sum != 0 {
        (share(&incentive), share(&dividends), share(&combined))
    } else {
        let basis = if active_stake.iter().all(|&a| a == 0) {
            &stake
        } else {
            &active_stake
        };
        (vec![0; n], basis.clone(), basis.clone())
    };
    let permits_next = permits(&stake, params);
    let row = |i: usize| {
        let cells = bonds[i].iter().filter(|(_, b)| **b > 0 && permits_next[i]);
        cells.map(|(&j, &b)| (j as u16, stored(b))).collect()
    };
    Settlement {
        stake_weight: ratios(&stake),
        consensus: ratios(&agreed),
        validator_trust: ratios(&trust),
        incentive: ratios(&incentive),
        dividends: ratios(&dividends),
        server_emission: amounts(&server, input.emission),
        validator_emission: amounts(&validator, input.emission),
        emission: amounts(&all, input.emission),
        bonds: (0..n).map(row).collect(),
        validator_permit_next: permits_next,
        active,
    }
}
