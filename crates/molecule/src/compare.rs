//! How like another structure a structure is.
//!
//! | measure | says | 1, or 0 Å, means |
//! |---|---|---|
//! | [`rmsd`] | how far atoms are apart once one structure was laid on the other | the same |
//! | [`tm_score()`] | how much of the chain has the same course; big errors in one place cost no more than that place | the same course |
//! | [`lddt()`] | how many distances between neighbouring atoms are kept; no laying upon | the same neighbourhoods |
//!
//! # Which residue is compared with which
//!
//! [`pairs`]: where two chains have the same sequence, in order, whatever their numbers; otherwise, residues of the same
//! number and the same amino acid. Caps are not compared.

mod lddt;
mod superposition;
mod tm_score;

use std::collections::HashMap;

use crate::{Molecule, Point};

pub use lddt::{Lddt, Names, lddt};
pub use superposition::{Superposition, rmsd};
pub use tm_score::tm_score;

/// Which atoms take part in a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Atoms {
    /// The alpha carbons: one for each residue.
    Alpha,
    /// All but hydrogens.
    Heavy,
}

/// The residues of two chains that correspond, by their places: (model, reference).
pub fn pairs(model: &Molecule, reference: &Molecule) -> Vec<(usize, usize)> {
    let (ours, theirs) = (aminos(model), aminos(reference));
    if model.sequence().residues == reference.sequence().residues {
        return ours.into_iter().zip(theirs).collect();
    }
    let key = |residue: &crate::Residue| (residue.number, residue.monomer);
    let numbered: HashMap<_, usize> = ours
        .into_iter()
        .map(|place| (key(&model.residues[place]), place))
        .collect();
    let pair = |place: usize| {
        let ours = numbered.get(&key(&reference.residues[place]))?;
        Some((*ours, place))
    };
    theirs.into_iter().filter_map(pair).collect()
}

/// The atoms that both structures have, by their places: (model, reference).
pub fn atom_pairs(model: &Molecule, reference: &Molecule, atoms: Atoms) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (ours, theirs) in pairs(model, reference) {
        for atom in reference.residues[theirs].atoms.clone() {
            let name = reference.atoms[atom].name;
            let counts = is_compared(reference, atom, atoms);
            if let Some(own) = model.atom(ours, name.as_str()).filter(|_| counts) {
                found.push((own, atom));
            }
        }
    }
    found
}

/// The root mean square distance of the atoms that both structures have, in ångström, after laying one on the other;
/// `None` if there are none.
pub fn rmsd_of(model: &Molecule, reference: &Molecule, atoms: Atoms) -> Option<f64> {
    let pairs = atom_pairs(model, reference, atoms);
    let ours: Vec<Point> = pairs.iter().map(|pair| model.positions[pair.0]).collect();
    let theirs: Vec<Point> = pairs
        .iter()
        .map(|pair| reference.positions[pair.1])
        .collect();
    (!pairs.is_empty()).then(|| rmsd(&ours, &theirs))
}

fn aminos(molecule: &Molecule) -> Vec<usize> {
    let is_amino = |place: &usize| molecule.residues[*place].monomer.amino().is_some();
    (0..molecule.residues.len()).filter(is_amino).collect()
}

fn is_compared(molecule: &Molecule, atom: usize, atoms: Atoms) -> bool {
    let atom = &molecule.atoms[atom];
    match atoms {
        Atoms::Alpha => atom.name == "CA",
        Atoms::Heavy => atom.element.is_heavy(),
    }
}
