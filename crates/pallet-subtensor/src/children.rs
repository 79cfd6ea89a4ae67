//! Parents and children: hotkeys that lend their stake's weight to others.
//!
//! # The rule
//!
//! * In each subnet, the owner of a hotkey (the parent) may lend parts of its stake's weight to at
//!   most [`CHILDREN_MAX`] other hotkeys (its children). A part is a ratio of 2⁶⁴ − 1; together they
//!   are at most the whole. Stake stays where it is. A new list replaces the old one.
//! * Nobody is its own child, or parent and child of the same hotkey, and nobody has more than
//!   [`PARENTS_MAX`] parents.
//! * Where alpha trades, a new list waits [`PendingChildKeyCooldown`] blocks, and from then for the
//!   end of the subnet's next epoch, which looks at [`PENDING_PER_EPOCH`] waiting lists. Elsewhere it
//!   counts at once, and so does an empty one where nothing is lent. It replaces one that waits. A list that no
//!   longer fits when its time has come is dropped.
//! * To lend, a parent needs stake worth [`StakeThreshold`] TAO in all subnets together, or to be the
//!   subnet owner's hotkey. A parent whose stake falls below is suspended: its lists stay, but count
//!   for nothing in subnets other than its own until the stake is back. A parent is looked at in the
//!   block after its stake changed, [`CHECKS_PER_BLOCK`] of them in each.
//! * A validator on root lends everything to the subnet owner's hotkey in every subnet where it has
//!   no list, unless its owner turned that off: when it joins root, and when a subnet is registered.
//!
//! A hotkey works with what it has, less what it lends, plus what it is lent, of alpha and of root
//! stake alike. What it earns that way is divided by [`crate::payout`].
//!
//! # What always holds
//!
//! [`ChildKeys`] and [`ParentKeys`] list the same pairs with the same parts, and all lending in a
//! subnet adds up to no more stake than there is.

use crate::{sweep::Sweep, *};
use economics::{fixed::mul_div, split};
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use sp_runtime::{TryRuntimeError, Vec};

#[pallet_section]
mod children_storage {
    /// Whom each hotkey lends to in each subnet: (part of 2⁶⁴ − 1, child).
    #[pallet::storage]
    #[pallet::unbounded]
    pub type ChildKeys<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        sp_runtime::Vec<(u64, T::AccountId)>,
        ValueQuery,
    >;

    /// Who lends to each hotkey in each subnet: (part of 2⁶⁴ − 1, parent).
    #[pallet::storage]
    #[pallet::unbounded]
    pub type ParentKeys<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Identity,
        NetUid,
        sp_runtime::Vec<(u64, T::AccountId)>,
        ValueQuery,
    >;

    /// Lists of children that wait, and the block until which they do.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type PendingChildKeys<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        (sp_runtime::Vec<(u64, T::AccountId)>, u64),
        ValueQuery,
    >;

    /// Where the last look at a subnet's waiting lists ended, if before their end.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type PendingChildKeysCursor<T> =
        StorageMap<_, Identity, NetUid, sp_runtime::Vec<u8>, OptionQuery>;

    /// Blocks for which a new list of children waits.
    #[pallet::storage]
    pub type PendingChildKeyCooldown<T> = StorageValue<_, u64, ValueQuery, ConstU64<7_200>>;

    /// Parents whose stake changed, to be compared with the threshold.
    #[pallet::storage]
    pub type ChildkeyThresholdChecks<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, (), OptionQuery>;

    /// Parents whose stake is below the threshold.
    #[pallet::storage]
    pub type ChildkeyThresholdSuspended<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, (), OptionQuery>;

    /// Whether a validator on root lends to subnets' owners where it lends to nobody else.
    #[pallet::storage]
    pub type AutoParentDelegationEnabled<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, bool, ValueQuery, ConstBool<true>>;
}

/// Most children of a hotkey in one subnet.
pub const CHILDREN_MAX: usize = 5;

/// Most parents of a hotkey in one subnet.
pub const PARENTS_MAX: usize = 100;

/// How many waiting lists an epoch looks at.
pub const PENDING_PER_EPOCH: usize = 128;

