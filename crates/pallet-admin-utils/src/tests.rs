//! Tests of the pallet: who may set what, and that the setting arrives.

use crate::{self as pallet_admin_utils, Call, Error};
use frame_support::{derive_impl, traits::ConstU64};
use pallet_subtensor::{
    FixedI128, FixedU128, RAO_PER_UNIT, RateLimitKey, Recycle, RecycleOrBurnEnum,
};
use sp_runtime::{
    BuildStorage, DispatchError, DispatchResult,
    traits::{Dispatchable, IdentityLookup},
};

type Subtensor = pallet_subtensor::Pallet<Test>;
type Refusal = pallet_subtensor::Error<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Balances: pallet_balances = 5,
        SubtensorModule: pallet_subtensor = 7,
        AdminUtils: pallet_admin_utils = 19,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlockU32<Test>;
    type AccountId = u64;
    type Lookup = IdentityLookup<u64>;
    type AccountData = pallet_balances::AccountData<u64>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u64;
    type ExistentialDeposit = ConstU64<500>;
    type AccountStore = System;
    type DustRemoval = Recycle<Test>;
}

impl pallet_subtensor::Config for Test {
    type Currency = Balances;
    type OtherRecords = ();
}

impl crate::Config for Test {}

const OWNER: u64 = 1;
const STRANGER: u64 = 2;

/// Runs with subnet 1, which belongs to [`OWNER`], and checks the market's invariants at the end.
fn with_a_subnet(test: impl FnOnce()) {
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: vec![(OWNER, 10_000 * RAO_PER_UNIT)],
            ..Default::default()
        },
        ..Default::default()
    };
    let storage = genesis.build_storage().expect("genesis is valid");
    sp_io::TestExternalities::from(storage).execute_with(|| {
        System::set_block_number(1);
        let register = pallet_subtensor::Call::<Test>::register_network { hotkey: 11 };
        let registered = RuntimeCall::from(register).dispatch(RuntimeOrigin::signed(OWNER));
        assert!(registered.is_ok());
        test();
        assert_eq!(Subtensor::do_try_state(), Ok(()));
    });
}

fn dispatch(origin: RuntimeOrigin, call: Call<Test>) -> DispatchResult {
    let result = RuntimeCall::from(call).dispatch(origin);
    result.map(|_| ()).map_err(|failed| failed.error)
}

fn root() -> RuntimeOrigin {
    RuntimeOrigin::root()
}

fn owner() -> RuntimeOrigin {
    RuntimeOrigin::signed(OWNER)
}

/// Every setting of a subnet that its owner may change, with a value that is not the default.
fn owner_calls(netuid: u16) -> Vec<Call<Test>> {
    vec![
        Call::sudo_set_serving_rate_limit {
            netuid,
            serving_rate_limit: 3,
        },
        Call::sudo_set_max_difficulty {
            netuid,
            max_difficulty: 4,
        },
        Call::sudo_set_weights_version_key {
            netuid,
            weights_version_key: 5,
        },
        Call::sudo_set_adjustment_alpha {
            netuid,
            adjustment_alpha: 6,
        },
        Call::sudo_set_immunity_period {
            netuid,
            immunity_period: 7,
        },
        Call::sudo_set_min_allowed_weights {
            netuid,
            min_allowed_weights: 8,
        },
        Call::sudo_set_rho { netuid, rho: 9 },
        Call::sudo_set_min_childkey_take_per_subnet {
            netuid,
            take: 9_001,
        },
        Call::sudo_set_activity_cutoff {
            netuid,
            activity_cutoff: 10,
        },
        Call::sudo_set_activity_cutoff_factor {
            netuid,
            factor_milli: 1_100,
        },
        Call::sudo_set_min_burn {
            netuid,
            min_burn: 12,
        },
        Call::sudo_set_max_burn {
            netuid,
            max_burn: 1_000_000_000,
        },
        Call::sudo_set_burn_half_life {
            netuid,
            burn_half_life: 14,
        },
        Call::sudo_set_burn_increase_mult {
            netuid,
            burn_increase_mult: FixedU128 { bits: 2 << 64 },
        },
        Call::sudo_set_bonds_moving_average {
            netuid,
            bonds_moving_average: 16,
        },
        Call::sudo_set_bonds_penalty {
            netuid,
            bonds_penalty: 17,
        },
        Call::sudo_set_bonds_reset_enabled {
            netuid,
            enabled: true,
        },
        Call::sudo_set_commit_reveal_weights_enabled {
            netuid,
            enabled: true,
        },
        Call::sudo_set_commit_reveal_weights_interval {
            netuid,
            interval: 20,
        },
        Call::sudo_set_liquid_alpha_enabled {
            netuid,
            enabled: true,
        },
        Call::sudo_set_alpha_values {
            netuid,
            alpha_low: 20_000,
            alpha_high: 60_000,
        },
        Call::sudo_set_alpha_sigmoid_steepness {
            netuid,
            steepness: 23,
        },
        Call::sudo_set_yuma3_enabled {
            netuid,
            enabled: false,
        },
        Call::sudo_set_toggle_transfer {
            netuid,
            toggle: false,
        },
        Call::sudo_set_owner_cut_enabled {
            netuid,
            enabled: false,
        },
        Call::sudo_set_recycle_or_burn {
            netuid,
            recycle_or_burn: RecycleOrBurnEnum::Recycle,
        },
        Call::sudo_set_owner_immune_neuron_limit {
            netuid,
            immune_neurons: 2,
        },
    ]
}

