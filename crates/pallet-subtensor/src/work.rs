//! Seats for work instead of TAO, where a subnet's owner wants it.
//!
//! # The rule
//!
//! * Whoever finds a nonce may seat a hotkey without paying anything, not even a fee. The seal of a
//!   nonce is keccak-256 of SHA-256 of the words [`DOMAIN`], the netuid, a block's hash, the hotkey, the
//!   coldkey and the nonce (numbers in little-endian). As a number in little-endian, times the
//!   difficulty, it must fit in 256 bits. So work is bound to one subnet, one block and one pair of
//!   keys.
//! * The block is at least one and at most [`Pallet::work_age_max`] old, and younger than that of the
//!   hotkey's last work anywhere.
//! * The difficulty moves like the price of a seat: every such registration multiplies it by
//!   [`BurnIncreaseMult`], and it halves every [`BurnHalfLife`] blocks, within [`MinDifficulty`] and
//!   [`MaxDifficulty`]; a ceiling below the floor counts as the floor.
//! * Everything else is as for a seat that is paid for: limits, and who makes room.
//!
//! What [`Pallet::check_work`] checks costs the same whatever the subnet, so the transaction pool
//! asks it before it keeps a registration that pays no fee.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::U256;
use sp_io::hashing::{keccak_256, sha2_256};

#[pallet_section]
mod work_storage {
    /// Whether each subnet takes newcomers for work.
    #[pallet::storage]
    pub type NetworkPowRegistrationAllowed<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Block of the last work that seated each hotkey.
    #[pallet::storage]
    pub type LastPowRegistrationBlock<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, u64, OptionQuery>;

    /// How many seals, on average, are one seat.
    #[pallet::storage]
    pub type Difficulty<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<10_000_000>>;

    /// Lowest difficulty.
    #[pallet::storage]
    pub type MinDifficulty<T> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<10_000_000>>;

    /// Highest difficulty.
    #[pallet::storage]
    pub type MaxDifficulty<T> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<{ u64::MAX / 4 }>>;
}

/// First words of what is hashed.
pub const DOMAIN: &[u8] = b"subtensor-pow-register-v1";

/// Oldest block on which work may be done, in blocks.
pub const WORK_AGE_MAX: u64 = 5;

/// The same where blocks come faster, in milliseconds.
const WORK_AGE_MAX_MS: u64 = 60_000;

/// Work as a coldkey hands it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The subnet.
    pub netuid: NetUid,
    /// The block whose hash was worked on.
    pub block: u64,
    /// What was found.
    pub nonce: u64,
    /// What it hashes to.
    pub seal: [u8; 32],
}

impl<T: Config> Pallet<T> {
    /// Whether `netuid` takes newcomers for work.
    pub fn pow_registration_allowed(netuid: NetUid) -> bool {
        NetworkPowRegistrationAllowed::<T>::get(netuid)
    }

    /// Current, lowest and highest difficulty on `netuid`.
    pub fn difficulty(netuid: NetUid) -> (u64, u64, u64) {
        let low = MinDifficulty::<T>::get(netuid).max(1);
        let high = MaxDifficulty::<T>::get(netuid).max(low);
        (Difficulty::<T>::get(netuid).clamp(low, high), low, high)
    }

    /// Age of the oldest block on which work may be done, in blocks: five, or a minute's.
    pub fn work_age_max() -> u64 {
        WORK_AGE_MAX.max(WORK_AGE_MAX_MS / Self::block_interval_ms())
    }

