//! Crowdloans from beginning to end, on a chain of four pallets; the invariants are checked after every call and every
//! test.

mod origins;

use crate::{self as pallet_crowdloan, Call, Error, Event, *};
use frame_support::{
    PalletId, derive_impl,
    dispatch::GetDispatchInfo,
    parameter_types,
    traits::{ConstU32, ConstU64},
};
use sp_runtime::{
    BuildStorage, DispatchError, DispatchResult, TokenError,
    traits::{Dispatchable, IdentityLookup},
};

/// A pallet whose only call spends what the crowdloan being finalized has raised.
#[frame_support::pallet]
mod spender {
    use crate::{BalanceOf, CurrencyOf, Pallet as Crowdloan};
    use frame_support::{
        pallet_prelude::*,
        traits::{fungible::Mutate, tokens::Preservation},
    };
    use frame_system::pallet_prelude::*;

    #[pallet::config]
    pub trait Config: frame_system::Config + crate::Config {}

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::error]
    pub enum Error<T> {
        NoCrowdloan,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Pays `to` what was raised, but for `kept`.
        #[pallet::call_index(0)]
        #[pallet::weight(Weight::from_parts(77, 0))]
        pub fn spend(origin: OriginFor<T>, to: T::AccountId, kept: BalanceOf<T>) -> DispatchResult {
            use sp_runtime::traits::Saturating;
            ensure_signed(origin)?;
            let loan = Crowdloan::<T>::current().ok_or(Error::<T>::NoCrowdloan)?;
            let amount = loan.raised.saturating_sub(kept);
            CurrencyOf::<T>::transfer(&loan.funds_account, &to, amount, Preservation::Expendable)?;
            Ok(())
        }
    }
}

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system = 0,
        Balances: pallet_balances = 5,
        Preimage: pallet_preimage = 14,
        Crowdloan: pallet_crowdloan = 27,
        Spender: spender = 50,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlockU32<Test>;
    type AccountId = u64;
    type Lookup = IdentityLookup<u64>;
    type AccountData = pallet_balances::AccountData<u64>;
    type DbWeight = frame_support::weights::constants::RocksDbWeight;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = u64;
    type ExistentialDeposit = ConstU64<5>;
    type AccountStore = System;
}

impl pallet_preimage::Config for Test {
    type WeightInfo = ();
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type ManagerOrigin = frame_system::EnsureRoot<u64>;
    type Consideration = ();
}

parameter_types! {
    pub const Seed: PalletId = PalletId(*b"bt/cloan");
}

impl Config for Test {
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type Preimages = Preimage;
    type PalletId = Seed;
    type MinimumDeposit = ConstU64<50>;
    type AbsoluteMinimumContribution = ConstU64<10>;
    type MinimumBlockDuration = ConstU32<20>;
    type MaximumBlockDuration = ConstU32<100>;
    type RefundContributorsLimit = ConstU32<2>;
    type MaxContributors = ConstU32<4>;
}

impl spender::Config for Test {}

const CREATOR: u64 = 1;
const TARGET: u64 = 9;
const OTHERS: [u64; 5] = [2, 3, 4, 5, 6];
const RICHES: u64 = 1_000;

/// Runs with a thousand for each account, and checks the invariants and the money at the end.
fn with_money(test: impl FnOnce()) {
    let mut balances = vec![(CREATOR, RICHES)];
    balances.extend(OTHERS.map(|other| (other, RICHES)));
    let genesis = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances,
            ..Default::default()
        },
        ..Default::default()
    };
    let storage = genesis.build_storage().expect("genesis is valid");
    sp_io::TestExternalities::from(storage).execute_with(|| {
        System::set_block_number(1);
        let before = Balances::total_issuance();
        test();
        Crowdloan::do_try_state().expect("the invariants hold");
        assert_eq!(Balances::total_issuance(), before);
    });
}

fn call(who: u64, call: Call<Test>) -> DispatchResult {
    call_from(RuntimeOrigin::signed(who), call)
}

fn call_from(origin: RuntimeOrigin, call: Call<Test>) -> DispatchResult {
    let done = RuntimeCall::Crowdloan(call).dispatch(origin);
    Crowdloan::do_try_state().expect("the invariants hold");
    done.map(|_| ()).map_err(|failure| failure.error)
}

