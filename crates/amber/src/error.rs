//! Why a molecule has no energy.

use thiserror::Error;

/// Why no [`System`](crate::System) can be made of a molecule. Residues are named by code and number as in their file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AmberError {
    /// There is nothing to compute.
    #[error("the molecule has no residues; give at least one")]
    Empty,
    /// More atoms than are computed without a cutoff.
    #[error(
        "the molecule has {atoms} atoms, more than the {most} that are computed here; give a shorter chain"
    )]
    TooLarge { atoms: usize, most: usize },
    /// A residue that cannot stand where it does: a cap in the middle of a chain, or an end that is not parameterised.
    #[error("{residue} cannot stand there: {reason}")]
    Misplaced {
        residue: String,
        reason: &'static str,
    },
    /// An atom of the residue's template is not there.
    #[error(
        "{residue} lacks its atom {atom}; add it (hydrogens too: the force field has all atoms)"
    )]
    MissingAtom { residue: String, atom: String },
    /// An atom that the residue's template does not have.
    #[error(
        "{residue} has an atom {atom} that its kind does not have where it stands; remove or rename it"
    )]
    SurplusAtom { residue: String, atom: String },
    /// The same name twice in one residue.
    #[error("{residue} has two atoms named {atom}; name each atom once")]
    RepeatedAtom { residue: String, atom: String },
    /// An atom's element is not the one that its name stands for.
    #[error("atom {atom} of {residue} is not of the element that its name stands for")]
    WrongElement { residue: String, atom: String },
    /// A cysteine without its hydrogen, and no other such cysteine near enough to form a bridge.
    #[error(
        "{residue} lacks HG, and no other cysteine without HG is near enough for a bridge; add HG"
    )]
    LonelyBridge { residue: String },
    /// The force field knows no term of these atom types.
    #[error("ff19SB has no {term} for the atom types {types}")]
    NoParameters { term: &'static str, types: String },
}
