//! What a majority agrees on: the weighted median that consensus is (step 4 of the rule).
//!
//! Of opinions with stakes, the agreed value is the first, going up, at which the stake passed
//! exceeds the minority `Σ − κ`. Sorting each column would cost more than all else in an epoch
//! together. Instead stake is counted into buckets by value; only the bucket in which the minority
//! is exceeded is looked into, by the same means, until few remain.

use super::cell::{Cell, HOLDER_BITS, holder, level, weight};

/// Columns this short are sorted outright.
const FEW: usize = 12;

/// The most buckets a column is spread over.
const BUCKETS_MAX: usize = 256;

/// Finds agreed values, one column after another.
#[derive(Clone, Debug)]
pub struct Majority {
    /// The stake behind each holder's opinion, normalised.
    voices: Vec<u64>,
    /// All stake with a voice, that of the silent included.
    sum: u64,
    /// The stake that must be exceeded.
    minority: i64,
    buckets: Vec<u64>,
    /// Where the opinions still in question are moved, to and fro.
    some: Vec<Cell>,
    fewer: Vec<Cell>,
}

impl Majority {
    /// Prepares for holders with these voices out of a sum that all voices add up to, and a
    /// majority `kappa`; counts of 2⁻³².
    pub fn new(voices: Vec<u64>, sum: u64, kappa: u64) -> Self {
        Self {
            minority: sum as i64 - kappa as i64,
            buckets: vec![0; BUCKETS_MAX + 1],
            some: vec![0; voices.len()],
            fewer: vec![0; voices.len()],
            voices,
            sum,
        }
    }

    /// Returns the weight agreed on; holders that a column does not name, or without a weight, hold
    /// zero.
    ///
    /// A column names each holder at most once.
    pub fn agreed(&mut self, column: &[Cell]) -> u64 {
        let (mut heard, mut range) = (0, Range::EMPTY);
        for &cell in column {
            let counts = level(cell) > 1;
            heard += if counts { self.voices[holder(cell)] } else { 0 };
            range.least = range.least.min(if counts { cell } else { Cell::MAX });
            range.most = range.most.max(cell);
        }
        let silent = self.sum - heard;
        if heard == 0 || (silent > 0 && silent as i64 > self.minority) {
            return 0;
        }
        if self.minority < 0 || self.sum as i64 <= self.minority {
            return self.at_the_end(column);
        }
        self.first_beyond(column, range, silent, self.minority as u64)
    }

    /// Where the majority is all or nothing, every opinion passes or none: the least is agreed on,
    /// or the most.
    fn at_the_end(&self, column: &[Cell]) -> u64 {
        let counts = |cell: &Cell| level(*cell) > 1 && self.voices[holder(*cell)] != 0;
        let opinions = column.iter().copied().filter(counts);
        let end = if self.minority < 0 {
            opinions.min()
        } else {
            opinions.max()
        };
        end.map_or(0, weight)
    }

    /// Returns the least weight at which `below` and the stake up to it exceed `minority`; all of
    /// it does.
    fn first_beyond(
        &mut self,
        column: &[Cell],
        mut range: Range,
        mut below: u64,
        minority: u64,
    ) -> u64 {
        let Self {
            voices,
            buckets,
            some,
            fewer,
            ..
        } = self;
        let mut count = if column.len() > FEW {
            narrow(column, range, voices, buckets, &mut below, minority, some)
        } else {
            some[..column.len()].copy_from_slice(column);
            column.len()
        };
        while count > FEW {
            range = Range::EMPTY;
            some[..count].iter().for_each(|&cell| range.take(cell));
            if range.width() == 0 {
                return weight(range.least);
            }
            count = narrow(
                &some[..count],
                range,
                voices,
                buckets,
                &mut below,
                minority,
                fewer,
            );
            std::mem::swap(some, fewer);
        }
        let opinions = &mut some[..count];
        opinions.sort_unstable();
        for &cell in opinions.iter() {
            below += if level(cell) > 1 {
                voices[holder(cell)]
            } else {
                0
            };
            if below > minority {
                return weight(cell);
            }
        }
        unreachable!("the whole stake exceeds the minority")
    }
}

/// Counts stake into buckets over a range of weights, and moves the cells of that bucket in which
/// the minority is exceeded to the front of `into`; stake in buckets before it is added to `below`.
/// Returns how many are moved.
fn narrow(
    cells: &[Cell],
    range: Range,
    voices: &[u64],
    buckets: &mut [u64],
    below: &mut u64,
    minority: u64,
    into: &mut [Cell],
) -> usize {
    let bits = cells.len().ilog2().min(BUCKETS_MAX.ilog2());
    let spare = 1 << bits;
    let buckets = &mut buckets[..=spare];
    buckets.fill(0);
    // Cells compare by weight first, so their distance from the first of the range can stand for
    // the weight's.
    let first = range.least >> HOLDER_BITS << HOLDER_BITS;
    let shift = (u64::BITS - (range.most - first).leading_zeros()).saturating_sub(bits);
    for &cell in cells {
        // What lies below the range wraps to the far end, and is set aside in a bucket beyond.
        let bucket = (cell.wrapping_sub(first) >> shift) as usize;
        buckets[bucket.min(spare)] += voices[holder(cell)];
    }
    let mut middle = 0;
    while *below + buckets[middle] <= minority {
        *below += buckets[middle];
        middle += 1;
    }
    let first = first + ((middle as u64) << shift);
    let mut count = 0;
    for &cell in cells {
        into[count] = cell;
        count += usize::from(cell.wrapping_sub(first) >> shift == 0);
    }
    count
}

/// The least and the most of some cells.
#[derive(Clone, Copy)]
struct Range {
    least: Cell,
    most: Cell,
}

impl Range {
    const EMPTY: Self = Self {
        least: Cell::MAX,
        most: 0,
    };

    #[inline(always)]
    fn take(&mut self, cell: Cell) {
        self.least = self.least.min(cell);
        self.most = self.most.max(cell);
    }

    fn width(self) -> u64 {
        level(self.most) - level(self.least)
    }
}