/// A crowdloan of 50 + contributions of 10 and more, toward 300, until block 51.
fn create(purpose: Option<RuntimeCall>) -> DispatchResult {
    let target_address = purpose.is_none().then_some(TARGET);
    call(
        CREATOR,
        Call::create {
            deposit: 50,
            min_contribution: 10,
            cap: 300,
            end: 51,
            call: purpose.map(Box::new),
            target_address,
        },
    )
}

fn contribute(who: u64, amount: u64) -> DispatchResult {
    call(
        who,
        Call::contribute {
            crowdloan_id: 0,
            amount,
        },
    )
}

fn withdraw(who: u64) -> DispatchResult {
    call(who, Call::withdraw { crowdloan_id: 0 })
}

fn finalize() -> DispatchResult {
    call(CREATOR, Call::finalize { crowdloan_id: 0 })
}

fn refund() -> DispatchResult {
    call(CREATOR, Call::refund { crowdloan_id: 0 })
}

fn dissolve() -> DispatchResult {
    call(CREATOR, Call::dissolve { crowdloan_id: 0 })
}

fn spend(kept: u64) -> RuntimeCall {
    RuntimeCall::Spender(spender::Call::spend { to: TARGET, kept })
}

fn loan() -> CrowdloanInfoOf<Test> {
    Crowdloans::<Test>::get(0).expect("it was created")
}

fn last_event() -> Event<Test> {
    let record = System::events().pop().expect("something happened");
    match record.event {
        RuntimeEvent::Crowdloan(event) => event,
        other => panic!("{other:?} is not about a crowdloan"),
    }
}

/// The creator's four changes of terms, with values that are acceptable.
fn changes() -> [Call<Test>; 4] {
    [
        Call::update_min_contribution {
            crowdloan_id: 0,
            new_min_contribution: 20,
        },
        Call::update_end {
            crowdloan_id: 0,
            new_end: 80,
        },
        Call::update_cap {
            crowdloan_id: 0,
            new_cap: 400,
        },
        Call::set_max_contribution {
            crowdloan_id: 0,
            new_max_contribution: Some(100),
        },
    ]
}

#[test]
fn a_crowdloan_that_reaches_its_cap_pays_its_target() {
    with_money(|| {
        create(None).unwrap();
        let created = Event::Created {
            crowdloan_id: 0,
            creator: CREATOR,
            end: 51,
            cap: 300,
        };
        assert_eq!(last_event(), created);
        assert_eq!(NextCrowdloanId::<Test>::get(), 1);
        contribute(2, 100).unwrap();
        // Only 150 are left to be raised.
        contribute(3, 900).unwrap();
        let contributed = Event::Contributed {
            crowdloan_id: 0,
            contributor: 3,
            amount: 150,
        };
        assert_eq!(last_event(), contributed);
        assert_eq!((loan().raised, loan().contributors_count), (300, 3));
        assert_eq!(Balances::free_balance(loan().funds_account), 300);
        finalize().unwrap();
        assert_eq!(last_event(), Event::Finalized { crowdloan_id: 0 });
        assert_eq!(Balances::free_balance(TARGET), 300);
        assert_eq!(Balances::free_balance(CREATOR), RICHES - 50);
        assert!(loan().finalized);
    });
}

#[test]
fn a_crowdloan_that_fails_gives_everything_back() {
    with_money(|| {
        create(None).unwrap();
        for other in [2, 3, 4] {
            contribute(other, 30).unwrap();
        }
        assert_eq!(dissolve(), Err(Error::<Test>::NotReadyToDissolve.into()));
        refund().unwrap();
        assert_eq!(last_event(), Event::PartiallyRefunded { crowdloan_id: 0 });
        assert_eq!((loan().raised, loan().contributors_count), (80, 2));
        refund().unwrap();
        assert_eq!(last_event(), Event::AllRefunded { crowdloan_id: 0 });
        dissolve().unwrap();
        assert_eq!(last_event(), Event::Dissolved { crowdloan_id: 0 });
        assert!(Crowdloans::<Test>::get(0).is_none());
        for account in [CREATOR, 2, 3, 4] {
            assert_eq!(Balances::free_balance(account), RICHES);
        }
        assert_eq!(dissolve(), Err(Error::<Test>::InvalidCrowdloanId.into()));
        // Numbers are not used twice.
        create(None).unwrap();
        assert!(Crowdloans::<Test>::contains_key(1));
    });
}

