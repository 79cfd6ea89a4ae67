//! What validators publish about miners.
//!
//! # The rule
//!
//! A row is a validator's whole opinion; only proportions matter, and it is stored scaled until its
//! largest value is 65535. It is accepted from a registered hotkey with enough stake (the owner
//! always), with a current version key, not too soon after the last, with a validator's permit (or
//! from the owner, or when it weighs only itself), naming each existing uid at most once.
//!
//! Where commit-reveal is on, a validator publishes a hash first and the row [`RevealPeriodEpochs`]
//! epochs later, in exactly that epoch; so nobody copies a row before it counts. The hash is
//! blake2-256 of the SCALE encoding of `(hotkey, storage index, uids, values, salt, version key)`.
//! Or it seals the row to a height, and it opens by itself ([`crate::timelock`]).
//!
//! Rows lie under a *storage index*, which names a subnet's mechanism ([`crate::mechanisms`]); that of
//! its first is the netuid. Each mechanism has rows, commits and dates of its own.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_core::H256;
use sp_runtime::{
    DispatchError, Vec,
    traits::{BlakeTwo256, Hash},
};

#[pallet_section]
mod weight_storage {
    /// The row of each uid: (uid, weight).
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Weights<T> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Identity,
        u16,
        sp_runtime::Vec<(u16, u16)>,
        ValueQuery,
    >;

    /// Rows announced and not yet revealed, oldest first: hash, block and epoch of the commit,
    /// epoch of the reveal.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type WeightCommits<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        sp_runtime::Vec<(sp_core::H256, u64, u64, u64)>,
        OptionQuery,
    >;
}

/// Most unrevealed commits of one validator.
pub const COMMITS_MAX: usize = 10;

/// Longest salt of a commit, in words.
pub const SALT_WORDS_MAX: usize = 64;

/// A row as a validator sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Who is weighed.
    pub uids: Vec<u16>,
    /// What each weighs.
    pub values: Vec<u16>,
    /// Version of the validator's software.
    pub version_key: u64,
}

/// A commit: its hash, the block and the epoch in which it was made, the epoch of its reveal.
type Commit = (H256, u64, u64, u64);

/// What a reveal changes: the row of a uid, and which commits are left.
struct Revealed {
    uid: u16,
    row: Vec<(u16, u16)>,
    hash: H256,
    left: Vec<Commit>,
}

impl<T: Config> Pallet<T> {
    /// The stored row of `uid`.
    pub fn weights_of(index: NetUid, uid: u16) -> Vec<(u16, u16)> {
        Weights::<T>::get(index, uid)
    }

    /// Stored rows by uid.
    pub fn weights(index: NetUid) -> Vec<Vec<(u16, u16)>> {
        (0..Self::neuron_count(Self::netuid_of(index)))
            .map(|uid| Self::weights_of(index, uid))
            .collect()
    }

    /// Whether `hotkey` has announced weights there and not revealed them.
    pub fn has_commits(index: NetUid, hotkey: &T::AccountId) -> bool {
        WeightCommits::<T>::contains_key(index, hotkey)
    }

    /// Publishes a row in the open.
    pub(crate) fn do_set_weights(
        hotkey: &T::AccountId,
        index: NetUid,
        opinion: Opinion,
    ) -> DispatchResult {
        let (uid, row) = Self::settable(hotkey, index, &opinion)?;
        Weights::<T>::insert(index, uid, row);
        Self::set_last_update(index, uid);
        Self::deposit_event(Event::WeightsSet(index, uid));
        Ok(())
    }

    /// Announces a row by its hash.
    pub(crate) fn do_commit_weights(
        hotkey: &T::AccountId,
        index: NetUid,
        hash: H256,
    ) -> DispatchResult {
        let (uid, mut commits) = Self::committable(hotkey, index)?;
        let epoch = Self::current_epoch(Self::netuid_of(index));
        let reveal = epoch.saturating_add(Self::reveal_period(Self::netuid_of(index)));
        commits.push((hash, Self::block(), epoch, reveal));
        WeightCommits::<T>::insert(index, hotkey, commits);
        Self::set_last_update(index, uid);
        Self::deposit_event(Event::WeightsCommitted(hotkey.clone(), index, hash));
        Ok(())
    }

    /// Publishes a row announced earlier; returns its hash.
    pub(crate) fn do_reveal_weights(
        hotkey: &T::AccountId,
        index: NetUid,
        opinion: Opinion,
        salt: &[u16],
    ) -> Result<H256, DispatchError> {
        let revealed = Self::revealable(hotkey, index, &opinion, salt)?;
        let hash = revealed.hash;
        Weights::<T>::insert(index, revealed.uid, revealed.row);
        if revealed.left.is_empty() {
            WeightCommits::<T>::remove(index, hotkey);
        } else {
            WeightCommits::<T>::insert(index, hotkey, revealed.left);
        }
        Self::deposit_event(Event::WeightsRevealed(index, hotkey.clone(), hash));
        Ok(hash)
    }

