//! Some columns of a metagraph, for who wants no more: what scripts ask for that follow a large subnet.

use super::{Market, Text, compact, metagraph::Metagraph};
use crate::{AccountId, Runtime, commitments::CommitmentOf};
use pallet_subtensor::{AxonInfo, ChainIdentityV2, FixedI128, SubnetIdentityV3};
use parity_scale_codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// Number of the column that lists validators.
const VALIDATORS: u16 = 72;

/// Number of the column that lists commitments.
const COMMITMENTS: u16 = 73;

/// Makes [`SelectiveMetagraph`] of a [`Metagraph`]'s columns, each with the number by which it is asked for.
macro_rules! columns {
    ($($number:literal $name:ident: $kind:ty,)*) => {
        /// Those columns of a [`Metagraph`] that were asked for.
        #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
        pub struct SelectiveMetagraph {
            /// The subnet, whether or not it was asked for.
            pub netuid: Compact<u16>,
            $(
                /// See [`Metagraph`].
                pub $name: Option<$kind>,
            )*
            /// The uids that may validate.
            pub validators: Option<Vec<Compact<u16>>>,
            /// What each hotkey published with the Commitments pallet, encoded.
            pub commitments: Option<Vec<(AccountId, Text)>>,
        }

        impl SelectiveMetagraph {
            /// The columns of these numbers; numbers without a column are passed over.
            fn of(netuid: u16, whole: Metagraph, numbers: &[u16]) -> Self {
                let is_wanted = |number: u16| numbers.contains(&number);
                let permits = &whole.validator_permit;
                Self {
                    netuid: Compact(netuid),
                    validators: is_wanted(VALIDATORS).then(|| permitted(permits)),
                    commitments: is_wanted(COMMITMENTS).then(|| commitments(netuid)),
                    $($name: is_wanted($number).then_some(whole.$name),)*
                }
            }
        }
    };
}

columns! {
    1 name: Text,
    2 symbol: Text,
    3 identity: Option<SubnetIdentityV3>,
    4 network_registered_at: Compact<u64>,
    5 owner_hotkey: AccountId,
    6 owner_coldkey: AccountId,
    7 block: Compact<u64>,
    8 tempo: Compact<u16>,
    9 last_step: Compact<u64>,
    10 blocks_since_last_step: Compact<u64>,
    11 subnet_emission: Compact<u64>,
    12 alpha_in: Compact<u64>,
    13 alpha_out: Compact<u64>,
    14 tao_in: Compact<u64>,
    15 alpha_out_emission: Compact<u64>,
    16 alpha_in_emission: Compact<u64>,
    17 tao_in_emission: Compact<u64>,
    18 pending_alpha_emission: Compact<u64>,
    19 pending_root_emission: Compact<u64>,
    20 subnet_volume: Compact<u128>,
    21 moving_price: FixedI128,
    22 rho: Compact<u16>,
    23 kappa: Compact<u16>,
    24 min_allowed_weights: Compact<u16>,
    25 max_weights_limit: Compact<u16>,
    26 weights_version: Compact<u64>,
    27 weights_rate_limit: Compact<u64>,
    28 activity_cutoff: Compact<u64>,
    29 max_validators: Compact<u16>,
    30 num_uids: Compact<u16>,
    31 max_uids: Compact<u16>,
    32 burn: Compact<u64>,
    33 difficulty: Compact<u64>,
    34 registration_allowed: bool,
    35 pow_registration_allowed: bool,
    36 immunity_period: Compact<u16>,
    37 min_difficulty: Compact<u64>,
    38 max_difficulty: Compact<u64>,
    39 min_burn: Compact<u64>,
    40 max_burn: Compact<u64>,
    41 adjustment_alpha: Compact<u64>,
    42 adjustment_interval: Compact<u16>,
    43 target_regs_per_interval: Compact<u16>,
    44 max_regs_per_block: Compact<u16>,
    45 serving_rate_limit: Compact<u64>,
    46 commit_reveal_weights_enabled: bool,
    47 commit_reveal_period: Compact<u64>,
    48 liquid_alpha_enabled: bool,
    49 alpha_high: Compact<u16>,
    50 alpha_low: Compact<u16>,
    51 bonds_moving_avg: Compact<u64>,
    52 hotkeys: Vec<AccountId>,
    53 coldkeys: Vec<AccountId>,
    54 identities: Vec<Option<ChainIdentityV2>>,
    55 axons: Vec<AxonInfo>,
    56 active: Vec<bool>,
    57 validator_permit: Vec<bool>,
    58 pruning_score: Vec<Compact<u16>>,
    59 last_update: Vec<Compact<u64>>,
    60 emission: Vec<Compact<u64>>,
    61 dividends: Vec<Compact<u16>>,
    62 incentives: Vec<Compact<u16>>,
    63 consensus: Vec<Compact<u16>>,
    64 trust: Vec<Compact<u16>>,
    65 rank: Vec<Compact<u16>>,
    66 block_at_registration: Vec<Compact<u64>>,
    67 alpha_stake: Vec<Compact<u64>>,
    68 tao_stake: Vec<Compact<u64>>,
    69 total_stake: Vec<Compact<u64>>,
    70 tao_dividends_per_hotkey: Vec<(AccountId, Compact<u64>)>,
    71 alpha_dividends_per_hotkey: Vec<(AccountId, Compact<u64>)>,
}

impl SelectiveMetagraph {
    /// Columns of the metagraph of `netuid`; none where no such subnet is.
    pub fn of_subnet(netuid: u16, numbers: &[u16]) -> Option<Self> {
        Some(Self::of(netuid, Metagraph::of(netuid)?, numbers))
    }

    /// Columns of the metagraph of one of a subnet's mechanisms; none where the subnet has no such mechanism.
    pub fn of_mechanism(netuid: u16, mecid: u8, numbers: &[u16]) -> Option<Self> {
        let whole = Metagraph::of_mechanism(netuid, mecid)?;
        Some(Self::of(netuid, whole, numbers))
    }
}

fn permitted(permits: &[bool]) -> Vec<Compact<u16>> {
    let uids = (0u16..).zip(permits).filter(|(_, may)| **may);
    compact(uids.map(|(uid, _)| uid))
}

fn commitments(netuid: u16) -> Vec<(AccountId, Text)> {
    Market::hotkeys(netuid)
        .into_iter()
        .filter_map(|hotkey| {
            let published = CommitmentOf::<Runtime>::get(netuid, &hotkey)?;
            Some((hotkey, compact(published.info.encode())))
        })
        .collect()
}
