//! What is true after every block.
//!
//! 1. **TAO is conserved.** The total issuance is what accounts hold plus what reserves hold, and
//!    the total stake is the sum of the reserves. Root's reserve is exactly what is staked there.
//! 2. **Alpha is conserved.** A subnet's alpha outside its pool is what is staked, what waits to be
//!    paid, what root stakers may collect, what the protocol holds, and what belongs to nobody.
//! 3. **Shares add up.** The shares of a hotkey's stakers are its total; there are none exactly
//!    when nothing is staked.
//! 4. **Uids are dense.** Each subnet has uids `0..n`, each of one hotkey that leads back to it;
//!    membership and owners agree; every vector by uid has `n` entries, and `n` is at most the
//!    subnet's limit.
//! 5. **Opinions are bounded.** A row of weights names existing uids only, each once; so does a row of
//!    bonds, in ascending order.
//! 6. **Open pools have both sides.** A subnet that trades has TAO and alpha in its pool.
//! 7. **Families agree.** Parents and children list each other with the same parts; coldkeys that
//!    direct their pay to a hotkey are listed under it.

use crate::*;
use frame_support::{ensure, traits::fungible::Inspect};
use sp_runtime::TryRuntimeError;
use std::collections::BTreeMap;

impl<T: Config> Pallet<T> {
    /// Checks everything that is true after every block.
    ///
    /// # Errors
    ///
    /// Names the first sentence that is not.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        Self::tao_is_conserved()?;
        Self::shares_add_up()?;
        Self::families_agree()?;
        Self::auto_stakers_agree()?;
        for netuid in Self::netuids_with_books() {
            Self::alpha_is_conserved(netuid)?;
        }
        Self::escrow_covers_queue()?;
        for netuid in Self::netuids() {
            Self::uids_are_dense(netuid)?;
            Self::opinions_are_bounded(netuid)?;
            Self::pool_has_both_sides(netuid)?;
        }
        Ok(())
    }

    fn tao_is_conserved() -> Result<(), TryRuntimeError> {
        let reserves: u128 = Self::netuids_with_books()
            .into_iter()
            .map(|netuid| u128::from(Self::tao_reserve(netuid)))
            .sum();
        ensure!(
            reserves == u128::from(Self::total_stake()),
            "total stake is not the sum of the reserves"
        );
        let held = u128::from(T::Currency::total_issuance());
        ensure!(
            held + reserves == u128::from(Self::total_issuance()),
            "total issuance is not accounts plus reserves"
        );
        ensure!(
            Self::total_alpha_staked(ROOT) == Self::tao_reserve(ROOT),
            "root's reserve is not what is staked there"
        );
        Ok(())
    }

    fn alpha_is_conserved(netuid: NetUid) -> Result<(), TryRuntimeError> {
        if netuid == ROOT {
            return Ok(());
        }
        let pending = Self::pending(netuid);
        let parts = [
            Self::total_alpha_staked(netuid),
            pending.epoch_total(),
            pending.owner,
            Self::root_dividend_reserve(netuid),
            Self::protocol_alpha(netuid),
            Self::burned_alpha(netuid),
        ];
        let sum: u128 = parts.into_iter().map(u128::from).sum();
        ensure!(
            sum == u128::from(Self::alpha_out(netuid)),
            "alpha outside the pool is not the sum of its parts"
        );
        Ok(())
    }

    fn shares_add_up() -> Result<(), TryRuntimeError> {
        let mut shares: BTreeMap<(T::AccountId, NetUid), u128> = BTreeMap::new();
        for ((hotkey, _, netuid), own) in Alpha::<T>::iter() {
            ensure!(own > 0, "an empty share was left behind");
            *shares.entry((hotkey, netuid)).or_default() += own;
        }
        let mut staked: BTreeMap<NetUid, u128> = BTreeMap::new();
        for (hotkey, netuid, amount) in TotalHotkeyAlpha::<T>::iter() {
            *staked.entry(netuid).or_default() += u128::from(amount);
            let total = TotalHotkeyShares::<T>::get(&hotkey, netuid);
            let summed = shares.remove(&(hotkey, netuid)).unwrap_or(0);
            ensure!(total == summed, "shares do not add up to their total");
            ensure!((total == 0) == (amount == 0), "shares without stake");
        }
        ensure!(shares.is_empty(), "shares of a hotkey without stake");
        for netuid in Self::netuids_with_books() {
            let sum = staked.get(&netuid).copied().unwrap_or(0);
            ensure!(
                sum == u128::from(Self::total_alpha_staked(netuid)),
                "stakes do not add up to the subnet's total"
            );
        }
        Ok(())
    }

    fn uids_are_dense(netuid: NetUid) -> Result<(), TryRuntimeError> {
        let neurons = Self::neuron_count(netuid);
        ensure!(
            neurons <= Self::max_allowed_uids(netuid),
            "more neurons than the subnet allows"
        );
        ensure!(
            Self::keys_are_consistent(netuid),
            "a uid's hotkey does not lead back to it"
        );
        let count = usize::from(neurons);
        ensure!(
            Uids::<T>::iter_prefix(netuid).count() == count
                && Keys::<T>::iter_prefix(netuid).count() == count,
            "uids are not dense"
        );
        for hotkey in Self::hotkeys(netuid) {
            ensure!(
                Self::is_registered(netuid, &hotkey),
                "a hotkey with a uid is not a member"
            );
            ensure!(
                Self::owner_of(&hotkey).is_some(),
                "a hotkey with a uid has no owner"
            );
        }
        let lengths = [
            Self::active(netuid).len(),
            Self::stake_weight(netuid).len(),
            Self::consensus(netuid).len(),
            Self::dividends(netuid).len(),
            Self::emission(netuid).len(),
            Self::validator_trust(netuid).len(),
            Self::validator_permit(netuid).len(),
        ];
        ensure!(
            lengths.into_iter().all(|length| length == count),
            "a vector by uid does not have one entry per uid"
        );
        ensure!(
            Self::storage_indices(netuid).all(|index| {
                Self::incentive(index).len() == count && Self::last_update(index).len() == count
            }),
            "a vector by uid of a mechanism does not have one entry per uid"
        );
        Ok(())
    }

    fn opinions_are_bounded(netuid: NetUid) -> Result<(), TryRuntimeError> {
        let neurons = Self::neuron_count(netuid);
        let indices = || Self::storage_indices(netuid);
        for (uid, row) in indices().flat_map(Weights::<T>::iter_prefix) {
            ensure!(uid < neurons, "weights of a uid that does not exist");
            let mut named: Vec<u16> = row.iter().map(|(uid, _)| *uid).collect();
            named.sort_unstable();
            ensure!(
                named.windows(2).all(|pair| pair[0] < pair[1]),
                "weights name a uid twice"
            );
            ensure!(
                named.last().is_none_or(|last| *last < neurons),
                "weights name a uid that does not exist"
            );
        }
        for (uid, row) in indices().flat_map(Bonds::<T>::iter_prefix) {
            ensure!(uid < neurons, "bonds of a uid that does not exist");
            ensure!(
                row.windows(2).all(|pair| pair[0].0 < pair[1].0),
                "bonds are not in ascending order"
            );
            ensure!(
                row.last().is_none_or(|(last, _)| *last < neurons),
                "bonds name a uid that does not exist"
            );
        }
        Ok(())
    }

    fn pool_has_both_sides(netuid: NetUid) -> Result<(), TryRuntimeError> {
        if netuid == ROOT || !Self::subtoken_enabled(netuid) {
            return Ok(());
        }
        let pool = Self::pool(netuid);
        ensure!(
            pool.tao > 0 && pool.alpha > 0,
            "a pool that trades has an empty side"
        );
        Ok(())
    }
}
