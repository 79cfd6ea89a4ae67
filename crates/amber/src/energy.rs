//! An energy, by its parts.

use serde::{Deserialize, Serialize};

/// The potential energy of one set of positions, in kcal/mol, by its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Bonds stretched: OpenMM's `HarmonicBondForce`.
    pub bond: f64,
    /// Angles bent: `HarmonicAngleForce`.
    pub angle: f64,
    /// Bonds turned, and planar centres out of plane: `PeriodicTorsionForce`.
    pub torsion: f64,
    /// The correction by φ and ψ of each amino acid: `CMAPTorsionForce`.
    pub cmap: f64,
    /// Lennard-Jones and Coulomb, the scaled 1-4 pairs among them: `NonbondedForce`.
    pub nonbonded: f64,
    /// Implicit water, its surface term among it: `CustomGBForce`. Zero in vacuum.
    pub solvation: f64,
}

impl Energy {
    /// The sum of all parts, added in the order of the fields.
    pub fn total(&self) -> f64 {
        self.bond + self.angle + self.torsion + self.cmap + self.nonbonded + self.solvation
    }

    /// The parts under the names of OpenMM's force classes, in the order of the fields.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("HarmonicBondForce", self.bond),
            ("HarmonicAngleForce", self.angle),
            ("PeriodicTorsionForce", self.torsion),
            ("CMAPTorsionForce", self.cmap),
            ("NonbondedForce", self.nonbonded),
            ("CustomGBForce", self.solvation),
        ]
    }
}
