//! Which terms of the force field a molecule has: its bonds, and what follows from them.
//!
//! # The rule
//!
//! Every residue is matched by its atoms' names to a [`Template`]; residues are joined C to N, and cysteines without HG in
//! pairs S to S, the nearest first, up to [`BRIDGE_MOST`]. From the bonds follow
//!
//! - an angle for every two bonds that share an atom,
//! - a torsion for every three bonds in a row,
//! - an improper for every three bonds of one atom that the force field has one for,
//! - a φ/ψ correction for every amino acid between two others (caps count).
//!
//! Atoms one or two bonds apart do not see each other as a pair; atoms three bonds apart do so weakened.

use molecule::{Molecule, Monomer, Point};
use std::collections::HashMap;

use crate::AmberError;
use crate::parameters::{Kind, Map, Sphere, Spring, Wave, parameters};
use crate::template::{End, Template};

/// The most atoms that are computed: without a cutoff, time and memory grow with their square.
pub const ATOMS_MAX: usize = 4096;

/// How far apart the sulphurs of a bridge may be, in ångström.
const BRIDGE_MOST: f64 = 3.0;

/// A term over `N` atoms, by their places in the molecule.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Term<const N: usize, P> {
    pub atoms: [usize; N],
    pub parameter: P,
}

/// Everything that does not depend on where the atoms are.
#[derive(Default)]
pub struct Topology {
    pub kinds: Vec<Kind>,
    pub charges: Vec<f64>,
    pub spheres: Vec<Sphere>,
    pub bonds: Vec<Term<2, Spring>>,
    pub angles: Vec<Term<3, Spring>>,
    /// Proper and improper; one term per wave.
    pub torsions: Vec<Term<4, Wave>>,
    /// By the four atoms of φ and the four of ψ, which share three; the parameter is one of `Parameters::maps`.
    pub corrections: Vec<Term<5, usize>>,
    /// Pairs three bonds apart and not nearer, the lower place first.
    pub weakened: Vec<[usize; 2]>,
    /// For each atom the atoms of higher places at most three bonds away, in order.
    pub near: Vec<Vec<usize>>,
    /// For each atom the atoms it is bonded to, in order.
    pub neighbours: Vec<Vec<usize>>,
    /// Each atom's residue, and its place in the residue's template: the order in which impropers take their atoms.
    ranks: Vec<(usize, usize)>,
}

impl Topology {
    pub fn of(molecule: &Molecule) -> Result<Self, AmberError> {
        let count = molecule.atoms.len();
        if molecule.residues.is_empty() {
            return Err(AmberError::Empty);
        }
        if count > ATOMS_MAX {
            return Err(AmberError::TooLarge {
                atoms: count,
                most: ATOMS_MAX,
            });
        }
        let residues = place(molecule)?;
        let mut topology = Self::default();
        topology.add_atoms(molecule, &residues)?;
        topology.join(molecule, &residues)?;
        topology.add_bonds()?;
        topology.add_angles()?;
        topology.add_torsions()?;
        topology.add_impropers();
        topology.add_corrections(molecule, &residues);
        topology.add_near();
        Ok(topology)
    }

    fn add_atoms(&mut self, molecule: &Molecule, residues: &[Placed]) -> Result<(), AmberError> {
        self.neighbours = vec![Vec::new(); molecule.atoms.len()];
        for (number, placed) in residues.iter().enumerate() {
            for &place in &placed.places {
                let atom = &placed.template.atoms[place];
                let sphere = parameters().sphere(atom.kind);
                self.spheres
                    .push(sphere.ok_or_else(|| lacking("Lennard-Jones", &[atom.kind]))?);
                self.kinds.push(atom.kind);
                self.charges.push(atom.charge);
                self.ranks.push((number, place));
            }
        }
        Ok(())
    }

