//! Settles an epoch: turns what validators think into who is paid.
//!
//! Each validator publishes weights, its opinion of every miner. Opinions differ, and some are
//! bought. [`settle`] counts a weight only as far as validators holding a majority `κ` of the stake
//! agree with it, so a minority can neither raise its own miner nor sink another's.
//!
//! ```text
//!  weights ──▶ mask ──▶ normalise ──▶ clip to consensus ──▶ rank ──▶ incentive ──▶ miners
//!                           ▲                │                          │
//!  stake ──▶ active stake ──┴────────────────┴──▶ bonds ────────────────┴──▶ dividends ──▶ validators
//! ```
//!
//! # Numbers
//!
//! A share is a count of 2⁻³². Products and quotients are rounded down to that step, sums are
//! exact, and `x/0` is 0. "Normalise" divides by the sum, and leaves a sum of zero alone. Ratios
//! stored in 16 bits are `⌊share·65535⌋`.
//!
//! # The rule
//!
//! `i` is who grades, `j` who is graded, `b` the block.
//!
//! 1. **Stake.** Stake below the threshold counts as none, except the owner's. `S` = stake
//!    normalised. The validators permitted next time are the `K` largest by `S`, higher uid first
//!    among equals, without stake never, the owner always.
//! 2. **Active stake.** `A` = `S` of those who hold a permit now and were updated within the
//!    activity cutoff, normalised.
//! 3. **Weights.** A row counts only with a permit. From it fall: the diagonal (but not the
//!    owner's), whoever registered since the row was updated, and with commit-reveal whoever
//!    registered after the row was committed. The rest is normalised: `W`.
//! 4. **Consensus.** `C[j]` = the largest `w` such that validators with `W[i][j] ≥ w` hold at least
//!    `κ` of `A`. Clipped weight `W̄[i][j] = min(W[i][j], C[j])`. Validator trust
//!    `Tv[i] = Σⱼ W̄[i][j]`.
//! 5. **Incentive.** `I[j]` = `Σᵢ A[i]·W̄[i][j]`, normalised.
//! 6. **Bonds** grow from `W̃ = W + β·(W̄ − W)`, with `β` the bonds penalty. Bonds towards whoever
//!    registered since the last epoch are dropped first.
//!    - Yuma 2: last epoch's bonds and `A[i]·W̃[i][j]`, each normalised by column, are averaged
//!      (`a₀` of the new), and the average normalised by column: `B`. `D[i]` = `Σⱼ B[i][j]·I[j]`.
//!      Stored as a ratio of the column's largest.
//!    - Yuma 3: last epoch's bonds (as stored) and `W̃` are averaged: `B`, stored as it is. With
//!      `N` = `B` normalised by column, `D[i]` = `A[i]·Σⱼ N[i][j]·I[j]`.
//!    - Yuma 3 with liquid alpha: the rate is the cell's own, rising with how far a buyer outbids
//!      consensus, or a seller undercuts its bond, from `α_low` to `α_high` along a sigmoid; a bond
//!      whose weight is absent falls to nothing. Consensus is this epoch's, or the last one's where
//!      that is given.
//! 7. **Dividends** `D` are normalised.
//! 8. **Emission.** With `s = ΣI + ΣD`, miners get `I[j]/s` and validators `D[i]/s`. When `s = 0`
//!    all goes by `A`, or by `S` when nobody is active. Amounts are rounded down; remainders stay
//!    with the caller.
//!
//! # What always holds
//!
//! * Amounts never add up to more than the emission.
//! * Consensus, and with it incentive, is unchanged by validators without active stake.
//! * Only uids permitted next time leave with bonds.
//!
//! # Where we differ from Bittensor
//!
//! Not in the result: every figure in `tests/vectors/epoch` is exact. In the order of work: a strip
//! of columns is settled at a time, so the matrix of weights is never held whole, and divisions are
//! multiplications by reciprocals, exact by construction or by correction. Stake enters as whole
//! rao.
//!
//! # Not here
//!
//! How much is minted: [`crate::issuance`]. Dividing a validator's part among its backers:
//! [`crate::split`]. Scaling of weights before they are stored: [`crate::weights`]. When an epoch
//! ends, who is evicted, and where results are kept: the pallet. Several mechanisms on one subnet:
//! [`crate::mechanisms`].

mod bonds;
pub mod cell;
mod field;
pub mod majority;
mod row;
pub mod sigmoid;
pub mod stake;

use crate::fixed::Total;
use field::{Field, Outcome};
use stake::Stakes;

