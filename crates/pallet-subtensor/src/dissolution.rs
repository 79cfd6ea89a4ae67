//! The end of a subnet: its stakers are paid from its pool, and what it left behind is removed.
//!
//! # The rule
//!
//! * Root dissolves a subnet, or a new registration does where there are as many subnets as there
//!   may be ([`crate::network_queue`]): then the one whose moving price is lowest goes, the older
//!   among equals, of those that are past [`NetworkImmunityPeriod`].
//! * From that moment the subnet does not exist: no call reaches it, nothing is emitted to it.
//! * The TAO in its pool is divided by alpha. Counted are all stakes, the dividends that root stakers
//!   had not collected, what the protocol bought, and the pool's own alpha. Stakers and root stakers
//!   get their parts as free TAO ([`economics::split::instalment`]: everybody to the rao). The parts
//!   of the protocol and the pool, which hold what the owner once paid for the subnet, are recycled;
//!   so is a part too small to open an account with. The owner gets nothing back but for its stake.
//! * Pay that waited for the next epoch is nobody's.
//! * Each block spends [`CLEANUP_BUDGET`] on it, until nothing names the subnet any more. Only then
//!   its number is free. While that lasts, keys are not swapped.
//!
//! So whoever staked gets back what the alpha was worth in the pool, never more than the pool holds,
//! and the order in which people are paid makes no difference.

use crate::{sweep::Sweep, *};
use economics::split;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use parity_scale_codec::DecodeWithMemTracking;
use sp_runtime::Vec;

#[pallet_section]
mod dissolution_storage {
    /// Subnets whose removal is being finished, in the order in which they were dissolved.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type DissolveCleanupQueue<T> = StorageValue<_, Vec<NetUid>, ValueQuery>;

    /// How far the removal of the first of them is.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type CurrentDissolveCleanupStatus<T> = StorageValue<_, DissolveCleanupStatus, OptionQuery>;
}

/// What a block spends on removals: one for each key it looks at, more for what it does with it.
pub const CLEANUP_BUDGET: u32 = 1_000;

/// What paying somebody costs of it.
const PAYMENT: u32 = 12;

/// What taking a uid from its hotkey costs of it.
const UNSEATING: u32 = 20;

/// What removing an entry costs of it.
const REMOVAL: u32 = 2;

/// How long it takes to spend one of it.
const UNIT_COST: Weight = Weight::from_parts(10_000_000, 0);

/// What other pallets keep by subnet.
pub trait SubnetRecords {
    /// Removes about as many as `limit` of what is kept of a subnet that was dissolved; returns
    /// whether nothing is left.
    fn forget(netuid: NetUid, limit: u32) -> bool;
}

impl SubnetRecords for () {
    fn forget(_: NetUid, _: u32) -> bool {
        true
    }
}

/// What is being removed.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum DissolveCleanupPhase {
    /// Neurons, the last uid first.
    Neurons,
    /// Stakes, which are paid; and what root stakers are owed.
    Stakes,
    /// What is owed to those who were root stakers.
    Dividends,
    /// The rates of root dividends.
    DividendRates,
    /// What root stakers had collected.
    DividendsSettled,
    /// Parents and children.
    Families,
    /// Lists of children that waited.
    PendingFamilies,
    /// Takes for parents.
    ChildkeyTakes,
    /// Directions of pay.
    AutoStakes,
    /// When coldkeys swapped hotkeys.
    SwapDates,
    /// When somebody last did something else.
    RateLimits,
    /// What other pallets keep.
    OtherRecords,
    /// Everything that is kept once per subnet.
    Settings,
}

