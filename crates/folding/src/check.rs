//! Checks an answer: is it a chain of this sequence, of sound chemistry, and is its energy what was claimed?
//!
//! # The rule
//!
//! In this order, and the first fault refuses:
//!
//! 1. the claim is a finite number;
//! 2. residues: as many as the sequence has, the same ones in the same order, caps where asked, numbered one by one;
//! 3. atoms: each exactly once, of its element, in any order within the residue;
//! 4. coordinates: finite, within [`COORDINATE_MAX`] of the origin;
//! 5. hands: L at every CA, and as in nature at the side chains' centres;
//! 6. bonds within [`LENGTH_TOLERANCE`] and angles within [`ANGLE_TOLERANCE`] of the ideal;
//! 7. peptides trans, unless before proline; rings and other flat groups within [`PLANE_TOLERANCE`] of a plane;
//! 8. no two atoms more than two bonds apart nearer than half the sum of their radii;
//! 9. the energy, computed anew from the coordinates, is below [`ENERGY_MAX_PER_RESIDUE`] and within
//!    [`ENERGY_TOLERANCE`] of the claim.
//!
//! Point 8 is what keeps the force field honest: a hydrogen of a hydroxyl has no radius in it, so a hydrogen laid upon an
//! oxygen would show an energy without bound. The tolerances are several times what a minimised chain needs (a test
//! minimises many random ones), and the energy punishes whatever they let pass.

use amber::{Energy, Solvent, System};
use molecule::{Element, Molecule, Monomer, Point, Sequence};

use crate::anatomy::Anatomy;
use crate::refusal::Refusal;
use crate::space::{angle, cross, dihedral, distance, distance_squared, dot, handedness, minus};
use crate::space::{plus_scaled, unit};

/// How far from the origin an atom may be, in ångström: ten times the length of the longest chain.
pub const COORDINATE_MAX: f64 = 2_500.0;
/// How far a bond's length may be from the ideal, in ångström.
pub const LENGTH_TOLERANCE: f64 = 0.2;
/// How far an angle may be from the ideal, in degrees.
pub const ANGLE_TOLERANCE: f64 = 30.0;
/// How far an atom of a flat group may be out of its plane, in ångström.
pub const PLANE_TOLERANCE: f64 = 0.3;
/// How far the claimed energy may be from the true one, in kcal/mol.
pub const ENERGY_TOLERANCE: f64 = 0.01;
/// The most energy a chain may have for each of its residues, in kcal/mol.
pub const ENERGY_MAX_PER_RESIDUE: f64 = 50.0;

/// Checks an answer and returns its energy. For many answers to one sequence, a [`Checker`] is faster.
///
/// # Errors
///
/// What is wrong with it, see [the rule](self).
pub fn check(sequence: &Sequence, molecule: &Molecule, claimed: f64) -> Result<Energy, Refusal> {
    Checker::new(sequence)?.check(molecule, claimed)
}

/// Checks answers to one sequence.
pub struct Checker {
    anatomy: Anatomy,
    system: System,
}

impl Checker {
    /// Prepares for the answers to a sequence.
    ///
    /// # Errors
    ///
    /// If the force field has no parameters for it.
    pub fn new(sequence: &Sequence) -> Result<Self, Refusal> {
        let anatomy = Anatomy::new(sequence);
        let system = System::new(&anatomy.molecule, Solvent::Obc2).map_err(Refusal::NoEnergy)?;
        Ok(Self { anatomy, system })
    }

    /// Checks one answer and returns its energy.
    ///
    /// # Errors
    ///
    /// What is wrong with it, see [the rule](self).
    pub fn check(&self, molecule: &Molecule, claimed: f64) -> Result<Energy, Refusal> {
        if !claimed.is_finite() {
            return Err(Refusal::ClaimNotFinite { claimed });
        }
        self.check_residues(molecule)?;
        let positions = self.positions(molecule)?;
        check_shape(&self.anatomy, &positions)?;
        let energy = self.system.energy(&positions);
        let found = energy.total();
        let amino_acids = self.anatomy.molecule.residues.len() as f64;
        if !found.is_finite() || found > ENERGY_MAX_PER_RESIDUE * amino_acids {
            return Err(Refusal::AbsurdEnergy { found });
        }
        if (found - claimed).abs() > ENERGY_TOLERANCE {
            return Err(Refusal::FalseEnergy { claimed, found });
        }
        Ok(energy)
    }

