//! Subnets, seats, addresses, identities and takes: every call's success and its refusals.

use super::*;

#[test]
fn a_subnet_costs_its_price_and_is_listed() {
    let mut market = Market::empty();
    let free = market.free(OWNER);
    assert_eq!(market.read(Subtensor::network_lock_cost), 100 * UNIT);
    market.call(
        OWNER,
        Call::register_network {
            hotkey: hot(OWNER, 1),
        },
    );
    assert!(market.saw(Event::NetworkAdded(1, 1)));
    assert_eq!(market.free(OWNER), free - 100 * UNIT);
    assert_eq!(market.read(Subtensor::netuids), [0, 1]);
    assert_eq!(market.read(|| Subtensor::subnet_owner(1)), Some(OWNER));
    assert_eq!(
        market.read(|| Subtensor::uid_of(1, &hot(OWNER, 1))),
        Some(0)
    );
    assert_eq!(market.read(|| Subtensor::pool(1).tao), 100 * UNIT);
    assert_eq!(market.read(|| Subtensor::subnet_locked(1)), 100 * UNIT);
    assert!(market.read(|| Subtensor::yuma3_enabled(1)));
    assert_eq!(market.read(|| Subtensor::token_symbol(1)), "α".as_bytes());
    assert_eq!(market.read(|| Subtensor::subnet_name(1)), b"subnet 1");
    // The price doubles, and falls back by the amount of the last one over the reduction interval.
    assert_eq!(market.read(Subtensor::network_lock_cost), 200 * UNIT);
    market.write(|| Subtensor::set_lock_reduction_interval(10));
    market.run(5);
    assert_eq!(market.read(Subtensor::network_lock_cost), 150 * UNIT);
    market.run(50);
    assert_eq!(market.read(Subtensor::network_lock_cost), 100 * UNIT);
}

#[test]
fn a_subnet_is_refused() {
    let mut market = Market::open();
    let register = |hotkey| Call::register_network { hotkey };
    market.refuse(ALICE, register(hot(OWNER, 1)), Error::NonAssociatedColdKey);
    market.refuse(
        PAUPER,
        register(hot(PAUPER, 1)),
        Error::CannotAffordLockCost,
    );
    market.write(|| Subtensor::set_network_rate_limit(10));
    market.refuse(
        ALICE,
        register(hot(ALICE, 1)),
        Error::NetworkTxRateLimitExceeded,
    );
    market.write(|| Subtensor::set_network_rate_limit(0));
    market.write(|| Subtensor::set_subnet_limit(1));
    market.refuse(ALICE, register(hot(ALICE, 1)), Error::SubnetLimitReached);
}

#[test]
fn an_owner_opens_its_subnet_once_the_delay_is_over() {
    let mut market = Market::empty();
    market.write(|| Subtensor::set_start_call_delay(3));
    let hotkey = hot(OWNER, 1);
    market.call(OWNER, Call::register_network { hotkey });
    let start = Call::start_call { netuid: 1 };
    market.refuse(OWNER, start.clone(), Error::NeedWaitingMoreBlocksToStarCall);
    market.run(3);
    market.refuse(ALICE, start.clone(), Error::NotSubnetOwner);
    market.refuse(
        OWNER,
        Call::start_call { netuid: 8 },
        Error::SubnetNotExists,
    );
    market.call(OWNER, start.clone());
    assert!(market.saw(Event::FirstEmissionBlockNumberSet(1, 5)));
    market.refuse(OWNER, start, Error::FirstEmissionBlockNumberAlreadySet);
}

#[test]
fn a_seat_is_paid_for_and_its_price_moves() {
    let mut market = Market::open();
    let (free, price) = (market.free(BOB), market.read(|| Subtensor::burn(1)));
    let issuance = market.read(Subtensor::total_issuance);
    let uid = market.register(1, BOB, hot(BOB, 1));
    assert_eq!(uid, 1);
    assert!(market.saw(Event::NeuronRegistered(1, 1, hot(BOB, 1))));
    assert_eq!(market.free(BOB), free - price);
    assert_eq!(market.read(Subtensor::total_issuance), issuance - price);
    let raised = market.read(|| Subtensor::burn(1));
    assert_eq!(raised, 126_000_000 - 1);
    market.run(360);
    let halved = market.read(|| Subtensor::burn(1));
    assert!(halved.abs_diff(63_000_000) < 100_000, "{halved}");
}