impl DissolveCleanupPhase {
    /// What comes after it.
    fn next(self) -> Option<Self> {
        Some(match self {
            Self::Neurons => Self::Stakes,
            Self::Stakes => Self::Dividends,
            Self::Dividends => Self::DividendRates,
            Self::DividendRates => Self::DividendsSettled,
            Self::DividendsSettled => Self::Families,
            Self::Families => Self::PendingFamilies,
            Self::PendingFamilies => Self::ChildkeyTakes,
            Self::ChildkeyTakes => Self::AutoStakes,
            Self::AutoStakes => Self::SwapDates,
            Self::SwapDates => Self::RateLimits,
            Self::RateLimits => Self::OtherRecords,
            Self::OtherRecords => Self::Settings,
            Self::Settings => return None,
        })
    }
}

/// How far a removal is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct DissolveCleanupStatus {
    /// The subnet.
    pub netuid: NetUid,
    /// What is being removed.
    pub phase: DissolveCleanupPhase,
    /// The last key looked at, in a map that one block did not suffice for.
    pub last_key: Option<Vec<u8>>,
    /// The TAO that is divided, in rao.
    pub subnet_tao: TaoBalance,
    /// The alpha by which it is divided, in rao.
    pub subnet_total_alpha_value: u128,
    /// How much of that alpha was paid for.
    pub subnet_settled_alpha: u128,
    /// The hotkey whose stakers are being paid, encoded, with what was staked on it before the first
    /// was, and in how many shares.
    pub hotkey: Option<(Vec<u8>, AlphaBalance, u128)>,
}

impl<T: Config> Pallet<T> {
    /// Subnets whose removal is not finished, in the order in which they were dissolved.
    pub fn dissolving() -> Vec<NetUid> {
        DissolveCleanupQueue::<T>::get()
    }

    /// Existing subnets, and those whose removal is not finished.
    pub fn netuids_with_books() -> Vec<NetUid> {
        let mut netuids = Self::netuids();
        netuids.extend(Self::dissolving());
        netuids
    }

    /// Refuses while a removal is not finished, for it would not find what moves.
    pub(crate) fn ensure_nothing_dissolves() -> DispatchResult {
        ensure!(
            DissolveCleanupQueue::<T>::decode_len().unwrap_or(0) == 0,
            Error::<T>::WaitingForDissolvedSubnetCleanup
        );
        Ok(())
    }

    /// The subnet that goes next to make room for another, if any may.
    pub fn network_to_prune() -> Option<NetUid> {
        let block = Self::block();
        Self::netuids()
            .into_iter()
            .filter(|netuid| *netuid != ROOT)
            .filter(|netuid| {
                let age = block.saturating_sub(Self::network_registered_at(*netuid));
                age >= Self::network_immunity_period()
            })
            .min_by_key(|netuid| {
                let registered = Self::network_registered_at(*netuid);
                (Self::moving_price_bits(*netuid), registered, *netuid)
            })
    }

    /// Ends `netuid`, and has what it leaves behind paid out and removed from the next block on.
    pub(crate) fn do_dissolve_network(netuid: NetUid) -> DispatchResult {
        ensure!(
            netuid != ROOT && Self::subnet_exists(netuid),
            Error::<T>::SubnetNotExists
        );
        Self::retire_network(netuid);
        DissolveCleanupQueue::<T>::append(netuid);
        Self::deposit_event(Event::NetworkRemoved(netuid));
        Ok(())
    }

    /// Goes on with the first removal that is not finished; returns how long that takes.
    pub(crate) fn clean_up_dissolved() -> Weight {
        let Some(netuid) = Self::dissolving().first().copied() else {
            return Weight::zero();
        };
        let mut status = CurrentDissolveCleanupStatus::<T>::take()
            .unwrap_or_else(|| Self::begin_cleanup(netuid));
        let mut sweep = Sweep {
            cursor: status.last_key.take(),
            budget: CLEANUP_BUDGET,
        };
        while Self::clean_up(&mut status, &mut sweep) {
            match status.phase.next() {
                Some(phase) => status.phase = phase,
                None => {
                    DissolveCleanupQueue::<T>::mutate(|queue| queue.retain(|id| *id != netuid));
                    return Self::cleanup_cost(&sweep);
                }
            }
        }
        let cost = Self::cleanup_cost(&sweep);
        status.last_key = sweep.cursor;
        CurrentDissolveCleanupStatus::<T>::put(status);
        cost
    }

