//! The reference's elementary operations, on the shipped code where it has the operation as such,
//! and otherwise on the plain reading that the shipped code is compared with.
//!
//! The shipped settlement has no matrices to mask or multiply: it goes through strips of packed
//! cells. Those operations are checked on rows as [`crate::reference`] uses them, and that both
//! settle alike is [`crate::equivalence`]'s to show.

use economics::epoch::cell::{low_half, with_weight};
use economics::epoch::majority::Majority;
use economics::epoch::sigmoid::falling;
use economics::epoch::stake::largest;
use economics::fixed::Total;
use economics::weights::{is_within_limit, max_upscaled};
use serde_json::Value;

use crate::reference::{self, ONE};

/// A count of 2⁻³², nearest to a decimal of the vectors.
fn fixed(value: &Value) -> i128 {
    (value.as_f64().unwrap() * 4_294_967_296.0).round() as i128
}

fn decimal(value: i128) -> f64 {
    value as f64 / 4_294_967_296.0
}

fn vector(value: &Value) -> Vec<i128> {
    value.as_array().unwrap().iter().map(fixed).collect()
}

fn matrix(value: &Value) -> Vec<Vec<i128>> {
    value.as_array().unwrap().iter().map(vector).collect()
}

fn flags(value: &Value) -> Vec<bool> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag.as_bool().unwrap())
        .collect()
}

fn words(value: &Value) -> Vec<u16> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_u64().unwrap() as u16)
        .collect()
}

/// What an operation gives: numbers in rows, flags, or a single fact.
#[derive(Debug, PartialEq)]
enum Got {
    Matrix(Vec<Vec<i128>>),
    Vector(Vec<i128>),
    Number(i128),
    Flags(Vec<bool>),
    Flag(bool),
    Words(Vec<u16>),
    Count(Option<u64>),
}

fn is_close(got: i128, expected: &Value, tolerance: f64) -> bool {
    // Decimals of the vectors are rounded, so two steps of 2⁻³² are always allowed.
    let expected = expected.as_f64().unwrap();
    (decimal(got) - expected).abs() <= tolerance + decimal(2) + expected.abs() * 1e-12
}

fn are_close(got: &[i128], expected: &Value, tolerance: f64) -> bool {
    let expected = expected.as_array().unwrap();
    got.len() == expected.len()
        && got
            .iter()
            .zip(expected)
            .all(|(&got, expected)| is_close(got, expected, tolerance))
}

fn matches(got: &Got, expected: &Value, tolerance: f64) -> bool {
    match got {
        Got::Matrix(rows) => {
            let expected = expected.as_array().unwrap();
            rows.len() == expected.len()
                && rows
                    .iter()
                    .zip(expected)
                    .all(|(row, expected)| are_close(row, expected, tolerance))
        }
        Got::Vector(values) => are_close(values, expected, tolerance),
        Got::Number(value) => is_close(*value, expected, tolerance),
        Got::Flags(got) => *got == flags(expected),
        Got::Flag(got) => *got == expected.as_bool().unwrap(),
        Got::Words(got) => *got == words(expected),
        Got::Count(got) => *got == expected.as_u64(),
    }
}

/// Drops cells of rows by a predicate on (row, column).
fn masked(rows: Vec<Vec<i128>>, drops: impl Fn(usize, usize) -> bool) -> Vec<Vec<i128>> {
    let mask = |(i, row): (usize, Vec<i128>)| {
        let keep = |(j, value)| if drops(i, j) { 0 } else { value };
        row.into_iter().enumerate().map(keep).collect()
    };
    rows.into_iter().enumerate().map(mask).collect()
}

