//! Weights sealed to a height, which open by themselves.
//!
//! # The rule
//!
//! * Where commit-reveal is on, a validator publishes its row sealed to a height ([`timelock::seal`]) and need not come
//!   again. What it may seal is what it may announce by a hash ([`crate::weights`]): permit, stake, rate limit, and so many
//!   that are closed at once.
//! * The height is to come, and no later than the end of the epoch in which a row announced now would be revealed.
//! * When the height is final, the authorities' key for it comes with the next block ([`Pallet::unlock`]). From the block after
//!   that on, rows are opened at the start of blocks, [`OPENED_MAX`] in each, in the order of their heights and then as they
//!   were committed, before the block's epochs settle. An opened row replaces the one before it.
//! * A row that does not open, does not name the hotkey that committed it, would not be acceptable in the open, or comes when
//!   the epoch of its reveal is over, is dropped.
//!
//! # Limits
//!
//! A height is a promise of the authorities: as many of them as can agree on a block could make its key before. Bittensor
//! seals to rounds of an outside beacon instead; what is sealed to one of those does not open here, so its version number
//! ([`HEIGHTS_VERSION`] is this one's) and its round are refused.

use crate::*;
use ::timelock::{HEIGHT_KEY_BYTES, HeightKey};
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use parity_scale_codec::{Decode, DecodeAll as _, Encode};
use sp_runtime::{
    DispatchError, Vec,
    traits::{BlakeTwo256, Hash},
};

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

/// Heights looked through in one block, and for one answer of [`Pallet::wanted_heights`].
const LOOKED_MAX: u32 = 64;

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

    /// The uid of who may seal to a height, and the height.
    fn sealable(
        hotkey: &T::AccountId,
        netuid: NetUid,
        height: u64,
        version: u16,
    ) -> Result<(u16, u32), DispatchError> {
        ensure!(
            version == CommitRevealWeightsVersion::<T>::get(),
            Error::<T>::IncorrectCommitRevealVersion
        );
        let uid = Self::ensure_may_commit(hotkey, netuid)?;
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

    /// Heights up to this block whose keys are wanted, lowest first; not more than are looked through.
    pub fn wanted_heights() -> Vec<u32> {
        let lowest = LowestSealed::<T>::get();
        let (now, last) = (Self::height(), lowest.saturating_add(LOOKED_MAX));
        (lowest..=now.min(last))
            .filter(|height| Self::is_closed(*height))
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

    /// Opens rows whose keys have come; returns how long it takes.
    pub(crate) fn open_sealed() -> Weight {
        let now = Self::height();
        let (mut lowest, mut left) = (LowestSealed::<T>::get(), OPENED_MAX);
        let before = lowest;
        let mut height = lowest;
        let last = lowest.saturating_add(LOOKED_MAX).min(now);
        while height < last && 0 < left {
            if let Some(key) = HeightKeys::<T>::get(height) {
                left = left.saturating_sub(Self::open_height(height, &key, left));
            }
            if lowest == height && !SealedTo::<T>::contains_key(height) {
                lowest = height.saturating_add(1);
            }
            height = height.saturating_add(1);
        }
        if lowest != before {
            LowestSealed::<T>::put(lowest);
        }
        let opened = OPENED_MAX.saturating_sub(left) as u64;
        OPENING_COST
            .saturating_mul(opened)
            .saturating_add(LOOKING_COST.saturating_mul(height.saturating_sub(before).into()))
    }

    /// Opens at most `most` rows of a height; returns how many it has tried.
    fn open_height(height: u32, key: &[u8; HEIGHT_KEY_BYTES], most: usize) -> usize {
        let mut places = SealedTo::<T>::get(height);
        let later = places.split_off(most.min(places.len()));
        // The key was checked when it came.
        let key = HeightKey::from_bytes(key);
        for (index, epoch) in &places {
            let row = TimelockedWeightCommits::<T>::mutate_exists(*index, *epoch, |rows| {
                let waiting = rows.as_mut()?;
                let place = waiting.iter().position(|row| row.3 == u64::from(height))?;
                let row = waiting.remove(place);
                if waiting.is_empty() {
                    *rows = None;
                }
                row
            });
            if let Some((row, key)) = row.zip(key) {
                let hotkey = row.0.clone();
                if let Err(reason) = Self::open_row(*index, *epoch, row, &key) {
                    Self::deposit_event(Event::TimelockedWeightsDropped(*index, hotkey, reason));
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

    /// Publishes a row, if it opens and is acceptable.
    fn open_row(
        netuid: NetUid,
        epoch: u64,
        (hotkey, _, sealed, _): Waiting<T>,
        key: &HeightKey,
    ) -> DispatchResult {
        let expired =
            Self::current_epoch(netuid) > epoch.saturating_add(Self::reveal_period(netuid));
        ensure!(!expired, Error::<T>::ExpiredWeightCommit);
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
        let uid = Self::uid_of(netuid, &hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        let row = Self::row_of(netuid, uid, &opinion)?;
        Weights::<T>::insert(netuid, uid, row);
        Self::deposit_event(Event::TimelockedWeightsRevealed(netuid, hotkey));
        Ok(())
    }

    /// Block of the first sealed row of `hotkey` on `netuid` that is closed and not expired.
    pub(crate) fn sealed_block(netuid: NetUid, hotkey: &T::AccountId) -> Option<u64> {
        let epoch = Self::current_epoch(netuid);
        (epoch.saturating_sub(Self::reveal_period(netuid))..=epoch)
            .flat_map(|epoch| TimelockedWeightCommits::<T>::get(netuid, epoch))
            .find(|row| row.0 == *hotkey)
            .map(|row| row.1)
    }
}

impl<T: Config> Pallet<T> {
    /// Drops every sealed row of a mechanism that is taken away; what names them finds nothing.
    pub(crate) fn forget_sealed(index: NetUid) {
        let epochs: Vec<u64> = TimelockedWeightCommits::<T>::iter_key_prefix(index).collect();
        for epoch in epochs {
            TimelockedWeightCommits::<T>::remove(index, epoch);
        }
    }
}
