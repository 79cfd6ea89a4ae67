//! Who is paid at the end of an epoch.
//!
//! # The rule
//!
//! * The owner's cut is staked on the owner's hotkey.
//! * Each miner's part is staked on its hotkey for the coldkey that owns it (or where that coldkey
//!   directs its pay). A hotkey of the subnet's owner receives nothing: its part is burned or
//!   recycled, and the fraction is remembered as [`MinerBurned`]. When no miner earned anything,
//!   miners' pay goes to validators.
//! * What a validator earned with stake that parents lent it is theirs, by whose stake it was
//!   ([`economics::split::family`]). From parents of another coldkey the validator takes
//!   [`ChildkeyTake`], and [`CKBurn`] of theirs is recycled.
//! * Validators' pay is divided in proportion to the dividends that are theirs then, between alpha
//!   and root stakers ([`economics::split::dividends`]). Of each payment the validator's take goes to
//!   its owner, the rest to its stakers pro rata.
//! * What rounding leaves belongs to nobody. What nobody can be paid, because no uid has stake or
//!   weights, waits for the next epoch.
//!
//! # Where we differ from Bittensor
//!
//! What [`CKBurn`] costs parents is recycled out of the pay. Bittensor pays everything to the others
//! and recycles the same again, so alpha that somebody holds leaves the issuance.

use crate::*;
use economics::{
    epoch::Settlement,
    split::{self, Claim, Lent, Pending as Split},
};
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::Vec;
use std::collections::BTreeMap;

#[pallet_section]
mod payout_storage {
    /// Alpha waiting for each subnet's miners, in rao.
    #[pallet::storage]
    pub type PendingServerEmission<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Alpha waiting for each subnet's validators and their stakers, in rao.
    #[pallet::storage]
    pub type PendingValidatorEmission<T> =
        StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Alpha waiting for root stakers in each subnet, in rao.
    #[pallet::storage]
    pub type PendingRootAlphaDivs<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Alpha waiting for each subnet's owner, in rao.
    #[pallet::storage]
    pub type PendingOwnerCut<T> = StorageMap<_, Identity, NetUid, AlphaBalance, ValueQuery>;

    /// Fraction of each subnet's last miners' pay that would have gone to its owner, with 64
    /// fractional bits.
    #[pallet::storage]
    pub type MinerBurned<T> = StorageMap<_, Identity, NetUid, FixedU128, ValueQuery>;

    /// What becomes of that part.
    #[pallet::storage]
    pub type RecycleOrBurn<T> = StorageMap<_, Identity, NetUid, RecycleOrBurnEnum, ValueQuery>;

    /// Owners' part of what subnets mint, as a ratio of 65535.
    #[pallet::storage]
    pub type SubnetOwnerCut<T> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;

    /// Whether each subnet's owner takes its part.
    #[pallet::storage]
    pub type OwnerCutEnabled<T> =
        StorageMap<_, Identity, NetUid, bool, ValueQuery, ConstBool<true>>;

    /// Alpha that each hotkey's stakers earned in the last epoch, take included, in rao.
    #[pallet::storage]
    pub type AlphaDividendsPerSubnet<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        AlphaBalance,
        ValueQuery,
    >;

    /// Alpha that each hotkey's root stakers earned in the last epoch, take included, in rao.
    #[pallet::storage]
    pub type RootAlphaDividendsPerSubnet<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        AlphaBalance,
        ValueQuery,
    >;
}

/// Most hotkeys that an epoch pays as validators: those with a uid, and the parents of each.
const PAYEES_MAX: u32 = UIDS_MAX as u32 * (children::PARENTS_MAX as u32 + 1);

/// Who is paid for a claim.
enum Payee<AccountId> {
    /// A validator and its stakers.
    Validator(AccountId),
    /// Nobody: what is paid is recycled.
    Nobody,
}

/// A validator's dividend of an epoch, after it was divided with parents.
#[derive(Clone, Copy, Debug, Default)]
struct Earned {
    /// What counts for the validator.
    kept: AlphaBalance,
    /// What counts for nobody.
    burned: AlphaBalance,
}

/// What waits for the epoch of a subnet, in rao of alpha.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// For miners.
    pub server: AlphaBalance,
    /// For validators and their stakers.
    pub validator: AlphaBalance,
    /// For root stakers.
    pub root: AlphaBalance,
    /// For the owner.
    pub owner: AlphaBalance,
}