/// The hyperparameters of a subnet that an epoch depends on. Ratios in 16 bits are of 65535.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// `κ`: the majority of stake that must agree, a ratio.
    pub kappa: u16,
    /// `β`: how far weights beyond consensus are kept out of bonds, a ratio; 65535 is wholly.
    pub bonds_penalty: u16,
    /// How much of last epoch's bonds remains, in millionths.
    pub bonds_moving_average_ppm: u64,
    /// Which bonds to use.
    pub yuma: Yuma,
    /// Blocks from one epoch to the next.
    pub tempo: u16,
    /// Blocks without an update after which a uid is inactive; see [`activity_cutoff`].
    pub activity_cutoff: u64,
    /// `K`: how many validators are permitted.
    pub validators_max: u16,
    /// `θ`: stake below this counts as none, in rao.
    pub stake_threshold: u64,
    /// The uid of the subnet's owner, which is exempt from the threshold and always permitted.
    pub owner: Option<u16>,
}

/// The rule by which bonds form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yuma {
    /// Bonds are shares of a column's stake-weighted purchases.
    Two,
    /// Bonds are each validator's own, and stake enters only at the dividend.
    Three {
        /// Cell by cell rates instead of one moving average.
        liquid: Option<LiquidAlpha>,
    },
}

/// How the rate of a liquid bond depends on its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidAlpha {
    /// The least rate, a ratio.
    pub low: u16,
    /// The largest rate, a ratio.
    pub high: u16,
    /// Steepness of the sigmoid, in hundredths.
    pub steepness: i16,
}

impl Default for Params {
    /// Bittensor's defaults for a new subnet.
    fn default() -> Self {
        Self {
            kappa: 32_767,
            bonds_penalty: u16::MAX,
            bonds_moving_average_ppm: 900_000,
            yuma: Yuma::Three { liquid: None },
            tempo: 360,
            activity_cutoff: 5_000,
            validators_max: 64,
            stake_threshold: 0,
            owner: None,
        }
    }
}

/// What an epoch starts from. Vectors are by uid; `stake` says how many uids there are.
///
/// Surplus entries of the other vectors are ignored. A uid that one of them does not reach counts
/// as never updated, registered at block zero, not permitted, and without weights, commits or
/// bonds. A row names each uid at most once, in any order; entries to uids that do not exist are
/// ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The block the epoch runs in.
    pub block: u64,
    /// The block of the last successful epoch, 0 if never.
    pub last_step_block: u64,
    /// `E`: what is shared out, in rao of alpha.
    pub emission: u64,
    /// Stake weight in rao: alpha plus weighted root, see [`crate::split::stake_weight`]. Below 2⁶²
    /// in total.
    pub stake: Vec<u64>,
    /// Block of the last update of the weights.
    pub last_update: Vec<u64>,
    /// Block of the registration.
    pub registered_at: Vec<u64>,
    /// Permits left by the previous epoch.
    pub validator_permit: Vec<bool>,
    /// With commit-reveal: the earliest block of a commit that has not expired. Empty without.
    pub commit_block: Vec<Option<u64>>,
    /// Stored weights: (uid, weight).
    pub weights: Vec<Vec<(u16, u16)>>,
    /// Stored bonds: (uid, bond).
    pub bonds: Vec<Vec<(u16, u16)>>,
    /// The last epoch's consensus as ratios, where liquid rates are measured by it and not by this
    /// epoch's. A uid that it does not reach had none.
    pub past_consensus: Option<Vec<u16>>,
}

/// What an epoch decides, by uid. Ratios in 16 bits are of 65535.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// Whether the uid was updated within the activity cutoff.
    pub active: Vec<bool>,
    /// Its share of stake.
    pub stake_weight: Vec<u16>,
    /// Whether it may validate in the next epoch.
    pub validator_permit_next: Vec<bool>,
    /// The weight a majority of stake agrees on.
    pub consensus: Vec<u16>,
    /// How much of its weights agreed with consensus.
    pub validator_trust: Vec<u16>,
    /// Its share of what miners earn.
    pub incentive: Vec<u16>,
    /// Its share of what validators earn.
    pub dividends: Vec<u16>,
    /// What it earned as a miner, in rao.
    pub server_emission: Vec<u64>,
    /// What it earned as a validator, in rao.
    pub validator_emission: Vec<u64>,
    /// What it earned in all, in rao.
    pub emission: Vec<u64>,
    /// Bonds to store: (uid, bond) in order of uid, a row per uid.
    pub bonds: Vec<Vec<(u16, u16)>>,
}

/// Returns the blocks without update after which a uid is inactive: `max(1, ⌊factor·tempo/1000⌋)`.
pub fn activity_cutoff(factor_milli: u32, tempo: u16) -> u64 {
    (u64::from(factor_milli) * u64::from(tempo) / 1_000).max(1)
}

