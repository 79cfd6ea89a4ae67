//! A chain in memory behind the node's JSON-RPC on a socket of the system's choosing, which can go away and come back.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use client::{Client, Patience};
use ledger::pool::{self, Pool};
use ledger::{Ledger, Limits};
use rpc::{Context, NodeFacts, Peer, Role, Server, SyncState};
use runtime::genesis::{GenesisSpec, build};
use tokio::task::JoinHandle;

const START_MS: u64 = 1_700_000_000_000;
const INTERVAL_MS: u64 = 250;

pub struct Node {
    pub context: Context,
    pub address: SocketAddr,
    server: Option<Server>,
}

struct Facts;

impl NodeFacts for Facts {
    fn chain_name(&self) -> String {
        "test".into()
    }
    fn role(&self) -> Role {
        Role::Authority
    }
    fn local_peer_id(&self) -> String {
        String::new()
    }
    fn listen_addresses(&self) -> Vec<String> {
        vec![]
    }
    fn peers(&self) -> Vec<Peer> {
        vec![]
    }
    fn should_have_peers(&self) -> bool {
        false
    }
    fn sync_state(&self) -> SyncState {
        SyncState::default()
    }
}

impl Node {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), INTERVAL_MS).await
    }

    /// Chains of different intervals have different genesis blocks.
    pub async fn start_at(address: SocketAddr, interval_ms: u64) -> Self {
        let genesis = build(&GenesisSpec::development(interval_ms)).expect("a genesis");
        let ledger = Ledger::open(ledger::Config::in_memory(), genesis).expect("a ledger");
        let pool = Arc::new(Pool::new(ledger.clone(), pool::Config::default()));
        let context = Context {
            ledger,
            pool,
            facts: Arc::new(Facts),
        };
        let mut node = Self {
            context,
            address,
            server: None,
        };
        node.come_back().await;
        node
    }

    /// Closes the socket and all connections; the chain stays.
    pub async fn go_away(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
            server.stopped().await;
        }
    }

    /// Listens again at the same address.
    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).expect("the address is free");
        let server = rpc::serve(listener, rpc::Config::default(), &self.context).await;
        let server = server.expect("a server");
        self.address = server.address();
        self.server = Some(server);
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub async fn client(&self) -> Client {
        let patience = Patience {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(5),
            inclusion: Duration::from_secs(20),
        };
        Client::connect_with(&self.url(), patience)
            .await
            .expect("the node is there")
    }

    /// Builds a block of what is ready and makes it final.
    pub fn grow(&self) {
        grow(&self.context);
    }

    /// Grows the chain whenever something waits in the pool, until the handle is aborted.
    pub fn keep_growing(&self) -> JoinHandle<()> {
        let context = self.context.clone();
        tokio::spawn(async move {
            loop {
                if !context.pool.ready().is_empty() {
                    grow(&context);
                }
                tokio::task::yield_now().await;
            }
        })
    }

    /// Waits until so many transactions are ready.
    pub async fn until_ready(&self, count: usize) {
        while self.context.pool.ready().len() < count {
            tokio::task::yield_now().await;
        }
    }
}

fn grow(context: &Context) {
    let Context { ledger, pool, .. } = context;
    let parent = ledger.best();
    let time = START_MS + u64::from(parent.number + 1) * INTERVAL_MS;
    let limits = Limits::default();
    let built = ledger.build(parent.hash, time, vec![], pool.ready(), limits, || true);
    let built = built.expect("a block");
    ledger.set_best(built.hash).expect("the new block is best");
    ledger
        .finalize(built.hash, vec![1])
        .expect("the new block is final");
    pool.maintain().expect("the pool follows");
}
