//! What the RPC must be told by the node, because no block says it.

use ledger::BlockNumber;
use serde::Serialize;

/// The node's own view of its network.
pub trait NodeFacts: Send + Sync + 'static {
    /// Name of the chain, from its genesis description.
    fn chain_name(&self) -> String;

    /// Whether the node takes part in agreement.
    fn role(&self) -> Role;

    /// The node's public key on the peer network, as text.
    fn local_peer_id(&self) -> String;

    /// Addresses on which peers reach it.
    fn listen_addresses(&self) -> Vec<String>;

    /// Peers connected now.
    fn peers(&self) -> Vec<Peer>;

    /// Whether a node of this network should have peers; a lone authority should not.
    fn should_have_peers(&self) -> bool;

    /// How far the node is.
    fn sync_state(&self) -> SyncState;
}

/// A node's part in agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Role {
    /// Proposes and votes.
    Authority,
    /// Follows.
    Full,
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// Its public key, as text.
    pub peer_id: String,
    /// Its part in agreement.
    pub roles: Role,
    /// Hash of the last block it is known to have.
    pub best_hash: ledger::Hash,
    /// Height of that block.
    pub best_number: BlockNumber,
}

/// How far a node is behind its network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncState {
    /// Height at which the node started.
    pub starting_block: BlockNumber,
    /// Height it has reached.
    pub current_block: BlockNumber,
    /// Greatest height it has heard of.
    pub highest_block: BlockNumber,
}