/// Applies an operation of the plain reading to ordered rows and back.
fn on_rows(
    rows: &[Vec<i128>],
    width: usize,
    operation: impl Fn(&[reference::Row]) -> Vec<reference::Row>,
) -> Vec<Vec<i128>> {
    let sparse: Vec<_> = rows
        .iter()
        .map(|row| row.iter().copied().enumerate().collect())
        .collect();
    let dense = |row: &reference::Row| {
        (0..width)
            .map(|j| row.get(&j).copied().unwrap_or(0))
            .collect()
    };
    operation(&sparse).iter().map(dense).collect()
}

/// The agreed value of a column, by the shipped selection.
fn agreed(stakes: &[i128], scores: &[i128], majority: i128) -> i128 {
    let voices: Vec<u64> = stakes.iter().map(|&stake| stake as u64).collect();
    let sum = voices.iter().sum();
    let column: Vec<_> = scores
        .iter()
        .enumerate()
        .map(|(holder, &score)| with_weight(score as u64, low_half(0, holder)))
        .collect();
    i128::from(Majority::new(voices, sum, majority as u64).agreed(&column))
}

/// Normalises by the shipped division where parts are not negative.
fn normalised(values: &[i128]) -> Vec<i128> {
    if values.iter().any(|&value| value < 0) {
        return reference::normalised(values);
    }
    let total = Total::new(values.iter().sum::<i128>() as u64);
    values
        .iter()
        .map(|&value| i128::from(total.share(value as u64)))
        .collect()
}

fn evaluate(op: &str, inputs: &Value) -> Option<Got> {
    let rows = || matrix(&inputs["matrix"]);
    let width = || rows().first().map_or(0, Vec::len);
    Some(match op {
        "row_normalize" => Got::Matrix(rows().iter().map(|row| normalised(row)).collect()),
        "col_normalize" => {
            let n = width();
            Got::Matrix(on_rows(&rows(), n, |rows| {
                reference::column_normalised(rows, n)
            }))
        }
        "col_max_upscale" => {
            let n = width();
            Got::Matrix(on_rows(&rows(), n, |rows| {
                reference::column_upscaled(rows, n)
            }))
        }
        "mask_vector" => {
            let mask = flags(&inputs["mask"]);
            let values = masked(vec![vector(&inputs["vector"])], |_, j| mask[j]);
            Got::Vector(values.into_iter().next().unwrap())
        }
        "mask_matrix" => {
            let mask: Vec<_> = inputs["mask"]
                .as_array()
                .unwrap()
                .iter()
                .map(flags)
                .collect();
            Got::Matrix(masked(rows(), |i, j| mask[i][j]))
        }
        "mask_rows" => {
            let mask = flags(&inputs["mask"]);
            Got::Matrix(masked(rows(), |i, _| mask[i]))
        }
        "mask_diag" => Got::Matrix(masked(rows(), |i, j| i == j)),
        "mask_diag_except" => {
            let except = inputs["except_index"].as_u64().map(|index| index as usize);
            Got::Matrix(masked(rows(), |i, j| i == j && Some(i) != except))
        }
        "mask_where_row_vs_col" => {
            let (row, col) = (vector(&inputs["row_vector"]), vector(&inputs["col_vector"]));
            let predicate = inputs["predicate"].as_str().unwrap();
            Got::Matrix(masked(rows(), |i, j| match predicate {
                "row == col" => row[i] == col[j],
                "row < col" => row[i] < col[j],
                "row <= col" => row[i] <= col[j],
                other => panic!("unknown predicate {other}"),
            }))
        }
        _ => return evaluate_products(op, inputs).or_else(|| evaluate_selections(op, inputs)),
    })
}

