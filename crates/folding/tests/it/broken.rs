//! Every kind of broken answer is refused for what is broken about it. Each begins as one honest answer.

use std::sync::LazyLock;

use folding::{Checker, Refusal, build, check};
use molecule::{AminoAcid, Element, Molecule, Monomer, Point, Sequence};

use crate::{found, sequence, system};

/// An honest answer with one of everything: caps, a proline, a ring, both kinds of side-chain centres.
static HONEST: LazyLock<(Sequence, Molecule, f64)> = LazyLock::new(|| {
    let sequence = sequence("SYITKPVAD").capped();
    let (molecule, found) = found(&sequence, 700, 3);
    (sequence, molecule, found.energy)
});

/// Breaks the honest answer, claims what its energy then is, and returns why it was refused.
fn refused(breaking: impl FnOnce(&mut Molecule)) -> Refusal {
    let (sequence, molecule, honest) = &*HONEST;
    assert_eq!(
        check(sequence, molecule, *honest).map(|energy| energy.total()),
        Ok(*honest)
    );
    let mut broken = molecule.clone();
    breaking(&mut broken);
    assert_ne!(&broken, molecule);
    let is_same_chain = broken.atoms == molecule.atoms;
    let energy = if is_same_chain {
        system(molecule).energy(&broken.positions).total()
    } else {
        *honest
    };
    let claimed = if energy.is_finite() { energy } else { *honest };
    let refusal = check(sequence, &broken, claimed).expect_err("a broken answer passed");
    println!("{refusal}");
    assert!(!refusal.to_string().is_empty());
    refusal
}

fn atom(molecule: &Molecule, residue: usize, name: &str) -> usize {
    let atom = molecule.atom(residue, name);
    atom.expect("an atom of the honest answer")
}

fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Point, b: Point) -> Point {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

/// Moves an atom along the line from another one.
fn pull(molecule: &mut Molecule, atom: usize, from: usize, by: f64) {
    let line = minus(molecule.positions[atom], molecule.positions[from]);
    let length = dot(line, line).sqrt();
    for (x, along) in molecule.positions[atom].iter_mut().zip(line) {
        *x += along / length * by;
    }
}

/// Mirrors atoms in the plane through three others.
fn mirror(molecule: &mut Molecule, atoms: &[usize], [a, b, c]: [usize; 3]) {
    let at = |atom: usize| molecule.positions[atom];
    let normal = cross(minus(at(b), at(a)), minus(at(c), at(a)));
    let origin = at(a);
    for &atom in atoms {
        let height = dot(minus(molecule.positions[atom], origin), normal) / dot(normal, normal);
        for (x, along) in molecule.positions[atom].iter_mut().zip(normal) {
            *x -= 2.0 * height * along;
        }
    }
}

/// Builds the molecule anew without some of its atoms, or with some twice.
fn with_atoms(molecule: &Molecule, copies: impl Fn(usize) -> usize) -> Molecule {
    let mut other = Molecule::default();
    for residue in &molecule.residues {
        other.begin_residue(residue.monomer, residue.number);
        for place in residue.atoms.clone() {
            for _ in 0..copies(place) {
                let atom = molecule.atoms[place];
                other.push_atom(atom.name, atom.element, molecule.positions[place]);
            }
        }
    }
    other
}

/// Builds the molecule anew with some of its residues only, in another order perhaps.
fn with_residues(molecule: &Molecule, order: &[usize]) -> Molecule {
    let mut other = Molecule::default();
    for (&place, number) in order.iter().zip(1..) {
        let residue = &molecule.residues[place];
        other.begin_residue(residue.monomer, number);
        for place in residue.atoms.clone() {
            let atom = molecule.atoms[place];
            other.push_atom(atom.name, atom.element, molecule.positions[place]);
        }
    }
    other
}

#[test]
fn a_missing_atom_is_refused() {
    let refusal = refused(|m| {
        let lost = atom(m, 2, "HH");
        *m = with_atoms(m, |place| usize::from(place != lost));
    });
    assert!(matches!(refusal, Refusal::MissingAtom { atom, .. } if atom == "HH"));
}

#[test]
fn an_extra_atom_is_refused() {
    let refusal = refused(|m| {
        let name = molecule::AtomName::new("HB9").unwrap();
        let last = m.residues.len() - 1;
        let mut other = with_residues(m, &(0..last).collect::<Vec<_>>());
        other.push_atom(name, Element::H, [90.0, 0.0, 0.0]);
        let nme = m.residues[last].clone();
        other.begin_residue(nme.monomer, nme.number);
        for place in nme.atoms {
            other.push_atom(
                m.atoms[place].name,
                m.atoms[place].element,
                m.positions[place],
            );
        }
        *m = other;
    });
    assert!(matches!(refusal, Refusal::ExtraAtom { atom, .. } if atom == "HB9"));
}

#[test]
fn an_atom_listed_twice_is_refused() {
    let refusal = refused(|m| {
        let twice = atom(m, 3, "CB");
        *m = with_atoms(m, |place| 1 + usize::from(place == twice));
    });
    assert!(matches!(refusal, Refusal::AtomTwice { atom, .. } if atom == "CB"));
}

#[test]
fn another_residue_is_refused() {
    let refusal = refused(|m| m.residues[8].monomer = Monomer::Amino(AminoAcid::Gly));
    assert!(matches!(refusal, Refusal::WrongResidue { number: 9, .. }));
}

#[test]
fn swapped_residues_are_refused() {
    let refusal = refused(|m| *m = with_residues(m, &[0, 1, 3, 2, 4, 5, 6, 7, 8, 9, 10]));
    let swapped = Refusal::SwappedResidues {
        first: "TYR 3".to_owned(),
        second: "ILE 4".to_owned(),
    };
    assert_eq!(refusal, swapped);
}

#[test]
fn too_few_and_too_many_residues_are_refused() {
    let refusal = refused(|m| *m = with_residues(m, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 10]));
    assert!(matches!(
        refusal,
        Refusal::TooFewResidues {
            expected: 11,
            found: 10
        }
    ));
    let refusal = refused(|m| *m = with_residues(m, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10]));
    assert!(matches!(
        refusal,
        Refusal::TooManyResidues {
            expected: 11,
            found: 12
        }
    ));
}

