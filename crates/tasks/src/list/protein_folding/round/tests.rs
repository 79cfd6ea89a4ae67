//! Rounds of made-up energies and shapes, and records of good, bad, false and missing answers.

use super::*;
use scoring::{Fault, Judgement};

fn chain(energy: f64, seed: u64) -> Entry {
    let mut molecule = folding::build(&"GYDPETG".parse().expect("a sequence"));
    // Bent where the seed says, so that two seeds are two shapes.
    for (at, position) in molecule.positions.iter_mut().enumerate() {
        position[0] += 4.0 * (at as f64 * 0.1 * seed as f64).sin();
    }
    Entry {
        energy,
        molecule,
        took_s: 60.0,
    }
}

/// The same answer, twelve seconds after the last.
fn late(entry: Entry) -> Entry {
    Entry {
        took_s: 72.0,
        ..entry
    }
}

fn compared(baseline: f64, native: Option<&Molecule>, entries: &[Entry]) -> Vec<Worth> {
    let round = Round {
        baseline,
        native,
        budget_s: 60.0,
    };
    round.compared(entries)
}

fn moved(mut entry: Entry) -> Entry {
    for [x, y, z] in &mut entry.molecule.positions {
        (*x, *y, *z) = (-*y + 7.0, *x - 3.0, *z + 1.0);
    }
    entry
}

/// The same answer with every atom pushed by so many ångström, to either side.
fn pushed(mut entry: Entry, by: f64) -> Entry {
    for (at, position) in entry.molecule.positions.iter_mut().enumerate() {
        position[2] += if at % 2 == 0 { by } else { -by };
    }
    entry
}

fn qualities(entries: &[Entry]) -> Vec<f64> {
    let worths = compared(-100.0, None, entries);
    worths.into_iter().map(|worth| worth.quality).collect()
}

#[test]
fn the_best_is_worth_all_and_what_falls_short_falls_off_steeply() {
    let entries = [chain(-190.0, 1), chain(-200.0, 2), chain(-90.0, 3)];
    assert_eq!(qualities(&entries), [0.9_f64.powi(SHARPNESS), 1.0, 0.0]);
}

#[test]
fn a_structure_that_comes_late_and_came_before_earns_nothing_however_it_is_turned() {
    let copy = late(moved(chain(-190.0, 1)));
    let entries = [chain(-190.0, 1), copy, chain(-200.0, 2)];
    let worths = compared(-100.0, None, &entries);
    assert_eq!(worths[0].quality, 0.9_f64.powi(SHARPNESS));
    assert_eq!(worths[1].quality, 0.0);
    assert!(
        worths[1].reason.contains("answer 1 of the round"),
        "{}",
        worths[1].reason
    );
}

#[test]
fn the_farther_a_late_answer_is_from_an_earlier_one_the_more_of_it_counts() {
    let later = |by: f64| {
        let copy = late(pushed(moved(chain(-200.0, 1)), by));
        compared(-100.0, None, &[chain(-200.0, 1), copy])[1].newness
    };
    let rising = [0.0, 0.02, 0.2, 0.4, 0.6, 1.5].map(later);
    assert!(rising.is_sorted(), "{rising:?}");
    assert_eq!((rising[0], rising[1], rising[5]), (0.0, 0.0, 1.0));
    assert!(0.0 < rising[2] && rising[4] < 1.0, "{rising:?}");
}

/// Of a short chain all good searches find the same; and one search's answer in two names is one answer.
#[test]
fn answers_in_time_that_are_one_structure_share_one_reward_whoever_was_quicker() {
    let quick = Entry {
        took_s: 20.0,
        ..chain(-200.0, 1)
    };
    let entries = [quick, moved(chain(-200.0, 1)), chain(-190.0, 2)];
    let worths = compared(-100.0, None, &entries);
    let qualities: Vec<f64> = worths.iter().map(|worth| worth.quality).collect();
    assert_eq!(qualities, [0.5, 0.5, 0.9_f64.powi(SHARPNESS)]);
    assert!(worths.iter().all(|worth| worth.newness == 1.0));
    assert!(
        worths[0].reason.contains("shares its reward with answer 2"),
        "{}",
        worths[0].reason
    );
}

/// Whoever polishes what it bought comes out lower, and must not set the mark by which its source is measured.
#[test]
fn a_lower_copy_takes_nothing_from_the_one_that_it_was_copied_from() {
    let alone = qualities(&[chain(-200.0, 1), chain(-190.0, 2)]);
    let copied = [
        chain(-200.0, 1),
        chain(-190.0, 2),
        late(pushed(chain(-201.0, 1), 0.1)),
    ];
    let worths = qualities(&copied);
    assert_eq!(worths[..2], alone);
    assert!(worths[2] < 0.2, "{worths:?}");
}

#[test]
fn nobody_better_than_the_judge_is_nobody_paid() {
    assert_eq!(qualities(&[chain(-90.0, 1), chain(-100.0, 2)]), [0.0, 0.0]);
    assert_eq!(qualities(&[]), [0.0; 0]);
}