    /// Finds each atom's neighbours.
    fn join(&mut self, molecule: &Molecule, residues: &[Placed]) -> Result<(), AmberError> {
        for (number, placed) in residues.iter().enumerate() {
            for &(a, b) in &placed.template.bonds {
                self.link(placed.atom(a), placed.atom(b));
            }
            let next = molecule.atom(number + 1, "N");
            if let (Some(carbon), Some(nitrogen)) = (molecule.atom(number, "C"), next) {
                self.link(carbon, nitrogen);
            }
        }
        for [a, b] in bridges(molecule, residues)? {
            self.link(a, b);
        }
        for neighbours in &mut self.neighbours {
            neighbours.sort_unstable();
        }
        Ok(())
    }

    fn link(&mut self, a: usize, b: usize) {
        self.neighbours[a].push(b);
        self.neighbours[b].push(a);
    }

    fn add_bonds(&mut self) -> Result<(), AmberError> {
        for (a, neighbours) in self.neighbours.iter().enumerate() {
            for &b in neighbours.iter().filter(|b| **b > a) {
                let kinds = [self.kinds[a], self.kinds[b]];
                let spring = parameters().bond(kinds);
                self.bonds.push(Term {
                    atoms: [a, b],
                    parameter: spring.ok_or_else(|| lacking("bond", &kinds))?,
                });
            }
        }
        Ok(())
    }

    fn add_angles(&mut self) -> Result<(), AmberError> {
        for (centre, neighbours) in self.neighbours.iter().enumerate() {
            for (k, &a) in neighbours.iter().enumerate() {
                for &c in &neighbours[k + 1..] {
                    let atoms = [a, centre, c];
                    let kinds = atoms.map(|atom| self.kinds[atom]);
                    let spring = parameters().angle(kinds);
                    self.angles.push(Term {
                        atoms,
                        parameter: spring.ok_or_else(|| lacking("angle", &kinds))?,
                    });
                }
            }
        }
        Ok(())
    }

    fn add_torsions(&mut self) -> Result<(), AmberError> {
        for bond in &self.bonds {
            let [b, c] = bond.atoms;
            for &a in self.neighbours[b].iter().filter(|a| **a != c) {
                for &d in self.neighbours[c].iter().filter(|d| **d != b && **d != a) {
                    let atoms = [a, b, c, d];
                    let kinds = atoms.map(|atom| self.kinds[atom]);
                    let waves = parameters().torsion(kinds);
                    let waves = waves.ok_or_else(|| lacking("torsion", &kinds))?;
                    add_waves(&mut self.torsions, atoms, waves);
                }
            }
        }
        Ok(())
    }

    /// Among atoms that the parameters do not tell apart, OpenMM settles the order once for all impropers of the same types in
    /// the order of the file, by the first of them; so do we.
    fn add_impropers(&mut self) {
        let mut settled: HashMap<(Kind, [Kind; 3]), [usize; 3]> = HashMap::new();
        for centre in 0..self.neighbours.len() {
            for others in triples(&self.neighbours[centre]) {
                let kinds = others.map(|atom| self.kinds[atom]);
                let found = parameters().improper(self.kinds[centre], kinds);
                let Some((wave, order, is_loose)) = found else {
                    continue;
                };
                let order = settled
                    .entry((self.kinds[centre], kinds))
                    .or_insert_with(|| self.ordered(others, order, is_loose));
                let [a, b, d] = order.map(|place| others[place]);
                add_waves(&mut self.torsions, [a, b, centre, d], &[wave]);
            }
        }
    }

    /// The order in which an improper takes its outer atoms. Among atoms that the parameters do not tell apart (of the same
    /// type, or with wildcards of the same element) the earlier residue, then the earlier atom of the template, comes first.
    /// With wildcards the first two are ordered so whatever they are.
    fn ordered(&self, others: [usize; 3], order: [usize; 3], is_loose: bool) -> [usize; 3] {
        let [mut a, mut b, mut d] = order;
        let is_late =
            |first: usize, second: usize| self.ranks[others[first]] > self.ranks[others[second]];
        let is_alike = |first: usize, second: usize| {
            let [first, second] = [first, second].map(|place| self.kinds[others[place]]);
            first == second || is_loose && element(first) == element(second)
        };
        if is_alike(a, d) && is_late(a, d) {
            (a, d) = (d, a);
        }
        if is_alike(b, d) && is_late(b, d) {
            (b, d) = (d, b);
        }
        if (is_loose || is_alike(a, b)) && is_late(a, b) {
            (a, b) = (b, a);
        }
        [a, b, d]
    }

