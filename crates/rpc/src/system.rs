//! `system_*`: what the node is and how it fares.

use crate::{Context, NodeFacts, Peer, Role, SyncState, error};
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use runtime::{AccountId, Nonce};
use serde::Serialize;
use std::str::FromStr;

/// Smallest unit of TAO, in decimals.
const TOKEN_DECIMALS: u8 = 9;

/// The node itself.
#[rpc(server)]
pub trait System {
    /// Name of the implementation.
    #[method(name = "system_name")]
    fn name(&self) -> RpcResult<String>;

    /// Version of the implementation.
    #[method(name = "system_version")]
    fn version(&self) -> RpcResult<String>;

    /// Name of the chain.
    #[method(name = "system_chain")]
    fn chain(&self) -> RpcResult<String>;

    /// Kind of the chain.
    #[method(name = "system_chainType")]
    fn chain_type(&self) -> RpcResult<String>;

    /// How wallets show addresses and amounts.
    #[method(name = "system_properties")]
    fn properties(&self) -> RpcResult<Properties>;

    /// Whether the node is well.
    #[method(name = "system_health")]
    fn health(&self) -> RpcResult<Health>;

    /// The node's name on the peer network.
    #[method(name = "system_localPeerId")]
    fn local_peer_id(&self) -> RpcResult<String>;

    /// Where peers reach it.
    #[method(name = "system_localListenAddresses")]
    fn listen_addresses(&self) -> RpcResult<Vec<String>>;

    /// Connected peers.
    #[method(name = "system_peers")]
    fn peers(&self) -> RpcResult<Vec<Peer>>;

    /// Its parts in agreement.
    #[method(name = "system_nodeRoles")]
    fn roles(&self) -> RpcResult<Vec<Role>>;

    /// How far it is.
    #[method(name = "system_syncState")]
    fn sync_state(&self) -> RpcResult<SyncState>;

    /// The nonce of an account's next transaction, counting those in the pool.
    #[method(name = "system_accountNextIndex", aliases = ["account_nextIndex"], blocking)]
    fn account_next_index(&self, account: String) -> RpcResult<Nonce>;
}

/// How wallets show addresses and amounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    ss58_format: u16,
    token_decimals: u8,
    token_symbol: &'static str,
}

/// Whether the node is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    peers: usize,
    is_syncing: bool,
    should_have_peers: bool,
}

pub(crate) struct System(pub(crate) Context);

impl System {
    fn facts(&self) -> &dyn NodeFacts {
        &*self.0.facts
    }
}

impl SystemServer for System {
    fn name(&self) -> RpcResult<String> {
        Ok("Stoa".into())
    }

    fn version(&self) -> RpcResult<String> {
        Ok(env!("CARGO_PKG_VERSION").into())
    }

    fn chain(&self) -> RpcResult<String> {
        Ok(self.facts().chain_name())
    }

    fn chain_type(&self) -> RpcResult<String> {
        let name = self.facts().chain_name().to_lowercase();
        let local = ["dev", "local"].iter().any(|word| name.contains(word));
        Ok(if local { "Local" } else { "Live" }.into())
    }

    fn properties(&self) -> RpcResult<Properties> {
        Ok(Properties {
            ss58_format: runtime::SS58_PREFIX,
            token_decimals: TOKEN_DECIMALS,
            token_symbol: "TAO",
        })
    }

    fn health(&self) -> RpcResult<Health> {
        let sync = self.facts().sync_state();
        Ok(Health {
            peers: self.facts().peers().len(),
            is_syncing: sync.current_block < sync.highest_block,
            should_have_peers: self.facts().should_have_peers(),
        })
    }

    fn local_peer_id(&self) -> RpcResult<String> {
        Ok(self.facts().local_peer_id())
    }

    fn listen_addresses(&self) -> RpcResult<Vec<String>> {
        Ok(self.facts().listen_addresses())
    }

    fn peers(&self) -> RpcResult<Vec<Peer>> {
        Ok(self.facts().peers())
    }

    fn roles(&self) -> RpcResult<Vec<Role>> {
        Ok(vec![self.facts().role()])
    }

    fn sync_state(&self) -> RpcResult<SyncState> {
        Ok(self.facts().sync_state())
    }

    fn account_next_index(&self, account: String) -> RpcResult<Nonce> {
        let account = AccountId::from_str(&account).map_err(|reason| {
            error::invalid_params(format!("{account} is not an account address: {reason}"))
        })?;
        self.0.pool.next_nonce(&account).map_err(error::client)
    }
}