#[test]
fn a_contributor_takes_back_everything_and_the_creator_all_but_the_deposit() {
    with_money(|| {
        create(None).unwrap();
        let refused = Error::<Test>::DepositCannotBeWithdrawn;
        assert_eq!(withdraw(CREATOR), Err(refused.into()));
        contribute(CREATOR, 40).unwrap();
        contribute(2, 60).unwrap();
        withdraw(CREATOR).unwrap();
        withdraw(2).unwrap();
        let withdrew = Event::Withdrew {
            crowdloan_id: 0,
            contributor: 2,
            amount: 60,
        };
        assert_eq!(last_event(), withdrew);
        assert_eq!((loan().raised, loan().contributors_count), (50, 1));
        assert_eq!(Balances::free_balance(2), RICHES);
        assert_eq!(withdraw(2), Err(Error::<Test>::NoContribution.into()));
    });
}

#[test]
fn a_call_is_made_with_what_was_raised() {
    with_money(|| {
        create(Some(spend(0))).unwrap();
        contribute(2, 250).unwrap();
        let weight = Crowdloan::weight_of_call(0);
        assert_eq!(weight.ref_time(), 77);
        finalize().unwrap();
        assert_eq!(Balances::free_balance(TARGET), 300);
        assert_eq!(CurrentCrowdloanId::<Test>::get(), None);
    });
}

/// A call that leaves funds behind did not happen, and its contributors are not stuck.
#[test]
fn a_call_that_leaves_funds_behind_is_undone() {
    with_money(|| {
        create(Some(spend(20))).unwrap();
        contribute(2, 250).unwrap();
        assert_eq!(finalize(), Err(Error::<Test>::FundsNotSettled.into()));
        assert_eq!(Balances::free_balance(TARGET), 0);
        assert!(!loan().finalized);
        refund().unwrap();
        dissolve().unwrap();
        assert_eq!(Balances::free_balance(2), RICHES);
    });
}

#[test]
fn a_call_that_fails_is_undone() {
    with_money(|| {
        // There is no such money, and so the call fails.
        let transfer = pallet_balances::Call::transfer_allow_death {
            dest: TARGET,
            value: 2 * RICHES,
        };
        create(Some(RuntimeCall::Balances(transfer))).unwrap();
        contribute(2, 250).unwrap();
        let broke = DispatchError::Token(TokenError::FundsUnavailable);
        assert_eq!(finalize(), Err(broke));
        assert!(!loan().finalized);
    });
}

#[test]
fn a_crowdloan_does_not_finalize_another() {
    with_money(|| {
        let inner = RuntimeCall::Crowdloan(Call::finalize { crowdloan_id: 1 });
        create(Some(inner)).unwrap();
        create(None).unwrap();
        contribute(2, 250).unwrap();
        let second = Call::contribute {
            crowdloan_id: 1,
            amount: 250,
        };
        call(3, second).unwrap();
        assert_eq!(finalize(), Err(Error::<Test>::AlreadyFinalizing.into()));
    });
}

/// Whoever weighs such a call (a pool, before anybody has paid) would otherwise look for its end for ever.
#[test]
fn a_crowdloan_whose_purpose_is_itself_weighs_something_finite() {
    with_money(|| {
        let finalize_of = |id| RuntimeCall::Crowdloan(Call::finalize { crowdloan_id: id });
        let weight = |id| finalize_of(id).get_dispatch_info().call_weight.ref_time();
        let bare = weight(9);
        create(Some(finalize_of(0))).unwrap();
        assert_eq!(weight(0), 2 * bare);
        create(Some(finalize_of(2))).unwrap();
        create(Some(finalize_of(1))).unwrap();
        assert_eq!((weight(1), weight(2)), (2 * bare, 3 * bare));
        contribute(2, 250).unwrap();
        assert_eq!(finalize(), Err(Error::<Test>::AlreadyFinalized.into()));
        withdraw(2).unwrap();
        dissolve().unwrap();
        assert_eq!(weight(0), bare);
    });
}