#[test]
fn a_seat_is_refused() {
    let mut market = Market::open();
    let register = |netuid, hotkey| Call::burned_register { netuid, hotkey };
    market.refuse(BOB, register(7, hot(BOB, 1)), Error::SubnetNotExists);
    market.refuse(
        BOB,
        register(ROOT, hot(BOB, 1)),
        Error::RegistrationNotPermittedOnRootSubnet,
    );
    market.refuse(
        BOB,
        register(1, hot(OWNER, 1)),
        Error::HotKeyAlreadyRegisteredInSubNet,
    );
    market.call(
        OWNER,
        Call::try_associate_hotkey {
            hotkey: hot(OWNER, 5),
        },
    );
    market.refuse(BOB, register(1, hot(OWNER, 5)), Error::NonAssociatedColdKey);
    market.refuse(
        PAUPER,
        register(1, hot(PAUPER, 1)),
        Error::NotEnoughBalanceToStake,
    );
    let limited = |limit_price| Call::register_limit {
        netuid: 1,
        hotkey: hot(BOB, 1),
        limit_price,
    };
    market.refuse(BOB, limited(1), Error::RegistrationPriceLimitExceeded);
    market.call(BOB, limited(UNIT));
    market.set(1, Hyperparameter::MaxRegistrationsPerBlock(1));
    market.refuse(
        BOB,
        register(1, hot(BOB, 2)),
        Error::TooManyRegistrationsThisBlock,
    );
    market.run(1);
    market.call(BOB, register(1, hot(BOB, 2)));
    market.set(1, Hyperparameter::NetworkRegistrationAllowed(false));
    market.refuse(
        BOB,
        register(1, hot(BOB, 3)),
        Error::SubNetRegistrationDisabled,
    );
}

#[test]
fn root_seats_its_weakest_members_successor() {
    let mut market = Market::empty();
    for index in 0..64 {
        market.call(
            ALICE,
            Call::root_register {
                hotkey: hot(ALICE, index),
            },
        );
        market.stake(ALICE, hot(ALICE, index), ROOT, 10 + index);
        market.run(1);
    }
    let newcomer = Call::root_register {
        hotkey: hot(BOB, 1),
    };
    market.refuse(BOB, newcomer.clone(), Error::NoNeuronIdAvailable);
    market.set(ROOT, Hyperparameter::ImmunityPeriod(1));
    market.refuse(BOB, newcomer.clone(), Error::StakeTooLowForRoot);
    market.call(
        BOB,
        Call::try_associate_hotkey {
            hotkey: hot(BOB, 1),
        },
    );
    market.stake(BOB, hot(BOB, 1), ROOT, 11);
    market.call(BOB, newcomer);
    assert_eq!(
        market.read(|| Subtensor::hotkey_of(ROOT, 0)),
        Some(hot(BOB, 1))
    );
}

#[test]
fn a_hotkey_belongs_to_whoever_names_it_first() {
    let mut market = Market::empty();
    let hotkey = hot(ALICE, 1);
    market.call(ALICE, Call::try_associate_hotkey { hotkey });
    assert!(market.saw(Event::HotkeyAssociated(ALICE, hotkey)));
    assert_eq!(market.read(|| Subtensor::owner_of(&hotkey)), Some(ALICE));
    assert_eq!(market.read(|| Subtensor::owned_hotkeys(&ALICE)), [hotkey]);
    market.refuse(
        BOB,
        Call::try_associate_hotkey { hotkey },
        Error::NonAssociatedColdKey,
    );
}

fn axon(netuid: NetUid, ip: u128, port: u16, ip_type: u8) -> Call<Test> {
    Call::serve_axon {
        netuid,
        version: 1,
        ip,
        port,
        ip_type,
        protocol: 4,
        placeholder1: 0,
        placeholder2: 0,
    }
}

