//! The client itself: connecting, blocks and accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::rpc_params;
use primitives::{AccountId, Rao};
use runtime::{Hash, Header, Runtime};
use sp_core::H256;

use crate::connection::{Connection, Patience};
use crate::error::Error;
use crate::heads::{Follow, Head, Heads};
use crate::hexadecimal;
use crate::storage::{State, map};

/// A handle to a node. Clones share one connection.
#[derive(Clone)]
pub struct Client {
    connection: Arc<Connection>,
    /// One lock per signing account of this process, held while an extrinsic enters the pool.
    entrances: Arc<Mutex<HashMap<AccountId, Arc<tokio::sync::Mutex<()>>>>>,
}

/// What an account owns outside of stake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Can be transferred or staked, apart from the existential deposit.
    pub free: Rao,
    /// Held by the chain for a purpose.
    pub reserved: Rao,
}

impl Client {
    /// Connects to `url`, for example `ws://127.0.0.1:9944`, waiting for the node to come up.
    ///
    /// Several addresses of one chain may be given between commas; the next that answers is used when one goes away.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] after the default [`Patience`], [`Error::WrongRuntime`] if the node's version differs.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(url, Patience::default()).await
    }

    /// [`Client::connect`] with other waits.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn connect_with(url: &str, patience: Patience) -> Result<Self, Error> {
        let connection = Arc::new(Connection::new(url.to_string(), patience));
        connection.genesis().await?;
        Ok(Self {
            connection,
            entrances: Arc::default(),
        })
    }

    /// The node's address.
    pub fn url(&self) -> &str {
        self.connection.url()
    }

    /// Hash of the chain's first block: its identity.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn genesis_hash(&self) -> Result<Hash, Error> {
        self.connection.genesis().await.map(H256)
    }

    /// The newest block, which may still be replaced.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn best(&self) -> Result<Head, Error> {
        let header: Header = self
            .connection
            .request("chain_getHeader", ArrayParams::new())
            .await?;
        Ok(Head::from(&header))
    }

    /// The newest block that will stay.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn finalized(&self) -> Result<Head, Error> {
        let hash: Hash = self
            .connection
            .request("chain_getFinalizedHead", ArrayParams::new())
            .await?;
        self.head(hash).await
    }

    /// The head with this hash.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] if the node does not know the block.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn head(&self, hash: Hash) -> Result<Head, Error> {
        let header: Option<Header> = self
            .connection
            .request("chain_getHeader", rpc_params![hash])
            .await?;
        let header = header.ok_or_else(|| Error::Absent {
            what: format!("block {hash:?}"),
        })?;
        Ok(Head::from(&header))
    }

    /// Hash of the best chain's block at a height, `None` above its top.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn block_hash(&self, number: u32) -> Result<Option<Hash>, Error> {
        self.connection
            .request("chain_getBlockHash", rpc_params![number])
            .await
    }

    /// The encoded extrinsics of a block.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] if the node does not know the block.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn body(&self, hash: Hash) -> Result<Vec<Vec<u8>>, Error> {
        let block: Option<SignedBlock> = self
            .connection
            .request("chain_getBlock", rpc_params![hash])
            .await?;
        let block = block.ok_or_else(|| Error::Absent {
            what: format!("block {hash:?}"),
        })?;
        let texts = block.block.extrinsics.iter();
        texts
            .map(|text| hexadecimal::bytes("an extrinsic", text))
            .collect()
    }

    /// Follows the chain from its present head on. The subscription opens with the first [`Heads::next`].
    pub fn follow(&self, follow: Follow) -> Heads {
        Heads::new(self.clone(), follow)
    }

    /// The state after the block `hash`.
    pub fn state(&self, hash: Hash) -> State {
        State::new(self.clone(), hash)
    }

    /// The state after the newest block.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn best_state(&self) -> Result<State, Error> {
        Ok(self.state(self.best().await?.hash))
    }

    /// The state after the newest finalized block.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn finalized_state(&self) -> Result<State, Error> {
        Ok(self.state(self.finalized().await?.hash))
    }

    /// What an account owns now; zero for one that never existed.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn balance(&self, account: &AccountId) -> Result<Balance, Error> {
        let balances = self.balances(&[*account]).await?;
        Ok(balances.first().copied().unwrap_or_default())
    }

    /// What many accounts own now, in the order asked for.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn balances(&self, accounts: &[AccountId]) -> Result<Vec<Balance>, Error> {
        let items: Vec<_> = accounts
            .iter()
            .map(|account| runtime::AccountId::new(account.0))
            .map(map::<frame_system::Account<Runtime>, _, _>)
            .collect();
        let read = self.best_state().await?.read_all(&items).await?;
        let balances = read.into_iter().map(|account| Balance {
            free: Rao(account.data.free),
            reserved: Rao(account.data.reserved),
        });
        Ok(balances.collect())
    }

    /// The nonce of an account's next extrinsic, counting those that wait in the node's pool.
    ///
    /// # Errors
    ///
    /// Those of any request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next_nonce(&self, account: &AccountId) -> Result<u32, Error> {
        self.connection
            .request("account_nextIndex", rpc_params![account.to_string()])
            .await
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The lock that puts one account's submissions in a row.
    pub(crate) fn entrance(&self, account: &AccountId) -> Arc<tokio::sync::Mutex<()>> {
        let mut entrances = self
            .entrances
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        entrances.entry(*account).or_default().clone()
    }
}

#[derive(serde::Deserialize)]
struct SignedBlock {
    block: BlockBody,
}

#[derive(serde::Deserialize)]
struct BlockBody {
    extrinsics: Vec<String>,
}
