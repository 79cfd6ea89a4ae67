//! A molecule with its parameters, ready to be evaluated at any positions.

use molecule::{Molecule, Point};
use std::sync::{Mutex, PoisonError};

use crate::bonded::Bonded;
use crate::born::Born;
use crate::lanes::{Lanes, ONE, WIDTH, ZERO, set, sum};
use crate::pairs::{Pairs, Radius};
use crate::rows::{Row, Tally, load, shares};
use crate::team::Team;
use crate::topology::Topology;
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
    count: usize,
    bonds: Vec<Bond>,
    radii: Vec<f64>,
    bonded: Bonded,
    pairs: Pairs,
    water: Option<Born>,
    shares: Vec<Vec<Row>>,
    team: Team,
    /// What evaluations write on, one per evaluation under way.
    sheets: Mutex<Vec<Sheet>>,
}

/// What one evaluation writes on.
struct Sheet {
    places: Vec<[Lanes; 3]>,
    tallies: Vec<Tally>,
    /// The gradient of everything that is not a pair of a share.
    gradient: Vec<Point>,
    radii: Vec<Radius>,
    slopes: Vec<f64>,
    grouped_slopes: Vec<Lanes>,
}

impl System {
    /// Gives every atom of `molecule` its parameters. Positions matter only for which cysteines without HG are bridged.
    pub fn new(molecule: &Molecule, solvent: Solvent) -> Result<Self, AmberError> {
        let topology = Topology::of(molecule)?;
        let bonds = topology.bonds.iter().map(|bond| Bond {
            atoms: bond.atoms,
            length: bond.parameter.rest,
            stiffness: bond.parameter.stiffness,
        });
        let water = match solvent {
            Solvent::None => None,
            Solvent::Obc2 => Some(Born::new(molecule, &topology)),
        };
        Ok(Self {
            count: molecule.atoms.len(),
            bonds: bonds.collect(),
            radii: topology
                .spheres
                .iter()
                .map(|sphere| sphere.radius)
                .collect(),
            bonded: Bonded::new(&topology),
            pairs: Pairs::new(&topology),
            water,
            shares: shares(&topology),
            team: Team::default(),
            sheets: Mutex::default(),
        })
    }

    /// The same system, evaluated by so many threads instead of the caller's alone. The results are the same bits.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.team = Team::of(threads);
        self
    }

    /// How many atoms there are.
    pub fn atoms(&self) -> usize {
        self.count
    }

    /// The covalent bonds, in order of their atoms.
    pub fn bonds(&self) -> &[Bond] {
        &self.bonds
    }

    /// Each atom's Lennard-Jones radius: half the distance of two such atoms at their pair's minimum, in ångström.
    pub fn radii(&self) -> &[f64] {
        &self.radii
    }

    /// The energy at `positions`, one per atom of the molecule, in its order. Positions that coincide or are not finite give
    /// an energy that is not finite.
    ///
    /// # Panics
    ///
    /// If there are more or fewer positions than atoms.
    pub fn energy(&self, positions: &[Point]) -> Energy {
        self.evaluate(positions, None)
    }

    /// The energy, the same bits as [`Self::energy`]'s, and in `gradient` its derivative by each coordinate, in kcal/mol/Å.
    ///
    /// # Panics
    ///
    /// If there are more or fewer positions or places for gradients than atoms.
    pub fn gradient(&self, positions: &[Point], gradient: &mut [Point]) -> Energy {
        assert_eq!(gradient.len(), self.count, "a gradient for every atom");
        self.evaluate(positions, Some(gradient))
    }

    fn evaluate(&self, positions: &[Point], gradient: Option<&mut [Point]>) -> Energy {
        assert_eq!(positions.len(), self.count, "a position for every atom");
        let mut sheet = self.take_sheet();
        let energy = self.write(&mut sheet, positions, gradient.is_some());
        if let Some(gradient) = gradient {
            sheet.sum_up(gradient);
        }
        let mut sheets = self.sheets.lock().unwrap_or_else(PoisonError::into_inner);
        sheets.push(sheet);
        energy
    }

    fn write(&self, sheet: &mut Sheet, positions: &[Point], has_gradient: bool) -> Energy {
        load(positions, &mut sheet.places);
        let (places, shares) = (&sheet.places, &self.shares);
        let Some(water) = &self.water else {
            let gradient = &mut sheet.gradient;
            let mut energy = self.team.both(
                || self.single(positions, gradient),
                || {
                    self.team.each(&mut sheet.tallies, |share, tally| {
                        tally.clear();
                        self.pairs.tally(&shares[share], places, tally);
                    });
                },
            );
            energy.nonbonded += sheet.nonbonded();
            return energy;
        };
        let gradient = &mut sheet.gradient;
        let mut energy = self.team.both(
            || self.single(positions, gradient),
            || {
                self.team.each(&mut sheet.tallies, |share, tally| {
                    tally.clear();
                    water.integrate(&shares[share], places, tally);
                });
            },
        );
        water.radii(&sheet.tallies, &mut sheet.radii, &mut sheet.slopes);
        let radii = &sheet.radii;
        self.team.each(&mut sheet.tallies, |share, tally| {
            self.pairs
                .tally_in_water(&shares[share], places, radii, tally);
        });
        energy.nonbonded += sheet.nonbonded();
        energy.solvation = water.alone(&sheet.tallies, radii, &mut sheet.slopes);
        let tallies = sheet.tallies.iter();
        energy.solvation += tallies.map(|tally| sum(tally.solvation)).sum::<f64>();
        if has_gradient {
            for (atom, slope) in sheet.slopes.iter().enumerate() {
                set(&mut sheet.grouped_slopes, atom, *slope);
            }
            let slopes = &sheet.grouped_slopes;
            self.team.each(&mut sheet.tallies, |share, tally| {
                Born::chain(&shares[share], places, slopes, tally);
            });
        }
        energy
    }

    /// Everything but the pairs of the shares.
    fn single(&self, positions: &[Point], gradient: &mut [Point]) -> Energy {
        gradient.fill([0.; 3]);
        let mut energy = self.bonded.evaluate(positions, gradient);
        energy.nonbonded = self.pairs.weakened(positions, gradient);
        energy
    }

    fn take_sheet(&self) -> Sheet {
        let mut sheets = self.sheets.lock().unwrap_or_else(PoisonError::into_inner);
        sheets.pop().unwrap_or_else(|| self.new_sheet())
    }

    fn new_sheet(&self) -> Sheet {
        let groups = self.count.div_ceil(WIDTH);
        let shares = self.shares.iter();
        Sheet {
            places: vec![[ZERO; 3]; groups],
            tallies: shares
                .map(|rows| Tally::new(rows, groups, self.water.is_some()))
                .collect(),
            gradient: vec![[0.; 3]; self.count],
            radii: vec![
                Radius {
                    radius: ONE,
                    inverse: ONE,
                };
                groups
            ],
            slopes: vec![0.; self.count],
            grouped_slopes: vec![ZERO; groups],
        }
    }
}

impl Sheet {
    fn nonbonded(&self) -> f64 {
        let tallies = self.tallies.iter();
        tallies.map(|tally| sum(tally.nonbonded)).sum()
    }

    /// Adds up the gradients, in the order of the shares.
    fn sum_up(&self, gradient: &mut [Point]) {
        for (atom, total) in gradient.iter_mut().enumerate() {
            *total = self.gradient[atom];
            for tally in &self.tallies {
                let group = &tally.gradient[atom / WIDTH];
                for (total, lanes) in total.iter_mut().zip(group) {
                    *total += lanes.as_array_ref()[atom % WIDTH];
                }
            }
        }
    }
}
