//! Weights sealed to a height, which open by themselves.
//!
//! # The rule
//!
//! * Where commit-reveal is on, a validator publishes its row sealed to a height ([`::timelock::seal`]) and need not come
//!   again. What it may seal is what it may announce by a hash ([`crate::weights`]): stake, rate limit, and so many that
//!   are closed at once. And it must have a validator's permit, or the subnet: opening takes time that all subnets share.
//! * The height is to come, and no later than the end of the epoch in which a row announced now would be revealed.
//! * When the height is final, the authorities' key for it comes with the next block ([`Pallet::unlock`]). From the block after
//!   that on, rows are opened at the start of blocks, [`OPENED_MAX`] in each, in the order of their heights and then as they
//!   were committed, before the block's epochs settle. An opened row replaces the one before it.
//! * A row that does not open, does not name the hotkey that committed it, would not be acceptable in the open, or comes when
//!   the epoch of its reveal is over, is dropped. So is every closed row when a trim gives seats other numbers. Who sat down
//!   since a row was committed gets nothing by it.
//! * A height whose key has not come [`KEY_PATIENCE`] blocks later is given up, and what was sealed to it dropped.
//! * Where heights get no keys ([`Opener`]), nothing may be sealed.
//!
//! # Limits
//!
//! A height is a promise of the authorities: as many of them as can agree on a block could make its key before. Bittensor
//! seals to rounds of an outside beacon instead; what is sealed to one of those does not open here, so its version number
//! ([`HEIGHTS_VERSION`] is this one's) and its round are refused.

use crate::*;
use ::timelock::HeightKey;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use parity_scale_codec::{Decode, DecodeAll as _, Encode};
use sp_runtime::{
    DispatchError, Vec,
    traits::{BlakeTwo256, Hash},
};
use std::collections::BTreeMap;

#[pallet_section]
mod timelock_storage {
    /// Sealed rows by storage index and epoch of the commit, oldest first: hotkey, block, what is sealed, height.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type TimelockedWeightCommits<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        NetUid,
        Twox64Concat,
        u64,
        std::collections::VecDeque<(
            T::AccountId,
            u64,
            BoundedVec<u8, ConstU32<{ timelock::SEALED_BYTES_MAX }>>,
            u64,
        )>,
        ValueQuery,
    >;

    /// Where rows lie that are sealed to each height: storage index and epoch, once for each row.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type SealedTo<T> =
        StorageMap<_, Twox64Concat, u32, sp_runtime::Vec<(NetUid, u64)>, ValueQuery>;

    /// Keys of heights whose rows are not all open yet.
    #[pallet::storage]
    pub type HeightKeys<T> =
        StorageMap<_, Twox64Concat, u32, [u8; ::timelock::HEIGHT_KEY_BYTES], OptionQuery>;

    /// The lowest height to which something closed may be sealed.
    #[pallet::storage]
    pub type LowestSealed<T> = StorageValue<_, u32, ValueQuery>;

    /// Version of sealing that the chain opens.
    #[pallet::storage]
    pub type CommitRevealWeightsVersion<T> =
        StorageValue<_, u16, ValueQuery, ConstU16<{ timelock::HEIGHTS_VERSION }>>;
}

/// The version of sealing to heights.
pub const HEIGHTS_VERSION: u16 = 5;

/// Longest sealed row, in bytes.
pub const SEALED_BYTES_MAX: u32 = 5_000;

/// Rows opened in one block; each takes a pairing.
pub const OPENED_MAX: usize = 16;

/// Rows sealed to one height.
pub const ROWS_OF_HEIGHT_MAX: usize = 4_096;

/// Blocks after which a height whose key has not come is given up.
pub const KEY_PATIENCE: u32 = 512;

/// Heights looked through in one block: so many that none that is waited for hides those after it.
const LOOKED_MAX: u32 = 2 * KEY_PATIENCE;

/// Heights in one answer of [`Pallet::wanted_heights`].
const WANTED_MAX: usize = 64;

/// How long opening one row takes.
const OPENING_COST: Weight = Weight::from_parts(1_500_000_000, 0);

