//! The matrices of an epoch, a strip of columns at a time (steps 3 to 5 of the rule, and the order of the rest).
//!
//! Rows come in as each validator stored them; everything after normalising goes by column. So a strip of neighbouring
//! columns is gathered from all rows into a block that stays in the cache, and each of its columns is settled as far as
//! it goes without the others. What the last step needs of all columns at once, normalised bonds, is kept aside in one list.

use std::borrow::Cow;

use super::bonds::{Bonds, Column};
use super::cell::{Cell, HOLDERS_MAX, cell, holder, weight};
use super::majority::Majority;
use super::{Input, Params, Stakes, Yuma, normalise, share_of_ratio, times};
use crate::fixed::Total;

/// How many cells a strip may have room for, so that it fits the second-level cache.
const STRIP_CELLS: usize = 16 * 1024;

/// Bounds on how many columns a strip spans.
const STRIP_COLUMNS: (usize, usize) = (16, 512);

/// The shares an epoch arrives at, as counts of 2⁻³² by uid, and the bonds to store.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub consensus: Vec<u64>,
    pub trust: Vec<u64>,
    pub incentive: Vec<u64>,
    pub dividends: Vec<u64>,
    pub bonds: Vec<Vec<(u16, u16)>>,
}

type Row<'a> = Cow<'a, [(u16, u16)]>;

/// One uid with weights or bonds.
#[derive(Debug)]
struct Holder<'a> {
    uid: u16,
    weights: Row<'a>,
    /// Divides a weight by the sum of those that count.
    total: Total,
    /// Its own weight does not count.
    skips_itself: bool,
    /// Weights on those registered at this block or later do not count.
    registered_before: u64,
    bonds: Row<'a>,
}

/// Everything an epoch computes from, and the room it computes in.
pub(super) struct Field<'a> {
    params: &'a Params,
    uids: usize,
    stakes: &'a Stakes,
    holders: Vec<Holder<'a>>,
    registered_at: Cow<'a, [u64]>,
    registered_last: u64,
    /// Bonds towards those registered at this block or later do not count.
    bonds_before: u64,
    majority: Majority,
}

impl<'a> Field<'a> {
    pub fn new(params: &'a Params, input: &'a Input, stakes: &'a Stakes) -> Self {
        let uids = input.stake.len();
        let mut registered_at = Cow::Borrowed(input.registered_at.as_slice());
        if registered_at.len() < uids {
            registered_at.to_mut().resize(uids, 0);
        }
        let registered_last = registered_at[..uids].iter().copied().max().unwrap_or(0);
        let bonds_before = match input.last_step_block {
            0 => input.block.saturating_sub(u64::from(params.tempo)),
            last => last + 1,
        };
        let holders: Vec<Holder<'a>> = (0..uids)
            .filter_map(|uid| {
                Holder::new(params, input, stakes, uid, &registered_at, registered_last)
            })
            .collect();
        assert!(
            holders.len() <= HOLDERS_MAX,
            "a subnet has at most {HOLDERS_MAX} graders"
        );
        let mut voices = stakes.active_share.clone();
        normalise(&mut voices);
        let sum = voices.iter().sum();
        let voices = holders
            .iter()
            .map(|holder| voices[usize::from(holder.uid)])
            .collect();
        let majority = Majority::new(voices, sum, share_of_ratio(u64::from(params.kappa)));
        Self {
            params,
            uids,
            stakes,
            holders,
            registered_at,
            registered_last,
            bonds_before,
            majority,
        }
    }

    /// Settles all columns with the given kind of bonds.
    pub fn settle(&mut self, yuma: Yuma) -> Outcome {
        let stake: Vec<u64> = self
            .holders
            .iter()
            .map(|h| self.stakes.active_share[usize::from(h.uid)])
            .collect();
        let room: Vec<usize> = self
            .holders
            .iter()
            .map(|h| h.weights.len().max(h.bonds.len()))
            .collect();
        let mut bonds = Bonds::new(self.params, yuma, stake.clone(), &room);
        let mut strip = Strip::new(self.holders.len());
        let mut consensus = vec![0; self.uids];
        let mut incentive = vec![0; self.uids];
        let mut earners: Vec<Earner> = stake
            .iter()
            .map(|&stake| Earner { stake, trust: 0 })
            .collect();

        for start in (0..self.uids).step_by(strip.columns) {
            let end = (start + strip.columns).min(self.uids);
            self.gather(&mut strip, start, end);
            for uid in start..end {
                let cells = strip.column(uid - start);
                let agreed = self.majority.agreed(cells);
                consensus[uid] = agreed;
                incentive[uid] = rank(cells, agreed, &mut earners);
                let is_new = self.registered_at[uid] >= self.bonds_before;
                bonds.settle_column(Column {
                    uid: uid as u16,
                    cells,
                    agreed,
                    is_new,
                });
            }
        }
        normalise(&mut incentive);
        let (earned, rows) = bonds.finish(&incentive);
        let mut dividends = self.by_uid(earned);
        normalise(&mut dividends);
        let mut stored = vec![Vec::new(); self.uids];
        for (holder, row) in self.holders.iter().zip(rows) {
            let uid = usize::from(holder.uid);
            if self.stakes.permitted_next[uid] {
                stored[uid] = row;
            }
        }
        let trust = earners.iter().map(|earner| earner.trust).collect();
        Outcome {
            consensus,
            trust: self.by_uid(trust),
            incentive,
            dividends,
            bonds: stored,
        }
    }

