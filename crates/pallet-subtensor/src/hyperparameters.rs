//! What an owner or root may tune about a subnet.
//!
//! Every setting is one [`Hyperparameter`]; [`Pallet::set_hyperparameter`] says within which bounds
//! it lies, for root and for the owner, and writes it. Who may call it, and how often, is the admin
//! pallet's business.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use parity_scale_codec::DecodeWithMemTracking;

#[pallet_section]
mod hyperparameter_storage {
    /// Blocks from one epoch to the next.
    #[pallet::storage]
    pub type Tempo<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<360>>;

    /// Tempo with which new subnets begin.
    #[pallet::storage]
    pub type DefaultTempo<T> = StorageValue<_, u16, ValueQuery, ConstU16<360>>;

    /// Majority of stake that must agree on a weight, as a ratio of 65535.
    #[pallet::storage]
    pub type Kappa<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<32_767>>;

    /// Kept for wallets that show it; epochs do not use it.
    #[pallet::storage]
    pub type Rho<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<10>>;

    /// Most neurons of each subnet.
    #[pallet::storage]
    pub type MaxAllowedUids<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<256>>;

    /// Fewest neurons that a subnet's size may be limited to.
    #[pallet::storage]
    pub type MinAllowedUids<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<64>>;

    /// Most validators of each subnet.
    #[pallet::storage]
    pub type MaxAllowedValidators<T> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<64>>;

    /// Blocks in which a new neuron is not pruned.
    #[pallet::storage]
    pub type ImmunityPeriod<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<5_000>>;

    /// How many neurons past immunity must remain before one of them is pruned.
    #[pallet::storage]
    pub type MinNonImmuneUids<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<10>>;

    /// How many of the owner's hotkeys are never pruned.
    #[pallet::storage]
    pub type ImmuneOwnerUidsLimit<T> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<1>>;

    /// Blocks without new weights after which a validator is inactive, in thousandths of the tempo.
    #[pallet::storage]
    pub type ActivityCutoffFactorMilli<T> =
        StorageMap<_, Identity, NetUid, u32, ValueQuery, ConstU32<13_889>>;

    /// Kept for wallets that show it; [`ActivityCutoffFactorMilli`] decides.
    #[pallet::storage]
    pub type ActivityCutoff<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<5_000>>;

    /// Largest share of a row that one weight may have, as a ratio of 65535.
    #[pallet::storage]
    pub type MaxWeightsLimit<T> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<{ u16::MAX }>>;

    /// Fewest weights in a row.
    #[pallet::storage]
    pub type MinAllowedWeights<T> = StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<1>>;

    /// Oldest version of validator software whose weights count.
    #[pallet::storage]
    pub type WeightsVersionKey<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Blocks between two rows of one validator.
    #[pallet::storage]
    pub type WeightsSetRateLimit<T> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<100>>;

    /// Blocks between two publications of a neuron's address.
    #[pallet::storage]
    pub type ServingRateLimit<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<50>>;

    /// Kept for wallets that show it; prices fall by [`BurnHalfLife`].
    #[pallet::storage]
    pub type AdjustmentInterval<T> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<100>>;

    /// Kept for wallets that show it; prices fall by [`BurnHalfLife`].
    #[pallet::storage]
    pub type AdjustmentAlpha<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery>;

    /// Kept for wallets that show it; prices fall by [`BurnHalfLife`].
    #[pallet::storage]
    pub type TargetRegistrationsPerInterval<T> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<2>>;

    /// How much of the last epoch's bonds remains, in millionths.
    #[pallet::storage]
    pub type BondsMovingAverage<T> =
        StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<900_000>>;

    /// How far weights beyond consensus are kept out of bonds, as a ratio of 65535.
    #[pallet::storage]
    pub type BondsPenalty<T> =
        StorageMap<_, Identity, NetUid, u16, ValueQuery, ConstU16<{ u16::MAX }>>;

    /// Whether a neuron may reset the bonds towards it.
    #[pallet::storage]
    pub type BondsResetOn<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Whether bonds follow Yuma 3, instead of Yuma 2.
    #[pallet::storage]
    pub type Yuma3On<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Whether each Yuma 3 bond moves at its own rate.
    #[pallet::storage]
    pub type LiquidAlphaOn<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Lowest and highest rate of a liquid bond, as ratios of 65535.
    #[pallet::storage]
    pub type AlphaValues<T> =
        StorageMap<_, Identity, NetUid, (u16, u16), ValueQuery, InitialAlphaValues>;