fn evaluate_products(op: &str, inputs: &Value) -> Option<Got> {
    let rows = || matrix(&inputs["matrix"]);
    let by = || vector(&inputs["vector"]);
    Some(match op {
        "vec_mul" => {
            let (a, b) = (vector(&inputs["a"]), vector(&inputs["b"]));
            Got::Vector(
                a.iter()
                    .zip(&b)
                    .map(|(&a, &b)| reference::times(a, b))
                    .collect(),
            )
        }
        "mat_vec_mul_elementwise" => {
            let each = |row: &Vec<i128>| {
                row.iter()
                    .zip(by())
                    .map(|(&a, b)| reference::times(a, b))
                    .collect()
            };
            Got::Matrix(rows().iter().map(each).collect())
        }
        "row_scale" => {
            let scaled =
                |(row, b): (Vec<i128>, i128)| row.iter().map(|&a| reference::times(a, b)).collect();
            Got::Matrix(rows().into_iter().zip(by()).map(scaled).collect())
        }
        "row_sum" => Got::Vector(rows().iter().map(|row| row.iter().sum()).collect()),
        "matmul (sum over rows)" => {
            let (rows, by) = (rows(), by());
            let sum = |j: usize| {
                rows.iter()
                    .zip(&by)
                    .map(|(row, &b)| reference::times(row[j], b))
                    .sum()
            };
            Got::Vector((0..rows.first().map_or(0, Vec::len)).map(sum).collect())
        }
        "matmul_transpose (sum over columns)" => {
            let dot = |row: &Vec<i128>| {
                row.iter()
                    .zip(by())
                    .map(|(&a, b)| reference::times(a, b))
                    .sum()
            };
            Got::Vector(rows().iter().map(dot).collect())
        }
        "safe_div_vec" => {
            let (x, y) = (vector(&inputs["x"]), vector(&inputs["y"]));
            Got::Vector(
                x.iter()
                    .zip(&y)
                    .map(|(&x, &y)| reference::over(x, y))
                    .collect(),
            )
        }
        "normalize" => Got::Vector(normalised(&vector(&inputs["vector"]))),
        "interpolate" => {
            let (a, b) = (matrix(&inputs["a"]), matrix(&inputs["b"]));
            let ratio = fixed(&inputs["ratio"]);
            let between = |(a, b): (&Vec<i128>, &Vec<i128>)| {
                a.iter()
                    .zip(b)
                    .map(|(&a, &b)| a + reference::times(ratio, b - a))
                    .collect()
            };
            Got::Matrix(a.iter().zip(&b).map(between).collect())
        }
        "ema_alpha_elementwise" => {
            let [new, old, alpha] = ["new", "old", "alpha"].map(|name| matrix(&inputs[name]));
            let is_sparse = inputs["sparse"].as_bool().unwrap_or(false);
            let cell = |i: usize, j: usize| {
                if is_sparse && new[i][j] == 0 {
                    return 0;
                }
                reference::followed(alpha[i][j], old[i][j], new[i][j])
            };
            let row = |i: usize| (0..new[i].len()).map(|j| cell(i, j)).collect();
            Got::Matrix((0..new.len()).map(row).collect())
        }
        _ => return None,
    })
}

