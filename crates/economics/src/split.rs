//! How an amount is divided: among subnets, between owner, miners, validators and root, then among
//! people.
//!
//! # The rule
//!
//! ```text
//!  TAO of a block ──by price──▶ subnets            subnet_tao
//!  alpha of a block ─▶ owner 18 % | miners 41 % | validators 41 %, of which root takes its proportion
//!                                                  Pending::of_block
//!  at the epoch, the validators' part ─▶ each hotkey's alpha and root dividend   dividends
//!  each hotkey's dividend ─▶ its own and its parents' parts                      family
//!  each part ─▶ delegate take | stakers pro rata                                 take, pro_rata
//! ```
//!
//! All parts are rounded down. What rounding leaves over is returned beside the parts, never
//! dropped, so a caller can account for every rao.
//!
//! # What always holds
//!
//! * The parts and the remainder add up to the amount.
//! * More stake never earns less.
//! * A remainder of [`pro_rata`] is smaller than the number of sharers, unless nobody has any
//!   stake.
//!
//! # Not here
//!
//! Shares of miners and validators within an epoch: [`crate::epoch`]. Who is owner, parent or
//! staker: the pallet.

use crate::fixed::{Fixed, mul_div, saturate};

/// The owner's cut of a block's alpha unless the network says otherwise, as a ratio of 65535: 18 %.
pub const DEFAULT_OWNER_CUT: u16 = 11_796;

/// The take of a validator from what its stakers earn unless it says otherwise, as a ratio of
/// 65535: 18 %.
pub const DEFAULT_TAKE: u16 = 11_796;

/// One block's alpha of one subnet, divided. The four parts wait for the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// For the subnet's owner.
    pub owner: u64,
    /// For miners.
    pub server: u64,
    /// For validators and those who stake alpha on them.
    pub validator: u64,
    /// For those who stake TAO on root.
    pub root: u64,
    /// What rounding left over: at most 2 rao.
    pub dust: u64,
}

impl Pending {
    /// Divides a block's alpha by the owner's cut (of 65535) and root's proportion of the
    /// validators' half.
    pub fn of_block(alpha: u64, owner_cut: u16, root_proportion: Fixed) -> Self {
        let amount = u128::from(alpha);
        let rest = u128::from(u16::MAX - owner_cut);
        let owner = (amount * u128::from(owner_cut) / 65_535) as u64;
        let half = (amount * rest / (2 * 65_535)) as u64;
        // Root's part is taken of the unrounded half: ⌊ρ·alpha·rest / (2·65535)⌋.
        let proportion = root_proportion.min(Fixed::ONE);
        let root = mul_div(proportion.to_bits(), amount * rest, (2 * 65_535) << 64);
        let root = saturate(root).min(half);
        let dust = alpha - owner - half - half;
        Self {
            owner,
            server: half,
            validator: half - root,
            root,
            dust,
        }
    }
}

/// What decides a subnet's share of the TAO of a block.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// The moving average of its alpha price; one for a stable subnet.
    pub price: Fixed,
    /// The fraction of the last epoch's miner emission that went to its owner's hotkeys.
    pub burned: Fixed,
    /// Whether it may receive TAO; one that may not still mints alpha.
    pub is_enabled: bool,
}

/// Divides a block's TAO among the eligible subnets in proportion to price times what is not
/// burned.
///
/// Where all that is burned, plain prices decide; where all prices are zero, nobody gets any. What
/// is not given out is the caller's to recycle.
pub fn subnet_tao(amount: u64, subnets: &[Demand]) -> Vec<u64> {
    let plain = |subnet: &Demand| {
        if subnet.is_enabled {
            subnet.price
        } else {
            Fixed::ZERO
        }
    };
    let kept = |subnet: &Demand| plain(subnet).times(Fixed::ONE.minus(subnet.burned));
    let mut shares: Vec<u128> = subnets
        .iter()
        .map(|subnet| kept(subnet).to_bits())
        .collect();
    if shares.iter().all(|&share| share == 0) {
        shares = subnets
            .iter()
            .map(|subnet| plain(subnet).to_bits())
            .collect();
    }
    pro_rata(amount, &shares).parts
}

