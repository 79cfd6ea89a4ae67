//! What a majority agrees on: the weighted median that consensus is (step 4 of the rule).
//!
//! Of opinions with stakes, the agreed value is the first, going up, at which the stake passed exceeds the minority
//! `Σ − κ`. Sorting each column would cost more than all else in an epoch together. Instead stake is counted into
//! buckets by value; only the bucket in which the minority is exceeded is looked into, by the same means, until few remain.

use super::cell::{Cell, holder, level, weight};

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
    /// Prepares for holders with these voices out of a sum that all voices add up to, and a majority `kappa`; counts
    /// of 2⁻³².
    pub fn new(voices: Vec<u64>, sum: u64, kappa: u64) -> Self {
        Self {
            minority: sum as i64 - kappa as i64,
            buckets: vec![0; BUCKETS_MAX],
            some: vec![0; voices.len()],
            fewer: vec![0; voices.len()],
            voices,
            sum,
        }
    }

    /// Returns the weight agreed on; holders that a column does not name, or without a weight, hold zero.
    ///
    /// A column names each holder at most once.
    pub fn agreed(&mut self, column: &[Cell]) -> u64 {
        let mut count = 0;
        let (mut heard, mut range) = (0, Range::EMPTY);
        for &cell in column {
            let voice = self.voices[holder(cell)];
            let counts = voice != 0 && level(cell) > 1;
            // Written so as to compile without branches; whether to copy can wait until it is known.
            self.some[count] = cell;
            count += usize::from(counts);
            heard += if counts { voice } else { 0 };
            range.least = range.least.min(if counts { cell } else { Cell::MAX });
            range.most = range.most.max(if counts { cell } else { 0 });
        }
        let silent = self.sum - heard;
        if silent > 0 && silent as i64 > self.minority {
            return 0;
        }
        if count == 0 {
            return 0;
        }
        if self.minority < 0 {
            return weight(range.least);
        }
        if self.sum as i64 <= self.minority {
            return weight(range.most);
        }
        self.first_beyond(count, range, silent, self.minority as u64)
    }

    /// Returns the least weight at which `below` and the stake up to it exceed `minority`; all of it does.
    ///
    /// The opinions in question are the first `count` of `some`.
    fn first_beyond(
        &mut self,
        mut count: usize,
        mut range: Range,
        mut below: u64,
        minority: u64,
    ) -> u64 {
        while count > FEW {
            let (least, width) = (level(range.least), range.width());
            if width == 0 {
                return least - 1;
            }
            let bits = count.ilog2().min(BUCKETS_MAX.ilog2());
            let shift = (u64::BITS - width.leading_zeros()).saturating_sub(bits);
            let bucket = |cell: Cell| ((level(cell) - least) >> shift) as usize;

            let buckets = &mut self.buckets[..1 << bits];
            buckets.fill(0);
            for &cell in &self.some[..count] {
                buckets[bucket(cell)] += self.voices[holder(cell)];
            }
            let mut middle = 0;
            while below + buckets[middle] <= minority {
                below += buckets[middle];
                middle += 1;
            }
            let mut left = 0;
            range = Range::EMPTY;
            for &cell in &self.some[..count] {
                self.fewer[left] = cell;
                left += usize::from(bucket(cell) == middle);
            }
            count = left;
            std::mem::swap(&mut self.some, &mut self.fewer);
            self.some[..count]
                .iter()
                .for_each(|&cell| range = range.with(cell));
        }
        let opinions = &mut self.some[..count];
        opinions.sort_unstable();
        for &cell in opinions.iter() {
            below += self.voices[holder(cell)];
            if below > minority {
                return weight(cell);
            }
        }
        unreachable!("the whole stake exceeds the minority")
    }
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
    fn with(self, cell: Cell) -> Self {
        Self {
            least: self.least.min(cell),
            most: self.most.max(cell),
        }
    }

    fn width(self) -> u64 {
        level(self.most) - level(self.least)
    }
}
