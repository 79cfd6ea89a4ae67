//! Hydrogen bonds of the backbone by Kabsch and Sander's energy.
//!
//! With partial charges of 0.42 on C and O and 0.20 on N and H,
//!
//! ```text
//! E = 332 · 0.42 · 0.20 · (1/r(ON) + 1/r(CH) − 1/r(OH) − 1/r(CN))   kcal/mol
//! ```
//!
//! A hydrogen keeps its two strongest bonds; those below −0.5 kcal/mol count.

use super::Chain;
use crate::Point;
use crate::point::distance;

/// Below this a bond counts, in kcal/mol.
const BOND: f64 = -0.5;

/// Residues whose alpha carbons are farther apart, in ångström, have no bond.
const FAR: f64 = 9.0;

/// The charges' product, in kcal/mol·Å.
const COUPLING: f64 = 332.0 * 0.42 * 0.20;

/// For each residue's N–H, the up to two residues whose C=O it is bonded to.
pub(super) struct Bonds {
    acceptors: Vec<[Option<usize>; 2]>,
}

impl Bonds {
    pub fn of(chain: &Chain) -> Self {
        let acceptors = (0..chain.residues.len()).map(|donor| strongest(chain, donor));
        Self {
            acceptors: acceptors.collect(),
        }
    }

    /// Whether the N–H of one residue is bonded to the C=O of another.
    pub fn has(&self, donor: usize, acceptor: usize) -> bool {
        self.acceptors[donor].contains(&Some(acceptor))
    }
}

/// The two residues that hold a residue's hydrogen most strongly.
fn strongest(chain: &Chain, donor: usize) -> [Option<usize>; 2] {
    let mut best: [(f64, Option<usize>); 2] = [(BOND, None); 2];
    let (Some(own), Some(hydrogen)) = (
        chain.residues[donor],
        chain.residues[donor].and_then(|own| own.hydrogen),
    ) else {
        return [None; 2];
    };
    for (acceptor, other) in chain.residues.iter().enumerate() {
        // Its own C=O, and that of the residue before, are bonded to it by more than a hydrogen bond.
        let Some(other) = other.filter(|_| acceptor != donor && acceptor + 1 != donor) else {
            continue;
        };
        if distance(own.alpha, other.alpha) >= FAR {
            continue;
        }
        let energy = energy(own.nitrogen, hydrogen, other.carbon, other.oxygen);
        if energy < best[0].0 {
            best = [(energy, Some(acceptor)), best[0]];
        } else if energy < best[1].0 {
            best[1] = (energy, Some(acceptor));
        }
    }
    best.map(|(_, acceptor)| acceptor)
}

fn energy(nitrogen: Point, hydrogen: Point, carbon: Point, oxygen: Point) -> f64 {
    let near = |a, b| 1.0 / distance(a, b);
    COUPLING
        * (near(oxygen, nitrogen) + near(carbon, hydrogen)
            - near(oxygen, hydrogen)
            - near(carbon, nitrogen))
}