    fn by_uid(&self, values: Vec<u64>) -> Vec<u64> {
        let mut spread = vec![0; self.uids];
        for (holder, value) in self.holders.iter().zip(values) {
            spread[usize::from(holder.uid)] = value;
        }
        spread
    }

    /// Fills a strip with the columns from `start` to `end` of all rows.
    fn gather(&self, strip: &mut Strip, start: usize, end: usize) {
        strip.begin(start);
        for (index, holder) in self.holders.iter().enumerate() {
            let [weights, bonds] = strip.cursors[index];
            let weights = part(&holder.weights, weights, start, end);
            let bonds = part(&holder.bonds, bonds, start, end);
            strip.cursors[index][0] += weights.len();
            strip.cursors[index][1] += bonds.len();
            let holds_itself = (start..end).contains(&usize::from(holder.uid));
            if self.registered_last >= holder.registered_before {
                let counts = |uid: u16| {
                    holder.counts(uid)
                        && self.registered_at[usize::from(uid)] < holder.registered_before
                };
                strip.add_row(index, weights, bonds, holder.total, counts);
            } else if holds_itself {
                strip.add_row(index, weights, bonds, holder.total, |uid| {
                    holder.counts(uid)
                });
            } else {
                strip.add_row(index, weights, bonds, holder.total, |_| true);
            }
        }
    }
}

impl<'a> Holder<'a> {
    /// Reads one uid's rows; none if both are empty.
    fn new(
        params: &Params,
        input: &'a Input,
        stakes: &Stakes,
        uid: usize,
        registered_at: &[u64],
        registered_last: u64,
    ) -> Option<Self> {
        let stored = |rows: &'a [Vec<(u16, u16)>]| rows.get(uid).map_or(&[][..], Vec::as_slice);
        let weights = if stakes.permitted[uid] {
            stored(&input.weights)
        } else {
            &[]
        };
        let (weights, bonds) = (
            ordered(weights, stakes.share.len()),
            ordered(stored(&input.bonds), stakes.share.len()),
        );
        if weights.is_empty() && bonds.is_empty() {
            return None;
        }
        // Registered at the update or later, or after the commit: the weight was not meant for this one.
        let updated = input.last_update.get(uid).copied().unwrap_or(0);
        let committed = input.commit_block.get(uid).copied().flatten();
        let registered_before = updated.min(committed.map_or(u64::MAX, |at| at.saturating_add(1)));
        let uid = uid as u16;
        let skips_itself = params.owner != Some(uid);
        let holder = Self {
            uid,
            total: Total::new(0),
            weights,
            skips_itself,
            registered_before,
            bonds,
        };
        let counts = |&&(to, _): &&(u16, u16)| {
            holder.counts(to) && registered_at[usize::from(to)] < registered_before
        };
        let sum = if registered_last < registered_before {
            let sum: u64 = holder
                .weights
                .iter()
                .map(|&(_, weight)| u64::from(weight))
                .sum();
            let own = holder.weights.binary_search_by_key(&uid, |&(to, _)| to);
            sum - own.map_or(0, |at| {
                if skips_itself {
                    u64::from(holder.weights[at].1)
                } else {
                    0
                }
            })
        } else {
            holder
                .weights
                .iter()
                .filter(counts)
                .map(|&(_, weight)| u64::from(weight))
                .sum()
        };
        Some(Self {
            total: Total::new(sum),
            ..holder
        })
    }

    /// Whether a weight on this uid can count: not on itself, unless it is the owner's.
    #[inline(always)]
    fn counts(&self, to: u16) -> bool {
        to != self.uid || !self.skips_itself
    }
}

