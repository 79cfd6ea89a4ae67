//! Bonds: what a validator holds in a miner, and the dividends it brings (steps 6 and 7 of the rule).

use super::cell::{Cell, bond, holder, level, weight};
use super::sigmoid::Rates;
use super::{ONE, Params, Yuma, ratio, share_of_ratio, times};
use crate::fixed::Total;

/// One uid's column: cells with a weight or a bond, and the value agreed on.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    pub uid: u16,
    pub cells: &'a [Cell],
    pub agreed: u64,
    /// Bonds from before the uid registered are not its own.
    pub is_new: bool,
}

/// Settles bonds one column after another.
pub(super) struct Bonds {
    rule: Rule,
    penalty: Penalty,
    /// How much of the new bonds enters the average, and how much of the old.
    fresh: u64,
    kept: u64,
    /// Active stake by holder.
    stake: Vec<u64>,
    /// Rows to store by holder.
    rows: Vec<Vec<(u16, u16)>>,
    /// Bonds normalised by column, of all columns so far, and where each column ends.
    shares: Vec<Share>,
    ends: Vec<(u16, usize)>,
    /// The column being settled, cell by cell.
    amounts: Vec<u64>,
}

/// A normalised bond in the high 48 bits, and who holds it in the low 16.
type Share = u64;

#[inline(always)]
fn share(amount: u64, cell: Cell) -> Share {
    (amount << 16) | holder(cell) as u64
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

impl Bonds {
    /// Prepares for holders with these stakes, whose rows are about as long as `room` says.
    pub fn new(params: &Params, yuma: Yuma, stake: Vec<u64>, room: &[usize]) -> Self {
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
            rows: room.iter().map(|&room| Vec::with_capacity(room)).collect(),
            shares: Vec::with_capacity(room.iter().sum()),
            ends: Vec::new(),
            amounts: vec![0; stake.len()],
            stake,
        }
    }

    /// Settles the bonds of one column.
    #[inline]
    pub fn settle_column(&mut self, column: Column) {
        // An old bond of a new uid counts as none.
        let kept = if column.is_new { 0 } else { self.kept };
        match self.rule {
            Rule::Two => self.settle_two(column, kept),
            Rule::Three => self.settle_three(column, kept),
            Rule::Liquid(rates) => self.settle_liquid(column, rates),
        }
        self.ends.push((column.uid, self.shares.len()));
    }

    fn settle_two(&mut self, column: Column, kept: u64) {
        let Column {
            uid, cells, agreed, ..
        } = column;
        let (penalty, fresh) = (self.penalty, self.fresh);
        let amounts = &mut self.amounts[..cells.len()];
        let (mut bought, mut owned) = (0, 0);
        for (&cell, amount) in cells.iter().zip(amounts.iter_mut()) {
            *amount = times(
                self.stake[holder(cell)],
                penalty.basis(weight(cell), agreed),
            );
            bought += *amount;
            owned += bond(cell);
        }
        let (bought, owned) = (Total::new(bought), Total::new(owned));
        let (mut sum, mut most) = (0, 0);
        for (&cell, amount) in cells.iter().zip(amounts.iter_mut()) {
            *amount = times(fresh, bought.share(*amount)) + times(kept, owned.share(bond(cell)));
            sum += *amount;
            most = most.max(*amount);
        }
        let total = Total::new(sum);
        // Shares are in the order of amounts, so the largest share is the largest amount's.
        let largest = Total::new(total.share(most));
        self.keep(uid, cells, total, |_, share| largest.share(share));
    }

    fn settle_three(&mut self, column: Column, kept: u64) {
        let Column { cells, agreed, .. } = column;
        let (penalty, fresh) = (self.penalty, self.fresh);
        let amounts = &mut self.amounts[..cells.len()];
        let mut sum = 0;
        for (&cell, amount) in cells.iter().zip(amounts.iter_mut()) {
            let basis = penalty.basis(weight(cell), agreed);
            *amount = times(fresh, basis) + times(kept, share_of_ratio(bond(cell)));
            sum += *amount;
        }
        self.keep(column.uid, cells, Total::new(sum), |amount, _| amount);
    }

    fn settle_liquid(&mut self, column: Column, rates: Rates) {
        let Column {
            cells,
            agreed,
            is_new,
            ..
        } = column;
        let penalty = self.penalty;
        let amounts = &mut self.amounts[..cells.len()];
        let mut sum = 0;
        for (&cell, amount) in cells.iter().zip(amounts.iter_mut()) {
            let basis = penalty.basis(weight(cell), agreed);
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
        }
        self.keep(column.uid, cells, Total::new(sum), |amount, _| amount);
    }

    /// Appends a column to the rows to store, as `stored` makes it of an amount and its share, and the shares to those
    /// that dividends follow.
    #[inline(always)]
    fn keep(&mut self, uid: u16, cells: &[Cell], total: Total, stored: impl Fn(u64, u64) -> u64) {
        let amounts = &self.amounts[..cells.len()];
        let start = self.shares.len();
        self.shares.resize(start + cells.len(), 0);
        // One loop for both: apart, the first compiles to vector code that compares words in six instructions.
        for ((&cell, &amount), slot) in cells.iter().zip(amounts).zip(&mut self.shares[start..]) {
            let part = total.share(amount);
            *slot = share(part, cell);
            let bond = stored(amount, part);
            if bond > 0 {
                self.rows[holder(cell)].push((uid, ratio(bond)));
            }
        }
    }

    /// Returns what each holder earns before normalising, and its row to store.
    pub fn finish(self, incentive: &[u64]) -> (Vec<u64>, Vec<Vec<(u16, u16)>>) {
        let mut earned = vec![0; self.stake.len()];
        let mut start = 0;
        for (uid, end) in self.ends {
            let incentive = incentive[usize::from(uid)];
            for &share in &self.shares[start..end] {
                earned[(share & 0xffff) as usize] += times(share >> 16, incentive);
            }
            start = end;
        }
        if !matches!(self.rule, Rule::Two) {
            for (earned, stake) in earned.iter_mut().zip(&self.stake) {
                *earned = times(*earned, *stake);
            }
        }
        (earned, self.rows)
    }
}

impl Penalty {
    /// The weight that bonds grow from, between the clipped and the stated one.
    #[inline(always)]
    fn basis(self, weight: u64, agreed: u64) -> u64 {
        match self {
            Self::None => weight,
            Self::Whole => weight.min(agreed),
            // The difference is negative, and its product rounds down, away from zero.
            Self::Part(part) => {
                let excess = u128::from(weight.saturating_sub(agreed));
                weight - (excess * u128::from(part)).div_ceil(1 << 32) as u64
            }
        }
    }
}
