//! One uid's rows of weights and bonds, put in order and reduced to what counts (step 3 of the
//! rule).

use std::borrow::Cow;

use super::{Input, Params, Stakes};
use crate::fixed::SmallParts;

/// A row as stored: (uid, value).
pub(super) type Entries = [(u16, u16)];

/// One uid with weights or bonds.
#[derive(Debug)]
pub(super) struct Holder<'a> {
    pub uid: u16,
    pub weights: Cow<'a, Entries>,
    pub bonds: Cow<'a, Entries>,
    /// Divides a weight by the sum of those that count.
    pub total: SmallParts,
    /// Weights on those registered at this block or later do not count.
    pub registered_before: u64,
    /// Its weight on itself does not count.
    skips_itself: bool,
}

/// When uids were registered.
#[derive(Debug)]
pub(super) struct Registrations<'a> {
    at: Cow<'a, [u64]>,
    last: u64,
}

impl<'a> Registrations<'a> {
    pub fn of(input: &'a Input) -> Self {
        let uids = input.stake.len();
        let mut at = Cow::Borrowed(input.registered_at.as_slice());
        if at.len() < uids {
            at.to_mut().resize(uids, 0);
        }
        let last = at[..uids].iter().copied().max().unwrap_or(0);
        Self { at, last }
    }

    /// Whether the uid was registered before a block.
    #[inline(always)]
    pub fn is_before(&self, uid: u16, block: u64) -> bool {
        self.at[usize::from(uid)] < block
    }

    /// Whether all uids were.
    pub fn are_all_before(&self, block: u64) -> bool {
        self.last < block
    }
}

impl<'a> Holder<'a> {
    /// Reads one uid's rows; none if both are empty.
    pub fn of(
        params: &Params,
        input: &'a Input,
        stakes: &Stakes,
        registrations: &Registrations,
        uid: usize,
    ) -> Option<Self> {
        let uids = stakes.share.len();
        let stored = |rows: &'a [Vec<(u16, u16)>]| rows.get(uid).map_or(&[][..], Vec::as_slice);
        let weights = if stakes.permitted[uid] {
            stored(&input.weights)
        } else {
            &[]
        };
        let (weights, mut sum) = ordered(weights, uids);
        let (bonds, _) = ordered(stored(&input.bonds), uids);
        if weights.is_empty() && bonds.is_empty() {
            return None;
        }
        // Registered at the update or later, or after the commit: the weight was not meant for this
        // one.
        let updated = input.last_update.get(uid).copied().unwrap_or(0);
        let committed = input.commit_block.get(uid).copied().flatten();
        let registered_before = updated.min(committed.map_or(u64::MAX, |at| at.saturating_add(1)));
        let uid = uid as u16;
        let skips_itself = params.owner != Some(uid);
        let counts = |to: u16| to != uid || !skips_itself;

        if !registrations.are_all_before(registered_before) {
            let counts = |to| counts(to) && registrations.is_before(to, registered_before);
            let counted = weights.iter().filter(|(to, _)| counts(*to));
            sum = counted.map(|&(_, weight)| u64::from(weight)).sum();
        } else if skips_itself && let Ok(own) = weights.binary_search_by_key(&uid, |entry| entry.0)
        {
            sum -= u64::from(weights[own].1);
        }
        let total = SmallParts::of(sum);
        Some(Self {
            uid,
            weights,
            bonds,
            total,
            registered_before,
            skips_itself,
        })
    }

    /// Whether a weight on this uid can count: not on itself, unless it is the owner's.
    #[inline(always)]
    pub fn counts(&self, to: u16) -> bool {
        to != self.uid || !self.skips_itself
    }
}

/// A stored row in order of uid, of existing uids only, and the sum of its values; borrowed where
/// it is so already.
fn ordered(row: &Entries, uids: usize) -> (Cow<'_, Entries>, u64) {
    fetch(row);
    // No early exit: rows are nearly always in order, and this way a step is three instructions.
    let (mut last, mut disorder, mut sum) = (-1, 0, 0);
    for &(uid, value) in row {
        let uid = i32::from(uid);
        disorder |= uid - last - 1;
        last = uid;
        sum += u64::from(value);
    }
    if disorder >= 0 && last < uids as i32 {
        return (Cow::Borrowed(row), sum);
    }
    let exists = |entry: &(u16, u16)| usize::from(entry.0) < uids;
    let mut row: Vec<(u16, u16)> = row.iter().copied().filter(exists).collect();
    // A uid named twice counts by its last entry.
    row.reverse();
    row.sort_by_key(|&(uid, _)| uid);
    row.dedup_by_key(|&mut (uid, _)| uid);
    let sum = row.iter().map(|&(_, value)| u64::from(value)).sum();
    (Cow::Owned(row), sum)
}

/// Reads one entry of each cache line, so that all lines are on their way at once.
///
/// Rows come from far away, and a loop that does anything with each entry waits for one line after
/// another.
fn fetch(row: &Entries) {
    const ENTRIES_PER_LINE: usize = 64 / size_of::<(u16, u16)>();
    let touched = row
        .iter()
        .step_by(ENTRIES_PER_LINE)
        .fold(0, |sum, entry| sum ^ entry.0);
    std::hint::black_box(touched);
}

/// The part of an ordered row that lies before column `end`, from a cursor at column `start`.
#[inline]
pub(super) fn part(row: &Entries, cursor: usize, start: usize, end: usize) -> &Entries {
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
