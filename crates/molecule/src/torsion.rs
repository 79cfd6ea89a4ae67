//! The angles about a chain's bonds: what is left to choose once bond lengths and angles are given.
//!
//! ```text
//!            O            R
//!            ‖            │
//!   ── Cα ── C ── N ── Cα ── C ── N ──        ω about C–N, φ about N–Cα, ψ about Cα–C
//!                 │
//!                 H
//! ```
//!
//! Degrees, −180..=180; 180 is trans. χ angles follow the side chain outwards, along the branch with the lower number.

use crate::point::{dihedral, distance};
use crate::{AminoAcid, Molecule, Monomer, Point};

/// A carbon and a nitrogen farther apart than this, in ångström, are not bonded: the chain has a gap.
pub const PEPTIDE_BOND_MAX: f64 = 2.5;

/// The torsion angles of one residue; an angle of which an atom is missing is `None`.
#[derive(Clone, PartialEq, Debug)]
pub struct Torsions {
    /// Which residue, by its place in [`Molecule::residues`].
    pub residue: usize,
    /// About the peptide bond before the residue.
    pub omega: Option<f64>,
    pub phi: Option<f64>,
    pub psi: Option<f64>,
    /// χ₁, χ₂ …: as many as [`side_chain`] has.
    pub chi: Vec<Option<f64>>,
}

/// The torsion angles of every residue that is no cap, in order.
pub fn torsions(molecule: &Molecule) -> Vec<Torsions> {
    let residues = molecule.residues.iter().enumerate();
    let aminos = residues.filter_map(|(place, residue)| Some((place, residue.monomer.amino()?)));
    aminos
        .map(|(residue, amino)| Torsions {
            residue,
            omega: omega(molecule, residue),
            phi: phi(molecule, residue),
            psi: psi(molecule, residue),
            chi: chi(molecule, residue, amino),
        })
        .collect()
}

/// Whether a residue is bonded to the one before it.
pub fn is_joined(molecule: &Molecule, residue: usize) -> bool {
    let before = residue.checked_sub(1);
    let carbon = before.and_then(|before| molecule.position(before, "C"));
    let nitrogen = molecule.position(residue, "N");
    match (carbon, nitrogen) {
        (Some(carbon), Some(nitrogen)) => distance(carbon, nitrogen) <= PEPTIDE_BOND_MAX,
        _ => false,
    }
}

/// The angle about the peptide bond before a residue, also before the N-methyl cap: 180 is trans, 0 is cis.
pub fn omega(molecule: &Molecule, residue: usize) -> Option<f64> {
    let before = residue.checked_sub(1)?;
    if !is_joined(molecule, residue) {
        return None;
    }
    let alpha = |residue: usize| {
        let name = match molecule.residues[residue].monomer {
            Monomer::Amino(_) => "CA",
            Monomer::Ace => "CH3",
            Monomer::Nme => "C",
        };
        molecule.position(residue, name)
    };
    let (carbon, nitrogen) = (
        molecule.position(before, "C")?,
        molecule.position(residue, "N")?,
    );
    Some(dihedral(alpha(before)?, carbon, nitrogen, alpha(residue)?))
}

fn phi(molecule: &Molecule, residue: usize) -> Option<f64> {
    if !is_joined(molecule, residue) {
        return None;
    }
    let [nitrogen, alpha, carbon] = backbone(molecule, residue)?;
    let before = molecule.position(residue - 1, "C")?;
    Some(dihedral(before, nitrogen, alpha, carbon))
}

fn psi(molecule: &Molecule, residue: usize) -> Option<f64> {
    if !is_joined(molecule, residue + 1) {
        return None;
    }
    let [nitrogen, alpha, carbon] = backbone(molecule, residue)?;
    let after = molecule.position(residue + 1, "N")?;
    Some(dihedral(nitrogen, alpha, carbon, after))
}

fn backbone(molecule: &Molecule, residue: usize) -> Option<[Point; 3]> {
    let position = |name| molecule.position(residue, name);
    Some([position("N")?, position("CA")?, position("C")?])
}

fn chi(molecule: &Molecule, residue: usize, amino: AminoAcid) -> Vec<Option<f64>> {
    let angle = |names: &[&str]| {
        let position = |name: usize| molecule.position(residue, names[name]);
        Some(dihedral(
            position(0)?,
            position(1)?,
            position(2)?,
            position(3)?,
        ))
    };
    side_chain(amino).windows(4).map(angle).collect()
}

/// The atoms from the nitrogen out to the last one that a χ angle places: each four in a row have one angle.
pub fn side_chain(amino: AminoAcid) -> &'static [&'static str] {
    match amino {
        AminoAcid::Ala | AminoAcid::Gly => &[],
        AminoAcid::Arg => &["N", "CA", "CB", "CG", "CD", "NE", "CZ"],
        AminoAcid::Asn | AminoAcid::Asp => &["N", "CA", "CB", "CG", "OD1"],
        AminoAcid::Cys => &["N", "CA", "CB", "SG"],
        AminoAcid::Gln | AminoAcid::Glu => &["N", "CA", "CB", "CG", "CD", "OE1"],
        AminoAcid::His => &["N", "CA", "CB", "CG", "ND1"],
        AminoAcid::Ile => &["N", "CA", "CB", "CG1", "CD1"],
        AminoAcid::Lys => &["N", "CA", "CB", "CG", "CD", "CE", "NZ"],
        AminoAcid::Met => &["N", "CA", "CB", "CG", "SD", "CE"],
        AminoAcid::Pro => &["N", "CA", "CB", "CG", "CD"],
        AminoAcid::Leu | AminoAcid::Phe | AminoAcid::Trp | AminoAcid::Tyr => {
            &["N", "CA", "CB", "CG", "CD1"]
        }
        AminoAcid::Ser => &["N", "CA", "CB", "OG"],
        AminoAcid::Thr => &["N", "CA", "CB", "OG1"],
        AminoAcid::Val => &["N", "CA", "CB", "CG1"],
    }
}
