//! Who has a say: activity, shares of stake, and permits (steps 1 and 2 of the rule).

use super::{Input, Params, normalise};
use crate::fixed::Total;

/// What the uids' stake amounts to in this epoch, all by uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stakes {
    /// Whether the uid was updated within the activity cutoff.
    pub active: Vec<bool>,
    /// `S`: its share of all stake.
    pub share: Vec<u64>,
    /// `A`: its share of active, permitted stake.
    pub active_share: Vec<u64>,
    /// Whether it holds a permit now.
    pub permitted: Vec<bool>,
    /// Whether it will hold one in the next epoch.
    pub permitted_next: Vec<bool>,
}

impl Stakes {
    /// Reads them off an epoch's input.
    pub fn of(params: &Params, input: &Input) -> Self {
        let uids = input.stake.len();
        let owner = params.owner.map(usize::from).filter(|&owner| owner < uids);
        let is_active = |uid: usize| {
            let updated = input.last_update.get(uid);
            updated.is_some_and(|at| at.saturating_add(params.activity_cutoff) >= input.block)
        };
        let active: Vec<bool> = (0..uids).map(is_active).collect();
        let share = shares(params.stake_threshold, owner, &input.stake);

        let mut permitted = input.validator_permit.clone();
        permitted.resize(uids, false);
        let mut permitted_next = largest(&share, usize::from(params.validators_max));
        if let Some(owner) = owner {
            permitted[owner] = true;
            permitted_next[owner] = true;
        }
        let mut active_share: Vec<u64> = (0..uids)
            .map(|uid| {
                if active[uid] && permitted[uid] {
                    share[uid]
                } else {
                    0
                }
            })
            .collect();
        normalise(&mut active_share);
        Self {
            active,
            share,
            active_share,
            permitted,
            permitted_next,
        }
    }
}

fn shares(threshold: u64, owner: Option<usize>, stake: &[u64]) -> Vec<u64> {
    let counted = |(uid, &stake): (usize, &u64)| {
        if stake < threshold && owner != Some(uid) {
            0
        } else {
            stake
        }
    };
    let counted: Vec<u64> = stake.iter().enumerate().map(counted).collect();
    // Stake is far below 2⁶³ in all; were it not, its low bits would be the ones to give way.
    let sum: u128 = counted.iter().map(|&stake| u128::from(stake)).sum();
    let excess = (u128::BITS - sum.leading_zeros()).saturating_sub(62);
    let total = Total::new(counted.iter().map(|&stake| stake >> excess).sum());
    counted
        .iter()
        .map(|&stake| {
            if stake == 0 {
                0
            } else {
                total.share(stake >> excess)
            }
        })
        .collect()
}

/// Returns which of the shares are among the `count` largest and not zero; of equal ones, the
/// later.
pub fn largest(shares: &[u64], count: usize) -> Vec<bool> {
    let mut chosen = vec![false; shares.len()];
    // A uid has 16 bits and a share at most 33, so both fit in one key.
    let ranked = shares.iter().enumerate().filter(|(_, share)| **share != 0);
    let mut keys: Vec<u64> = ranked
        .map(|(uid, &share)| (share << 16) | uid as u64)
        .collect();
    let dropped = keys.len().saturating_sub(count);
    if dropped > 0 && dropped < keys.len() {
        keys.select_nth_unstable(dropped);
    }
    keys[dropped..]
        .iter()
        .for_each(|&key| chosen[(key & 0xffff) as usize] = true);
    chosen
}
