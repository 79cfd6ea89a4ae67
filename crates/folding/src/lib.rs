//! Protein folding: chains built from a sequence, searched for low energy, and checked.
//!
//! ```text
//!  sequence ─▶ chain ─▶ search ─▶ positions, energy ─▶ check ─▶ the same energy, or a refusal
//!                 │        │                            │
//!                 └────────┴──────── anatomy ───────────┘   bonds, hands, planes, joints
//!                                       │
//!                                   template                residues.txt
//! ```
//!
//! Finding a low energy takes minutes; checking one takes milliseconds, and every machine computes the same bits. Energies
//! are Amber ff19SB with OBC2 implicit solvent, in kcal/mol; lengths are in ångström, angles in degrees.
//!
//! # Not here
//!
//! The energy itself (`amber`), files and comparisons (`molecule`), what an answer is paid (`tasks`).

pub mod anatomy;
pub mod baseline;
pub mod chain;
pub mod check;
pub mod engine;
pub mod refusal;
pub mod same;
pub mod search;
mod space;
mod template;

pub use baseline::baseline;
pub use chain::{Backbone, build, build_with};
pub use check::{Checker, check};
pub use engine::{Engine, EngineError};
pub use refusal::Refusal;
pub use same::{newness, same_fold};
pub use search::{Budget, Found, Progress, search};
