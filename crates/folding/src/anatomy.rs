//! What stays the same in every shape of a chain: its bonds, angles, hands, planes, and the joints it may turn about.
//!
//! A [`Anatomy`] is worked out once for a sequence, from the templates and the chain built at ideal geometry. The search
//! turns its joints; the check measures an answer against its lengths, angles and hands. Atoms are given by their place
//! in [`Anatomy::molecule`].

use molecule::{AtomName, Molecule, Sequence};

use crate::chain::build;
use crate::space::{angle, distance};
use crate::template::{Template, named};

/// The torsion a joint turns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    Phi,
    Psi,
    /// A torsion of the side chain, counted from 0.
    Chi(usize),
}

/// A bond about which one side of the chain may be turned against the other.
#[derive(Clone, Debug)]
pub struct Joint {
    pub turn: Turn,
    /// Its residue, by its place in the molecule.
    pub residue: usize,
    /// The four atoms of the torsion; the bond is the one between the second and the third.
    pub atoms: [usize; 4],
    /// The atoms that move: all on the far side of the third.
    pub moving: Vec<usize>,
}

/// The bond between two residues: CA, C, N, CA.
#[derive(Clone, Debug)]
pub struct Peptide {
    pub atoms: [usize; 4],
    /// The residue of N.
    pub residue: usize,
    /// Whether cis is possible: before proline only.
    pub may_be_cis: bool,
}

/// Everything about a chain that no change of shape changes.
#[derive(Clone, Debug)]
pub struct Anatomy {
    /// The chain as built, extended: its atoms in their order.
    pub molecule: Molecule,
    pub bonds: Vec<[usize; 2]>,
    /// The ideal length of each bond, in ångström.
    pub lengths: Vec<f64>,
    /// Every pair of bonds that share their middle atom, and the ideal angle in degrees.
    pub angles: Vec<([usize; 3], f64)>,
    /// Centres of fixed hand, see [`Template::hands`].
    pub hands: Vec<[usize; 4]>,
    /// Groups of atoms that stay in one plane.
    pub flats: Vec<Vec<usize>>,
    /// Groups of pairs that may trade names together, see [`Template::alike`]; with each group, the torsion that tells
    /// whether they have.
    pub alike: Vec<([usize; 4], Vec<[usize; 2]>)>,
    pub peptides: Vec<Peptide>,
    pub joints: Vec<Joint>,
    neighbours: Vec<Vec<usize>>,
}

impl Anatomy {
    pub fn new(sequence: &Sequence) -> Self {
        let molecule = build(sequence);
        let mut anatomy = Self {
            bonds: bonds(&molecule),
            lengths: Vec::new(),
            angles: Vec::new(),
            hands: Vec::new(),
            flats: Vec::new(),
            alike: Vec::new(),
            peptides: peptides(&molecule),
            joints: Vec::new(),
            neighbours: vec![Vec::new(); molecule.atoms.len()],
            molecule,
        };
        for &[a, b] in &anatomy.bonds {
            anatomy.neighbours[a].push(b);
            anatomy.neighbours[b].push(a);
        }
        anatomy.measure();
        for residue in 0..anatomy.molecule.residues.len() {
            anatomy.add_groups(residue);
            anatomy.add_joints(residue);
        }
        anatomy
    }

    /// The atoms bonded to an atom.
    pub fn neighbours(&self, atom: usize) -> &[usize] {
        &self.neighbours[atom]
    }

    /// Whether two atoms are the same, bonded, or bonded to the same third: too near each other to be called a clash.
    pub fn is_near(&self, a: usize, b: usize) -> bool {
        let bonded = &self.neighbours[a];
        a == b
            || bonded.contains(&b)
            || bonded
                .iter()
                .any(|&middle| self.neighbours[middle].contains(&b))
    }

    fn measure(&mut self) {
        let at = &self.molecule.positions;
        self.lengths = self
            .bonds
            .iter()
            .map(|&[a, b]| distance(at[a], at[b]))
            .collect();
        for (middle, ends) in self.neighbours.iter().enumerate() {
            for (k, &a) in ends.iter().enumerate() {
                for &b in &ends[k + 1..] {
                    let ideal = angle(at[a], at[middle], at[b]);
                    self.angles.push(([a, middle, b], ideal));
                }
            }
        }
    }

