//! Honest answers are never refused, whatever the sequence, and cost a validator milliseconds.

use std::time::Instant;

use folding::{Checker, baseline, build, check, same_fold};
use molecule::{AminoAcid, Sequence, mmcif};

use crate::{found, random_sequence, sequence, system};

#[test]
fn an_honest_answer_to_any_sequence_passes() {
    for seed in 0..40 {
        let sequence = random_sequence(seed, 2 + seed as usize % 13);
        let (molecule, found) = found(&sequence, 250, seed);
        let energy = check(&sequence, &molecule, found.energy);
        let energy = energy.unwrap_or_else(|refusal| panic!("{sequence}: {refusal}"));
        assert_eq!(energy.total(), found.energy, "{sequence}");
    }
}

#[test]
fn an_honest_answer_passes_however_long_the_chain_and_short_the_search() {
    for (seed, length, evaluations) in [(70, 30, 40), (71, 60, 40), (72, 60, 0)] {
        let sequence = random_sequence(seed, length);
        let (molecule, found) = found(&sequence, evaluations, seed);
        let energy = check(&sequence, &molecule, found.energy);
        assert!(energy.is_ok(), "{sequence} after {evaluations}: {energy:?}");
    }
}

#[test]
fn every_residue_can_stand_at_either_end_and_in_between() {
    for amino in AminoAcid::ALL {
        let sequence = Sequence {
            residues: vec![amino; 3],
            is_capped: false,
        };
        let (molecule, found) = found(&sequence, 150, 5);
        let energy = check(&sequence, &molecule, found.energy);
        assert!(energy.is_ok(), "{sequence}: {energy:?}");
    }
}

#[test]
fn an_answer_survives_its_file_to_the_last_bit() {
    let sequence = sequence("GYDPETGTWG");
    let (molecule, found) = found(&sequence, 200, 1);
    let read = mmcif::read(&mmcif::write(&molecule, "chignolin")).unwrap();
    let energy = check(&sequence, &read, found.energy).unwrap();
    assert_eq!(energy.total().to_bits(), found.energy.to_bits());
}

#[test]
fn a_check_takes_milliseconds() {
    let sequence = sequence("MLSDEDFKAVFGMTRSAFANLPLWKQQNLKKEKGLF");
    let (molecule, found) = found(&sequence, 60, 1);
    let prepared = Instant::now();
    let checker = Checker::new(&sequence).unwrap();
    let prepared = prepared.elapsed();
    let rounds = 20;
    let checked = Instant::now();
    for _ in 0..rounds {
        checker.check(&molecule, found.energy).unwrap();
    }
    let each = checked.elapsed() / rounds;
    println!("36 residues, 596 atoms: {prepared:?} to prepare, {each:?} for each check");
    assert!(each.as_millis() < 250, "{each:?}");
}

#[test]
fn a_baseline_is_the_same_twice_and_better_than_the_built_chain() {
    for (text, seed) in [("GYDPETGTWG", 1), ("ACDEFGHIKLMNPQRS", 2)] {
        let sequence = sequence(text);
        let begun = Instant::now();
        let first = baseline(&sequence, seed).unwrap();
        println!(
            "{text}: baseline {first:.3} kcal/mol in {:?}",
            begun.elapsed()
        );
        assert_eq!(
            first.to_bits(),
            baseline(&sequence, seed).unwrap().to_bits()
        );
        assert_ne!(first, baseline(&sequence, seed + 1).unwrap());
        let built = build(&sequence);
        assert!(first < system(&built).energy(&built.positions).total() - 20.0);
    }
}

#[test]
fn a_shifted_rotated_or_renamed_copy_is_the_same_fold_and_another_search_is_not() {
    let sequence = sequence("RDFYEV");
    let (molecule, _) = found(&sequence, 400, 1);
    let mut copy = molecule.clone();
    for at in &mut copy.positions {
        *at = [3.0 - at[1], at[0] + 7.0, at[2] - 11.0];
    }
    assert!(same_fold(&molecule, &copy));
    let traded = [
        (0, "NH1", "NH2"),
        (1, "OD1", "OD2"),
        (2, "CD1", "CD2"),
        (2, "CE1", "CE2"),
        (3, "CD1", "CD2"),
        (3, "CE1", "CE2"),
        (4, "OE1", "OE2"),
        (5, "O", "OXT"),
    ];
    for (residue, one, other) in traded {
        let [one, other] = [one, other].map(|name| copy.atom(residue, name).unwrap());
        copy.positions.swap(one, other);
    }
    assert!(same_fold(&molecule, &copy));
    let (other, _) = found(&sequence, 400, 2);
    assert!(!same_fold(&molecule, &other));
    let mut mirrored = molecule.clone();
    for at in &mut mirrored.positions {
        at[0] = -at[0];
    }
    assert!(!same_fold(&molecule, &mirrored));
}
