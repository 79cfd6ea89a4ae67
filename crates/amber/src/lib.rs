//! Energies of proteins: Amber ff19SB with OBC2 implicit solvent, the same to the last bit everywhere.
//!
//! ```text
//!  data/*.dat, *.lib ─▶ parameters ─┐
//!                       template ───┼─▶ topology ─▶ system ─┬─▶ bonded, map   few terms, one by one
//!  Molecule ────────────────────────┘                       └─▶ pairs, born   every pair, two at a time, in shares (rows)
//! ```
//!
//! [`System::new`] gives every atom of a molecule its parameters; [`System::energy`] and [`System::gradient`] then evaluate
//! any positions of the same atoms.
//!
//! # The rule
//!
//! The energy is the one OpenMM 8.6.1 computes with `amber19/protein.ff19SB.xml` and `implicit/obc2.xml`, without cutoff
//! and without constraints. Lengths are in ångström, energies in kcal/mol. Each term is stated where it is computed.
//!
//! # Why the bits are the same
//!
//! Two honest machines must agree on an energy, or a validator would refuse honest work. So everything is f64; only
//! operations that IEEE 754 fixes (`+ − × ÷ √`) are used, in an order that depends on the molecule alone, never on the number
//! of threads; no multiplication is fused with an addition; `exp` and `ln` of pairs are polynomials of `lanes`, and the few
//! other functions come from `libm`, which is Rust alone.
//!
//! # Not here
//!
//! Reading files, comparing structures: `molecule`. Building chains, searching, judging: `folding`.

mod bonded;
mod born;
pub mod energy;
pub mod error;
mod lanes;
mod map;
mod pairs;
pub mod parameters;
mod rows;
pub mod system;
mod team;
pub mod template;
mod topology;

pub use energy::Energy;
pub use error::AmberError;
pub use system::{Bond, Solvent, System};
pub use template::{End, Template, TemplateAtom};