    /// Whether a row would be accepted now, and if not, why; nothing changes.
    pub fn may_set_weights(
        hotkey: &T::AccountId,
        index: NetUid,
        opinion: &Opinion,
    ) -> DispatchResult {
        Self::settable(hotkey, index, opinion).map(|_| ())
    }

    /// Whether a commit would be accepted now, and if not, why; nothing changes.
    pub fn may_commit_weights(hotkey: &T::AccountId, index: NetUid) -> DispatchResult {
        Self::committable(hotkey, index).map(|_| ())
    }

    /// Whether a reveal would be accepted now, and if not, why; nothing changes.
    pub fn may_reveal_weights(
        hotkey: &T::AccountId,
        index: NetUid,
        opinion: &Opinion,
        salt: &[u16],
    ) -> DispatchResult {
        Self::revealable(hotkey, index, opinion, salt).map(|_| ())
    }

    /// The uid and the row to store for it.
    fn settable(
        hotkey: &T::AccountId,
        index: NetUid,
        opinion: &Opinion,
    ) -> Result<(u16, Vec<(u16, u16)>), DispatchError> {
        ensure!(
            !Self::commit_reveal_enabled(Self::netuid_of(index)),
            Error::<T>::CommitRevealEnabled
        );
        let uid = Self::ensure_may_grade(hotkey, index)?;
        ensure!(
            Self::grading_interval_passed(index, uid),
            Error::<T>::SettingWeightsTooFast
        );
        Ok((uid, Self::row_of(Self::netuid_of(index), uid, opinion)?))
    }

    /// The uid and its commits that have not expired, among which there is room for another.
    fn committable(
        hotkey: &T::AccountId,
        index: NetUid,
    ) -> Result<(u16, Vec<Commit>), DispatchError> {
        let uid = Self::ensure_may_commit(hotkey, index)?;
        let mut commits = WeightCommits::<T>::get(index, hotkey).unwrap_or_default();
        commits.retain(|commit| !Self::is_expired(index, commit.2));
        ensure!(
            commits.len() < COMMITS_MAX,
            Error::<T>::TooManyUnrevealedCommits
        );
        Ok((uid, commits))
    }

    /// The uid of who may publish a row that is read later.
    pub(crate) fn ensure_may_commit(
        hotkey: &T::AccountId,
        index: NetUid,
    ) -> Result<u16, DispatchError> {
        ensure!(
            Self::commit_reveal_enabled(Self::netuid_of(index)),
            Error::<T>::CommitRevealDisabled
        );
        let uid = Self::ensure_may_grade(hotkey, index)?;
        ensure!(
            Self::grading_interval_passed(index, uid),
            Error::<T>::CommittingWeightsTooFast
        );
        Ok(uid)
    }

    /// What a reveal would change.
    fn revealable(
        hotkey: &T::AccountId,
        index: NetUid,
        opinion: &Opinion,
        salt: &[u16],
    ) -> Result<Revealed, DispatchError> {
        ensure!(
            Self::commit_reveal_enabled(Self::netuid_of(index)),
            Error::<T>::CommitRevealDisabled
        );
        let uid = Self::ensure_may_grade(hotkey, index)?;
        ensure!(
            salt.len() <= SALT_WORDS_MAX,
            Error::<T>::InvalidRevealCommitHashNotMatch
        );
        let hash = BlakeTwo256::hash_of(&(
            hotkey,
            index,
            &opinion.uids,
            &opinion.values,
            salt,
            opinion.version_key,
        ));
        let mut commits =
            WeightCommits::<T>::get(index, hotkey).ok_or(Error::<T>::NoWeightsCommitFound)?;
        let was_known = commits.iter().any(|commit| commit.0 == hash);
        commits.retain(|commit| !Self::is_expired(index, commit.2));
        let Some(place) = commits.iter().position(|commit| commit.0 == hash) else {
            ensure!(!was_known, Error::<T>::ExpiredWeightCommit);
            return Err(Error::<T>::InvalidRevealCommitHashNotMatch.into());
        };
        ensure!(
            Self::current_epoch(Self::netuid_of(index)) == commits[place].3,
            Error::<T>::RevealTooEarly
        );
        let row = Self::row_of(Self::netuid_of(index), uid, opinion)?;
        commits.drain(..=place);
        Ok(Revealed {
            uid,
            row,
            hash,
            left: commits,
        })
    }

    /// Block of the first commit of each uid that has not expired.
    pub(crate) fn commit_blocks(index: NetUid) -> Vec<Option<u64>> {
        let sealed = Self::sealed_blocks(index);
        Self::hotkeys(Self::netuid_of(index))
            .iter()
            .map(|hotkey| {
                let commits = WeightCommits::<T>::get(index, hotkey).unwrap_or_default();
                let mut live = commits
                    .iter()
                    .filter(|commit| !Self::is_expired(index, commit.2));
                let announced = live.next().map(|commit| commit.1);
                announced
                    .into_iter()
                    .chain(sealed.get(hotkey).copied())
                    .min()
            })
            .collect()
    }