#[test]
fn a_long_call_waits_among_the_preimages() {
    with_money(|| {
        let remark = frame_system::Call::remark {
            remark: vec![7; 1_000],
        };
        create(Some(RuntimeCall::System(remark))).unwrap();
        assert!(loan().call.expect("it has one").lookup_needed());
        let hash = loan().call.expect("it has one").hash();
        assert!(pallet_preimage::RequestStatusFor::<Test>::contains_key(
            hash
        ));
        dissolve().unwrap();
        assert!(!pallet_preimage::RequestStatusFor::<Test>::contains_key(
            hash
        ));
    });
}

/// Root may take any preimage away. Contributors still get theirs back.
#[test]
fn a_call_that_is_no_longer_stored_cannot_be_made() {
    with_money(|| {
        let remark = frame_system::Call::remark {
            remark: vec![7; 1_000],
        };
        create(Some(RuntimeCall::System(remark))).unwrap();
        contribute(2, 250).unwrap();
        let hash = loan().call.expect("it has one").hash();
        Preimage::unrequest_preimage(RuntimeOrigin::root(), hash).unwrap();
        assert_eq!(finalize(), Err(Error::<Test>::CallUnavailable.into()));
        assert!(!loan().finalized);
        refund().unwrap();
        assert_eq!(Balances::free_balance(2), RICHES);
    });
}

#[test]
fn a_crowdloan_needs_a_number() {
    with_money(|| {
        NextCrowdloanId::<Test>::put(CrowdloanId::MAX);
        assert_eq!(create(None), Err(Error::<Test>::Overflow.into()));
        assert_eq!(Balances::free_balance(CREATOR), RICHES);
    });
}

#[test]
fn terms_that_are_not_acceptable_are_refused() {
    let cases: [(u64, u64, u64, u32, Error<Test>); 7] = [
        (49, 10, 300, 51, Error::DepositTooLow),
        (50, 10, 50, 51, Error::CapTooLow),
        (50, 9, 300, 51, Error::MinimumContributionTooLow),
        (50, 10, 300, 1, Error::CannotEndInPast),
        (50, 10, 300, 20, Error::BlockDurationTooShort),
        (50, 10, 300, 102, Error::BlockDurationTooLong),
        (1_001, 10, 3_000, 51, Error::InsufficientBalance),
    ];
    with_money(|| {
        for (deposit, min_contribution, cap, end, refused) in cases {
            let create = Call::create {
                deposit,
                min_contribution,
                cap,
                end,
                call: None,
                target_address: Some(TARGET),
            };
            assert_eq!(call(CREATOR, create), Err(refused.into()));
        }
        for (purpose, target_address) in [(None, None), (Some(Box::new(spend(0))), Some(TARGET))] {
            let create = Call::create {
                deposit: 50,
                min_contribution: 10,
                cap: 300,
                end: 51,
                call: purpose,
                target_address,
            };
            let refused = Error::<Test>::InvalidFinalizationConfig;
            assert_eq!(call(CREATOR, create), Err(refused.into()));
        }
        assert_eq!(NextCrowdloanId::<Test>::get(), 0);
    });
}

#[test]
fn contributions_that_are_not_acceptable_are_refused() {
    with_money(|| {
        let unknown = Error::<Test>::InvalidCrowdloanId;
        assert_eq!(contribute(2, 10), Err(unknown.into()));
        create(None).unwrap();
        let small = Error::<Test>::ContributionTooLow;
        assert_eq!(contribute(2, 9), Err(small.into()));
        Balances::force_set_balance(RuntimeOrigin::root(), 6, 15).unwrap();
        let broke = Error::<Test>::InsufficientBalance;
        assert_eq!(contribute(6, 20), Err(broke.into()));
        Balances::force_set_balance(RuntimeOrigin::root(), 6, RICHES).unwrap();
        for other in [2, 3, 4] {
            contribute(other, 10).unwrap();
        }
        let crowded = Error::<Test>::MaxContributorsReached;
        assert_eq!(contribute(5, 10), Err(crowded.into()));
        // Who is in already may put in more.
        contribute(2, 10).unwrap();
        System::set_block_number(51);
        let late = Error::<Test>::ContributionPeriodEnded;
        assert_eq!(contribute(2, 10), Err(late.into()));
        System::set_block_number(50);
        contribute(2, 300).unwrap();
        let full = Error::<Test>::CapRaised;
        assert_eq!(contribute(2, 10), Err(full.into()));
    });
}

