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
//!
//! Rows lie under a *storage index*: `mechanism · 4096 + netuid`. There is one mechanism, so it is
//! the netuid.

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
    pub fn weights_of(netuid: NetUid, uid: u16) -> Vec<(u16, u16)> {
        Weights::<T>::get(netuid, uid)
    }

    /// Stored rows of `netuid` by uid.
    pub fn weights(netuid: NetUid) -> Vec<Vec<(u16, u16)>> {
        (0..Self::neuron_count(netuid))
            .map(|uid| Self::weights_of(netuid, uid))
            .collect()
    }

    /// Whether `hotkey` has announced weights on `netuid` and not revealed them.
    pub fn has_commits(netuid: NetUid, hotkey: &T::AccountId) -> bool {
        WeightCommits::<T>::contains_key(netuid, hotkey)
    }

    /// Publishes a row in the open.
    pub(crate) fn do_set_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        opinion: Opinion,
    ) -> DispatchResult {
        let (uid, row) = Self::settable(hotkey, netuid, &opinion)?;
        Weights::<T>::insert(netuid, uid, row);
        Self::set_last_update(netuid, uid);
        Self::deposit_event(Event::WeightsSet(netuid, uid));
        Ok(())
    }

    /// Announces a row by its hash.
    pub(crate) fn do_commit_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        hash: H256,
    ) -> DispatchResult {
        let (uid, mut commits) = Self::committable(hotkey, netuid)?;
        let epoch = Self::current_epoch(netuid);
        let reveal = epoch.saturating_add(Self::reveal_period(netuid));
        commits.push((hash, Self::block(), epoch, reveal));
        WeightCommits::<T>::insert(netuid, hotkey, commits);
        Self::set_last_update(netuid, uid);
        Self::deposit_event(Event::WeightsCommitted(hotkey.clone(), netuid, hash));
        Ok(())
    }

    /// Publishes a row announced earlier.
    pub(crate) fn do_reveal_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        opinion: Opinion,
        salt: &[u16],
    ) -> DispatchResult {
        let revealed = Self::revealable(hotkey, netuid, &opinion, salt)?;
        let hash = revealed.hash;
        Weights::<T>::insert(netuid, revealed.uid, revealed.row);
        if revealed.left.is_empty() {
            WeightCommits::<T>::remove(netuid, hotkey);
        } else {
            WeightCommits::<T>::insert(netuid, hotkey, revealed.left);
        }
        Self::deposit_event(Event::WeightsRevealed(netuid, hotkey.clone(), hash));
        Ok(())
    }

    /// Whether a row would be accepted now, and if not, why; nothing changes.
    pub fn may_set_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        opinion: &Opinion,
    ) -> DispatchResult {
        Self::settable(hotkey, netuid, opinion).map(|_| ())
    }

    /// Whether a commit would be accepted now, and if not, why; nothing changes.
    pub fn may_commit_weights(hotkey: &T::AccountId, netuid: NetUid) -> DispatchResult {
        Self::committable(hotkey, netuid).map(|_| ())
    }

    /// Whether a reveal would be accepted now, and if not, why; nothing changes.
    pub fn may_reveal_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        opinion: &Opinion,
        salt: &[u16],
    ) -> DispatchResult {
        Self::revealable(hotkey, netuid, opinion, salt).map(|_| ())
    }

    /// The uid and the row to store for it.
    fn settable(
        hotkey: &T::AccountId,
        netuid: NetUid,
        opinion: &Opinion,
    ) -> Result<(u16, Vec<(u16, u16)>), DispatchError> {
        ensure!(
            !Self::commit_reveal_enabled(netuid),
            Error::<T>::CommitRevealEnabled
        );
        let uid = Self::ensure_may_grade(hotkey, netuid)?;
        ensure!(
            Self::grading_interval_passed(netuid, uid),
            Error::<T>::SettingWeightsTooFast
        );
        Ok((uid, Self::row_of(netuid, uid, opinion)?))
    }

    /// The uid and its commits that have not expired, among which there is room for another.
    fn committable(
        hotkey: &T::AccountId,
        netuid: NetUid,
    ) -> Result<(u16, Vec<Commit>), DispatchError> {
        ensure!(
            Self::commit_reveal_enabled(netuid),
            Error::<T>::CommitRevealDisabled
        );
        let uid = Self::ensure_may_grade(hotkey, netuid)?;
        ensure!(
            Self::grading_interval_passed(netuid, uid),
            Error::<T>::CommittingWeightsTooFast
        );
        let mut commits = WeightCommits::<T>::get(netuid, hotkey).unwrap_or_default();
        commits.retain(|commit| !Self::is_expired(netuid, commit.2));
        ensure!(
            commits.len() < COMMITS_MAX,
            Error::<T>::TooManyUnrevealedCommits
        );
        Ok((uid, commits))
    }

    /// What a reveal would change.
    fn revealable(
        hotkey: &T::AccountId,
        netuid: NetUid,
        opinion: &Opinion,
        salt: &[u16],
    ) -> Result<Revealed, DispatchError> {
        ensure!(
            Self::commit_reveal_enabled(netuid),
            Error::<T>::CommitRevealDisabled
        );
        let uid = Self::ensure_may_grade(hotkey, netuid)?;
        ensure!(
            salt.len() <= SALT_WORDS_MAX,
            Error::<T>::InvalidRevealCommitHashNotMatch
        );
        let hash = BlakeTwo256::hash_of(&(
            hotkey,
            netuid,
            &opinion.uids,
            &opinion.values,
            salt,
            opinion.version_key,
        ));
        let mut commits =
            WeightCommits::<T>::get(netuid, hotkey).ok_or(Error::<T>::NoWeightsCommitFound)?;
        let was_known = commits.iter().any(|commit| commit.0 == hash);
        commits.retain(|commit| !Self::is_expired(netuid, commit.2));
        let Some(place) = commits.iter().position(|commit| commit.0 == hash) else {
            ensure!(!was_known, Error::<T>::ExpiredWeightCommit);
            return Err(Error::<T>::InvalidRevealCommitHashNotMatch.into());
        };
        ensure!(
            Self::current_epoch(netuid) == commits[place].3,
            Error::<T>::RevealTooEarly
        );
        let row = Self::row_of(netuid, uid, opinion)?;
        commits.drain(..=place);
        Ok(Revealed {
            uid,
            row,
            hash,
            left: commits,
        })
    }

    /// Block of the first commit of each uid that has not expired.
    pub(crate) fn commit_blocks(netuid: NetUid) -> Vec<Option<u64>> {
        Self::hotkeys(netuid)
            .iter()
            .map(|hotkey| {
                let commits = WeightCommits::<T>::get(netuid, hotkey)?;
                let live = commits
                    .iter()
                    .find(|commit| !Self::is_expired(netuid, commit.2))?;
                Some(live.1)
            })
            .collect()
    }

    /// Drops what a neuron published, and empties what others published about it.
    pub(crate) fn clear_opinions(netuid: NetUid, uid: u16) {
        Weights::<T>::remove(netuid, uid);
        for grader in 0..Self::neuron_count(netuid) {
            Weights::<T>::mutate_exists(netuid, grader, |row| {
                let Some(entry) = row.iter_mut().flatten().find(|entry| entry.0 == uid) else {
                    return;
                };
                entry.1 = 0;
            });
        }
    }

    /// Drops the commits of a hotkey that lost its uid.
    pub(crate) fn forget_commits(netuid: NetUid, hotkey: &T::AccountId) {
        WeightCommits::<T>::remove(netuid, hotkey);
    }

    /// A commit made in `epoch` may be revealed until its reveal epoch is over.
    fn is_expired(netuid: NetUid, epoch: u64) -> bool {
        Self::current_epoch(netuid) > epoch.saturating_add(Self::reveal_period(netuid))
    }

    fn grading_interval_passed(netuid: NetUid, uid: u16) -> bool {
        let last = Self::last_update_of(netuid, uid);
        last == 0 || Self::block().saturating_sub(last) >= Self::weights_set_rate_limit(netuid)
    }

    fn ensure_may_grade(hotkey: &T::AccountId, netuid: NetUid) -> Result<u16, DispatchError> {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(netuid != ROOT, Error::<T>::CanNotSetRootNetworkWeights);
        let uid = Self::uid_of(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        let enough = Self::owner_uid(netuid) == Some(uid)
            || Self::stake_weight_of(hotkey, netuid) >= Self::stake_threshold();
        ensure!(enough, Error::<T>::NotEnoughStakeToSetWeights);
        Ok(uid)
    }

    /// The row to store for an opinion, if it is acceptable.
    fn row_of(
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
