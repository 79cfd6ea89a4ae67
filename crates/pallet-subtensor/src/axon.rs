//! Where neurons can be reached: the axon that answers, and the prometheus endpoint that shows
//! metrics.
//!
//! The chain only publishes addresses; it never connects to them. The address 0 says that a neuron
//! answers nowhere for now.

use crate::*;
use frame_support::{pallet_macros::pallet_section, pallet_prelude::*};
use parity_scale_codec::DecodeWithMemTracking;

#[pallet_section]
mod axon_storage {
    /// Where each hotkey answers on each subnet.
    #[pallet::storage]
    pub type Axons<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        AxonInfo,
        OptionQuery,
    >;

    /// Public key by which peers know each hotkey's TLS connection on each subnet.
    #[pallet::storage]
    pub type NeuronCertificates<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        NeuronCertificate,
        OptionQuery,
    >;

    /// Where each hotkey shows its metrics on each subnet.
    #[pallet::storage]
    pub type Prometheus<T: Config> = StorageDoubleMap<
        _,
        Identity,
        NetUid,
        Blake2_128Concat,
        T::AccountId,
        PrometheusInfo,
        OptionQuery,
    >;
}

/// The address at which a neuron answers.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct AxonInfo {
    /// Block of publication.
    pub block: u64,
    /// Version of the neuron's software.
    pub version: u32,
    /// The address as an integer; IPv4 in the low 32 bits.
    pub ip: u128,
    /// TCP port.
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
    /// What is spoken there; the subnet says what the number means.
    pub protocol: u8,
    /// Free for the subnet's use.
    pub placeholder1: u8,
    /// Free for the subnet's use.
    pub placeholder2: u8,
}

/// The public key by which peers know a neuron's TLS connection.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct NeuronCertificate {
    /// The key.
    pub public_key: BoundedVec<u8, ConstU32<64>>,
    /// What kind of key it is; the subnet says what the number means.
    pub algorithm: u8,
}

/// The address at which a neuron shows its metrics.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct PrometheusInfo {
    /// Block of publication.
    pub block: u64,
    /// Version of the neuron's software.
    pub version: u32,
    /// The address as an integer; IPv4 in the low 32 bits.
    pub ip: u128,
    /// TCP port.
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
}

impl<T: Config> Pallet<T> {
    /// Where `hotkey` answers on `netuid`.
    pub fn axon(netuid: NetUid, hotkey: &T::AccountId) -> Option<AxonInfo> {
        Axons::<T>::get(netuid, hotkey)
    }

    /// Where `hotkey` shows its metrics on `netuid`.
    pub fn prometheus(netuid: NetUid, hotkey: &T::AccountId) -> Option<PrometheusInfo> {
        Prometheus::<T>::get(netuid, hotkey)
    }

    /// Publishes where `hotkey` answers; the block is filled in.
    pub(crate) fn do_serve_axon(
        hotkey: &T::AccountId,
        netuid: NetUid,
        axon: AxonInfo,
    ) -> DispatchResult {
        Self::ensure_may_serve(netuid, hotkey, ServedKind::Axon)?;
        Self::ensure_address(axon.ip_type, axon.ip, axon.port)?;
        let block = Self::block();
        Axons::<T>::insert(netuid, hotkey, AxonInfo { block, ..axon });
        Self::deposit_event(Event::AxonServed(netuid, hotkey.clone()));
        Ok(())
    }

    /// Publishes where `hotkey` answers, and its key: one byte of algorithm, then up to 64 bytes.
    pub(crate) fn do_serve_axon_tls(
        hotkey: &T::AccountId,
        netuid: NetUid,
        axon: AxonInfo,
        certificate: &[u8],
    ) -> DispatchResult {
        let (algorithm, key) = certificate.split_first().ok_or(Error::<T>::InvalidValue)?;
        let certificate = NeuronCertificate {
            public_key: key
                .to_vec()
                .try_into()
                .map_err(|_| Error::<T>::InvalidValue)?,
            algorithm: *algorithm,
        };
        Self::do_serve_axon(hotkey, netuid, axon)?;
        NeuronCertificates::<T>::insert(netuid, hotkey, certificate);
        Ok(())
    }

    /// Publishes where `hotkey` shows its metrics; the block is filled in.
    pub(crate) fn do_serve_prometheus(
        hotkey: &T::AccountId,
        netuid: NetUid,
        endpoint: PrometheusInfo,
    ) -> DispatchResult {
        Self::ensure_may_serve(netuid, hotkey, ServedKind::Prometheus)?;
        Self::ensure_address(endpoint.ip_type, endpoint.ip, endpoint.port)?;
        let block = Self::block();
        Prometheus::<T>::insert(netuid, hotkey, PrometheusInfo { block, ..endpoint });
        Self::deposit_event(Event::PrometheusServed(netuid, hotkey.clone()));
        Ok(())
    }

    /// Forgets what a hotkey that lost its uid had published.
    pub(crate) fn forget_addresses(netuid: NetUid, hotkey: &T::AccountId) {
        Axons::<T>::remove(netuid, hotkey);
        NeuronCertificates::<T>::remove(netuid, hotkey);
        Prometheus::<T>::remove(netuid, hotkey);
    }

    fn ensure_may_serve(netuid: NetUid, hotkey: &T::AccountId, kind: ServedKind) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            Self::is_registered_on_any(hotkey),
            Error::<T>::HotKeyNotRegisteredInNetwork
        );
        ensure!(
            Self::uid_of(netuid, hotkey).is_some(),
            Error::<T>::HotKeyNotRegisteredInSubNet
        );
        let key = RateLimitKey::Serving(netuid, hotkey.clone(), kind);
        ensure!(
            Self::interval_passed(&key, Self::serving_rate_limit(netuid)),
            Error::<T>::ServingRateLimitExceeded
        );
        Self::mark_done(key);
        Ok(())
    }

    /// Refuses an address that cannot be one. Loopback is allowed, so that a whole market runs on one
    /// machine, and 0, which takes an address back.
    pub fn ensure_address(ip_type: u8, ip: u128, port: u16) -> DispatchResult {
        ensure!(matches!(ip_type, 4 | 6), Error::<T>::InvalidIpType);
        let fits = ip_type == 6 || ip <= u128::from(u32::MAX);
        let is_broadcast = ip_type == 4 && ip == u128::from(u32::MAX);
        ensure!(fits && !is_broadcast, Error::<T>::InvalidIpAddress);
        ensure!(port != 0, Error::<T>::InvalidPort);
        Ok(())
    }
}
