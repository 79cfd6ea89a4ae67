//! Changes of shape that a search tries: turns about the chain's joints.
//!
//! | move | what turns | why |
//! |---|---|---|
//! | [`Move::SideChain`] | all χ of one residue, to a rotamer | packs side chains |
//! | [`Move::TwoSideChains`] | the same for two residues near each other | swaps contacts |
//! | [`Move::Basin`] | φ and ψ of one residue, to another basin | folds and unfolds |
//! | [`Move::Flip`] | ψ of one residue and φ of the next, against each other | turns a peptide's plane, leaves the rest |
//! | [`Move::Crank`] | a stretch about the line between its ends | moves a loop, leaves the rest |
//! | [`Move::Shake`] | every joint a little | leaves shallow minima |
//! | [`Move::Tail`] | φ and ψ of up to three residues at an end | ends are free to move |
//!
//! Of several draws the least crowded is taken, because relaxing a chain whose parts run through each other is lost time.

use molecule::{AminoAcid, Monomer, Point};
use rand::{Rng, RngExt};

use crate::anatomy::{Anatomy, Joint, Turn};
use crate::chain::Backbone;
use crate::space::{Rotation, dihedral, distance_squared};

/// How many draws are compared for crowding.
const DRAWS: usize = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Move {
    SideChain,
    TwoSideChains,
    Basin,
    Flip,
    Crank,
    Shake,
    Tail,
}

impl Move {
    pub const ALL: [Self; 7] = [
        Self::SideChain,
        Self::TwoSideChains,
        Self::Basin,
        Self::Flip,
        Self::Crank,
        Self::Shake,
        Self::Tail,
    ];

    /// How often the move is tried at first, before the search has seen which ones help.
    pub fn weight(self) -> f64 {
        match self {
            Self::SideChain => 3.0,
            Self::TwoSideChains => 1.0,
            Self::Basin => 1.5,
            Self::Flip => 2.0,
            Self::Crank => 1.5,
            Self::Shake => 1.0,
            Self::Tail => 1.0,
        }
    }

    /// Another shape, the least crowded of several drawn.
    pub fn apply(self, anatomy: &Anatomy, at: &[Point], rng: &mut impl Rng) -> Vec<Point> {
        let mut best: Option<(f64, Vec<Point>)> = None;
        for _ in 0..DRAWS {
            let mut drawn = at.to_vec();
            self.draw(anatomy, &mut drawn, rng);
            let crowding = crowding(anatomy, &drawn);
            if best.as_ref().is_none_or(|(least, _)| crowding < *least) {
                best = Some((crowding, drawn));
            }
            if crowding == 0.0 {
                break;
            }
        }
        best.map_or_else(|| at.to_vec(), |(_, drawn)| drawn)
    }

    fn draw(self, anatomy: &Anatomy, at: &mut [Point], rng: &mut impl Rng) {
        let residues = anatomy.molecule.residues.len();
        let residue = rng.random_range(0..residues);
        match self {
            Self::SideChain => {
                let bearing = bearing(anatomy, residue);
                turn_side_chain(anatomy, at, bearing, rng);
            }
            Self::TwoSideChains => {
                let first = bearing(anatomy, residue);
                turn_side_chain(anatomy, at, first, rng);
                let second = bearing(anatomy, nearest(anatomy, at, first, rng));
                turn_side_chain(anatomy, at, second, rng);
            }
            Self::Basin => turn_to_basin(anatomy, at, residue, rng),
            Self::Flip => flip(anatomy, at, residue, rng),
            Self::Crank => crank(anatomy, at, residue, rng),
            Self::Shake => {
                let width = rng.random_range(3.0..15.0);
                shake(anatomy, at, width, rng);
            }
            Self::Tail => {
                let length = rng.random_range(1..=residues.min(3));
                let is_first = rng.random_range(0..2) == 0;
                for k in 0..length {
                    let residue = if is_first { k } else { residues - 1 - k };
                    turn_to_basin(anatomy, at, residue, rng);
                }
            }
        }
    }
}

