//! Tests of the pallet, through one helper: a [`Market`] that checks the invariants after every
//! block and call.

mod bounds;
mod calls;
mod emission;
mod epochs;
mod market;
mod random;
mod staking;
mod weights;

pub(crate) use crate::{Call, *};
pub(crate) use market::*;
