//! Bonds: what a validator holds in a miner, and the dividends it brings (steps 6 and 7 of the rule).

use super::majority::{Cell, cell, holder, value};
use super::sigmoid::Rates;
use super::{ONE, Params, Yuma, ratio, share_of_ratio, times};
use crate::fixed::Total;

/// Settles bonds one column after another.
pub(super) struct Bonds {
    rule: Rule,
    penalty: Penalty,
    /// How much of the new bonds enters the average, and how much of the old.
    fresh: u64,
    kept: u64,
    /// Active stake by holder.
    stake: Vec<u64>,
    /// Rows to store by holder; none for those who are not permitted next.
    rows: Vec<Option<Vec<(u16, u16)>>>,
    /// Bonds normalised by column, of all columns so far, and where each column ends.
    shares: Vec<Cell>,
    ends: Vec<(u16, usize)>,
    column: Column,
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
    /// Prepares for holders with these stakes; `room` says how many bonds each may store, if it may.
    pub fn new(params: &Params, yuma: Yuma, stake: Vec<u64>, room: Vec<Option<usize>>) -> Self {
        let ppm = u128::from(params.bonds_moving_average_ppm.min(1_000_000));
        let kept = ((ppm << 32) / 1_000_000) as u64;
        let holders = stake.len();
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
            stake,
            rows: room
                .into_iter()
                .map(|room| room.map(Vec::with_capacity))
                .collect(),
            shares: Vec::new(),
            ends: Vec::new(),
            column: Column::new(holders),
        }
    }

    /// Settles the column of one uid from its weights, the value agreed on, and the bonds stored before.
    #[inline]
    pub fn settle_column(&mut self, uid: u16, weights: &[Cell], agreed: u64, bonds: &[Cell]) {
        match self.rule {
            Rule::Two => self.settle_two(uid, weights, agreed, bonds),
            Rule::Three => self.settle_three(uid, weights, agreed, bonds),
            Rule::Liquid(rates) => self.settle_liquid(uid, weights, agreed, bonds, rates),
        }
    }

    fn settle_two(&mut self, uid: u16, weights: &[Cell], agreed: u64, bonds: &[Cell]) {
        let Self {
            column,
            stake,
            fresh,
            kept,
            ..
        } = self;
        let penalty = self.penalty;
        column.begin();
        let mut bought = 0;
        for &weight in weights {
            let part = times(stake[holder(weight)], penalty.basis(value(weight), agreed));
            bought += part;
            column.set(holder(weight), part);
        }
        let total = Total::new(bought);
        let rate = *fresh;
        column.scale(|part| times(rate, total.share(part)));
        let total = Total::new(bonds.iter().map(|&bond| value(bond)).sum());
        for &bond in bonds {
            column.add(holder(bond), times(*kept, total.share(value(bond))));
        }
        column.normalise();
        let most = Total::new(column.largest());
        self.store(uid, |share| ratio(most.share(share)));
        self.keep(uid);
    }

    fn settle_three(&mut self, uid: u16, weights: &[Cell], agreed: u64, bonds: &[Cell]) {
        let (penalty, fresh, kept) = (self.penalty, self.fresh, self.kept);
        self.column.begin();
        for &weight in weights {
            let basis = penalty.basis(value(weight), agreed);
            self.column.set(holder(weight), times(fresh, basis));
        }
        for &bond in bonds {
            self.column
                .add(holder(bond), times(kept, share_of_ratio(value(bond))));
        }
        self.store(uid, ratio);
        self.column.normalise();
        self.keep(uid);
    }

    fn settle_liquid(
        &mut self,
        uid: u16,
        weights: &[Cell],
        agreed: u64,
        bonds: &[Cell],
        rates: Rates,
    ) {
        let penalty = self.penalty;
        self.column.begin();
        weights
            .iter()
            .for_each(|&weight| self.column.amounts[holder(weight)] = 0);
        for &bond in bonds {
            self.column.amounts[holder(bond)] = share_of_ratio(value(bond));
        }
        for &weight in weights {
            let basis = penalty.basis(value(weight), agreed);
            // An absent weight lets its bond fall; an explicit zero lets it decay, except where interpolation removes it.
            let is_present = match penalty {
                Penalty::None => true,
                Penalty::Whole => agreed > 0,
                Penalty::Part(_) => basis > 0,
            };
            if is_present {
                let bond = self.column.amounts[holder(weight)];
                let rate = rates.rate(basis, bond, agreed);
                let followed = (times(ONE - rate, bond) + times(rate, basis)).min(ONE);
                self.column.set(holder(weight), followed);
            }
        }
        self.store(uid, ratio);
        self.column.normalise();
        self.keep(uid);
    }

    /// Appends the column to the rows to store.
    #[inline(always)]
    fn store(&mut self, uid: u16, stored: impl Fn(u64) -> u16) {
        for &holder in self.column.named() {
            let amount = self.column.amounts[usize::from(holder)];
            if let (Some(row), true) = (&mut self.rows[usize::from(holder)], amount > 0) {
                row.push((uid, stored(amount)));
            }
        }
    }

    /// Keeps the normalised column for the dividends.
    #[inline(always)]
    fn keep(&mut self, uid: u16) {
        let column = &self.column;
        let named = column.named().iter();
        self.shares
            .extend(named.map(|&holder| cell(column.amounts[usize::from(holder)], holder)));
        self.ends.push((uid, self.shares.len()));
    }

    /// Returns what each holder earns before normalising, and its row to store.
    pub fn finish(self, incentive: &[u64]) -> (Vec<u64>, Vec<Vec<(u16, u16)>>) {
        let mut earned = vec![0; self.stake.len()];
        let mut start = 0;
        for (uid, end) in self.ends {
            let incentive = incentive[usize::from(uid)];
            for &share in &self.shares[start..end] {
                earned[holder(share)] += times(value(share), incentive);
            }
            start = end;
        }
        if !matches!(self.rule, Rule::Two) {
            for (earned, stake) in earned.iter_mut().zip(&self.stake) {
                *earned = times(*earned, *stake);
            }
        }
        (
            earned,
            self.rows
                .into_iter()
                .map(Option::unwrap_or_default)
                .collect(),
        )
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

/// The column being settled: an amount per holder, and which holders have one.
struct Column {
    amounts: Vec<u64>,
    named: Vec<u16>,
    count: usize,
    /// The round in which each holder was last named.
    stamps: Vec<u32>,
    round: u32,
}

impl Column {
    fn new(holders: usize) -> Self {
        let (amounts, named) = (vec![0; holders], vec![0; holders]);
        Self {
            amounts,
            named,
            count: 0,
            stamps: vec![0; holders],
            round: 0,
        }
    }

    fn begin(&mut self) {
        self.count = 0;
        self.round += 1;
    }

    fn named(&self) -> &[u16] {
        &self.named[..self.count]
    }

    /// Names a holder that has not been named in this column.
    #[inline(always)]
    fn set(&mut self, holder: usize, amount: u64) {
        self.amounts[holder] = amount;
        self.stamps[holder] = self.round;
        self.named[self.count] = holder as u16;
        self.count += 1;
    }

    /// Adds to a holder's amount, naming it if it has not been.
    #[inline(always)]
    fn add(&mut self, holder: usize, amount: u64) {
        let is_new = self.stamps[holder] != self.round;
        let before = if is_new { 0 } else { self.amounts[holder] };
        self.amounts[holder] = before + amount;
        self.stamps[holder] = self.round;
        if is_new {
            self.named[self.count] = holder as u16;
            self.count += 1;
        }
    }

    #[inline(always)]
    fn scale(&mut self, scaled: impl Fn(u64) -> u64) {
        for &holder in &self.named[..self.count] {
            let amount = &mut self.amounts[usize::from(holder)];
            *amount = scaled(*amount);
        }
    }

    fn normalise(&mut self) {
        let sum = self
            .named()
            .iter()
            .map(|&holder| self.amounts[usize::from(holder)])
            .sum();
        let total = Total::new(sum);
        self.scale(|amount| total.share(amount));
    }

    fn largest(&self) -> u64 {
        self.named()
            .iter()
            .map(|&holder| self.amounts[usize::from(holder)])
            .max()
            .unwrap_or(0)
    }
}