/// Turns every joint by chance, by so many degrees in the root mean square.
pub(crate) fn shake(anatomy: &Anatomy, at: &mut [Point], degrees: f64, rng: &mut impl Rng) {
    for joint in &anatomy.joints {
        // The sum of three uniform draws is near enough to a normal one.
        let draw = (0..3).map(|_| rng.random_range(-1.0..1.0)).sum::<f64>();
        turn_by(joint, at, degrees * draw);
    }
}

/// Turns a joint by an angle in degrees.
fn turn_by(joint: &Joint, at: &mut [Point], degrees: f64) {
    let [_, from, to, _] = joint.atoms;
    let rotation = Rotation::new(at[from], at[to], degrees);
    for &atom in &joint.moving {
        at[atom] = rotation.turn(at[atom]);
    }
}

/// Turns a joint to a torsion in degrees.
fn turn_to(joint: &Joint, at: &mut [Point], degrees: f64) {
    let [a, b, c, d] = joint.atoms.map(|atom| at[atom]);
    turn_by(joint, at, degrees - dihedral(a, b, c, d));
}

fn joint(anatomy: &Anatomy, residue: usize, turn: Turn) -> Option<&Joint> {
    let mut joints = anatomy.joints.iter();
    joints.find(|joint| joint.residue == residue && joint.turn == turn)
}

/// The residue itself or the next one on that has a χ; the same residue if none has.
pub(crate) fn bearing(anatomy: &Anatomy, residue: usize) -> usize {
    let residues = anatomy.molecule.residues.len();
    let mut onwards = (0..residues).map(|k| (residue + k) % residues);
    let found = onwards.find(|&k| joint(anatomy, k, Turn::Chi(0)).is_some());
    found.unwrap_or(residue)
}

/// One of the three residues nearest to a residue, other than itself.
fn nearest(anatomy: &Anatomy, at: &[Point], residue: usize, rng: &mut impl Rng) -> usize {
    let tip = |k: usize| {
        at[anatomy.molecule.residues[k]
            .atoms
            .clone()
            .nth(6)
            .unwrap_or(0)
            .min(at.len() - 1)]
    };
    let mut others: Vec<usize> = (0..anatomy.molecule.residues.len())
        .filter(|&k| k != residue)
        .collect();
    others.sort_by(|&a, &b| {
        let gap = |k: usize| distance_squared(tip(k), tip(residue));
        gap(a).total_cmp(&gap(b))
    });
    if others.is_empty() {
        return residue;
    }
    others[rng.random_range(0..others.len().min(3))]
}

/// Draws every χ of a residue: most often one of the three staggered positions, sometimes anything.
pub(crate) fn turn_side_chain(
    anatomy: &Anatomy,
    at: &mut [Point],
    residue: usize,
    rng: &mut impl Rng,
) {
    for joint in anatomy
        .joints
        .iter()
        .filter(|joint| joint.residue == residue)
    {
        if let Turn::Chi(_) = joint.turn {
            let middle = match rng.random_range(0..10) {
                0..=3 => -65.0,
                4..=6 => 180.0,
                7..=8 => 65.0,
                _ => rng.random_range(-180.0..180.0),
            };
            turn_to(joint, at, middle + rng.random_range(-20.0..20.0));
        }
    }
}

fn turn_to_basin(anatomy: &Anatomy, at: &mut [Point], residue: usize, rng: &mut impl Rng) {
    let Backbone { phi, psi } = basin(anatomy.molecule.residues[residue].monomer, rng);
    for (turn, degrees) in [(Turn::Phi, phi), (Turn::Psi, psi)] {
        if let Some(joint) = joint(anatomy, residue, turn) {
            turn_to(joint, at, degrees);
        }
    }
}

