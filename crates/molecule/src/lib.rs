//! Proteins as atoms in space: residues, structure files, comparisons, pictures.
//!
//! ```text
//!  amino ─▶ sequence ─▶ molecule ─┬─▶ pdb, mmcif    files, read within bounds and written
//!                                 ├─▶ torsion, dssp  what shape a chain has
//!                                 ├─▶ compare        how like another structure it is
//!                                 └─▶ plot           pictures of both
//! ```
//!
//! Everything here is pure: strings and numbers in, strings and numbers out. Lengths are in ångström, angles in degrees.
//!
//! # Not here
//!
//! Bonds, charges, energies: `amber`. Building a chain and looking for a better shape: `folding`.

pub mod amino;
mod cif;
pub mod compare;
pub mod dssp;
pub mod element;
pub mod file;
pub mod mmcif;
mod molecule;
pub mod naming;
pub mod pdb;
pub mod plot;
pub mod point;
pub mod sequence;
pub mod torsion;

pub use amino::AminoAcid;
pub use element::Element;
pub use file::FileError;
pub use molecule::{Atom, AtomName, Molecule, Monomer, Point, Residue};
pub use sequence::{Sequence, SequenceError};