/// How many parents a block compares with the threshold.
pub const CHECKS_PER_BLOCK: usize = 16;

/// Blocks between two lists of one hotkey in one subnet.
const LISTS_INTERVAL: u64 = 150;

/// How long it takes to value a hotkey's stake in one subnet.
const VALUATION_COST: Weight = Weight::from_parts(15_000_000, 0);

/// Stake that a hotkey works with in a subnet, its own or lent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkingStake {
    /// Alpha of the subnet, in rao.
    pub alpha: AlphaBalance,
    /// TAO on root, in rao.
    pub root: TaoBalance,
}

impl WorkingStake {
    /// A part of it, a ratio of 2⁶⁴ − 1, rounded down.
    fn part(self, ratio: u64) -> Self {
        let of = |rao: u64| {
            let part = mul_div(u128::from(rao), u128::from(ratio), u128::from(u64::MAX));
            u64::try_from(part).unwrap_or(rao)
        };
        Self {
            alpha: of(self.alpha),
            root: of(self.root),
        }
    }

    fn plus(self, more: Self) -> Self {
        Self {
            alpha: self.alpha.saturating_add(more.alpha),
            root: self.root.saturating_add(more.root),
        }
    }

    fn minus(self, less: Self) -> Self {
        Self {
            alpha: self.alpha.saturating_sub(less.alpha),
            root: self.root.saturating_sub(less.root),
        }
    }

    /// What it counts for, in rao of alpha, where root stake weighs a ratio of 2⁶⁴ − 1.
    pub fn weight(self, tao_weight: u64) -> u64 {
        split::stake_weight(self.alpha, self.root, tao_weight)
    }
}

impl<T: Config> Pallet<T> {
    /// Children to which `hotkey` lends in `netuid`, with the part each is lent; none while it is
    /// suspended.
    pub fn children_of(hotkey: &T::AccountId, netuid: NetUid) -> Vec<(u64, T::AccountId)> {
        if Self::is_suspended(hotkey, netuid) {
            return Vec::new();
        }
        ChildKeys::<T>::get(hotkey, netuid)
    }

    /// Parents that lend to `hotkey` in `netuid`, with the part each lends; none that is suspended.
    pub fn parents_of(hotkey: &T::AccountId, netuid: NetUid) -> Vec<(u64, T::AccountId)> {
        let mut parents = ParentKeys::<T>::get(hotkey, netuid);
        parents.retain(|(_, parent)| !Self::is_suspended(parent, netuid));
        parents
    }

    /// What `hotkey` works with in `netuid`: what it has, less what it lends, plus what it is lent.
    pub fn working_stake(hotkey: &T::AccountId, netuid: NetUid) -> WorkingStake {
        let lent = Self::lent_to(hotkey, netuid).into_iter();
        lent.fold(Self::kept_stake(hotkey, netuid), |sum, (_, lent)| {
            sum.plus(lent)
        })
    }

    /// What `hotkey` has in `netuid`, less what it lends.
    pub(crate) fn kept_stake(hotkey: &T::AccountId, netuid: NetUid) -> WorkingStake {
        let own = Self::own_stake(hotkey, netuid);
        let children = Self::children_of(hotkey, netuid).into_iter();
        children.fold(own, |left, (part, _)| left.minus(own.part(part)))
    }

    /// Who lends to `hotkey` in `netuid`, and what.
    pub(crate) fn lent_to(
        hotkey: &T::AccountId,
        netuid: NetUid,
    ) -> Vec<(T::AccountId, WorkingStake)> {
        Self::parents_of(hotkey, netuid)
            .into_iter()
            .map(|(part, parent)| {
                let lent = Self::own_stake(&parent, netuid).part(part);
                (parent, lent)
            })
            .collect()
    }

    /// How many hotkeys lend to `hotkey` in `netuid`, suspended ones included.
    pub(crate) fn parent_count(hotkey: &T::AccountId, netuid: NetUid) -> u64 {
        ParentKeys::<T>::decode_len(hotkey, netuid).unwrap_or(0) as u64
    }

    fn own_stake(hotkey: &T::AccountId, netuid: NetUid) -> WorkingStake {
        WorkingStake {
            alpha: Self::hotkey_stake(hotkey, netuid),
            root: Self::hotkey_stake(hotkey, ROOT),
        }
    }

