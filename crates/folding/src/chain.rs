//! Builds a chain from its sequence: every atom, at ideal lengths and angles, with given backbone torsions.
//!
//! ```text
//!       φ  ψ  ω=180°                 N-terminus  NH3+ (H1 H2 H3), or NH2+ at proline (H2 H3)
//!   …─N──CA──C──N──CA──C─…           C-terminus  COO- (O OXT)
//!           │   ‖                    capped      ACE before, NME after, both without charge
//!          CB   O                    histidine   HIE: a hydrogen on NE2, none on ND1
//! ```
//!
//! Residues are L, peptides trans, acids and bases charged. Atoms are named as Amber's templates name them, and stand in
//! the templates' order, residues are numbered from 1.

use molecule::{AtomName, Molecule, Monomer, Point, Sequence};

use crate::space::{distance, place};
use crate::template::{Template, element, named};

/// φ and ψ of one residue, in degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Backbone {
    pub phi: f64,
    pub psi: f64,
}

impl Backbone {
    pub const EXTENDED: Self = Self {
        phi: -135.0,
        psi: 135.0,
    };
    pub const HELIX: Self = Self {
        phi: -62.0,
        psi: -42.0,
    };
    /// φ of proline, which its ring holds.
    pub const PROLINE_PHI: f64 = -68.0;
}

/// Builds the extended chain.
pub fn build(sequence: &Sequence) -> Molecule {
    build_with(sequence, &[])
}

/// Builds the chain with these torsions, residue by residue; what is missing is extended, and proline's φ is its ring's.
pub fn build_with(sequence: &Sequence, backbone: &[Backbone]) -> Molecule {
    let mut monomers: Vec<(Monomer, Backbone)> = Vec::with_capacity(sequence.len() + 2);
    if sequence.is_capped {
        monomers.push((Monomer::Ace, Backbone::EXTENDED));
    }
    for (place, &amino) in sequence.residues.iter().enumerate() {
        let mut torsions = backbone.get(place).copied().unwrap_or(Backbone::EXTENDED);
        if Template::is_proline(Monomer::Amino(amino)) {
            torsions.phi = Backbone::PROLINE_PHI;
        }
        monomers.push((Monomer::Amino(amino), torsions));
    }
    if sequence.is_capped {
        monomers.push((Monomer::Nme, Backbone::EXTENDED));
    }

    let mut molecule = Molecule::default();
    let mut before: Option<Trunk> = None;
    let last = monomers.len().saturating_sub(1);
    for (index, (&(monomer, torsions), number)) in monomers.iter().zip(1..).enumerate() {
        let trunk = match &before {
            None => Trunk::first(torsions),
            Some(before) => before.next(torsions),
        };
        molecule.begin_residue(monomer, number);
        let atoms = residue(monomer, &trunk, before.as_ref(), index == last);
        for name in order(monomer, &atoms) {
            molecule.push_atom(name, element(name), find(&atoms, name));
        }
        before = Some(trunk);
    }
    molecule
}

/// The backbone of one residue. In ACE, `ca` is its CH3 and `n` stands where nothing is; in NME, `ca` is its C and the
/// rest is not there.
struct Trunk {
    n: Point,
    ca: Point,
    c: Point,
    psi: f64,
}

impl Trunk {
    fn first(torsions: Backbone) -> Self {
        let (n, ca) = ([0.0, 0.0, 0.0], [1.458, 0.0, 0.0]);
        let c = place([[0.0, 1.0, 0.0], n, ca], 1.522, 111.0, 180.0);
        Self {
            n,
            ca,
            c,
            psi: torsions.psi,
        }
    }

    fn next(&self, torsions: Backbone) -> Self {
        let n = place([self.n, self.ca, self.c], 1.335, 116.6, self.psi);
        let ca = place([self.ca, self.c, n], 1.458, 121.9, 180.0);
        let c = place([self.c, n, ca], 1.522, 111.0, torsions.phi);
        Self {
            n,
            ca,
            c,
            psi: torsions.psi,
        }
    }
}

type Atoms = Vec<(AtomName, Point)>;

fn find(atoms: &Atoms, name: AtomName) -> Point {
    let found = atoms.iter().find(|(other, _)| *other == name);
    found
        .expect("an atom is placed from atoms placed before it")
        .1
}

