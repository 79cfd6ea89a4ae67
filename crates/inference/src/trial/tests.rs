//! The test never convicts the honest, convicts each cheat, and does not forget one cheat among nine good answers.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::verify::Verdict;

/// Honest tokens lose a race in a hundred and hardly ever by much; the cheat's in ten.
fn rates() -> Rates {
    let honest = [9_900, 0, 0, 40, 30, 20, 10, 0, 0, 0, 0];
    let cheat = [9_000, 0, 0, 100, 200, 300, 250, 100, 40, 9, 1];
    let seen = |name: &str, tokens| Cheat {
        name: name.into(),
        tokens,
    };
    Rates::new(vec![seen("f16", honest)], vec![seen("4-bit", cheat)])
}

fn calibration() -> Calibration {
    Calibration {
        errors: rates(),
        distances: rates(),
    }
}

fn token(error: f64) -> TokenEvidence {
    TokenEvidence {
        id: 1,
        error,
        logprob: -1.0,
        distance: None,
        tilts: [0.0; TILTS.len()],
    }
}

fn answer(errors: &[f64]) -> Evidence {
    let tokens = errors.iter().map(|error| token(*error)).collect();
    Evidence {
        prompt_tokens: 1,
        tokens,
        verdict: Verdict::Close,
    }
}

fn weights(errors: &[f64]) -> Vec<f64> {
    calibration().weigh(&answer(errors), Drawn::BySeed).each
}

fn odds_of(window: &[Vec<f64>]) -> f64 {
    odds(window.iter().map(Vec::as_slice))
}

#[test]
fn classes_are_told_apart_by_half_powers_of_ten() {
    assert_eq!(
        [0.0, 2e-5, 1e-3, 1.1e-3, 0.9, 7.0, f64::INFINITY].map(class),
        [0, 1, 3, 4, 9, 10, 10]
    );
}

#[test]
fn without_answers_nothing_is_decided() {
    assert_eq!(odds_of(&[]), 1.0);
    assert_eq!(Finding::of(1.0), Finding::Undecided);
}

#[test]
fn a_miner_is_accepted_by_good_tokens_and_caught_by_bad_ones() {
    let good = weights(&[0.0; 40]);
    assert_eq!(
        Finding::of(odds_of(&vec![good.clone(); 40])),
        Finding::Accepted
    );
    let bad = weights(&[0.0, 0.0, 0.05, 0.0, 0.02, 0.0, 0.15, 0.0]);
    assert_eq!(Finding::of(odds_of(&vec![bad; 3])), Finding::Caught);
}

/// A class beyond what honest engines do never weighs less than a nearer one.
#[test]
fn weights_rise_with_the_error_and_are_fair_to_the_honest() {
    for rates in [
        rates(),
        Calibration::default().errors,
        Calibration::default().distances,
    ] {
        for weights in rates.weights() {
            assert!(weights.is_sorted(), "{weights:?}");
            for engine in rates.honest() {
                let total: u64 = engine.tokens.iter().sum();
                let mean: f64 = weights
                    .iter()
                    .zip(engine.tokens)
                    .map(|(weight, count)| weight.exp() * count as f64 / total as f64)
                    .sum();
                assert!(mean <= 1.001, "{mean} {}", engine.name);
            }
        }
    }
}

/// Nine good answers do not make up for the tenth; after many good ones a miner is believed again.
#[test]
fn one_cheat_in_ten_is_caught_and_a_reformed_one_is_forgiven() {
    let good = weights(&[0.0; 40]);
    let bad = weights(&[1.5; 40]);
    assert_eq!(bad, [WEIGHT_MAX]);
    let mut window = Vec::new();
    for number in 0..100 {
        window.push(if number % 10 == 9 {
            bad.clone()
        } else {
            good.clone()
        });
    }
    assert_eq!(Finding::of(odds_of(&window)), Finding::Caught);

    let reformed = |good_answers: usize| {
        let mut window = vec![bad.clone()];
        window.extend(vec![good.clone(); good_answers]);
        Finding::of(odds_of(&window))
    };
    assert_eq!(reformed(5), Finding::Caught);
    assert_eq!(reformed(60), Finding::Undecided);
    assert_eq!(reformed(250), Finding::Accepted);
}

#[test]
fn a_refused_answer_weighs_the_most_whatever_is_suspected() {
    let mut evidence = answer(&[0.0; 40]);
    evidence.verdict = Verdict::Refused(crate::Refusal::Empty);
    assert_eq!(
        calibration().weigh(&evidence, Drawn::BySeed).each,
        [WEIGHT_MAX]
    );
    let other = calibration().weigh(&evidence, Drawn::Otherwise).each;
    assert_eq!(other, [WEIGHT_MAX; 1 + TILTS.len()]);
}

#[test]
fn reports_are_weighed_by_their_distance_and_by_how_typical_the_tokens_are() {
    let mut evidence = answer(&[0.0]);
    evidence.tokens[0].distance = Some(0.2);
    evidence.tokens[0].tilts = [0.5, 0.25, -0.25, -0.5];
    let weights = calibration().weigh(&evidence, Drawn::Otherwise).each;
    assert!(weights[0] > 1.0, "{weights:?}");
    assert_eq!(weights[1..], [0.5, 0.25, -0.25, -0.5]);
}

#[test]
fn a_calibration_is_read_back_as_it_was_written() {
    let json = serde_json::to_string(&calibration()).unwrap();
    assert_eq!(
        serde_json::from_str::<Calibration>(&json).unwrap(),
        calibration()
    );
}

/// Draws windows of an engine that is honest, at its worst: at most one in two thousand may be caught, by the rule.
#[test]
fn honest_engines_are_hardly_ever_caught() {
    let honest = rates().honest()[0].clone();
    let total: u64 = honest.tokens.iter().sum();
    let mut dice = ChaCha12Rng::seed_from_u64(1);
    let mut draw = || {
        let mut at = dice.random_range(0..total);
        let class = honest.tokens.iter().position(|count| {
            at < *count || {
                at -= count;
                false
            }
        });
        [0.0, 5e-5, 2e-4, 5e-4, 2e-3, 5e-3, 0.02, 0.05, 0.2, 0.5, 2.0][class.unwrap()]
    };
    let mut caught = 0;
    for _ in 0..2_000 {
        let window: Vec<_> = (0..20)
            .map(|_| weights(&[0.0; 30].map(|_: f64| draw())))
            .collect();
        caught += usize::from(
            (1..=20).any(|many| Finding::of(odds_of(&window[..many])) == Finding::Caught),
        );
    }
    assert!(caught <= 4, "{caught} of 2000");
}

proptest! {
    /// More of the same good answers never raise the odds, more of the same bad ones never lower them.
    #[test]
    fn odds_follow_the_answers(good in 1usize..60, bad in 0usize..6) {
        let window = |good: usize, bad: usize| {
            let mut window = vec![weights(&[0.0; 20]); good];
            window.extend(vec![weights(&[0.3; 4]); bad]);
            odds_of(&window)
        };
        prop_assert!(window(good + 1, bad) <= window(good, bad));
        prop_assert!(window(good, bad + 1) >= window(good, bad));
    }
}