    fn find<const N: usize>(&self, residue: usize, names: [AtomName; N]) -> Option<[usize; N]> {
        let found = names.map(|name| self.molecule.atom(residue, name.as_str()));
        found
            .iter()
            .all(Option::is_some)
            .then(|| found.map(|atom| atom.expect("all are there")))
    }

    fn add_groups(&mut self, residue: usize) {
        let template = Template::of(self.molecule.residues[residue].monomer);
        for &hand in &template.hands {
            self.hands.extend(self.find(residue, hand));
        }
        for flat in &template.flats {
            let atoms = flat.iter().filter_map(|&name| self.find(residue, [name]));
            let atoms = atoms.map(|[atom]| atom).collect();
            self.flats.push(atoms);
        }
        for group in &template.alike {
            let pairs: Vec<_> = group
                .iter()
                .filter_map(|&pair| self.find(residue, pair))
                .collect();
            let first = template.atoms.iter().find(|atom| atom.name == group[0][0]);
            let torsion = first.and_then(|atom| {
                let [parent, angle, dihedral] = atom.parents;
                self.find(residue, [dihedral, angle, parent, atom.name])
            });
            self.alike.extend(torsion.map(|torsion| (torsion, pairs)));
        }
        if let Some([n, ca, c, o, oxt]) =
            self.find(residue, ["N", "CA", "C", "O", "OXT"].map(named))
        {
            self.alike.push(([n, ca, c, o], vec![[o, oxt]]));
        }
    }

    fn add_joints(&mut self, residue: usize) {
        let monomer = self.molecule.residues[residue].monomer;
        let before = residue
            .checked_sub(1)
            .and_then(|r| self.molecule.atom(r, "C"));
        let after = self.molecule.atom(residue + 1, "N");
        if let Some([n, ca, c]) = self.find(residue, ["N", "CA", "C"].map(named)) {
            if let Some(before) = before.filter(|_| !Template::is_proline(monomer)) {
                self.push_joint(Turn::Phi, residue, [before, n, ca, c]);
            }
            // At the charged end, psi turns the two oxygens.
            if let Some(after) = after.or_else(|| self.molecule.atom(residue, "OXT")) {
                self.push_joint(Turn::Psi, residue, [n, ca, c, after]);
            }
        }
        for (k, &chi) in Template::of(monomer).chis.iter().enumerate() {
            if let Some(atoms) = self.find(residue, chi) {
                self.push_joint(Turn::Chi(k), residue, atoms);
            }
        }
    }

    fn push_joint(&mut self, turn: Turn, residue: usize, atoms: [usize; 4]) {
        let [_, from, to, _] = atoms;
        let mut is_moving = vec![false; self.molecule.atoms.len()];
        let mut reached = vec![to];
        is_moving[to] = true;
        while let Some(atom) = reached.pop() {
            for &next in &self.neighbours[atom] {
                if next != from && !is_moving[next] {
                    is_moving[next] = true;
                    reached.push(next);
                }
            }
        }
        let moving = (0..is_moving.len()).filter(|&atom| is_moving[atom] && atom != to);
        let moving = moving.collect();
        self.joints.push(Joint {
            turn,
            residue,
            atoms,
            moving,
        });
    }
}

/// Every bond of a chain: those of the templates, of the backbone and between residues, the lower atom first.
fn bonds(molecule: &Molecule) -> Vec<[usize; 2]> {
    let mut bonds = Vec::new();
    let mut push = |a: Option<usize>, b: Option<usize>| {
        if let (Some(a), Some(b)) = (a, b) {
            bonds.push([a.min(b), a.max(b)]);
        }
    };
    for (index, residue) in molecule.residues.iter().enumerate() {
        let find = |name: &str| molecule.atom(index, name);
        let template = Template::of(residue.monomer);
        let ca = find("CA").or_else(|| find("CH3"));
        if residue.monomer == molecule::Monomer::Nme {
            push(find("N"), find("C"));
        } else {
            push(find("N"), ca);
            push(ca, find("C"));
        }
        push(find("C"), find("O"));
        push(find("C"), find("OXT"));
        push(
            find("C").filter(|_| index + 1 < molecule.residues.len()),
            molecule.atom(index + 1, "N"),
        );
        for hydrogen in ["H", "H1", "H2", "H3"] {
            push(
                find("N"),
                find(hydrogen).filter(|_| template.atoms.iter().all(|atom| atom.name != hydrogen)),
            );
        }
        for atom in &template.atoms {
            push(find(atom.parents[0].as_str()), find(atom.name.as_str()));
        }
        for [a, b] in &template.rings {
            push(find(a.as_str()), find(b.as_str()));
        }
    }
    bonds.sort_unstable();
    bonds
}

