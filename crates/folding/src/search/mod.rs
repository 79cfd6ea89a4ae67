//! Searches for the shape of lowest energy.
//!
//! # How
//!
//! Monte Carlo with minimisation (Li and Scheraga, 1987), cooled as the budget is spent:
//!
//! 1. Starts: a helix, hairpins and random shapes are built and relaxed briefly, for [`SCOUTING`] of the budget. The
//!    lowest [`WALKERS`] become walkers.
//! 2. Hops: walkers take turns. A walker turns joints ([`moves`]), relaxes the result by L-BFGS in Cartesian coordinates
//!    ([`relax()`]), and goes there if the energy fell, or rose by little against the temperature, which falls from
//!    [`HOT`] to [`COLD`]. Moves that were followed by better energies are tried more often.
//! 3. After [`PAIRED`] of the budget only the lowest walker goes on. One that stays where it is for [`PATIENCE`] hops
//!    restarts from the lowest shape known, or from a new start if that is where it is.
//! 4. Polish: the last [`POLISH`] of the budget relaxes the lowest shape to its minimum.
//!
//! A shape counts only if it would pass the [check](crate::check()), so what a search returns is never refused. Given a
//! count of evaluations instead of a time, the same seed finds the same bits on every machine.

mod budget;
mod moves;
mod relax;
mod starts;

use std::ops::ControlFlow;

use amber::System;
use molecule::{Molecule, Point};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

pub use budget::Budget;

use crate::anatomy::Anatomy;
use crate::check::check_shape;
use budget::Meter;
use moves::Move;
use relax::{Depth, Fold, relax};

/// The share of the budget for finding out where to search.
const SCOUTING: f64 = 0.1;
/// The share of the budget after which only the lowest shape is relaxed.
const POLISH: f64 = 0.95;
/// How many shapes are searched from, in turns.
const WALKERS: usize = 2;
/// The share of the budget after which only the lower one goes on.
const PAIRED: f64 = 0.25;
/// How many hops a walker may stay in one place.
const PATIENCE: u32 = 40;
/// The temperature at the beginning and at the end, times Boltzmann's constant, in kcal/mol.
const HOT: f64 = 1.0;
const COLD: f64 = 0.3;
/// How many points of the history are kept.
pub const HISTORY_MAX: usize = 200;

/// A start is relaxed further than a hop: hops that prove good are relaxed on by the hops that follow them, and many
/// shallow ones found lower energies than few deep ones.
const START: Depth = Depth {
    iterations: 60,
    gain: 0.02,
};
const HOP: Depth = Depth {
    iterations: 20,
    gain: 0.02,
};
const DEEP: Depth = Depth {
    iterations: 2_000,
    gain: 1e-7,
};

/// How a search is doing.
pub struct Progress<'a> {
    /// The share of the budget that is spent, 0 to 1.
    pub fraction: f64,
    /// The lowest energy so far, in kcal/mol.
    pub energy: f64,
    /// The positions of that energy.
    pub positions: &'a [Point],
    /// Energies as they fell, see [`Found::history`].
    pub history: &'a [(f64, f64)],
    /// How many times the energy was evaluated.
    pub evaluations: u64,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub positions: Vec<Point>,
    /// Its energy in kcal/mol: what [`System::energy`] says of these positions, to the bit.
    pub energy: f64,
    /// The energies as they fell, each with the seconds since the start (thousands of evaluations where the budget counts
    /// those); at most [`HISTORY_MAX`].
    pub history: Vec<(f64, f64)>,
    pub evaluations: u64,
}