/// The parts of an amount, and what rounding left of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// One part per sharer, in the order given.
    pub parts: Vec<u64>,
    /// The amount less the parts: all of it when no sharer has any stake.
    pub rest: u64,
}

/// Divides an amount in proportion to stakes, each part rounded down.
pub fn pro_rata(amount: u64, stakes: &[u128]) -> Parts {
    let total = stakes
        .iter()
        .fold(0u128, |sum, &stake| sum.saturating_add(stake));
    let mut rest = amount;
    let parts = stakes
        .iter()
        .map(|&stake| {
            let part = saturate(mul_div(u128::from(amount), stake, total)).min(rest);
            rest -= part;
            part
        })
        .collect();
    Parts { parts, rest }
}

/// Returns the next part of an amount that is divided one sharer at a time, by stakes out of `total`
/// of which `before` were served already.
///
/// However many sharers there are and in whatever order they come, each part is within a rao of the
/// exact one, and so is the sum of those served.
pub fn instalment(amount: u64, total: u128, before: u128, stake: u128) -> u64 {
    let served = |stakes: u128| mul_div(u128::from(amount), stakes.min(total), total);
    saturate(served(before.saturating_add(stake)) - served(before))
}

/// Splits a delegate's take (a ratio of 65535, rounded down) off an amount: (take, what is left).
pub fn take(amount: u64, ratio: u16) -> (u64, u64) {
    let taken = (u128::from(amount) * u128::from(ratio) / 65_535) as u64;
    (taken, amount - taken)
}

/// Returns what a hotkey's stake counts for in a subnet: its alpha plus its root stake times the
/// global weight of root (a ratio of 2⁶⁴ − 1).
pub fn stake_weight(alpha: u64, root: u64, tao_weight: u64) -> u64 {
    let weighted = u128::from(root) * u128::from(tao_weight) / u128::from(u64::MAX);
    saturate(u128::from(alpha) + weighted)
}

/// Returns the proportion of a subnet that root holds: `ωR / (ωR + alpha issuance)`.
pub fn root_proportion(root_tao: u64, tao_weight: u64, alpha_issuance: u64) -> Fixed {
    // Scaled by 2⁶⁴ − 1 on both sides, which keeps ωR exact; halved so that the sum fits.
    let weighted = u128::from(root_tao) * u128::from(tao_weight) / 2;
    let issued = u128::from(alpha_issuance) * u128::from(u64::MAX) / 2;
    Fixed::ratio(weighted, weighted + issued)
}

/// One validator's claim on the validators' pending amounts of an epoch.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The alpha staked on the hotkey in this subnet.
    pub alpha: u64,
    /// The TAO staked on the hotkey on root.
    pub root: u64,
    /// What the epoch assigned to it, used as a proportion only.
    pub dividend: u64,
}

/// What a validator receives for its alpha stakers and for its root stakers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dividend {
    /// Of the pending alpha of validators.
    pub alpha: u64,
    /// Of the pending alpha of root.
    pub root: u64,
}

