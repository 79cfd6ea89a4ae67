//! What a majority agrees on: the weighted median that consensus is (step 4 of the rule).
//!
//! Of opinions with stakes, the agreed value is the first, going up, at which the stake passed exceeds the minority
//! `Σ − κ`. Sorting each column would cost more than all else in an epoch together. Instead stake is counted into
//! buckets by value; only the bucket in which the minority is exceeded is looked into, by the same means, until few remain.

/// Columns this short are sorted outright.
const FEW: usize = 12;

/// The most buckets a column is spread over.
const BUCKETS_MAX: usize = 256;

/// A value and who holds it, in one word that orders by value: the value in the high 48 bits, the holder in the low 16.
pub type Cell = u64;

/// Packs a value below 2⁴⁸ with its holder.
#[inline(always)]
pub fn cell(value: u64, holder: u16) -> Cell {
    (value << 16) | u64::from(holder)
}

/// The value of a cell.
#[inline(always)]
pub fn value(cell: Cell) -> u64 {
    cell >> 16
}

/// The holder of a cell.
#[inline(always)]
pub fn holder(cell: Cell) -> usize {
    (cell & 0xffff) as usize
}

/// Finds agreed values, one column after another.
#[derive(Clone, Debug)]
pub struct Majority {
    /// The stake behind each holder's opinion, normalised.
    voices: Vec<u64>,
    /// All stake with a voice, that of the silent included.
    sum: u64,
    /// The stake that must be exceeded.
    minority: i64,
    opinions: Vec<Cell>,
    buckets: Vec<u64>,
}

impl Majority {
    /// Prepares for holders with these voices out of a sum that all voices add up to, and a majority `kappa`; counts
    /// of 2⁻³².
    pub fn new(voices: Vec<u64>, sum: u64, kappa: u64) -> Self {
        Self {
            minority: sum as i64 - kappa as i64,
            opinions: vec![0; voices.len()],
            buckets: vec![0; BUCKETS_MAX],
            voices,
            sum,
        }
    }

    /// Returns the value agreed on; holders that a column does not name hold zero.
    ///
    /// A column names each holder at most once.
    pub fn agreed(&mut self, column: &[Cell]) -> u64 {
        let Self {
            voices,
            sum,
            minority,
            opinions,
            buckets,
        } = self;
        let (mut count, mut heard) = (0, 0);
        for &cell in column {
            let voice = voices[holder(cell)];
            let counts = voice != 0 && value(cell) != 0;
            opinions[count] = cell;
            count += usize::from(counts);
            heard += if counts { voice } else { 0 };
        }
        let silent = *sum - heard;
        if silent > 0 && silent as i64 > *minority {
            return 0;
        }
        let opinions = &mut opinions[..count];
        let values = || opinions.iter().copied();
        if *minority < 0 {
            return values().min().map_or(0, value);
        }
        if *sum as i64 <= *minority {
            return values().max().map_or(0, value);
        }
        first_beyond(opinions, voices, buckets, silent, *minority as u64)
    }
}

/// Returns the least value at which `below` and the stake up to it exceed `minority`; the whole stake does.
fn first_beyond(
    mut opinions: &mut [Cell],
    voices: &[u64],
    buckets: &mut [u64],
    mut below: u64,
    minority: u64,
) -> u64 {
    while opinions.len() > FEW {
        let (mut least, mut most) = (Cell::MAX, 0);
        for &cell in opinions.iter() {
            least = least.min(cell);
            most = most.max(cell);
        }
        let least = value(least);
        let range = value(most) - least;
        if range == 0 {
            return least;
        }
        let buckets_bits = opinions.len().ilog2().min(BUCKETS_MAX.ilog2());
        let shift = (u64::BITS - range.leading_zeros()).saturating_sub(buckets_bits);
        let bucket = |cell: Cell| ((value(cell) - least) >> shift) as usize;

        let buckets = &mut buckets[..1 << buckets_bits];
        buckets.fill(0);
        for &cell in opinions.iter() {
            buckets[bucket(cell)] += voices[holder(cell)];
        }
        let mut middle = 0;
        while below + buckets[middle] <= minority {
            below += buckets[middle];
            middle += 1;
        }
        let mut count = 0;
        for index in 0..opinions.len() {
            let cell = opinions[index];
            opinions[count] = cell;
            count += usize::from(bucket(cell) == middle);
        }
        opinions = &mut opinions[..count];
    }
    opinions.sort_unstable();
    for &cell in opinions.iter() {
        below += voices[holder(cell)];
        if below > minority {
            return value(cell);
        }
    }
    unreachable!("the whole stake exceeds the minority")
}