impl Pending {
    /// What the epoch shares out: all but the owner's part.
    pub fn epoch_total(&self) -> AlphaBalance {
        self.server
            .saturating_add(self.validator)
            .saturating_add(self.root)
    }
}

impl<T: Config> Pallet<T> {
    /// What waits for the epoch of `netuid`.
    pub fn pending(netuid: NetUid) -> Pending {
        Pending {
            server: PendingServerEmission::<T>::get(netuid),
            validator: PendingValidatorEmission::<T>::get(netuid),
            root: PendingRootAlphaDivs::<T>::get(netuid),
            owner: PendingOwnerCut::<T>::get(netuid),
        }
    }

    /// Fraction of the last miners' pay of `netuid` that would have gone to its owner, with 64
    /// fractional bits.
    pub fn miner_burned(netuid: NetUid) -> FixedU128 {
        MinerBurned::<T>::get(netuid)
    }

    /// Owners' part of what subnets mint, as a ratio of 65535.
    pub fn subnet_owner_cut() -> u16 {
        SubnetOwnerCut::<T>::get()
    }

    /// Whether the owner of `netuid` takes its part.
    pub fn owner_cut_enabled(netuid: NetUid) -> bool {
        OwnerCutEnabled::<T>::get(netuid)
    }

    /// Alpha that stakers of each hotkey earned in the last epoch of `netuid`, in rao.
    pub fn alpha_dividends(netuid: NetUid) -> Vec<(T::AccountId, AlphaBalance)> {
        AlphaDividendsPerSubnet::<T>::iter_prefix(netuid).collect()
    }

    /// Alpha that root stakers of each hotkey earned in the last epoch of `netuid`, in rao.
    pub fn root_alpha_dividends(netuid: NetUid) -> Vec<(T::AccountId, AlphaBalance)> {
        RootAlphaDividendsPerSubnet::<T>::iter_prefix(netuid).collect()
    }

    /// Sets owners' part of what subnets mint, as a ratio of 65535.
    pub fn set_subnet_owner_cut(cut: u16) {
        SubnetOwnerCut::<T>::put(cut);
    }

    /// Sets whether the owner of `netuid` takes its part.
    pub(crate) fn set_owner_cut_enabled(netuid: NetUid, enabled: bool) {
        OwnerCutEnabled::<T>::insert(netuid, enabled);
    }

    /// Sets what becomes of miners' pay that would go to the owner of `netuid`.
    pub(crate) fn set_recycle_or_burn(netuid: NetUid, choice: RecycleOrBurnEnum) {
        RecycleOrBurn::<T>::insert(netuid, choice);
    }

