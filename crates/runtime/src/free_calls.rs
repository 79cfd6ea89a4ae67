//! Keeps transactions that cost nothing from being sent at will, and keys that are being swapped from sending any.
//!
//! Validators' and miners' regular work (weights, addresses) is free, and a hotkey need not hold any TAO. So that it
//! cannot be used to flood the chain, a free call enters the pool and a block only if it would succeed now: what the
//! call checks is checked here first. So a neuron's free calls in a block are those that change something, and these
//! its rate limits bound.
//!
//! A coldkey that announced its swap sends nothing but calls about the swap, and one whose swap is disputed nothing at
//! all, whatever it costs ([`pallet_subtensor::coldkey_swaps`]). Nor does anybody else in its name: a proxy that a thief
//! set up is as quick as the thief. One transaction speaks in at most [`PRINCIPALS_MAX`] names.
//!
//! Bittensor's chain has an extension of the same name and the same refusals; wallets explain them by number.

use crate::{AccountId, Runtime, RuntimeCall, RuntimeOrigin, views::Market};
use frame_support::{
    dispatch::{DispatchInfo, Pays},
    pallet_prelude::TransactionSource,
    traits::{Get, OriginTrait},
    weights::Weight,
};
use pallet_subtensor::{Call, Opinion, RateLimitKey, ServedKind, Work};
use parity_scale_codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use sp_runtime::{
    MultiAddress, impl_tx_ext_default,
    traits::{TransactionExtension, ValidateResult},
    transaction_validity::{InvalidTransaction, TransactionValidityError, ValidTransaction},
};

/// In how many other accounts' names one transaction may speak.
pub const PRINCIPALS_MAX: u32 = 64;

/// Why a call is refused; wallets know the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// The coldkey announced its swap.
    SwapAnnounced = 0,
    /// The validator set or committed weights too recently.
    TooSoon = 6,
    /// The signer holds no uid on any subnet, nor does a hotkey of its.
    NotRegisteredAnywhere = 10,
    /// The neuron published its address too recently.
    ServingTooSoon = 12,
    /// There is no commitment to reveal.
    NothingToReveal = 16,
    /// The signer holds no uid on the subnet.
    NotRegistered = 19,
    /// The coldkey's swap is disputed.
    SwapDisputed = 21,
    /// The call would fail: no permit, too little stake, or an argument that is not acceptable.
    WouldFail = 255,
}

impl From<Refusal> for TransactionValidityError {
    fn from(refusal: Refusal) -> Self {
        InvalidTransaction::Custom(refusal as u8).into()
    }
}

impl Refusal {
    fn unless<E>(acceptable: Result<(), E>) -> Result<(), Self> {
        acceptable.map_err(|_| Self::WouldFail)
    }
}

/// The extension; it adds no bytes to a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SubtensorTransactionExtension;

impl TransactionExtension<RuntimeCall> for SubtensorTransactionExtension {
    const IDENTIFIER: &'static str = "SubtensorTransactionExtension";
    type Implicit = ();
    type Val = ();
    type Pre = ();

    fn weight(&self, _: &RuntimeCall) -> Weight {
        <Runtime as frame_system::Config>::DbWeight::get().reads(5)
    }

    fn validate(
        &self,
        origin: RuntimeOrigin,
        call: &RuntimeCall,
        info: &DispatchInfo,
        _len: usize,
        _self_implicit: Self::Implicit,
        _inherited_implication: &impl Encode,
        _source: TransactionSource,
    ) -> ValidateResult<Self::Val, RuntimeCall> {
        if let Some(signer) = origin.as_signer() {
            ensure_not_held(signer, call)?;
            ensure_no_held_principal(call, &mut 0)?;
            if info.pays_fee == Pays::No {
                ensure_worthwhile(signer, call)?;
            }
        }
        Ok((ValidTransaction::default(), (), origin))
    }

    impl_tx_ext_default!(RuntimeCall; prepare);
}

fn ensure_not_held(signer: &AccountId, call: &RuntimeCall) -> Result<(), Refusal> {
    let concerns_swap = matches!(
        call,
        RuntimeCall::SubtensorModule(
            Call::announce_coldkey_swap { .. }
                | Call::swap_coldkey_announced { .. }
                | Call::dispute_coldkey_swap { .. }
                | Call::clear_coldkey_swap_announcement { .. }
        )
    );
    Market::ensure_not_held_by_swap(signer, concerns_swap).map_err(|error| match error {
        pallet_subtensor::Error::ColdkeySwapDisputed => Refusal::SwapDisputed,
        _ => Refusal::SwapAnnounced,
    })
}

