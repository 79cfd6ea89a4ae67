//! The matrices of an epoch, a strip of columns at a time (steps 3 to 5 of the rule, and the order
//! of the rest).
//!
//! Rows come in as each validator stored them; everything after normalising goes by column. So a
//! strip of neighbouring columns is gathered from all rows into a block that stays in the cache,
//! and each of its columns is settled as far as it goes without the others. What the last step
//! needs of all columns at once, normalised bonds, is kept aside in one list.

use super::bonds::{Bonds, Column};
use super::cell::{Cell, HOLDERS_MAX, low_half, with_weight, without_weight};
use super::majority::Majority;
use super::row::{Entries, Holder, Registrations, part};
use super::{Input, Params, Stakes, Yuma, normalise, share_of_ratio};
use crate::fixed::SmallParts;

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

/// Everything an epoch computes from.
pub(super) struct Field<'a> {
    params: &'a Params,
    uids: usize,
    stakes: &'a Stakes,
    holders: Vec<Holder<'a>>,
    registrations: Registrations<'a>,
    /// Bonds towards those registered at this block or later do not count.
    bonds_before: u64,
    majority: Majority,
    past_consensus: Option<&'a [u16]>,
}

impl<'a> Field<'a> {
    /// Reads an epoch's rows.
    ///
    /// # Panics
    ///
    /// If more than [`HOLDERS_MAX`] uids have weights or bonds.
    pub fn new(params: &'a Params, input: &'a Input, stakes: &'a Stakes) -> Self {
        let uids = input.stake.len();
        let registrations = Registrations::of(input);
        let bonds_before = match input.last_step_block {
            0 => input.block.saturating_sub(u64::from(params.tempo)),
            last => last.saturating_add(1),
        };
        let holder = |uid| Holder::of(params, input, stakes, &registrations, uid);
        let holders: Vec<Holder<'a>> = (0..uids).filter_map(holder).collect();
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
            registrations,
            bonds_before,
            majority,
            past_consensus: input.past_consensus.as_deref(),
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
            .map(|h| (h.weights.len() + h.bonds.len()).min(self.uids))
            .collect();
        let mut bonds = Bonds::new(self.params, yuma, &stake, &room);
        let mut strip = Strip::new(self.holders.len());
        let mut consensus = vec![0; self.uids];
        let mut incentive = vec![0; self.uids];

        for start in (0..self.uids).step_by(strip.columns) {
            let end = (start + strip.columns).min(self.uids);
            self.gather(&mut strip, start, end);
            for uid in start..end {
                let cells = strip.column(uid - start);
                let agreed = self.majority.agreed(cells);
                consensus[uid] = agreed;
                let is_new = !self.registrations.is_before(uid as u16, self.bonds_before);
                let column = Column {
                    uid: uid as u16,
                    cells,
                    agreed,
                    measure: self.past_consensus.map_or(agreed, |past| {
                        share_of_ratio(past.get(uid).copied().unwrap_or(0).into())
                    }),
                    is_new,
                };
                incentive[uid] = bonds.settle_column(column);
            }
        }
        normalise(&mut incentive);
        let earnings = bonds.finish(&incentive);
        let mut dividends = self.by_uid(&earnings.dividends);
        normalise(&mut dividends);
        let mut stored = vec![Vec::new(); self.uids];
        for (holder, row) in self.holders.iter().zip(earnings.rows) {
            let uid = usize::from(holder.uid);
            if self.stakes.permitted_next[uid] {
                stored[uid] = row;
            }
        }
        Outcome {
            consensus,
            trust: self.by_uid(&earnings.trust),
            incentive,
            dividends,
            bonds: stored,
        }
    }

    fn by_uid(&self, values: &[u64]) -> Vec<u64> {
        let mut spread = vec![0; self.uids];
        for (holder, &value) in self.holders.iter().zip(values) {
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
            if !self.registrations.are_all_before(holder.registered_before) {
                let counts = |uid: u16| {
                    holder.counts(uid)
                        && self.registrations.is_before(uid, holder.registered_before)
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

/// A strip of columns of both matrices, filled row by row. All columns have equal room.
struct Strip {
    columns: usize,
    start: usize,
    stride: usize,
    cells: Vec<Cell>,
    /// One per column.
    slots: Vec<Slot>,
    /// How far each row's weights and bonds have been read.
    cursors: Vec<[usize; 2]>,
}

/// The state of a column while rows are added.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Where the next cell goes.
    next: usize,
    /// The bond of the row being added as [`low_half`] has it, until its cell is written. Zero if
    /// there is none, or if it is the first holder's and nothing.
    waiting: u32,
}

impl Strip {
    fn new(holders: usize) -> Self {
        let columns = (STRIP_CELLS / holders.max(1)).clamp(STRIP_COLUMNS.0, STRIP_COLUMNS.1);
        // One cache line more than needed: at a power of two, all columns would compete for the
        // same sets.
        let stride = holders + 8;
        Self {
            columns,
            start: 0,
            stride,
            cells: vec![0; columns * stride],
            slots: vec![Slot::default(); columns],
            cursors: vec![[0; 2]; holders],
        }
    }

    /// Empties the strip and puts it at a column.
    fn begin(&mut self, start: usize) {
        self.start = start;
        for (column, slot) in self.slots.iter_mut().enumerate() {
            slot.next = column * self.stride;
        }
    }

    /// Adds a row's weights and bonds, merged by uid, leaving out weights that do not count.
    #[inline(always)]
    fn add_row(
        &mut self,
        index: usize,
        weights: &Entries,
        bonds: &Entries,
        total: SmallParts,
        counts: impl Fn(u16) -> bool,
    ) {
        if weights.len() == bonds.len()
            && weights
                .iter()
                .zip(bonds)
                .all(|(weight, bond)| weight.0 == bond.0)
        {
            for (&(to, weight), &(_, bond)) in weights.iter().zip(bonds) {
                let low = low_half(bond, index);
                let cell = if counts(to) {
                    with_weight(total.share(u64::from(weight)), low)
                } else {
                    without_weight(low)
                };
                let slot = &mut self.slots[usize::from(to) - self.start];
                self.cells[slot.next] = cell;
                slot.next += 1;
            }
            return;
        }
        // Each bond waits in its column for a weight beside it. Merging the rows by comparing uids
        // would make each step wait for the one before.
        for &(to, bond) in bonds {
            self.slots[usize::from(to) - self.start].waiting = low_half(bond, index);
        }
        for &(to, weight) in weights {
            if counts(to) {
                let slot = &mut self.slots[usize::from(to) - self.start];
                let low = slot.waiting | low_half(0, index);
                self.cells[slot.next] = with_weight(total.share(u64::from(weight)), low);
                slot.next += 1;
                slot.waiting = 0;
            }
        }
        for &(to, _) in bonds {
            let slot = &mut self.slots[usize::from(to) - self.start];
            // Written either way, counted only if still waiting: whether it is, is anybody's guess.
            self.cells[slot.next] = without_weight(slot.waiting);
            slot.next += usize::from(slot.waiting > 0);
            slot.waiting = 0;
        }
    }

    #[inline(always)]
    fn column(&self, column: usize) -> &[Cell] {
        &self.cells[column * self.stride..self.slots[column].next]
    }
}
