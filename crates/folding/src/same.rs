//! Tells how much two answers differ under any shift, rotation, or naming of equal atoms.
//!
//! Whoever copies another's answer may shift and rotate it, and may trade the names of atoms that the molecule cannot tell
//! apart: the two edges of a ring, the two oxygens of an acid. So those names are made to agree before measuring. And whoever turns
//! one side chain out of the way, at the price of a little energy, has copied the rest: so the backbone is measured by itself.
//!
//! There is no bound below which two answers are certainly one work and above which they are two: searches that know nothing of each
//! other end in the same helix, and whoever copies may move what it copied. So what is told is a share, which rises with the distance.

use molecule::compare::rmsd;
use molecule::{Molecule, Point};

use crate::anatomy::Anatomy;
use crate::space::{dihedral, wrapped};

/// Below how many ångström two answers are one: far less than two searches ever end apart by chance, far more than rounding and
/// a few steps of minimisation move an atom …
const SAME_WITHIN: f64 = 0.05;
/// … and from so many on they are two.
const OTHER_FROM: f64 = 1.0;

/// The same of backbones. Turning side chains leaves the backbone where it is, and a chain has few backbones: separate searches that
/// end in the same helix were seen to end from 0.09 apart, 0.3 mostly, and keep most of their worth.
const SAME_BACKBONE_WITHIN: f64 = 0.04;
/// From so many on, two backbones are two.
const OTHER_BACKBONE_FROM: f64 = 0.3;

/// Shorter chains have so few backbones that separate searches find the same one.
const BACKBONE_RESIDUES_MIN: usize = 8;

/// Whether two answers that passed the check are the same fold: one has nothing that the other has not ([`newness`]).
pub fn same_fold(a: &Molecule, b: &Molecule) -> bool {
    newness(a, b) == 0.0
}

/// How much of an answer is not in another, both having passed the check: 0 where they are one, 1 where they are two, and in
/// between the more the farther apart they are.
///
/// What is measured is the root mean square distance of all atoms but hydrogens after the best superposition and, in a chain that is
/// long enough to have many shapes, that of the backbones. The smaller newness of the two counts, so that neither side
/// chains turned on another's backbone nor a backbone moved a little under another's side chains make a structure new.
pub fn newness(a: &Molecule, b: &Molecule) -> f64 {
    let of_all = risen(fold_distance(a, b), SAME_WITHIN, OTHER_FROM);
    match BACKBONE_RESIDUES_MIN <= a.residues.len() {
        false => of_all,
        true => of_all.min(risen(
            backbone_distance(a, b),
            SAME_BACKBONE_WITHIN,
            OTHER_BACKBONE_FROM,
        )),
    }
}

/// 0 up to `from`, 1 from `to` on, a straight line between. Of other atoms is another answer.
fn risen(distance: Option<f64>, from: f64, to: f64) -> f64 {
    distance.map_or(1.0, |distance| {
        ((distance - from) / (to - from)).clamp(0.0, 1.0)
    })
}

/// How far apart two backbones of one sequence are, in ångström; `None` if they are not of the same atoms.
pub fn backbone_distance(a: &Molecule, b: &Molecule) -> Option<f64> {
    let backbone = |molecule: &Molecule| -> Option<Vec<Point>> {
        let atoms = (0..a.residues.len()).flat_map(|residue| {
            // A cap lacks some of them, in both.
            ["N", "CA", "C", "O"].map(|name| (residue, name))
        });
        let there = atoms.filter(|(residue, name)| a.position(*residue, name).is_some());
        there
            .map(|(residue, name)| molecule.position(residue, name))
            .collect()
    };
    let (first, second) = (backbone(a)?, backbone(b)?);
    Some(rmsd(&first, &second))
}

/// How far apart two folds of one sequence are, in ångström, names of equal atoms traded where that brings them nearer; `None` if they are not of the
/// same atoms.
pub fn fold_distance(a: &Molecule, b: &Molecule) -> Option<f64> {
    let anatomy = Anatomy::new(&a.sequence());
    let (first, mut second) = (ordered(&anatomy, a)?, ordered(&anatomy, b)?);
    for (torsion, pairs) in &anatomy.alike {
        let turn = |at: &[Point]| {
            let [a, b, c, d] = torsion.map(|atom| at[atom]);
            dihedral(a, b, c, d)
        };
        if wrapped(turn(&first) - turn(&second)).abs() > 90.0 {
            for &[one, other] in pairs {
                second.swap(one, other);
            }
        }
    }
    let heavy = |at: &[Point]| -> Vec<Point> {
        anatomy
            .molecule
            .heavy_atoms()
            .map(|atom| at[atom])
            .collect()
    };
    Some(rmsd(&heavy(&first), &heavy(&second)))
}

/// The positions in the order of the anatomy, if the molecule has exactly its atoms.
fn ordered(anatomy: &Anatomy, molecule: &Molecule) -> Option<Vec<Point>> {
    let ours = &anatomy.molecule;
    if molecule.atoms.len() != ours.atoms.len() || molecule.residues.len() != ours.residues.len() {
        return None;
    }
    let find = |atom: &molecule::Atom| molecule.position(atom.residue, atom.name.as_str());
    ours.atoms.iter().map(find).collect()
}
