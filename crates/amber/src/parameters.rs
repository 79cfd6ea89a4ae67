//! ff19SB's parameters by atom type, read from Amber's files.
//!
//! `frcmod.ff19SB` changes `parm19.dat`: where both have a term for the same atom types, the former's stands. The library
//! that reads the files keeps numbers as f32; [`decimal`] gives back the decimals as they were written.
//!
//! # How a term is found
//!
//! - Bonds, angles: by their types, in either direction.
//! - Torsions: by their four types in either direction, or else by the middle two (`X -C -N -X`).
//! - Impropers: by the centre's type and the three others in any order, or else the first with wildcards that fits.

use bio_files::md_params::{DihedralParams, ForceFieldParamsVec, LjParams};
use std::collections::HashMap;
use std::sync::LazyLock;

const PARM19: &str = include_str!("../data/parm19.dat");
const FF19SB: &str = include_str!("../data/frcmod.ff19SB");

/// Points of a φ/ψ map per turn.
pub const MAP_POINTS: usize = 24;

/// The wildcard among atom types.
const ANY: &str = "X";

/// An atom type, by its place in the list of all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Kind(u16);

/// k (x − rest)²: of a bond in kcal/mol/Å² and Å, of an angle in kcal/mol/rad² and radians.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spring {
    pub stiffness: f64,
    pub rest: f64,
}

/// height (1 + cos(periodicity φ − phase)), in kcal/mol and radians.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wave {
    pub height: f64,
    pub periodicity: u8,
    pub phase: f64,
}

/// depth ((radius/r)¹² − 2 (radius/r)⁶), where a pair's radius is the sum of both and its depth the root of their product.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sphere {
    /// In ångström.
    pub radius: f64,
    /// In kcal/mol.
    pub depth: f64,
}

/// A correction in kcal/mol by φ (slow) and ψ (quick), from −180° in steps of 15°.
pub type Map = Vec<f64>;

/// All parameters.
pub struct Parameters {
    kinds: HashMap<String, Kind>,
    names: Vec<String>,
    bonds: HashMap<[Kind; 2], Spring>,
    angles: HashMap<[Kind; 3], Spring>,
    torsions: HashMap<[Kind; 4], Vec<Wave>>,
    /// By the centre and the three others in order.
    impropers: HashMap<(Kind, [Kind; 3]), Wave>,
    /// As above, with wildcards, which come first; in the order of the files.
    loose_impropers: Vec<(Kind, [Option<Kind>; 3], Wave)>,
    spheres: HashMap<Kind, Sphere>,
    maps: Vec<Map>,
    map_of_residue: HashMap<String, usize>,
}

/// The parameters, read at their first use.
pub fn parameters() -> &'static Parameters {
    static PARAMETERS: LazyLock<Parameters> = LazyLock::new(Parameters::read);
    &PARAMETERS
}

impl Parameters {
    fn read() -> Self {
        let general = ForceFieldParamsVec::from_dat(&without_hydrophilic(PARM19));
        let general = general.expect("the tests read this file");
        let special = ForceFieldParamsVec::from_frcmod(FF19SB).expect("the tests read this file");
        let mut read = Self {
            kinds: HashMap::new(),
            names: Vec::new(),
            bonds: HashMap::new(),
            angles: HashMap::new(),
            torsions: HashMap::new(),
            impropers: HashMap::new(),
            loose_impropers: Vec::new(),
            spheres: HashMap::new(),
            maps: Vec::new(),
            map_of_residue: HashMap::new(),
        };
        read.add_spheres(&general.lennard_jones);
        read.add_spheres(&nonbonded_lines(FF19SB));
        for file in [&general, &special] {
            read.add_springs(file);
            read.add_torsions(&file.dihedral);
            read.add_impropers(&file.improper);
        }
        read.add_maps(FF19SB);
        read
    }

    fn kind_or_new(&mut self, name: &str) -> Kind {
        if let Some(kind) = self.kinds.get(name) {
            return *kind;
        }
        let place = u16::try_from(self.names.len()).expect("the files have some hundred types");
        self.names.push(name.to_owned());
        self.kinds.insert(name.to_owned(), Kind(place));
        Kind(place)
    }

    fn add_spheres(&mut self, file: &[LjParams]) {
        /// The library's factor from radius to σ.
        const SIGMA: f64 = 2. / 1.122_462_048_309_373;
        for entry in file {
            let kind = self.kind_or_new(&entry.atom_type);
            let radius = rounded(f64::from(entry.sigma) / SIGMA, 1e4);
            let depth = decimal(entry.eps);
            self.spheres.insert(kind, Sphere { radius, depth });
        }
    }

