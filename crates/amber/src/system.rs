//! A molecule with its parameters, ready to be evaluated at any positions.

use molecule::{Molecule, Point};

use crate::{AmberError, Energy};

/// What surrounds the molecule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Solvent {
    /// Nothing: vacuum.
    None,
    /// Water as a continuum: OBC2 (Onufriev, Bashford and Case, 2004) with a surface-area term.
    #[default]
    Obc2,
}

/// A covalent bond and its length at rest.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bond {
    /// The two atoms, the lower place first.
    pub atoms: [usize; 2],
    /// The length at rest, in ångström.
    pub length: f64,
    /// The force constant k of k (r − length)², in kcal/mol/Å².
    pub stiffness: f64,
}

/// A molecule's atoms with all parameters of the force field.
pub struct System {
    bonds: Vec<Bond>,
    radii: Vec<f64>,
}

impl System {
    /// Gives every atom of `molecule` its parameters. Positions matter only for which cysteines without HG are bridged.
    pub fn new(molecule: &Molecule, solvent: Solvent) -> Result<Self, AmberError> {
        let _ = (molecule, solvent);
        unimplemented!("lands within minutes")
    }

    /// The same system, evaluated by so many threads (at least one). The results are the same bits.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        let _ = threads;
        unimplemented!("lands within minutes")
    }

    /// The energy at `positions`, one per atom of the molecule, in its order. Positions that coincide or are not finite give
    /// an energy that is not finite.
    pub fn energy(&self, positions: &[Point]) -> Energy {
        let _ = positions;
        unimplemented!("lands within minutes")
    }

    /// The energy, and in `gradient` its derivative by each coordinate, in kcal/mol/Å.
    pub fn gradient(&self, positions: &[Point], gradient: &mut [Point]) -> Energy {
        let _ = (positions, gradient);
        unimplemented!("lands within minutes")
    }

    /// The covalent bonds, in order of their atoms.
    pub fn bonds(&self) -> &[Bond] {
        &self.bonds
    }

    /// Each atom's Lennard-Jones radius: half the distance of two such atoms at their pair's minimum, in ångström.
    pub fn radii(&self) -> &[f64] {
        &self.radii
    }
}
