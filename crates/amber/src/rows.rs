//! Every pair of atoms once, in a fixed order, in shares that threads may take one by one.
//!
//! An atom's *row* is its pairs with all atoms of higher places, [`WIDTH`] at a time. Most groups of a row are plain: all their
//! atoms count in full. Those at its start (which hold atoms of lower places, or atoms a few bonds away) and the last one (which
//! may be filled up) come with a mask. A *share* is every sixteenth row, so that all shares are about as much work. What a share
//! sums up stays apart until all are done, and is then added in the order of the shares: so the bits do not depend on who did
//! what when.

use molecule::Point;
use std::ops::Range;

use crate::lanes::{Lanes, WIDTH, ZERO, get, set};
use crate::topology::Topology;

/// Shares of a large molecule's rows.
const SHARES: usize = 16;

/// One atom's pairs with the atoms after it.
pub struct Row {
    pub atom: usize,
    pub masked: Vec<Masked>,
    /// The groups in which every atom counts in full.
    pub plain: Range<usize>,
}

/// A group in which not every atom counts: 1 for those that do, 0 for those that do not.
pub struct Masked {
    pub group: usize,
    /// Whether it is a pair of this row at all.
    pub is_pair: Lanes,
    /// Whether the two also see each other by charge and Lennard-Jones in full: more than three bonds apart.
    pub is_far: Lanes,
}

impl Row {
    fn new(atom: usize, near: &[usize], count: usize) -> Self {
        let groups = count.div_ceil(WIDTH);
        let first = (atom + 1) / WIDTH;
        let nearest_end = near.last().map_or(first, |last| last / WIDTH);
        let plain = (nearest_end + 1).min(groups)..(count / WIDTH).max(nearest_end + 1).min(groups);
        let masked = (first..plain.start).chain(plain.end..groups);
        let mask = |group| {
            let (mut is_pair, mut is_far) = ([0.; WIDTH], [0.; WIDTH]);
            for lane in 0..WIDTH {
                let other = group * WIDTH + lane;
                if other > atom && other < count {
                    is_pair[lane] = 1.;
                    is_far[lane] = f64::from(u8::from(!near.contains(&other)));
                }
            }
            Masked {
                group,
                is_pair: Lanes::new(is_pair),
                is_far: Lanes::new(is_far),
            }
        };
        Self {
            atom,
            masked: masked.map(mask).collect(),
            plain,
        }
    }

    fn groups(&self) -> usize {
        self.masked.len() + self.plain.len()
    }
}

/// The rows of each share.
pub fn shares(topology: &Topology) -> Vec<Vec<Row>> {
    let count = topology.near.len();
    let shares = SHARES.min(count);
    let rows = |share: usize| {
        let atoms = (share..count).step_by(shares);
        atoms
            .map(|atom| Row::new(atom, &topology.near[atom], count))
            .collect()
    };
    (0..shares).map(rows).collect()
}

/// What one share sums up.
pub struct Tally {
    /// The gradient, by group.
    pub gradient: Vec<[Lanes; 3]>,
    /// What the other atoms of the share's pairs take from each atom's Born radius.
    pub integrals: Vec<Lanes>,
    /// For each pair, in the order of the rows: the derivative of either integral by the distance, over the distance.
    pub slopes: Vec<[Lanes; 2]>,
    /// The energy's derivative by each Born radius.
    pub by_radius: Vec<Lanes>,
    pub nonbonded: Lanes,
    pub solvation: Lanes,
}

impl Tally {
    pub fn new(rows: &[Row], groups: usize, has_water: bool) -> Self {
        let pairs = rows.iter().map(Row::groups).sum();
        let of_water = |length| if has_water { length } else { 0 };
        Self {
            gradient: vec![[ZERO; 3]; groups],
            integrals: vec![ZERO; of_water(groups)],
            slopes: vec![[ZERO; 2]; of_water(pairs)],
            by_radius: vec![ZERO; of_water(groups)],
            nonbonded: ZERO,
            solvation: ZERO,
        }
    }

    /// Forgets everything summed up (the slopes are written before they are read).
    pub fn clear(&mut self) {
        self.gradient.fill([ZERO; 3]);
        self.integrals.fill(ZERO);
        self.by_radius.fill(ZERO);
        self.nonbonded = ZERO;
        self.solvation = ZERO;
    }
}

/// Positions by group. What fills up the last group is masked wherever it is met.
pub fn load(positions: &[Point], places: &mut [[Lanes; 3]]) {
    for (atom, position) in positions.iter().enumerate() {
        for (k, coordinate) in position.iter().enumerate() {
            places[atom / WIDTH][k].as_array_mut()[atom % WIDTH] = *coordinate;
        }
    }
}

/// Adds `change` to the number at place `k` of groups.
#[inline(always)]
pub fn bump(groups: &mut [Lanes], k: usize, change: f64) {
    let sum = get(groups, k) + change;
    set(groups, k, sum);
}