    /// Steepness of the curve between the two, in hundredths.
    #[pallet::storage]
    pub type AlphaSigmoidSteepness<T> =
        StorageMap<_, Identity, NetUid, i16, ValueQuery, ConstI16<1_000>>;

    /// Which epoch's consensus the rates of liquid bonds are measured by.
    #[pallet::storage]
    pub type LiquidAlphaConsensusMode<T> =
        StorageMap<_, Identity, NetUid, ConsensusMode, ValueQuery>;

    /// Which rule an epoch follows; always Yuma.
    #[pallet::storage]
    pub type SubnetEpochConsensus<T> = StorageMap<_, Identity, NetUid, EpochConsensus, ValueQuery>;

    /// Whether weights are committed first and revealed later.
    #[pallet::storage]
    pub type CommitRevealWeightsEnabled<T> = StorageMap<_, Identity, NetUid, bool, ValueQuery>;

    /// Epochs from a commit to its reveal.
    #[pallet::storage]
    pub type RevealPeriodEpochs<T> = StorageMap<_, Identity, NetUid, u64, ValueQuery, ConstU64<1>>;

    /// Stake weight below which a validator's weights do not count, in rao.
    #[pallet::storage]
    pub type StakeThreshold<T> = StorageValue<_, u64, ValueQuery>;

    /// How much root stake counts beside alpha, as a ratio of 2⁶⁴ − 1.
    #[pallet::storage]
    pub type TaoWeight<T> = StorageValue<_, u64, ValueQuery, ConstU64<3_320_413_933_267_719_290>>;
}

/// Lowest and highest rate of a liquid bond at first: 0.7 and 0.9.
pub struct InitialAlphaValues;

impl Get<(u16, u16)> for InitialAlphaValues {
    fn get() -> (u16, u16) {
        (45_875, 58_982)
    }
}

/// Tempos that an owner may choose, in blocks.
pub const OWNER_TEMPO: core::ops::RangeInclusive<u16> = 60..=50_400;

/// Highest floor of the price of a seat that an owner may choose, in rao.
pub const OWNER_MIN_BURN_MAX: TaoBalance = RAO_PER_UNIT;

/// Lowest ceiling of the price of a seat that an owner may choose, in rao.
pub const OWNER_MAX_BURN_MIN: TaoBalance = RAO_PER_UNIT / 10;

/// Activity cutoffs that may be chosen, in thousandths of the tempo.
pub const ACTIVITY_FACTOR_MILLI: core::ops::RangeInclusive<u32> = 1_000..=50_000;

/// Most neurons that any subnet may have.
pub const UIDS_MAX: u16 = 4_096;

/// Most neurons that an owner may let a subnet have.
pub const OWNER_UIDS_MAX: u16 = 256;

/// A setting of one subnet, and its new value.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[allow(
    missing_docs,
    reason = "each variant is named like the storage item it sets, which is documented"
)]
pub enum Hyperparameter {
    Tempo(u16),
    Kappa(u16),
    Rho(u16),
    MaxAllowedUids(u16),
    MinAllowedUids(u16),
    MaxAllowedValidators(u16),
    ImmunityPeriod(u16),
    MinNonImmuneUids(u16),
    ImmuneOwnerUidsLimit(u16),
    ActivityCutoff(u16),
    ActivityCutoffFactorMilli(u32),
    MaxWeightsLimit(u16),
    MinAllowedWeights(u16),
    WeightsVersionKey(u64),
    WeightsSetRateLimit(u64),
    ServingRateLimit(u64),
    AdjustmentInterval(u16),
    AdjustmentAlpha(u64),
    TargetRegistrationsPerInterval(u16),
    BondsMovingAverage(u64),
    BondsPenalty(u16),
    BondsResetOn(bool),
    Yuma3On(bool),
    LiquidAlphaOn(bool),
    AlphaValues(u16, u16),
    AlphaSigmoidSteepness(i16),
    CommitRevealWeightsEnabled(bool),
    RevealPeriodEpochs(u64),
    NetworkRegistrationAllowed(bool),
    MaxRegistrationsPerBlock(u16),
    Burn(TaoBalance),
    MinBurn(TaoBalance),
    MaxBurn(TaoBalance),
    BurnHalfLife(u16),
    BurnIncreaseMult(FixedU128),
    Difficulty(u64),
    MinDifficulty(u64),
    MaxDifficulty(u64),
    TransferToggle(bool),
    SubtokenEnabled(bool),
    SubnetEmissionEnabled(bool),
    OwnerCutEnabled(bool),
    RecycleOrBurn(RecycleOrBurnEnum),
    MinChildkeyTakePerSubnet(u16),
    NetworkPowRegistrationAllowed(bool),
    LiquidAlphaConsensusMode(ConsensusMode),
}

