//! Why an answer is refused, in words for the miner who gave it.
//!
//! Residues are named by what the sequence has there and their place in it, counted from 1 with caps included: `TYR 2`.

use amber::AmberError;
use thiserror::Error;

use crate::check::{
    ANGLE_TOLERANCE, COORDINATE_MAX, ENERGY_TOLERANCE, LENGTH_TOLERANCE, PLANE_TOLERANCE,
};

/// What is wrong with an answer. The first thing found is named, of those that come first in this list.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum Refusal {
    #[error("the claimed energy is {claimed}, no finite number")]
    ClaimNotFinite { claimed: f64 },
    #[error("the chain has {found} residues and the sequence {expected}: {missing} missing", missing = expected - found)]
    TooFewResidues { expected: usize, found: usize },
    #[error("the chain has {found} residues and the sequence {expected}: {extra} too many", extra = found - expected)]
    TooManyResidues { expected: usize, found: usize },
    #[error("the cap {cap} is missing")]
    MissingCap { cap: &'static str },
    #[error("the chain has the cap {cap}, though the sequence asks for charged ends")]
    UnexpectedCap { cap: &'static str },
    #[error("residues {first} and {second} are swapped")]
    SwappedResidues { first: String, second: String },
    #[error("residue {number} is {found}, not {expected} as the sequence says")]
    WrongResidue {
        number: usize,
        expected: &'static str,
        found: &'static str,
    },
    #[error("residue {residue} is numbered {found} where {expected} comes next")]
    Numbering {
        residue: String,
        expected: i32,
        found: i32,
    },
    #[error("residue {residue} has the atom {atom} twice")]
    AtomTwice { residue: String, atom: String },
    #[error("residue {residue} has an atom {atom}, which does not belong to it")]
    ExtraAtom { residue: String, atom: String },
    #[error("residue {residue} lacks the atom {atom}")]
    MissingAtom { residue: String, atom: String },
    #[error("the atom {atom} of residue {residue} is said to be {found}, and is {expected}")]
    WrongElement {
        residue: String,
        atom: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("a coordinate of {atom} of residue {residue} is no finite number")]
    NotFinite { residue: String, atom: String },
    #[error("{atom} of residue {residue} is more than {COORDINATE_MAX} Å from the origin")]
    FarAway { residue: String, atom: String },
    #[error("residue {residue} is of the D form; proteins are made of L")]
    WrongHand { residue: String },
    #[error("the side chain of residue {residue} has the wrong hand at {atom}")]
    WrongSideHand { residue: String, atom: String },
    #[error(
        "the bond {first}-{second} of residue {residue} is {found:.3} Å long, more than {LENGTH_TOLERANCE} Å from {ideal:.3}"
    )]
    StretchedBond {
        residue: String,
        first: String,
        second: String,
        ideal: f64,
        found: f64,
    },
    #[error(
        "the angle {first}-{middle}-{last} of residue {residue} is {found:.1}°, more than {ANGLE_TOLERANCE}° from {ideal:.1}°"
    )]
    BentAngle {
        residue: String,
        first: String,
        middle: String,
        last: String,
        ideal: f64,
        found: f64,
    },
    #[error("the peptide bond before {residue} is cis ({omega:.0}°), which only proline's may be")]
    CisPeptide { residue: String, omega: f64 },
    #[error(
        "{atom} of residue {residue} is {found:.2} Å out of the plane of its group, more than {PLANE_TOLERANCE}"
    )]
    NotFlat {
        residue: String,
        atom: String,
        found: f64,
    },
    #[error(
        "{first} of {first_residue} and {second} of {second_residue} are not bonded and only {found:.2} Å apart"
    )]
    Clash {
        first_residue: String,
        first: String,
        second_residue: String,
        second: String,
        found: f64,
    },
    #[error("the energy is {found:.0} kcal/mol, which no chain at rest has")]
    AbsurdEnergy { found: f64 },
    #[error(
        "the energy of these coordinates is {found:.4} kcal/mol and not {claimed:.4}; they may differ by {ENERGY_TOLERANCE}"
    )]
    FalseEnergy { claimed: f64, found: f64 },
    #[error("no energy can be computed: {0}")]
    NoEnergy(AmberError),
}