    fn check_residues(&self, molecule: &Molecule) -> Result<(), Refusal> {
        let monomers = |of: &Molecule| -> Vec<Monomer> {
            of.residues.iter().map(|residue| residue.monomer).collect()
        };
        let (wanted, given) = (monomers(&self.anatomy.molecule), monomers(molecule));
        check_caps(&wanted, &given)?;
        let (expected, found) = (wanted.len(), given.len());
        if found < expected {
            return Err(Refusal::TooFewResidues { expected, found });
        }
        if found > expected {
            return Err(Refusal::TooManyResidues { expected, found });
        }
        let wrong: Vec<usize> = (0..found).filter(|&k| wanted[k] != given[k]).collect();
        if let [a, b] = wrong[..]
            && wanted[a] == given[b]
            && wanted[b] == given[a]
        {
            return Err(Refusal::SwappedResidues {
                first: residue_label(&self.anatomy.molecule, a),
                second: residue_label(&self.anatomy.molecule, b),
            });
        }
        if let Some(&place) = wrong.first() {
            return Err(Refusal::WrongResidue {
                number: place + 1,
                expected: wanted[place].code(),
                found: given[place].code(),
            });
        }
        for (place, pair) in molecule.residues.windows(2).enumerate() {
            let expected = pair[0].number.saturating_add(1);
            if pair[1].number != expected {
                return Err(Refusal::Numbering {
                    residue: residue_label(&self.anatomy.molecule, place + 1),
                    expected,
                    found: pair[1].number,
                });
            }
        }
        Ok(())
    }

    /// The answer's coordinates in the order of the anatomy, once every atom is known to be there.
    fn positions(&self, molecule: &Molecule) -> Result<Vec<Point>, Refusal> {
        let ours = &self.anatomy.molecule;
        let mut positions = vec![[0.0; 3]; ours.atoms.len()];
        for (place, residue) in molecule.residues.iter().enumerate() {
            let label = || residue_label(ours, place);
            let mut is_seen = vec![false; ours.residues[place].atoms.len()];
            for given in residue.atoms.clone() {
                let atom = molecule.atoms[given];
                let name = || atom.name.to_string();
                let Some(own) = ours.atom(place, atom.name.as_str()) else {
                    return Err(Refusal::ExtraAtom {
                        residue: label(),
                        atom: name(),
                    });
                };
                let seen = &mut is_seen[own - ours.residues[place].atoms.start];
                if std::mem::replace(seen, true) {
                    return Err(Refusal::AtomTwice {
                        residue: label(),
                        atom: name(),
                    });
                }
                let expected = ours.atoms[own].element;
                if atom.element != expected {
                    return Err(Refusal::WrongElement {
                        residue: label(),
                        atom: name(),
                        expected: expected.symbol(),
                        found: atom.element.symbol(),
                    });
                }
                positions[own] = molecule.positions[given];
            }
            if let Some(missing) = is_seen.iter().position(|seen| !seen) {
                let missing = ours.atoms[ours.residues[place].atoms.start + missing];
                return Err(Refusal::MissingAtom {
                    residue: label(),
                    atom: missing.name.to_string(),
                });
            }
        }
        Ok(positions)
    }
}

fn check_caps(wanted: &[Monomer], given: &[Monomer]) -> Result<(), Refusal> {
    for cap in [Monomer::Ace, Monomer::Nme] {
        match (wanted.contains(&cap), given.contains(&cap)) {
            (true, false) => return Err(Refusal::MissingCap { cap: cap.code() }),
            (false, true) => return Err(Refusal::UnexpectedCap { cap: cap.code() }),
            _ => {}
        }
    }
    Ok(())
}

/// Points 4 to 8 of [the rule](self), on positions in the order of the anatomy.
pub(crate) fn check_shape(anatomy: &Anatomy, at: &[Point]) -> Result<(), Refusal> {
    check_coordinates(anatomy, at)?;
    check_hands(anatomy, at)?;
    check_bonds(anatomy, at)?;
    check_peptides(anatomy, at)?;
    check_planes(anatomy, at)?;
    check_clashes(anatomy, at)
}

fn residue_label(molecule: &Molecule, residue: usize) -> String {
    let found = &molecule.residues[residue];
    format!("{} {}", found.monomer.code(), residue + 1)
}

/// The residue and the name of an atom.
fn labels(anatomy: &Anatomy, atom: usize) -> (String, String) {
    let found = anatomy.molecule.atoms[atom];
    (
        residue_label(&anatomy.molecule, found.residue),
        found.name.to_string(),
    )
}