/// Every setting of a subnet that only root may change.
fn root_calls(netuid: u16) -> Vec<Call<Test>> {
    vec![
        Call::sudo_set_min_difficulty {
            netuid,
            min_difficulty: 1,
        },
        Call::sudo_set_difficulty {
            netuid,
            difficulty: 2,
        },
        Call::sudo_set_weights_set_rate_limit {
            netuid,
            weights_set_rate_limit: 3,
        },
        Call::sudo_set_adjustment_interval {
            netuid,
            adjustment_interval: 4,
        },
        Call::sudo_set_min_allowed_uids {
            netuid,
            min_allowed_uids: 5,
        },
        Call::sudo_set_max_allowed_uids {
            netuid,
            max_allowed_uids: 66,
        },
        Call::sudo_set_kappa { netuid, kappa: 7 },
        Call::sudo_set_network_registration_allowed {
            netuid,
            registration_allowed: false,
        },
        Call::sudo_set_target_registrations_per_interval {
            netuid,
            target_registrations_per_interval: 9,
        },
        Call::sudo_set_max_allowed_validators {
            netuid,
            max_allowed_validators: 10,
        },
        Call::sudo_set_max_registrations_per_block {
            netuid,
            max_registrations_per_block: 11,
        },
        Call::sudo_set_tempo { netuid, tempo: 12 },
        Call::sudo_set_subtoken_enabled {
            netuid,
            subtoken_enabled: true,
        },
        Call::sudo_set_subnet_emission_enabled {
            netuid,
            enabled: false,
        },
        Call::sudo_set_min_non_immune_uids { netuid, min: 15 },
        Call::sudo_set_ema_price_halving_period {
            netuid,
            ema_halving: 100,
        },
        Call::sudo_set_rao_recycled {
            netuid,
            rao_recycled: 16,
        },
    ]
}

/// Every setting of the whole network.
fn network_calls() -> Vec<Call<Test>> {
    vec![
        Call::sudo_set_default_take {
            default_take: 9_000,
        },
        Call::sudo_set_min_delegate_take { take: 10 },
        Call::sudo_set_tx_rate_limit { tx_rate_limit: 11 },
        Call::sudo_set_tx_delegate_take_rate_limit { tx_rate_limit: 12 },
        Call::sudo_set_subnet_owner_cut {
            subnet_owner_cut: 13,
        },
        Call::sudo_set_network_rate_limit { rate_limit: 14 },
        Call::sudo_set_network_immunity_period {
            immunity_period: 15,
        },
        Call::sudo_set_network_min_lock_cost { lock_cost: 16 },
        Call::sudo_set_lock_reduction_interval { interval: 17 },
        Call::sudo_set_subnet_limit { max_subnets: 18 },
        Call::sudo_set_start_call_delay { delay: 19 },
        Call::sudo_set_stake_threshold { min_stake: 20 },
        Call::sudo_set_owner_hparam_rate_limit { epochs: 21 },
        Call::sudo_set_admin_freeze_window { window: 22 },
        Call::sudo_set_max_epochs_per_block {
            max_epochs_per_block: 23,
        },
        Call::sudo_set_ck_burn { burn: 24 },
        Call::sudo_set_nominator_min_required_stake { min_stake: 25 },
        Call::sudo_set_coldkey_swap_announcement_delay { duration: 26 },
        Call::sudo_set_coldkey_swap_reannouncement_delay { duration: 27 },
    ]
}