#[test]
fn a_neuron_says_where_it_answers() {
    let mut market = Market::open();
    let hotkey = hot(OWNER, 1);
    let loopback = 0x7f00_0001;
    market.call(hotkey, axon(1, loopback, 8_091, 4));
    let served = market
        .read(|| Subtensor::axon(1, &hotkey))
        .expect("just served");
    assert_eq!((served.ip, served.port, served.block), (loopback, 8_091, 1));
    assert!(market.saw(Event::AxonServed(1, hotkey)));

    market.refuse(hotkey, axon(1, loopback, 0, 4), Error::InvalidPort);
    market.refuse(hotkey, axon(1, loopback, 1, 5), Error::InvalidIpType);
    market.refuse(hotkey, axon(1, 1 << 40, 1, 4), Error::InvalidIpAddress);
    market.refuse(
        hotkey,
        axon(1, u128::from(u32::MAX), 1, 4),
        Error::InvalidIpAddress,
    );
    market.call(hotkey, axon(1, 0, 1, 4));
    market.refuse(hotkey, axon(6, loopback, 1, 4), Error::SubnetNotExists);
    market.refuse(
        PAUPER,
        axon(1, loopback, 1, 4),
        Error::HotKeyNotRegisteredInNetwork,
    );
    market.call(
        ALICE,
        Call::root_register {
            hotkey: hot(ALICE, 1),
        },
    );
    market.refuse(
        hot(ALICE, 1),
        axon(1, loopback, 1, 4),
        Error::HotKeyNotRegisteredInSubNet,
    );
    market.set(1, Hyperparameter::ServingRateLimit(10));
    market.refuse(
        hotkey,
        axon(1, loopback, 1, 4),
        Error::ServingRateLimitExceeded,
    );
}

#[test]
fn a_neuron_publishes_its_key_with_its_address() {
    let mut market = Market::open();
    let hotkey = hot(OWNER, 1);
    let serve = |certificate| Call::serve_axon_tls {
        netuid: 1,
        version: 1,
        ip: 0x7f00_0001,
        port: 8_091,
        ip_type: 4,
        protocol: 4,
        placeholder1: 0,
        placeholder2: 0,
        certificate,
    };
    market.call(hotkey, serve(vec![7, 1, 2, 3]));
    let certificate = market.read(|| NeuronCertificates::<Test>::get(1, hotkey));
    let certificate = certificate.expect("just served");
    assert_eq!(certificate.algorithm, 7);
    assert_eq!(certificate.public_key.to_vec(), [1, 2, 3]);
    market.refuse(hotkey, serve(vec![]), Error::InvalidValue);
    market.refuse(hotkey, serve(vec![0; 66]), Error::InvalidValue);
}

#[test]
fn a_neuron_says_where_it_shows_metrics() {
    let mut market = Market::open();
    let hotkey = hot(OWNER, 1);
    let serve = |port| Call::serve_prometheus {
        netuid: 1,
        version: 1,
        ip: 1,
        port,
        ip_type: 6,
    };
    market.call(hotkey, serve(9_100));
    assert!(market.saw(Event::PrometheusServed(1, hotkey)));
    let served = market.read(|| Subtensor::prometheus(1, &hotkey));
    assert_eq!(served.map(|endpoint| endpoint.port), Some(9_100));
    market.refuse(hotkey, serve(0), Error::InvalidPort);
}

fn describe(netuid: NetUid, name: &[u8]) -> Call<Test> {
    Call::set_subnet_identity {
        netuid,
        subnet_name: name.to_vec(),
        github_repo: vec![],
        subnet_contact: vec![],
        subnet_url: vec![],
        discord: vec![],
        description: vec![],
        logo_url: vec![],
        additional: vec![],
    }
}

#[test]
fn an_owner_describes_its_subnet() {
    let mut market = Market::open();
    market.call(OWNER, describe(1, b"text"));
    assert!(market.saw(Event::SubnetIdentitySet(1)));
    assert_eq!(market.read(|| Subtensor::subnet_name(1)), b"text");
    market.refuse(ALICE, describe(1, b"mine"), Error::NotSubnetOwner);
    market.refuse(OWNER, describe(1, &[b'a'; 1_025]), Error::InvalidIdentity);

    let symbol = |symbol: &[u8]| Call::update_symbol {
        netuid: 1,
        symbol: symbol.to_vec(),
    };
    market.call(OWNER, symbol("ж".as_bytes()));
    assert_eq!(market.read(|| Subtensor::token_symbol(1)), "ж".as_bytes());
    market.refuse(OWNER, symbol("Τ".as_bytes()), Error::SymbolAlreadyInUse);
    market.refuse(OWNER, symbol(&[0xff]), Error::SymbolDoesNotExist);
    market.refuse(ALICE, symbol(b"a"), Error::NotSubnetOwner);
}