fn check_coordinates(anatomy: &Anatomy, at: &[Point]) -> Result<(), Refusal> {
    for (atom, point) in at.iter().enumerate() {
        if point.iter().any(|x| !x.is_finite()) {
            let (residue, atom) = labels(anatomy, atom);
            return Err(Refusal::NotFinite { residue, atom });
        }
        if point.iter().any(|x| x.abs() > COORDINATE_MAX) {
            let (residue, atom) = labels(anatomy, atom);
            return Err(Refusal::FarAway { residue, atom });
        }
    }
    Ok(())
}

fn check_hands(anatomy: &Anatomy, at: &[Point]) -> Result<(), Refusal> {
    for &[x, a, b, c] in &anatomy.hands {
        if handedness(at[x], at[a], at[b], at[c]) <= 0.0 {
            let (residue, atom) = labels(anatomy, x);
            return Err(if atom == "CA" {
                Refusal::WrongHand { residue }
            } else {
                Refusal::WrongSideHand { residue, atom }
            });
        }
    }
    Ok(())
}

fn check_bonds(anatomy: &Anatomy, at: &[Point]) -> Result<(), Refusal> {
    for (&[a, b], &ideal) in anatomy.bonds.iter().zip(&anatomy.lengths) {
        let found = distance(at[a], at[b]);
        if (found - ideal).abs() > LENGTH_TOLERANCE {
            let (residue, first) = labels(anatomy, a);
            let (_, second) = labels(anatomy, b);
            return Err(Refusal::StretchedBond {
                residue,
                first,
                second,
                ideal,
                found,
            });
        }
    }
    for &([a, middle, b], ideal) in &anatomy.angles {
        let found = angle(at[a], at[middle], at[b]);
        if (found - ideal).abs() > ANGLE_TOLERANCE {
            let (residue, name) = labels(anatomy, middle);
            return Err(Refusal::BentAngle {
                residue,
                first: labels(anatomy, a).1,
                middle: name,
                last: labels(anatomy, b).1,
                ideal,
                found,
            });
        }
    }
    Ok(())
}

fn check_peptides(anatomy: &Anatomy, at: &[Point]) -> Result<(), Refusal> {
    for peptide in anatomy
        .peptides
        .iter()
        .filter(|peptide| !peptide.may_be_cis)
    {
        let [a, b, c, d] = peptide.atoms.map(|atom| at[atom]);
        let omega = dihedral(a, b, c, d);
        if omega.abs() < 90.0 {
            let residue = residue_label(&anatomy.molecule, peptide.residue);
            return Err(Refusal::CisPeptide { residue, omega });
        }
    }
    Ok(())
}

/// The plane of a group goes through its middle, square to the sum of the cross products of neighbours around it.
fn check_planes(anatomy: &Anatomy, at: &[Point]) -> Result<(), Refusal> {
    for flat in &anatomy.flats {
        let share = 1.0 / flat.len() as f64;
        let middle = flat
            .iter()
            .fold([0.0; 3], |sum, &atom| plus_scaled(sum, at[atom], share));
        let mut normal = [0.0; 3];
        for (k, &atom) in flat.iter().enumerate() {
            let next = flat[(k + 1) % flat.len()];
            let product = cross(minus(at[atom], middle), minus(at[next], middle));
            normal = plus_scaled(normal, product, 1.0);
        }
        let normal = unit(normal);
        for &atom in flat {
            let found = dot(minus(at[atom], middle), normal).abs();
            if found > PLANE_TOLERANCE {
                let (residue, atom) = labels(anatomy, atom);
                return Err(Refusal::NotFlat {
                    residue,
                    atom,
                    found,
                });
            }
        }
    }
    Ok(())
}

/// Half of an atom's radius as crystals show it, in ångström.
fn half_radius(element: Element) -> f64 {
    match element {
        Element::H => 0.55,
        Element::C => 0.85,
        Element::N => 0.775,
        Element::O => 0.75,
        Element::S => 0.9,
    }
}

fn check_clashes(anatomy: &Anatomy, at: &[Point]) -> Result<(), Refusal> {
    let half: Vec<f64> = anatomy
        .molecule
        .atoms
        .iter()
        .map(|atom| half_radius(atom.element))
        .collect();
    for a in 0..at.len() {
        for b in a + 1..at.len() {
            let least = half[a] + half[b];
            let squared = distance_squared(at[a], at[b]);
            if squared < least * least && !anatomy.is_near(a, b) {
                let (first_residue, first) = labels(anatomy, a);
                let (second_residue, second) = labels(anatomy, b);
                return Err(Refusal::Clash {
                    first_residue,
                    first,
                    second_residue,
                    second,
                    found: squared.sqrt(),
                });
            }
        }
    }
    Ok(())
}