#[test]
fn the_owner_changes_what_is_its_own() {
    with_a_subnet(|| {
        for call in owner_calls(1) {
            assert_eq!(dispatch(owner(), call.clone()), Ok(()), "{call:?}");
        }
        assert_eq!(Subtensor::serving_rate_limit(1), 3);
        assert_eq!(Subtensor::immunity_period(1), 7);
        assert_eq!(Subtensor::activity_cutoff_factor(1), 1_100);
        assert_eq!(Subtensor::burn_bounds(1), (12, 1_000_000_000));
        assert_eq!(Subtensor::burn_half_life(1), 14);
        assert_eq!(Subtensor::alpha_values(1), (20_000, 60_000));
        assert_eq!(Subtensor::reveal_period(1), 20);
        assert!(Subtensor::commit_reveal_enabled(1));
        assert!(!Subtensor::yuma3_enabled(1));
        assert!(!Subtensor::transfers_enabled(1));
        assert!(!Subtensor::owner_cut_enabled(1));
        assert_eq!(Subtensor::immune_owner_uids_limit(1), 2);
        assert_eq!(Subtensor::childkey_take(&11, 1), 9_001);
    });
}

#[test]
fn root_changes_everything() {
    with_a_subnet(|| {
        for call in owner_calls(1)
            .into_iter()
            .chain(root_calls(1))
            .chain(network_calls())
        {
            assert_eq!(dispatch(root(), call.clone()), Ok(()), "{call:?}");
        }
        assert_eq!(Subtensor::tempo(1), 12);
        assert_eq!(Subtensor::kappa(1), 7);
        assert_eq!(Subtensor::max_allowed_uids(1), 66);
        assert_eq!(Subtensor::max_allowed_validators(1), 10);
        assert_eq!(Subtensor::weights_set_rate_limit(1), 3);
        assert!(!Subtensor::registration_allowed(1));
        assert!(!Subtensor::emission_enabled(1));
        assert!(Subtensor::subtoken_enabled(1));
        assert_eq!(Subtensor::take_bounds(), (10, 9_000));
        assert_eq!(Subtensor::subnet_owner_cut(), 13);
        assert_eq!(Subtensor::subnet_limit(), 18);
        assert_eq!(Subtensor::start_call_delay(), 19);
        assert_eq!(Subtensor::stake_threshold(), 20);
        assert_eq!(Subtensor::childkey_burn(), 24);
        // 25 millionths of the least stake, 2 000 000 rao.
        assert_eq!(Subtensor::nomination_min(), 50);
        assert_eq!(
            pallet_subtensor::ColdkeySwapAnnouncementDelay::<Test>::get(),
            26
        );
        assert_eq!(
            pallet_subtensor::ColdkeySwapReannouncementDelay::<Test>::get(),
            27
        );
    });
}

#[test]
fn nobody_else_changes_anything() {
    with_a_subnet(|| {
        let stranger = || RuntimeOrigin::signed(STRANGER);
        for call in owner_calls(1) {
            let refused = Err(Refusal::NotSubnetOwner.into());
            assert_eq!(dispatch(stranger(), call.clone()), refused, "{call:?}");
        }
        for call in root_calls(1).into_iter().chain(network_calls()) {
            let refused = Err(DispatchError::BadOrigin);
            assert_eq!(dispatch(owner(), call.clone()), refused, "{call:?}");
        }
    });
}

#[test]
fn a_subnet_that_does_not_exist_has_no_settings() {
    with_a_subnet(|| {
        for call in owner_calls(9).into_iter().chain(root_calls(9)) {
            let refused = Err(Error::<Test>::SubnetDoesNotExist.into());
            assert_eq!(dispatch(root(), call.clone()), refused, "{call:?}");
        }
    });
}

#[test]
fn an_owner_changes_a_setting_once_in_two_tempos() {
    with_a_subnet(|| {
        let call = || Call::sudo_set_rho { netuid: 1, rho: 3 };
        assert_eq!(dispatch(owner(), call()), Ok(()));
        let refused = Err(Refusal::TxRateLimitExceeded.into());
        assert_eq!(dispatch(owner(), call()), refused);
        assert_eq!(dispatch(root(), call()), Ok(()));
        System::set_block_number(721);
        assert_eq!(
            dispatch(owner(), call()),
            Err(Refusal::AdminActionProhibitedDuringWeightsWindow.into())
        );
        assert_eq!(
            dispatch(root(), Call::sudo_set_admin_freeze_window { window: 0 }),
            Ok(())
        );
        assert_eq!(dispatch(owner(), call()), Ok(()));
    });
}