fn evaluate_selections(op: &str, inputs: &Value) -> Option<Got> {
    Some(match op {
        "col_clip" => {
            let (rows, limits) = (matrix(&inputs["matrix"]), vector(&inputs["threshold"]));
            Got::Matrix(on_rows(&rows, limits.len(), |rows| {
                reference::clipped(rows, &limits)
            }))
        }
        "weighted_median" => {
            let (stakes, scores) = (vector(&inputs["stake"]), vector(&inputs["score"]));
            Got::Number(agreed(&stakes, &scores, fixed(&inputs["majority"])))
        }
        "weighted_median_col" => {
            let stakes = normalised(&vector(&inputs["stake"]));
            let rows = matrix(&inputs["matrix"]);
            let column = |j: usize| rows.iter().map(|row| row[j]).collect::<Vec<_>>();
            let majority = fixed(&inputs["majority"]);
            let width = rows.first().map_or(0, Vec::len);
            Got::Vector(
                (0..width)
                    .map(|j| agreed(&stakes, &column(j), majority))
                    .collect(),
            )
        }
        "is_topk" => {
            // Shares of zero are never chosen, so the vectors' zeros are raised by a step; ranks
            // stay.
            let shares: Vec<u64> = vector(&inputs["vector"])
                .iter()
                .map(|&share| share as u64 + 1)
                .collect();
            Got::Flags(largest(&shares, inputs["k"].as_u64().unwrap() as usize))
        }
        "max_upscale_u16_to_u16" => Got::Words(max_upscaled(&words(&inputs["vector"]))),
        "max_upscale_to_u16" => Got::Words(reference::upscaled(&vector(&inputs["vector"]))),
        "max_weight_within_limit" => {
            let limit = inputs["limit_u16"].as_u64().unwrap() as u16;
            Got::Flag(is_within_limit(&words(&inputs["weights"]), limit))
        }
        "sigmoid" => {
            let away = fixed(&inputs["x"]) - fixed(&inputs["kappa"]);
            let exponent = reference::times(-fixed(&inputs["rho"]), away);
            Got::Number(i128::from(falling(exponent as i64)))
        }
        "alpha_from_bonds_moving_average" => {
            let ppm = i128::from(inputs["ppm"].as_u64().unwrap());
            Got::Number(ONE - reference::over(ppm, 1_000_000))
        }
        "checked_sum_u64" => {
            let mut values = inputs["vector"].as_array().unwrap().iter();
            let sum = values.try_fold(0u64, |sum, value| sum.checked_add(value.as_u64().unwrap()));
            Got::Count(sum)
        }
        "u64_ratio_to_I32F32" => {
            let [num, den] = ["num", "den"].map(|name| inputs[name].as_u64().unwrap());
            Got::Number(i128::from(Total::new(den).share(num)))
        }
        _ => return None,
    })
}

#[test]
fn every_elementary_operation_gives_its_figures() {
    let text = include_str!("../vectors/math_ops.json");
    let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut checked = 0;
    for vector in &vectors {
        let op = vector["op"].as_str().unwrap();
        if op == "yuma3_bonds_update" {
            continue;
        }
        let got =
            evaluate(op, &vector["inputs"]).unwrap_or_else(|| panic!("{op} is not evaluated"));
        let tolerance = vector["tolerance"].as_f64().unwrap();
        assert!(
            matches(&got, &vector["expected"], tolerance),
            "{vector}\ngot {got:?}"
        );
        checked += 1;
    }
    assert_eq!(
        checked,
        vectors.len() - 1,
        "all but the bonds update, which has a test of its own"
    );
}

/// A liquid rate whose bounds coincide is a plain moving average, cell by cell.
#[test]
fn equal_bounds_make_liquid_bonds_plain() {
    let text = include_str!("../vectors/math_ops.json");
    let vectors: Vec<Value> = serde_json::from_str(text).unwrap();
    let vector = vectors
        .iter()
        .find(|vector| vector["op"] == "yuma3_bonds_update")
        .unwrap();
    let inputs = &vector["inputs"];
    let (weights, bonds) = (matrix(&inputs["weights"]), matrix(&inputs["bonds"]));
    let bound = inputs["alpha_low_u16"].as_u64().unwrap() as u16;
    assert_eq!(inputs["alpha_high_u16"].as_u64().unwrap() as u16, bound);
    let rates = economics::epoch::sigmoid::Rates::new(economics::epoch::LiquidAlpha {
        low: bound,
        high: bound,
        steepness: 1_000,
    });
    for (i, row) in vector["expected"].as_array().unwrap().iter().enumerate() {
        for (j, expected) in row.as_array().unwrap().iter().enumerate() {
            let (weight, bond) = (weights[i][j], bonds[i][j]);
            let consensus = fixed(&inputs["consensus"][j]) as u64;
            let rate = rates.rate(weight as u64, bond as u64, consensus);
            let followed = reference::followed(i128::from(rate), bond, weight);
            let tolerance = vector["tolerance"].as_f64().unwrap();
            assert!(
                is_close(followed, expected, tolerance),
                "cell {i} {j}: {}",
                decimal(followed)
            );
        }
    }
}