/// Refuses a call that speaks, at any depth, in the name of a coldkey that is being swapped.
fn ensure_no_held_principal(call: &RuntimeCall, named: &mut u32) -> Result<(), Refusal> {
    use pallet_multisig::Call as Multisig;
    use pallet_proxy::Call as Proxy;
    use pallet_utility::Call as Utility;
    match call {
        RuntimeCall::Proxy(
            Proxy::proxy { real, call, .. } | Proxy::proxy_announced { real, call, .. },
        ) => {
            *named = named.saturating_add(1);
            if PRINCIPALS_MAX < *named {
                return Err(Refusal::WouldFail);
            }
            if let MultiAddress::Id(real) = real {
                ensure_not_held(real, call)?;
            }
            ensure_no_held_principal(call, named)
        }
        RuntimeCall::Utility(
            Utility::batch { calls }
            | Utility::batch_all { calls }
            | Utility::force_batch { calls },
        ) => calls
            .iter()
            .try_for_each(|call| ensure_no_held_principal(call, named)),
        RuntimeCall::Utility(Utility::if_else { main, fallback }) => {
            ensure_no_held_principal(main, named)?;
            ensure_no_held_principal(fallback, named)
        }
        RuntimeCall::Utility(Utility::as_derivative { call, .. })
        | RuntimeCall::Multisig(
            Multisig::as_multi { call, .. } | Multisig::as_multi_threshold_1 { call, .. },
        ) => ensure_no_held_principal(call, named),
        _ => Ok(()),
    }
}

fn ensure_worthwhile(signer: &AccountId, call: &RuntimeCall) -> Result<(), Refusal> {
    let RuntimeCall::SubtensorModule(call) = call else {
        return Ok(());
    };
    match call {
        Call::set_weights {
            netuid,
            dests,
            weights,
            version_key,
        } => ensure_may_set(signer, *netuid, &opinion(dests, weights, *version_key)),
        Call::set_mechanism_weights {
            netuid,
            mecid,
            dests,
            weights,
            version_key,
        } => {
            let opinion = opinion(dests, weights, *version_key);
            ensure_may_set(signer, mechanism(*netuid, *mecid)?, &opinion)
        }
        Call::commit_weights { netuid, .. } => ensure_may_commit(signer, *netuid),
        Call::commit_mechanism_weights { netuid, mecid, .. } => {
            ensure_may_commit(signer, mechanism(*netuid, *mecid)?)
        }
        Call::commit_timelocked_weights {
            netuid,
            reveal_round,
            commit_reveal_version,
            ..
        } => {
            ensure_may_grade(signer, *netuid)?;
            let (round, version) = (*reveal_round, *commit_reveal_version);
            Refusal::unless(Market::may_commit_timelocked_weights(
                signer, *netuid, round, version,
            ))
        }
        Call::reveal_weights {
            netuid,
            uids,
            values,
            salt,
            version_key,
        } => ensure_may_reveal(signer, *netuid, &opinion(uids, values, *version_key), salt),
        Call::reveal_mechanism_weights {
            netuid,
            mecid,
            uids,
            values,
            salt,
            version_key,
        } => {
            let opinion = opinion(uids, values, *version_key);
            ensure_may_reveal(signer, mechanism(*netuid, *mecid)?, &opinion, salt)
        }
        Call::pow_register {
            netuid,
            work_block,
            nonce,
            work,
            hotkey,
        } => {
            let work = Work {
                netuid: *netuid,
                block: *work_block,
                nonce: *nonce,
                seal: *work,
            };
            Refusal::unless(Market::check_work(signer, hotkey, &work))
        }
        _ => ensure_worthwhile_batch(signer, call),
    }
}

