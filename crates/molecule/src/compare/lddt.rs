//! lDDT: how many distances between neighbouring atoms a model keeps (Mariani et al., Bioinformatics 29, 2722, 2013).
//!
//! # The rule
//!
//! 1. In the reference take every pair of atoms of different residues that are less than [`RADIUS`] apart.
//! 2. A pair is kept at a tolerance if the model's distance differs from the reference's by no more than it. A pair of which
//!    the model lacks an atom is not kept.
//! 3. The score is the share of the pairs kept, averaged over the tolerances [`TOLERANCES`].
//! 4. The two ends of some side chains are alike, so which is called 1 and which 2 is chance: of the two ways to name them
//!    in a residue of the model, the one that keeps more distances to atoms without such a twin counts.
//!
//! Nothing is laid on anything, so parts that moved as a whole cost only what they are wrong at their borders.

use super::{Atoms, is_compared, pairs};
use crate::point::distance;
use crate::{AminoAcid, Molecule, Point};

/// How near two atoms of the reference must be for their distance to count, in ångström.
pub const RADIUS: f64 = 15.0;

/// How much a distance may differ to be kept, in ångström.
pub const TOLERANCES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// Whether atoms that are alike are compared under the better of their names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Names {
    /// As the model has them.
    Given,
    /// Whichever of the two keeps more distances.
    Better,
}

/// How lDDT is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lddt {
    pub atoms: Atoms,
    pub names: Names,
}

/// The lDDT of a model as published: all atoms but hydrogens, twins under the better of their names. 0 if the reference has
/// no distance to keep.
pub fn lddt(model: &Molecule, reference: &Molecule) -> f64 {
    let published = Lddt {
        atoms: Atoms::Heavy,
        names: Names::Better,
    };
    published.score(model, reference)
}

impl Lddt {
    /// The lDDT of a model; 0 if the reference has no distance to keep.
    pub fn score(self, model: &Molecule, reference: &Molecule) -> f64 {
        let mut sites = Sites::of(model, reference, self.atoms);
        if self.names == Names::Better && self.atoms == Atoms::Heavy {
            sites.name_twins(reference);
        }
        let mut tally = Tally::default();
        for first in 0..sites.atoms.len() {
            for second in first + 1..sites.atoms.len() {
                sites.count(first, second, &mut tally);
            }
        }
        tally.share()
    }
}

/// An atom of the reference, and where the model has it.
struct Site {
    residue: usize,
    reference: Point,
    model: Option<Point>,
    /// The site it may change names with.
    twin: Option<usize>,
}

/// The atoms of the reference that take part.
struct Sites {
    atoms: Vec<Site>,
}

#[derive(Default)]
struct Tally {
    pairs: u64,
    /// Over all tolerances.
    kept: u64,
}

impl Tally {
    fn share(&self) -> f64 {
        if self.pairs == 0 {
            return 0.0;
        }
        self.kept as f64 / (self.pairs as f64 * TOLERANCES.len() as f64)
    }
}

impl Sites {
    fn of(model: &Molecule, reference: &Molecule, atoms: Atoms) -> Self {
        let mut counterpart = vec![None; reference.residues.len()];
        for (ours, theirs) in pairs(model, reference) {
            counterpart[theirs] = Some(ours);
        }
        let takes_part = |atom: &usize| {
            let residue = reference.atoms[*atom].residue;
            let is_amino = reference.residues[residue].monomer.amino().is_some();
            is_amino && is_compared(reference, *atom, atoms)
        };
        let site = |atom: usize| {
            let (name, residue) = (reference.atoms[atom].name, reference.atoms[atom].residue);
            let model = counterpart[residue].and_then(|own| model.position(own, name.as_str()));
            Site {
                residue,
                reference: reference.positions[atom],
                model,
                twin: None,
            }
        };
        let atoms = (0..reference.atoms.len()).filter(takes_part).map(site);
        Self {
            atoms: atoms.collect(),
        }
    }

    /// Counts one pair, if it is one.
    fn count(&self, first: usize, second: usize, tally: &mut Tally) {
        let (a, b) = (&self.atoms[first], &self.atoms[second]);
        if a.residue == b.residue || (a.reference[0] - b.reference[0]).abs() >= RADIUS {
            return;
        }
        let wanted = distance(a.reference, b.reference);
        if wanted >= RADIUS {
            return;
        }
        tally.pairs += 1;
        if let (Some(a), Some(b)) = (a.model, b.model) {
            let error = (distance(a, b) - wanted).abs();
            let kept = TOLERANCES.iter().filter(|&&tolerance| error <= tolerance);
            tally.kept += kept.count() as u64;
        }
    }

    /// Gives the model's twins the better of their names.
    fn name_twins(&mut self, reference: &Molecule) {
        let groups = self.mark_twins(reference);
        let choices: Vec<bool> = groups.iter().map(|group| self.prefers(group)).collect();
        for (group, _) in groups.iter().zip(choices).filter(|choice| choice.1) {
            self.exchange(group);
        }
    }

    /// Finds the twins: for each residue that has some, the pairs that change names together.
    fn mark_twins(&mut self, reference: &Molecule) -> Vec<Vec<(usize, usize)>> {
        let heavy = |atom: &usize| {
            let residue = reference.atoms[*atom].residue;
            reference.residues[residue].monomer.amino().is_some()
        };
        let atoms: Vec<usize> = reference.heavy_atoms().filter(heavy).collect();
        let mut groups = Vec::new();
        for (place, residue) in reference.residues.iter().enumerate() {
            let Some(amino) = residue.monomer.amino() else {
                continue;
            };
            let site = |name: &str| {
                let atom = reference.atom(place, name)?;
                atoms.binary_search(&atom).ok()
            };
            let both = |(a, b): &(&str, &str)| Some((site(a)?, site(b)?));
            let group: Vec<_> = twins(amino).iter().filter_map(both).collect();
            for &(a, b) in &group {
                (self.atoms[a].twin, self.atoms[b].twin) = (Some(b), Some(a));
            }
            if !group.is_empty() {
                groups.push(group);
            }
        }
        groups
    }

    /// Whether a residue's twins keep more distances, to atoms without a twin, under each other's names.
    fn prefers(&mut self, group: &[(usize, usize)]) -> bool {
        let given = self.tally(group).kept;
        self.exchange(group);
        let exchanged = self.tally(group).kept;
        self.exchange(group);
        exchanged > given
    }

    fn tally(&self, group: &[(usize, usize)]) -> Tally {
        let mut tally = Tally::default();
        for twin in group.iter().flat_map(|&(a, b)| [a, b]) {
            for other in 0..self.atoms.len() {
                if self.atoms[other].twin.is_none() {
                    self.count(twin, other, &mut tally);
                }
            }
        }
        tally
    }

    fn exchange(&mut self, group: &[(usize, usize)]) {
        for &(a, b) in group {
            let model = self.atoms[a].model;
            self.atoms[a].model = self.atoms[b].model;
            self.atoms[b].model = model;
        }
    }
}

/// The atoms of an amino acid that may change names, as the publication lists the residues.
fn twins(amino: AminoAcid) -> &'static [(&'static str, &'static str)] {
    match amino {
        AminoAcid::Arg => &[("NH1", "NH2")],
        AminoAcid::Asp => &[("OD1", "OD2")],
        AminoAcid::Glu => &[("OE1", "OE2")],
        AminoAcid::Leu => &[("CD1", "CD2")],
        AminoAcid::Val => &[("CG1", "CG2")],
        AminoAcid::Phe | AminoAcid::Tyr => &[("CD1", "CD2"), ("CE1", "CE2")],
        _ => &[],
    }
}