/// How long looking at a height takes.
const LOOKING_COST: Weight = Weight::from_parts(10_000_000, 0);

/// What a validator seals: its row and its own name, so that nobody commits a copy of another's ciphertext. Encoded as
/// Bittensor's payload.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SealedOpinion {
    /// The hotkey that commits, encoded.
    pub hotkey: Vec<u8>,
    /// Who is weighed.
    pub uids: Vec<u16>,
    /// What each weighs.
    pub values: Vec<u16>,
    /// Version of the validator's software.
    pub version_key: u64,
}

/// Who makes keys of heights.
pub trait Opener {
    /// Whether this chain's heights get keys.
    fn makes_keys() -> bool;
}

impl Opener for () {
    fn makes_keys() -> bool {
        true
    }
}

/// A row as it waits: hotkey, block, what is sealed, height.
type Waiting<T> = (
    <T as frame_system::Config>::AccountId,
    u64,
    BoundedVec<u8, ConstU32<SEALED_BYTES_MAX>>,
    u64,
);

impl<T: Config> Pallet<T> {
    /// Takes a sealed row.
    pub(crate) fn do_commit_timelocked_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        sealed: BoundedVec<u8, ConstU32<SEALED_BYTES_MAX>>,
        height: u64,
        version: u16,
    ) -> DispatchResult {
        let (uid, height) = Self::sealable(hotkey, netuid, height, version)?;
        let (epoch, hash) = (Self::current_epoch(netuid), BlakeTwo256::hash(&sealed));
        TimelockedWeightCommits::<T>::mutate(netuid, epoch, |rows| {
            rows.push_back((hotkey.clone(), Self::block(), sealed, u64::from(height)));
        });
        SealedTo::<T>::append(height, (netuid, epoch));
        Self::set_last_update(netuid, uid);
        let round = u64::from(height);
        Self::deposit_event(Event::TimelockedWeightsCommitted(
            hotkey.clone(),
            netuid,
            hash,
            round,
        ));
        Ok(())
    }

    /// Whether a sealed row would be accepted now, and if not, why; nothing changes.
    pub fn may_commit_timelocked_weights(
        hotkey: &T::AccountId,
        netuid: NetUid,
        height: u64,
        version: u16,
    ) -> DispatchResult {
        Self::sealable(hotkey, netuid, height, version).map(|_| ())
    }

    /// Sets the version of sealing that validators must name; rows sealed by another are refused.
    pub fn set_commit_reveal_version(version: u16) {
        CommitRevealWeightsVersion::<T>::put(version);
    }

    /// The uid of who may seal to a height, and the height.
    fn sealable(
        hotkey: &T::AccountId,
        netuid: NetUid,
        height: u64,
        version: u16,
    ) -> Result<(u16, u32), DispatchError> {
        ensure!(T::Opener::makes_keys(), Error::<T>::CommitRevealDisabled);
        ensure!(
            version == CommitRevealWeightsVersion::<T>::get(),
            Error::<T>::IncorrectCommitRevealVersion
        );
        let uid = Self::ensure_may_commit(hotkey, netuid)?;
        Self::ensure_may_seal(netuid, uid)?;
        let latest = Self::latest_reveal(netuid);
        let height = u32::try_from(height).map_err(|_| Error::<T>::InvalidRevealRound)?;
        ensure!(
            Self::block() < u64::from(height) && u64::from(height) <= latest,
            Error::<T>::InvalidRevealRound
        );
        let closed = (0..=Self::reveal_period(netuid))
            .map(|back| Self::current_epoch(netuid).saturating_sub(back))
            .flat_map(|epoch| TimelockedWeightCommits::<T>::get(netuid, epoch))
            .filter(|row| row.0 == *hotkey);
        ensure!(
            closed.count() < weights::COMMITS_MAX,
            Error::<T>::TooManyUnrevealedCommits
        );
        let others = SealedTo::<T>::decode_len(height).unwrap_or(0);
        ensure!(
            others < ROWS_OF_HEIGHT_MAX,
            Error::<T>::TooManyUnrevealedCommits
        );
        Ok((uid, height))
    }

    /// The last block of the epoch in which what is announced on `netuid` now is revealed, if its tempo stays.
    pub fn latest_reveal(netuid: NetUid) -> u64 {
        let next = Self::next_epoch_start_block(netuid).unwrap_or(Self::block());
        let epochs = u64::from(Self::tempo(netuid)).saturating_mul(Self::reveal_period(netuid));
        next.saturating_add(epochs).saturating_sub(1)
    }

    /// Heights up to this block whose keys are wanted, lowest first; not more than [`WANTED_MAX`].
    pub fn wanted_heights() -> Vec<u32> {
        let lowest = LowestSealed::<T>::get();
        let (now, last) = (Self::height(), lowest.saturating_add(LOOKED_MAX));
        (lowest..=now.min(last))
            .filter(|height| Self::is_closed(*height))
            .take(WANTED_MAX)
            .collect()
    }

    /// Whether the key of `height` is wanted.
    pub fn is_height_wanted(height: u32) -> bool {
        height < Self::height() && Self::is_closed(height)
    }

    /// Takes the key of a height; from the next block on, rows sealed to it are opened.
    pub fn unlock(height: u32, key: &HeightKey) {
        HeightKeys::<T>::insert(height, key.to_bytes());
    }

    fn is_closed(height: u32) -> bool {
        SealedTo::<T>::contains_key(height) && !HeightKeys::<T>::contains_key(height)
    }

    fn height() -> u32 {
        u32::try_from(Self::block()).unwrap_or(u32::MAX)
    }

    fn ensure_may_seal(netuid: NetUid, uid: u16) -> DispatchResult {
        let may = Self::has_permit(netuid, uid) || Self::owner_uid(netuid) == Some(uid);
        ensure!(may, Error::<T>::NeuronNoValidatorPermit);
        Ok(())
    }

    /// Opens rows whose keys have come, and drops those whose keys have not come for too long; returns how long it takes.
    pub(crate) fn open_sealed() -> Weight {
        let now = Self::height();
        let (mut lowest, mut left) = (Self::lowest_sealed(now), OPENED_MAX);
        let before = lowest;
        let mut height = lowest;
        let last = lowest.saturating_add(LOOKED_MAX).min(now);
        while height < last && 0 < left {
            let key = HeightKeys::<T>::get(height);
            if key.is_some() || height.saturating_add(KEY_PATIENCE) < now {
                // A key was checked when it came.
                let key = key.and_then(|key| HeightKey::from_bytes(&key));
                left = left.saturating_sub(Self::open_height(height, key.as_ref(), left));
            }
            if lowest == height && !SealedTo::<T>::contains_key(height) {
                lowest = height.saturating_add(1);
            }
            height = height.saturating_add(1);
        }
        if lowest != LowestSealed::<T>::get() {
            LowestSealed::<T>::put(lowest);
        }
        let opened = OPENED_MAX.saturating_sub(left) as u64;
        OPENING_COST
            .saturating_mul(opened)
            .saturating_add(LOOKING_COST.saturating_mul(height.saturating_sub(before).into()))
    }

    /// From where on heights are looked through. A chain on which nothing is sealed need not look through its past.
    fn lowest_sealed(now: u32) -> u32 {
        let lowest = LowestSealed::<T>::get();
        let is_behind = lowest.saturating_add(1) < now;
        if is_behind && SealedTo::<T>::iter_keys().next().is_none() {
            return now;
        }
        lowest
    }

    /// Opens at most `most` rows of a height, or drops them if there is no key; returns how many.
    fn open_height(height: u32, key: Option<&HeightKey>, most: usize) -> usize {
        let mut places = SealedTo::<T>::get(height);
        let later = places.split_off(most.min(places.len()));
        let mut counts: Vec<((NetUid, u64), usize)> = Vec::new();
        for place in &places {
            match counts.iter_mut().find(|(counted, _)| counted == place) {
                Some((_, count)) => *count = count.saturating_add(1),
                None => counts.push((*place, 1)),
            }
        }
        for ((index, epoch), count) in counts {
            for row in Self::take_sealed(index, epoch, height, count) {
                let hotkey = row.0.clone();
                if let Err(reason) = Self::open_row(index, epoch, row, key) {
                    Self::deposit_event(Event::TimelockedWeightsDropped(index, hotkey, reason));
                }
            }
        }
        if later.is_empty() {
            SealedTo::<T>::remove(height);
            HeightKeys::<T>::remove(height);
        } else {
            SealedTo::<T>::insert(height, later);
        }
        places.len()
    }

    /// Takes the first `count` rows that were sealed to a height in an epoch. All at once: each taking reads every row.
    fn take_sealed(index: NetUid, epoch: u64, height: u32, count: usize) -> Vec<Waiting<T>> {
        TimelockedWeightCommits::<T>::mutate_exists(index, epoch, |rows| {
            let (mut taken, mut kept) = (Vec::new(), std::collections::VecDeque::new());
            for row in rows.take().unwrap_or_default() {
                if taken.len() < count && row.3 == u64::from(height) {
                    taken.push(row);
                } else {
                    kept.push_back(row);
                }
            }
            *rows = (!kept.is_empty()).then_some(kept);
            taken
        })
    }

    /// Publishes a row, if it opens and is acceptable.
    fn open_row(
        netuid: NetUid,
        epoch: u64,
        (hotkey, committed, sealed, _): Waiting<T>,
        key: Option<&HeightKey>,
    ) -> DispatchResult {
        let key = key.ok_or(Error::<T>::ExpiredWeightCommit)?;
        let expired =
            Self::current_epoch(netuid) > epoch.saturating_add(Self::reveal_period(netuid));
        ensure!(!expired, Error::<T>::ExpiredWeightCommit);
        let uid = Self::uid_of(netuid, &hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        Self::ensure_may_seal(netuid, uid)?;
        let plain = key
            .open(&sealed)
            .map_err(|_| Error::<T>::InvalidRevealCommitHashNotMatch)?;
        let sealed = SealedOpinion::decode_all(&mut &plain[..])
            .map_err(|_| Error::<T>::InvalidRevealCommitHashNotMatch)?;
        ensure!(
            sealed.hotkey == hotkey.encode(),
            Error::<T>::InvalidRevealCommitHashNotMatch
        );
        let opinion = Opinion {
            uids: sealed.uids,
            values: sealed.values,
            version_key: sealed.version_key,
        };
        let mut row = Self::row_of(netuid, uid, &opinion)?;
        for (weighed, weight) in &mut row {
            if committed <= Self::registered_at(netuid, *weighed) {
                *weight = 0;
            }
        }
        Weights::<T>::insert(netuid, uid, row);
        Self::deposit_event(Event::TimelockedWeightsRevealed(netuid, hotkey));
        Ok(())
    }

    /// Block of each hotkey's first sealed row on `netuid` that is closed and not expired.
    pub(crate) fn sealed_blocks(netuid: NetUid) -> BTreeMap<T::AccountId, u64> {
        let epoch = Self::current_epoch(netuid);
        let mut blocks = BTreeMap::new();
        for epoch in epoch.saturating_sub(Self::reveal_period(netuid))..=epoch {
            for (hotkey, block, ..) in TimelockedWeightCommits::<T>::get(netuid, epoch) {
                blocks.entry(hotkey).or_insert(block);
            }
        }
        blocks
    }
}

impl<T: Config> Pallet<T> {
    /// Drops every sealed row of a mechanism; what names them finds nothing.
    pub(crate) fn forget_sealed(index: NetUid) {
        let epochs: Vec<u64> = TimelockedWeightCommits::<T>::iter_key_prefix(index).collect();
        for epoch in epochs {
            for (hotkey, ..) in TimelockedWeightCommits::<T>::take(index, epoch) {
                let reason = Error::<T>::ExpiredWeightCommit.into();
                Self::deposit_event(Event::TimelockedWeightsDropped(index, hotkey, reason));
            }
        }
    }
}
