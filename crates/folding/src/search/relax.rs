//! Relaxes positions towards the nearest minimum: L-BFGS in Cartesian coordinates, from the library `argmin`.
//!
//! Two things are added around it. Coordinates are scaled so that the first step, along the bare gradient, moves no atom
//! further than [`FIRST_STEP`]: a chain just turned about its joints may have atoms that nearly touch, and gradients of
//! millions. And the lowest point ever evaluated is kept outside the solver, because a line search that fails, or a budget
//! that ends, otherwise takes it along.

use std::cell::RefCell;

use amber::System;
use argmin::core::{CostFunction, Error, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use molecule::Point;

use super::budget::Meter;

/// How far the first step may move an atom, in ångström.
const FIRST_STEP: f64 = 0.04;
/// How many pairs of steps the solver remembers.
const MEMORY: usize = 12;

/// Positions and their energy in kcal/mol.
#[derive(Clone)]
pub(crate) struct Fold {
    pub positions: Vec<Point>,
    pub energy: f64,
}

/// How far to relax.
#[derive(Clone, Copy)]
pub(crate) struct Depth {
    /// The most iterations.
    pub iterations: u64,
    /// Stops when an iteration gains less than so many kcal/mol.
    pub gain: f64,
}

/// Relaxes positions and returns the lowest found; `None` if the budget was empty or no energy was finite.
pub(crate) fn relax(system: &System, meter: &Meter, start: &[Point], depth: Depth) -> Option<Fold> {
    let memory = RefCell::new(Memory::default());
    let mut scale = 1.0;
    // A failed line search leaves the solver with a stale memory; one fresh start from the best point mends that.
    for _ in 0..2 {
        let from = memory.borrow().lowest.clone();
        let from = from.map_or_else(|| start.as_flattened().to_vec(), |(_, at)| at);
        let slope = {
            let bare = Landscape::new(system, meter, &memory, 1.0);
            bare.look(&from).ok()?;
            memory.borrow().steepest()
        };
        if slope > 0.0 {
            scale = (FIRST_STEP / slope).sqrt();
        }
        let before = memory.borrow().iterations;
        let left = depth.iterations.saturating_sub(before);
        if left == 0
            || !descend(
                system,
                meter,
                &memory,
                &from,
                scale,
                Depth {
                    iterations: left,
                    ..depth
                },
            )
        {
            break;
        }
    }
    let (energy, at) = memory.into_inner().lowest?;
    let positions = at.as_chunks::<3>().0.to_vec();
    Some(Fold { positions, energy })
}

/// Runs the solver once; true if its line search failed.
fn descend(
    system: &System,
    meter: &Meter,
    memory: &RefCell<Memory>,
    from: &[f64],
    scale: f64,
    depth: Depth,
) -> bool {
    let landscape = Landscape::new(system, meter, memory, scale);
    let scaled: Vec<f64> = from.iter().map(|x| x / scale).collect();
    memory.borrow_mut().at.clone_from(&scaled); // it was evaluated to find the scale
    let Ok(solver) =
        LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_cost(depth.gain)
    else {
        return false;
    };
    let executor = Executor::new(landscape, solver)
        .configure(|state| state.param(scaled).max_iters(depth.iterations))
        .timer(false);
    match executor.run() {
        Ok(result) => {
            memory.borrow_mut().iterations += result.state.iter;
            matches!(
                result.state.termination_status,
                argmin::core::TerminationStatus::Terminated(
                    argmin::core::TerminationReason::SolverExit(_)
                )
            ) && !meter.is_empty()
        }
        Err(_) => false,
    }
}

/// What outlives the solver.
#[derive(Default)]
struct Memory {
    /// The lowest energy evaluated, and where.
    lowest: Option<(f64, Vec<f64>)>,
    /// The point evaluated last.
    at: Vec<f64>,
    energy: f64,
    gradient: Vec<Point>,
    points: Vec<Point>,
    iterations: u64,
}

impl Memory {
    /// The largest component of the last gradient.
    fn steepest(&self) -> f64 {
        let components = self.gradient.as_flattened().iter();
        components.fold(0.0, |most, x| x.abs().max(most))
    }
}

/// The energy as a function of scaled coordinates, as `argmin` asks for it: the energy and the gradient of one point are
/// asked for one after the other, and evaluated once.
struct Landscape<'a> {
    system: &'a System,
    meter: &'a Meter<'a>,
    memory: &'a RefCell<Memory>,
    scale: f64,
}

impl<'a> Landscape<'a> {
    fn new(
        system: &'a System,
        meter: &'a Meter<'a>,
        memory: &'a RefCell<Memory>,
        scale: f64,
    ) -> Self {
        Self {
            system,
            meter,
            memory,
            scale,
        }
    }

    /// Evaluates a point, unless it is the last one evaluated.
    fn look(&self, scaled: &[f64]) -> Result<(), Error> {
        let memory = &mut *self.memory.borrow_mut();
        if memory.at == scaled {
            return Ok(());
        }
        if !self.meter.spend() {
            return Err(Error::msg("the budget is spent"));
        }
        memory.at.clear();
        memory.at.extend_from_slice(scaled);
        let chunks = scaled.as_chunks::<3>().0;
        memory.points.clear();
        memory
            .points
            .extend(chunks.iter().map(|point| point.map(|x| x * self.scale)));
        memory.gradient.resize(memory.points.len(), [0.0; 3]);
        let energy = self
            .system
            .gradient(&memory.points, &mut memory.gradient)
            .total();
        if !energy.is_finite()
            || memory
                .gradient
                .as_flattened()
                .iter()
                .any(|x| !x.is_finite())
        {
            return Err(Error::msg("two atoms are in one place"));
        }
        memory.energy = energy;
        if memory
            .lowest
            .as_ref()
            .is_none_or(|(lowest, _)| energy < *lowest)
        {
            let at = memory.points.as_flattened().to_vec();
            memory.lowest = Some((energy, at));
        }
        Ok(())
    }
}

impl CostFunction for Landscape<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, scaled: &Vec<f64>) -> Result<f64, Error> {
        self.look(scaled)?;
        Ok(self.memory.borrow().energy)
    }
}

impl Gradient for Landscape<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, scaled: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.look(scaled)?;
        let memory = self.memory.borrow();
        let components = memory.gradient.as_flattened().iter();
        Ok(components.map(|x| x * self.scale).collect())
    }
}
