//! What a column brings: rank to its miner, trust, bonds and dividends to its validators (steps 5
//! to 7 of the rule).
//!
//! Each cell is visited twice in its column, once to sum and once to divide by the sum, and a last
//! time when incentive is known. The three kinds of bonds differ in the first visit only.

use super::cell::{Cell, bond, holder, level, weight};
use super::sigmoid::Rates;
use super::{ONE, Params, Yuma, ratio, share_of_ratio, times};
use crate::fixed::Divisor;

/// One uid's column: cells with a weight or a bond, and the value agreed on.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    pub uid: u16,
    pub cells: &'a [Cell],
    pub agreed: u64,
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
        let Column {
            uid, cells, agreed, ..
        } = column;
        let (penalty, fresh) = (self.penalty, self.fresh);
        let (mut rank, mut bought, mut owned, mut most) = (0, 0, 0, 0);
        let amounts = room_for(&mut self.shares, cells.len());
        for (&cell, amount) in cells.iter().zip(amounts.iter_mut()) {
            let clipped = weight(cell).min(agreed);
            let grader = &mut self.graders[holder(cell)];
            rank += grader.credit(clipped);
            *amount = times(grader.stake, penalty.basis(weight(cell), clipped));
            bought += *amount;
            most |= *amount;
            owned += bond(cell);
        }
        let (bought, owned) = (Divisor::of(bought, most), Divisor::of(owned, 0xffff));
        let (mut sum, mut most) = (0, 0);
        for (&cell, amount) in cells.iter().zip(amounts) {
            *amount = times(fresh, bought.share(*amount)) + times(kept, owned.share(bond(cell)));
            sum += *amount;
            most = most.max(*amount);
        }
        let total = Divisor::of(sum, most);
        // Shares are in the order of amounts, so the largest share is the largest amount's.
        let most = total.share(most);
        let largest = Divisor::of(most, most);
        self.keep(uid, cells, total, |_, share| largest.share(share));
        rank
    }

    fn settle_three(&mut self, column: Column, kept: u64) -> u64 {
        let Column {
            uid, cells, agreed, ..
        } = column;
        let (penalty, fresh) = (self.penalty, self.fresh);
        let (mut rank, mut sum, mut most) = (0, 0, 0);
        let amounts = room_for(&mut self.shares, cells.len());
        for (&cell, amount) in cells.iter().zip(amounts) {
            let clipped = weight(cell).min(agreed);
            rank += self.graders[holder(cell)].credit(clipped);
            let basis = penalty.basis(weight(cell), clipped);
            *amount = times(fresh, basis) + times(kept, share_of_ratio(bond(cell)));
            sum += *amount;
            most |= *amount;
        }
        self.keep(uid, cells, Divisor::of(sum, most), |amount, _| amount);
        rank
    }

    fn settle_liquid(&mut self, column: Column, rates: Rates) -> u64 {
        let Column {
            uid,
            cells,
            agreed,
            is_new,
        } = column;
        let penalty = self.penalty;
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
                rates.rate(basis, bond, agreed)
            } else {
                ONE
            };
            *amount = (times(ONE - rate, bond) + times(rate, basis)).min(ONE);
            sum += *amount;
            most |= *amount;
        }
        self.keep(uid, cells, Divisor::of(sum, most), |amount, _| amount);
        rank
    }

    /// Divides the amounts of a column, and appends it to the rows to store as `stored` makes it of
    /// an amount and its share.
    #[inline(always)]
    fn keep(&mut self, uid: u16, cells: &[Cell], total: Divisor, stored: impl Fn(u64, u64) -> u64) {
        let start = self.shares.len() - cells.len();
        for (&cell, slot) in cells.iter().zip(&mut self.shares[start..]) {
            let amount = *slot;
            let part = total.share(amount);
            *slot = share(part, cell);
            let bond = stored(amount, part);
            if bond > 0 {
                self.rows[holder(cell)].push((uid, ratio(bond)));
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
