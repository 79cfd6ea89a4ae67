//! Tests of the pallet: who may set what, and that the setting arrives. The market's invariants are checked after every
//! call.

mod origins;
mod settings;

use crate::{self as pallet_admin_utils, Call, Error};
use frame_support::{
    derive_impl,
    traits::{ConstU64, GetCallName},
};
use pallet_subtensor::{ConsensusMode, FixedI128, FixedU128, RAO_PER_UNIT, RateLimitKey, Recycle};
use settings::{network_calls, owner_calls, root_calls};
use sp_runtime::{
    BuildStorage, DispatchResult,
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
    type Opener = ();
}

impl crate::Config for Test {}

const OWNER: u64 = 1;
const STRANGER: u64 = 2;

/// Runs with subnet 1, which belongs to [`OWNER`].
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
    let name = call.get_call_name();
    let result = RuntimeCall::from(call).dispatch(origin);
    assert_eq!(Subtensor::do_try_state(), Ok(()), "{name}");
    result.map(|_| ()).map_err(|failed| failed.error)
}

fn root() -> RuntimeOrigin {
    RuntimeOrigin::root()
}

fn owner() -> RuntimeOrigin {
    RuntimeOrigin::signed(OWNER)
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
        assert_eq!(Subtensor::max_allowed_uids(1), 66);
        let mode = Subtensor::liquid_alpha_consensus_mode(1);
        assert_eq!(mode, ConsensusMode::Auto);
        assert!(!Subtensor::registration_allowed(1));
        assert!(Subtensor::pow_registration_allowed(1));
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
        assert_eq!(Subtensor::tempo(1), 112);
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
        assert_eq!(Subtensor::max_mechanism_count(), 3);
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
        assert_eq!(
            pallet_subtensor::CommitRevealWeightsVersion::<Test>::get(),
            28
        );
        assert_eq!(pallet_subtensor::FlowEmaSmoothingFactor::<Test>::get(), 29);
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

/// A trim, the number of mechanisms and how they share are counted apart from other settings, and from each other.
#[test]
fn an_owner_shapes_its_subnet_rarely() {
    use pallet_subtensor::{mechanisms::CHANGE_INTERVAL, trim::TRIM_INTERVAL};
    let netuid = 1;
    let trim = Call::sudo_trim_to_max_allowed_uids { netuid, max_n: 64 };
    let count = Call::sudo_set_mechanism_count {
        netuid,
        mechanism_count: 2,
    };
    let split = Call::sudo_set_mechanism_emission_split {
        netuid,
        maybe_split: None,
    };
    let intervals = [
        (trim, TRIM_INTERVAL),
        (count, CHANGE_INTERVAL),
        (split, CHANGE_INTERVAL),
    ];
    with_a_subnet(|| {
        // No epoch, before which owners change nothing.
        let window = Call::sudo_set_admin_freeze_window { window: 0 };
        assert_eq!(dispatch(root(), window), Ok(()));
        for (call, interval) in intervals {
            let soon = u64::from(System::block_number()) + interval - 1;
            assert_eq!(dispatch(owner(), call.clone()), Ok(()));
            let refused = Err(Refusal::TxRateLimitExceeded.into());
            System::set_block_number(soon.try_into().expect("few blocks"));
            assert_eq!(dispatch(owner(), call.clone()), refused, "{call:?}");
            assert_eq!(dispatch(root(), call.clone()), Ok(()), "{call:?}");
            System::set_block_number(System::block_number() + 1);
            assert_eq!(dispatch(owner(), call.clone()), Ok(()), "{call:?}");
        }
    });
}

#[test]
fn mechanisms_that_do_not_fit_are_refused() {
    with_a_subnet(|| {
        let netuid = 1;
        let many = |mechanism_count| Call::sudo_set_mechanism_count {
            netuid,
            mechanism_count,
        };
        let most = |max_mechanism_count| Call::sudo_set_max_mechanism_count {
            max_mechanism_count,
        };
        let split = |ratios: &[u16]| Call::sudo_set_mechanism_emission_split {
            netuid,
            maybe_split: Some(ratios.to_vec()),
        };
        let trim = |max_n| Call::sudo_trim_to_max_allowed_uids { netuid, max_n };
        // 256 seats are as many as there may be with one mechanism.
        let refused = Err(Refusal::TooManyUIDsPerMechanism.into());
        assert_eq!(dispatch(root(), many(2)), refused);
        for call in [
            many(0),
            many(3),
            most(0),
            most(17),
            split(&[65_535, 0]),
            split(&[65_534]),
            trim(63),
            trim(257),
        ] {
            let refused = Err(Refusal::InvalidValue.into());
            assert_eq!(dispatch(root(), call.clone()), refused, "{call:?}");
        }
        assert_eq!(dispatch(root(), trim(64)), Ok(()));
        assert_eq!(dispatch(root(), many(2)), Ok(()));
        assert_eq!(dispatch(root(), split(&[65_535, 0])), Ok(()));
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

#[test]
fn a_subnet_is_as_large_as_its_owner_or_root_says_within_bounds() {
    with_a_subnet(|| {
        let call = |max_allowed_uids| Call::sudo_set_max_allowed_uids {
            netuid: 1,
            max_allowed_uids,
        };
        let too_many = Err(Error::<Test>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids.into());
        assert_eq!(dispatch(owner(), call(257)), too_many);
        assert_eq!(dispatch(root(), call(4_097)), too_many);
        let too_few = Err(Error::<Test>::MaxAllowedUidsLessThanMinAllowedUids.into());
        assert_eq!(dispatch(owner(), call(63)), too_few);
        let none = Call::sudo_set_min_allowed_uids {
            netuid: 1,
            min_allowed_uids: 0,
        };
        assert_eq!(dispatch(root(), none), Ok(()));
        let below = Err(Error::<Test>::MaxAllowedUIdsLessThanCurrentUIds.into());
        assert_eq!(dispatch(owner(), call(0)), below);
        assert_eq!(dispatch(owner(), call(100)), Ok(()));
        let again = Err(Refusal::TxRateLimitExceeded.into());
        assert_eq!(dispatch(owner(), call(101)), again);
        assert_eq!(dispatch(root(), call(1_000)), Ok(()));
        assert_eq!(Subtensor::max_allowed_uids(1), 1_000);
    });
}

#[test]
fn an_owner_leaves_one_way_into_a_subnet_open() {
    with_a_subnet(|| {
        let for_tao = |registration_allowed| Call::sudo_set_network_registration_allowed {
            netuid: 1,
            registration_allowed,
        };
        let for_work = |registration_allowed| Call::sudo_set_network_pow_registration_allowed {
            netuid: 1,
            registration_allowed,
        };
        let refused = Err(Refusal::InvalidValue.into());
        assert_eq!(dispatch(owner(), for_tao(false)), refused);
        assert_eq!(dispatch(root(), for_work(true)), Ok(()));
        assert_eq!(dispatch(owner(), for_tao(false)), Ok(()));
        let again = Err(Refusal::TxRateLimitExceeded.into());
        assert_eq!(dispatch(owner(), for_tao(true)), again);
        assert_eq!(dispatch(owner(), for_work(false)), refused);
        assert_eq!(dispatch(root(), for_work(false)), Ok(()));
        assert!(!Subtensor::registration_allowed(1));
    });
}

#[test]
fn flows_are_smoothed_by_no_more_than_one() {
    with_a_subnet(|| {
        let call = |smoothing_factor| Call::sudo_set_tao_flow_smoothing_factor { smoothing_factor };
        let refused = Err(Refusal::InvalidValue.into());
        assert_eq!(dispatch(root(), call(1 << 63)), refused);
        assert_eq!(dispatch(root(), call((1 << 63) - 1)), Ok(()));
    });
}
