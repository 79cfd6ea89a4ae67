//! The calls that Stoa's own daemons and its localnet make, one method each.
//!
//! Each signs, submits and waits like [`Client::submit`], whose errors and cancel safety hold here too. Anything not
//! listed is `client.submit(&pair, RuntimeCall::…, until)`.

use std::net::{IpAddr, SocketAddr};

use keys::Pair;
use primitives::{AccountId, NetUid, Rao, TaskId, Uid};
use runtime::{Runtime, RuntimeCall};

use crate::chain::Client;
use crate::error::Error;
use crate::extrinsic::account;
use crate::submit::{Inclusion, Until};

type Subtensor = pallet_subtensor::Call<Runtime>;

/// The call that names a subnet's task, to be submitted alone or in a batch.
pub fn set_task(netuid: NetUid, task: &TaskId) -> RuntimeCall {
    RuntimeCall::Tasks(runtime::tasks::Call::set_task {
        netuid: netuid.0,
        name: task.name().as_bytes().to_vec(),
        version: task.version(),
    })
}

impl Client {
    /// Pays `amount` from the signer to `to`, unless the signer would fall below the existential deposit.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn transfer(
        &self,
        signer: &Pair,
        to: &AccountId,
        amount: Rao,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let dest = account(to).into();
        let call = pallet_balances::Call::transfer_keep_alive {
            dest,
            value: amount.0,
        };
        self.submit(signer, RuntimeCall::Balances(call), until)
            .await
    }

    /// Opens a new subnet owned by the signer, with `hotkey` as its owner's hotkey.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn register_network(
        &self,
        coldkey: &Pair,
        hotkey: &AccountId,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let call = Subtensor::register_network {
            hotkey: account(hotkey),
        };
        self.submit(coldkey, call, until).await
    }

    /// Starts a subnet's emission; only its owner may.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn start_call(
        &self,
        coldkey: &Pair,
        netuid: NetUid,
        until: Until,
    ) -> Result<Inclusion, Error> {
        self.submit(coldkey, Subtensor::start_call { netuid: netuid.0 }, until)
            .await
    }

    /// Buys a seat on a subnet for `hotkey` by burning the subnet's present price.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn burned_register(
        &self,
        coldkey: &Pair,
        netuid: NetUid,
        hotkey: &AccountId,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let hotkey = account(hotkey);
        let call = Subtensor::burned_register {
            netuid: netuid.0,
            hotkey,
        };
        self.submit(coldkey, call, until).await
    }

    /// Puts `amount` behind `hotkey` on a subnet, buying the subnet's alpha with it.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn add_stake(
        &self,
        coldkey: &Pair,
        hotkey: &AccountId,
        netuid: NetUid,
        amount: Rao,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let call = Subtensor::add_stake {
            hotkey: account(hotkey),
            netuid: netuid.0,
            amount_staked: amount.0,
        };
        self.submit(coldkey, call, until).await
    }

    /// Replaces the signing validator's weights on a subnet.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn set_weights(
        &self,
        hotkey: &Pair,
        netuid: NetUid,
        weights: &[(Uid, u16)],
        version_key: u64,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let (dests, weights) = weights.iter().map(|(uid, weight)| (uid.0, *weight)).unzip();
        let call = Subtensor::set_weights {
            netuid: netuid.0,
            dests,
            weights,
            version_key,
        };
        self.submit(hotkey, call, until).await
    }

    /// Publishes where the signing hotkey answers on a subnet.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn serve_axon(
        &self,
        hotkey: &Pair,
        netuid: NetUid,
        address: SocketAddr,
        protocol: u8,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let (ip, ip_type) = match address.ip() {
            IpAddr::V4(ip) => (u128::from(u32::from(ip)), 4),
            IpAddr::V6(ip) => (u128::from(ip), 6),
        };
        let call = Subtensor::serve_axon {
            netuid: netuid.0,
            version: runtime::VERSION.spec_version,
            ip,
            port: address.port(),
            ip_type,
            protocol,
            placeholder1: 0,
            placeholder2: 0,
        };
        self.submit(hotkey, call, until).await
    }

    /// Names the kind of work a subnet pays for; only its owner may.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`].
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn set_task(
        &self,
        coldkey: &Pair,
        netuid: NetUid,
        task: &TaskId,
        until: Until,
    ) -> Result<Inclusion, Error> {
        self.submit(coldkey, set_task(netuid, task), until).await
    }

    /// Executes `call` as root; the signer must be the chain's sudo key.
    ///
    /// Hyperparameters are set this way: `client.sudo(&alice, AdminUtils::sudo_set_tempo { .. }, until)`.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`]; an error inside the call is an error here.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn sudo(
        &self,
        signer: &Pair,
        call: impl Into<RuntimeCall>,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let call = Box::new(call.into());
        self.submit(
            signer,
            RuntimeCall::Sudo(pallet_sudo::Call::sudo { call }),
            until,
        )
        .await
    }

    /// Executes all of `calls` or none, in one transaction.
    ///
    /// # Errors
    ///
    /// As [`Client::submit`]: the first failing call's error.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::submit`].
    pub async fn batch_all(
        &self,
        signer: &Pair,
        calls: Vec<RuntimeCall>,
        until: Until,
    ) -> Result<Inclusion, Error> {
        let call = pallet_utility::Call::batch_all { calls };
        self.submit(signer, RuntimeCall::Utility(call), until).await
    }
}