/// Draws φ and ψ from the basins that residues are found in.
pub(crate) fn basin(monomer: Monomer, rng: &mut impl Rng) -> Backbone {
    const BASINS: [(Backbone, f64); 7] = [
        (
            Backbone {
                phi: -65.0,
                psi: -42.0,
            },
            0.36,
        ),
        (
            Backbone {
                phi: -120.0,
                psi: 130.0,
            },
            0.20,
        ),
        (
            Backbone {
                phi: -70.0,
                psi: 145.0,
            },
            0.20,
        ),
        (
            Backbone {
                phi: -90.0,
                psi: 0.0,
            },
            0.10,
        ),
        (
            Backbone {
                phi: -80.0,
                psi: 75.0,
            },
            0.05,
        ),
        (
            Backbone {
                phi: 57.0,
                psi: 40.0,
            },
            0.07,
        ),
        (
            Backbone {
                phi: 60.0,
                psi: -125.0,
            },
            0.02,
        ),
    ];
    let is_free = monomer == Monomer::Amino(AminoAcid::Gly);
    let mut left = rng.random_range(0.0..1.0);
    let mut drawn = BASINS[0].0;
    for (basin, share) in BASINS {
        drawn = basin;
        left -= share;
        if left < 0.0 {
            break;
        }
    }
    // Glycine has no side chain, and is as often on the other side.
    let side = if is_free && rng.random_range(0..2) == 0 {
        -1.0
    } else {
        1.0
    };
    let mut near = |middle: f64| side * middle + rng.random_range(-15.0..15.0);
    Backbone {
        phi: near(drawn.phi),
        psi: near(drawn.psi),
    }
}

fn flip(anatomy: &Anatomy, at: &mut [Point], residue: usize, rng: &mut impl Rng) {
    let degrees = rng.random_range(40.0..180.0)
        * if rng.random_range(0..2) == 0 {
            1.0
        } else {
            -1.0
        };
    let psi = joint(anatomy, residue, Turn::Psi);
    let phi = joint(anatomy, residue + 1, Turn::Phi);
    if let Some(psi) = psi {
        turn_by(psi, at, degrees);
    }
    if let Some(phi) = phi {
        turn_by(phi, at, -degrees);
    }
}

/// Turns a stretch of two to six residues about the line through its first and last CA.
fn crank(anatomy: &Anatomy, at: &mut [Point], first: usize, rng: &mut impl Rng) {
    let molecule = &anatomy.molecule;
    let last = first + rng.random_range(1..=5);
    let (Some(from), Some(to)) = (molecule.atom(first, "CA"), molecule.atom(last, "CA")) else {
        return;
    };
    let degrees = rng.random_range(-60.0..60.0);
    let rotation = Rotation::new(at[from], at[to], degrees);
    for residue in first..=last {
        for atom in molecule.residues[residue].atoms.clone() {
            let name = molecule.atoms[atom].name;
            let is_carbonyl = ["C", "O", "OXT"].iter().any(|other| name == *other);
            let is_amide = ["N", "H"].iter().any(|other| name == *other);
            let is_inside = match residue {
                _ if residue == first => is_carbonyl,
                _ if residue == last => is_amide,
                _ => true,
            };
            if is_inside {
                at[atom] = rotation.turn(at[atom]);
            }
        }
    }
}

/// How much atoms that are not bonded overlap: 0 where none do.
pub(crate) fn crowding(anatomy: &Anatomy, at: &[Point]) -> f64 {
    let reach: Vec<f64> = anatomy
        .molecule
        .atoms
        .iter()
        .map(|atom| if atom.element.is_heavy() { 1.25 } else { 0.8 })
        .collect();
    let mut sum = 0.0;
    for a in 0..at.len() {
        for b in a + 1..at.len() {
            let least = reach[a] + reach[b];
            let lack = least * least - distance_squared(at[a], at[b]);
            if lack > 0.0 && !anatomy.is_near(a, b) {
                sum += lack;
            }
        }
    }
    sum
}