/// Searches for the shape of lowest energy of a chain made by [`build`](crate::build), whose own shape is one of those
/// begun from. `on_progress` is called several times a second, and a break ends the search with what it has.
///
/// # Panics
///
/// If `start` has other atoms, or the same in another order, than [`build`](crate::build) gives its sequence.
pub fn search(
    system: &System,
    start: &Molecule,
    budget: Budget,
    seed: u64,
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Found {
    let anatomy = Anatomy::new(&start.sequence());
    assert_eq!(
        anatomy.molecule.atoms, start.atoms,
        "a start has the atoms of a built chain, in their order"
    );
    let meter = Meter::new(budget);
    let mut search = Search {
        system,
        anatomy: &anatomy,
        meter: &meter,
        rng: ChaCha12Rng::seed_from_u64(seed),
        lowest: Fold {
            positions: start.positions.clone(),
            energy: system.energy(&start.positions).total(),
        },
        is_sound: check_shape(&anatomy, &start.positions).is_ok(),
        history: Vec::new(),
        merits: Move::ALL.map(Move::weight),
        on_progress,
    };
    search.run(start);
    Found {
        energy: system.energy(&search.lowest.positions).total(),
        positions: search.lowest.positions,
        history: search.history,
        evaluations: meter.evaluations(),
    }
}

impl Found {
    /// Adds a point to the history, and thins what is there when it grows too long.
    pub(crate) fn note(&mut self, point: (f64, f64)) {
        note(&mut self.history, point);
    }
}

/// Relaxes positions with so many evaluations: the positions, their energy, and the evaluations spent.
pub(crate) fn relaxed(
    system: &System,
    positions: &[Point],
    evaluations: u64,
) -> (Vec<Point>, f64, u64) {
    let meter = Meter::new(Budget::Evaluations(evaluations));
    let fold = relax(system, &meter, positions, DEEP);
    let positions = fold.map_or_else(|| positions.to_vec(), |fold| fold.positions);
    let energy = system.energy(&positions).total();
    (positions, energy, meter.evaluations())
}

/// Relaxes positions to the nearest minimum, with at most so many evaluations: the positions and their energy.
pub fn minimised(system: &System, positions: &[Point], evaluations: u64) -> (Vec<Point>, f64) {
    let (positions, energy, _) = relaxed(system, positions, evaluations);
    (positions, energy)
}

/// Positions of an anatomy's atoms with every joint turned by chance, by so many degrees in the root mean square, and so many side
/// chains turned to another place: what whoever would pass off a structure for another does to it.
pub fn shaken(
    anatomy: &Anatomy,
    positions: &[Point],
    degrees: f64,
    side_chains: usize,
    rng: &mut impl Rng,
) -> Vec<Point> {
    let mut at = positions.to_vec();
    moves::shake(anatomy, &mut at, degrees, rng);
    for _ in 0..side_chains {
        let residue = rng.random_range(0..anatomy.molecule.residues.len());
        moves::turn_side_chain(anatomy, &mut at, moves::bearing(anatomy, residue), rng);
    }
    at
}

/// Adds a point to a history; every other one makes way when there are [`HISTORY_MAX`].
fn note(history: &mut Vec<(f64, f64)>, point: (f64, f64)) {
    if history.len() >= HISTORY_MAX {
        let mut place = 0;
        history.retain(|_| {
            place += 1;
            place % 2 == 1
        });
    }
    history.push(point);
}

struct Search<'a, F> {
    system: &'a System,
    anatomy: &'a Anatomy,
    meter: &'a Meter<'a>,
    rng: ChaCha12Rng,
    lowest: Fold,
    /// Whether the lowest would pass the check; false until something does.
    is_sound: bool,
    history: Vec<(f64, f64)>,
    /// How often each move is tried, against the others.
    merits: [f64; Move::ALL.len()],
    on_progress: F,
}

struct Walker {
    fold: Fold,
    hops_without_gain: u32,
}

