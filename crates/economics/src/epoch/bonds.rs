//! What a column brings: rank to its miner, trust, bonds and dividends to its validators (steps 5
//! to 7 of the rule).
//!
//! Each cell is visited twice in its column, once to sum and once to divide by the sum, and a last
//! time when incentive is known. The three kinds of bonds differ in the first visit only.

use super::cell::{Cell, bond, holder, level, weight};
use super::sigmoid::Rates;
use super::{ONE, Params, Yuma, ratio, share_of_ratio, times};
use crate::fixed::{Divisor, SmallParts};

/// One uid's column: cells with a weight or a bond, and the value agreed on.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    pub uid: u16,
    pub cells: &'a [Cell],
    pub agreed: u64,
    /// What liquid rates are measured by: the value agreed on now, or in the last epoch.
    pub measure: u64,
    /// Bonds from before the uid registered are not its own.
    pub is_new: bool,
}

/// What holders take away from all columns.
pub(super) struct Earnings {
    pub trust: Vec<u64>,
    /// Before normalising.
    pub dividends: Vec<u64>,
    /// Bonds to store.
    pub rows: Vec<Vec<(u16, u16)>>,
}

/// Settles one column after another.
pub(super) struct Bonds {
    rule: Rule,
    penalty: Penalty,
    /// How much of the new bonds enters the average, and how much of the old.
    fresh: u64,
    kept: u64,
    graders: Vec<Grader>,
    /// Rows to store by holder.
    rows: Vec<Vec<(u16, u16)>>,
    /// Bonds normalised by column, of all columns so far, and where each column ends. The column
    /// being settled keeps its amounts here until they are divided.
    shares: Vec<Share>,
    ends: Vec<(u16, usize)>,
}

/// How bonds of a column come about.
#[derive(Clone, Copy)]
enum Rule {
    Two,
    Three,
    Liquid(Rates),
}

/// How weights beyond consensus enter bonds.
#[derive(Clone, Copy)]
enum Penalty {
    None,
    Part(u64),
    Whole,
}

/// A holder's active stake and its trust so far, side by side in the cache.
struct Grader {
    stake: u64,
    trust: u64,
}

/// A normalised bond in the high 48 bits, and who holds it in the low 16.
type Share = u64;

#[inline(always)]
fn share(amount: u64, cell: Cell) -> Share {
    (amount << 16) | holder(cell) as u64
}

/// What the holders of a column buy of it, appended to the list of shares.
struct Purchases {
    /// Where they begin.
    start: usize,
    rank: u64,
    /// Their sum, and a bound on the largest.
    bought: u64,
    most: u64,
    /// The sum of the bonds held so far.
    owned: u64,
}

/// Extends the list by room for a column.
#[inline(always)]
fn room_for(shares: &mut Vec<Share>, cells: usize) -> &mut [Share] {
    let start = shares.len();
    shares.resize(start + cells, 0);
    &mut shares[start..]
}

impl Bonds {
    /// Prepares for holders with these stakes, whose rows are about as long as `room` says.
    pub fn new(params: &Params, yuma: Yuma, stake: &[u64], room: &[usize]) -> Self {
        let ppm = u128::from(params.bonds_moving_average_ppm.min(1_000_000));
        let kept = ((ppm << 32) / 1_000_000) as u64;
        Self {
            rule: match yuma {
                Yuma::Two => Rule::Two,
                Yuma::Three { liquid: None } => Rule::Three,
                Yuma::Three {
                    liquid: Some(liquid),
                } => Rule::Liquid(Rates::new(liquid)),
            },
            penalty: match params.bonds_penalty {
                0 => Penalty::None,
                u16::MAX => Penalty::Whole,
                part => Penalty::Part(share_of_ratio(u64::from(part))),
            },
            fresh: ONE - kept,
            kept,
            graders: stake
                .iter()
                .map(|&stake| Grader { stake, trust: 0 })
                .collect(),
            rows: room.iter().map(|&room| Vec::with_capacity(room)).collect(),
            shares: Vec::with_capacity(room.iter().sum()),
            ends: Vec::new(),
        }
    }

