//! One cell of an epoch's matrices in one word, ordered by weight.
//!
//! ```text
//!  63            31 30        15 14       0
//!  │ weight + 1, or │   stored   │ holder  │
//!  │ 0 without one  │    bond    │         │
//! ```
//!
//! A strip is a million of these in all, moved three times; one word each is what keeps a strip in
//! the cache. An explicit zero weight is not the same as none: it lets a liquid bond decay instead
//! of falling.

use super::ONE;

/// A weight (a count of 2⁻³²) or none, a stored bond, and who holds them.
pub type Cell = u64;

/// How many holders a cell can tell apart.
pub const HOLDERS_MAX: usize = 1 << 15;

/// How many bits below the weight tell cells of one weight apart.
pub(super) const HOLDER_BITS: u32 = 31;

/// Packs a stored bond and a holder below [`HOLDERS_MAX`]: what a cell is without its weight.
#[inline(always)]
pub fn low_half(bond: u16, holder: usize) -> u32 {
    debug_assert!(holder < HOLDERS_MAX, "holders fit fifteen bits");
    (u32::from(bond) << 15) | holder as u32
}

/// The cell of a bond beside a weight of at most one.
#[inline(always)]
pub fn with_weight(weight: u64, low_half: u32) -> Cell {
    debug_assert!(weight <= ONE, "a weight is a share");
    ((weight + 1) << HOLDER_BITS) | u64::from(low_half)
}

/// The cell of a bond on its own.
#[inline(always)]
pub fn without_weight(low_half: u32) -> Cell {
    u64::from(low_half)
}

/// Orders cells by weight: zero without one, otherwise the weight plus one.
#[inline(always)]
pub fn level(cell: Cell) -> u64 {
    cell >> HOLDER_BITS
}

/// The weight of a cell, zero if it has none.
#[inline(always)]
pub fn weight(cell: Cell) -> u64 {
    level(cell).saturating_sub(1)
}

/// The stored bond of a cell.
#[inline(always)]
pub fn bond(cell: Cell) -> u64 {
    (cell >> 15) & 0xffff
}

/// The holder of a cell.
#[inline(always)]
pub fn holder(cell: Cell) -> usize {
    (cell & 0x7fff) as usize
}