    /// Drops what a neuron published, and empties what others published about it.
    pub(crate) fn clear_opinions(netuid: NetUid, uid: u16) {
        for index in Self::storage_indices(netuid) {
            Weights::<T>::remove(index, uid);
            for grader in 0..Self::neuron_count(netuid) {
                Weights::<T>::mutate_exists(index, grader, |row| {
                    let Some(entry) = row.iter_mut().flatten().find(|entry| entry.0 == uid) else {
                        return;
                    };
                    entry.1 = 0;
                });
            }
        }
    }

    /// Drops the commits of a hotkey that lost its uid.
    pub(crate) fn forget_commits(netuid: NetUid, hotkey: &T::AccountId) {
        for index in Self::storage_indices(netuid) {
            WeightCommits::<T>::remove(index, hotkey);
        }
    }

    /// Drops the row of a uid that is given up.
    pub(crate) fn drop_weights(index: NetUid, uid: u16) {
        Weights::<T>::remove(index, uid);
    }

    /// Drops every row and commit of a mechanism that is taken away.
    pub(crate) fn forget_index_opinions(netuid: NetUid, index: NetUid) {
        for (uid, hotkey) in (0u16..).zip(Self::hotkeys(netuid)) {
            Weights::<T>::remove(index, uid);
            WeightCommits::<T>::remove(index, hotkey);
        }
        Self::forget_sealed(index);
    }

    /// Keeps only rows of the uids in `kept`, ascending, and numbers these from zero. Nobody can renumber what is sealed.
    pub(crate) fn renumber_opinions(netuid: NetUid, kept: &[u16]) {
        for index in Self::storage_indices(netuid) {
            Self::forget_sealed(index);
            for (new, old) in (0u16..).zip(kept.iter().copied()) {
                let row = epoch::renumbered(&Weights::<T>::take(index, old), kept);
                if !row.is_empty() {
                    Weights::<T>::insert(index, new, row);
                }
            }
        }
    }

    /// A commit made in `epoch` may be revealed until its reveal epoch is over.
    fn is_expired(index: NetUid, epoch: u64) -> bool {
        Self::current_epoch(Self::netuid_of(index))
            > epoch.saturating_add(Self::reveal_period(Self::netuid_of(index)))
    }

    fn grading_interval_passed(index: NetUid, uid: u16) -> bool {
        let last = Self::last_update_of(index, uid);
        last == 0
            || Self::block().saturating_sub(last)
                >= Self::weights_set_rate_limit(Self::netuid_of(index))
    }

    fn ensure_may_grade(hotkey: &T::AccountId, index: NetUid) -> Result<u16, DispatchError> {
        let netuid = Self::netuid_of(index);
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(netuid != ROOT, Error::<T>::CanNotSetRootNetworkWeights);
        ensure!(
            Self::storage_indices(netuid).any(|existing| existing == index),
            Error::<T>::MechanismDoesNotExist
        );
        let uid = Self::uid_of(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        let enough = Self::owner_uid(netuid) == Some(uid)
            || Self::stake_weight_of(hotkey, netuid) >= Self::stake_threshold();
        ensure!(enough, Error::<T>::NotEnoughStakeToSetWeights);
        Ok(uid)
    }

    /// The row to store for an opinion, if it is acceptable.
    pub(crate) fn row_of(
        netuid: NetUid,
        uid: u16,
        opinion: &Opinion,
    ) -> Result<Vec<(u16, u16)>, DispatchError> {
        let Opinion {
            uids,
            values,
            version_key,
        } = opinion;
        ensure!(
            uids.len() == values.len(),
            Error::<T>::WeightVecNotEqualSize
        );
        let neurons = Self::neuron_count(netuid);
        ensure!(
            uids.len() <= usize::from(neurons),
            Error::<T>::UidsLengthExceedUidsInSubNet
        );
        ensure!(
            *version_key >= Self::weights_version_key(netuid),
            Error::<T>::IncorrectWeightVersionKey
        );
        let weighs_itself_only = *uids == [uid];
        let is_permitted = Self::has_permit(netuid, uid)
            || weighs_itself_only
            || Self::owner_uid(netuid) == Some(uid);
        ensure!(is_permitted, Error::<T>::NeuronNoValidatorPermit);
        let mut sorted = uids.clone();
        sorted.sort_unstable();
        ensure!(
            sorted.windows(2).all(|pair| pair[0] != pair[1]),
            Error::<T>::DuplicateUids
        );
        ensure!(
            sorted.last().is_none_or(|last| *last < neurons),
            Error::<T>::UidVecContainInvalidOne
        );
        ensure!(
            weighs_itself_only || uids.len() >= usize::from(Self::min_allowed_weights(netuid)),
            Error::<T>::WeightVecLengthIsLow
        );
        let scaled = economics::weights::max_upscaled(values);
        ensure!(
            weighs_itself_only
                || economics::weights::is_within_limit(&scaled, Self::max_weights_limit(netuid)),
            Error::<T>::MaxWeightExceeded
        );
        Ok(uids.iter().copied().zip(scaled).collect())
    }
}
