//! Rows of weights by the batch.
//!
//! A validator of several subnets sets or commits its rows on all of them in one call; each item
//! stands for itself, and an event names those that failed. What it committed on one subnet it
//! reveals in one call, all or nothing, in the order in which it committed: a reveal drops what was
//! committed before. The rules of a row are [`crate::weights`]'.

use crate::*;
use frame_support::{pallet_prelude::*, storage::with_storage_layer};
use parity_scale_codec::Compact;
use sp_core::H256;
use sp_runtime::{DispatchError, Vec};

/// A row as it stands in a batch: uids with their weights.
pub type CompactRow = Vec<(Compact<u16>, Compact<u16>)>;

impl<T: Config> Pallet<T> {
    /// Publishes a row on each of several subnets.
    pub(crate) fn do_batch_set_weights(
        hotkey: &T::AccountId,
        netuids: Vec<Compact<NetUid>>,
        rows: Vec<CompactRow>,
        version_keys: Vec<Compact<u64>>,
    ) -> DispatchResult {
        Self::ensure_batch(&netuids, &[rows.len(), version_keys.len()])?;
        let items = rows.into_iter().zip(version_keys);
        let results = netuids
            .iter()
            .zip(items)
            .map(|(netuid, (row, version_key))| {
                let opinion = opinion_of(row, version_key);
                Self::do_set_weights(hotkey, netuid.0, opinion)
            })
            .collect();
        Self::tell_of_batch(hotkey, netuids, results);
        Ok(())
    }

    /// Announces a row by its hash on each of several subnets.
    pub(crate) fn do_batch_commit_weights(
        hotkey: &T::AccountId,
        netuids: Vec<Compact<NetUid>>,
        hashes: Vec<H256>,
    ) -> DispatchResult {
        Self::ensure_batch(&netuids, &[hashes.len()])?;
        let results = netuids
            .iter()
            .zip(hashes)
            .map(|(netuid, hash)| Self::do_commit_weights(hotkey, netuid.0, hash))
            .collect();
        Self::tell_of_batch(hotkey, netuids, results);
        Ok(())
    }

    /// The opinions of a batch.
    pub fn opinions_of(
        uids: Vec<Vec<u16>>,
        values: Vec<Vec<u16>>,
        version_keys: Vec<u64>,
    ) -> Result<Vec<Opinion>, Error<T>> {
        let is_even = uids.len() == values.len() && uids.len() == version_keys.len();
        ensure!(is_even, Error::<T>::InputLengthsUnequal);
        let rows = uids.into_iter().zip(values).zip(version_keys);
        Ok(rows
            .map(|((uids, values), version_key)| Opinion {
                uids,
                values,
                version_key,
            })
            .collect())
    }

    /// Publishes several rows announced on one subnet.
    pub(crate) fn do_batch_reveal_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        opinions: Vec<Opinion>,
        salts: &[Vec<u16>],
    ) -> DispatchResult {
        ensure!(
            opinions.len() == salts.len(),
            Error::<T>::InputLengthsUnequal
        );
        let bounds = 1..=weights::COMMITS_MAX;
        ensure!(
            bounds.contains(&opinions.len()),
            Error::<T>::InvalidBatchLength
        );
        let hashes = with_storage_layer(|| -> Result<Vec<H256>, DispatchError> {
            opinions
                .into_iter()
                .zip(salts)
                .map(|(opinion, salt)| Self::do_reveal_weights(hotkey, netuid, opinion, salt))
                .collect()
        })?;
        Self::deposit_event(Event::WeightsBatchRevealed(hotkey.clone(), netuid, hashes));
        Ok(())
    }

    /// Whether at least one row of a batch would be accepted now; nothing changes.
    pub fn may_batch_set_weights(
        hotkey: &T::AccountId,
        netuids: &[Compact<NetUid>],
        rows: &[CompactRow],
        version_keys: &[Compact<u64>],
    ) -> bool {
        let items = rows.iter().zip(version_keys);
        Self::ensure_batch(netuids, &[rows.len(), version_keys.len()]).is_ok()
            && netuids
                .iter()
                .zip(items)
                .any(|(netuid, (row, version_key))| {
                    let opinion = opinion_of(row.clone(), *version_key);
                    Self::may_set_weights(hotkey, netuid.0, &opinion).is_ok()
                })
    }

    /// Whether at least one commit of a batch would be accepted now; nothing changes.
    pub fn may_batch_commit_weights(hotkey: &T::AccountId, netuids: &[Compact<NetUid>]) -> bool {
        Self::ensure_batch(netuids, &[]).is_ok()
            && netuids
                .iter()
                .any(|netuid| Self::may_commit_weights(hotkey, netuid.0).is_ok())
    }

    /// Whether each row of a batch would be accepted if it were revealed now by itself; nothing
    /// changes.
    pub fn may_batch_reveal_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        opinions: &[Opinion],
        salts: &[Vec<u16>],
    ) -> bool {
        let bounds = 1..=weights::COMMITS_MAX;
        bounds.contains(&opinions.len())
            && opinions.len() == salts.len()
            && opinions.iter().zip(salts).all(|(opinion, salt)| {
                Self::may_reveal_weights(hotkey, netuid, opinion, salt).is_ok()
            })
    }

    /// Refuses a batch whose lists differ in length, or that could not name different subnets.
    fn ensure_batch(netuids: &[Compact<NetUid>], lengths: &[usize]) -> Result<(), Error<T>> {
        ensure!(
            lengths.iter().all(|length| *length == netuids.len()),
            Error::<T>::InputLengthsUnequal
        );
        let bounds = 1..=usize::from(Self::total_networks());
        ensure!(
            bounds.contains(&netuids.len()),
            Error::<T>::InvalidBatchLength
        );
        Ok(())
    }

    fn tell_of_batch(
        hotkey: &T::AccountId,
        netuids: Vec<Compact<NetUid>>,
        results: Vec<DispatchResult>,
    ) {
        let failed: Vec<(NetUid, DispatchError)> = netuids
            .iter()
            .zip(results)
            .filter_map(|(netuid, result)| Some((netuid.0, result.err()?)))
            .collect();
        let is_whole = failed.is_empty();
        for (netuid, error) in failed {
            Self::deposit_event(Event::BatchWeightItemFailed(netuid, error));
        }
        Self::deposit_event(if is_whole {
            Event::BatchWeightsCompleted(netuids, hotkey.clone())
        } else {
            Event::BatchCompletedWithErrors()
        });
    }
}

fn opinion_of(row: CompactRow, version_key: Compact<u64>) -> Opinion {
    let (uids, values) = row.into_iter().map(|(uid, value)| (uid.0, value.0)).unzip();
    Opinion {
        uids,
        values,
        version_key: version_key.0,
    }
}
