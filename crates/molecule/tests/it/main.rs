//! Molecules against independent programs, and readers against what strangers write.
//!
//! Figures were computed from the files in `tests/structures` by programs that share no code with this crate; each test
//! names the program and its version. The four villin files are the NMR structure 1VII and three conformations from a
//! simulation of it; `7ok9_g_backbone.pdb` is a stretch of PDB entry 7OK9, chain G.

mod compare;
mod properties;
mod reading;
mod shape;

use molecule::{Molecule, pdb};

const ALANINE: &str = include_str!("../structures/alanine_dipeptide_0.pdb");
const NATIVE: &str = include_str!("../structures/1vii_native.pdb");
const VILLIN: [&str; 3] = [
    include_str!("../structures/villin_1vii_0.pdb"),
    include_str!("../structures/villin_1vii_1.pdb"),
    include_str!("../structures/villin_1vii_2.pdb"),
];
const SHEETS: &str = include_str!("../structures/7ok9_g_backbone.pdb");
const PI: &str = include_str!("../structures/pi_in_alpha_backbone.pdb");

fn read(text: &str) -> Molecule {
    pdb::read(text).expect("a structure file")
}

fn near(found: f64, wanted: f64, tolerance: f64) {
    assert!(
        (found - wanted).abs() <= tolerance,
        "{found} is not {wanted} within {tolerance}"
    );
}