    /// Settles one column, and returns its rank.
    #[inline]
    pub fn settle_column(&mut self, column: Column) -> u64 {
        // An old bond of a new uid counts as none.
        let kept = if column.is_new { 0 } else { self.kept };
        let rank = match self.rule {
            Rule::Two => self.settle_two(column, kept),
            Rule::Three => self.settle_three(column, kept),
            Rule::Liquid(rates) => self.settle_liquid(column, rates),
        };
        self.ends.push((column.uid, self.shares.len()));
        rank
    }

    fn settle_two(&mut self, column: Column, kept: u64) -> u64 {
        let Purchases {
            start,
            rank,
            bought,
            most,
            owned,
        } = match self.penalty {
            Penalty::Whole => self.purchases(column, |_, clipped| clipped),
            penalty => self.purchases(column, |weight, clipped| penalty.basis(weight, clipped)),
        };
        let (fresh, owned) = (self.fresh, SmallParts::of(owned));
        let old = |cell| times(kept, owned.share(bond(cell)));
        // Here and below each arm is a loop of its own; left to the cell, the choice costs a tenth.
        let (sum, most) = match Divisor::of(bought, most) {
            Divisor::Small(bought) => {
                self.average(column, start, old, |new| times(fresh, bought.share(new)))
            }
            Divisor::Any(bought) => {
                self.average(column, start, old, |new| times(fresh, bought.share(new)))
            }
        };
        let total = Divisor::of(sum, most);
        // Shares are in the order of amounts, so the largest share is the largest amount's.
        let most = total.share(most);
        match (total, Divisor::of(most, most)) {
            (Divisor::Small(total), Divisor::Small(largest)) => {
                self.keep(column, start, |amount| {
                    let part = total.share(amount);
                    (part, largest.share(part))
                })
            }
            (total, largest) => self.keep(column, start, |amount| {
                let part = total.share(amount);
                (part, largest.share(part))
            }),
        }
        rank
    }

    /// Appends what each holder buys of a column, `basis` being what it buys by.
    #[inline(always)]
    fn purchases(&mut self, column: Column, basis: impl Fn(u64, u64) -> u64) -> Purchases {
        let start = self.shares.len();
        // What is bought without adding to the rank: nothing where the penalty is whole, and then one
        // sum does for both.
        let mut unranked = 0;
        let (mut bought, mut most, mut owned) = (0, 0, 0);
        let amounts = room_for(&mut self.shares, column.cells.len());
        for (&cell, amount) in column.cells.iter().zip(amounts) {
            let weight = weight(cell);
            let clipped = weight.min(column.agreed);
            let grader = &mut self.graders[holder(cell)];
            let credit = grader.credit(clipped);
            *amount = times(grader.stake, basis(weight, clipped));
            unranked += *amount - credit;
            bought += *amount;
            most |= *amount;
            owned += bond(cell);
        }
        Purchases {
            start,
            rank: bought - unranked,
            bought,
            most,
            owned,
        }
    }

    /// Replaces purchases by their averages with old bonds; returns the sum and the largest.
    #[inline(always)]
    fn average(
        &mut self,
        column: Column,
        start: usize,
        old: impl Fn(Cell) -> u64,
        new: impl Fn(u64) -> u64,
    ) -> (u64, u64) {
        let (mut sum, mut most) = (0, 0);
        for (&cell, amount) in column.cells.iter().zip(&mut self.shares[start..]) {
            *amount = new(*amount) + old(cell);
            sum += *amount;
            most = most.max(*amount);
        }
        (sum, most)
    }

    fn settle_three(&mut self, column: Column, kept: u64) -> u64 {
        match self.penalty {
            Penalty::Whole => self.settle_own(column, kept, |_, clipped| clipped),
            penalty => self.settle_own(column, kept, |weight, clipped| {
                penalty.basis(weight, clipped)
            }),
        }
    }

    /// Settles a column in which each bond is the average of its own past and `basis`.
    #[inline(always)]
    fn settle_own(&mut self, column: Column, kept: u64, basis: impl Fn(u64, u64) -> u64) -> u64 {
        let start = self.shares.len();
        let fresh = self.fresh;
        let (mut rank, mut sum, mut most) = (0, 0, 0);
        let amounts = room_for(&mut self.shares, column.cells.len());
        for (&cell, amount) in column.cells.iter().zip(amounts) {
            let weight = weight(cell);
            let clipped = weight.min(column.agreed);
            rank += self.graders[holder(cell)].credit(clipped);
            let old = times(kept, share_of_ratio(bond(cell)));
            *amount = times(fresh, basis(weight, clipped)) + old;
            sum += *amount;
            most |= *amount;
        }
        self.divide(column, start, Divisor::of(sum, most));
        rank
    }