    fn cleanup_cost(sweep: &Sweep) -> Weight {
        UNIT_COST.saturating_mul(u64::from(CLEANUP_BUDGET.saturating_sub(sweep.budget)))
    }

    fn begin_cleanup(netuid: NetUid) -> DissolveCleanupStatus {
        let counted = [
            Self::total_alpha_staked(netuid),
            Self::root_dividend_reserve(netuid),
            Self::protocol_alpha(netuid),
            Self::alpha_in(netuid),
        ];
        DissolveCleanupStatus {
            netuid,
            phase: DissolveCleanupPhase::Neurons,
            last_key: None,
            subnet_tao: Self::tao_reserve(netuid),
            subnet_total_alpha_value: counted.into_iter().map(u128::from).sum(),
            subnet_settled_alpha: 0,
            hotkey: None,
        }
    }

    /// Works on one phase; returns whether it is done.
    fn clean_up(status: &mut DissolveCleanupStatus, sweep: &mut Sweep) -> bool {
        use DissolveCleanupPhase as Phase;
        let netuid = status.netuid;
        match status.phase {
            Phase::Neurons => Self::unseat_all(netuid, sweep),
            Phase::Stakes => Self::pay_stakers_out(status, sweep),
            Phase::Dividends => Self::pay_former_root_stakers(status, sweep),
            Phase::DividendRates => Self::sweep_dividend_rates(sweep, |hotkey, of| {
                Self::remove_if(of == netuid, || Self::forget_dividend_rate(&hotkey, netuid))
            }),
            Phase::DividendsSettled => {
                Self::sweep_dividends_settled(sweep, |hotkey, coldkey, of| {
                    Self::remove_if(of == netuid, || {
                        Self::forget_dividend_settled(&hotkey, &coldkey, netuid);
                    })
                })
            }
            Phase::Families => Self::sweep_families(sweep, |parent, of| {
                Self::remove_if(of == netuid, || Self::forget_family(&parent, netuid))
            }),
            Phase::PendingFamilies => Self::forget_pending_families(netuid, sweep),
            Phase::ChildkeyTakes => Self::sweep_childkey_takes(sweep, |hotkey, of| {
                Self::remove_if(of == netuid, || Self::forget_childkey_take(&hotkey, netuid))
            }),
            Phase::AutoStakes => Self::sweep_auto_stakes(sweep, |coldkey, of| {
                Self::remove_if(of == netuid, || {
                    Self::point_auto_stake(&coldkey, netuid, None);
                })
            }),
            Phase::SwapDates => Self::forget_swap_dates(netuid, sweep),
            Phase::RateLimits => Self::sweep_rate_limits(netuid, sweep),
            Phase::OtherRecords => {
                let limit = sweep.budget;
                sweep.spend(limit);
                T::OtherRecords::forget(netuid, limit)
            }
            Phase::Settings => {
                Self::forget_settings(netuid);
                true
            }
        }
    }

    fn remove_if(is_of_subnet: bool, remove: impl FnOnce()) -> u32 {
        if is_of_subnet {
            remove();
            REMOVAL
        } else {
            0
        }
    }

    fn unseat_all(netuid: NetUid, sweep: &mut Sweep) -> bool {
        while sweep.budget > 0 {
            if !Self::unseat_last(netuid) {
                return true;
            }
            sweep.spend(UNSEATING);
        }
        false
    }

    /// Pays everybody who stakes, in the subnet for the stake and on root for what is owed.
    fn pay_stakers_out(status: &mut DissolveCleanupStatus, sweep: &mut Sweep) -> bool {
        let netuid = status.netuid;
        let done = Self::sweep_stakes(sweep, |hotkey, coldkey, of| {
            let alpha = if of == netuid {
                Self::take_stake(status, &hotkey, &coldkey)
            } else if of == ROOT {
                Self::take_dividend(netuid, &hotkey, &coldkey)
            } else {
                return 0;
            };
            Self::pay_for(status, &coldkey, alpha)
        });
        done && Self::total_alpha_staked(netuid) == 0
    }