    fn add_springs(&mut self, file: &ForceFieldParamsVec) {
        for entry in &file.bond {
            let types = [&entry.atom_types.0, &entry.atom_types.1];
            let kinds = types.map(|name| self.kind_or_new(name));
            let spring = Spring {
                stiffness: decimal(entry.k_b),
                rest: decimal(entry.r_0),
            };
            self.bonds.insert(either_way(kinds), spring);
        }
        for entry in &file.angle {
            let (a, b, c) = &entry.atom_types;
            let kinds = [a, b, c].map(|name| self.kind_or_new(name));
            let spring = Spring {
                stiffness: decimal(entry.k),
                rest: radians(entry.theta_0),
            };
            self.angles.insert(either_way(kinds), spring);
        }
    }

    /// A file's waves of one torsion replace those of the file before.
    fn add_torsions(&mut self, file: &[DihedralParams]) {
        let mut added: HashMap<[Kind; 4], Vec<Wave>> = HashMap::new();
        for entry in file {
            let (a, b, c, d) = &entry.atom_types;
            let kinds = [a, b, c, d].map(|name| self.kind_or_new(name));
            let waves = added.entry(either_way(kinds)).or_default();
            waves.push(wave(entry));
        }
        self.torsions.extend(added);
    }

    fn add_impropers(&mut self, file: &[DihedralParams]) {
        for entry in file {
            let (a, b, c, d) = &entry.atom_types;
            let centre = self.kind_or_new(c);
            let mut others = [a, b, d];
            // The order by name fixes in which order the atoms enter the torsion; wildcards come before all names.
            others.sort_by_key(|name| (name.as_str() != ANY, name.as_str()));
            if others[0] == ANY {
                let others =
                    others.map(|name| (name.as_str() != ANY).then(|| self.kind_or_new(name)));
                self.loose_impropers.push((centre, others, wave(entry)));
            } else {
                let others = others.map(|name| self.kind_or_new(name));
                self.impropers.insert((centre, others), wave(entry));
            }
        }
    }

    /// Reads the φ/ψ maps: `%FLAG CMAP_RESLIST n`, a line of residues, and the numbers after `%FLAG CMAP_PARAMETER`.
    fn add_maps(&mut self, file: &str) {
        let cmap = file.split("%FLAG CMAP_COUNT").skip(1);
        for section in cmap {
            let mut lines = section.lines();
            let residues = lines
                .by_ref()
                .skip_while(|line| !line.contains("CMAP_RESLIST"))
                .nth(1)
                .expect("every map of the file names its residues");
            let map: Map = lines
                .filter(|line| !line.starts_with('%'))
                .flat_map(str::split_whitespace)
                .map_while(|number| number.parse().ok())
                .collect();
            assert_eq!(map.len(), MAP_POINTS * MAP_POINTS, "map of {residues}");
            for residue in residues.split_whitespace() {
                self.map_of_residue
                    .insert(residue.to_owned(), self.maps.len());
            }
            self.maps.push(map);
        }
    }

    /// The atom type of a name.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.kinds.get(name).copied()
    }

    /// The names of atom types, joined as Amber's files join them.
    pub fn join(&self, kinds: &[Kind]) -> String {
        let names: Vec<&str> = kinds.iter().map(|kind| self.name(*kind)).collect();
        names.join("-")
    }

    pub fn name(&self, kind: Kind) -> &str {
        &self.names[usize::from(kind.0)]
    }

    pub fn bond(&self, kinds: [Kind; 2]) -> Option<Spring> {
        self.bonds.get(&either_way(kinds)).copied()
    }

    pub fn angle(&self, kinds: [Kind; 3]) -> Option<Spring> {
        self.angles.get(&either_way(kinds)).copied()
    }

    pub fn torsion(&self, kinds: [Kind; 4]) -> Option<&[Wave]> {
        let exact = self.torsions.get(&either_way(kinds));
        let waves = exact.or_else(|| {
            let any = self.kind(ANY)?;
            self.torsions
                .get(&either_way([any, kinds[1], kinds[2], any]))
        });
        waves.map(Vec::as_slice)
    }

    /// The wave of an improper torsion, the order in which the three others enter it (as places in `others`), and whether
    /// it was found by wildcards.
    pub fn improper(&self, centre: Kind, others: [Kind; 3]) -> Option<(Wave, [usize; 3], bool)> {
        let mut order = [0, 1, 2];
        order.sort_by_key(|&place| self.name(others[place]));
        let sorted = order.map(|place| others[place]);
        if let Some(wave) = self.impropers.get(&(centre, sorted)) {
            return Some((*wave, order, false));
        }
        self.loose_impropers
            .iter()
            .filter(|(kind, _, _)| *kind == centre)
            .find_map(|(_, wanted, wave)| {
                let fits = |order: &[usize; 3]| {
                    (0..3).all(|k| wanted[k].is_none_or(|kind| kind == others[order[k]]))
                };
                ORDERS
                    .into_iter()
                    .find(fits)
                    .map(|order| (*wave, order, true))
            })
    }

    pub fn sphere(&self, kind: Kind) -> Option<Sphere> {
        self.spheres.get(&kind).copied()
    }

    /// The φ/ψ maps.
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// Which of the maps a residue within a chain has, by Amber's name of it.
    pub fn map_of(&self, residue: &str) -> Option<usize> {
        self.map_of_residue.get(residue).copied()
    }
}