#[test]
fn where_the_structure_is_known_half_of_the_worth_is_likeness() {
    let native = chain(0.0, 1).molecule;
    let entries = [chain(-200.0, 1), chain(-200.0, 9)];
    let worths = compared(-100.0, Some(&native), &entries);
    assert!(0.99 < worths[0].quality, "{}", worths[0].reason);
    assert!(
        worths[1].quality < worths[0].quality,
        "{}",
        worths[1].reason
    );
}

fn seen(quality: f64, others: f32) -> Observation {
    let judgement = Judgement {
        figures: vec![others],
        ..Judgement::of(quality, "")
    };
    Observation::new(0, 0, &judgement)
}

fn failed(fault: Fault) -> Observation {
    Observation::new(0, 0, &Judgement::fault(fault))
}

fn full() -> Observation {
    failed(Fault::Busy("all 2 places are taken".into()))
}

#[test]
fn lone_answers_count_only_as_long_as_there_are_no_others() {
    let alone = vec![seen(1.0, 0.0); 20];
    assert!(0.8 < quality(&alone), "20 of 24");
    let mut then_beside = alone.clone();
    then_beside.extend(vec![seen(0.1, 3.0); 20]);
    assert!(quality(&then_beside) < 0.1);
    then_beside.push(failed(Fault::FalseAnswer("".into())));
    assert!(
        quality(&then_beside) < 0.03,
        "a lie costs, whoever was asked beside"
    );
}

#[test]
fn who_is_like_another_once_is_paid_and_who_always_is_is_not() {
    let new = |newness: f32| {
        let judgement = Judgement {
            figures: vec![3.0, newness],
            ..Judgement::of(0.8, "")
        };
        Observation::new(0, 0, &judgement)
    };
    let among = |every: usize, newness: f32| -> Vec<Observation> {
        let one = |number: usize| {
            new(if number.is_multiple_of(every) {
                newness
            } else {
                1.0
            })
        };
        (1..=100).map(one).collect()
    };
    let honest = quality(&among(1, 1.0));
    assert!((quality(&among(8, 0.1)) - honest).abs() < 1e-9);
    assert!(quality(&among(2, 0.2)) < 0.5 * honest);
    assert_eq!(quality(&among(1, 0.45)), 0.0);
}

#[test]
fn what_comes_late_is_worth_less_and_soon_little() {
    let late = |took_s| {
        let entry = Entry {
            took_s,
            ..chain(-200.0, 1)
        };
        compared(-100.0, None, &[entry])[0].quality
    };
    assert_eq!([30.0, 60.0, 63.0].map(late), [1.0; 3]);
    assert!(late(71.0) < 0.7 && late(90.0) < 0.25 && 0.0 < late(90.0));
}

/// One answer in so many is full.
fn full_at_every(every: usize, count: usize) -> Vec<Observation> {
    let one = |number: usize| match number % every {
        0 => full(),
        _ => seen(0.8, 3.0),
    };
    (1..=count).map(one).collect()
}

#[test]
fn who_is_full_now_and_then_loses_nothing() {
    let (always_there, often_there) = (vec![seen(0.8, 3.0); 200], full_at_every(6, 252));
    assert!((quality(&often_there) - quality(&always_there)).abs() < 1e-3);
    // The same number of refusals without that word, or of jobs that were taken and not done, costs its share.
    let late = |observation: &Observation| match observation.is_busy {
        true => failed(Fault::TooSlow("no answer within 96 s".into())),
        false => observation.clone(),
    };
    let late: Vec<Observation> = often_there.iter().map(late).collect();
    assert!(quality(&late) < 0.9 * quality(&always_there));
}

#[test]
fn who_is_full_most_of_the_time_is_worth_as_much_less() {
    let all = quality(&vec![seen(0.8, 3.0); 200]);
    let half = quality(&full_at_every(2, 400));
    assert!((0.55..0.75).contains(&(half / all)), "{half} of {all}");
    let mut gone = vec![seen(1.0, 3.0); 100];
    gone.extend(vec![full(); 100]);
    assert!(quality(&gone) < 0.07, "{}", quality(&gone));
    assert_eq!(quality(&vec![full(); 100]), 0.0);
}

/// A miner that is worth 0.9 on short chains and 0.5 on long ones, which are a third of all, and says that it is full at every long one.
#[test]
fn to_be_full_whenever_it_is_hard_gains_nothing() {
    let honest = |number: usize| match number % 3 {
        0 => seen(0.5, 3.0),
        _ => seen(0.9, 3.0),
    };
    let dodging = |number: usize| match number % 3 {
        0 => full(),
        _ => seen(0.9, 3.0),
    };
    let honest: Vec<Observation> = (1..=240).map(honest).collect();
    let dodging: Vec<Observation> = (1..=240).map(dodging).collect();
    let gain = quality(&dodging) / quality(&honest);
    assert!((0.9..1.0).contains(&gain), "{gain}");
    // And to be full at every second one, long or short, loses.
    assert!(quality(&full_at_every(2, 240)) < 0.7 * 0.8);
}