fn ensure_worthwhile_batch(signer: &AccountId, call: &Call<Runtime>) -> Result<(), Refusal> {
    let does_something = match call {
        Call::batch_set_weights {
            netuids,
            weights,
            version_keys,
        } => Market::may_batch_set_weights(signer, netuids, weights, version_keys),
        Call::batch_commit_weights {
            netuids,
            commit_hashes,
        } => {
            netuids.len() == commit_hashes.len()
                && Market::may_batch_commit_weights(signer, netuids)
        }
        Call::batch_reveal_weights {
            netuid,
            uids_list,
            values_list,
            salts_list,
            version_keys,
        } => {
            let (uids, values) = (uids_list.clone(), values_list.clone());
            Market::opinions_of(uids, values, version_keys.clone()).is_ok_and(|opinions| {
                Market::may_batch_reveal_weights(signer, *netuid, &opinions, salts_list)
            })
        }
        _ => return ensure_may_publish(signer, call),
    };
    if does_something {
        Ok(())
    } else {
        Err(Refusal::WouldFail)
    }
}

/// Where the weights of a mechanism lie, if the subnet has it.
fn mechanism(netuid: u16, mecid: u8) -> Result<u16, Refusal> {
    Market::existing_index(netuid, mecid).map_err(|_| Refusal::WouldFail)
}

fn ensure_may_set(signer: &AccountId, index: u16, opinion: &Opinion) -> Result<(), Refusal> {
    ensure_may_grade(signer, index)?;
    Refusal::unless(Market::may_set_weights(signer, index, opinion))
}

fn ensure_may_commit(signer: &AccountId, index: u16) -> Result<(), Refusal> {
    ensure_may_grade(signer, index)?;
    Refusal::unless(Market::may_commit_weights(signer, index))
}

fn ensure_may_reveal(
    signer: &AccountId,
    index: u16,
    opinion: &Opinion,
    salt: &[u16],
) -> Result<(), Refusal> {
    if !Market::has_commits(index, signer) {
        return Err(Refusal::NothingToReveal);
    }
    Refusal::unless(Market::may_reveal_weights(signer, index, opinion, salt))
}

fn opinion(uids: &[u16], values: &[u16], version_key: u64) -> Opinion {
    Opinion {
        uids: uids.to_vec(),
        values: values.to_vec(),
        version_key,
    }
}

fn ensure_may_publish(signer: &AccountId, call: &Call<Runtime>) -> Result<(), Refusal> {
    match call {
        Call::serve_axon {
            netuid,
            ip,
            port,
            ip_type,
            ..
        } => {
            ensure_may_serve(signer, *netuid, ServedKind::Axon)?;
            Refusal::unless(Market::ensure_address(*ip_type, *ip, *port))
        }
        Call::serve_axon_tls {
            netuid,
            ip,
            port,
            ip_type,
            certificate,
            ..
        } => {
            ensure_may_serve(signer, *netuid, ServedKind::Axon)?;
            // One byte of algorithm, then the key.
            if !(1..=65).contains(&certificate.len()) {
                return Err(Refusal::WouldFail);
            }
            Refusal::unless(Market::ensure_address(*ip_type, *ip, *port))
        }
        Call::serve_prometheus {
            netuid,
            ip,
            port,
            ip_type,
            ..
        } => {
            ensure_may_serve(signer, *netuid, ServedKind::Prometheus)?;
            Refusal::unless(Market::ensure_address(*ip_type, *ip, *port))
        }
        _ => ensure_known(signer),
    }
}

fn ensure_may_grade(signer: &AccountId, index: u16) -> Result<(), Refusal> {
    let netuid = Market::netuid_of(index);
    let uid = Market::uid_of(netuid, signer).ok_or(Refusal::NotRegistered)?;
    let last = Market::last_update_of(index, uid);
    let passed = Market::block().saturating_sub(last) >= Market::weights_set_rate_limit(netuid);
    if last == 0 || passed {
        Ok(())
    } else {
        Err(Refusal::TooSoon)
    }
}

fn ensure_may_serve(signer: &AccountId, netuid: u16, kind: ServedKind) -> Result<(), Refusal> {
    if !Market::is_registered(netuid, signer) {
        return Err(Refusal::NotRegistered);
    }
    let key = RateLimitKey::Serving(netuid, signer.clone(), kind);
    let passed = Market::interval_passed(&key, Market::serving_rate_limit(netuid));
    if passed {
        Ok(())
    } else {
        Err(Refusal::ServingTooSoon)
    }
}

fn ensure_known(signer: &AccountId) -> Result<(), Refusal> {
    let known = Market::is_registered_on_any(signer)
        || Market::owned_hotkeys(signer)
            .iter()
            .any(Market::is_registered_on_any);
    if known {
        Ok(())
    } else {
        Err(Refusal::NotRegisteredAnywhere)
    }
}
