//! What a search must find, and that more of it finds more.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use amber::{Solvent, System};
use folding::{Backbone, Budget, baseline, build, build_with, check, same_fold, search};
use molecule::Molecule;

use crate::{found, random_sequence, sequence, system};

fn phi_psi(m: &Molecule) -> (f64, f64) {
    let at = |residue, name| m.position(residue, name).expect("an atom of the backbone");
    let dihedral = |a, b, c, d| molecule::point::dihedral(a, b, c, d);
    (
        dihedral(at(0, "C"), at(1, "N"), at(1, "CA"), at(1, "C")),
        dihedral(at(1, "N"), at(1, "CA"), at(1, "C"), at(2, "N")),
    )
}

/// The minima of the alanine dipeptide in vacuum that are known for decades: C7eq, C5 and C7ax, by the regions they lie in.
#[test]
fn the_alanine_dipeptide_has_its_known_minima() {
    let sequence = sequence("A").capped();
    let mut reached = Vec::new();
    for phi in (-180..180).step_by(30) {
        for psi in (-180..180).step_by(30) {
            let (phi, psi) = (f64::from(phi), f64::from(psi));
            let mut molecule = build_with(&sequence, &[Backbone { phi, psi }]);
            let system = System::new(&molecule, Solvent::None).unwrap();
            let (positions, energy) =
                folding::search::minimised(&system, &molecule.positions, 2_000);
            molecule.positions = positions;
            let (phi, psi) = phi_psi(&molecule);
            let is_new = |&(p, q, _): &(f64, f64, f64)| {
                let apart = |a: f64, b: f64| ((a - b + 540.0).rem_euclid(360.0) - 180.0).abs();
                apart(p, phi) > 8.0 || apart(q, psi) > 8.0
            };
            if reached.iter().all(is_new) {
                reached.push((phi, psi, energy));
            }
        }
    }
    reached.sort_by(|a, b| a.2.total_cmp(&b.2));
    for (phi, psi, energy) in &reached {
        println!("phi {phi:7.1}  psi {psi:7.1}  {energy:9.4} kcal/mol");
    }
    let holds = |name: &str, phi: [f64; 2], psi: [f64; 2]| {
        let inside = |x: f64, [from, to]: [f64; 2]| (from..to).contains(&x);
        let is_there = reached
            .iter()
            .any(|&(p, q, _)| inside(p, phi) && (inside(q, psi) || inside(q + 360.0, psi)));
        assert!(is_there, "{name} is not among the minima");
    };
    holds("C7eq", [-100.0, -60.0], [40.0, 100.0]);
    holds("C5", [-180.0, -130.0], [130.0, 190.0]);
    holds("C7ax", [45.0, 85.0], [-100.0, -20.0]);
}

#[test]
fn chignolin_falls_below_the_baseline() {
    let sequence = sequence("GYDPETGTWG");
    let baseline = baseline(&sequence, 9).unwrap();
    let (molecule, found) = found(&sequence, 6_000, 9);
    println!("baseline {baseline:.2}, found {:.2} kcal/mol", found.energy);
    assert!(found.energy < baseline - 3.0);
    check(&sequence, &molecule, found.energy).unwrap();
    assert!(found.history.is_sorted_by(|a, b| a.0 <= b.0 && a.1 > b.1));
    assert!(found.history.len() <= folding::search::HISTORY_MAX);
    assert!(found.evaluations <= 6_000);
}

#[test]
fn the_same_seed_finds_the_same_and_another_does_not() {
    let sequence = sequence("GYDPETGTWG");
    let (_, first) = found(&sequence, 600, 4);
    let (_, again) = found(&sequence, 600, 4);
    assert_eq!(first, again);
    let (_, other) = found(&sequence, 600, 5);
    assert_ne!(first.positions, other.positions);
}

/// What a market of folds stands on: who searches longer finds more, on average over sequences.
#[test]
fn twice_the_effort_finds_lower_energies_on_average() {
    let mut gain = 0.0;
    for seed in 0..6 {
        let sequence = random_sequence(100 + seed, 12);
        let (harder, whole) = found(&sequence, 2_400, seed);
        let (lazier, half) = found(&sequence, 1_200, seed + 50);
        gain += (half.energy - whole.energy) / 6.0;
        let is_same = same_fold(&harder, &lazier);
        println!("{sequence}: {:.2} and {:.2}", whole.energy, half.energy);
        assert!(!is_same, "separate searches for {sequence} pass for copies");
    }
    println!("twice the effort gains {gain:.2} kcal/mol on average");
    assert!(gain > 0.0);
}

#[test]
fn a_break_ends_the_search_with_what_it_has() {
    let molecule = build(&sequence("GYDPETGTWG"));
    let system = system(&molecule);
    let calls = Cell::new(0);
    let budget = Budget::Evaluations(1_000_000);
    let found = search(&system, &molecule, budget, 1, |progress| {
        assert!(progress.fraction < 1.0);
        assert_eq!(progress.positions.len(), molecule.atoms.len());
        calls.set(calls.get() + 1);
        if calls.get() < 3 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    assert_eq!(calls.get(), 3);
    assert!(found.evaluations < 2_000);
    assert_eq!(found.energy, system.energy(&found.positions).total());
}

#[test]
fn a_search_ends_when_its_share_of_the_time_is_over() {
    let molecule = build(&sequence("GYDPETGTWG"));
    let system = system(&molecule);
    // A clock of its own: every look at it takes a millisecond.
    let now = Cell::new(Duration::ZERO);
    let clock = || {
        now.set(now.get() + Duration::from_millis(1));
        now.get()
    };
    let budget = Budget::Time {
        duration: Duration::from_secs(2),
        effort: 0.5,
        clock: &clock,
    };
    let began = Instant::now();
    let found = search(&system, &molecule, budget, 1, |_| ControlFlow::Continue(()));
    assert!((1.0..1.1).contains(&now.get().as_secs_f64()), "{now:?}");
    assert!(found.evaluations > 100 && found.evaluations <= 1_000);
    assert!(began.elapsed() < Duration::from_secs(60));
}