    fn add_corrections(&mut self, molecule: &Molecule, residues: &[Placed]) {
        for (number, placed) in residues.iter().enumerate().skip(1) {
            let Some(map) = parameters().map_of(&placed.template.name) else {
                continue;
            };
            let atoms = [
                molecule.atom(number - 1, "C"),
                molecule.atom(number, "N"),
                molecule.atom(number, "CA"),
                molecule.atom(number, "C"),
                molecule.atom(number + 1, "N"),
            ];
            if let [Some(a), Some(b), Some(c), Some(d), Some(e)] = atoms {
                self.corrections.push(Term {
                    atoms: [a, b, c, d, e],
                    parameter: map,
                });
            }
        }
    }

    fn add_near(&mut self) {
        for atom in 0..self.neighbours.len() {
            // Rings of atoms: itself, one, two and three bonds away by the shortest way.
            let mut rings: Vec<Vec<usize>> = vec![vec![atom]];
            for _ in 0..3 {
                let mut ring: Vec<usize> = rings[rings.len() - 1]
                    .iter()
                    .flat_map(|inner| self.neighbours[*inner].iter().copied())
                    .filter(|outer| !rings.iter().any(|ring| ring.contains(outer)))
                    .collect();
                ring.sort_unstable();
                ring.dedup();
                rings.push(ring);
            }
            let later = rings[3].iter().filter(|other| **other > atom);
            self.weakened.extend(later.map(|other| [atom, *other]));
            let mut near = rings.concat();
            near.retain(|other| *other > atom);
            near.sort_unstable();
            self.near.push(near);
        }
    }

    /// The φ/ψ maps that the corrections refer to.
    pub fn maps() -> &'static [Map] {
        parameters().maps()
    }
}

/// The first letter of a type's element. Amber's types begin with it, but for carbons that begin with a digit or X.
fn element(kind: Kind) -> u8 {
    match parameters().name(kind).as_bytes()[0] {
        b'2' | b'3' | b'X' => b'C',
        letter => letter,
    }
}

/// Every three of some atoms, in order.
fn triples(atoms: &[usize]) -> Vec<[usize; 3]> {
    let mut triples = Vec::new();
    for (i, &a) in atoms.iter().enumerate() {
        for (j, &b) in atoms.iter().enumerate().skip(i + 1) {
            triples.extend(atoms[j + 1..].iter().map(|&c| [a, b, c]));
        }
    }
    triples
}

fn add_waves(torsions: &mut Vec<Term<4, Wave>>, atoms: [usize; 4], waves: &[Wave]) {
    let real = waves.iter().filter(|wave| wave.height != 0.);
    torsions.extend(real.map(|wave| Term {
        atoms,
        parameter: *wave,
    }));
}

/// One residue matched to its template.
struct Placed {
    template: &'static Template,
    /// For each atom of the residue its place in the template.
    places: Vec<usize>,
    /// The residue's first atom.
    start: usize,
}

impl Placed {
    /// The atom of the molecule that stands at a place of the template.
    fn atom(&self, place: usize) -> usize {
        let atom = self.places.iter().position(|other| *other == place);
        self.start + atom.expect("every place of the template was found")
    }
}

fn place(molecule: &Molecule) -> Result<Vec<Placed>, AmberError> {
    let last = molecule.residues.len() - 1;
    let mut residues = Vec::with_capacity(molecule.residues.len());
    for (number, residue) in molecule.residues.iter().enumerate() {
        let misplaced = |reason| AmberError::Misplaced {
            residue: called(molecule, number),
            reason,
        };
        let end = match (residue.monomer, number) {
            (Monomer::Ace, 0) => End::First,
            (Monomer::Ace, _) => return Err(misplaced("ACE begins a chain")),
            (Monomer::Nme, 0) => return Err(misplaced("NME ends a chain")),
            (Monomer::Nme, _) if number == last => End::Last,
            (Monomer::Nme, _) => return Err(misplaced("NME ends a chain")),
            (Monomer::Amino(_), 0) if last == 0 => {
                return Err(misplaced("one amino acid alone needs caps"));
            }
            (Monomer::Amino(_), 0) => End::First,
            (Monomer::Amino(_), _) if number == last => End::Last,
            (Monomer::Amino(_), _) => End::Middle,
        };
        residues.push(place_residue(molecule, number, end)?);
    }
    Ok(residues)
}