impl Hyperparameter {
    /// Tells settings apart, whatever their value, where an owner's changes are counted.
    pub fn tag(&self) -> [u8; 8] {
        let mut tag = [0; 8];
        tag[0] = self.encode().first().copied().unwrap_or_default();
        tag
    }
}

macro_rules! readers {
    ($($(#[$doc:meta])* $name:ident: $storage:ident -> $value:ty;)*) => {
        impl<T: Config> Pallet<T> {
            $($(#[$doc])* pub fn $name(netuid: NetUid) -> $value { $storage::<T>::get(netuid) })*
        }
    };
}

readers! {
    /// Blocks from one epoch of `netuid` to the next.
    tempo: Tempo -> u16;
    /// Majority of stake that must agree on a weight, as a ratio of 65535.
    kappa: Kappa -> u16;
    /// A setting without effect that wallets show.
    rho: Rho -> u16;
    /// Most neurons of `netuid`.
    max_allowed_uids: MaxAllowedUids -> u16;
    /// Fewest neurons that the size of `netuid` may be limited to.
    min_allowed_uids: MinAllowedUids -> u16;
    /// Most validators of `netuid`.
    max_allowed_validators: MaxAllowedValidators -> u16;
    /// Blocks in which a new neuron is not pruned.
    immunity_period: ImmunityPeriod -> u16;
    /// How many neurons past immunity must remain before one of them is pruned.
    min_non_immune_uids: MinNonImmuneUids -> u16;
    /// How many of the owner's hotkeys are never pruned.
    immune_owner_uids_limit: ImmuneOwnerUidsLimit -> u16;
    /// Activity cutoff in thousandths of the tempo.
    activity_cutoff_factor: ActivityCutoffFactorMilli -> u32;
    /// Largest share of a row that one weight may have, as a ratio of 65535.
    max_weights_limit: MaxWeightsLimit -> u16;
    /// Fewest weights in a row.
    min_allowed_weights: MinAllowedWeights -> u16;
    /// Oldest version of validator software whose weights count.
    weights_version_key: WeightsVersionKey -> u64;
    /// Blocks between two rows of one validator.
    weights_set_rate_limit: WeightsSetRateLimit -> u64;
    /// Blocks between two publications of a neuron's address.
    serving_rate_limit: ServingRateLimit -> u64;
    /// A setting without effect that wallets show.
    adjustment_interval: AdjustmentInterval -> u16;
    /// A setting without effect that wallets show.
    adjustment_alpha: AdjustmentAlpha -> u64;
    /// A setting without effect that wallets show.
    target_registrations_per_interval: TargetRegistrationsPerInterval -> u16;
    /// How much of the last epoch's bonds remains, in millionths.
    bonds_moving_average: BondsMovingAverage -> u64;
    /// How far weights beyond consensus are kept out of bonds, as a ratio of 65535.
    bonds_penalty: BondsPenalty -> u16;
    /// Whether a neuron may reset the bonds towards it.
    bonds_reset_enabled: BondsResetOn -> bool;
    /// Whether bonds follow Yuma 3.
    yuma3_enabled: Yuma3On -> bool;
    /// Whether each Yuma 3 bond moves at its own rate.
    liquid_alpha_enabled: LiquidAlphaOn -> bool;
    /// Lowest and highest rate of a liquid bond, as ratios of 65535.
    alpha_values: AlphaValues -> (u16, u16);
    /// Steepness of the curve between the two, in hundredths.
    alpha_sigmoid_steepness: AlphaSigmoidSteepness -> i16;
    /// Which epoch's consensus the rates of liquid bonds are measured by.
    liquid_alpha_consensus_mode: LiquidAlphaConsensusMode -> ConsensusMode;
    /// Whether weights are committed first and revealed later.
    commit_reveal_enabled: CommitRevealWeightsEnabled -> bool;
    /// Epochs from a commit to its reveal.
    reveal_period: RevealPeriodEpochs -> u64;
}

impl<T: Config> Pallet<T> {
    /// Stake weight below which a validator's weights do not count, in rao.
    pub fn stake_threshold() -> u64 {
        StakeThreshold::<T>::get()
    }

    /// How much root stake counts beside alpha, as a ratio of 2⁶⁴ − 1.
    pub fn tao_weight() -> u64 {
        TaoWeight::<T>::get()
    }

    /// Blocks without new weights after which a validator of `netuid` is inactive.
    pub fn activity_cutoff(netuid: NetUid) -> u64 {
        economics::epoch::activity_cutoff(Self::activity_cutoff_factor(netuid), Self::tempo(netuid))
    }

    /// Sets the stake weight below which a validator's weights do not count, in rao.
    pub fn set_stake_threshold(rao: u64) {
        StakeThreshold::<T>::put(rao);
    }

    /// Sets how much root stake counts beside alpha, as a ratio of 2⁶⁴ − 1.
    pub fn set_tao_weight(weight: u64) {
        TaoWeight::<T>::put(weight);
    }

    /// Sets the tempo with which new subnets begin.
    pub(crate) fn set_default_tempo(tempo: u16) {
        DefaultTempo::<T>::put(tempo);
    }

    /// Writes what wallets list of a new subnet, so that a listing finds it.
    pub(crate) fn initialize_hyperparameters(netuid: NetUid) {
        Tempo::<T>::insert(netuid, DefaultTempo::<T>::get());
        MaxAllowedUids::<T>::insert(netuid, Self::max_allowed_uids(netuid));
        MaxAllowedValidators::<T>::insert(netuid, Self::max_allowed_validators(netuid));
        Kappa::<T>::insert(netuid, Self::kappa(netuid));
        ImmunityPeriod::<T>::insert(netuid, Self::immunity_period(netuid));
        Self::initialize_mechanisms(netuid);
        Self::initialize_burn(netuid);
    }

    /// Writes the settings of root: 64 seats, and no epochs.
    pub(crate) fn initialize_root_hyperparameters() {
        Self::initialize_hyperparameters(ROOT);
        MaxAllowedUids::<T>::insert(ROOT, 64);
        Tempo::<T>::insert(ROOT, 100);
    }

    /// Checks a setting and writes it.
    ///
    /// # Errors
    ///
    /// [`Error::SubnetNotExists`], and for a value out of bounds [`Error::InvalidValue`] or the
    /// error named for it.
    pub fn set_hyperparameter(
        netuid: NetUid,
        setting: Hyperparameter,
        authority: Authority,
    ) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        Self::ensure_in_bounds(netuid, &setting, authority)?;
        Self::write(netuid, setting.clone());
        Self::deposit_event(Event::HyperparameterSet { netuid, setting });
        Ok(())
    }

    fn ensure_in_bounds(
        netuid: NetUid,
        setting: &Hyperparameter,
        authority: Authority,
    ) -> DispatchResult {
        use Hyperparameter as H;
        let is_root = authority == Authority::Root;
        let neurons = Self::neuron_count(netuid);
        let (burn_low, burn_high) = Self::burn_bounds(netuid);
        let within = match *setting {
            H::Tempo(tempo) => {
                let allowed = is_root || OWNER_TEMPO.contains(&tempo);
                ensure!(allowed, Error::<T>::TempoOutOfBounds);
                true
            }
            H::ActivityCutoffFactorMilli(factor) => {
                let allowed = ACTIVITY_FACTOR_MILLI.contains(&factor);
                ensure!(allowed, Error::<T>::ActivityCutoffFactorMilliOutOfBounds);
                true
            }
            H::AlphaValues(low, high) => {
                let is_on = Self::liquid_alpha_enabled(netuid);
                ensure!(is_on, Error::<T>::LiquidAlphaDisabled);
                ensure!(high >= low.max(1_638), Error::<T>::AlphaHighTooLow);
                ensure!(
                    (1_638..=high).contains(&low),
                    Error::<T>::AlphaLowOutOfRange
                );
                true
            }
            H::MaxAllowedUids(most) => {
                Self::ensure_rows(most, Self::mechanism_count(netuid))?;
                let limit = if is_root { UIDS_MAX } else { OWNER_UIDS_MAX };
                (neurons..=limit).contains(&most) && most >= Self::min_allowed_uids(netuid)
            }
            H::MinAllowedUids(fewest) => fewest <= Self::max_allowed_uids(netuid),
            H::MaxAllowedValidators(most) => most <= Self::max_allowed_uids(netuid) && most > 0,
            H::ImmuneOwnerUidsLimit(limit) => (1..=10).contains(&limit),
            H::BondsMovingAverage(millionths) => {
                millionths <= if is_root { 1_000_000 } else { 975_000 }
            }
            H::AlphaSigmoidSteepness(steepness) => is_root || steepness >= 0,
            H::RevealPeriodEpochs(epochs) => (1..=100).contains(&epochs),
            // An owner leaves at least one way in open.
            H::NetworkRegistrationAllowed(false) => {
                is_root || Self::pow_registration_allowed(netuid)
            }
            H::NetworkPowRegistrationAllowed(false) => {
                is_root || Self::registration_allowed(netuid)
            }
            // An owner does not keep newcomers out by the price.
            H::MinBurn(low) => low <= burn_high && (is_root || low <= OWNER_MIN_BURN_MAX),
            H::MaxBurn(high) => high >= burn_low && (is_root || high >= OWNER_MAX_BURN_MIN),
            H::BurnHalfLife(blocks) => blocks > 0,
            H::MinChildkeyTakePerSubnet(take) => {
                let (low, high) = Self::childkey_take_bounds();
                (low..=high).contains(&take)
            }
            H::BurnIncreaseMult(multiplier) => ((1 << 64)..=(3 << 64)).contains(&multiplier.bits),
            _ => true,
        };
        ensure!(within, Error::<T>::InvalidValue);
        Ok(())
    }

    /// Sets the most neurons of `netuid`.
    pub(crate) fn put_max_allowed_uids(netuid: NetUid, most: u16) {
        MaxAllowedUids::<T>::insert(netuid, most);
    }

    fn write(netuid: NetUid, setting: Hyperparameter) {
        use Hyperparameter as H;
        match setting {
            H::Tempo(value) => Tempo::<T>::insert(netuid, value),
            H::Kappa(value) => Kappa::<T>::insert(netuid, value),
            H::Rho(value) => Rho::<T>::insert(netuid, value),
            H::MaxAllowedUids(value) => MaxAllowedUids::<T>::insert(netuid, value),
            H::MinAllowedUids(value) => MinAllowedUids::<T>::insert(netuid, value),
            H::MaxAllowedValidators(value) => MaxAllowedValidators::<T>::insert(netuid, value),
            H::ImmunityPeriod(value) => ImmunityPeriod::<T>::insert(netuid, value),
            H::MinNonImmuneUids(value) => MinNonImmuneUids::<T>::insert(netuid, value),
            H::ImmuneOwnerUidsLimit(value) => ImmuneOwnerUidsLimit::<T>::insert(netuid, value),
            H::ActivityCutoff(value) => ActivityCutoff::<T>::insert(netuid, value),
            H::ActivityCutoffFactorMilli(value) => {
                ActivityCutoffFactorMilli::<T>::insert(netuid, value)
            }
            H::MaxWeightsLimit(value) => MaxWeightsLimit::<T>::insert(netuid, value),
            H::MinAllowedWeights(value) => MinAllowedWeights::<T>::insert(netuid, value),
            H::WeightsVersionKey(value) => WeightsVersionKey::<T>::insert(netuid, value),
            H::WeightsSetRateLimit(value) => WeightsSetRateLimit::<T>::insert(netuid, value),
            H::ServingRateLimit(value) => ServingRateLimit::<T>::insert(netuid, value),
            H::AdjustmentInterval(value) => AdjustmentInterval::<T>::insert(netuid, value),
            H::AdjustmentAlpha(value) => AdjustmentAlpha::<T>::insert(netuid, value),
            H::TargetRegistrationsPerInterval(value) => {
                TargetRegistrationsPerInterval::<T>::insert(netuid, value)
            }
            H::BondsMovingAverage(value) => BondsMovingAverage::<T>::insert(netuid, value),
            H::BondsPenalty(value) => BondsPenalty::<T>::insert(netuid, value),
            H::BondsResetOn(value) => BondsResetOn::<T>::insert(netuid, value),
            H::Yuma3On(value) => Yuma3On::<T>::insert(netuid, value),
            H::LiquidAlphaOn(value) => LiquidAlphaOn::<T>::insert(netuid, value),
            H::AlphaValues(low, high) => AlphaValues::<T>::insert(netuid, (low, high)),
            H::LiquidAlphaConsensusMode(value) => {
                LiquidAlphaConsensusMode::<T>::insert(netuid, value)
            }
            H::AlphaSigmoidSteepness(value) => AlphaSigmoidSteepness::<T>::insert(netuid, value),
            H::CommitRevealWeightsEnabled(value) => {
                CommitRevealWeightsEnabled::<T>::insert(netuid, value)
            }
            H::RevealPeriodEpochs(value) => RevealPeriodEpochs::<T>::insert(netuid, value),
            elsewhere => Self::write_elsewhere(netuid, elsewhere),
        }
    }

    /// Writes the settings that other concepts own.
    fn write_elsewhere(netuid: NetUid, setting: Hyperparameter) {
        use Hyperparameter as H;
        match setting {
            H::TransferToggle(value) => Self::set_transfers_enabled(netuid, value),
            H::SubtokenEnabled(value) => Self::set_subtoken_enabled(netuid, value),
            H::SubnetEmissionEnabled(value) => Self::set_emission_enabled(netuid, value),
            H::OwnerCutEnabled(value) => Self::set_owner_cut_enabled(netuid, value),
            H::RecycleOrBurn(value) => Self::set_recycle_or_burn(netuid, value),
            H::MinChildkeyTakePerSubnet(value) => Self::set_subnet_childkey_take(netuid, value),
            price => Self::write_price(netuid, price),
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Drops the settings of a subnet that is removed.
    pub(crate) fn forget_hyperparameters(netuid: NetUid) {
        Tempo::<T>::remove(netuid);
        Kappa::<T>::remove(netuid);
        Rho::<T>::remove(netuid);
        MaxAllowedUids::<T>::remove(netuid);
        MinAllowedUids::<T>::remove(netuid);
        MaxAllowedValidators::<T>::remove(netuid);
        ImmunityPeriod::<T>::remove(netuid);
        MinNonImmuneUids::<T>::remove(netuid);
        ImmuneOwnerUidsLimit::<T>::remove(netuid);
        ActivityCutoffFactorMilli::<T>::remove(netuid);
        ActivityCutoff::<T>::remove(netuid);
        MaxWeightsLimit::<T>::remove(netuid);
        MinAllowedWeights::<T>::remove(netuid);
        WeightsVersionKey::<T>::remove(netuid);
        WeightsSetRateLimit::<T>::remove(netuid);
        ServingRateLimit::<T>::remove(netuid);
        AdjustmentInterval::<T>::remove(netuid);
        AdjustmentAlpha::<T>::remove(netuid);
        TargetRegistrationsPerInterval::<T>::remove(netuid);
        BondsMovingAverage::<T>::remove(netuid);
        BondsPenalty::<T>::remove(netuid);
        BondsResetOn::<T>::remove(netuid);
        Yuma3On::<T>::remove(netuid);
        LiquidAlphaOn::<T>::remove(netuid);
        AlphaValues::<T>::remove(netuid);
        AlphaSigmoidSteepness::<T>::remove(netuid);
        LiquidAlphaConsensusMode::<T>::remove(netuid);
        SubnetEpochConsensus::<T>::remove(netuid);
        CommitRevealWeightsEnabled::<T>::remove(netuid);
        RevealPeriodEpochs::<T>::remove(netuid);
    }
}