/// Divides the pending validator and root amounts among validators.
///
/// A dividend `d` counts for root by `q = ωr / (a + ωr)` and for alpha by `1 − q`, so that each
/// kind of stake is paid out of its own part. Returns the dividends and what is left of (alpha,
/// root).
pub fn dividends(
    pending_alpha: u64,
    pending_root: u64,
    tao_weight: u64,
    claims: &[Claim],
) -> (Vec<Dividend>, Dividend) {
    let root_fraction = |claim: &Claim| root_proportion(claim.root, tao_weight, claim.alpha);
    let weigh = |of: &dyn Fn(&Claim) -> Fixed| -> Vec<u128> {
        // At most 2¹²⁸ / 2¹² each, so that thousands of claims sum without saturating.
        claims
            .iter()
            .map(|claim| mul_div(of(claim).to_bits(), u128::from(claim.dividend), 1 << 12))
            .collect()
    };
    let root = pro_rata(pending_root, &weigh(&root_fraction));
    let alpha = pro_rata(
        pending_alpha,
        &weigh(&|claim| Fixed::ONE.minus(root_fraction(claim))),
    );
    let each = alpha.parts.iter().zip(&root.parts);
    let paid = each
        .map(|(&alpha, &root)| Dividend { alpha, root })
        .collect();
    (
        paid,
        Dividend {
            alpha: alpha.rest,
            root: root.rest,
        },
    )
}

/// What a parent lends to a child hotkey, and what it loses of what the child earns with it.
#[derive(Clone, Copy, Debug)]
pub struct Lent {
    /// The stake weight the child works with on the parent's behalf.
    pub stake: u64,
    /// The child's take of the parent's part, a ratio of 65535; zero when both belong to one
    /// coldkey.
    pub take: u16,
    /// What nobody receives of the parent's part, a ratio of 2⁶⁴ − 1; zero when both belong to one
    /// coldkey.
    pub burn: u64,
}

/// A hotkey's dividend, divided with those who lent it stake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// What the hotkey itself keeps: its own part, the takes, and the remainder of rounding.
    pub own: u64,
    /// What each parent receives, in the order given.
    pub parents: Vec<u64>,
    /// What nobody receives of each parent's part, in the order given.
    pub burned: Vec<u64>,
}