    /// What a nonce hashes to.
    pub fn seal(
        netuid: NetUid,
        block: u64,
        nonce: u64,
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> [u8; 32] {
        let mut words = DOMAIN.to_vec();
        words.extend(netuid.to_le_bytes());
        words.extend(Self::hash_of_block(block).encode());
        words.extend(hotkey.encode());
        words.extend(coldkey.encode());
        words.extend(nonce.to_le_bytes());
        keccak_256(&sha2_256(&words))
    }

    /// Checks everything about work but whether the subnet has a seat; nothing changes.
    pub fn check_work(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        work: &Work,
    ) -> Result<(), Error<T>> {
        let netuid = work.netuid;
        ensure!(
            netuid != ROOT,
            Error::<T>::RegistrationNotPermittedOnRootSubnet
        );
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            Self::pow_registration_allowed(netuid),
            Error::<T>::SubNetRegistrationDisabled
        );
        Self::ensure_newcomer(coldkey, netuid, hotkey)?;
        let age = Self::block().checked_sub(work.block);
        let last = LastPowRegistrationBlock::<T>::get(hotkey);
        let is_fresh = age.is_some_and(|age| (1..=Self::work_age_max()).contains(&age))
            && last.is_none_or(|last| work.block > last)
            && Self::hash_of_block(work.block) != T::Hash::default();
        ensure!(is_fresh, Error::<T>::InvalidWorkBlock);
        let seal = Self::seal(netuid, work.block, work.nonce, hotkey, coldkey);
        ensure!(seal == work.seal, Error::<T>::InvalidSeal);
        let difficulty = U256::from(Self::difficulty(netuid).0);
        let product = U256::from_little_endian(&seal).checked_mul(difficulty);
        ensure!(product.is_some(), Error::<T>::InvalidDifficulty);
        Ok(())
    }

    /// Seats `hotkey` for work.
    pub(crate) fn do_pow_register(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        work: &Work,
    ) -> DispatchResult {
        Self::check_work(coldkey, hotkey, work)?;
        let netuid = work.netuid;
        frame_support::storage::with_storage_layer(|| {
            Self::associate(coldkey, hotkey)?;
            let uid = Self::seat_neuron(netuid, hotkey)?;
            LastPowRegistrationBlock::<T>::insert(hotkey, work.block);
            Self::raise_difficulty(netuid);
            Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
            Ok(())
        })
    }

    fn raise_difficulty(netuid: NetUid) {
        let multiplier = Self::count_newcomer(netuid);
        let (difficulty, low, high) = Self::difficulty(netuid);
        let raised = economics::fixed::mul_div(u128::from(difficulty), multiplier.bits, 1 << 64);
        let raised = u64::try_from(raised).unwrap_or(u64::MAX);
        Difficulty::<T>::insert(netuid, raised.clamp(low, high));
    }

    /// Lets the difficulty on `netuid` fall by one block.
    pub(crate) fn lower_difficulty(netuid: NetUid) {
        if !Self::pow_registration_allowed(netuid) {
            return;
        }
        let (difficulty, low, _) = Self::difficulty(netuid);
        // By one at least, so that a low difficulty does not stay where it is for ever.
        let fallen = Self::fallen_by_one_block(netuid, difficulty);
        let fallen = fallen.min(difficulty.saturating_sub(1)).max(low);
        if fallen != Difficulty::<T>::get(netuid) {
            Difficulty::<T>::insert(netuid, fallen);
        }
    }

    /// Writes a setting that concerns work; any other is left alone.
    pub(crate) fn write_work(netuid: NetUid, setting: Hyperparameter) {
        use Hyperparameter as H;
        match setting {
            H::NetworkPowRegistrationAllowed(value) => {
                NetworkPowRegistrationAllowed::<T>::insert(netuid, value)
            }
            H::Difficulty(value) => Difficulty::<T>::insert(netuid, value),
            H::MinDifficulty(value) => MinDifficulty::<T>::insert(netuid, value),
            H::MaxDifficulty(value) => MaxDifficulty::<T>::insert(netuid, value),
            _ => {}
        }
    }

    /// Drops what a subnet that is removed asked for.
    pub(crate) fn forget_work(netuid: NetUid) {
        NetworkPowRegistrationAllowed::<T>::remove(netuid);
        Difficulty::<T>::remove(netuid);
        MinDifficulty::<T>::remove(netuid);
        MaxDifficulty::<T>::remove(netuid);
    }

    fn hash_of_block(block: u64) -> T::Hash {
        let number = BlockNumberFor::<T>::try_from(block).unwrap_or_default();
        frame_system::Pallet::<T>::block_hash(number)
    }
}