#[test]
fn values_out_of_bounds_are_refused() {
    with_a_subnet(|| {
        let netuid = 1;
        let invalid = [
            Call::sudo_set_min_burn {
                netuid,
                min_burn: u64::MAX,
            },
            Call::sudo_set_max_burn {
                netuid,
                max_burn: 0,
            },
            Call::sudo_set_burn_half_life {
                netuid,
                burn_half_life: 0,
            },
            Call::sudo_set_burn_increase_mult {
                netuid,
                burn_increase_mult: FixedU128 { bits: 4 << 64 },
            },
            Call::sudo_set_owner_immune_neuron_limit {
                netuid,
                immune_neurons: 11,
            },
            Call::sudo_set_bonds_moving_average {
                netuid,
                bonds_moving_average: 1_000_001,
            },
            Call::sudo_set_commit_reveal_weights_interval {
                netuid,
                interval: 101,
            },
            Call::sudo_set_max_allowed_validators {
                netuid,
                max_allowed_validators: 300,
            },
            Call::sudo_set_min_allowed_uids {
                netuid,
                min_allowed_uids: 300,
            },
            Call::sudo_set_min_childkey_take_per_subnet {
                netuid,
                take: 11_797,
            },
        ];
        for call in invalid {
            let refused = Err(Refusal::InvalidValue.into());
            assert_eq!(dispatch(root(), call.clone()), refused, "{call:?}");
        }
        let steep = Call::sudo_set_alpha_sigmoid_steepness {
            netuid,
            steepness: -1,
        };
        assert_eq!(
            dispatch(owner(), steep.clone()),
            Err(Refusal::InvalidValue.into())
        );
        assert_eq!(dispatch(root(), steep), Ok(()));
        assert_eq!(
            dispatch(
                root(),
                Call::sudo_set_max_allowed_uids {
                    netuid,
                    max_allowed_uids: 5_000
                }
            ),
            Err(Error::<Test>::MaxAllowedUIdsLessThanCurrentUIds.into())
        );
        let alphas = |alpha_low, alpha_high| Call::sudo_set_alpha_values {
            netuid,
            alpha_low,
            alpha_high,
        };
        assert_eq!(
            dispatch(root(), alphas(1_700, 60_000)),
            Err(Refusal::LiquidAlphaDisabled.into())
        );
        assert_eq!(
            dispatch(
                root(),
                Call::sudo_set_liquid_alpha_enabled {
                    netuid,
                    enabled: true
                }
            ),
            Ok(())
        );
        assert_eq!(
            dispatch(root(), alphas(60_000, 50_000)),
            Err(Refusal::AlphaHighTooLow.into())
        );
        assert_eq!(
            dispatch(root(), alphas(1, 50_000)),
            Err(Refusal::AlphaLowOutOfRange.into())
        );
    });
}

#[test]
fn the_owner_chooses_its_hotkey() {
    with_a_subnet(|| {
        let call = |hotkey| Call::sudo_set_sn_owner_hotkey { netuid: 1, hotkey };
        assert_eq!(dispatch(owner(), call(12)), Ok(()));
        assert_eq!(Subtensor::subnet_owner_hotkey(1), Some(12));
        assert!(Subtensor::last_done(&RateLimitKey::SetSNOwnerHotkey(1)) == 1);
        assert_eq!(
            dispatch(owner(), call(13)),
            Err(Refusal::TxRateLimitExceeded.into())
        );
        assert_eq!(
            dispatch(RuntimeOrigin::signed(STRANGER), call(13)),
            Err(Refusal::NotSubnetOwner.into())
        );
        let foreign = pallet_subtensor::Call::<Test>::try_associate_hotkey { hotkey: 21 };
        assert!(
            RuntimeCall::from(foreign)
                .dispatch(RuntimeOrigin::signed(STRANGER))
                .is_ok()
        );
        assert_eq!(
            dispatch(root(), call(21)),
            Err(Refusal::NonAssociatedColdKey.into())
        );
    });
}

#[test]
fn moving_prices_have_a_rate_up_to_one_and_an_age_that_is_not_zero() {
    with_a_subnet(|| {
        let refused = Err(Refusal::InvalidValue.into());
        for bits in [-1, (1 << 32) + 1] {
            let alpha = FixedI128 { bits };
            let call = Call::sudo_set_subnet_moving_alpha { alpha };
            assert_eq!(dispatch(root(), call), refused);
        }
        let call = |netuid, ema_halving| Call::sudo_set_ema_price_halving_period {
            netuid,
            ema_halving,
        };
        assert_eq!(dispatch(root(), call(1, 0)), refused);
        let unknown = Err(Error::<Test>::SubnetDoesNotExist.into());
        assert_eq!(dispatch(root(), call(9, 5)), unknown);
    });
}