/// All orders of three things.
const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

fn wave(entry: &DihedralParams) -> Wave {
    Wave {
        height: decimal(entry.barrier_height) / f64::from(entry.divider.max(1)),
        periodicity: entry.periodicity,
        phase: radians(entry.phase),
    }
}

/// A file of parameters without its list of hydrophilic types, the line after the first blank one: the library takes it for
/// a list of types of the same Lennard-Jones parameters.
fn without_hydrophilic(file: &str) -> String {
    let mut blanks = 0;
    let kept = file.lines().filter(|line| {
        let is_list = blanks == 1 && !line.trim().is_empty();
        blanks += usize::from(line.trim().is_empty() || is_list);
        !is_list
    });
    kept.map(|line| format!("{line}\n")).collect()
}

/// The lines of an frcmod file's section NONB, which the library leaves out.
fn nonbonded_lines(file: &str) -> Vec<LjParams> {
    file.lines()
        .skip_while(|line| line.trim() != "NONB")
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .map(|line| LjParams::from_line(line).expect("the tests read this file"))
        .collect()
}

/// The same term whichever end it is read from.
fn either_way<const N: usize>(kinds: [Kind; N]) -> [Kind; N] {
    let mut reversed = kinds;
    reversed.reverse();
    kinds.min(reversed)
}

/// The decimal number that a file says, of what the library made of it.
pub fn decimal(read: f32) -> f64 {
    read.to_string().parse().expect("a number prints as one")
}

/// The angle that a file says in degrees, of what the library made of it.
fn radians(read: f32) -> f64 {
    rounded(f64::from(read) * (180. / std::f64::consts::PI), 1e3) * (std::f64::consts::PI / 180.)
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds<const N: usize>(names: [&str; N]) -> [Kind; N] {
        names.map(|name| parameters().kind(name).unwrap())
    }

    #[test]
    fn numbers_are_those_of_the_files() {
        let bond = parameters().bond(kinds(["N", "C"])).unwrap();
        assert_eq!((bond.stiffness, bond.rest), (490.0, 1.335));
        let angle = parameters().angle(kinds(["XC", "C", "N"])).unwrap();
        assert_eq!(angle.stiffness, 70.0);
        assert_eq!(angle.rest, 116.6 * (std::f64::consts::PI / 180.));
        for (kind, radius, depth) in [
            ("H", 0.6, 0.0157),
            ("HO", 0.0, 0.0),
            ("HS", 0.6112, 0.0124),
            ("NA", 1.824, 0.17),
            ("N3", 1.824, 0.17),
            ("O2", 1.6612, 0.21),
            ("CA", 1.908, 0.086),
            ("S", 1.9825, 0.2824),
        ] {
            let [kind] = kinds([kind]);
            assert_eq!(
                parameters().sphere(kind),
                Some(Sphere { radius, depth }),
                "{}",
                parameters().name(kind)
            );
        }
    }

    #[test]
    fn the_special_file_replaces_and_wildcards_come_last() {
        let special = parameters().torsion(kinds(["N", "XC", "2C", "C"])).unwrap();
        assert_eq!(special.len(), 4);
        let general = parameters().torsion(kinds(["XC", "C", "N", "H"])).unwrap();
        let [wave] = general else {
            panic!("{general:?}")
        };
        assert_eq!((wave.height, wave.periodicity), (2.5, 2));
    }

    #[test]
    fn an_exact_improper_goes_before_one_with_wildcards() {
        let centre = kinds(["N"])[0];
        let (wave, order, is_loose) = parameters()
            .improper(centre, kinds(["XC", "H", "C"]))
            .unwrap();
        assert_eq!((wave.height, order, is_loose), (1.1, [2, 1, 0], false));
        let (wave, _, is_loose) = parameters()
            .improper(centre, kinds(["H", "H", "C"]))
            .unwrap();
        assert_eq!((wave.height, is_loose), (1.0, true));
    }

    #[test]
    fn every_amino_acid_has_its_map() {
        assert_eq!(parameters().maps().len(), 16);
        assert_eq!(parameters().map_of("VAL"), parameters().map_of("ILE"));
        assert_eq!(parameters().map_of("NALA"), None);
        assert_eq!(parameters().maps()[0][0], 0.82366);
    }
}
