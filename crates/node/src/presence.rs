//! What a node can say about itself and its peers.

use consensus::{Progress, gossip::Peers};
use rpc::{NodeFacts, Peer, Role, SyncState};

/// A node's place in its network.
pub(crate) struct Presence {
    pub(crate) chain_name: String,
    pub(crate) role: Role,
    /// Its public key, as text.
    pub(crate) identity: String,
    /// Where peers reach it.
    pub(crate) listen: Vec<String>,
    pub(crate) peers: Peers,
    /// How many others take part in agreement.
    pub(crate) others: usize,
    pub(crate) progress: Progress,
    /// Height at which it started.
    pub(crate) started_at: u32,
}

impl NodeFacts for Presence {
    fn chain_name(&self) -> String {
        self.chain_name.clone()
    }

    fn role(&self) -> Role {
        self.role
    }

    fn local_peer_id(&self) -> String {
        self.identity.clone()
    }

    fn listen_addresses(&self) -> Vec<String> {
        self.listen.clone()
    }

    fn peers(&self) -> Vec<Peer> {
        let heights = self.peers.heights().into_iter();
        heights
            .map(|(key, height)| Peer {
                peer_id: consensus::hexadecimal(&key),
                roles: Role::Authority,
                // Peers announce a height; which block it is, finality decides.
                best_hash: ledger::Hash::zero(),
                best_number: height,
            })
            .collect()
    }

    fn should_have_peers(&self) -> bool {
        self.others > 0
    }

    fn sync_state(&self) -> SyncState {
        SyncState {
            starting_block: self.started_at,
            current_block: self.progress.finalized(),
            highest_block: self.progress.known(),
        }
    }
}