#[test]
fn a_subnet_is_registered_and_described_at_once() {
    let mut market = Market::empty();
    let call = |subnet_name| Call::register_network_with_identity {
        hotkey: hot(OWNER, 1),
        identity: Some(SubnetIdentityV3 {
            subnet_name,
            ..Default::default()
        }),
    };
    market.refuse(OWNER, call(vec![b'a'; 2_000]), Error::InvalidIdentity);
    market.call(OWNER, call(b"folding".to_vec()));
    assert_eq!(market.read(|| Subtensor::subnet_name(1)), b"folding");
}

#[test]
fn a_registered_coldkey_describes_itself() {
    let mut market = Market::open();
    let call = |name: Vec<u8>| Call::set_identity {
        name,
        url: vec![],
        github_repo: vec![],
        image: vec![],
        discord: vec![],
        description: vec![],
        additional: vec![],
    };
    market.call(OWNER, call(b"Owner".to_vec()));
    assert!(market.saw(Event::ChainIdentitySet(OWNER)));
    let identity = market
        .read(|| Subtensor::identity(&OWNER))
        .expect("just set");
    assert_eq!(identity.name, b"Owner");
    market.refuse(OWNER, call(vec![0; 1_025]), Error::InvalidIdentity);
    market.refuse(PAUPER, call(vec![]), Error::HotKeyNotRegisteredInNetwork);
}

#[test]
fn a_validator_lowers_its_take_at_will_and_raises_it_rarely() {
    let mut market = Market::open();
    let hotkey = hot(OWNER, 1);
    let lower = |take| Call::decrease_take { hotkey, take };
    let raise = |take| Call::increase_take { hotkey, take };
    assert_eq!(market.read(|| Subtensor::take_of(&hotkey)), 11_796);
    market.call(OWNER, lower(5_000));
    assert!(market.saw(Event::TakeDecreased(OWNER, hotkey, 5_000)));
    market.refuse(OWNER, lower(5_000), Error::DelegateTakeTooHigh);
    market.refuse(OWNER, raise(6_000), Error::DelegateTxRateLimitExceeded);
    market.write(|| Subtensor::set_delegate_take_interval(5));
    market.run(5);
    market.refuse(OWNER, raise(5_000), Error::DelegateTakeTooLow);
    market.refuse(OWNER, raise(20_000), Error::DelegateTakeTooHigh);
    market.refuse(ALICE, raise(6_000), Error::NonAssociatedColdKey);
    market.call(OWNER, raise(6_000));
    assert!(market.saw(Event::TakeIncreased(OWNER, hotkey, 6_000)));
    market.write(|| Subtensor::set_take_bounds(Some(4_000), None));
    market.refuse(OWNER, lower(3_000), Error::DelegateTakeTooLow);
    let unknown = Call::decrease_take {
        hotkey: hot(PAUPER, 1),
        take: 1,
    };
    market.refuse(PAUPER, unknown, Error::HotKeyAccountNotExists);
}

#[test]
fn an_owner_sets_its_tempo_rarely_and_within_bounds() {
    let mut market = Market::open();
    let tempo = |tempo| Call::set_tempo { netuid: 1, tempo };
    market.refuse(OWNER, tempo(1), Error::TempoOutOfBounds);
    market.refuse(ALICE, tempo(100), Error::NotSubnetOwner);
    market.call(OWNER, tempo(100));
    assert_eq!(market.read(|| Subtensor::tempo(1)), 100);
    market.run_to(50);
    market.refuse(OWNER, tempo(200), Error::TxRateLimitExceeded);
    market.run_to(95);
    let factor = |factor_milli| Call::set_activity_cutoff_factor {
        netuid: 1,
        factor_milli,
    };
    market.refuse(
        OWNER,
        factor(2_000),
        Error::AdminActionProhibitedDuringWeightsWindow,
    );
    market.run_to(101);
    market.refuse(
        OWNER,
        factor(1),
        Error::ActivityCutoffFactorMilliOutOfBounds,
    );
    market.call(OWNER, factor(2_000));
    assert_eq!(market.read(|| Subtensor::activity_cutoff(1)), 200);
}