/// Returns how many blocks remain until a subnet's epoch is due by its tempo, `u64::MAX` if it
/// never is.
pub fn blocks_until_due(tempo: u16, last_epoch_block: u64, block: u64) -> u64 {
    if tempo == 0 {
        return u64::MAX;
    }
    last_epoch_block
        .saturating_add(u64::from(tempo))
        .saturating_sub(block)
}

/// Settles an epoch by the rule above.
///
/// # Panics
///
/// If more than 32768 uids have weights or bonds; a subnet has far fewer.
///
/// # Examples
///
/// ```
/// use economics::epoch::{Input, Params, settle};
///
/// // One validator with all the stake gives everything to one miner.
/// let settlement = settle(&Params::default(), &Input {
///     block: 1_000,
///     last_step_block: 640,
///     emission: 1_000,
///     stake: vec![5, 0],
///     last_update: vec![900, 900],
///     registered_at: vec![1, 1],
///     validator_permit: vec![true, false],
///     weights: vec![vec![(1, 65_535)], vec![]],
///     ..Input::default()
/// });
/// assert_eq!(settlement.server_emission, [0, 500]);
/// assert_eq!(settlement.validator_emission, [500, 0]);
/// ```
pub fn settle(params: &Params, input: &Input) -> Settlement {
    let stakes = Stakes::of(params, input);
    let mut field = Field::new(params, input, &stakes);
    let outcome = field.settle(params.yuma);
    let outcome = match params.yuma {
        // Without any consensus there is nothing to measure a liquid rate by.
        Yuma::Three { liquid: Some(_) } if outcome.consensus.iter().all(|&share| share == 0) => {
            field.settle(Yuma::Three { liquid: None })
        }
        _ => outcome,
    };
    payout(input.emission, stakes, outcome)
}

/// Turns shares into what is stored and paid.
fn payout(emission: u64, stakes: Stakes, outcome: Outcome) -> Settlement {
    let Outcome {
        consensus,
        trust,
        incentive,
        dividends,
        bonds,
    } = outcome;
    let sum = incentive.iter().sum::<u64>() + dividends.iter().sum::<u64>();
    let (server, validator, combined) = if sum == 0 {
        let is_idle = stakes.active_share.iter().all(|&share| share == 0);
        let basis = if is_idle {
            &stakes.share
        } else {
            &stakes.active_share
        };
        let validator = amounts(basis, emission);
        (vec![0; basis.len()], validator.clone(), validator)
    } else {
        let total = Total::new(sum);
        let part = |share: u64| amount(total.share(share), emission);
        let both = incentive.iter().zip(&dividends);
        (
            incentive.iter().map(|&share| part(share)).collect(),
            dividends.iter().map(|&share| part(share)).collect(),
            both.map(|(&earned, &paid)| part(earned + paid)).collect(),
        )
    };
    Settlement {
        active: stakes.active,
        stake_weight: ratios(&stakes.share),
        validator_permit_next: stakes.permitted_next,
        consensus: ratios(&consensus),
        validator_trust: ratios(&trust),
        incentive: ratios(&incentive),
        dividends: ratios(&dividends),
        server_emission: server,
        validator_emission: validator,
        emission: combined,
        bonds,
    }
}

/// One, as a share.
const ONE: u64 = 1 << 32;

/// `⌊a·b⌋` of two shares.
#[inline(always)]
fn times(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 32) as u64
}

/// A ratio of 65535 as a share, rounded down.
#[inline(always)]
fn share_of_ratio(ratio: u64) -> u64 {
    // 2³² = 65535·65537 + 1, so the quotient is 65537 times the ratio, and one more only for 65535
    // itself.
    ratio * 65_537 + u64::from(ratio == 65_535)
}

/// A share of at most one as a ratio of 65535, rounded down.
#[inline(always)]
fn ratio(share: u64) -> u16 {
    debug_assert!(share <= ONE, "a share is at most one");
    ((share * 65_535) >> 32) as u16
}

fn ratios(shares: &[u64]) -> Vec<u16> {
    shares.iter().map(|&share| ratio(share.min(ONE))).collect()
}

fn amount(share: u64, emission: u64) -> u64 {
    times(share, emission)
}

fn amounts(shares: &[u64], emission: u64) -> Vec<u64> {
    shares
        .iter()
        .map(|&share| amount(share, emission))
        .collect()
}

/// Divides each by their sum, in place.
fn normalise(shares: &mut [u64]) {
    let total = Total::new(shares.iter().sum());
    shares
        .iter_mut()
        .filter(|share| **share != 0)
        .for_each(|share| *share = total.share(*share));
}