    /// Divides alpha minted in this block, and adds the parts to what waits.
    pub(crate) fn accumulate(
        netuid: NetUid,
        alpha: AlphaBalance,
        root_proportion: economics::fixed::Fixed,
        root_part: RootPart,
    ) {
        let cut = if Self::owner_cut_enabled(netuid) {
            Self::subnet_owner_cut()
        } else {
            0
        };
        let split = Split::of_block(alpha, cut, root_proportion);
        PendingOwnerCut::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(split.owner));
        PendingServerEmission::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(split.server));
        PendingValidatorEmission::<T>::mutate(netuid, |sum| {
            *sum = sum.saturating_add(split.validator);
        });
        match root_part {
            RootPart::Kept => PendingRootAlphaDivs::<T>::mutate(netuid, |sum| {
                *sum = sum.saturating_add(split.root);
            }),
            RootPart::Recycled => Self::unmint_alpha(netuid, split.root),
        }
        Self::abandon_alpha(netuid, split.dust);
    }

    /// Pays what waited for an epoch according to its settlement.
    pub(crate) fn pay_epoch(netuid: NetUid, settlement: &Settlement) {
        let pending = Self::take_pending(netuid);
        let hotkeys = Self::hotkeys(netuid);
        let claims = Self::claims(netuid, &hotkeys, &settlement.validator_emission);
        Self::pay_owner(netuid, pending.owner);

        let is_idle = settlement.server_emission.iter().all(|amount| *amount == 0);
        let mut for_validators = pending.validator;
        if is_idle {
            for_validators = for_validators.saturating_add(pending.server);
        } else {
            Self::pay_miners(
                netuid,
                &hotkeys,
                &settlement.server_emission,
                pending.server,
            );
        }
        Self::pay_validators(netuid, claims, for_validators, pending.root);
    }

    /// What validators and their parents may claim, by the stake they had before anybody is paid.
    fn claims(
        netuid: NetUid,
        hotkeys: &[T::AccountId],
        dividends: &[AlphaBalance],
    ) -> Vec<(Payee<T::AccountId>, Claim)> {
        let mut earned = BTreeMap::new();
        for (hotkey, dividend) in hotkeys.iter().zip(dividends) {
            if *dividend > 0 {
                Self::divide_dividend(netuid, hotkey, *dividend, &mut earned);
            }
        }
        let mut claims = Vec::new();
        for (hotkey, Earned { kept, burned }) in earned {
            let claim = Claim {
                alpha: Self::hotkey_stake(&hotkey, netuid),
                root: Self::hotkey_stake(&hotkey, ROOT),
                dividend: kept,
            };
            claims.push((Payee::Validator(hotkey), claim));
            if burned > 0 {
                let dividend = burned;
                claims.push((Payee::Nobody, Claim { dividend, ..claim }));
            }
        }
        claims
    }

    /// Divides a validator's dividend with the parents whose stake helped to earn it.
    fn divide_dividend(
        netuid: NetUid,
        hotkey: &T::AccountId,
        dividend: AlphaBalance,
        earned: &mut BTreeMap<T::AccountId, Earned>,
    ) {
        let tao_weight = Self::tao_weight();
        let owner = Self::owner_of(hotkey);
        let lenders = Self::lent_to(hotkey, netuid);
        let lent: Vec<Lent> = lenders
            .iter()
            .map(|(parent, stake)| {
                let is_own = Self::owner_of(parent) == owner;
                let (take, burn) = if is_own {
                    (0, 0)
                } else {
                    (Self::childkey_take(hotkey, netuid), Self::childkey_burn())
                };
                Lent {
                    stake: stake.weight(tao_weight),
                    take,
                    burn,
                }
            })
            .collect();
        let own = Self::kept_stake(hotkey, netuid).weight(tao_weight);
        let family = split::family(dividend, own, &lent);
        let mut add = |hotkey: &T::AccountId, kept: u64, burned: u64| {
            let sum = earned.entry(hotkey.clone()).or_default();
            sum.kept = sum.kept.saturating_add(kept);
            sum.burned = sum.burned.saturating_add(burned);
        };
        add(hotkey, family.own, 0);
        let parts = family.parents.iter().zip(&family.burned);
        for ((parent, _), (kept, burned)) in lenders.iter().zip(parts) {
            add(parent, *kept, *burned);
        }
    }

    fn take_pending(netuid: NetUid) -> Pending {
        Pending {
            server: PendingServerEmission::<T>::take(netuid),
            validator: PendingValidatorEmission::<T>::take(netuid),
            root: PendingRootAlphaDivs::<T>::take(netuid),
            owner: PendingOwnerCut::<T>::take(netuid),
        }
    }

    fn pay_owner(netuid: NetUid, amount: AlphaBalance) {
        let owner = Self::subnet_owner(netuid).zip(Self::subnet_owner_hotkey(netuid));
        match owner {
            Some((coldkey, hotkey)) => Self::credit_stake(&hotkey, &coldkey, netuid, amount),
            None => Self::abandon_alpha(netuid, amount),
        }
    }

    /// Pays miners out of `available`, which validators' pay is no part of.
    fn pay_miners(
        netuid: NetUid,
        hotkeys: &[T::AccountId],
        amounts: &[AlphaBalance],
        available: AlphaBalance,
    ) {
        let subnet_owner = Self::subnet_owner(netuid);
        let weights: Vec<u128> = amounts.iter().map(|amount| u128::from(*amount)).collect();
        let total: u128 = weights.iter().sum();
        // The epoch shares out what miners, validators and root wait for together, so the miners'
        // sum may differ from what waits for miners alone. Amounts are paid as they are when they
        // fit, and scaled to what is there when not.
        let parts = if total <= u128::from(available) {
            amounts.to_vec()
        } else {
            split::pro_rata(available, &weights).parts
        };
        let (mut paid, mut kept_from_owner) = (0u64, 0u64);
        for (hotkey, amount) in hotkeys.iter().zip(&parts) {
            let Some(owner) = Self::owner_of(hotkey) else {
                continue;
            };
            paid = paid.saturating_add(*amount);
            if subnet_owner.as_ref() == Some(&owner) {
                kept_from_owner = kept_from_owner.saturating_add(*amount);
                continue;
            }
            Self::pay_miner(netuid, hotkey, owner, *amount);
        }
        match RecycleOrBurn::<T>::get(netuid) {
            RecycleOrBurnEnum::Burn => Self::abandon_alpha(netuid, kept_from_owner),
            RecycleOrBurnEnum::Recycle => Self::unmint_alpha(netuid, kept_from_owner),
        }
        Self::abandon_alpha(netuid, available.saturating_sub(paid));
        let fraction =
            economics::fixed::Fixed::ratio(u128::from(kept_from_owner), u128::from(paid));
        let bits = fraction.to_bits();
        MinerBurned::<T>::insert(netuid, FixedU128 { bits });
    }

    fn pay_miner(netuid: NetUid, hotkey: &T::AccountId, owner: T::AccountId, amount: u64) {
        let Some(destination) = Self::auto_stake_destination(&owner, netuid) else {
            Self::credit_stake(hotkey, &owner, netuid, amount);
            return;
        };
        Self::credit_stake(&destination, &owner, netuid, amount);
        if amount > 0 {
            Self::deposit_event(Event::AutoStakeAdded {
                netuid,
                destination,
                hotkey: hotkey.clone(),
                owner,
                incentive: amount,
            });
        }
    }

    fn pay_validators(
        netuid: NetUid,
        claims: Vec<(Payee<T::AccountId>, Claim)>,
        for_alpha: AlphaBalance,
        for_root: AlphaBalance,
    ) {
        let (payees, claims): (Vec<_>, Vec<_>) = claims.into_iter().unzip();
        let (parts, rest) = split::dividends(for_alpha, for_root, Self::tao_weight(), &claims);
        Self::forget_dividends(netuid);
        for (payee, part) in payees.iter().zip(&parts) {
            match payee {
                Payee::Validator(hotkey) => {
                    Self::pay_validator(netuid, hotkey, part.alpha, part.root);
                }
                Payee::Nobody => {
                    Self::unmint_alpha(netuid, part.alpha.saturating_add(part.root));
                }
            }
        }
        if parts.iter().any(|part| part.alpha > 0) {
            Self::abandon_alpha(netuid, rest.alpha);
        } else {
            PendingValidatorEmission::<T>::insert(netuid, rest.alpha);
        }
        if parts.iter().any(|part| part.root > 0) {
            Self::abandon_alpha(netuid, rest.root);
        } else {
            PendingRootAlphaDivs::<T>::insert(netuid, rest.root);
        }
    }

    fn pay_validator(
        netuid: NetUid,
        hotkey: &T::AccountId,
        alpha: AlphaBalance,
        root: AlphaBalance,
    ) {
        if alpha == 0 && root == 0 {
            return;
        }
        let Some(owner) = Self::owner_of(hotkey) else {
            Self::abandon_alpha(netuid, alpha.saturating_add(root));
            return;
        };
        let take = Self::take_of(hotkey);
        let (alpha_take, alpha_rest) = split::take(alpha, take);
        let (root_take, root_rest) = split::take(root, take);
        Self::credit_stake(hotkey, &owner, netuid, alpha_take.saturating_add(root_take));
        Self::credit_stakers(hotkey, netuid, alpha_rest);
        Self::credit_root_stakers(hotkey, netuid, root_rest);
        if alpha > 0 {
            AlphaDividendsPerSubnet::<T>::insert(netuid, hotkey, alpha);
        }
        if root > 0 {
            RootAlphaDividendsPerSubnet::<T>::insert(netuid, hotkey, root);
        }
    }

    /// Drops the last epoch's dividends.
    fn forget_dividends(netuid: NetUid) {
        let alpha = AlphaDividendsPerSubnet::<T>::clear_prefix(netuid, PAYEES_MAX, None);
        let root = RootAlphaDividendsPerSubnet::<T>::clear_prefix(netuid, PAYEES_MAX, None);
        debug_assert!(alpha.maybe_cursor.is_none() && root.maybe_cursor.is_none());
    }
}

impl<T: Config> Pallet<T> {
    /// Drops what waited to be paid in a subnet that is removed, and what was paid last.
    pub(crate) fn forget_pay(netuid: NetUid) {
        PendingServerEmission::<T>::remove(netuid);
        PendingValidatorEmission::<T>::remove(netuid);
        PendingRootAlphaDivs::<T>::remove(netuid);
        PendingOwnerCut::<T>::remove(netuid);
        MinerBurned::<T>::remove(netuid);
        RecycleOrBurn::<T>::remove(netuid);
        OwnerCutEnabled::<T>::remove(netuid);
        Self::forget_dividends(netuid);
    }
}
