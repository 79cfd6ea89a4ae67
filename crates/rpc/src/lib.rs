//! Substrate's JSON-RPC over WebSocket and HTTP, so that wallets and libraries work unchanged.
//!
//! One port answers both. Each namespace is one file: its trait lists the methods with their wire names, and its
//! implementation reads the [`ledger`].
//!
//! ```text
//!  btcli, SDKs ──ws/http──▶ server ─▶ chain_*  state_*  author_*  system_*  payment_*  stoa_*
//!                                        │        │        │         │
//!                                      ledger   ledger   pool    NodeFacts
//! ```
//!
//! # What always holds
//!
//! * Only methods that anyone may call are served: none reads a key or changes the node.
//! * Connections, bodies, batches, subscriptions and buffers are bounded by [`Config`]; a subscriber that does not read
//!   misses the blocks in between, never the latest.
//! * Calls that execute or read run on blocking threads, so that a slow one delays no other.
//! * Answers have Substrate's shapes and errors its codes and texts, because clients parse both.

mod author;
mod chain;
mod error;
mod facts;
mod finality;
mod payment;
mod server;
mod state;
mod storage_watch;
mod system;

pub use facts::{NodeFacts, Peer, Role, SyncState};
pub use server::{Config, Error, Server, serve};

use jsonrpsee::RpcModule;
use ledger::pool::Pool;
use ledger::{Hash, Ledger};
use std::sync::Arc;

/// What the methods read.
#[derive(Clone)]
pub struct Context {
    /// Blocks and states.
    pub ledger: Ledger,
    /// Waiting transactions.
    pub pool: Arc<Pool>,
    /// What only the node knows.
    pub facts: Arc<dyn NodeFacts>,
}

impl Context {
    /// The block that a call means when it names none.
    fn at(&self, hash: Option<Hash>) -> Hash {
        hash.unwrap_or_else(|| self.ledger.best().hash)
    }
}

/// All methods, to be served or called directly.
///
/// # Panics
///
/// When two namespaces claim the same name, which a test excludes.
pub fn module(context: &Context) -> RpcModule<()> {
    use author::AuthorServer as _;
    use chain::ChainServer as _;
    use finality::FinalityServer as _;
    use payment::PaymentServer as _;
    use state::StateServer as _;
    use system::SystemServer as _;

    let mut module = RpcModule::new(());
    let parts: [jsonrpsee::Methods; 6] = [
        author::Author(context.clone()).into_rpc().into(),
        chain::Chain(context.clone()).into_rpc().into(),
        finality::Finality(context.clone()).into_rpc().into(),
        payment::Payment(context.clone()).into_rpc().into(),
        state::State(context.clone()).into_rpc().into(),
        system::System(context.clone()).into_rpc().into(),
    ];
    for part in parts {
        module
            .merge(part)
            .expect("method names are distinct across namespaces");
    }
    let mut names: Vec<&'static str> = module.method_names().collect();
    names.push("rpc_methods");
    names.sort_unstable();
    module
        .register_method(
            "rpc_methods",
            move |_, (), _| serde_json::json!({ "methods": names }),
        )
        .expect("no namespace is called rpc");
    module
}