/// Divides a hotkey's dividend by whose stake earned it: its own, or that of the parents who lent
/// it theirs.
///
/// Of a parent's part, what nobody receives comes first, then the child's take, both of the whole
/// part; a take that is more than what is left is what is left.
pub fn family(amount: u64, own_stake: u64, parents: &[Lent]) -> Family {
    let lent = parents.iter().map(|parent| u128::from(parent.stake));
    let stakes: Vec<u128> = std::iter::once(u128::from(own_stake)).chain(lent).collect();
    let shared = pro_rata(amount, &stakes);
    let (mut received, mut burned) = (Vec::new(), Vec::new());
    for (&part, parent) in shared.parts[1..].iter().zip(parents) {
        let lost = mul_div(part.into(), parent.burn.into(), u64::MAX.into());
        let left = part - saturate(lost);
        burned.push(part - left);
        received.push(left - take(part, parent.take).0.min(left));
    }
    let given: u64 = received.iter().chain(&burned).sum();
    Family {
        own: amount - given,
        parents: received,
        burned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fixed() -> impl Strategy<Value = Fixed> {
        prop_oneof![
            Just(Fixed::ZERO),
            Just(Fixed::ONE),
            (0u128..1 << 64).prop_map(Fixed::from_bits)
        ]
    }

    #[test]
    fn an_owner_gets_18_percent_and_the_others_41_each() {
        let pending = Pending::of_block(1_000_000_000, DEFAULT_OWNER_CUT, Fixed::ZERO);
        let (owner, half) = (179_995_422, 410_002_288);
        assert_eq!(
            pending,
            Pending {
                owner,
                server: half,
                validator: half,
                root: 0,
                dust: 2
            }
        );
    }

    #[test]
    fn without_stake_the_whole_amount_is_left() {
        assert_eq!(
            pro_rata(7, &[0, 0]),
            Parts {
                parts: vec![0, 0],
                rest: 7
            }
        );
    }

    proptest! {
        #[test]
        fn a_blocks_alpha_is_conserved(alpha: u64, cut: u16, proportion in fixed()) {
            let p = Pending::of_block(alpha, cut, proportion);
            prop_assert_eq!(p.owner + p.server + p.validator + p.root + p.dust, alpha);
            prop_assert!(p.dust <= 2);
        }

        #[test]
        fn parts_and_remainder_add_up(amount: u64, stakes in prop::collection::vec(0u128..1 << 100, 0..9)) {
            let shared = pro_rata(amount, &stakes);
            prop_assert_eq!(shared.parts.iter().sum::<u64>() + shared.rest, amount);
            if stakes.iter().any(|&stake| stake > 0) {
                prop_assert!(shared.rest < stakes.len() as u64);
            }
        }

        #[test]
        fn instalments_are_exact_to_the_rao(
            amount: u64, stakes in prop::collection::vec(0u128..1 << 64, 1..9), others in 0u128..1 << 64,
        ) {
            let sum: u128 = stakes.iter().sum();
            let total = sum + others;
            let (mut before, mut paid) = (0, 0u128);
            for stake in stakes {
                let part = u128::from(instalment(amount, total, before, stake));
                let exact = mul_div(u128::from(amount), stake, total);
                prop_assert!(part == exact || part == exact + 1);
                (before, paid) = (before + stake, paid + part);
            }
            prop_assert_eq!(paid, mul_div(u128::from(amount), sum, total));
        }

        #[test]
        fn more_stake_never_earns_less(
            amount: u64,
            stakes in prop::collection::vec(0u128..1 << 64, 2..9),
            more in 0u128..1 << 64,
        ) {
            let before = pro_rata(amount, &stakes).parts[0];
            let mut raised = stakes;
            raised[0] += more;
            prop_assert!(pro_rata(amount, &raised).parts[0] >= before);
        }

        #[test]
        fn a_family_shares_all_of_it(
            amount: u64,
            own: u64,
            parents in prop::collection::vec((any::<u64>(), any::<u16>(), any::<u64>()), 0..6),
        ) {
            let lent: Vec<Lent> = parents
                .iter()
                .map(|&(stake, take, burn)| Lent { stake, take, burn })
                .collect();
            let shared = family(amount, own, &lent);
            let given = shared.parents.iter().chain(&shared.burned).sum::<u64>();
            prop_assert_eq!(shared.own + given, amount);
        }

        #[test]
        fn what_a_child_takes_and_what_is_burned_is_the_parents(
            amount: u64, stake in 1u64.., take: u16, burn: u64,
        ) {
            let lent = Lent { stake, take, burn };
            let whole = family(amount, 0, &[Lent { take: 0, burn: 0, ..lent }]);
            let shared = family(amount, 0, &[lent]);
            prop_assert_eq!(shared.own - whole.own + shared.parents[0] + shared.burned[0], whole.parents[0]);
        }

        #[test]
        fn dividends_are_conserved(
            pending_alpha: u64, pending_root: u64, tao_weight: u64,
            claims in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 0..6),
        ) {
            let claims: Vec<Claim> = claims
                .iter()
                .map(|&(alpha, root, dividend)| Claim { alpha, root, dividend })
                .collect();
            let (paid, left) = dividends(pending_alpha, pending_root, tao_weight, &claims);
            prop_assert_eq!(paid.iter().map(|d| d.alpha).sum::<u64>() + left.alpha, pending_alpha);
            prop_assert_eq!(paid.iter().map(|d| d.root).sum::<u64>() + left.root, pending_root);
        }

        #[test]
        fn subnets_never_get_more_than_the_block(
            amount: u64,
            demands in prop::collection::vec((0u128..1 << 70, fixed(), any::<bool>()), 0..6),
        ) {
            let demands: Vec<Demand> = demands
                .iter()
                .map(|&(price, burned, is_enabled)| Demand { price: Fixed::from_bits(price), burned, is_enabled })
                .collect();
            let given = subnet_tao(amount, &demands);
            prop_assert!(given.iter().map(|&tao| u128::from(tao)).sum::<u128>() <= u128::from(amount));
            for (demand, tao) in demands.iter().zip(given) {
                prop_assert!(demand.is_enabled || tao == 0);
            }
        }
    }
}