    /// Pays those who have no root stake any more, but had not collected all.
    fn pay_former_root_stakers(status: &mut DissolveCleanupStatus, sweep: &mut Sweep) -> bool {
        let netuid = status.netuid;
        Self::sweep_dividends_settled(sweep, |hotkey, coldkey, of| {
            if of != netuid {
                return 0;
            }
            let alpha = Self::take_dividend(netuid, &hotkey, &coldkey);
            Self::pay_for(status, &coldkey, alpha)
        })
    }

    /// Takes a stake off the books; returns what it was before others of the same hotkey were taken
    /// off, which rounding makes a little more of for those who are left.
    fn take_stake(
        status: &mut DissolveCleanupStatus,
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> AlphaBalance {
        let netuid = status.netuid;
        let name = hotkey.encode();
        let (stake, shares) = match &status.hotkey {
            Some((current, stake, shares)) if *current == name => (*stake, *shares),
            _ => Self::stake_and_shares(hotkey, netuid),
        };
        status.hotkey = Some((name, stake, shares));
        let own = Self::shares_of(hotkey, coldkey, netuid);
        Self::unmint_alpha(netuid, Self::close_stake(hotkey, coldkey, netuid));
        let worth = economics::fixed::mul_div(stake.into(), own, shares);
        u64::try_from(worth).unwrap_or(stake)
    }

    /// Takes what a root staker is owed off the books.
    fn take_dividend(
        netuid: NetUid,
        hotkey: &T::AccountId,
        coldkey: &T::AccountId,
    ) -> AlphaBalance {
        let alpha = Self::settle_root_dividend(hotkey, coldkey, netuid);
        Self::unmint_alpha(netuid, alpha);
        alpha
    }

    /// Pays `coldkey` the next part of the pool, for alpha that was its; returns what that cost.
    fn pay_for(
        status: &mut DissolveCleanupStatus,
        coldkey: &T::AccountId,
        alpha: AlphaBalance,
    ) -> u32 {
        if alpha == 0 {
            return 0;
        }
        let netuid = status.netuid;
        let tao = split::instalment(
            status.subnet_tao,
            status.subnet_total_alpha_value,
            status.subnet_settled_alpha,
            alpha.into(),
        );
        status.subnet_settled_alpha = status.subnet_settled_alpha.saturating_add(alpha.into());
        let paid = frame_support::storage::with_storage_layer(|| {
            Self::withdraw_from_reserve(netuid, coldkey, tao)
        });
        // Less than an account can hold stays in the pool, and is recycled with what is left of it.
        if paid.is_ok() && tao > 0 {
            Self::deposit_event(Event::StakeRefunded {
                coldkey: coldkey.clone(),
                netuid,
                alpha,
                tao,
            });
        }
        PAYMENT
    }

    /// Removes everything that is kept once per subnet, and recycles what is left in its pool.
    fn forget_settings(netuid: NetUid) {
        Self::recycle_reserve(netuid);
        Self::forget_pool(netuid);
        Self::forget_dividend_reserve(netuid);
        Self::forget_flow(netuid);
        Self::forget_emission(netuid);
        Self::forget_pay(netuid);
        Self::forget_schedule(netuid);
        Self::forget_results(netuid);
        Self::forget_mechanisms(netuid);
        Self::forget_total_staked(netuid);
        Self::forget_transfers(netuid);
        Self::forget_prices(netuid);
        Self::forget_work(netuid);
        Self::forget_subnet_childkey_take(netuid);
        Self::forget_hyperparameters(netuid);
        Self::forget_registry(netuid);
        Self::forget_network(netuid);
        Self::forget_subnet_identity(netuid);
    }
}
