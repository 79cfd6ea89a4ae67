//! The nouns everyone says: amounts, ids, addresses.
//!
//! A type here means the same thing on chain, on the wire and in a table on the screen, so that a number never has to
//! be explained twice: an amount is [`Rao`], a subnet is [`NetUid`], a seat in it is [`Uid`], the work it buys is
//! a [`TaskId`], and whoever owns or signs
//! something is an [`AccountId`].
//!
//! # Not here
//!
//! Secrets ([`AccountId`] is the public half; the other half lives in the crate `keys`), arithmetic of the market (the
//! crate `economics`), anything that reads a file, a clock or the network.

mod account;
mod amount;
mod id;
mod task;

pub use account::{AccountId, AddressError, Coldkey, Hotkey, SS58_PREFIX};
pub use amount::{AmountError, RAO_PER_TAO, Rao};
pub use id::{NetUid, Uid};
pub use task::{TASK_NAME_BYTES_MAX, TaskId, TaskIdError};