    /// Replaces the children of `hotkey` in `netuid`, now or when the cooldown is over.
    pub(crate) fn do_set_children(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: NetUid,
        children: Vec<(u64, T::AccountId)>,
    ) -> DispatchResult {
        let key = RateLimitKey::SetChildren(netuid, hotkey.clone());
        ensure!(
            Self::interval_passed(&key, LISTS_INTERVAL),
            Error::<T>::TxRateLimitExceeded
        );
        ensure!(
            netuid != ROOT,
            Error::<T>::RegistrationNotPermittedOnRootSubnet
        );
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            Self::owner_of(hotkey).as_ref() == Some(coldkey),
            Error::<T>::NonAssociatedColdKey
        );
        Self::ensure_may_lend(hotkey, netuid, &children)?;
        ensure!(
            children.is_empty() || Self::meets_threshold(hotkey, netuid),
            Error::<T>::NotEnoughStakeToSetChildkeys
        );
        Self::mark_done(key);
        PendingChildKeys::<T>::remove(netuid, hotkey);
        let changes_nothing = children.is_empty() && !ChildKeys::<T>::contains_key(hotkey, netuid);
        if changes_nothing || !Self::subtoken_enabled(netuid) {
            Self::put_children(hotkey, netuid, children);
            return Ok(());
        }
        let until = Self::block().saturating_add(PendingChildKeyCooldown::<T>::get());
        PendingChildKeys::<T>::insert(netuid, hotkey, (&children, until));
        Self::deposit_event(Event::SetChildrenScheduled(
            hotkey.clone(),
            netuid,
            until,
            children,
        ));
        Ok(())
    }

    /// Refuses a list that is too long, names a hotkey twice or the parent itself, lends more than
    /// everything, or would make somebody parent and child of the same hotkey.
    fn ensure_may_lend(
        parent: &T::AccountId,
        netuid: NetUid,
        children: &[(u64, T::AccountId)],
    ) -> DispatchResult {
        ensure!(children.len() <= CHILDREN_MAX, Error::<T>::TooManyChildren);
        let mut lent = 0u128;
        for (place, (part, child)) in children.iter().enumerate() {
            let named = children[..place].iter().any(|(_, other)| other == child);
            ensure!(!named, Error::<T>::DuplicateChild);
            ensure!(child != parent, Error::<T>::InvalidChild);
            lent = lent.saturating_add(u128::from(*part));
        }
        ensure!(lent <= u128::from(u64::MAX), Error::<T>::ProportionOverflow);
        let lenders = ParentKeys::<T>::get(parent, netuid);
        for (_, child) in children {
            let is_parent = lenders.iter().any(|(_, lender)| lender == child);
            let parents = ParentKeys::<T>::get(child, netuid);
            let has_room =
                parents.len() < PARENTS_MAX || parents.iter().any(|(_, listed)| listed == parent);
            ensure!(!is_parent && has_room, Error::<T>::ChildParentInconsistency);
        }
        Ok(())
    }

    /// Lets lists of children that waited long enough count from now on; returns how long that takes.
    pub(crate) fn apply_pending_children(netuid: NetUid) -> Weight {
        let mut waiting = match PendingChildKeysCursor::<T>::take(netuid) {
            Some(place) => PendingChildKeys::<T>::iter_prefix_from(netuid, place),
            None => PendingChildKeys::<T>::iter_prefix(netuid),
        };
        let looked_at: Vec<_> = waiting.by_ref().take(PENDING_PER_EPOCH).collect();
        if looked_at.len() == PENDING_PER_EPOCH {
            PendingChildKeysCursor::<T>::insert(netuid, waiting.last_raw_key().to_vec());
        }
        let looks = looked_at.len() as u64;
        for (parent, (children, until)) in looked_at {
            if until >= Self::block() && Self::subtoken_enabled(netuid) {
                continue;
            }
            PendingChildKeys::<T>::remove(netuid, &parent);
            let fits = Self::ensure_may_lend(&parent, netuid, &children).is_ok();
            if fits && (children.is_empty() || Self::meets_threshold(&parent, netuid)) {
                Self::put_children(&parent, netuid, children);
                Self::queue_threshold_check(&parent);
            }
        }
        Self::lending_cost().saturating_mul(looks)
    }

    /// Writes the children of `parent` in both maps.
    fn put_children(parent: &T::AccountId, netuid: NetUid, children: Vec<(u64, T::AccountId)>) {
        Self::link(parent, netuid, &children);
        Self::deposit_event(Event::SetChildren(parent.clone(), netuid, children));
    }

    fn link(parent: &T::AccountId, netuid: NetUid, children: &[(u64, T::AccountId)]) {
        for (_, child) in ChildKeys::<T>::take(parent, netuid) {
            ParentKeys::<T>::mutate_exists(&child, netuid, |parents| {
                let mut left = parents.take().unwrap_or_default();
                left.retain(|(_, listed)| listed != parent);
                *parents = (!left.is_empty()).then_some(left);
            });
        }
        for (part, child) in children {
            ParentKeys::<T>::append(child, netuid, (part, parent));
        }
        if !children.is_empty() {
            ChildKeys::<T>::insert(parent, netuid, children.to_vec());
        }
    }

    /// Puts `new` in the place of `old` in every relation of `netuid`, with its take of what it earns
    /// for parents; relations that `new` had are dropped. Where something is staked on `new` already, the
    /// list of children waits like any new one: its stakers did not know of it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidChild`] where the two are parent and child, or a list waits that names `new`.
    pub(crate) fn move_family(
        old: &T::AccountId,
        new: &T::AccountId,
        netuid: NetUid,
    ) -> DispatchResult {
        let (children, parents) = (
            ChildKeys::<T>::get(old, netuid),
            ParentKeys::<T>::get(old, netuid),
        );
        let pending = PendingChildKeys::<T>::get(netuid, old).0;
        let mut relatives = children.iter().chain(&parents).chain(&pending);
        ensure!(
            relatives.all(|(_, relative)| relative != new),
            Error::<T>::InvalidChild
        );
        Self::link(old, netuid, &[]);
        let waits = Self::subtoken_enabled(netuid)
            && Self::own_stake(new, netuid) != WorkingStake::default();
        Self::link(new, netuid, if waits { &[] } else { &children });
        Self::pass_parents(old, new, netuid, &parents);
        PendingChildKeys::<T>::remove(netuid, new);
        let mut waiting = PendingChildKeys::<T>::try_get(netuid, old).ok();
        PendingChildKeys::<T>::remove(netuid, old);
        if waits {
            let until = Self::block().saturating_add(PendingChildKeyCooldown::<T>::get());
            waiting = waiting
                .map(|(list, _)| list)
                .or((!children.is_empty()).then_some(children))
                .map(|list| (list, until));
        }
        if let Some(waiting) = waiting {
            PendingChildKeys::<T>::insert(netuid, new, waiting);
        }
        match ChildkeyTake::<T>::try_get(old, netuid) {
            Ok(take) => ChildkeyTake::<T>::insert(new, netuid, take),
            Err(()) => ChildkeyTake::<T>::remove(new, netuid),
        }
        ChildkeyTake::<T>::remove(old, netuid);
        Self::queue_threshold_check(old);
        Self::queue_threshold_check(new);
        Ok(())
    }

    /// Lets everybody who lends to `old` lend to `new` instead, and nobody else. Only the lists that change are
    /// written: there may be a hundred parents, with children of their own.
    fn pass_parents(
        old: &T::AccountId,
        new: &T::AccountId,
        netuid: NetUid,
        parents: &[(u64, T::AccountId)],
    ) {
        for (_, parent) in ParentKeys::<T>::take(new, netuid) {
            ChildKeys::<T>::mutate_exists(&parent, netuid, |children| {
                let mut left = children.take().unwrap_or_default();
                left.retain(|(_, child)| child != new);
                *children = (!left.is_empty()).then_some(left);
            });
        }
        for (_, parent) in parents {
            ChildKeys::<T>::mutate(parent, netuid, |children| {
                for (_, child) in children.iter_mut().filter(|(_, child)| child == old) {
                    *child = new.clone();
                }
            });
        }
        ParentKeys::<T>::remove(old, netuid);
        if !parents.is_empty() {
            ParentKeys::<T>::insert(new, netuid, parents);
        }
    }

    /// Lets the choice of `old` about subnets' owners be that of `new`.
    pub(crate) fn move_auto_parent_delegation(old: &T::AccountId, new: &T::AccountId) {
        if AutoParentDelegationEnabled::<T>::contains_key(old) {
            let enabled = AutoParentDelegationEnabled::<T>::take(old);
            AutoParentDelegationEnabled::<T>::insert(new, enabled);
        }
    }

    /// Drops every relation that `hotkey` has in `netuid`.
    pub(crate) fn forget_family(hotkey: &T::AccountId, netuid: NetUid) {
        PendingChildKeys::<T>::remove(netuid, hotkey);
        Self::link(hotkey, netuid, &[]);
        for (_, parent) in ParentKeys::<T>::get(hotkey, netuid) {
            let mut left = ChildKeys::<T>::get(&parent, netuid);
            left.retain(|(_, child)| child != hotkey);
            Self::link(&parent, netuid, &left);
        }
    }

    /// Whether what `parent` lends in `netuid` counts for nothing.
    fn is_suspended(parent: &T::AccountId, netuid: NetUid) -> bool {
        ChildkeyThresholdSuspended::<T>::contains_key(parent)
            && Self::subnet_owner_hotkey(netuid).as_ref() != Some(parent)
    }

    /// Whether `hotkey` may lend in `netuid`.
    fn meets_threshold(hotkey: &T::AccountId, netuid: NetUid) -> bool {
        Self::subnet_owner_hotkey(netuid).as_ref() == Some(hotkey)
            || Self::stake_meets_threshold(hotkey)
    }

    fn stake_meets_threshold(hotkey: &T::AccountId) -> bool {
        let threshold = Self::stake_threshold();
        threshold == 0 || Self::stake_worth(hotkey) >= threshold
    }

    /// What is staked on `hotkey` in all subnets, in rao of TAO at the pools' prices.
    pub fn stake_worth(hotkey: &T::AccountId) -> TaoBalance {
        TotalHotkeyAlpha::<T>::iter_prefix(hotkey)
            .filter(|(netuid, _)| Self::subnet_exists(*netuid))
            .fold(0u64, |sum, (netuid, stake)| {
                sum.saturating_add(Self::alpha_price(netuid).of(stake))
            })
    }

    /// Has `hotkey` compared with the threshold, if it lends to anybody or is suspended.
    pub(crate) fn queue_threshold_check(hotkey: &T::AccountId) {
        let lends = || {
            Self::stake_threshold() > 0 && ChildKeys::<T>::iter_key_prefix(hotkey).next().is_some()
        };
        if ChildkeyThresholdSuspended::<T>::contains_key(hotkey) || lends() {
            ChildkeyThresholdChecks::<T>::insert(hotkey, ());
        }
    }

    /// Suspends parents whose stake fell below the threshold, and lets others lend again; returns
    /// how long that takes.
    pub(crate) fn check_thresholds() -> Weight {
        let queued: Vec<T::AccountId> = ChildkeyThresholdChecks::<T>::iter_keys()
            .take(CHECKS_PER_BLOCK)
            .collect();
        for hotkey in &queued {
            ChildkeyThresholdChecks::<T>::remove(hotkey);
            if Self::stake_meets_threshold(hotkey) {
                ChildkeyThresholdSuspended::<T>::remove(hotkey);
            } else {
                ChildkeyThresholdSuspended::<T>::insert(hotkey, ());
            }
        }
        let valuations = (queued.len() as u64).saturating_mul(Self::total_networks().into());
        VALUATION_COST.saturating_mul(valuations)
    }

    /// Turns on or off that `hotkey` lends to subnets' owners.
    pub(crate) fn do_set_auto_parent_delegation(
        coldkey: &T::AccountId,
        hotkey: T::AccountId,
        enabled: bool,
    ) -> DispatchResult {
        ensure!(
            Self::owner_of(&hotkey).as_ref() == Some(coldkey),
            Error::<T>::NonAssociatedColdKey
        );
        ensure!(
            Self::is_registered(ROOT, &hotkey),
            Error::<T>::HotKeyNotRegisteredInSubNet
        );
        AutoParentDelegationEnabled::<T>::insert(&hotkey, enabled);
        Self::deposit_event(Event::AutoParentDelegationEnabledSet { hotkey, enabled });
        Ok(())
    }

    /// Lets a validator that joined root lend to the owner of every subnet.
    pub(crate) fn lend_to_owners(validator: &T::AccountId) {
        for netuid in Self::netuids() {
            Self::lend_to_owner(validator, netuid);
        }
    }

    /// Lets every validator on root lend to the owner of a new subnet.
    pub(crate) fn lend_from_root(netuid: NetUid) {
        for validator in Self::hotkeys(ROOT) {
            Self::lend_to_owner(&validator, netuid);
        }
    }

    fn lend_to_owner(validator: &T::AccountId, netuid: NetUid) {
        let Some(owner) = Self::subnet_owner_hotkey(netuid) else {
            return;
        };
        let has_list = ChildKeys::<T>::contains_key(validator, netuid)
            || PendingChildKeys::<T>::contains_key(netuid, validator);
        if has_list || !AutoParentDelegationEnabled::<T>::get(validator) {
            return;
        }
        let children = vec![(u64::MAX, owner)];
        if Self::ensure_may_lend(validator, netuid, &children).is_ok() {
            Self::put_children(validator, netuid, children);
        }
    }

    /// Sets the blocks for which a new list of children waits.
    pub(crate) fn set_pending_cooldown(blocks: u64) {
        PendingChildKeyCooldown::<T>::put(blocks);
    }

    /// Whether parents and children list each other, within bounds; one of the pallet's invariants.
    pub(crate) fn families_agree() -> Result<(), TryRuntimeError> {
        let mut lent = 0usize;
        for (parent, netuid, children) in ChildKeys::<T>::iter() {
            frame_support::ensure!(!children.is_empty(), "an empty list of children");
            let whole: u128 = children.iter().map(|(part, _)| u128::from(*part)).sum();
            frame_support::ensure!(
                children.len() <= CHILDREN_MAX && whole <= u128::from(u64::MAX),
                "a parent lends to too many, or more than everything"
            );
            for (part, child) in children {
                lent = lent.saturating_add(1);
                let listed = ParentKeys::<T>::get(&child, netuid);
                frame_support::ensure!(
                    child != parent && listed.contains(&(part, parent.clone())),
                    "a child does not list its parent"
                );
                let returned = ChildKeys::<T>::get(&child, netuid);
                frame_support::ensure!(
                    returned.iter().all(|(_, back)| *back != parent),
                    "two hotkeys are each other's parents"
                );
            }
        }
        let mut borrowed = 0usize;
        for (_, _, parents) in ParentKeys::<T>::iter() {
            frame_support::ensure!(
                (1..=PARENTS_MAX).contains(&parents.len()),
                "a child has no parents, or too many"
            );
            borrowed = borrowed.saturating_add(parents.len());
        }
        frame_support::ensure!(lent == borrowed, "a parent does not list its child");
        Ok(())
    }
}

impl<T: Config> Pallet<T> {
    /// Visits every parent in every subnet.
    pub(crate) fn sweep_families(
        sweep: &mut Sweep,
        mut visit: impl FnMut(T::AccountId, NetUid) -> u32,
    ) -> bool {
        sweep.over(
            ChildKeys::<T>::iter_keys,
            ChildKeys::<T>::iter_keys_from,
            |(parent, netuid)| visit(parent, netuid),
        )
    }

    /// Drops the lists of children that wait in a subnet that is removed.
    pub(crate) fn forget_pending_families(netuid: NetUid, sweep: &mut Sweep) -> bool {
        PendingChildKeysCursor::<T>::remove(netuid);
        sweep.over(
            || PendingChildKeys::<T>::iter_key_prefix(netuid),
            |last| PendingChildKeys::<T>::iter_key_prefix_from(netuid, last),
            |parent| {
                PendingChildKeys::<T>::remove(netuid, parent);
                1
            },
        )
    }
}