/// Every atom of one residue, in the order in which they are placed.
fn residue(monomer: Monomer, trunk: &Trunk, before: Option<&Trunk>, is_last: bool) -> Atoms {
    let mut atoms = Atoms::new();
    let mut push = |name: &str, point: Point| atoms.push((named(name), point));
    let carbonyl = |psi: f64| place([trunk.n, trunk.ca, trunk.c], 1.229, 120.4, psi);
    match monomer {
        Monomer::Ace => {
            push("CH3", trunk.ca);
            push("C", trunk.c);
            push("O", carbonyl(trunk.psi + 180.0));
        }
        Monomer::Nme => {
            push("N", trunk.n);
            push("C", trunk.ca);
        }
        Monomer::Amino(_) => {
            push("N", trunk.n);
            push("CA", trunk.ca);
            push("C", trunk.c);
            push("O", carbonyl(trunk.psi + 180.0));
            if is_last {
                push("OXT", carbonyl(trunk.psi));
            }
        }
    }
    for (name, point) in amide(monomer, trunk, before) {
        push(name, point);
    }
    for atom in &Template::of(monomer).atoms {
        let [parent, angle, dihedral] = atom.parents.map(|name| find(&atoms, name));
        let point = place(
            [dihedral, angle, parent],
            atom.length,
            atom.angle,
            atom.dihedral,
        );
        atoms.push((atom.name, point));
    }
    atoms
}

/// The hydrogens of N: one of a peptide, two or three of a charged end; none of ACE and of proline within a chain.
fn amide(monomer: Monomer, trunk: &Trunk, before: Option<&Trunk>) -> Vec<(&'static str, Point)> {
    let is_proline = Template::is_proline(monomer);
    match before {
        _ if monomer == Monomer::Ace => Vec::new(),
        Some(_) if is_proline => Vec::new(),
        Some(before) => vec![("H", place([before.ca, before.c, trunk.n], 1.01, 119.8, 0.0))],
        None => {
            let refs = [trunk.c, trunk.ca, trunk.n];
            // The ring leaves N of a leading proline at the dihedral of about 100 degrees.
            let turns: &[_] = if is_proline {
                &[("H2", -20.0), ("H3", -140.0)]
            } else {
                &[("H1", 180.0), ("H2", 60.0), ("H3", -60.0)]
            };
            let at = |&(name, turn)| (name, place(refs, 1.01, 109.5, turn));
            turns.iter().map(at).collect()
        }
    }
}

/// The names of a residue's atoms in the order of Amber's templates: N and its hydrogens first, C and O last, and each
/// hydrogen behind the atom that bears it.
fn order(monomer: Monomer, atoms: &Atoms) -> Vec<AtomName> {
    let rank = |name: &str| match (monomer, name) {
        (Monomer::Ace, "CH3") => 1,
        (Monomer::Ace, "H2" | "H3") => 2,
        (Monomer::Ace, "H1") => 0,
        (Monomer::Ace, _) => 3,
        (_, "N") => 0,
        (_, "H" | "H1" | "H2" | "H3") if monomer != Monomer::Nme => 1,
        (Monomer::Nme, "H") => 1,
        (Monomer::Nme, "C") => 2,
        (Monomer::Nme, _) => 3,
        (_, "CA") => 2,
        (_, "HA" | "HA2" | "HA3") => 3,
        (_, "C") => 5,
        (_, "O") => 6,
        (_, "OXT") => 7,
        _ => 4,
    };
    let mut names: Vec<AtomName> = atoms.iter().map(|(name, _)| *name).collect();
    names.sort_by_key(|name| rank(name.as_str()));
    let is_hydrogen = |name: &AtomName| name.as_str().starts_with('H');
    if monomer.amino().is_none() {
        return names;
    }
    let (side, hydrogens): (Vec<AtomName>, Vec<AtomName>) = names
        .iter()
        .partition(|name| rank(name.as_str()) != 4 || !is_hydrogen(name));
    let mut ordered = Vec::with_capacity(names.len());
    for name in side {
        ordered.push(name);
        if rank(name.as_str()) == 4 {
            let bearer = find(atoms, name);
            let borne = |h: &&AtomName| distance(find(atoms, **h), bearer) < 1.4;
            ordered.extend(hydrogens.iter().filter(borne));
        }
    }
    ordered
}
