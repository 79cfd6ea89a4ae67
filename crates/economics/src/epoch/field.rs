//! The matrices of an epoch, a strip of columns at a time (steps 3 to 5 of the rule, and the order of the rest).
//!
//! Rows come in as each validator stored them; everything after normalising goes by column. So a strip of neighbouring
//! columns is gathered from all rows into a block that stays in the cache, and each of its columns is settled as far as
//! it goes without the others. What the last step needs of all columns at once, normalised bonds, is kept aside in one list.

use std::borrow::Cow;

use super::bonds::Bonds;
use super::majority::{Cell, Majority, cell, holder, value};
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
        let mut bonds = Bonds::new(self.params, yuma, stake.clone(), self.kept());
        let mut strip = Strip::new(self.holders.len());
        let mut consensus = vec![0; self.uids];
        let mut incentive = vec![0; self.uids];
        let mut trust = vec![0; self.holders.len()];

        for start in (0..self.uids).step_by(strip.columns) {
            let end = (start + strip.columns).min(self.uids);
            self.gather(&mut strip, start, end);
            for uid in start..end {
                let weights = strip.weights.column(uid - start);
                let agreed = self.majority.agreed(weights);
                consensus[uid] = agreed;
                incentive[uid] = rank(weights, agreed, &stake, &mut trust);
                bonds.settle_column(uid as u16, weights, agreed, strip.bonds.column(uid - start));
            }
        }
        normalise(&mut incentive);
        let (earned, rows) = bonds.finish(&incentive);
        let mut dividends = self.by_uid(earned);
        normalise(&mut dividends);
        let mut stored = vec![Vec::new(); self.uids];
        for (holder, row) in self.holders.iter().zip(rows) {
            stored[usize::from(holder.uid)] = row;
        }
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

    /// The room for each holder's new bonds, none for those who lose or lack a permit.
    fn kept(&self) -> Vec<Option<usize>> {
        let room = |holder: &Holder| {
            let is_kept = self.stakes.permitted_next[usize::from(holder.uid)];
            is_kept.then(|| holder.weights.len().max(holder.bonds.len()))
        };
        self.holders.iter().map(room).collect()
    }

    /// Fills a strip with the columns from `start` to `end` of all rows.
    fn gather(&self, strip: &mut Strip, start: usize, end: usize) {
        strip.weights.clear();
        strip.bonds.clear();
        for (index, holder) in self.holders.iter().enumerate() {
            let row = advance(
                &holder.weights,
                &mut strip.weight_cursors[index],
                start,
                end,
            );
            let checks_registration = self.registered_last >= holder.registered_before;
            for &(uid, weight) in row {
                let skipped = (uid == holder.uid && holder.skips_itself)
                    || (checks_registration
                        && self.registered_at[usize::from(uid)] >= holder.registered_before);
                if !skipped {
                    let share = holder.total.share(u64::from(weight));
                    strip
                        .weights
                        .push(usize::from(uid) - start, cell(share, index as u16));
                }
            }
            let row = advance(&holder.bonds, &mut strip.bond_cursors[index], start, end);
            for &(uid, bond) in row {
                if self.registered_at[usize::from(uid)] < self.bonds_before {
                    strip.bonds.push(
                        usize::from(uid) - start,
                        cell(u64::from(bond), index as u16),
                    );
                }
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
        let counts = |&&(to, _): &&(u16, u16)| {
            !(to == uid && skips_itself)
                && (registered_last < registered_before
                    || registered_at[usize::from(to)] < registered_before)
        };
        let sum = weights
            .iter()
            .filter(counts)
            .map(|&(_, weight)| u64::from(weight))
            .sum();
        Some(Self {
            uid,
            total: Total::new(sum),
            weights,
            skips_itself,
            registered_before,
            bonds,
        })
    }
}

/// A stored row in order of uid, of existing uids only; borrowed where it is so already.
fn ordered(row: &[(u16, u16)], uids: usize) -> Row<'_> {
    let ascends = row
        .windows(2)
        .fold(true, |ascends, pair| ascends & (pair[0].0 < pair[1].0));
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

/// The part of an ordered row from `start` to `end`, moving the cursor past it.
#[inline]
fn advance<'r>(
    row: &'r [(u16, u16)],
    cursor: &mut usize,
    start: usize,
    end: usize,
) -> &'r [(u16, u16)] {
    if start == 0 {
        *cursor = 0;
    }
    let rest = &row[*cursor..];
    // No row has more entries than columns, so the part cannot be longer than the strip is wide.
    let within = &rest[..rest.len().min(end - start)];
    let length = within.partition_point(|&(uid, _)| usize::from(uid) < end);
    *cursor += length;
    &within[..length]
}

/// Returns a column's rank, and adds its clipped weights to its holders' trust.
#[inline]
fn rank(weights: &[Cell], agreed: u64, stake: &[u64], trust: &mut [u64]) -> u64 {
    let mut rank = 0;
    for &cell in weights {
        let clipped = value(cell).min(agreed);
        rank += times(stake[holder(cell)], clipped);
        trust[holder(cell)] += clipped;
    }
    rank
}

/// A strip of columns of both matrices.
struct Strip {
    columns: usize,
    weights: Columns,
    bonds: Columns,
    weight_cursors: Vec<usize>,
    bond_cursors: Vec<usize>,
}

impl Strip {
    fn new(holders: usize) -> Self {
        let columns = (STRIP_CELLS / holders.max(1)).clamp(STRIP_COLUMNS.0, STRIP_COLUMNS.1);
        Self {
            columns,
            weights: Columns::new(columns, holders),
            bonds: Columns::new(columns, holders),
            weight_cursors: vec![0; holders],
            bond_cursors: vec![0; holders],
        }
    }
}

/// Columns of equal room, each filled from its top.
struct Columns {
    cells: Vec<Cell>,
    counts: Vec<usize>,
    stride: usize,
}

impl Columns {
    fn new(columns: usize, holders: usize) -> Self {
        // One cache line more than needed: at a power of two, all columns would compete for the same sets.
        let stride = holders + 8;
        Self {
            cells: vec![0; columns * stride],
            counts: vec![0; columns],
            stride,
        }
    }

    fn clear(&mut self) {
        self.counts.fill(0);
    }

    #[inline(always)]
    fn push(&mut self, column: usize, cell: Cell) {
        let count = &mut self.counts[column];
        self.cells[column * self.stride + *count] = cell;
        *count += 1;
    }

    #[inline(always)]
    fn column(&self, column: usize) -> &[Cell] {
        let start = column * self.stride;
        &self.cells[start..start + self.counts[column]]
    }
}
