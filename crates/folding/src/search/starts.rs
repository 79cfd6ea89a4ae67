//! Shapes that a search begins from: what chains of known structure look like, and chance.
//!
//! Helices and hairpins hold themselves together by bonds between residues that random turns bring together only rarely.
//! A search that begins from them and from random shapes alike loses little time where they are wrong, for all are relaxed
//! briefly and only the lowest are searched on.

use molecule::{AminoAcid, Monomer, Point, Sequence};
use rand::{Rng, RngExt};

use super::moves::{basin, crowding, turn_side_chain};
use crate::anatomy::Anatomy;
use crate::chain::{Backbone, build_with};

/// How many side-chain draws are tried to make a start less crowded.
const DRAWS: usize = 12;

const STRAND: Backbone = Backbone {
    phi: -115.0,
    psi: 135.0,
};
const THREADED: Backbone = Backbone {
    phi: -72.0,
    psi: 145.0,
};

/// The two residues in the middle of a hairpin: types I', II' and I.
const TURNS: [[Backbone; 2]; 3] = [
    [
        Backbone {
            phi: 55.0,
            psi: 38.0,
        },
        Backbone {
            phi: 82.0,
            psi: 5.0,
        },
    ],
    [
        Backbone {
            phi: 60.0,
            psi: -120.0,
        },
        Backbone {
            phi: -80.0,
            psi: 0.0,
        },
    ],
    [
        Backbone {
            phi: -60.0,
            psi: -30.0,
        },
        Backbone {
            phi: -90.0,
            psi: 0.0,
        },
    ],
];

/// The start of this number. The first are a helix and hairpins with the turn in the middle; more come by chance.
pub(crate) fn start(anatomy: &Anatomy, number: usize, rng: &mut impl Rng) -> Vec<Point> {
    let sequence = anatomy.molecule.sequence();
    let backbone = match number {
        0 => vec![Backbone::HELIX; sequence.len()],
        1..=3 => hairpin(
            sequence.len(),
            sequence.len().saturating_sub(2) / 2,
            number - 1,
        ),
        _ => match rng.random_range(0..6) {
            0 => hairpin(
                sequence.len(),
                rng.random_range(0..sequence.len()),
                rng.random_range(0..TURNS.len()),
            ),
            1 => broken_helix(&sequence, rng),
            2 => vec![THREADED; sequence.len()],
            _ => by_chance(&sequence, rng),
        },
    };
    uncrowded(anatomy, build_with(&sequence, &backbone).positions, rng)
}

fn hairpin(length: usize, turn: usize, kind: usize) -> Vec<Backbone> {
    let mut backbone = vec![STRAND; length];
    for (k, torsions) in TURNS[kind].into_iter().enumerate() {
        if let Some(residue) = backbone.get_mut(turn + k) {
            *residue = torsions;
        }
    }
    backbone
}

/// A helix, and after some residue something else.
fn broken_helix(sequence: &Sequence, rng: &mut impl Rng) -> Vec<Backbone> {
    let proline = sequence
        .residues
        .iter()
        .rposition(|&amino| amino == AminoAcid::Pro);
    let end = match proline {
        Some(place) if place > 3 && rng.random_range(0..2) == 0 => place - 1,
        _ => rng.random_range(0..sequence.len()),
    };
    let random = by_chance(sequence, rng);
    let is_first = rng.random_range(0..2) == 0;
    let pick = |(place, chance)| {
        if (place < end) == is_first {
            Backbone::HELIX
        } else {
            chance
        }
    };
    random.into_iter().enumerate().map(pick).collect()
}

/// Each residue in the basin of the one before it, more often than not.
fn by_chance(sequence: &Sequence, rng: &mut impl Rng) -> Vec<Backbone> {
    let mut backbone: Vec<Backbone> = Vec::with_capacity(sequence.len());
    for &amino in &sequence.residues {
        let torsions = match backbone.last() {
            Some(&before) if rng.random_range(0..10) < 6 && before.phi < 0.0 => before,
            _ => basin(Monomer::Amino(amino), rng),
        };
        backbone.push(torsions);
    }
    backbone
}

/// Draws side chains, a few at a time, as long as that makes room.
fn uncrowded(anatomy: &Anatomy, mut at: Vec<Point>, rng: &mut impl Rng) -> Vec<Point> {
    let mut least = crowding(anatomy, &at);
    for _ in 0..DRAWS {
        if least == 0.0 {
            break;
        }
        let mut drawn = at.clone();
        let residues = anatomy.molecule.residues.len();
        for _ in 0..residues.div_ceil(3) {
            turn_side_chain(anatomy, &mut drawn, rng.random_range(0..residues), rng);
        }
        let crowding = crowding(anatomy, &drawn);
        if crowding < least {
            (least, at) = (crowding, drawn);
        }
    }
    at
}