    fn settle_liquid(&mut self, column: Column, rates: Rates) -> u64 {
        let Column {
            cells,
            agreed,
            measure,
            is_new,
            ..
        } = column;
        let (start, penalty) = (self.shares.len(), self.penalty);
        let (mut rank, mut sum, mut most) = (0, 0, 0);
        let amounts = room_for(&mut self.shares, cells.len());
        for (&cell, amount) in cells.iter().zip(amounts) {
            let clipped = weight(cell).min(agreed);
            rank += self.graders[holder(cell)].credit(clipped);
            let basis = penalty.basis(weight(cell), clipped);
            let bond = if is_new {
                0
            } else {
                share_of_ratio(bond(cell))
            };
            // An absent weight lets its bond fall; an explicit zero lets it decay, except where
            // clipping or interpolation removes it.
            let has_weight = level(cell) > 0;
            let is_present = match penalty {
                Penalty::None => has_weight,
                Penalty::Whole => has_weight && agreed > 0,
                Penalty::Part(_) => basis > 0,
            };
            let rate = if is_present {
                rates.rate(basis, bond, measure)
            } else {
                ONE
            };
            *amount = (times(ONE - rate, bond) + times(rate, basis)).min(ONE);
            sum += *amount;
            most |= *amount;
        }
        self.divide(column, start, Divisor::of(sum, most));
        rank
    }

    /// Divides the amounts of a column, which begin at `start`, and stores them as they are.
    #[inline(always)]
    fn divide(&mut self, column: Column, start: usize, total: Divisor) {
        match total {
            Divisor::Small(total) => {
                self.keep(column, start, |amount| (total.share(amount), amount));
            }
            Divisor::Any(total) => {
                self.keep(column, start, |amount| (total.share(amount), amount));
            }
        }
    }

    /// Replaces the amounts of a column, which begin at `start`, by the first of what `split` makes
    /// of them, and appends the second to the rows to store.
    #[inline(always)]
    fn keep(&mut self, column: Column, start: usize, split: impl Fn(u64) -> (u64, u64)) {
        for (&cell, slot) in column.cells.iter().zip(&mut self.shares[start..]) {
            let (part, stored) = split(*slot);
            *slot = share(part, cell);
            if stored > 0 {
                self.rows[holder(cell)].push((column.uid, ratio(stored)));
            }
        }
    }

    /// Returns what each holder earns once incentive is known.
    pub fn finish(self, incentive: &[u64]) -> Earnings {
        let mut dividends = vec![0; self.graders.len()];
        let mut start = 0;
        for (uid, end) in self.ends {
            let incentive = incentive[usize::from(uid)];
            for &share in &self.shares[start..end] {
                dividends[(share & 0xffff) as usize] += times(share >> 16, incentive);
            }
            start = end;
        }
        if !matches!(self.rule, Rule::Two) {
            for (dividend, grader) in dividends.iter_mut().zip(&self.graders) {
                *dividend = times(*dividend, grader.stake);
            }
        }
        let trust = self.graders.iter().map(|grader| grader.trust).collect();
        Earnings {
            trust,
            dividends,
            rows: self.rows,
        }
    }
}

impl Grader {
    /// Adds a clipped weight to the trust, and returns what it adds to the column's rank.
    #[inline(always)]
    fn credit(&mut self, clipped: u64) -> u64 {
        self.trust += clipped;
        times(self.stake, clipped)
    }
}

impl Penalty {
    /// The weight that bonds grow from, between the clipped and the stated one.
    #[inline(always)]
    fn basis(self, weight: u64, clipped: u64) -> u64 {
        match self {
            Self::None => weight,
            Self::Whole => clipped,
            // The difference is negative, and its product rounds down, away from zero.
            Self::Part(part) => {
                let excess = u128::from(weight - clipped);
                weight - (excess * u128::from(part)).div_ceil(1 << 32) as u64
            }
        }
    }
}
