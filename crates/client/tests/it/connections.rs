//! Nodes that are late, gone, back, or not the ones they were.

use std::time::Duration;

use client::{Client, Error, Follow, Patience};
use jsonrpsee::server::ServerBuilder;
use serde_json::json;

use crate::node::Node;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_there_is_given_up_after_the_patience() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}", taken.local_addr().expect("an address"));
    drop(taken);
    let patience = Patience {
        connect: Duration::from_millis(200),
        ..Patience::default()
    };
    let error = Client::connect_with(&url, patience)
        .await
        .err()
        .expect("nobody listens");
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(
        error.is_transient() && error.to_string().contains("stoa node"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_late_is_waited_for() {
    let mut node = Node::start().await;
    node.go_away().await;
    let url = node.url();
    let connecting = tokio::spawn(async move { Client::connect(&url).await });
    tokio::task::yield_now().await;
    node.come_back().await;
    let client = connecting
        .await
        .expect("no panic")
        .expect("connected in the end");
    assert_eq!(client.best().await.expect("a head").number, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_heads_go_on_after_the_node_came_back() {
    let mut node = Node::start().await;
    let client = node.client().await;
    let mut heads = client.follow(Follow::Finalized);
    assert_eq!(heads.next().await.expect("a head").number, 0);
    node.go_away().await;
    node.grow();
    node.come_back().await;
    assert_eq!(heads.next().await.expect("a head").number, 1);
    assert_eq!(client.finalized().await.expect("a head").number, 1);
}

/// A gateway or a validator goes on when the authority it was connected to is killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_address_is_used_when_a_node_goes_away() {
    let (mut first, second) = (Node::start().await, Node::start().await);
    second.grow();
    let urls = format!("{}, {}", first.url(), second.url());
    let client = Client::connect(&urls).await.expect("both are there");
    assert_eq!(client.best().await.expect("the first's head").number, 0);
    first.go_away().await;
    assert_eq!(client.best().await.expect("the second's head").number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_chain_at_the_same_address_is_refused() {
    let mut node = Node::start().await;
    let client = node.client().await;
    node.go_away().await;
    let _other = Node::start_at(node.address, 500).await;
    let error = client.best().await.expect_err("another chain");
    assert!(matches!(error, Error::WrongChain { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_version_is_refused_by_name() {
    let node = Node::start().await;
    let mut methods = rpc::module(&node.context);
    methods.remove_method("state_getRuntimeVersion");
    let newer = json!({"specName": "node-subtensor", "specVersion": 4242, "transactionVersion": 1});
    let told = methods.register_method("state_getRuntimeVersion", move |_, (), _| newer.clone());
    told.expect("the name is free");
    let server = ServerBuilder::default()
        .build("127.0.0.1:0")
        .await
        .expect("a server");
    let url = format!("ws://{}", server.local_addr().expect("an address"));
    let _running = server.start(methods);
    let error = Client::connect(&url).await.err().expect("another version");
    assert!(matches!(error, Error::WrongRuntime { .. }), "{error}");
    assert!(error.to_string().contains("node-subtensor 4242"), "{error}");
}
