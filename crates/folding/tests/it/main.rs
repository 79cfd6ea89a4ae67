//! What must hold of folding as a whole: honest answers pass, broken ones are refused, searches find what is known.

mod broken;
mod engine;
mod honest;
mod searching;

use std::ops::ControlFlow;

use amber::{Solvent, System};
use folding::{Budget, Found, build, search};
use molecule::{AminoAcid, Molecule, Sequence};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

fn sequence(text: &str) -> Sequence {
    text.parse().expect("letters of amino acids")
}

fn system(molecule: &Molecule) -> System {
    System::new(molecule, Solvent::Obc2).expect("parameters for every chain")
}

/// A search of so many evaluations.
fn found(sequence: &Sequence, evaluations: u64, seed: u64) -> (Molecule, Found) {
    let mut molecule = build(sequence);
    let system = system(&molecule);
    let budget = Budget::Evaluations(evaluations);
    let found = search(&system, &molecule, budget, seed, |_| {
        ControlFlow::Continue(())
    });
    molecule.positions = found.positions.clone();
    (molecule, found)
}

/// A chain of residues drawn by chance, all twenty alike.
fn random_sequence(seed: u64, length: usize) -> Sequence {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mut draw = || AminoAcid::ALL[rng.random_range(0..20)];
    Sequence {
        residues: (0..length).map(|_| draw()).collect(),
        is_capped: seed.is_multiple_of(3),
    }
}
