//! Tests of the pallet, through one helper: a [`Market`] that checks the invariants after every
//! block and call.

mod attacks;
mod bounds;
mod calls;
mod children;
mod copier;
mod crowd;
mod dissolution;
mod emission;
mod epochs;
mod life;
mod liquid;
mod market;
mod mechanisms;
mod origins;
mod random;
mod staking;
mod swaps;
mod timelock;
mod vectors;
mod weights;

pub(crate) use crate::{Call, *};
pub(crate) use market::*;