/// Finds the form of a residue whose atoms are the residue's, or says what the nearest form has that the residue has not.
fn place_residue(molecule: &Molecule, number: usize, end: End) -> Result<Placed, AmberError> {
    let residue = &molecule.residues[number];
    let forms = Template::forms(residue.monomer, end);
    let differences = |form: &&&Template| {
        let atoms = molecule.atoms[residue.atoms.clone()].iter();
        let known = atoms.filter(|atom| form.atom(atom.name.as_str()).is_some());
        let known = known.count();
        (residue.atoms.len() - known) + form.atoms.len().abs_diff(known)
    };
    let template = forms.iter().min_by_key(differences);
    let template = *template.expect("every monomer has a form everywhere");
    let called = || called(molecule, number);
    let mut places = Vec::with_capacity(template.atoms.len());
    for atom in &molecule.atoms[residue.atoms.clone()] {
        let named = || atom.name.to_string();
        let Some(place) = template.atom(atom.name.as_str()) else {
            let (residue, atom) = (called(), named());
            return Err(AmberError::SurplusAtom { residue, atom });
        };
        if places.contains(&place) {
            let (residue, atom) = (called(), named());
            return Err(AmberError::RepeatedAtom { residue, atom });
        }
        if template.atoms[place].element != atom.element {
            let (residue, atom) = (called(), named());
            return Err(AmberError::WrongElement { residue, atom });
        }
        places.push(place);
    }
    let missing = (0..template.atoms.len()).find(|place| !places.contains(place));
    if let Some(place) = missing {
        let (residue, atom) = (called(), template.atoms[place].name.to_string());
        return Err(AmberError::MissingAtom { residue, atom });
    }
    Ok(Placed {
        template,
        places,
        start: residue.atoms.start,
    })
}

/// The pairs of sulphurs that are bridged: of all cysteines without HG the two nearest, then of the rest.
fn bridges(molecule: &Molecule, residues: &[Placed]) -> Result<Vec<[usize; 2]>, AmberError> {
    let is_bridged = |number: &usize| residues[*number].template.name.ends_with("CYX");
    let mut free: Vec<usize> = (0..residues.len()).filter(is_bridged).collect();
    let sulphur = |number: usize| {
        let atom = molecule.atom(number, "SG");
        atom.expect("CYX has SG, and its residue has all its atoms")
    };
    let mut bridges = Vec::new();
    while let Some(&lonely) = free.first() {
        let mut nearest: Option<(f64, usize, usize)> = None;
        for (k, &a) in free.iter().enumerate() {
            for &b in &free[k + 1..] {
                let apart = distance(
                    molecule.positions[sulphur(a)],
                    molecule.positions[sulphur(b)],
                );
                if apart <= nearest.map_or(BRIDGE_MOST, |(least, _, _)| least) {
                    nearest = Some((apart, a, b));
                }
            }
        }
        let Some((_, a, b)) = nearest else {
            return Err(AmberError::LonelyBridge {
                residue: called(molecule, lonely),
            });
        };
        bridges.push([sulphur(a), sulphur(b)]);
        free.retain(|number| *number != a && *number != b);
    }
    Ok(bridges)
}

fn distance(a: Point, b: Point) -> f64 {
    let squares = (0..3).map(|k| (a[k] - b[k]) * (a[k] - b[k]));
    squares.sum::<f64>().sqrt()
}

/// A residue as people call it: `ALA 5`.
fn called(molecule: &Molecule, number: usize) -> String {
    let residue = &molecule.residues[number];
    format!("{} {}", residue.monomer, residue.number)
}

fn lacking(term: &'static str, kinds: &[Kind]) -> AmberError {
    AmberError::NoParameters {
        term,
        types: parameters().join(kinds),
    }
}