#[test]
fn a_missing_cap_and_one_that_was_not_asked_for_are_refused() {
    let refusal = refused(|m| *m = with_residues(m, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    assert_eq!(refusal, Refusal::MissingCap { cap: "NME" });
    let (capped, molecule, energy) = &*HONEST;
    let bare = Sequence {
        is_capped: false,
        ..capped.clone()
    };
    let refusal = check(&bare, molecule, *energy).unwrap_err();
    assert_eq!(refusal, Refusal::UnexpectedCap { cap: "ACE" });
}

#[test]
fn disordered_numbers_are_refused() {
    let refusal = refused(|m| m.residues[5].number = 4);
    assert!(matches!(
        refusal,
        Refusal::Numbering {
            expected: 6,
            found: 4,
            ..
        }
    ));
}

#[test]
fn another_element_is_refused() {
    let refusal = refused(|m| {
        let oxygen = atom(m, 2, "OH");
        m.atoms[oxygen].element = Element::S;
    });
    assert!(matches!(
        refusal,
        Refusal::WrongElement {
            expected: "O",
            found: "S",
            ..
        }
    ));
}

#[test]
fn coordinates_that_are_no_numbers_are_refused() {
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refusal = refused(|m| m.positions[40][1] = wrong);
        assert!(matches!(refusal, Refusal::NotFinite { .. }));
    }
}

#[test]
fn coordinates_out_of_bounds_are_refused() {
    let refusal = refused(|m| m.positions.iter_mut().for_each(|at| at[2] += 1e4));
    assert!(matches!(refusal, Refusal::FarAway { .. }));
}

#[test]
fn the_d_form_is_refused() {
    // Within the chain, and of the whole of it.
    let refusal = refused(|m| {
        let side = ["CB", "HB1", "HB2", "HB3", "HA"].map(|name| atom(m, 8, name));
        let plane = ["N", "CA", "C"].map(|name| atom(m, 8, name));
        mirror(m, &side, plane);
    });
    assert_eq!(
        refusal,
        Refusal::WrongHand {
            residue: "ALA 9".to_owned()
        }
    );
    let refusal = refused(|m| m.positions.iter_mut().for_each(|at| at[0] = -at[0]));
    assert!(matches!(refusal, Refusal::WrongHand { .. }));
}

#[test]
fn side_chains_of_the_wrong_hand_are_refused() {
    let swapped = |residue: usize, one: [&str; 4], other: [&str; 4]| {
        refused(|m| {
            for (a, b) in one.into_iter().zip(other) {
                let (a, b) = (atom(m, residue, a), atom(m, residue, b));
                m.positions.swap(a, b);
            }
        })
    };
    let methyls = swapped(
        7,
        ["CG1", "HG11", "HG12", "HG13"],
        ["CG2", "HG21", "HG22", "HG23"],
    );
    assert!(matches!(methyls, Refusal::WrongSideHand { atom, .. } if atom == "CB"));
    for (residue, hydrogen) in [(3, "HB"), (4, "HB")] {
        // The hydrogen and what it faces change sides of the plane through CA, CB and the other branch.
        let refusal = refused(|m| {
            let other = if residue == 3 { "CG1" } else { "OG1" };
            let plane = ["CA", "CB", other].map(|name| atom(m, residue, name));
            let moved =
                [hydrogen, "CG2", "HG21", "HG22", "HG23"].map(|name| atom(m, residue, name));
            mirror(m, &moved, plane);
        });
        assert!(matches!(refusal, Refusal::WrongSideHand { atom, .. } if atom == "CB"));
    }
}

#[test]
fn a_stretched_bond_is_refused() {
    let refusal = refused(|m| {
        let (oxygen, carbon) = (atom(m, 3, "O"), atom(m, 3, "C"));
        pull(m, oxygen, carbon, 0.3);
    });
    assert!(
        matches!(refusal, Refusal::StretchedBond { first, second, .. } if first == "C" && second == "O")
    );
}

#[test]
fn a_bent_angle_is_refused() {
    let refusal = refused(|m| {
        // The hydrogen of a hydroxyl, laid nearer to the carbon at its own bond's length.
        let [carbon, oxygen, hydrogen] = ["CZ", "OH", "HH"].map(|name| atom(m, 2, name));
        let at = |atom: usize| m.positions[atom];
        let (to_carbon, to_hydrogen) = (
            minus(at(carbon), at(oxygen)),
            minus(at(hydrogen), at(oxygen)),
        );
        let mixed = [0, 1, 2].map(|k| to_carbon[k] / 1.4 + to_hydrogen[k] / 0.96 * 0.6);
        let length = dot(mixed, mixed).sqrt();
        m.positions[hydrogen] = [0, 1, 2].map(|k| at(oxygen)[k] + mixed[k] / length * 0.96);
    });
    assert!(matches!(refusal, Refusal::BentAngle { middle, .. } if middle == "OH"));
}

#[test]
fn a_cis_peptide_is_refused_unless_proline_follows() {
    let turned = |residue: usize| {
        let mut m = build(&HONEST.0);
        // Everything beyond the bond C-N turns half round about it.
        let (c, n) = (atom(&m, residue - 1, "C"), atom(&m, residue, "N"));
        let (from, axis) = (m.positions[c], minus(m.positions[n], m.positions[c]));
        let first = m.residues[residue].atoms.start;
        for at in &mut m.positions[first..] {
            let arm = minus(*at, from);
            let along = 2.0 * dot(arm, axis) / dot(axis, axis);
            *at = [0, 1, 2].map(|k| from[k] + along * axis[k] - arm[k]);
        }
        m
    };
    let checker = Checker::new(&HONEST.0).unwrap();
    let verdict = |residue: usize| {
        let cis = turned(residue);
        let energy = system(&cis).energy(&cis.positions).total();
        checker.check(&cis, energy)
    };
    let refusal = verdict(3).unwrap_err();
    assert!(
        matches!(&refusal, Refusal::CisPeptide { residue, .. } if residue == "ILE 4"),
        "{refusal}"
    );
    let before_proline = verdict(6);
    assert!(
        !matches!(before_proline, Err(Refusal::CisPeptide { .. })),
        "{before_proline:?}"
    );
}

/// Lifts atoms of a residue out of the plane of three of them.
fn lift(m: &mut Molecule, residue: usize, plane: [&str; 3], heights: &[(&str, f64)]) {
    let [a, b, c] = plane.map(|name| m.positions[atom(m, residue, name)]);
    let normal = cross(minus(b, a), minus(c, a));
    let length = dot(normal, normal).sqrt();
    for &(name, height) in heights {
        let place = atom(m, residue, name);
        for (x, along) in m.positions[place].iter_mut().zip(normal) {
            *x += along / length * height;
        }
    }
}

#[test]
fn a_broken_ring_is_refused() {
    // A tyrosine as if its ring were a chair: no bond and no angle of it is far from the ideal.
    let refusal = refused(|m| {
        let (up, down) = (0.33, -0.33);
        let chair = [
            ("CG", up),
            ("CD1", down),
            ("CE1", up),
            ("CZ", down),
            ("OH", down),
            ("HH", down),
            ("CE2", up),
            ("CD2", down),
        ];
        lift(m, 2, ["CG", "CE1", "CE2"], &chair);
    });
    let is_ring = matches!(&refusal, Refusal::NotFlat { residue, .. } if residue == "TYR 3");
    assert!(is_ring, "{refusal}");
}

#[test]
fn a_flat_group_that_stands_up_like_a_pyramid_is_refused() {
    let refusal = refused(|m| lift(m, 9, ["CB", "OD1", "OD2"], &[("CG", 0.5)]));
    let is_acid = matches!(&refusal, Refusal::NotFlat { residue, .. } if residue == "ASP 10");
    assert!(is_acid, "{refusal}");
}

#[test]
fn a_clash_is_refused() {
    // Every bond and angle as it was; psi turned until two parts of the chain are in one place.
    let refusal = refused(|m| {
        let mut least = f64::INFINITY;
        let mut best = m.positions.clone();
        for residue in 1..10 {
            for degrees in 1..360 {
                let (ca, c) = (atom(m, residue, "CA"), atom(m, residue, "C"));
                let turned = turned_beyond(m, residue, ca, c, f64::from(degrees));
                let gap = nearest_gap(m, &turned, residue);
                if gap < least {
                    (least, best) = (gap, turned);
                }
            }
        }
        m.positions = best;
    });
    assert!(
        matches!(refusal, Refusal::Clash { found, .. } if found < 1.8),
        "{refusal}"
    );
}

/// Positions with everything beyond a residue's psi turned about it.
fn turned_beyond(m: &Molecule, residue: usize, ca: usize, c: usize, degrees: f64) -> Vec<Point> {
    let axis = minus(m.positions[c], m.positions[ca]);
    let length = dot(axis, axis).sqrt();
    let axis = axis.map(|x| x / length);
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let mut turned = m.positions.clone();
    let oxygen = atom(m, residue, "O");
    let beyond = m.residues[residue].atoms.end..m.atoms.len();
    for atom in std::iter::once(oxygen).chain(beyond) {
        let arm = minus(m.positions[atom], m.positions[ca]);
        let aside = cross(axis, arm);
        let along = dot(axis, arm) * (1.0 - cosine);
        turned[atom] = [0, 1, 2]
            .map(|k| m.positions[ca][k] + arm[k] * cosine + aside[k] * sine + axis[k] * along);
    }
    turned
}

/// The least distance between heavy atoms on both sides of a residue, two residues apart at least.
fn nearest_gap(m: &Molecule, at: &[Point], residue: usize) -> f64 {
    let before = 0..m.residues[residue - 1].atoms.end;
    let after = m.residues[residue + 1].atoms.start..at.len();
    let mut least = f64::INFINITY;
    for a in before.filter(|&a| m.atoms[a].element.is_heavy()) {
        for b in after.clone().filter(|&b| m.atoms[b].element.is_heavy()) {
            let gap = minus(at[a], at[b]);
            least = least.min(dot(gap, gap).sqrt());
        }
    }
    least
}

#[test]
fn collapsed_chemistry_with_a_low_energy_is_refused() {
    // A hydrogen without radius laid upon an oxygen: the force field says the energy is far below any fold's.
    let (sequence, molecule, honest) = &*HONEST;
    let mut collapsed = molecule.clone();
    let hydrogen = atom(molecule, 1, "HG");
    let oxygen = atom(molecule, 9, "OD1");
    collapsed.positions[hydrogen] = molecule.positions[oxygen].map(|x| x + 0.03);
    let energy = system(molecule).energy(&collapsed.positions).total();
    println!("{energy} against {honest}");
    assert!(check(sequence, &collapsed, energy).is_err());
}

#[test]
fn a_false_energy_is_refused() {
    let (sequence, molecule, honest) = &*HONEST;
    for wrong in [0.02, -0.02, -50.0] {
        let refusal = check(sequence, molecule, honest + wrong).unwrap_err();
        assert!(matches!(refusal, Refusal::FalseEnergy { .. }));
    }
    assert!(check(sequence, molecule, honest + 0.005).is_ok());
    for wrong in [f64::NAN, f64::NEG_INFINITY] {
        let refusal = check(sequence, molecule, wrong).unwrap_err();
        assert!(matches!(refusal, Refusal::ClaimNotFinite { .. }));
    }
}

#[test]
fn an_absurd_energy_is_refused() {
    // Everything a ninth larger: each bond is within the tolerance, and all of them together are no chain at rest.
    let refusal = refused(|m| m.positions.iter_mut().flatten().for_each(|x| *x *= 1.11));
    assert!(matches!(refusal, Refusal::AbsurdEnergy { .. }), "{refusal}");
}

#[test]
fn the_order_of_atoms_within_a_residue_is_free() {
    let (sequence, molecule, honest) = &*HONEST;
    let mut reversed = Molecule::default();
    for residue in &molecule.residues {
        reversed.begin_residue(residue.monomer, residue.number);
        for place in residue.atoms.clone().rev() {
            let atom = molecule.atoms[place];
            reversed.push_atom(atom.name, atom.element, molecule.positions[place]);
        }
    }
    assert_eq!(
        check(sequence, &reversed, *honest).unwrap().total(),
        *honest
    );
}