fn peptides(molecule: &Molecule) -> Vec<Peptide> {
    let alpha = |residue: usize| {
        let names: &[&str] = match molecule.residues[residue].monomer {
            molecule::Monomer::Ace => &["CH3"],
            molecule::Monomer::Nme => &["C"],
            molecule::Monomer::Amino(_) => &["CA"],
        };
        names.iter().find_map(|name| molecule.atom(residue, name))
    };
    let between = |residue: usize| {
        let atoms = [
            alpha(residue - 1)?,
            molecule.atom(residue - 1, "C")?,
            molecule.atom(residue, "N")?,
            alpha(residue)?,
        ];
        Some(Peptide {
            atoms,
            residue,
            may_be_cis: Template::is_proline(molecule.residues[residue].monomer),
        })
    };
    (1..molecule.residues.len()).filter_map(between).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Rotation, dihedral, handedness};

    fn anatomy(text: &str) -> Anatomy {
        Anatomy::new(&text.parse().unwrap())
    }

    #[test]
    fn a_built_chain_has_every_bond_angle_and_hand() {
        for anatomy in [
            anatomy("ARNDCQEGHILKMFPSTWYV"),
            anatomy("PPGP"),
            Anatomy::new(&"VYTSRPWIAG".parse::<Sequence>().unwrap().capped()),
        ] {
            let at = &anatomy.molecule.positions;
            assert!((0..at.len()).all(|atom| !anatomy.neighbours(atom).is_empty()));
            for (bond, length) in anatomy.bonds.iter().zip(&anatomy.lengths) {
                let names = bond.map(|atom| anatomy.molecule.atoms[atom]);
                assert!((0.95..1.85).contains(length), "{names:?} {length}");
            }
            for (atoms, angle) in &anatomy.angles {
                let names = atoms.map(|atom| anatomy.molecule.atoms[atom]);
                assert!((95.0..136.0).contains(angle), "{names:?} {angle}");
            }
            for &[x, a, b, c] in &anatomy.hands {
                assert!(handedness(at[x], at[a], at[b], at[c]) > 1.5);
            }
            for peptide in &anatomy.peptides {
                let [a, b, c, d] = peptide.atoms.map(|atom| at[atom]);
                assert!(dihedral(a, b, c, d).abs() > 179.9);
            }
        }
    }

    #[test]
    fn rings_close_and_are_as_many_as_the_residues_have() {
        let bonds_less_atoms = |text| {
            let anatomy = anatomy(text);
            anatomy.bonds.len() as isize - anatomy.molecule.atoms.len() as isize
        };
        assert_eq!(bonds_less_atoms("GAG"), -1);
        assert_eq!(bonds_less_atoms("GPG"), 0);
        assert_eq!(bonds_less_atoms("HFYW"), 4);
    }

    #[test]
    fn turning_a_joint_changes_its_torsion_and_no_bond() {
        let anatomy = anatomy("GYDPETGTWG");
        assert!(
            anatomy
                .joints
                .iter()
                .all(|joint| joint.residue != 3 || joint.turn != Turn::Phi)
        );
        for joint in &anatomy.joints {
            let mut at = anatomy.molecule.positions.clone();
            let [a, b, c, d] = joint.atoms;
            let before = dihedral(at[a], at[b], at[c], at[d]);
            let rotation = Rotation::new(at[b], at[c], 40.0);
            for &atom in &joint.moving {
                at[atom] = rotation.turn(at[atom]);
            }
            let after = dihedral(at[a], at[b], at[c], at[d]);
            let turned = crate::space::wrapped(after - before);
            assert!((turned - 40.0).abs() < 1e-6, "{joint:?}");
            for (&[a, b], length) in anatomy.bonds.iter().zip(&anatomy.lengths) {
                assert!((distance(at[a], at[b]) - length).abs() < 1e-9);
            }
        }
    }
}
