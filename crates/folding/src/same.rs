//! Tells whether two answers are the same fold under another shift, rotation, or naming of equal atoms.
//!
//! Whoever copies another's answer may shift and rotate it, and may trade the names of atoms that the molecule cannot tell
//! apart: the two edges of a ring, the two oxygens of an acid. So those names are made to agree before measuring. And whoever turns
//! one side chain out of the way, at the price of a little energy, has copied the rest: so the backbone is measured by itself.

use molecule::compare::rmsd;
use molecule::{Molecule, Point};

use crate::anatomy::Anatomy;
use crate::space::{dihedral, wrapped};

/// Below how many ångström two answers are the same: far less than two searches ever end apart by chance, far more than
/// rounding and a few steps of minimisation move an atom.
pub const SAME_WITHIN: f64 = 0.05;

/// Below how many ångström two backbones are the same. Turning a side chain leaves the backbone where it is; separate searches that
/// end in the same helix were seen to end 0.13 apart, and must not pass for copies.
pub const SAME_BACKBONE_WITHIN: f64 = 0.08;

/// Shorter chains have so few backbones that separate searches find the same one.
const BACKBONE_RESIDUES_MIN: usize = 8;

/// Whether two answers that passed the check are the same fold: the root mean square distance between their atoms, all but
/// hydrogens and after the best superposition, is below [`SAME_WITHIN`], or, in a chain that is long enough to have many shapes, that
/// between their backbones below [`SAME_BACKBONE_WITHIN`].
pub fn same_fold(a: &Molecule, b: &Molecule) -> bool {
    let is_below = |distance: Option<f64>, limit| distance.is_some_and(|distance| distance < limit);
    is_below(fold_distance(a, b), SAME_WITHIN)
        || BACKBONE_RESIDUES_MIN <= a.residues.len()
            && is_below(backbone_distance(a, b), SAME_BACKBONE_WITHIN)
}

/// How far apart two backbones of one sequence are, in ångström.
fn backbone_distance(a: &Molecule, b: &Molecule) -> Option<f64> {
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

/// How far apart two folds of one sequence are, in ångström, as [`same_fold`] measures it; `None` if they are not of the
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
