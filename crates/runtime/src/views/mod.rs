//! Answers to [`crate::interface`]: one file per view, a struct and the function that fills it from the pallet.
//!
//! Views only read. They are evaluated on demand, outside block execution, so an expensive one costs the node that
//! was asked and nobody else; each is linear in the members of the subnets it covers.

pub mod delegate;
pub mod hyperparameters;
pub mod metagraph;
pub mod neuron;
pub mod price;
pub mod selective;
pub mod stake;
pub mod subnet;

use parity_scale_codec::Compact;

/// UTF-8 bytes, each encoded compactly: how the oldest views carry text.
pub type Text = Vec<Compact<u8>>;

/// The market's pallet in this runtime.
pub(crate) type Market = pallet_subtensor::Pallet<crate::Runtime>;

pub(crate) fn text(bytes: Vec<u8>) -> Text {
    bytes.into_iter().map(Compact).collect()
}

pub(crate) fn compact<T>(values: impl IntoIterator<Item = T>) -> Vec<Compact<T>> {
    values.into_iter().map(Compact).collect()
}

/// The entry of a per-uid column, or its default where the column is shorter than the subnet.
pub(crate) fn at<T: Clone + Default>(column: &[T], uid: u16) -> T {
    column.get(usize::from(uid)).cloned().unwrap_or_default()
}

/// The account that nobody has a key of: stands where the encoding has no room for "none".
pub(crate) fn or_nobody(account: Option<crate::AccountId>) -> crate::AccountId {
    account.unwrap_or_else(|| [0; 32].into())
}

/// The coldkey of `hotkey`.
pub(crate) fn owner(hotkey: &crate::AccountId) -> crate::AccountId {
    or_nobody(Market::owner_of(hotkey))
}