impl<F: FnMut(Progress) -> ControlFlow<()>> Search<'_, F> {
    fn run(&mut self, start: &Molecule) {
        let mut walkers = self.scout(start);
        let mut turn = 0;
        while self.meter.fraction() < POLISH && !self.meter.is_empty() && !walkers.is_empty() {
            if self.meter.fraction() > PAIRED {
                walkers.truncate(1);
            }
            let count = walkers.len();
            self.hop(&mut walkers[turn % count]);
            walkers.sort_by(|a, b| a.fold.energy.total_cmp(&b.fold.energy));
            turn += 1;
        }
        self.polish();
    }

    /// Relaxes starts for a while and returns the lowest of them, lowest first.
    fn scout(&mut self, start: &Molecule) -> Vec<Walker> {
        let mut folds: Vec<Fold> = Vec::new();
        folds.extend(self.settle(&start.positions, START));
        let mut number = 0;
        while folds.len() < 2 || self.meter.fraction() < SCOUTING {
            if self.meter.is_empty() {
                break;
            }
            let positions = starts::start(self.anatomy, number, &mut self.rng);
            folds.extend(self.settle(&positions, START));
            folds.sort_by(|a, b| a.energy.total_cmp(&b.energy));
            folds.truncate(WALKERS);
            number += 1;
        }
        let walker = |fold| Walker {
            fold,
            hops_without_gain: 0,
        };
        folds.into_iter().map(walker).collect()
    }

    fn hop(&mut self, walker: &mut Walker) {
        let kind = self.choose();
        let turned = Move::ALL[kind].apply(self.anatomy, &walker.fold.positions, &mut self.rng);
        let Some(fold) = self.settle(&turned, HOP) else {
            self.learn(kind, false);
            walker.hops_without_gain += 1;
            return;
        };
        let gain = walker.fold.energy - fold.energy;
        self.learn(kind, gain > 0.1);
        let heat = HOT * libm::pow(COLD / HOT, self.meter.fraction());
        let chance = libm::exp((gain / heat).min(0.0));
        walker.hops_without_gain += 1;
        if gain > 0.1 {
            walker.hops_without_gain = 0;
        }
        if self.rng.random_range(0.0..1.0) < chance {
            walker.fold = fold;
        }
        if walker.hops_without_gain > PATIENCE {
            self.restart(walker);
        }
    }

    /// Moves a walker that goes nowhere to the lowest shape, or to a new one.
    fn restart(&mut self, walker: &mut Walker) {
        walker.hops_without_gain = 0;
        if self.is_sound && walker.fold.energy > self.lowest.energy + 0.1 {
            walker.fold = self.lowest.clone();
            return;
        }
        let fresh = starts::start(self.anatomy, usize::MAX, &mut self.rng);
        let settled = self.settle(&fresh, START);
        if let Some(fold) = settled {
            walker.fold = fold;
        }
    }

    /// The place of a move in [`Move::ALL`], drawn by merit.
    fn choose(&mut self) -> usize {
        let mut left = self.rng.random_range(0.0..self.merits.iter().sum::<f64>());
        for (kind, merit) in self.merits.iter().enumerate() {
            left -= merit;
            if left < 0.0 {
                return kind;
            }
        }
        0
    }

    /// A move that gained is tried more often, one that did not a little less; none is ever given up.
    fn learn(&mut self, kind: usize, has_gained: bool) {
        let merit = &mut self.merits[kind];
        let towards = if has_gained { 8.0 } else { 0.5 };
        *merit += 0.05 * (towards - *merit);
    }

    /// Relaxes positions; keeps them if they are the lowest so far, and returns them if they are sound.
    fn settle(&mut self, positions: &[Point], depth: Depth) -> Option<Fold> {
        let fold = relax(self.system, self.meter, positions, depth)?;
        let is_sound = check_shape(self.anatomy, &fold.positions).is_ok();
        if is_sound && (!self.is_sound || fold.energy < self.lowest.energy) {
            self.lowest = fold.clone();
            self.is_sound = true;
            note(&mut self.history, (self.meter.time(), fold.energy));
        }
        self.report();
        is_sound.then_some(fold)
    }

    fn report(&mut self) {
        let progress = Progress {
            fraction: self.meter.fraction(),
            energy: self.lowest.energy,
            positions: &self.lowest.positions,
            history: &self.history,
            evaluations: self.meter.evaluations(),
        };
        if (self.on_progress)(progress).is_break() {
            self.meter.stop();
        }
    }

    fn polish(&mut self) {
        while !self.meter.is_empty() {
            let before = self.lowest.energy;
            let from = self.lowest.positions.clone();
            if self.settle(&from, DEEP).is_none() || before - self.lowest.energy < 1e-4 {
                break;
            }
        }
    }
}