/// A stored row in order of uid, of existing uids only; borrowed where it is so already.
fn ordered(row: &[(u16, u16)], uids: usize) -> Row<'_> {
    let ascends = row
        .iter()
        .zip(row.iter().skip(1))
        .all(|(one, next)| one.0 < next.0);
    let exists = row.last().is_none_or(|&(uid, _)| usize::from(uid) < uids);
    if ascends && exists {
        return Cow::Borrowed(row);
    }
    let mut row: Vec<(u16, u16)> = row
        .iter()
        .copied()
        .filter(|&(uid, _)| usize::from(uid) < uids)
        .collect();
    // A uid named twice counts by its last entry.
    row.reverse();
    row.sort_by_key(|&(uid, _)| uid);
    row.dedup_by_key(|&mut (uid, _)| uid);
    Cow::Owned(row)
}

/// The part of an ordered row that lies before column `end`, from a cursor at column `start`.
#[inline]
fn part(row: &[(u16, u16)], cursor: usize, start: usize, end: usize) -> &[(u16, u16)] {
    let rest = &row[cursor..];
    // No part has more entries than the strip has columns.
    let within = &rest[..rest.len().min(end - start)];
    match within.last() {
        Some(&(uid, _)) if usize::from(uid) >= end => {
            &within[..within.partition_point(|&(uid, _)| usize::from(uid) < end)]
        }
        _ => within,
    }
}

/// What ranking a column needs of a holder, side by side.
struct Earner {
    stake: u64,
    trust: u64,
}

/// Returns a column's rank, and adds its clipped weights to its holders' trust.
#[inline]
fn rank(cells: &[Cell], agreed: u64, earners: &mut [Earner]) -> u64 {
    let mut rank = 0;
    for &cell in cells {
        let earner = &mut earners[holder(cell)];
        let clipped = weight(cell).min(agreed);
        rank += times(earner.stake, clipped);
        earner.trust += clipped;
    }
    rank
}

/// A strip of columns of both matrices, filled row by row. All columns have equal room.
struct Strip {
    columns: usize,
    start: usize,
    stride: usize,
    cells: Vec<Cell>,
    /// Where each column's next cell goes.
    next: Vec<usize>,
    /// How far each row's weights and bonds have been read.
    cursors: Vec<[usize; 2]>,
}

impl Strip {
    fn new(holders: usize) -> Self {
        let columns = (STRIP_CELLS / holders.max(1)).clamp(STRIP_COLUMNS.0, STRIP_COLUMNS.1);
        // One cache line more than needed: at a power of two, all columns would compete for the same sets.
        let stride = holders + 8;
        Self {
            columns,
            start: 0,
            stride,
            cells: vec![0; columns * stride],
            next: vec![0; columns],
            cursors: vec![[0; 2]; holders],
        }
    }

    /// Empties the strip and puts it at a column.
    fn begin(&mut self, start: usize) {
        self.start = start;
        self.next
            .iter_mut()
            .enumerate()
            .for_each(|(column, next)| *next = column * self.stride);
    }

    /// Adds a row's weights and bonds, merged by uid, leaving out weights that do not count.
    #[inline(always)]
    fn add_row(
        &mut self,
        index: usize,
        weights: &[(u16, u16)],
        bonds: &[(u16, u16)],
        total: Total,
        counts: impl Fn(u16) -> bool,
    ) {
        if weights.len() == bonds.len()
            && weights
                .iter()
                .zip(bonds)
                .all(|(weight, bond)| weight.0 == bond.0)
        {
            for (&(to, weight), &(_, bond)) in weights.iter().zip(bonds) {
                let share = counts(to).then_some(total.share_of_small(weight));
                self.push(to, cell(share, bond, index));
            }
            return;
        }
        let (mut w, mut b) = (0, 0);
        while w < weights.len() && b < bonds.len() {
            let ((to_w, weight), (to_b, bond)) = (weights[w], bonds[b]);
            // Written so as to compile without branches: which row is ahead is anybody's guess.
            let (takes_weight, takes_bond) = (to_w <= to_b, to_b <= to_w);
            w += usize::from(takes_weight);
            b += usize::from(takes_bond);
            let share = total.share_of_small(if takes_weight { weight } else { 0 });
            let share = (takes_weight && counts(to_w)).then_some(share);
            let bond = if takes_bond { bond } else { 0 };
            if share.is_some() || takes_bond {
                self.push(to_w.min(to_b), cell(share, bond, index));
            }
        }
        for &(to, weight) in &weights[w..] {
            if counts(to) {
                self.push(to, cell(Some(total.share_of_small(weight)), 0, index));
            }
        }
        for &(to, bond) in &bonds[b..] {
            self.push(to, cell(None, bond, index));
        }
    }

    #[inline(always)]
    fn push(&mut self, to: u16, cell: Cell) {
        let next = &mut self.next[usize::from(to) - self.start];
        self.cells[*next] = cell;
        *next += 1;
    }

    #[inline(always)]
    fn column(&self, column: usize) -> &[Cell] {
        &self.cells[column * self.stride..self.next[column]]
    }
}
