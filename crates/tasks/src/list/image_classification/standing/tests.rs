//! Who looks earns, who guesses does not.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use scoring::{Fault, Judgement, WINDOW};

use super::*;

/// A way to answer: given the number of labels and the truth, the shares.
type Guesser = fn(usize, usize, &mut ChaCha12Rng) -> Vec<f64>;

fn observation(truth: usize, shares: &[f64]) -> Observation {
    let mut figures = vec![truth as f32];
    figures.extend(shares.iter().map(|share| *share as f32));
    let judgement = Judgement {
        figures,
        ..Judgement::of(0.5, "")
    };
    Observation::new(0, 0, &judgement)
}

fn fault(fault: Fault) -> Observation {
    Observation::new(0, 0, &Judgement::fault(fault))
}

fn window(guesser: Guesser, labels: usize, count: usize, seed: u64) -> Vec<Observation> {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            let truth = rng.random_range(0..labels);
            observation(truth, &guesser(labels, truth, &mut rng))
        })
        .collect()
}

/// One label for sure, all others nothing.
fn sure(labels: usize, label: usize, share: f64) -> Vec<f64> {
    let rest = (1.0 - share) / (labels - 1) as f64;
    (0..labels)
        .map(|index| if index == label { share } else { rest })
        .collect()
}

fn normal(mut shares: Vec<f64>) -> Vec<f64> {
    let sum: f64 = shares.iter().sum();
    for share in &mut shares {
        *share /= sum;
    }
    shares
}

/// Those who do not look at the picture.
const BLIND: [Guesser; 6] = [
    |labels, _, _| sure(labels, 0, 0.99),
    |labels, _, _| vec![1.0 / labels as f64; labels],
    |labels, _, rng| sure(labels, rng.random_range(0..labels), 1.0),
    |labels, _, rng| sure(labels, rng.random_range(0..labels), 1.5 / labels as f64),
    |labels, _, rng| normal((0..labels).map(|_| rng.random_range(0.0..1.0)).collect()),
    |labels, _, rng| normal((0..labels).map(|_| rng.random_range(0.9..1.1)).collect()),
];

/// Right in 19 of 20, and as sure as that.
fn good(labels: usize, truth: usize, rng: &mut ChaCha12Rng) -> Vec<f64> {
    let said = if rng.random_bool(0.95) {
        truth
    } else {
        rng.random_range(0..labels)
    };
    sure(labels, said, 0.95)
}

#[test]
fn who_looks_is_worth_most_of_one() {
    let full = quality(&window(good, 16, WINDOW, 1));
    assert!((0.75..1.0).contains(&full), "{full}");
    let early = quality(&window(good, 16, 24, 1));
    assert!(0.3 < early && early < full, "{early}");
    assert_eq!(quality(&window(good, 16, ANSWERS_MIN - 1, 1)), 0.0);
}

#[test]
fn a_perfect_answer_comes_near_one_as_the_window_fills() {
    let perfect: Guesser = |labels, truth, _| sure(labels, truth, 1.0);
    let full = quality(&window(perfect, 16, WINDOW, 2));
    assert!(0.95 < full, "{full}");
}

/// Two miners name the same pictures right; one is sure of everything, the other only of what it knows.
#[test]
fn being_sure_of_what_is_wrong_costs() {
    let often: Guesser = |labels, truth, rng| {
        let said = if rng.random_bool(0.7) {
            truth
        } else {
            rng.random_range(0..labels)
        };
        sure(labels, said, 0.999)
    };
    let humble: Guesser = |labels, truth, rng| {
        if rng.random_bool(0.7) {
            return sure(labels, truth, 0.99);
        }
        sure(labels, rng.random_range(0..labels), 0.2)
    };
    let (bold, humble) = (
        quality(&window(often, 16, 256, 3)),
        quality(&window(humble, 16, 256, 3)),
    );
    assert!(bold < 0.8 * humble, "{bold} and {humble}");
}

#[test]
fn absence_costs_its_share_and_a_lie_eight_answers() {
    let honest = window(good, 16, 80, 4);
    let before = quality(&honest);
    let after = |last: Vec<Observation>| {
        let mut window = honest.clone();
        window.extend(last);
        quality(&window) / before
    };
    let away = || fault(Fault::Unreachable("gone".into()));
    assert!((after((0..20).map(|_| away()).collect()) - 0.8).abs() < 1e-9);
    let lie = fault(Fault::Unreadable("nonsense".into()));
    assert!((after(vec![lie]) - 80.0 / 88.0).abs() < 1e-9);
}

#[test]
fn answers_over_other_labels_are_no_answers() {
    let mut changed = window(good, 4, 100, 5);
    changed.extend(window(good, 16, 100, 5));
    let only = quality(&window(good, 16, 100, 5));
    assert!((quality(&changed) - only / 2.0).abs() < 1e-9);
    assert_eq!(quality(&[fault(Fault::Refused("full".into()))]), 0.0);
    assert_eq!(quality(&[]), 0.0);
}

/// Every blind miner, over a few labels and many, with few answers and a full window, two hundred times each.
#[test]
fn who_does_not_look_is_worth_less_than_a_fiftieth() {
    for (which, guesser) in BLIND.into_iter().enumerate() {
        for labels in [4, 16, 62] {
            for count in [ANSWERS_MIN, 16, 40, WINDOW] {
                for seed in 0..200 {
                    let worth = quality(&window(guesser, labels, count, seed));
                    assert!(
                        worth < 0.02,
                        "{which} of {labels}, {count} answers, {seed}: {worth}"
                    );
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_window_is_worth_less_than_nothing_or_more_than_all(
        answers in proptest::collection::vec((0usize..5, proptest::collection::vec(0.0..1.0f64, 5)), 0..60)
    ) {
        let window: Vec<_> = answers
            .into_iter()
            .map(|(truth, shares)| observation(truth, &normal(shares)))
            .collect();
        prop_assert!((0.0..=1.0).contains(&quality(&window)));
    }

    /// The order of answers within the window is of no account, but for which labels count.
    #[test]
    fn the_order_of_answers_does_not_matter(seed in any::<u64>(), count in 8usize..60) {
        let forward = window(good, 6, count, seed);
        let backward: Vec<_> = forward.iter().rev().cloned().collect();
        prop_assert!((quality(&forward) - quality(&backward)).abs() < 1e-9);
    }
}