#[test]
fn one_contributor_puts_in_no_more_than_the_limit() {
    with_money(|| {
        create(None).unwrap();
        let limit = |new_max_contribution| Call::set_max_contribution {
            crowdloan_id: 0,
            new_max_contribution,
        };
        // The creator has put in 50.
        let refused = Error::<Test>::MaximumContributionTooLow;
        assert_eq!(call(CREATOR, limit(Some(49))), Err(refused.into()));
        call(CREATOR, limit(Some(60))).unwrap();
        contribute(2, 100).unwrap();
        assert_eq!(Contributions::<Test>::get(0, 2), Some(60));
        let reached = Error::<Test>::MaxContributionReached;
        assert_eq!(contribute(2, 10), Err(reached.into()));
        let dear = Call::update_min_contribution {
            crowdloan_id: 0,
            new_min_contribution: 61,
        };
        let refused = Error::<Test>::MinimumContributionTooHigh;
        assert_eq!(call(CREATOR, dear), Err(refused.into()));
        call(CREATOR, limit(None)).unwrap();
        let lifted = Event::MaxContributionUpdated {
            crowdloan_id: 0,
            new_max_contribution: None,
        };
        assert_eq!(last_event(), lifted);
        contribute(2, 10).unwrap();
        assert_eq!(Contributions::<Test>::get(0, 2), Some(70));
    });
}

#[test]
fn a_creator_changes_the_terms() {
    with_money(|| {
        create(None).unwrap();
        for change in changes() {
            call(CREATOR, change).unwrap();
        }
        let terms = (loan().min_contribution, loan().end, loan().cap);
        assert_eq!(terms, (20, 80, 400));
        assert_eq!(MaxContributions::<Test>::get(0), Some(100));
        let refusals = [
            (
                Call::update_min_contribution {
                    crowdloan_id: 0,
                    new_min_contribution: 9,
                },
                Error::<Test>::MinimumContributionTooLow,
            ),
            (
                Call::update_cap {
                    crowdloan_id: 0,
                    new_cap: 49,
                },
                Error::CapTooLow,
            ),
            (
                Call::update_end {
                    crowdloan_id: 0,
                    new_end: 1,
                },
                Error::CannotEndInPast,
            ),
            (
                Call::update_end {
                    crowdloan_id: 0,
                    new_end: 20,
                },
                Error::BlockDurationTooShort,
            ),
            (
                Call::update_end {
                    crowdloan_id: 0,
                    new_end: 102,
                },
                Error::BlockDurationTooLong,
            ),
        ];
        for (change, refused) in refusals {
            assert_eq!(call(CREATOR, change), Err(refused.into()));
        }
        // A cap that is reached already ends the crowdloan.
        let reached = Call::update_cap {
            crowdloan_id: 0,
            new_cap: 50,
        };
        call(CREATOR, reached).unwrap();
        finalize().unwrap();
    });
}

/// Everything but contributing and withdrawing is the creator's.
#[test]
fn nobody_but_the_creator_ends_or_changes_a_crowdloan() {
    let ends = [
        Call::finalize { crowdloan_id: 0 },
        Call::refund { crowdloan_id: 0 },
        Call::dissolve { crowdloan_id: 0 },
    ];
    with_money(|| {
        for every in ends.iter().cloned().chain(changes()) {
            let unknown = Error::<Test>::InvalidCrowdloanId;
            assert_eq!(call(CREATOR, every), Err(unknown.into()));
        }
        create(None).unwrap();
        for every in ends.iter().cloned().chain(changes()) {
            let refused = Error::<Test>::InvalidOrigin;
            assert_eq!(call(2, every), Err(refused.into()));
        }
        assert_eq!(finalize(), Err(Error::<Test>::CapNotRaised.into()));
        contribute(2, 250).unwrap();
        finalize().unwrap();
        for every in ends.into_iter().chain(changes()) {
            let done = Error::<Test>::AlreadyFinalized;
            assert_eq!(call(CREATOR, every), Err(done.into()));
        }
        assert_eq!(withdraw(2), Err(Error::<Test>::AlreadyFinalized.into()));
    });
}
